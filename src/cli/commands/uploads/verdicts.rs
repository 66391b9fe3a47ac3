//! What became of one upload that was to be aborted, as it is told.

use std::collections::BTreeMap;

use super::table::counted;
use super::{Caller, Task};
use crate::cli::exit::ExitStatus;
use crate::cli::place::Place;
use crate::cli::report;
use crate::s3::Key;
use crate::upload::{Aborted, Failure, Unfinished};

/// Errors told so far: of those that are alike the first is told, the others are counted.
#[derive(Default)]
pub(super) struct Failures {
    alike: BTreeMap<(&'static str, String), u64>,
}

impl Failures {
    /// Tells what became of one upload; the exit code where it may be left.
    pub(super) fn tell(
        &mut self,
        task: &Task<'_>,
        caller: &Caller<'_>,
        upload: &Unfinished,
        aborted: &Aborted,
    ) -> Option<ExitStatus> {
        let object = object(task, upload);
        match aborted {
            Aborted::Not => None,
            Aborted::Gone => {
                task.console.result(&line(task, "aborted", upload));
                None
            }
            Aborted::Failed(failure) => {
                let key = Key::listed(&upload.key).to_string();
                let place = Place { object, key, ..task.place.clone() };
                Some(self.first(failure, || {
                    task.tell_failure(failure, caller, Some(&place));
                }))
            }
            Aborted::Unconfirmed(failure) => Some(self.first(failure, || {
                let what = format!(
                    "{object} was aborted (upload {}), and whether it is gone could not be seen",
                    upload.upload_id
                );
                task.tell_unknown(&what, failure, caller);
            })),
            Aborted::StillFed(left) => {
                let what = format!(
                    "{object} is being uploaded: {} landed behind every abort (upload {})",
                    counted(left.parts, "part"),
                    upload.upload_id
                );
                let hint = "stop whoever is sending it, and type the same line again".to_owned();
                Some(task.tell(&what, Some(hint), ExitStatus::GaveUp))
            }
        }
    }

    fn first(&mut self, failure: &Failure, tell: impl FnOnce()) -> ExitStatus {
        let code = failure.s3_code().unwrap_or(failure.symptom.as_str()).to_owned();
        let count = self.alike.entry((failure.operation, code)).or_default();
        *count += 1;
        if *count == 1 {
            tell();
        }
        ExitStatus::of_failure(failure)
    }

    /// How many there were beside those that were told.
    pub(super) fn tell_others(&self, task: &Task<'_>) {
        for ((operation, code), count) in self.alike.iter().filter(|(_, count)| **count > 1) {
            let others = counted(count - 1, "upload");
            let what = format!("{operation} of {others} more failed alike: {code}");
            report::tell_error(task.console, &what, None, Some("--json names each of them"));
        }
    }
}

/// What happens to one upload, in a line.
pub(super) fn line(task: &Task<'_>, what: &str, upload: &Unfinished) -> String {
    let size = upload.stored.map_or_else(
        || "of unknown size".to_owned(),
        |stored| indicatif::HumanBytes(stored.bytes).to_string(),
    );
    format!("{what} {} ({size}, upload {})", object(task, upload), upload.upload_id)
}

/// The object it would become, fit for a line.
pub(super) fn object(task: &Task<'_>, upload: &Unfinished) -> String {
    format!("s3://{}/{}", task.place.bucket, Key::listed(&upload.key))
}
