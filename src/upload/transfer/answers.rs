//! What follows from the end of a job, for better or worse.

use super::{AbortAnswer, Ending, Found, State, Transfer};
use crate::http::Evidence;
use crate::s3::{CompletedPart, Crc64Nvme, ETag, ErrorClass, ObjectHead, Reply, UploadId};
use crate::time::Time;
use crate::upload::journal::Record;
use crate::upload::queue::Job;
use crate::upload::{Cause, Failure, Notice, Outcome, Reason, Symptom, Uploaded};

impl Transfer {
    /// `job` sent its whole body; its file bytes had this checksum.
    pub(in crate::upload) fn sent(&mut self, job: Job, checksum: Crc64Nvme) {
        if job == Job::Put {
            self.put_checksum = Some(checksum);
        }
    }

    /// `job` was done. `checksum` is that of the file bytes it sent.
    pub(in crate::upload) fn succeeded(
        &mut self,
        job: Job,
        reply: Reply,
        checksum: Option<Crc64Nvme>,
        attempts: u32,
        at: Time,
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
                self.completed(etag, stored, attempts, at);
            }
            (Job::Head, Reply::Head(head)) if matches!(self.state, State::Describing) => {
                self.described(Some(head));
            }
            (Job::Head, Reply::Head(head)) => {
                let found = if self.is_ours(&head) { Found::Equal(head) } else { Found::Different };
                self.looked(found);
            }
            (Job::Abort, Reply::Aborted) => self.aborted(AbortAnswer::Done),
            (Job::Confirm, Reply::Parts(page)) => self.confirmed(&page),
            (Job::Reread, Reply::Parts(page)) if matches!(self.state, State::Listing(_)) => {
                self.listed(page, at);
            }
            (Job::Reread, Reply::Parts(page)) => self.reread(page),
            (Job::Search, Reply::Uploads(page)) => self.searched(page, at),
            (Job::Inspect, Reply::Parts(page)) => self.inspected(&page),
            (Job::Discard, Reply::Aborted) => self.discarded(None),
            (job, reply) => unreachable!("{reply:?} is no reply to {job:?}"),
        }
    }

    /// `job` failed; another attempt follows.
    pub(in crate::upload) fn will_retry(&mut self, job: Job, failure: &Failure) {
        self.take_failure(job, failure);
    }

    fn take_failure(&mut self, job: Job, failure: &Failure) {
        // One that waited for keys is told of twice.
        if job == Job::Create && !std::mem::take(&mut self.creations.is_under_way) {
            return;
        }
        if failure.ambiguous {
            self.remember_doubt(job, failure);
        } else if job == Job::Create {
            self.record(Record::NotCreated);
        }
    }

    /// `job` failed for good.
    pub(in crate::upload) fn failed(&mut self, job: Job, failure: Failure) {
        self.take_failure(job, &failure);
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
            Job::Complete
                if self.doubt.is_some()
                    || failure.says_not_found()
                    || failure.says_parts_differ() =>
            {
                self.verify(failure);
            }
            Job::Complete => {
                let ending = self.closing.take().unwrap_or(Ending::Failed(failure));
                self.close(ending);
            }
            Job::Head if matches!(self.state, State::Describing) => self.described(None),
            Job::Head if failure.says_not_found() => self.looked(Found::Absent),
            Job::Head => self.looked(Found::Nothing),
            Job::Abort if failure.says_not_found() => self.aborted(AbortAnswer::Gone),
            Job::Abort => self.not_aborted(failure),
            // Gone, as it should be; or nobody may look, and S3's word for the abort stands.
            Job::Confirm => self.cleaned(AbortAnswer::Done),
            Job::Reread if matches!(self.state, State::Listing(_)) => self.not_listed(failure),
            Job::Reread => self.not_reread(),
            Job::Search => self.not_searched(&failure),
            Job::Inspect => self.not_inspected(Some(failure).filter(|f| !f.says_not_found())),
            Job::Discard => self.discarded(Some(failure).filter(|f| !f.says_not_found())),
        }
    }

    fn created(&mut self, upload_id: UploadId) {
        self.notice(Notice::UploadCreated(upload_id.clone()));
        self.record(Record::Created { upload_id: upload_id.clone(), checksums: self.checksums });
        self.upload_id = Some(upload_id);
        match self.closing.take() {
            Some(ending) => self.close(ending),
            None => self.state = State::Sending,
        }
    }

    fn part_stored(&mut self, job: Job, etag: ETag, checksum: Option<Crc64Nvme>, attempts: u32) {
        let part = self.part_of(job).expect("only parts are stored here");
        let number = part.number;
        self.record(Record::Part(CompletedPart { number, etag: etag.clone(), checksum }));
        self.books.store(part, etag.clone(), checksum);
        self.notice(Notice::PartStored { part, attempts, etag });
        self.complete_when_whole();
    }

    pub(super) fn complete_when_whole(&mut self) {
        if !self.books.is_whole() || self.plan.is_open() {
            return;
        }
        if self.books.is_shared() {
            self.end(Outcome::PartsStored);
        } else {
            self.state = State::Completing;
            self.record(Record::Completing);
            self.notice(Notice::Completing);
            self.ask(Job::Complete);
        }
    }

    /// What was found where the object belongs.
    fn looked(&mut self, found: Found) {
        match self.state {
            State::Recalling(_) => self.recalled(&found),
            _ => self.found(found),
        }
    }

    fn completed(
        &mut self,
        etag: Option<ETag>,
        stored: Option<Crc64Nvme>,
        attempts: u32,
        at: Time,
    ) {
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
                    link: None,
                    at,
                    gave_up: Some(Reason::Permanent),
                }));
            }
            // Some stores tell nothing of what they have made.
            (_, None) if etag.is_none() => {
                self.state = State::Describing;
                self.ask(Job::Head);
            }
            _ => self.uploaded(etag, ours),
        }
    }

    /// What the store says of the object that it has just made; `None` where it does not say.
    fn described(&mut self, head: Option<ObjectHead>) {
        let (ours, size) = (self.books.checksum(&self.plan), self.plan.size());
        // Of another size it is somebody else's, written since.
        let etag = head.filter(|head| head.size == size).and_then(|head| head.etag);
        self.uploaded(etag, ours);
    }

    fn uploaded(&mut self, etag: Option<ETag>, checksum: Option<Crc64Nvme>) {
        self.end(Outcome::Uploaded(self.uploaded_as(etag, checksum, false)));
    }

    pub(super) fn uploaded_as(
        &self,
        etag: Option<ETag>,
        checksum: Option<Crc64Nvme>,
        by_comparison: bool,
    ) -> Uploaded {
        let upload_id = self.upload_id.clone();
        let checksum = checksum.filter(|_| self.checksums);
        Uploaded { etag, checksum, upload_id, by_comparison }
    }
}
