//! `curlift presign`: what its URLs allow, and what they do not.

use super::local_lab::Lab;
use super::presigned::{presign, put, send};
use super::support::{Curlift, expect_same, write_file};
use super::{BUCKET, DESTINATION, KEY};

/// Large enough for a part.
const PART: usize = 5 << 20;

#[test]
fn a_file_is_uploaded_and_read_without_keys() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "a file", 70_001);
    let url = presign(&lab.store, &[DESTINATION]);
    assert_eq!(put(&lab.store, &file, &[], &url).0, 200);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    let url = presign(&lab.store, &[DESTINATION, "--method", "GET", "--expires-in", "7d"]);
    let copy = folder.path().join("copy");
    let (status, _) = send(&lab.store, &["--output", copy.to_str().expect("a path")], &url);
    assert_eq!(status, 200);
    expect_same(&std::fs::read(copy).expect("curl wrote it"), &content);
}

#[test]
fn another_method_key_or_signature_is_refused() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1000);
    let url = presign(&lab.store, &[DESTINATION]);
    let (status, answer) = send(&lab.store, &[], &url);
    assert_eq!(status, 403, "GET by a URL for PUT: {answer}");
    let tampered = [
        url.replace(KEY, "other.bin"),
        url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"),
        format!("{}0", &url[..url.len() - 1]),
    ];
    for other in tampered.iter().filter(|other| **other != url) {
        let (status, answer) = put(&lab.store, &file, &[], other);
        assert_eq!((status, answer.contains("SignatureDoesNotMatch")), (403, true), "{answer}");
    }
    assert!(!lab.store.has(BUCKET, KEY), "nothing was stored");
}

#[test]
fn fields_of_the_object_are_signed_and_must_be_sent() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1000);
    let words = ["presign", DESTINATION, "--content-type", "text/x-mine", "--metadata", "a=b"];
    let told = Curlift::new().store(&lab.store).args(&words).run().expect_code(0);
    for field in ["content-type: text/x-mine", "x-amz-meta-a: b"] {
        assert!(told.stderr.contains(&format!("send it with: {field}")), "{}", told.stderr);
    }
    let url = told.stdout.trim();
    assert_eq!(put(&lab.store, &file, &[], url).0, 403);
    let fields = ["Content-Type: text/x-mine", "x-amz-meta-a: b"];
    assert_eq!(put(&lab.store, &file, &fields, url).0, 200);
    let kept = lab.store.header(BUCKET, KEY, "content-type");
    assert_eq!(kept.as_deref(), Some("text/x-mine"));
}

#[test]
fn a_url_that_has_expired_is_refused() {
    // The server's clock is two hours ahead.
    let lab = Lab::start(&["* always skew 2h"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1000);
    let url = presign(&lab.store, &[DESTINATION, "--expires-in", "1h"]);
    let (status, answer) = put(&lab.store, &file, &[], &url);
    assert_eq!((status, answer.contains("expired")), (403, true), "{answer}");
    let url = presign(&lab.store, &[DESTINATION, "--expires-in", "3h"]);
    assert_eq!(put(&lab.store, &file, &[], &url).0, 200);
}

#[test]
fn an_upload_in_parts_goes_without_keys() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", PART);
    let path = format!("/{BUCKET}/{KEY}?uploads=");
    let created = lab.store.ask(&["--fail", "--request", "POST"], &path).expect("it is created");
    let created = String::from_utf8_lossy(&created).into_owned();
    let (_, rest) = created.split_once("<UploadId>").expect("an upload id");
    let (id, _) = rest.split_once('<').expect("its end");
    let link =
        |words: &[&str]| presign(&lab.store, &[&[DESTINATION, "--upload-id", id], words].concat());
    assert_eq!(put(&lab.store, &file, &[], &link(&["--part-number", "1"])).0, 200);
    let (status, listing) = send(&lab.store, &[], &link(&["--call", "list-parts"]));
    assert_eq!((status, listing.matches("<PartNumber>1</PartNumber>").count()), (200, 1));
    let (_, rest) = listing.split_once("<ETag>").expect("an ETag");
    let (etag, _) = rest.split_once('<').expect("its end");
    let document = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>\
         </CompleteMultipartUpload>"
    );
    let (status, answer) = send(&lab.store, &["--data", &document], &link(&["--call", "complete"]));
    assert_eq!(status, 200, "{answer}");
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    let (status, _) = send(&lab.store, &["--request", "DELETE"], &link(&["--call", "abort"]));
    assert_eq!(status, 404, "it is completed");
}

#[test]
fn json_tells_all_that_is_needed_to_use_it() {
    let lab = Lab::start(&[]);
    let words = ["presign", DESTINATION, "--json", "--acl", "private", "--expires-in", "90s"];
    let told = Curlift::new().store(&lab.store).args(&words).run().expect_code(0);
    let event: serde_json::Value = serde_json::from_str(&told.stdout).expect("one line");
    assert_eq!((&event["event"], &event["method"]), (&"presigned".into(), &"PUT".into()));
    assert_eq!(event["headers"]["x-amz-acl"], "private");
    assert_eq!(event["expires_in_s"], 90);
    assert!(event["url"].as_str().is_some_and(|url| url.contains("X-Amz-Expires=90")), "{event}");
    assert!(event["expires_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{event}");
}

#[test]
fn what_cannot_be_presigned_is_refused() {
    let lab = Lab::start(&[]);
    let rows: [(&[&str], i32, &str); 4] = [
        (&["--no-sign-request"], 2, "without keys there is none"),
        (&["--method", "GET", "--acl", "private"], 2, "fields of the object"),
        (&["--expires-in", "8d"], 2, "seven days at most"),
        (&["--upload-id", "U"], 2, "--part-number"),
    ];
    for (words, code, says) in rows {
        let program = Curlift::new().store(&lab.store).args(&["presign", DESTINATION]);
        let ended = program.args(words).run().expect_code(code);
        assert!(ended.stderr.contains(says), "{words:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{words:?}");
    }
}

#[test]
fn the_lab_hands_a_url_to_scripts_that_know_no_keys() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 100_000);
    let script = "curl -sS --fail --disable -T \"$0\" \"$CURLIFT_LAB_PUT_URL\"";
    let lab = Curlift::new().args(&["lab", "--", "env", "-u", "AWS_ACCESS_KEY_ID", "sh", "-c"]);
    let ended = lab.arg(script).arg(&file).run().expect_code(0);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("1    PutObject"), "{told}");
}
