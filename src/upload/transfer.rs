//! The state machine of one object, from its plan to its outcome. It asks for [`Job`]s and is
//! told how they ended; attempts, retries and time are the engine's.

mod answers;
mod closing;
mod repairing;
mod streaming;
mod sweeping;

use std::sync::Arc;
use std::time::Duration;

use self::repairing::Repair;
use self::sweeping::Sweep;
use super::books::Books;
use super::queue::Job;
use super::{Failure, Notice, Outcome, PartRange, UploadPlan, Uploaded};
use crate::s3::{Crc64Nvme, Limits, ObjectHead, ObjectSettings, Operation, UploadId};
use crate::time::Time;

/// What a transfer wants of the engine.
#[derive(Debug)]
pub(super) enum Effect {
    /// Do this, after a while.
    Ask(Job, Duration),
    /// Stop all attempts and forget all retries.
    CancelAll,
    /// Tell the user.
    Notice(Box<Notice>),
}

/// One object on its way.
#[derive(Debug)]
pub(super) struct Transfer {
    plan: UploadPlan,
    object_settings: Arc<ObjectSettings>,
    checksums: bool,
    state: State,
    upload_id: Option<UploadId>,
    /// The key of the object.
    key: String,
    /// When each creation whose answer was lost began.
    creations_lost: Vec<Time>,
    books: Books,
    /// Whether parts that differed at the store were sent again: done once, and never with those of
    /// a stream, which are not kept.
    repaired: bool,
    /// The checksum of the whole file as a `PutObject` sent it.
    put_checksum: Option<Crc64Nvme>,
    /// The last failure that may hide a success of `PutObject` or `CompleteMultipartUpload`.
    doubt: Option<Failure>,
    /// How the transfer is to end as soon as the request under way has been answered.
    closing: Option<Ending>,
    effects: Vec<Effect>,
}

#[derive(Debug)]
enum State {
    /// Too little of a stream has been read to know whether it goes in one PUT.
    Gathering,
    Putting,
    Creating,
    Sending,
    Completing,
    /// The object is there; its ETag was not told and is asked for.
    Describing,
    Verifying {
        failure: Failure,
        aborted: Option<AbortAnswer>,
        absent: u32,
    },
    Aborting {
        ending: Ending,
        rounds: u32,
    },
    Confirming {
        ending: Ending,
        rounds: u32,
    },
    Repairing(Repair),
    Sweeping {
        outcome: Outcome,
        sweep: Sweep,
    },
    Ended(Outcome),
}

/// What follows when nothing is left at the store.
#[derive(Debug, Clone)]
enum Ending {
    Failed(Failure),
    Stopped,
    /// The object was found stored; an upload of ours may still be open.
    Stored(Uploaded),
    /// Whether the object was stored is still to be found out.
    Doubtful(Failure),
}

/// What S3 said to an abort: whether the upload had still been open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AbortAnswer {
    Done,
    Gone,
}

/// What `HeadObject` found.
enum Found {
    Equal(ObjectHead),
    Different,
    Absent,
    /// It was not answered.
    Nothing,
}

impl Transfer {
    pub(super) fn new(
        plan: UploadPlan,
        object_settings: Arc<ObjectSettings>,
        key: String,
        checksums: bool,
    ) -> Transfer {
        let mut transfer = Transfer {
            books: Books::new(&plan),
            repaired: plan.is_open(),
            plan,
            object_settings,
            checksums,
            state: State::Gathering,
            upload_id: None,
            key,
            creations_lost: Vec::new(),
            put_checksum: None,
            doubt: None,
            closing: None,
            effects: Vec::new(),
        };
        transfer.notice(Notice::Planned(transfer.plan.clone()));
        transfer.begin();
        transfer
    }

    /// What the engine has to do; to be called after each other call.
    pub(super) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    pub(super) fn outcome(&self) -> Option<&Outcome> {
        match &self.state {
            State::Ended(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The upload, once it was created and until the end.
    pub(super) fn upload_id(&self) -> Option<&UploadId> {
        self.upload_id.as_ref().filter(|_| self.outcome().is_none())
    }

    pub(super) fn plan(&self) -> &UploadPlan {
        &self.plan
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// A part that may be sent now.
    pub(super) fn next_part(&mut self) -> Option<Job> {
        match self.state {
            State::Sending => self.books.take_next().map(Job::Part),
            _ => None,
        }
    }

    /// Whether parts are being sent, and all of them have been begun.
    pub(super) fn has_begun_all_parts(&self) -> bool {
        matches!(self.state, State::Sending) && !self.books.has_next()
    }

    /// Whether there are parts that could be begun at once.
    pub(super) fn has_next_part(&self) -> bool {
        matches!(self.state, State::Sending) && self.books.has_next()
    }

    /// Parts are sent without checksums from now on: the store does not know them.
    pub(super) fn drop_checksums(&mut self) {
        self.checksums = false;
    }

    /// Cuts the parts behind the last that is stored anew; `None` where that cannot be. Else the
    /// index of the first of them. A late copy of an old part that lands on a new one is found out
    /// by its ETag when the upload is completed, and repaired.
    pub(super) fn recut(&mut self, part_size: u64, limits: &Limits) -> Option<u32> {
        let first = self.books.settled();
        let is_sending = matches!(self.state, State::Sending);
        if !is_sending || first >= self.plan.parts() || !self.plan.recut(first, part_size, limits) {
            return None;
        }
        self.books.recut(&self.plan);
        Some(first)
    }

    /// Whether a failure of `job` is final although the policy would allow another attempt.
    pub(super) fn is_closing(&self, job: Job) -> bool {
        self.closing.is_some() && matches!(job, Job::Create | Job::Complete)
    }

    pub(super) fn part_of(&self, job: Job) -> Option<PartRange> {
        match job {
            Job::Part(number) => Some(self.plan.part(number)),
            _ => None,
        }
    }

    /// The S3 operation of `job`.
    pub(super) fn operation(&self, job: Job) -> Operation {
        match job {
            Job::Put => Operation::PutObject {
                settings: self.object_settings.clone(),
                length: self.plan.size(),
            },
            Job::Create => Operation::CreateMultipartUpload {
                settings: self.object_settings.clone(),
                checksums: self.checksums,
            },
            Job::Part(number) => {
                let PartRange { offset, length, .. } = self.plan.part(number);
                Operation::UploadPart { upload_id: self.open_upload(), number, offset, length }
            }
            Job::Complete => Operation::CompleteMultipartUpload {
                upload_id: self.open_upload(),
                parts: self.books.completed(),
                checksum: self.checksums.then(|| self.books.checksum(&self.plan)).flatten(),
                size: self.plan.size(),
            },
            Job::Head => Operation::HeadObject,
            Job::Abort => Operation::AbortMultipartUpload { upload_id: self.open_upload() },
            Job::Confirm => Operation::ListParts { upload_id: self.open_upload(), after: None },
            Job::Reread => {
                Operation::ListParts { upload_id: self.open_upload(), after: self.repair_after() }
            }
            Job::Search | Job::Inspect | Job::Discard => self.sweep().operation(job),
        }
    }

    fn open_upload(&self) -> UploadId {
        self.upload_id.clone().expect("only an upload that was created has parts")
    }

    /// The user wants it stopped.
    pub(super) fn stop(&mut self) {
        match self.state {
            State::Gathering | State::Putting => {
                self.effects.push(Effect::CancelAll);
                self.end(Outcome::Stopped);
            }
            State::Sending => self.close(Ending::Stopped),
            // Their answers decide what is left at the store: they are waited for.
            State::Creating | State::Completing | State::Verifying { .. } | State::Repairing(_) => {
                self.closing = Some(Ending::Stopped);
            }
            State::Describing
            | State::Aborting { .. }
            | State::Confirming { .. }
            | State::Sweeping { .. }
            | State::Ended(_) => {}
        }
    }

    /// The source is no longer what it was.
    pub(super) fn source_changed(&mut self, failure: Failure) {
        match self.state {
            State::Gathering | State::Putting => {
                self.effects.push(Effect::CancelAll);
                self.end(Outcome::Failed(failure));
            }
            State::Creating => self.closing = Some(Ending::Failed(failure)),
            State::Sending => self.close(Ending::Failed(failure)),
            // All bytes had been read before; only a Complete that was never sent is held back.
            State::Completing if self.doubt.is_none() => self.close(Ending::Failed(failure)),
            State::Completing
            | State::Describing
            | State::Verifying { .. }
            | State::Repairing(_)
            | State::Aborting { .. }
            | State::Confirming { .. }
            | State::Sweeping { .. }
            | State::Ended(_) => {}
        }
    }

    fn end(&mut self, outcome: Outcome) {
        if self.creations_lost.is_empty() {
            self.state = State::Ended(outcome);
        } else {
            self.begin_sweep(outcome);
        }
    }

    fn ask(&mut self, job: Job) {
        self.effects.push(Effect::Ask(job, Duration::ZERO));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(Box::new(notice)));
    }
}
