//! What was typed as a destination: an object, a presigned URL, or a manifest of such URLs.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::cli::args::UploadArgs;
use crate::cli::error::CliError;
use crate::cli::place::Place;
use crate::s3::PresignedUrl;
use crate::upload::{MANIFEST_LENGTH_MAX, Manifest};

/// Where an upload is to go.
#[derive(Debug)]
pub(super) enum Whither {
    /// `s3://bucket/key`, by keys.
    Object,
    /// One request, by a presigned URL.
    Url(PresignedUrl),
    /// A multipart upload that somebody else began, by presigned URLs.
    Manifest(PathBuf, Box<Manifest>),
}

/// The longest URL that is read from a file: servers take 8 or 16 KiB.
const URL_LENGTH_MAX: u64 = 64 << 10;

impl Whither {
    /// Reads `typed`, and the file that it names.
    pub(super) fn read(typed: &str) -> Result<Whither, CliError> {
        if let Some(from) = typed.strip_prefix('@') {
            return Ok(Whither::Url(url(&url_from(from)?)?));
        }
        let scheme = typed.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("http" | "https") => Ok(Whither::Url(url(typed)?)),
            Some(_) => Ok(Whither::Object),
            // It would be printed as a name that makes no sense.
            None if typed.contains("X-Amz-") || typed.contains("Signature=") => {
                Ok(Whither::Url(url(typed)?))
            }
            None => {
                let path = Path::new(typed);
                let has_ending = path.extension().is_some_and(|ending| ending == "json");
                if path.is_file() || has_ending { manifest(path) } else { Ok(Whither::Object) }
            }
        }
    }
}

fn url(text: &str) -> Result<PresignedUrl, CliError> {
    let url = PresignedUrl::parse(text)?;
    url.for_object()?;
    Ok(url)
}

/// The URL in a file, where it is not seen in the list of processes.
fn url_from(name: &str) -> Result<String, CliError> {
    let mut text = String::new();
    let read = if name == "-" {
        io::stdin().take(URL_LENGTH_MAX).read_to_string(&mut text)
    } else {
        File::open(name).and_then(|file| file.take(URL_LENGTH_MAX).read_to_string(&mut text))
    };
    match read {
        Ok(0) => Err(CliError::Usage {
            what: format!("{} is empty: it is to hold a presigned URL", shown(name)),
            hint: "curlift presign s3://BUCKET/KEY > FILE writes one".to_owned(),
        }),
        Ok(_) => Ok(text),
        Err(error) => Err(CliError::Unreadable { path: shown(name), what: error.to_string() }),
    }
}

fn shown(name: &str) -> String {
    if name == "-" { "standard input".to_owned() } else { Place::shown(Path::new(name)) }
}

fn manifest(path: &Path) -> Result<Whither, CliError> {
    let unreadable = |error: io::Error| CliError::Unreadable {
        path: Place::shown(path),
        what: format!("{error}; a destination is s3://BUCKET/KEY, a presigned URL or a manifest"),
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(MANIFEST_LENGTH_MAX as u64 + 1).read_to_end(&mut text).map_err(unreadable)?;
    let manifest = Manifest::read(&text, &crate::s3::Limits::AWS);
    let manifest = manifest
        .map_err(|error| CliError::Manifest { path: path.to_path_buf(), error: Box::new(error) })?;
    let path = path.canonicalize().map_err(unreadable)?;
    Ok(Whither::Manifest(path, Box::new(manifest)))
}

/// Refuses what is for keys alone.
pub(super) fn refuse_flags_of_keys(args: &UploadArgs, is_url: bool) -> Result<(), CliError> {
    if args.source == Path::new("-") {
        return Err(CliError::Usage {
            what: "standard input cannot go to a presigned URL: its length must be known before, \
                   and a retry must begin anew"
                .to_owned(),
            hint: "write it to a file first, and upload that".to_owned(),
        });
    }
    let Some(flag) = args.flag_of_keys(is_url) else { return Ok(()) };
    Err(CliError::Usage {
        what: format!("{flag} says nothing here: a presigned URL has said all that is to be said"),
        hint: format!("leave {flag} out; whoever signs the URL may give it to curlift presign"),
    })
}
