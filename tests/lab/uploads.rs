//! `curlift uploads`: finds what was never completed, and frees it. The lab runs in this process,
//! where uploads can be made old.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use curlift::lab::{Lab, LabSettings};
use serde_json::Value;

use super::local_lab::signal;
use super::support::{Curlift, Ended, Store, expect_same, wait_until, write_file};
use super::{IN_PARTS, SIZE};

const DAY: Duration = Duration::from_hours(24);

/// A lab with uploads in it.
struct Scene {
    lab: Lab,
    store: Store,
}

impl Scene {
    fn new(faults: &[&str]) -> Scene {
        let faults = faults.iter().map(|rule| rule.parse().unwrap()).collect();
        let lab = Lab::start(LabSettings { faults, ..LabSettings::default() }).unwrap();
        let store = Store {
            url: lab.endpoint_url().to_owned(),
            access_key: lab.access_key().to_owned(),
            secret_key: lab.secret_key().to_owned(),
            region: "us-east-1".to_owned(),
            ca: None,
        };
        Scene { lab, store }
    }

    /// Begins uploads to these keys, percent-encoded, of which curl can make many: `a[1-9]`.
    fn begin(&self, keys: &[&str]) {
        for key in keys {
            let post = ["--fail", "--request", "POST", "--output", "/dev/null"];
            self.store.ask(&post, &format!("/lab/{key}?uploads=")).unwrap();
        }
    }

    /// Sends a part of so many bytes to the upload of `key`.
    fn send_part(&self, key: &str, number: u32, bytes: usize) {
        let upload_id = self.upload_id(key);
        let mut body = tempfile::NamedTempFile::new().unwrap();
        body.write_all(&vec![7; bytes]).unwrap();
        let path = body.path().display().to_string();
        let query = format!("partNumber={number}&uploadId={}", encoded(&upload_id));
        let url = format!("{}/lab/{key}?{query}", self.store.url);
        let sent = Command::new("curl")
            .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "--disable"])
            .args(["--user", &format!("{}:{}", self.store.access_key, self.store.secret_key)])
            .args(["--aws-sigv4", "aws:amz:us-east-1:s3", "--upload-file", &path])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD", &url])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "{url}");
    }

    fn upload_id(&self, key: &str) -> String {
        let uploads = self.lab.unfinished_uploads();
        uploads.iter().find(|upload| upload.key == key).unwrap().upload_id.clone()
    }

    fn keys(&self) -> Vec<String> {
        let uploads = self.lab.unfinished_uploads();
        uploads.into_iter().map(|upload| upload.key).collect()
    }

    fn requests(&self, operation: &str) -> u64 {
        self.lab.tally().requests.get(operation).copied().unwrap_or_default()
    }

    fn uploads(&self, args: &[&str]) -> Curlift {
        Curlift::new().store(&self.store).arg("uploads").args(args)
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.uploads(args).run()
    }
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |encoded, byte| {
        let next = if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        encoded + &next
    })
}

/// The `upload` lines of `--json`.
fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter(|line: &Value| line["event"] == "upload").collect()
}

#[test]
fn a_listing_tells_age_parts_bytes_and_cost() {
    let scene = Scene::new(&[]);
    scene.begin(&["logs/old"]);
    scene.lab.age_uploads(3 * DAY + Duration::from_hours(4));
    scene.begin(&["logs/new", "other"]);
    scene.send_part("logs/old", 1, 2 << 20);
    scene.send_part("logs/old", 7, 1 << 20);
    let shown = scene.run(&["ls", "s3://lab/logs/"]).expect_code(0);
    let old = shown.stdout.lines().find(|line| line.ends_with("logs/old")).unwrap();
    let cells: Vec<&str> = old.split_whitespace().collect();
    assert_eq!(cells[..4], ["3d04h", "3.00", "MiB", "2"], "{}", shown.stdout);
    assert!(shown.stdout.contains(&scene.upload_id("logs/old")));
    assert!(!shown.stdout.contains("  other"), "{}", shown.stdout);
    assert!(shown.stdout.contains("2 uploads, 2 parts, 3.00 MiB, $0.000067 a month"));
    assert!(
        shown.stdout.contains("at $0.023 per GiB and month (S3 Standard, us-east-1"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.lines().all(|line| line.chars().count() <= 80), "{}", shown.stdout);
    let json = ["ls", "s3://lab", "--json", "--older-than", "2d", "--price-per-gb-month", "1024"];
    let told = scene.run(&json).expect_code(0);
    let [line] = &lines(&told)[..] else { panic!("{}", told.stdout) };
    assert_eq!(line["key"], "logs/old");
    assert_eq!((&line["parts"], &line["bytes"]), (&Value::from(2), &Value::from(3 << 20)));
    assert_eq!(line["age_s"].as_u64().unwrap() / 3600, 76);
    assert_eq!(line["cost_per_month_usd"], 3.0);
    let summary = told.summary();
    assert_eq!((&summary["uploads"], &summary["others"]), (&Value::from(1), &Value::from(2)));
}

#[test]
fn keys_that_xml_or_a_terminal_cannot_have_are_listed_and_aborted() {
    let scene = Scene::new(&[]);
    scene.begin(&["a%0Ab%1B%5B2Jc%26%3C%2B%20%07", "%01%EF%BF%BD/%C3%BC"]);
    let shown = scene.run(&["ls", "s3://lab"]).expect_code(0);
    assert!(shown.stdout.contains("a\\nb\\u{1b}[2Jc&<+ \\u{7}"), "{}", shown.stdout);
    assert!(!shown.stdout.contains(['\u{1b}', '\u{7}', '\u{1}']));
    let told = scene.run(&["abort", "s3://lab", "--all", "--json"]).expect_code(0);
    let keys: BTreeSet<String> =
        lines(&told).iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect();
    assert!(keys.contains("a\nb\u{1b}[2Jc&<+ \u{7}") && keys.contains("\u{1}\u{fffd}/ü"));
    assert_eq!(scene.keys(), [""; 0]);
}

#[test]
fn only_what_is_old_is_aborted_and_only_below_the_prefix() {
    let scene = Scene::new(&[]);
    scene.begin(&["logs/old", "other/old"]);
    scene.send_part("logs/old", 1, 1 << 20);
    scene.lab.age_uploads(2 * DAY);
    scene.begin(&["logs/new"]);
    let args = ["abort", "s3://lab/logs/", "--older-than", "24h"];
    let dry = scene.run(&[&args[..], &["--dry-run"]].concat()).expect_code(0);
    assert!(dry.stdout.contains("would abort s3://lab/logs/old (1.00 MiB"), "{}", dry.stdout);
    assert!(!dry.stdout.contains("new"), "{}", dry.stdout);
    assert_eq!(scene.keys().len(), 3);
    let done = scene.run(&args).expect_code(0);
    assert!(done.stdout.contains("aborted 1 upload, 1 part, 1.00 MiB; saves $0.0000"));
    assert_eq!(scene.keys(), ["logs/new", "other/old"]);
    let again = scene.run(&[&args[..], &["--json"]].concat()).expect_code(0);
    assert_eq!(again.summary()["freed"]["uploads"], 0);
}

#[test]
fn nothing_is_aborted_by_accident() {
    let scene = Scene::new(&[]);
    scene.begin(&["k"]);
    let refused = scene.run(&["abort", "s3://lab"]).expect_code(2);
    assert!(refused.stderr.contains("type: curlift uploads abort s3://lab --older-than 24h"));
    assert_eq!(scene.keys(), ["k"]);
}

#[test]
fn one_upload_is_aborted_by_its_id_and_an_unknown_one_is_not_found() {
    let scene = Scene::new(&[]);
    scene.begin(&["a", "b"]);
    let id = scene.upload_id("a");
    let args = ["abort", "s3://lab", "--upload-id", &id, "--json"];
    assert_eq!(lines(&scene.run(&args).expect_code(0))[0]["result"], "aborted");
    assert_eq!(scene.keys(), ["b"]);
    let gone = scene.run(&args).expect_code(9);
    assert!(gone.stderr.contains("has no unfinished upload"), "{}", gone.stderr);
    assert_eq!(gone.summary()["outcome"], "failed");
    let bucket = scene.run(&["ls", "s3://nobody"]).expect_code(9);
    assert!(bucket.stderr.contains("NoSuchBucket"), "{}", bucket.stderr);
}

#[test]
fn thousands_are_listed_in_pages_and_aborted() {
    let scene = Scene::new(&[
        "ListMultipartUploads #2 status 503 SlowDown",
        "AbortMultipartUpload 1% status 500 InternalError",
        "ListParts 1% reset",
    ]);
    scene.begin(&["many/key[1-2500]"]);
    assert_eq!(scene.keys().len(), 2500);
    let listed = scene.run(&["ls", "s3://lab", "--json", "-c", "16"]).expect_code(0);
    assert_eq!(listed.summary()["uploads"], 2500);
    let ids: BTreeSet<String> =
        lines(&listed).iter().map(|line| line["upload_id"].to_string()).collect();
    assert_eq!(ids.len(), 2500);
    let args = ["abort", "s3://lab", "--older-than", "0s", "--json", "-c", "16"];
    let aborted = scene.run(&args).expect_code(0);
    assert_eq!(aborted.summary()["freed"]["uploads"], 2500);
    assert_eq!(scene.keys(), [""; 0]);
    let tally = scene.lab.stop();
    assert_eq!(tally.requests["ListMultipartUploads"], 3 + 1 + 3);
}

#[test]
fn answers_that_are_lost_are_found_out() {
    let scene = Scene::new(&["AbortMultipartUpload first 2 lose-answer", "ListParts #1 garbage"]);
    scene.begin(&["a", "b"]);
    let done = scene.run(&["abort", "s3://lab", "--all", "--json"]).expect_code(0);
    assert_eq!(done.summary()["freed"]["uploads"], 2);
    assert_eq!(scene.keys(), [""; 0]);
}

#[test]
fn denial_names_the_permission() {
    for (fault, permission, command) in [
        ("ListMultipartUploads", "s3:ListBucketMultipartUploads on arn:aws:s3:::lab", "ls"),
        ("ListParts", "s3:ListMultipartUploadParts", "ls"),
        ("AbortMultipartUpload", "s3:AbortMultipartUpload on arn:aws:s3:::lab/k", "abort"),
    ] {
        let scene = Scene::new(&[&format!("{fault} always status 403 AccessDenied")]);
        scene.begin(&["k"]);
        let all: &[&str] = if command == "abort" { &["--all"] } else { &[] };
        let refused = scene.run(&[&[command, "s3://lab", "-q"], all].concat()).expect_code(4);
        assert!(refused.stderr.contains(permission), "{}", refused.stderr);
    }
}

#[test]
fn denial_for_one_does_not_stop_the_others_and_is_told_once() {
    let scene = Scene::new(&["AbortMultipartUpload first 2 status 403 AccessDenied"]);
    scene.begin(&["k[1-5]"]);
    let args = ["abort", "s3://lab", "--all", "-c", "1", "--json"];
    let partly = scene.run(&args).expect_code(4);
    assert_eq!(scene.keys(), ["k1", "k2"]);
    assert_eq!(partly.summary()["freed"]["left"], 2);
    assert_eq!(partly.stderr.matches("AccessDenied").count(), 2, "{}", partly.stderr);
    assert!(partly.stderr.contains("AbortMultipartUpload of 1 upload more"), "{}", partly.stderr);
}

#[test]
fn without_the_right_to_list_parts_an_abort_is_confirmed_by_another() {
    let scene = Scene::new(&["ListParts always status 403 AccessDenied"]);
    scene.begin(&["k"]);
    let done = scene.run(&["abort", "s3://lab", "--all"]).expect_code(0);
    assert!(done.stdout.contains("without 1 of unknown size"), "{}", done.stdout);
    assert_eq!(scene.keys(), [""; 0]);
}

#[test]
fn a_store_that_lists_no_uploads_says_so() {
    let scene = Scene::new(&["ListMultipartUploads always status 501 NotImplemented"]);
    let refused = scene.run(&["ls", "s3://lab"]).expect_code(6);
    assert!(refused.stderr.contains("does not list unfinished uploads"), "{}", refused.stderr);
    assert!(!refused.stdout.contains("has no unfinished"), "{}", refused.stdout);
}

#[test]
fn ages_are_told_by_the_stores_clock() {
    // By this machine's clock, which is ahead, the upload would be two days old.
    let scene = Scene::new(&["ListMultipartUploads always skew -47h"]);
    scene.begin(&["k"]);
    scene.lab.age_uploads(2 * DAY);
    let args = ["abort", "s3://lab", "--older-than", "24h"];
    let done = scene.run(&args).expect_code(0);
    assert!(done.stderr.contains("this machine's clock"), "{}", done.stderr);
    assert_eq!(scene.keys(), ["k"]);
}

#[test]
fn uploads_of_a_running_curlift_are_left_alone_and_those_it_left_are_known() {
    let scene = Scene::new(&["UploadPart always slow 2MB"]);
    scene.begin(&["foreign"]);
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = write_file(folder.path(), "file.bin", SIZE);
    let state = folder.path().join("state");
    let curlift =
        |args: &[&str]| Curlift::new().store(&scene.store).env("XDG_STATE_HOME", &state).args(args);
    let copy = || curlift(&["cp", "-c", "1"]).args(&IN_PARTS).arg(&file).arg("s3://lab/sent");
    let running = copy().start();
    // The second of one at a time begins when the first is stored.
    let begun = || (scene.requests("UploadPart") > 1).then_some(());
    wait_until("a part is stored", begun);
    let owners = || -> Vec<String> {
        let listed = curlift(&["uploads", "ls", "s3://lab", "--json"]).run().expect_code(0);
        let owner = |line: &Value| format!("{} {}", line["key"], line["owner"]).replace('"', "");
        lines(&listed).iter().map(owner).collect()
    };
    assert_eq!(owners(), ["foreign unknown", "sent live"]);
    let id = scene.upload_id("sent");
    let asked = curlift(&["uploads", "abort", "s3://lab", "--upload-id", &id]).run();
    assert!(asked.expect_code(6).stderr.contains("left alone"));
    let done = curlift(&["uploads", "abort", "s3://lab", "--all"]).run().expect_code(0);
    assert!(done.stderr.contains("s3://lab/sent: left alone"), "{}", done.stderr);
    assert_eq!(scene.keys(), ["sent"]);
    signal(running.child.id(), "INT");
    running.end().expect_code(130);
    assert_eq!(owners(), ["sent ours"]);
    copy().run().expect_code(0);
    expect_same(&scene.store.get("lab", "sent"), &content);
    assert_eq!(owners(), [""; 0]);
}

#[test]
fn the_line_for_cron_works_and_is_silent() {
    let help = Curlift::new().args(&["uploads", "abort", "--help"]).run().expect_code(0).stdout;
    let cron = help.lines().find(|line| line.trim_start().starts_with("17 3 * * *")).unwrap();
    let service = help.lines().find(|line| line.contains("ExecStart=")).unwrap();
    let words = |line: &str| -> Vec<String> {
        let (_, typed) = line.split_once("curlift uploads ").unwrap();
        typed.replace("s3://bucket", "s3://lab").split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words(cron), words(service), "cron and systemd do the same");
    let typed = words(cron);
    let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
    let scene = Scene::new(&[]);
    scene.begin(&["old"]);
    scene.lab.age_uploads(2 * DAY);
    scene.begin(&["new"]);
    let done = scene.run(&typed).expect_code(0);
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    assert_eq!(scene.keys(), ["new"]);
}

#[test]
fn the_systemd_units_of_the_help_are_units() {
    let help = Curlift::new().args(&["uploads", "abort", "--help"]).run().expect_code(0).stdout;
    let lines: Vec<&str> = help.lines().map(str::trim).collect();
    for (unit, sections) in
        [("service", vec!["[Unit]", "[Service]"]), ("timer", vec!["[Timer]", "[Install]"])]
    {
        for section in sections {
            let at = lines.iter().position(|line| *line == section);
            let at = at.unwrap_or_else(|| panic!("{unit} has no {section}"));
            let next = lines[at + 1];
            assert!(next.split_once('=').is_some_and(|(name, _)| !name.contains(' ')), "{next}");
        }
    }
}

#[test]
fn a_stop_ends_it_and_says_what_is_left() {
    let scene = Scene::new(&["AbortMultipartUpload always stall after 0"]);
    scene.begin(&["k"]);
    let running = scene.uploads(&["abort", "s3://lab", "--all", "--json"]).start();
    let aborting = || (scene.requests("AbortMultipartUpload") > 0).then_some(());
    wait_until("it aborts", aborting);
    signal(running.child.id(), "INT");
    let ended = running.end().expect_code(130);
    assert_eq!(ended.summary()["outcome"], "interrupted");
    assert_eq!(lines(&ended)[0]["result"], "not_reached");
    assert!(ended.stderr.contains("stopped: 1 upload left"), "{}", ended.stderr);
}

#[test]
fn a_redirect_is_learnt_by_the_listing_and_known_to_the_aborts() {
    let scene = Scene::new(&[]);
    scene.begin(&["a", "b"]);
    let (_, address) = scene.store.url.split_once("://").unwrap();
    let elsewhere = Scene::new(&[&format!("* always redirect {address}")]);
    let done = elsewhere.run(&["abort", "s3://lab", "--all", "--json"]).expect_code(0);
    assert_eq!(done.summary()["retries"]["redirect"], 1, "{}", done.stdout);
    assert_eq!(scene.keys(), [""; 0]);
}
