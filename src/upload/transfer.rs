//! The state machine of one object, from its plan to its outcome. It asks for [`Job`]s and is
//! told how they ended; attempts, retries and time are the engine's.

mod answers;
mod closing;
mod comparing;
mod repairing;
mod resuming;
mod streaming;
mod sweeping;

use std::sync::Arc;
use std::time::Duration;

use self::comparing::Comparison;
use self::repairing::Repair;
use self::resuming::Inventory;
use self::sweeping::{Creations, Sweep};
use super::beginning::{Beginning, OnFailure, OnGone};
use super::books::Books;
use super::journal::Record;
use super::queue::Job;
use super::{Failure, Notice, Outcome, PartRange, UploadPlan, Uploaded};
use crate::s3::{Crc64Nvme, Limits, ObjectHead, ObjectSettings, Operation, PartNumber, UploadId};

/// What a transfer wants of the engine.
#[derive(Debug)]
pub(super) enum Effect {
    /// Do this, after a while.
    Ask(Job, Duration),
    /// Stop all attempts and forget all retries.
    CancelAll,
    /// The upload's parts carry no checksums: none are sent with them.
    DropChecksums,
    /// Read this part of the file and sum it.
    Examine(PartRange),
    /// Append this to the journal.
    Record(Record),
    /// Nothing is left to go on with.
    Forget,
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
    creations: Creations,
    /// The plan where an upload that was to be gone on with is gone.
    plan_anew: UploadPlan,
    limits: Limits,
    on_failure: OnFailure,
    on_gone: OnGone,
    /// Whether the upload stays at the store at the end.
    kept: bool,
    /// An earlier run may have stored the object, and it could not be looked at.
    unseen: Option<Failure>,
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
    /// What the store has of an upload that was begun before is asked for.
    Listing(Inventory),
    /// Parts at the store are held against the file.
    Comparing(Comparison),
    /// An upload that may have been completed is gone; the object is looked for.
    Recalling(Failure),
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

/// What a transfer is told once.
#[derive(Debug)]
pub(super) struct TransferSettings {
    pub(super) plan: UploadPlan,
    pub(super) share: Option<Vec<PartNumber>>,
    pub(super) object_settings: Arc<ObjectSettings>,
    /// The key of the object.
    pub(super) key: String,
    pub(super) checksums: bool,
    pub(super) beginning: Beginning,
    pub(super) on_failure: OnFailure,
    pub(super) on_gone: OnGone,
    pub(super) limits: Limits,
}

impl Transfer {
    pub(super) fn new(settings: TransferSettings) -> Transfer {
        let TransferSettings { plan, object_settings, key, checksums, .. } = settings;
        let mut transfer = Transfer {
            books: Books::new(&plan),
            repaired: plan.is_open(),
            plan_anew: plan.clone(),
            plan,
            object_settings,
            checksums,
            state: State::Gathering,
            upload_id: None,
            key,
            creations: Creations::default(),
            limits: settings.limits,
            on_failure: settings.on_failure,
            on_gone: settings.on_gone,
            kept: false,
            unseen: None,
            put_checksum: None,
            doubt: None,
            closing: None,
            effects: Vec::new(),
        };
        if let Some(share) = settings.share {
            transfer.books.share(&transfer.plan, &share);
        }
        transfer.begin(settings.beginning);
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

    /// The upload, where it stays at the store at the end.
    pub(super) fn kept_upload(&self) -> Option<&UploadId> {
        self.upload_id.as_ref().filter(|_| self.kept && self.outcome().is_some())
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
        self.record(Record::Recut { first, part_size: self.plan.part_size() });
        Some(first)
    }

    /// A creation is sent: from now on the store may have an upload.
    pub(super) fn creating(&mut self) -> Record {
        self.creations.is_under_way = true;
        Record::Creating
    }

    /// Whether a failure of `job` is final although the policy would allow another attempt.
    pub(super) fn is_closing(&self, job: Job) -> bool {
        match job {
            Job::Create | Job::Complete => self.closing.is_some(),
            // What stays can be cleaned up when it is gone on with.
            Job::Search | Job::Inspect | Job::Discard => self.kept,
            Job::Abort => self.on_failure == OnFailure::Keep && self.is_stopping(),
            _ => false,
        }
    }

    fn is_stopping(&self) -> bool {
        matches!(&self.state, State::Aborting { ending: Ending::Stopped, .. })
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
                Operation::ListParts { upload_id: self.open_upload(), after: self.list_after() }
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
            State::Listing(_) | State::Comparing(_) | State::Recalling(_) => {
                self.leave(Ending::Stopped);
            }
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
            State::Listing(_) | State::Comparing(_) | State::Recalling(_) => {
                self.stay(Ending::Failed(failure));
            }
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
        let outcome = match (outcome, self.unseen.take()) {
            (Outcome::Failed(failure), Some(_)) => Outcome::Unknown(failure),
            (outcome, _) => outcome,
        };
        if self.creations.lost() == 0 {
            self.conclude(outcome);
        } else {
            self.begin_sweep(outcome);
        }
    }

    /// The very end. The journal goes where nothing is left that it could help with.
    fn conclude(&mut self, outcome: Outcome) {
        let lost = self.creations.lost() > 0;
        let settled = !lost || self.creations.are_swept;
        if settled && !self.kept && !matches!(outcome, Outcome::Unknown(_)) {
            self.effects.push(Effect::Forget);
        } else if settled && lost {
            self.record(Record::Swept);
        }
        self.state = State::Ended(outcome);
    }

    fn ask(&mut self, job: Job) {
        self.effects.push(Effect::Ask(job, Duration::ZERO));
    }

    fn record(&mut self, record: Record) {
        self.effects.push(Effect::Record(record));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(Box::new(notice)));
    }
}
