//! `curlift completions` and `curlift man`: generated from the argument definitions.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::args::Cli;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;

/// Prints the completion script for `shell`.
pub(super) fn completions(shell: Shell, console: &Console) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "curlift", &mut script);
    console.product(&String::from_utf8_lossy(&script));
    ExitStatus::Success
}

/// Prints the manual page of curlift, or of one of its commands.
pub(super) fn man(name: Option<&str>, console: &Console) -> Result<ExitStatus, CliError> {
    let mut root = Cli::command();
    root.build();
    let command = match name {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(command) => {
                let display = format!("curlift-{}", command.get_name());
                command.clone().name(display.clone()).display_name(display)
            }
            None => {
                return Err(CliError::Usage {
                    what: format!("there is no command `{name}`"),
                    hint: "`curlift help` lists them".to_owned(),
                });
            }
        },
    };
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command).render(&mut page);
    rendered.map_err(|error| CliError::System { doing: "cannot make the manual page", error })?;
    console.product(&String::from_utf8_lossy(&page));
    Ok(ExitStatus::Success)
}
