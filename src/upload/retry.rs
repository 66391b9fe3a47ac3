//! Whether and when a failure is tried again: the AWS SDKs' "standard" mode, revision 2.1.

use std::time::Duration;

use super::{Cause, Failure};
use crate::s3::{ErrorClass, S3Error};

/// How often and how soon a failure is tried again (AWS SDKs and Tools Reference Guide,
/// "Retry behavior").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts of one operation, the first included.
    pub attempts_max: u32,
    /// First backoff of a transient failure.
    pub delay_base: Duration,
    /// First backoff of a throttled one.
    pub delay_base_throttled: Duration,
    /// Longest backoff.
    pub delay_max: Duration,
    /// Longest wait that a server's `Retry-After` is granted.
    pub retry_after_max: Duration,
}

impl Default for RetryPolicy {
    /// Revision 2.1's delays, with the ten attempts that AWS advises for uploads (AWS re:Post,
    /// "HTTP 5xx errors from Amazon S3").
    fn default() -> RetryPolicy {
        RetryPolicy {
            attempts_max: 10,
            delay_base: Duration::from_millis(50),
            delay_base_throttled: Duration::from_secs(1),
            delay_max: Duration::from_secs(20),
            retry_after_max: Duration::from_mins(2),
        }
    }
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
    /// The retry quota of the whole run is used up.
    QuotaUsedUp,
}

impl RetryPolicy {
    /// Decides on a failed attempt and takes the price of a retry from `quota`. `jitter` is a
    /// uniformly random number from 0 to 1.
    pub fn decide(&self, failure: &Failure, quota: &mut RetryQuota, jitter: f64) -> Verdict {
        if !is_retryable(failure.class) {
            return Verdict::GiveUp(Reason::Permanent);
        }
        if failure.attempt >= self.attempts_max {
            return Verdict::GiveUp(Reason::AttemptsUsedUp);
        }
        if !quota.take(failure.class) {
            return Verdict::GiveUp(Reason::QuotaUsedUp);
        }
        let backoff = self.backoff(failure.class, failure.attempt).mul_f64(jitter);
        let asked =
            retry_after(&failure.cause).map_or(Duration::ZERO, |d| d.min(self.retry_after_max));
        Verdict::RetryAfter(backoff.max(asked))
    }

    /// The longest backoff before the attempt after attempt `made`: doubled with each.
    fn backoff(&self, class: ErrorClass, made: u32) -> Duration {
        let base = match class {
            ErrorClass::Throttled => self.delay_base_throttled,
            _ => self.delay_base,
        };
        let factor = 1u32.checked_shl(made.saturating_sub(1)).unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(self.delay_max)
    }
}

/// Whether the same request may succeed next time.
fn is_retryable(class: ErrorClass) -> bool {
    matches!(class, ErrorClass::Transient | ErrorClass::Throttled | ErrorClass::Damaged)
}

/// How long the server asked us to wait.
fn retry_after(cause: &Cause) -> Option<Duration> {
    match cause {
        Cause::S3(S3Error::Answered { retry_after, .. }) => *retry_after,
        _ => None,
    }
}

/// The retry quota that all operations of a run share: retries stop when most requests fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryQuota {
    left: u32,
}

impl RetryQuota {
    const CAPACITY: u32 = 500;
    const COST_TRANSIENT: u32 = 14;
    const COST_THROTTLED: u32 = 5;

    fn cost(class: ErrorClass) -> u32 {
        match class {
            ErrorClass::Throttled => RetryQuota::COST_THROTTLED,
            _ => RetryQuota::COST_TRANSIENT,
        }
    }

    /// Takes the price of a retry; false where it is not there.
    fn take(&mut self, class: ErrorClass) -> bool {
        let cost = RetryQuota::cost(class);
        let enough = self.left >= cost;
        if enough {
            self.left -= cost;
        }
        enough
    }

    /// Gives back for a success: what its last retry cost, or 1 for a success at the first try.
    pub fn succeeded(&mut self, retried_after: Option<ErrorClass>) {
        let back = retried_after.map_or(1, RetryQuota::cost);
        self.left = (self.left + back).min(RetryQuota::CAPACITY);
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
    use crate::upload::Symptom;

    fn failure(class: ErrorClass, attempt: u32, retry_after: Option<Duration>) -> Failure {
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
            }),
            symptom: Symptom::Throttled,
            class,
            ambiguous: false,
            evidence: Evidence::default(),
        }
    }

    fn delay(class: ErrorClass, attempt: u32, retry_after: Option<Duration>, jitter: f64) -> u128 {
        let policy = RetryPolicy { attempts_max: 100, ..RetryPolicy::default() };
        let failure = failure(class, attempt, retry_after);
        match policy.decide(&failure, &mut RetryQuota::default(), jitter) {
            Verdict::RetryAfter(delay) => delay.as_millis(),
            Verdict::GiveUp(reason) => panic!("gave up: {reason:?}"),
        }
    }

    #[test]
    fn the_backoff_doubles_from_its_base_to_its_bound_with_full_jitter() {
        let transient = |attempt| delay(ErrorClass::Transient, attempt, None, 1.0);
        assert_eq!([1, 2, 3, 9, 10, 60].map(transient), [50, 100, 200, 12_800, 20_000, 20_000]);
        let throttled = |attempt| delay(ErrorClass::Throttled, attempt, None, 1.0);
        assert_eq!([1, 2, 5, 6].map(throttled), [1_000, 2_000, 16_000, 20_000]);
        assert_eq!(delay(ErrorClass::Throttled, 2, None, 0.25), 500);
        assert_eq!(delay(ErrorClass::Throttled, 2, None, 0.0), 0);
    }

    #[test]
    fn the_servers_wish_is_honoured_within_a_bound() {
        let asked =
            |seconds| delay(ErrorClass::Throttled, 1, Some(Duration::from_secs(seconds)), 0.5);
        assert_eq!([0, 2, 86_400].map(asked), [500, 2_000, 120_000]);
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_only_so_often() {
        let policy = RetryPolicy { attempts_max: 3, ..RetryPolicy::default() };
        let decide = |class, attempt| {
            policy.decide(&failure(class, attempt, None), &mut RetryQuota::default(), 0.5)
        };
        assert_eq!(decide(ErrorClass::Permanent, 1), Verdict::GiveUp(Reason::Permanent));
        assert_eq!(decide(ErrorClass::Denied, 1), Verdict::GiveUp(Reason::Permanent));
        assert_eq!(decide(ErrorClass::Transient, 3), Verdict::GiveUp(Reason::AttemptsUsedUp));
        assert!(matches!(decide(ErrorClass::Damaged, 2), Verdict::RetryAfter(_)));
    }

    #[test]
    fn the_quota_ends_retries_when_nothing_succeeds_and_fills_again() {
        let policy = RetryPolicy::default();
        let mut quota = RetryQuota::default();
        let mut retries = 0;
        let transient = failure(ErrorClass::Transient, 1, None);
        while let Verdict::RetryAfter(_) = policy.decide(&transient, &mut quota, 0.5) {
            retries += 1;
        }
        assert_eq!(retries, 500 / 14);
        assert_eq!(
            policy.decide(&transient, &mut quota, 0.5),
            Verdict::GiveUp(Reason::QuotaUsedUp)
        );
        quota.succeeded(Some(ErrorClass::Transient));
        assert!(matches!(policy.decide(&transient, &mut quota, 0.5), Verdict::RetryAfter(_)));
        for _ in 0..1000 {
            quota.succeeded(None);
        }
        assert_eq!(quota, RetryQuota::default());
    }
}
