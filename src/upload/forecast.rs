//! What can be said of an upload beforehand: how long it takes, and which of its requests begin
//! too late, where keys or presigned URLs end.
//!
//! The model: parts begin in their order, so many at a time, and share one rate evenly. A store
//! looks at a signature when a request begins, so a request is in time that begins before its right
//! ends, however long it takes. All is reckoned in bytes moved in all, which is time at a known
//! rate: nothing is rounded.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::UploadPlan;
use crate::s3::PartNumber;

/// A request with a body that is still to be sent, or to be finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartAhead {
    /// Bytes that are still to be sent.
    pub bytes: u64,
    /// How long from now it may begin; `None` where that has no end, or where it has begun.
    pub ends_in: Option<Duration>,
}

/// What is still to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ahead {
    /// The parts (or the one PUT), in the order in which they begin.
    pub parts: Vec<PartAhead>,
    /// How long from now the upload may be completed; `None` where that has no end, or where there
    /// is nothing to complete.
    pub complete_ends_in: Option<Duration>,
}

/// What is to be expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// Bytes a second that were assumed.
    pub rate: u64,
    /// How long it takes.
    pub duration: Duration,
    /// Parts that are still to be sent.
    pub parts: u32,
    /// Of these, how many begin too late.
    pub late_parts: u32,
    /// When the first of these would begin.
    pub first_late_at: Option<Duration>,
    /// Whether the upload is completed in time.
    pub completes_in_time: bool,
    /// When the first right ends that is still needed.
    pub ends_in: Option<Duration>,
    /// Whether all rights end then.
    pub ends_at_once: bool,
    /// Bytes a second above which everything would begin in time; `None` where no rate would do, or
    /// where nothing is late.
    pub rate_needed: Option<u64>,
    /// So many parts at a time would let everything begin in time at the same rate; `None` where no
    /// number would do, or where nothing is late.
    pub concurrency_needed: Option<u32>,
}

/// No presigned URL lasts longer (Amazon S3 User Guide, "Expiration time for presigned URLs").
pub const LIFETIME_MAX: Duration = Duration::from_hours(7 * 24);

impl Ahead {
    /// What is to be done of `plan`, but for the parts that are `stored`; of the next `begun` parts
    /// `bytes_begun` have been sent. `part_ends_in` and `complete_ends_in` say until when, from
    /// now, each may begin. `None` for a stream of which nobody knows the length.
    #[must_use]
    pub fn of(
        plan: &UploadPlan,
        stored: impl Fn(PartNumber) -> bool,
        (begun, bytes_begun): (u32, u64),
        part_ends_in: impl Fn(PartNumber) -> Option<Duration>,
        complete_ends_in: Option<Duration>,
    ) -> Option<Ahead> {
        let plan = plan.forecast()?;
        let numbers = (0..plan.parts()).map(PartNumber::from_index);
        let parts = numbers.filter(|number| !stored(*number)).map(|number| PartAhead {
            bytes: plan.part(number).length,
            ends_in: part_ends_in(number),
        });
        let mut parts: Vec<PartAhead> = parts.collect();
        let begun = parts.len().min(begun as usize);
        begin(&mut parts[..begun], bytes_begun);
        let complete_ends_in = complete_ends_in.filter(|_| !plan.is_single_put());
        Some(Ahead { parts, complete_ends_in })
    }

    /// What is to be expected at `rate` bytes a second for all, with `concurrency` parts at a time.
    /// Of either, 0 counts as 1. No more than `concurrency_max` parts at a time are suggested.
    #[must_use]
    pub fn forecast(&self, rate: u64, concurrency: u32, concurrency_max: u32) -> Forecast {
        let rate = rate.max(1);
        let moved = self.moved_at_begin(concurrency);
        let mut first_late_at = None;
        let mut late_parts = 0;
        for (part, moved) in self.parts.iter().zip(&moved) {
            if is_late(*moved, rate, part.ends_in) {
                late_parts += 1;
                first_late_at.get_or_insert(time(*moved, rate));
            }
        }
        let completes_in_time = !is_late(self.bytes(), rate, self.complete_ends_in);
        let in_time = late_parts == 0 && completes_in_time;
        let ends = self.parts.iter().map(|part| part.ends_in).chain([self.complete_ends_in]);
        let ends_in = ends.clone().flatten().min();
        Forecast {
            rate,
            duration: time(self.bytes(), rate),
            parts: u32::try_from(self.parts.len()).unwrap_or(u32::MAX),
            late_parts,
            first_late_at,
            completes_in_time,
            ends_in,
            ends_at_once: ends.flatten().all(|end| Some(end) == ends_in),
            rate_needed: (!in_time).then(|| self.rate_needed(&moved)).flatten(),
            concurrency_needed: (!in_time && completes_in_time)
                .then(|| self.concurrency_needed(rate, concurrency, concurrency_max))
                .flatten(),
        }
    }

    /// All bytes.
    fn bytes(&self) -> u64 {
        self.parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.bytes))
    }

    /// How many bytes have been moved in all when each part begins.
    fn moved_at_begin(&self, concurrency: u32) -> Vec<u64> {
        // To each part in flight comes the same: the part that began at `level` ends where the
        // level has risen by its length.
        let (mut level, mut moved) = (0u64, 0u64);
        let mut in_flight = BinaryHeap::new();
        let begin = |part: &PartAhead| {
            if in_flight.len() >= concurrency.max(1) as usize
                && let Some(Reverse(end)) = in_flight.peek().copied()
            {
                let each: u64 = end - level;
                moved = moved.saturating_add(each.saturating_mul(in_flight.len() as u64));
                level = end;
                in_flight.pop();
            }
            in_flight.push(Reverse(level.saturating_add(part.bytes)));
            moved
        };
        self.parts.iter().map(begin).collect()
    }

    /// The least rate at which nothing is late; what has been moved by then does not depend on it.
    fn rate_needed(&self, moved: &[u64]) -> Option<u64> {
        let parts = self.parts.iter().zip(moved).map(|(part, moved)| (*moved, part.ends_in));
        let mut needed = 1;
        for (moved, ends_in) in parts.chain([(self.bytes(), self.complete_ends_in)]) {
            let Some(ends_in) = ends_in else { continue };
            let rate = (u128::from(moved) * NANOS).checked_div(ends_in.as_nanos())? + 1;
            needed = needed.max(u64::try_from(rate).ok()?);
        }
        Some(needed)
    }

    /// Doubled until nothing is late: more parts at a time begin earlier, and take longer.
    fn concurrency_needed(&self, rate: u64, concurrency: u32, max: u32) -> Option<u32> {
        let max = max.min(u32::try_from(self.parts.len()).unwrap_or(max));
        let doubled = |tried: &u32| (*tried < max).then(|| tried.saturating_mul(2).min(max));
        std::iter::successors(doubled(&concurrency.max(1)), doubled).find(|tried| {
            let moved = self.moved_at_begin(*tried);
            let mut parts = self.parts.iter().zip(&moved);
            parts.all(|(part, moved)| !is_late(*moved, rate, part.ends_in))
        })
    }
}

impl Forecast {
    /// Whether every request begins before its right ends.
    #[must_use]
    pub fn is_in_time(&self) -> bool {
        self.late_parts == 0 && self.completes_in_time
    }

    /// How long a right should last: half as long again as the upload, in whole units that one
    /// would type, and at most [`LIFETIME_MAX`]. `None` where even that is too short.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        if self.duration >= LIFETIME_MAX {
            return None;
        }
        let wanted = (self.duration + self.duration / 2).as_secs() + 1;
        let unit = match () {
            () if wanted <= HOUR => 5 * 60,
            () if wanted <= DAY => HOUR,
            () => DAY,
        };
        Some(Duration::from_secs(wanted.next_multiple_of(unit)).min(LIFETIME_MAX))
    }
}

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
const NANOS: u128 = 1_000_000_000;

/// Takes `bytes` off parts that have begun: evenly, as far as they are that long.
fn begin(parts: &mut [PartAhead], mut bytes: u64) {
    let mut left = parts.len() as u64;
    for part in parts {
        let sent = bytes.div_ceil(left).min(part.bytes);
        (part.bytes, part.ends_in) = (part.bytes - sent, None);
        (bytes, left) = (bytes - sent, left - 1);
    }
}

/// Whether what begins once so many bytes were moved begins too late.
fn is_late(moved: u64, rate: u64, ends_in: Option<Duration>) -> bool {
    ends_in.is_some_and(|ends_in| {
        u128::from(moved) * NANOS >= u128::from(rate).saturating_mul(ends_in.as_nanos())
    })
}

/// How long so many bytes take; less than a nanosecond is dropped.
fn time(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes % rate) * NANOS / u128::from(rate);
    Duration::new(bytes / rate, u32::try_from(nanos).expect("the rest is less than a second"))
}

#[cfg(test)]
mod tests;
