//! Giving up unfinished uploads, until nothing is left of them: a part that is under way may land
//! behind an abort (API reference, `AbortMultipartUpload`).

use std::time::Duration;

use super::{Call, Failure, Script, Stored, Unfinished};
use crate::s3::{Key, Operation, Reply};

/// What became of an upload that was to be given up.
#[derive(Debug, Clone, PartialEq)]
pub enum Aborted {
    /// Its turn did not come.
    Not,
    /// It is gone, by the store's own word afterwards.
    Gone,
    /// The store said yes, and whether it is gone could not be seen.
    Unconfirmed(Failure),
    /// Parts land behind every abort: somebody is uploading.
    StillFed(Stored),
    /// It could not be given up.
    Failed(Failure),
}

/// Gives up uploads.
#[derive(Debug)]
pub struct Aborting {
    uploads: Vec<(Unfinished, Aborted)>,
    /// How often each has been aborted and why it cannot be listed.
    rounds: Vec<Round>,
    begun: usize,
}

#[derive(Debug, Clone, Default)]
struct Round {
    aborts: u32,
    unlisted: Option<Failure>,
}

/// What [`Aborting`] knows a call by: the place of the upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbortStep {
    /// It is aborted.
    Abort(usize),
    /// Whether it is gone is asked.
    Confirm(usize),
}

/// How often an upload is aborted, and the pause before each but the first.
const ROUNDS_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

impl Aborting {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(uploads: Vec<Unfinished>) -> Aborting {
        Aborting {
            rounds: vec![Round::default(); uploads.len()],
            uploads: uploads.into_iter().map(|upload| (upload, Aborted::Not)).collect(),
            begun: 0,
        }
    }

    /// What became of each.
    #[must_use]
    pub fn into_uploads(self) -> Vec<(Unfinished, Aborted)> {
        self.uploads
    }

    fn call(&self, step: AbortStep, pause: Duration) -> Call<AbortStep> {
        let (AbortStep::Abort(index) | AbortStep::Confirm(index)) = step;
        let upload = &self.uploads[index].0;
        let upload_id = upload.upload_id.clone();
        let operation = match step {
            AbortStep::Abort(_) => Operation::AbortMultipartUpload { upload_id },
            AbortStep::Confirm(_) => Operation::ListParts { upload_id, after: None },
        };
        Call { tag: step, key: Key::listed(&upload.key), operation, pause }
    }

    fn end(&mut self, index: usize, aborted: Aborted) -> Option<Call<AbortStep>> {
        self.uploads[index].1 = aborted;
        None
    }

    fn aborted(&mut self, index: usize) -> Option<Call<AbortStep>> {
        let round = &mut self.rounds[index];
        round.aborts += 1;
        match round.unlisted.take() {
            // It was aborted before, and the store has no different answer for that.
            Some(failure) => self.end(index, Aborted::Unconfirmed(failure)),
            None => Some(self.call(AbortStep::Confirm(index), Duration::ZERO)),
        }
    }

    fn still_listed(&mut self, index: usize, stored: Stored) -> Option<Call<AbortStep>> {
        if stored.parts == 0 {
            self.end(index, Aborted::Gone)
        } else if self.rounds[index].aborts < ROUNDS_MAX {
            Some(self.call(AbortStep::Abort(index), PAUSE))
        } else {
            self.end(index, Aborted::StillFed(stored))
        }
    }

    /// Nobody may look, or nobody answers: another abort of what is gone is told so.
    fn not_listed(&mut self, index: usize, failure: Failure) -> Call<AbortStep> {
        self.rounds[index].unlisted = Some(failure);
        self.call(AbortStep::Abort(index), PAUSE)
    }
}

impl Script for Aborting {
    type Tag = AbortStep;

    fn next(&mut self) -> Option<Call<AbortStep>> {
        let index = self.begun;
        (index < self.uploads.len()).then(|| {
            self.begun += 1;
            self.call(AbortStep::Abort(index), Duration::ZERO)
        })
    }

    fn answered(
        &mut self,
        tag: &AbortStep,
        result: Result<Reply, Failure>,
    ) -> Option<Call<AbortStep>> {
        match (*tag, result) {
            (AbortStep::Abort(index), Ok(Reply::Aborted)) => self.aborted(index),
            (AbortStep::Confirm(index), Ok(Reply::Parts(page))) => {
                let bytes = page.parts.iter().map(|part| part.size).sum();
                self.still_listed(index, Stored { parts: page.parts.len() as u64, bytes })
            }
            (AbortStep::Abort(index) | AbortStep::Confirm(index), Err(failure))
                if failure.says_no_such_upload() =>
            {
                self.end(index, Aborted::Gone)
            }
            (AbortStep::Abort(index), Err(failure)) if self.rounds[index].aborts > 0 => {
                self.end(index, Aborted::Unconfirmed(failure))
            }
            (AbortStep::Abort(index), Err(failure)) => self.end(index, Aborted::Failed(failure)),
            (AbortStep::Confirm(index), Err(failure)) => Some(self.not_listed(index, failure)),
            (step, Ok(reply)) => unreachable!("{reply:?} is no reply to {step:?}"),
        }
    }
}
