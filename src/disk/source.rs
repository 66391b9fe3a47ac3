//! What is uploaded: a file, opened once, read by position, watched for change; or a stream. It
//! does not know what its bytes are read for.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Stream, StreamError};

/// An open source file and what it was when it was opened, or a stream. Clones share it.
#[derive(Debug, Clone)]
pub struct Source(Kind);

#[derive(Debug, Clone)]
enum Kind {
    File(Arc<Opened>),
    Stream(Stream),
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    file: File,
    fingerprint: Fingerprint,
}

/// What tells whether a file is still the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Bytes.
    pub size: u64,
    /// Seconds and nanoseconds since the epoch.
    pub modified: (i64, i64),
    /// Of the last change of contents or attributes; cannot be put back.
    pub changed: (i64, i64),
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl Source {
    /// Opens `path`, which must be a regular file: only that can be read again after a failure.
    ///
    /// # Errors
    /// Where it does not exist, may not be read, or is something else.
    pub fn open(path: &Path) -> Result<Source, SourceError> {
        let failed = |source| SourceError::Open { path: path.to_path_buf(), source };
        // Looked at first, since opening a pipe waits and opening a device may do something; and
        // once more when it is open, in case it was exchanged in between.
        let before = std::fs::metadata(path).map_err(failed)?;
        refuse_irregular(path, &before)?;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(failed)?;
        let opened = file.metadata().map_err(failed)?;
        refuse_irregular(path, &opened)?;
        let fingerprint = Fingerprint::of(&opened);
        if fingerprint.size == 0 && file.read_at(&mut [0], 0).map_err(failed)? > 0 {
            let what = "a file with contents and no size, as in /proc";
            return Err(SourceError::NotRegular {
                path: path.to_path_buf(),
                what,
                advice: SAVE_FIRST,
            });
        }
        let opened = Opened { path: path.to_path_buf(), file, fingerprint };
        Ok(Source(Kind::File(Arc::new(opened))))
    }

    /// Its size in bytes when it was opened; 0 for a stream, of which nobody knows.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.0 {
            Kind::File(opened) => opened.fingerprint.size,
            Kind::Stream(_) => 0,
        }
    }

    /// What it was when it was opened; `None` for a stream.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        match &self.0 {
            Kind::File(opened) => Some(opened.fingerprint),
            Kind::Stream(_) => None,
        }
    }

    /// Its path from the root, without symbolic links; as given where that cannot be told.
    #[must_use]
    pub fn canonical_path(&self) -> PathBuf {
        let path = self.path();
        let rooted = std::fs::canonicalize(path).or_else(|_| std::path::absolute(path));
        rooted.unwrap_or(path.to_path_buf())
    }

    /// Its path, as given; `-` for a stream.
    #[must_use]
    pub fn path(&self) -> &Path {
        match &self.0 {
            Kind::File(opened) => &opened.path,
            Kind::Stream(_) => Path::new("-"),
        }
    }

    /// The stream that it is, where it is one.
    #[must_use]
    pub fn stream(&self) -> Option<&Stream> {
        match &self.0 {
            Kind::File(_) => None,
            Kind::Stream(stream) => Some(stream),
        }
    }

    /// Reads at `offset`; fills `buffer` unless the file ends before.
    ///
    /// # Errors
    /// The operating system's, and where; that of a stream, where it is not held.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let opened = match &self.0 {
            Kind::File(opened) => opened,
            Kind::Stream(stream) => return stream.read_at(buffer, offset),
        };
        let mut filled = 0;
        while filled < buffer.len() {
            let at = offset + filled as u64;
            match opened.file.read_at(&mut buffer[filled..], at) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(io::Error::new(error.kind(), format!("{error} at byte {at}")));
                }
            }
        }
        Ok(filled)
    }

    /// How the file differs from what it was when it was opened, in words; `None` where it does
    /// not. That its name is gone is no difference: the open file can still be read to its end. A
    /// stream tells of itself.
    #[must_use]
    pub fn change(&self) -> Option<String> {
        let Kind::File(opened) = &self.0 else { return None };
        let now = match opened.file.metadata() {
            Ok(metadata) => Fingerprint::of(&metadata),
            Err(error) => return Some(format!("it can no longer be examined: {error}")),
        };
        let named = std::fs::metadata(&opened.path).ok().map(|found| Fingerprint::of(&found));
        difference(&opened.fingerprint, &now, named.as_ref())
    }
}

impl From<Stream> for Source {
    fn from(stream: Stream) -> Source {
        Source(Kind::Stream(stream))
    }
}

/// Why a source cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It cannot be opened or examined.
    #[error("cannot open {}: {source}; {}", .path.display(), advice(.source))]
    Open {
        /// The path, as given.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// It is no regular file.
    #[error("cannot upload {}: it is {what}; {advice}", .path.display())]
    NotRegular {
        /// The path, as given.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A stream cannot be read.
    #[error("{source}; {}", .source.advice())]
    Stream {
        /// Why.
        #[from]
        source: StreamError,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the spelling and the working directory",
        io::ErrorKind::PermissionDenied => {
            "run as a user who may read it, or change its permissions (chmod u+r)"
        }
        _ if error.raw_os_error() == Some(libc::EMFILE) => {
            "raise the limit of open files (ulimit -n)"
        }
        _ => "check the path and the file system",
    }
}

const SAVE_FIRST: &str = "save its contents to a file first and upload that";

fn refuse_irregular(path: &Path, metadata: &Metadata) -> Result<(), SourceError> {
    let kind = metadata.file_type();
    let (what, advice) = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        ("a directory", "directories are not uploaded yet (no -r): name its files one by one")
    } else if kind.is_fifo() {
        ("a named pipe", SAVE_FIRST)
    } else if kind.is_socket() {
        ("a socket", "name a regular file")
    } else if kind.is_block_device() {
        ("a block device", SAVE_FIRST)
    } else {
        ("a device", SAVE_FIRST)
    };
    Err(SourceError::NotRegular { path: path.to_path_buf(), what, advice })
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Fingerprint {
        Fingerprint {
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    fn same_file(&self, other: &Fingerprint) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

/// `then` and `now` are of the open file, `named` is what its path leads to now, if anything.
fn difference(
    then: &Fingerprint,
    now: &Fingerprint,
    named: Option<&Fingerprint>,
) -> Option<String> {
    if now.size != then.size {
        let verb = if now.size < then.size { "shrank" } else { "grew" };
        return Some(format!(
            "it {verb} from {} to {} bytes",
            grouped(then.size),
            grouped(now.size)
        ));
    }
    if now.modified != then.modified {
        return Some("it was modified (its modification time changed)".to_owned());
    }
    let named = named?;
    if !named.same_file(then) {
        return Some("it was replaced by another file of the same name".to_owned());
    }
    // Attributes alone do this too, but contents cannot be told from them.
    (now.changed != then.changed).then(|| {
        "it was changed and its modification time put back, or its attributes were changed \
         (its ctime moved)"
            .to_owned()
    })
}

/// `1048576` as `1,048,576`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::net::UnixListener;
    use std::time::{Duration, SystemTime};

    fn file(contents: &[u8]) -> (tempfile::TempDir, PathBuf, Source) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, contents).unwrap();
        let source = Source::open(&path).unwrap();
        (folder, path, source)
    }

    /// Moves the times away from those of the test's own writes, which may fall into one tick.
    fn settle() {
        std::thread::park_timeout(Duration::from_millis(20));
    }

    #[test]
    fn reads_fill_the_buffer_or_stop_at_the_end() {
        let (_folder, path, source) = file(b"0123456789");
        assert_eq!((source.size(), source.path()), (10, path.as_path()));
        let mut buffer = [0; 4];
        assert_eq!(source.read_at(&mut buffer, 3).unwrap(), 4);
        assert_eq!(&buffer, b"3456");
        assert_eq!(source.clone().read_at(&mut buffer, 8).unwrap(), 2);
        assert_eq!(&buffer[..2], b"89");
        assert_eq!(source.read_at(&mut buffer, 10).unwrap(), 0);
        assert_eq!(source.change(), None);
    }

    #[test]
    fn growing_and_shrinking_are_told_with_sizes() {
        let (_folder, path, source) = file(&vec![7; 1_048_576]);
        File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
        assert_eq!(source.change().unwrap(), "it shrank from 1,048,576 to 1,000 bytes");
        File::options().write(true).open(&path).unwrap().set_len(1_048_577).unwrap();
        assert_eq!(source.change().unwrap(), "it grew from 1,048,576 to 1,048,577 bytes");
    }

    #[test]
    fn rewriting_is_seen_even_with_the_time_put_back() {
        let (_folder, path, source) = file(b"aaaa");
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        settle();
        fs::write(&path, b"bbbb").unwrap();
        assert!(source.change().unwrap().contains("modified"));
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert!(source.change().unwrap().contains("put back"), "{:?}", source.change());
    }

    #[test]
    fn replacing_is_a_change_and_deleting_is_none() {
        let (folder, path, source) = file(b"aaaa");
        settle();
        fs::remove_file(&path).unwrap();
        assert_eq!(source.change(), None);
        let mut buffer = [0; 4];
        assert_eq!(source.read_at(&mut buffer, 0).unwrap(), 4);
        let other = folder.path().join("other");
        fs::write(&other, b"bbbb").unwrap();
        fs::rename(&other, &path).unwrap();
        assert!(source.change().unwrap().contains("replaced"));
    }

    #[test]
    fn a_later_time_alone_is_a_change() {
        let (_folder, path, source) = file(b"aaaa");
        let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        File::options().write(true).open(path).unwrap().set_modified(later).unwrap();
        assert!(source.change().unwrap().contains("modified"));
    }

    #[test]
    fn what_is_no_regular_file_is_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let rows = [
            (folder.path(), "a directory"),
            (socket.as_path(), "a socket"),
            (pipe.as_path(), "a named pipe"),
            (Path::new("/dev/null"), "a device"),
            (Path::new("/proc/version"), "no size"),
        ];
        for (path, what) in rows {
            let error = Source::open(path).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains(path.to_str().unwrap()), "{error}");
            assert!(error.contains("; "), "says what to do: {error}");
        }
    }

    #[test]
    fn a_missing_file_is_named_with_advice() {
        let error = Source::open(Path::new("/nowhere/at all")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/at all") && error.contains("No such file"), "{error}");
        assert!(error.contains("check the spelling"), "{error}");
    }

    #[test]
    fn digits_are_grouped() {
        let rows = [(0, "0"), (999, "999"), (1000, "1,000"), (1_048_576, "1,048,576")];
        for (number, text) in rows {
            assert_eq!(grouped(number), text);
        }
    }
}
