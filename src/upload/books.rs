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
    /// By index, the parts that somebody else sends; empty where all are ours.
    others: Vec<bool>,
    /// Parts that are to be sent again.
    again: Vec<PartNumber>,
    /// Index of the first part that was never taken.
    next: u32,
    parts_stored: u32,
    bytes_stored: u64,
}

impl Books {
    pub(super) fn new(plan: &UploadPlan) -> Books {
        Books::of_share(plan, Vec::new())
    }

    fn of_share(plan: &UploadPlan, others: Vec<bool>) -> Books {
        let stored = vec![None; plan.parts() as usize];
        let again = Vec::new();
        let mut books = Books { stored, others, again, next: 0, parts_stored: 0, bytes_stored: 0 };
        books.skip_stored();
        books
    }

    /// Only these parts are ours.
    pub(super) fn share(&mut self, plan: &UploadPlan, share: &[PartNumber]) {
        let mut others = vec![true; plan.parts() as usize];
        for number in share {
            others[number.index() as usize] = false;
        }
        *self = Books::of_share(plan, others);
    }

    /// Whether somebody else sends some of the parts.
    pub(super) fn is_shared(&self) -> bool {
        self.others.contains(&true)
    }

    /// Whether this part is ours to send.
    pub(super) fn is_ours(&self, number: PartNumber) -> bool {
        !self.others.get(number.index() as usize).is_some_and(|others| *others)
    }

    /// Parts and bytes that are ours.
    pub(super) fn ours(&self, plan: &UploadPlan) -> (u32, u64) {
        if !self.is_shared() {
            return (plan.parts(), plan.size());
        }
        let numbers = (0..plan.parts()).map(PartNumber::from_index);
        let ours = numbers.filter(|number| self.is_ours(*number));
        ours.fold((0, 0), |(parts, bytes), number| (parts + 1, bytes + plan.part(number).length))
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
        self.skip_stored();
        Some(number)
    }

    /// Parts of an earlier run, and those of others, are never taken.
    fn skip_stored(&mut self) {
        while let Some(stored) = self.stored.get(self.next as usize) {
            if stored.is_none() && self.is_ours(PartNumber::from_index(self.next)) {
                break;
            }
            self.next += 1;
        }
    }

    /// Whether this part is stored.
    pub(super) fn has(&self, number: PartNumber) -> bool {
        self.stored.get(number.index() as usize).is_some_and(Option::is_some)
    }

    pub(super) fn store(&mut self, part: PartRange, etag: ETag, checksum: Option<Crc64Nvme>) {
        let entry = &mut self.stored[part.number.index() as usize];
        assert!(entry.is_none(), "part {} is stored once", part.number);
        *entry = Some(CompletedPart { number: part.number, etag, checksum });
        self.parts_stored += 1;
        self.bytes_stored += part.length;
        self.skip_stored();
    }

    /// Another plan, of which nothing is stored.
    pub(super) fn replan(&mut self, plan: &UploadPlan) {
        *self = Books::of_share(plan, std::mem::take(&mut self.others));
    }

    /// Index behind the last part that is stored.
    pub(super) fn settled(&self) -> u32 {
        let last = self.stored.iter().rposition(Option::is_some);
        last.map_or(0, |index| index as u32 + 1)
    }

    /// The file was cut anew behind the last part that is stored.
    pub(super) fn recut(&mut self, plan: &UploadPlan) {
        let settled = self.settled();
        self.next = self.next.min(settled);
        self.again.retain(|number| number.index() < settled);
        self.stored.resize(plan.parts() as usize, None);
    }

    /// More of a stream is known.
    pub(super) fn extend(&mut self, plan: &UploadPlan) {
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

    /// Whether all that are ours are stored.
    pub(super) fn is_whole(&self) -> bool {
        let others = self.others.iter().filter(|others| **others).count();
        self.parts_stored as usize + others == self.stored.len()
    }

    pub(super) fn parts_stored(&self) -> u32 {
        self.parts_stored
    }

    pub(super) fn bytes_stored(&self) -> u64 {
        self.bytes_stored
    }

    /// All parts, in order.
    pub(super) fn completed(&self) -> Arc<[CompletedPart]> {
        assert!(self.is_whole() && !self.is_shared(), "only a whole upload is completed");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Limits;

    const LIMITS: Limits =
        Limits { part_size_min: 5, part_size_max: 100, parts_max: 30, object_size_max: 3000 };

    fn store_next(books: &mut Books, plan: &UploadPlan) {
        let part = plan.part(books.take_next().unwrap());
        books.store(part, ETag("\"e\"".into()), None);
    }

    #[test]
    fn every_part_is_taken_once_after_a_repair_and_a_new_cut() {
        let mut plan = UploadPlan::new(40, 10, 0, &LIMITS).unwrap();
        let mut books = Books::new(&plan);
        for _ in 0..3 {
            store_next(&mut books, &plan);
        }
        // Parts 1 and 3 are to be sent again; the rest is cut anew, part 3 with it.
        for index in [0, 2] {
            books.unstore(plan.part(PartNumber::from_index(index)));
        }
        assert!(plan.recut(books.settled(), 5, &LIMITS));
        books.recut(&plan);
        let mut taken = Vec::new();
        while let Some(number) = books.take_next() {
            taken.push(number.0.get());
            books.store(plan.part(number), ETag("\"e\"".into()), None);
        }
        assert_eq!(taken, [1, 3, 4, 5, 6]);
        assert!(books.is_whole());
        assert_eq!(books.bytes_stored(), 40);
    }

    #[test]
    fn parts_of_which_the_store_lists_something_else_are_found() {
        let plan = UploadPlan::new(30, 10, 0, &LIMITS).unwrap();
        let mut books = Books::new(&plan);
        for _ in 0..3 {
            store_next(&mut books, &plan);
        }
        let listed = |index, size, etag: &str| UploadedPart {
            number: PartNumber::from_index(index),
            size,
            etag: ETag(etag.into()),
            checksum: None,
        };
        let same = [listed(0, 10, "e"), listed(1, 10, "\"e\""), listed(2, 10, "e")];
        assert_eq!(books.differing(&plan, &same), []);
        let other = [listed(0, 9, "e"), listed(1, 10, "other"), listed(7, 10, "e")];
        let all = [0, 1, 2].map(PartNumber::from_index);
        assert_eq!(books.differing(&plan, &other), all);
    }
}
