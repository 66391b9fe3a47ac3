//! What follows from the end of an attempt.

use super::Engine;
use crate::http::{Evidence, Report};
use crate::s3::{Crc64Nvme, ErrorClass, Reply};
use crate::time::{ClockOffset, Time};
use crate::upload::concurrency::ConcurrencyLimit;
use crate::upload::flight::Flying;
use crate::upload::queue::{Before, Job, Waiting};
use crate::upload::remedies::Remedy;
use crate::upload::retry::is_final;
use crate::upload::{
    Action, AttemptId, Cause, Diagnosis, Failure, Notice, RetryPolicy, Standing, Verdict,
};

impl Engine {
    pub(super) fn finished(
        &mut self,
        now: Time,
        id: AttemptId,
        flying: &Flying,
        report: &Report,
        checksum: Option<Crc64Nvme>,
        clock: Option<ClockOffset>,
    ) {
        self.tally.bytes_sent += report.evidence.bytes_sent + report.evidence.bytes_resent;
        self.tally.rewinds += report.evidence.rewinds;
        self.tally.connections += report.evidence.connections_opened;
        self.heard_http |= report.response.is_some();
        if let Some(checksum) = checksum {
            self.transfer.sent(flying.job, checksum);
        }
        let reply = flying.operation.reply(report).map_err(Cause::S3);
        match reply.and_then(|reply| match_checksum(reply, checksum)) {
            Ok(reply) => {
                let found = self.diagnostics.succeeded(&report.evidence).cloned();
                self.diagnosed(found);
                self.succeeded(now, flying, reply, checksum);
            }
            Err(cause) => {
                let failure = self.failure(now, flying, cause, report.evidence.clone());
                self.failed(now, id, flying, failure, clock);
            }
        }
        let learnt = clock.and_then(|offset| self.remedies.saw_clock(offset));
        if let Some(notice) = learnt {
            self.notice(notice);
        }
    }

    fn succeeded(&mut self, now: Time, flying: &Flying, reply: Reply, checksum: Option<Crc64Nvme>) {
        self.quota.succeeded(flying.before.as_ref().map(|before| before.cost));
        self.remedies.succeeded(&flying.manner);
        self.limit.succeeded();
        if self.retry.adaptive {
            self.rate.answered(now, false);
        }
        self.succeeded_at = now;
        if matches!(flying.job, Job::Part(_) | Job::Put) {
            self.tally.parts += 1;
        }
        if let Some(part) = flying.part {
            let elapsed = now.since(flying.started_at);
            self.hedging.stored(elapsed);
            self.cuts.stored(part.length, elapsed);
        }
        // The other attempt at the same part is of no interest any more.
        if let Some(twin) = self.flight.at(flying.job) {
            self.cancel(twin);
        }
        self.transfer.succeeded(flying.job, reply, checksum, flying.number, now);
    }

    fn cancel(&mut self, id: AttemptId) {
        if let Some(flying) = self.flight.land(id) {
            self.recall(id, &flying);
        }
    }

    /// Has the world stop an attempt that is no longer in flight, and counts what it had sent.
    pub(super) fn recall(&mut self, id: AttemptId, flying: &Flying) {
        self.tally.bytes_sent += flying.body_sent;
        self.outbox.push_back(Action::Cancel(id));
    }

    /// Ends an attempt in which nothing moves, or whose answer does not end.
    pub(super) fn cut(&mut self, now: Time, id: AttemptId) {
        let flying = self.flight.land(id).expect("a stalled attempt is in flight");
        self.recall(id, &flying);
        let cause = flying.cut_for(now, &self.patience);
        let evidence = Evidence {
            bytes_sent: flying.body_sent,
            bytes_expected: flying.body_length,
            silent_for: flying.patience(&self.patience),
            elapsed: now.since(flying.started_at),
            ..Evidence::default()
        };
        let failure = self.failure(now, &flying, cause, evidence);
        self.failed(now, id, &flying, failure, None);
        self.apply_effects(now);
        self.recut_when_clear();
    }

    fn failed(
        &mut self,
        now: Time,
        id: AttemptId,
        flying: &Flying,
        failure: Failure,
        clock: Option<ClockOffset>,
    ) {
        let found = self.diagnostics.failed(&failure).cloned();
        self.diagnosed(found);
        self.breathe(now, id, &failure);
        self.watch_cuts(&failure);
        if let Some(twin) = self.flight.at(flying.job).filter(|_| !is_final(failure.class)) {
            // The other attempt at the same part goes on, and will see for itself.
            self.flight.postpone(twin, now + self.retry.asked(&failure));
            return;
        }
        if self.transfer.is_closing(flying.job) {
            self.transfer.failed(flying.job, failure);
        } else if let Some(remedy) = self.remedies.find(&flying.manner, &failure, clock) {
            self.apply_remedy(now, flying, failure, remedy);
        } else {
            self.retry_or_give_up(now, flying, failure);
        }
    }

    fn diagnosed(&mut self, found: Option<Diagnosis>) {
        if let Some(diagnosis) = found {
            self.notice(Notice::Diagnosed(diagnosis));
        }
    }

    /// Does what the retry policy says.
    fn retry_or_give_up(&mut self, now: Time, flying: &Flying, failure: Failure) {
        let counts = RetryPolicy::counts(&failure, self.heard_http);
        let since = flying.before.as_ref().and_then(|before| before.stuck_since).unwrap_or(now);
        let made = flying.before.as_ref().map_or(1, |before| before.judged + 1);
        let stuck_for = now.since(since.max(self.succeeded_at));
        let standing = Standing { counts, made, stuck_for };
        let jitter = self.jitter.f64();
        match self.retry.decide(&failure, standing, &mut self.quota, jitter) {
            Verdict::RetryAfter(delay) => {
                self.notice(Notice::Retrying { failure: failure.clone(), delay });
                let cost = self.retry.revision.cost(&failure);
                let stuck_since = (!counts).then_some(since);
                let before = Before { failure, counts, judged: made, stuck_since, cost };
                self.again((now + delay).max(flying.not_before), flying.job, before);
            }
            Verdict::GiveUp(reason) => {
                let failure = Failure { gave_up: Some(reason), ..failure };
                self.transfer.failed(flying.job, failure);
            }
        }
    }

    /// Sends a request again as it should have been sent.
    fn apply_remedy(&mut self, now: Time, flying: &Flying, failure: Failure, remedy: Remedy) {
        let judged = flying.before.as_ref().map_or(0, |before| before.judged);
        let before = Before { failure, counts: false, judged, stuck_since: None, cost: 0 };
        match remedy {
            Remedy::Again(notice) => {
                self.learnt(notice);
                self.again(now, flying.job, before);
            }
            Remedy::Renew => {
                self.notice(Notice::RenewingKeys);
                self.outbox.push_back(Action::RenewKeys);
                self.await_keys(flying.job, before);
            }
            Remedy::AwaitKeys => self.await_keys(flying.job, before),
        }
    }

    /// Something was learnt that concerns more than one request.
    fn learnt(&mut self, notice: Option<Notice>) {
        let Some(notice) = notice else { return };
        match &notice {
            Notice::ChecksumsAdapted { payload, .. } if !payload.has_checksum() => {
                self.transfer.drop_checksums();
            }
            // What the other place can take, and whether anybody is there, is not known.
            Notice::Redirected { .. } => {
                self.limit = ConcurrencyLimit::new(self.limit.max());
                self.heard_http = false;
            }
            _ => {}
        }
        self.notice(notice);
    }

    fn again(&mut self, due: Time, job: Job, before: Before) {
        self.count_retry(job, &before.failure);
        self.queue.push(due, Waiting { job, before: Some(before) });
    }

    fn await_keys(&mut self, job: Job, before: Before) {
        self.count_retry(job, &before.failure);
        self.await_keys.push(Waiting { job, before: Some(before) });
    }

    fn count_retry(&mut self, job: Job, failure: &Failure) {
        *self.tally.retries.entry(failure.symptom).or_default() += 1;
        self.transfer.will_retry(job, failure);
    }

    /// Lets the number of attempts in flight follow what the store can take.
    fn breathe(&mut self, now: Time, id: AttemptId, failure: &Failure) {
        let throttled = failure.class == ErrorClass::Throttled;
        if self.retry.adaptive {
            self.rate.answered(now, throttled);
        }
        // Those that are still there, and the one that is not.
        let in_flight = self.flight.len() as u32 + 1;
        let from = self.limit.allowed();
        let fell = if throttled {
            self.limit.throttled(id, self.flight.next_id(), in_flight)
        } else if failure.was_turned_away() && self.heard_http && in_flight > 1 {
            self.limit.crowded(in_flight)
        } else {
            false
        };
        if fell {
            let to = self.limit.allowed();
            self.notice(Notice::Slowed { from, to, because: failure.clone() });
        }
    }

    /// Looks for connections that are cut alike; smaller parts are to follow.
    fn watch_cuts(&mut self, failure: &Failure) {
        self.cuts.failed(failure);
        let smaller_exist =
            |limits: crate::s3::Limits| self.transfer.plan().part_size() > limits.part_size_min;
        if self.recut_limits.is_some_and(smaller_exist) {
            self.recut |= self.cuts.pattern().is_some();
        }
    }

    fn failure(&self, now: Time, flying: &Flying, cause: Cause, evidence: Evidence) -> Failure {
        let (symptom, class) = cause.classify();
        // What has never spoken HTTP is no store and cannot have stored anything.
        let is_store = self.heard_http || !cause.is_not_http();
        Failure {
            operation: flying.operation.name(),
            part: flying.part,
            attempt: flying.number,
            attempts_max: self.retry.attempts_max,
            ambiguous: is_store && cause.is_ambiguous(&evidence),
            cause,
            symptom,
            class,
            evidence,
            at: now,
            gave_up: None,
        }
    }
}

/// A success whose checksum is not that of the bytes that left is none.
fn match_checksum(reply: Reply, sent: Option<Crc64Nvme>) -> Result<Reply, Cause> {
    let (Reply::PutObject { checksum: stored, .. } | Reply::PartUploaded { checksum: stored, .. }) =
        &reply
    else {
        return Ok(reply);
    };
    match (sent, stored) {
        (Some(sent), Some(stored)) if sent != *stored => {
            Err(Cause::ChecksumMismatch { sent: sent.to_base64(), stored: stored.to_base64() })
        }
        _ => Ok(reply),
    }
}
