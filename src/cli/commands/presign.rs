//! `curlift presign`: a URL with which somebody without keys can make one request. Sends nothing,
//! but for a whole upload in parts, which is begun.

mod answering;
mod files;
mod links;
mod parts;
mod reading;
mod told;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use indicatif::HumanDuration;
use serde::Serialize;

use super::store::{SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::{PresignArgs, PresignedCall, S3Args};
use crate::cli::console::{Console, stamp, unix, wall_clock};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::config::Config;
use crate::disk::Source;
use crate::http::{Body, Headers, Method, Request};
use crate::s3::sigv4::Signer;
use crate::s3::{Crc64Nvme, Credentials, Endpoint, Limits, Object, ObjectSettings};
use crate::units::exact_size;
use crate::upload::UploadPlan;

/// Runs the command; with `--json` an error is a line too.
pub(super) fn run(
    args: &PresignArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let ended = match &args.parts.parts_for {
        Some(file) => parts::run(args, file, console, surroundings),
        None => presign(args, console, surroundings),
    };
    ended.inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

fn presign(
    args: &PresignArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    if args.renew_stdin {
        return answering::answer(args, console, surroundings);
    }
    let name = args.checksum_of.as_deref().and_then(Path::file_name).and_then(|n| n.to_str());
    let object = Object::parse(&args.object, name)?;
    let settings = ObjectSettings::new(&args.settings())?;
    let call = args.call();
    if call != PresignedCall::PutObject && args.has_typed_settings() {
        return Err(CliError::Usage {
            what: "fields of the object are for a URL that uploads it whole".to_owned(),
            hint: "leave them out: CreateMultipartUpload sets those of an upload in parts"
                .to_owned(),
        });
    }
    let store = &args.store;
    let access = StoreAccess::prepare(&args.overrides(), &store.s3, console, surroundings)?;
    let checksum = args.checksum_of.as_deref().map(|file| checksum(file, console)).transpose()?;
    let (_, credentials) = signing_keys(&store.s3, &access.config, surroundings)?;
    let (at, keys_end) = (wall_clock(), credentials.expires_at);
    let expires_at = at + args.expires_in.duration();
    let mut request = request(&call, &access.endpoint, &object, &settings);
    if let Some(checksum) = checksum {
        request.headers.push("x-amz-checksum-crc64nvme", checksum.to_base64());
    }
    let signer = Signer { credentials, region: access.config.region.value.clone() };
    let url = signer.presign(&request, at, args.expires_in).to_string();
    warn_of_keys(keys_end, at, expires_at, console);
    let told = Presigned {
        event: "presigned",
        method: request.method.as_str(),
        headers: request.headers.iter().collect(),
        expires_in_s: args.expires_in.duration().as_secs(),
        expires_at: stamp(unix(expires_at)),
        url: &url,
    };
    if console.is_json() {
        console.event(&told);
        return Ok(ExitStatus::Success);
    }
    console.note(&format!("{} until {}", told.method, told.expires_at));
    for (name, value) in &told.headers {
        console.note(&format!("send it with: {name}: {value}"));
    }
    console.product(&url);
    Ok(ExitStatus::Success)
}

/// The keys to sign with.
fn signer(
    args: &PresignArgs,
    access: &StoreAccess,
    surroundings: &Surroundings,
) -> Result<Signer, CliError> {
    let (_, credentials) = signing_keys(&args.store.s3, &access.config, surroundings)?;
    Ok(Signer { credentials, region: access.config.region.value.clone() })
}

/// The URL, and what must be known to use it.
#[derive(Debug, Serialize)]
struct Presigned<'a> {
    event: &'static str,
    method: &'static str,
    url: &'a str,
    /// Fields that are signed, and so must be sent as they are.
    headers: BTreeMap<&'a str, &'a str>,
    expires_in_s: u64,
    expires_at: String,
}

/// What the URL stands for, with the fields that are signed.
fn request(
    call: &PresignedCall,
    endpoint: &Endpoint,
    object: &Object,
    settings: &ObjectSettings,
) -> Request {
    let with = |method, query: &[(&str, &str)]| Request {
        method,
        url: endpoint.object_url(object, query),
        headers: Headers::new(),
        body: Body::Empty,
    };
    match call {
        PresignedCall::PutObject => {
            let mut request = with(Method::Put, &[]);
            for (name, value) in settings.headers() {
                request.headers.push(name, value);
            }
            request
        }
        PresignedCall::GetObject => with(Method::Get, &[]),
        PresignedCall::UploadPart(id, number) => {
            with(Method::Put, &[("partNumber", &number.to_string()), ("uploadId", &id.0)])
        }
        PresignedCall::CompleteMultipartUpload(id) => with(Method::Post, &[("uploadId", &id.0)]),
        PresignedCall::AbortMultipartUpload(id) => with(Method::Delete, &[("uploadId", &id.0)]),
        PresignedCall::ListParts(id) => with(Method::Get, &[("uploadId", &id.0)]),
    }
}

/// A URL dies with the keys that signed it.
fn warn_of_keys(
    keys_end: Option<SystemTime>,
    at: SystemTime,
    expires_at: SystemTime,
    console: &Console,
) {
    if let Some(end) = keys_end.filter(|end| *end < expires_at) {
        let left = end.duration_since(at).unwrap_or_default();
        console.warn(&format!(
            "the keys end in {}, at {}, and the URL with them; sign with keys that live longer",
            HumanDuration(left),
            stamp(unix(end))
        ));
    }
}

/// The keys that URLs are signed with.
fn signing_keys(
    s3: &S3Args,
    config: &Config,
    surroundings: &Surroundings,
) -> Result<(SessionKeys, Credentials), CliError> {
    let keys = SessionKeys::find(s3, config, surroundings)?;
    match keys.credentials.clone() {
        Some(credentials) => Ok((keys, credentials)),
        None => Err(CliError::Usage {
            what: "a presigned URL is a signature, and without keys there is none".to_owned(),
            hint: "leave --no-sign-request out".to_owned(),
        }),
    }
}

/// The checksum of a file that goes in one request.
fn checksum(file: &Path, console: &Console) -> Result<Crc64Nvme, CliError> {
    let source = Source::open(file)?;
    let (size, max) = (source.size(), Limits::AWS.part_size_max);
    if size > max {
        return Err(CliError::Usage {
            what: format!(
                "{} has {size} bytes, and one request takes {} at most",
                Place::shown(file),
                exact_size(max)
            ),
            hint: "have URLs for its parts: --parts-for FILE -o parts.json".to_owned(),
        });
    }
    let plan = UploadPlan::new(size, Limits::AWS.part_size_min, max, &Limits::AWS)
        .map_err(|error| CliError::Plan { error, origin: None })?;
    let interrupts = Interrupts::listen()?;
    let parts = reading::part_checksums(&source, &plan, console, &interrupts)?;
    Ok(reading::combined(&plan, &parts))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{Addressing, ObjectSettingsInput, PartNumber, UploadId};

    #[test]
    fn each_call_is_its_request() {
        let endpoint = Endpoint::new("http://127.0.0.1:9000", Addressing::Path).unwrap();
        let object = Object::parse("s3://bucket/a b", None).unwrap();
        let input = ObjectSettingsInput {
            content_type: Some("text/plain".into()),
            ..ObjectSettingsInput::default()
        };
        let settings = ObjectSettings::new(&input).unwrap();
        let shown = |call| {
            let request = request(&call, &endpoint, &object, &settings);
            let fields: Vec<String> =
                request.headers.iter().map(|(n, v)| format!(" {n}={v}")).collect();
            let url = request.url.to_string();
            let path = url.strip_prefix("http://127.0.0.1:9000/bucket/a%20b").unwrap();
            format!("{} {path}{}", request.method.as_str(), fields.concat())
        };
        let id = || UploadId("U/1".into());
        assert_eq!(shown(PresignedCall::PutObject), "PUT  content-type=text/plain");
        assert_eq!(shown(PresignedCall::GetObject), "GET ");
        let part = PresignedCall::UploadPart(id(), PartNumber::from_index(6));
        assert_eq!(shown(part), "PUT ?partNumber=7&uploadId=U%2F1");
        assert_eq!(shown(PresignedCall::CompleteMultipartUpload(id())), "POST ?uploadId=U%2F1");
        assert_eq!(shown(PresignedCall::AbortMultipartUpload(id())), "DELETE ?uploadId=U%2F1");
        assert_eq!(shown(PresignedCall::ListParts(id())), "GET ?uploadId=U%2F1");
    }
}
