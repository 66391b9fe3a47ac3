//! What an option is set to, and how that is shown: with its unit or its name, without secrets.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{CurlOption, Unit};
use crate::units;

/// What somebody wrote.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// A whole number.
    Integer(i64),
    /// A number that is not whole.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A text in quotes.
    Text(String),
    /// A list.
    List(Vec<Given>),
    /// On a command line, where all is text; an option may be repeated.
    Typed(Vec<String>),
    /// What no option takes: a table, a date.
    Other(&'static str),
}

/// What libcurl is handed. Not to be printed: it may be secret, and only the option knows.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Value {
    /// For a `long` or a `curl_off_t`.
    Number(i64),
    /// For a string; holds no NUL and no line end.
    Text(String),
    /// For a list of strings.
    List(Vec<String>),
    /// For a blob.
    Blob(Vec<u8>),
}

/// An option and what it is set to. Prints stars in place of secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The option.
    pub option: &'static CurlOption,
    /// The value, which is of its kind.
    pub value: Value,
}

impl Value {
    /// Whether it is 0 or empty.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Value::Number(number) => *number == 0,
            Value::Text(text) => text.is_empty(),
            Value::List(list) => list.is_empty(),
            Value::Blob(bytes) => bytes.is_empty(),
        }
    }
}

impl Assignment {
    /// The value as people read it: with its unit or its name, without secrets.
    #[must_use]
    pub fn shown(&self) -> String {
        let known = self.option.knowledge();
        match &self.value {
            Value::List(_) => self.shown_lines().join(", "),
            value if known.secret && !value.is_nothing() => SECRET.to_owned(),
            Value::Number(number) => {
                named(self.option, *number).unwrap_or_else(|| in_unit(*number, known.unit))
            }
            Value::Text(text) if text.is_empty() => "\"\"".to_owned(),
            Value::Text(text) if known.secret_userinfo => without_userinfo(text),
            Value::Text(text) => text.clone(),
            Value::Blob(bytes) => format!("{} bytes", bytes.len()),
        }
    }

    /// The lines of a list as people read them, without secrets; of anything else none.
    #[must_use]
    pub fn shown_lines(&self) -> Vec<String> {
        let is_secret = self.option.knowledge().secret;
        match &self.value {
            Value::List(lines) => lines.iter().map(|line| line_shown(line, is_secret)).collect(),
            _ => Vec::new(),
        }
    }

    /// The value as [`Given::Typed`] reads it back. Holds secrets.
    #[must_use]
    pub fn typed(&self) -> Vec<String> {
        match &self.value {
            Value::Number(number) => {
                let name = named(self.option, *number).map(|name| name.replace(" + ", "|"));
                vec![name.unwrap_or_else(|| number.to_string())]
            }
            Value::Text(text) => vec![text.clone()],
            Value::List(list) => list.clone(),
            Value::Blob(bytes) => vec![format!("base64:{}", BASE64_STANDARD.encode(bytes))],
        }
    }
}

impl fmt::Debug for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.option.name, self.shown())
    }
}

pub(super) const SECRET: &str = "***";

/// A header field that may hold a key is shown by its name alone.
fn line_shown(line: &str, is_secret: bool) -> String {
    const TELLING: [&str; 5] = ["authorization", "cookie", "token", "key", "secret"];
    let name = line.split([':', ';']).next().unwrap_or_default();
    let is_secret =
        is_secret || TELLING.iter().any(|part| name.to_ascii_lowercase().contains(part));
    let holds_something = line.len() > name.len() + 1;
    if is_secret && holds_something { format!("{name}: {SECRET}") } else { line.to_owned() }
}

/// A URL with stars in place of `user:password`.
#[must_use]
pub fn without_userinfo(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{separator}{SECRET}@{host}"),
        None => url.to_owned(),
    }
}

/// The name of a value that has one, or the names of a sum.
fn named(option: &CurlOption, number: i64) -> Option<String> {
    if let Some(name) = option.names().find(|name| name.number == number) {
        return Some(name.human.to_owned());
    }
    let parts: Vec<_> = option
        .names()
        .filter(|name| name.number.count_ones() == 1 && number & name.number != 0)
        .collect();
    let whole = parts.iter().fold(0, |sum, name| sum | name.number) == number && number != 0;
    let names = || parts.iter().map(|name| name.human).collect::<Vec<_>>().join(" + ");
    (option.is_mask() && whole).then(names)
}

/// A number with its unit.
pub(super) fn in_unit(number: i64, unit: Option<Unit>) -> String {
    let size = || u64::try_from(number).map_or(number.to_string(), units::exact_size);
    match unit {
        Some(Unit::Seconds) => format!("{number} s"),
        Some(Unit::Milliseconds) => format!("{number} ms"),
        Some(Unit::Bytes) => size(),
        Some(Unit::BytesPerSecond) => format!("{}/s", size()),
        Some(Unit::Switch | Unit::Count) | None => number.to_string(),
    }
}
