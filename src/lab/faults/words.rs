//! The words of a fault rule, taken one by one, and the numbers with units among them.

use std::time::Duration;

use super::parse::FaultError;

const SIZES: &str = "a size such as 65536, 64KiB, 4MiB, 4M, 1GiB";
const S3_CODES: &str = "an S3 error code such as SlowDown, InternalError, AccessDenied";
pub(super) const DURATIONS: &str = "a duration such as 250ms, 30s, 5m, 2h, 1d";

/// The words of a rule and how far it has been read.
pub(super) struct Words<'a> {
    rule: &'a str,
    read: usize,
}

impl<'a> Words<'a> {
    pub(super) fn new(rule: &'a str) -> Words<'a> {
        Words { rule, read: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rule[self.read..].trim_start()
    }

    pub(super) fn peek(&self) -> Option<&'a str> {
        self.rest().split_whitespace().next()
    }

    pub(super) fn advance(&mut self) {
        let word = self.peek().map_or(0, str::len);
        self.read = self.rule.len() - self.rest().len() + word;
    }

    /// Reads one word with `read`; where that fails, or the rule ends, says what was expected.
    pub(super) fn take<T>(
        &mut self,
        name: &str,
        allowed: &str,
        example: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<T, FaultError> {
        match self.peek() {
            None => Err(self.error(format!("{name} is missing"), allowed, example)),
            Some(word) => match read(word) {
                None => Err(self.error(format!("{name} cannot be \"{word}\""), allowed, example)),
                Some(value) => {
                    self.advance();
                    Ok(value)
                }
            },
        }
    }

    /// Skips a word that was peeked at, and goes on with `read`.
    pub(super) fn after<T>(
        &mut self,
        read: impl Fn(&mut Self) -> Result<T, FaultError>,
    ) -> Result<T, FaultError> {
        self.advance();
        read(self)
    }

    pub(super) fn after_size(&mut self, example: &'static str) -> Result<u64, FaultError> {
        self.take("the place", "after SIZE", example, |word| (word == "after").then_some(()))?;
        self.take("the size", SIZES, example, size)
    }

    pub(super) fn duration(&mut self, example: &'static str) -> Result<Duration, FaultError> {
        self.take("the duration", DURATIONS, example, duration)
    }

    pub(super) fn s3_code(&mut self, example: &'static str) -> Result<String, FaultError> {
        self.take("the S3 code", S3_CODES, example, |word| {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
            plain.then(|| word.to_owned())
        })
    }

    pub(super) fn count(&mut self, form: &str, example: &'static str) -> Result<u64, FaultError> {
        let allowed = format!("a whole number from 1, as in {form}");
        self.take("the count", &allowed, example, |word| word.parse().ok().filter(|n| *n > 0))
    }

    pub(super) fn unexpected(&self, place: &str) -> String {
        format!("\"{}\" {place}", self.peek().unwrap_or_default())
    }

    pub(super) fn error(
        &self,
        problem: String,
        allowed: &str,
        example: &'static str,
    ) -> FaultError {
        let column = self.rule[..self.rule.len() - self.rest().len()].chars().count() + 1;
        FaultError {
            rule: self.rule.to_owned(),
            column,
            problem,
            allowed: allowed.to_owned(),
            example,
        }
    }
}

pub(super) fn http_status(word: &str) -> Option<u16> {
    word.parse().ok().filter(|code| (200..=599).contains(code))
}

/// A share in percent, with at most four decimals, in millionths.
pub(super) fn millionths(percent: &str) -> Option<u32> {
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, ""));
    if decimals.len() > 4 || !decimals.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let decimals: u32 = format!("{decimals:0<4}").parse().ok()?;
    let share = whole.checked_mul(10_000)?.checked_add(decimals)?;
    (share <= 1_000_000).then_some(share)
}

/// Bytes: `4MiB`, `4MB`, `4M` and `4m` are all 4 × 2²⁰.
fn size(word: &str) -> Option<u64> {
    let (number, unit) = split_unit(word)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// Bytes a second: a size, with `/s` or without.
pub(super) fn rate(word: &str) -> Option<u64> {
    size(word.strip_suffix("/s").unwrap_or(word))
}

/// A duration; a bare number is seconds.
pub(super) fn duration(word: &str) -> Option<Duration> {
    let (number, unit) = split_unit(word)?;
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

fn split_unit(word: &str) -> Option<(u64, &str)> {
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    Some((number.parse().ok()?, unit))
}
