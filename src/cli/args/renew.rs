//! What can be typed about presigned URLs that expire.

use std::time::Duration;

use clap::Args;

use crate::cli::renewing::RenewCommand;
use crate::units;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Presigned URLs")]
pub(in crate::cli) struct RenewArgs {
    /// A command that prints new URLs when they expire; it is run without a shell, and told on its
    /// standard input, as JSON, which are wanted. Where that is one, the URL alone is an answer
    #[arg(long, value_name = "COMMAND", value_parser = RenewCommand::parse)]
    pub(in crate::cli) renew: Option<RenewCommand>,
    /// How long it may take [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = time_max)]
    pub(in crate::cli) renew_timeout: Option<Duration>,
}

fn time_max(text: &str) -> Result<Duration, String> {
    match units::duration(text).map_err(|error| error.to_string())? {
        Duration::ZERO => Err("no command is done in no time; write, say, 60s".to_owned()),
        time_max => Ok(time_max),
    }
}
