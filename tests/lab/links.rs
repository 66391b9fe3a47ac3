//! `curlift cp FILE URL`: one PUT by a presigned URL, without keys.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use super::local_lab::Lab;
use super::presigned::presign;
use super::support::{Curlift, Ended, expect_same, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB};

/// A lab and a file to send to it.
struct Scene {
    lab: Lab,
    folder: TempDir,
    file: String,
    content: Vec<u8>,
}

impl Scene {
    fn new(faults: &[&str]) -> Scene {
        let lab = Lab::start(faults);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, content) = write_file(folder.path(), "source.bin", 3 * MIB + 17);
        let file = file.to_str().expect("a path of these tests").to_owned();
        Scene { lab, folder, file, content }
    }

    /// A URL for the key of these tests.
    fn url(&self, words: &[&str]) -> String {
        presign(&self.lab.store, &[&[DESTINATION], words].concat())
    }

    /// Uploads by `url`, with no keys in reach; nothing that is printed may hold of them.
    fn cp(&self, url: &str, words: &[&str]) -> Ended {
        let program = Curlift::new().args(&["cp", "-vv", "--json", &self.file, url]).args(words);
        let ended = program.run();
        for secret in secrets(url) {
            for printed in [&ended.stdout, &ended.stderr] {
                assert!(!printed.contains(&secret), "{secret} is printed: {printed}");
            }
        }
        ended
    }

    fn expect_stored(&self) {
        expect_same(&self.lab.store.get(BUCKET, KEY), &self.content);
    }

    fn expect_nothing_stored(&self) {
        assert!(!self.lab.store.has(BUCKET, KEY), "nothing was to be stored");
    }
}

/// What of a URL nobody may see: the signature and who signed.
fn secrets(url: &str) -> Vec<String> {
    let values = url.split(['?', '&']).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_secret = ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token"];
        is_secret.contains(&name).then(|| value.to_owned())
    });
    values.filter(|value| !value.is_empty()).collect()
}

#[test]
fn a_file_goes_in_one_request_that_is_asked_for_first() {
    let scene = Scene::new(&[]);
    let ended = scene.cp(&scene.url(&[]), &[]).expect_code(0);
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "uploaded");
    let destination = summary["destination"].as_str().expect("a text");
    assert!(destination.ends_with("/lab/key.bin?…"), "{destination}");
    assert_eq!(summary["checksum"]["algorithm"], "crc64nvme", "compared with the store's");
    scene.expect_stored();
    let kind = scene.lab.store.header(BUCKET, KEY, "content-type");
    assert_ne!(kind.as_deref(), Some("application/octet-stream"), "no type was signed or typed");
    let seen = scene.lab.stop();
    assert_eq!((seen.count("PutObject"), seen.count("requests")), (1, 1 + READ));
}

/// Requests with which these tests read an object back: its bytes and its type.
const READ: u64 = 2;

#[test]
fn a_url_in_a_file_is_read_from_there() {
    let scene = Scene::new(&[]);
    let path = scene.folder.path().join("url");
    std::fs::write(&path, scene.url(&[]) + "\n").expect("it can be written");
    let ended = scene.cp(&format!("@{}", path.display()), &[]).expect_code(0);
    assert!(!ended.stdout.contains("X-Amz"), "{}", ended.stdout);
    scene.expect_stored();
    let told = scene.cp("@/nowhere/url", &[]).expect_code(5);
    assert!(told.stderr.contains("cannot read /nowhere/url"), "{}", told.stderr);
    std::fs::write(&path, "").expect("it can be written");
    let told = scene.cp(&format!("@{}", path.display()), &[]).expect_code(2);
    assert!(told.stderr.contains("is empty"), "{}", told.stderr);
}

#[test]
fn one_that_has_expired_is_refused_before_anything_is_sent() {
    let scene = Scene::new(&[]);
    let url = scene.url(&["--expires-in", "1s"]);
    sleep(Duration::from_secs(3));
    let ended = scene.cp(&url, &[]).expect_code(4);
    assert!(ended.stderr.contains("the presigned URL expired"), "{}", ended.stderr);
    assert!(ended.stderr.contains("ago") && ended.stderr.contains("--expires-in"));
    assert_eq!(ended.summary()["outcome"], "failed");
    assert_eq!(scene.lab.stop().count("requests"), 0);
}

#[test]
fn one_that_the_store_says_has_expired_costs_no_byte_of_the_body() {
    // The store's clock is two hours ahead.
    let scene = Scene::new(&["* always skew 2h"]);
    let ended = scene.cp(&scene.url(&["--expires-in", "1h"]), &[]).expect_code(4);
    for words in ["Request has expired", "had expired", "before it began", "--renew"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    let diagnosed = ended.stdout.lines().find(|line| line.contains("\"link_expired\""));
    assert!(diagnosed.is_some(), "{}", ended.stdout);
    scene.expect_nothing_stored();
    let seen = scene.lab.stop();
    assert_eq!(seen.count("bytes of request bodies"), 0);
    assert_eq!(seen.count("PutObject"), 1, "the same URL is not tried again");
}

#[test]
fn a_wrong_signature_is_told_from_one_that_expired() {
    let scene = Scene::new(&[]);
    let url = scene.url(&[]);
    let last = if url.ends_with('0') { "1" } else { "0" };
    let tampered = format!("{}{last}", &url[..url.len() - 1]);
    for wrong in [tampered, scene.url(&["--method", "GET"])] {
        let ended = scene.cp(&wrong, &[]).expect_code(4);
        assert!(ended.stderr.contains("SignatureDoesNotMatch"), "{}", ended.stderr);
        assert!(ended.stderr.contains("another method (GET)"), "{}", ended.stderr);
        assert!(!ended.stderr.contains("expired"), "{}", ended.stderr);
    }
    scene.expect_nothing_stored();
}

#[test]
fn fields_that_are_signed_are_asked_for_and_sent() {
    let scene = Scene::new(&[]);
    let url = scene.url(&["--content-type", "text/x-mine", "--metadata", "a=b"]);
    let ended = scene.cp(&url, &["--content-type", "text/x-mine"]).expect_code(2);
    assert!(ended.stderr.contains("x-amz-meta-a"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--metadata a=VALUE"), "{}", ended.stderr);
    let typed = ["--content-type", "text/x-mine", "--metadata", "a=b"];
    scene.cp(&url, &typed).expect_code(0);
    let kept = scene.lab.store.header(BUCKET, KEY, "content-type");
    assert_eq!(kept.as_deref(), Some("text/x-mine"));
    let ended = scene.cp(&scene.url(&[]), &["--acl", "private"]).expect_code(2);
    assert!(ended.stderr.contains("does not sign x-amz-acl"), "{}", ended.stderr);
    // What need not be signed may be sent.
    scene.cp(&scene.url(&[]), &["--cache-control", "no-store"]).expect_code(0);
    let kept = scene.lab.store.header(BUCKET, KEY, "cache-control");
    assert_eq!(kept.as_deref(), Some("no-store"));
}

#[test]
fn a_checksum_that_is_signed_is_computed_and_fits_no_other_file() {
    let scene = Scene::new(&[]);
    let url = scene.url(&["--checksum-of", &scene.file]);
    scene.cp(&url, &[]).expect_code(0);
    scene.expect_stored();
    let (other, _) = write_file(scene.folder.path(), "other.bin", 3 * MIB + 17);
    std::fs::write(&other, vec![7; 3 * MIB + 17]).expect("it can be written");
    let other = other.to_str().expect("a path of these tests");
    let ended = Curlift::new().args(&["cp", other, &url]).run().expect_code(4);
    assert!(ended.stderr.contains("SignatureDoesNotMatch"), "{}", ended.stderr);
    scene.expect_stored();
}

#[test]
fn it_is_tried_again_with_the_same_url_while_that_lives() {
    let scene = Scene::new(&["PutObject first 2 reset after 1MiB"]);
    let ended = scene.cp(&scene.url(&[]), &[]).expect_code(0);
    assert_eq!(ended.summary()["retries"]["reset"], 2);
    scene.expect_stored();
    assert_eq!(scene.lab.stop().count("PutObject"), 3);
}

#[test]
fn a_transfer_that_is_cut_as_its_url_expires_is_not_tried_again_and_explained() {
    let scene = Scene::new(&["PutObject always expire-in-flight"]);
    let slow = ["--curl", "MAX_SEND_SPEED_LARGE=512KiB"];
    let ended = scene.cp(&scene.url(&["--expires-in", "2s"]), &slow).expect_code(4);
    assert!(ended.stderr.contains("its presigned URL expired"), "{}", ended.stderr);
    assert!(ended.stdout.contains("\"link_expired_under_way\""), "{}", ended.stdout);
    scene.expect_nothing_stored();
    assert_eq!(scene.lab.stop().count("PutObject"), 1);
}

#[test]
fn one_that_may_outlive_its_url_does() {
    let scene = Scene::new(&[]);
    let slow = ["--curl", "MAX_SEND_SPEED_LARGE=1MiB"];
    scene.cp(&scene.url(&["--expires-in", "2s"]), &slow).expect_code(0);
    scene.expect_stored();
}

#[test]
fn what_is_for_keys_or_cannot_be_sent_so_is_refused() {
    let scene = Scene::new(&[]);
    let url = scene.url(&[]);
    for (words, says) in [
        (&["--region", "eu-west-1"][..], "--region says nothing here"),
        (&["--upload-id", "U"], "--upload-id says nothing here"),
        (&["--part-size", "8MiB"], "--part-size says nothing here"),
        (&["--on-failure", "abort"], "--on-failure abort says nothing here"),
    ] {
        let ended = scene.cp(&url, words).expect_code(2);
        assert!(ended.stderr.contains(says), "{says}: {}", ended.stderr);
    }
    let cut = url.replacen("http://", "", 1);
    let ended = scene.cp(&cut, &[]).expect_code(2);
    assert!(ended.stderr.contains("does not say how to connect"), "{}", ended.stderr);
    let ended = Curlift::new().args(&["cp", "-", &url]).run().expect_code(2);
    assert!(ended.stderr.contains("its length must be known"), "{}", ended.stderr);
    let large = scene.folder.path().join("large");
    let file = std::fs::File::create(&large).expect("it can be made");
    file.set_len(5 << 30).expect("a file may have holes");
    let ended = cp_path(&large, &url).expect_code(2);
    assert!(ended.stderr.contains("--parts-for"), "{}", ended.stderr);
    assert_eq!(scene.lab.stop().count("requests"), 0);
}

fn cp_path(file: &Path, url: &str) -> Ended {
    Curlift::new().arg("cp").arg(file).arg(url).run()
}

#[test]
fn a_plan_says_what_would_be_done_and_sends_nothing() {
    let scene = Scene::new(&[]);
    let url = scene.url(&[]);
    let ended = Curlift::new().args(&["plan", &scene.file, &url]).run().expect_code(0);
    assert!(ended.stdout.contains("in the URL"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("X-Amz"), "{}", ended.stdout);
    assert_eq!(scene.lab.stop().count("requests"), 0);
}
