//! Moments as a manifest writes them: RFC 3339, in UTC.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::s3::UnixTime;

/// In whole seconds.
pub(super) fn written(time: UnixTime) -> String {
    DateTime::<Utc>::from_timestamp(time.0, 0)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Seconds and nanoseconds since 1970.
pub(super) fn written_exactly((seconds, nanoseconds): (i64, i64)) -> String {
    let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
    DateTime::<Utc>::from_timestamp(seconds, nanoseconds)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Nanos, true)
}

/// Seconds and nanoseconds since 1970.
pub(super) fn read(text: &str) -> Option<(i64, i64)> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    // A leap second has more nanoseconds than fit into a second.
    let nanoseconds = time.timestamp_subsec_nanos().min(999_999_999);
    Some((time.timestamp(), nanoseconds.into()))
}
