//! `uploads`: what can be typed about multipart uploads that were never completed.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::parts::to_manifest;
use super::{NetworkArgs, RetryArgs, S3Args, store_overrides};
use crate::config::{self, Overrides};
use crate::units;
use crate::upload::Manifest;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UploadsCommand {
    /// List unfinished uploads: age, parts, bytes and what they cost
    #[command(visible_alias = "list", after_help = LS_EXAMPLES)]
    Ls(SelectionArgs),
    /// Abort unfinished uploads and free their parts; made for cron
    #[command(after_help = ABORT_EXAMPLES)]
    Abort(AbortArgs),
}

const LS_EXAMPLES: &str = "\
Ages are told by the store's clock. Parts of an unfinished upload are billed until it is completed
or aborted; they are in no listing of objects.

Examples:
  curlift uploads ls s3://bucket
  curlift uploads ls s3://bucket/backups/ --older-than 7d --json";

/// The line of cron, the command of the systemd service, and the test that types it, are one.
pub(in crate::cli) const ABORT_EXAMPLES: &str = "\
Uploads that a running curlift on this machine is sending are never aborted. The exit code is 0 if
nothing of the selection is left.

Examples:
  curlift uploads abort s3://bucket --older-than 24h --dry-run
  curlift uploads abort s3://bucket/backups/key --upload-id ID
  curlift uploads abort parts.json     (what presign --parts-for wrote; no keys are needed)

Every night, by cron (errors only, which cron mails):
  17 3 * * *  curlift uploads abort s3://bucket --older-than 24h -q

or by systemd, in /etc/systemd/system/curlift-abort.service:
  [Unit]
  Description=Abort unfinished S3 uploads that are older than a day
  Wants=network-online.target
  After=network-online.target
  [Service]
  Type=oneshot
  EnvironmentFile=/etc/curlift-abort.env
  ExecStart=/usr/local/bin/curlift uploads abort s3://bucket --older-than 24h -q

and /etc/systemd/system/curlift-abort.timer, begun by `systemctl enable --now curlift-abort.timer`:
  [Timer]
  OnCalendar=daily
  RandomizedDelaySec=1h
  Persistent=true
  [Install]
  WantedBy=timers.target";

/// Which uploads are meant, and how the store is asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct SelectionArgs {
    /// The bucket and how the keys begin: s3://bucket or s3://bucket/prefix; of `abort` also a
    /// manifest of presigned URLs, whose upload is meant
    #[arg(value_name = "ADDRESS")]
    pub(in crate::cli) address: String,
    /// How the keys go on behind the address
    #[arg(long, value_name = "PREFIX", help_heading = "Selection")]
    pub(in crate::cli) prefix: Option<String>,
    /// Only uploads that were begun so long ago, by the store's clock
    #[arg(long, value_name = "DURATION", help_heading = "Selection")]
    #[arg(value_parser = units::duration)]
    pub(in crate::cli) older_than: Option<Duration>,
    /// Only this upload; may be repeated
    #[arg(long, value_name = "ID", help_heading = "Selection")]
    pub(in crate::cli) upload_id: Vec<String>,
    /// USD for a GiB-month [default: 0.023: S3 Standard, us-east-1]
    #[arg(long, value_name = "USD", value_parser = price)]
    pub(in crate::cli) price_per_gb_month: Option<f64>,
    /// Requests in flight at most [default: 8]
    #[arg(short, long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=config::CONCURRENCY_MAX.into()))]
    concurrency: Option<u32>,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    pub(in crate::cli) s3: S3Args,
    #[command(flatten)]
    pub(in crate::cli) network: NetworkArgs,
}

/// `uploads abort`.
#[derive(Debug, Args)]
pub(in crate::cli) struct AbortArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// All of them, whatever their age: also those that somebody is sending right now
    #[arg(long, help_heading = "Selection", conflicts_with_all = ["older_than", "upload_id"])]
    pub(in crate::cli) all: bool,
    /// Show what would be aborted and abort nothing
    #[arg(short = 'n', long, visible_alias = "dryrun", help_heading = "Selection")]
    pub(in crate::cli) dry_run: bool,
}

impl SelectionArgs {
    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        let concurrency = self.concurrency;
        Overrides { concurrency, ..store_overrides(&self.s3, &self.network, &self.retry) }
    }

    /// The same, where the store is where `manifest` says.
    pub(in crate::cli) fn overrides_for(&self, manifest: &Manifest) -> Overrides {
        to_manifest(manifest, self.overrides())
    }
}

fn price(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(price) if price.is_finite() && price >= 0.0 => Ok(price),
        _ => Err("write US dollars as a decimal number, such as 0.0125".to_owned()),
    }
}
