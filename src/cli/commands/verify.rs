//! `curlift verify`: is the stored object this file?

mod found;

use self::found::Found;
use super::ask::Asker;
use super::store::{SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::VerifyArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event};
use crate::cli::place::Place;
use crate::cli::progress::Progress;
use crate::cli::signals::Interrupts;
use crate::disk::{Source, SourceError};
use crate::s3::{
    BucketPrefix, Comparing, Comparison, ErrorClass, Object, ObjectHead, Operation, PartLayout,
    PartNumber, Reply, Verdict,
};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 20;

/// Compares, tells the verdict, and gives the exit code for it; with `--json` an error is a line
/// too.
pub(super) fn run(
    args: &VerifyArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    verify(args, console, surroundings)
        .inspect_err(|error| console.event(&Event::Error(Error::of_error(error))))
}

fn verify(
    args: &VerifyArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let name = args.source.file_name().and_then(|name| name.to_str());
    let Object { bucket, key } = Object::parse(&args.object, name)?;
    let address = BucketPrefix { bucket, prefix: key.as_str().to_owned() };
    let store = &args.store;
    let access = StoreAccess::prepare(&store.overrides(), &store.s3, console, surroundings)?;
    let source = open(args)?;
    let keys = SessionKeys::find(&store.s3, &access.config, surroundings)?;
    let place = access.place(&address);
    let interrupts = Interrupts::listen()?;
    let mut asker = Asker::open(access, &address, keys, console, &place, &interrupts)?;
    let head = head(&mut asker, &place)?;
    let mut found = Found::new(&args.source, &place, &source, &head);
    if head.size == source.size() {
        let layout = layout(&mut asker, &head)?;
        // The connections are of no more use.
        drop(asker);
        match Comparison::choose(&head, &layout) {
            Ok(comparison) => {
                found.subject = Some((comparison.method(), comparison.subject()));
                found.rests_on_etag = comparison.rests_on_etag();
                let comparing = Comparing::new(comparison);
                found.verdict = Some(read(&source, comparing, console, &interrupts)?);
            }
            Err(reason) => found.only_size = Some(reason),
        }
    }
    let equal = found.is_equal();
    if equal {
        console.result(&found.text());
    } else {
        console.error(&found.text());
    }
    console.event(&found.event());
    Ok(if equal { ExitStatus::Success } else { ExitStatus::Conflict })
}

fn open(args: &VerifyArgs) -> Result<Source, CliError> {
    Source::open(&args.source).map_err(|error| match error {
        SourceError::NotRegular { path, what, .. } => {
            CliError::Unreadable { path: Place::shown(&path), what: format!("it is {what}") }
        }
        other => CliError::Source(other),
    })
}

fn head(asker: &mut Asker, place: &Place) -> Result<ObjectHead, CliError> {
    let doing = format!("looking at {}", place.object);
    match asker.demand(&doing, Operation::HeadObject) {
        Ok(Reply::Head(head)) => Ok(head),
        Ok(other) => unreachable!("an answer to HeadObject is {other:?}"),
        // A HEAD has no body that could tell which.
        Err(CliError::Call { doing, failure, .. }) if failure.class == ErrorClass::NotFound => {
            let hint = format!(
                "there is no such object, or no bucket {}: check the spelling and the endpoint, {}",
                place.bucket, place.endpoint
            );
            Err(CliError::Call { doing, failure, hint: Some(hint) })
        }
        Err(error) => Err(error),
    }
}

/// What the store tells of the object's parts, where they matter; it need not tell anything.
fn layout(asker: &mut Asker, head: &ObjectHead) -> Result<PartLayout, CliError> {
    if !head.is_multipart() {
        return Ok(PartLayout::Unknown("it has none".into()));
    }
    let (mut parts, mut after) = (Vec::new(), None);
    loop {
        let answer = asker.ask_lightly(Operation::GetObjectAttributes { after })?;
        let Ok(Reply::Attributes(page)) = answer else {
            parts.clear();
            break;
        };
        parts.extend(page.parts);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let listed = PartLayout::listed(head, parts);
    match (&listed, head.parts_said()) {
        (PartLayout::Unknown(_), Some(count)) => by_heads(asker, head, count),
        _ => Ok(listed),
    }
}

/// The layout by the sizes of the first and the last part: between them all are equal, or nothing
/// is known.
fn by_heads(asker: &mut Asker, head: &ObjectHead, count: u32) -> Result<PartLayout, CliError> {
    let mut sizes = Vec::new();
    for index in [0, count.saturating_sub(1)] {
        let number = PartNumber::from_index(index);
        let part = asker.ask_lightly(Operation::HeadObjectPart { number })?;
        match part {
            // A store that passes over the number describes the whole object.
            Ok(Reply::Head(part)) if part.parts == Some(count) || count == 1 => {
                sizes.push(part.size);
            }
            _ => {
                let reason = "the store does not tell the sizes of its parts";
                return Ok(PartLayout::Unknown(reason.into()));
            }
        }
    }
    Ok(PartLayout::uniform(head.size, count, sizes[0], sizes[1]))
}

/// Reads the file once, from its first byte to its last.
fn read(
    source: &Source,
    mut comparing: Comparing,
    console: &Console,
    interrupts: &Interrupts,
) -> Result<Verdict, CliError> {
    let path = || Place::shown(source.path());
    let mut progress = Progress::new(console);
    let mut buffer = vec![0; BUFFER];
    let mut offset = 0;
    while offset < source.size() {
        if let Some(signal) = interrupts.first() {
            let what = "nothing was found out".to_owned();
            return Err(CliError::Stopped { what, signal: Some(signal) });
        }
        let unreadable =
            |error: std::io::Error| CliError::Unreadable { path: path(), what: error.to_string() };
        let count = source.read_at(&mut buffer, offset).map_err(unreadable)?;
        if count == 0 {
            break;
        }
        comparing.update(&buffer[..count]);
        offset += count as u64;
        progress.show_read(offset, source.size());
    }
    match source.change() {
        Some(change) => {
            let what = format!("it changed while it was read: {change}");
            Err(CliError::Unreadable { path: path(), what })
        }
        None => Ok(comparing.finish()),
    }
}
