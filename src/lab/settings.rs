//! The headers that belong to an object: taken from the request that creates it, given back by
//! HEAD and GET. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use md5::{Digest as _, Md5};
use s3s::{S3Result, s3_error};

use super::model::Settings;

/// Headers of an object, `x-amz-meta-*` and `x-amz-server-side-encryption*` apart.
const NAMES: [&str; 13] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-amz-acl",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
];
const META: &str = "x-amz-meta-";
const SSE: &str = "x-amz-server-side-encryption";
const CUSTOMER_KEY: &str = "x-amz-server-side-encryption-customer-key";
const CUSTOMER_KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";
const CUSTOMER_ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";
/// All user metadata together (User Guide, "User-defined object metadata").
const META_MAX: usize = 2048;

/// The object's headers among those of a request, and when it was begun.
pub(super) fn settings_of(headers: &HeaderMap, last_modified: String) -> S3Result<Settings> {
    customer_key(headers)?;
    let mut settings = vec![("last-modified".to_owned(), last_modified)];
    for (name, value) in headers {
        let name = name.as_str();
        let sse = name.starts_with(SSE) && name != CUSTOMER_KEY;
        if !(NAMES.contains(&name) || name.starts_with(META) || sse) {
            continue;
        }
        let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        if name == "content-encoding" {
            // The framing is not the object's (API reference, "aws-chunked").
            value = without_framing(&value);
        }
        if !value.is_empty() {
            settings.push((name.to_owned(), value));
        }
    }
    let is_meta = |name: &str| name.starts_with(META);
    let meta = settings.iter().filter(|(name, _)| is_meta(name));
    let meta_size: usize = meta.map(|(name, value)| name.len() - META.len() + value.len()).sum();
    if meta_size > META_MAX {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size: {meta_size} of 2048"
        ));
    }
    if !settings.iter().any(|(name, _)| name == "content-type") {
        settings.push(("content-type".to_owned(), "binary/octet-stream".to_owned()));
    }
    Ok(Settings(settings))
}

/// The headers of an answer to HEAD or GET.
pub(super) fn headers_of(settings: &Settings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &settings.0 {
        let (name, value) = match (name.as_str(), value.as_str()) {
            ("x-amz-acl", _) | ("x-amz-storage-class", "STANDARD") => continue,
            ("x-amz-tagging", tags) => ("x-amz-tagging-count", tags.split('&').count().to_string()),
            (name, value) => (name, value.to_owned()),
        };
        insert(&mut headers, name, &value);
    }
    headers
}

/// The encryption headers that every answer about an object repeats.
pub(super) fn encryption_of(settings: &Settings) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in settings.0.iter().filter(|(name, _)| name.starts_with(SSE)) {
        insert(&mut headers, name, value);
    }
    headers
}

/// Sets a header, unless it cannot be one.
pub(super) fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    let name = HeaderName::try_from(name);
    if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
        headers.insert(name, value);
    }
}

/// Refuses a request whose customer key is not the one the object was begun with (SSE-C).
pub(super) fn same_customer_key(headers: &HeaderMap, settings: &Settings) -> S3Result<()> {
    let given = customer_key(headers)?;
    if given.as_deref() == settings.get(CUSTOMER_KEY_MD5) {
        return Ok(());
    }
    Err(s3_error!(
        InvalidRequest,
        "The object was stored using a form of Server Side Encryption. The correct parameters \
         must be provided to retrieve the object, and with each of its parts."
    ))
}

/// The MD5 of the customer key, if the request has one and it is sound.
fn customer_key(headers: &HeaderMap) -> S3Result<Option<String>> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(algorithm) = text(CUSTOMER_ALGORITHM) else { return Ok(None) };
    let key = text(CUSTOMER_KEY).and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default();
    let md5 = text(CUSTOMER_KEY_MD5).unwrap_or_default();
    if algorithm != "AES256" || key.len() != 32 {
        return Err(s3_error!(InvalidArgument, "The secret key was invalid for AES256."));
    }
    if STANDARD.encode(Md5::digest(&key)) != md5 {
        let message =
            "The calculated MD5 hash of the key did not match the hash that was provided.";
        return Err(s3_error!(InvalidArgument, "{message}"));
    }
    Ok(Some(md5.to_owned()))
}

fn without_framing(encoding: &str) -> String {
    let kept = encoding.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked");
    kept.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn what_was_set_is_given_back() {
        let request = headers(&[
            ("content-type", "text/plain"),
            ("content-encoding", "aws-chunked,gzip"),
            ("x-amz-meta-owner", "me"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-tagging", "a=1&b=2"),
            ("x-amz-acl", "private"),
            ("x-amz-date", "20260101T000000Z"),
            ("host", "h"),
        ]);
        let settings = settings_of(&request, "Thu, 01 Jan 2026 00:00:00 GMT".into()).unwrap();
        let expected = headers(&[
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("x-amz-meta-owner", "me"),
            ("x-amz-storage-class", "STANDARD_IA"),
            ("x-amz-tagging-count", "2"),
            ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT"),
        ]);
        assert_eq!(headers_of(&settings), expected);
        assert_eq!(settings.get("x-amz-tagging"), Some("a=1&b=2"));
    }

    #[test]
    fn framing_alone_is_no_encoding_of_the_object() {
        let settings =
            settings_of(&headers(&[("content-encoding", "aws-chunked")]), String::new()).unwrap();
        assert_eq!(settings.get("content-encoding"), None);
        assert_eq!(settings.get("content-type"), Some("binary/octet-stream"));
    }

    #[test]
    fn a_customer_key_is_checked_and_never_kept() {
        // A key of 32 zero bytes and its MD5.
        const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        const MD5: &str = "cLyPS3KoaSFGi/joRB3OUQ==";
        let request = |md5| {
            headers(&[(CUSTOMER_ALGORITHM, "AES256"), (CUSTOMER_KEY, KEY), (CUSTOMER_KEY_MD5, md5)])
        };
        let settings = settings_of(&request(MD5), String::new()).unwrap();
        assert_eq!(settings.get(CUSTOMER_KEY), None);
        assert!(same_customer_key(&request(MD5), &settings).is_ok());
        assert!(same_customer_key(&HeaderMap::new(), &settings).is_err());
        assert!(settings_of(&request("AAAA"), String::new()).is_err());
    }
}
