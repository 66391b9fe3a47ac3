//! `curlift experiment`: shows by measuring why uploads fail.

mod cell;
mod children;
mod clients;
mod curlift;
mod measuring;
mod page;
mod python;
mod table;
mod told;
mod words;

use std::time::Duration;

use indicatif::HumanDuration;
use tempfile::TempDir;

use self::children::Children;
use self::clients::Clients;
use self::measuring::Measuring;
use super::generated::generated;
use super::result_file::ResultFile;
use crate::cli::args::{ExperimentCommand, PresignedExpiryArgs};
use crate::cli::console::{Console, now};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::signals::Interrupts;
use crate::experiment::{
    Cell, Design, DesignError, Outcome, Verdict, Wanted, duration, fit, forecast,
};

/// Measures and tells; with `--json` an error is a line too.
pub(super) fn run(command: &ExperimentCommand, console: &Console) -> Result<ExitStatus, CliError> {
    let ExperimentCommand::PresignedExpiry(args) = command;
    presigned_expiry(args, console)
        .inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

fn presigned_expiry(args: &PresignedExpiryArgs, console: &Console) -> Result<ExitStatus, CliError> {
    // What was typed is judged before anything is looked for.
    let wanted = args.wanted();
    let all = crate::experiment::Client::ALL.to_vec();
    Design::new(Wanted { clients: all, ..wanted.clone() }).map_err(|error| refused(&error))?;
    let interrupts = Interrupts::listen()?;
    let folder = TempDir::with_prefix("curlift-experiment-");
    let folder =
        folder.map_err(|error| CliError::System { doing: "cannot make a folder", error })?;
    let html = args.html.as_deref().map(ResultFile::begin).transpose()?;
    let (clients, kinds) = Clients::find(args, folder.path(), console)?;
    let design =
        Design::new(Wanted { clients: kinds, ..wanted }).map_err(|error| refused(&error))?;
    let file = generated(folder.path(), design.size(), 0, &interrupts);
    let file = file.map_err(|error| match interrupts.first() {
        None => error,
        signal => CliError::Stopped { what: "nothing was measured".to_owned(), signal },
    })?;
    announce(&design, console);
    let began = now();
    let measuring = Measuring {
        design: &design,
        clients: &clients,
        file: &file,
        children: Children::stopped_by(&interrupts),
        console,
    };
    let outcomes = measuring.run()?;
    let is_whole = outcomes.len() == design.cells().count();
    let elapsed = began.elapsed();
    let found = Found { verdict: fit(&design, &outcomes), design, outcomes, elapsed, is_whole };
    if found.outcomes.is_empty() {
        console.note("stopped before anything was measured");
    } else {
        console.result(&table::text(&found));
    }
    console.event(&told::summary(&found));
    if let Some(file) = html.filter(|_| !found.outcomes.is_empty()) {
        file.finish(&page::html(&found), console)?;
    }
    Ok(interrupts.first().map_or(ExitStatus::Success, ExitStatus::of_signal))
}

/// Everything that was found out.
struct Found {
    design: Design,
    outcomes: Vec<Outcome>,
    verdict: Verdict,
    elapsed: Duration,
    /// Whether all cells were measured.
    is_whole: bool,
}

impl Found {
    /// What became of a cell, where it was measured.
    fn outcome(&self, cell: &Cell) -> Option<&Outcome> {
        self.outcomes.iter().find(|outcome| outcome.cell == *cell)
    }

    /// How many of a cell must fail by the arithmetic.
    fn must_fail(&self, cell: &Cell) -> u32 {
        forecast(cell.behaviour, cell.client, &self.design.setting(cell)).failing
    }
}

/// How long all cells take, each beside others.
fn expected(design: &Design) -> Duration {
    let cells: Vec<(u32, Duration)> = design
        .cells()
        .map(|cell| {
            let takes = forecast(cell.behaviour, cell.client, &design.setting(&cell)).takes;
            (cell.users, takes + cell::OVERHEAD)
        })
        .collect();
    duration(&cells)
}

fn announce(design: &Design, console: &Console) {
    let cells = design.cells().count();
    let uploads: u32 = design.cells().map(|cell| cell.users).sum();
    console.note(&format!(
        "{cells} cells, {uploads} uploads, several cells at a time: about {}; Ctrl-C prints what \
         there is by then",
        HumanDuration(expected(design))
    ));
    console.note(&words::scale(design));
    if design.wanted().behaviours.iter().any(|behaviour| behaviour.has_pool())
        && design.wanted().users.iter().all(|users| *users <= design.wanted().pool)
    {
        console.warn(&format!(
            "nobody waits in a pool of {}: type a smaller --pool, or more --users",
            design.wanted().pool
        ));
    }
}

fn refused(error: &DesignError) -> CliError {
    let hint = match error {
        DesignError::Nothing(_) | DesignError::Nobody(_) => {
            "type whole numbers from 1, such as --users 1,5 --pool 4".to_owned()
        }
        DesignError::TooManyUsers(_) => "type 64 at most; eight show it well".to_owned(),
        DesignError::TooSmall { .. } => "type a larger --size, or a larger --scale".to_owned(),
        DesignError::TooLarge(_) => "type a smaller --size, or a smaller --scale".to_owned(),
        DesignError::Scale(_) => {
            "type --scale 1 for no scaling, --scale 0.1 for a tenth".to_owned()
        }
        DesignError::TooShort { .. } => {
            "type a longer --ttl, or a larger --scale: --scale 1 measures it as it is".to_owned()
        }
        DesignError::NotWhole { .. } => {
            "type a --ttl that stays whole, such as 10s at --scale 0.1, or --scale 1".to_owned()
        }
        DesignError::TooLong(_) => "type 7d at most".to_owned(),
    };
    CliError::Usage { what: error.to_string(), hint }
}
