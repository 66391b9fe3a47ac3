//! Text as bash, Python and TOML write it, and as a comment of any of them: whatever a value or a
//! path holds, it neither ends its line nor drives the terminal.

use std::borrow::Cow;
use std::fmt::Write;

use crate::s3::drives_a_terminal;

/// A word of a bash command line.
pub(super) fn shell(text: &str) -> String {
    if !text.chars().any(drives_a_terminal) {
        // Only NUL cannot be quoted, and no value holds it.
        return shlex::try_quote(text).map_or_else(|_| "''".to_owned(), Cow::into_owned);
    }
    let escape = |byte: u8| match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        // Two digits at most are read: what follows cannot lengthen it.
        _ => format!("\\x{byte:02x}"),
    };
    format!("$'{}'", text.bytes().map(escape).collect::<String>())
}

/// A string of Python; as bytes where `PycURL`, which takes ASCII alone as `str`, needs them.
pub(super) fn python(text: &str) -> String {
    let quoted = quoted(text);
    if text.is_ascii() { quoted } else { format!("{quoted}.encode()") }
}

/// A basic string of TOML.
pub(super) fn toml(text: &str) -> String {
    quoted(text)
}

/// A comment's text, in one line.
pub(super) fn comment(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        if drives_a_terminal(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// In double quotes, with escapes that TOML and Python read alike.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // None of them is beyond 16 bits. Writing to a String cannot fail.
            c if drives_a_terminal(c) => drop(write!(quoted, "\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a'b\"c\\d $(e) `f` !g\u{1b}[31m\nh\u{202e}ü\u{7f}";

    #[test]
    fn bash_reads_back_what_was_quoted() {
        for text in ["", "plain", "a b", "it's", "$HOME `id` $(id) !x", "\\", NASTY, "\u{1b}f0"] {
            let script = format!("printf %s {}", shell(text));
            let ran = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(ran.stdout).unwrap(), text, "{script}");
        }
    }

    #[test]
    fn nothing_ends_its_line_or_drives_the_terminal() {
        for quoted in [shell(NASTY), python(NASTY), toml(NASTY), comment(NASTY)] {
            assert!(!quoted.chars().any(drives_a_terminal), "{quoted:?}");
        }
    }

    #[test]
    fn toml_reads_back_what_was_quoted() {
        let table: toml::Table = toml::from_str(&format!("a = {}", toml(NASTY))).unwrap();
        assert_eq!(table["a"].as_str(), Some(NASTY));
    }

    #[test]
    fn text_beyond_ascii_is_bytes_for_pycurl() {
        assert_eq!(python("x\"y\\"), r#""x\"y\\""#);
        assert_eq!(python("ü"), "\"ü\".encode()");
    }
}
