//! The only folder that opens the user's files.

mod source;
mod stream;

pub use source::{Source, SourceError};
pub use stream::{Stream, StreamError, StreamNews, StreamSettings};
