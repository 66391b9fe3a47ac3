//! The client-side rate limit of the AWS SDKs' "adaptive" retry mode: off until the store first
//! throttles, then a token bucket whose rate follows the CUBIC law of TCP congestion control.
//!
//! Source: botocore `retries/adaptive.py`, `bucket.py`, `throttling.py` (whose `last_max` is the
//! rate before the cut), smithy-rs `client_rate_limiter.rs`.

use std::time::Duration;

use crate::time::Time;

/// What is left of the rate after a throttled answer.
const BETA: f64 = 0.7;
/// How steeply the cubic curve climbs.
const SCALE: f64 = 0.4;
/// The weight of the newest half second in the measured rate.
const SMOOTHING: f64 = 0.8;
/// Requests a second, at least.
const FILL_RATE_MIN: f64 = 0.5;
const CAPACITY_MIN: f64 = 1.0;
/// Tokens that rounding may owe.
const EPSILON: f64 = 1e-6;

/// Requests a second, limited once the store has throttled.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RateLimiter {
    bucket: Option<Bucket>,
    measured: MeasuredRate,
    /// The rate when the store last throttled, and when that was, in seconds.
    last_max: f64,
    throttled_at: f64,
}

#[derive(Debug, Clone, PartialEq)]
struct Bucket {
    fill_rate: f64,
    capacity_max: f64,
    capacity: f64,
    filled_at: f64,
}

/// Answers a second, counted in half seconds and smoothed.
#[derive(Debug, Clone, Default, PartialEq)]
struct MeasuredRate {
    rate: f64,
    count: f64,
    half_second: f64,
}

impl RateLimiter {
    /// When the next request may be sent; `now` or earlier where at once.
    pub(super) fn next_at(&self, now: Time) -> Time {
        let Some(bucket) = &self.bucket else { return now };
        let missing = 1.0 - bucket.at(seconds(now));
        if missing <= EPSILON {
            return now;
        }
        now + Duration::from_secs_f64(missing / bucket.fill_rate)
    }

    /// Takes the token of one request. To be called when `next_at` has come.
    pub(super) fn take(&mut self, now: Time) {
        if let Some(bucket) = &mut self.bucket {
            bucket.fill(seconds(now));
            bucket.capacity -= 1.0;
        }
    }

    /// Learns from one answer.
    pub(super) fn answered(&mut self, now: Time, throttled: bool) {
        let now = seconds(now);
        self.measured.count(now);
        if !throttled && self.bucket.is_none() {
            return;
        }
        let calculated = if throttled {
            let rate = self
                .bucket
                .as_ref()
                .map_or(self.measured.rate, |bucket| self.measured.rate.min(bucket.fill_rate));
            self.last_max = rate;
            self.throttled_at = now;
            rate * BETA
        } else {
            let since = now - self.throttled_at - time_to_recover(self.last_max);
            SCALE * since.powi(3) + self.last_max
        };
        let rate = calculated.min(2.0 * self.measured.rate);
        self.set_rate(now, rate);
    }

    fn set_rate(&mut self, now: f64, rate: f64) {
        let bucket = self.bucket.get_or_insert(Bucket {
            fill_rate: FILL_RATE_MIN,
            capacity_max: CAPACITY_MIN,
            capacity: 0.0,
            filled_at: now,
        });
        bucket.fill(now);
        bucket.fill_rate = rate.max(FILL_RATE_MIN);
        bucket.capacity_max = rate.max(CAPACITY_MIN);
        bucket.capacity = bucket.capacity.min(bucket.capacity_max);
    }
}

impl Bucket {
    fn at(&self, now: f64) -> f64 {
        (self.capacity + (now - self.filled_at).max(0.0) * self.fill_rate).min(self.capacity_max)
    }

    fn fill(&mut self, now: f64) {
        self.capacity = self.at(now);
        self.filled_at = now;
    }
}

impl MeasuredRate {
    fn count(&mut self, now: f64) {
        self.count += 1.0;
        let half_second = (now * 2.0).floor() / 2.0;
        if half_second > self.half_second {
            let newest = self.count / (half_second - self.half_second);
            self.rate = newest * SMOOTHING + self.rate * (1.0 - SMOOTHING);
            self.count = 0.0;
            self.half_second = half_second;
        }
    }
}

/// Seconds after a cut at which the curve is back at `last_max`.
fn time_to_recover(last_max: f64) -> f64 {
    (last_max * (1.0 - BETA) / SCALE).cbrt()
}

fn seconds(time: Time) -> f64 {
    time.0.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Time {
        Time(Duration::from_secs_f64(seconds))
    }

    /// The limiter's rate after one answer, and the rate it measured.
    fn rate(limiter: &RateLimiter) -> f64 {
        limiter.bucket.as_ref().map_or(0.0, |bucket| bucket.fill_rate)
    }

    #[test]
    fn nothing_is_limited_before_the_store_throttles() {
        let mut limiter = RateLimiter::default();
        for request in 0..1000 {
            let now = at(f64::from(request) / 1000.0);
            assert_eq!(limiter.next_at(now), now);
            limiter.take(now);
            limiter.answered(now, false);
        }
        assert_eq!(limiter.bucket, None);
    }

    /// smithy-rs' table of the measured rate: answers at these times, the rate after each.
    #[test]
    fn answers_are_counted_in_half_seconds_and_smoothed() {
        let mut measured = MeasuredRate::default();
        let rows =
            [(0.1, 0.0), (0.2, 0.0), (0.3, 0.0), (0.4, 0.0), (0.5, 8.0), (0.6, 8.0), (0.7, 8.0)];
        for (time, expected) in rows {
            measured.count(time);
            assert!((measured.rate - expected).abs() < 1e-9, "{time}: {}", measured.rate);
        }
        measured.count(1.2);
        assert!((measured.rate - (6.0 * 0.8 + 8.0 * 0.2)).abs() < 1e-9, "{}", measured.rate);
    }

    /// The cubic curve of botocore's tests: cut at 10 requests a second, `last_max` before the cut.
    #[test]
    fn a_cut_leaves_seven_tenths_and_the_curve_climbs_back() {
        assert!((time_to_recover(10.0) - 1.957_433_820_584_434_4).abs() < 1e-12);
        let mut limiter = RateLimiter { last_max: 10.0, throttled_at: 5.0, ..Default::default() };
        limiter.measured.rate = 100.0;
        limiter.set_rate(5.0, 7.0);
        let rows = [
            (5.0, 7.0),
            (6.0, 9.648_933_5),
            (7.0, 10.000_030_8),
            (8.0, 10.453_284_5),
            (9.0, 13.408_698_1),
            (10.0, 21.266_275_3),
            (11.0, 36.425_986_9),
        ];
        for (time, expected) in rows {
            limiter.measured.rate = 100.0;
            limiter.measured.half_second = time;
            limiter.answered(at(time), false);
            assert!((rate(&limiter) - expected).abs() < 1e-3, "{time}: {}", rate(&limiter));
        }
    }

    #[test]
    fn the_rate_is_at_most_twice_what_was_measured_and_never_too_small() {
        let mut limiter = RateLimiter::default();
        limiter.answered(at(0.1), true);
        assert!((rate(&limiter) - FILL_RATE_MIN).abs() < 1e-9, "nothing was measured yet");
        limiter.measured.rate = 3.0;
        limiter.measured.half_second = 60.0;
        limiter.answered(at(60.0), false);
        assert!((rate(&limiter) - 6.0).abs() < 1e-9, "{}", rate(&limiter));
    }

    #[test]
    fn requests_wait_for_their_tokens() {
        let mut limiter = RateLimiter::default();
        limiter.answered(at(1.0), true);
        let mut now = at(1.0);
        for _ in 0..3 {
            let next = limiter.next_at(now);
            assert!(next > now);
            assert_eq!(limiter.next_at(next), next, "what was promised is kept");
            limiter.take(next);
            now = next;
        }
        let expected = 1.0 + 3.0 / rate(&limiter);
        assert!((seconds(now) - expected).abs() < 1e-3, "{now:?}, not {expected}");
    }
}
