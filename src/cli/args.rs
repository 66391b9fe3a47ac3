//! What can be typed. Help texts, completions and the man page come from here; what the words mean
//! is the commands' business.

#![expect(clippy::doc_markdown, reason = "help texts are read at a terminal")]

mod bucket;
mod uploads;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(super) use self::bucket::{LifecycleCommand, RuleArgs, StoreArgs, VerifyArgs};
pub(super) use self::uploads::{AbortArgs, SelectionArgs, UploadsCommand};
use super::journal;
use crate::config::{self, Overrides, units};
use crate::s3::{Addressing, ObjectSettingsInput, UploadId};
use crate::upload;
use crate::upload::journal::{Resumable, Target};

/// Uploads files to S3 through libcurl: dependable, fast, explainable.
#[derive(Debug, Parser)]
#[command(name = "curlift", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Upload a file
    #[command(visible_alias = "put", after_help = CP_EXAMPLES)]
    Cp(CpArgs),
    /// Show what `cp` would do; sends nothing
    Plan(UploadArgs),
    /// Compare a local file with a stored object
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Show, set or remove the rule by which a bucket aborts unfinished uploads
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// List and abort multipart uploads that were never completed
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Go on with interrupted uploads
    #[command(after_help = RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// Run a local S3 endpoint with fault injection
    #[cfg(feature = "lab")]
    #[command(after_help = LAB_EXAMPLES)]
    Lab(LabArgs),
    /// Upload under faults to an embedded lab and compare the stored bytes
    #[cfg(feature = "lab")]
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of curlift, or of one of its commands
    Man {
        /// The command
        command: Option<String>,
    },
}

const EXIT_CODES: &str = "\
Exit codes: 0 uploaded, 2 usage, 3 configuration, 4 credentials or permission, 5 local file,
6 gave up on network or store, 7 unknown, 8 conflict, 9 not found, 130/143 stopped by a signal";

const CP_EXAMPLES: &str = "\
Examples:
  curlift cp backup.tar s3://bucket/backups/
  curlift cp big.bin s3://bucket/key --part-size 64MiB -c 16
  tar -cz DIR | curlift cp - s3://bucket/dir.tgz
  curlift cp big.bin s3://bucket/key --endpoint-url http://localhost:9000 --profile dev";

const RESUME_EXAMPLES: &str = "\
Examples:
  curlift resume --list
  curlift resume 3f9c
  curlift resume --all";

const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 equal, 8 different, 9 there is no such object, 5 the file cannot be read.

Examples:
  curlift verify backup.tar s3://bucket/backups/
  curlift verify big.bin s3://bucket/key --json";

#[cfg(feature = "lab")]
const LAB_EXAMPLES: &str = "\
A fault rule is OPERATION WHEN EFFECT:
  OPERATION  an S3 operation name, or *
  WHEN       always | 3% | #2 | every 5 | first 3 | part 7
  EFFECT     reset [after SIZE] | close after SIZE | stall after SIZE [for DURATION] | slow RATE |
             status CODE [S3CODE] [retry-after DURATION] | lose-answer | corrupt | ...

Examples:
  curlift lab -- curlift cp big.bin s3://lab/key
  curlift lab --fault 'UploadPart 5% reset after 4MiB' -- python my_upload.py";

/// `cp`.
#[derive(Debug, Args)]
pub(super) struct CpArgs {
    #[command(flatten)]
    pub(super) upload: UploadArgs,
    /// Show what would be done and send nothing, as `plan` does
    #[arg(short = 'n', long, visible_alias = "dryrun", help_heading = "Transfer")]
    pub(super) dry_run: bool,
}

/// `resume`.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Which, as `--list` names it or the beginning of that; may be left out where there is one
    #[arg(value_name = "ID", conflicts_with_all = ["list", "all"])]
    pub(super) id: Option<String>,
    /// Show what can be resumed
    #[arg(long, conflicts_with = "all")]
    pub(super) list: bool,
    /// All of them, one after the other
    #[arg(long)]
    pub(super) all: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    pub(super) s3: S3Args,
    #[command(flatten)]
    network: NetworkArgs,
}

/// What `cp` and `plan` have in common.
#[derive(Debug, Args)]
pub(super) struct UploadArgs {
    /// The file to upload, or - for standard input
    #[arg(value_name = "FILE")]
    pub(super) source: PathBuf,
    /// Where to: s3://bucket/key, or s3://bucket/prefix/ to append the file's name
    #[arg(value_name = "DESTINATION")]
    pub(super) destination: String,
    /// Known from other tools; refused with a reason
    #[arg(short, long, hide = true)]
    pub(super) recursive: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    object: ObjectArgs,
    #[command(flatten)]
    pub(super) s3: S3Args,
    #[command(flatten)]
    pub(super) network: NetworkArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Transfer")]
struct TransferArgs {
    /// Bytes of a part, 5MiB to 5GiB; grown where 10,000 parts are too few [default: 16MiB]
    #[arg(long, visible_alias = "chunk-size", value_name = "SIZE", value_parser = units::size)]
    part_size: Option<u64>,
    /// Send files of this size and more in parts [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    multipart_threshold: Option<u64>,
    /// Parts in flight at most [default: 8]
    #[arg(short, long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=config::CONCURRENCY_MAX.into()))]
    concurrency: Option<u32>,
    /// Whether to go on with an earlier run of the same upload: auto, never (what it left is
    /// freed), or require (else nothing is sent) [default: auto]
    #[arg(long, value_name = "WHEN")]
    resume: Option<Resume>,
    /// Go on with an upload that was made elsewhere; parts at the store that are equal are kept
    #[arg(long, value_name = "ID", value_parser = upload_id)]
    upload_id: Option<UploadId>,
    /// What becomes of an upload that fails or is stopped: keep it to be resumed, or abort it
    /// [default: keep]
    #[arg(long, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    /// Never send the last slow parts a second time (at most 5% of the bytes are)
    #[arg(long)]
    no_hedge: bool,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Standard input")]
pub(super) struct StreamArgs {
    /// Bytes that will come: chooses the part size, and anything else is an error that stores
    /// nothing. The only way to notice that what writes the pipe died: its exit status is known
    /// to the shell alone (`set -o pipefail`)
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(super) expected_size: Option<u64>,
    /// Let parts wait in a file in this folder, not in memory; it is kept where the upload fails
    #[arg(long, value_name = "DIR")]
    pub(super) spool: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Retry")]
pub(super) struct RetryArgs {
    /// Attempts of each request, the first included; those the store throttles, and outages under
    /// way, do not count [default: 10]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=config::ATTEMPTS_MAX.into()))]
    retry: Option<u32>,
    /// standard, or adaptive: the request rate follows the store's throttling [default: standard]
    #[arg(long, value_name = "MODE")]
    retry_mode: Option<RetryMode>,
    /// How long throttling or an outage may go on without any success [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    retry_max_time: Option<Duration>,
}

/// `--resume`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Resume {
    Auto,
    Never,
    Require,
}

/// `--on-failure`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum OnFailure {
    Keep,
    Abort,
}

/// `--retry-mode`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum RetryMode {
    Standard,
    Adaptive,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Object")]
struct ObjectArgs {
    /// STANDARD, STANDARD_IA, GLACIER_IR, DEEP_ARCHIVE, ...
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// Encryption at rest: AES256, aws:kms or aws:kms:dsse
    #[arg(long, value_name = "KIND")]
    sse: Option<String>,
    /// The KMS key to encrypt with
    #[arg(long, value_name = "ID")]
    sse_kms_key_id: Option<String>,
    /// Canned ACL: private, public-read, bucket-owner-full-control, ...
    #[arg(long)]
    acl: Option<String>,
    /// User metadata; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// Tag; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,
    /// Media type [default: guessed from the file's name]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[arg(long, value_name = "VALUE", help = "Cache-Control of the object")]
    cache_control: Option<String>,
    #[arg(long, value_name = "VALUE", help = "Content-Encoding of the object")]
    content_encoding: Option<String>,
    #[arg(long, value_name = "VALUE", help = "Content-Disposition of the object")]
    content_disposition: Option<String>,
    #[arg(long, value_name = "VALUE", help = "Content-Language of the object")]
    content_language: Option<String>,
    /// Expires of the object: an HTTP date or RFC 3339
    #[arg(long, value_name = "DATE")]
    expires: Option<String>,
    /// Checksum that S3 verifies and keeps [default: crc64nvme]
    #[arg(long, value_name = "NAME")]
    checksum_algorithm: Option<ChecksumAlgorithm>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "S3")]
pub(super) struct S3Args {
    /// The store, where it is not Amazon's
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// The region to sign for [default: us-east-1]
    #[arg(long)]
    region: Option<String>,
    /// The profile in ~/.aws/config and ~/.aws/credentials
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Send without credentials
    #[arg(long)]
    pub(super) no_sign_request: bool,
    /// Where the bucket's name stands in the URL [default: auto]
    #[arg(long, value_name = "STYLE")]
    addressing_style: Option<AddressingStyle>,
    /// Whether the payload's SHA-256 is signed; auto does so over plain http [default: auto]
    #[arg(long, value_name = "WHEN")]
    payload_signing: Option<PayloadSigning>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Network")]
pub(super) struct NetworkArgs {
    /// Do not verify the server's certificate
    #[arg(short = 'k', long)]
    pub(super) no_verify_ssl: bool,
    /// Certificate authorities, PEM, in place of the system's
    #[arg(long, value_name = "FILE")]
    ca_bundle: Option<PathBuf>,
    /// The proxy; empty for none [default: http_proxy, https_proxy, no_proxy]
    #[arg(short = 'x', long, value_name = "URL")]
    pub(super) proxy: Option<String>,
}

/// What every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more; -vv says everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print JSON lines on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to show progress on stderr; auto is at a terminal, with plain lines elsewhere
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: When,
    /// The same as --progress never
    #[arg(long, global = true, overrides_with = "progress")]
    pub(super) no_progress: bool,
    /// When to use colors; auto is at a terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Write the log there, not to stderr [filter: CURLIFT_LOG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

/// `lab`.
#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    /// A fault, as below; may be repeated
    #[arg(long = "fault", value_name = "RULE")]
    pub(super) faults: Vec<crate::lab::faults::Rule>,
    /// Seed of faults that strike at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Speak https, with a certificate made for the occasion
    #[arg(long)]
    pub(super) tls: bool,
    /// Hash what is uploaded and keep only the hashes
    #[arg(long)]
    pub(super) discard: bool,
    /// Answer 200 to everything and look at nothing: to measure a client's own speed
    #[arg(long, conflicts_with_all = ["faults", "seed", "tls", "discard", "buckets", "folder"])]
    pub(super) null: bool,
    /// A bucket that exists from the start; may be repeated
    #[arg(long = "bucket", value_name = "NAME", default_value = "lab")]
    pub(super) buckets: Vec<String>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(super) listen: std::net::SocketAddr,
    /// Where to keep what is uploaded [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// A command to run against the lab; its exit code becomes ours
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<std::ffi::OsString>,
}

/// `demo`.
#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The file to upload [default: a generated one]
    pub(super) file: Option<PathBuf>,
    /// Size of the generated file
    #[arg(long, value_parser = units::size, default_value = "1GiB", conflicts_with = "file")]
    pub(super) size: u64,
    /// A fault in place of the usual ones, as in `lab --fault`; may be repeated
    #[arg(long = "fault", value_name = "RULE")]
    pub(super) faults: Vec<crate::lab::faults::Rule>,
    /// Seed of faults that strike at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// `auto`, `always`, `never`; auto depends on whether there is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ChecksumAlgorithm {
    Crc64nvme,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AddressingStyle {
    Auto,
    Path,
    Virtual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PayloadSigning {
    Auto,
    Never,
    Always,
}

/// The flags that go before other places, of those that every command with a store has.
pub(super) fn store_overrides(s3: &S3Args, network: &NetworkArgs, retry: &RetryArgs) -> Overrides {
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
        ca_bundle: network.ca_bundle.clone(),
        ..Overrides::default()
    }
}

impl UploadArgs {
    /// The flags that go before other places.
    pub(super) fn overrides(&self) -> Overrides {
        Overrides {
            checksums: self.object.checksum_algorithm.map(|a| a == ChecksumAlgorithm::Crc64nvme),
            part_size: self.transfer.part_size,
            multipart_threshold: self.transfer.multipart_threshold,
            concurrency: self.transfer.concurrency,
            ..store_overrides(&self.s3, &self.network, &self.retry)
        }
    }

    /// Whether an earlier run is gone on with.
    pub(super) fn resume(&self) -> journal::Resume {
        match self.transfer.resume {
            None | Some(Resume::Auto) => journal::Resume::Auto,
            Some(Resume::Never) => journal::Resume::Never,
            Some(Resume::Require) => journal::Resume::Require,
        }
    }

    /// The upload to go on with, where one was named.
    pub(super) fn upload_id(&self) -> Option<UploadId> {
        self.transfer.upload_id.clone()
    }

    /// The flag that only what can be read again may have, where one was typed.
    pub(super) fn wants_resuming(&self) -> Option<&'static str> {
        let TransferArgs { resume, upload_id, on_failure, .. } = &self.transfer;
        let flags = [
            (matches!(resume, Some(Resume::Require)), "--resume require"),
            (upload_id.is_some(), "--upload-id"),
            (matches!(on_failure, Some(OnFailure::Keep)), "--on-failure keep"),
        ];
        flags.into_iter().find(|(typed, _)| *typed).map(|(_, flag)| flag)
    }

    /// What becomes of an upload that does not end well.
    pub(super) fn on_failure(&self) -> upload::OnFailure {
        match self.transfer.on_failure {
            None | Some(OnFailure::Keep) => upload::OnFailure::Keep,
            Some(OnFailure::Abort) => upload::OnFailure::Abort,
        }
    }

    /// What was typed for `curlift resume`, as if it had been typed for `cp` when the upload began.
    pub(super) fn of_journal(args: &ResumeArgs, journal: &Resumable) -> UploadArgs {
        let begun = &journal.begun;
        let checksum_algorithm = journal.checksums.then_some(ChecksumAlgorithm::Crc64nvme);
        let Target { endpoint, addressing, region, profile, bucket, key } = &begun.target;
        let typed = &args.s3;
        UploadArgs {
            source: PathBuf::from(&begun.source.path),
            destination: format!("s3://{bucket}/{key}"),
            recursive: false,
            transfer: args.transfer.clone(),
            stream: StreamArgs::default(),
            retry: args.retry.clone(),
            object: ObjectArgs { checksum_algorithm, ..ObjectArgs::default() },
            s3: S3Args {
                endpoint_url: typed.endpoint_url.clone().or_else(|| endpoint.clone()),
                region: typed.region.clone().or_else(|| Some(region.clone())),
                profile: typed.profile.clone().or_else(|| profile.clone()),
                addressing_style: typed
                    .addressing_style
                    .or_else(|| AddressingStyle::from_str(addressing, true).ok()),
                ..typed.clone()
            },
            network: args.network.clone(),
        }
    }

    /// Whether the last slow parts may be sent a second time.
    pub(super) fn hedge(&self) -> bool {
        !self.transfer.no_hedge
    }

    /// What is said of standard input.
    pub(super) fn stream(&self) -> &StreamArgs {
        &self.stream
    }

    /// The object's headers as they were typed; the type is guessed from the file's name, for
    /// standard input from the key's.
    pub(super) fn object_settings(&self) -> ObjectSettingsInput {
        let ObjectArgs { content_type, .. } = &self.object;
        let is_stream = self.source == Path::new("-");
        let named = if is_stream { Path::new(&self.destination) } else { &self.source };
        let guessed = || mime_guess::from_path(named).first_raw().map(str::to_owned);
        ObjectSettingsInput {
            storage_class: self.object.storage_class.clone(),
            sse: self.object.sse.clone(),
            sse_kms_key_id: self.object.sse_kms_key_id.clone(),
            acl: self.object.acl.clone(),
            content_type: content_type.clone().or_else(guessed),
            cache_control: self.object.cache_control.clone(),
            content_encoding: self.object.content_encoding.clone(),
            content_disposition: self.object.content_disposition.clone(),
            content_language: self.object.content_language.clone(),
            expires: self.object.expires.clone(),
            metadata: self.object.metadata.clone(),
            tags: self.object.tags.clone(),
        }
    }
}

fn upload_id(text: &str) -> Result<UploadId, String> {
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err("an upload id is what CreateMultipartUpload answered".to_owned());
    }
    Ok(UploadId(text.to_owned()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as name=value".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn cp(flags: &[&str]) -> CpArgs {
        let args = ["curlift", "cp", "page.html", "s3://b/k"].iter().chain(flags);
        match Cli::try_parse_from(args).unwrap().command {
            Command::Cp(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_flag_has_a_help_text() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }

    #[test]
    fn other_tools_names_are_understood() {
        let args = cp(&["--chunk-size", "64m", "--dryrun", "-c", "3"]);
        let overrides = args.upload.overrides();
        assert_eq!((overrides.part_size, overrides.concurrency), (Some(64 << 20), Some(3)));
        assert!(args.dry_run);
        assert!(Cli::try_parse_from(["curlift", "put", "a", "s3://b/c", "-vv"]).is_ok());
    }

    #[test]
    fn nothing_typed_overrides_nothing() {
        assert_eq!(cp(&[]).upload.overrides(), Overrides::default());
    }

    #[test]
    fn the_type_is_guessed_unless_given() {
        let typed = |flags| cp(flags).upload.object_settings().content_type;
        assert_eq!(typed(&[]).as_deref(), Some("text/html"));
        assert_eq!(typed(&["--content-type", "x/y"]).as_deref(), Some("x/y"));
    }

    #[test]
    fn the_type_of_standard_input_is_guessed_from_the_key() {
        let typed = |destination| {
            let cli = Cli::try_parse_from(["curlift", "cp", "-", destination]).unwrap();
            let Command::Cp(args) = cli.command else { panic!("it is cp") };
            args.upload.object_settings().content_type
        };
        assert_eq!(typed("s3://b/a.d/page.html").as_deref(), Some("text/html"));
        assert_eq!(typed("s3://b.html/page"), None);
    }

    #[test]
    fn pairs_are_split_at_the_first_sign() {
        let args = cp(&["--metadata", "a=b=c", "--metadata", "d=", "--tags", "e=f"]);
        let settings = args.upload.object_settings();
        assert_eq!(settings.metadata, [("a".into(), "b=c".into()), ("d".into(), String::new())]);
        assert_eq!(settings.tags, [("e".into(), "f".into())]);
        assert!(pair("no-sign").is_err() && pair("=x").is_err());
    }
}
