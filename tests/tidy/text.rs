//! What every file keeps to: it says first what it is, is finished, and fits a screen; `unsafe`
//! stands in one file.

use super::rust::paths;
use super::{File, Violation, expect_none, files_below, has_ending, rust_files, sources};

/// The only file that may be unsafe.
const UNSAFE: &str = "src/transport/raw.rs";

const LINE_MAX: usize = 100;

/// Marks of unfinished work, put together here so that this file bears none.
const MARKS: [&str; 5] = [
    concat!("to", "do"),
    concat!("fix", "me"),
    concat!("x", "xx"),
    concat!("dbg", "!"),
    concat!("unimplemented", "!"),
];

fn check_opening(files: &[File]) -> Vec<Violation> {
    let silent = files.iter().filter(|file| !file.text.starts_with("//! "));
    silent.map(|file| Violation::new(file, 1, "does not begin with `//!`: what is it?")).collect()
}

fn check_marks(files: &[File]) -> Vec<Violation> {
    on_lines(files, |line| {
        let line = line.to_lowercase();
        let mark = MARKS.iter().find(|mark| stands_alone(&line, mark))?;
        Some(format!("an unfinished mark: {mark}"))
    })
}

/// Whether `word` stands in `line` with no letter, digit or `_` beside it.
fn stands_alone(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part_of_word)
            && (word.ends_with('!') || !after.is_some_and(part_of_word))
    })
}

fn check_unsafe(files: &[File]) -> Vec<Violation> {
    let others = files.iter().filter(|file| file.path != UNSAFE);
    let found = others.flat_map(|file| paths(file).into_iter().map(move |path| (file, path)));
    let found = found.filter(|(_, path)| path.segments == ["unsafe"]);
    found
        .map(|(file, path)| Violation::new(file, path.line, format!("unsafe, outside {UNSAFE}")))
        .collect()
}

/// Up to a file's tests: their data is as long as it is.
fn check_width(files: &[File]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        let code = file.text.lines().take_while(|line| *line != "#[cfg(test)]");
        for (line, number) in code.zip(1..) {
            let width = line.chars().count();
            if width > LINE_MAX {
                let why = format!("{width} characters, of {LINE_MAX}");
                violations.push(Violation::new(file, number, why));
            }
        }
    }
    violations
}

/// Holds every line against a rule that gives what is wrong with it.
pub(crate) fn on_lines(files: &[File], rule: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        for (line, number) in file.text.lines().zip(1..) {
            violations.extend(rule(line).map(|why| Violation::new(file, number, why)));
        }
    }
    violations
}

fn all_rust() -> Vec<File> {
    ["src", "tests", "examples", "benches"].iter().flat_map(|folder| rust_files(folder)).collect()
}

#[test]
fn every_rust_file_says_what_it_is() {
    expect_none(&check_opening(&all_rust()));
    assert_eq!(check_opening(&[File::sample("src/a.rs", "use std::fs;\n//! late")]).len(), 1);
}

#[test]
fn nothing_is_unfinished() {
    let mut files = all_rust();
    let scripts = files_below("scripts");
    assert!(!scripts.is_empty(), "the scripts were not found");
    files.extend(scripts.into_iter().filter(|file| !has_ending(&file.path, "rs")));
    expect_none(&check_marks(&files));

    for mark in MARKS {
        let text = format!("fine\n// {}: later", mark.to_uppercase());
        let caught = check_marks(&[File::sample("src/a.rs", &text)]);
        assert_eq!(caught.iter().map(|v| v.line).collect::<Vec<_>>(), [2], "{mark}");
    }
    assert!(check_marks(&[File::sample("a", concat!("masto", "don x", "xxl"))]).is_empty());
}

#[test]
fn one_file_is_unsafe() {
    expect_none(&check_unsafe(&sources()));
    let text = "// unsafe in words\nfn f() {\n unsafe { g() } }";
    assert_eq!(check_unsafe(&[File::sample("src/a.rs", text)])[0].line, 3);
    assert!(check_unsafe(&[File::sample(UNSAFE, text)]).is_empty());
}

#[test]
fn lines_fit_a_screen() {
    expect_none(&check_width(&sources()));
    let long = "é".repeat(LINE_MAX + 1);
    let text = format!("{}\n{long}\n#[cfg(test)]\n{long}", "é".repeat(LINE_MAX));
    let violations = check_width(&[File::sample("src/a.rs", &text)]);
    assert_eq!(violations.iter().map(|violation| violation.line).collect::<Vec<_>>(), [2]);
}
