//! Files held against stored objects, by whatever the store keeps of them.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::canned::{self, Answer, ok, refused};
use super::local_lab::Lab;
use super::support::{Curlift, Ended, Store, write_file};
use super::{DESTINATION, MIB, SIZE};

fn verify(store: &Store, file: &Path) -> Ended {
    Curlift::new().store(store).args(&["verify"]).arg(file).arg(DESTINATION).run()
}

fn expect(ended: Ended, code: i32, says: &[&str]) {
    let ended = ended.expect_code(code);
    for text in says {
        let said = ended.stdout.contains(text) || ended.stderr.contains(text);
        assert!(said, "{text:?} is not in:\n{}\n{}", ended.stdout, ended.stderr);
    }
}

/// Writes one byte into a file.
fn change(file: &Path, at: u64) {
    let mut file = OpenOptions::new().write(true).open(file).expect("it is there");
    file.seek(SeekFrom::Start(at)).expect("a file can be sought in");
    file.write_all(b"\xfe\xff").expect("it can be written");
}

#[test]
fn an_upload_is_what_was_uploaded_until_a_byte_changes() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    expect(verify(&lab.store, &file), 9, &["there is no such object, or no bucket lab"]);
    lab.cp().arg(&file).arg(DESTINATION).run().expect_code(0);
    expect(verify(&lab.store, &file), 0, &["are equal", "CRC64NVME of the whole object"]);

    change(&file, 11 * MIB as u64);
    let part = "the first part that differs is 3: bytes 10485760 to 12582911";
    expect(verify(&lab.store, &file), 8, &["differ", "CRC64NVME", part]);
    let json = Curlift::new().store(&lab.store).args(&["verify", "--json"]);
    let json = json.arg(&file).arg(DESTINATION).run().expect_code(8).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    assert_eq!((&json["event"], &json["equal"]), (&"verify".into(), &false.into()));
    assert_eq!((&json["compared"], &json["part"]["part"]), (&"crc64nvme".into(), &3.into()));

    let longer = OpenOptions::new().append(true).open(&file).expect("it is there");
    longer.set_len(SIZE as u64 + 1).expect("it can grow");
    expect(verify(&lab.store, &file), 8, &["size: 12582913 bytes here, 12582912 bytes stored"]);
    expect(verify(&lab.store, &folder.path().join("nothing")), 5, &["cannot open"]);
    expect(verify(&lab.store, folder.path()), 5, &["it is a directory"]);
}

#[test]
fn a_store_that_tells_nothing_of_parts_is_compared_all_the_same() {
    let lab = Lab::start(&["GetObjectAttributes always status 403 AccessDenied"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    lab.cp().arg(&file).arg(DESTINATION).run().expect_code(0);
    expect(verify(&lab.store, &file), 0, &["are equal"]);
    change(&file, 0);
    let ended = verify(&lab.store, &file).expect_code(8);
    assert!(!ended.stderr.contains("first part"), "{}", ended.stderr);
}

#[test]
fn what_passes_is_retried_and_what_is_denied_is_explained() {
    let lab = Lab::start(&["HeadObject first 2 status 503", "GetObjectAttributes #1 reset"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    lab.cp().arg(&file).arg(DESTINATION).run().expect_code(0);
    expect(verify(&lab.store, &file), 0, &["are equal"]);
    assert!(lab.stop().count("HeadObject") >= 3);
    let lab = Lab::start(&["HeadObject always status 403"]);
    let needed = "s3:GetObject on arn:aws:s3:::lab/key.bin";
    expect(verify(&lab.store, &file), 4, &["was refused", needed]);
}

/// The contents of the file in the canned tests, and its parts.
const CONTENT: &[u8] = b"aaaaabbbbbccc";
const PARTS: [&[u8]; 3] = [b"aaaaa", b"bbbbb", b"ccc"];

/// A store that has an object of that content: what it says of it, of a part, and of its parts.
struct Canned {
    head: Vec<(&'static str, String)>,
    part: fn(usize) -> Answer,
    attributes: fn(&str) -> Answer,
}

impl Canned {
    fn start(self) -> Store {
        let size = CONTENT.len().to_string();
        canned::store(move |line, fields| match line.split_once('?') {
            Some((_, "attributes=" | "attributes")) => (self.attributes)(fields),
            Some((_, query)) => {
                let number = query.trim_start_matches("partnumber=").parse().expect("a number");
                (self.part)(number)
            }
            None => {
                let mut headers = vec![("content-length", size.as_str())];
                headers.extend(self.head.iter().map(|(name, value)| (*name, value.as_str())));
                ok(&headers)
            }
        })
    }
}

fn md5(bytes: &[u8]) -> String {
    hex::encode(Md5::digest(bytes))
}

/// The ETag of the parts, by its definition.
fn etag_of_parts() -> String {
    let md5s: Vec<u8> = PARTS.iter().flat_map(|part| Md5::digest(part).to_vec()).collect();
    format!("\"{}-3\"", md5(&md5s))
}

/// The SHA-256 of the parts' SHA-256s.
fn sha256_of_parts() -> String {
    let digests: Vec<u8> = PARTS.iter().flat_map(|part| Sha256::digest(part).to_vec()).collect();
    format!("{}-3", STANDARD.encode(Sha256::digest(&digests)))
}

fn no_part(_: usize) -> Answer {
    // As a store that passes over the number.
    ok(&[("content-length", "13")])
}

fn sized_part(number: usize) -> Answer {
    let size = PARTS[number - 1].len().to_string();
    let (_, headers, body) = ok(&[("content-length", &size), ("x-amz-mp-parts-count", "3")]);
    (206, headers, body)
}

fn no_attributes(_: &str) -> Answer {
    refused(501, "NotImplemented")
}

/// Two pages: two parts, and one.
fn pages(fields: &str) -> Answer {
    let is_second = fields.contains("x-amz-part-number-marker: 2");
    let shown = if is_second { 2..3 } else { 0..2 };
    let part = |index: usize| {
        format!(
            "<Part><PartNumber>{}</PartNumber><Size>{}</Size><ChecksumSHA256>{}</ChecksumSHA256>\
             </Part>",
            index + 1,
            PARTS[index].len(),
            STANDARD.encode(Sha256::digest(PARTS[index]))
        )
    };
    let parts: String = shown.map(part).collect::<Vec<_>>().concat();
    let body = format!(
        "<GetObjectAttributesResponse><ObjectParts><PartsCount>3</PartsCount><IsTruncated>{}\
         </IsTruncated>{parts}</ObjectParts></GetObjectAttributesResponse>",
        !is_second
    );
    (200, vec![], body)
}

#[test]
fn each_store_is_compared_by_what_it_keeps() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let equal = folder.path().join("equal");
    let other = folder.path().join("other");
    std::fs::write(&equal, CONTENT).expect("it can be written");
    std::fs::write(&other, b"aaaaabbBbbccc").expect("it can be written");
    let single = || format!("\"{}\"", md5(CONTENT));
    let kms = ("x-amz-server-side-encryption", "aws:kms".to_owned());
    let sha256 = ("x-amz-checksum-sha256", sha256_of_parts());
    let canned = |head, part, attributes| Canned { head, part, attributes };
    let bare = |head| canned(head, no_part, no_attributes);
    let of_parts = || ("etag", etag_of_parts());
    let etag_hint = Some("some stores make their ETags otherwise");
    let cases = [
        (bare(vec![("etag", single())]), "the ETag, as the MD5 of the object", etag_hint),
        (
            canned(vec![of_parts()], sized_part, no_attributes),
            "the ETag, as the MD5 of the MD5s of 3 parts",
            etag_hint,
        ),
        (
            canned(vec![of_parts(), sha256], no_part, pages),
            "SHA256 of the SHA256s of 3 parts",
            Some("the first part that differs is 2: bytes 5 to 9"),
        ),
        (
            bare(vec![of_parts()]),
            "only the size could be compared: it was uploaded in parts, and the store does not",
            None,
        ),
        (
            bare(vec![("etag", single()), kms]),
            "only the size could be compared: the store keeps no checksum, and the ETag of an",
            None,
        ),
        (
            bare(vec![]),
            "only the size could be compared: the store keeps no checksum and sends no ETag",
            None,
        ),
    ];
    for (canned, says, differs) in cases {
        let store = canned.start();
        expect(verify(&store, &equal), 0, &[says]);
        match differs {
            Some(words) => expect(verify(&store, &other), 8, &["differ", words]),
            None => expect(verify(&store, &other), 0, &[says]),
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_no_verdict() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("large");
    let size = 1_u64 << 30;
    std::fs::File::create(&file).and_then(|f| f.set_len(size)).expect("it can be made");
    let (asked, was_asked) = std::sync::mpsc::channel();
    let etag = format!("\"{}\"", md5(b"x"));
    let store = canned::store(move |_, _| {
        asked.send(()).expect("the test waits for it");
        ok(&[("content-length", &size.to_string()), ("etag", &etag)])
    });
    let running = Curlift::new().store(&store).args(&["verify"]).arg(&file).arg(DESTINATION);
    let running = running.start();
    was_asked.recv().expect("it is asked");
    sleep(Duration::from_millis(50));
    change(&file, 0);
    expect(running.end(), 5, &["it changed while it was read"]);
}
