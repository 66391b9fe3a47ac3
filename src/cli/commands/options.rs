//! `curlift options`: libcurl's options, and who set them.

mod export;

use crate::cli::Surroundings;
use crate::cli::args::OptionsCommand;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;

/// Runs one of them.
pub(super) fn run(
    command: &OptionsCommand,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    match command {
        OptionsCommand::Export(args) => export::run(args, console, surroundings),
    }
}
