//! A journal's file against rivals, links, pipes, folders and disks that refuse.

use super::opening::{Lock, lock, open_or_create};
use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

const NAME: &str = "0f3a";

/// A folder for journals that does not exist yet, two levels below one that does.
fn state() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state/curlift");
    (home, folder)
}

fn open(folder: &Path) -> (JournalFile, Vec<u8>) {
    JournalFile::open(folder, NAME).unwrap()
}

/// A journal whose file is `file`, whatever that is.
fn journal_on(file: File) -> JournalFile {
    let (folder, path) = (PathBuf::new(), PathBuf::new());
    JournalFile { folder, path, file, length: 0, dead: None }
}

fn refusal(folder: &Path) -> String {
    let error = JournalFile::open(folder, NAME).unwrap_err().to_string();
    assert_eq!(error, JournalFile::open_existing(folder, NAME).unwrap_err().to_string());
    assert!(error.contains(&folder.join("0f3a.journal").display().to_string()), "{error}");
    assert!(error.contains("; "), "says what to do: {error}");
    let peeked = peek(folder, NAME).unwrap_err().to_string();
    assert_eq!(error.contains("in use"), peeked.contains("in use"), "{error}\n{peeked}");
    error
}

/// Whether this user may do anything anywhere, so that permissions show nothing.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[test]
fn what_is_appended_is_read_back_and_private() {
    let (_home, folder) = state();
    let (mut journal, bytes) = open(&folder);
    assert_eq!(bytes, b"");
    journal.append(b"one\n", true).unwrap();
    journal.append(b"two\n", false).unwrap();
    assert_eq!(journal.path(), folder.join("0f3a.journal"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(journal.path()), mode(&folder)), (0o600, 0o700));
    assert_eq!(mode(folder.parent().unwrap()), 0o700);
    drop(journal);
    let (mut journal, bytes) = JournalFile::open_existing(&folder, NAME).unwrap().unwrap();
    assert_eq!(bytes, b"one\ntwo\n");
    journal.append(b"three\n", false).unwrap();
    assert_eq!(fs::read(journal.path()).unwrap(), b"one\ntwo\nthree\n");
}

#[test]
fn what_is_missing_is_none_and_is_not_created() {
    let (_home, folder) = state();
    assert!(JournalFile::open_existing(&folder, NAME).unwrap().is_none());
    assert!(peek(&folder, NAME).unwrap().is_none());
    assert!(journals(&folder).unwrap().is_empty());
    assert!(!folder.exists());
}

#[test]
fn a_torn_tail_is_cut_off_before_anything_is_appended() {
    let (_home, folder) = state();
    let (mut journal, _) = open(&folder);
    journal.append(b"one\ntw", false).unwrap();
    drop(journal);
    let (mut journal, bytes) = open(&folder);
    assert_eq!(bytes, b"one\ntw");
    journal.truncate(4).unwrap();
    journal.truncate(100).unwrap();
    journal.append(b"three\n", true).unwrap();
    assert_eq!(fs::read(journal.path()).unwrap(), b"one\nthree\n");
}

#[test]
fn a_second_process_is_refused_until_the_first_is_gone() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    // Another process in all that counts here: the lock belongs to the open file.
    let error = JournalFile::open(&folder, NAME).unwrap_err();
    assert!(matches!(error, JournalFileError::Locked { .. }), "{error}");
    assert!(error.to_string().contains("0f3a.journal is in use"), "{error}");
    assert!(JournalFile::open_existing(&folder, NAME).is_err());
    assert_eq!(peek(&folder, NAME).unwrap(), Some((Vec::new(), true)));
    drop(journal);
    // A test beside this one may be starting a command: until it runs, it has what is open here.
    let is_free = || peek(&folder, NAME).unwrap() == Some((Vec::new(), false));
    let mut looks = 0..1_000_000;
    assert!(looks.any(|_| {
        thread::yield_now();
        is_free()
    }));
    open(&folder);
}

#[test]
fn a_lock_is_not_inherited_by_a_command_and_ends_with_its_process() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    let mut child = Command::new("sleep").arg("60").spawn().unwrap();
    let path = journal.path().to_path_buf();
    drop(journal);
    drop(open(&folder));
    child.kill().unwrap();
    child.wait().unwrap();
    let hold = ["--exclusive", path.to_str().unwrap(), "--command", "echo held; exec sleep 60"];
    let mut holder =
        Command::new("flock").args(hold).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut said = [0; 5];
    holder.stdout.take().unwrap().read_exact(&mut said).unwrap();
    // Killed without a chance to tidy up; what it started goes with it, the lock too.
    let error = JournalFile::open(&folder, NAME).unwrap_err();
    assert!(matches!(error, JournalFileError::Locked { .. }), "{error}");
    let children = format!("/proc/{0}/task/{0}/children", holder.id());
    for child in fs::read_to_string(children).unwrap().split_whitespace() {
        assert!(Command::new("kill").args(["-9", child]).status().unwrap().success());
    }
    holder.wait().unwrap();
    open(&folder);
}

#[test]
fn of_many_rivals_who_open_and_remove_one_holds_it_at_a_time() {
    let (_home, folder) = state();
    let (is_held, turns) = (AtomicBool::new(false), AtomicU32::new(0));
    let rival = |_| {
        while turns.load(Ordering::SeqCst) < 400 {
            let (mut journal, bytes) = match JournalFile::open(&folder, NAME) {
                Err(JournalFileError::Locked { .. }) => continue,
                opened => opened.unwrap(),
            };
            assert!(!is_held.swap(true, Ordering::SeqCst), "two hold it");
            assert_eq!(bytes, b"", "who removed it left nothing");
            journal.append(b"mine\n", false).unwrap();
            assert_eq!(fs::read(journal.path()).unwrap(), b"mine\n");
            turns.fetch_add(1, Ordering::SeqCst);
            is_held.store(false, Ordering::SeqCst);
            journal.remove().unwrap();
        }
    };
    thread::scope(|scope| {
        (0..4).map(|n| scope.spawn(move || rival(n))).for_each(drop);
    });
    assert!(journals(&folder).unwrap().is_empty());
}

#[test]
fn a_lock_on_what_its_holder_removed_counts_for_nothing() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    let path = journal.path().to_path_buf();
    let waiting = open_or_create(&path, Missing::Leave).unwrap().unwrap();
    let metadata = waiting.metadata().unwrap();
    let ask = || lock(&waiting, &metadata, &path).unwrap();
    assert_eq!(ask(), Lock::Refused);
    journal.remove().unwrap();
    // A child of another test holds every open file between its fork and its exec.
    while ask() == Lock::Refused {
        thread::yield_now();
    }
    assert_eq!(ask(), Lock::Stale);
    let (mut rival, _) = open(&folder);
    rival.append(b"rival\n", false).unwrap();
    assert_eq!(ask(), Lock::Stale);
}

#[test]
fn removing_leaves_what_took_its_place() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    fs::remove_file(journal.path()).unwrap();
    let (mut rival, _) = open(&folder);
    rival.append(b"rival\n", false).unwrap();
    journal.remove().unwrap();
    assert_eq!(fs::read(rival.path()).unwrap(), b"rival\n");
    rival.remove().unwrap();
    assert!(journals(&folder).unwrap().is_empty());
}

#[test]
fn links_pipes_and_folders_are_refused_at_once() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    let path = journal.path().to_path_buf();
    let aside = folder.join("aside");
    fs::rename(&path, &aside).unwrap();
    drop(journal);
    symlink(&aside, &path).unwrap();
    assert!(refusal(&folder).contains("symbolic link"), "{}", refusal(&folder));
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(refusal(&folder).contains("no regular file"), "{}", refusal(&folder));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(JournalFile::open(&folder, NAME).is_err());
    assert_eq!(fs::read(&aside).unwrap(), b"");
}

#[test]
fn what_others_may_write_is_not_trusted() {
    let (_home, folder) = state();
    let path = open(&folder).0.path().to_path_buf();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o620)).unwrap();
    assert!(refusal(&folder).contains("others may write to it (mode 620)"), "{}", refusal(&folder));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    drop(open(&folder));
    if is_root() {
        std::os::unix::fs::chown(&path, Some(4711), None).unwrap();
        assert!(refusal(&folder).contains("another user (uid 4711)"), "{}", refusal(&folder));
    }
}

#[test]
fn a_folder_that_cannot_be_is_told_with_its_path() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("file"), b"").unwrap();
    let folder = home.path().join("file/curlift");
    let error = JournalFile::open(&folder, NAME).unwrap_err().to_string();
    assert!(error.contains("file/curlift") && error.contains("move it away"), "{error}");
    // Nothing can be created there, not even by root.
    let error = JournalFile::open(Path::new("/proc/curlift"), NAME).unwrap_err().to_string();
    assert!(error.contains("/proc/curlift"), "{error}");
    if !is_root() {
        let folder = home.path().join("read-only");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o500)).unwrap();
        let error = JournalFile::open(&folder, NAME).unwrap_err().to_string();
        assert!(error.contains("Permission denied") && error.contains("chmod"), "{error}");
    }
}

#[test]
fn names_lead_nowhere_else() {
    let (_home, folder) = state();
    let long = "a".repeat(129);
    for name in ["", ".", "..", "a/b", "../a", "A", "g", "a.journal", "a\0", long.as_str()] {
        let error = JournalFile::open(&folder, name).unwrap_err();
        assert!(matches!(error, JournalFileError::Name { .. }), "{error}");
        assert!(JournalFile::open_existing(&folder, name).is_err());
        assert!(peek(&folder, name).is_err());
    }
    assert!(!folder.exists());
}

#[test]
fn journals_are_listed_by_name_and_nothing_else_is() {
    let (_home, folder) = state();
    fs::create_dir_all(&folder).unwrap();
    for name in ["b1", "0a"] {
        drop(JournalFile::open(&folder, name).unwrap());
    }
    for other in ["notes.txt", "B1.journal", "b1.journal.bak", ".journal", "0a"] {
        fs::write(folder.join(other), b"").unwrap();
    }
    assert_eq!(journals(&folder).unwrap(), ["0a", "b1"]);
    assert!(journals(&folder.join("0a")).is_err(), "a file is no folder");
}

#[test]
fn after_a_failed_append_it_is_dead_and_says_why_again() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut journal = journal_on(full());
    assert_eq!(journal.append(b"one\n", true).unwrap_err().kind(), io::ErrorKind::StorageFull);
    // It would take it now, and is not asked.
    journal.file = File::options().write(true).open("/dev/null").unwrap();
    assert_eq!(journal.append(b"two\n", false).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(journal.truncate(0).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn what_a_failed_sync_leaves_behind_is_taken_back() {
    // A pipe takes what is written and cannot be synced.
    let (mut reader, writer) = io::pipe().unwrap();
    let mut journal = journal_on(File::from(std::os::fd::OwnedFd::from(writer)));
    journal.append(b"one\n", false).unwrap();
    assert_eq!(journal.append(b"two\n", true).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    assert_eq!(journal.append(b"three\n", false).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    drop(journal);
    let mut written = String::new();
    reader.read_to_string(&mut written).unwrap();
    assert_eq!(written, "one\ntwo\n", "and not three");
}

#[test]
fn nothing_grows_beyond_what_can_be_read() {
    let (_home, folder) = state();
    let (journal, _) = open(&folder);
    let file = File::options().write(true).open(journal.path()).unwrap();
    drop(journal);
    file.set_len(BYTES_MAX).unwrap();
    let (mut journal, bytes) = open(&folder);
    assert_eq!(bytes.len() as u64, BYTES_MAX);
    let error = journal.append(b"x", false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(file.metadata().unwrap().size(), BYTES_MAX);
    drop(journal);
    file.set_len(BYTES_MAX + 1).unwrap();
    let error = JournalFile::open(&folder, NAME).unwrap_err().to_string();
    assert!(error.contains("64 MiB"), "{error}");
    assert!(peek(&folder, NAME).is_err());
}
