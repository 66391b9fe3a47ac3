//! `cp -`: standard input of any length, from producers that are slow, die, or write too much.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use super::local_lab::{Lab, signal};
use super::support::{Curlift, Ended, bytes, crc64nvme, expect_same, wait_until};
use super::{BUCKET, DESTINATION, KEY, MIB};

pub(super) const PART: usize = 5 * MIB;

/// Runs it with what `produce` writes on its standard input.
pub(super) fn pipe(program: Curlift, produce: impl FnOnce(PipeWriter) + Send + 'static) -> Ended {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    let running = program.start_reading(reader);
    let producer = thread::spawn(move || produce(writer));
    let ended = running.end();
    producer.join().expect("the producer does not panic");
    ended
}

/// Writes all of it, unless the program is gone.
pub(super) fn all(content: Vec<u8>) -> impl FnOnce(PipeWriter) + Send {
    move |mut pipe| {
        pipe.write_all(&content).ok();
    }
}

pub(super) fn expect_stored(lab: &Lab, ended: Ended, content: &[u8]) -> Value {
    let summary = ended.expect_code(0).summary();
    assert_eq!(summary["bytes"], content.len(), "{summary}");
    assert_eq!(summary["checksum"]["value"], crc64nvme(content), "{summary}");
    expect_same(&lab.store.get(BUCKET, KEY), content);
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    summary
}

/// Fails unless it failed for its source, said `says`, and nothing is at the store.
pub(super) fn expect_nothing_stored(lab: &Lab, ended: Ended, says: &[&str]) {
    let ended = ended.expect_code(5);
    assert_eq!(ended.summary()["outcome"], "failed", "{}", ended.stdout);
    for text in says {
        assert!(ended.stderr.contains(text), "{text:?} is not in:\n{}", ended.stderr);
    }
    assert!(!lab.store.has(BUCKET, KEY));
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
}

#[test]
fn every_length_arrives() {
    let lab = Lab::start(&[]);
    let rows = [(0, 1), (1, 1), (PART - 1, 1), (PART, 1), (PART + 1, 2), (3 * PART + 77, 4)];
    for (length, parts) in rows {
        let content = bytes(length, 7);
        let ended = pipe(lab.cp().args(&["-", DESTINATION]), all(content.clone()));
        let start: Value =
            serde_json::from_str(ended.stdout.lines().next().expect("a line")).expect("it is JSON");
        assert_eq!((&start["event"], &start["bytes"]), (&"start".into(), &Value::Null));
        assert_eq!((&start["parts"], &start["part_size"]), (&Value::Null, &PART.into()));
        assert_eq!(ended.stderr.contains("was empty"), length == 0, "{}", ended.stderr);
        let summary = expect_stored(&lab, ended, &content);
        assert_eq!(summary["parts"], parts, "{length}: {summary}");
        let expected = length.to_string();
        let told = lab.cp().args(&["-", DESTINATION, "--expected-size", &expected]);
        expect_stored(&lab, pipe(told, all(content.clone())), &content);
    }
    let seen = lab.stop();
    assert_eq!(seen.count("PutObject"), 6, "what is below the threshold goes in one request");
    assert_eq!(seen.count("CreateMultipartUpload"), 6);
}

/// With a threshold above the part size, what may still be one request is held in parts.
#[test]
fn one_request_below_the_threshold() {
    let lab = Lab::start(&["PutObject #1 reset after 6MiB"]);
    let content = bytes(2 * PART + 3, 8);
    let program = Curlift::new().store(&lab.store).args(&["cp", "--json", "-", DESTINATION]);
    let ended = pipe(program.args(&["--part-size", "5MiB"]), all(content.clone()));
    expect_stored(&lab, ended, &content);
    assert_eq!(lab.stop().count("PutObject"), 2);
}

#[test]
fn a_slow_producer_is_waited_for() {
    let lab = Lab::start(&["* always idle-close 100ms"]);
    let content = bytes(2 * PART + 9, 9);
    let pieces = content.clone();
    let ended = pipe(lab.cp().args(&["-", DESTINATION]), move |mut pipe| {
        for piece in pieces.chunks(MIB) {
            pipe.write_all(piece).expect("it is read");
            thread::sleep(Duration::from_millis(60));
        }
    });
    expect_stored(&lab, ended, &content);
}

#[test]
fn parts_are_sent_again_from_memory() {
    let lab = Lab::start(&["UploadPart every 3 reset after 1MiB"]);
    for extra in [&[][..], &["--payload-signing", "never"], &["--spool", "/tmp"]] {
        let content = bytes(6 * PART + 11, 10);
        let program = lab.cp().args(&["-", DESTINATION, "-c", "3"]).args(extra);
        let ended = pipe(program, all(content.clone()));
        let retried = ended.retries().iter().any(|(cause, _)| cause == "reset");
        let summary = expect_stored(&lab, ended, &content);
        // Over a connection that had been used before, libcurl repeats the request by itself.
        assert!(retried || summary["resent_by_libcurl"] != 0, "{summary}");
    }
}

#[test]
fn what_is_not_as_long_as_expected_is_not_stored() {
    let lab = Lab::start(&[]);
    for length in [1_000, 3 * PART] {
        for (expected, says) in [(length + 1, "ended after"), (length - 1, "goes on behind")] {
            let expected = expected.to_string();
            let program = lab.cp().args(&["-", DESTINATION, "--expected-size", &expected]);
            let ended = pipe(program, all(bytes(length, 11)));
            expect_nothing_stored(&lab, ended, &[says, "--expected-size", "both again"]);
        }
    }
    assert_eq!(lab.stop().count("CompleteMultipartUpload"), 0);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let lab = Lab::start(&[]);
    let folder = File::open("/").expect("there is a root");
    let ended = lab.cp().args(&["-", DESTINATION]).start_reading(folder).end();
    expect_nothing_stored(&lab, ended, &["standard input cannot be read", "at byte 0"]);
}

#[test]
fn a_terminal_is_refused() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("there are terminals");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("it is ours");
    let name = ptsname(&master, Vec::new()).expect("it has a name");
    let mut options = File::options();
    options.read(true).custom_flags(libc::O_NOCTTY);
    let terminal = options.open(name.to_str().expect("in ASCII")).expect("it can be opened");
    let program = Curlift::new().args(&["cp", "-", DESTINATION]);
    let ended = program.start_reading(terminal).end().expect_code(2);
    assert!(ended.stderr.contains("nothing is piped in"), "{}", ended.stderr);
}

/// The producer says nothing and goes on living: before anything was sent, and under way.
#[test]
fn ctrl_c_does_not_wait_for_the_producer() {
    for written in [0, PART + 5] {
        let lab = Lab::start(&[]);
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let running = lab.cp().args(&["-", DESTINATION]).start_reading(reader);
        writer.write_all(&bytes(written, 12)).expect("it is read");
        if written > 0 {
            lab.await_upload();
        } else {
            wait_until("it listens for signals", || {
                catches_interrupts(running.child.id()).then_some(())
            });
        }
        let stopped_at = Instant::now();
        signal(running.child.id(), "INT");
        let ended = running.end().expect_code(130);
        assert!(stopped_at.elapsed() < Duration::from_secs(10), "{:?}", stopped_at.elapsed());
        assert_eq!(ended.summary()["outcome"], "interrupted", "{}", ended.stdout);
        assert_eq!(lab.unfinished(), 0, "uploads left behind");
        drop(writer);
    }
}

/// Whether a process has a handler for SIGINT (`proc(5)`: a mask, its second bit).
fn catches_interrupts(process: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 2 != 0)
}

/// The most memory it takes for a stream of so many bytes, in KiB.
fn peak_memory(lab: &Lab, length: usize) -> u64 {
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let program = lab.cp().args(&["-", DESTINATION, "-c", "2"]);
    let running = program.start_reading(reader);
    let status = format!("/proc/{}/status", running.child.id());
    let producer = thread::spawn(move || {
        let piece = bytes(MIB, 13);
        for _ in 0..length / MIB {
            writer.write_all(&piece).expect("it is read");
        }
        // Measured while it lives: it waits for the end of what is written.
        let status = fs::read_to_string(status).expect("it lives");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse().ok())
    });
    let peak = producer.join().expect("the producer does not panic");
    running.end().expect_code(0);
    peak.expect("Linux tells the most memory")
}

#[test]
fn memory_does_not_depend_on_the_length() {
    let lab = Lab::start(&[]);
    let (short, long) = (peak_memory(&lab, 20 * MIB), peak_memory(&lab, 200 * MIB));
    let (two_parts, more) = (2 * PART as u64 / 1024, 4 * 1024);
    assert!(long < short + more, "{short} KiB for 20 MiB, {long} KiB for 200 MiB");
    let by_one = peak_memory(&lab, MIB);
    assert!(long < by_one + two_parts + more, "{by_one} KiB for 1 MiB, {long} KiB for 200 MiB");
}
