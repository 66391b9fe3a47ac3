//! Whose an unfinished upload is, as far as this machine knows: its journals name the uploads that
//! were begun here, and a journal that is held is of one that is running.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::cli::console::Console;
use crate::config::state_folder;
use crate::credentials::Environment;
use crate::disk;
use crate::s3::{Limits, UploadId};
use crate::upload::journal::{Resumable, Target, read};

/// What is known of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// It was not begun here, or nothing here tells.
    Unknown,
    /// It was begun here and can be resumed.
    Ours,
    /// A process on this machine is sending it now.
    OursLive,
}

impl Ownership {
    /// As it stands in `--json` and in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Ownership::Unknown => "unknown",
            Ownership::Ours => "ours",
            Ownership::OursLive => "live",
        }
    }
}

/// What the journals of this machine say.
#[derive(Debug, Default)]
pub(super) struct Ownerships {
    known: BTreeMap<UploadId, Ownership>,
    /// Buckets and keys that processes on this machine are sending to, whose upload has no id yet.
    beginning: BTreeSet<(String, String)>,
}

impl Ownerships {
    /// Reads the journals as they are now. Where one cannot be read that is told, and nothing is
    /// known of its upload.
    pub(super) fn of_this_machine(environment: &Environment, console: &Console) -> Ownerships {
        let mut ownerships = Ownerships::default();
        let unread = |what: &dyn Display| {
            console.warn(&format!(
                "a journal of this machine cannot be read, so that its upload is not known: {what}"
            ));
        };
        let Some(folder) = state_folder(environment) else { return ownerships };
        let names = disk::journals(&folder).unwrap_or_else(|error| {
            unread(&error);
            Vec::new()
        });
        for name in names {
            match disk::peek(&folder, &name) {
                Ok(None) => {}
                Ok(Some((bytes, is_held))) => match read(&bytes, &Limits::AWS) {
                    Ok(journal) => {
                        journal.into_iter().for_each(|journal| ownerships.add(journal, is_held));
                    }
                    Err(error) => unread(&error),
                },
                Err(error) => unread(&error),
            }
        }
        ownerships
    }

    fn add(&mut self, journal: Resumable, is_held: bool) {
        let ownership = if is_held { Ownership::OursLive } else { Ownership::Ours };
        let Target { bucket, key, .. } = journal.begun.target;
        match journal.upload_id {
            Some(upload_id) => {
                self.known.insert(upload_id, ownership);
            }
            None if is_held => {
                self.beginning.insert((bucket, key));
            }
            None => {}
        }
    }

    /// Whose the upload of `key` in `bucket` is.
    pub(super) fn of(&self, bucket: &str, key: &str, upload_id: &UploadId) -> Ownership {
        let is_beginning = || self.beginning.contains(&(bucket.to_owned(), key.to_owned()));
        match self.known.get(upload_id) {
            Some(known) => *known,
            None if is_beginning() => Ownership::OursLive,
            None => Ownership::Unknown,
        }
    }
}
