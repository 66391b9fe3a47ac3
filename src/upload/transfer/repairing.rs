//! Parts that are not what the store was told of: `InvalidPart` in answer to a Complete that was
//! not done before. They are looked up and sent again, once.

use super::{Ending, State, Transfer};
use crate::s3::{PartNumber, PartsPage, UploadedPart};
use crate::upload::journal::Record;
use crate::upload::queue::Job;
use crate::upload::{Failure, Notice};

/// The comparison of our books with the store's.
#[derive(Debug)]
pub(super) struct Repair {
    failure: Failure,
    /// Where the next page begins.
    after: Option<PartNumber>,
    listed: Vec<UploadedPart>,
}

impl Transfer {
    pub(super) fn begin_repair(&mut self, failure: Failure) {
        self.repaired = true;
        self.state = State::Repairing(Repair { failure, after: None, listed: Vec::new() });
        self.ask(Job::Reread);
    }

    pub(super) fn list_after(&self) -> Option<PartNumber> {
        match &self.state {
            State::Repairing(repair) => repair.after,
            State::Listing(inventory) => inventory.after,
            _ => unreachable!("only a repair or a resumed upload reads the parts"),
        }
    }

    /// A page of the store's parts.
    pub(super) fn reread(&mut self, page: PartsPage) {
        let State::Repairing(repair) = &mut self.state else {
            unreachable!("only a repair reads the parts")
        };
        repair.listed.extend(page.parts);
        repair.after = page.next;
        if repair.after.is_some() {
            self.ask(Job::Reread);
            return;
        }
        let (listed, failure) = (std::mem::take(&mut repair.listed), repair.failure.clone());
        let differing = self.books.differing(&self.plan, &listed);
        match self.closing.take() {
            Some(ending) => self.close(ending),
            // The store's own list does not explain it.
            None if differing.is_empty() => self.close(Ending::Doubtful(failure)),
            None => {
                for number in &differing {
                    self.record(Record::Lost { number: *number });
                    self.books.unstore(self.plan.part(*number));
                }
                self.notice(Notice::Repairing { parts: differing.len() as u32 });
                self.state = State::Sending;
            }
        }
    }

    /// The parts cannot be looked up.
    pub(super) fn not_reread(&mut self) {
        let State::Repairing(Repair { failure, .. }) = &self.state else {
            unreachable!("only a repair reads the parts")
        };
        let failure = failure.clone();
        self.close(Ending::Doubtful(failure));
    }
}
