//! How a transfer ends when it does not end well: an answer that was lost is looked for in the
//! store, and what is open there is freed.

use std::time::Duration;

use super::{AbortAnswer, Effect, Ending, Found, State, Transfer};
use crate::s3::{Crc64Nvme, ErrorClass, ObjectHead, PartsPage};
use crate::upload::beginning::OnFailure;
use crate::upload::queue::Job;
use crate::upload::{Failure, Notice, Outcome};

/// How often an upload is aborted when parts land behind the abort (API reference,
/// `AbortMultipartUpload`).
const ABORT_ROUNDS: u32 = 5;
/// Before an upload is aborted again.
const ABORT_PAUSE: Duration = Duration::from_secs(1);
/// How often a missing object is asked for, and the pause before: some stores are late.
const ABSENT_ANSWERS: u32 = 2;
const ABSENT_PAUSE: Duration = Duration::from_secs(1);

impl Transfer {
    pub(super) fn remember_doubt(&mut self, job: Job, failure: &Failure) {
        match job {
            Job::Put | Job::Complete => self.doubt = Some(failure.clone()),
            // The upload may exist, and its id was in the answer that was lost.
            Job::Create => self.creations.lost_now.push(failure.began()),
            Job::Part(_)
            | Job::Head
            | Job::Abort
            | Job::Confirm
            | Job::Reread
            | Job::Search
            | Job::Inspect
            | Job::Discard => {}
        }
    }

    /// Compares the stored object, S3's word being lost or not to be trusted.
    pub(super) fn verify(&mut self, failure: Failure) {
        self.notice(Notice::Verifying(failure.clone()));
        // An upload that is gone cannot be aborted.
        let aborted = failure.says_not_found().then_some(AbortAnswer::Gone);
        self.compare(failure, aborted);
    }

    fn compare(&mut self, failure: Failure, aborted: Option<AbortAnswer>) {
        self.state = State::Verifying { failure, aborted, absent: 0 };
        self.ask(Job::Head);
    }

    /// Whether the stored object is the one that was sent: its size and checksum, or its size
    /// and ETag. Existence or size alone is no proof.
    pub(super) fn is_ours(&self, head: &ObjectHead) -> bool {
        let checksum = self.whole_checksum();
        let etag = if self.plan.is_single_put() { None } else { self.books.etag() };
        head.size == self.plan.size()
            && match (checksum, head.checksum, etag, &head.etag) {
                (Some(ours), Some(stored), _, _) => ours == stored,
                (_, _, Some(ours), Some(stored)) => ours == stored.bare(),
                _ => false,
            }
    }

    fn whole_checksum(&self) -> Option<Crc64Nvme> {
        if self.plan.is_single_put() { self.put_checksum } else { self.books.checksum(&self.plan) }
    }

    pub(super) fn found(&mut self, found: Found) {
        let State::Verifying { failure, aborted, absent } = &mut self.state else {
            unreachable!("only a comparison asks for the object")
        };
        if matches!(found, Found::Absent) {
            *absent += 1;
            if *absent < ABSENT_ANSWERS {
                self.effects.push(Effect::Ask(Job::Head, ABSENT_PAUSE));
                return;
            }
        }
        let (failure, aborted) = (failure.clone(), *aborted);
        let may_be_open = self.upload_id.is_some() && aborted.is_none();
        match found {
            Found::Equal(head) => {
                let uploaded = self.uploaded_as(head.etag, self.whole_checksum(), true);
                // An older object may have the same bytes, our upload being open all the same;
                // what others have a part in is theirs to free.
                if may_be_open && self.on_failure != OnFailure::Leave {
                    self.close(Ending::Stored(uploaded));
                } else {
                    self.end(Outcome::Uploaded(uploaded));
                }
            }
            _ if may_be_open && failure.says_parts_differ() && !self.repaired => {
                self.begin_repair(failure);
            }
            _ if may_be_open => self.close(Ending::Doubtful(failure)),
            Found::Absent => self.finish(Ending::Failed(failure)),
            // The upload was still open, so it never became this object.
            Found::Different if aborted == Some(AbortAnswer::Done) => {
                self.finish(Ending::Failed(failure));
            }
            Found::Different | Found::Nothing => self.end(Outcome::Unknown(failure)),
        }
    }

    // --- leaving nothing behind ---

    /// Ends the upload; what is open at the store is kept or freed.
    pub(super) fn close(&mut self, ending: Ending) {
        self.effects.push(Effect::CancelAll);
        match self.upload_id.clone() {
            None => self.finish(ending),
            Some(_) if self.is_worth_keeping(&ending) => self.stay(match ending {
                // No request was lost that could still complete it.
                Ending::Doubtful(failure) if self.doubt.is_none() => Ending::Failed(failure),
                ending => ending,
            }),
            Some(upload_id) => {
                self.notice(Notice::Aborting(upload_id));
                self.state = State::Aborting { ending, rounds: 0 };
                self.ask(Job::Abort);
            }
        }
    }

    /// Whether a later run could go on with the upload, and would have less to do by it.
    fn is_worth_keeping(&self, ending: &Ending) -> bool {
        if self.on_failure == OnFailure::Leave {
            return true;
        }
        let is_begun = self.books.parts_stored() > 0;
        let for_later = match ending {
            Ending::Stored(_) => false,
            Ending::Doubtful(_) => true,
            Ending::Stopped => is_begun,
            // What was stored of a file that changed is of no use; nor is what is gone.
            Ending::Failed(failure) if failure.says_not_found() || failure.says_changed() => false,
            // Who cannot be reached cannot be asked to abort it either.
            Ending::Failed(failure) => {
                let is_mute = failure.status().is_none();
                is_begun || (is_mute && failure.class == ErrorClass::Transient)
            }
        };
        self.on_failure == OnFailure::Keep && for_later
    }

    /// Ends before anything was sent in this run.
    pub(super) fn leave(&mut self, ending: Ending) {
        match self.on_failure {
            OnFailure::Keep | OnFailure::Leave => self.stay(ending),
            OnFailure::Abort => self.close(ending),
        }
    }

    /// Ends; the upload stays as it is, to be gone on with.
    pub(super) fn stay(&mut self, ending: Ending) {
        self.effects.push(Effect::CancelAll);
        if let Some(upload_id) = self.upload_id.clone() {
            self.kept = true;
            self.notice(Notice::Kept(upload_id));
        }
        self.finish(ending);
    }

    pub(super) fn aborted(&mut self, answer: AbortAnswer) {
        let State::Aborting { ending, rounds } = &self.state else {
            unreachable!("only a closing transfer aborts")
        };
        match answer {
            AbortAnswer::Done => {
                self.state = State::Confirming { ending: ending.clone(), rounds: *rounds };
                self.ask(Job::Confirm);
            }
            // After an earlier round this is what was to be reached.
            AbortAnswer::Gone if *rounds > 0 => self.cleaned(AbortAnswer::Done),
            AbortAnswer::Gone => self.cleaned(AbortAnswer::Gone),
        }
    }

    /// A part that was still under way may land behind an abort: then it is aborted again.
    pub(super) fn confirmed(&mut self, page: &PartsPage) {
        let State::Confirming { ending, rounds } = &self.state else {
            unreachable!("only an abort is confirmed")
        };
        if page.parts.is_empty() {
            self.cleaned(AbortAnswer::Done);
        } else if rounds + 1 < ABORT_ROUNDS {
            self.state = State::Aborting { ending: ending.clone(), rounds: rounds + 1 };
            self.effects.push(Effect::Ask(Job::Abort, ABORT_PAUSE));
        } else {
            self.kept = true;
            self.notice(Notice::LeftBehind { upload_id: self.upload_id.clone(), failure: None });
            self.cleaned(AbortAnswer::Done);
        }
    }

    pub(super) fn cleaned(&mut self, answer: AbortAnswer) {
        let ending = match &self.state {
            State::Aborting { ending, .. } | State::Confirming { ending, .. } => ending.clone(),
            _ => unreachable!("only a closing transfer is cleaned"),
        };
        match ending {
            Ending::Doubtful(failure) => self.compare(failure, Some(answer)),
            ending => self.finish(ending),
        }
    }

    pub(super) fn not_aborted(&mut self, failure: Failure) {
        let State::Aborting { ending, .. } = &self.state else {
            unreachable!("only a closing transfer aborts")
        };
        let ending = ending.clone();
        if self.is_stopping() && self.on_failure == OnFailure::Keep {
            self.stay(ending);
            return;
        }
        let upload_id = self.upload_id.clone();
        self.kept = !matches!(ending, Ending::Stored(_));
        self.notice(Notice::LeftBehind { upload_id, failure: Some(failure) });
        self.finish(ending);
    }

    fn finish(&mut self, ending: Ending) {
        let stopped = matches!(self.closing.take(), Some(Ending::Stopped));
        self.end(match ending {
            Ending::Stored(uploaded) => Outcome::Uploaded(uploaded),
            Ending::Doubtful(failure) => Outcome::Unknown(failure),
            Ending::Failed(_) if stopped => Outcome::Stopped,
            Ending::Failed(failure) => Outcome::Failed(failure),
            Ending::Stopped => Outcome::Stopped,
        });
    }
}
