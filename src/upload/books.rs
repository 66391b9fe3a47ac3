//! The books of one multipart upload: which parts were taken, which are stored.
//!
//! What only a bug can break is asserted here, in release too: a part is stored once, and nothing
//! is completed that is not whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{PartRange, UploadPlan};
use crate::s3::checksum::multipart_etag;
use crate::s3::{CompletedPart, Crc64Nvme, ETag, PartNumber, UploadedPart};

/// The parts of one upload.
#[derive(Debug)]
pub(super) struct Books {
    /// By index; `None` until the part is stored.
    stored: Vec<Option<CompletedPart>>,
    /// Parts that are to be sent again.
    again: Vec<PartNumber>,
    /// Index of the first part that was never taken.
    next: u32,
    parts_stored: u32,
    bytes_stored: u64,
}

impl Books {
    pub(super) fn new(plan: &UploadPlan) -> Books {
        let stored = vec![None; plan.parts() as usize];
        Books { stored, again: Vec::new(), next: 0, parts_stored: 0, bytes_stored: 0 }
    }

    /// Whether there are parts that nobody has taken.
    pub(super) fn has_next(&self) -> bool {
        !self.again.is_empty() || (self.next as usize) < self.stored.len()
    }

    /// The next part that nobody has taken.
    pub(super) fn take_next(&mut self) -> Option<PartNumber> {
        if !self.has_next() {
            return None;
        }
        if let Some(number) = self.again.pop() {
            return Some(number);
        }
        let number = PartNumber::from_index(self.next);
        self.next += 1;
        Some(number)
    }

    pub(super) fn store(&mut self, part: PartRange, etag: ETag, checksum: Option<Crc64Nvme>) {
        let entry = &mut self.stored[part.number.index() as usize];
        assert!(entry.is_none(), "part {} is stored once", part.number);
        *entry = Some(CompletedPart { number: part.number, etag, checksum });
        self.parts_stored += 1;
        self.bytes_stored += part.length;
    }

    /// Index behind the last part that is stored.
    pub(super) fn settled(&self) -> u32 {
        let last = self.stored.iter().rposition(Option::is_some);
        last.map_or(0, |index| index as u32 + 1)
    }

    /// The file was cut anew behind the last part that is stored.
    pub(super) fn recut(&mut self, plan: &UploadPlan) {
        self.next = self.next.min(self.settled());
        self.stored.resize(plan.parts() as usize, None);
    }

    /// Parts that we have stored and of which the store lists something else, or nothing.
    pub(super) fn differing(&self, plan: &UploadPlan, listed: &[UploadedPart]) -> Vec<PartNumber> {
        let listed: BTreeMap<_, _> =
            listed.iter().map(|part| (part.number, (part.size, part.etag.bare()))).collect();
        let differs = |part: &&CompletedPart| {
            let ours = (plan.part(part.number).length, part.etag.bare());
            listed.get(&part.number) != Some(&ours)
        };
        self.stored.iter().flatten().filter(differs).map(|part| part.number).collect()
    }

    /// The store does not have this part after all: it is sent again.
    pub(super) fn unstore(&mut self, part: PartRange) {
        let entry = self.stored[part.number.index() as usize].take();
        assert!(entry.is_some(), "part {} was stored", part.number);
        self.parts_stored -= 1;
        self.bytes_stored -= part.length;
        self.again.push(part.number);
    }

    pub(super) fn is_whole(&self) -> bool {
        self.parts_stored as usize == self.stored.len()
    }

    pub(super) fn bytes_stored(&self) -> u64 {
        self.bytes_stored
    }

    /// All parts, in order.
    pub(super) fn completed(&self) -> Arc<[CompletedPart]> {
        assert!(self.is_whole(), "only a whole upload is completed");
        self.stored.iter().flatten().cloned().collect()
    }

    /// The checksum of the whole object, combined from the parts; `None` where one lacks it.
    pub(super) fn checksum(&self, plan: &UploadPlan) -> Option<Crc64Nvme> {
        let mut parts = self
            .stored
            .iter()
            .flatten()
            .map(|part| Some((part.checksum?, plan.part(part.number).length)));
        let (first, _) = parts.next()??;
        parts.try_fold(first, |whole, part| {
            let (checksum, length) = part?;
            Some(whole.combine(checksum, length))
        })
    }

    /// The ETag that S3 makes of these parts, where they are MD5s.
    pub(super) fn etag(&self) -> Option<String> {
        multipart_etag(self.stored.iter().flatten().map(|part| &part.etag))
    }
}
