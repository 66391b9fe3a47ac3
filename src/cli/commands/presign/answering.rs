//! `curlift presign --renew-stdin`: the other end of `curlift cp --renew`. Signs what is asked for
//! on standard input, for the object that was named and no other.

use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use percent_encoding::percent_decode_str;

use super::{signer, warn_of_keys};
use crate::cli::Surroundings;
use crate::cli::args::PresignArgs;
use crate::cli::commands::store::StoreAccess;
use crate::cli::console::{Console, wall_clock};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::place::Place;
use crate::http::Headers;
use crate::s3::sigv4::{Lifetime, Signer};
use crate::s3::{
    Addressing, BucketPrefix, Endpoint, Key, Link, LinkedCall, Links, Object, ObjectSettings,
    Operation, PresignedUrl, UploadId,
};
use crate::upload::renewal::{Asked, answer_text};

/// Bytes of a request at most: ten thousand calls and their fields.
const REQUEST_MAX: u64 = 16 << 20;

/// Reads the request, and prints the links.
pub(super) fn answer(
    args: &PresignArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let allowed = BucketPrefix::parse(&args.object)?;
    let settings = ObjectSettings::new(&args.settings())?;
    let access =
        StoreAccess::prepare(&args.store.overrides(), &args.store.s3, console, surroundings)?;
    let asked = read()?;
    let object = object(&allowed, &asked, &access.endpoint)?;
    refuse_fields(&asked, &settings)?;
    let signer = signer(args, &access, surroundings)?;
    let (at, lifetime) = (wall_clock(), args.expires_in);
    let expires_at = at + lifetime.duration();
    let (endpoint, object) = (&access.endpoint, &object);
    let links = Signing { signer: &signer, endpoint, object, at, lifetime }.links(&asked)?;
    warn_of_keys(signer.credentials.expires_at, at, expires_at, console);
    console.product(&answer_text(&links));
    Ok(ExitStatus::Success)
}

fn read() -> Result<Asked, CliError> {
    if io::stdin().is_terminal() {
        return Err(refused(
            "--renew-stdin reads a request, and standard input is a terminal",
            "it is for the other end: curlift cp FILE URL --renew 'curlift presign … \
             --renew-stdin'",
        ));
    }
    let mut text = Vec::new();
    let stdin = io::stdin().lock();
    stdin.take(REQUEST_MAX).read_to_end(&mut text).map_err(|error| CliError::Unreadable {
        path: "standard input".to_owned(),
        what: error.to_string(),
    })?;
    Asked::read(&text).map_err(|error| {
        refused(&error.to_string(), "it is what `curlift cp --renew` writes to its command")
    })
}

/// Which object is asked for, where that is one that may be signed for.
fn object(allowed: &BucketPrefix, asked: &Asked, endpoint: &Endpoint) -> Result<Object, CliError> {
    let mismatch = || {
        let wanted = Place::shown(Path::new(&asked.path));
        refused(
            &format!("links for {wanted} are asked for, and {allowed} alone may be signed for"),
            "name the object that is uploaded, or, with a / at its end, what its key begins with",
        )
    };
    let key = key(allowed, asked, endpoint).ok_or_else(mismatch)?;
    let object = Object { bucket: allowed.bucket.clone(), key: Key::new(&key)? };
    let (origin, path) = place(endpoint, &object);
    let wanted = Endpoint::new(&asked.endpoint, Addressing::Path).map(|there| there.to_string());
    if wanted.as_ref() != Ok(&origin) {
        return Err(refused(
            &format!(
                "links to {} are asked for, and {object} is at {origin}",
                Place::shown(Path::new(&asked.endpoint)),
            ),
            "have --endpoint-url, --region and --addressing-style lead to where the upload goes",
        ));
    }
    if path == asked.path { Ok(object) } else { Err(mismatch()) }
}

/// The key that was named, or the one that is asked for below what was named.
fn key(allowed: &BucketPrefix, asked: &Asked, endpoint: &Endpoint) -> Option<String> {
    let prefix = allowed.prefix.as_str();
    if !prefix.is_empty() && !prefix.ends_with('/') {
        return Some(prefix.to_owned());
    }
    let root = Object { bucket: allowed.bucket.clone(), key: Key::listed("") };
    let key = asked.path.strip_prefix(&place(endpoint, &root).1)?;
    let is_below = key.starts_with(prefix) && key.len() > prefix.len();
    // Some stores take such a path for another.
    let has_dots = key.split('/').any(|segment| segment == "." || segment == "..");
    (is_below && !has_dots).then(|| key.to_owned())
}

/// Scheme, host and port of an object's URL; its path, decoded.
fn place(endpoint: &Endpoint, object: &Object) -> (String, String) {
    let url = endpoint.object_url(object, &[]);
    let path = percent_decode_str(&url.path).decode_utf8_lossy().into_owned();
    (format!("{}://{}", url.scheme.as_str(), url.authority), path)
}

/// What tells of the bytes is the uploader's to say. All else that a field may do (who may read
/// the object, what it is a copy of) is for whoever has the keys to allow, by typing it.
fn refuse_fields(asked: &Asked, typed: &ObjectSettings) -> Result<(), CliError> {
    let is_allowed = |name: &str, value: &str| {
        let tells_of_bytes = OF_BYTES.contains(&name)
            || name.starts_with("x-amz-meta-")
            || name.starts_with("x-amz-checksum-");
        tells_of_bytes || typed.headers().any(|field| field == (name, value))
    };
    let mut fields = asked.calls.iter().flat_map(|(_, fields)| fields.iter());
    match fields.find(|(name, value)| !is_allowed(&name.to_ascii_lowercase(), value)) {
        None => Ok(()),
        Some((name, _)) => Err(refused(
            &format!("the header field {name} is asked for, and was not allowed"),
            "add the flag that sets it, such as --acl or --storage-class, with the same value",
        )),
    }
}

/// Fields of any upload.
const OF_BYTES: [&str; 9] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
    "x-amz-mp-object-size",
    "x-amz-sdk-checksum-algorithm",
];

/// Who signs what, and when.
struct Signing<'a> {
    signer: &'a Signer,
    endpoint: &'a Endpoint,
    object: &'a Object,
    at: SystemTime,
    lifetime: Lifetime,
}

impl Signing<'_> {
    fn links(&self, asked: &Asked) -> Result<Links, CliError> {
        let upload_id = asked.upload_id.clone().unwrap_or_else(|| UploadId(String::new()));
        let link = |(call, fields): &(LinkedCall, Headers)| {
            let mut request = operation(*call, &upload_id).request(self.endpoint, self.object);
            request.headers = fields.clone();
            let url = self.signer.presign(&request, self.at, self.lifetime).to_string();
            let url = PresignedUrl::parse(&url).map_err(|error| refused(&error.what, &error.hint));
            Ok((*call, Link { url: url?, fields: fields.clone() }))
        };
        asked.calls.iter().map(link).collect()
    }
}

/// The call, as far as its URL and method tell of it.
fn operation(call: LinkedCall, upload_id: &UploadId) -> Operation {
    let upload_id = upload_id.clone();
    match call {
        LinkedCall::PutObject => Operation::PutObject { settings: Arc::default(), length: 0 },
        LinkedCall::UploadPart(number) => {
            Operation::UploadPart { upload_id, number, offset: 0, length: 0 }
        }
        LinkedCall::CompleteMultipartUpload => {
            let parts = Arc::new([]);
            Operation::CompleteMultipartUpload { upload_id, parts, checksum: None, size: 0 }
        }
        LinkedCall::AbortMultipartUpload => Operation::AbortMultipartUpload { upload_id },
        LinkedCall::ListParts(after) => Operation::ListParts { upload_id, after },
        LinkedCall::HeadObject => Operation::HeadObject,
    }
}

fn refused(what: &str, hint: &str) -> CliError {
    CliError::Usage { what: what.to_owned(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ObjectSettingsInput;

    fn asked(endpoint: &str, path: &str) -> Asked {
        let calls = vec![(LinkedCall::PutObject, Headers::new())];
        Asked { endpoint: endpoint.into(), path: path.into(), upload_id: None, calls }
    }

    /// The key that is signed for, or why none is.
    fn found(allowed: &str, addressing: Addressing, asked: &Asked) -> String {
        let endpoint = Endpoint::new("https://h.example:9000", addressing).unwrap();
        match object(&BucketPrefix::parse(allowed).unwrap(), asked, &endpoint) {
            Ok(object) => object.key.as_str().to_owned(),
            Err(error) => format!("! {error}"),
        }
    }

    #[test]
    fn only_what_was_named_is_signed_for() {
        let at = "https://h.example:9000";
        for (allowed, path, expected) in [
            ("s3://bkt/a b", "/bkt/a b", "a b"),
            (
                "s3://bkt/a b",
                "/bkt/a b/c",
                "! links for /bkt/a b/c are asked for, and s3://bkt/a b",
            ),
            ("s3://bkt/a", "/bkt/b", "! links for /bkt/b"),
            ("s3://bkt/a", "/other/a", "! links for /other/a"),
            ("s3://bkt/a/", "/bkt/a/b/c", "a/b/c"),
            ("s3://bkt/a/", "/bkt/a/", "! links for"),
            ("s3://bkt/a/", "/bkt/ab", "! links for"),
            ("s3://bkt/a/", "/bkt/a/../b", "! links for"),
            ("s3://bkt", "/bkt/b", "b"),
            ("s3://bkt", "/bkt2/b", "! links for"),
            ("s3://bkt/a/", "/bkt/a/\u{1b}[2J", "a/\u{1b}[2J"),
            ("s3://bkt/a", "/bkt/\u{1b}", "! links for /bkt/\\u{1b} are"),
        ] {
            let key = found(allowed, Addressing::Path, &asked(at, path));
            assert!(key.starts_with(expected), "{allowed} {path}: {key}");
        }
        let in_host = asked("https://bkt.h.example:9000", "/a/b");
        assert_eq!(found("s3://bkt/a/", Addressing::Virtual, &in_host), "a/b");
        for (endpoint, path) in [
            ("https://h.example", "/bkt/a"),
            ("http://h.example:9000", "/bkt/a"),
            ("https://bkt.h.example:9000", "/bkt/a"),
            ("nonsense\u{1b}", "/bkt/a"),
        ] {
            let error = found("s3://bkt/a", Addressing::Path, &asked(endpoint, path));
            let says = "are asked for, and s3://bkt/a is at https://h.example:9000";
            assert!(error.contains(says) && !error.contains('\u{1b}'), "{endpoint}: {error}");
        }
    }

    #[test]
    fn fields_that_do_more_than_tell_of_the_bytes_must_have_been_typed() {
        let input = ObjectSettingsInput { acl: Some("private".into()), ..Default::default() };
        let typed = ObjectSettings::new(&input).unwrap();
        for (name, value, is_allowed) in [
            ("content-type", "text/plain", true),
            ("x-amz-meta-a", "b", true),
            ("x-amz-checksum-crc64nvme", "AAA=", true),
            ("X-Amz-Acl", "private", true),
            ("x-amz-acl", "public-read", false),
            ("x-amz-copy-source", "/other/secret", false),
            ("X-Amz-Grant-Read", "uri=all", false),
            ("x-amz-website-redirect-location", "/", false),
            ("x-amz-storage-class", "GLACIER", false),
            ("x-other", "1", false),
        ] {
            let mut asked = asked("https://h", "/b/k");
            asked.calls[0].1.push(name, value);
            assert_eq!(refuse_fields(&asked, &typed).is_ok(), is_allowed, "{name}: {value}");
        }
    }
}
