//! Time as the engine knows it: told, never asked.
//!
//! The wall clock appears in one place only, the signer; everything else reckons in [`Time`].

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, as the time since the run began. Never decreases within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub Duration);

impl Time {
    /// The moment at which the run began.
    pub const ZERO: Time = Time(Duration::ZERO);

    /// How long ago `earlier` was; zero where it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Time) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// By how many seconds a server's clock is ahead of this machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ClockOffset(pub i64);

impl ClockOffset {
    /// How far two offsets lie apart.
    #[must_use]
    pub fn distance(self, other: ClockOffset) -> Duration {
        Duration::from_secs(self.0.abs_diff(other.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(span))
    }
}

impl Sub<Time> for Time {
    type Output = Duration;
    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}
