//! From the text of a file to a manifest.

use serde::Deserialize;
use serde_json::error::Category;

use super::document::Document;
use super::{MANIFEST_LENGTH_MAX, Manifest, ManifestError, checking};
use crate::s3::Limits;

/// The version of the format that is written, and the only one there is.
pub(super) const VERSION: u32 = 1;

/// What serde puts between what it found, in backquotes, and what it wants.
const EXPECTED: &str = "`, expected ";

/// As much of a manifest as all versions have.
#[derive(Deserialize)]
struct Versioned {
    #[serde(default)]
    curlift_manifest: Option<u64>,
}

impl Manifest {
    /// Reads and checks a manifest: that it is whole, that its parts are a plan's within `limits`,
    /// and that every link is for what it is said to be for, of the object that it names.
    ///
    /// # Errors
    /// [`ManifestError`], which never repeats a URL.
    pub fn read(text: &[u8], limits: &Limits) -> Result<Manifest, ManifestError> {
        if text.len() > MANIFEST_LENGTH_MAX {
            return Err(ManifestError::new(
                format!("it has {} bytes, and no manifest has more than 64 MiB", text.len()),
                "name the file that curlift presign --parts-for wrote",
            ));
        }
        expect_version(text)?;
        let document: Document = serde_json::from_slice(text).map_err(|error| of_json(&error))?;
        checking::checked(document, limits)
    }
}

fn expect_version(text: &[u8]) -> Result<(), ManifestError> {
    let version: Versioned = serde_json::from_slice(text).map_err(|error| of_json(&error))?;
    match version.curlift_manifest {
        Some(version) if version == u64::from(VERSION) => Ok(()),
        Some(version) => Err(ManifestError::new(
            format!("it is a manifest of version {version}, and version {VERSION} is known"),
            "use the curlift that wrote it, or a newer one",
        )),
        None => Err(ManifestError::new(
            "it is JSON, and no manifest: \"curlift_manifest\" is missing",
            "name the file that curlift presign --parts-for wrote",
        )),
    }
}

/// What is wrong with JSON, with its place and without what may be a URL.
fn of_json(error: &serde_json::Error) -> ManifestError {
    match error.classify() {
        Category::Eof => ManifestError::new(
            format!("it ends in the middle: line {}, column {}", error.line(), error.column()),
            "it was cut where it was copied: copy it again",
        ),
        Category::Syntax | Category::Io => ManifestError::new(
            format!("it is no JSON: {error}"),
            "name the file that curlift presign --parts-for wrote",
        ),
        Category::Data => ManifestError::new(
            unquoted(&error.to_string()),
            "the fields of a manifest are told by: curlift presign --help",
        ),
    }
}

/// The message without what stands in the file: only names that can be those of fields are left.
fn unquoted(message: &str) -> String {
    let is_name = |text: &str| {
        text.len() <= 40 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    };
    for kind in ["unknown field", "unknown variant"] {
        if let Some(rest) = message.strip_prefix(kind).and_then(|rest| rest.strip_prefix(" `")) {
            let (name, known) = rest.split_once(EXPECTED).unwrap_or_default();
            if is_name(name) {
                return format!("{kind} `{name}`, expected {known}");
            }
            let (_, known) = rest.rsplit_once(EXPECTED).unwrap_or_default();
            return format!("{kind}, expected {known}");
        }
    }
    match message.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let found = found.split(['"', '`']).next().unwrap_or_default().trim_end();
            format!("{found}, expected {expected}")
        }
        None => message.to_owned(),
    }
}
