//! The measuring: what the race asks for, done.

mod said;

use std::time::{Duration, Instant};

use indicatif::HumanDuration;

use self::said::ended;
use super::found::Found;
use super::program::{Failed, Program, Ran};
use super::{Task, bytes, names};
use crate::cli::console::{Console, now};
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::signals::Interrupts;
use crate::tune::{Candidate, Design, End, Goal, Race, Sample, Spent, Step, Sweep, rank};

/// A measurement under way.
pub(super) struct Measuring<'a> {
    task: &'a Task,
    program: &'a Program,
    console: &'a Console,
    interrupts: &'a Interrupts,
    race: Race,
    /// Why each entry was refused or failed last; as many as were checked.
    reasons: Vec<Option<Failed>>,
    began: Instant,
    uploads: u32,
    bytes: u64,
    may_have_parts: bool,
    /// Whether any candidate sends the file in parts.
    has_parts: bool,
    candidates_max: usize,
    end: Option<End>,
}

impl<'a> Measuring<'a> {
    /// Nothing has been sent yet.
    pub(super) fn new(
        task: &'a Task,
        design: Design,
        program: &'a Program,
        console: &'a Console,
        interrupts: &'a Interrupts,
    ) -> Measuring<'a> {
        Measuring {
            candidates_max: design.candidates_max(),
            race: Race::new(design, task.goal, task.budget, task.seed),
            task,
            program,
            console,
            interrupts,
            reasons: Vec::new(),
            began: now(),
            uploads: 0,
            bytes: 0,
            may_have_parts: false,
            has_parts: false,
            end: None,
        }
    }

    /// Measures until the race ends, the budget is used up or the user stops it.
    ///
    /// # Errors
    /// Nothing could be measured, and why.
    pub(super) fn run(&mut self) -> Result<(), CliError> {
        self.expect_budget(Spent { time: Duration::ZERO, bytes: self.task.size })?;
        self.announce();
        for index in 0..self.race.entries().len() {
            self.check(index)?;
        }
        if self.race.entries().iter().skip(1).all(|entry| !entry.is_racing()) {
            return Err(self.nothing_to_compare());
        }
        let of_parts = |sweep: &&Sweep| ["concurrency", "part_size"].contains(&sweep.name.as_str());
        if let Some(sweep) = self.task.sweeps.iter().find(of_parts).filter(|_| !self.has_parts) {
            self.console.warn(&format!(
                "the file goes in one request, where {} makes no difference: upload a larger one",
                sweep.name
            ));
        }
        if !self.warm_up()? {
            return Ok(());
        }
        let mut progress = Progress::new(self.console);
        let mut round = 0;
        loop {
            let step = self.race.next(self.spent());
            if self.race.round() > round && round > 0 {
                self.tell_round(round);
            }
            round = self.race.round();
            let index = match step {
                Step::Measure(index) => index,
                Step::End(end) => {
                    self.end = Some(end);
                    break;
                }
            };
            // Combinations join later.
            if index >= self.reasons.len() {
                for joined in self.reasons.len()..self.race.entries().len() {
                    self.check(joined)?;
                }
            }
            if !self.race.entries()[index].is_racing() {
                continue;
            }
            if !self.measure(index)? {
                break;
            }
            progress.show_measured(self.bytes, self.bytes_expected(), &self.so_far());
        }
        self.expect_something()
    }

    /// What was found out, as far as it went.
    pub(super) fn found(self) -> Found {
        let ranking = rank(self.race.entries(), self.task.goal);
        Found {
            ranking,
            entries: self.race.entries().to_vec(),
            reasons: self.reasons,
            goal: self.task.goal,
            sweeps: self.task.sweeps.clone(),
            size: self.task.size,
            source: self.task.source.clone(),
            destination: self.program.destination.clone(),
            rounds: self.race.round(),
            uploads: self.uploads,
            bytes: self.bytes,
            elapsed: now().duration_since(self.began),
            may_have_parts: self.may_have_parts,
            end: self.end,
        }
    }

    fn spent(&self) -> Spent {
        Spent { time: now().duration_since(self.began), bytes: self.bytes }
    }

    /// Whether `cp` takes an entry's settings; the baseline's must be.
    fn check(&mut self, index: usize) -> Result<(), CliError> {
        let candidate = &self.race.entries()[index].candidate;
        let planned = self.program.plan(&names::flags(candidate))?;
        self.has_parts |= planned.as_ref().is_ok_and(|planned| planned.in_parts);
        let refusal = planned.err();
        if let Some(failed) = &refusal {
            if candidate.is_baseline() {
                return Err(ended("nothing can be uploaded", failed));
            }
            self.console.warn(&format!("{candidate} is left out: {}", failed.in_short()));
            self.race.refused(index);
        }
        self.reasons.push(refusal);
        Ok(())
    }

    /// Uploads once without counting it, and reckons from it whether the time will do. False where
    /// the user stopped it.
    fn warm_up(&mut self) -> Result<bool, CliError> {
        let began = now();
        let baseline = Candidate::default();
        match self.upload(&baseline)? {
            Ran::Stopped => return Ok(false),
            Ran::OutOfTime => {
                return Err(CliError::Usage {
                    what: format!(
                        "the first upload alone takes longer than {}",
                        HumanDuration(self.task.budget.time)
                    ),
                    hint: "type a longer --max-time, or a smaller file".to_owned(),
                });
            }
            // With other settings it may do better.
            Ran::Failed(failed) if failed.code == GAVE_UP => {
                self.console.warn(&format!("the warm-up failed: {}", failed.in_short()));
                return Ok(true);
            }
            Ran::Failed(failed) => return Err(ended("the first upload failed", &failed)),
            Ran::Uploaded(sample) => {
                if self.task.goal == Goal::Memory && sample.memory_peak_bytes.is_none() {
                    return Err(CliError::Usage {
                        what: "this system does not tell the peak of memory".to_owned(),
                        hint: "type --by throughput or --by cpu".to_owned(),
                    });
                }
                self.tell(&baseline, 0, &sample);
                if sample.elapsed_s < SHORT_S {
                    self.console.note(&format!(
                        "an upload takes {:.0} ms only, most of which is its beginning: a larger \
                         file tells more",
                        sample.elapsed_s * 1000.0
                    ));
                }
            }
        }
        let each = Spent { time: now().duration_since(began), bytes: self.task.size };
        self.expect_budget(each)?;
        let uploads = self.task.budget.uploads_max(self.candidates_max);
        let all = each.time.saturating_mul(u32::try_from(uploads).unwrap_or(u32::MAX));
        self.console.note(&format!(
            "an upload takes about {:.1} s, all of them about {}",
            each.time.as_secs_f64(),
            HumanDuration(all.min(self.task.budget.time)),
        ));
        Ok(true)
    }

    /// Measures an entry once. False where the user stopped it, or its time was over.
    fn measure(&mut self, index: usize) -> Result<bool, CliError> {
        let candidate = self.race.entries()[index].candidate.clone();
        match self.upload(&candidate)? {
            Ran::Uploaded(sample) => {
                self.tell(&candidate, self.race.round(), &sample);
                self.race.measured(index, Some(sample));
            }
            Ran::Failed(failed) => {
                self.console.note(&format!("{candidate} failed: {}", failed.in_short()));
                self.console.event(&super::told::failure(&candidate, self.race.round(), &failed));
                self.reasons[index] = Some(failed);
                self.race.measured(index, None);
            }
            Ran::OutOfTime => self.end = Some(End::Budget),
            Ran::Stopped => return Ok(false),
        }
        Ok(self.end.is_none())
    }

    fn upload(&mut self, candidate: &Candidate) -> Result<Ran, CliError> {
        let left = self.task.budget.time.saturating_sub(now().duration_since(self.began));
        let ran = self.program.upload(&names::flags(candidate), left, self.interrupts)?;
        self.uploads += 1;
        self.bytes += self.task.size;
        self.may_have_parts |= !matches!(ran, Ran::Uploaded(_));
        Ok(ran)
    }

    fn tell(&self, candidate: &Candidate, round: u32, sample: &Sample) {
        self.console.event(&super::told::measurement(candidate, round, sample));
    }

    /// One line at the end of a round.
    fn tell_round(&self, round: u32) {
        let racing = self.race.entries().iter().filter(|entry| entry.is_racing()).count();
        self.console.note(&format!("round {round}: {}, {racing} still racing", self.so_far()));
    }

    /// Who is ahead.
    fn so_far(&self) -> String {
        let entries = self.race.entries();
        let first = &entries[rank(entries, self.task.goal).order[0]];
        let ahead = first.spread(Sample::throughput).map_or_else(String::new, |rate| {
            format!("ahead: {} with {}/s", first.candidate, bytes(rate.median as u64))
        });
        if ahead.is_empty() { "nothing uploaded yet".to_owned() } else { ahead }
    }

    fn bytes_expected(&self) -> u64 {
        let uploads = self.task.budget.uploads_max(self.race.entries().len());
        uploads.saturating_mul(self.task.size).min(self.task.budget.bytes).max(self.bytes)
    }
}

/// The code of an upload that gave up on the network or the store.
const GAVE_UP: u8 = crate::cli::exit::ExitStatus::GaveUp as u8;

/// Uploads shorter than this tell little, seconds.
const SHORT_S: f64 = 0.2;
