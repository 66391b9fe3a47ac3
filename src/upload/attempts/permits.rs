//! Whether a request may be made at all: by presigned URLs, only those for which there is one, and
//! only until it expires. One that has expired is not tried.

use std::time::Duration;

use super::Attempts;
use crate::http::Evidence;
use crate::s3::{ErrorClass, Link, LinkedCall, Operation};
use crate::time::{ClockOffset, Time};
use crate::upload::flight::Flying;
use crate::upload::lease::LinkLife;
use crate::upload::queue::Before;
use crate::upload::remedies::Remedy;
use crate::upload::{Cause, Failure, PartRange, Reason, Symptom};

/// Whether a request may be made.
#[derive(Debug)]
pub(in crate::upload) enum Permit {
    /// It may, after the attempt before.
    Granted(Option<Before>),
    /// It waits for a fresh presigned URL.
    Awaited,
    /// It may not, and will not.
    Refused(Failure),
}

/// Why links are to be renewed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upload) enum LinksMissed {
    /// One has expired by the clock.
    Expired,
    /// The store refused one as expired, whatever the clock says.
    Refused,
}

/// Renewals in a row that may leave out a link that is waited for.
const LEFT_OUT_MAX: u32 = 20;
/// Milliseconds: a link that has longer to live, and the like of which has been taken, needs no
/// asking.
const SAFE_LIFE: i64 = 60_000;

impl<J: Clone + PartialEq> Attempts<J> {
    /// Whether `operation` may be sent `now`.
    pub(in crate::upload) fn permit(
        &mut self,
        now: Time,
        job: &J,
        operation: &Operation,
        part: Option<PartRange>,
        before: Option<Before>,
    ) -> Permit {
        if self.manner().links.is_none() {
            return Permit::Granted(before);
        }
        let cause = match self.left(now, operation) {
            Some(left) if left > 0 => return Permit::Granted(before),
            Some(left) => Cause::LinkExpired(Duration::from_millis(left.unsigned_abs())),
            None => Cause::NoLink,
        };
        let is_over = matches!(cause, Cause::LinkExpired(_));
        let failure = self.unsent(now, operation, part, cause, before.as_ref());
        let remedy = if is_over && self.may_hope(operation, before.as_ref()) {
            self.remedies.renew_expired()
        } else {
            None
        };
        let Some(remedy) = remedy else {
            let found = self.diagnostics.failed(&failure).cloned();
            self.diagnosed(found);
            return Permit::Refused(Failure { gave_up: Some(Reason::Permanent), ..failure });
        };
        if matches!(remedy, Remedy::Renew) {
            self.ask_for_keys(LinksMissed::Expired);
        }
        let left_out = u32::from(!self.was_answered(operation));
        let (judged, expired) = before.map_or((0, 0), |before| (before.judged, before.expired));
        let expired = expired + left_out;
        let before = Before { failure, counts: false, judged, expired, stuck_since: None, cost: 0 };
        self.await_keys(job.clone(), before);
        Permit::Awaited
    }

    /// Until when `operation` may be sent; `None` where that has no end.
    pub(in crate::upload) fn ends_at(&self, operation: &Operation) -> Option<Time> {
        let end = self.link(operation)?.url.expires_at();
        Some(self.lease.moment(self.manner().clock_offset, end))
    }

    /// Whether the body is better sent once the store has said that it takes the link.
    pub(super) fn is_doubtful(&self, now: Time, operation: &Operation) -> bool {
        let left = self.left_by_clocks(now, operation);
        let is_safe = |left: [i64; 2]| left.iter().all(|left| *left >= SAFE_LIFE);
        left.is_some_and(|left| !is_safe(left) || !self.remedies.is_proven())
    }

    /// How long the link lived by which an attempt was made that ended `now`.
    pub(super) fn link_life(
        &self,
        now: Time,
        flying: &Flying<J>,
        clock: Option<ClockOffset>,
    ) -> Option<LinkLife> {
        let links = flying.manner.links.as_ref()?;
        let end = links.for_operation(&flying.operation)?.url.expires_at();
        // The clock as this answer told it, where it did.
        let offset = clock.unwrap_or(self.manner().clock_offset);
        Some(LinkLife {
            left_at_begin: self.lease.left(flying.started_at, offset, end),
            left_at_end: self.lease.left(now, offset, end),
        })
    }

    /// Whether links are to be renewed; told once.
    pub(in crate::upload) fn take_links_wanted(&mut self) -> Option<LinksMissed> {
        self.links_wanted.take()
    }

    /// Whether keys or links come from somewhere that may have fresher ones.
    pub(in crate::upload) fn may_renew(&self) -> bool {
        self.remedies.may_renew()
    }

    /// Whether keys or links are being renewed, waited for or not.
    pub(in crate::upload) fn is_renewal_under_way(&self) -> bool {
        self.remedies.is_renewal_under_way()
    }

    /// Begins to renew keys or links that will soon end; false where that cannot be.
    pub(in crate::upload) fn renew_ahead(&mut self) -> bool {
        self.remedies.renew_ahead()
    }

    fn link(&self, operation: &Operation) -> Option<&Link> {
        self.manner().links.as_ref()?.for_operation(operation)
    }

    /// Milliseconds that the link for `operation` has left, by the store's clock or by this
    /// machine's, whichever gives it more: of many servers one may be wrong, and a link that is
    /// tried in vain costs one request without its body.
    fn left(&self, now: Time, operation: &Operation) -> Option<i64> {
        self.left_by_clocks(now, operation)?.into_iter().max()
    }

    fn left_by_clocks(&self, now: Time, operation: &Operation) -> Option<[i64; 2]> {
        let end = self.link(operation)?.url.expires_at();
        let offsets = [self.manner().clock_offset, ClockOffset::default()];
        Some(offsets.map(|offset| self.lease.left(now, offset, end)))
    }

    /// Whether a renewal may bring a link for `operation` that is good: not where the last one that
    /// came was dead, nor where it has been left out again and again.
    fn may_hope(&self, operation: &Operation, before: Option<&Before>) -> bool {
        let Some(came) = self.lease.renewed_at else { return true };
        if self.was_answered(operation) {
            return self.left(came, operation).is_none_or(|left| left > 0);
        }
        before.map_or(0, |before| before.expired) < LEFT_OUT_MAX
    }

    /// Whether the last renewal had a link for `operation`: commands may give some at a time.
    fn was_answered(&self, operation: &Operation) -> bool {
        let Some(call) = LinkedCall::of(operation) else { return false };
        let is_listing = |call: &LinkedCall| matches!(call, LinkedCall::ListParts(_));
        self.links_answered.contains(&call)
            || (is_listing(&call) && self.links_answered.iter().any(is_listing))
    }

    /// The failure of an attempt that is not made.
    fn unsent(
        &self,
        now: Time,
        operation: &Operation,
        part: Option<PartRange>,
        cause: Cause,
        before: Option<&Before>,
    ) -> Failure {
        let (symptom, class) = cause.classify();
        let left = self.left(now, operation);
        let number = before.map_or(1, |b| b.failure.attempt + u32::from(b.counts));
        Failure {
            operation: operation.name(),
            part,
            attempt: number,
            attempts_max: self.retry.attempts_max,
            cause,
            symptom,
            class,
            ambiguous: false,
            // Of the last that was made.
            evidence: before.map_or_else(Evidence::default, |b| b.failure.evidence.clone()),
            link: left.map(|left| LinkLife { left_at_begin: left, left_at_end: left }),
            at: now,
            gave_up: None,
        }
    }
}

/// What `cause` looks like and means: a link that has expired is refused in many words.
pub(super) fn classify(cause: &Cause, link: Option<LinkLife>) -> (Symptom, ErrorClass) {
    let (symptom, class) = cause.classify();
    let is_over = link.is_some_and(|life| life.left_at_end < 0);
    let is_denied = class == ErrorClass::Denied && cause.s3_code() != Some(WRONG_SIGNATURE);
    if is_over && is_denied {
        (Symptom::Expired, ErrorClass::CredentialsExpired)
    } else {
        (symptom, class)
    }
}

/// Says nothing of time.
const WRONG_SIGNATURE: &str = "SignatureDoesNotMatch";
