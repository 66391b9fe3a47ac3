//! What is known of the options beyond their names: units, ranges, what each does to an upload,
//! which are the engine's.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{CurlOption, Handle};

const KNOWLEDGE: &str = include_str!("knowledge.toml");

/// What is known of one option.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(clippy::struct_excessive_bools, reason = "the fields are those of the file")]
pub struct Knowledge {
    /// One line.
    pub meaning: String,
    /// What it belongs to: timeouts, TLS, …
    pub topic: String,
    /// What libcurl takes where it is not set, in words.
    pub default: Option<String>,
    /// What its number counts.
    pub unit: Option<Unit>,
    /// The least number that libcurl takes.
    pub min: Option<i64>,
    /// The greatest.
    pub max: Option<i64>,
    /// Whether libcurl silently moves others into these bounds.
    pub clamped: bool,
    /// What it does to an upload.
    pub upload: Option<String>,
    /// What it is believed to do, and does not.
    pub not: Option<String>,
    /// What we have measured of it.
    pub measured: Option<String>,
    /// Whether it does nothing to an upload at all.
    pub no_effect: bool,
    /// What to write in its place.
    pub instead: Option<String>,
    /// The other name of the same setting.
    pub same_as: Option<String>,
    /// Whether its value must never be printed.
    pub secret: bool,
    /// Whether its value is a URL that may hold a password.
    pub secret_userinfo: bool,
    /// What some values lead to.
    pub warn: Vec<Warning>,
    /// Why it is the engine's own.
    pub reserved: Option<String>,
    /// The flag that stands for it then.
    pub flag: Option<String>,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    #[serde(rename = "bytes/s")]
    BytesPerSecond,
    /// Nothing: it is on (1) or off (0).
    Switch,
    /// Things.
    Count,
}

/// What some values of an option lead to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// Which; without, all that are neither 0 nor empty.
    pub values: Option<Vec<i64>>,
    /// The consequence, and what to use instead.
    pub text: String,
}

#[derive(Deserialize)]
struct Written {
    not_options: BTreeMap<String, String>,
    #[serde(flatten)]
    options: BTreeMap<String, Knowledge>,
}

fn written() -> &'static Written {
    static READ: OnceLock<Written> = OnceLock::new();
    READ.get_or_init(|| match toml::from_str(KNOWLEDGE) {
        Ok(written) => written,
        Err(error) => panic!("knowledge.toml: {} at {:?}", error.message(), error.span()),
    })
}

static NOTHING: Knowledge = Knowledge {
    meaning: String::new(),
    topic: String::new(),
    default: None,
    unit: None,
    min: None,
    max: None,
    clamped: false,
    upload: None,
    not: None,
    measured: None,
    no_effect: false,
    instead: None,
    same_as: None,
    secret: false,
    secret_userinfo: false,
    warn: Vec::new(),
    reserved: None,
    flag: None,
};

/// What is known of `option`; nothing where it does not matter to uploads.
#[must_use]
pub fn explained(option: &CurlOption) -> &'static Knowledge {
    let found = match option.handle {
        Handle::Easy => written().options.get(option.name),
        Handle::Multi => written().options.get(&format!("multi.{}", option.name)),
    };
    found.unwrap_or(&NOTHING)
}

/// What to write in place of a name that is known from elsewhere.
pub(super) fn known_elsewhere(name: &str) -> Option<&'static str> {
    written().not_options.get(&name.replace('-', "_")).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::super::{all, find};
    use super::*;

    #[test]
    fn all_that_is_written_is_of_an_option_that_exists() {
        for name in written().options.keys() {
            let found = match name.strip_prefix("multi.") {
                Some(name) => find(Handle::Multi, name),
                None => find(Handle::Easy, name),
            };
            assert_eq!(found.unwrap().name, name.trim_start_matches("multi."));
        }
    }

    #[test]
    fn what_matters_to_uploads_is_explained() {
        let explained = all(Handle::Easy).filter(|o| !o.knowledge().meaning.is_empty()).count();
        assert!(explained >= 120, "{explained} options have a meaning");
        for option in all(Handle::Easy).chain(all(Handle::Multi)) {
            let known = option.knowledge();
            assert!(known.meaning.len() <= 110, "{}: one line", option.name);
            assert!(
                known.min.zip(known.max).is_none_or(|(min, max)| min <= max),
                "{}",
                option.name
            );
            assert_eq!(known.meaning.is_empty(), known.topic.is_empty(), "{}", option.name);
            if known.no_effect {
                assert!(known.instead.is_some(), "{}: and what instead?", option.name);
            }
        }
    }

    #[test]
    fn the_other_name_of_a_setting_knows_it_too() {
        for option in all(Handle::Easy) {
            let Some(other) = &option.knowledge().same_as else { continue };
            let other = find(Handle::Easy, other).unwrap();
            assert_eq!(other.knowledge().same_as.as_deref(), Some(option.name));
        }
    }

    #[test]
    fn folklore_is_known() {
        for name in ["RETRY", "RETRY_DELAY", "RETRY_MAX_TIME", "CONNECT-TIMEOUT"] {
            assert!(known_elsewhere(name).is_some(), "{name}");
        }
    }
}
