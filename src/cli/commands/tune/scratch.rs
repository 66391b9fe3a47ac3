//! The one key that measurements upload to, and that nothing of it stays.

use crate::cli::commands::ask::Asker;
use crate::cli::commands::store::{SessionKeys, StoreAccess};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::explain;
use crate::cli::place::Place;
use crate::cli::report::tell_error;
use crate::cli::signals::Interrupts;
use crate::s3::{BucketPrefix, ErrorClass, Operation, Reply};
use crate::upload::{Aborted, Aborting, CallsOutcome, Failure, Listing, Selection};

/// A key beside the destination that was typed, and what is needed to empty it.
pub(super) struct Scratch {
    /// The bucket, and the key as the prefix.
    pub(super) address: BucketPrefix,
    pub(super) access: StoreAccess,
    pub(super) keys: SessionKeys,
}

/// Something that could not be removed, and the line that removes it.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) what: String,
    pub(super) line: String,
    /// Whether it could have been removed; what a bucket keeps by its own rules could not.
    pub(super) is_failure: bool,
}

/// The key beside `destination`: in its folder, with `name`.
pub(super) fn beside(destination: &str, name: &str) -> Result<BucketPrefix, CliError> {
    let mut address = BucketPrefix::parse(destination)?;
    let folder = address.prefix.rfind('/').map_or(0, |slash| slash + 1);
    address.prefix.truncate(folder);
    address.prefix += name;
    Ok(address)
}

impl Scratch {
    /// `s3://bucket/key`, as `cp` takes it.
    pub(super) fn object(&self) -> String {
        format!("s3://{}/{}", self.address.bucket.as_str(), self.address.prefix)
    }

    /// Removes the object, and first unfinished uploads where `may_have_parts`: a process that was
    /// killed leaves them. What stays is told with the reason.
    pub(super) fn remove(self, may_have_parts: bool, console: &Console) -> Vec<Left> {
        let place = self.access.place(&self.address);
        let removed = Interrupts::listen().and_then(|interrupts| {
            let Scratch { address, access, keys } = self;
            let mut asker = Asker::open(access, &address, keys, console, &place, &interrupts)?;
            let parts = if may_have_parts { abort(&mut asker, &place)? } else { Vec::new() };
            Ok((parts, delete(&mut asker, &place)?))
        });
        let left = match removed {
            Ok((mut parts, object)) => {
                parts.extend(object);
                parts
            }
            Err(error) => {
                let what = format!("{} may still be there: {error}", place.object);
                vec![Left { what, line: place.delete_line(), is_failure: true }]
            }
        };
        for Left { what, line, is_failure } in &left {
            if *is_failure {
                tell_error(console, what, None, Some(&format!("remove it with: {line}")));
            } else {
                console.warn(&format!("{what}\n  see them with: {line}"));
            }
        }
        left
    }
}

/// Deletes the object.
fn delete(asker: &mut Asker<'_>, place: &Place) -> Result<Option<Left>, CliError> {
    let left = |why: &str| {
        Some(Left {
            what: format!("{} {why}", place.object),
            line: place.delete_line(),
            is_failure: true,
        })
    };
    Ok(match asker.ask(Operation::DeleteObject)? {
        Ok(Reply::Deleted { is_kept: true }) => Some(Left {
            what: format!(
                "the bucket keeps versions, those of {} too: each upload is one",
                place.object
            ),
            line: place.versions_line(),
            is_failure: false,
        }),
        Ok(_) => None,
        // Some stores refuse to delete what is not there.
        Err(failure) if failure.class == ErrorClass::NotFound => None,
        Err(failure) => left(&format!("could not be removed: {}", explain::reason(&failure))),
    })
}

/// Aborts the unfinished uploads to the key.
fn abort(asker: &mut Asker<'_>, place: &Place) -> Result<Vec<Left>, CliError> {
    let left = |why: &Failure| Left {
        what: format!("parts of {} may be left: {}", place.object, explain::reason(why)),
        line: place.abort_all_line(),
        is_failure: true,
    };
    let selection = Selection { prefix: place.key.clone(), ..Selection::default() };
    let (outcome, listing) = asker.caller().carry_out(Listing::new(selection))?;
    if let CallsOutcome::GaveUp(failure) = &outcome {
        return Ok(vec![left(failure)]);
    }
    let mut listed = listing.into_listed();
    if let Some(crate::upload::ListingFault::Failed(failure)) = &listed.fault {
        return Ok(vec![left(failure)]);
    }
    listed.uploads.retain(|upload| upload.key == place.key);
    let (_, aborting) = asker.caller().carry_out(Aborting::new(listed.uploads))?;
    let failed = aborting.into_uploads().into_iter().filter_map(|(_, aborted)| match aborted {
        Aborted::Gone => None,
        Aborted::Failed(failure) | Aborted::Unconfirmed(failure) => Some(left(&failure)),
        Aborted::Not | Aborted::StillFed(_) => Some(Left {
            what: format!("parts of {} are left", place.object),
            line: place.abort_all_line(),
            is_failure: true,
        }),
    });
    Ok(failed.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_beside_what_was_typed() {
        for (typed, key) in [
            ("s3://bkt", "n"),
            ("s3://bkt/", "n"),
            ("s3://bkt/key", "n"),
            ("s3://bkt/a/b/", "a/b/n"),
            ("s3://bkt/a/b/key", "a/b/n"),
            ("s3://bkt//key", "/n"),
        ] {
            assert_eq!(beside(typed, "n").unwrap().prefix, key, "{typed}");
        }
        assert!(beside("bkt/key", "n").is_err());
    }
}
