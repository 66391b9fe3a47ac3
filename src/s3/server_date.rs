//! The server's clock, as its answers tell it.

use std::time::Duration;

use chrono::DateTime;

use crate::http::Response;
use crate::time::ClockOffset;

/// A moment by somebody's wall clock: whole seconds since 1970 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// How much later this is than `earlier`; `None` where it is not.
    #[must_use]
    pub fn since(self, earlier: UnixTime) -> Option<Duration> {
        u64::try_from(self.0.checked_sub(earlier.0)?).ok().map(Duration::from_secs)
    }

    /// This moment, `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add_unsigned(span.as_secs()))
    }

    /// This moment, `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub_unsigned(span.as_secs()))
    }
}

/// When the server said it answered (`Date`); `None` where it does not say, or where a cache
/// answered in its place (`Age`).
#[must_use]
pub fn server_date(response: &Response) -> Option<UnixTime> {
    if response.headers.get("age").is_some() {
        return None;
    }
    http_date(response.headers.get("date")?)
}

/// By how much the server's clock is ahead of the local one, after an exchange that took from
/// `began` to `ended` by the local clock and whose answer is dated `date`. The server may have
/// written the date at any moment between, so that many offsets are possible: of them the one
/// nearest to what was `assumed` so far.
#[must_use]
pub fn clock_offset(
    date: UnixTime,
    began: UnixTime,
    ended: UnixTime,
    assumed: ClockOffset,
) -> ClockOffset {
    let least = date.0.saturating_sub(ended.0);
    let most = date.0.saturating_sub(began.0).max(least);
    ClockOffset(assumed.0.clamp(least, most))
}

/// A date as HTTP writes it today (`Sun, 06 Nov 1994 08:49:37 GMT`: RFC 9110, section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<UnixTime> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| UnixTime(date.timestamp()))
}

/// A date as S3's documents write it (`2009-10-12T17:50:30.000Z`).
pub(super) fn xml_date(text: &str) -> Option<UnixTime> {
    DateTime::parse_from_rfc3339(text.trim()).ok().map(|date| UnixTime(date.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    fn dated(headers: &[(&str, &str)]) -> Option<UnixTime> {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        server_date(&Response { status: 200, headers: fields, body: Vec::new() })
    }

    #[test]
    fn a_date_is_read_or_ignored() {
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(dated(&[date]), Some(UnixTime(784_111_777)));
        assert_eq!(dated(&[date, ("age", "3")]), None, "a cache's answer");
        for text in ["", "now", "784111777", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            assert_eq!(dated(&[("date", text)]), None, "{text}");
        }
        assert_eq!(dated(&[]), None);
        assert_eq!(xml_date("1994-11-06T08:49:37.000Z"), Some(UnixTime(784_111_777)));
    }

    #[test]
    fn the_offset_is_the_least_correction_that_the_date_allows() {
        let offset = |date, assumed| {
            let (began, ended) = (UnixTime(1_000), UnixTime(1_060));
            clock_offset(UnixTime(date), began, ended, ClockOffset(assumed)).0
        };
        assert_eq!(offset(1_030, 0), 0, "written under way");
        assert_eq!(offset(2_060, 0), 1_000, "the server is ahead");
        assert_eq!(offset(500, 0), -500, "the server is behind");
        assert_eq!(offset(2_030, 1_000), 1_000, "as was assumed");
        assert_eq!(offset(1_030, 1_000), 30, "ours was set right");
        let (now, never) = (UnixTime(i64::MAX), UnixTime(i64::MIN));
        assert_eq!(clock_offset(never, now, now, ClockOffset(0)).0, i64::MIN);
    }

    #[test]
    fn spans_are_reckoned_without_overflow() {
        assert_eq!(UnixTime(7).since(UnixTime(5)), Some(Duration::from_secs(2)));
        assert_eq!(UnixTime(5).since(UnixTime(7)), None);
        assert_eq!(UnixTime(i64::MAX).since(UnixTime(i64::MIN)), None);
        assert_eq!(UnixTime(9).before(Duration::from_millis(2_900)), UnixTime(7));
    }
}
