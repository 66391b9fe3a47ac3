//! The only folder that opens the user's files and writes our own.

mod journal_file;
mod source;
mod stream;

pub use journal_file::{JournalFile, JournalFileError, journals, peek};
pub use source::{Fingerprint, Source, SourceError};
pub use stream::{Stream, StreamError, StreamNews, StreamSettings};
