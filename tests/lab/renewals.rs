//! The renewal of presigned URLs: both ends of it.

use std::fs::File;

use serde_json::{Value, json};

use super::local_lab::Lab;
use super::presigned::{put, send};
use super::support::{Curlift, Ended, expect_same, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB};

/// What `curlift presign OBJECT --renew-stdin WORDS` says to such a request.
fn answer(lab: &Lab, object: &str, words: &[&str], request: &Value) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("request");
    std::fs::write(&path, request.to_string()).expect("it can be written");
    let program = Curlift::new().store(&lab.store).args(&["presign", object, "--renew-stdin"]);
    program.args(words).start_reading(File::open(path).expect("it was written")).end()
}

fn request(lab: &Lab, upload_id: Option<&str>, calls: &Value) -> Value {
    json!({
        "curlift_renewal": 1, "endpoint": lab.store.url, "path": format!("/{BUCKET}/{KEY}"),
        "upload_id": upload_id, "expired": true, "calls": calls,
    })
}

/// The URLs of an answer, in its order.
fn urls(answer: &Ended) -> Vec<String> {
    let answer: Value = serde_json::from_str(&answer.stdout).expect("it is JSON");
    let links = answer["links"].as_array().expect("it has links").iter();
    links.map(|link| link["url"].as_str().expect("each has a URL").to_owned()).collect()
}

#[test]
fn whoever_has_keys_signs_what_is_asked_for() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 5 * MIB);
    let fields = json!({"content-type": "text/x-mine"});
    let calls = json!([{"call": "PutObject", "headers": fields}]);
    let told = answer(&lab, DESTINATION, &[], &request(&lab, None, &calls)).expect_code(0);
    let url = &urls(&told)[0];
    assert!(told.stdout.contains("\"content-type\":\"text/x-mine\""), "{}", told.stdout);
    assert_eq!(put(&lab.store, &file, &[], url).0, 403, "its field is signed");
    assert_eq!(put(&lab.store, &file, &["Content-Type: text/x-mine"], url).0, 200);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
}

#[test]
fn every_call_of_an_upload_in_parts_is_signed_for() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 5 * MIB);
    let path = format!("/{BUCKET}/{KEY}?uploads=");
    let created = lab.store.ask(&["--fail", "--request", "POST"], &path).expect("it is created");
    let created = String::from_utf8_lossy(&created).into_owned();
    let (_, rest) = created.split_once("<UploadId>").expect("an upload id");
    let (id, _) = rest.split_once('<').expect("its end");
    let calls = json!([
        {"call": "UploadPart", "part_number": 1}, {"call": "UploadPart", "part_number": 2},
        {"call": "CompleteMultipartUpload"}, {"call": "AbortMultipartUpload"},
        {"call": "ListParts", "after": 0}, {"call": "ListParts", "after": 1},
        {"call": "HeadObject"},
    ]);
    let asked = request(&lab, Some(id), &calls);
    // Below a prefix as well as by its name; for as long as was typed.
    let told = answer(&lab, "s3://lab/", &["--expires-in", "90s"], &asked).expect_code(0);
    let urls = urls(&told);
    let [one, two, _, abort, all, behind, head] = urls.as_slice() else { panic!("{urls:?}") };
    assert!(urls.iter().all(|url| url.contains("X-Amz-Expires=90&")), "{urls:?}");
    assert_eq!(put(&lab.store, &file, &[], one).0, 200);
    assert_eq!(put(&lab.store, &file, &[], two).0, 200);
    let parts = |url: &str| {
        let (status, listing) = send(&lab.store, &[], url);
        (status, listing.matches("<PartNumber>").count())
    };
    assert_eq!((parts(all), parts(behind)), ((200, 2), (200, 1)));
    assert_eq!(send(&lab.store, &["--request", "DELETE"], abort).0, 204);
    assert_eq!(send(&lab.store, &["--head"], head).0, 404, "nothing was completed");
}

#[test]
fn nothing_else_is_signed_for() {
    let lab = Lab::start(&[]);
    let put = json!([{"call": "PutObject"}]);
    let public = json!([{"call": "PutObject", "headers": {"x-amz-acl": "public-read"}}]);
    let copy = json!([{"call": "PutObject", "headers": {"x-amz-copy-source": "/lab/other"}}]);
    for (object, calls, says) in [
        (
            "s3://lab/other.bin",
            &put,
            "links for /lab/key.bin are asked for, and s3://lab/other.bin",
        ),
        ("s3://lab/key/", &put, "and s3://lab/key/ alone may be signed for"),
        ("s3://other/key.bin", &put, "and s3://other/key.bin alone"),
        (DESTINATION, &public, "x-amz-acl is asked for, and was not allowed"),
        (DESTINATION, &copy, "x-amz-copy-source is asked for, and was not allowed"),
        (DESTINATION, &json!([]), "names no calls"),
    ] {
        let told = answer(&lab, object, &[], &request(&lab, None, calls)).expect_code(2);
        assert!(told.stderr.contains(says) && told.stderr.contains("hint"), "{}", told.stderr);
        assert_eq!(told.stdout, "");
    }
    let mut elsewhere = request(&lab, None, &put);
    elsewhere["endpoint"] = "https://s3.example".into();
    let told = answer(&lab, DESTINATION, &[], &elsewhere).expect_code(2);
    let says =
        format!("links to https://s3.example are asked for, and {DESTINATION} is at http://");
    assert!(told.stderr.contains(&says), "{}", told.stderr);
    let acl = ["--acl", "public-read"];
    answer(&lab, DESTINATION, &acl, &request(&lab, None, &public)).expect_code(0);
}
