//! Why a journal's file cannot be used, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFileError {
    /// Another process has it open.
    #[error(
        "the journal {} is in use by another process: the same upload is running already; \
         wait until it ends, or stop it and try again",
        .path.display()
    )]
    Locked {
        /// Its path.
        path: PathBuf,
    },
    /// It cannot be opened, created, locked or read.
    #[error("cannot open the journal {}: {source}; {}", .path.display(), advice(.source))]
    Open {
        /// Its path, or its folder's where that is the trouble.
        path: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// Something else stands where the journal should.
    #[error("cannot use the journal {}: it is {what}; remove it and try again", .path.display())]
    NotAJournal {
        /// Its path.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// Somebody else could have written it.
    #[error(
        "cannot trust the journal {}: {what}; if it is yours, take it back \
         (chown, chmod 600), else remove it",
        .path.display()
    )]
    Foreign {
        /// Its path.
        path: PathBuf,
        /// Who owns it or may write to it.
        what: String,
    },
    /// No journal has such a name.
    #[error("{name:?} is no name of a journal: names are of the digits 0-9 and a-f; see the list")]
    Name {
        /// What was given.
        name: String,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "make its folder writable (chmod u+rwx), or set XDG_STATE_HOME to one that is"
        }
        io::ErrorKind::ReadOnlyFilesystem => "set XDG_STATE_HOME to a folder that can be written",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some space there, or set XDG_STATE_HOME to a folder elsewhere"
        }
        io::ErrorKind::FileTooLarge => "it is none of ours: remove it and try again",
        io::ErrorKind::NotADirectory => "a file stands where a folder should: move it away",
        _ if error.raw_os_error() == Some(libc::ELOOP) => {
            "it is a symbolic link: remove it and try again"
        }
        _ if error.raw_os_error() == Some(libc::EMFILE) => {
            "raise the limit of open files (ulimit -n)"
        }
        _ => "check the folder and its file system, or set XDG_STATE_HOME to another",
    }
}
