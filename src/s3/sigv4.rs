//! AWS Signature Version 4 in headers, stage by stage: canonical request, string to sign,
//! signature. Each stage is a function of its own, so that each can be compared with what AWS
//! publishes; [`Signer`] runs them in order. No clock is read: the time is told.
//!
//! This is S3's flavour: the path is encoded once and never normalised, so what is signed is the
//! very text that is sent ([`Url`](crate::http::Url) is encoded already).
//!
//! Source: Amazon S3 API Reference, "Signature Calculations for the Authorization Header:
//! Transferring Payload in a Single Chunk".

mod presign;

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub use self::presign::{Lifetime, LifetimeError};
use super::{Credentials, Secret};
use crate::http::{Headers, Request};

/// The name of the algorithm, in the string to sign and in the `authorization` header.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// The service of the credential scope.
const SERVICE: &str = "s3";

/// Headers that are sent and not signed. Proxies and libcurl write, change or drop them on the way,
/// and a signature over them would break (AWS SDKs leave out the same ones). `content-length` is
/// among them because libcurl writes that line, and only when it sends; S3 holds the length against
/// the body anyway.
const UNSIGNED_HEADERS: [&str; 10] = [
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "expect",
    "te",
    "trailer",
    "transfer-encoding",
    "user-agent",
    "x-amzn-trace-id",
];

/// Signs requests for one region.
#[derive(Debug, Clone)]
pub struct Signer {
    /// The keys to sign with.
    pub credentials: Credentials,
    /// The region of the credential scope.
    pub region: String,
}

impl Signer {
    /// Adds `host`, `x-amz-date`, `x-amz-security-token` and `authorization` to a request that
    /// already has its payload headers ([`payload::apply`](super::payload::apply)). What a former
    /// signature left is replaced. S3 takes the signature from 15 minutes before `at` to 15
    /// minutes after it.
    ///
    /// # Panics
    /// Where `x-amz-content-sha256` is missing: a bug of the caller.
    pub fn sign(&self, request: &mut Request, at: SystemTime) {
        let headers = &mut request.headers;
        headers.set("host", request.url.authority.clone());
        headers.set("x-amz-date", timestamp(at));
        headers.remove("x-amz-security-token");
        if let Some(token) = &self.credentials.session_token {
            headers.set("x-amz-security-token", token.expose());
        }
        let string_to_sign = string_to_sign(&canonical_request(request), at, &self.region);
        let key = signing_key(&self.credentials.secret_access_key, at, &self.region);
        let authorization = format!(
            "{ALGORITHM} Credential={}/{},SignedHeaders={},Signature={}",
            self.credentials.access_key_id,
            scope(at, &self.region),
            signed_headers(&request.headers),
            signature(&key, &string_to_sign),
        );
        request.headers.set("authorization", authorization);
    }
}

/// The first stage: the request as S3 will see it, in the one form both sides hash. `host` and
/// `x-amz-date` must be among its headers already.
///
/// # Panics
/// Where `x-amz-content-sha256` is missing: a bug of the caller.
#[must_use]
pub fn canonical_request(request: &Request) -> String {
    let payload_hash =
        request.headers.get("x-amz-content-sha256").expect("payload::apply comes before signing");
    canonical(request, payload_hash)
}

fn canonical(request: &Request, payload_hash: &str) -> String {
    let headers: Vec<String> = canonical_headers(&request.headers)
        .iter()
        .map(|(name, value)| format!("{name}:{value}"))
        .collect();
    format!(
        "{}\n{}\n{}\n{}\n\n{}\n{payload_hash}",
        request.method.as_str(),
        request.url.path,
        canonical_query(&request.url.query),
        headers.join("\n"),
        signed_headers(&request.headers),
    )
}

/// The names of the headers that are signed: sorted, joined by `;`.
#[must_use]
pub fn signed_headers(headers: &Headers) -> String {
    let names: Vec<String> = canonical_headers(headers).into_iter().map(|(name, _)| name).collect();
    names.join(";")
}

/// The second stage: algorithm, time, credential scope and the hash of the canonical request.
#[must_use]
pub fn string_to_sign(canonical_request: &str, at: SystemTime, region: &str) -> String {
    format!(
        "{ALGORITHM}\n{}\n{}\n{}",
        timestamp(at),
        scope(at, region),
        hex::encode(Sha256::digest(canonical_request))
    )
}

/// A key that signs for one day, region and service. Prints as stars.
#[derive(Clone)]
pub struct SigningKey([u8; 32]);

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The third stage: the secret key narrowed down to a day (UTC), a region and S3.
#[must_use]
pub fn signing_key(secret: &Secret, at: SystemTime, region: &str) -> SigningKey {
    let date = hmac(format!("AWS4{}", secret.expose()).as_bytes(), &date(at));
    let region = hmac(&date, region);
    let service = hmac(&region, SERVICE);
    SigningKey(hmac(&service, "aws4_request"))
}

/// The last stage: the signature, in hexadecimal.
#[must_use]
pub fn signature(key: &SigningKey, string_to_sign: &str) -> String {
    hex::encode(hmac(&key.0, string_to_sign))
}

/// Pairs sorted by encoded name, then encoded value; a value that is missing still has its `=`.
fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = query.iter().collect();
    pairs.sort();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// The signed headers, sorted by name; fields of one name are joined by `,` in their order.
fn canonical_headers(headers: &Headers) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in headers.iter() {
        let (name, value) = (name.to_ascii_lowercase(), collapse_blanks(value));
        if UNSIGNED_HEADERS.contains(&name.as_str()) {
            continue;
        }
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => {
                values.push(',');
                values.push_str(&value);
            }
            None => fields.push((name, value)),
        }
    }
    fields.sort();
    fields
}

/// Without blanks at either end, and with one blank for each run of them within.
fn collapse_blanks(value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn scope(at: SystemTime, region: &str) -> String {
    format!("{}/{region}/{SERVICE}/aws4_request", date(at))
}

fn timestamp(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).format("%Y%m%dT%H%M%SZ").to_string()
}

fn date(at: SystemTime) -> String {
    DateTime::<Utc>::from(at).format("%Y%m%d").to_string()
}

fn hmac(key: &[u8], text: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::{Body, Method, Scheme, Url};

    /// 2013-05-24T00:00:00Z, the time of AWS's examples.
    fn at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(15_849 * 24)
    }

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

    fn request() -> Request {
        let mut headers = Headers::new();
        headers.set("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
        Request {
            method: Method::Put,
            url: Url {
                scheme: Scheme::Https,
                authority: "examplebucket.s3.amazonaws.com".into(),
                path: "/a/../b//%25".into(),
                query: Vec::new(),
            },
            headers,
            body: Body::Empty,
        }
    }

    #[test]
    fn what_proxies_and_libcurl_change_is_not_signed() {
        let mut request = request();
        for name in UNSIGNED_HEADERS {
            request.headers.set(name, "x");
        }
        request.headers.set("If-None-Match", "*");
        signer(None).sign(&mut request, at());
        assert_eq!(
            signed_headers(&request.headers),
            "host;if-none-match;x-amz-content-sha256;x-amz-date"
        );
    }

    #[test]
    fn blanks_are_trimmed_and_collapsed_and_repeated_names_joined() {
        let mut request = request();
        request.headers.push("x-amz-meta-b", "  a   b\t\tc ");
        request.headers.push("X-Amz-Meta-A", "1");
        request.headers.push("x-amz-meta-a", " 2 ");
        let canonical = canonical_request(&request);
        assert_eq!(
            canonical,
            "PUT\n/a/../b//%25\n\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-meta-a:1,2\n\
             x-amz-meta-b:a b c\n\nx-amz-content-sha256;x-amz-meta-a;x-amz-meta-b\n\
             UNSIGNED-PAYLOAD"
        );
    }

    #[test]
    fn queries_are_sorted_by_name_then_value() {
        let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
        let query = [
            pair("uploadId", "a%2Fb~"),
            pair("a-b", "1"),
            pair("a", "2"),
            pair("a", "10"),
            pair("partNumber", "7"),
            pair("uploads", ""),
            pair("X", ""),
        ];
        assert_eq!(
            canonical_query(&query),
            "X=&a=10&a=2&a-b=1&partNumber=7&uploadId=a%2Fb~&uploads="
        );
    }

    #[test]
    fn the_session_token_is_signed_and_an_old_one_removed() {
        let mut request = request();
        signer(Some("TOKEN")).sign(&mut request, at());
        assert_eq!(request.headers.get("x-amz-security-token"), Some("TOKEN"));
        assert!(signed_headers(&request.headers).ends_with(";x-amz-security-token"));
        signer(None).sign(&mut request, at());
        assert_eq!(request.headers.get("x-amz-security-token"), None);
    }

    #[test]
    fn signing_again_changes_nothing_but_the_time() {
        let (mut once, mut twice) = (request(), request());
        signer(None).sign(&mut once, at());
        signer(None).sign(&mut twice, at() - Duration::from_secs(1));
        assert_ne!(once, twice);
        signer(None).sign(&mut twice, at());
        assert_eq!(once, twice);
    }

    #[test]
    fn date_and_scope_agree_around_midnight_utc() {
        for (seconds, stamp, day) in
            [(0, "20130524T000000Z", "20130524"), (1, "20130523T235959Z", "20130523")]
        {
            let at = at() - Duration::from_secs(seconds);
            let text = string_to_sign("", at, "eu-west-3");
            assert!(text.starts_with(&format!(
                "AWS4-HMAC-SHA256\n{stamp}\n{day}/eu-west-3/s3/aws4_request\n"
            )));
        }
        // A fraction of a second is cut off, never rounded up into the next day.
        let just_before = at() - Duration::from_nanos(1);
        assert_eq!(timestamp(just_before), "20130523T235959Z");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let signer = signer(Some("SESSIONTOKEN"));
        let key = signing_key(&signer.credentials.secret_access_key, at(), "us-east-1");
        let printed = format!("{signer:?} {key:?}");
        for secret in ["wJalr", "SESSIONTOKEN", "IOSFODNN7"] {
            assert!(!printed.contains(secret), "{printed}");
        }
        assert!(printed.ends_with(" ***"));
    }

    #[test]
    #[should_panic(expected = "payload::apply comes before signing")]
    fn a_request_without_a_payload_hash_is_a_bug() {
        let mut request = request();
        request.headers.remove("x-amz-content-sha256");
        signer(None).sign(&mut request, at());
    }
}
