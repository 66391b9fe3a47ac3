//! An upload by one presigned URL: one PUT, without keys.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::HumanDuration;

use super::{ByLinks, Linked, Upload};
use crate::cli::args::UploadArgs;
use crate::cli::blocks::each_block;
use crate::cli::commands::store::StoreAccess;
use crate::cli::console::{Console, stamp, unix_now};
use crate::cli::error::CliError;
use crate::cli::place::{Place, Reach};
use crate::curlopt;
use crate::disk::Source;
use crate::http::Headers;
use crate::s3::{
    Addressing, ChecksumAlgorithm, ContentDigest, Destination, Endpoint, Limits, Link, LinkedCall,
    ObjectSettings, PresignedUrl, UnixTime,
};
use crate::units::exact_size;
use crate::upload::UploadPlan;

/// How far a URL may be dated ahead of this machine's clock: stores stand as much.
const AHEAD_MAX: Duration = Duration::from_mins(15);

impl Upload {
    /// An upload to `url`, checked; sends nothing.
    pub(super) fn to_url(
        url: PresignedUrl,
        args: &UploadArgs,
        store: StoreAccess,
        console: &Console,
    ) -> Result<(Upload, crate::config::Config), CliError> {
        let source = Source::open(&args.source)?;
        check_times(&url, args.renews(), console)?;
        let plan = plan(source.size())?;
        let fields = fields(&url, args, &store.fields, &source)?;
        if let Some(part) = url.parameter("partNumber") {
            console.note(&format!(
                "the URL is for part {part} of a multipart upload: its ETag, printed at the end, \
                 is what completes it"
            ));
        }
        let object = url.object();
        let endpoint = Endpoint::new(&url.origin(), Addressing::Path).map_err(|error| {
            CliError::Usage { what: error.to_string(), hint: "have it signed again".to_owned() }
        })?;
        let region = url.region().unwrap_or_default().to_owned();
        let destination = Destination { endpoint, region, object };
        let shown = url.to_string();
        let place = Place::by_links(&args.source, shown, &destination, Reach::Url, args.renews());
        let link = Link { url, fields };
        let linked = Linked {
            links: Arc::new([(LinkedCall::PutObject, link)].into_iter().collect()),
            watched: true,
            share: None,
            upload_id: None,
        };
        Ok(Upload::by_links(args, store, ByLinks { source, destination, plan, place, linked }))
    }
}

/// Refuses a URL that has expired, by this machine's clock, where none comes in its place.
fn check_times(url: &PresignedUrl, is_renewed: bool, console: &Console) -> Result<(), CliError> {
    let now = unix_now();
    if let Some(ago) = now.since(url.expires_at()).filter(|_| !is_renewed) {
        return Err(expired("the presigned URL", ago, url.expires_at()));
    }
    let ahead = url.signed_at().and_then(|signed| signed.since(now));
    if let Some(ahead) = ahead.filter(|ahead| *ahead > AHEAD_MAX) {
        console.warn(&format!(
            "the presigned URL is dated {} from now: the clock of whoever signed it is ahead, or \
             this machine's is behind",
            HumanDuration(ahead)
        ));
    }
    Ok(())
}

/// What is said of links that have expired before anything was sent.
pub(super) fn expired(what: &str, ago: Duration, at: UnixTime) -> CliError {
    CliError::LinkExpired {
        what: format!(
            "{what} expired {} ago, at {}: nothing was sent",
            HumanDuration(ago),
            stamp(at)
        ),
        hint: "ask whoever signed it for a fresh one, with a longer life (curlift presign \
               --expires-in 1h); if it should still be good, this machine's clock is wrong"
            .to_owned(),
    }
}

/// All of a file in one request.
fn plan(size: u64) -> Result<UploadPlan, CliError> {
    let limits = Limits::AWS;
    let plan = UploadPlan::new(size, limits.part_size_min, limits.part_size_max, &limits);
    match plan {
        Ok(plan) if plan.is_single_put() => Ok(plan),
        _ => Err(CliError::Usage {
            what: format!(
                "the file has {size} bytes, and one presigned URL takes less than {}",
                exact_size(limits.part_size_max)
            ),
            hint: "a larger file goes in parts, each by its own URL: curlift presign \
                   s3://BUCKET/KEY --parts-for FILE -o parts.json"
                .to_owned(),
        }),
    }
}

/// The header fields that are sent: those that are signed, which must be, and those that were typed
/// and need not be signed.
fn fields(
    url: &PresignedUrl,
    args: &UploadArgs,
    configured: &[(String, String)],
    source: &Source,
) -> Result<Headers, CliError> {
    let settings = ObjectSettings::new(&args.typed_settings())?;
    let typed: Vec<(String, String)> = settings
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(configured.iter().cloned())
        .collect();
    let mut fields = Headers::new();
    let mut missing = Vec::new();
    for name in url.signed_fields().iter().filter(|name| *name != "content-length") {
        let found = typed.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        match found.map(|(_, value)| value.clone()) {
            Some(value) => fields.push(name, value),
            None => match known(name, url, source)? {
                Some(value) => fields.push(name, value),
                None => missing.push(name.as_str()),
            },
        }
    }
    if !missing.is_empty() {
        return Err(lacking(&missing, &args.source));
    }
    for (name, value) in typed {
        if url.signed_fields().iter().any(|signed| signed.eq_ignore_ascii_case(&name)) {
            continue;
        }
        if name.to_ascii_lowercase().starts_with("x-amz-") {
            return Err(CliError::Usage {
                what: format!("the URL does not sign {name}, and stores refuse it unsigned"),
                hint: format!("leave {} out, or have the URL signed with it", flag_for(&name)),
            });
        }
        fields.push(&name, value);
    }
    Ok(fields)
}

/// What a signed field must be, where that follows from the URL or the file.
fn known(name: &str, url: &PresignedUrl, source: &Source) -> Result<Option<String>, CliError> {
    Ok(match name {
        "x-amz-content-sha256" => Some("UNSIGNED-PAYLOAD".to_owned()),
        "x-amz-sdk-checksum-algorithm" => {
            let signed = url.signed_fields().iter().find_map(|name| algorithm(name));
            signed.map(|algorithm| algorithm.name().to_owned())
        }
        _ => match algorithm(name) {
            Some(algorithm) => Some(checksum(source, algorithm)?),
            None => None,
        },
    })
}

/// The checksum that a header field of this name holds.
fn algorithm(name: &str) -> Option<ChecksumAlgorithm> {
    use ChecksumAlgorithm::{Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256, Sha512};
    let wanted = match name {
        "content-md5" => return Some(Md5),
        name => name.strip_prefix("x-amz-checksum-")?,
    };
    let all = [Crc64Nvme, Crc32, Crc32c, Sha1, Sha256, Sha512, Md5];
    all.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(wanted))
}

/// The checksum of the whole file, as a header field says it.
fn checksum(source: &Source, algorithm: ChecksumAlgorithm) -> Result<String, CliError> {
    let mut digest = ContentDigest::new(algorithm);
    each_block(source, 0..source.size(), |block, _| {
        digest.update(block);
        Ok(())
    })?;
    Ok(STANDARD.encode(digest.finish()))
}

fn lacking(missing: &[&str], source: &std::path::Path) -> CliError {
    let guessed = mime_guess::from_path(source).first_raw();
    let flags: Vec<String> = missing
        .iter()
        .map(|name| match (*name, guessed) {
            ("content-type", Some(guess)) => format!("--content-type {guess}"),
            (name, _) => flag_for(name),
        })
        .collect();
    CliError::Usage {
        what: format!("the URL signs fields that must be sent with it: {}", missing.join(", ")),
        hint: format!("add them exactly as they were signed: {}", flags.join(" ")),
    }
}

/// The flag that sets a field.
fn flag_for(name: &str) -> String {
    if let Some(metadata) = name.strip_prefix("x-amz-meta-") {
        return format!("--metadata {metadata}=VALUE");
    }
    match curlopt::flag_of_field(name) {
        Some("--tags") => "--tags KEY=VALUE".to_owned(),
        Some(flag) => format!("{flag} VALUE"),
        None => format!("--curl 'HTTPHEADER={name}: VALUE'"),
    }
}
