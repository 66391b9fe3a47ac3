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
    /// `ListParts`, to find parts that are not what they should be.
    Reread,
    /// `ListMultipartUploads`, for uploads whose creation was not answered.
    Search,
    /// `ListParts` of one that was found.
    Inspect,
    /// `AbortMultipartUpload` of one that was found.
    Discard,
}

/// A job that waits.
#[derive(Debug)]
pub(super) struct Waiting<J> {
    pub(super) job: J,
    /// What it is tried again after; `None` for a first attempt.
    pub(super) before: Option<Before>,
}

/// The attempt before.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) failure: Failure,
    /// Whether it counts.
    pub(super) counts: bool,
    /// Attempts that the retry policy has judged so far, whether they count or not.
    pub(super) judged: u32,
    /// How often in a row it was refused as expired.
    pub(super) expired: u32,
    /// Since when this job's attempts have not counted.
    pub(super) stuck_since: Option<Time>,
    /// What the retry took from the quota.
    pub(super) cost: u32,
}

/// Jobs by the time at which they are due; first come first served within one moment.
#[derive(Debug)]
pub(super) struct Queue<J> {
    waiting: BTreeMap<(Time, u64), Waiting<J>>,
    sequence: u64,
}

impl<J> Queue<J> {
    pub(super) fn new() -> Queue<J> {
        Queue { waiting: BTreeMap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, due: Time, waiting: Waiting<J>) {
        self.waiting.insert((due, self.sequence), waiting);
        self.sequence += 1;
    }

    /// The first job that is due.
    pub(super) fn pop_due(&mut self, now: Time) -> Option<Waiting<J>> {
        let entry = self.waiting.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|((due, _), _)| *due)
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes out the jobs that `unwanted` names; all others keep their time.
    pub(super) fn take(&mut self, unwanted: impl Fn(&Waiting<J>) -> bool) -> Vec<Waiting<J>> {
        let taken = self.waiting.extract_if(.., |_, waiting| unwanted(waiting));
        taken.map(|(_, waiting)| waiting).collect()
    }
}
