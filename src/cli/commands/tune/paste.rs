//! The settings to use, as configuration to paste.

use std::fmt::Write as _;

use super::found::Found;
use super::names::is_option;
use crate::curlopt::{self, Handle};
use crate::tune::Candidate;

/// The best settings as TOML; where nothing may be claimed, only comments.
pub(super) fn toml(found: &Found) -> String {
    let verdict = commented(&found.verdict());
    let head = format!("# curlift tune, {} uploads of {} bytes\n", found.uploads, found.size);
    let settings = match (found.best(), found.ahead()) {
        (Some(entry), _) => settings(&entry.candidate),
        (None, Some(entry)) => commented(&settings(&entry.candidate)),
        (None, None) => String::new(),
    };
    format!("{head}{verdict}{settings}")
}

/// Each line a comment.
fn commented(text: &str) -> String {
    text.lines().flat_map(|line| ["# ", line, "\n"]).collect()
}

/// Top-level keys, then libcurl's options in the tables of their handles.
fn settings(candidate: &Candidate) -> String {
    let mut text = String::new();
    for table in ["", Handle::Easy.table(), Handle::Multi.table()] {
        let mut of_table = candidate.settings.iter().filter(|(name, _)| table_of(name) == table);
        let Some(first) = of_table.next() else { continue };
        if !table.is_empty() {
            writeln!(text, "[{table}]").expect("text can be appended to");
        }
        for (name, value) in std::iter::once(first).chain(of_table) {
            writeln!(text, "{name} = {}", toml_value(value)).expect("text can be appended to");
        }
    }
    text
}

/// The table of the config file in which a name stands; none where it is a setting.
fn table_of(name: &str) -> &'static str {
    match is_option(name) {
        false => "",
        true if curlopt::find(Handle::Easy, name).is_ok() => Handle::Easy.table(),
        true => Handle::Multi.table(),
    }
}

/// Numbers and truths as such, all else as a string: JSON's escapes are TOML's too.
fn toml_value(text: &str) -> String {
    let is_number = text.parse::<i64>().is_ok_and(|number| number.to_string() == text);
    if is_number || text == "true" || text == "false" {
        return text.to_owned();
    }
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_toml() {
        let pairs = [
            ("UPLOAD_BUFFERSIZE", "1MiB"),
            ("part_size", "8MiB"),
            ("TCP_NODELAY", "1"),
            ("MAX_TOTAL_CONNECTIONS", "9"),
            ("no_hedge", "true"),
            ("proxy", "\"\\\u{7f}"),
        ];
        let settings_of = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let text = settings(&Candidate { settings: settings_of });
        let table: toml::Table = text.parse().unwrap();
        assert_eq!(table["part_size"].as_str(), Some("8MiB"));
        assert_eq!(table["no_hedge"].as_bool(), Some(true));
        assert_eq!(table["proxy"].as_str(), Some("\"\\\u{7f}"));
        assert_eq!(table["curl"]["UPLOAD_BUFFERSIZE"].as_str(), Some("1MiB"));
        assert_eq!(table["curl"]["TCP_NODELAY"].as_integer(), Some(1));
        assert_eq!(table["curlm"]["MAX_TOTAL_CONNECTIONS"].as_integer(), Some(9));
        assert_eq!(settings(&Candidate::default()), "");
    }
}
