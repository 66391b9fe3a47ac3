//! The state machine of one object, from its plan to its outcome. It asks for [`Job`]s and is
//! told how they ended; attempts, retries and time are the engine's.

mod closing;

use std::sync::Arc;
use std::time::Duration;

use super::books::Books;
use super::queue::Job;
use super::{Cause, Failure, Notice, Outcome, PartRange, Symptom, UploadPlan, Uploaded};
use crate::http::Evidence;
use crate::s3::{
    Crc64Nvme, ETag, ErrorClass, ObjectHead, ObjectSettings, Operation, Reply, UploadId,
};

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
    books: Books,
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
    Putting,
    Creating,
    Sending,
    Completing,
    Verifying { failure: Failure, aborted: Option<AbortAnswer>, absent: u32 },
    Aborting { ending: Ending, rounds: u32 },
    Confirming { ending: Ending, rounds: u32 },
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
        checksums: bool,
    ) -> Transfer {
        let (state, job) = if plan.is_single_put() {
            (State::Putting, Job::Put)
        } else {
            (State::Creating, Job::Create)
        };
        let mut transfer = Transfer {
            books: Books::new(&plan),
            plan,
            object_settings,
            checksums,
            state,
            upload_id: None,
            put_checksum: None,
            doubt: None,
            closing: None,
            effects: Vec::new(),
        };
        transfer.notice(Notice::Planned(transfer.plan.clone()));
        transfer.ask(job);
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

    pub(super) fn plan(&self) -> &UploadPlan {
        &self.plan
    }

    pub(super) fn books(&self) -> &Books {
        &self.books
    }

    /// A part that may be sent now.
    pub(super) fn next_part(&mut self) -> Option<Job> {
        self.has_next_part().then(|| self.books.take_next().map(Job::Part))?
    }

    pub(super) fn has_next_part(&self) -> bool {
        matches!(self.state, State::Sending) && self.books.has_untaken()
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
        }
    }

    fn open_upload(&self) -> UploadId {
        self.upload_id.clone().expect("only an upload that was created has parts")
    }

    /// `job` sent its whole body; its file bytes had this checksum.
    pub(super) fn sent(&mut self, job: Job, checksum: Crc64Nvme) {
        if job == Job::Put {
            self.put_checksum = Some(checksum);
        }
    }

    /// `job` was done. `checksum` is that of the file bytes it sent.
    pub(super) fn succeeded(
        &mut self,
        job: Job,
        reply: Reply,
        checksum: Option<Crc64Nvme>,
        attempts: u32,
    ) {
        match (job, reply) {
            (Job::Put, Reply::PutObject { etag, checksum: stored }) => {
                self.uploaded(etag, checksum.or(stored));
            }
            (Job::Create, Reply::Created { upload_id }) => self.created(upload_id),
            (Job::Part(_), Reply::PartUploaded { etag, checksum: stored }) => {
                self.part_stored(job, etag, checksum.or(stored), attempts);
            }
            (Job::Complete, Reply::Completed { etag, checksum: stored }) => {
                self.completed(etag, stored, attempts);
            }
            (Job::Head, Reply::Head(head)) => {
                let found = if self.is_ours(&head) { Found::Equal(head) } else { Found::Different };
                self.found(found);
            }
            (Job::Abort, Reply::Aborted) => self.aborted(AbortAnswer::Done),
            (Job::Confirm, Reply::Parts(page)) => self.confirmed(&page),
            (job, reply) => unreachable!("{reply:?} is no reply to {job:?}"),
        }
    }

    /// `job` failed; another attempt follows.
    pub(super) fn will_retry(&mut self, job: Job, failure: &Failure) {
        if failure.ambiguous {
            self.remember_doubt(job, failure);
        }
    }

    /// `job` failed for good.
    pub(super) fn failed(&mut self, job: Job, failure: Failure) {
        if failure.ambiguous {
            self.remember_doubt(job, &failure);
        }
        match job {
            Job::Put if self.doubt.is_some() => self.verify(failure),
            Job::Put => self.end(Outcome::Failed(failure)),
            Job::Create => match self.closing.take() {
                Some(Ending::Failed(reason)) => self.end(Outcome::Failed(reason)),
                Some(_) => self.end(Outcome::Stopped),
                None => self.end(Outcome::Failed(failure)),
            },
            Job::Part(_) => self.close(Ending::Failed(failure)),
            // NoSuchUpload is always "perhaps done": libcurl may have sent the request twice.
            Job::Complete if self.doubt.is_some() || failure.says_not_found() => {
                self.verify(failure);
            }
            Job::Complete => {
                let ending = self.closing.take().unwrap_or(Ending::Failed(failure));
                self.close(ending);
            }
            Job::Head if failure.says_not_found() => self.found(Found::Absent),
            Job::Head => self.found(Found::Nothing),
            Job::Abort if failure.says_not_found() => self.aborted(AbortAnswer::Gone),
            Job::Abort => self.not_aborted(failure),
            // Gone, as it should be; or nobody may look, and S3's word for the abort stands.
            Job::Confirm => self.cleaned(AbortAnswer::Done),
        }
    }

    /// The user wants it stopped.
    pub(super) fn stop(&mut self) {
        match self.state {
            State::Putting => {
                self.effects.push(Effect::CancelAll);
                self.end(Outcome::Stopped);
            }
            State::Sending => self.close(Ending::Stopped),
            // Their answers decide what is left at the store: they are waited for.
            State::Creating | State::Completing | State::Verifying { .. } => {
                self.closing = Some(Ending::Stopped);
            }
            State::Aborting { .. } | State::Confirming { .. } | State::Ended(_) => {}
        }
    }

    /// The source is no longer what it was.
    pub(super) fn source_changed(&mut self, failure: Failure) {
        match self.state {
            State::Putting => {
                self.effects.push(Effect::CancelAll);
                self.end(Outcome::Failed(failure));
            }
            State::Creating => self.closing = Some(Ending::Failed(failure)),
            State::Sending => self.close(Ending::Failed(failure)),
            // All bytes had been read before; only a Complete that was never sent is held back.
            State::Completing if self.doubt.is_none() => self.close(Ending::Failed(failure)),
            State::Completing
            | State::Verifying { .. }
            | State::Aborting { .. }
            | State::Confirming { .. }
            | State::Ended(_) => {}
        }
    }

    // --- what follows from an answer ---

    fn created(&mut self, upload_id: UploadId) {
        self.notice(Notice::UploadCreated(upload_id.clone()));
        self.upload_id = Some(upload_id);
        match self.closing.take() {
            Some(ending) => self.close(ending),
            None => self.state = State::Sending,
        }
    }

    fn part_stored(&mut self, job: Job, etag: ETag, checksum: Option<Crc64Nvme>, attempts: u32) {
        let part = self.part_of(job).expect("only parts are stored here");
        self.books.store(part, etag.clone(), checksum);
        self.notice(Notice::PartStored { part, attempts, etag });
        if self.books.is_whole() {
            self.state = State::Completing;
            self.notice(Notice::Completing);
            self.ask(Job::Complete);
        }
    }

    fn completed(&mut self, etag: Option<ETag>, stored: Option<Crc64Nvme>, attempts: u32) {
        let ours = self.books.checksum(&self.plan);
        match (ours, stored) {
            (Some(ours), Some(stored)) if ours != stored => {
                let cause =
                    Cause::ChecksumMismatch { sent: ours.to_base64(), stored: stored.to_base64() };
                // The object is there, and it is not ours: nothing to try again, nothing to abort.
                self.end(Outcome::Failed(Failure {
                    operation: "CompleteMultipartUpload",
                    part: None,
                    attempt: attempts,
                    attempts_max: attempts,
                    cause,
                    symptom: Symptom::Checksum,
                    class: ErrorClass::Permanent,
                    ambiguous: false,
                    evidence: Evidence::default(),
                }));
            }
            _ => self.uploaded(etag, ours),
        }
    }

    fn uploaded(&mut self, etag: Option<ETag>, checksum: Option<Crc64Nvme>) {
        self.end(Outcome::Uploaded(self.uploaded_as(etag, checksum, false)));
    }

    fn uploaded_as(
        &self,
        etag: Option<ETag>,
        checksum: Option<Crc64Nvme>,
        by_comparison: bool,
    ) -> Uploaded {
        let upload_id = self.upload_id.clone();
        let checksum = checksum.filter(|_| self.checksums);
        Uploaded { etag, checksum, upload_id, by_comparison }
    }

    fn end(&mut self, outcome: Outcome) {
        self.state = State::Ended(outcome);
    }

    fn ask(&mut self, job: Job) {
        self.effects.push(Effect::Ask(job, Duration::ZERO));
    }

    fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(Box::new(notice)));
    }
}
