//! What can be typed of commands about what is stored already.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{NetworkArgs, RetryArgs, S3Args, store_overrides};
use crate::config::Overrides;
use crate::units;

/// How a store is spoken to.
#[derive(Debug, Args)]
pub(in crate::cli) struct StoreArgs {
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    pub(in crate::cli) s3: S3Args,
    #[command(flatten)]
    pub(in crate::cli) network: NetworkArgs,
}

impl StoreArgs {
    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        store_overrides(&self.s3, &self.network, &self.retry)
    }
}

/// `verify`.
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    /// The local file
    #[arg(value_name = "FILE")]
    pub(in crate::cli) source: PathBuf,
    /// The object: s3://bucket/key, or s3://bucket/prefix/ to append the file's name
    #[arg(value_name = "OBJECT")]
    pub(in crate::cli) object: String,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// `lifecycle`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum LifecycleCommand {
    /// Show the rules that abort unfinished uploads
    Show {
        /// The bucket: s3://bucket
        bucket: String,
        #[command(flatten)]
        store: StoreArgs,
    },
    /// Add a rule that aborts unfinished uploads; all others stay as they are
    Set(LifecycleSetArgs),
    /// Remove the rule that `set` added; all others stay as they are
    Rm(RuleArgs),
}

/// `lifecycle set`.
#[derive(Debug, Args)]
pub(in crate::cli) struct LifecycleSetArgs {
    /// How old an upload must be, in whole days: 1d, 7d
    #[arg(long, value_name = "DURATION", value_parser = days)]
    pub(in crate::cli) abort_incomplete_after: u32,
    #[command(flatten)]
    pub(in crate::cli) rule: RuleArgs,
}

/// Which rule is meant, and where.
#[derive(Debug, Args)]
pub(in crate::cli) struct RuleArgs {
    /// The bucket: s3://bucket
    pub(in crate::cli) bucket: String,
    /// For uploads to keys that begin so [default: all]
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub(in crate::cli) prefix: String,
    /// Show what would change and change nothing
    #[arg(short = 'n', long, visible_alias = "dryrun")]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

const DAY_S: u64 = 24 * 60 * 60;

/// The days of a lifecycle rule, which S3 keeps in 31 bits.
fn days(text: &str) -> Result<u32, String> {
    let seconds = units::duration(text).map_err(|error| error.to_string())?.as_secs_f64();
    let days = seconds / DAY_S as f64;
    let (below, above) = (days.floor(), days.ceil());
    if days > f64::from(i32::MAX) {
        return Err(format!("S3 counts {} days at most", i32::MAX));
    }
    let (below, above) = (below as u32, above as u32);
    match (below, above) {
        (0, _) => Err("S3 counts in whole days, and at least one: write 1d".to_owned()),
        _ if below == above => Ok(below),
        _ => Err(format!("S3 counts in whole days: write {below}d or {above}d")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_count_in_whole_days() {
        for (text, expected) in [
            ("1d", Ok(1)),
            ("24h", Ok(1)),
            ("604800", Ok(7)),
            ("2147483647d", Ok(2_147_483_647)),
            ("36h", Err("write 1d or 2d")),
            ("86400001ms", Err("write 1d or 2d")),
            ("7", Err("write 1d")),
            ("0d", Err("write 1d")),
            ("2147483648d", Err("2147483647 days at most")),
            ("18446744073709551615", Err("2147483647 days at most")),
            ("soon", Err("whole number")),
        ] {
            match (days(text), expected) {
                (Ok(days), Ok(expected)) => assert_eq!(days, expected, "{text}"),
                (Err(error), Err(expected)) => assert!(error.contains(expected), "{text}: {error}"),
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
    }
}
