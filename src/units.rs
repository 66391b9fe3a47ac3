//! Sizes, durations and rates as users write them. One rule, as aws reads them: `64MiB`, `64M`,
//! `64MB` and `64m` are all 64 × 2²⁰, bare numbers are bytes or seconds. Bits are spelled out, and
//! counted as networks are sold: `10Mbit` is 10 × 10⁶ bits a second.

use std::time::Duration;

/// A text that is no size, no duration or no rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// There is no whole number before the unit.
    #[error("`{text}` does not begin with a whole number; write {examples}")]
    NoNumber {
        /// The text.
        text: String,
        /// What would be right.
        examples: &'static str,
    },
    /// There is no number with up to six decimals before the unit.
    #[error("`{text}` does not begin with a number of up to six decimals; write {examples}")]
    NoDecimal {
        /// The text.
        text: String,
        /// What would be right.
        examples: &'static str,
    },
    /// The unit is not one of ours.
    #[error("`{text}` has the unknown unit `{unit}`; write {examples}")]
    UnknownUnit {
        /// The text.
        text: String,
        /// What stands behind the number.
        unit: String,
        /// What would be right.
        examples: &'static str,
    },
    /// The number does not fit into 64 bits.
    #[error("`{text}` is too large; write {examples}")]
    TooLarge {
        /// The text.
        text: String,
        /// What would be right.
        examples: &'static str,
    },
    /// A rate of less than a byte a second.
    #[error("`{text}` is less than a byte a second; write {examples}")]
    TooSlow {
        /// The text.
        text: String,
        /// What would be right.
        examples: &'static str,
    },
}

/// Bytes: a whole number, then nothing, `B`, or one of `K M G T` with or without `B` or `iB`, in
/// either case; all powers of 1024.
///
/// # Errors
/// [`UnitError`], which names the text and what would be right.
pub fn size(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text, SIZE_EXAMPLES)?;
    let shift = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(unknown_unit(text, unit, SIZE_EXAMPLES)),
    };
    number.checked_mul(1 << shift).ok_or_else(|| too_large(text, SIZE_EXAMPLES))
}

/// A duration: a whole number, then nothing or `s` for seconds, or `ms`, `m`, `h`, `d`.
///
/// # Errors
/// [`UnitError`], which names the text and what would be right.
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let (number, unit) = split(text, DURATION_EXAMPLES)?;
    let seconds = match unit.to_ascii_lowercase().as_str() {
        "ms" => return Ok(Duration::from_millis(number)),
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return Err(unknown_unit(text, unit, DURATION_EXAMPLES)),
    };
    let seconds = number.checked_mul(seconds).ok_or_else(|| too_large(text, DURATION_EXAMPLES))?;
    Ok(Duration::from_secs(seconds))
}

/// A rate, in whole bytes a second, at least 1. A number with up to six decimals, then a unit of
/// [`size`] (powers of 1024), or `bit`, `kbit`, `Mbit`, `Gbit` or the same with `bps` (powers of
/// 1000, eight to a byte), and `/s` or not: `1.25MB`, `24MB/s`, `10Mbit`, `10Mbps`.
///
/// # Errors
/// [`UnitError`], which names the text and what would be right.
pub fn rate(text: &str) -> Result<u64, UnitError> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, written) = trimmed.split_at(end);
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return Err(UnitError::NoDecimal { text: text.to_owned(), examples: RATE_EXAMPLES });
    }
    let unit = written.replace(' ', "").to_ascii_lowercase();
    let unit = unit.strip_suffix("/s").unwrap_or(&unit);
    let bits = unit.strip_suffix("bits").or_else(|| unit.strip_suffix("bit"));
    let eighths: u128 = match (bits.or_else(|| unit.strip_suffix("bps")), unit) {
        (Some(""), _) => 1,
        (Some("k"), _) => 1_000,
        (Some("m"), _) => 1_000_000,
        (Some("g"), _) => 1_000_000_000,
        (None, "" | "b") => 8,
        (None, "k" | "kb" | "kib") => 8 << 10,
        (None, "m" | "mb" | "mib") => 8 << 20,
        (None, "g" | "gb" | "gib") => 8 << 30,
        _ => return Err(unknown_unit(text, written.trim(), RATE_EXAMPLES)),
    };
    let too_large = || too_large(text, RATE_EXAMPLES);
    let millionths: u128 = format!("{whole}{decimals:0<6}").parse().map_err(|_| too_large())?;
    let bytes = millionths.checked_mul(eighths).ok_or_else(too_large)? / 8_000_000;
    match u64::try_from(bytes).map_err(|_| too_large())? {
        0 => Err(UnitError::TooSlow { text: text.to_owned(), examples: RATE_EXAMPLES }),
        bytes => Ok(bytes),
    }
}

/// `bytes` in the largest unit that divides it, as [`size`] reads it: `16 MiB`, `5242881 bytes`.
#[must_use]
pub fn exact_size(bytes: u64) -> String {
    [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")]
        .into_iter()
        .find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift)
        .map_or_else(
            || if bytes == 1 { "1 byte".into() } else { format!("{bytes} bytes") },
            |(shift, unit)| format!("{} {unit}", bytes >> shift),
        )
}

/// The number and what stands behind it, without the blanks around them.
fn split<'a>(text: &'a str, examples: &'static str) -> Result<(u64, &'a str), UnitError> {
    let trimmed = text.trim();
    let end = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (digits, unit) = trimmed.split_at(end);
    if digits.is_empty() || unit.starts_with(['.', ',']) {
        return Err(UnitError::NoNumber { text: text.to_owned(), examples });
    }
    let number = digits.parse().map_err(|_| too_large(text, examples))?;
    Ok((number, unit.trim_start()))
}

fn unknown_unit(text: &str, unit: &str, examples: &'static str) -> UnitError {
    UnitError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned(), examples }
}

fn too_large(text: &str, examples: &'static str) -> UnitError {
    UnitError::TooLarge { text: text.to_owned(), examples }
}

const SIZE_EXAMPLES: &str = "a size such as 64MiB, 1G, 512K or 8388608 (bytes)";
const RATE_EXAMPLES: &str = "a rate such as 10Mbit, 1.25MB, 24MB/s or 125000 (bytes a second)";
const DURATION_EXAMPLES: &str = "a duration such as 30s, 5m, 2h, 1d, 250ms or 90 (seconds)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_size_are_powers_of_1024() {
        for text in
            ["64MiB", "64M", "64MB", "64m", "64mib", "64 MiB", " 64mB ", "67108864", "65536K"]
        {
            assert_eq!(size(text), Ok(64 << 20), "{text}");
        }
        let rows = [("0", 0), ("1b", 1), ("2k", 2048), ("3GiB", 3 << 30), ("4TB", 4 << 40)];
        for (text, bytes) in rows {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        assert_eq!(size("18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn all_spellings_of_a_duration() {
        let rows = [
            ("30s", 30_000),
            ("5m", 300_000),
            ("2h", 7_200_000),
            ("1d", 86_400_000),
            ("250ms", 250),
            ("90", 90_000),
            ("5 M", 300_000),
        ];
        for (text, milliseconds) in rows {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_examples() {
        let rows = [
            ("", "does not begin with a whole number"),
            ("MiB", "does not begin with a whole number"),
            ("-5M", "does not begin with a whole number"),
            ("1.5G", "does not begin with a whole number"),
            ("64X", "unknown unit `X`"),
            ("64MiBs", "unknown unit `MiBs`"),
            ("1e9", "unknown unit `e9`"),
            ("18446744073709551616", "too large"),
            ("16777216T", "too large"),
        ];
        for (text, problem) in rows {
            let error = size(text).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
            assert!(error.contains(&format!("`{text}`")) && error.contains("64MiB"), "{error}");
        }
        for (text, problem) in [("5 weeks", "unit `weeks`"), ("999999999999999999d", "too large")] {
            let error = duration(text).unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("30s"), "{text}: {error}");
        }
    }

    #[test]
    fn all_spellings_of_a_rate() {
        for text in ["10Mbit", "10mbit/s", "10 Mbits", "10Mbps", "10000kbit", "10.0Mbit"] {
            assert_eq!(rate(text), Ok(1_250_000), "{text}");
        }
        let rows = [
            ("1.25MB", 1_310_720),
            ("24MB/s", 24 << 20),
            ("24 MiB / s", 24 << 20),
            ("125000", 125_000),
            ("8bit", 1),
            ("0.000008Mbit", 1),
            ("1k", 1024),
            ("2Gbit", 250_000_000),
        ];
        for (text, bytes) in rows {
            assert_eq!(rate(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_rate_is_named_with_examples() {
        let rows = [
            ("", "does not begin with a number"),
            ("Mbit", "does not begin with a number"),
            (".5MB", "does not begin with a number"),
            ("1.MB", "does not begin with a number"),
            ("1.2.3MB", "does not begin with a number"),
            ("1.1234567MB", "of up to six decimals"),
            ("-1MB", "does not begin with a number"),
            ("10Tbit", "unknown unit `Tbit`"),
            ("10MB/h", "unknown unit `MB/h`"),
            ("0", "less than a byte a second"),
            ("7bit", "less than a byte a second"),
            ("0.0Mbit", "less than a byte a second"),
            ("99999999999999999999G", "too large"),
            ("99999999999999999999999999999999999999999", "too large"),
        ];
        for (text, problem) in rows {
            let error = rate(text).unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("10Mbit"), "{text}: {error}");
        }
    }

    #[test]
    fn exact_sizes_are_read_back_as_they_were() {
        let rows = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1 << 10, "1 KiB"),
            (5 << 20, "5 MiB"),
            ((5 << 20) + 1, "5242881 bytes"),
            (5 << 30, "5 GiB"),
            (1 << 40, "1 TiB"),
        ];
        for (bytes, text) in rows {
            assert_eq!(exact_size(bytes), text);
            assert_eq!(size(text.trim_end_matches("ytes").trim_end_matches("yte")), Ok(bytes));
        }
    }
}
