//! What is known of an option, as JSON has it, and the words that texts use of it.

use serde::Serialize;

use crate::config::{LibcurlOptions, Origin};
use crate::curlopt::{self, CurlOption, Handle, Kind, PROFILES, Preset, Unit, expected, find};
use crate::transport::{Refusal, lacks};

/// One option.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the line")]
pub(super) struct Facts {
    event: &'static str,
    name: &'static str,
    full_name: String,
    number: u32,
    handle: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    unit: Option<&'static str>,
    topic: Option<&'static str>,
    meaning: Option<&'static str>,
    /// libcurl's own.
    default: Option<&'static str>,
    min: Option<i64>,
    max: Option<i64>,
    clamped: bool,
    takes: String,
    values: Vec<Named>,
    several: bool,
    /// What profiles set it to, that which is always set first.
    profiles: Vec<InProfile>,
    upload: Option<&'static str>,
    not: Option<&'static str>,
    measured: Option<&'static str>,
    warnings: Vec<&'static str>,
    no_effect: bool,
    same_as: Option<&'static str>,
    since: &'static str,
    deprecated_since: Option<&'static str>,
    /// What to write in its place, where it is deprecated, does nothing, or is the engine's.
    instead: Option<&'static str>,
    reserved: Option<&'static str>,
    secret: bool,
    /// The line of the config file and the argument of a command line.
    example: Option<Example>,
    /// Whether this libcurl has it, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    /// What it is set to, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<Now>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: &'static str,
    constant: &'static str,
    number: i64,
}

/// What a built-in profile sets an option to, and why.
#[derive(Debug, Serialize)]
pub(super) struct InProfile {
    pub(super) profile: &'static str,
    pub(super) value: String,
    pub(super) reason: &'static str,
}

#[derive(Debug, Serialize)]
struct Example {
    config: String,
    flag: String,
}

/// What an option is set to.
#[derive(Debug, Serialize)]
pub(super) struct Now {
    pub(super) value: String,
    pub(super) origin: String,
    /// The other name of the setting, where that was used.
    pub(super) by: Option<&'static str>,
}

impl Now {
    /// What `option` will be set to.
    pub(super) fn of(option: &CurlOption, options: &LibcurlOptions) -> Option<Now> {
        let same = |other: &CurlOption| {
            other.handle == option.handle && other.setting() == option.setting()
        };
        let set = options.iter().find(|set| same(set.value.option))?;
        let other = set.value.option.name;
        Some(Now {
            value: set.value.shown(),
            origin: origin(&set.origin),
            by: (other != option.name).then_some(other),
        })
    }
}

impl Facts {
    pub(super) fn of(option: &'static CurlOption) -> Facts {
        let known = option.knowledge();
        let deprecated = option.deprecated;
        let instead = known.flag.as_deref().or(known.instead.as_deref());
        Facts {
            event: "option",
            name: option.name,
            full_name: option.full_name(),
            number: option.id,
            handle: handle(option.handle),
            kind: option.kind.c_type(),
            unit: known.unit.map(unit),
            topic: said(&known.topic),
            meaning: said(&known.meaning),
            default: known.default.as_deref(),
            min: known.min,
            max: known.max,
            clamped: known.clamped,
            takes: takes(option),
            values: values(option),
            several: option.is_mask(),
            profiles: in_profiles(option),
            upload: known.upload.as_deref(),
            not: known.not.as_deref(),
            measured: known.measured.as_deref(),
            warnings: known.warn.iter().map(|warning| warning.text.as_str()).collect(),
            no_effect: known.no_effect,
            same_as: known.same_as.as_deref(),
            since: option.since,
            deprecated_since: deprecated.map(|deprecated| deprecated.since),
            instead: instead.or(deprecated.and_then(|deprecated| deprecated.instead)),
            reserved: known.reserved.as_deref(),
            secret: known.secret || known.secret_userinfo,
            example: curlopt::example(option).map(|example| Example {
                config: format!("[{}]\n{}", option.handle.table(), example.line(option)),
                flag: flag(option, &example.typed),
            }),
            taken: None,
            refusal: None,
            now: None,
        }
    }

    /// The same, with what this libcurl says to it.
    pub(super) fn asked(self, refusal: Option<&Refusal>) -> Facts {
        let refusal = refusal.map(ToString::to_string);
        Facts { taken: Some(refusal.is_none()), refusal, ..self }
    }

    /// The same, with what it is set to.
    pub(super) fn set_to(self, now: Option<Now>) -> Facts {
        Facts { now, ..self }
    }
}

fn values(option: &CurlOption) -> Vec<Named> {
    let named = |name: curlopt::Name| Named {
        name: name.human,
        constant: name.constant,
        number: name.number,
    };
    option.names().map(named).collect()
}

/// How an option is set on a command line, where the name of an easy option goes before that of a
/// multi option.
pub(super) fn flag(option: &CurlOption, typed: &str) -> String {
    let is_hidden = option.handle == Handle::Multi && find(Handle::Easy, option.name).is_ok();
    let name = if is_hidden { option.full_name() } else { option.name.to_owned() };
    format!("--curl {name}={}", shlex::try_quote(typed).unwrap_or_default())
}

/// What built-in profiles set `option` to.
pub(super) fn in_profiles(option: &CurlOption) -> Vec<InProfile> {
    let of = |profile: &&'static curlopt::Profile| {
        let entries = profile.curl.iter().zip(profile.assignments());
        let (entry, set) = entries.into_iter().find(|(_, set)| set.option == option)?;
        let (_, _, reason): &(&str, Preset, &str) = entry;
        Some(InProfile { profile: profile.name, value: set.shown(), reason })
    };
    PROFILES.iter().filter_map(of).collect()
}

/// What a value looks like.
fn takes(option: &CurlOption) -> String {
    expected(option).trim_end_matches(',').to_owned()
}

/// What this libcurl says to each of `options`.
pub(super) fn refusals(options: &[&'static CurlOption]) -> Vec<Option<Refusal>> {
    options.iter().map(|option| lacks(option)).collect()
}

fn said(text: &'static str) -> Option<&'static str> {
    (!text.is_empty()).then_some(text)
}

/// Which kind of handle.
pub(super) fn handle(handle: Handle) -> &'static str {
    match handle {
        Handle::Easy => "easy",
        Handle::Multi => "multi",
    }
}

pub(super) fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "seconds",
        Unit::Milliseconds => "milliseconds",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "bytes/s",
        Unit::Switch => "switch",
        Unit::Count => "count",
    }
}

/// What is written behind its `=`, in a word.
pub(super) fn kind(option: &CurlOption) -> &'static str {
    let known = option.knowledge();
    match option.kind {
        Kind::String => "string",
        Kind::List => "list",
        Kind::Blob => "blob",
        Kind::Object | Kind::Data | Kind::Function => "pointer",
        Kind::Long | Kind::Values | Kind::OffT if option.names().next().is_some() => "names",
        Kind::Long | Kind::Values | Kind::OffT => match known.unit {
            Some(Unit::Switch) => "0 or 1",
            Some(Unit::Milliseconds) => "ms",
            Some(Unit::Count) | None => "number",
            Some(other) => unit(other),
        },
    }
}

/// Who set a value: a file by its line alone, for the name stands beside it.
pub(super) fn origin(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line, .. } => format!("{}:{line}", path.display()),
        other => other.to_string(),
    }
}
