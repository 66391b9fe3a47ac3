//! Every system call that an upload makes with its sockets and its file fails in turn: the first
//! of its kind, the second, and so on until a run ends before that call comes. However a run ends,
//! it ends by itself, tells the truth, and leaves nothing behind that it does not name.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::oracle::Upload;
use super::scripted::Scripted;
use super::{TWO_PARTS, at_once};

/// The calls, the errors each may meet, and how many of its kind are tried at most.
const CALLS: &[(&str, &[&str], usize)] = &[
    ("socket", &["EMFILE", "ENOBUFS"], 10),
    ("socketpair,pipe2", &["EMFILE"], 10),
    ("connect", &["ECONNREFUSED", "ENETUNREACH", "EACCES", "EINTR"], 10),
    ("setsockopt,getsockopt", &["ENOBUFS", "EINVAL"], 30),
    ("getsockname,fcntl,ioctl", &["EBADF"], 30),
    ("sendto", &["ECONNRESET", "EPIPE", "ENOBUFS", "EINTR"], 30),
    ("recvfrom", &["ECONNRESET", "EINTR", "ENOMEM"], 30),
    ("poll", &["EINTR", "ENOMEM"], 20),
    ("pread64", &["EIO", "EINTR"], 30),
    ("statx,newfstatat,lseek", &["EIO", "ENOMEM"], 30),
    ("openat", &["EMFILE", "EIO"], 20),
    ("clone3", &["EAGAIN"], 5),
    ("mmap", &["ENOMEM"], 60),
];

/// How a run under `strace` went.
struct Run {
    /// Whether the call came.
    was_hit: bool,
    /// What broke the rules, where anything did.
    broken: Option<String>,
}

/// N1 | each system call fails in turn | strace, the n-th call of each kind | uploaded, or an error in words; nothing unnamed left
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

/// Uploads while the `nth` of these calls of each thread fails.
fn run(calls: &str, error: &str, nth: usize) -> Run {
    let store = Scripted::start(|_| {});
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls");
    let inject = format!("inject={calls}:error={error}:when={nth}");
    let path = log.display().to_string();
    let words = ["strace", "-f", "-qq", "-o", &path, "-e", &format!("trace={calls}"), "-e", &inject];
    let upload = Upload::new(&store, TWO_PARTS).under(&words).within(30).at_most(40, 4.0);
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| upload.run()));
    let broken = judged.err().map(|panic| match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(_) => "see above".to_owned(),
    });
    Run { was_hit: was_injected(&log), broken }
}

fn was_injected(log: &Path) -> bool {
    fs::read_to_string(log).unwrap_or_default().contains("(INJECTED)")
}
