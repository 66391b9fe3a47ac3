//! The attempts in flight, and the watchdog that ends those in which nothing moves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::queue::Before;
use super::{AttemptId, Cause, Manner, PartRange, Progress};
use crate::s3::{Operation, PartNumber};
use crate::time::Time;

/// How long an attempt may be silent before it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until the first byte of a body has left: the connection may take this long to stand.
    pub connecting: Duration,
    /// While a body is being sent: no byte was acknowledged for this long.
    pub sending: Duration,
    /// While the answer is awaited.
    pub answer: Duration,
    /// While the answer to `CompleteMultipartUpload` is awaited: S3 may take minutes, and sends
    /// whitespace meanwhile (API reference).
    pub complete: Duration,
    /// For a whole answer, however it drips, once the body has left.
    pub answer_whole: Duration,
    /// For the whole answer to `CompleteMultipartUpload`.
    pub complete_whole: Duration,
}

impl Default for Patience {
    /// 30 s of silence while sending (Amazon S3 itself gives up after about 20 s), 60 s for an
    /// answer (botocore's read timeout), five minutes for a Complete; two minutes and half an hour
    /// where the answer comes byte by byte.
    fn default() -> Patience {
        Patience {
            connecting: Duration::from_secs(30),
            sending: Duration::from_secs(30),
            answer: Duration::from_mins(1),
            complete: Duration::from_mins(5),
            answer_whole: Duration::from_mins(2),
            complete_whole: Duration::from_mins(30),
        }
    }
}

impl Patience {
    /// At least the usual, and so much silence while bytes are sent or an answer is awaited; a
    /// connection may take `connect_timeout` to stand before libcurl itself gives it up.
    #[must_use]
    pub fn new(silence: Duration, connect_timeout: Duration) -> Patience {
        let usual = Patience::default();
        Patience {
            // Not to be ahead of libcurl, whose error says more.
            connecting: silence.max(connect_timeout + Duration::from_secs(5)),
            sending: silence,
            answer: usual.answer.max(silence),
            complete: usual.complete.max(silence),
            answer_whole: usual.answer_whole.max(silence),
            complete_whole: usual.complete_whole.max(silence),
        }
    }
}

/// One attempt in flight.
#[derive(Debug)]
pub(super) struct Flying<J> {
    pub(super) job: J,
    pub(super) operation: Operation,
    pub(super) number: u32,
    pub(super) part: Option<PartRange>,
    /// How it was sent.
    pub(super) manner: Manner,
    /// The attempt before it, where it is a retry.
    pub(super) before: Option<Before>,
    pub(super) started_at: Time,
    /// The store asked that this job should not come before: said to the other of two attempts.
    pub(super) not_before: Time,
    pub(super) body_sent: u64,
    pub(super) body_length: u64,
    activity: u64,
    active_at: Time,
    /// When the last byte of the body was seen to leave; the start, where there is none.
    body_at: Time,
}

impl<J> Flying<J> {
    pub(super) fn new(
        job: J,
        operation: Operation,
        part: Option<PartRange>,
        manner: Manner,
        before: Option<Before>,
        now: Time,
    ) -> Flying<J> {
        let body_length = match &operation {
            Operation::PutObject { length, .. } | Operation::UploadPart { length, .. } => *length,
            _ => 0,
        };
        let number =
            before.as_ref().map_or(1, |before| before.failure.attempt + u32::from(before.counts));
        Flying {
            job,
            operation,
            number,
            part,
            manner,
            before,
            started_at: now,
            not_before: Time::ZERO,
            body_sent: 0,
            body_length,
            activity: 0,
            active_at: now,
            body_at: now,
        }
    }

    /// How long it may be silent from now on.
    pub(super) fn patience(&self, patience: &Patience) -> Duration {
        if self.completes() {
            patience.complete
        } else if self.body_length == 0 {
            patience.answer.max(patience.connecting)
        } else if self.body_sent == 0 {
            patience.sending.max(patience.connecting)
        } else if self.body_sent < self.body_length {
            patience.sending
        } else {
            patience.answer
        }
    }

    /// Why it is cut when its time has run out.
    pub(super) fn cut_for(&self, now: Time, patience: &Patience) -> Cause {
        let silent = self.patience(patience);
        if now.since(self.active_at) >= silent {
            return Cause::Stalled(silent);
        }
        Cause::AnswerUnending(now.since(self.body_at))
    }

    fn deadline(&self, patience: &Patience) -> Time {
        let silent = self.active_at + self.patience(patience);
        if self.body_sent < self.body_length {
            return silent;
        }
        let whole = if self.completes() { patience.complete_whole } else { patience.answer_whole };
        silent.min(self.body_at + whole)
    }

    fn completes(&self) -> bool {
        matches!(self.operation, Operation::CompleteMultipartUpload { .. })
    }
}

/// All attempts in flight.
#[derive(Debug)]
pub(super) struct Flight<J> {
    attempts: BTreeMap<AttemptId, Flying<J>>,
    next_id: u64,
}

impl<J: PartialEq> Flight<J> {
    pub(super) fn new() -> Flight<J> {
        Flight { attempts: BTreeMap::new(), next_id: 0 }
    }

    pub(super) fn start(&mut self, flying: Flying<J>) -> AttemptId {
        let id = AttemptId(self.next_id);
        self.next_id += 1;
        self.attempts.insert(id, flying);
        id
    }

    pub(super) fn len(&self) -> usize {
        self.attempts.len()
    }

    /// The attempt that is begun next.
    pub(super) fn next_id(&self) -> AttemptId {
        AttemptId(self.next_id)
    }

    pub(super) fn has_parts(&self) -> bool {
        self.attempts.values().any(|flying| flying.part.is_some())
    }

    /// The attempt at `job`, where one is in flight.
    pub(super) fn at(&self, job: &J) -> Option<AttemptId> {
        self.attempts.iter().find(|(_, flying)| flying.job == *job).map(|(id, _)| *id)
    }

    /// The other attempt at the job of one that failed knows what the store asked then.
    pub(super) fn postpone(&mut self, id: AttemptId, until: Time) {
        if let Some(flying) = self.attempts.get_mut(&id) {
            flying.not_before = flying.not_before.max(until);
        }
    }

    /// The attempt at a part that was begun first, of those that `wanted` names.
    pub(super) fn oldest_part(&self, wanted: impl Fn(PartNumber) -> bool) -> Option<&Flying<J>> {
        let is_wanted = |flying: &&Flying<J>| flying.part.is_some_and(|part| wanted(part.number));
        self.attempts.values().find(is_wanted)
    }

    /// Takes an attempt out; `None` where it was cancelled before.
    pub(super) fn land(&mut self, id: AttemptId) -> Option<Flying<J>> {
        self.attempts.remove(&id)
    }

    /// Takes all attempts out.
    pub(super) fn land_all(&mut self) -> Vec<(AttemptId, Flying<J>)> {
        std::mem::take(&mut self.attempts).into_iter().collect()
    }

    pub(super) fn moved(&mut self, now: Time, progress: Progress) {
        let Some(flying) = self.attempts.get_mut(&progress.attempt) else { return };
        let body_sent = progress.body_sent.min(flying.body_length);
        if body_sent != flying.body_sent {
            flying.body_sent = body_sent;
            flying.body_at = now;
        }
        if flying.activity != progress.activity {
            flying.activity = progress.activity;
            flying.active_at = now;
        }
    }

    pub(super) fn bytes_in_flight(&self) -> u64 {
        self.attempts.values().map(|flying| flying.body_sent).sum()
    }

    /// The first attempt whose patience has run out.
    pub(super) fn stalled(&self, now: Time, patience: &Patience) -> Option<AttemptId> {
        let mut attempts = self.attempts.iter();
        attempts.find(|(_, flying)| flying.deadline(patience) <= now).map(|(id, _)| *id)
    }

    /// When the next patience runs out.
    pub(super) fn next_deadline(&self, patience: &Patience) -> Option<Time> {
        self.attempts.values().map(|flying| flying.deadline(patience)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_may_take_as_long_as_libcurl_lets_it() {
        let (short, long) = (Duration::from_secs(2), Duration::from_mins(5));
        assert!(Patience::new(short, long).connecting > long);
        assert_eq!(Patience::new(short, long).sending, short);
        let patient = Patience::new(long, short);
        assert_eq!((patient.connecting, patient.sending, patient.answer), (long, long, long));
        let usual = Patience::default();
        assert_eq!(Patience::new(usual.sending, Duration::from_secs(10)), usual);
    }
}
