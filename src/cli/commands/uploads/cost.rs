//! What unfinished uploads cost: bytes, and dollars a month.

use crate::upload::{Stored, Unfinished};

/// S3 Standard in us-east-1, the first 50 TB of a month (Amazon S3 pricing).
const STANDARD_US_EAST_1: f64 = 0.023;

/// US dollars for a GiB and month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Price {
    usd: f64,
    is_default: bool,
}

impl Price {
    pub(super) fn new(typed: Option<f64>) -> Price {
        Price { usd: typed.unwrap_or(STANDARD_US_EAST_1), is_default: typed.is_none() }
    }

    pub(super) fn usd(self) -> f64 {
        self.usd
    }

    /// Dollars a month for so many bytes.
    pub(super) fn of(self, bytes: u64) -> f64 {
        bytes as f64 / (1u64 << 30) as f64 * self.usd
    }

    /// Whose price it is, in words.
    pub(super) fn named(self) -> String {
        let whose =
            if self.is_default { " (S3 Standard, us-east-1; or --price-per-gb-month)" } else { "" };
        format!("at ${} per GiB and month{whose}", self.usd)
    }
}

/// Uploads added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) uploads: u64,
    pub(super) parts: u64,
    pub(super) bytes: u64,
    /// Uploads of which nobody knows what lies in them.
    pub(super) unknown: u64,
}

impl Sum {
    pub(super) fn of<'a>(uploads: impl IntoIterator<Item = &'a Unfinished>) -> Sum {
        let mut sum = Sum::default();
        for upload in uploads {
            let Stored { parts, bytes } = upload.stored.unwrap_or_default();
            sum.uploads += 1;
            sum.parts += parts;
            sum.bytes += bytes;
            sum.unknown += u64::from(upload.stored.is_none());
        }
        sum
    }
}

/// Dollars as people read them; less than a cent keeps two digits that count.
pub(super) fn dollars(usd: f64) -> String {
    if usd == 0.0 || usd >= 0.01 {
        return format!("${usd:.2}");
    }
    if usd < 0.000_001 { "<$0.000001".to_owned() } else { format!("${usd:.6}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_gibibytes() {
        let price = Price::new(None);
        assert_eq!(price.of(1 << 30).to_string(), "0.023");
        assert_eq!(dollars(price.of(100 << 30)), "$2.30");
        assert!(price.named().contains("$0.023 per GiB and month (S3 Standard, us-east-1;"));
        assert_eq!(Price::new(Some(0.0125)).named(), "at $0.0125 per GiB and month");
    }

    #[test]
    fn small_sums_are_not_nothing() {
        let rows = [(0.0, "$0.00"), (0.01, "$0.01"), (0.0023, "$0.002300"), (1e-9, "<$0.000001")];
        for (usd, shown) in rows {
            assert_eq!(dollars(usd), shown);
        }
    }
}
