//! `cp - --spool DIR`: what becomes of the file that standard input waits in.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::local_lab::{Lab, signal};
use super::stdin::{PART, all, expect_nothing_stored, expect_stored, pipe};
use super::support::{Curlift, bytes, expect_same, wait_until};
use super::{DESTINATION, MIB};

/// Whether a process has a thread of that name.
fn has_thread(process: u32, name: &str) -> bool {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let named = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("comm"));
    threads.filter_map(|thread| named(thread).ok()).any(|found| found.trim() == name)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("it can be read").file_name();
    entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect()
}

#[test]
fn a_spool_goes_when_the_object_is_stored() {
    let lab = Lab::start(&["UploadPart every 2 reset after 1MiB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let content = bytes(4 * PART, 14);
    let program = lab.cp().args(&["-", DESTINATION, "--spool"]).arg(folder.path());
    expect_stored(&lab, pipe(program, all(content.clone())), &content);
    assert_eq!(names(folder.path()), [] as [&str; 0]);
}

/// The store gives up while the producer still writes: all of it is kept, and can be sent.
#[test]
fn a_spool_is_written_to_its_end_and_kept_where_the_store_gives_up() {
    let lab = Lab::start(&["UploadPart first 1 status 500 InternalError"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let content = bytes(4 * PART + 1, 15);
    let pieces = content.clone();
    let program = lab.cp().args(&["-", DESTINATION, "--retry", "1", "--spool"]).arg(folder.path());
    let ended = pipe(program, move |mut pipe| {
        for piece in pieces.chunks(MIB) {
            pipe.write_all(piece).expect("it is read to its end");
            thread::sleep(Duration::from_millis(40));
        }
    });
    let ended = ended.expect_code(6);
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    let names = names(folder.path());
    let [name] = &names[..] else { panic!("{names:?}") };
    let spool = folder.path().join(name);
    let line = format!("curlift cp {} {DESTINATION}", spool.display());
    assert!(ended.stderr.contains(&line), "{line:?} is not in {}", ended.stderr);
    assert_eq!(ended.summary()["spool"], spool.display().to_string(), "{}", ended.stdout);
    let told = ["rest of standard input goes to", "InternalError"];
    assert!(told.iter().all(|text| ended.stderr.contains(text)), "{}", ended.stderr);
    expect_same(&fs::read(&spool).expect("it is ours"), &content);
    let again = lab.cp().arg(&spool).arg(DESTINATION).run();
    expect_stored(&lab, again, &content);
}

#[test]
fn a_stop_leaves_no_spool_that_is_not_whole() {
    let lab = Lab::start(&["UploadPart always slow 1MB"]);
    for whole in [false, true] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (reader, mut writer) = io::pipe().expect("a pipe can be made");
        let program = lab.cp().args(&["-", DESTINATION, "--spool"]).arg(folder.path());
        let running = program.start_reading(reader);
        let content = bytes(2 * PART, 16);
        writer.write_all(&content).expect("it is read");
        let writer = (!whole).then_some(writer);
        let spooled = || {
            let file = fs::read_dir(folder.path()).ok()?.next()?.ok()?;
            (file.metadata().ok()?.len() == content.len() as u64).then_some(())
        };
        wait_until("all is spooled", spooled);
        lab.await_upload();
        wait_until("the end is known, or is not", || {
            (has_thread(running.child.id(), "stdin") != whole).then_some(())
        });
        signal(running.child.id(), "INT");
        let ended = running.end().expect_code(130);
        assert_eq!(names(folder.path()).len(), usize::from(whole), "{}", ended.stderr);
        assert_eq!(lab.unfinished(), 0, "uploads left behind");
        drop(writer);
    }
}

/// A disk of 8 MiB, for this program alone.
#[test]
fn a_full_disk_is_told_with_its_folder() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().display().to_string();
    let mount = format!("mount -t tmpfs -o size=8m none '{path}' && exec \"$0\" \"$@\"");
    let words = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", &mount];
    let program = Curlift::under(&words.map(str::to_owned)).store(&lab.store);
    let program = program.args(&["cp", "--json", "--part-size", "5MiB", "-", DESTINATION]);
    let ended = pipe(program.args(&["--spool", &path]), all(bytes(4 * PART, 17)));
    expect_nothing_stored(&lab, ended, &["cannot write the spool", &path, "the disk is full"]);
}

/// What had reached the store before it gave up is not sent again.
#[test]
fn an_upload_is_gone_on_with_from_its_spool() {
    let lab = Lab::start(&["UploadPart #3 status 403 AccessDenied"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let content = bytes(4 * PART + 1, 17);
    let program = lab.cp().args(&["-", DESTINATION, "-c", "1", "--spool"]).arg(folder.path());
    let ended = pipe(program, all(content.clone())).expect_code(4);
    assert_eq!(lab.unfinished(), 1, "what was named");
    let line = ended.stderr.lines().find_map(|line| line.trim().strip_prefix("go on with: "));
    let words: Vec<&str> = line.expect("it says how").split_whitespace().skip(1).collect();
    assert_eq!((words[0], words[3]), ("cp", "--upload-id"), "{words:?}");
    let words = shlex::split(&words.join(" ")).expect("a shell can read it");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let again = Curlift::new().store(&lab.store).args(&words).arg("--json").run();
    let again = again.expect_code(0);
    assert_eq!(again.summary()["parts_reused"], 2, "{}", again.stdout);
    expect_same(&lab.store.get(super::BUCKET, super::KEY), &content);
    assert_eq!(lab.unfinished(), 0);
}
