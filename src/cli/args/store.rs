//! What can be typed about the store and the way there; all commands that ask one share it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::config::{self, Overrides};
use crate::s3::Addressing;
use crate::units;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retry")]
pub(in crate::cli) struct RetryArgs {
    /// Attempts of each request, the first included; those the store throttles, and outages under
    /// way, do not count [default: 10]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=config::ATTEMPTS_MAX.into()))]
    pub(super) retry: Option<u32>,
    /// standard, or adaptive: the request rate follows the store's throttling [default: standard]
    #[arg(long, value_name = "MODE")]
    pub(super) retry_mode: Option<RetryMode>,
    /// How long throttling or an outage may go on without any success [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    pub(super) retry_max_time: Option<Duration>,
    /// End an attempt when no byte was acknowledged for this long, and try again; it has at least a
    /// minute for its answer [default: 30s]
    #[arg(long, value_name = "DURATION", value_parser = some_duration)]
    pub(super) stall_timeout: Option<Duration>,
}

/// A duration that gives an attempt a chance.
fn some_duration(text: &str) -> Result<Duration, String> {
    match units::duration(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("0 would end every attempt at once; write 30s, say".to_owned()),
        duration => Ok(duration),
    }
}

/// `--retry-mode`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RetryMode {
    Standard,
    Adaptive,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "S3")]
pub(in crate::cli) struct S3Args {
    /// The store, where it is not Amazon's
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,
    /// The region to sign for [default: us-east-1]
    #[arg(long)]
    pub(super) region: Option<String>,
    /// The profile in ~/.aws/config and ~/.aws/credentials
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) profile: Option<String>,
    /// Send without credentials
    #[arg(long)]
    pub(in crate::cli) no_sign_request: bool,
    /// Where the bucket's name stands in the URL [default: auto]
    #[arg(long, value_name = "STYLE")]
    pub(super) addressing_style: Option<AddressingStyle>,
    /// Whether the payload's SHA-256 is signed; auto does so over plain http [default: auto]
    #[arg(long, value_name = "WHEN")]
    pub(super) payload_signing: Option<PayloadSigning>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum AddressingStyle {
    Auto,
    Path,
    Virtual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PayloadSigning {
    Auto,
    Never,
    Always,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(in crate::cli) struct NetworkArgs {
    /// Set a libcurl option, as c.setopt(c.NAME, VALUE) does; may be repeated
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) curl: Vec<String>,
    /// A profile of libcurl options and settings: patient, fast, or one of the config file's
    #[arg(long, value_name = "NAME")]
    pub(super) options_profile: Option<String>,
    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub(super) no_verify_ssl: bool,
    /// Certificate authorities, PEM, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub(super) ca_bundle: Option<PathBuf>,
    /// The proxy; empty for none [default: http_proxy, https_proxy, no_proxy]
    #[arg(short = 'x', long, value_name = "URL")]
    pub(super) proxy: Option<String>,
}

/// The flags that go before other places, of those that every command with a store has.
pub(in crate::cli) fn store_overrides(
    s3: &S3Args,
    network: &NetworkArgs,
    retry: &RetryArgs,
) -> Overrides {
    Overrides {
        endpoint_url: s3.endpoint_url.clone(),
        region: s3.region.clone(),
        profile: s3.profile.clone(),
        addressing: s3.addressing_style.map(|style| match style {
            AddressingStyle::Auto => Addressing::Auto,
            AddressingStyle::Path => Addressing::Path,
            AddressingStyle::Virtual => Addressing::Virtual,
        }),
        payload_signing: s3.payload_signing.map(|when| match when {
            PayloadSigning::Auto => config::PayloadSigning::Auto,
            PayloadSigning::Never => config::PayloadSigning::Never,
            PayloadSigning::Always => config::PayloadSigning::Always,
        }),
        attempts_max: retry.retry,
        retry_mode: retry.retry_mode.map(|mode| match mode {
            RetryMode::Standard => config::RetryMode::Standard,
            RetryMode::Adaptive => config::RetryMode::Adaptive,
        }),
        stuck_max: retry.retry_max_time,
        stall_timeout: retry.stall_timeout,
        ..network_overrides(network)
    }
}

/// The same, of the way there alone.
pub(super) fn network_overrides(network: &NetworkArgs) -> Overrides {
    Overrides {
        ca_bundle: network.ca_bundle.clone(),
        proxy: network.proxy.clone(),
        no_verify_ssl: network.no_verify_ssl,
        options_profile: network.options_profile.clone(),
        curl: network.curl.clone(),
        ..Overrides::default()
    }
}
