//! `curlift uploads`: multipart uploads that were never completed, which are billed and which no
//! listing of objects shows.

mod abort;
mod by_manifest;
mod ls;
mod ownership;
mod sum;
mod table;
mod told;
mod verdicts;

use std::collections::BTreeSet;

use self::ownership::{Ownership, Ownerships};
use super::store::{Caller, SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::{SelectionArgs, UploadsCommand};
use crate::cli::console::Console;
use crate::cli::cost::Price;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::cli::{explain, hints, report};
use crate::s3::{BucketPrefix, UploadId};
use crate::upload::{CallsOutcome, Failure, Listed, Listing, ListingFault, Selection, Unfinished};

/// Runs one of them.
pub(super) fn run(
    command: &UploadsCommand,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let (address, ended) = match command {
        UploadsCommand::Ls(args) => (&args.address, ls::run(args, console, surroundings)),
        UploadsCommand::Abort(args) => {
            (&args.selection.address, abort::run(args, console, surroundings))
        }
    };
    ended.inspect_err(|error| {
        console.event(&Event::Error(Error::of_error(error)));
        console.event(&told::Summary::of_nothing(address));
    })
}

/// What both commands are told, checked.
struct Task<'a> {
    console: &'a Console,
    surroundings: &'a Surroundings,
    place: Place,
    selection: Selection,
    price: Price,
    interrupts: Interrupts,
}

impl<'a> Task<'a> {
    /// Checks what was typed and configured; sends nothing.
    fn prepare(
        args: &SelectionArgs,
        console: &'a Console,
        surroundings: &'a Surroundings,
    ) -> Result<(Task<'a>, StoreAccess, BucketPrefix), CliError> {
        let mut address = BucketPrefix::parse(&args.address)?;
        address.prefix += args.prefix.as_deref().unwrap_or_default();
        let upload_ids: BTreeSet<UploadId> =
            args.upload_id.iter().map(|id| UploadId(id.clone())).collect();
        if upload_ids.iter().any(|id| id.0.trim().is_empty()) {
            return Err(CliError::Usage {
                what: "the upload id is empty".to_owned(),
                hint: format!("see the ids with: curlift uploads ls {address}"),
            });
        }
        let (overrides, s3) = (args.overrides(), &args.s3);
        let store = StoreAccess::prepare(&overrides, s3, console, surroundings)?;
        let task = Task {
            console,
            surroundings,
            place: store.place(&address),
            selection: Selection {
                prefix: address.prefix.clone(),
                older_than: args.older_than,
                upload_ids,
            },
            price: Price::new(args.price_per_gb_month),
            interrupts: Interrupts::listen()?,
        };
        Ok((task, store, address))
    }

    /// Opens what is needed to make calls.
    fn caller(
        &self,
        store: StoreAccess,
        address: &BucketPrefix,
        args: &SelectionArgs,
    ) -> Result<Caller<'_>, CliError> {
        let keys = SessionKeys::find(&args.s3, &store.config, self.surroundings)?;
        store.caller(address, keys, self.console, &self.place, &self.interrupts)
    }

    /// What is unfinished; `None` where the user stopped it.
    fn list(&self, caller: &mut Caller<'_>) -> Result<Option<Listed>, CliError> {
        let (outcome, script) = caller.carry_out(Listing::new(self.selection.clone()))?;
        if outcome == CallsOutcome::Stopped {
            return Ok(None);
        }
        let mut listed = script.into_listed();
        if let CallsOutcome::GaveUp(failure) = outcome {
            listed.fault.get_or_insert(ListingFault::Failed(failure));
        }
        Ok(Some(listed))
    }

    /// Whose an upload is, as far as this machine knows.
    fn ownership(&self, known: &Ownerships, upload: &Unfinished) -> Ownership {
        known.of(&self.place.bucket, &upload.key, &upload.upload_id)
    }

    /// Tells why the listing is not whole, and what of it could not be found. The first exit code
    /// that follows.
    fn tell_gaps(&self, listed: &Listed, caller: &Caller<'_>) -> Option<ExitStatus> {
        let fault = listed.fault.as_ref().map(|fault| match fault {
            ListingFault::Failed(failure) => self.tell_failure(failure, caller, None),
            ListingFault::DoesNotMoveOn => self.tell_listing(
                "the store's listing does not move on: a page brought nothing new although it was \
                 not the last",
            ),
            ListingFault::TooLong => self.tell_listing("there are more uploads than can be held"),
        });
        let missing: Vec<&UploadId> = match &listed.fault {
            None => listed.missing.iter().collect(),
            Some(_) => Vec::new(),
        };
        for upload_id in &missing {
            let what = format!("{} has no unfinished upload {upload_id}", self.place.object);
            let hint = "it was completed or aborted, or belongs to another bucket or key; look \
                        with: ";
            let hint = format!("{hint}curlift uploads ls s3://{}", self.place.bucket);
            self.tell(&what, Some(hint), ExitStatus::NotFound);
        }
        fault.or_else(|| (!missing.is_empty()).then_some(ExitStatus::NotFound))
    }

    fn tell_listing(&self, what: &str) -> ExitStatus {
        let hint = "what was listed so far is shown; a narrower prefix may reach the others";
        self.tell(what, Some(hint.to_owned()), ExitStatus::GaveUp)
    }

    /// Tells an error of one call, about `object` where not about all.
    fn tell_failure(
        &self,
        failure: &Failure,
        caller: &Caller<'_>,
        object: Option<&Place>,
    ) -> ExitStatus {
        let place = object.unwrap_or(&self.place);
        let status = ExitStatus::of_failure(failure);
        let message = explain::called(failure, place);
        let hint = hints::hint(failure, place, &caller.cost().diagnoses);
        report::tell_error(self.console, &message, hint.as_deref(), None);
        let error = Error::of_failure(failure, message, hint, status.code());
        self.console.event(&Event::Error(error));
        status
    }

    fn tell(&self, what: &str, hint: Option<String>, status: ExitStatus) -> ExitStatus {
        report::tell_error(self.console, what, hint.as_deref(), None);
        self.console.event(&Event::Error(Error::of_words(what, hint, status)));
        status
    }

    /// Tells that `what` remains unknown because of `failure`.
    fn tell_unknown(&self, what: &str, failure: &Failure, caller: &Caller<'_>) -> ExitStatus {
        let status = ExitStatus::of_failure(failure);
        let message = format!("{what}\n{}", explain::detail(failure));
        let hint = hints::hint(failure, &self.place, &caller.cost().diagnoses);
        report::tell_error(self.console, &message, hint.as_deref(), None);
        self.console.event(&Event::Error(Error::of_failure(failure, message, hint, status.code())));
        status
    }

    /// The address, and that not all below it is meant.
    fn selected(&self) -> String {
        let Selection { older_than, upload_ids, .. } = &self.selection;
        let narrowed = older_than.is_some() || !upload_ids.is_empty();
        format!("{}{}", self.place.object, if narrowed { " (of the selection)" } else { "" })
    }

    fn stopped(&self, what: &str) -> ExitStatus {
        self.console.note(&format!("stopped: {what}"));
        ExitStatus::of_signal(self.interrupts.first().unwrap_or_default())
    }
}
