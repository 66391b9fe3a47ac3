//! The only folder that opens the user's files.

mod source;

pub use source::{Source, SourceError};
