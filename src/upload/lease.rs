//! Until when requests may be made: keys and presigned URLs end by the clock on the wall, which
//! the engine does not see; it is told when the run began.

use std::time::Duration;

use crate::s3::UnixTime;
use crate::time::{ClockOffset, Time};

/// What is known of the ends of keys and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    /// When the run began, since 1970, by this machine's clock.
    pub(super) began_at: Duration,
    /// When the keys end, where that is known.
    pub(super) keys_end: Option<UnixTime>,
    /// When links last came, where they have been renewed.
    pub(super) renewed_at: Option<Time>,
    /// When fresh ones are to be asked for.
    pub(super) ask_at: Option<Time>,
    /// The end that this was reckoned by.
    pub(super) end: Option<Time>,
}

/// How long a presigned URL lived, beside an attempt that it was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkLife {
    /// Milliseconds that were left when the attempt began.
    pub left_at_begin: i64,
    /// Milliseconds that were left at its end; below zero, it had expired so long before.
    pub left_at_end: i64,
}

/// The longest before keys end that fresh ones are asked for (botocore's advisory time).
const KEYS_AHEAD_MAX: Duration = Duration::from_mins(15);
/// The same of links: a command has them at once.
const LINKS_AHEAD_MAX: Duration = Duration::from_mins(5);
/// Between two times that they are asked for.
const PAUSE_MIN: Duration = Duration::from_secs(1);

impl Lease {
    pub(super) fn new(began_at: Duration, keys_end: Option<UnixTime>) -> Lease {
        Lease { began_at, keys_end, renewed_at: None, ask_at: None, end: None }
    }

    /// Milliseconds left at `now` until `end`, by a clock that is ahead by so much; below zero once
    /// that is over.
    pub(super) fn left(&self, now: Time, offset: ClockOffset, end: UnixTime) -> i64 {
        let since_1970 = (self.began_at + now.0).as_millis();
        let clock = i64::try_from(since_1970).unwrap_or(i64::MAX);
        let end = end.0.saturating_sub(offset.0).saturating_mul(1000);
        end.saturating_sub(clock)
    }

    /// What a clock shows at `now` that is ahead of ours by so much.
    pub(super) fn clock(&self, now: Time, offset: ClockOffset) -> UnixTime {
        let seconds = (self.began_at + now.0).as_secs().cast_signed();
        UnixTime(seconds.saturating_add(offset.0))
    }

    /// The moment `end`, as the engine reckons.
    pub(super) fn moment(&self, offset: ClockOffset, end: UnixTime) -> Time {
        let left = self.left(Time::ZERO, offset, end);
        Time(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// Plans when fresh keys or links are asked for, those of today ending at `end`: a quarter of
    /// what is left before, and no longer before than is of use.
    pub(super) fn plan(&mut self, now: Time, end: Option<Time>, are_links: bool) {
        self.end = end;
        self.ask_at = end.map(|end| {
            let left = end.since(now);
            let ahead_max = if are_links { LINKS_AHEAD_MAX } else { KEYS_AHEAD_MAX };
            now + left.saturating_sub((left / 4).min(ahead_max)).max(PAUSE_MIN)
        });
    }

    /// Plans to ask again, there having been none.
    pub(super) fn put_off(&mut self, now: Time) {
        self.ask_at = self.end.filter(|end| *end > now).map(|end| {
            let half = end.since(now) / 2;
            now + half.clamp(PAUSE_MIN, Duration::from_mins(1))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Time {
        Time(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_left_is_reckoned_by_the_stores_clock() {
        let lease = Lease::new(Duration::from_millis(1_000_250), None);
        assert_eq!(lease.left(at(10), ClockOffset(0), UnixTime(1_060)), 49_750);
        assert_eq!(lease.left(at(70), ClockOffset(0), UnixTime(1_060)), -10_250);
        assert_eq!(lease.left(at(10), ClockOffset(40), UnixTime(1_060)), 9_750);
        let end = Time(Duration::from_millis(59_750));
        assert_eq!(lease.moment(ClockOffset(0), UnixTime(1_060)), end);
        assert_eq!(lease.moment(ClockOffset(100), UnixTime(1_060)), Time::ZERO);
    }

    #[test]
    fn fresh_ones_are_asked_for_a_quarter_before_the_end() {
        let mut lease = Lease::new(Duration::ZERO, None);
        for (end, are_links, expected) in [
            (3_600, false, 2_700),
            (36_000, false, 36_000 - 900),
            (3_600, true, 3_300),
            (40, true, 30),
            (1, true, 1),
        ] {
            lease.plan(Time::ZERO, Some(at(end)), are_links);
            assert_eq!(lease.ask_at, Some(at(expected)), "{end}");
        }
        lease.plan(Time::ZERO, None, false);
        assert_eq!(lease.ask_at, None);
    }

    #[test]
    fn where_there_were_none_they_are_asked_for_again_until_the_end() {
        let mut lease = Lease::new(Duration::ZERO, None);
        lease.plan(Time::ZERO, Some(at(1_000)), false);
        lease.put_off(at(100));
        assert_eq!(lease.ask_at, Some(at(160)));
        lease.put_off(at(990));
        assert_eq!(lease.ask_at, Some(at(995)));
        lease.put_off(at(1_000));
        assert_eq!(lease.ask_at, None);
    }
}
