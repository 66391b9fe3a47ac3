//! A presigned URL that somebody gave us: taken apart, checked before anything is sent, and kept
//! from being printed. Whoever has it may make its request until it expires.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests: Using Query Parameters (AWS Signature
//! Version 4)", and "Signing and Authenticating REST Requests" for the older version 2.

mod reading;

use std::fmt;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::printable::printable;
use super::{Bucket, Key, Object, UnixTime};
use crate::http::{Scheme, Url};

/// A presigned URL, checked as far as it can be without its signer's key.
#[derive(Clone, PartialEq, Eq)]
pub struct PresignedUrl {
    /// As it was given: a secret.
    text: Box<str>,
    signed_at: Option<UnixTime>,
    expires_at: UnixTime,
    /// In lower case, `host` apart.
    signed_fields: Vec<String>,
    region: Option<String>,
}

/// Why a text is no presigned URL with which something could be uploaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct PresignedUrlError {
    /// What is wrong; never repeats the query.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl PresignedUrl {
    /// When it was signed (`X-Amz-Date`); version 2 does not say.
    #[must_use]
    pub fn signed_at(&self) -> Option<UnixTime> {
        self.signed_at
    }

    /// The last moment at which the store takes it, by the store's clock.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// How long it was to live; version 2 does not say.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.expires_at.since(self.signed_at?)
    }

    /// Names of the header fields that are signed, in lower case, `host` apart: a request without
    /// one of them is refused.
    #[must_use]
    pub fn signed_fields(&self) -> &[String] {
        &self.signed_fields
    }

    /// The region that it is signed for, where it says.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// The URL itself: a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The URL, to be sent as it is: a secret.
    #[must_use]
    pub fn url(&self) -> Url {
        let (scheme, rest) = self.split();
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let query = pairs.map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        Url {
            scheme,
            authority: authority.to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            query: query.collect(),
        }
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let (scheme, rest) = self.split();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        format!("{}://{}", scheme.as_str(), &rest[..end])
    }

    /// What a name in the query is set to, decoded; `None` where it is not there.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.text, name)
    }

    /// The path, decoded.
    #[must_use]
    pub fn path(&self) -> String {
        percent_decode_str(&self.url().path).decode_utf8_lossy().into_owned()
    }

    /// The object, as far as the URL tells: in whose part the bucket stands is known of Amazon's
    /// hosts alone. For messages.
    #[must_use]
    pub fn object(&self) -> Object {
        let (path, url) = (self.path(), self.url());
        let path = path.strip_prefix('/').unwrap_or(&path);
        let host = url.authority.split(':').next().unwrap_or_default();
        let of_host = host.find(".s3.").or_else(|| host.find(".s3-")).map(|end| &host[..end]);
        let (bucket, key) = match (of_host, path.split_once('/')) {
            (Some(bucket), _) => (bucket, path),
            (None, Some((bucket, key))) => (bucket, key),
            (None, None) => (host, path),
        };
        Object { bucket: Bucket::named(bucket), key: Key::listed(key) }
    }

    fn split(&self) -> (Scheme, &str) {
        match self.text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some((_, rest)) => (Scheme::Https, rest),
            None => unreachable!("a URL was checked when it was read"),
        }
    }
}

/// What a name in the query of `url` is set to, decoded.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let value = query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
        found.eq_ignore_ascii_case(name).then_some(value)
    })?;
    Some(percent_decode_str(value).decode_utf8_lossy().into_owned())
}

/// The URL without its query: what may be shown to anybody.
impl fmt::Display for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.text.find('?').unwrap_or(self.text.len());
        write!(f, "{}?…", printable(&self.text[..end], 1100))
    }
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PresignedUrl({self}, until {})", self.expires_at.0)
    }
}
