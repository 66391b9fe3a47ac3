//! The file changes, cannot be read, or has a size or name that few files have.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::Duration;

use tempfile::TempDir;

use super::oracle::{Trial, Upload, Witness as _};
use super::scripted::{Scripted, Turn};
use super::support::{Curlift, Ended};
use super::{DESTINATION, IN_PARTS, KEY, MIB, at_once};

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
        fs::set_permissions(source, fs::Permissions::from_mode(0)).unwrap();
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
    let upload = Upload::new(&store, FOUR_PARTS).args(&ONE_BY_ONE).args(args);
    let trial = upload.under(&["env", &preload, &fault]).within(seconds).run();
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

/// F8 | the disk hangs for 70 s | preloaded `pread` that sleeps | uploaded, few retries
#[test]
fn f8_the_disk_hangs() {
    at_once(&BOTH_WAYS, |args| {
        let trial = with_bad_reads("hang 70", args, 110).expect_uploaded();
        trial.expect_retries(0..=0, &[]);
    });
}

/// F9 | sizes around every border | a scripted store | uploaded in that many parts
#[test]
fn f9_sizes_around_a_part() {
    let rows: [(usize, u64); 7] = [
        (0, 1),
        (1, 1),
        (5 * MIB - 1, 1),
        (5 * MIB, 1),
        (5 * MIB + 1, 2),
        (10 * MIB, 2),
        (10 * MIB + 1, 3),
    ];
    at_once(&rows, |&(length, parts)| {
        let store = Scripted::start(|_| {});
        let trial = Upload::new(&store, length).run().expect_uploaded();
        let summary = trial.ended.summary();
        assert_eq!(summary["bytes"], length, "{summary}");
        assert_eq!(summary["parts"], parts, "{summary}");
    });
}

/// F9 | 5 GiB, 10,000 parts, each less and more by one byte, 5 TiB | sparse, planned | as S3 takes
#[test]
fn f9_sizes_too_large_to_send() {
    const GIB: u64 = 1 << 30;
    let parts_of_5_mib = 10_000 * 5 * MIB as u64;
    let at_5_gib = ["--part-size", "5GiB", "--multipart-threshold", "5GiB"];
    // Size, arguments, parts, bytes of each.
    let rows: [(u64, &[&str], u64, u64); 9] = [
        (5 * GIB - 1, &at_5_gib, 1, 5 * GIB),
        (5 * GIB, &at_5_gib, 1, 5 * GIB),
        (5 * GIB + 1, &at_5_gib, 2, 5 * GIB),
        (5 * GIB + 1, &[], 321, 16 << 20),
        (parts_of_5_mib - 1, &IN_PARTS, 10_000, 5 << 20),
        (parts_of_5_mib, &IN_PARTS, 10_000, 5 << 20),
        (parts_of_5_mib + 1, &IN_PARTS, 8_334, 6 << 20),
        (5 * GIB << 10, &[], 9_987, 525 << 20),
        (15 * GIB << 10, &[], 10_000, 1573 << 20),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.bin");
    for (size, args, parts, part_size) in rows {
        File::create(&path).unwrap().set_len(size).unwrap();
        for command in [&["plan"][..], &["cp", "--dry-run"]] {
            let ended = Curlift::new().args(command).args(&["--json"]).args(args).arg(&path);
            let ended = ended.arg(DESTINATION).run().expect_code(0);
            let plan: serde_json::Value = serde_json::from_str(ended.stdout.trim()).unwrap();
            let planned = |name: &str| plan[name].as_u64().unwrap();
            assert_eq!(planned("bytes"), size, "{plan}");
            let found = [planned("parts"), planned("part_size")];
            // What is sent in one request has no part size of its own.
            let expected = if plan["multipart"] == true { part_size } else { size };
            assert_eq!(found, [parts, expected], "{size} bytes: {plan}");
            assert_eq!(planned("part_size_last"), size - (parts - 1) * found[1], "{plan}");
        }
    }
}

/// F11 | a pipe, device, folder, socket, /proc file, symlinks | `mkfifo`, `ln -s` | code 5, in words
#[test]
fn f11_what_is_no_regular_file() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(path("pipe")).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    symlink("loop", path("loop")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("pipe", path("to-pipe")).unwrap();
    symlink("/dev/zero", path("to-device")).unwrap();
    let rows = [
        (path("pipe"), 5, "named pipe"),
        (path("to-pipe"), 5, "named pipe"),
        (path("socket"), 5, "a socket"),
        (path("loop"), 5, "symbolic links"),
        (path("dangling"), 5, "No such file"),
        (path("to-device"), 5, "a device"),
        ("/dev/null".into(), 5, "a device"),
        ("/proc/version".into(), 5, "no size"),
        ("/proc/self/mem".into(), 5, "/proc/self/mem"),
        (folder.path().to_owned(), 2, "directories"),
    ];
    let store = Scripted::start(|_| {});
    for (path, code, words) in rows {
        let ended = store.cp().arg(&path).arg(DESTINATION).run().expect_code(code);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert_eq!(ended.summary()["outcome"], "failed", "{}", ended.stdout);
    }
    assert_eq!(store.requests().len(), 0, "something was sent");
    // A link that was named leads where its owner wants it to.
    fs::write(path("outside"), "text").unwrap();
    symlink(path("outside"), path("to-file")).unwrap();
    store.cp().arg(path("to-file")).arg(DESTINATION).run().expect_code(0);
    assert_eq!(store.shelf().objects[KEY].bytes, b"text");
}

/// F14 | names that programs stumble over | a list of them | the key exact, or refused in words
#[test]
fn f14_naughty_names() {
    let long = [&"x".repeat(255), &"\u{e9}".repeat(127)];
    let names = [
        "a b",
        " a",
        "a ",
        "a\tb",
        "\u{fc}",
        "e\u{301}",
        "\u{202e}gpj.exe",
        "\u{1f642}",
        "#?%+&=;",
        "%2e%2e",
        "%00",
        "...",
        "..a",
        "-rf",
        "--help",
        "--",
        "~",
        "$(id)",
        "`id`",
        "a:b",
        "s3:",
        "'\"",
        "\\",
        "*",
        "[a]",
        "{a,b}",
        "\u{7f}",
        "\u{1b}[2J",
        "\u{1}",
        "a|b",
        "<a>&amp;",
        long[0],
        long[1],
    ];
    let store = Scripted::start(|_| {});
    for name in names {
        let ended = upload_named(&store, OsStr::new(name)).expect_code(0);
        let key = format!("folder/{name}");
        let object = store.shelf().objects.remove(&key);
        assert!(object.is_some_and(|object| object.bytes == b"text"), "{name:?} is not stored");
        expect_harmless(&ended);
    }
    assert!(store.shelf().objects.is_empty(), "other keys: {:?}", store.shelf().objects.keys());
    let sent = store.requests().len();
    let no_key: [&[u8]; 4] = [b"a\nb", b"a\rb", b"\xff\xfe", b"a\xc3"];
    for name in no_key {
        let ended = upload_named(&store, OsStr::from_bytes(name)).expect_code(2);
        let says = |words| ended.stderr.contains(words);
        assert!(says("the key") || says("file name in UTF-8"), "{}", ended.stderr);
        expect_harmless(&ended);
    }
    assert_eq!(store.requests().len(), sent, "something was sent");
}

/// Uploads a file of that name, typed as such, to a prefix.
fn upload_named(store: &Scripted, name: &OsStr) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), "text").unwrap();
    let at_folder = ["env".into(), "-C".into(), folder.path().to_str().unwrap().to_owned()];
    let program = Curlift::under(&at_folder).store(&store.store).args(&["cp", "-vv", "--"]);
    program.arg(name).arg("s3://lab/folder/").run()
}

/// No name drives a terminal or begins a line of its own.
fn expect_harmless(ended: &Ended) {
    let told = format!("{}{}", ended.stdout, ended.stderr);
    let strange = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!told.contains(strange), "{told:?}");
}
