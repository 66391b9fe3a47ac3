//! Where an object lives: the URL of bucket and key, encoded once.
//!
//! A key is bytes: nothing here joins, normalises or decodes a path.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::endpoint_url::EndpointUrl;
use super::{Bucket, Object};
use crate::http::{Scheme, Url};

/// How the bucket stands in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// Path style for IP addresses and custom endpoints, virtual-hosted on Amazon S3; there path
    /// style for a bucket with dots over https, whose certificate covers one label only.
    #[default]
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// A store's address and how buckets are addressed there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    /// Host and, where it is not the scheme's own, port.
    authority: String,
    is_aws: bool,
    addressing: Addressing,
}

/// An endpoint URL that cannot be used. Says why without repeating what may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EndpointError(pub String);

/// The AWS partitions: how their regions begin and the domain their endpoints end with
/// (botocore, `data/partitions.json`). A prefix stands before its own prefixes.
const PARTITIONS: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("", "amazonaws.com"),
];

/// All but RFC 3986's unreserved characters, as Signature Version 4 wants it.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// In a path `/` stays as it is.
const RESERVED_IN_PATH: &AsciiSet = &RESERVED.remove(b'/');

impl Endpoint {
    /// The endpoint at `url`: `http` or `https`, a host name or IP address, perhaps a port.
    ///
    /// # Errors
    /// Where `url` is anything else, or where virtual addressing is asked of an IP address.
    pub fn new(url: &str, addressing: Addressing) -> Result<Endpoint, EndpointError> {
        let EndpointUrl { scheme, authority, is_address } = EndpointUrl::parse(url)?;
        if is_address && addressing == Addressing::Virtual {
            return Err(EndpointError(format!(
                "virtual addressing puts the bucket's name before the host, which {authority}, an \
                 IP address, cannot have: type --addressing-style path"
            )));
        }
        let is_aws = is_aws_host(authority.split(':').next().unwrap_or_default());
        Ok(Endpoint { scheme, authority, is_aws, addressing })
    }

    /// Amazon S3's endpoint of `region`, over https (AWS General Reference, "Amazon S3 endpoints").
    /// What cannot stand in a region's name is percent-encoded: it leads to a host that does not
    /// exist, never to another domain.
    #[must_use]
    pub fn aws(region: &str) -> Endpoint {
        Endpoint {
            scheme: Scheme::Https,
            authority: format!("s3.{}.{}", percent_encode(region), partition(region)),
            is_aws: true,
            addressing: Addressing::Auto,
        }
    }

    /// The same store, with buckets addressed otherwise.
    ///
    /// # Errors
    /// Where virtual addressing is asked of an IP address.
    pub fn with_addressing(self, addressing: Addressing) -> Result<Endpoint, EndpointError> {
        if self.is_aws {
            return Ok(Endpoint { addressing, ..self });
        }
        Endpoint::new(&self.to_string(), addressing)
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host, with `:port` where it is not the scheme's own, without any bucket.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether this is Amazon's own S3, by the name of the host.
    #[must_use]
    pub fn is_aws(&self) -> bool {
        self.is_aws
    }

    /// Whether this store is known to demand that all parts but the last have the same size
    /// (Cloudflare R2, "Upload objects").
    #[must_use]
    pub fn demands_equal_parts(&self) -> bool {
        host(&self.authority).ends_with(".r2.cloudflarestorage.com")
    }

    /// The URL of `object` with `query`, whose names and values are given as they are and are
    /// encoded here.
    #[must_use]
    pub fn object_url(&self, object: &Object, query: &[(&str, &str)]) -> Url {
        let key = utf8_percent_encode(object.key.as_str(), RESERVED_IN_PATH);
        let (authority, path) = if self.is_virtual(&object.bucket) {
            (format!("{}.{}", object.bucket.as_str(), self.authority), format!("/{key}"))
        } else {
            (self.authority.clone(), format!("/{}/{key}", object.bucket.as_str()))
        };
        Url { scheme: self.scheme, authority, path, query: encoded(query) }
    }

    /// The URL of `bucket` itself with `query`, encoded here.
    #[must_use]
    pub fn bucket_url(&self, bucket: &Bucket, query: &[(&str, &str)]) -> Url {
        let (authority, path) = if self.is_virtual(bucket) {
            (format!("{}.{}", bucket.as_str(), self.authority), "/".into())
        } else {
            (self.authority.clone(), format!("/{}", bucket.as_str()))
        };
        Url { scheme: self.scheme, authority, path, query: encoded(query) }
    }

    /// The endpoint that holds `region`, this one being meant for `own`. Amazon S3 has one for each
    /// region of its partition; other stores take the region of the signature. `None` in another
    /// partition, which knows neither bucket nor keys.
    pub(super) fn in_region(&self, own: &str, region: &str) -> Option<Endpoint> {
        if !self.is_aws {
            return Some(self.clone());
        }
        let domain = partition(region);
        let host = self.authority.strip_suffix(domain)?.strip_suffix('.')?;
        let moved = |label: &str| if label == own { region.to_owned() } else { label.to_owned() };
        let mut labels: Vec<String> = host.split('.').map(moved).collect();
        // The global endpoint names no region.
        if labels.iter().all(|label| label != region) {
            labels.push(region.to_owned());
        }
        Some(Endpoint { authority: format!("{}.{domain}", labels.join(".")), ..self.clone() })
    }

    /// The same store at `authority`; `None` where that lies outside of its domain.
    pub(super) fn moved_to(&self, authority: &str) -> Option<Endpoint> {
        let (own, other) = (host(&self.authority), host(authority));
        let within = if self.is_aws {
            partition_of(other) == partition_of(own)
        } else {
            // A name beside its own may be anybody's.
            other == own || other.strip_suffix(own).is_some_and(|before| before.ends_with('.'))
        };
        within.then(|| Endpoint { authority: authority.to_owned(), ..self.clone() })
    }

    pub(super) fn is_virtual(&self, bucket: &Bucket) -> bool {
        match self.addressing {
            Addressing::Path => false,
            Addressing::Virtual => true,
            Addressing::Auto => {
                self.is_aws && (self.scheme == Scheme::Http || !bucket.as_str().contains('.'))
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority)
    }
}

/// Every byte outside `A-Za-z0-9-._~` as `%XX`, upper case (Amazon S3 API Reference, "Signature
/// Calculations for the Authorization Header", `UriEncode`).
pub(super) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

fn encoded(query: &[(&str, &str)]) -> Vec<(String, String)> {
    query.iter().map(|(name, value)| (percent_encode(name), percent_encode(value))).collect()
}

/// The domain of the partition that holds `region`.
fn partition(region: &str) -> &'static str {
    let mut partitions = PARTITIONS.into_iter();
    let found = partitions.find(|(prefix, _)| region.starts_with(prefix));
    found.expect("the last prefix is empty").1
}

/// The domain of the partition that `host` belongs to.
fn partition_of(host: &str) -> Option<&'static str> {
    let belongs = |domain: &&str| {
        host.strip_suffix(*domain).is_some_and(|before| before.len() > 1 && before.ends_with('.'))
    };
    PARTITIONS.into_iter().map(|(_, domain)| domain).find(belongs)
}

fn is_aws_host(host: &str) -> bool {
    partition_of(host).is_some()
}

/// The host of an authority.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Key;

    fn object(bucket: &str, key: &str) -> Object {
        Object { bucket: Bucket::new(bucket).unwrap(), key: Key::new(key).unwrap() }
    }

    fn url(endpoint: &str, addressing: Addressing, bucket: &str) -> String {
        Endpoint::new(endpoint, addressing)
            .unwrap()
            .object_url(&object(bucket, "k"), &[])
            .to_string()
    }

    #[test]
    fn stores_that_demand_equal_parts_are_known_by_their_host() {
        let demands = |url| Endpoint::new(url, Addressing::Auto).unwrap().demands_equal_parts();
        assert!(demands("https://0123.r2.cloudflarestorage.com"));
        assert!(demands("https://0123.eu.r2.cloudflarestorage.com:443"));
        assert!(!demands("https://r2.cloudflarestorage.com.example"));
        assert!(!demands("https://s3.us-east-1.amazonaws.com"));
    }

    #[test]
    fn buckets_are_addressed_as_the_host_allows() {
        use Addressing::{Auto, Path, Virtual};
        let cases = [
            ("http://127.0.0.1:9000", Auto, "bkt", "http://127.0.0.1:9000/bkt/k"),
            ("http://[::1]:9000/", Auto, "bkt", "http://[::1]:9000/bkt/k"),
            ("http://[0:0:0:0:0:0:0:1]", Auto, "bkt", "http://[::1]/bkt/k"),
            ("http://localhost", Auto, "bkt", "http://localhost/bkt/k"),
            ("https://Store.Example:443", Auto, "bkt", "https://store.example/bkt/k"),
            ("https://store.example:8443", Virtual, "bkt", "https://bkt.store.example:8443/k"),
            ("http://h:443", Auto, "bkt", "http://h:443/bkt/k"),
            ("HTTPS://s3.amazonaws.com", Auto, "bkt", "https://bkt.s3.amazonaws.com/k"),
            ("https://s3.amazonaws.com", Path, "bkt", "https://s3.amazonaws.com/bkt/k"),
            ("https://s3.amazonaws.com", Auto, "b.k", "https://s3.amazonaws.com/b.k/k"),
            ("https://s3.amazonaws.com", Virtual, "b.k", "https://b.k.s3.amazonaws.com/k"),
            ("http://s3.amazonaws.com", Auto, "b.k", "http://b.k.s3.amazonaws.com/k"),
            ("https://notamazonaws.com", Auto, "bkt", "https://notamazonaws.com/bkt/k"),
            ("https://amazonaws.com", Auto, "bkt", "https://amazonaws.com/bkt/k"),
        ];
        for (endpoint, addressing, bucket, expected) in cases {
            assert_eq!(url(endpoint, addressing, bucket), expected, "{endpoint} {addressing:?}");
        }
    }

    #[test]
    fn amazons_endpoints_follow_the_region() {
        let cases = [
            ("eu-central-1", "https://s3.eu-central-1.amazonaws.com"),
            ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com"),
            ("us-isob-east-1", "https://s3.us-isob-east-1.sc2s.sgov.gov"),
            ("evil.example/?#@", "https://s3.evil.example%2F%3F%23%40.amazonaws.com"),
        ];
        for (region, expected) in cases {
            let endpoint = Endpoint::aws(region);
            assert_eq!(endpoint.to_string(), expected);
            assert!(endpoint.is_aws());
        }
        let url = Endpoint::aws("cn-north-1").object_url(&object("bkt", "k"), &[]);
        assert_eq!(url.to_string(), "https://bkt.s3.cn-north-1.amazonaws.com.cn/k");
        assert!(
            Endpoint::new(&Endpoint::aws("cn-north-1").to_string(), Addressing::Auto)
                .is_ok_and(|endpoint| endpoint == Endpoint::aws("cn-north-1"))
        );
    }

    #[test]
    fn an_ip_address_cannot_be_addressed_virtually() {
        let error = Endpoint::new("http://127.0.0.1:9000", Addressing::Virtual).expect_err("IP");
        assert!(error.to_string().contains("--addressing-style path"), "{error}");
        let endpoint = Endpoint::new("http://[::1]", Addressing::Auto).unwrap();
        assert!(endpoint.with_addressing(Addressing::Virtual).is_err());
        let path = Endpoint::aws("us-east-1").with_addressing(Addressing::Path).unwrap();
        assert_eq!(path.bucket_url(&Bucket::new("bkt").unwrap(), &[]).path, "/bkt");
    }

    #[test]
    fn a_key_is_bytes_and_encoded_once() {
        let cases = [
            ("a/b", "/bkt/a/b"),
            ("/a", "/bkt//a"),
            ("a/", "/bkt/a/"),
            ("a//b", "/bkt/a//b"),
            ("../../etc/x", "/bkt/../../etc/x"),
            ("./a/.", "/bkt/./a/."),
            ("a b+c", "/bkt/a%20b%2Bc"),
            ("100%", "/bkt/100%25"),
            ("%2e%2E", "/bkt/%252e%252E"),
            ("ü😀", "/bkt/%C3%BC%F0%9F%98%80"),
            ("-._~", "/bkt/-._~"),
            (
                "!*'();:@&=$,?#[]\"<>\\^`{|}",
                "/bkt/%21%2A%27%28%29%3B%3A%40%26%3D%24%2C%3F%23%5B%5D%22%3C%3E%5C%5E%60%7B%7C%7D",
            ),
            ("\t\u{7f}\u{1}", "/bkt/%09%7F%01"),
        ];
        let endpoint = Endpoint::new("http://h", Addressing::Path).unwrap();
        for (key, expected) in cases {
            assert_eq!(endpoint.object_url(&object("bkt", key), &[]).path, expected, "{key}");
        }
        let long = "ü".repeat(512);
        let path = endpoint.object_url(&object("bkt", &long), &[]).path;
        assert_eq!(path, format!("/bkt/{}", "%C3%BC".repeat(512)));
    }

    #[test]
    fn queries_are_encoded_and_kept_in_order() {
        let endpoint = Endpoint::aws("us-east-1");
        let url = endpoint.bucket_url(
            &Bucket::new("bkt").unwrap(),
            &[("uploads", ""), ("prefix", "a/b c"), ("delimiter", "/")],
        );
        assert_eq!(
            url.to_string(),
            "https://bkt.s3.us-east-1.amazonaws.com/?uploads&prefix=a%2Fb%20c&delimiter=%2F"
        );
    }

    proptest::proptest! {
        #[test]
        fn every_key_comes_back_from_its_path(key in "[^\0\r\n]{1,256}") {
            let path = Endpoint::aws("us-east-1").object_url(&object("bkt", &key), &[]).path;
            proptest::prop_assert!(path.bytes().all(|b| b.is_ascii_graphic()));
            let decoded = percent_encoding::percent_decode_str(&path[1..]).decode_utf8().unwrap();
            proptest::prop_assert_eq!(decoded, key);
        }

        #[test]
        fn no_endpoint_panics(url in "\\PC{0,40}|https?://[\\[\\]:@/a-f0-9.%]{0,30}") {
            if let Ok(endpoint) = Endpoint::new(&url, Addressing::Auto) {
                let again = Endpoint::new(&endpoint.to_string(), Addressing::Auto);
                proptest::prop_assert_eq!(again, Ok(endpoint));
            }
        }
    }
}
