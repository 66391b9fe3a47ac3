//! What can be typed about an upload: `cp`, `plan` and `resume`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::store::AddressingStyle;
use super::{AsTyped, NetworkArgs, RenewArgs, RetryArgs, S3Args, store_overrides};
use crate::cli::journal;
use crate::config::{self, Overrides};
use crate::s3::{ObjectSettingsInput, UploadId};
use crate::units;
use crate::upload;
use crate::upload::journal::{Resumable, Target};

/// `resume`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeArgs {
    /// Which, as `--list` names it or the beginning of that; may be left out where there is one
    #[arg(value_name = "ID", conflicts_with_all = ["list", "all"])]
    pub(in crate::cli) id: Option<String>,
    /// Show what can be resumed
    #[arg(long, conflicts_with = "all")]
    pub(in crate::cli) list: bool,
    /// All of them, one after the other
    #[arg(long)]
    pub(in crate::cli) all: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    pub(in crate::cli) s3: S3Args,
    #[command(flatten)]
    network: NetworkArgs,
}

/// What `cp` and `plan` have in common.
#[derive(Debug, Args)]
pub(in crate::cli) struct UploadArgs {
    /// The file to upload, or - for standard input
    #[arg(value_name = "FILE")]
    pub(in crate::cli) source: PathBuf,
    /// Where to: s3://bucket/key, s3://bucket/prefix/ to append the file's name, a presigned URL
    /// (quoted), @FILE that holds one, or a manifest of `curlift presign --parts-for`
    #[arg(value_name = "DESTINATION")]
    pub(in crate::cli) destination: String,
    /// Known from other tools; refused with a reason
    #[arg(short, long, hide = true)]
    pub(in crate::cli) recursive: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    earlier: EarlierArgs,
    #[command(flatten)]
    expiry: ExpiryArgs,
    #[command(flatten)]
    stream: StreamArgs,
    #[command(flatten)]
    pub(in crate::cli) renew: AsTyped<RenewArgs>,
    #[command(flatten)]
    retry: RetryArgs,
    #[command(flatten)]
    object: ObjectArgs,
    #[command(flatten)]
    pub(in crate::cli) s3: S3Args,
    #[command(flatten)]
    pub(in crate::cli) network: NetworkArgs,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Transfer")]
pub(super) struct TransferArgs {
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
    /// What becomes of an upload that fails or is stopped: keep it to be resumed, or abort it
    /// [default: keep]
    #[arg(long, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    /// Never send the last slow parts a second time (at most 5% of the bytes are)
    #[arg(long)]
    no_hedge: bool,
}

impl TransferArgs {
    /// The flags that go before other places, beside those that are in `overrides` already.
    pub(super) fn add_to(&self, overrides: Overrides) -> Overrides {
        Overrides {
            part_size: self.part_size,
            multipart_threshold: self.multipart_threshold,
            concurrency: self.concurrency,
            ..overrides
        }
    }
}

/// What was begun before.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Transfer")]
struct EarlierArgs {
    /// Whether to go on with an earlier run of the same upload: auto, never (what it left is
    /// freed), or require (else nothing is sent) [default: auto]
    #[arg(long, value_name = "WHEN")]
    resume: Option<Resume>,
    /// Go on with an upload that was made elsewhere; parts at the store that are equal are kept
    #[arg(long, value_name = "ID", value_parser = upload_id)]
    upload_id: Option<UploadId>,
}

/// What is known of the rate, and what follows where keys or links end too early.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Transfer")]
struct ExpiryArgs {
    /// How fast it will be, such as 24MB/s or 200Mbit: tells beforehand how long it takes, and how
    /// many parts come too late where keys or links end [default: as earlier uploads there]
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    expected_rate: Option<u64>,
    /// Send nothing where keys or links would end before all is sent
    #[arg(long)]
    strict_expiry: bool,
}

/// The same, for the commands.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::cli) struct ExpirySettings {
    /// Bytes a second that the user expects.
    pub(in crate::cli) expected_rate: Option<u64>,
    /// Whether nothing is sent where not everything begins in time.
    pub(in crate::cli) strict: bool,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Standard input")]
pub(in crate::cli) struct StreamArgs {
    /// Bytes that will come: chooses the part size, and anything else is an error that stores
    /// nothing. The only way to notice that what writes the pipe died: its exit status is known
    /// to the shell alone (`set -o pipefail`)
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(in crate::cli) expected_size: Option<u64>,
    /// Let parts wait in a file in this folder, not in memory; it is kept where the upload fails
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) spool: Option<PathBuf>,
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

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Object")]
pub(in crate::cli) struct ObjectArgs {
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ChecksumAlgorithm {
    Crc64nvme,
    None,
}

impl UploadArgs {
    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        Overrides {
            checksums: self.object.checksums(),
            ..self.transfer.add_to(store_overrides(&self.s3, &self.network, &self.retry))
        }
    }

    /// Whether an earlier run is gone on with.
    pub(in crate::cli) fn resume(&self) -> journal::Resume {
        match self.earlier.resume {
            None | Some(Resume::Auto) => journal::Resume::Auto,
            Some(Resume::Never) => journal::Resume::Never,
            Some(Resume::Require) => journal::Resume::Require,
        }
    }

    /// The upload to go on with, where one was named.
    pub(in crate::cli) fn upload_id(&self) -> Option<UploadId> {
        self.earlier.upload_id.clone()
    }

    /// The object's headers as they were typed.
    pub(in crate::cli) fn typed_settings(&self) -> ObjectSettingsInput {
        self.object.settings()
    }

    /// Whether any of them was.
    pub(in crate::cli) fn has_typed_settings(&self) -> bool {
        self.typed_settings() != ObjectSettingsInput::default()
    }

    /// The destination as it may be shown: of a URL, what stands before its query.
    pub(in crate::cli) fn destination_shown(&self) -> String {
        match self.destination.split_once('?') {
            Some((before, _)) if !before.starts_with("s3://") => format!("{before}?…"),
            _ => self.destination.clone(),
        }
    }

    /// Whether presigned URLs that expire are renewed.
    pub(in crate::cli) fn renews(&self) -> bool {
        self.renew.args.renew.is_some()
    }

    /// A flag that says nothing where presigned URLs are used, if one was typed.
    pub(in crate::cli) fn flag_of_keys(&self, is_url: bool) -> Option<&'static str> {
        let S3Args {
            endpoint_url,
            region,
            profile,
            no_sign_request,
            addressing_style,
            payload_signing,
        } = &self.s3;
        let transfer = &self.transfer;
        let requires = matches!(self.earlier.resume, Some(Resume::Require));
        let flags = [
            (endpoint_url.is_some(), "--endpoint-url"),
            (region.is_some(), "--region"),
            (profile.is_some(), "--profile"),
            (*no_sign_request, "--no-sign-request"),
            (addressing_style.is_some(), "--addressing-style"),
            (payload_signing.is_some(), "--payload-signing"),
            (self.object.checksum_algorithm.is_some(), "--checksum-algorithm"),
            (self.earlier.upload_id.is_some(), "--upload-id"),
            (requires && is_url, "--resume require"),
            (transfer.part_size.is_some(), "--part-size"),
            (transfer.multipart_threshold.is_some(), "--multipart-threshold"),
            (matches!(transfer.on_failure, Some(OnFailure::Abort)), "--on-failure abort"),
        ];
        flags.into_iter().find(|(typed, _)| *typed).map(|(_, flag)| flag)
    }

    /// The flag that only what can be read again may have, where one was typed.
    pub(in crate::cli) fn wants_resuming(&self) -> Option<&'static str> {
        let EarlierArgs { resume, upload_id } = &self.earlier;
        let flags = [
            (matches!(resume, Some(Resume::Require)), "--resume require"),
            (upload_id.is_some(), "--upload-id"),
            (matches!(self.transfer.on_failure, Some(OnFailure::Keep)), "--on-failure keep"),
        ];
        flags.into_iter().find(|(typed, _)| *typed).map(|(_, flag)| flag)
    }

    /// What becomes of an upload that does not end well.
    pub(in crate::cli) fn on_failure(&self) -> upload::OnFailure {
        match self.transfer.on_failure {
            None | Some(OnFailure::Keep) => upload::OnFailure::Keep,
            Some(OnFailure::Abort) => upload::OnFailure::Abort,
        }
    }

    /// What was typed for `curlift resume`, as if it had been typed for `cp` when the upload began.
    pub(in crate::cli) fn of_journal(args: &ResumeArgs, journal: &Resumable) -> UploadArgs {
        let begun = &journal.begun;
        let checksum_algorithm = journal.checksums.then_some(ChecksumAlgorithm::Crc64nvme);
        let Target { endpoint, addressing, region, profile, bucket, key, manifest } = &begun.target;
        let typed = &args.s3;
        let by_manifest = manifest.is_some();
        let s3 = S3Args {
            endpoint_url: typed.endpoint_url.clone().or_else(|| endpoint.clone()),
            region: typed.region.clone().or_else(|| Some(region.clone())),
            profile: typed.profile.clone().or_else(|| profile.clone()),
            addressing_style: typed
                .addressing_style
                .or_else(|| AddressingStyle::from_str(addressing, true).ok()),
            ..typed.clone()
        };
        let checksum_algorithm = checksum_algorithm.filter(|_| !by_manifest);
        UploadArgs {
            source: PathBuf::from(&begun.source.path),
            destination: manifest.clone().unwrap_or_else(|| format!("s3://{bucket}/{key}")),
            recursive: false,
            transfer: args.transfer.clone(),
            earlier: EarlierArgs::default(),
            expiry: args.expiry.clone(),
            stream: StreamArgs::default(),
            renew: AsTyped::default(),
            retry: args.retry.clone(),
            object: ObjectArgs { checksum_algorithm, ..ObjectArgs::default() },
            s3: if by_manifest { typed.clone() } else { s3 },
            network: args.network.clone(),
        }
    }

    /// What is said of the rate and of what ends.
    pub(in crate::cli) fn expiry(&self) -> ExpirySettings {
        let ExpiryArgs { expected_rate, strict_expiry } = self.expiry;
        ExpirySettings { expected_rate, strict: strict_expiry }
    }

    /// Whether the last slow parts may be sent a second time.
    pub(in crate::cli) fn hedge(&self) -> bool {
        !self.transfer.no_hedge
    }

    /// What is said of standard input.
    pub(in crate::cli) fn stream(&self) -> &StreamArgs {
        &self.stream
    }

    /// The same, the type being guessed from the file's name, for standard input from the key's,
    /// where none was typed.
    pub(in crate::cli) fn object_settings(&self) -> ObjectSettingsInput {
        let is_stream = self.source == Path::new("-");
        let named = if is_stream { Path::new(&self.destination) } else { &self.source };
        let guessed = || mime_guess::from_path(named).first_raw().map(str::to_owned);
        let typed = self.typed_settings();
        ObjectSettingsInput { content_type: typed.content_type.clone().or_else(guessed), ..typed }
    }
}

impl ObjectArgs {
    /// Whether S3 is to verify and keep a checksum; `None` where nothing was typed of it.
    pub(super) fn checksums(&self) -> Option<bool> {
        self.checksum_algorithm.map(|algorithm| algorithm == ChecksumAlgorithm::Crc64nvme)
    }

    /// The object's headers as they were typed.
    pub(super) fn settings(&self) -> ObjectSettingsInput {
        ObjectSettingsInput {
            storage_class: self.storage_class.clone(),
            sse: self.sse.clone(),
            sse_kms_key_id: self.sse_kms_key_id.clone(),
            acl: self.acl.clone(),
            content_type: self.content_type.clone(),
            cache_control: self.cache_control.clone(),
            content_encoding: self.content_encoding.clone(),
            content_disposition: self.content_disposition.clone(),
            content_language: self.content_language.clone(),
            expires: self.expires.clone(),
            metadata: self.metadata.clone(),
            tags: self.tags.clone(),
        }
    }
}

pub(super) fn upload_id(text: &str) -> Result<UploadId, String> {
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
