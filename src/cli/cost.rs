//! What unfinished uploads cost: dollars a month.

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

/// Dollars as people read them; less than a cent keeps two digits that count.
pub(super) fn dollars(usd: f64) -> String {
    if usd == 0.0 || usd >= 0.01 {
        return format!("${usd:.2}");
    }
    if usd < 0.000_001 { "<$0.000001".to_owned() } else { format!("${usd:.6}") }
}

/// What `bytes` that stay cost in a month, in words.
pub(super) fn monthly(bytes: u64) -> String {
    let price = Price::new(None);
    let usd = price.of(bytes);
    if usd < 0.01 {
        return "less than a cent a month".to_owned();
    }
    format!("about {} a month at ${} a GiB", dollars(usd), price.usd)
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
    fn what_stays_has_its_price_in_words() {
        assert_eq!(monthly(100 << 20), "less than a cent a month");
        assert_eq!(monthly(1 << 40), "about $23.55 a month at $0.023 a GiB");
    }

    #[test]
    fn small_sums_are_not_nothing() {
        let rows = [(0.0, "$0.00"), (0.01, "$0.01"), (0.0023, "$0.002300"), (1e-9, "<$0.000001")];
        for (usd, shown) in rows {
            assert_eq!(dollars(usd), shown);
        }
    }
}
