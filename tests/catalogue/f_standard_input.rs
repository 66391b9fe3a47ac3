//! Standard input and what may become of the program that writes it.

use std::process::{Child, Command, Stdio};

use super::local_lab::Lab;
use super::support::Ended;
use super::{BUCKET, DESTINATION, KEY, MIB};

/// What the writer has written when it is killed, or goes on.
const WRITTEN: usize = 12 * MIB;

/// A shell that writes so much, then does `what`.
fn writer(what: &str) -> Child {
    let line = format!("head -c {WRITTEN} /dev/zero; {what}");
    let mut command = Command::new("sh");
    command.args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().expect("there is a shell")
}

/// Uploads what the writer writes; `act` is done to it once that is under way.
fn upload(lab: &Lab, mut writer: Child, flags: &[&str], act: fn(&mut Child)) -> Ended {
    let stdout = writer.stdout.take().expect("it was piped");
    let program = lab.cp().args(&["-", DESTINATION]).args(flags);
    let running = program.start_reading(stdout);
    lab.await_upload();
    act(&mut writer);
    let ended = running.end();
    writer.kill().and_then(|()| writer.wait()).expect("it is ours");
    ended
}

fn kill(writer: &mut Child) {
    writer.kill().expect("it is ours");
}

/// F10 | its writer is killed, its length having been told | `kill -9` of a shell | stopped,
/// aborted, code 5
#[test]
fn f10_the_writer_is_killed_too_early() {
    let lab = Lab::start(&[]);
    let ended = upload(&lab, writer("exec sleep 60"), &["--expected-size", "20MiB"], kill);
    let ended = ended.expect_code(5);
    assert_eq!(ended.summary()["outcome"], "failed", "{}", ended.stdout);
    assert!(ended.stderr.contains("pipefail"), "{}", ended.stderr);
    assert!(!lab.store.has(BUCKET, KEY));
    assert_eq!(lab.unfinished(), 0);
}

/// F10 | its writer is killed, and nobody told its length | `kill -9` of a shell | what was
/// written is stored: a pipe does not tell why it ended
#[test]
fn f10_the_writer_is_killed_and_nobody_knows() {
    let lab = Lab::start(&[]);
    let ended = upload(&lab, writer("exec sleep 60"), &[], kill).expect_code(0);
    assert_eq!(ended.summary()["bytes"], WRITTEN, "{}", ended.stdout);
    assert_eq!(lab.store.get(BUCKET, KEY).len(), WRITTEN);
}

/// F10 | it pauses for half a minute | a shell that sleeps, connections closed when idle |
/// uploaded, no stalls
#[test]
fn f10_the_writer_pauses() {
    let lab = Lab::start(&["* always idle-close 2s"]);
    let more = format!("sleep 35; head -c {WRITTEN} /dev/zero");
    let ended = upload(&lab, writer(&more), &[], |writer| {
        writer.wait().expect("it is ours");
    });
    let ended = ended.expect_code(0);
    assert_eq!(lab.store.get(BUCKET, KEY).len(), 2 * WRITTEN);
    assert!(ended.retries().iter().all(|(cause, _)| cause == "reset"), "{}", ended.stdout);
}
