//! `curlift uploads abort`: frees the parts of unfinished uploads.

use super::ownership::{Ownership, Ownerships};
use super::sum::Sum;
use super::table::{counted, stored};
use super::told::{self, Freed, Summary, rounded};
use super::verdicts::{Failures, line, object};
use super::{Caller, Task, by_manifest};
use crate::cli::Surroundings;
use crate::cli::args::AbortArgs;
use crate::cli::console::Console;
use crate::cli::cost::dollars;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::upload::{
    Aborted, Aborting, CallsOutcome, Failure, Listed, ListingFault, Reason, Unfinished,
};

/// Aborts, and gives the exit code: 0 where nothing of the selection is left.
pub(super) fn run(
    args: &AbortArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    if by_manifest::is_named(args) {
        return by_manifest::run(args, console, surroundings);
    }
    expect_selection(args)?;
    let (task, store, address) = Task::prepare(&args.selection, console, surroundings)?;
    let mut caller = task.caller(store, &address, &args.selection)?;
    match task.list(&mut caller)? {
        Some(listed) => free(&task, &mut caller, listed, args.dry_run),
        None => Ok(stopped(&task)),
    }
}

/// Nothing was aborted, for the user stopped it.
pub(super) fn stopped(task: &Task<'_>) -> ExitStatus {
    let summary = Summary::of_nothing(&task.place.object);
    task.console.event(&Summary { outcome: "interrupted", ..summary });
    task.stopped("nothing was aborted")
}

/// Aborts what was listed, and tells what became of it.
pub(super) fn free(
    task: &Task<'_>,
    caller: &mut Caller<'_>,
    listed: Listed,
    dry_run: bool,
) -> Result<ExitStatus, CliError> {
    if let Some((failure, count)) = &listed.unknown {
        let what = format!("what lies in {} is not known", counted(*count, "upload"));
        task.console.note(&format!("{what}: {}", crate::cli::explain::reason(failure)));
    }
    let out_of_reach = out_of_reach(&listed);
    let work = Work::new(task, listed);
    let (work, outcome) = match out_of_reach {
        _ if dry_run => (work, None),
        Some(failure) => (work, Some(CallsOutcome::GaveUp(failure))),
        None => {
            let (outcome, work) = work.carry_out(caller)?;
            (work, Some(outcome))
        }
    };
    Ok(work.tell(task, caller, outcome.as_ref()))
}

/// Why nothing more needs to be tried.
fn out_of_reach(listed: &Listed) -> Option<Failure> {
    match &listed.fault {
        Some(ListingFault::Failed(failure))
            if matches!(failure.gave_up, Some(Reason::NoProgress(_))) =>
        {
            Some(failure.clone())
        }
        _ => None,
    }
}

/// Aborting everything is nothing to be typed by accident.
fn expect_selection(args: &AbortArgs) -> Result<(), CliError> {
    let selection = &args.selection;
    if args.all || selection.older_than.is_some() || !selection.upload_id.is_empty() {
        return Ok(());
    }
    let address = &selection.address;
    Err(CliError::Usage {
        what: "which uploads? Without an age, uploads that somebody is sending right now would be \
               aborted too"
            .to_owned(),
        hint: format!(
            "type: curlift uploads abort {address} --older-than 24h, or --upload-id ID for one, \
             or --all for every one of them"
        ),
    })
}

/// The uploads of the selection, and what becomes of each.
struct Work {
    listed: Listed,
    /// Those that a process on this machine is sending: left alone.
    live: Vec<Unfinished>,
    uploads: Vec<(Unfinished, Ownership, Aborted)>,
}

impl Work {
    fn new(task: &Task<'_>, mut listed: Listed) -> Work {
        let ownerships = Ownerships::of_this_machine(&task.surroundings.environment, task.console);
        let (mut live, mut uploads) = (Vec::new(), Vec::new());
        for upload in std::mem::take(&mut listed.uploads) {
            match task.ownership(&ownerships, &upload) {
                Ownership::OursLive => live.push(upload),
                ownership => uploads.push((upload, ownership, Aborted::Not)),
            }
        }
        Work { listed, live, uploads }
    }

    fn carry_out(mut self, caller: &mut Caller<'_>) -> Result<(CallsOutcome, Work), CliError> {
        let uploads = self.uploads.iter().map(|(upload, ..)| upload.clone()).collect();
        let (outcome, script) = caller.carry_out(Aborting::new(uploads))?;
        for (ours, (_, aborted)) in self.uploads.iter_mut().zip(script.into_uploads()) {
            ours.2 = aborted;
        }
        Ok((outcome, self))
    }

    fn sum(&self, which: impl Fn(&Aborted) -> bool) -> Sum {
        let uploads = self.uploads.iter().filter(|(_, _, aborted)| which(aborted));
        Sum::of(uploads.map(|(upload, ..)| upload))
    }

    /// Tells what became of each and of all; `outcome` is `None` where nothing was to be done.
    fn tell(
        &self,
        task: &Task<'_>,
        caller: &Caller<'_>,
        outcome: Option<&CallsOutcome>,
    ) -> ExitStatus {
        let is_dry = outcome.is_none();
        let live = self.tell_live(task);
        let mut status = task.tell_gaps(&self.listed, caller).or(live);
        let mut failures = Failures::default();
        for (upload, ownership, aborted) in &self.uploads {
            let result = if is_dry { "selected" } else { name(aborted) };
            task.console.event(&told::Upload::new(upload, *ownership, task.price, Some(result)));
            if is_dry {
                task.console.result(&line(task, "would abort", upload));
            } else {
                status = status.or(failures.tell(task, caller, upload, aborted));
            }
        }
        failures.tell_others(task);
        let stopped = outcome == Some(&CallsOutcome::Stopped);
        if let Some(CallsOutcome::GaveUp(_)) = outcome {
            status = status.or(Some(ExitStatus::GaveUp));
        }
        self.tell_all(task, is_dry);
        let status = if stopped {
            let left = self.sum(|aborted| *aborted != Aborted::Gone).uploads;
            task.stopped(&format!("{} left", counted(left, "upload")))
        } else {
            status.unwrap_or(ExitStatus::Success)
        };
        let outcome = match status {
            _ if stopped => "interrupted",
            ExitStatus::Success if is_dry => "dry_run",
            ExitStatus::Success => "aborted",
            _ => "failed",
        };
        self.summarise(task, caller, outcome, status);
        status
    }

    /// Tells what is left alone; the exit code where that had been asked for by its id.
    fn tell_live(&self, task: &Task<'_>) -> Option<ExitStatus> {
        let mut status = None;
        for upload in &self.live {
            let what = format!(
                "{}: left alone, for a curlift on this machine is sending it (upload {})",
                object(task, upload),
                upload.upload_id
            );
            let told = told::Upload::new(upload, Ownership::OursLive, task.price, Some("live"));
            task.console.event(&told);
            if task.selection.upload_ids.contains(&upload.upload_id) {
                let hint = "stop that with Ctrl-C: it frees its parts itself".to_owned();
                status = Some(task.tell(&what, Some(hint), ExitStatus::GaveUp));
            } else {
                task.console.note(&what);
            }
        }
        status
    }

    fn tell_all(&self, task: &Task<'_>, is_dry: bool) {
        if self.uploads.is_empty() && self.listed.fault.is_some() {
            return;
        }
        let gone = self.sum(|aborted| *aborted == Aborted::Gone);
        let sum = if is_dry { self.sum(|_| true) } else { gone };
        let saved = dollars(task.price.of(sum.bytes));
        let text = match (is_dry, self.uploads.is_empty()) {
            (_, true) => format!("{}: nothing to abort", task.selected()),
            (true, _) => {
                format!("would abort {} and save {saved} a month {}", stored(&sum), named(task))
            }
            (false, _) => {
                format!("aborted {}; saves {saved} a month {}", stored(&sum), named(task))
            }
        };
        task.console.result(&text);
    }

    fn summarise(
        &self,
        task: &Task<'_>,
        caller: &Caller<'_>,
        outcome: &'static str,
        status: ExitStatus,
    ) {
        let gone = self.sum(|aborted| *aborted == Aborted::Gone);
        let live = self.live.len() as u64;
        let all = Sum::of(self.uploads.iter().map(|(upload, ..)| upload).chain(&self.live));
        let freed = Freed {
            uploads: gone.uploads,
            bytes: gone.bytes,
            cost_per_month_usd: rounded(task.price.of(gone.bytes)),
            left: all.uploads - gone.uploads,
            live,
        };
        let summary = Summary::new(outcome, &task.place.object, &all, task.price, caller.cost());
        task.console.event(&Summary {
            others: self.listed.others,
            freed: Some(freed),
            exit_code: Some(status.code()),
            ..summary
        });
    }
}

fn named(task: &Task<'_>) -> String {
    task.price.named()
}

/// As it stands in `--json`.
fn name(aborted: &Aborted) -> &'static str {
    match aborted {
        Aborted::Not => "not_reached",
        Aborted::Gone => "aborted",
        Aborted::Unconfirmed(_) => "unconfirmed",
        Aborted::StillFed(_) => "still_fed",
        Aborted::Failed(_) => "failed",
    }
}
