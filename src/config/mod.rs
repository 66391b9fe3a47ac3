//! Where settings come from, and who set each: flag, environment, curlift's own file,
//! `~/.aws/config`, default, in this order. Access keys are
//! [`credentials`](crate::credentials)' business.

mod file;
mod options;
mod setting;
mod sources;
mod words;

use std::path::PathBuf;
use std::time::Duration;

pub use file::{
    ConfigFile, FileError, FileMistake, Section, Shape, Sweep, Vocabulary, text_from, text_of_file,
    usual_place,
};
pub use options::LibcurlOptions;
pub use setting::{ConfigError, Origin, Setting};
pub use sources::{environment_of_process, state_folder};

use crate::credentials::Environment;
use crate::s3::Addressing;
use crate::s3::payload::PayloadMode;
use crate::units;
use crate::upload::{Patience, RetryPolicy, RetryRevision};
use options::{Chosen, Outside};
use sources::Sources;
use words::{
    addressing, algorithm, boolean, checksums, count, retry_mode, revision, signing, signing_when,
};

/// What the command line says; `None` leaves it to the other places.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--endpoint-url`.
    pub endpoint_url: Option<String>,
    /// `--region`.
    pub region: Option<String>,
    /// `--profile`.
    pub profile: Option<String>,
    /// `--addressing-style`.
    pub addressing: Option<Addressing>,
    /// `--payload-signing`.
    pub payload_signing: Option<PayloadSigning>,
    /// `--checksum-algorithm`: whether there is one.
    pub checksums: Option<bool>,
    /// `--part-size`, bytes.
    pub part_size: Option<u64>,
    /// `--multipart-threshold`, bytes.
    pub multipart_threshold: Option<u64>,
    /// `--concurrency`.
    pub concurrency: Option<u32>,
    /// `--retry`: attempts of one request.
    pub attempts_max: Option<u32>,
    /// `--retry-mode`.
    pub retry_mode: Option<RetryMode>,
    /// `--retry-max-time`.
    pub stuck_max: Option<Duration>,
    /// `--stall-timeout`.
    pub stall_timeout: Option<Duration>,
    /// `--ca-bundle`.
    pub ca_bundle: Option<PathBuf>,
    /// `--proxy`.
    pub proxy: Option<String>,
    /// `--no-verify-ssl`.
    pub no_verify_ssl: bool,
    /// `--options-profile`.
    pub options_profile: Option<String>,
    /// `--curl`, each as it was typed: `NAME=VALUE`.
    pub curl: Vec<String>,
}

/// Names of settings in curlift's file for which [`Config::load`] looks there itself; all others
/// are flags that the file may set as well.
pub const LOOKED_UP: [&str; 17] = [
    "endpoint_url",
    "region",
    "profile",
    "addressing_style",
    "payload_signing",
    "checksum_algorithm",
    "part_size",
    "multipart_threshold",
    "concurrency",
    "retry",
    "retry_mode",
    "retry_max_time",
    "stall_timeout",
    "ca_bundle",
    "proxy",
    "no_verify_ssl",
    "options_profile",
];

/// When the payload's SHA-256 is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PayloadSigning {
    /// Over plain http only, where nothing else protects it.
    #[default]
    Auto,
    /// Never.
    Never,
    /// Always.
    Always,
}

/// How retries behave (AWS SDKs and Tools Reference Guide, "Retry behavior").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RetryMode {
    /// Backoff, attempts and a quota.
    #[default]
    Standard,
    /// The same, and the sending rate follows the store's throttling.
    Adaptive,
}

/// All settings that can come from more than one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The profile whose settings and keys are used.
    pub profile: Setting<String>,
    /// The store, where it is not Amazon's own for the region.
    pub endpoint_url: Option<Setting<String>>,
    /// The region to sign for.
    pub region: Setting<String>,
    /// How the bucket stands in the URL.
    pub addressing: Setting<Addressing>,
    /// When the payload is signed.
    pub payload_signing: Setting<PayloadSigning>,
    /// Whether parts carry CRC64NVME.
    pub checksums: Setting<bool>,
    /// Bytes of a part.
    pub part_size: Setting<u64>,
    /// Bytes from which a file is sent in parts.
    pub multipart_threshold: Setting<u64>,
    /// Attempts in flight at most.
    pub concurrency: Setting<u32>,
    /// Attempts of one request, the first included.
    pub attempts_max: Setting<u32>,
    /// How retries behave.
    pub retry_mode: Setting<RetryMode>,
    /// How long throttling or an outage may go on without any success.
    pub stuck_max: Setting<Duration>,
    /// How long an attempt may be silent before it is ended.
    pub stall_timeout: Setting<Duration>,
    /// Numbers of which revision of the retry modes.
    pub retry_revision: Setting<RetryRevision>,
    /// Whether the store's clock may correct ours.
    pub correct_clock: Setting<bool>,
    /// Certificate authorities in place of the system's.
    pub ca_bundle: Option<Setting<PathBuf>>,
    /// Every libcurl option that will be set.
    pub options: LibcurlOptions,
    /// The profile of options that was chosen.
    pub options_profile: Option<Setting<String>>,
}

/// More attempts in flight than this is a mistake.
pub const CONCURRENCY_MAX: u32 = 1000;

/// More attempts of one request than this is a mistake.
pub const ATTEMPTS_MAX: u32 = 1000;

const PART_SIZE: u64 = 16 << 20;
const CONCURRENCY: u32 = 8;

impl Config {
    /// Joins the command line, the environment, our file and the AWS files.
    ///
    /// # Errors
    /// Where an AWS file cannot be read or understood, a value is not what it must be, or a profile
    /// that was asked for does not exist.
    pub fn load(
        flags: &Overrides,
        environment: &Environment,
        file: &ConfigFile,
    ) -> Result<Config, ConfigError> {
        let chosen = Chosen::find(flags.options_profile.as_deref(), file)?;
        let sources = Sources::open(environment, flags.profile.as_deref(), file, chosen.as_ref())?;
        let ca_bundle = ca_bundle(flags, &sources);
        let proxy = flag("--proxy", flags.proxy.clone()).0.or_else(|| sources.file("proxy"));
        let no_verify = flags.no_verify_ssl.then_some(Origin::Flag("--no-verify-ssl"));
        let no_verify = no_verify.or_else(|| Some(sources.file("no_verify_ssl")?.origin));
        let outside = Outside {
            flags,
            ca_bundle: ca_bundle.as_ref(),
            proxy: proxy.as_ref(),
            no_verify: no_verify.as_ref(),
        };
        let options = LibcurlOptions::resolve(file, chosen.as_ref(), &outside)?;
        Ok(Config {
            endpoint_url: endpoint_url(flags, &sources)?,
            region: region(flags, &sources),
            addressing: flag("--addressing-style", flags.addressing)
                .or_read(|| sources.file("addressing_style"), |text| addressing(text))?
                .or_read(|| sources.profile("s3.addressing_style"), |text| addressing(text))?
                .or_default(Addressing::Auto),
            payload_signing: flag("--payload-signing", flags.payload_signing)
                .or_read(|| sources.file("payload_signing"), |text| signing_when(text))?
                .or_read(|| sources.profile("s3.payload_signing_enabled"), |text| signing(text))?
                .or_default(PayloadSigning::Auto),
            checksums: flag("--checksum-algorithm", flags.checksums)
                .or_read(|| sources.environment(CHECKSUM_VARIABLE), |text| checksums(text))?
                .or_read(|| sources.file("checksum_algorithm"), |text| algorithm(text))?
                .or_read(|| sources.profile("request_checksum_calculation"), |t| checksums(t))?
                .or_default(true),
            part_size: flag("--part-size", flags.part_size)
                .or_read(|| sources.file("part_size"), |text| units::size(text))?
                .or_read(|| sources.profile("s3.multipart_chunksize"), |text| units::size(text))?
                .or_default(PART_SIZE),
            multipart_threshold: flag("--multipart-threshold", flags.multipart_threshold)
                .or_read(|| sources.file("multipart_threshold"), |text| units::size(text))?
                .or_read(|| sources.profile("s3.multipart_threshold"), |text| units::size(text))?
                .or_default(PART_SIZE),
            concurrency: flag("--concurrency", flags.concurrency)
                .or_read(|| sources.file("concurrency"), |text| count(text, CONCURRENCY_MAX))?
                .or_read(
                    || sources.profile("s3.max_concurrent_requests"),
                    |text| count(text, CONCURRENCY_MAX),
                )?
                .or_default(CONCURRENCY),
            attempts_max: flag("--retry", flags.attempts_max)
                .or_read(|| max_attempts(&sources), |text| count(text, ATTEMPTS_MAX))?
                .or_default(RetryPolicy::default().attempts_max),
            retry_mode: flag("--retry-mode", flags.retry_mode)
                .or_read(|| retry_mode_of(&sources), |text| retry_mode(text))?
                .or_default(RetryMode::Standard),
            stuck_max: flag("--retry-max-time", flags.stuck_max)
                .or_read(|| sources.file("retry_max_time"), |text| units::duration(text))?
                .or_default(RetryPolicy::default().stuck_max),
            stall_timeout: flag("--stall-timeout", flags.stall_timeout)
                .or_read(|| sources.file("stall_timeout"), |text| units::duration(text))?
                .or_default(Patience::default().sending),
            retry_revision: no_flag()
                .or_read(|| sources.environment("AWS_NEW_RETRIES_2026"), |text| revision(text))?
                .or_default(RetryRevision::default()),
            correct_clock: no_flag()
                .or_read(
                    || sources.environment("AWS_DISABLE_CLOCK_SKEW_CORRECTION"),
                    |text| boolean(text).map(|disabled| !disabled),
                )?
                .or_default(true),
            ca_bundle,
            options,
            profile: sources.profile.clone(),
            options_profile: chosen.map(|chosen| chosen.name),
        })
    }

    /// How file bytes travel to a store that is reached over TLS (`https`) or not, signed or not.
    #[must_use]
    pub fn payload_mode(&self, https: bool, signed: bool) -> PayloadMode {
        let checksum = self.checksums.value;
        let hashed = match self.payload_signing.value {
            PayloadSigning::Auto => !https,
            PayloadSigning::Never => false,
            PayloadSigning::Always => true,
        };
        match (hashed && signed, checksum) {
            (true, checksum) => PayloadMode::Signed { checksum },
            (false, true) => PayloadMode::UnsignedTrailer,
            (false, false) => PayloadMode::Unsigned,
        }
    }
}

const CHECKSUM_VARIABLE: &str = "AWS_REQUEST_CHECKSUM_CALCULATION";

/// A setting, as far as it was found.
struct Found<T>(Option<Setting<T>>);

/// What the command line says.
fn flag<T>(name: &'static str, value: Option<T>) -> Found<T> {
    Found(value.map(|value| Setting { value, origin: Origin::Flag(name) }))
}

/// What the command line has no flag for.
fn no_flag<T>() -> Found<T> {
    Found(None)
}

impl<T> Found<T> {
    /// What was found before, else what `read` makes of the text that `find` finds.
    fn or_read<E: std::fmt::Display>(
        self,
        find: impl FnOnce() -> Option<Setting<String>>,
        read: impl FnOnce(&String) -> Result<T, E>,
    ) -> Result<Found<T>, ConfigError> {
        match self.0 {
            Some(setting) => Ok(Found(Some(setting))),
            None => Ok(Found(find().map(|text| text.parse(read)).transpose()?)),
        }
    }

    /// What was found, else what nobody set.
    fn or_default(self, value: T) -> Setting<T> {
        self.0.unwrap_or(Setting::by_default(value))
    }
}

/// Reference guide, "Service-specific endpoints": the flag, then the service's variable, the
/// general one, the service's section, the profile's own.
fn endpoint_url(
    flags: &Overrides,
    sources: &Sources<'_>,
) -> Result<Option<Setting<String>>, ConfigError> {
    if let Found(Some(url)) = flag("--endpoint-url", flags.endpoint_url.clone()) {
        return Ok(Some(url));
    }
    let ignored = sources
        .environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        .or_else(|| sources.profile("ignore_configured_endpoint_urls"))
        .map(|text| text.parse(|text| boolean(text)))
        .transpose()?;
    if ignored.is_some_and(|ignored| ignored.value) {
        return Ok(sources.file("endpoint_url"));
    }
    Ok(sources
        .environment("AWS_ENDPOINT_URL_S3")
        .or_else(|| sources.environment("AWS_ENDPOINT_URL"))
        .or_else(|| sources.file("endpoint_url"))
        .or_else(|| sources.service("s3.endpoint_url"))
        .or_else(|| sources.profile("endpoint_url")))
}

/// Without any, `us-east-1`, as the AWS CLI does for S3; most other stores do not care.
fn region(flags: &Overrides, sources: &Sources<'_>) -> Setting<String> {
    flag("--region", flags.region.clone())
        .0
        .or_else(|| sources.environment("AWS_REGION"))
        .or_else(|| sources.environment("AWS_DEFAULT_REGION"))
        .or_else(|| sources.file("region"))
        .or_else(|| sources.profile("region"))
        .unwrap_or(Setting::by_default("us-east-1".to_owned()))
}

fn ca_bundle(flags: &Overrides, sources: &Sources<'_>) -> Option<Setting<PathBuf>> {
    flag("--ca-bundle", flags.ca_bundle.clone()).0.or_else(|| {
        let text = sources
            .environment("AWS_CA_BUNDLE")
            .or_else(|| sources.file("ca_bundle"))
            .or_else(|| sources.profile("ca_bundle"))?;
        Some(Setting { value: sources.expanded(&text.value), origin: text.origin })
    })
}

fn max_attempts(sources: &Sources<'_>) -> Option<Setting<String>> {
    sources
        .environment("AWS_MAX_ATTEMPTS")
        .or_else(|| sources.file("retry"))
        .or_else(|| sources.profile("max_attempts"))
}

fn retry_mode_of(sources: &Sources<'_>) -> Option<Setting<String>> {
    sources
        .environment("AWS_RETRY_MODE")
        .or_else(|| sources.file("retry_mode"))
        .or_else(|| sources.profile("retry_mode"))
}

#[cfg(test)]
mod tests;
