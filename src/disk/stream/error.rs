//! Why a stream cannot be uploaded, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why a stream cannot be uploaded.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// It cannot be read.
    #[error("standard input cannot be read: {error} at byte {at}")]
    Read {
        /// The operating system's reason.
        error: io::Error,
        /// Bytes read before.
        at: u64,
    },
    /// It ended too early.
    #[error("standard input ended after {size} bytes, and --expected-size says {expected}")]
    Short {
        /// Bytes read.
        size: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// It goes on.
    #[error("standard input goes on behind the {expected} bytes that --expected-size says")]
    Long {
        /// Bytes expected.
        expected: u64,
    },
    /// All parts are used up.
    #[error(
        "standard input goes on behind {bytes} bytes, which is all that {parts} parts hold here"
    )]
    UsedUp {
        /// Bytes that all parts hold.
        bytes: u64,
        /// How many there are.
        parts: u32,
        /// Whether all of them have the same size.
        equal: bool,
    },
    /// There is no memory for the next part.
    #[error("there is no memory for a part of {bytes} bytes")]
    Memory {
        /// Its bytes.
        bytes: u64,
    },
    /// The spool file cannot be made, written or kept.
    #[error("cannot write the spool {}: {error}", .path.display())]
    Spool {
        /// The file, or its folder.
        path: PathBuf,
        /// The operating system's reason.
        error: io::Error,
    },
    /// Threads and the like.
    #[error("standard input cannot be waited for: {0}")]
    System(io::Error),
}

impl StreamError {
    /// What to do.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            StreamError::Read { .. } => "look at what it was connected to, and run both again",
            StreamError::Short { .. } => {
                "what wrote it may have died: look at its own messages (`set -o pipefail` makes \
                 the shell tell), then run both again"
            }
            StreamError::Long { .. } => {
                "correct --expected-size, or leave it out, and run both again"
            }
            StreamError::UsedUp { equal: true, .. } => {
                "all parts have one size here: choose a larger --part-size, or say how long it \
                 is with --expected-size"
            }
            StreamError::UsedUp { equal: false, .. } => {
                "begin with a larger --part-size, or upload it as several objects, for example \
                 with `split --filter`"
            }
            StreamError::Memory { .. } => {
                "let parts wait on disk with --spool DIR, or try a smaller --concurrency; parts \
                 stay smaller where --expected-size says how long the stream is"
            }
            StreamError::Spool { error, .. } if error.kind() == io::ErrorKind::StorageFull => {
                "the disk is full: name a folder with more room with --spool, or leave it out, \
                 and run both again"
            }
            StreamError::Spool { .. } => "name a folder that can be written to with --spool",
            StreamError::System(_) => "raise the limits of threads and open files (ulimit -u, -n)",
        }
    }
}
