//! The process itself: killed, stopped, without streams, descriptors or memory.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use super::journals::{Case, FOUR_PARTS, expect_sane};
use super::local_lab::signal;
use super::support::wait_until;
use super::{MIB, at_once};

/// H1 | killed at random moments until it is done, again and again | `scripts/kill-test`: SIGKILL,
/// SIGTERM, SIGINT in turn | right bytes; nothing known to be stored is sent; nothing is left
#[test]
fn h1_killed_at_random_moments() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kill-test");
    let mut command = Command::new(script);
    command.args(["24", "--seed", "7", "--size", "48MiB"]);
    command.args(["--binary", env!("CARGO_BIN_EXE_curlift")]);
    let done = command.output().unwrap();
    let told = [done.stdout, done.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(done.status.success(), "{}", told.concat());
    assert!(told[0].contains("24  kills"), "{}", told.concat());
}

/// H2 | SIGINT, SIGTERM, with parts stored | sent while the third part is under way | stops, keeps
/// the upload, says how to go on; exit 130, 143
#[test]
fn h2_the_first_signal_stops_it() {
    at_once(&[("INT", 130), ("TERM", 143)], |&(name, code)| {
        let case = Case::new(FOUR_PARTS);
        let ended = case.run_until(3, &[]).signal(name).expect_code(code);
        let summary = ended.summary();
        assert_eq!(summary["outcome"], "interrupted", "{ended:?}");
        let id = summary["resume_id"].as_str().expect("it can be resumed").to_owned();
        assert!(ended.stderr.contains(&format!("curlift resume {id}")), "{ended:?}");
        assert_eq!(case.store.shelf().uploads.len(), 1, "kept");
        assert_eq!(case.recorded().unwrap().parts.len(), 2);
        expect_sane(&ended);
        let resume = case.program(&[]).args(&["resume", &id, "--json", "-c", "1"]);
        let ended = case.expect_resumed_by(resume);
        assert_eq!(ended.summary()["parts_reused"], 2, "{ended:?}");
        assert_eq!(ended.summary()["bytes_reused"], 10 * MIB, "{ended:?}");
    });
}

/// H2 | a signal before any part is stored, or with `--on-failure abort` | sent while a part is
/// under way | stops, aborts the upload, leaves nothing
#[test]
fn h2_nothing_worth_keeping() {
    at_once(&[(1, &[][..]), (3, &["--on-failure", "abort"])], |&(part, args)| {
        let case = Case::new(FOUR_PARTS);
        let ended = case.run_until(part, args).signal("INT").expect_code(130);
        assert!(case.store.shelf().uploads.is_empty(), "{ended:?}");
        assert!(case.journals().is_empty(), "{ended:?}");
        assert!(ended.summary()["resume_id"].is_null(), "{ended:?}");
        case.expect_resumed();
    });
}

/// H2 | a second signal | while the abort that the first one asked for is held | ends at once
#[test]
fn h2_the_second_signal_ends_it() {
    let case = Case::with_script(FOUR_PARTS, |turn| {
        if turn.operation == "AbortMultipartUpload" {
            turn.stay_silent();
        }
    });
    let waiting = case.run_until(3, &["--on-failure", "abort"]);
    signal(waiting.process, "INT");
    let asked = || (case.store.count("AbortMultipartUpload") > 0).then_some(());
    wait_until("the abort is asked for", asked);
    let began = Instant::now();
    let ended = waiting.signal("INT");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(ended.code, None, "ended as the signal does: {ended:?}");
    case.expect_resumed();
}

/// H3 | standard output or error is closed early | a pipe whose reader has gone | the upload goes
/// on; where results are lost the exit code tells
#[test]
fn h3_nobody_reads() {
    let rows = [
        ("(\"$0\" \"$@\"; echo $? >\"$TOLD\") | head -c 1", &["-v"][..], "01"),
        ("(\"$0\" \"$@\" 2>&1 >/dev/null; echo $? >\"$TOLD\") | head -c 1", &["-vv"], "01"),
        ("\"$0\" \"$@\" >&-; echo $? >\"$TOLD\"", &[], "01"),
        ("\"$0\" \"$@\" 2>&-; echo $? >\"$TOLD\"", &["-vv"], "0"),
    ];
    at_once(&rows, |(script, args, codes)| {
        let case = Case::new(FOUR_PARTS);
        let told = tempfile::NamedTempFile::new().unwrap();
        let program = case.cp(&["sh", "-c", script], args).env("TOLD", told.path());
        let ended = program.run();
        case.expect_stored(&ended);
        let code = fs::read_to_string(told.path()).unwrap();
        assert!(codes.contains(code.trim()) && !code.is_empty(), "{script}: {code:?} {ended:?}");
    });
}

/// H4 | SIGHUP | sent; the terminal of the program is closed | as SIGTERM: kept, exit 143
#[test]
fn h4_the_terminal_is_gone() {
    let case = Case::new(FOUR_PARTS);
    // These tests may have been started by `nohup`, which is respected.
    let heard = ["env", "--default-signal=HUP"];
    let waiting = case.run_under_until(3, case.cp(&heard, &[]));
    let ended = waiting.signal("HUP").expect_code(143);
    assert_eq!(ended.summary()["outcome"], "interrupted", "{ended:?}");
    case.expect_resumed();
    case.forget();
    // A terminal of its own, whose other end is killed.
    let script = "exec env --default-signal=HUP script --quiet --return --command \"$(printf '%q ' \"$0\" \"$@\")\" /dev/null";
    let waiting = case.run_under_until(3, case.cp(&["bash", "-c", script], &[]));
    waiting.signal("KILL");
    let journal = case.journal();
    let gone = || {
        let locked = Command::new("flock").args(["--nonblock"]).arg(&journal).arg("true").status();
        locked.unwrap().success().then_some(())
    };
    wait_until("it has ended", gone);
    assert_eq!(case.recorded().unwrap().parts.len(), 2);
    case.expect_resumed();
}

/// H5 | descriptors 0, 1 and 2 are closed at the start | a shell | no file, socket or journal gets
/// their numbers
#[test]
fn h5_no_standard_streams() {
    let case = Case::new(FOUR_PARTS);
    let script = "exec \"$0\" \"$@\" 0<&- 1>&- 2>&-";
    let waiting = case.run_under_until(3, case.cp(&["sh", "-c", script], &["-vv"]));
    let leads_to =
        |number: u32| fs::read_link(format!("/proc/{}/fd/{number}", waiting.process)).unwrap();
    for number in 0..=2 {
        assert_eq!(leads_to(number), Path::new("/dev/null"), "{number}");
    }
    waiting.signal("KILL");
    case.expect_resumed();
    let ended = case.cp(&["sh", "-c", script], &["-vv"]).run();
    case.expect_stored(&ended);
}

/// H6 | few descriptors for many parts | `ulimit -n`, with a bound on CPU time | uploaded, or told
/// before anything is sent; it does not spin
#[test]
fn h6_few_descriptors() {
    let limits: Vec<u32> = (6..=20).step_by(2).chain([24, 32]).collect();
    at_once(&limits, |limit| {
        let case = Case::new(FOUR_PARTS);
        let limit = format!("--nofile={limit}");
        let ended = case.cp(&["prlimit", &limit, "--cpu=20"], &["-c", "16"]).run();
        expect_sane(&ended);
        if ended.code == Some(0) {
            case.expect_stored(&ended);
        } else {
            assert!(ended.stderr.contains("error: "), "{limit}: {ended:?}");
            assert!(case.store.requests().is_empty(), "{limit}: {ended:?}");
        }
    });
}

/// H7 | little memory | `ulimit -v`; what it needed is asked of the kernel | the same for any size
/// of parts; where it is too little, ended with a word, and gone on with
#[test]
fn h7_little_memory() {
    let peak = |case: &Case, args: &[&str]| {
        let waiting = case.run_until(3, args);
        let status = fs::read_to_string(format!("/proc/{}/status", waiting.process)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        waiting.signal("KILL");
        case.expect_resumed();
        kib / 1024
    };
    let case = Case::new(8 * 5 * MIB);
    let found = peak(&case, &["-c", "8"]);
    assert!(found < 64, "{found} MiB");
    for mebibytes in [32, 48, 64, 96, 128, 192, 256] {
        let limit = format!("--as={}", mebibytes << 20);
        let case = Case::new(FOUR_PARTS);
        let ended = case.cp(&["prlimit", &limit], &["-c", "4"]).run();
        assert!(!ended.stderr.contains("panicked"), "{mebibytes} MiB: {ended:?}");
        if ended.code == Some(0) {
            case.expect_stored(&ended);
        } else {
            assert!(!ended.stderr.trim().is_empty(), "{mebibytes} MiB: {ended:?}");
            case.expect_uploaded_anew();
        }
    }
}

/// H11 | no HOME, a working directory that was deleted, another language | `env -i`, a shell |
/// uploaded; without a place for a journal that is said
#[test]
fn h11_a_bare_environment() {
    let case = Case::new(FOUR_PARTS);
    let gone = "cd \"$(mktemp -d)\" && rmdir \"$PWD\" && exec \"$0\" \"$@\"";
    let ended = case.cp(&["sh", "-c", gone], &[]).env("LANG", "tr_TR.UTF-8").run();
    case.expect_stored(&ended);
    let script = "unset HOME XDG_STATE_HOME TMPDIR; exec \"$0\" \"$@\"";
    let ended = case.cp(&["sh", "-c", script], &[]).env("LC_ALL", "C").run();
    case.expect_stored(&ended);
    assert!(ended.stderr.contains("cannot be resumed"), "{ended:?}");
}
