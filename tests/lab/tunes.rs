//! `curlift tune`: what it measures, says and writes, and that nothing of it stays at the store.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::canned;
use super::local_lab::{Lab, signal};
use super::support::{Curlift, Ended, wait_until, write_file};
use super::{BUCKET, IN_PARTS, MIB};

/// Beside this everything goes.
const BESIDE: &str = "s3://lab/tmp/here";

/// Two candidates and the baseline.
const SWEEP: [&str; 2] = ["--sweep", "concurrency=1,2"];

fn tune(lab: &Lab, args: &[&str]) -> Curlift {
    Curlift::new().store(&lab.store).arg("tune").args(args)
}

fn events(ended: &Ended) -> Vec<Value> {
    let read =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    ended.stdout.lines().map(read).collect()
}

/// The key that everything went to, as the program told it.
fn key(ended: &Ended) -> String {
    let told = ended.stderr.split("goes to s3://lab/").nth(1);
    let key = told.and_then(|rest| rest.lines().next()).unwrap_or_else(|| panic!("{ended:?}"));
    assert!(key.starts_with("tmp/curlift-tune-"), "{key}");
    key.to_owned()
}

/// Fails where the store has the object, or parts of it.
fn expect_nothing_left(lab: &Lab, key: &str) {
    assert!(!lab.store.has(BUCKET, key), "{key} is left");
    assert_eq!(lab.store.unfinished(BUCKET, key), 0, "parts of {key} are left");
}

/// The text between two marks, each time there is one.
fn between<'a>(text: &'a str, start: &str, end: char) -> Vec<&'a str> {
    text.split(start).skip(1).filter_map(|rest| rest.split(end).next()).collect()
}

/// Every element is closed where it must be, and nothing is fetched.
fn expect_page(page: &str) {
    let mut open: Vec<String> = Vec::new();
    for tag in between(page, "<", '>') {
        let name: String = tag.chars().take_while(|c| !c.is_whitespace()).collect();
        let is_void = name == "meta" || name.starts_with('!') || tag.ends_with('/');
        if let Some(closed) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "</{closed}>");
        } else if !is_void {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
    for fetch in [" src=", " href=", "url(", "@import", "<script", "<link", "http://", "https://"] {
        assert!(!page.contains(fetch), "{fetch}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("<svg viewBox"));
}

#[test]
fn the_ranking_is_told_and_written_and_nothing_is_left() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, _) = write_file(folder.path(), "source.bin", 6 * MIB);
    let (file, page, toml) = (file.display().to_string(), path("a.html"), path("b.toml"));
    let sweep = ["--sweep", "UPLOAD_BUFFERSIZE=64KiB,1MiB", "--rounds", "3"];
    let files = ["--report", &page, "--toml", &toml];
    let args = [&[file.as_str(), BESIDE][..], &sweep, &files].concat();
    let ended = tune(&lab, &args).run().expect_code(0);
    for text in ["CPU s/GiB", "as it is (baseline)", "UPLOAD_BUFFERSIZE=64KiB", "# curlift tune"] {
        assert!(ended.stdout.contains(text), "{text:?} in {}", ended.stdout);
    }
    assert!(ended.stderr.contains("a warm-up and 2 to 3 rounds: 7 to 10 uploads"));
    expect_nothing_left(&lab, &key(&ended));
    fs::read_to_string(toml).unwrap().parse::<toml::Table>().expect("it is TOML");
    expect_page(&fs::read_to_string(page).unwrap());
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 3, "the file, the page and the settings");
    let seen = lab.stop();
    // On a busy machine one may look hopeless after two rounds.
    assert!((9..=10).contains(&seen.count("PutObject")), "{seen:?}");
    assert_eq!(seen.count("DeleteObject"), 1);
}

#[test]
fn settings_that_are_better_are_named_and_can_be_pasted() {
    // A part takes nearly half a second: in flight together they are three times as fast, more than
    // a busy machine can hide.
    let lab = Lab::start(&["UploadPart always slow 12MB"]);
    let config = tempfile::NamedTempFile::new().unwrap();
    fs::write(config.path(), "concurrency = 1\n[tune]\nconcurrency = [3]\n").unwrap();
    let config = config.path().display().to_string();
    let args = ["--size", "15MiB", BESIDE, "--config", &config, "--rounds", "5", "--json"];
    let ended = tune(&lab, &args).args(&IN_PARTS).run().expect_code(0);
    let events = events(&ended);
    let (last, measurements) = events.split_last().unwrap();
    assert_eq!(measurements.len(), 1 + 2 * 5);
    assert!(measurements.iter().all(|event| event["event"] == "measurement"));
    assert_eq!(measurements[0]["round"], 0);
    assert!(measurements[1]["cpu_s"].as_f64().unwrap() > 0.0);
    if cfg!(target_os = "linux") {
        assert!(measurements[1]["memory_peak_bytes"].as_u64().unwrap() > 1 << 20);
    }
    assert_eq!((&last["event"], &last["verdict"]), (&"tuned".into(), &"better".into()), "{last}");
    assert!(last["gain"].as_f64().unwrap() > 0.2);
    assert_eq!(last["ranking"][0]["settings"]["concurrency"], "3");
    let toml: toml::Table = last["toml"].as_str().unwrap().parse().unwrap();
    assert_eq!(toml["concurrency"].as_integer(), Some(3));
}

#[test]
fn one_that_is_stopped_leaves_nothing() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let lab = Lab::start(&["UploadPart always slow 1MB"]);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, _) = write_file(folder.path(), "source.bin", 12 * MIB);
        let running = tune(&lab, &SWEEP).args(&IN_PARTS).arg(&file).arg(BESIDE).start();
        wait_until("an upload is under way", || {
            let listing = lab.store.ask(&["--fail"], "/lab?uploads=").ok()?;
            String::from_utf8_lossy(&listing).contains("<UploadId>").then_some(())
        });
        signal(running.child.id(), name);
        let ended = running.end().expect_code(code);
        expect_nothing_left(&lab, &key(&ended));
    }
}

#[test]
fn one_that_is_stopped_after_two_rounds_tells_what_it_knows() {
    // Two parts an upload, a warm-up and two rounds of two candidates: the third round hangs.
    let slow = "UploadPart always slow 20MB";
    let lab = Lab::start(&["UploadPart #11 stall after 1KB for 60s", slow]);
    let args = ["--size", "6MiB", BESIDE, "--sweep", "concurrency=2", "--no-hedge"];
    let running = tune(&lab, &args).args(&IN_PARTS).start();
    let mut before = String::new();
    wait_until("an upload hangs", || {
        std::thread::sleep(Duration::from_millis(700));
        let listing = lab.store.ask(&["--fail"], "/lab?uploads=").ok()?;
        let listing = String::from_utf8_lossy(&listing).into_owned();
        let hangs = listing.contains("<UploadId>") && listing == before;
        before = listing;
        hangs.then_some(())
    });
    signal(running.child.id(), "INT");
    let ended = running.end().expect_code(130);
    assert!(ended.stdout.contains("as it is (baseline)"), "{ended:?}");
    assert!(ended.stdout.contains("# curlift tune, 6 uploads"), "{}", ended.stdout);
    expect_nothing_left(&lab, &key(&ended));
}

#[test]
fn what_a_killed_upload_leaves_is_removed() {
    let lab = Lab::start(&["UploadPart always slow 1MB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 20 * MIB);
    let running = tune(&lab, &["--sweep", "part_size=5MiB"]).arg(&file).arg(BESIDE).start();
    let child = wait_until("an upload is under way", || {
        let listing = lab.store.ask(&["--fail"], "/lab?uploads=").ok()?;
        let begun = String::from_utf8_lossy(&listing).contains("<UploadId>");
        begun.then(|| child_of(running.child.id())).flatten()
    });
    signal(child, "KILL");
    let ended = running.end().expect_code(137);
    assert!(ended.stderr.contains("the first upload failed: it ended with signal: 9"));
    expect_nothing_left(&lab, &key(&ended));
}

/// The first child of a process.
fn child_of(process: u32) -> Option<u32> {
    let threads = format!("/proc/{process}/task/{process}/children");
    fs::read_to_string(threads).ok()?.split_whitespace().next()?.parse().ok()
}

#[test]
fn what_cannot_be_removed_is_named_with_the_line_that_removes_it() {
    let lab = Lab::start(&["DeleteObject always status 403 AccessDenied"]);
    let args = ["--size", "1MiB", BESIDE, "--rounds", "2"];
    let quiet = tune(&lab, &args).args(&SWEEP).arg("-q").run().expect_code(1);
    assert!(quiet.stderr.contains("remove it with: aws s3api"), "{}", quiet.stderr);
    let ended = tune(&lab, &args).args(&SWEEP).run().expect_code(1);
    let line = format!("aws s3api delete-object --bucket lab --key {}", key(&ended));
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
    assert!(ended.stdout.contains("as it is (baseline)"));
}

#[test]
fn a_bucket_that_keeps_versions_is_told_of() {
    let store = canned::store(|line, _| match line.split(' ').next() {
        Some("put") => canned::ok(&[("etag", "\"e\"")]),
        _ => canned::ok(&[("x-amz-delete-marker", "true")]),
    });
    let args = ["tune", "--size", "1KiB", BESIDE, "--rounds", "2"];
    let ended = Curlift::new().store(&store).args(&args).args(&SWEEP).run().expect_code(0);
    assert!(ended.stderr.contains("the bucket keeps versions"), "{}", ended.stderr);
    let line = format!("aws s3api list-object-versions --bucket lab --prefix {}", key(&ended));
    assert!(ended.stderr.contains(&line), "{}", ended.stderr);
}

#[test]
fn a_candidate_that_fails_ranks_last() {
    // One request is no trouble.
    let lab = Lab::start(&["CreateMultipartUpload always status 403 AccessDenied"]);
    let sweep = ["--sweep", "multipart_threshold=5MiB,1GiB", "--rounds", "2", "--json"];
    let args = [&["--size", "6MiB", BESIDE][..], &sweep].concat();
    let ended = tune(&lab, &args).run().expect_code(0);
    let events = events(&ended);
    let ranking = events.last().unwrap()["ranking"].as_array().unwrap();
    let last = ranking.last().unwrap();
    assert_eq!(last["settings"]["multipart_threshold"], "5MiB");
    assert_eq!((&last["state"], &last["failures"]), (&"failing".into(), &2.into()));
    assert!(last["reason"].as_str().unwrap().contains("AccessDenied"), "{last}");
    let failed = events.iter().filter(|event| event["exit_code"] == 4);
    assert_eq!(failed.count(), 2);
}

#[test]
fn what_is_refused_is_left_out_with_the_reason() {
    let lab = Lab::start(&[]);
    let sweep = ["--sweep", "concurrency=0,2", "--rounds", "2"];
    let args = [&["--size", "1MiB", BESIDE][..], &sweep].concat();
    let ended = tune(&lab, &args).run().expect_code(0);
    assert!(ended.stderr.contains("concurrency=0 is left out: invalid value '0'"));
    assert!(ended.stdout.contains("concurrency=0 (refused: invalid value '0'"));
    let none = ["--size", "1MiB", BESIDE, "--sweep", "part_size=1KiB"];
    let ended = tune(&lab, &none).run().expect_code(2);
    assert!(ended.stderr.contains("none of the settings to try is possible"), "{}", ended.stderr);
    assert_eq!(lab.stop().count("PutObject"), 1 + 2 * 2);
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let lab = Lab::start(&[]);
    for (args, says) in [
        (&["f"][..], "where to?"),
        (&["--size", "1", "--lab", "f", BESIDE], "a destination of its own"),
        (&["-", BESIDE], "can be uploaded once only"),
        (&["--size", "1", BESIDE, "--sweep", "partsize=1"], "did you mean part_size?"),
        (&["--size", "1", BESIDE, "--sweep", "TCP_NODELY=1"], "TCP_NODELAY"),
        (&["--size", "1", BESIDE, "--sweep", "retry=1", "--sweep", "retry=2"], "there twice"),
        (&["--size", "1", BESIDE, "--sweep", "PASSWORD=x"], "is a secret and cannot be swept"),
        (&["--size", "10MiB", BESIDE, "--max-bytes", "60MiB"], "it pays for 2 candidates"),
        (&["--size", "1", "s3://lab/", "--rounds", "1"], "2..=50"),
    ] {
        let ended = tune(&lab, args).run().expect_code(2);
        assert!(ended.stderr.contains(says), "{says:?} in {}", ended.stderr);
    }
    assert_eq!(lab.stop().count("PutObject"), 0);
}

#[test]
fn a_time_that_does_not_do_is_told_after_the_warm_up() {
    let lab = Lab::start(&["PutObject always slow 1MB"]);
    let args = ["--size", "1MiB", BESIDE, "--max-time", "3s"];
    let ended = tune(&lab, &args).args(&SWEEP).run().expect_code(2);
    assert!(ended.stderr.contains("does not pay for two rounds of 3 candidates"));
    assert!(ended.stderr.contains("--max-time "), "{}", ended.stderr);
    expect_nothing_left(&lab, &key(&ended));
    let args = ["--size", "4MiB", BESIDE, "--max-time", "1s"];
    let ended = tune(&lab, &args).args(&SWEEP).run().expect_code(2);
    assert!(ended.stderr.contains("the first upload alone takes longer"), "{}", ended.stderr);
    expect_nothing_left(&lab, &key(&ended));
}

#[test]
fn where_nothing_can_be_uploaded_the_reason_is_the_uploads() {
    let lab = Lab::start(&["PutObject always status 403 AccessDenied"]);
    let args = ["--size", "1MiB", BESIDE, "--json"];
    let ended = tune(&lab, &args).args(&SWEEP).run().expect_code(4);
    assert!(ended.stderr.contains("the first upload failed: "), "{}", ended.stderr);
    assert_eq!(events(&ended).last().unwrap()["exit_code"], 4);
    let refused = ["--size", "1MiB", BESIDE, "--curl", "INTERFACE=if!no-such", "--retry", "1"];
    let ended = tune(&lab, &refused).args(&SWEEP).run();
    assert_ne!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn this_machine_can_be_measured_without_a_store() {
    let home = tempfile::tempdir().unwrap();
    let run = |more: &[&str]| {
        let args = ["tune", "--size", "6MiB", "--lab", "--rounds", "2", "--sweep", "no_hedge=true"];
        Curlift::new().args(&args).args(more).env("TMPDIR", home.path()).run().expect_code(0)
    };
    assert!(run(&["--by", "cpu"]).stdout.contains("no_hedge=true"));
    let ended = run(&["--fault", "PutObject #1 status 503 SlowDown", "--json"]);
    assert_eq!(events(&ended)[0]["retries"], 1);
    assert!(is_empty(home.path()), "temporary files are left");
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none())
}
