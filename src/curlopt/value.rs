//! What an option is set to: read from what somebody wrote, checked as libcurl would mean it.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::{CurlOption, Kind, Mistake, Unit};
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
}

impl Assignment {
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

const SECRET: &str = "***";

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

/// Reads and checks what was written for `option`.
///
/// # Errors
/// [`Mistake`], with what is expected.
pub fn check(option: &'static CurlOption, given: &Given) -> Result<Assignment, Mistake> {
    let known = option.knowledge();
    if let Some(why) = &known.reserved {
        return Err(Mistake::Reserved { name: option.name, why, flag: known.flag.as_deref() });
    }
    let value = match option.kind {
        Kind::Long | Kind::Values | Kind::OffT => Value::Number(number(option, given)?),
        Kind::String => Value::Text(text(option, given)?),
        Kind::List => Value::List(list(option, given)?),
        Kind::Blob => Value::Blob(blob(option, given)?),
        Kind::Object | Kind::Data | Kind::Function => {
            return Err(Mistake::Pointer { name: option.name, takes: option.kind.c_type() });
        }
    };
    Ok(Assignment { option, value })
}

/// What a value of `option` looks like, with bounds.
#[must_use]
pub fn expected(option: &CurlOption) -> String {
    let known = option.knowledge();
    let names: Vec<String> = option.names().map(|name| format!("{:?}", name.human)).collect();
    let what = match option.kind {
        Kind::String => return "a string".to_owned(),
        Kind::List => return "a list of strings, such as [\"…\", \"…\"],".to_owned(),
        Kind::Blob => return "a string, or \"base64:…\" for bytes,".to_owned(),
        Kind::Object | Kind::Data | Kind::Function => return option.kind.c_type().to_owned(),
        Kind::Long | Kind::Values | Kind::OffT if option.is_mask() => {
            return format!("a list of some of {}", names.join(", "));
        }
        Kind::Long | Kind::Values | Kind::OffT if !names.is_empty() => {
            return format!("one of {}", names.join(", "));
        }
        Kind::Long | Kind::Values | Kind::OffT => match known.unit {
            Some(Unit::Seconds) => "whole seconds, or a duration such as \"30s\" or \"5m\",",
            Some(Unit::Milliseconds) => {
                "milliseconds, or a duration such as \"1500ms\" or \"30s\","
            }
            Some(Unit::Bytes) => "bytes, or a size such as \"512KiB\",",
            Some(Unit::BytesPerSecond) => "bytes per second, or a rate such as \"10MiB/s\",",
            Some(Unit::Switch) => return "0 or 1".to_owned(),
            Some(Unit::Count) | None => "a whole number",
        },
    };
    let shown = |number: i64| in_unit(number, known.unit);
    match (known.min, known.max) {
        (Some(min), Some(max)) => format!("{what} from {} to {}", shown(min), shown(max)),
        (Some(min), None) if min > 0 => format!("{what} of at least {}", shown(min)),
        (None, Some(max)) => format!("{what} of at most {}", shown(max)),
        _ => what.trim_end_matches(',').to_owned(),
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

/// What was written, as a message repeats it: without secrets, and not at length.
fn repeated(option: &CurlOption, given: &Given) -> String {
    let known = option.knowledge();
    if known.secret || known.secret_userinfo {
        return SECRET.to_owned();
    }
    let shown = match given {
        Given::Integer(number) => number.to_string(),
        Given::Float(number) => number.to_string(),
        Given::Boolean(yes) => yes.to_string(),
        Given::Text(text) => format!("{text:?}"),
        Given::Typed(texts) => texts.join(","),
        Given::List(_) => "a list".to_owned(),
        Given::Other(what) => (*what).to_owned(),
    };
    let short: String = shown.chars().take(60).collect();
    if short.len() < shown.len() { format!("{short}…") } else { shown }
}

fn wrong_type(option: &'static CurlOption, given: &Given) -> Mistake {
    let (given, expected) = (repeated(option, given), expected(option));
    let expected = expected.trim_end_matches(',').to_owned();
    Mistake::Type { name: option.name, given, expected }
}

fn wrong_value(option: &'static CurlOption, given: &Given, why: impl Into<String>) -> Mistake {
    Mistake::Value { name: option.name, given: repeated(option, given), why: why.into() }
}

fn number(option: &'static CurlOption, given: &Given) -> Result<i64, Mistake> {
    let known = option.knowledge();
    let has_names = option.names().next().is_some();
    let number = match given {
        Given::Integer(number) => *number,
        Given::Boolean(yes) if !has_names && matches!(known.unit, None | Some(Unit::Switch)) => {
            i64::from(*yes)
        }
        Given::Text(text) => from_text(option, text, given)?,
        Given::Typed(texts) => match texts.as_slice() {
            [text] => from_typed(option, text, given)?,
            texts if option.is_mask() => {
                let mut each = texts.iter().map(|text| from_typed(option, text, given));
                each.try_fold(0, |sum, part| Ok(sum | part?))?
            }
            _ => return Err(wrong_value(option, given, "it is given more than once")),
        },
        Given::List(parts) if option.is_mask() => {
            let mut each = parts.iter().map(|part| number_of_mask(option, part));
            each.try_fold(0, |sum, part| Ok(sum | part?))?
        }
        _ => return Err(wrong_type(option, given)),
    };
    let is_below = known.min.is_some_and(|min| number < min);
    let is_above = known.max.is_some_and(|max| number > max);
    // What libcurl moves into its bounds it does not refuse, but for negative numbers.
    let is_moved = known.clamped && number >= 0;
    if (is_below || is_above) && !is_moved {
        let why = format!("{} is expected", expected(option));
        return Err(wrong_value(option, given, why));
    }
    Ok(number)
}

fn number_of_mask(option: &'static CurlOption, part: &Given) -> Result<i64, Mistake> {
    match part {
        Given::Integer(number) => Ok(*number),
        Given::Text(text) => from_text(option, text, part),
        _ => Err(wrong_type(option, part)),
    }
}

/// A number of a command line may be as plain as it is in a program.
fn from_typed(option: &'static CurlOption, text: &str, given: &Given) -> Result<i64, Mistake> {
    let is_switch = matches!(option.knowledge().unit, None | Some(Unit::Switch));
    if option.names().all(|name| name.human != text)
        && let Ok(number) = text.trim().parse()
    {
        return Ok(number);
    }
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "on" | "yes" if is_switch => Ok(1),
        "false" | "off" | "no" if is_switch => Ok(0),
        _ => from_text(option, text, given),
    }
}

/// A number that was written as text: by the name of a value, or with a unit.
fn from_text(option: &'static CurlOption, text: &str, given: &Given) -> Result<i64, Mistake> {
    let wrong = |why: &dyn fmt::Display| wrong_value(option, given, why.to_string());
    let whole = |number: u64| i64::try_from(number).map_err(|_| wrong(&"it is too large"));
    if option.names().next().is_some() {
        return by_name(option, text).ok_or_else(|| wrong_type(option, given));
    }
    match option.knowledge().unit {
        Some(Unit::Bytes) => whole(units::size(text).map_err(|error| wrong(&error))?),
        Some(Unit::BytesPerSecond) => {
            let text = text.trim().trim_end_matches("/s").trim_end_matches("ps");
            whole(units::size(text).map_err(|error| wrong(&error))?)
        }
        Some(Unit::Seconds) => {
            let duration = units::duration(text).map_err(|error| wrong(&error))?;
            if duration.subsec_nanos() > 0 {
                let other = option.knowledge().same_as.as_deref();
                let other = other.map(|name| format!("; {name} takes milliseconds"));
                return Err(wrong(&format!(
                    "it counts whole seconds{}",
                    other.unwrap_or_default()
                )));
            }
            whole(duration.as_secs())
        }
        Some(Unit::Milliseconds) => {
            // In the option's own unit, as a number without quotes is.
            if let Ok(number) = text.trim().parse() {
                return Ok(number);
            }
            let duration = units::duration(text).map_err(|error| wrong(&error))?;
            whole(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
        }
        Some(Unit::Switch | Unit::Count) | None => Err(wrong_type(option, given)),
    }
}

/// The value of this name, or the sum of several: `basic|digest`.
fn by_name(option: &CurlOption, text: &str) -> Option<i64> {
    let one = |text: &str| {
        let text = text.trim();
        let is_it = |name: &super::Name| {
            name.human.eq_ignore_ascii_case(text) || name.constant.eq_ignore_ascii_case(text)
        };
        option.names().find(is_it).map(|name| name.number)
    };
    if !option.is_sum() {
        return one(text);
    }
    text.split(['|', '+', ',']).map(one).try_fold(0, |sum, part| Some(sum | part?))
}

fn text(option: &'static CurlOption, given: &Given) -> Result<String, Mistake> {
    match given {
        Given::Text(text) => line(option, text, given),
        Given::Typed(texts) if texts.len() > 1 => {
            Err(wrong_value(option, given, "it is given more than once"))
        }
        Given::Typed(texts) => line(option, &texts.concat(), given),
        _ => Err(wrong_type(option, given)),
    }
}

fn list(option: &'static CurlOption, given: &Given) -> Result<Vec<String>, Mistake> {
    match given {
        Given::Text(text) => Ok(vec![line(option, text, given)?]),
        Given::Typed(texts) => texts.iter().map(|text| line(option, text, given)).collect(),
        Given::List(parts) => {
            let each = parts.iter().map(|part| match part {
                Given::Text(text) => line(option, text, part),
                other => Err(wrong_type(option, other)),
            });
            each.collect()
        }
        _ => Err(wrong_type(option, given)),
    }
}

/// libcurl passes line ends on as they are: into headers, for example.
fn line(option: &'static CurlOption, text: &str, given: &Given) -> Result<String, Mistake> {
    if text.contains(['\r', '\n', '\0']) {
        return Err(wrong_value(option, given, "it must not hold a line end or NUL"));
    }
    Ok(text.to_owned())
}

fn blob(option: &'static CurlOption, given: &Given) -> Result<Vec<u8>, Mistake> {
    let text = match given {
        Given::Text(text) => text.clone(),
        Given::Typed(texts) if texts.len() == 1 => texts.concat(),
        _ => return Err(wrong_type(option, given)),
    };
    match text.strip_prefix("base64:") {
        Some(encoded) => BASE64_STANDARD
            .decode(encoded.trim())
            .map_err(|error| wrong_value(option, given, format!("no base64: {error}"))),
        None => Ok(text.into_bytes()),
    }
}

#[cfg(test)]
mod tests;
