//! Text from elsewhere (a server, a key) made fit for one line of a terminal or a log.
//! Not an encoding: nobody reads it back.

use std::fmt::Write;

/// `text` with control characters and invisible marks of direction written as escapes, so that it
/// can neither drive a terminal nor begin a line of its own; cut to `length_max` characters.
pub(super) fn printable(text: &str, length_max: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut escape = String::new();
    for c in text.chars() {
        escape.clear();
        if drives_a_terminal(c) {
            // Writing to a String cannot fail.
            let _ = write!(escape, "{}", c.escape_default());
        } else {
            escape.push(c);
        }
        length += escape.chars().count();
        if length > length_max {
            return cut(&line, length_max);
        }
        line.push_str(&escape);
    }
    line
}

/// As [`printable`], with each run of white space written as one blank: for pages and messages.
pub(super) fn printable_words(text: &str, length_max: usize) -> String {
    let mut words = String::new();
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(word);
        // Escaping only lengthens: what is read now is enough.
        if words.len() > 4 * length_max {
            break;
        }
    }
    printable(&words, length_max)
}

/// Whether a character is more than itself to a terminal.
pub(crate) fn drives_a_terminal(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Puts an ellipsis where the text ends, within the length.
fn cut(line: &str, length_max: usize) -> String {
    let mut line: String = line.chars().take(length_max.saturating_sub(1)).collect();
    line.push('…');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_marks_of_direction_are_escaped() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}ü\t", 99), "a\\u{1b}[2Jb\\u{202e}ü\\t");
    }

    #[test]
    fn white_space_becomes_one_blank() {
        assert_eq!(printable_words("  <html>\r\n\t<body>\u{0}", 99), "<html> <body>\\u{0}");
    }

    #[test]
    fn the_length_is_kept_escapes_included() {
        for text in ["\u{1b}".repeat(500), "ü".repeat(500), "a b".repeat(500)] {
            for length_max in [1, 7, 200] {
                let line = printable_words(&text, length_max);
                assert_eq!(
                    (line.chars().count() <= length_max, line.ends_with('…')),
                    (true, true),
                    "{line}"
                );
            }
        }
        assert_eq!(printable("abc", 3), "abc");
    }
}
