//! The file changes while it is sent, or cannot be read.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::Duration;

use tempfile::TempDir;

use super::oracle::{Trial, Upload};
use super::scripted::{Scripted, Turn};
use super::{ABORTING, MIB, at_once};

/// Four parts, and what sends them one after the other.
const FOUR_PARTS: usize = 20 * MIB;
const ONE_BY_ONE: [&str; 2] = ["-c", "1"];

/// Uploads four parts, and does something to the file while the second is under way: `act` is
/// given its path and the id of the process.
fn midway(act: impl FnOnce(&Path, u32)) -> Trial {
    let (arrive, arrived) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let released = Mutex::new(released);
    let store = Scripted::start(move |turn: &mut Turn<'_>| {
        if turn.is("UploadPart", 2) {
            turn.read(MIB);
            arrive.send(()).unwrap();
            released.lock().unwrap().recv().unwrap();
            turn.serve();
        }
    });
    let begun = Upload::new(&store, FOUR_PARTS).args(&ONE_BY_ONE).start();
    arrived.recv_timeout(Duration::from_secs(30)).expect("the second part is sent");
    act(&begun.source, begun.process);
    release.send(()).unwrap();
    let trial = begun.end();
    assert!(store.shelf().uploads.is_empty(), "an upload was left open: {}", trial.told());
    trial
}

/// Fails unless the run stopped because the file changed, and says how.
fn expect_changed(trial: Trial, how: &str) {
    let trial = trial.expect("failed", 5).expect_says(&["changed while it was sent", how]);
    trial.expect_retries(0..=0, &[]);
}

/// F1 | cut while it is sent | `truncate` while the store waits | stopped, aborted, code 5
#[test]
fn f1_it_shrinks() {
    let sizes = [0, 5 * MIB + 1, 7 * MIB, 15 * MIB, FOUR_PARTS - 1];
    at_once(&sizes, |&size| {
        let trial = midway(|source, _| {
            File::options().write(true).open(source).unwrap().set_len(size as u64).unwrap();
        });
        expect_changed(trial, "it shrank from 20,971,520");
    });
}

/// F2 | grows while it is sent | appended to while the store waits | stopped, aborted, code 5
#[test]
fn f2_it_grows() {
    at_once(&[1, 10 * MIB], |&more| {
        let trial = midway(|source, _| {
            let mut file = File::options().append(true).open(source).unwrap();
            file.write_all(&vec![7; more]).unwrap();
        });
        expect_changed(trial, "it grew from 20,971,520");
    });
}

/// F3 | replaced by another of its name and size | rename over it | stopped, aborted, code 5
#[test]
fn f3_it_is_replaced() {
    let trial = midway(|source, _| {
        let other = source.with_extension("new");
        fs::write(&other, vec![7; FOUR_PARTS]).unwrap();
        fs::rename(&other, source).unwrap();
    });
    expect_changed(trial, "replaced by another file");
}

/// F4 | changed in place, its time put back | write and `touch` | stopped by ctime, code 5
#[test]
fn f4_it_changes_and_its_time_is_put_back() {
    let trial = midway(|source, _| {
        let modified = fs::metadata(source).unwrap().modified().unwrap();
        let file = File::options().write(true).open(source).unwrap();
        (&file).write_all(&[7; 1000]).unwrap();
        file.set_modified(modified).unwrap();
    });
    expect_changed(trial, "its modification time put back");
}

/// F5 | deleted while it is sent | `rm` while the store waits | uploaded from the open file
#[test]
fn f5_it_is_deleted() {
    midway(|source, _| fs::remove_file(source).unwrap()).expect_uploaded();
}

/// F12 | its permissions are taken away | `chmod 0` while the store waits | stopped, code 5
#[test]
fn f12_it_may_no_longer_be_read() {
    let trial = midway(|source, _| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(source, fs::Permissions::from_mode(0o0)).unwrap();
    });
    expect_changed(trial, "its attributes were changed");
}

/// F13 | cut where it is mapped into memory | `/proc/PID/maps` while it is sent | never mapped
#[test]
fn f13_it_is_read_and_not_mapped() {
    let trial = midway(|_, process| {
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
        assert!(maps.contains("curlift"), "not our process: {maps}");
        assert!(!maps.contains("source.bin"), "{maps}");
    });
    trial.expect_uploaded();
}

/// The library that makes reads fail, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<(TempDir, std::path::PathBuf)> = OnceLock::new();
    let (_, library) = SHIM.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("shim.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue/shim.c");
        let mut compiler = std::process::Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        assert!(compiler.arg("-ldl").status().unwrap().success(), "the shim does not compile");
        (folder, library)
    });
    library
}

/// Uploads four parts of a file whose reads go wrong in that way, with these further arguments.
fn with_bad_reads(fault: &str, args: &[&str], seconds: u64) -> Trial {
    let store = Scripted::start(|_| {});
    let preload = format!("LD_PRELOAD={}", shim().display());
    let fault = format!("SHIM_FAULT={fault}");
    let upload = Upload::new(&store, FOUR_PARTS).args(&ONE_BY_ONE).args(&ABORTING);
    let trial = upload.args(args).under(&["env", &preload, &fault]).within(seconds).run();
    assert!(store.shelf().uploads.is_empty(), "an upload was left open: {}", trial.told());
    trial
}

/// The payload is hashed before it is sent, or read only while it is sent.
const BOTH_WAYS: [[&str; 2]; 2] = [["--payload-signing", "always"], ["--payload-signing", "never"]];

/// F6 | reading gives EIO from an offset on | preloaded `pread` | stopped, offset told, code 5
#[test]
fn f6_it_cannot_be_read_to_its_end() {
    let cases: Vec<_> = [0, 7_000_000, FOUR_PARTS - 1]
        .iter()
        .flat_map(|offset| BOTH_WAYS.map(|args| (*offset, args)))
        .collect();
    at_once(&cases, |(offset, args)| {
        let trial = with_bad_reads(&format!("eio {offset}"), args, 30).expect("failed", 5);
        let trial = trial.expect_retries(0..=0, &[]);
        trial.expect_says(&["can no longer be read", "Input/output error", "at byte"]);
    });
}

/// F7 | short, interrupted and postponed reads | preloaded `pread` | the right bytes, or none
#[test]
fn f7_reads_are_short() {
    let faults = ["short 1000", "short 65537", "interrupted"];
    let cases: Vec<_> =
        faults.iter().flat_map(|fault| BOTH_WAYS.map(|args| (*fault, args))).collect();
    at_once(&cases, |(fault, args)| {
        with_bad_reads(fault, args, 60).expect_uploaded().expect_retries(0..=0, &[]);
    });
    // A file that is not ready is none that can be uploaded.
    with_bad_reads("again 7000000", &[], 60).expect("failed", 5);
}

/// F8 | the disk hangs for 70 s | preloaded `pread` that sleeps | uploaded, no retries
#[test]
fn f8_the_disk_hangs() {
    at_once(&BOTH_WAYS, |args| {
        let trial = with_bad_reads("hang 70", args, 110).expect_uploaded();
        assert!(trial.elapsed >= Duration::from_secs(70), "it never hung: {:?}", trial.elapsed);
        trial.expect_retries(0..=0, &[]);
    });
}
