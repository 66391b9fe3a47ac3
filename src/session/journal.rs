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
}

impl Journal {
    /// Goes on in `file`, behind the lines that `writer` has summed.
    #[must_use]
    pub fn new(file: JournalFile, writer: Writer) -> Journal {
        Journal { file, writer }
    }

    /// Appends `record`; on the disk, where it must be, before it returns.
    ///
    /// # Errors
    /// Where it cannot be written; nothing more may be appended then.
    pub fn append(&mut self, record: &Record, at: UnixTime) -> io::Result<()> {
        let line = self.writer.line(record, at);
        self.file.append(&line, record.is_durable())
    }

    /// Removes it: nothing is left to go on with.
    ///
    /// # Errors
    /// The operating system's.
    pub fn remove(self) -> io::Result<()> {
        self.file.remove()
    }
}
