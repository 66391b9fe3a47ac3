//! What can be typed of uploads in parts by presigned URLs: `presign --parts-for` and `complete`.

use std::path::PathBuf;

use clap::Args;

use super::{NetworkArgs, RetryArgs, S3Args, store_overrides};
use crate::config::Overrides;
use crate::units;
use crate::upload::Manifest;

pub(super) const COMPLETE_EXAMPLES: &str = "\
No keys are needed: the manifest has the URLs. What is at the store is held against it first; where
parts are missing nothing is changed, and the line to send them is printed.

Exit codes: 0 completed, 6 parts are missing, 7 unknown: type it again, 8 what is stored is not the
file, 9 the upload is gone.

Examples:
  curlift complete parts.json
  curlift complete parts.json --dry-run";

/// What `presign` has for a whole upload.
#[derive(Debug, Args)]
#[command(next_help_heading = "Upload in parts")]
pub(in crate::cli) struct PartsArgs {
    /// Begin an upload of this file in parts, and write all URLs that it needs to a manifest: the
    /// file can then be uploaded without keys, and nothing else in its place
    #[arg(long, value_name = "FILE", requires = "output")]
    #[arg(conflicts_with_all = ["method", "upload_id", "part_number", "call", "checksum_of"])]
    pub(in crate::cli) parts_for: Option<PathBuf>,
    /// Where to write the manifest, or - for standard output
    #[arg(short, long, value_name = "MANIFEST", requires = "parts_for")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// Bytes of a part, 5MiB to 5GiB; grown where 10,000 parts are too few [default: 16MiB]
    #[arg(long, visible_alias = "chunk-size", value_name = "SIZE", value_parser = units::size)]
    #[arg(requires = "parts_for")]
    part_size: Option<u64>,
    /// Write as many shares beside the manifest, for clients that upload the file together
    #[arg(long, value_name = "N", requires = "parts_for")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(in crate::cli) shards: Option<u32>,
    /// Replace manifests that are there already
    #[arg(long, requires = "parts_for")]
    pub(in crate::cli) force: bool,
}

impl PartsArgs {
    /// The flags that go before other places, beside those that are in `overrides` already.
    pub(super) fn add_to(&self, overrides: Overrides) -> Overrides {
        Overrides { part_size: self.part_size, ..overrides }
    }
}

/// `complete`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CompleteArgs {
    /// The manifest that `presign --parts-for` wrote, or - for standard input
    #[arg(value_name = "MANIFEST")]
    pub(in crate::cli) manifest: PathBuf,
    /// Show what is there and what is missing, and complete nothing
    #[arg(short = 'n', long, visible_alias = "dryrun")]
    pub(in crate::cli) dry_run: bool,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    network: NetworkArgs,
}

impl CompleteArgs {
    /// The flags that go before other places; where the store is, `manifest` says.
    pub(in crate::cli) fn overrides(&self, manifest: &Manifest) -> Overrides {
        let destination = manifest.destination();
        Overrides {
            endpoint_url: Some(destination.endpoint.to_string()),
            region: Some(destination.region.clone()),
            addressing: Some(destination.addressing),
            ..store_overrides(&S3Args::default(), &self.network, &self.retry)
        }
    }
}
