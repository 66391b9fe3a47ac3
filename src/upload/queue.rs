//! Jobs that wait for their time: retries, and questions asked again after a while.

use std::collections::BTreeMap;

use super::Failure;
use crate::s3::PartNumber;
use crate::time::Time;

/// What a transfer wants done; each becomes one S3 operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Job {
    /// `PutObject`.
    Put,
    /// `CreateMultipartUpload`.
    Create,
    /// `UploadPart`.
    Part(PartNumber),
    /// `CompleteMultipartUpload`.
    Complete,
    /// `HeadObject`, to compare.
    Head,
    /// `AbortMultipartUpload`.
    Abort,
    /// `ListParts`, to see that an aborted upload is gone.
    Confirm,
}

/// A job that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) job: Job,
    /// Why it is tried again; `None` for a first attempt.
    pub(super) failure: Option<Failure>,
}

/// Jobs by the time at which they are due; first come first served within one moment.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: BTreeMap<(Time, u64), Waiting>,
    sequence: u64,
}

impl Queue {
    pub(super) fn push(&mut self, due: Time, waiting: Waiting) {
        self.waiting.insert((due, self.sequence), waiting);
        self.sequence += 1;
    }

    /// The first job that is due.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Waiting> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes out the retries of jobs that `unwanted` names; all others keep their time.
    pub(super) fn take_retries(&mut self, unwanted: impl Fn(Job) -> bool) -> Vec<(Job, Failure)> {
        let taken: Vec<_> = self
            .waiting
            .extract_if(.., |_, waiting| waiting.failure.is_some() && unwanted(waiting.job))
            .collect();
        taken.into_iter().filter_map(|(_, waiting)| Some((waiting.job, waiting.failure?))).collect()
    }
}
