//! The renewal of presigned URLs by a command of the user's: what it is told, and what it may
//! answer. Pure; who runs it is somebody else.
//!
//! It is told, as JSON, where the object is and for which calls URLs are wanted, each with the
//! header fields that are to be signed:
//!
//! ```text
//! {"curlift_renewal": 1, "endpoint": "https://host:port", "path": "/bucket/key",
//!  "bucket": "bucket", "key": "key", "upload_id": "…" or null, "expired": true,
//!  "calls": [{"call": "UploadPart", "part_number": 7, "headers": {"x-amz-…": "…"}},
//!            {"call": "ListParts", "after": 1000}, {"call": "CompleteMultipartUpload"}]}
//! ```
//!
//! `bucket` and `key` are there only where the host tells which is which. It answers
//!
//! ```text
//! {"links": [{"call": "UploadPart", "part_number": 7, "url": "https://…", "headers": {…}}]}
//! ```
//!
//! or, where one URL was wanted, with that URL alone. Fewer links than were wanted are an answer
//! too. A link takes another's place only where it makes the very same request: the answer of a
//! command must not lead bytes elsewhere.

mod answer;
mod asked;
#[cfg(test)]
mod tests;
mod wire;

pub use self::answer::{RenewalError, answer};
pub use self::asked::{Asked, AskedError, answer_text};
use self::wire::{CallText, RequestText};
use super::LinksWanted;
use crate::http::Headers;
use crate::s3::{Addressing, Endpoint, Link, LinkedCall, Links, PartNumber, PresignedUrl};

/// The version of the request.
const VERSION: u32 = 1;

/// What the command is told: `wanted` of the object that `links` lead to. Holds no URL, and of the
/// header fields only those that are signed.
#[must_use]
pub fn request(wanted: &LinksWanted, links: &Links) -> String {
    let known = known(wanted, links);
    let url = known.map(|link| &link.url);
    let (bucket, key) = url.and_then(bucket_and_key).unzip();
    let calls = wanted.calls.iter().map(|call| {
        let fields = links.get(*call).map(signed_fields).unwrap_or_default();
        CallText::new(named(*call, links), &fields)
    });
    let request = RequestText {
        curlift_renewal: VERSION,
        endpoint: url.map(PresignedUrl::origin).unwrap_or_default(),
        path: url.map(PresignedUrl::path).unwrap_or_default(),
        bucket,
        key,
        upload_id: upload_id(links),
        expired: wanted.expired,
        calls: calls.collect(),
    };
    serde_json::to_string(&request).unwrap_or_default()
}

/// A link that leads where those that are wanted do.
fn known<'a>(wanted: &LinksWanted, links: &'a Links) -> Option<&'a Link> {
    let mut wanted = wanted.calls.iter().filter_map(|call| links.get(*call));
    wanted.next().or_else(|| links.iter().next().map(|(_, link)| link))
}

/// What a call is for whoever signs: a single PUT by the URL of a part is that part's.
fn named(call: LinkedCall, links: &Links) -> LinkedCall {
    let link = links.get(call).filter(|_| call == LinkedCall::PutObject);
    let number = link.and_then(|link| link.url.parameter("partNumber"));
    let number = number.and_then(|number| number.parse().ok()).map(PartNumber);
    number.map_or(call, LinkedCall::UploadPart)
}

/// The upload that the links are for.
fn upload_id(links: &Links) -> Option<String> {
    links.iter().find_map(|(_, link)| link.url.parameter("uploadId"))
}

/// Those of a link's fields that its URL signs.
fn signed_fields(link: &Link) -> Headers {
    let signed = |name: &str| link.url.signed_fields().iter().any(|field| field == name);
    let mut fields = Headers::new();
    for (name, value) in link.fields.iter().filter(|(name, _)| signed(name)) {
        fields.push(name, value);
    }
    fields
}

/// Which part of the URL is the bucket is known of Amazon's own hosts only.
fn bucket_and_key(url: &PresignedUrl) -> Option<(String, String)> {
    let endpoint = Endpoint::new(&url.origin(), Addressing::Auto).ok()?;
    let host = endpoint.authority();
    let path = url.path();
    let path = path.strip_prefix('/')?;
    if !endpoint.is_aws() {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let service = labels.iter().rposition(|label| SERVICES.contains(label))?;
    let (bucket, key) = match labels[..service].join(".") {
        none if none.is_empty() => path.split_once('/').map(|(b, k)| (b.to_owned(), k))?,
        bucket => (bucket, path),
    };
    Some((bucket, key.to_owned()))
}

/// What stands in a host's name behind the bucket's.
const SERVICES: [&str; 3] = ["s3", "s3-fips", "s3-accelerate"];
