//! `curlift tune`: finds the settings that upload best, by measuring.

mod found;
mod measuring;
mod names;
mod page;
mod paste;
mod plots;
mod program;
mod results;
mod scratch;
mod table;
mod told;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use indicatif::HumanBytes;
use tempfile::TempDir;

use self::found::Found;
use self::measuring::Measuring;
use self::program::Program;
use self::results::Results;
use self::scratch::{Left, Scratch};
use super::generated::generated;
#[cfg(feature = "lab")]
use super::lab;
use super::store::{SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::TuneArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::disk::Source;
#[cfg(feature = "lab")]
use crate::lab::{Lab, LabSettings, NullServer};
use crate::tune::{Budget, Design, Goal, Sweep, TooMany};

/// Measures and tells; with `--json` an error is a line too.
pub(super) fn run(
    args: &TuneArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    tune(args, console, surroundings)
        .inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

fn tune(
    args: &TuneArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let sweeps = names::sweeps(&args.sweeps, &surroundings.file()?.tune, console)?;
    let design = Design::new(&sweeps).map_err(too_many)?;
    let interrupts = Interrupts::listen()?;
    let failed = |error| CliError::System { doing: "cannot make a temporary folder", error };
    let folder = TempDir::with_prefix("curlift-tune-").map_err(failed)?;
    let results = Results::prepare(args)?;
    let (source, destination) = places(args, folder.path(), &interrupts)?;
    let shown = if args.size.is_some() { GENERATED.to_owned() } else { Place::shown(&source) };
    let target = Target::prepare(args, destination, console, surroundings)?;
    let task = Task {
        source: shown,
        size: Source::open(&source)?.size(),
        sweeps,
        goal: args.goal(),
        budget: Budget { time: args.max_time, bytes: args.max_bytes, rounds: args.rounds },
        seed: args.seed,
    };
    let program = target.program(args, source, folder.path(), surroundings)?;
    let mut measuring = Measuring::new(&task, design, &program, console, &interrupts);
    let ended = measuring.run();
    let (found, signal) = (measuring.found(), interrupts.first());
    // From here on the first signal stops the removing, and the second ends the program.
    drop(interrupts);
    let left = target.remove(&found, console);
    ended?;
    found.tell(console, &left);
    results.write(&found, console)?;
    Ok(match signal {
        Some(signal) => ExitStatus::of_signal(signal),
        None if left.iter().any(|left| left.is_failure) => ExitStatus::Partial,
        None => ExitStatus::Success,
    })
}

/// What is measured and what it may cost.
struct Task {
    /// The file, in words.
    source: String,
    /// Bytes of the file.
    size: u64,
    sweeps: Vec<Sweep>,
    goal: Goal,
    budget: Budget,
    seed: u64,
}

const GENERATED: &str = "a generated file";

/// The file to upload, and where to.
fn places(
    args: &TuneArgs,
    folder: &Path,
    interrupts: &Interrupts,
) -> Result<(PathBuf, Option<String>), CliError> {
    let (file, destination) = args.places();
    let usage = |what: &str, hint: &str| CliError::Usage { what: what.into(), hint: hint.into() };
    let destination = destination.map(|typed| typed.to_string_lossy().into_owned());
    match (&destination, args.is_lab()) {
        (Some(_), true) => {
            return Err(usage("--lab has a destination of its own", "leave yours out"));
        }
        (None, false) => {
            return Err(usage(
                "where to? Nothing was typed to upload to",
                "type a destination such as s3://bucket/tmp/, or --lab to measure this machine",
            ));
        }
        _ => {}
    }
    let source = match (file, args.size) {
        (Some(_), Some(_)) => {
            return Err(usage("--size makes a file, and one was typed", "leave one of them out"));
        }
        (None, Some(size)) => generated(folder, size, args.seed, interrupts)?,
        (Some(file), None) if file == Path::new("-") => {
            return Err(usage(
                "standard input can be uploaded once only, and a measurement is many uploads",
                "type a file, or --size 256MiB to upload a generated one",
            ));
        }
        (Some(file), None) => file,
        (None, None) => {
            return Err(usage("what is to be uploaded?", "type a file, or --size 256MiB"));
        }
    };
    Ok((source, destination))
}

/// Where measurements upload to.
enum Target {
    Store(Box<Scratch>),
    #[cfg(feature = "lab")]
    Lab(lab::Server),
}

impl Target {
    /// Checks what was typed and configured, finds the keys; sends nothing to the store.
    fn prepare(
        args: &TuneArgs,
        destination: Option<String>,
        console: &Console,
        surroundings: &Surroundings,
    ) -> Result<Target, CliError> {
        let Some(destination) = destination else { return Target::lab(args) };
        let store = &args.store.args;
        let name = format!("curlift-tune-{:08x}", fastrand::u32(..));
        let address = scratch::beside(&destination, &name)?;
        let (overrides, s3) = (store.overrides(), &store.s3);
        let access = StoreAccess::prepare(&overrides, s3, console, surroundings)?;
        let keys = SessionKeys::find(s3, &access.config, surroundings)?;
        Ok(Target::Store(Box::new(Scratch { address, access, keys })))
    }

    #[cfg(feature = "lab")]
    fn lab(args: &TuneArgs) -> Result<Target, CliError> {
        let settings = LabSettings {
            faults: args.faults.clone(),
            seed: args.seed,
            discard: true,
            ..LabSettings::default()
        };
        let address = settings.address;
        let server = if settings.faults.is_empty() {
            NullServer::start(address).map(lab::Server::Null)
        } else {
            Lab::start(settings).map(lab::Server::Lab)
        };
        server.map(Target::Lab).map_err(|error| CliError::Lab { address, error })
    }

    #[cfg(not(feature = "lab"))]
    fn lab(_: &TuneArgs) -> Result<Target, CliError> {
        unreachable!("without a lab, a destination is asked for")
    }

    /// This program, to upload there.
    fn program(
        &self,
        args: &TuneArgs,
        source: PathBuf,
        folder: &Path,
        surroundings: &Surroundings,
    ) -> Result<Program, CliError> {
        let failed = |error| CliError::System { doing: "cannot find this program", error };
        let mut words = args.words();
        words.extend(surroundings.file()?.path.as_ref().map(|path| {
            let mut word = OsString::from("--config=");
            word.push(path);
            ("config".to_owned(), word)
        }));
        let (destination, variables, removed) = match self {
            Target::Store(scratch) => (scratch.object(), Vec::new(), Vec::new()),
            #[cfg(feature = "lab")]
            Target::Lab(server) => (
                "s3://lab/curlift-tune".to_owned(),
                server.variables(&surroundings.environment),
                lab::MISLEADING.to_vec(),
            ),
        };
        Ok(Program {
            path: std::env::current_exe().map_err(failed)?,
            source,
            destination,
            words,
            variables,
            removed,
            folder: folder.to_owned(),
        })
    }

    /// Removes what was uploaded.
    fn remove(self, found: &Found, console: &Console) -> Vec<Left> {
        match self {
            Target::Store(scratch) if found.uploads > 0 => {
                scratch.remove(found.may_have_parts, console)
            }
            Target::Store(_) => Vec::new(),
            // It goes with the program.
            #[cfg(feature = "lab")]
            Target::Lab(_) => Vec::new(),
        }
    }
}

fn too_many(TooMany { values, combinations }: TooMany) -> CliError {
    let max = crate::tune::CANDIDATES_MAX;
    CliError::Usage {
        what: format!(
            "too much to measure: {values} values by themselves, then {combinations} combinations \
             of the two best of each name; {max} of either can be"
        ),
        hint: "sweep fewer names or values, and then others with the best of these set".to_owned(),
    }
}

/// Bytes as people read them.
fn bytes(count: u64) -> String {
    HumanBytes(count).to_string()
}
