//! How a journal's file is opened, so that it is ours, whole and locked.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use super::{JournalFile, JournalFileError, read};

/// How often a file is opened anew that was removed, or held, at the moment of locking.
const TRIES: u32 = 50;

/// How many refused locks mean that the holder does more than look.
const REFUSALS: u32 = 10;

/// Between two of these: whoever only looks (`peek`) is gone by then.
const PAUSE: Duration = Duration::from_millis(5);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Leave,
}

/// What became of asking for the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lock {
    Taken,
    /// Of a file that was removed between opening and locking: it is nobody's journal any more.
    Stale,
    Refused,
}

/// Opens and locks until the path leads to what is locked.
pub(super) fn take(
    folder: &Path,
    path: &Path,
    missing: Missing,
) -> Result<Option<(JournalFile, Vec<u8>)>, JournalFileError> {
    let failed = |source| JournalFileError::Open { path: path.to_path_buf(), source };
    let mut refusals = 0;
    for _ in 0..TRIES {
        let Some(mut file) = open_or_create(path, missing).map_err(failed)? else {
            if missing == Missing::Leave {
                return Ok(None);
            }
            continue;
        };
        let metadata = file.metadata().map_err(failed)?;
        examine(folder, path, &metadata)?;
        match lock(&file, &metadata, path).map_err(failed)? {
            Lock::Taken => {}
            Lock::Stale => continue,
            Lock::Refused if refusals == REFUSALS => {
                return Err(JournalFileError::Locked { path: path.to_path_buf() });
            }
            Lock::Refused => {
                refusals += 1;
                std::thread::park_timeout(PAUSE);
                continue;
            }
        }
        let bytes = read(&mut file).map_err(failed)?;
        // New, or left so by one that was killed before it came here.
        if bytes.is_empty() {
            sync_folder(folder).map_err(failed)?;
        }
        let (folder, path) = (folder.to_path_buf(), path.to_path_buf());
        let length = bytes.len() as u64;
        return Ok(Some((JournalFile { folder, path, file, length, dead: None }, bytes)));
    }
    Err(failed(io::Error::other("it is created and removed all the time by somebody else")))
}

/// Locks the open file, without waiting.
pub(super) fn lock(file: &File, metadata: &Metadata, path: &Path) -> io::Result<Lock> {
    match file.try_lock() {
        Ok(()) if is_at(metadata, path)? => Ok(Lock::Taken),
        Ok(()) => Ok(Lock::Stale),
        Err(TryLockError::WouldBlock) => Ok(Lock::Refused),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The open file; `None` where it is missing, or came up meanwhile.
pub(super) fn open_or_create(path: &Path, missing: Missing) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    careful(options.read(true).append(true));
    match options.open(path) {
        Ok(file) => return Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if missing == Missing::Leave {
        return Ok(None);
    }
    match options.create_new(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// No link is followed, no pipe waited for; the standard library closes it in children.
pub(in crate::disk) fn careful(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
}

/// Refuses what is no file, and what somebody else could have written: a journal says where the
/// user's bytes go.
pub(super) fn examine(
    folder: &Path,
    path: &Path,
    found: &Metadata,
) -> Result<(), JournalFileError> {
    let path = path.to_path_buf();
    if !found.is_file() {
        return Err(JournalFileError::NotAJournal { path, what: "no regular file" });
    }
    let folder = std::fs::metadata(folder)
        .map_err(|source| JournalFileError::Open { path: path.clone(), source })?;
    let ours = [rustix::process::geteuid().as_raw(), 0, folder.uid()];
    if !ours.contains(&found.uid()) {
        let what = format!("it belongs to another user (uid {})", found.uid());
        return Err(JournalFileError::Foreign { path, what });
    }
    if found.mode() & 0o022 != 0 {
        let what = format!("others may write to it (mode {:o})", found.mode() & 0o7777);
        return Err(JournalFileError::Foreign { path, what });
    }
    Ok(())
}

/// Whether `path` still leads to the open file.
pub(super) fn is_at(file: &Metadata, path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (file.dev(), file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Creates `folder` and what is missing above it, for its owner alone, and makes each known to the
/// disk.
pub(in crate::disk) fn create_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|f| !f.as_os_str().is_empty() && !f.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    for created in missing.iter().rev() {
        sync_folder(created.parent().unwrap_or(created))?;
    }
    Ok(())
}

/// Makes what was created or removed in `folder` known to the disk, where the file system can.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder)?.sync_all() {
        Err(error) if [Some(libc::EINVAL), Some(libc::ENOTSUP)].contains(&error.raw_os_error()) => {
            Ok(())
        }
        done => done,
    }
}
