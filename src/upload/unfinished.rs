//! Multipart uploads that were never completed: which there are, how old, how large.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::{Call, Failure, Script};
use crate::s3::{
    Key, Operation, PartNumber, PartsPage, Reply, UnfinishedUpload, UnixTime, UploadId,
    UploadsMarker, UploadsPage,
};

/// An upload that was listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Unfinished {
    /// The key it would write.
    pub key: String,
    /// Its id.
    pub upload_id: UploadId,
    /// When it was created, where the store told.
    pub initiated: Option<UnixTime>,
    /// How long ago that was by the store's own clock; `None` where it told one of the two only.
    pub age: Option<Duration>,
    /// The storage class that its parts are billed by, where the store told.
    pub storage_class: Option<String>,
    /// What lies in it; `None` where that could not be found out.
    pub stored: Option<Stored>,
}

/// What lies in an unfinished upload, and is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Parts.
    pub parts: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Which uploads are meant.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// How their keys begin.
    pub prefix: String,
    /// How old they are at least, by the store's clock. What has no age is not older.
    pub older_than: Option<Duration>,
    /// Their ids; empty: any.
    pub upload_ids: BTreeSet<UploadId>,
}

/// Why the listing is not whole.
#[derive(Debug, Clone, PartialEq)]
pub enum ListingFault {
    /// It was not answered.
    Failed(Failure),
    /// A page brought nothing new although it was not the last.
    DoesNotMoveOn,
    /// There are more than can be held.
    TooLong,
}

/// Finds the uploads of a selection, then what lies in each.
#[derive(Debug)]
pub struct Listing {
    selection: Selection,
    begun: bool,
    /// All that were listed, of the selection or not.
    seen: BTreeSet<(String, UploadId)>,
    found: BTreeMap<usize, Unfinished>,
    /// Uploads whose parts are to be listed.
    unmeasured: VecDeque<usize>,
    listed: usize,
    ended_meanwhile: u32,
    fault: Option<ListingFault>,
    /// The first upload whose parts could not be listed: why, and how many there are.
    unknown: Option<(Failure, u32)>,
}

/// What a [`Listing`] knows a call by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A page of the uploads.
    Uploads,
    /// A page of the parts of an upload, by its place in the listing.
    Parts(usize),
}

/// What a listing found.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The uploads of the selection, by key, the oldest of a key first.
    pub uploads: Vec<Unfinished>,
    /// Uploads that were listed and are not of the selection.
    pub others: usize,
    /// Uploads that were completed or aborted while the listing was made.
    pub ended_meanwhile: u32,
    /// Ids of the selection that were not listed, whatever else it asks for.
    pub missing: BTreeSet<UploadId>,
    /// Why there may be more.
    pub fault: Option<ListingFault>,
    /// Why the parts of uploads could not be listed, and of how many.
    pub unknown: Option<(Failure, u32)>,
}

/// More unfinished uploads than this are not held in memory.
const UPLOADS_MAX: usize = 1_000_000;
/// More parts than this no upload has (Amazon S3 has 10,000): the listing does not end.
const PARTS_MAX: u64 = 100_000;

impl Selection {
    fn has(&self, upload: &UnfinishedUpload, age: Option<Duration>) -> bool {
        // Some stores do not know what a prefix is.
        upload.key.starts_with(&self.prefix)
            && (self.upload_ids.is_empty() || self.upload_ids.contains(&upload.upload_id))
            && self.older_than.is_none_or(|least| age.is_some_and(|age| age >= least))
    }
}

impl Listing {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(selection: Selection) -> Listing {
        Listing {
            selection,
            begun: false,
            seen: BTreeSet::new(),
            found: BTreeMap::new(),
            unmeasured: VecDeque::new(),
            listed: 0,
            ended_meanwhile: 0,
            fault: None,
            unknown: None,
        }
    }

    /// What was found so far.
    #[must_use]
    pub fn into_listed(self) -> Listed {
        let mut missing = self.selection.upload_ids;
        for (_, upload_id) in &self.seen {
            missing.remove(upload_id);
        }
        let others = self.listed - self.found.len() - self.ended_meanwhile as usize;
        let mut uploads: Vec<Unfinished> = self.found.into_values().collect();
        uploads.sort_by(|a, b| {
            (&a.key, a.initiated, &a.upload_id).cmp(&(&b.key, b.initiated, &b.upload_id))
        });
        Listed {
            uploads,
            others,
            missing,
            ended_meanwhile: self.ended_meanwhile,
            fault: self.fault,
            unknown: self.unknown,
        }
    }

    fn page(&self, after: Option<UploadsMarker>) -> Call<Asked> {
        Call {
            tag: Asked::Uploads,
            key: Key::listed(&self.selection.prefix),
            operation: Operation::ListMultipartUploads { after },
            pause: Duration::ZERO,
        }
    }

    fn parts(&self, index: usize, after: Option<PartNumber>) -> Option<Call<Asked>> {
        let upload = self.found.get(&index)?;
        let upload_id = upload.upload_id.clone();
        Some(Call {
            tag: Asked::Parts(index),
            key: Key::listed(&upload.key),
            operation: Operation::ListParts { upload_id, after },
            pause: Duration::ZERO,
        })
    }

    /// Takes a page; gives the call for the next.
    fn uploads_listed(&mut self, page: UploadsPage) -> Option<Call<Asked>> {
        let before = self.listed;
        for upload in page.uploads {
            if self.seen.insert((upload.key.clone(), upload.upload_id.clone())) {
                self.take(upload, page.date);
            }
        }
        let next = page.next?;
        if self.listed == before {
            self.fault = Some(ListingFault::DoesNotMoveOn);
            return None;
        }
        if self.listed >= UPLOADS_MAX {
            self.fault = Some(ListingFault::TooLong);
            return None;
        }
        Some(self.page(Some(next)))
    }

    fn take(&mut self, upload: UnfinishedUpload, date: Option<UnixTime>) {
        let index = self.listed;
        self.listed += 1;
        let age = upload.initiated.zip(date);
        let age = age.map(|(initiated, date)| date.since(initiated).unwrap_or_default());
        if self.selection.has(&upload, age) {
            let UnfinishedUpload { key, upload_id, initiated, storage_class } = upload;
            let found = Unfinished { key, upload_id, initiated, age, storage_class, stored: None };
            self.found.insert(index, found);
            self.unmeasured.push_back(index);
        }
    }

    /// Takes a page of parts; gives the call for the next.
    fn parts_listed(&mut self, index: usize, page: &PartsPage) -> Option<Call<Asked>> {
        let upload = self.found.get_mut(&index)?;
        let stored = upload.stored.get_or_insert_default();
        stored.parts += page.parts.len() as u64;
        stored.bytes += page.parts.iter().map(|part| part.size).sum::<u64>();
        let next = page.next.filter(|_| stored.parts < PARTS_MAX && !page.parts.is_empty())?;
        self.parts(index, Some(next))
    }

    fn parts_not_listed(&mut self, index: usize, failure: Failure) {
        if failure.says_no_such_upload() {
            self.ended_meanwhile += 1;
            self.found.remove(&index);
            return;
        }
        if let Some(upload) = self.found.get_mut(&index) {
            upload.stored = None;
        }
        self.unknown.get_or_insert((failure, 0)).1 += 1;
    }
}

impl Script for Listing {
    type Tag = Asked;

    fn next(&mut self) -> Option<Call<Asked>> {
        if !self.begun {
            self.begun = true;
            return Some(self.page(None));
        }
        let index = self.unmeasured.pop_front()?;
        self.parts(index, None)
    }

    fn answered(&mut self, tag: &Asked, result: Result<Reply, Failure>) -> Option<Call<Asked>> {
        match (*tag, result) {
            (Asked::Uploads, Ok(Reply::Uploads(page))) => self.uploads_listed(page),
            (Asked::Parts(index), Ok(Reply::Parts(page))) => self.parts_listed(index, &page),
            (Asked::Uploads, Err(failure)) => {
                self.fault = Some(ListingFault::Failed(failure));
                None
            }
            (Asked::Parts(index), Err(failure)) => {
                self.parts_not_listed(index, failure);
                None
            }
            (asked, Ok(reply)) => unreachable!("{reply:?} is no reply to {asked:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
