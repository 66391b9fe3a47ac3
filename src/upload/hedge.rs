//! The last stragglers: when every part is on its way and one of them takes much longer than its
//! siblings did, it is sent a second time over another connection; the first answer wins.
//!
//! Source: Amazon S3 User Guide, "Performance design patterns": retry the slowest requests, over a
//! new connection and with a fresh DNS answer.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::s3::PartNumber;

/// Of a file's bytes, at most one in so many is sent for hedging.
const BUDGET_DIVISOR: u64 = 20;
/// Parts whose duration is remembered.
const REMEMBERED: usize = 64;
/// Parts that must have been stored before a duration is called typical.
const ENOUGH: usize = 4;
/// Longer than nine of ten, by this factor and this much, is straggling.
const FACTOR: f64 = 1.5;
const MORE: Duration = Duration::from_secs(1);

/// What parts usually take, and what has been spent on sending some of them twice.
#[derive(Debug, Clone)]
pub(super) struct Hedging {
    /// Of the parts stored last, in a ring.
    durations: Vec<Duration>,
    next: usize,
    /// Bytes that may be sent twice, and those that were.
    budget: u64,
    spent: u64,
    enabled: bool,
    /// Parts that were sent twice: once each.
    hedged: BTreeSet<PartNumber>,
}

impl Hedging {
    /// For a file of `size` bytes; `enabled` as the user wants it.
    pub(super) fn new(size: u64, enabled: bool) -> Hedging {
        let (durations, hedged) = (Vec::new(), BTreeSet::new());
        let mut hedging = Hedging { durations, next: 0, budget: 0, spent: 0, enabled, hedged };
        hedging.grow(size);
        hedging
    }

    /// The file is a stream that has `size` bytes by now.
    pub(super) fn grow(&mut self, size: u64) {
        self.budget = if self.enabled { size / BUDGET_DIVISOR } else { 0 };
    }

    /// A part took this long.
    pub(super) fn stored(&mut self, duration: Duration) {
        if self.durations.len() < REMEMBERED {
            self.durations.push(duration);
        } else {
            self.durations[self.next] = duration;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }

    /// After how long a part of `length` bytes is straggling; `None` where it cannot be told or
    /// may not be sent twice.
    pub(super) fn straggles_after(&self, length: u64) -> Option<Duration> {
        if self.spent + length > self.budget || self.durations.len() < ENOUGH {
            return None;
        }
        let mut durations = self.durations.clone();
        let nine_of_ten = durations.len() * 9 / 10;
        let (_, slow, _) = durations.select_nth_unstable(nine_of_ten);
        Some(slow.mul_f64(FACTOR) + MORE)
    }

    /// Whether this part was sent twice.
    pub(super) fn has(&self, number: PartNumber) -> bool {
        self.hedged.contains(&number)
    }

    /// This part of `length` bytes is sent twice.
    pub(super) fn spend(&mut self, number: PartNumber, length: u64) {
        self.spent += length;
        self.hedged.insert(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(size: u64, seconds: &[u64]) -> Hedging {
        let mut hedging = Hedging::new(size, true);
        for seconds in seconds {
            hedging.stored(Duration::from_secs(*seconds));
        }
        hedging
    }

    #[test]
    fn straggling_is_longer_than_nine_of_ten() {
        let hedging = after(1000, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        assert_eq!(hedging.straggles_after(10), Some(Duration::from_secs(16)));
        assert_eq!(after(1000, &[1, 1, 1]).straggles_after(10), None, "too few to tell");
    }

    #[test]
    fn never_more_than_one_byte_in_twenty_is_sent_twice() {
        let mut hedging = after(1000, &[1; 10]);
        assert_eq!(hedging.straggles_after(51), None);
        let mut spent = 0;
        while hedging.straggles_after(10).is_some() {
            hedging.spend(PartNumber::from_index(spent), 10);
            spent += 10;
        }
        assert_eq!(spent, 50);
    }

    #[test]
    fn a_stream_that_grows_may_have_more_sent_twice() {
        let mut hedging = after(0, &[1; 10]);
        assert_eq!(hedging.straggles_after(10), None);
        hedging.grow(200);
        assert!(hedging.straggles_after(10).is_some());
        hedging.spend(PartNumber::from_index(0), 10);
        hedging.grow(399);
        assert_eq!(hedging.straggles_after(10), None, "what was spent counts");
        hedging.grow(400);
        assert!(hedging.straggles_after(10).is_some());
    }

    #[test]
    fn who_does_not_want_it_does_not_get_it() {
        let mut hedging = Hedging::new(1000, false);
        for _ in 0..9 {
            hedging.stored(MORE);
        }
        assert_eq!(hedging.straggles_after(1), None);
    }

    #[test]
    fn only_the_last_durations_are_remembered() {
        let hedging = after(1000, &[vec![100; 100], vec![1; REMEMBERED]].concat());
        assert_eq!(hedging.straggles_after(1), Some(Duration::from_millis(2_500)));
    }
}
