//! `curlift options ls`: the options by topic.

use super::facts::{self, Facts};
use super::{file_as_far_as_right, page, profiles};
use crate::cli::Surroundings;
use crate::cli::args::OptionsLsArgs;
use crate::cli::console::{Console, width};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::curlopt::{CurlOption, Handle, all};
use crate::transport::Refusal;

/// Those of the knowledge, what is mostly looked for first.
const TOPICS: [&str; 13] = [
    "timeouts",
    "connection",
    "upload",
    "limits",
    "names",
    "TLS",
    "proxy",
    "HTTP",
    "authentication",
    "cookies",
    "debugging",
    "multi",
    "protocol",
];

/// What is listed of those about which there is nothing to say.
const OTHERS: &str = "others";

/// A terminal of so many columns shows an option on one line.
const WIDE: usize = 150;

/// Prints the list.
pub(super) fn run(
    args: &OptionsLsArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    if args.profiles {
        profiles::list(console, &file_as_far_as_right(console, surroundings));
        return Ok(ExitStatus::Success);
    }
    let listed = select(args)?;
    file_as_far_as_right(console, surroundings);
    let refusals =
        if args.all { facts::refusals(&listed) } else { listed.iter().map(|_| None).collect() };
    let rows: Vec<_> = listed.into_iter().zip(refusals).collect();
    if console.is_json() {
        for (option, refusal) in &rows {
            let facts = Facts::of(option);
            console.event(&if args.all { facts.asked(refusal.as_ref()) } else { facts });
        }
        return Ok(ExitStatus::Success);
    }
    console.product(&text(&rows, width()));
    if !args.all && args.pattern.is_none() {
        let count = all(Handle::Easy).count() + all(Handle::Multi).count();
        console.note(&format!(
            "\n{} that matter to uploads, of {count} (--all lists them); more of one: \
             curlift options show NAME",
            page::counted(rows.len(), "option")
        ));
    }
    Ok(ExitStatus::Success)
}

/// The options that were asked for, by topic and name.
fn select(args: &OptionsLsArgs) -> Result<Vec<&'static CurlOption>, CliError> {
    let every = || all(Handle::Easy).chain(all(Handle::Multi));
    let mut listed: Vec<&CurlOption> =
        every().filter(|option| args.all || matters(option)).collect();
    if let Some(pattern) = &args.pattern {
        listed.retain(|option| meets(pattern, option));
        // What does nothing for an upload is no less asked for by its name.
        if listed.is_empty() {
            listed.extend(every().filter(|option| meets(pattern, option)));
        }
        if listed.is_empty() {
            let is_about = |option: &&CurlOption| matters(option) && is_about(pattern, option);
            listed.extend(every().filter(is_about));
        }
        if listed.is_empty() {
            return Err(CliError::Usage {
                what: format!("no option has {pattern:?} in its name or its meaning"),
                hint: format!("topics are {}", TOPICS.join(", ")),
            });
        }
    }
    listed.sort_by_key(|option| (topic(option), option.handle, option.name));
    Ok(listed)
}

/// Whether somebody who uploads may want to set it.
fn matters(option: &CurlOption) -> bool {
    let known = option.knowledge();
    let is_known = !known.meaning.is_empty() && option.kind.can_be_written();
    is_known && known.reserved.is_none() && !known.no_effect
}

/// By the name of a topic, or a part of the option's.
fn meets(pattern: &str, option: &CurlOption) -> bool {
    let mut topics = TOPICS.iter();
    if let Some(wanted) = topics.find(|topic| topic.eq_ignore_ascii_case(pattern)) {
        return option.knowledge().topic == *wanted;
    }
    option.full_name().contains(&pattern.trim().to_ascii_uppercase())
}

fn is_about(pattern: &str, option: &CurlOption) -> bool {
    option.knowledge().meaning.to_lowercase().contains(&pattern.trim().to_lowercase())
}

/// Its place in the list of topics.
fn topic(option: &CurlOption) -> usize {
    let topic = &option.knowledge().topic;
    TOPICS.iter().position(|known| known == topic).unwrap_or(TOPICS.len())
}

type Row = (&'static CurlOption, Option<Refusal>);

/// The table, for a terminal of so many columns; one line an option where there is none.
fn text(rows: &[Row], width: Option<usize>) -> String {
    let mut lines = Vec::new();
    for topics in rows.chunk_by(|(one, _), (other, _)| topic(one) == topic(other)) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let name = topics.first().and_then(|(option, _)| TOPICS.get(topic(option)));
        lines.push((*name.unwrap_or(&OTHERS)).to_owned());
        lines.extend(topics.iter().map(|row| match width {
            Some(width) if width < WIDE => narrow(row, width),
            _ => wide(row),
        }));
    }
    lines.join("\n")
}

fn narrow(row: &Row, width: usize) -> String {
    let (option, _) = row;
    let head = format!("  {:<30} {:<8} {}", name(option), facts::kind(option), default(option));
    let meaning = page::indented(&meaning(row), 6, width);
    let head = page::cut(head.trim_end(), width);
    if meaning.is_empty() { head } else { format!("{head}\n{meaning}") }
}

fn wide(row: &Row) -> String {
    let (option, _) = row;
    let default = page::cut(default(option), 28);
    let (name, kind) = (name(option), facts::kind(option));
    format!("  {name:<30} {kind:<8} {default:<28} {}", meaning(row)).trim_end().to_owned()
}

/// Multi options are named in full: some have the name of an easy option.
fn name(option: &CurlOption) -> String {
    match option.handle {
        Handle::Easy => option.name.to_owned(),
        Handle::Multi => option.full_name(),
    }
}

fn default(option: &CurlOption) -> &'static str {
    option.knowledge().default.as_deref().unwrap_or("-")
}

/// What it means, behind what keeps one from setting it.
fn meaning((option, refusal): &Row) -> String {
    let known = option.knowledge();
    let marks = [
        (refusal.is_some(), "not in this libcurl"),
        (known.reserved.is_some(), "curlift's own"),
        (!option.kind.can_be_written() && known.reserved.is_none(), "for programs"),
        (known.no_effect, "nothing for uploads"),
        (option.deprecated.is_some(), "deprecated"),
    ];
    let marks: Vec<&str> =
        marks.into_iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| mark).collect();
    match (marks.as_slice(), known.meaning.as_str()) {
        ([], meaning) => meaning.to_owned(),
        (marks, "") => format!("[{}]", marks.join(", ")),
        (marks, meaning) => format!("[{}] {meaning}", marks.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(pattern: Option<&str>, all: bool) -> Vec<&'static str> {
        let pattern = pattern.map(str::to_owned);
        let args = OptionsLsArgs { pattern, all, profiles: false };
        select(&args).unwrap().into_iter().map(|option| option.name).collect()
    }

    #[test]
    fn every_topic_has_a_place() {
        for option in all(Handle::Easy).chain(all(Handle::Multi)) {
            let named = &option.knowledge().topic;
            assert!(named.is_empty() || TOPICS.contains(&named.as_str()), "{named}");
        }
    }

    #[test]
    fn a_pattern_is_a_topic_or_a_part_of_a_name() {
        assert!(selected(Some("Timeouts"), false).contains(&"LOW_SPEED_LIMIT"));
        let found = selected(Some("keepalive"), false);
        assert!(found.contains(&"TCP_KEEPALIVE") && !found.contains(&"TIMEOUT"), "{found:?}");
        assert_eq!(selected(Some("CURLOPT_TIMEOUT_M"), false), ["TIMEOUT_MS"]);
        assert!(selected(None, false).len() < selected(None, true).len());
        let args = OptionsLsArgs { pattern: Some("xyzzy".into()), all: false, profiles: false };
        assert!(select(&args).is_err());
    }

    #[test]
    fn what_does_nothing_is_listed_when_it_is_asked_for() {
        assert!(!selected(None, false).contains(&"ACCEPTTIMEOUT_MS"));
        assert_eq!(selected(Some("ACCEPTTIMEOUT"), false), ["ACCEPTTIMEOUT_MS"]);
    }

    #[test]
    fn a_word_that_is_in_no_name_is_looked_for_in_the_meanings() {
        let found = selected(Some("Certificate"), false);
        assert!(found.contains(&"SSL_VERIFYPEER") && !found.contains(&"TIMEOUT"), "{found:?}");
    }

    #[test]
    fn it_fits_a_terminal() {
        let rows: Vec<Row> =
            all(Handle::Easy).chain(all(Handle::Multi)).map(|option| (option, None)).collect();
        for width in [60, 80, 120] {
            let text = text(&rows, Some(width));
            let longest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
            assert!(longest.chars().count() <= width, "{longest}");
        }
        let plain = text(&rows, None);
        let options = plain.lines().filter(|line| line.starts_with("  "));
        assert_eq!(options.count(), rows.len());
    }
}
