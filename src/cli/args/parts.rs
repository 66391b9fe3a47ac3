//! What can be typed of uploads in parts by presigned URLs: `presign --parts-for` and `complete`.

use std::path::PathBuf;

use clap::Args;

use crate::config::Overrides;
use crate::units;

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
