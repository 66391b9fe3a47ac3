//! `curlift cp`: uploads a file.

use std::sync::Arc;

use super::stdin;
use super::upload::{SessionKeys, Upload};
use crate::cli::args::UploadArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event, Summary};
use crate::cli::signals::Interrupts;
use crate::credentials::{Chain, Environment};
use crate::session::Renewal;

/// Uploads, tells the end, and gives the exit code for it. With `--json` there is always a
/// summary, even where nothing could begin.
pub(super) fn run(
    args: &UploadArgs,
    console: &Console,
    environment: &Environment,
) -> Result<ExitStatus, CliError> {
    upload(args, console, environment).inspect_err(|error| {
        console.event(&Event::Error(Error::of_error(error)));
        console.event(&Event::Summary(Summary::of_nothing(&args.destination)));
    })
}

fn upload(
    args: &UploadArgs,
    console: &Console,
    environment: &Environment,
) -> Result<ExitStatus, CliError> {
    stdin::refuse_terminal(args)?;
    let (upload, _) = Upload::prepare(args, console, environment)?;
    let keys = keys(args, environment)?;
    let interrupts = Interrupts::listen()?;
    let (ended, place) = upload.send(&keys, console, &interrupts)?;
    ended.tell(console, &place);
    Ok(ended.status())
}

/// The first source that has keys; it is asked again when they have expired.
pub(super) fn keys(args: &UploadArgs, environment: &Environment) -> Result<SessionKeys, CliError> {
    if args.s3.no_sign_request {
        return Ok(SessionKeys::default());
    }
    let chain = Chain::new(environment.clone(), args.s3.profile.clone());
    let found = chain.find()?;
    log::info!("credentials from {}", found.source);
    let renewal: Renewal = Arc::new(move || chain.load().map_err(|error| error.to_string()));
    Ok(SessionKeys { credentials: Some(found.credentials), renewal: Some(renewal) })
}
