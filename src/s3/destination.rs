//! Where an object goes: the store, the region to sign for, bucket and key; and where a refusal
//! says it should have gone.

use super::endpoint_url::EndpointUrl;
use super::{Endpoint, Object, S3Error};

/// Where requests about one object are sent, and the region they are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The store.
    pub endpoint: Endpoint,
    /// The region to sign for.
    pub region: String,
    /// Bucket and key.
    pub object: Object,
}

impl Destination {
    /// Where `error` says that the bucket is; `None` where it does not say, says nothing new, or
    /// leads out of the store's own domain or scheme: neither bytes nor signatures are sent there.
    ///
    /// As botocore's `S3RegionRedirectorv2` does, a region that is named counts first, with the
    /// endpoint made from it; a host that is named (307 while a new bucket's name spreads) second.
    #[must_use]
    pub fn redirected(&self, error: &S3Error) -> Option<Destination> {
        let S3Error::Answered { region, location, .. } = error else { return None };
        let by_region = region.as_deref().filter(|region| *region != self.region);
        let endpoint = match (by_region, location) {
            (Some(region), _) => self.endpoint.in_region(&self.region, region)?,
            (None, Some(location)) => self.endpoint_at(location)?,
            (None, None) => return None,
        };
        let region = by_region.unwrap_or(&self.region).to_owned();
        let there = Destination { endpoint, region, object: self.object.clone() };
        (there != *self).then_some(there)
    }

    fn endpoint_at(&self, location: &str) -> Option<Endpoint> {
        let scheme = self.endpoint.scheme().as_str();
        let url = match location.split_once("://") {
            Some((named, _)) if !named.eq_ignore_ascii_case(scheme) => return None,
            Some(_) => location.to_owned(),
            None => format!("{scheme}://{location}"),
        };
        let EndpointUrl { authority, .. } = EndpointUrl::parse(&url).ok()?;
        let bucket = &self.object.bucket;
        let authority = if self.endpoint.is_virtual(bucket) {
            authority.strip_prefix(&format!("{}.", bucket.as_str()))?
        } else {
            &authority
        };
        self.endpoint.moved_to(authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Addressing;

    fn destination(endpoint: &str, region: &str) -> Destination {
        Destination {
            endpoint: Endpoint::new(endpoint, Addressing::Auto).unwrap(),
            region: region.into(),
            object: Object::parse("s3://bkt/key", None).unwrap(),
        }
    }

    fn redirect(region: Option<&str>, location: Option<&str>) -> S3Error {
        S3Error::Answered {
            status: 301,
            code: String::new(),
            message: String::new(),
            request_id: None,
            retry_after: None,
            region: region.map(str::to_owned),
            location: location.map(str::to_owned),
        }
    }

    fn followed(from: &Destination, error: &S3Error) -> Option<String> {
        from.redirected(error).map(|there| format!("{} {}", there.endpoint, there.region))
    }

    #[test]
    fn a_region_leads_to_its_own_endpoint_on_amazon_and_to_its_signature_elsewhere() {
        let rows = [
            (
                "https://s3.us-east-1.amazonaws.com",
                Some("https://s3.eu-west-1.amazonaws.com eu-west-1"),
            ),
            ("https://s3.amazonaws.com", Some("https://s3.eu-west-1.amazonaws.com eu-west-1")),
            (
                "https://s3.dualstack.us-east-1.amazonaws.com",
                Some("https://s3.dualstack.eu-west-1.amazonaws.com eu-west-1"),
            ),
            ("http://127.0.0.1:9000", Some("http://127.0.0.1:9000 eu-west-1")),
            ("https://store.example", Some("https://store.example eu-west-1")),
            // Another partition has other keys.
            ("https://s3.cn-north-1.amazonaws.com.cn", None),
        ];
        for (endpoint, expected) in rows {
            let region = if endpoint.contains("cn-north-1") { "cn-north-1" } else { "us-east-1" };
            let from = destination(endpoint, region);
            let there = followed(&from, &redirect(Some("eu-west-1"), Some("https://evil.example")));
            assert_eq!(there.as_deref(), expected, "{endpoint}");
        }
    }

    #[test]
    fn a_host_is_followed_within_the_stores_own_domain_and_scheme_only() {
        let amazon = "https://s3.us-east-1.amazonaws.com";
        let rows = [
            (
                amazon,
                "https://bkt.s3-us-west-2.amazonaws.com",
                Some("https://s3-us-west-2.amazonaws.com"),
            ),
            (amazon, "bkt.s3-us-west-2.amazonaws.com", Some("https://s3-us-west-2.amazonaws.com")),
            (amazon, "https://other.s3-us-west-2.amazonaws.com", None),
            (amazon, "http://bkt.s3-us-west-2.amazonaws.com", None),
            (amazon, "https://bkt.s3.evil.example", None),
            (amazon, "https://bkt.s3.amazonaws.com.evil.example", None),
            (amazon, "https://169.254.169.254", None),
            (
                "https://store.example",
                "https://b.store.example:9",
                Some("https://b.store.example:9"),
            ),
            ("https://a.store.example", "https://store.example", None),
            ("https://a.store.example", "https://b.store.example", None),
            ("https://store.example", "https://evil-store.example", None),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9001", Some("http://127.0.0.1:9001")),
            ("http://127.0.0.1:9000", "http://127.0.0.2:9000", None),
            ("http://127.0.0.1:9000", "http://169.254.169.254", None),
            ("http://127.0.0.1:9000", "http://u:p@127.0.0.1:9001", None),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000", None),
        ];
        for (endpoint, location, expected) in rows {
            let there =
                followed(&destination(endpoint, "us-east-1"), &redirect(None, Some(location)));
            let expected = expected.map(|endpoint| format!("{endpoint} us-east-1"));
            assert_eq!(there, expected, "{endpoint} to {location}");
        }
    }

    #[test]
    fn what_says_nothing_new_leads_nowhere() {
        let here = destination("https://s3.us-east-1.amazonaws.com", "us-east-1");
        assert_eq!(here.redirected(&redirect(None, None)), None);
        assert_eq!(here.redirected(&redirect(Some("us-east-1"), None)), None);
    }
}
