//! What the architecture promises and the compiler does not watch: who may import whom, what pure
//! code may touch, and that the documents are true.
//!
//! Each check reads the tree, names every place that breaks its rule at once, and is itself shown
//! a sample that it must catch, so that none passes because it looks at nothing.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod documents;
mod imports;
mod purity;
mod rust;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

/// One file of the project.
#[derive(Debug, Clone)]
pub(crate) struct File {
    /// Its path from the project's root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// A file that exists only in a check's own test.
    pub(crate) fn sample(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }
}

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) why: String,
}

impl Violation {
    pub(crate) fn new(file: &File, line: usize, why: impl Into<String>) -> Violation {
        Violation { path: file.path.clone(), line, why: why.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.why)
    }
}

/// The project's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` (a path from the root), in order; none where there is no such folder.
pub(crate) fn files_below(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(root().join(folder)) else { return files };
    for entry in entries {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}/{name}");
        if entry.file_type().unwrap().is_dir() {
            files.extend(files_below(&path));
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            files.push(File { path, text });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

/// The Rust sources of the program.
pub(crate) fn sources() -> Vec<File> {
    let files: Vec<File> = rust_files("src");
    assert!(files.len() > 20, "the sources were not found: {} files", files.len());
    files
}

/// The Rust files below `folder`.
pub(crate) fn rust_files(folder: &str) -> Vec<File> {
    files_below(folder).into_iter().filter(|file| has_ending(&file.path, "rs")).collect()
}

pub(crate) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found.eq_ignore_ascii_case(ending))
}

/// The file at `path`.
pub(crate) fn file(path: &str) -> File {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    File { path: path.into(), text }
}

/// Fails with every violation, one a line.
pub(crate) fn expect_none(violations: &[Violation]) {
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}
