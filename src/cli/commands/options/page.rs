//! Words on a page: broken into lines between words, with what belongs together in columns.

use crate::cli::console;

/// Longer lines are hard to read.
const WIDTH_MAX: usize = 100;
/// Where there is no terminal.
const WIDTH_USUAL: usize = 80;
/// Narrower ones are written over.
const WIDTH_MIN: usize = 40;

/// The columns for texts that are read line by line.
pub(in crate::cli::commands) fn width() -> usize {
    console::width().unwrap_or(WIDTH_USUAL).clamp(WIDTH_MIN, WIDTH_MAX)
}

/// `text` in lines of at most `width` characters, as far as its words are no longer.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut filled = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if filled + 1 + length <= width => {
                *line += " ";
                *line += word;
                filled += 1 + length;
            }
            _ => {
                lines.push(word.to_owned());
                filled = length;
            }
        }
    }
    lines
}

/// `text` with each line behind `indent` blanks.
pub(in crate::cli::commands) fn indented(text: &str, indent: usize, width: usize) -> String {
    let lines = wrapped(text, width.saturating_sub(indent));
    let lines = lines.iter().map(|line| format!("{:indent$}{line}", ""));
    lines.collect::<Vec<_>>().join("\n")
}

/// `text` behind a label, and its further lines below it.
pub(super) fn labelled(label: &str, text: &str, column: usize, width: usize) -> String {
    let body = indented(text, column, width);
    let first = body.trim_start();
    format!("  {label:<0$}{first}", column - 2)
}

/// `text`, or its beginning and `…` where it is longer than `width`.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// Rows whose cells stand below each other; the last is as long as it is.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.filter(|width| *width <= COLUMN_MAX).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A longer cell pushes the rest of its row aside, and not that of all rows.
const COLUMN_MAX: usize = 32;

/// “1 mistake”, “2 mistakes”.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_whole_and_lines_short() {
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("incomprehensibilities a", 7), ["incomprehensibilities", "a"]);
        assert_eq!(indented("one two three", 2, 9), "  one two\n  three");
        assert_eq!(labelled("a", "one two three", 6, 13), "  a   one two\n      three");
        assert!(wrapped("", 7).is_empty());
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcd fg", 6), "abcd…");
    }

    #[test]
    fn one_long_cell_moves_its_own_row_alone() {
        let long = "x".repeat(COLUMN_MAX + 1);
        let rows = [["a", "bb", "c"], ["aa", &long, "c"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), format!("  a   bb  c\n  aa  {long}  c"));
    }
}
