//! The lab over the wire, against a client that shares no code with curlift.
#![cfg(feature = "lab")]
#![expect(clippy::disallowed_methods, reason = "a client has a clock, and tests measure")]
#![expect(clippy::unwrap_used, reason = "a test says what failed by failing there")]

mod client;
mod expiry;
mod faults;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use client::Client;
use curlift::lab::blob::{Blob, crc_text};
use curlift::lab::{Lab, LabSettings};
use curlift::s3::Limits;
use md5::{Digest as _, Md5};

/// A lab whose parts may be small.
pub(crate) fn lab(settings: LabSettings) -> (Lab, Client) {
    let limits = Limits { part_size_min: 5, ..Limits::AWS };
    let lab = Lab::start(LabSettings { limits, ..settings }).unwrap();
    let client = Client::of(&lab);
    (lab, client)
}

pub(crate) fn plain() -> (Lab, Client) {
    lab(LabSettings::default())
}

pub(crate) fn stored(lab: &Lab, key: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    lab.open_object("lab", key).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// Waits until something is so, for what the lab does after the client has its answer.
pub(crate) fn eventually(what: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        if what() {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

#[test]
fn an_object_is_stored_with_its_headers_and_given_back() {
    let (lab, client) = plain();
    let headers = [
        ("cache-control", "no-store"),
        ("content-type", "text/plain"),
        ("x-amz-meta-owner", "me"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    let put = client.ask("PUT /lab/a%20b/%C3%BC", &headers, b"123456789").unwrap();
    assert_eq!(put.status, 200, "{}", put.text());
    assert_eq!(put.header("etag"), Some("\"25f9e794323b453885f5181f1b624d0b\""));
    assert_eq!(put.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    let head =
        client.ask("HEAD /lab/a%20b/%C3%BC", &[("x-amz-checksum-mode", "ENABLED")], b"").unwrap();
    for (name, value) in headers {
        assert_eq!(head.header(name), Some(value));
    }
    assert_eq!(head.header("content-length"), Some("9"));
    assert_eq!(head.header("x-amz-checksum-crc64nvme"), Some("rosUhgp5mIg="));
    assert!(head.header("last-modified").is_some());
    let get = client.ask("GET /lab/a%20b/%C3%BC", &[("range", "bytes=2-4")], b"").unwrap();
    assert_eq!((get.status, get.body.as_slice()), (206, b"345".as_slice()));
    assert_eq!(get.header("content-range"), Some("bytes 2-4/9"));
    assert_eq!(stored(&lab, "a b/ü"), b"123456789");
    let tally = lab.tally();
    assert_eq!((tally.requests_total(), tally.connections, tally.body_bytes), (3, 3, 9));
    assert_eq!(tally.requests_of("PutObject"), 1);
}

fn begin(client: &Client, key: &str, headers: &[(&str, &str)]) -> String {
    let created = client.ask(&format!("POST /lab/{key}?uploads"), headers, b"").unwrap();
    assert_eq!(created.status, 200, "{}", created.text());
    let id = created.element("UploadId").unwrap();
    id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

fn complete_body(parts: &[(u32, &str)]) -> String {
    let part = |(number, etag): &(u32, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let parts = parts.iter().map(part).collect::<Vec<_>>().concat();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[test]
fn parts_become_an_object() {
    let (lab, client) = plain();
    let algorithm =
        [("x-amz-checksum-algorithm", "CRC64NVME"), ("x-amz-checksum-type", "FULL_OBJECT")];
    let id = begin(&client, "k", &algorithm);
    let mut etags = Vec::new();
    for (number, bytes) in [(1, b"hello "), (2, b"world!")] {
        let crc = crc_text(Blob::discarded(bytes).crc64nvme);
        let line = format!("PUT /lab/k?partNumber={number}&uploadId={id}");
        let put = client.ask(&line, &[("x-amz-checksum-crc64nvme", &crc)], bytes).unwrap();
        assert_eq!(put.status, 200, "{}", put.text());
        assert_eq!(put.header("x-amz-checksum-crc64nvme"), Some(crc.as_str()));
        etags.push(put.header("etag").unwrap().to_owned());
    }
    let without = client.ask(&format!("PUT /lab/k?partNumber=3&uploadId={id}"), &[], b"!").unwrap();
    assert_eq!((without.status, without.code().as_str()), (400, "InvalidRequest"));
    let parts = client.ask(&format!("GET /lab/k?max-parts=1&uploadId={id}"), &[], b"").unwrap();
    assert_eq!(parts.element("NextPartNumberMarker").as_deref(), Some("1"));
    assert_eq!(parts.element("ETag").as_deref(), Some(etags[0].as_str()));
    assert_eq!(parts.element("ChecksumType").as_deref(), Some("FULL_OBJECT"));
    assert_eq!((lab.tally().parts_stored, lab.tally().parts_again), (2, 0));
    let again = client.ask(&format!("PUT /lab/k?partNumber=1&uploadId={id}"), &[], b"!").unwrap();
    assert_eq!(again.status, 400, "it lacks its checksum");
    assert_eq!((lab.tally().parts_stored, lab.tally().parts_again), (2, 1));
    let uploads = client.ask("GET /lab?uploads", &[], b"").unwrap();
    assert_eq!(uploads.element("Key").as_deref(), Some("k"));
    assert_eq!(lab.unfinished_uploads().len(), 1);

    let body = complete_body(&[(1, &etags[0]), (2, &etags[1])]);
    let whole = crc_text(Blob::discarded(b"hello world!").crc64nvme);
    let line = format!("POST /lab/k?uploadId={id}");
    let complete = |crc: &str, size: &str| {
        let headers = [("x-amz-checksum-crc64nvme", crc), ("x-amz-mp-object-size", size)];
        client.ask(&line, &headers, body.as_bytes()).unwrap()
    };
    assert_eq!(complete("AAAAAAAAAAA=", "12").code(), "BadDigest");
    assert_eq!(complete(&whole, "13").code(), "InvalidRequest");
    let done = complete(&whole, "12");
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.element("ChecksumCRC64NVME"), Some(whole));
    assert!(done.element("ETag").unwrap().ends_with("-2\""));
    assert_eq!(complete(&done.element("ChecksumCRC64NVME").unwrap(), "12").text(), done.text());
    assert_eq!(stored(&lab, "k"), b"hello world!");
    assert_eq!(lab.object("lab", "k").unwrap().parts, Some(2));
    assert!(lab.unfinished_uploads().is_empty());
    let abort = client.ask(&format!("DELETE /lab/k?uploadId={id}"), &[], b"").unwrap();
    assert_eq!((abort.status, abort.code().as_str()), (404, "NoSuchUpload"));
}

#[test]
fn requests_that_are_not_signed_as_they_should_be_are_refused() {
    let (lab, client) = plain();
    let code = |client: &Client| client.ask("PUT /lab/k", &[], b"x").unwrap().code();
    let wrong = Client { secret_key: "other".into(), ..client.clone() };
    assert_eq!(code(&wrong), "SignatureDoesNotMatch");
    let unknown = Client { access_key: "other".into(), ..client.clone() };
    assert_eq!(code(&unknown), "InvalidAccessKeyId");
    let late = Client { clock_ahead: TimeDelta::minutes(-16), ..client.clone() };
    assert_eq!(code(&late), "RequestTimeTooSkewed");
    let mut connection = client.connect();
    connection
        .send(&client.head_signing("PUT /lab/k", &[], 0, &[("x-amz-acl", "private")]))
        .unwrap();
    let unsigned = connection.answer(false).unwrap();
    assert_eq!(unsigned.element("HeadersNotSigned").as_deref(), Some("x-amz-acl"));
    let mut connection = client.connect();
    connection.send(b"GET /lab/k HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert_eq!(connection.answer(false).unwrap().code(), "AccessDenied");
    let sha = [("x-amz-content-sha256", &*"0".repeat(64))];
    let damaged = client.ask("PUT /lab/k", &sha, b"x").unwrap();
    assert_eq!((damaged.status, damaged.code().as_str()), (400, "XAmzContentSHA256Mismatch"));
    assert_eq!(lab.object("lab", "k"), None);
}

/// An aws-chunked body of one chunk, as the unsigned framing has it.
fn framed(bytes: &str, trailer: &str) -> String {
    format!("{:x}\r\n{bytes}\r\n0\r\n{trailer}\r\n", bytes.len())
}

#[test]
fn a_checksum_in_a_trailer_is_verified() {
    let (lab, client) = plain();
    let put = |key: &str, body: &str| {
        let headers = [
            ("content-encoding", "aws-chunked"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "9"),
            ("x-amz-trailer", "x-amz-checksum-crc64nvme"),
        ];
        client.ask(&format!("PUT /lab/{key}"), &headers, body.as_bytes()).unwrap()
    };
    let right = put("right", &framed("123456789", "x-amz-checksum-crc64nvme:rosUhgp5mIg=\r\n"));
    assert_eq!(right.status, 200, "{}", right.text());
    assert_eq!(stored(&lab, "right"), b"123456789");
    let encoding = |name: &String| name == "content-encoding";
    let settings = lab.object("lab", "right").unwrap().settings;
    assert!(!settings.iter().any(|(name, _)| encoding(name)), "{settings:?}");
    let refused = [
        (framed("123456789", "x-amz-checksum-crc64nvme:AAAAAAAAAAA=\r\n"), "BadDigest"),
        (framed("123456780", "x-amz-checksum-crc64nvme:rosUhgp5mIg=\r\n"), "BadDigest"),
        (framed("123456789", ""), "MalformedTrailerError"),
        ("9\r\n123456789\r\n".into(), "MalformedTrailerError"),
        (framed("12345678", "x-amz-checksum-crc64nvme:rosUhgp5mIg=\r\n"), "IncompleteBody"),
        ("9\r\n1234".into(), "IncompleteBody"),
        ("zz\r\n123456789\r\n".into(), "InvalidRequest"),
    ];
    for (body, code) in refused {
        assert_eq!(put("wrong", &body).code(), code, "{body:?}");
        assert_eq!(lab.object("lab", "wrong"), None);
    }
}

#[test]
fn content_md5_is_verified() {
    let (lab, client) = plain();
    let put = |md5: &str| client.ask("PUT /lab/k", &[("content-md5", md5)], b"123456789").unwrap();
    assert_eq!(put(&STANDARD.encode([0; 16])).code(), "BadDigest");
    assert_eq!(put("JfnnlDI7RTiF9RgfG2JNCw==").status, 200);
    assert_eq!(lab.object("lab", "k").unwrap().size, 9);
}

#[test]
fn a_presigned_url_works_until_it_expires() {
    let (lab, client) = plain();
    let put = |client: &Client| {
        let mut connection = client.connect();
        let head = client.presigned_put("/lab/k", 10, 4);
        connection.send(format!("{head}body").as_bytes()).unwrap();
        connection.answer(false).unwrap()
    };
    assert_eq!(put(&client).status, 200);
    assert_eq!(stored(&lab, "k"), b"body");
    let late = put(&Client { clock_ahead: TimeDelta::seconds(-11), ..client.clone() });
    assert_eq!((late.status, late.code().as_str()), (403, "AccessDenied"));
    assert_eq!(late.element("Message").as_deref(), Some("Request has expired"));
    assert!(late.element("ServerTime").is_some() && late.element("Expires").is_some());
}

#[test]
fn a_client_that_is_refused_while_it_sends_is_not_cut_off_at_once() {
    // Closing a socket with unread bytes is a reset: the client would see its send fail, and some
    // clients throw the answer away then.
    let (_lab, client) = plain();
    let late = Client { clock_ahead: TimeDelta::seconds(-11), ..client };
    for _ in 0..20 {
        let mut connection = late.connect();
        connection.send(late.presigned_put("/lab/k", 10, 4 << 20).as_bytes()).unwrap();
        connection.send(&vec![0; 4 << 20]).unwrap();
        assert_eq!(connection.answer(false).unwrap().code(), "AccessDenied");
    }
}

#[test]
fn a_body_that_breaks_off_is_not_stored() {
    let (lab, client) = plain();
    let mut connection = client.connect();
    connection.send(&client.head("PUT /lab/k", &[], 1000)).unwrap();
    connection.send(&[0; 500]).unwrap();
    connection.socket.shutdown(Shutdown::Both).unwrap();
    assert!(eventually(|| lab.tally().body_bytes == 500));
    assert_eq!(client.ask("HEAD /lab/k", &[], b"").unwrap().status, 404);
}

#[test]
fn a_bucket_may_stand_in_the_host_name() {
    let (lab, client) = plain();
    for host in ["lab.localhost:1234", "lab.s3.local"] {
        let client = Client { host: host.into(), ..client.clone() };
        assert_eq!(client.ask("PUT /k", &[], host.as_bytes()).unwrap().status, 200);
        assert_eq!(stored(&lab, "k"), host.as_bytes());
    }
    assert_eq!(lab.tally().requests_of("PutObject"), 2);
}

#[test]
fn a_lifecycle_is_kept_and_other_sub_resources_are_not_implemented() {
    let (_lab, client) = plain();
    let rules = "<LifecycleConfiguration><Rule><ID>r</ID><Filter><Prefix></Prefix></Filter>\
                 <Status>Enabled</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>3\
                 </DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";
    let none = client.ask("GET /lab?lifecycle", &[], b"").unwrap();
    assert_eq!((none.status, none.code().as_str()), (404, "NoSuchLifecycleConfiguration"));
    let bare = client.ask("PUT /lab?lifecycle", &[], rules.as_bytes()).unwrap();
    assert_eq!((bare.status, bare.code().as_str()), (400, "InvalidRequest"));
    let put = |rules: &str| {
        let md5 = STANDARD.encode(Md5::digest(rules));
        client.ask("PUT /lab?lifecycle", &[("content-md5", &md5)], rules.as_bytes()).unwrap()
    };
    assert_eq!(put(rules).status, 200);
    let kept = client.ask("GET /lab?lifecycle", &[], b"").unwrap();
    assert_eq!(kept.element("DaysAfterInitiation").as_deref(), Some("3"));
    let (root, end) = ("<LifecycleConfiguration>", "</LifecycleConfiguration>");
    let rule = rules.strip_prefix(root).and_then(|rules| rules.strip_suffix(end)).unwrap();
    assert_eq!(put(&[root, rule, rule, end].concat()).code(), "InvalidArgument");
    let older = rule.replace("<Filter>", "").replace("</Filter>", "").replace(">r<", ">s<");
    assert_eq!(put(&[root, rule, &older, end].concat()).code(), "InvalidRequest");
    let below = older.replace("<Prefix>", "<Prefix>p").replace(">s<", ">t<");
    assert_eq!(put(&[root, &older, &below, end].concat()).code(), "InvalidRequest");
    assert_eq!(put(&[root, &older, end].concat()).status, 200);
    assert_eq!(put(&[root, end].concat()).code(), "MalformedXML");
    assert_eq!(client.ask("DELETE /lab?lifecycle", &[], b"").unwrap().status, 204);
    let other = client.ask("GET /lab?replication", &[], b"").unwrap();
    assert_eq!((other.status, other.code().as_str()), (501, "NotImplemented"));
}

#[test]
fn an_object_tells_of_its_parts() {
    let (_lab, client) = plain();
    for (key, headers) in
        [("told", &[("x-amz-checksum-algorithm", "CRC64NVME")][..]), ("untold", &[])]
    {
        let id = begin(&client, key, headers);
        let etags: Vec<_> = [(1, "hello "), (2, "world!")]
            .iter()
            .map(|(number, bytes)| {
                let crc = crc_text(Blob::discarded(bytes.as_bytes()).crc64nvme);
                let headers = [("x-amz-checksum-crc64nvme", crc.as_str())];
                let line = format!("PUT /lab/{key}?partNumber={number}&uploadId={id}");
                let part = client.ask(&line, &headers, bytes.as_bytes()).unwrap();
                part.header("etag").unwrap().to_owned()
            })
            .collect();
        let body = complete_body(&[(1, &etags[0]), (2, &etags[1])]);
        let line = format!("POST /lab/{key}?uploadId={id}");
        assert_eq!(client.ask(&line, &[], body.as_bytes()).unwrap().status, 200);

        let head = client.ask(&format!("HEAD /lab/{key}?partNumber=2"), &[], b"").unwrap();
        assert_eq!((head.status, head.header("content-length")), (206, Some("6")));
        assert_eq!(head.header("x-amz-mp-parts-count"), Some("2"));
        let beyond = client.ask(&format!("HEAD /lab/{key}?partNumber=3"), &[], b"").unwrap();
        assert_eq!(beyond.status, 416);

        let headers = [
            ("x-amz-max-parts", "1"),
            ("x-amz-object-attributes", "ObjectParts,ObjectSize"),
            ("x-amz-part-number-marker", "1"),
        ];
        let page = client.ask(&format!("GET /lab/{key}?attributes"), &headers, b"").unwrap();
        assert_eq!(page.element("PartsCount").as_deref(), Some("2"), "{}", page.text());
        assert_eq!(page.element("ObjectSize").as_deref(), Some("12"));
        let number = (key == "told").then_some("2");
        assert_eq!(page.element("PartNumber").as_deref(), number);
        assert_eq!(page.element("ETag"), None);
    }
}

#[test]
fn uploads_can_be_made_old() {
    let (lab, client) = plain();
    begin(&client, "k", &[]);
    let before = lab.unfinished_uploads()[0].initiated;
    lab.age_uploads(Duration::from_hours(48));
    let after = lab.unfinished_uploads()[0].initiated;
    assert_eq!(after + Duration::from_hours(48), before);
}

#[test]
fn a_discarding_lab_keeps_digests_only() {
    let (lab, client) = lab(LabSettings { discard: true, ..LabSettings::default() });
    assert_eq!(client.ask("PUT /lab/k", &[], b"123456789").unwrap().status, 200);
    assert_eq!(lab.object("lab", "k").unwrap().crc64nvme, 0xae8b_1486_0a79_9888);
    assert!(lab.open_object("lab", "k").is_err());
    assert_eq!(client.ask("GET /lab/k", &[], b"").unwrap().code(), "NotImplemented");
}

#[test]
fn tls_is_trusted_by_its_bundle_alone() {
    let (lab, _) = lab(LabSettings { tls: true, ..LabSettings::default() });
    let bundle = lab.ca_bundle().unwrap().to_owned();
    let ask = |url: &str, bundle: Option<&std::path::Path>| {
        let mut easy = curl::easy::Easy::new();
        easy.url(url).unwrap();
        if let Some(bundle) = bundle {
            easy.cainfo(bundle).unwrap();
        }
        easy.write_function(|bytes| Ok(bytes.len())).unwrap();
        easy.perform().and_then(|()| easy.response_code())
    };
    let by_name = lab.endpoint_url().replace("127.0.0.1", "localhost");
    assert_eq!(ask(lab.endpoint_url(), Some(&bundle)).unwrap(), 403);
    assert_eq!(ask(&by_name, Some(&bundle)).unwrap(), 403);
    assert!(ask(lab.endpoint_url(), None).unwrap_err().is_peer_failed_verification());
    drop(lab);
    assert!(!bundle.exists());
}

#[test]
fn a_stopped_lab_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        LabSettings { folder: Some(folder.path().join("bodies")), ..LabSettings::default() };
    let (lab, client) = lab(settings);
    // Parts replaced and given up are removed while it runs.
    let id = begin(&client, "k", &[]);
    for _ in 0..2 {
        let line = format!("PUT /lab/k?partNumber=1&uploadId={id}");
        assert_eq!(client.ask(&line, &[], b"part").unwrap().status, 200);
    }
    let bodies = || std::fs::read_dir(folder.path().join("bodies")).unwrap().count();
    assert_eq!(bodies(), 1);
    assert_eq!(client.ask(&format!("DELETE /lab/k?uploadId={id}"), &[], b"").unwrap().status, 204);
    assert_eq!(bodies(), 0);
    let mut idle = client.connect();
    idle.socket.write_all(b"PUT ").unwrap();
    assert_eq!(lab.stop().requests_total(), 4);
    assert!(matches!(idle.more(), Ok(0) | Err(_)));
    assert!(std::net::TcpStream::connect(&client.host).is_err());
}
