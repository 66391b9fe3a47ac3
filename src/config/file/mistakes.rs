//! All that is wrong with a config file, at once, with the place of each.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the config file {}: {error}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is no config file.
    #[error("{} is larger than 1 MiB, which no config file is", .path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// It is no text.
    #[error("{} is not UTF-8, which TOML is", .path.display())]
    NotUtf8 {
        /// Which.
        path: PathBuf,
    },
    /// It holds mistakes.
    #[error("{}", told(.path, .mistakes))]
    Mistakes {
        /// Which.
        path: PathBuf,
        /// All of them, in the order of their places.
        mistakes: Vec<FileMistake>,
    },
}

/// One mistake and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMistake {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is written there, what is wrong with it, and what would be right.
    pub what: String,
}

fn told(path: &std::path::Path, mistakes: &[FileMistake]) -> String {
    let path = path.display();
    let mut text = match mistakes.len() {
        1 => format!("{path} has a mistake"),
        count => format!("{path} has {count} mistakes"),
    };
    for FileMistake { line, column, what } in mistakes {
        write!(text, "\n{path}:{line}:{column}: {what}").expect("text can be appended to");
    }
    text
}

/// The line and column of a byte of `text`, counted from 1.
pub(super) fn place(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}
