//! Every system call that an upload makes with its sockets and its file fails in turn: the first
//! of its kind, the second, and so on until a run ends before that call comes. However a run ends,
//! it ends by itself, tells the truth, and leaves nothing behind that it does not name.

use std::any::Any;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::oracle::Upload;
use super::scripted::Scripted;
use super::{TWO_PARTS, at_once};

/// The calls, the errors each may meet, and how many of its kind are tried at most. An error with
/// a plus stays: all later calls meet it, too.
const CALLS: &[(&str, &[&str], usize)] = &[
    ("socket", &["EMFILE", "EMFILE+", "ENOBUFS"], 10),
    ("connect", &["ECONNREFUSED", "ENETUNREACH", "EACCES", "EINTR"], 10),
    ("setsockopt,getsockopt", &["ENOBUFS"], 30),
    ("getsockname,ioctl", &["ENOBUFS"], 20),
    ("sendto", &["ECONNRESET", "EPIPE", "ENOBUFS", "EINTR"], 16),
    ("recvfrom", &["ECONNRESET", "EINTR", "ENOMEM"], 16),
    ("poll", &["EINTR", "ENOMEM"], 16),
    ("pread64", &["EIO", "EINTR"], 16),
    ("statx", &["EIO"], 16),
    ("openat", &["EMFILE"], 16),
    ("clone3", &["EAGAIN", "EAGAIN+"], 5),
];

/// signal-hook panics where its own pair of sockets fails, which that never does.
const SIGNALS: &str = "thread 'signals'";

/// How a run under `strace` went.
struct Run {
    /// Whether the call came.
    was_hit: bool,
    /// What broke the rules, where anything did.
    broken: Option<String>,
}

#[test]
fn every_call_fails_in_turn() {
    let found = Command::new("strace").arg("-V").output().is_ok();
    assert!(found, "strace is missing; type: sudo apt-get install strace");
    let cases: Vec<_> = CALLS
        .iter()
        .flat_map(|(calls, errors, most)| errors.iter().map(|error| (*calls, *error, *most)))
        .collect();
    let next = std::sync::Mutex::new(cases.into_iter());
    let broken = std::sync::Mutex::new(Vec::new());
    // Runs cost CPU, not time: no more at once than are of use.
    at_once(&[(); 4], |()| {
        loop {
            let Some((calls, error, most)) = next.lock().unwrap().next() else { return };
            for nth in 1..=most {
                let run = run(calls, error, nth);
                let what = |words| format!("{calls} {error} #{nth}: {words}");
                broken.lock().unwrap().extend(run.broken.map(what));
                if !run.was_hit {
                    break;
                }
            }
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{} runs:\n{}", broken.len(), broken.join("\n\n"));
}

/// From none that is left to enough.
#[test]
fn few_descriptors() {
    let limits: Vec<usize> = (4..=16).collect();
    at_once(&limits, |limit| {
        let store = Scripted::start(|_| {});
        let limit = format!("--nofile={limit}");
        let upload = Upload::new(&store, TWO_PARTS).under(&["prlimit", &limit]);
        let trial = upload.args(&["--retry", "3"]).may_fail_early().run();
        assert!(store.requests().is_empty() || trial.ended.code == Some(0), "{}", trial.told());
    });
}

/// Uploads while the `nth` of these calls of each thread fails.
fn run(calls: &str, error: &str, nth: usize) -> Run {
    let store = Scripted::start(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let (error, stays) = error.split_once('+').map_or((error, ""), |(error, _)| (error, "+"));
    let inject = format!("inject={calls}:error={error}:when={nth}{stays}");
    let path = log.display().to_string();
    let words =
        ["strace", "-f", "-qq", "-o", &path, "-e", &format!("trace={calls}"), "-e", &inject];
    let upload = Upload::new(&store, TWO_PARTS).under(&words).may_fail_early();
    let upload = upload.within(30).at_most(60, 6.0);
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| upload.run()));
    let words = |panic: Box<dyn Any + Send>| match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(_) => "see above".to_owned(),
    };
    let broken = judged.err().map(words).filter(|words| !words.contains(SIGNALS));
    Run { was_hit: was_injected(&log), broken }
}

fn was_injected(log: &Path) -> bool {
    fs::read_to_string(log).unwrap_or_default().contains("(INJECTED)")
}
