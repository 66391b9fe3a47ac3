//! What was measured of a cell.

use std::collections::BTreeMap;
use std::time::Duration;

use super::design::Cell;

/// What a client saw of an upload that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    /// A write failed for the peer had closed (`EPIPE`), and there was no answer.
    BrokenPipe,
    /// The connection was reset, and there was no answer.
    Reset,
    /// There was no answer in another way: status 0.
    NoAnswer,
    /// 403: the URL has expired.
    Expired,
    /// The client saw by itself that the URL has expired, and did not send, or not again.
    NotSent,
    /// 400 `RequestTimeout`: nothing of the body came for too long.
    TimedOut,
    /// Anything else.
    Other,
}

impl Sight {
    /// All there are.
    pub const ALL: [Sight; 7] = [
        Sight::BrokenPipe,
        Sight::Reset,
        Sight::NoAnswer,
        Sight::Expired,
        Sight::NotSent,
        Sight::TimedOut,
        Sight::Other,
    ];

    /// Its name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Sight::BrokenPipe => "broken pipe",
            Sight::Reset => "connection reset",
            Sight::NoAnswer => "status 0",
            Sight::Expired => "403 expired",
            Sight::NotSent => "expired, not sent",
            Sight::TimedOut => "400 RequestTimeout",
            Sight::Other => "something else",
        }
    }

    /// Whether it is what users report: a transfer that is cut, and no answer.
    #[must_use]
    pub fn is_cut(self) -> bool {
        matches!(self, Sight::BrokenPipe | Sight::Reset | Sight::NoAnswer)
    }
}

/// What became of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which.
    pub cell: Cell,
    /// What was seen of the uploads that failed, and how often.
    pub seen: BTreeMap<Sight, u32>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Outcome {
    /// How many uploads failed.
    #[must_use]
    pub fn failed(&self) -> u32 {
        self.seen.values().sum()
    }

    /// How many of these were cut without an answer.
    #[must_use]
    pub fn cut(&self) -> u32 {
        self.seen.iter().filter(|(sight, _)| sight.is_cut()).map(|(_, count)| count).sum()
    }
}
