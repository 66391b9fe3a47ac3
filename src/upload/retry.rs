//! Whether and when a failure is tried again: the AWS SDKs' "standard" mode, fitted to uploads.
//!
//! The SDKs give one call three attempts and end all retries when the shared quota is used up. An
//! upload of hours would die of an outage of seconds. So attempts are counted for each part; those
//! that the store throttled, or that did not reach a store which had answered before, are not
//! counted but bounded by the time without progress; and a quota that is used up makes retries
//! rare, not impossible.

use std::time::Duration;

use super::{Cause, Failure, Symptom};
use crate::s3::{ErrorClass, RetryAfter, S3Error};

/// How often and how soon a failure is tried again (AWS SDKs and Tools Reference Guide,
/// "Retry behavior").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one operation, the first included, that count.
    pub attempts_max: u32,
    /// How long attempts that do not count may go on without any success.
    pub stuck_max: Duration,
    /// Numbers of which revision of the mode.
    pub revision: RetryRevision,
    /// Whether the sending rate follows the store's throttling ("adaptive" mode).
    pub adaptive: bool,
    /// Longest backoff.
    pub delay_max: Duration,
    /// Longest wait that a server's `Retry-After` is granted.
    pub retry_after_max: Duration,
}

/// The two sets of numbers of the SDKs' standard mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryRevision {
    /// 2.0, the SDKs' default until November 2026 (`AWS_NEW_RETRIES_2026=false`).
    V2_0,
    /// 2.1, the default since.
    #[default]
    V2_1,
}

impl Default for RetryPolicy {
    /// Revision 2.1's delays, with the ten attempts that AWS advises for uploads (AWS re:Post,
    /// "HTTP 5xx errors from Amazon S3"), and a quarter of an hour for outages.
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 10,
            stuck_max: Duration::from_mins(15),
            revision: RetryRevision::V2_1,
            adaptive: false,
            delay_max: Duration::from_secs(20),
            retry_after_max: Duration::from_mins(2),
        }
    }
}

/// What is known of the job that failed, apart from the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether this attempt counts; see [`RetryPolicy::counts`].
    pub counts: bool,
    /// Attempts so far, this one included, whether they count or not.
    pub made: u32,
    /// How long its attempts have not counted while nothing else succeeded.
    pub stuck_for: Duration,
}

/// What the retry policy says of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Try again after this long.
    RetryAfter(Duration),
    /// Do not.
    GiveUp(Reason),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Trying the same again cannot help.
    Permanent,
    /// All attempts are used up.
    AttemptsUsedUp,
    /// For this long nothing has succeeded.
    NoProgress(Duration),
}

impl RetryPolicy {
    /// Whether an attempt that ended so is one of [`attempts_max`](RetryPolicy::attempts_max).
    /// `store_answered`: whether the store has ever answered in this run, so that not reaching it
    /// is an outage and not a wrong address.
    #[must_use]
    pub fn counts(failure: &Failure, store_answered: bool) -> bool {
        let outage = matches!(failure.symptom, Symptom::Dns | Symptom::Connect);
        failure.class != ErrorClass::Throttled && !(outage && store_answered)
    }

    /// Decides on a failed attempt and takes the price of a retry from `quota`. `jitter` is a
    /// uniformly random number from 0 to 1.
    pub fn decide(
        &self,
        failure: &Failure,
        standing: Standing,
        quota: &mut RetryQuota,
        jitter: f64,
    ) -> Verdict {
        if !is_retryable(failure.class) {
            return Verdict::GiveUp(Reason::Permanent);
        }
        if standing.counts && failure.attempt >= self.attempts_max {
            return Verdict::GiveUp(Reason::AttemptsUsedUp);
        }
        if !standing.counts && standing.stuck_for >= self.stuck_max {
            return Verdict::GiveUp(Reason::NoProgress(standing.stuck_for));
        }
        let longest = if quota.take(self.revision.cost(failure)) {
            self.backoff(failure.class, standing.made)
        } else {
            self.delay_max
        };
        Verdict::RetryAfter(self.granted(&failure.cause, longest.mul_f64(jitter)))
    }

    /// The longest backoff before the attempt after attempt `made`: doubled with each.
    fn backoff(&self, class: ErrorClass, made: u32) -> Duration {
        let factor = 1u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX);
        self.revision.delay_base(class).saturating_mul(factor).min(self.delay_max)
    }

    /// How long the server asked to wait at least, as far as that is granted.
    pub(super) fn asked(&self, failure: &Failure) -> Duration {
        self.granted(&failure.cause, Duration::ZERO)
    }

    /// `backoff`, changed as far as the server's wish is granted.
    fn granted(&self, cause: &Cause, backoff: Duration) -> Duration {
        /// How much longer than its own backoff an SDK waits for `x-amz-retry-after`.
        const AMAZON_MORE: Duration = Duration::from_secs(5);
        let Cause::S3(S3Error::Answered { retry_after: Some(asked), .. }) = cause else {
            return backoff;
        };
        match (*asked, self.revision) {
            (RetryAfter::Http(asked), _) => backoff.max(asked.min(self.retry_after_max)),
            (RetryAfter::Amazon(asked), RetryRevision::V2_1) => {
                asked.clamp(backoff, backoff + AMAZON_MORE)
            }
            (RetryAfter::Amazon(_), RetryRevision::V2_0) => backoff,
        }
    }
}

impl RetryRevision {
    fn delay_base(self, class: ErrorClass) -> Duration {
        match (self, class) {
            (RetryRevision::V2_1, ErrorClass::Throttled) | (RetryRevision::V2_0, _) => {
                Duration::from_secs(1)
            }
            (RetryRevision::V2_1, _) => Duration::from_millis(50),
        }
    }

    /// What a retry after `failure` takes from the quota.
    #[must_use]
    pub fn cost(self, failure: &Failure) -> u32 {
        match self {
            RetryRevision::V2_1 if failure.class == ErrorClass::Throttled => 5,
            RetryRevision::V2_1 => 14,
            RetryRevision::V2_0 if failure.symptom == Symptom::Timeout => 10,
            RetryRevision::V2_0 => 5,
        }
    }
}

/// Whether the same request may succeed next time.
fn is_retryable(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Damaged)
}

/// Whether nothing at all can be done about it, at any other attempt neither.
pub(super) fn is_final(class: ErrorClass) -> bool {
    use ErrorClass::{Conflict, Denied, NotFound, Permanent};
    matches!(class, Conflict | Denied | NotFound | Permanent)
}

/// The retry quota that all operations of a run share: when most requests fail, retries are rare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryQuota {
    left: u32,
}

impl RetryQuota {
    const CAPACITY: u32 = 500;

    /// Takes the price of a retry; false where it is not there.
    fn take(&mut self, cost: u32) -> bool {
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        }
        enough
    }

    /// Gives back for a success: what its last retry cost, or 1 for a success at the first try.
    pub fn succeeded(&mut self, last_cost: Option<u32>) {
        self.left = (self.left + last_cost.unwrap_or(1)).min(RetryQuota::CAPACITY);
    }
}

impl Default for RetryQuota {
    /// A full quota.
    fn default() -> RetryQuota {
        RetryQuota { left: RetryQuota::CAPACITY }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Evidence;
    use crate::time::Time;
    use ErrorClass::{Throttled, Transient};
    use RetryRevision::{V2_0, V2_1};

    const SECOND: Duration = Duration::from_secs(1);

    fn failure(class: ErrorClass, attempt: u32, retry_after: Option<RetryAfter>) -> Failure {
        Failure {
            operation: "UploadPart",
            part: None,
            attempt,
            attempts_max: 10,
            cause: Cause::S3(S3Error::Answered {
                status: 503,
                code: "SlowDown".into(),
                message: String::new(),
                request_id: None,
                retry_after,
                region: None,
                location: None,
            }),
            symptom: if class == ErrorClass::Throttled {
                Symptom::Throttled
            } else {
                Symptom::Server
            },
            class,
            ambiguous: false,
            evidence: Evidence::default(),
            link: None,
            at: Time::ZERO,
            gave_up: None,
        }
    }

    fn counted(made: u32) -> Standing {
        Standing { counts: true, made, stuck_for: Duration::ZERO }
    }

    fn delay_of(policy: &RetryPolicy, failure: &Failure, jitter: f64) -> u128 {
        match policy.decide(failure, counted(failure.attempt), &mut RetryQuota::default(), jitter) {
            Verdict::RetryAfter(delay) => delay.as_millis(),
            Verdict::GiveUp(reason) => panic!("gave up: {reason:?}"),
        }
    }

    fn patient(revision: RetryRevision) -> RetryPolicy {
        RetryPolicy { attempts_max: 100, revision, ..RetryPolicy::default() }
    }

    #[test]
    fn the_backoff_doubles_from_its_base_to_its_bound_with_full_jitter() {
        let delays = |revision, class| {
            [1, 2, 3, 6, 9, 10, 60]
                .map(|made| delay_of(&patient(revision), &failure(class, made, None), 1.0))
        };
        assert_eq!(delays(V2_1, Transient), [50, 100, 200, 1_600, 12_800, 20_000, 20_000]);
        let from_a_second = [1_000, 2_000, 4_000, 20_000, 20_000, 20_000, 20_000];
        assert_eq!(delays(V2_1, Throttled), from_a_second);
        assert_eq!(delays(V2_0, Transient), from_a_second);
        assert_eq!(delays(V2_0, Throttled), from_a_second);
        let throttled = failure(Throttled, 2, None);
        assert_eq!(delay_of(&patient(V2_1), &throttled, 0.25), 500);
        assert_eq!(delay_of(&patient(V2_1), &throttled, 0.0), 0);
    }

    #[test]
    fn retry_after_is_honoured_within_a_bound() {
        let asked = |seconds| {
            let asked = RetryAfter::Http(SECOND * seconds);
            let failure = failure(ErrorClass::Throttled, 1, Some(asked));
            delay_of(&patient(RetryRevision::V2_1), &failure, 0.5)
        };
        assert_eq!([0, 2, 86_400].map(asked), [500, 2_000, 120_000]);
    }

    #[test]
    fn amazons_own_hint_is_honoured_within_five_seconds_of_the_backoff() {
        let asked = |revision, milliseconds| {
            let asked = RetryAfter::Amazon(Duration::from_millis(milliseconds));
            let failure = failure(ErrorClass::Throttled, 1, Some(asked));
            delay_of(&patient(revision), &failure, 0.5)
        };
        let newer = |milliseconds| asked(RetryRevision::V2_1, milliseconds);
        assert_eq!([0, 300, 700, 5_500, 90_000].map(newer), [500, 500, 700, 5_500, 5_500]);
        let older = |milliseconds| asked(RetryRevision::V2_0, milliseconds);
        assert_eq!([0, 700, 90_000].map(older), [500, 500, 500]);
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_so_often() {
        let policy = RetryPolicy { attempts_max: 3, ..RetryPolicy::default() };
        let decide = |class, attempt| {
            let mut quota = RetryQuota::default();
            policy.decide(&failure(class, attempt, None), counted(attempt), &mut quota, 0.5)
        };
        assert_eq!(decide(ErrorClass::Permanent, 1), Verdict::GiveUp(Reason::Permanent));
        assert_eq!(decide(ErrorClass::Denied, 1), Verdict::GiveUp(Reason::Permanent));
        assert_eq!(decide(ErrorClass::Transient, 3), Verdict::GiveUp(Reason::AttemptsUsedUp));
        assert!(matches!(decide(ErrorClass::Damaged, 2), Verdict::RetryAfter(_)));
    }

    #[test]
    fn what_does_not_count_is_bounded_by_time_alone() {
        let policy = RetryPolicy { attempts_max: 1, ..RetryPolicy::default() };
        let throttled = failure(ErrorClass::Throttled, 1, None);
        let decide = |stuck_for| {
            let standing = Standing { counts: false, made: 1, stuck_for };
            policy.decide(&throttled, standing, &mut RetryQuota::default(), 0.5)
        };
        assert!(matches!(decide(SECOND * 899), Verdict::RetryAfter(_)));
        assert_eq!(decide(SECOND * 900), Verdict::GiveUp(Reason::NoProgress(SECOND * 900)));
    }

    #[test]
    fn attempts_that_do_not_count_wait_longer_each_time_all_the_same() {
        let throttled = failure(Throttled, 1, None);
        let delays = [1, 2, 3, 6].map(|made| {
            let standing = Standing { counts: false, made, stuck_for: Duration::ZERO };
            let policy = RetryPolicy::default();
            policy.decide(&throttled, standing, &mut RetryQuota::default(), 1.0)
        });
        assert_eq!(delays, [1, 2, 4, 20].map(|seconds| Verdict::RetryAfter(SECOND * seconds)));
    }

    #[test]
    fn throttling_and_outages_of_a_store_that_answered_do_not_count() {
        let throttled = failure(ErrorClass::Throttled, 1, None);
        assert!(!RetryPolicy::counts(&throttled, false));
        let server = failure(ErrorClass::Transient, 1, None);
        assert!(RetryPolicy::counts(&server, true));
        for symptom in [Symptom::Dns, Symptom::Connect] {
            let outage = Failure { symptom, ..server.clone() };
            assert!(!RetryPolicy::counts(&outage, true), "{symptom}");
            assert!(RetryPolicy::counts(&outage, false), "a wrong address: {symptom}");
        }
    }

    #[test]
    fn each_revision_has_its_prices() {
        let transient = failure(ErrorClass::Transient, 1, None);
        let timeout = Failure { symptom: Symptom::Timeout, ..transient.clone() };
        let throttled = failure(ErrorClass::Throttled, 1, None);
        let costs = |revision: RetryRevision| {
            [&transient, &timeout, &throttled].map(|failure| revision.cost(failure))
        };
        assert_eq!(costs(RetryRevision::V2_0), [5, 10, 5]);
        assert_eq!(costs(RetryRevision::V2_1), [14, 14, 5]);
    }

    #[test]
    fn a_used_up_quota_makes_retries_rare_and_successes_fill_it_again() {
        let policy = patient(RetryRevision::V2_1);
        let mut quota = RetryQuota::default();
        let transient = failure(ErrorClass::Transient, 1, None);
        let mut delays = Vec::new();
        for _ in 0..40 {
            if let Verdict::RetryAfter(delay) =
                policy.decide(&transient, counted(1), &mut quota, 1.0)
            {
                delays.push(delay.as_millis());
            }
        }
        assert_eq!(delays[..35], [50; 500 / 14]);
        assert_eq!(delays[35..], [20_000; 5]);
        quota.succeeded(Some(14));
        assert_eq!(
            policy.decide(&transient, counted(1), &mut quota, 1.0),
            Verdict::RetryAfter(Duration::from_millis(50))
        );
        for _ in 0..1000 {
            quota.succeeded(None);
        }
        assert_eq!(quota, RetryQuota::default());
    }
}
