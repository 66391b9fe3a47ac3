//! The file beneath a journal: whole bytes appended in order, by one process at a time, and on the
//! disk when that is asked for. It does not know what they mean.
//!
//! The lock belongs to the open file, so it ends with the process, however that ends. It is held
//! on the file itself, which its holder may remove: whoever gets the lock looks once more whether
//! the path still leads to what it locked.

mod error;
mod opening;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

pub use error::JournalFileError;
use opening::{Missing, examine, is_at, sync_folder, take};
pub(super) use opening::{careful, create_folder};

/// More than any journal grows to: ten thousand parts need a few megabytes.
const BYTES_MAX: u64 = 64 << 20;

/// What the name of a journal ends in.
const SUFFIX: &str = ".journal";

/// A journal's file: open, locked, for appending.
#[derive(Debug)]
pub struct JournalFile {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    length: u64,
    /// Why nothing can be appended any more.
    dead: Option<Reason>,
}

/// An error that can be told more than once.
#[derive(Debug, Clone)]
struct Reason {
    kind: io::ErrorKind,
    code: Option<i32>,
    words: String,
}

impl JournalFile {
    /// Opens or creates the journal `name` in `folder`, which is created with its parents where it
    /// is missing; both for their owner alone. Gives what stands in it, at most 64 MiB.
    ///
    /// # Errors
    /// Where another process holds it, where it cannot be opened, and where what stands there is
    /// no journal of ours.
    pub fn open(folder: &Path, name: &str) -> Result<(JournalFile, Vec<u8>), JournalFileError> {
        let path = path_of(folder, name)?;
        create_folder(folder)
            .map_err(|source| JournalFileError::Open { path: folder.to_path_buf(), source })?;
        let opened = take(folder, &path, Missing::Create)?;
        opened
            .ok_or_else(|| JournalFileError::Open { path, source: io::ErrorKind::NotFound.into() })
    }

    /// Opens only what exists; `None` where there is none.
    ///
    /// # Errors
    /// As `open`.
    pub fn open_existing(
        folder: &Path,
        name: &str,
    ) -> Result<Option<(JournalFile, Vec<u8>)>, JournalFileError> {
        take(folder, &path_of(folder, name)?, Missing::Leave)
    }

    /// Cuts off what stands behind `length` bytes: a torn tail, before anything is appended.
    ///
    /// # Errors
    /// The operating system's; the file is as it was, and nothing can be appended any more.
    pub fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.check_alive()?;
        if length < self.length {
            self.file.set_len(length).map_err(|error| self.bury(error))?;
            self.length = length;
        }
        Ok(())
    }

    /// Appends `bytes`; where they are to be `durable`, they are on the disk when it returns.
    ///
    /// # Errors
    /// The operating system's. What was written of them is taken back if that works, and nothing
    /// can be appended any more: after a failed sync the kernel may have dropped what was written,
    /// and a second sync would not say so.
    pub fn append(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        self.check_alive()?;
        let length = self.length + bytes.len() as u64;
        let done = if length > BYTES_MAX { Err(too_large()) } else { self.write(bytes, durable) };
        if let Err(error) = done {
            // Best effort: a torn tail is cut off by whoever reads it.
            let _ = self.file.set_len(self.length);
            return Err(self.bury(error));
        }
        self.length = length;
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it, and returns when the disk knows. What has taken its place meanwhile stays.
    ///
    /// # Errors
    /// The operating system's.
    pub fn remove(self) -> io::Result<()> {
        if !is_at(&self.file.metadata()?, &self.path)? {
            return Ok(());
        }
        std::fs::remove_file(&self.path)?;
        sync_folder(&self.folder)
    }

    fn write(&mut self, bytes: &[u8], durable: bool) -> io::Result<()> {
        self.file.write_all(bytes)?;
        if durable { self.file.sync_data() } else { Ok(()) }
    }

    fn check_alive(&self) -> io::Result<()> {
        self.dead.as_ref().map_or(Ok(()), |reason| Err(reason.error()))
    }

    fn bury(&mut self, error: io::Error) -> io::Error {
        let words = error.to_string();
        self.dead = Some(Reason { kind: error.kind(), code: error.raw_os_error(), words });
        error
    }
}

/// The names of all journals in `folder`, sorted; a missing folder has none.
///
/// # Errors
/// The operating system's.
pub fn journals(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        names.extend(name.filter(|name| is_name(name)).map(str::to_owned));
    }
    names.sort_unstable();
    Ok(names)
}

/// What stands in a journal, without taking it, and whether a process holds it; `None` where there
/// is none.
///
/// # Errors
/// Where it cannot be read, or is no journal of ours.
pub fn peek(folder: &Path, name: &str) -> io::Result<Option<(Vec<u8>, bool)>> {
    let path = path_of(folder, name).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    let mut file = match careful(options.read(true)).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io::Error::other(JournalFileError::Open { path, source })),
        Ok(file) => file,
    };
    examine(folder, &path, &file.metadata()?).map_err(io::Error::other)?;
    let bytes = read(&mut file)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some((bytes, false))),
        Err(TryLockError::WouldBlock) => Ok(Some((bytes, true))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn read(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX { Err(too_large()) } else { Ok(bytes) }
}

fn too_large() -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, "no journal is larger than 64 MiB")
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn path_of(folder: &Path, name: &str) -> Result<PathBuf, JournalFileError> {
    if is_name(name) {
        Ok(folder.join(format!("{name}{SUFFIX}")))
    } else {
        Err(JournalFileError::Name { name: name.to_owned() })
    }
}

impl Reason {
    fn error(&self) -> io::Error {
        self.code.map_or_else(
            || io::Error::new(self.kind, self.words.clone()),
            io::Error::from_raw_os_error,
        )
    }
}

#[cfg(test)]
mod tests;
