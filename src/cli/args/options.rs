//! `options`: what can be typed about libcurl's options.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::export::{EXPORT_EXAMPLES, ExportArgs};
use super::upload::TransferArgs;
use super::{NetworkArgs, RetryArgs, S3Args, store_overrides};
use crate::config::Overrides;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum OptionsCommand {
    /// List libcurl's options, those that matter to uploads first
    #[command(visible_alias = "list", after_help = LS_EXAMPLES)]
    Ls(OptionsLsArgs),
    /// Explain options: what each does to an upload, what it does not, and how to write it
    #[command(after_help = SHOW_EXAMPLES)]
    Show(OptionsShowArgs),
    /// Show every value that will be set, and who set it; sends nothing
    #[command(after_help = EFFECTIVE_EXAMPLES)]
    Effective(OptionsEffectiveArgs),
    /// Find all mistakes in a config file, and what in it will not do what it seems to
    #[command(after_help = CHECK_EXAMPLES)]
    Check(OptionsCheckArgs),
    /// Print what will be set as a curl command line, a PycURL script or a config file
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
}

pub(super) const EXAMPLES: &str = "\
Options are set in the config file, below [curl] and [curlm], or with --curl NAME=VALUE.

Examples:
  curlift options ls timeouts
  curlift options show LOW_SPEED_TIME
  curlift options check curlift.toml
  curlift options effective --options-profile patient --curl TCP_KEEPIDLE=20";

const LS_EXAMPLES: &str = "\
Examples:
  curlift options ls
  curlift options ls timeouts
  curlift options ls keepalive --all
  curlift options ls --profiles
  curlift options ls --all --json | jq -r 'select(.taken | not) | .name'";

const SHOW_EXAMPLES: &str = "\
Examples:
  curlift options show UPLOAD_BUFFERSIZE
  curlift options show curlopt_timeout LOW_SPEED_LIMIT LOW_SPEED_TIME
  curlift options show CURLMOPT_MAX_TOTAL_CONNECTIONS --json";

const EFFECTIVE_EXAMPLES: &str = "\
Takes the flags of `cp` that change what is set. Needs no endpoint and no keys.
Exit codes: 0 all can be set, 3 this libcurl refuses a value.

Examples:
  curlift options effective
  curlift options effective --options-profile patient
  curlift options effective --curl LOW_SPEED_TIME=5m -x http://proxy:3128";

const CHECK_EXAMPLES: &str = "\
Exit codes: 0 no mistakes (there may be warnings), 3 mistakes, or an option that
this libcurl lacks.

Examples:
  curlift options check
  curlift options check curlift.toml
  generate-config | curlift options check - --json";

/// `options ls`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OptionsLsArgs {
    /// A topic such as timeouts, a part of names in any case, or else a word of their meanings
    #[arg(value_name = "PATTERN")]
    pub(in crate::cli) pattern: Option<String>,
    /// Also those that do nothing for an upload, are curlift's own, take what only a program has,
    /// or are not in this libcurl
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// List the profiles of --options-profile in place of the options
    #[arg(long, conflicts_with_all = ["pattern", "all"])]
    pub(in crate::cli) profiles: bool,
}

/// `options show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OptionsShowArgs {
    /// Names, in any case, with or without CURLOPT_ or CURLMOPT_
    #[arg(value_name = "NAME", required = true)]
    pub(in crate::cli) names: Vec<String>,
}

/// `options effective`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OptionsEffectiveArgs {
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    s3: S3Args,
    #[command(flatten)]
    network: NetworkArgs,
}

impl OptionsEffectiveArgs {
    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        self.transfer.add_to(store_overrides(&self.s3, &self.network, &self.retry))
    }
}

/// `options check`.
#[derive(Debug, Args)]
pub(in crate::cli) struct OptionsCheckArgs {
    /// The config file, or - for standard input [default: the one that would be read]
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
}
