//! The files that results are written to.

use std::path::PathBuf;

use super::found::Found;
use super::{page, paste};
use crate::cli::args::TuneArgs;
use crate::cli::commands::result_file::ResultFile;
use crate::cli::console::Console;
use crate::cli::error::CliError;

/// The files that were asked for.
pub(super) struct Results {
    toml: Option<ResultFile>,
    report: Option<ResultFile>,
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
