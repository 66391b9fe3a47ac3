//! A run that the user stops: it gives back what the store holds for it, and says so.

use super::local_lab::{Lab, signal};
use super::support::{Curlift, write_file};
use super::{BUCKET, DESTINATION, IN_PARTS, KEY, SIZE};

/// Stops an upload under way by a signal.
fn stop(name: &str, code: i32) {
    let lab = Lab::start(&["UploadPart always slow 1MB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let running = lab.cp().arg(file).arg(DESTINATION).start();
    lab.await_upload();
    signal(running.child.id(), name);
    let ended = running.end().expect_code(code);
    assert_eq!(ended.summary()["outcome"], "interrupted", "{}", ended.stdout);
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    assert!(!lab.store.has(BUCKET, KEY));
    assert_eq!(lab.stop().count("AbortMultipartUpload"), 1);
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    stop("INT", 130);
}

#[test]
fn sigterm_leaves_nothing_behind() {
    stop("TERM", 143);
}

#[test]
fn nohup_is_respected() {
    let lab = Lab::start(&["UploadPart always slow 4MB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    // As `nohup` starts it, without its redirections.
    let under = ["env", "--ignore-signal=HUP"].map(str::to_owned);
    let program = Curlift::under(&under).store(&lab.store).args(&["cp", "--json"]).args(&IN_PARTS);
    let running = program.arg(file).arg(DESTINATION).start();
    lab.await_upload();
    signal(running.child.id(), "HUP");
    let ended = running.end().expect_code(0);
    assert_eq!(ended.summary()["outcome"], "uploaded", "{}", ended.stdout);
}
