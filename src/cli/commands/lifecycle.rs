//! `curlift lifecycle`: the rule by which a bucket aborts unfinished uploads.

mod told;

use std::sync::Arc;
use std::time::Duration;

use self::told::{ChangeEvent, Shown, changed_text};
use super::ask::Asker;
use super::store::{SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::{LifecycleCommand, RuleArgs, StoreArgs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::quoted;
use crate::cli::signals::Interrupts;
use crate::s3::{
    AbortRule, BucketOperation, BucketPrefix, Edit, Edited, Lifecycle, LifecycleConflict,
    Operation, Reply,
};

/// How long the store is given to show what it has taken; Amazon may take minutes until a rule is
/// known everywhere, and mostly shows it at once.
const READ_BACK_PAUSES: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Runs the command; with `--json` an error is a line too.
pub(super) fn run(
    command: &LifecycleCommand,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let ended = match command {
        LifecycleCommand::Show { bucket, store } => show(bucket, store, console, surroundings),
        LifecycleCommand::Set(args) => {
            let days = args.abort_incomplete_after;
            change(&args.rule, Some(days), console, surroundings)
        }
        LifecycleCommand::Rm(args) => change(args, None, console, surroundings),
    };
    ended.inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

fn show(
    bucket: &str,
    store: &StoreArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let address = bucket_address(bucket)?;
    let lifecycle = with_asker(&address, store, console, surroundings, rules)?;
    let shown = Shown::new(&address, lifecycle.as_ref());
    if console.is_json() {
        console.event(&shown);
    } else {
        console.product(&shown.text());
    }
    Ok(ExitStatus::Success)
}

/// Puts our rule in, where there are days for it, or takes it out.
fn change(
    args: &RuleArgs,
    days: Option<u32>,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let address = bucket_address(&args.bucket)?;
    let rule = days.map(|days| AbortRule::new(&args.prefix, days)).transpose()?;
    with_asker(&address, &args.store, console, surroundings, |asker| {
        let lifecycle = rules(asker)?;
        let edit = match &rule {
            Some(rule) => Edit::set(lifecycle.as_ref(), rule),
            None => Edit::remove(lifecycle.as_ref(), &args.prefix),
        };
        let edit = edit.map_err(|conflict| refused(&conflict, &address))?;
        if let Some(edited) = edit.result.clone().filter(|_| !args.dry_run) {
            send(asker, edited, lifecycle.as_ref(), &address)?;
        }
        console.result(&changed_text(&edit, &address, args, days));
        console.event(&ChangeEvent::new(&edit, &address, args.dry_run));
        Ok(ExitStatus::Success)
    })
}

/// Opens what is needed to ask about the bucket, and asks.
fn with_asker<T>(
    address: &BucketPrefix,
    store: &StoreArgs,
    console: &Console,
    surroundings: &Surroundings,
    act: impl FnOnce(&mut Asker) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let access = StoreAccess::prepare(&store.overrides(), &store.s3, console, surroundings)?;
    let keys = SessionKeys::find(&store.s3, &access.config, surroundings)?;
    let place = access.place(address);
    let interrupts = Interrupts::listen()?;
    let mut asker = Asker::open(access, address, keys, console, &place, &interrupts)?;
    act(&mut asker)
}

fn bucket_address(typed: &str) -> Result<BucketPrefix, CliError> {
    let address = BucketPrefix::parse(typed)?;
    if address.prefix.is_empty() {
        return Ok(address);
    }
    let bucket = address.bucket.as_str();
    Err(CliError::Usage {
        what: format!("{address} is more than a bucket, and lifecycle rules are a bucket's"),
        hint: format!(
            "type s3://{bucket}; set and rm take the beginning of keys as {}",
            quoted(&["--prefix", &address.prefix])
        ),
    })
}

fn rules(asker: &mut Asker) -> Result<Option<Lifecycle>, CliError> {
    let operation = Operation::Bucket(BucketOperation::GetLifecycle);
    Ok(lifecycle_of(&asker.demand("reading the lifecycle rules", operation)?).cloned())
}

fn lifecycle_of(reply: &Reply) -> Option<&Lifecycle> {
    match reply {
        Reply::Lifecycle(lifecycle) => lifecycle.as_ref(),
        _ => None,
    }
}

/// Sends the configuration, and reads it back: a store may take it and drop what it does not know.
fn send(
    asker: &mut Asker,
    edited: Edited,
    before: Option<&Lifecycle>,
    address: &BucketPrefix,
) -> Result<(), CliError> {
    let (operation, wanted) = match edited {
        Edited::Document(document) => {
            let document = Arc::new(document);
            (BucketOperation::PutLifecycle(document.clone()), Some(document))
        }
        Edited::Removed => (BucketOperation::DeleteLifecycle, None),
    };
    asker.demand("changing the lifecycle rules", Operation::Bucket(operation))?;
    let wanted = wanted.as_deref();
    let is_wanted = |reply: &Reply| Lifecycle::agree(lifecycle_of(reply), wanted);
    let read = Operation::Bucket(BucketOperation::GetLifecycle);
    let reply = asker.ask_until(read, &READ_BACK_PAUSES, is_wanted)?;
    let found = reply.as_ref().map(lifecycle_of);
    let what = match found {
        Ok(found) if Lifecycle::agree(found, wanted) => return Ok(()),
        Ok(found) if Lifecycle::agree(found, before) => {
            "but still shows those from before".to_owned()
        }
        Ok(_) => "but shows others than were sent: it does not know one of them, or somebody else \
                  changed them at the same time"
            .to_owned(),
        Err(_) => "but they could not be read back".to_owned(),
    };
    Err(CliError::Unconfirmed {
        what: format!("the store took the lifecycle rules of {address}, {what}"),
        hint: format!("look with: curlift lifecycle show {address}"),
    })
}

fn refused(conflict: &LifecycleConflict, address: &BucketPrefix) -> CliError {
    let hint = match conflict {
        LifecycleConflict::Extended { .. } => {
            "give that rule another name, for example in the store's console: what bears this name \
             is replaced as a whole"
        }
        LifecycleConflict::Overlaps { .. } => {
            "change that rule, or bring all rules to the newer form with <Filter>"
        }
        LifecycleConflict::TooMany => "remove one that is no longer needed",
    };
    let what = format!("the lifecycle rules of {address} were left as they are: {conflict}");
    CliError::Conflict { what, hint: hint.to_owned() }
}
