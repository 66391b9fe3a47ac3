//! What Amazon S3 refuses by a request's head and `s3s` does not, or not by a clock that can be
//! set: unsigned `x-amz-*` headers, a clock that is off, an expired presigned URL, another
//! bucket owner. Pure: the server's clock is told.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use http::HeaderMap;

use super::answer::ErrorDocument;
use super::recognise::parameter;

/// The account that owns every bucket of the lab.
pub const OWNER: &str = "123456789012";

/// How far the two clocks may be apart.
const SKEW_MAX: TimeDelta = TimeDelta::minutes(15);

/// Seven days, the longest life of a presigned URL (API reference, `X-Amz-Expires`).
const EXPIRES_MAX: i64 = 604_800;

/// A refusal: status and document.
pub(super) type Refusal = (u16, ErrorDocument);

/// Judges the head of a request; `now` is what the server's clock shows.
pub(super) fn judge(headers: &HeaderMap, query: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
    owner(headers)?;
    if let Some(presigned) = Presigned::of(query) {
        presigned.judge(now)?;
        return signed_headers(headers, &presigned.signed_headers);
    }
    let Some(authorization) = text(headers, "authorization") else { return Ok(()) };
    header_clock(headers, now)?;
    let signed = authorization.split(',').find_map(|field| {
        field.trim().split_once("SignedHeaders=").map(|(_, names)| names.to_owned())
    });
    signed.map_or(Ok(()), |signed| signed_headers(headers, &signed))
}

/// A presigned URL's own statements.
pub(super) struct Presigned {
    date: DateTime<Utc>,
    expires: i64,
    signed_headers: String,
}

impl Presigned {
    /// Reads the query of a presigned request; `None` if it is not one that can be read.
    pub(super) fn of(query: &str) -> Option<Presigned> {
        parameter(query, "X-Amz-Signature")?;
        Some(Presigned {
            date: date(parameter(query, "X-Amz-Date")?)?,
            expires: parameter(query, "X-Amz-Expires")?.parse().ok()?,
            signed_headers: parameter(query, "X-Amz-SignedHeaders")?
                .replace("%3B", ";")
                .replace("%3b", ";"),
        })
    }

    /// When the URL expires.
    pub(super) fn expires_at(&self) -> DateTime<Utc> {
        self.date + TimeDelta::seconds(self.expires.clamp(0, EXPIRES_MAX))
    }

    /// Whether the URL may be used at `now`.
    pub(super) fn judge(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        if !(1..=EXPIRES_MAX).contains(&self.expires) {
            let message = "X-Amz-Expires must be between 1 and 604800 seconds";
            return Err((400, ErrorDocument::new("AuthorizationQueryParametersError", message)));
        }
        let server_time = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        if self.date > now + SKEW_MAX {
            let document = ErrorDocument::new("AccessDenied", "Request is not valid yet");
            return Err((403, document.with("ServerTime", server_time)));
        }
        if now > self.expires_at() {
            let expires = self.expires_at().to_rfc3339_opts(SecondsFormat::Secs, true);
            let document = ErrorDocument::new("AccessDenied", "Request has expired")
                .with("X-Amz-Expires", self.expires.to_string())
                .with("Expires", expires)
                .with("ServerTime", server_time);
            return Err((403, document));
        }
        Ok(())
    }
}

fn owner(headers: &HeaderMap) -> Result<(), Refusal> {
    match text(headers, "x-amz-expected-bucket-owner") {
        Some(owner) if owner != OWNER => {
            Err((403, ErrorDocument::new("AccessDenied", "Access Denied")))
        }
        _ => Ok(()),
    }
}

fn header_clock(headers: &HeaderMap, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Some(request_time) = text(headers, "x-amz-date") else { return Ok(()) };
    let Some(request) = date(request_time) else { return Ok(()) };
    if (request - now).abs() <= SKEW_MAX {
        return Ok(());
    }
    let message = "The difference between the request time and the current time is too large.";
    let document = ErrorDocument::new("RequestTimeTooSkewed", message)
        .with("RequestTime", request_time)
        .with("ServerTime", now.to_rfc3339_opts(SecondsFormat::Secs, true))
        .with("MaxAllowedSkewMilliseconds", SKEW_MAX.num_milliseconds().to_string());
    Err((403, document))
}

/// Every `x-amz-*` header must be signed (API reference, "Authenticating Requests"); the payload
/// hash of a presigned request apart, which S3 takes unsigned.
fn signed_headers(headers: &HeaderMap, signed: &str) -> Result<(), Refusal> {
    let is_signed = |name: &str| signed.split(';').any(|signed| signed == name);
    let must = |name: &str| name.starts_with("x-amz-") && name != "x-amz-content-sha256";
    let unsigned: Vec<_> =
        headers.keys().map(http::HeaderName::as_str).filter(|n| must(n) && !is_signed(n)).collect();
    if unsigned.is_empty() && is_signed("host") {
        return Ok(());
    }
    let names = if unsigned.is_empty() { "host".to_owned() } else { unsigned.join(", ") };
    let message = "There were headers present in the request which were not signed";
    Err((403, ErrorDocument::new("AccessDenied", message).with("HeadersNotSigned", names)))
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn date(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: &str = "20260102T120000Z";

    fn at(offset_s: i64) -> DateTime<Utc> {
        date(NOON).unwrap() + TimeDelta::seconds(offset_s)
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    fn code(result: Result<(), Refusal>) -> Option<String> {
        result.err().map(|(_, document)| document.code)
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_a_quarter_of_an_hour_is_refused() {
        let head = headers(&[
            ("x-amz-date", NOON),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host;x-amz-date, S=1",
            ),
        ]);
        assert_eq!(code(judge(&head, "", at(900))), None);
        assert_eq!(code(judge(&head, "", at(901))).unwrap(), "RequestTimeTooSkewed");
        assert_eq!(code(judge(&head, "", at(-901))).unwrap(), "RequestTimeTooSkewed");
    }

    #[test]
    fn an_expired_url_is_refused_with_both_times() {
        let query = format!(
            "X-Amz-Date={NOON}&X-Amz-Expires=10&X-Amz-SignedHeaders=host&X-Amz-Signature=s"
        );
        assert_eq!(code(judge(&HeaderMap::new(), &query, at(10))), None);
        let (status, document) = judge(&HeaderMap::new(), &query, at(11)).unwrap_err();
        assert_eq!((status, document.message.as_str()), (403, "Request has expired"));
        assert!(document.elements.contains(&("Expires", "2026-01-02T12:00:10Z".into())));
        assert!(document.elements.contains(&("ServerTime", "2026-01-02T12:00:11Z".into())));
        let early = judge(&HeaderMap::new(), &query, at(-1000)).unwrap_err();
        assert_eq!(early.1.message, "Request is not valid yet");
        let week = query.replace("Expires=10", "Expires=604801");
        assert_eq!(
            code(judge(&HeaderMap::new(), &week, at(0))).unwrap(),
            "AuthorizationQueryParametersError"
        );
    }

    #[test]
    fn every_amazon_header_must_be_signed() {
        let head = |signed: &'static str| {
            headers(&[
                ("x-amz-date", NOON),
                ("x-amz-acl", "private"),
                ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
                ("authorization", signed),
            ])
        };
        let all =
            "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host;x-amz-acl;x-amz-date,Signature=s";
        assert_eq!(code(judge(&head(all), "", at(0))), None);
        let some = "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host;x-amz-date,Signature=s";
        let (_, document) = judge(&head(some), "", at(0)).unwrap_err();
        assert_eq!(document.elements, [("HeadersNotSigned", "x-amz-acl".to_owned())]);
    }

    #[test]
    fn another_owner_is_refused() {
        let owner = |owner| headers(&[("x-amz-expected-bucket-owner", owner)]);
        assert_eq!(code(judge(&owner(OWNER), "", at(0))), None);
        assert_eq!(code(judge(&owner("999999999999"), "", at(0))).unwrap(), "AccessDenied");
    }
}
