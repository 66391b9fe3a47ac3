//! Moments as a manifest writes them: RFC 3339, in UTC.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::s3::UnixTime;

/// The first and the last second that RFC 3339 can write: of the years 0 and 9999.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;

/// In whole seconds; what cannot be written is as near as can be.
pub(super) fn written(time: UnixTime) -> String {
    DateTime::<Utc>::from_timestamp(time.0.clamp(FIRST, LAST), 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Seconds and nanoseconds since 1970; what cannot be written is as near as can be.
pub(super) fn written_exactly((seconds, nanoseconds): (i64, i64)) -> String {
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
    DateTime::<Utc>::from_timestamp(seconds.clamp(FIRST, LAST), nanoseconds)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Seconds and nanoseconds since 1970.
pub(super) fn read(text: &str) -> Option<(i64, i64)> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    // A leap second has more nanoseconds than fit into a second.
    let nanoseconds = time.timestamp_subsec_nanos().min(999_999_999);
    let seconds = time.timestamp();
    (FIRST..=LAST).contains(&seconds).then_some((seconds, nanoseconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for time in [0, -1, 1_767_323_045, FIRST, LAST] {
            assert_eq!(read(&written(UnixTime(time))), Some((time, 0)));
            assert_eq!(read(&written_exactly((time, 7))), Some((time, 7)));
        }
        assert_eq!(written_exactly((1_767_323_045, 123)), "2026-01-02T03:04:05.000000123Z");
        assert_eq!(written(UnixTime(i64::MAX)), "9999-12-31T23:59:59Z");
        assert_eq!(written(UnixTime(i64::MIN)), "0000-01-01T00:00:00Z");
    }

    #[test]
    fn other_zones_are_read_and_other_years_are_not() {
        assert_eq!(read("2026-01-02T03:04:05+01:00"), Some((1_767_319_445, 0)));
        assert_eq!(read("9999-12-31T23:59:59-01:00"), None);
        assert_eq!(read("2026-01-02"), None);
    }
}
