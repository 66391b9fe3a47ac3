//! Forecasts by hand, and against the same model played byte by byte.

use proptest::prelude::*;

use super::*;
use crate::s3::Limits;

const MIB: u64 = 1 << 20;

fn seconds(seconds: impl Into<Option<u64>>) -> Option<Duration> {
    seconds.into().map(Duration::from_secs)
}

/// Parts of so many bytes, all of which end then, as does what completes them.
fn ahead(parts: &[u64], ends_in: Option<Duration>) -> Ahead {
    let parts = parts.iter().map(|bytes| PartAhead { bytes: *bytes, ends_in }).collect();
    Ahead { parts, complete_ends_in: ends_in }
}

#[test]
fn parts_that_begin_too_late_are_counted() {
    // Ten parts of 100 bytes, two at a time, at 10 bytes a second: pairs begin every 20 s.
    let parts = [100; 10];
    let forecast = |ends_in| ahead(&parts, seconds(ends_in)).forecast(10, 2, 1000);
    let rows = [
        (0, 10, Some(0), false),
        (1, 8, Some(20), false),
        (20, 8, Some(20), false),
        (21, 6, Some(40), false),
        (80, 2, Some(80), false),
        (81, 0, None, false),
        (100, 0, None, false),
        (101, 0, None, true),
    ];
    for (ends_in, late, first, completes) in rows {
        let told = forecast(ends_in);
        assert_eq!((told.duration, told.parts), (Duration::from_secs(100), 10));
        assert_eq!((told.late_parts, told.completes_in_time), (late, completes), "{ends_in}");
        assert_eq!(told.first_late_at, first.map(Duration::from_secs), "{ends_in}");
        assert_eq!(told.is_in_time(), completes && late == 0);
        assert_eq!((told.ends_in, told.ends_at_once), (seconds(ends_in), true));
    }
    let free = ahead(&parts, None).forecast(10, 2, 1000);
    assert!(free.is_in_time() && free.ends_in.is_none(), "{free:?}");
    assert_eq!((free.rate_needed, free.concurrency_needed), (None, None));
}

#[test]
fn what_would_fit_is_told_where_anything_would() {
    let told = ahead(&[100; 10], seconds(50)).forecast(10, 2, 1000);
    assert_eq!((told.rate_needed, told.concurrency_needed), (Some(21), None));
    assert!(ahead(&[100; 10], seconds(50)).forecast(21, 2, 1000).is_in_time());
    assert!(!ahead(&[100; 10], seconds(50)).forecast(20, 2, 1000).is_in_time());
    // The upload may be completed later than its parts may begin.
    let lasting = Ahead { complete_ends_in: seconds(500), ..ahead(&[100; 10], seconds(50)) };
    let told = lasting.forecast(10, 2, 1000);
    assert_eq!((told.late_parts, told.completes_in_time), (4, true));
    assert_eq!((told.concurrency_needed, told.ends_at_once), (Some(10), false));
    assert!(lasting.forecast(10, 10, 1000).is_in_time());
    assert_eq!(lasting.forecast(10, 2, 9).concurrency_needed, None);
    let lasting = Ahead { complete_ends_in: seconds(500), ..ahead(&[100; 10], seconds(51)) };
    assert_eq!(lasting.forecast(10, 2, 5).concurrency_needed, Some(5));
    assert_eq!(lasting.forecast(10, 2, 4).concurrency_needed, None);
    assert_eq!(lasting.forecast(10, 5, 5).concurrency_needed, None);
    // Nothing helps against a right that has ended.
    let ended = ahead(&[100], seconds(0)).forecast(10, 1, 1000);
    assert_eq!((ended.rate_needed, ended.concurrency_needed), (None, None));
}

#[test]
fn one_put_is_in_time_where_it_begins_in_time() {
    let plan = UploadPlan::new(4 * MIB, 5 * MIB, 5 * MIB, &Limits::AWS).unwrap();
    let of = |ends| Ahead::of(&plan, |_| false, (0, 0), |_| seconds(ends), seconds(ends)).unwrap();
    let forecast = of(1).forecast(1, 8, 1000);
    assert_eq!((forecast.parts, forecast.is_in_time()), (1, true));
    assert_eq!(forecast.duration, Duration::from_secs(4 * MIB));
    assert!(!of(0).forecast(1, 8, 1000).is_in_time());
}

#[test]
fn what_is_stored_or_has_begun_needs_no_right() {
    let plan = UploadPlan::new(22 * MIB, 5 * MIB, 0, &Limits::AWS).unwrap();
    let stored = |number: PartNumber| number.index() == 1;
    let ends = |number: PartNumber| seconds(u64::from(number.index()));
    let rest = Ahead::of(&plan, stored, (2, 7 * MIB), ends, seconds(9)).unwrap();
    let part = |mib, ends_in| PartAhead { bytes: mib * MIB, ends_in };
    let even = 5 * MIB - 7 * MIB / 2;
    let begun = PartAhead { bytes: even, ends_in: None };
    assert_eq!(rest.parts, [begun, begun, part(5, seconds(3)), part(2, seconds(4))]);
    assert_eq!(rest.complete_ends_in, seconds(9));
    let all = Ahead::of(&plan, |_| true, (3, 5), ends, seconds(9)).unwrap();
    assert_eq!(all.parts, []);
    assert_eq!(all.forecast(1, 1, 1).duration, Duration::ZERO);
}

#[test]
fn of_a_stream_nothing_is_known_but_what_was_told() {
    let known = UploadPlan::stream_of(12 * MIB, 5 * MIB, 0, &Limits::AWS).unwrap();
    let ahead = |plan| Ahead::of(plan, |_| false, (0, 0), |_| None, None);
    assert_eq!(ahead(&known).unwrap().bytes(), 12 * MIB);
    let ladder = crate::upload::Ladder::equal(5 * MIB, &Limits::AWS).unwrap();
    let unknown = UploadPlan::stream(&ladder, 0, &Limits::AWS).unwrap();
    assert_eq!(ahead(&unknown), None);
}

#[test]
fn lifetimes_are_what_one_would_type() {
    let rows = [
        (0, Some(5 * 60)),
        (60, Some(5 * 60)),
        (200, Some(10 * 60)),
        (40 * 60, Some(2 * HOUR)),
        (3 * HOUR + 600, Some(5 * HOUR)),
        (20 * HOUR, Some(2 * DAY)),
        (6 * DAY, Some(7 * DAY)),
        (7 * DAY, None),
    ];
    for (duration, lifetime) in rows {
        let told = ahead(&[duration], None).forecast(1, 1, 1).lifetime();
        assert_eq!(told, lifetime.map(Duration::from_secs), "{duration}");
    }
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let ahead = ahead(&[u64::MAX; 3], Some(Duration::MAX));
    let told = ahead.forecast(u64::MAX, 2, u32::MAX);
    assert!(told.is_in_time(), "{told:?}");
    assert!(ahead.forecast(1, u32::MAX, u32::MAX).duration > LIFETIME_MAX);
}

/// The same model, byte by byte: each part in flight is given one byte in turn. Bytes moved when
/// each part begins.
fn played(parts: &[u64], concurrency: usize) -> Vec<u64> {
    let (mut moved, mut begun, mut in_flight) = (0, Vec::new(), Vec::<u64>::new());
    while begun.len() < parts.len() {
        in_flight.retain(|left| *left > 0);
        while in_flight.len() < concurrency && begun.len() < parts.len() {
            in_flight.push(parts[begun.len()]);
            begun.push(moved);
            in_flight.retain(|left| *left > 0);
        }
        for left in &mut in_flight {
            *left -= 1;
            moved += 1;
        }
    }
    begun
}

proptest! {
    #[test]
    fn a_forecast_is_what_playing_it_gives(
        parts in prop::collection::vec(0u64..20, 0..12),
        ends in prop::collection::vec(prop::option::of(0u64..200), 12),
        complete in prop::option::of(0u64..200),
        concurrency in 1u32..6,
        rate in 1u64..9,
    ) {
        let parts_ahead = parts.iter().zip(&ends);
        let parts_ahead = parts_ahead.map(|(bytes, end)| PartAhead {
            bytes: *bytes,
            ends_in: end.map(Duration::from_secs),
        });
        let complete_ends_in = complete.map(Duration::from_secs);
        let ahead = Ahead { parts: parts_ahead.collect(), complete_ends_in };
        let begun = played(&parts, concurrency as usize);
        prop_assert_eq!(&ahead.moved_at_begin(concurrency), &begun);
        let told = ahead.forecast(rate, concurrency, 64);
        // In time: moved / rate < end.
        let late = |rate: u64, (moved, end): (&u64, &Option<u64>)| {
            end.is_some_and(|end| *moved >= end * rate)
        };
        let count = begun.iter().zip(&ends).filter(|row| late(rate, *row)).count();
        prop_assert_eq!(told.late_parts as usize, count);
        let all = parts.iter().sum();
        prop_assert_eq!(told.completes_in_time, !late(rate, (&all, &complete)));
        let whole = Duration::from_secs(all) / u32::try_from(rate).unwrap();
        prop_assert!(told.duration.abs_diff(whole) < Duration::from_nanos(2));
        if let Some(needed) = told.rate_needed {
            prop_assert!(ahead.forecast(needed, concurrency, 64).is_in_time());
            prop_assert!(!ahead.forecast(needed - 1, concurrency, 64).is_in_time() || needed == 1);
        } else if !told.is_in_time() {
            prop_assert!(!ahead.forecast(1 << 50, concurrency, 64).is_in_time());
        }
        if let Some(more) = told.concurrency_needed {
            prop_assert!(more > concurrency && ahead.forecast(rate, more, 64).is_in_time());
        } else if !told.is_in_time() {
            prop_assert!(!ahead.forecast(rate, 64, 64).is_in_time());
        }
    }
}
