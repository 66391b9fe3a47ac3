//! Sizes and durations as users write them. One rule, as aws reads them: `64MiB`, `64M`, `64MB`
//! and `64m` are all 64 × 2²⁰, bare numbers are bytes or seconds.

use std::time::Duration;

/// A text that is no size or no duration.
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
