//! The only folder that opens the user's files and writes our own.

mod journal_file;
mod small_file;
mod source;
mod stream;

pub use journal_file::{JournalFile, JournalFileError, journals, peek};
pub use small_file::{read_small, replace_small};
pub use source::{Fingerprint, Source, SourceError};
pub use stream::{Stream, StreamError, StreamNews, StreamSettings};
