//! `-` in place of a file: standard input, whose length nobody knows, unless it was told.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::num::NonZeroU32;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use crate::cli::args::UploadArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::explain;
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::config::Config;
use crate::disk::{Stream, StreamError, StreamSettings};
use crate::s3::{Endpoint, Limits};
use crate::upload::{Cause, Ladder, Outcome, PlanError, UploadPlan};

/// What standard input is called in messages.
pub(super) const NAME: &str = "standard input";

const EMPTY: &str = "standard input was empty, and so is the object; --expected-size notices \
                     where what writes it died";

/// Whether standard input is what is to be uploaded.
pub(super) fn is_wanted(source: &Path) -> bool {
    source == Path::new("-")
}

/// Refuses what is only for standard input, or a terminal in its place.
pub(super) fn refuse_misuse(args: &UploadArgs) -> Result<(), CliError> {
    let refused = |what: &str, hint: &str| {
        Err(CliError::Usage { what: what.to_owned(), hint: hint.to_owned() })
    };
    let stream = args.stream();
    if let Some(flag) = args.wants_resuming().filter(|_| is_wanted(&args.source)) {
        return refused(
            &format!("{flag} is for files, and standard input cannot be read again"),
            "leave it out; --spool DIR keeps all of standard input where the upload fails",
        );
    }
    if is_wanted(&args.source) || stream.expected_size.is_none() && stream.spool.is_none() {
        return Ok(());
    }
    refused(
        "--expected-size and --spool are for standard input, and a file was named",
        "leave them out, or write - in place of the file",
    )
}

/// Refuses to wait for what somebody types.
pub(super) fn refuse_terminal(args: &UploadArgs) -> Result<(), CliError> {
    if !is_wanted(&args.source) || !io::stdin().is_terminal() {
        return Ok(());
    }
    Err(CliError::Usage {
        what: "nothing is piped in: standard input is a terminal".to_owned(),
        hint: format!(
            "put a command before it, for example: tar -cz DIR | curlift cp - {}; a file named `-` \
             is ./-",
            args.destination_shown()
        ),
    })
}

/// How the stream is cut, and what may be held of it.
pub(super) fn plan(
    args: &UploadArgs,
    config: &Config,
    endpoint: &Endpoint,
    concurrency: u32,
) -> Result<UploadPlan, PlanError> {
    let (part_size, threshold) = (config.part_size.value, config.multipart_threshold.value);
    let limits = &Limits::AWS;
    let stream = args.stream();
    if let Some(expected) = stream.expected_size {
        return UploadPlan::stream_of(expected, part_size, threshold, limits);
    }
    let ladder = if endpoint.demands_equal_parts() {
        Ladder::equal(part_size, limits)?
    } else {
        Ladder::growing(part_size, limits)?
    };
    // Until it is known that it goes in parts, all of it is held.
    let held = if stream.spool.is_some() { u64::MAX } else { u64::from(concurrency) * part_size };
    UploadPlan::stream(&ladder, threshold.min(held.max(part_size)), limits)
}

/// How standard input is to be read for `plan`.
pub(super) fn settings(args: &UploadArgs, plan: &UploadPlan, concurrency: u32) -> StreamSettings {
    let stream = args.stream();
    StreamSettings {
        cuts: plan.steps().iter().map(|step| (step.parts, step.part_size)).collect(),
        largest: plan.largest(),
        expected: stream.expected_size,
        buffers: NonZeroU32::new(concurrency).unwrap_or(NonZeroU32::MIN),
        spool: stream.spool.clone(),
    }
}

/// Begins to read standard input.
pub(super) fn start(settings: StreamSettings) -> Result<Stream, StreamError> {
    let input = io::stdin().as_fd().try_clone_to_owned().map_err(StreamError::System)?;
    Stream::start(File::from(input), settings)
}

fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(failure) | Outcome::Unknown(failure) => {
            format!(" ({})", explain::reason(failure))
        }
        Outcome::Uploaded(_) | Outcome::PartsStored | Outcome::Stopped => String::new(),
    }
}

/// What becomes of the stream when the upload has ended: gives the spool file, where there is one
/// that is worth keeping. Its producer can rarely be asked again, so the rest is spooled first.
pub(super) fn settle(
    stream: &Stream,
    outcome: &Outcome,
    plan: &UploadPlan,
    console: &Console,
    interrupts: &Interrupts,
) -> Option<PathBuf> {
    let is_sound = match outcome {
        Outcome::Uploaded(_) => {
            if plan.size() == 0 {
                console.note(EMPTY);
            }
            false
        }
        Outcome::Failed(failure) => !matches!(failure.cause, Cause::SourceChanged(_)),
        Outcome::Unknown(_) | Outcome::PartsStored | Outcome::Stopped => true,
    };
    let spool = stream.spooled().filter(|_| is_sound);
    if let (Some(spool), false) = (&spool, matches!(outcome, Outcome::Stopped)) {
        if !stream.is_over() {
            let spool = Place::shown(spool);
            console.note(&format!(
                "the upload was given up{}; the rest of standard input goes to {spool} (Ctrl-C \
                 ends that)",
                why(outcome)
            ));
        }
        let reading = stream.clone();
        interrupts.at_first(move |_| reading.stop());
    } else {
        stream.stop();
    }
    let is_whole = spool.is_some() && stream.drain();
    if !is_whole {
        stream.remove_spool();
        return None;
    }
    stream.keep_spool().unwrap_or_else(|error| {
        console.warn(&format!("{error}; {}", error.advice()));
        None
    })
}
