//! What is said before anything is measured, and where it cannot be.

use std::time::Duration;

use indicatif::HumanDuration;

use super::super::bytes;
use super::super::program::Failed;
use super::Measuring;
use crate::cli::error::CliError;
use crate::tune::{Budget, Short, Spent};

impl Measuring<'_> {
    /// Says what will be done and what it may cost.
    pub(super) fn announce(&self) {
        let (size, budget) = (self.task.size, &self.task.budget);
        let least = Budget::uploads_min(self.candidates_max);
        let most = budget.uploads_max(self.candidates_max);
        let entries = self.race.entries().len();
        let later = match self.candidates_max - entries {
            0 => String::new(),
            later => format!(", then up to {later} combinations of the best"),
        };
        self.console.note(&format!(
            "measuring {entries} candidates, the baseline included{later}\n  {} ({}) goes to {}\n  \
             a warm-up and 2 to {} rounds: {least} to {most} uploads, {} to {}; at most {} and {}",
            self.task.source,
            bytes(size),
            self.program.destination,
            budget.rounds,
            bytes(size.saturating_mul(least)),
            bytes(size.saturating_mul(most)),
            HumanDuration(budget.time),
            bytes(budget.bytes),
        ));
    }

    /// Whether the budget pays for two rounds of uploads that cost `each`.
    pub(super) fn expect_budget(&self, each: Spent) -> Result<(), CliError> {
        let Err(short) = self.task.budget.check(each, self.candidates_max) else { return Ok(()) };
        let Short { needed, candidates } = short;
        let fits = match candidates {
            0 | 1 => "it pays for no comparison at all".to_owned(),
            fit => format!("it pays for {fit} candidates, the baseline included: sweep less"),
        };
        let budget = &self.task.budget;
        let time = (needed.time > budget.time)
            .then(|| format!("--max-time {}s", needed.time.as_secs() + 1));
        let more = (needed.bytes > budget.bytes).then(|| format!("--max-bytes {}", needed.bytes));
        let flags = [time, more].into_iter().flatten().collect::<Vec<_>>().join(" ");
        // Before the first upload nobody knows how long one takes.
        let time = match needed.time {
            Duration::ZERO => String::new(),
            time => format!(" and {}", HumanDuration(time)),
        };
        Err(CliError::Usage {
            what: format!(
                "the budget does not pay for two rounds of {} candidates: that is {}{time}",
                self.candidates_max,
                bytes(needed.bytes),
            ),
            hint: format!("{fits}; or type {flags}, or upload a smaller file"),
        })
    }

    /// The error where every setting to try was refused.
    pub(super) fn nothing_to_compare(&self) -> CliError {
        let reason = self.reasons.iter().flatten().next();
        CliError::Usage {
            what: "none of the settings to try is possible".to_owned(),
            hint: reason.map(|failed| failed.in_short().to_owned()).unwrap_or_default(),
        }
    }

    /// Where every upload failed, their reason is ours.
    pub(super) fn expect_something(&self) -> Result<(), CliError> {
        let entries = self.race.entries();
        if self.interrupts.first().is_some() || entries.iter().any(|e| !e.samples.is_empty()) {
            return Ok(());
        }
        let mut failed = entries.iter().zip(&self.reasons).filter(|(entry, _)| entry.failures > 0);
        match failed.find_map(|(_, reason)| reason.as_ref()) {
            Some(failed) => Err(ended("every upload failed", failed)),
            None => Ok(()),
        }
    }
}

/// A failure of the program as our own end.
pub(super) fn ended(what: &str, failed: &Failed) -> CliError {
    CliError::Measuring {
        what: format!("{what}: {}", failed.message),
        hint: failed.hint.clone(),
        code: failed.code,
    }
}
