//! `curlift options`: libcurl's options listed, explained, checked and exported, and what will be
//! set.

mod check;
mod effective;
mod export;
mod facts;
mod ls;
pub(super) mod page;
mod profiles;
mod settings;
mod show;

use std::borrow::Cow;

use crate::cli::Surroundings;
use crate::cli::args::OptionsCommand;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::config::{ConfigFile, FileError};

/// Runs the command; with `--json` an error is a line too.
pub(super) fn run(
    command: &OptionsCommand,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let ended = match command {
        OptionsCommand::Ls(args) => ls::run(args, console, surroundings),
        OptionsCommand::Show(args) => show::run(args, console, surroundings),
        OptionsCommand::Effective(args) => effective::run(args, console, surroundings),
        OptionsCommand::Check(args) => check::run(args, console, surroundings),
        OptionsCommand::Export(args) => export::run(args, console, surroundings),
    };
    ended.inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

/// The config file, or an empty one in place of one that is wrong, with a word about that.
fn file_as_far_as_right<'a>(
    console: &Console,
    surroundings: &'a Surroundings,
) -> Cow<'a, ConfigFile> {
    let error = match &surroundings.file {
        Ok(file) => return Cow::Borrowed(file),
        Err(error) => error,
    };
    let text = match &**error {
        FileError::Mistakes { path, mistakes } => format!(
            "{} has {} and is left aside; `curlift options check` shows them",
            path.display(),
            page::counted(mistakes.len(), "mistake")
        ),
        other => format!("{other}; it is left aside"),
    };
    console.warn(&text);
    Cow::Owned(ConfigFile::default())
}
