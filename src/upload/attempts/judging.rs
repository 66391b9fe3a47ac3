//! What follows from the end of an attempt, for the attempts after it.

use super::Attempts;
use super::permits::{LinksMissed, classify};
use crate::http::{Evidence, Report};
use crate::s3::ErrorClass;
use crate::time::{ClockOffset, Time};
use crate::upload::concurrency::ConcurrencyLimit;
use crate::upload::flight::Flying;
use crate::upload::queue::{Before, Waiting};
use crate::upload::remedies::Remedy;
use crate::upload::{
    Action, AttemptId, Cause, Diagnosis, Failure, Notice, RetryPolicy, Standing, Verdict,
};

/// Refusals as expired of one job in a row: then each of its requests outlives its keys, or its
/// link, however fresh they are when it begins.
const EXPIRED_MAX: u32 = 5;

/// What follows from a failure.
#[derive(Debug)]
pub(in crate::upload) enum Judged {
    /// The job is tried again.
    Again(Failure),
    /// It is not: why is said in the failure.
    Final(Failure),
}

impl<J: Clone + PartialEq> Attempts<J> {
    /// A report came, good or bad: what it cost.
    pub(in crate::upload) fn heard(&mut self, report: &Report) {
        self.tally.bytes_sent += report.evidence.bytes_sent + report.evidence.bytes_resent;
        self.tally.rewinds += report.evidence.rewinds;
        self.tally.connections += report.evidence.connections_opened;
        self.heard_http |= report.response.is_some();
    }

    /// What an answer told of the store's clock.
    pub(in crate::upload) fn heard_clock(&mut self, clock: Option<ClockOffset>) {
        let learnt = clock.and_then(|offset| self.remedies.saw_clock(offset));
        if let Some(notice) = learnt {
            self.notice(notice);
        }
    }

    /// An attempt succeeded.
    pub(in crate::upload) fn succeeded(
        &mut self,
        now: Time,
        flying: &Flying<J>,
        evidence: &Evidence,
    ) {
        let found = self.diagnostics.succeeded(evidence).cloned();
        self.diagnosed(found);
        self.quota.succeeded(flying.before.as_ref().map(|before| before.cost));
        self.remedies.succeeded(&flying.manner);
        self.limit.succeeded();
        if self.retry.adaptive {
            self.rate.answered(now, false);
        }
        self.succeeded_at = now;
    }

    /// Ends the first attempt in which nothing moves, or whose answer does not end.
    pub(in crate::upload) fn cut_stalled(
        &mut self,
        now: Time,
    ) -> Option<(AttemptId, Flying<J>, Failure)> {
        let id = self.flight.stalled(now, &self.patience)?;
        let flying = self.flight.land(id)?;
        self.recall(id, &flying);
        let cause = flying.cut_for(now, &self.patience);
        let evidence = Evidence {
            bytes_sent: flying.body_sent,
            bytes_expected: flying.body_length,
            silent_for: flying.patience(&self.patience),
            elapsed: now.since(flying.started_at),
            ..Evidence::default()
        };
        let failure = self.failure(now, &flying, cause, evidence, None);
        Some((id, flying, failure))
    }

    /// Attempt `id` failed so: what that says of all attempts.
    pub(in crate::upload) fn failed(&mut self, now: Time, id: AttemptId, failure: &Failure) {
        let found = self.diagnostics.failed(failure).cloned();
        self.diagnosed(found);
        self.breathe(now, id, failure);
    }

    pub(super) fn diagnosed(&mut self, found: Option<Diagnosis>) {
        if let Some(diagnosis) = found {
            self.notice(Notice::Diagnosed(diagnosis));
        }
    }

    /// Whether the job is tried again, perhaps as it should have been sent; then it waits for that.
    pub(in crate::upload) fn judge(
        &mut self,
        now: Time,
        flying: &Flying<J>,
        failure: Failure,
        clock: Option<ClockOffset>,
    ) -> Judged {
        let expired = flying.before.as_ref().map_or(0, |before| before.expired);
        let outlives_all =
            failure.class == ErrorClass::CredentialsExpired && expired >= EXPIRED_MAX;
        let remedy =
            (!outlives_all).then(|| self.remedies.find(&flying.manner, &failure, clock)).flatten();
        if let Some(remedy) = remedy {
            self.apply_remedy(now, flying, failure.clone(), remedy);
            return Judged::Again(failure);
        }
        self.retry_or_give_up(now, flying, failure)
    }

    /// Does what the retry policy says.
    fn retry_or_give_up(&mut self, now: Time, flying: &Flying<J>, failure: Failure) -> Judged {
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
                let before = Before {
                    failure: failure.clone(),
                    counts,
                    judged: made,
                    expired: 0,
                    stuck_since,
                    cost,
                };
                self.again((now + delay).max(flying.not_before), flying.job.clone(), before);
                Judged::Again(failure)
            }
            Verdict::GiveUp(reason) => Judged::Final(Failure { gave_up: Some(reason), ..failure }),
        }
    }

    /// Sends a request again as it should have been sent.
    fn apply_remedy(&mut self, now: Time, flying: &Flying<J>, failure: Failure, remedy: Remedy) {
        let (judged, expired) =
            flying.before.as_ref().map_or((0, 0), |before| (before.judged, before.expired));
        let is_expired = failure.class == ErrorClass::CredentialsExpired;
        let expired = if is_expired { expired + 1 } else { 0 };
        let before = Before { failure, counts: false, judged, expired, stuck_since: None, cost: 0 };
        let job = flying.job.clone();
        match remedy {
            Remedy::Again(notice) => {
                self.learnt(notice);
                self.again(now, job, before);
            }
            Remedy::Renew => {
                self.ask_for_keys(LinksMissed::Refused);
                self.await_keys(job, before);
            }
            Remedy::AwaitKeys => self.await_keys(job, before),
        }
    }

    pub(super) fn ask_for_keys(&mut self, missed: LinksMissed) {
        if self.manner().links.is_some() {
            self.links_wanted = Some(missed);
        } else {
            self.notice(Notice::RenewingKeys);
            self.outbox.push_back(Action::RenewKeys);
        }
    }

    /// Something was learnt that concerns more than one request.
    fn learnt(&mut self, notice: Option<Notice>) {
        let Some(notice) = notice else { return };
        // What the other place can take, and whether anybody is there, is not known.
        if matches!(notice, Notice::Redirected { .. }) {
            self.limit = ConcurrencyLimit::new(self.limit.max());
            self.heard_http = false;
        }
        self.notice(notice);
    }

    fn again(&mut self, due: Time, job: J, before: Before) {
        self.count_retry(&before.failure);
        self.queue.push(due, Waiting { job, before: Some(before) });
    }

    pub(super) fn await_keys(&mut self, job: J, before: Before) {
        if !before.failure.was_not_sent() {
            self.count_retry(&before.failure);
        }
        self.await_keys.push(Waiting { job, before: Some(before) });
    }

    fn count_retry(&mut self, failure: &Failure) {
        *self.tally.retries.entry(failure.symptom).or_default() += 1;
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

    /// Why the attempt `flying` did not count.
    pub(in crate::upload) fn failure(
        &self,
        now: Time,
        flying: &Flying<J>,
        cause: Cause,
        evidence: Evidence,
        clock: Option<ClockOffset>,
    ) -> Failure {
        let link = self.link_life(now, flying, clock);
        let (symptom, class) = classify(&cause, link);
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
            link,
            at: now,
            gave_up: None,
        }
    }
}
