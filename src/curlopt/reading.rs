//! What somebody wrote for an option, read and checked as libcurl would mean it.

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::value::{SECRET, in_unit};
use super::{Assignment, CurlOption, Given, Kind, Mistake, Name, Unit, Value};
use crate::units;

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
        let is_it = |name: &Name| {
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
