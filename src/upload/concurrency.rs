//! How many attempts may be in flight: one more after each round of successes, half as many when
//! the store throttles, as TCP treats its window. Never above what the user allowed.

use super::AttemptId;

/// A limit that breathes. One store and one key prefix have one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ConcurrencyLimit {
    /// What the user allowed.
    max: u32,
    /// In attempts; between 1 and `max`.
    limit: f64,
    lowest: u32,
    /// The first attempt that was begun under the limit of today: what was begun before says
    /// nothing about it.
    since: AttemptId,
}

impl ConcurrencyLimit {
    pub(super) fn new(max: u32) -> ConcurrencyLimit {
        let max = max.max(1);
        ConcurrencyLimit { max, limit: f64::from(max), lowest: max, since: AttemptId(0) }
    }

    /// Attempts that may be in flight.
    pub(super) fn allowed(&self) -> u32 {
        self.limit as u32
    }

    /// What the user allowed.
    pub(super) fn max(&self) -> u32 {
        self.max
    }

    /// The smallest that was ever allowed.
    pub(super) fn lowest(&self) -> u32 {
        self.lowest
    }

    pub(super) fn succeeded(&mut self) {
        self.limit = (self.limit + 1.0 / self.limit).min(f64::from(self.max));
    }

    /// The store asked for less: half of what was in flight, once for all that was in flight.
    /// `next` is the attempt that comes next. Whether the limit fell.
    pub(super) fn throttled(
        &mut self,
        attempt: AttemptId,
        next: AttemptId,
        in_flight: u32,
    ) -> bool {
        if attempt < self.since {
            return false;
        }
        self.since = next;
        self.fall_to(self.limit.min(f64::from(in_flight)) / 2.0)
    }

    /// A connection was refused that others have: there may be one too many.
    pub(super) fn crowded(&mut self, in_flight: u32) -> bool {
        self.fall_to(self.limit.min(f64::from(in_flight)) - 1.0)
    }

    fn fall_to(&mut self, limit: f64) -> bool {
        let before = self.allowed();
        self.limit = limit.max(1.0);
        self.lowest = self.lowest.min(self.allowed());
        self.allowed() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_round_of_throttling_halves_once() {
        let mut limit = ConcurrencyLimit::new(64);
        assert_eq!(limit.allowed(), 64);
        assert!(limit.throttled(AttemptId(3), AttemptId(64), 64));
        assert_eq!(limit.allowed(), 32);
        assert!(!limit.throttled(AttemptId(63), AttemptId(64), 60), "begun before the fall");
        assert_eq!(limit.allowed(), 32);
        assert!(limit.throttled(AttemptId(64), AttemptId(90), 32));
        assert_eq!((limit.allowed(), limit.lowest()), (16, 16));
    }

    #[test]
    fn what_is_halved_is_what_was_in_flight() {
        let mut limit = ConcurrencyLimit::new(64);
        assert!(limit.throttled(AttemptId(0), AttemptId(1), 10));
        assert_eq!(limit.allowed(), 5);
    }

    #[test]
    fn a_round_of_successes_adds_one_and_never_above_what_was_allowed() {
        let mut limit = ConcurrencyLimit::new(12);
        limit.throttled(AttemptId(0), AttemptId(1), 20);
        assert_eq!(limit.allowed(), 6);
        for _ in 0..7 {
            limit.succeeded();
        }
        assert_eq!(limit.allowed(), 7);
        for _ in 0..1000 {
            limit.succeeded();
        }
        assert_eq!((limit.allowed(), limit.lowest()), (12, 6));
    }

    #[test]
    fn it_never_falls_below_one() {
        let mut limit = ConcurrencyLimit::new(3);
        for attempt in 0..9 {
            limit.throttled(AttemptId(attempt), AttemptId(attempt + 1), 1);
            limit.crowded(1);
        }
        assert_eq!(limit.allowed(), 1);
    }

    #[test]
    fn refused_connections_make_room_for_those_that_stand() {
        let mut limit = ConcurrencyLimit::new(8);
        for in_flight in (3..=8).rev() {
            limit.crowded(in_flight);
        }
        assert_eq!(limit.allowed(), 2);
    }
}
