//! Signatures in the query: whoever has such a URL may send that one request until it expires, and
//! needs no keys.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature
//! Version 4)".

use std::time::{Duration, SystemTime};

use super::{
    ALGORITHM, Signer, canonical, scope, signature, signed_headers, signing_key, string_to_sign,
    timestamp,
};
use crate::http::{Request, Url};
use crate::s3::Secret;
use crate::s3::endpoint::percent_encode;

/// How long a presigned URL lives: whole seconds, from one to seven days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lifetime(Duration);

/// A time that no presigned URL can live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LifetimeError {
    /// Less than a second, or none at all.
    #[error("a presigned URL lives for at least a second")]
    TooShort,
    /// More than seven days.
    #[error("a presigned URL lives for seven days at most: 7d")]
    TooLong,
}

impl Lifetime {
    /// The longest: seven days.
    pub const MAX: Lifetime = Lifetime(Duration::from_hours(7 * 24));

    /// So long; a fraction of a second is cut off.
    ///
    /// # Errors
    /// [`LifetimeError`], where no store would take it.
    pub fn new(duration: Duration) -> Result<Lifetime, LifetimeError> {
        let seconds = Duration::from_secs(duration.as_secs());
        match Lifetime(seconds) {
            Lifetime(Duration::ZERO) => Err(LifetimeError::TooShort),
            lifetime if lifetime > Lifetime::MAX => Err(LifetimeError::TooLong),
            lifetime => Ok(lifetime),
        }
    }

    /// The same as a duration.
    #[must_use]
    pub fn duration(self) -> Duration {
        self.0
    }
}

/// S3 does not look at the body of a presigned request.
const PAYLOAD: &str = "UNSIGNED-PAYLOAD";

impl Signer {
    /// The URL that stands for `request` from `at` on, as long as `lifetime`, and no longer than
    /// the keys. The fields of `request` are signed too: whoever sends it must send them as they
    /// are. Its body is not looked at.
    #[must_use]
    pub fn presign(&self, request: &Request, at: SystemTime, lifetime: Lifetime) -> Url {
        let mut request = request.clone();
        request.headers.set("host", request.url.authority.clone());
        let credential = format!("{}/{}", self.credentials.access_key_id, scope(at, &self.region));
        let seconds = lifetime.0.as_secs().to_string();
        let fields = signed_headers(&request.headers);
        let token = self.credentials.session_token.as_ref().map(Secret::expose);
        let stamp = timestamp(at);
        let pairs = [
            ("X-Amz-Algorithm", Some(ALGORITHM)),
            ("X-Amz-Credential", Some(credential.as_str())),
            ("X-Amz-Date", Some(stamp.as_str())),
            ("X-Amz-Expires", Some(seconds.as_str())),
            ("X-Amz-Security-Token", token),
            ("X-Amz-SignedHeaders", Some(fields.as_str())),
        ];
        let query = &mut request.url.query;
        for (name, value) in pairs {
            query.extend(value.map(|value| (name.to_owned(), percent_encode(value))));
        }
        let to_sign = string_to_sign(&canonical(&request, PAYLOAD), at, &self.region);
        let key = signing_key(&self.credentials.secret_access_key, at, &self.region);
        request.url.query.push(("X-Amz-Signature".to_owned(), signature(&key, &to_sign)));
        request.url
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Headers, Method, Scheme};
    use crate::s3::Credentials;

    fn signer(session_token: Option<&str>) -> Signer {
        Signer {
            credentials: Credentials {
                access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
                secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
                session_token: session_token.map(Secret::new),
                expires_at: None,
            },
            region: "us-east-1".into(),
        }
    }

    fn request(method: Method) -> Request {
        Request {
            method,
            url: Url {
                scheme: Scheme::Https,
                authority: "examplebucket.s3.amazonaws.com".into(),
                path: "/test.txt".into(),
                query: Vec::new(),
            },
            headers: Headers::new(),
            body: Body::Empty,
        }
    }

    /// 2013-05-24T00:00:00Z, the time of AWS's examples.
    fn at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(15_849 * 24)
    }

    fn value<'a>(url: &'a Url, name: &str) -> Option<&'a str> {
        url.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The example of the page that is named above.
    #[test]
    fn the_signature_of_awss_example() {
        let day = Lifetime::new(Duration::from_hours(24)).unwrap();
        let url = signer(None).presign(&request(Method::Get), at(), day);
        assert_eq!(
            url.to_string(),
            "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&\
             X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&\
             X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&\
             X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        );
    }

    #[test]
    fn fields_of_the_request_are_signed_by_name_and_value() {
        let lifetime = Lifetime::new(Duration::from_secs(10)).unwrap();
        let typed = |kind: &str| {
            let mut request = request(Method::Put);
            request.headers.set("content-type", kind);
            signer(None).presign(&request, at(), lifetime)
        };
        let (text, html) = (typed("text/plain"), typed("text/html"));
        assert_eq!(value(&text, "X-Amz-SignedHeaders"), Some("content-type%3Bhost"));
        assert_ne!(value(&text, "X-Amz-Signature"), value(&html, "X-Amz-Signature"));
    }

    #[test]
    fn the_session_token_travels_in_the_query_and_is_signed() {
        let lifetime = Lifetime::new(Duration::from_secs(10)).unwrap();
        let url = |token| signer(Some(token)).presign(&request(Method::Put), at(), lifetime);
        let (one, other) = (url("A/B+C="), url("other"));
        assert_eq!(value(&one, "X-Amz-Security-Token"), Some("A%2FB%2BC%3D"));
        assert_ne!(value(&one, "X-Amz-Signature"), value(&other, "X-Amz-Signature"));
        let without = signer(None).presign(&request(Method::Put), at(), lifetime);
        assert_eq!(value(&without, "X-Amz-Security-Token"), None);
    }

    #[test]
    fn a_lifetime_is_from_a_second_to_seven_days() {
        let new = |milliseconds| Lifetime::new(Duration::from_millis(milliseconds));
        assert_eq!(new(999), Err(LifetimeError::TooShort));
        assert_eq!(new(1_999).map(|l| l.duration().as_secs()), Ok(1));
        assert_eq!(new(604_800_000), Ok(Lifetime::MAX));
        assert_eq!(new(604_801_000), Err(LifetimeError::TooLong));
    }
}
