//! One file a command.

mod ask;
mod cp;
#[cfg(feature = "lab")]
mod demo;
mod generated;
#[cfg(feature = "lab")]
mod lab;
mod lifecycle;
mod pages;
mod plan;
mod resume;
mod stdin;
mod store;
mod tune;
mod upload;
mod uploads;
mod verify;

use super::args::Command;
use super::console::Console;
use super::error::CliError;
use crate::credentials::Environment;

/// Runs a command and gives the exit code.
pub(super) fn run(
    command: Command,
    console: &Console,
    environment: &Environment,
) -> Result<u8, CliError> {
    let status = match command {
        Command::Cp(args) if args.dry_run => plan::run(&args.upload, console, environment)?,
        Command::Cp(args) => cp::run(&args.upload, console, environment)?,
        Command::Plan(args) => plan::run(&args, console, environment)?,
        Command::Resume(args) => resume::run(&args, console, environment)?,
        Command::Verify(args) => verify::run(&args, console, environment)?,
        Command::Lifecycle(command) => lifecycle::run(&command, console, environment)?,
        Command::Uploads(command) => uploads::run(&command, console, environment)?,
        Command::Tune(args) => tune::run(&args, console, environment)?,
        #[cfg(feature = "lab")]
        Command::Lab(args) => return lab::run(args, console, environment),
        #[cfg(feature = "lab")]
        Command::Demo(args) => demo::run(args, console)?,
        Command::Completions { shell } => pages::completions(shell, console),
        Command::Man { command } => pages::man(command.as_deref(), console)?,
    };
    Ok(status.code())
}
