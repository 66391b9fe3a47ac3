//! Uploads that were never completed, found and freed by `curlift uploads`.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use curlift::lab::{Lab, LabSettings};
use serde_json::Value;

use super::scripted::{Answer, Part, Scripted};
use super::support::{Curlift, Store, expect_same, wait_until, write_file};
use super::{IN_PARTS, TWO_PARTS};

fn store_of(lab: &Lab) -> Store {
    Store {
        url: lab.endpoint_url().to_owned(),
        access_key: lab.access_key().to_owned(),
        secret_key: lab.secret_key().to_owned(),
        region: "us-east-1".to_owned(),
        ca: None,
    }
}

/// Begins uploads to these keys, percent-encoded; curl makes many of `a[1-9]`.
fn begin(store: &Store, keys: &[&str]) {
    for key in keys {
        let post = ["--fail", "--request", "POST", "--output", "/dev/null"];
        store.ask(&post, &format!("/lab/{key}?uploads=")).unwrap();
    }
}

fn uploads(store: &Store, args: &[&str]) -> Curlift {
    Curlift::new().store(store).arg("uploads").args(args)
}

/// A page that is not the last, with one upload in it.
fn page(key: &str, next_key: &str) -> Answer {
    let upload = format!("<Upload><Key>{key}</Key><UploadId>u</UploadId></Upload>");
    let next = format!("<NextKeyMarker>{next_key}</NextKeyMarker>");
    let body = format!("<IsTruncated>true</IsTruncated>{next}{upload}");
    Answer::document(200, "ListMultipartUploadsResult", &body)
}

/// C13 | a listing of uploads whose marker stands still, or moves on to the same uploads |
/// scripted store | bounded, an error
#[test]
fn c13_a_listing_of_uploads_without_end() {
    let asked = AtomicU32::new(0);
    let moving = move || format!("k{}", asked.fetch_add(1, Ordering::Relaxed));
    let still = || "k".to_owned();
    let markers: [Box<dyn Fn() -> String + Send + Sync>; 2] = [Box::new(moving), Box::new(still)];
    for marker in markers {
        let store = Scripted::start(move |turn| {
            if turn.operation == "ListMultipartUploads" {
                turn.answer(&page("k", &marker()));
            }
        });
        let ended = uploads(&store.store, &["ls", "s3://lab", "--retry", "2"]).run();
        let ended = ended.expect_code(6);
        let says = ["does not move on", "would begin where this one did"];
        assert!(says.iter().any(|says| ended.stderr.contains(says)), "{}", ended.stderr);
        assert!(store.count("ListMultipartUploads") <= 3);
    }
}

/// C14 | a part lands behind the abort of a stale upload | scripted store | aborted again until
/// nothing is left
#[test]
fn c14_a_part_lands_behind_the_abort_of_a_stale_upload() {
    let store = Scripted::start(|turn| {
        if turn.operation == "AbortMultipartUpload" && turn.nth <= 2 {
            let open = turn.shelf().uploads.clone();
            turn.serve();
            turn.shelf().uploads = open;
            for upload in turn.shelf().uploads.values_mut() {
                upload.parts.insert(1, Part::of(vec![0; 9]));
            }
        }
    });
    begin(&store.store, &["k"]);
    let done = uploads(&store.store, &["abort", "s3://lab", "--all"]).run().expect_code(0);
    assert!(done.stdout.contains("aborted s3://lab/k"), "{}", done.stdout);
    assert_eq!((store.count("AbortMultipartUpload"), store.shelf().uploads.len()), (3, 0));
}

/// C14 | parts land behind every abort | scripted store | given up after five, and told
#[test]
fn c14_parts_land_behind_every_abort() {
    let store = Scripted::start(|turn| {
        if turn.operation == "AbortMultipartUpload" {
            let open = turn.shelf().uploads.clone();
            turn.serve();
            turn.shelf().uploads = open;
            for upload in turn.shelf().uploads.values_mut() {
                upload.parts.insert(1, Part::of(vec![0; 9]));
            }
        }
    });
    begin(&store.store, &["k"]);
    let left = uploads(&store.store, &["abort", "s3://lab", "--all", "-q"]).run().expect_code(6);
    assert!(left.stderr.contains("is being uploaded: 1 part landed"), "{}", left.stderr);
    assert_eq!(store.count("AbortMultipartUpload"), 5);
}

/// C15 | the abort of 3,000 stale uploads, of keys that XML cannot have, meets one that is alive,
/// a young one and a foreign prefix | lab | those three stay, and the live one is completed
#[test]
fn c15_the_abort_of_stale_uploads_meets_one_that_is_alive() {
    let faults = vec!["UploadPart always slow 1MB".parse().unwrap()];
    let lab = Lab::start(LabSettings { faults, ..LabSettings::default() }).unwrap();
    let store = store_of(&lab);
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = write_file(folder.path(), "file.bin", TWO_PARTS);
    let state = folder.path().join("state");
    let curlift = || Curlift::new().store(&store).env("XDG_STATE_HOME", &state);
    let sending =
        curlift().args(&["cp", "-c", "1"]).args(&IN_PARTS).arg(file).arg("s3://lab/logs/alive");
    begin(&store, &["logs/a%01%0B%3C[1-3000]", "foreign"]);
    let sending = sending.start();
    let begun = || (lab.unfinished_uploads().len() == 3002).then_some(());
    wait_until("an upload is under way", begun);
    lab.age_uploads(Duration::from_hours(48));
    begin(&store, &["logs/young"]);
    let args = ["s3://lab/logs/", "--older-than", "24h", "--json", "-c", "16"];
    let done = curlift().args(&["uploads", "abort"]).args(&args).run().expect_code(0);
    let freed = &done.summary()["freed"];
    assert_eq!((&freed["uploads"], &freed["live"]), (&Value::from(3000), &Value::from(1)));
    sending.end().expect_code(0);
    expect_same(&store.get("lab", "logs/alive"), &content);
    let left: Vec<String> = lab.unfinished_uploads().into_iter().map(|upload| upload.key).collect();
    assert_eq!(left, ["foreign", "logs/young"]);
}

/// C15 | a clock of this machine that is two days ahead | lab | an upload's age is the store's
#[test]
fn c15_the_age_of_an_upload_by_a_wrong_clock() {
    let faults = vec!["ListMultipartUploads always skew -47h".parse().unwrap()];
    let lab = Lab::start(LabSettings { faults, ..LabSettings::default() }).unwrap();
    let store = store_of(&lab);
    begin(&store, &["k"]);
    lab.age_uploads(Duration::from_hours(48));
    uploads(&store, &["abort", "s3://lab", "--older-than", "24h"]).run().expect_code(0);
    assert_eq!(lab.unfinished_uploads().len(), 1);
}
