//! The files that results are written to: seen to be possible before anything is measured, and
//! there only where there is a result.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::found::Found;
use super::{page, paste};
use crate::cli::args::TuneArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::place::Place;

/// The files that were asked for.
pub(super) struct Results {
    toml: Option<ResultFile>,
    report: Option<ResultFile>,
}

/// A file that takes its name only once it is whole.
pub(super) struct ResultFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl Results {
    /// Makes what can be made of them beforehand.
    pub(super) fn prepare(args: &TuneArgs) -> Result<Results, CliError> {
        let begin = |path: &Option<PathBuf>| path.as_deref().map(ResultFile::begin).transpose();
        Ok(Results { toml: begin(&args.toml)?, report: begin(&args.report)? })
    }

    /// Writes them, where there is a result.
    pub(super) fn write(self, found: &Found, console: &Console) -> Result<(), CliError> {
        if !found.is_enough() {
            return Ok(());
        }
        if let Some(file) = self.toml {
            file.finish(&paste::toml(found), console)?;
        }
        if let Some(file) = self.report {
            file.finish(&page::html(found), console)?;
        }
        Ok(())
    }
}

impl ResultFile {
    fn begin(path: &Path) -> Result<ResultFile, CliError> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".curlift-tune-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder);
        let file = file.map_err(|error| CliError::Write { path: path.to_owned(), error })?;
        Ok(ResultFile { path: path.to_owned(), file })
    }

    fn finish(mut self, text: &str, console: &Console) -> Result<(), CliError> {
        let written = self.file.write_all(text.as_bytes());
        let path = self.path;
        let written =
            written.and_then(|()| self.file.persist(&path).map(drop).map_err(|error| error.error));
        written.map_err(|error| CliError::Write { path: path.clone(), error })?;
        console.note(&format!("written: {}", Place::shown(&path)));
        Ok(())
    }
}
