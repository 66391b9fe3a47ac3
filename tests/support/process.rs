//! Processes that a test starts and never waits for without end.

use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Waits for the end of a process; kills it, and fails, where it takes longer than `limit`.
pub(super) fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let ended = within(limit, || child.try_wait().expect("the process is ours"));
    ended.unwrap_or_else(|| {
        child.kill().expect("the process is ours");
        child.wait().expect("the process is ours");
        panic!("process {} did not end within {limit:?} and was killed", child.id())
    })
}

/// Asks until there is an answer; fails with `what` where none comes. A machine that builds and syncs
/// beside the tests may take its time.
pub(crate) fn wait_until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    const LIMIT: Duration = Duration::from_mins(2);
    within(LIMIT, ask).unwrap_or_else(|| panic!("after {LIMIT:?} still not: {what}"))
}

fn within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
}
