//! `curlift complete`: makes the parts that others have sent by presigned URLs into the object. It
//! needs no keys.

mod told;

use self::told::{Ending, Summary};
use super::store::{Caller, StoreAccess};
use crate::cli::args::{CompleteArgs, S3Args};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::{Place, quoted};
use crate::cli::signals::Interrupts;
use crate::cli::{Surroundings, explain, hints, manifest, report};
use crate::s3::{BucketPrefix, ErrorClass, LinkedCall, Object};
use crate::upload::{Completing, Completion, Failure, Manifest};

/// Runs it; with `--json` an error is a line too, and a summary is the last.
pub(super) fn run(
    args: &CompleteArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    complete(args, console, surroundings).inspect_err(|error| {
        console.event(&Event::Error(Error::of_error(error)));
        console.event(&Summary::of_nothing(&manifest::name(&args.manifest), error.code()));
    })
}

fn complete(
    args: &CompleteArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let manifest = manifest::read(&args.manifest)?;
    let name = manifest::name(&args.manifest);
    expect_whole(&manifest, &name)?;
    let overrides = args.overrides(&manifest);
    let access = StoreAccess::prepare(&overrides, &S3Args::default(), console, surroundings)?;
    let Object { bucket, key } = manifest.object().clone();
    let address = BucketPrefix { bucket, prefix: key.as_str().to_owned() };
    let source = manifest.file().name.clone();
    let place = Place { source, ..access.place(&address) };
    let interrupts = Interrupts::listen()?;
    let mut caller = access.caller_by_links(&manifest, console, &place, &interrupts)?;
    let (outcome, script) = caller.carry_out(Completing::new(&manifest, args.dry_run))?;
    let completion = script.ended(outcome);
    let task = Task { console, manifest: &manifest, name: &name, place: &place, caller: &caller };
    let status = match &completion {
        Completion::Stopped { .. } => ExitStatus::stopped(interrupts.first()),
        completion => status(completion),
    };
    task.tell(&completion, script.stored(), status);
    Ok(status)
}

/// That it has what is needed: a share has not.
fn expect_whole(manifest: &Manifest, name: &str) -> Result<(), CliError> {
    let has = |call| manifest.allows(call);
    if has(LinkedCall::CompleteMultipartUpload) && has(LinkedCall::ListParts(None)) {
        return Ok(());
    }
    let what = match manifest.share() {
        Some(parts) => format!(
            "{name} is a share of {} of {} parts, which cannot complete the upload",
            parts.len(),
            manifest.plan().parts()
        ),
        None => format!("{name} has no URLs that list the parts and complete the upload"),
    };
    let hint = "name the whole manifest, as presign --parts-for wrote it: curlift complete \
                parts.json";
    Err(CliError::Usage { what, hint: hint.to_owned() })
}

fn status(completion: &Completion) -> ExitStatus {
    match completion {
        Completion::Completed { .. } | Completion::Ready => ExitStatus::Success,
        Completion::Incomplete(_) | Completion::Unlisted(_) => ExitStatus::GaveUp,
        Completion::Differs(_) => ExitStatus::Conflict,
        Completion::Gone => ExitStatus::NotFound,
        Completion::Failed(failure) => ExitStatus::of_failure(failure),
        Completion::Unknown(_) => ExitStatus::Unknown,
        Completion::Stopped { .. } => ExitStatus::stopped(None),
    }
}

/// What there is to tell of.
struct Task<'a> {
    console: &'a Console,
    manifest: &'a Manifest,
    /// The manifest's file.
    name: &'a str,
    place: &'a Place,
    caller: &'a Caller<'a>,
}

impl Task<'_> {
    fn tell(&self, completion: &Completion, stored: (u32, u64), status: ExitStatus) {
        let Ending { text, hint } = self.ending(completion, stored);
        if status == ExitStatus::Success {
            self.console.result(&text);
        } else {
            report::tell_error(self.console, &text, hint.as_deref(), None);
            let error = match completion {
                Completion::Failed(failure) | Completion::Unknown(failure) => {
                    Error::of_failure(failure, text, hint, status.code())
                }
                _ => Error::of_words(&text, hint, status),
            };
            self.console.event(&Event::Error(error));
        }
        let cost = self.caller.cost();
        self.console.event(&Summary::new(completion, self.manifest, stored, cost, status));
    }

    fn ending(&self, completion: &Completion, stored: (u32, u64)) -> Ending {
        let object = &self.place.object;
        let again = quoted(&["curlift", "complete", self.name]);
        match completion {
            Completion::Completed { .. } => told::completed(completion, self.manifest, object),
            Completion::Ready => told::ready(stored, object, &again),
            Completion::Incomplete(shortage) => {
                let send = quoted(&["curlift", "cp", &self.manifest.file().name, self.name]);
                told::incomplete(shortage, self.manifest, object, &send)
            }
            Completion::Unlisted(why) => Ending::error(
                format!("the parts of {object} could not be listed: {why}"),
                "complete it with keys: curlift cp FILE OBJECT --upload-id ID",
            ),
            Completion::Differs(how) => Ending::error(
                format!("{object} is stored, and is not the file: {how}"),
                "upload the file anew; what is stored was made of other bytes",
            ),
            Completion::Gone => Ending::error(
                format!("the upload to {object} is gone, and the object is not the file"),
                "it was aborted: begin anew with curlift presign --parts-for",
            ),
            Completion::Failed(failure) => {
                Ending { text: explain::called(failure, self.place), hint: self.hint(failure) }
            }
            Completion::Unknown(failure) => Ending::error(
                explain::unknown(failure, self.place),
                &format!("look again, which completes it where that is still to be done: {again}"),
            ),
            Completion::Stopped { while_completing: false } => {
                Ending::error("stopped: nothing was changed".to_owned(), &again)
            }
            Completion::Stopped { while_completing: true } => Ending::error(
                format!("stopped while {object} was completed: it may be stored or not"),
                &format!("look again with: {again}"),
            ),
        }
    }

    /// What may help where there are URLs in place of keys.
    fn hint(&self, failure: &Failure) -> Option<String> {
        match failure.class {
            ErrorClass::CredentialsExpired => Some(
                "the parts stay at the store; with keys, presign --upload-id ID --call complete \
                 signs another URL, and cp FILE OBJECT --upload-id ID completes it"
                    .to_owned(),
            ),
            ErrorClass::Denied => Some(
                "the store refuses the manifest's URLs: they were changed, or the keys that \
                 signed them may no longer do this; have a new manifest written"
                    .to_owned(),
            ),
            _ => hints::hint(failure, self.place, &self.caller.cost().diagnoses),
        }
    }
}
