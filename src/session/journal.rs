//! The journal of the upload that is under way: records on their way to their file.

use std::io;

use crate::disk::JournalFile;
use crate::s3::UnixTime;
use crate::upload::journal::{Record, Writer};

/// A journal that is open and locked.
#[derive(Debug)]
pub struct Journal {
    file: JournalFile,
    writer: Writer,
    is_given_up: bool,
}

impl Journal {
    /// Goes on in `file`, behind the lines that `writer` has summed.
    #[must_use]
    pub fn new(file: JournalFile, writer: Writer) -> Journal {
        Journal { file, writer, is_given_up: false }
    }

    /// Appends `record`; on the disk, where it must be, before it returns.
    ///
    /// # Errors
    /// Where it cannot be written; nothing more may be appended then.
    pub fn append(&mut self, record: &Record, at: UnixTime) -> io::Result<()> {
        let line = self.writer.line(record, at);
        let appended = self.file.append(&line, record.is_durable());
        self.is_given_up = appended.is_err();
        appended
    }

    /// Whether it could not be written at some time.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Removes it: nothing is left to go on with.
    ///
    /// # Errors
    /// The operating system's.
    pub fn remove(self) -> io::Result<()> {
        self.file.remove()
    }
}
