//! What measuring may cost, reckoned beforehand.

use std::time::Duration;

/// What may be spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time, the warm-up included.
    pub time: Duration,
    /// Bytes of files, repetitions within an upload not counted.
    pub bytes: u64,
    /// Rounds at most.
    pub rounds: u32,
}

/// What was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// Time.
    pub time: Duration,
    /// Bytes of files.
    pub bytes: u64,
}

/// The budget cannot pay for the rounds that must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Short {
    /// What they cost.
    pub needed: Spent,
    /// Candidates, the baseline included, that could be paid for; may be none.
    pub candidates: usize,
}

/// Rounds of all candidates without which nothing can be said, and none is begun.
pub(super) const ROUNDS_MIN: u32 = 2;

impl Budget {
    /// Uploads at least, the warm-up included.
    #[must_use]
    pub fn uploads_min(candidates: usize) -> u64 {
        1 + u64::from(ROUNDS_MIN) * candidates as u64
    }

    /// Uploads at most, the warm-up included.
    #[must_use]
    pub fn uploads_max(&self, candidates: usize) -> u64 {
        1 + u64::from(self.rounds) * candidates as u64
    }

    /// Whether uploads that cost `each` can be made often enough for so many candidates.
    ///
    /// # Errors
    /// They cannot.
    pub fn check(&self, each: Spent, candidates: usize) -> Result<(), Short> {
        let uploads = Budget::uploads_min(candidates);
        let needed = Spent {
            time: each.time.saturating_mul(u32::try_from(uploads).unwrap_or(u32::MAX)),
            bytes: each.bytes.saturating_mul(uploads),
        };
        if needed.time <= self.time && needed.bytes <= self.bytes {
            return Ok(());
        }
        let by_time = self.time.as_nanos().checked_div(each.time.as_nanos());
        let by_time = by_time.map_or(u64::MAX, |uploads| uploads as u64);
        let by_bytes = self.bytes.checked_div(each.bytes).unwrap_or(u64::MAX);
        let uploads = by_time.min(by_bytes).saturating_sub(1);
        Err(Short { needed, candidates: (uploads / u64::from(ROUNDS_MIN)) as usize })
    }

    /// Whether it is used up.
    pub(super) fn is_spent(&self, spent: Spent) -> bool {
        spent.time >= self.time || spent.bytes >= self.bytes
    }

    /// Whether so many uploads more fit into it, going by what `count` of them cost.
    pub(super) fn has_room(&self, spent: Spent, count: u32, more: u32) -> bool {
        let time = spent.time / count.max(1) * more;
        let bytes = spent.bytes / u64::from(count.max(1)) * u64::from(more);
        spent.time + time <= self.time && spent.bytes.saturating_add(bytes) <= self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { time: Duration::from_mins(1), bytes: 1000, rounds: 5 };

    #[test]
    fn two_rounds_must_be_paid_for() {
        let each = |seconds, bytes| Spent { time: Duration::from_secs(seconds), bytes };
        assert_eq!(BUDGET.check(each(2, 10), 10), Ok(()));
        let short = BUDGET.check(each(6, 10), 10).unwrap_err();
        assert_eq!(short, Short { needed: each(126, 210), candidates: 4 });
        assert_eq!(BUDGET.check(each(6, 10), 4), Ok(()));
        assert!(BUDGET.check(each(6, 10), 5).is_err());
        assert_eq!(BUDGET.check(each(1, 100), 9).unwrap_err().candidates, 4);
        assert_eq!(BUDGET.check(each(1, 5000), 1).unwrap_err().candidates, 0);
        assert_eq!(BUDGET.check(each(0, 0), 1000), Ok(()));
        assert_eq!((Budget::uploads_min(3), BUDGET.uploads_max(3)), (7, 16));
    }

    #[test]
    fn what_is_spent_tells_what_more_will_cost() {
        let spent = Spent { time: Duration::from_secs(30), bytes: 100 };
        assert!(BUDGET.has_room(spent, 10, 10));
        assert!(!BUDGET.has_room(spent, 10, 11));
        assert!(!BUDGET.is_spent(spent));
        assert!(BUDGET.is_spent(Spent { bytes: 1000, ..spent }));
    }
}
