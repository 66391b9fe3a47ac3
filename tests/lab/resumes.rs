//! Uploads that were interrupted and are gone on with: what is sent again, what is refused, and
//! what becomes of the parts in the end.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::local_lab::{Lab, signal};
use super::support::{Curlift, Ended, wait_until, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB};

/// Six parts: five of 5 MiB and a shorter one.
const SIZE: usize = 27 * MIB;

/// A lab, a file, and a place for journals that outlives the runs.
struct Scene {
    lab: Lab,
    folder: TempDir,
    file: PathBuf,
    bytes: Vec<u8>,
}

impl Scene {
    fn new(faults: &[&str]) -> Scene {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, bytes) = write_file(folder.path(), "source.bin", SIZE);
        Scene { lab: Lab::start(faults), folder, file, bytes }
    }

    /// Where part 4 is denied twice, so that a run with one attempt in flight leaves three parts.
    fn interrupted() -> Scene {
        let scene = Scene::new(&["UploadPart #4 status 403 AccessDenied"]);
        let ended = scene.cp(&["-c", "1"]).run().expect_code(4);
        assert_eq!(scene.lab.unfinished(), 1);
        let summary = ended.summary();
        let id = summary["resume_id"].as_str().expect("it can be resumed");
        assert!(ended.stderr.contains(&format!("curlift resume {id}")), "{}", ended.stderr);
        assert!(ended.stderr.contains("3 of 6 parts (15.00 MiB) stay"), "{}", ended.stderr);
        scene
    }

    fn curlift(&self, arguments: &[&str]) -> Curlift {
        let state = self.folder.path().join("state");
        Curlift::new().store(&self.lab.store).env("XDG_STATE_HOME", state).args(arguments)
    }

    fn cp(&self, flags: &[&str]) -> Curlift {
        let program = self.curlift(&["cp", "--json"]).args(&super::IN_PARTS).args(flags);
        program.arg(&self.file).arg(DESTINATION)
    }

    fn journals(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("state/curlift");
        let entries = fs::read_dir(folder).into_iter().flatten();
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect()
    }

    /// That the object is the file, and nothing is left anywhere.
    fn expect_done(&self) {
        assert!(self.lab.store.get(BUCKET, KEY) == self.bytes, "the object is not the file");
        assert_eq!(self.lab.unfinished(), 0, "uploads left behind");
        assert_eq!(self.journals(), Vec::<PathBuf>::new(), "journals left behind");
    }

    fn rewrite(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.bytes);
        fs::write(&self.file, &self.bytes).expect("it can be written");
    }

    /// Waits until so many parts are stored.
    fn await_parts(&self, count: usize) {
        let stored = || (self.parts() >= count).then_some(());
        wait_until("parts are stored", stored);
    }

    /// Parts of the unfinished upload, as another client lists them.
    fn parts(&self) -> usize {
        let listing = self.lab.store.ask(&["--fail"], &format!("/{BUCKET}?uploads="));
        let listing = String::from_utf8(listing.expect("it can be listed")).expect("it is text");
        let id = listing.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once('<'));
        let Some((id, _)) = id else { return 0 };
        let parts = self.lab.store.ask(&["--fail"], &upload_path(id)).unwrap_or_default();
        String::from_utf8_lossy(&parts).matches("<PartNumber>").count()
    }

    /// Gives up an upload, as another client would.
    fn abort(&self, upload_id: &str) {
        let path = upload_path(upload_id);
        let done = self.lab.store.ask(&["--fail", "--request", "DELETE"], &path);
        done.expect("it can be aborted");
    }

    fn upload_id(&self) -> String {
        let listed = self.curlift(&["resume", "--list", "--json"]).run().expect_code(0);
        let line: Value = serde_json::from_str(listed.stdout.trim()).expect("one line of JSON");
        line["upload_id"].as_str().expect("it was created").to_owned()
    }
}

/// The path of an upload, its id encoded.
fn upload_path(id: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    format!("/{BUCKET}/{KEY}?uploadId={}", id.bytes().map(encode).collect::<String>())
}

fn expect_reused(ended: &Ended, parts: u64) {
    let summary = ended.summary();
    let reused = parts * 5 * MIB as u64;
    assert_eq!(summary["parts_reused"], parts, "{summary}");
    assert_eq!(summary["bytes_reused"], reused, "{summary}");
    assert_eq!(summary["parts"], 6, "{summary}");
    let sent = summary["bytes_sent"].as_u64().expect("a number");
    assert!(sent < SIZE as u64 - reused + 100_000, "{sent} bytes were sent: {summary}");
}

#[test]
fn the_same_line_goes_on_where_the_last_run_stopped() {
    let scene = Scene::interrupted();
    let ended = scene.cp(&[]).run().expect_code(0);
    expect_reused(&ended, 3);
    assert!(ended.stderr.contains("3 parts (15.00 MiB) are at the store already"));
    scene.expect_done();
}

#[test]
fn a_journal_is_gone_on_with_by_its_name() {
    let scene = Scene::interrupted();
    let listed = scene.curlift(&["resume", "--list"]).run().expect_code(0);
    assert!(listed.stdout.contains("15.00 MiB of 27.00 MiB stored (3 of 6 parts)"));
    let id = listed.stdout.split_whitespace().next().expect("it is named").to_owned();
    scene.curlift(&["resume", "zz"]).run().expect_code(9);
    let ended = scene.curlift(&["resume", &id[..3], "--json"]).run().expect_code(0);
    expect_reused(&ended, 3);
    scene.expect_done();
    scene.curlift(&["resume", &id]).run().expect_code(9);
    scene.curlift(&["resume", "--all"]).run().expect_code(0);
}

#[test]
fn ctrl_c_keeps_what_is_stored_and_all_of_it_is_gone_on_with() {
    let scene = Scene::new(&["UploadPart #3 slow 1MB"]);
    let running = scene.cp(&["-c", "1"]).start();
    scene.await_parts(2);
    signal(running.child.id(), "INT");
    let ended = running.end().expect_code(130);
    assert_eq!(ended.summary()["outcome"], "interrupted");
    assert!(ended.stderr.contains("go on with: curlift resume"), "{}", ended.stderr);
    assert_eq!(scene.lab.unfinished(), 1);
    let ended = scene.curlift(&["resume", "--all", "--json"]).run().expect_code(0);
    expect_reused(&ended, 2);
    scene.expect_done();
}

#[test]
fn on_failure_abort_leaves_nothing() {
    let scene = Scene::new(&["UploadPart #4 status 403 AccessDenied"]);
    let ended = scene.cp(&["-c", "1", "--on-failure", "abort"]).run().expect_code(4);
    assert_eq!(ended.summary()["resume_id"], Value::Null);
    assert_eq!((scene.lab.unfinished(), scene.journals().len()), (0, 0));
}

#[test]
fn a_file_of_another_size_is_refused_and_nothing_is_freed() {
    let mut scene = Scene::interrupted();
    scene.rewrite(|bytes| bytes.push(1));
    for arguments in [&["resume"][..], &["cp", "--json"]] {
        let ended = match arguments {
            ["resume"] => scene.curlift(arguments).run(),
            _ => scene.cp(&[]).run(),
        };
        let ended = ended.expect_code(5);
        assert!(ended.stderr.contains("it grew from 28311552 to 28311553 bytes"));
        assert!(ended.stderr.contains("--resume never"), "{}", ended.stderr);
    }
    assert_eq!((scene.lab.unfinished(), scene.journals().len()), (1, 1));
    scene.cp(&["--resume", "never"]).run().expect_code(0);
    scene.expect_done();
}

#[test]
fn a_file_that_was_only_touched_is_compared_and_gone_on_with() {
    let mut scene = Scene::interrupted();
    scene.rewrite(|_| {});
    let ended = scene.cp(&[]).run().expect_code(0);
    expect_reused(&ended, 3);
    scene.expect_done();
}

#[test]
fn a_file_whose_stored_bytes_changed_is_refused_with_the_part() {
    let mut scene = Scene::interrupted();
    scene.rewrite(|bytes| bytes[6 * MIB] ^= 1);
    let ended = scene.cp(&[]).run().expect_code(5);
    let said = "part 2 (5242880 bytes at byte 5242880) is not what was sent";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    assert_eq!((scene.lab.unfinished(), scene.journals().len()), (1, 1));
}

#[test]
fn bytes_that_changed_before_they_were_sent_are_sent_as_they_are() {
    let mut scene = Scene::interrupted();
    scene.rewrite(|bytes| bytes[20 * MIB] ^= 1);
    let ended = scene.cp(&[]).run().expect_code(0);
    expect_reused(&ended, 3);
    scene.expect_done();
}

#[test]
fn an_upload_that_is_gone_is_begun_anew() {
    let scene = Scene::interrupted();
    scene.abort(&scene.upload_id());
    let required = scene.cp(&["--resume", "require"]).run().expect_code(9);
    assert!(required.stderr.contains("NoSuchUpload"), "{}", required.stderr);
    let ended = scene.cp(&[]).run().expect_code(0);
    assert_eq!(ended.summary()["parts_reused"], 0);
    scene.expect_done();
}

#[test]
fn an_upload_whose_end_was_not_heard_of_is_recognised() {
    // The answer to the Complete is lost, and the object cannot be looked at.
    let scene = Scene::new(&[
        "CompleteMultipartUpload always lose-answer",
        "HeadObject #1 status 403 AccessDenied",
    ]);
    let ended = scene.cp(&["--retry", "1"]).run().expect_code(7);
    assert!(ended.stderr.contains("find out and go on with: curlift resume"), "{}", ended.stderr);
    let ended = scene.cp(&[]).run().expect_code(0);
    let summary = ended.summary();
    assert_eq!((&summary["bytes_sent"], &summary["parts_reused"]), (&0.into(), &6.into()));
    scene.expect_done();
}

#[test]
fn other_settings_than_those_it_was_created_with_are_refused() {
    let scene = Scene::interrupted();
    let ended = scene.cp(&["--storage-class", "STANDARD_IA"]).run().expect_code(2);
    for said in ["x-amz-storage-class: STANDARD_IA", "curlift resume", "--resume never"] {
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
    let ended = scene.cp(&["--storage-class", "STANDARD_IA", "--resume", "never"]).run();
    ended.expect_code(0);
    scene.expect_done();
}

#[test]
fn settings_come_back_from_the_journal() {
    let scene = Scene::new(&["UploadPart #4 status 403 AccessDenied"]);
    let flags = ["-c", "1", "--metadata", "owner=me", "--cache-control", "no-store"];
    scene.cp(&flags).run().expect_code(4);
    scene.curlift(&["resume"]).run().expect_code(0);
    let header = |name| scene.lab.store.header(BUCKET, KEY, name);
    assert_eq!(header("x-amz-meta-owner").as_deref(), Some("me"));
    assert_eq!(header("cache-control").as_deref(), Some("no-store"));
    scene.expect_done();
}

#[test]
fn an_upload_of_another_machine_is_adopted() {
    let scene = Scene::interrupted();
    let id = scene.upload_id();
    fs::remove_dir_all(scene.folder.path().join("state")).expect("the journal can be lost");
    let ended = scene.cp(&["--upload-id", &id]).run().expect_code(0);
    expect_reused(&ended, 3);
    scene.expect_done();
    scene.cp(&["--upload-id", &id]).run().expect_code(9);
}

#[test]
fn parts_of_another_file_are_not_adopted() {
    let mut scene = Scene::interrupted();
    let id = scene.upload_id();
    fs::remove_dir_all(scene.folder.path().join("state")).expect("the journal can be lost");
    scene.rewrite(|bytes| bytes.iter_mut().for_each(|byte| *byte ^= 1));
    let ended = scene.cp(&["--upload-id", &id]).run().expect_code(5);
    assert!(ended.stderr.contains("none of the 3 parts"), "{}", ended.stderr);
    assert_eq!(scene.lab.unfinished(), 1, "nothing is freed");
}

#[test]
fn where_no_journal_can_be_kept_the_upload_goes_on_and_says_so() {
    let scene = Scene::new(&[]);
    fs::write(scene.folder.path().join("state"), "in the way").expect("it can be written");
    let ended = scene.cp(&[]).run().expect_code(0);
    assert!(ended.stderr.contains("cannot be resumed"), "{}", ended.stderr);
    assert!(scene.lab.store.get(BUCKET, KEY) == scene.bytes);
}

#[test]
fn a_second_run_of_the_same_upload_is_refused() {
    let scene = Scene::new(&["UploadPart always slow 1MB"]);
    let running = scene.cp(&[]).start();
    scene.lab.await_upload();
    let ended = scene.cp(&[]).run().expect_code(8);
    assert!(ended.stderr.contains("in use by another process"), "{}", ended.stderr);
    signal(running.child.id(), "TERM");
    running.end().expect_code(143);
}

#[test]
fn a_journal_holds_no_secrets() {
    let scene = Scene::interrupted();
    let journals = scene.journals();
    let [journal] = journals.as_slice() else { panic!("{journals:?}") };
    let text = read(journal);
    assert!(text.contains(DESTINATION.trim_start_matches("s3://lab/")), "{text}");
    assert!(!text.contains(&scene.lab.store.secret_key), "{text}");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("it can be read")
}
