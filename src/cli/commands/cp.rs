//! `curlift cp`: uploads a file.

use super::stdin;
use super::upload::Upload;
use crate::cli::Surroundings;
use crate::cli::args::UploadArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event, Summary};
use crate::cli::signals::Interrupts;

/// Uploads, tells the end, and gives the exit code for it. With `--json` there is always a
/// summary, even where nothing could begin.
pub(super) fn run(
    args: &UploadArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    upload(args, console, surroundings).inspect_err(|error| {
        console.event(&Event::Error(Error::of_error(error)));
        console.event(&Event::Summary(Summary::of_nothing(&args.destination_shown())));
    })
}

fn upload(
    args: &UploadArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    stdin::refuse_terminal(args)?;
    let (upload, config) = Upload::prepare(args, console, surroundings)?;
    let keys = upload.keys(args, &config, surroundings)?;
    let interrupts = Interrupts::listen()?;
    let (ended, place) = upload.send(&keys, console, &interrupts)?;
    ended.tell(console, &place);
    Ok(ended.status())
}
