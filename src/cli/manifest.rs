//! A manifest of presigned URLs, read from its file and checked.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::error::CliError;
use super::place::Place;
use crate::s3::Limits;
use crate::upload::{MANIFEST_LENGTH_MAX, Manifest};

/// The manifest in the file `path`; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Manifest, CliError> {
    let name = name(path);
    let text = text(path)
        .map_err(|error| CliError::Unreadable { path: name.clone(), what: error.to_string() })?;
    Manifest::read(&text, &Limits::AWS).map_err(|error| CliError::Usage {
        what: format!("{name} cannot be used: {}", error.what),
        hint: error.hint,
    })
}

/// The file, as it is named in messages.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { Place::shown(path) }
}

/// No more of it than shows that it is too long.
fn text(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let limit = MANIFEST_LENGTH_MAX as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut text)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut text)?;
    }
    Ok(text)
}
