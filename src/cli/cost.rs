//! What unfinished uploads cost.

/// US dollars for a GB-month: S3 Standard in us-east-1, the first 50 TB (aws.amazon.com/s3/pricing,
/// which reckons a GB as 2³⁰ bytes).
pub(super) const PRICE_PER_GB_MONTH: f64 = 0.023;

/// What `bytes` cost in a month, in words.
pub(super) fn monthly(bytes: u64) -> String {
    let dollars = bytes as f64 / f64::from(1 << 30) * PRICE_PER_GB_MONTH;
    if dollars < 0.01 {
        return "less than a cent a month".to_owned();
    }
    format!("about ${dollars:.2} a month at ${PRICE_PER_GB_MONTH} a GB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_their_price() {
        assert_eq!(monthly(100 << 20), "less than a cent a month");
        assert_eq!(monthly(1 << 40), "about $23.55 a month at $0.023 a GB");
    }
}
