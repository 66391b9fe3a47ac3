//! The command line; the only folder that prints.

mod args;
mod blocks;
mod commands;
mod console;
mod cost;
mod error;
mod exit;
mod explain;
mod forecast;
mod hints;
mod journal;
mod json;
mod libcurl;
mod manifest;
mod notices;
mod place;
mod progress;
mod renewing;
mod report;
mod signals;
mod usage;
mod vocabulary;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};

use self::args::Cli;
use self::console::Console;
use self::error::CliError;
pub use self::exit::ExitStatus;
use self::vocabulary::Flags;
use crate::config::{ConfigError, ConfigFile, FileError, environment_of_process};
use crate::credentials::Environment;
use crate::transport;

/// Parses the arguments, runs the command, reports, and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    let mut cli = parse(definition());
    let environment = environment_of_process();
    let mut file = Ok(ConfigFile::default());
    if cli.command.is_configured() {
        let flags = Flags::new();
        file = ConfigFile::find(cli.config.as_deref(), &environment, &flags).map_err(Arc::new);
        if let Some(definition) = file.as_ref().ok().and_then(|file| flags.with_defaults(file)) {
            cli = parse(definition);
        }
    }
    let console = match Console::new(&cli.output, &environment) {
        Ok(console) => console,
        Err(error) => return early(&error),
    };
    let config = cli.config.take();
    let surroundings = Surroundings { environment, config, file };
    // What reads arguments is never run again, and would add to the most memory this takes.
    transport::release_startup_code();
    let code = commands::run(cli.command, &console, &surroundings).unwrap_or_else(|error| {
        report::tell_error(&console, &error.to_string(), error.hint().as_deref(), None);
        error.code()
    });
    match console.finish() {
        Err(error) if code == ExitStatus::Success.code() => early(&error),
        _ => ExitCode::from(code),
    }
}

/// What a command finds beside its arguments.
#[derive(Debug)]
struct Surroundings {
    environment: Environment,
    /// `--config`.
    config: Option<PathBuf>,
    /// A broken one is the business of the commands that need it.
    file: Result<ConfigFile, Arc<FileError>>,
}

impl Surroundings {
    /// The config file.
    ///
    /// # Errors
    /// With all that is wrong with it.
    fn file(&self) -> Result<&ConfigFile, ConfigError> {
        self.file.as_ref().map_err(|error| ConfigError::File(Arc::clone(error)))
    }
}

/// clap prints help and usage errors itself and leaves with 0 or 2.
fn parse(definition: clap::Command) -> Cli {
    match Cli::from_arg_matches(&definition.get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    }
}

/// The definition of all arguments, for parsing, completions and the manual.
fn definition() -> clap::Command {
    Cli::command().long_version(long_version())
}

fn long_version() -> String {
    let libcurl = transport::version();
    let origin = if libcurl.vendored { "vendored" } else { "the system's" };
    let waits = match libcurl.poll {
        Some(true) => "poll",
        Some(false) => "select, so that connections are limited",
        None => "unknown, for open files are limited",
    };
    let tls = if libcurl.tls.is_empty() { "no TLS" } else { &libcurl.tls };
    format!(
        "{}\nlibcurl {} ({origin}), {tls}, waits with {waits}",
        env!("CARGO_PKG_VERSION"),
        libcurl.version
    )
}

/// An error while there is no console, or none any more.
#[expect(clippy::print_stderr, reason = "there is no console to print it")]
fn early(error: &CliError) -> ExitCode {
    eprintln!("error: {error}");
    if let Some(hint) = error.hint() {
        eprintln!("  hint: {hint}");
    }
    ExitCode::from(error.code())
}

#[cfg(test)]
mod tests;
