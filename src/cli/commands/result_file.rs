//! A file that a result is written to: seen to be possible before anything is measured, and there
//! only where there is a result.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::place::Place;

/// A file that takes its name only once it is whole.
pub(super) struct ResultFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl ResultFile {
    /// Makes what can be made of it beforehand.
    pub(super) fn begin(path: &Path) -> Result<ResultFile, CliError> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".curlift-result-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder);
        let file = file.map_err(|error| CliError::Write { path: path.to_owned(), error })?;
        Ok(ResultFile { path: path.to_owned(), file })
    }

    /// Writes it and tells where.
    pub(super) fn finish(mut self, text: &str, console: &Console) -> Result<(), CliError> {
        let written = self.file.write_all(text.as_bytes());
        let path = self.path;
        let written =
            written.and_then(|()| self.file.persist(&path).map(drop).map_err(|error| error.error));
        written.map_err(|error| CliError::Write { path: path.clone(), error })?;
        console.note(&format!("written: {}", Place::shown(&path)));
        Ok(())
    }
}
