//! Manifests written and read, and such as were changed.

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::http::{Body, Headers, Method, Request};
use crate::s3::sigv4::{Lifetime, Signer};
use crate::s3::{Bucket, Credentials, Key, Limits, Link, PresignedUrl, Secret};

const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 100, parts_max: 5_000, object_size_max: 500_000 };
/// 2013-05-24T00:00:00Z.
const SIGNED_AT: i64 = 1_369_353_600;
const UPLOAD_ID: &str = "2~a+b/c=";

fn signer() -> Signer {
    Signer {
        credentials: Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires_at: None,
        },
        region: "us-east-1".into(),
    }
}

fn destination() -> ManifestDestination {
    ManifestDestination {
        endpoint: Endpoint::new("https://store.example:8443", Addressing::Path).unwrap(),
        addressing: Addressing::Path,
        region: "us-east-1".into(),
        object: Object {
            bucket: Bucket::new("bucket").unwrap(),
            key: Key::new("a b/../ü.tar").unwrap(),
        },
    }
}

fn link(method: Method, query: &[(&str, &str)], fields: &[(&str, &str)], seconds: u64) -> Link {
    let ManifestDestination { endpoint, object, .. } = destination();
    let mut headers = Headers::new();
    for (name, value) in fields {
        headers.push(name, *value);
    }
    let url = endpoint.object_url(&object, query);
    let request = Request { method, url, headers: headers.clone(), body: Body::Empty };
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(SIGNED_AT as u64);
    let lifetime = Lifetime::new(Duration::from_secs(seconds)).unwrap();
    let url = signer().presign(&request, at, lifetime);
    Link { url: PresignedUrl::parse(&url.to_string()).unwrap(), fields: headers }
}

fn links(plan: &UploadPlan, parts: &[Crc64Nvme], whole: Crc64Nvme) -> Links {
    let id = ("uploadId", UPLOAD_ID);
    let mut links = Links::default();
    for (index, crc) in (0..).zip(parts) {
        let number = PartNumber::from_index(index);
        let query = [("partNumber", &*number.to_string()), id];
        let crc = crc.to_base64();
        let fields = [("x-amz-checksum-crc64nvme", crc.as_str())];
        links.insert(LinkedCall::UploadPart(number), link(Method::Put, &query, &fields, 3600));
    }
    let (whole, size) = (whole.to_base64(), plan.size().to_string());
    let fields = [
        ("x-amz-checksum-crc64nvme", whole.as_str()),
        ("x-amz-checksum-type", "FULL_OBJECT"),
        ("x-amz-mp-object-size", size.as_str()),
    ];
    let complete = link(Method::Post, &[id], &fields, 7200);
    links.insert(LinkedCall::CompleteMultipartUpload, complete);
    links.insert(LinkedCall::AbortMultipartUpload, link(Method::Delete, &[id], &[], 7200));
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    links.insert(LinkedCall::HeadObject, link(Method::Head, &[], &mode, 7200));
    for after in list_pages(plan.parts()) {
        let marker = after.map(|number| number.to_string());
        let marker = marker.as_deref().map(|number| ("part-number-marker", number));
        let query: Vec<_> = [("max-parts", "1000")].into_iter().chain(marker).chain([id]).collect();
        links.insert(LinkedCall::ListParts(after), link(Method::Get, &query, &[], 7200));
    }
    links
}

/// The manifest of a file of `size` bytes in parts of ten; byte N is N modulo 251.
pub(in crate::upload) fn manifest(size: u64) -> Manifest {
    let plan = UploadPlan::new(size, 10, 0, &LIMITS).unwrap();
    let bytes: Vec<u8> = (0..size).map(|byte| (byte % 251) as u8).collect();
    let parts: Vec<Crc64Nvme> = bytes.chunks(10).map(Crc64Nvme::of).collect();
    let whole = Crc64Nvme::of(&bytes);
    let links = links(&plan, &parts, whole);
    Manifest::new(ManifestInput {
        created_at: UnixTime(SIGNED_AT),
        file: ManifestFile { name: "ü.tar".into(), size, modified: (-5, 123_456_789) },
        destination: destination(),
        upload_id: UploadId(UPLOAD_ID.into()),
        plan,
        checksums: ManifestChecksums::Crc64Nvme(Some(whole)),
        part_checksums: &parts,
        links,
    })
}

fn read(document: &Value) -> Result<Manifest, ManifestError> {
    Manifest::read(&serde_json::to_vec(document).unwrap(), &LIMITS)
}

fn document(size: u64) -> Value {
    serde_json::from_slice(&manifest(size).write()).unwrap()
}

/// What is said of the manifest of three parts, changed so; whatever it is, no signature.
fn said(change: impl FnOnce(&mut Value)) -> String {
    let mut document = document(25);
    change(&mut document);
    let ManifestError { what, hint } = read(&document).expect_err("it was changed");
    for secret in ["X-Amz-Signature=", "AKIAIOSFODNN7EXAMPLE"] {
        assert!(!what.contains(secret) && !hint.contains(secret), "{what}");
    }
    assert!(!hint.is_empty());
    format!("{what}; {hint}")
}

fn replace(value: &mut Value, from: &str, to: &str) {
    let text = value.as_str().unwrap();
    assert!(text.contains(from), "{text} has no {from}");
    *value = json!(text.replacen(from, to, 1));
}

#[test]
fn what_is_written_is_read() {
    for size in [1, 10, 11, 25, 12_345] {
        let manifest = manifest(size);
        assert_eq!(Manifest::read(&manifest.write(), &LIMITS), Ok(manifest), "{size}");
    }
}

#[test]
fn what_stands_in_the_file() {
    let mut document = document(25);
    let urls = document["parts"].as_array_mut().unwrap();
    assert!(
        urls[1]["url"].as_str().unwrap().contains("partNumber=2&uploadId=2~a%2Bb%2Fc%3D&X-Amz")
    );
    for part in urls.iter_mut() {
        part["url"] = json!("U");
    }
    for name in ["complete", "abort", "head"] {
        document[name]["url"] = json!("U");
    }
    document["list"][0]["url"] = json!("U");
    let crc = |from: u8, to: u8| Crc64Nvme::of(&(from..to).collect::<Vec<_>>()).to_base64();
    let part = |number: u8, from, to| {
        let crc = crc(from, to);
        let fields = json!({"x-amz-checksum-crc64nvme": crc});
        let size = to - from;
        json!({"number": number, "size": size, "checksum": crc, "url": "U", "headers": fields})
    };
    let expected = json!({
        "curlift_manifest": 1,
        "program": concat!("curlift ", env!("CARGO_PKG_VERSION")),
        "created_at": "2013-05-24T00:00:00Z",
        "expires_at": "2013-05-24T01:00:00Z",
        "file": {"name": "ü.tar", "size": 25, "modified": "1969-12-31T23:59:55.123456789Z"},
        "object": {
            "endpoint": "https://store.example:8443", "addressing": "path",
            "region": "us-east-1", "bucket": "bucket", "key": "a b/../ü.tar",
        },
        "upload_id": UPLOAD_ID,
        "part_size": 10,
        "parts_total": 3,
        "checksum_algorithm": "CRC64NVME",
        "checksum": crc(0, 25),
        "parts": [part(1, 0, 10), part(2, 10, 20), part(3, 20, 25)],
        "complete": {"url": "U", "headers": {
            "x-amz-checksum-crc64nvme": crc(0, 25),
            "x-amz-checksum-type": "FULL_OBJECT",
            "x-amz-mp-object-size": "25",
        }},
        "abort": {"url": "U"},
        "head": {"url": "U", "headers": {"x-amz-checksum-mode": "ENABLED"}},
        "list": [{"after": 0, "url": "U"}],
    });
    assert_eq!(document, expected);
}

#[test]
fn all_that_is_needed_to_upload_is_told() {
    let manifest = manifest(25);
    assert_eq!(manifest.object().to_string(), "s3://bucket/a b/../ü.tar");
    assert_eq!(manifest.endpoint().to_string(), "https://store.example:8443");
    assert_eq!((manifest.region(), manifest.upload_id().0.as_str()), ("us-east-1", UPLOAD_ID));
    assert_eq!((manifest.plan().parts(), manifest.plan().part_size()), (3, 10));
    assert_eq!(manifest.file().modified, (-5, 123_456_789));
    assert_eq!(manifest.expires_at(), UnixTime(SIGNED_AT + 3600), "the parts' links end first");
    assert_eq!(manifest.created_at(), UnixTime(SIGNED_AT));
    assert_eq!(manifest.share(), None);
    let third = PartNumber::from_index(2);
    let bytes: Vec<u8> = (0..25).collect();
    assert_eq!(manifest.part_checksum(third), Some(Crc64Nvme::of(&bytes[20..])));
    assert_eq!(manifest.checksum(), Some(Crc64Nvme::of(&bytes)));
    assert_eq!(manifest.links().parts().count(), 3);
    assert!(manifest.allows(LinkedCall::HeadObject));
    assert!(!manifest.allows(LinkedCall::PutObject));
}

#[test]
fn pages_begin_at_each_thousand() {
    let pages = |parts| list_pages(parts).map(|after| after.map_or(0, |n| n.0.get()));
    assert_eq!(pages(1).collect::<Vec<_>>(), [0]);
    assert_eq!(pages(1000).collect::<Vec<_>>(), [0]);
    assert_eq!(pages(1001).collect::<Vec<_>>(), [0, 1000]);
    assert_eq!(pages(2500).collect::<Vec<_>>(), [0, 1000, 2000]);
    let manifest = manifest(12_345);
    assert!(manifest.allows(LinkedCall::ListParts(Some(PartNumber::from_index(999)))));
    assert_eq!(document(12_345)["list"][1]["after"], 1000);
}

#[test]
fn no_url_is_printed() {
    let manifest = manifest(25);
    let shown =
        format!("{manifest:?} {:?}", link::LinkJson::of(manifest.links().iter().next().unwrap().1));
    assert!(!shown.contains("X-Amz") && !shown.contains("https:"), "{shown}");
}

#[test]
fn files_that_are_no_manifest() {
    let text = |text: &str| {
        let ManifestError { what, hint } = Manifest::read(text.as_bytes(), &LIMITS).unwrap_err();
        format!("{what}; {hint}")
    };
    let whole = String::from_utf8(manifest(25).write()).unwrap();
    for (given, says) in [
        ("", "it ends in the middle: line 1, column 0; it was cut"),
        (&whole[..whole.len() / 2], "it ends in the middle: line "),
        ("s3://bucket/key", "it is no JSON: expected value at line 1 column 1"),
        ("[]", "\"curlift_manifest\" is missing"),
        ("{}", "\"curlift_manifest\" is missing"),
        ("{\"curlift_manifest\": 2, \"news\": 1}", "of version 2, and version 1 is known"),
        ("{\"curlift_manifest\": \"https://a?X-Amz-Signature=b\"}", "invalid type: string, exp"),
        ("{\"curlift_manifest\": 1}", "missing field `program` at line 1"),
    ] {
        let message = text(given);
        assert!(message.contains(says), "{given:.40}: {message}");
        assert!(!message.contains("X-Amz"), "{message}");
    }
    let long = vec![b' '; MANIFEST_LENGTH_MAX + 1];
    let error = Manifest::read(&long, &LIMITS).unwrap_err();
    assert!(error.what.contains("no manifest has more than 64 MiB"), "{error}");
}

/// A change, and what is said of it.
type Row = (fn(&mut Value), &'static str);

fn expect_rows(rows: &[Row]) {
    for (change, says) in rows {
        let message = said(change);
        assert!(message.contains(says), "{message}\nand not {says}");
    }
}

#[test]
fn links_that_lead_elsewhere_are_refused() {
    expect_rows(&[
        (
            |m| replace(&mut m["parts"][1]["url"], "store.example", "evil.example"),
            "part 2: the URL leads to https://evil.example:8443/bucket/",
        ),
        (
            |m| replace(&mut m["parts"][1]["url"], ":8443", ":443"),
            "part 2: the URL leads to https://store.example:443/",
        ),
        (|m| replace(&mut m["parts"][0]["url"], "https:", "http:"), "in the clear"),
        (
            |m| replace(&mut m["parts"][0]["url"], "/bucket/", "/bucket2/"),
            "part 1: the URL leads to",
        ),
        (|m| replace(&mut m["complete"]["url"], "a%20b", "a%20c"), "complete: the URL leads to"),
        (
            |m| replace(&mut m["list"][0]["url"], "store", "other"),
            "list, after 0: the URL leads to",
        ),
        (|m| replace(&mut m["head"]["url"], "/../", "/"), "head: the URL leads to"),
        (
            |m| replace(&mut m["parts"][0]["url"], "https://", "https://user:pw@"),
            "part 1: the URL has a user name or password in it",
        ),
        (|m| m["object"]["endpoint"] = json!("https://evil.example"), "part 1: the URL leads to"),
        (|m| m["object"]["bucket"] = json!("other"), "part 1: the URL leads to"),
        (|m| m["object"]["key"] = json!("other"), "part 1: the URL leads to"),
        (|m| m["object"]["addressing"] = json!("virtual"), "part 1: the URL leads to"),
    ]);
}

#[test]
fn links_for_something_else_are_refused() {
    expect_rows(&[
        (
            |m| replace(&mut m["parts"][1]["url"], "partNumber=2", "partNumber=3"),
            "part 2: the URL's partNumber is not 2",
        ),
        (
            |m| replace(&mut m["parts"][1]["url"], "uploadId=2~a", "uploadId=2~b"),
            "part 2: the URL is for another upload",
        ),
        (
            |m| replace(&mut m["abort"]["url"], "uploadId=2~a", "uploadId=2~b"),
            "abort: the URL is for another upload",
        ),
        (
            |m| replace(&mut m["complete"]["url"], "uploadId=2~a%2Bb%2Fc%3D&", ""),
            "complete: the URL is for another upload",
        ),
        (
            |m| replace(&mut m["complete"]["url"], "?", "?partNumber=1&"),
            "complete: the URL is for something else: its query has \"partnumber\"",
        ),
        (|m| replace(&mut m["head"]["url"], "?", "?versionId=1&"), "its query has \"versionid\""),
        (
            |m| replace(&mut m["parts"][0]["url"], "?", "?partNumber=1&"),
            "part 1: the URL's query has a name twice",
        ),
        (
            |m| replace(&mut m["list"][0]["url"], "max-parts=1000", "max-parts=10"),
            "list, after 0: the URL's max-parts is not 1000",
        ),
        (
            |m| replace(&mut m["list"][0]["url"], "?", "?part-number-marker=7&"),
            "the URL's part-number-marker is not 0",
        ),
        (
            |m| replace(&mut m["parts"][0]["url"], "&X-Amz-Signature", "&X"),
            "part 1: the URL ends behind",
        ),
        (
            |m| m["list"] = json!([{"after": 1000, "url": "https://h/"}]),
            "list has no page for each thousand",
        ),
        (|m| m["upload_id"] = json!("other"), "part 1: the URL is for another upload"),
        (|m| m["upload_id"] = json!(""), "upload_id is empty"),
    ]);
}

#[test]
fn fields_that_are_not_signed_are_refused() {
    expect_rows(&[
        (
            |m| m["parts"][0]["headers"]["x-amz-acl"] = json!("public-read"),
            "part 1: the header field x-amz-acl is not one that the URL signs",
        ),
        (
            |m| m["parts"][0]["headers"]["host"] = json!("evil"),
            "the header field host is set by whoever sends",
        ),
        (
            |m| m["parts"][0]["headers"]["Content-Length"] = json!("1"),
            "the header field content-length is set by whoever sends",
        ),
        (
            |m| m["parts"][0]["headers"] = json!({}),
            "signs the header field “x-amz-checksum-crc64nvme”, whose value is missing",
        ),
        (
            |m| m["parts"][0]["headers"]["X-Amz-Checksum-CRC64NVME"] = json!("x"),
            "stands there twice",
        ),
        (
            |m| m["parts"][0]["headers"]["a\r\nb"] = json!("x"),
            "“a\\r\\nb” is no name of a header field",
        ),
        (|m| m["parts"][0]["headers"][""] = json!("x"), "“” is no name of a header field"),
        (
            |m| m["complete"]["headers"]["x-amz-checksum-type"] = json!("a\r\nb: c"),
            "has a line end",
        ),
        (
            |m| m["parts"][0]["headers"]["x-amz-checksum-crc64nvme"] = json!("AAAAAAAAAAA="),
            "part 1: the URL signs another x-amz-checksum-crc64nvme",
        ),
        (
            |m| m["complete"]["headers"]["x-amz-mp-object-size"] = json!("24"),
            "complete: the URL signs another x-amz-mp-object-size",
        ),
    ]);
}

#[test]
fn parts_that_are_not_the_plans_are_refused() {
    expect_rows(&[
        (|m| m["parts"] = json!([]), "it has no parts"),
        (|m| m["parts"][1]["number"] = json!(1), "part 1 stands behind part 1"),
        (|m| m["parts"].as_array_mut().unwrap().swap(0, 1), "part 1 stands behind part 2"),
        (|m| m["parts"][2]["number"] = json!(4), "part 4: the file has 3 parts"),
        (|m| m["parts"][0]["number"] = json!(0), "invalid value: integer, expected a nonzero u32"),
        (|m| m["parts"][2]["size"] = json!(10), "part 3: its size is 10, and must be 5"),
        (|m| m["parts"][0]["size"] = json!(9), "part 1: its size is 9, and must be 10"),
        (|m| m["parts_total"] = json!(4), "parts_total is 4, and 25 bytes are 3 parts of 10"),
        (
            |m| m["part_size"] = json!(4),
            "cannot be uploaded in parts of 4: there are 1 to 5000 parts of 5 to 100",
        ),
        (|m| m["part_size"] = json!(0), "cannot be uploaded in parts of 0"),
        (|m| m["file"]["size"] = json!(0), "a file of 0 bytes cannot"),
        (|m| m["file"]["size"] = json!(u64::MAX), "cannot be uploaded in parts"),
        (
            |m| m["parts"][0]["checksum"] = json!("AAAAAAAAAAA="),
            "checksum is not that of the parts together",
        ),
        (|m| m["checksum"] = json!("AAAAAAAAAAA="), "checksum is not that of the parts together"),
        (|m| m["checksum"] = json!("abc"), "eight bytes in base64 are expected"),
        (
            |m| m["checksum_algorithm"] = json!(null),
            "checksum_algorithm, which says of what kind, is null",
        ),
        (|m| m["checksum_algorithm"] = json!("SHA256"), "neither \"CRC64NVME\" nor null"),
    ]);
}

#[test]
fn what_no_manifest_has_is_refused() {
    expect_rows(&[
        (|m| m["news"] = json!(1), "unknown field `news`, expected one of `curlift_manifest`"),
        (|m| m["parts"][0]["urls"] = json!(1), "unknown field `urls`"),
        (
            |m| m["https://a?X-Amz-Signature=b`, expected X-Amz-Signature"] = json!(1),
            "unknown field, expected one of",
        ),
        (|m| m["part_size"] = m["head"]["url"].clone(), "invalid type: string, expected u64"),
        (
            |m| m["object"]["addressing"] = json!("auto`, expected"),
            "unknown variant, expected one of",
        ),
        (
            |m| m["object"]["endpoint"] = json!("https://h/path"),
            "object: the endpoint URL has a path",
        ),
        (|m| m["object"]["bucket"] = json!("NO"), "object: “NO” is not a bucket name"),
        (|m| m["object"]["key"] = json!(""), "object: the key is empty"),
        (|m| m["object"]["region"] = json!("us\u{1b}"), "region is no name of a region"),
        (|m| m["created_at"] = json!("yesterday"), "created_at is no time"),
        (|m| m["file"]["modified"] = json!("2026-01-02"), "file.modified is no time"),
    ]);
}

#[test]
fn a_host_in_capitals_and_other_escapes_are_the_same() {
    let mut document = document(25);
    replace(&mut document["parts"][0]["url"], "store.example", "STORE.example");
    replace(&mut document["parts"][1]["url"], "a%20b", "%61%20b");
    let read = read(&document).unwrap();
    assert_eq!(read.links().parts().count(), 3);
}

#[test]
fn without_checksums_nothing_is_said_of_them() {
    let mut manifest = manifest(25);
    manifest.checksums = ManifestChecksums::None;
    manifest.parts.values_mut().for_each(|checksum| *checksum = None);
    let read = Manifest::read(&manifest.write(), &LIMITS).unwrap();
    assert_eq!((read.has_checksums(), read.checksum()), (false, None));
    assert_eq!(read, manifest);
}

#[test]
fn shares_may_upload_their_parts_and_list() {
    let manifest = manifest(95);
    let shares = manifest.shards(3);
    let parts = |share: &Manifest| share.share().unwrap().iter().map(|n| n.0.get()).collect();
    let parts: Vec<Vec<u32>> = shares.iter().map(parts).collect();
    assert_eq!(parts, [vec![1, 2, 3], vec![4, 5, 6], vec![7, 8, 9, 10]]);
    for share in &shares {
        assert_eq!(Manifest::read(&share.write(), &LIMITS).as_ref(), Ok(share));
        assert!(share.allows(LinkedCall::ListParts(None)));
        for call in [
            LinkedCall::CompleteMultipartUpload,
            LinkedCall::AbortMultipartUpload,
            LinkedCall::HeadObject,
        ] {
            assert!(manifest.allows(call) && !share.allows(call), "{call:?}");
        }
    }
    assert_eq!(manifest.shards(99).len(), 10);
    assert_eq!(manifest.shards(0).len(), 1);
}

proptest! {
    #[test]
    fn shares_are_all_parts_once(size in 1u64..300, count in 0u32..40) {
        let manifest = manifest(size);
        let shares = manifest.shards(count);
        let lengths: Vec<usize> = shares.iter().map(|share| share.parts.len()).collect();
        let (least, most) = (lengths.iter().min().unwrap(), lengths.iter().max().unwrap());
        prop_assert!(*least > 0 && most - least <= 1, "{lengths:?}");
        let numbers = shares.iter().flat_map(|share| share.links().parts().collect::<Vec<_>>());
        prop_assert_eq!(numbers.collect::<Vec<_>>(), manifest.links().parts().collect::<Vec<_>>());
    }
}
