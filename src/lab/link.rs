//! A link of limited rate: how long bytes take to pass it. Pure: the time is told.

use std::time::Duration;

/// The link that request bodies arrive by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkRate {
    /// Bytes a second, at least 1.
    pub bytes_per_s: u64,
    /// Whether all connections share it, rather than each having one of its own.
    pub is_shared: bool,
}

/// How many bytes pass at once: whoever shares the link takes turns of so many.
pub(super) const SLICE: usize = 16 << 10;

/// What a link that was idle may catch up on. Timers wake a little late; without it every turn
/// would lose that.
const BURST: Duration = Duration::from_millis(20);

/// A token bucket. Whoever asks first passes first; each waits for its slice before it asks for
/// the next, and so all have equal shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    bytes_per_s: u64,
    free_at: Duration,
}

impl Link {
    /// An idle link.
    pub(super) fn new(bytes_per_s: u64) -> Link {
        Link { bytes_per_s, free_at: Duration::ZERO }
    }

    /// When so many bytes that are there at `now` will have passed.
    pub(super) fn pass(&mut self, now: Duration, bytes: usize) -> Duration {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_s as f64);
        self.free_at = self.free_at.max(now.saturating_sub(BURST)) + takes;
        self.free_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn bytes_pass_one_after_the_other() {
        let mut link = Link::new(1000);
        assert_eq!(link.pass(MS(0), 100), MS(100));
        assert_eq!(link.pass(MS(0), 100), MS(200), "another who comes at the same time");
        assert_eq!(link.pass(MS(150), 50), MS(250));
    }

    #[test]
    fn a_rest_gives_little_credit() {
        let mut link = Link::new(1000);
        link.pass(MS(0), 100);
        assert_eq!(link.pass(MS(10_000), 100), MS(10_080));
    }

    #[test]
    fn a_timer_that_is_late_costs_nothing() {
        let mut link = Link::new(1000);
        let mut now = MS(0);
        for _ in 0..100 {
            now = link.pass(now, 10) + MS(2);
        }
        assert_eq!(now, MS(1002));
    }

    #[test]
    fn those_who_share_it_have_equal_shares() {
        let mut link = Link::new(1_000_000);
        let mut waiting = [(MS(0), 0_usize); 5];
        while waiting.iter().any(|(_, passed)| *passed < 100 * SLICE) {
            let next = waiting.iter_mut().min_by_key(|(at, _)| *at).unwrap();
            *next = (link.pass(next.0, SLICE), next.1 + SLICE);
        }
        let passed = waiting.map(|(_, passed)| passed);
        assert!(passed.iter().all(|passed| passed.abs_diff(100 * SLICE) <= SLICE), "{passed:?}");
    }
}
