//! `curlift options show`: all that is known of an option.

use super::facts::{self, Facts, Now};
use super::{file_as_far_as_right, page};
use crate::cli::Surroundings;
use crate::cli::args::OptionsShowArgs;
use crate::cli::console::{Console, harmless};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::vocabulary::Flags;
use crate::config::{Config, LibcurlOptions, Overrides, Vocabulary as _};
use crate::curlopt::{self, CurlOption, DEFAULT, Handle, Kind, Mistake, expected, find};
use crate::transport::{Refusal, lacks, version};

/// The column behind the labels.
const COLUMN: usize = 13;

/// Explains each of the options that were named.
pub(super) fn run(
    args: &OptionsShowArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let options = named(&args.names)?;
    let file = file_as_far_as_right(console, surroundings);
    let config = Config::load(&Overrides::default(), &surroundings.environment, &file);
    let set = match config {
        Ok(config) => Some(config.options),
        Err(error) => {
            console.warn(&format!("what is set now is not told: {error}"));
            None
        }
    };
    let width = page::width();
    let mut pages = Vec::new();
    for option in options {
        let refusal = lacks(option);
        if console.is_json() {
            let now = set.as_ref().and_then(|set| Now::of(option, set));
            console.event(&Facts::of(option).asked(refusal.as_ref()).set_to(now));
        } else {
            pages.push(Page { option, refusal, set: set.as_ref() }.text(width));
        }
    }
    if !console.is_json() {
        console.product(&harmless(&pages.join("\n\n")));
    }
    Ok(ExitStatus::Success)
}

/// The options of these names; where an easy and a multi option share one, both.
fn named(names: &[String]) -> Result<Vec<&'static CurlOption>, CliError> {
    let (mut options, mut mistakes) = (Vec::new(), Vec::new());
    for name in names {
        let found = [Handle::Easy, Handle::Multi].map(|handle| find(handle, name));
        match found {
            [Err(mistake), Err(_)] => mistakes.push(unknown(name, &mistake)),
            found => options.extend(found.into_iter().flatten()),
        }
    }
    options.dedup();
    if mistakes.is_empty() {
        return Ok(options);
    }
    Err(CliError::Usage {
        what: mistakes.join("\n"),
        hint: "`curlift options ls PATTERN` finds names; --all looks among all".to_owned(),
    })
}

/// Somebody may have meant a setting of curlift's own.
fn unknown(name: &str, mistake: &Mistake) -> String {
    let is_known_elsewhere = matches!(mistake, Mistake::Unknown { instead: Some(_), .. });
    match Flags::new().setting(name) {
        Some(setting) if !is_known_elsewhere => format!(
            "{name} is a setting of curlift's own, and no option of libcurl's: \
             `curlift cp --help` explains --{}",
            setting.replace('_', "-")
        ),
        _ => mistake.to_string(),
    }
}

/// One option, explained.
struct Page<'a> {
    option: &'static CurlOption,
    refusal: Option<Refusal>,
    /// What will be set, as far as that could be found out.
    set: Option<&'a LibcurlOptions>,
}

impl Page<'_> {
    fn text(&self, width: usize) -> String {
        let option = self.option;
        let known = option.knowledge();
        let on = match option.handle {
            Handle::Easy => "",
            Handle::Multi => ", of all transfers together",
        };
        let mut lines = vec![format!("{} ({}{on})", option.full_name(), option.id)];
        if !known.meaning.is_empty() {
            lines.push(page::indented(&known.meaning, 2, width));
        }
        lines.push(String::new());
        let rows = [self.value(), self.effect(), self.history(), self.writing()].concat();
        lines.extend(rows.iter().map(|(label, text)| page::labelled(label, text, COLUMN, width)));
        lines.join("\n")
    }

    /// What it can be, and what it is.
    fn value(&self) -> Vec<(&'static str, String)> {
        let (option, known) = (self.option, self.option.knowledge());
        let unit = known.unit.map(|unit| format!(", {}", facts::unit(unit))).unwrap_or_default();
        let mut rows = vec![("type", format!("{}{unit}", option.kind.c_type()))];
        if option.names().next().is_none() && option.kind.can_be_written() {
            rows.push(("takes", takes(option)));
        }
        rows.extend(option.names().enumerate().map(|(place, name)| {
            let label = if place > 0 {
                ""
            } else if option.is_mask() {
                "some of"
            } else {
                "one of"
            };
            (label, format!("{:?} ({}, {})", name.human, name.number, name.constant))
        }));
        rows.extend(
            known.default.iter().map(|default| ("default", format!("libcurl's: {default}"))),
        );
        for set in facts::in_profiles(option) {
            let is_default = set.profile == DEFAULT.name;
            let (label, whose) =
                if is_default { ("", "curlift's") } else { ("profile", set.profile) };
            rows.push((label, format!("{whose}: {} ({})", set.value, set.reason)));
        }
        if let Some(set) = self.set
            && known.reserved.is_none()
        {
            let now = Now::of(option, set);
            rows.push(("now", now.map_or_else(|| "not set".to_owned(), |now| now_shown(&now))));
        }
        rows
    }

    /// What it does, and what it does not.
    fn effect(&self) -> Vec<(&'static str, String)> {
        let known = self.option.knowledge();
        let mut rows = Vec::new();
        if known.no_effect {
            rows.push(("uploads", "does nothing for an upload".to_owned()));
        }
        let told = [("uploads", &known.upload), ("not", &known.not), ("measured", &known.measured)];
        rows.extend(told.into_iter().filter_map(|(label, text)| Some((label, text.clone()?))));
        rows.extend(known.warn.iter().map(|warning| {
            let values = warning.values.iter().flatten().map(|value| self.named(*value));
            let values = values.collect::<Vec<_>>().join(", ");
            let with = if values.is_empty() { values } else { format!("{values}: ") };
            ("warning", format!("{with}{}", warning.text))
        }));
        rows.extend(known.instead.as_ref().map(|instead| ("instead", instead.clone())));
        rows.extend(known.same_as.as_ref().map(|other| {
            ("same as", format!("{other}: one setting by two names, the last that is set counts"))
        }));
        rows
    }

    /// A value as it is written.
    fn named(&self, value: i64) -> String {
        let name = self.option.names().find(|name| name.number == value);
        name.map_or_else(|| value.to_string(), |name| format!("{:?}", name.human))
    }

    /// Which libcurl has it.
    fn history(&self) -> Vec<(&'static str, String)> {
        let mut rows = vec![("since", format!("libcurl {}", self.option.since))];
        rows.extend(self.option.deprecated.map(|deprecated| {
            let instead = deprecated.instead.map(|text| format!(": {text}")).unwrap_or_default();
            ("deprecated", format!("since libcurl {}{instead}", deprecated.since))
        }));
        let here = match &self.refusal {
            None => format!("libcurl {} has it", version().version),
            Some(refusal) => refusal.to_string(),
        };
        rows.push(("here", here));
        rows
    }

    /// How it is set, or why it is not.
    fn writing(&self) -> Vec<(&'static str, String)> {
        let (option, known) = (self.option, self.option.knowledge());
        if let Some(why) = &known.reserved {
            let instead = known.flag.iter().map(|flag| ("use", flag.clone()));
            let own = ("refused", format!("it is curlift's own: {why}"));
            return std::iter::once(own).chain(instead).collect();
        }
        match curlopt::example(option) {
            None => vec![("write", "nothing: only a program can hand it over".to_owned())],
            Some(example) => {
                let line = format!("{} below [{}]", example.line(option), option.handle.table());
                // Other users of a machine can read arguments.
                let is_secret = known.secret && option.kind != Kind::List;
                let typed = (!is_secret).then(|| ("or type", facts::flag(option, &example.typed)));
                std::iter::once(("write", line)).chain(typed).collect()
            }
        }
    }
}

/// What a value looks like, and what becomes of one outside its bounds.
fn takes(option: &CurlOption) -> String {
    let takes = expected(option);
    let takes = takes.trim_end_matches(',');
    let has_bounds = option.knowledge().min.zip(option.knowledge().max).is_some();
    if option.knowledge().clamped && has_bounds {
        return format!("{takes}; libcurl silently moves others into these bounds");
    }
    takes.to_owned()
}

fn now_shown(now: &Now) -> String {
    let by = now.by.map(|other| format!(", as {other}")).unwrap_or_default();
    format!("{} ({}{by})", now.value, now.origin)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curlopt::all;

    #[test]
    fn names_are_found_however_they_are_spelled() {
        let found = |name: &str| {
            let options = named(&[name.to_owned()]).unwrap();
            options.iter().map(|option| option.full_name()).collect::<Vec<_>>()
        };
        assert_eq!(found("curlopt_timeout"), ["CURLOPT_TIMEOUT"]);
        assert_eq!(found("CURLMOPT_MAXCONNECTS"), ["CURLMOPT_MAXCONNECTS"]);
        assert_eq!(found("maxconnects"), ["CURLOPT_MAXCONNECTS", "CURLMOPT_MAXCONNECTS"]);
        assert_eq!(found("max_total_connections"), ["CURLMOPT_MAX_TOTAL_CONNECTIONS"]);
    }

    #[test]
    fn every_page_fits_its_width() {
        for option in all(Handle::Easy).chain(all(Handle::Multi)) {
            let text = Page { option, refusal: None, set: None }.text(80);
            for line in text.lines() {
                let is_one_word = line.split_whitespace().count() <= 2;
                assert!(line.chars().count() <= 80 || is_one_word, "{line}");
            }
        }
    }
}
