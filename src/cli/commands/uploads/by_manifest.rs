//! `curlift uploads abort MANIFEST`: frees the upload of a manifest by its URLs, without keys.

use std::path::Path;

use super::{Task, abort};
use crate::cli::args::AbortArgs;
use crate::cli::commands::store::{Caller, StoreAccess};
use crate::cli::console::Console;
use crate::cli::cost::Price;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::place::{Place, Reach};
use crate::cli::signals::Interrupts;
use crate::cli::{Surroundings, manifest};
use crate::s3::{BucketPrefix, LinkedCall, Object};
use crate::upload::{
    CallsOutcome, Completing, Completion, Listed, ListingFault, Manifest, Selection, Stored,
    Unfinished,
};

/// Whether a manifest was named in place of an address.
pub(super) fn is_named(args: &AbortArgs) -> bool {
    let address = &args.selection.address;
    let path = Path::new(address);
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    !address.starts_with("s3://") && (is_json || path.is_file())
}

/// Aborts its upload, and gives the exit code: 0 where nothing of it is left.
pub(super) fn run(
    args: &AbortArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let selection = &args.selection;
    refuse_selection(args)?;
    let manifest = manifest::read(Path::new(&selection.address))?;
    if !manifest.allows(LinkedCall::AbortMultipartUpload) {
        return Err(CliError::Usage {
            what: format!("{} has no URL that aborts the upload: it is a share", selection.address),
            hint: "name the whole manifest, as presign --parts-for wrote it".to_owned(),
        });
    }
    let overrides = selection.overrides_for(&manifest);
    let store = StoreAccess::prepare(&overrides, &selection.s3, console, surroundings)?;
    let Object { bucket, key } = manifest.object().clone();
    let address = BucketPrefix { bucket, prefix: key.as_str().to_owned() };
    let task = Task {
        console,
        surroundings,
        place: Place { reach: Reach::Manifest(selection.address.clone()), ..store.place(&address) },
        selection: Selection {
            prefix: address.prefix.clone(),
            older_than: None,
            upload_ids: [manifest.upload_id().clone()].into(),
        },
        price: Price::new(selection.price_per_gb_month),
        interrupts: Interrupts::listen()?,
    };
    let place = &task.place;
    let mut caller = store.caller_by_links(&manifest, console, place, &task.interrupts)?;
    match look(&mut caller, &manifest)? {
        Some(listed) => abort::free(&task, &mut caller, listed, args.dry_run),
        None => Ok(abort::stopped(&task)),
    }
}

fn refuse_selection(args: &AbortArgs) -> Result<(), CliError> {
    let selection = &args.selection;
    let is_selected = args.all
        || selection.older_than.is_some()
        || selection.prefix.is_some()
        || !selection.upload_id.is_empty();
    if !is_selected {
        return Ok(());
    }
    Err(CliError::Usage {
        what: "a manifest is of one upload: there is nothing to select".to_owned(),
        hint: format!("type: curlift uploads abort {}", selection.address),
    })
}

/// What lies in the upload, as a listing tells it; `None` where the user stopped it.
fn look(caller: &mut Caller<'_>, manifest: &Manifest) -> Result<Option<Listed>, CliError> {
    let (outcome, script) = caller.carry_out(Completing::new(manifest, true))?;
    if outcome == CallsOutcome::Stopped {
        return Ok(None);
    }
    let (parts, bytes) = script.stored();
    let fault = match &outcome {
        CallsOutcome::GaveUp(failure) => Some(ListingFault::Failed(failure.clone())),
        _ => None,
    };
    let completion = script.ended(outcome);
    let is_known = matches!(completion, Completion::Ready | Completion::Incomplete(_));
    let is_gone = matches!(completion, Completion::Completed { .. } | Completion::Gone);
    let upload = Unfinished {
        key: manifest.object().key.as_str().to_owned(),
        key_written: None,
        upload_id: manifest.upload_id().clone(),
        initiated: None,
        age: None,
        storage_class: None,
        stored: is_known.then_some(Stored { parts: parts.into(), bytes }),
    };
    let missing = is_gone.then(|| upload.upload_id.clone());
    Ok(Some(Listed {
        uploads: if is_gone { Vec::new() } else { vec![upload] },
        others: 0,
        ended_meanwhile: 0,
        missing: missing.into_iter().collect(),
        fault,
        unknown: None,
    }))
}
