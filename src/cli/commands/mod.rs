//! One file a command.

mod ask;
mod complete;
mod cp;
#[cfg(feature = "lab")]
mod demo;
#[cfg(feature = "lab")]
mod experiment;
mod generated;
#[cfg(feature = "lab")]
mod lab;
mod lifecycle;
mod options;
mod pages;
mod plan;
mod presign;
mod result_file;
mod resume;
mod stdin;
mod store;
mod template;
mod tune;
mod upload;
mod uploads;
mod verify;

use super::Surroundings;
use super::args::Command;
use super::console::Console;
use super::error::CliError;

/// Runs a command and gives the exit code.
pub(super) fn run(
    command: Command,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<u8, CliError> {
    let status = match command {
        Command::Cp(args) if args.dry_run => plan::run(&args.upload, console, surroundings)?,
        Command::Cp(args) => cp::run(&args.upload, console, surroundings)?,
        Command::Plan(args) => plan::run(&args, console, surroundings)?,
        Command::Resume(args) => resume::run(&args, console, surroundings)?,
        Command::Verify(args) => verify::run(&args, console, surroundings)?,
        Command::Lifecycle(command) => lifecycle::run(&command, console, surroundings)?,
        Command::Uploads(command) => uploads::run(&command, console, surroundings)?,
        Command::Presign(args) => presign::run(&args, console, surroundings)?,
        Command::Complete(args) => complete::run(&args, console, surroundings)?,
        Command::Options(command) => options::run(&command, console, surroundings)?,
        Command::Tune(args) => tune::run(&args, console, surroundings)?,
        #[cfg(feature = "lab")]
        Command::Experiment(command) => experiment::run(&command, console)?,
        #[cfg(feature = "lab")]
        Command::Lab(args) => return lab::run(args, console, &surroundings.environment),
        #[cfg(feature = "lab")]
        Command::Demo(args) => demo::run(args, console)?,
        Command::Completions { shell } => pages::completions(shell, console),
        Command::Man { command } => pages::man(command.as_deref(), console)?,
    };
    Ok(status.code())
}
