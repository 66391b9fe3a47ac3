//! `cp -`: standard input of any length, from producers that are slow, die, or write too much.

use std::fs::{self, File};
use std::io::{self, PipeWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use serde_json::Value;

use super::local_lab::{Lab, signal};
use super::support::{Curlift, Ended, bytes, crc64nvme, expect_same, wait_until};
use super::{BUCKET, DESTINATION, KEY, MIB};

const PART: usize = 5 * MIB;

/// Runs it with what `produce` writes on its standard input.
fn pipe(program: Curlift, produce: impl FnOnce(PipeWriter) + Send + 'static) -> Ended {
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    let running = program.start_reading(reader);
    let producer = thread::spawn(move || produce(writer));
    let ended = running.end();
    producer.join().expect("the producer does not panic");
    ended
}

/// Writes all of it, unless the program is gone.
fn all(content: Vec<u8>) -> impl FnOnce(PipeWriter) + Send {
    move |mut pipe| {
        pipe.write_all(&content).ok();
    }
}

fn expect_stored(lab: &Lab, ended: Ended, content: &[u8]) -> Value {
    let summary = ended.expect_code(0).summary();
    assert_eq!(summary["bytes"], content.len(), "{summary}");
    assert_eq!(summary["checksum"]["value"], crc64nvme(content), "{summary}");
    expect_same(&lab.store.get(BUCKET, KEY), content);
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    summary
}

/// Fails unless it failed for its source, said `says`, and nothing is at the store.
fn expect_nothing_stored(lab: &Lab, ended: Ended, says: &[&str]) {
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
        assert!(ended.retries().iter().any(|(cause, _)| cause == "reset"), "{}", ended.stdout);
        expect_stored(&lab, ended, &content);
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
            wait_until("it listens for signals", Duration::from_secs(30), || {
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

/// Whether a process has a thread of that name.
fn has_thread(process: u32, name: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let named = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
    threads.filter_map(|thread| named(thread).ok()).any(|found| found.trim() == name)
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

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("it can be read").file_name();
    entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

#[test]
fn a_spool_goes_when_the_object_is_stored() {
    let lab = Lab::start(&["UploadPart every 2 reset after 1MiB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let content = bytes(4 * PART, 14);
    let program = lab.cp().args(&["-", DESTINATION, "--spool"]).arg(folder.path());
    expect_stored(&lab, pipe(program, all(content.clone())), &content);
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

/// The store gives up while the producer still writes: all of it is kept, and can be sent.
#[test]
fn a_spool_is_written_to_its_end_and_kept_where_the_store_gives_up() {
    let lab = Lab::start(&["UploadPart first 1 status 500 InternalError"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let content = bytes(4 * PART + 1, 15);
    let pieces = content.clone();
    let program = lab.cp().args(&["-", DESTINATION, "--retry", "1", "--spool"]).arg(folder.path());
    let ended = pipe(program, move |mut pipe| {
        for piece in pieces.chunks(MIB) {
            pipe.write_all(piece).expect("it is read to its end");
            thread::sleep(Duration::from_millis(40));
        }
    });
    let ended = ended.expect_code(6);
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    let names = names(folder.path());
    let [name] = &names[..] else { panic!("{names:?}") };
    let spool = folder.path().join(name);
    let line = format!("curlift cp {} {DESTINATION}", spool.display());
    assert!(ended.stderr.contains(&line), "{line:?} is not in {}", ended.stderr);
    assert_eq!(ended.summary()["spool"], spool.display().to_string(), "{}", ended.stdout);
    let told = ["rest of standard input goes to", "InternalError"];
    assert!(told.iter().all(|text| ended.stderr.contains(text)), "{}", ended.stderr);
    expect_same(&fs::read(&spool).expect("it is ours"), &content);
    let again = lab.cp().arg(&spool).arg(DESTINATION).run();
    expect_stored(&lab, again, &content);
}

#[test]
fn a_stop_leaves_no_spool_that_is_not_whole() {
    let lab = Lab::start(&["UploadPart always slow 1MB"]);
    for whole in [false, true] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let program = lab.cp().args(&["-", DESTINATION, "--spool"]).arg(folder.path());
        let running = program.start_reading(reader);
        let content = bytes(2 * PART, 16);
        writer.write_all(&content).expect("it is read");
        let writer = (!whole).then_some(writer);
        let spooled = || {
            let file = fs::read_dir(folder.path()).ok()?.next()?.ok()?;
            (file.metadata().ok()?.len() == content.len() as u64).then_some(())
        };
        wait_until("all is spooled", Duration::from_secs(30), spooled);
        lab.await_upload();
        wait_until("the end is known, or is not", Duration::from_secs(30), || {
            (has_thread(running.child.id(), "stdin") != whole).then_some(())
        });
        signal(running.child.id(), "INT");
        let ended = running.end().expect_code(130);
        assert_eq!(names(folder.path()).len(), usize::from(whole), "{}", ended.stderr);
        assert_eq!(lab.unfinished(), 0, "uploads left behind");
        drop(writer);
    }
}

/// A disk of 8 MiB, for this program alone.
#[test]
fn a_full_disk_is_told_with_its_folder() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().display().to_string();
    let mount = format!("mount -t tmpfs -o size=8m none '{path}' && exec \"$0\" \"$@\"");
    let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &mount];
    let program = Curlift::under(&words.map(str::to_owned)).store(&lab.store);
    let program = program.args(&["cp", "--json", "--part-size", "5MiB", "-", DESTINATION]);
    let ended = pipe(program.args(&["--spool", &path]), all(bytes(4 * PART, 17)));
    expect_nothing_stored(&lab, ended, &["cannot write the spool", &path, "the disk is full"]);
}
