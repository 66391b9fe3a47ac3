//! Parts of an earlier run held against the journal and, where that is not enough, against the
//! file.

use std::collections::BTreeMap;

use super::resuming::Inventory;
use super::{Effect, Ending, State, Transfer};
use crate::s3::{CompletedPart, PartNumber, UploadedPart};
use crate::time::Time;
use crate::upload::beginning::PartDigest;
use crate::upload::journal::Record;
use crate::upload::{Failure, Notice, PartRange};

/// Parts at the store that are held against the file.
#[derive(Debug)]
pub(super) struct Comparison {
    candidates: BTreeMap<PartNumber, Candidate>,
    compared: usize,
    source_differs: Option<String>,
    adopted: bool,
    prescribed: bool,
}

/// A part at the store which may be what the file has there.
#[derive(Debug)]
struct Candidate {
    part: CompletedPart,
    /// Whether the journal knows of it: then a difference means that the file has changed.
    is_known: bool,
}

impl Transfer {
    /// Keeps what both sides know; what has to be compared with the file is asked for.
    pub(super) fn reconcile(&mut self, mut inventory: Inventory, at: Time) {
        let mut candidates = BTreeMap::new();
        for (number, listed) in inventory.listed {
            let fits = number.index() < self.plan.parts()
                && self.plan.part(number).length == listed.size
                && self.books.is_ours(number);
            if !fits {
                continue;
            }
            let known = inventory.known.get(&number).filter(|known| agree(known, &listed));
            let is_known = known.is_some();
            let checksum = known.and_then(|known| known.checksum).or(listed.checksum);
            let part = CompletedPart { number, etag: listed.etag, checksum };
            let is_comparable = part.checksum.is_some() || part.etag.md5().is_some();
            if is_known && inventory.source_differs.is_none() {
                inventory.known.remove(&number);
                self.keep_part(part);
            } else if is_comparable {
                if is_known {
                    inventory.known.remove(&number);
                }
                candidates.insert(number, Candidate { part, is_known });
            }
        }
        for number in inventory.known.into_keys() {
            self.record(Record::Lost { number });
        }
        for number in candidates.keys() {
            self.effects.push(Effect::Examine(self.plan.part(*number)));
        }
        let Inventory { source_differs, adopted, prescribed, .. } = inventory;
        let compared = candidates.len();
        let comparison = Comparison { candidates, compared, source_differs, adopted, prescribed };
        self.state = State::Comparing(comparison);
        self.compare_rest(at);
    }

    /// What the file has of a part by now.
    pub(in crate::upload) fn examined(&mut self, number: PartNumber, digest: PartDigest, at: Time) {
        // The answer may have crossed a stop.
        let State::Comparing(comparison) = &mut self.state else { return };
        let Some(Candidate { part, is_known }) = comparison.candidates.remove(&number) else {
            return;
        };
        if is_equal(&part, &digest) {
            let part = CompletedPart { checksum: Some(digest.crc64nvme), ..part };
            if !is_known {
                self.record(Record::Part(part.clone()));
            }
            self.keep_part(part);
        } else if is_known {
            let how = comparison.source_differs.clone().unwrap_or_default();
            // They stay at the store, whatever they are of.
            let candidates = std::mem::take(&mut comparison.candidates).into_values();
            candidates
                .map(|candidate| candidate.part)
                .chain([part])
                .for_each(|p| self.keep_part(p));
            let PartRange { offset, length, .. } = self.plan.part(number);
            let what = format!(
                "{how}, and part {number} ({length} bytes at byte {offset}) is not what was sent"
            );
            self.stay(Ending::Failed(Failure::of_another_file(what, at)));
            return;
        }
        self.compare_rest(at);
    }

    /// Goes on once everything has been compared.
    fn compare_rest(&mut self, at: Time) {
        let State::Comparing(comparison) = &self.state else { return };
        if !comparison.candidates.is_empty() {
            return;
        }
        let (parts, bytes) = (self.books.parts_stored(), self.books.bytes_stored());
        if comparison.adopted && comparison.compared > 0 && parts == 0 {
            let compared = comparison.compared;
            let what = format!("none of the {compared} parts at the store has bytes of it");
            self.stay(Ending::Failed(Failure::of_another_file(what, at)));
            return;
        }
        // That nothing is there is what is to be expected of it.
        if parts > 0 || !comparison.prescribed {
            self.notice(Notice::Reused { parts, bytes });
        }
        self.state = State::Sending;
        self.complete_when_whole();
    }

    pub(super) fn keep_part(&mut self, part: CompletedPart) {
        let range = self.plan.part(part.number);
        self.books.store(range, part.etag, part.checksum);
    }
}

/// Whether the store has what the journal says.
fn agree(known: &CompletedPart, listed: &UploadedPart) -> bool {
    let contradict =
        known.checksum.zip(listed.checksum).is_some_and(|(ours, theirs)| ours != theirs);
    known.etag.bare() == listed.etag.bare() && !contradict
}

/// Whether the part at the store is what the file has there: by checksum where the store keeps one,
/// else by the ETag that is an MD5.
fn is_equal(part: &CompletedPart, digest: &PartDigest) -> bool {
    match (part.checksum, part.etag.md5()) {
        (Some(checksum), _) => checksum == digest.crc64nvme,
        (None, Some(md5)) => md5 == digest.md5,
        (None, None) => false,
    }
}
