//! The journal's disk is full, read-only or failing, and the program is killed at every call that
//! it makes with it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::at_once;
use super::journals::{Case, FOUR_PARTS, expect_sane};
use super::support::Ended;

/// More calls of one kind than any run makes with its journal.
const CALLS_MAX: usize = 300;

/// The calls that a run makes with its journal and their folder. `strace` counts each by itself.
const TOUCHING: [&str; 9] = [
    "mkdir",
    "openat",
    "statx,fstat,newfstatat,stat,lstat",
    "flock",
    "read,lseek,ftruncate",
    "write",
    "fdatasync,fsync",
    "unlink,unlinkat",
    "close,fcntl",
];

/// `strace` with a fault for the `nth` of these calls that touches `journal` or its folder.
fn injecting(journal: &Path, log: &Path, calls: &str, fault: &str, nth: &str) -> Vec<String> {
    let words = ["strace", "-f", "-qq", "-o", &log.display().to_string()].map(str::to_owned);
    let paths = [journal, journal.parent().unwrap()].map(|path| path.display().to_string());
    let paths = paths.into_iter().flat_map(|path| ["-P".to_owned(), path]);
    let inject = format!("inject={calls}:{fault}:when={nth}");
    let rest = ["-e".to_owned(), format!("trace={calls}"), "-e".to_owned(), inject];
    words.into_iter().chain(paths).chain(rest).collect()
}

/// `cp` of the case under that; and whether the call came.
fn meet(case: &Case, journal: &Path, calls: &str, fault: &str, nth: usize) -> (Ended, bool) {
    let log = tempfile::NamedTempFile::new().unwrap();
    let words = injecting(journal, log.path(), calls, fault, &nth.to_string());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let ended = case.cp(&words, &[]).run();
    let log = fs::read_to_string(log.path()).unwrap();
    let was_hit = log.contains("(INJECTED)") || log.contains("killed by SIGKILL");
    (ended, was_hit)
}

/// Has each call of a kind meet the fault in turn, until a run ends before that call comes. Gives
/// how many came.
fn sweep(play: impl Fn(usize) -> bool) -> usize {
    let hits = (1..=CALLS_MAX).take_while(|nth| play(*nth)).count();
    assert!(hits < CALLS_MAX, "still hit after {CALLS_MAX} calls");
    hits
}

/// What went well although the journal did not: the object is there, and nothing is open.
fn expect_uploaded(case: &Case, ended: Ended, what: &str) -> Ended {
    let ended = ended.expect_code(0);
    assert_eq!(ended.summary()["outcome"], "uploaded", "{what}: {ended:?}");
    let shelf = case.store.shelf();
    assert!(shelf.uploads.is_empty(), "{what}: left open; {ended:?}");
    assert!(shelf.objects[super::KEY].bytes == case.content, "{what}: {ended:?}");
    expect_sane(&ended);
    ended
}

/// G1 | no space for the journal, at every write, for once and for good | strace: ENOSPC, EDQUOT |
/// the upload goes on with a warning; what is left of the journal is true
#[test]
fn g1_no_space_for_the_journal() {
    at_once(&["ENOSPC", "EDQUOT"], |error| {
        let case = Case::new(FOUR_PARTS);
        let journal = case.journal_path();
        let fault = format!("error={error}");
        let hits = sweep(|nth| {
            let what = format!("{error} at write {nth}");
            let (ended, was_hit) = meet(&case, &journal, "write", &fault, nth);
            let ended = expect_uploaded(&case, ended, &what);
            let warned = ended.stderr.contains("warning: ") && ended.stderr.contains("journal");
            assert_eq!(warned, was_hit, "{what}: {ended:?}");
            case.expect_stored(&ended);
            case.expect_resumed();
            case.forget();
            was_hit
        });
        assert!(hits >= 5, "{hits} writes");
    });
}

/// G1 | no space from one write on, and then killed | strace: ENOSPC; SIGKILL | what the journal
/// says is true, and it is gone on with
#[test]
fn g1_no_space_and_then_killed() {
    let case = Case::new(FOUR_PARTS);
    let journal = case.journal_path();
    for nth in 1..=5 {
        let log = tempfile::NamedTempFile::new().unwrap();
        let words = injecting(&journal, log.path(), "write", "error=ENOSPC", &format!("{nth}+"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let waiting = case.run_under_until(3, case.cp(&words, &[]));
        waiting.signal_child("KILL");
        case.expect_uploaded_anew();
        case.forget();
    }
}

/// G1 | the journal must not grow: a line is cut in the middle | `ulimit -f`; then SIGKILL | the
/// upload goes on with a warning; what is left are whole lines
#[test]
fn g1_a_limit_of_size() {
    let limits: Vec<u32> = (0..=900).step_by(75).collect();
    at_once(&limits, |limit| {
        let limit = format!("--fsize={limit}");
        let under = ["prlimit", &limit];
        let case = Case::new(FOUR_PARTS);
        let ended = expect_uploaded(&case, case.cp(&under, &[]).run(), &limit);
        assert!(ended.stderr.contains("File too large"), "{limit}: {ended:?}");
        case.expect_stored(&ended);
        case.forget();
        case.run_under_until(4, case.cp(&under, &[])).signal("KILL");
        for journal in case.journals() {
            let bytes = fs::read(&journal).unwrap();
            assert!(bytes.last().is_none_or(|byte| *byte == b'\n'), "{limit}: half a line");
        }
        let known = case.journals().first().and_then(|_| case.recorded());
        if known.is_some_and(|known| known.upload_id.is_some()) {
            case.expect_resumed();
        } else {
            case.expect_uploaded_anew();
        }
    });
}

/// G2 | no place for the journal: read-only, forbidden, no folder, a file in its place | chmod,
/// `XDG_STATE_HOME` | told before the first part; the upload goes on
#[test]
fn g2_no_place_for_the_journal() {
    let case = Case::new(FOUR_PARTS);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"").unwrap();
    let in_place = folder.path().join("taken");
    fs::create_dir(&in_place).unwrap();
    fs::write(in_place.join("curlift"), b"").unwrap();
    let places = [Path::new("/proc/nowhere"), Path::new("/dev/null"), &file, &in_place];
    for place in places {
        let run = case.cp(&[], &["-v"]).env("XDG_STATE_HOME", place);
        let ended = expect_uploaded(&case, run.run(), &place.display().to_string());
        assert!(ended.stderr.contains("cannot be resumed"), "{ended:?}");
        assert!(ended.stderr.contains(&place.display().to_string()), "{ended:?}");
    }
    for error in ["EROFS", "EACCES", "EPERM", "EMFILE", "EIO"] {
        let journal = case.journal_path();
        fs::create_dir_all(journal.parent().unwrap()).unwrap();
        let (ended, was_hit) = meet(&case, &journal, "openat", &format!("error={error}"), 1);
        assert!(was_hit, "{error}: {ended:?}");
        let ended = expect_uploaded(&case, ended, error);
        assert!(ended.stderr.contains("cannot be resumed"), "{error}: {ended:?}");
    }
    let nowhere = case.program(&["env", "-u", "HOME", "-u", "XDG_STATE_HOME"]);
    let nowhere = nowhere.args(&["cp", "--json", "--part-size", "5MiB"]);
    let ended = nowhere.arg(&case.source).arg(super::DESTINATION).run();
    expect_uploaded(&case, ended, "without HOME");
}

/// G2 | a read-only folder | mount of a tmpfs, in a namespace of its own | told in words; the
/// upload goes on
#[test]
fn g2_a_read_only_file_system() {
    let case = Case::new(FOUR_PARTS);
    let script = "mount -t tmpfs -o ro none \"$XDG_STATE_HOME\" && exec \"$0\" \"$@\"";
    let under = ["unshare", "--map-root-user", "--mount", "sh", "-c", script];
    fs::create_dir_all(case.state().parent().unwrap()).unwrap();
    let ended = expect_uploaded(&case, case.cp(&under, &[]).run(), "read-only");
    assert!(ended.stderr.contains("Read-only file system"), "{ended:?}");
}

/// G1 | no space for the journal, and part of a line fits | a tmpfs of one page in a namespace of
/// its own | the upload goes on with a warning; nothing half is left
#[test]
fn g1_a_line_that_half_fits() {
    let script = "mount -t tmpfs -o size=4k none \"$XDG_STATE_HOME\" && \"$0\" \"$@\" && \
                  find \"$XDG_STATE_HOME/curlift\" -name '*.journal' -size +0c >&2 && \
                  echo looked >&2";
    let under = ["unshare", "--map-root-user", "--mount", "sh", "-c", script];
    // A long header makes the first line so long that this one, or one of the next, is cut.
    at_once(&[2_950, 3_050, 3_150, 3_250, 3_350, 4_000], |length: &usize| {
        let case = Case::new(FOUR_PARTS);
        fs::create_dir_all(case.state().parent().unwrap()).unwrap();
        let name = format!("attachment; filename={}", "x".repeat(*length));
        let run = case.cp(&under, &["--content-disposition", &name]);
        let ended = expect_uploaded(&case, run.run(), &length.to_string());
        assert!(ended.stderr.contains("No space left on device"), "{length}: {ended:?}");
        assert!(ended.stderr.contains("looked"), "{length}: {ended:?}");
        assert!(!ended.stderr.contains(".journal\n"), "{length}: the journal is left: {ended:?}");
    });
}

/// G3 | the disk fails at a write, a sync, the removal | strace: EIO at each | no sync is tried
/// again; the journal is given up and the upload goes on
#[test]
fn g3_the_disk_fails() {
    let calls = ["write", "fdatasync", "fsync", "ftruncate", "flock", "unlink,unlinkat", "openat"];
    at_once(&calls, |calls| {
        let case = Case::new(FOUR_PARTS);
        let journal = case.journal_path();
        let hits = sweep(|nth| {
            let what = format!("EIO at {calls} {nth}");
            let (ended, was_hit) = meet(&case, &journal, calls, "error=EIO", nth);
            let ended = expect_uploaded(&case, ended, &what);
            // An empty one says nothing, and is where one is created first.
            let is_empty = |path: &PathBuf| fs::metadata(path).unwrap().len() == 0;
            let is_left = !case.journals().iter().all(is_empty);
            assert!(!is_left || calls.starts_with("unlink"), "{what}: {ended:?}");
            case.expect_resumed();
            case.forget();
            was_hit
        });
        assert!(hits >= 1 || *calls == "ftruncate", "no {calls} came");
    });
}

/// G3 | a sync that failed | strace: EIO, every call is told | none follows it
#[test]
fn g3_a_failed_sync_is_the_last() {
    let case = Case::new(FOUR_PARTS);
    let journal = case.journal_path();
    for nth in 1..=2 {
        let log = tempfile::NamedTempFile::new().unwrap();
        let nth = nth.to_string();
        let words = injecting(&journal, log.path(), "fdatasync", "error=EIO", &nth);
        let mut words: Vec<String> = words;
        let trace = words.iter().position(|word| word == "trace=fdatasync").unwrap();
        words[trace] = "trace=write,fdatasync".to_owned();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        expect_uploaded(&case, case.cp(&words, &[]).run(), "a failed sync");
        let log = fs::read_to_string(log.path()).unwrap();
        let after = log.split_once("(INJECTED)").expect("it was hit").1;
        assert!(!after.contains("fdatasync") && !after.contains("write"), "{log}");
        case.forget();
    }
}

/// G4 | killed at every call with the journal, from the first to its removal | strace: SIGKILL at
/// each | the next run gives the right object, and sends nothing that the store has
#[test]
fn g4_killed_at_every_call() {
    at_once(&TOUCHING, |calls| {
        let case = Case::new(FOUR_PARTS);
        let journal = case.journal_path();
        let hits = sweep(|nth| {
            let (ended, was_hit) = meet(&case, &journal, calls, "signal=SIGKILL", nth);
            assert_eq!(was_hit, ended.code != Some(0), "{calls} {nth}: {ended:?}");
            println!("{calls} {nth}");
            case.expect_resumed();
            case.forget();
            was_hit
        });
        assert!(hits >= 1, "no {calls} came");
    });
}

/// G4 | killed at every call of a run that resumes | strace: SIGKILL at each | the run after that
/// gives the right object, and sends nothing that the store has
#[test]
fn g4_killed_at_every_call_of_a_resume() {
    let hits = AtomicUsize::new(0);
    at_once(&TOUCHING, |calls| {
        let case = Case::killed_at(FOUR_PARTS, 3);
        let before = case.snapshot();
        // A torn tail, so that something has to be cut off.
        let torn = [&before.bytes[..], b"0123456789abcdef {\"at\""].concat();
        let swept = sweep(|nth| {
            case.write_journal(&before.journal, &torn);
            let (ended, was_hit) = meet(&case, &before.journal, calls, "signal=SIGKILL", nth);
            assert_eq!(was_hit, ended.code != Some(0), "{calls} {nth}: {ended:?}");
            println!("{calls} {nth}");
            case.expect_resumed();
            case.restore(&before);
            was_hit
        });
        hits.fetch_add(swept, Ordering::SeqCst);
    });
    assert!(hits.into_inner() >= 20, "few calls came");
}

/// `TOUCHING` has every call that a run makes with its journal.
#[test]
fn every_call_with_the_journal_is_killed_at() {
    let case = Case::new(FOUR_PARTS);
    let journal = case.journal_path();
    let log = tempfile::NamedTempFile::new().unwrap();
    let words = injecting(&journal, log.path(), "all", "delay_exit=0", "1");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    case.cp(&words, &[]).run().expect_code(0);
    let log = fs::read_to_string(log.path()).unwrap();
    let calls = log.lines().filter(|line| !line.contains("resumed>"));
    let calls = calls.filter_map(|line| line.split_whitespace().nth(1)?.split_once('('));
    let known: Vec<&str> = TOUCHING.iter().flat_map(|calls| calls.split(',')).collect();
    let found: BTreeSet<&str> = calls.map(|(call, _)| call).collect();
    assert!(found.len() >= 8, "{found:?}");
    let unknown: Vec<_> = found.iter().filter(|call| !known.contains(call)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// G12 | log, results or messages go to a full disk | `/dev/full` | the upload is unharmed; the
/// exit code tells where results were lost
#[test]
fn g12_full_disks_for_what_is_told() {
    let run = |script: &str, args: &[&str]| -> (Case, Ended) {
        let case = Case::new(FOUR_PARTS);
        let ended = case.cp(&["sh", "-c", script], args).run();
        case.expect_stored(&ended);
        (case, ended)
    };
    let (_, ended) = run("exec \"$0\" \"$@\" >/dev/full", &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (_, ended) = run("exec \"$0\" \"$@\" 2>/dev/full", &["-vv", "--progress", "always"]);
    assert_eq!(ended.expect_code(0).summary()["outcome"], "uploaded");
    let (_, ended) = run("exec \"$0\" \"$@\"", &["--log-file", "/dev/full", "-vv"]);
    assert_eq!(ended.expect_code(0).summary()["outcome"], "uploaded");
}

/// A fault comes at the call that is meant, and only there.
#[test]
fn faults_are_met_where_they_are_meant() {
    let case = Case::new(FOUR_PARTS);
    let journal = case.journal_path();
    assert!(meet(&case, &journal, "write", "error=ENOSPC", 1).1);
    assert!(!meet(&case, &journal, "write", "error=ENOSPC", CALLS_MAX).1);
    case.run_until(3, &[]).signal("KILL");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&case.state()), mode(&case.journal())), (0o700, 0o600));
}
