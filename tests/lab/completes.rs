//! `curlift complete`: parts that `curl` has sent by the manifest's URLs, made into the object
//! without keys.

use std::time::Duration;

use serde_json::Value;

use super::manifests::Scene;
use super::support::{Curlift, Ended, crc64nvme, expect_same, write_file};
use super::{BUCKET, KEY};

/// A manifest of three parts; those of these numbers are sent.
fn sent(faults: &[&str], numbers: &[u64], words: &[&str]) -> Scene {
    let scene = Scene::new(faults);
    scene.presign(words).run().expect_code(0);
    let manifest = scene.manifest("parts.json");
    for part in manifest["parts"].as_array().expect("a list") {
        if numbers.contains(&part["number"].as_u64().expect("a number")) {
            let (status, answer) = scene.put_part(part);
            assert_eq!(status, 200, "{answer}");
        }
    }
    scene
}

/// `curlift complete`, which is given no keys and not told where the store is.
fn complete(scene: &Scene, name: &str, words: &[&str]) -> Ended {
    let program = Curlift::new().arg("complete").arg(scene.path(name));
    program.args(words).run()
}

fn expect_stored(scene: &Scene) {
    expect_same(&scene.lab.store.get(BUCKET, KEY), &scene.content);
    assert_eq!(scene.lab.unfinished(), 0);
}

#[test]
fn parts_that_are_all_there_become_the_object() {
    let scene = sent(&[], &[1, 2, 3], &[]);
    let dry = complete(&scene, "parts.json", &["--dry-run"]).expect_code(0);
    assert!(dry.stdout.contains("all is there for s3://lab/key.bin"), "{}", dry.stdout);
    assert_eq!(scene.lab.unfinished(), 1, "nothing was completed");
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(0);
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "completed", "{summary}");
    assert_eq!((&summary["parts"], &summary["requests"]), (&3.into(), &2.into()), "{summary}");
    assert_eq!(summary["checksum"]["value"], crc64nvme(&scene.content), "{summary}");
    expect_stored(&scene);
    // Typed again, it finds the object.
    let again = complete(&scene, "parts.json", &[]).expect_code(0);
    assert!(again.stdout.contains("it was there already"), "{}", again.stdout);
}

#[test]
fn missing_parts_are_named_and_nothing_is_changed() {
    let scene = sent(&[], &[2], &[]);
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(6);
    assert!(ended.stderr.contains("2 of 3 parts are not there"), "{}", ended.stderr);
    assert!(ended.stderr.contains("missing: 1, 3"), "{}", ended.stderr);
    assert!(ended.stderr.contains("send them with: curlift cp page.html "), "{}", ended.stderr);
    let summary = ended.summary();
    assert_eq!((&summary["outcome"], &summary["missing"]), (&"incomplete".into(), &"1, 3".into()));
    assert_eq!((scene.lab.unfinished(), scene.lab.store.has(BUCKET, KEY)), (1, false));
}

#[test]
fn a_part_of_other_bytes_is_named() {
    // Without checksums any bytes are taken.
    let scene = sent(&[], &[1, 2], &["--checksum-algorithm", "none"]);
    let part = &scene.manifest("parts.json")["parts"][2];
    let (short, _) = write_file(scene.folder.path(), "short", 1000);
    let url = part["url"].as_str().expect("a URL");
    assert_eq!(super::presigned::put(&scene.lab.store, &short, &[], url).0, 200);
    let ended = complete(&scene, "parts.json", &[]).expect_code(6);
    assert!(ended.stderr.contains("not the file's: 3"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("part 3: it has 1000 bytes, and not 2097152"),
        "{}",
        ended.stderr
    );
    assert_eq!(scene.put_part(part).0, 200);
    complete(&scene, "parts.json", &[]).expect_code(0);
    expect_stored(&scene);
}

#[test]
fn an_answer_that_is_lost_is_settled_by_looking() {
    let scene = sent(&["CompleteMultipartUpload #1 lose-answer"], &[1, 2, 3], &[]);
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(0);
    assert_eq!(ended.summary()["outcome"], "completed", "{}", ended.stdout);
    expect_stored(&scene);
}

#[test]
fn what_passes_is_tried_again() {
    let faults = [
        "ListParts #1 status 503 SlowDown",
        "CompleteMultipartUpload #1 error-in-200 InternalError",
    ];
    let scene = sent(&faults, &[1, 2, 3], &[]);
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(0);
    assert_eq!(ended.summary()["requests"], 4, "{}", ended.stdout);
    expect_stored(&scene);
}

#[test]
fn an_upload_that_was_aborted_is_gone() {
    let scene = sent(&[], &[1, 2, 3], &[]);
    let (status, _) = scene.call(&scene.manifest("parts.json")["abort"], &["--request", "DELETE"]);
    assert_eq!(status, 204);
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(9);
    assert_eq!(ended.summary()["outcome"], "gone");
    assert!(ended.stderr.contains("is gone, and the object is not the file"), "{}", ended.stderr);
}

#[test]
fn links_that_have_expired_are_not_sent() {
    let scene = sent(&[], &[1, 2, 3], &["--expires-in", "3s"]);
    std::thread::sleep(Duration::from_secs(4));
    let ended = complete(&scene, "parts.json", &["--json"]).expect_code(4);
    assert!(ended.stderr.contains("its presigned URL expired"), "{}", ended.stderr);
    assert!(ended.stderr.contains("the parts stay at the store"), "{}", ended.stderr);
    assert_eq!(ended.summary()["requests"], 0, "{}", ended.stdout);
    let seen = scene.lab.stop();
    assert_eq!(seen.count("ListParts"), 0, "{seen:?}");
}

#[test]
fn a_manifest_that_was_changed_sends_nothing() {
    let scene = sent(&[], &[1, 2, 3], &[]);
    let text = std::fs::read_to_string(scene.path("parts.json")).expect("it was written");
    let rows: [(&str, String, &str); 4] = [
        ("host", text.replacen("127.0.0.1", "127.0.0.2", 2), "the URL leads to"),
        ("key", text.replacen("/lab/key.bin?uploadId", "/lab/other?uploadId", 1), "complete: the"),
        ("field", text.replacen("\"headers\": {", "\"headers\": {\"x-evil\": \"1\",", 1), "x-evil"),
        ("cut", text[..text.len() / 2].to_owned(), "it ends in the middle"),
    ];
    for (name, changed, says) in rows {
        assert_ne!(changed, text, "{name}");
        std::fs::write(scene.path(name), changed).expect("it can be written");
        let ended = complete(&scene, name, &["--json"]).expect_code(2);
        assert!(ended.stderr.contains(says), "{name}: {}", ended.stderr);
        assert!(!ended.stderr.contains("X-Amz-Signature="), "{}", ended.stderr);
        assert_eq!(ended.summary()["exit_code"], 2);
    }
    // A signature that is not the store's: asked, and refused.
    let mut manifest: Value = serde_json::from_str(&text).expect("it is JSON");
    let url = manifest["list"][0]["url"].as_str().expect("a URL");
    let digit = if url.ends_with('0') { '1' } else { '0' };
    manifest["list"][0]["url"] = format!("{}{digit}", &url[..url.len() - 1]).into();
    std::fs::write(scene.path("signature"), manifest.to_string()).expect("it can be written");
    let ended = complete(&scene, "signature", &[]).expect_code(4);
    assert!(ended.stderr.contains("SignatureDoesNotMatch"), "{}", ended.stderr);
    assert_eq!(scene.lab.unfinished(), 1);
}

#[test]
fn a_share_completes_nothing() {
    let scene = sent(&[], &[1, 2, 3], &["--shards", "2"]);
    let ended = complete(&scene, "parts-2.json", &[]).expect_code(2);
    assert!(ended.stderr.contains("is a share of 2 of 3 parts"), "{}", ended.stderr);
    assert!(ended.stderr.contains("curlift complete parts.json"), "{}", ended.stderr);
}
