//! Going on with an upload that was begun before: what the store has of it is asked for and held
//! against the journal, or against the file itself.

use std::collections::BTreeMap;

use super::{Ending, Found, State, Transfer};
use crate::s3::{CompletedPart, ErrorClass, PartNumber, PartsPage, UploadId, UploadedPart};
use crate::time::Time;
use crate::upload::beginning::{Beginning, OnGone, Resumed};
use crate::upload::journal::Record;
use crate::upload::queue::Job;
use crate::upload::transfer::Effect;
use crate::upload::{Failure, Notice, Outcome};

/// What the store has of the upload, as far as it was listed.
#[derive(Debug, Default)]
pub(super) struct Inventory {
    /// Where the next page begins.
    pub(super) after: Option<PartNumber>,
    pub(super) listed: BTreeMap<PartNumber, UploadedPart>,
    /// The algorithm of the upload's checksums, where the store told one.
    algorithm: Option<String>,
    /// The parts that the journal knows of.
    pub(super) known: BTreeMap<PartNumber, CompletedPart>,
    /// Whether the journal says that it may have been completed.
    completing: bool,
    /// What speaks against the file being what was sent.
    pub(super) source_differs: Option<String>,
    /// Whether somebody else made the upload.
    pub(super) adopted: bool,
    /// Whether somebody else cut the file for it.
    pub(super) prescribed: bool,
}

impl Transfer {
    pub(super) fn begin(&mut self, beginning: Beginning) {
        match beginning {
            Beginning::Anew => {
                self.notice(Notice::Planned(self.plan.clone()));
                self.begin_when_decided();
            }
            Beginning::Resumed(resumed) => self.resume(*resumed),
            Beginning::Adopted(upload_id) => {
                self.list(upload_id, Inventory { adopted: true, ..Inventory::default() });
            }
            Beginning::Prescribed(upload_id) => {
                self.list(upload_id, Inventory { prescribed: true, ..Inventory::default() });
            }
        }
    }

    fn resume(&mut self, resumed: Resumed) {
        self.plan = resumed.plan;
        self.books.replan(&self.plan);
        self.notice(Notice::Planned(self.plan.clone()));
        self.creations.lost_before = resumed.creations_lost;
        let Some(upload_id) = resumed.upload_id else {
            self.state = State::Creating;
            self.ask(Job::Create);
            return;
        };
        if !resumed.checksums {
            self.effects.push(Effect::DropChecksums);
            self.checksums = false;
        }
        let known = resumed.parts.into_iter().map(|part| (part.number, part)).collect();
        let (completing, source_differs) = (resumed.completing, resumed.source_differs);
        self.list(
            upload_id,
            Inventory { known, completing, source_differs, ..Inventory::default() },
        );
    }

    fn list(&mut self, upload_id: UploadId, inventory: Inventory) {
        self.notice(Notice::Resuming(upload_id.clone()));
        self.upload_id = Some(upload_id);
        self.state = State::Listing(inventory);
        self.ask(Job::Reread);
    }

    /// A page of what the store has.
    pub(super) fn listed(&mut self, page: PartsPage, at: Time) {
        let State::Listing(inventory) = &mut self.state else {
            unreachable!("only a resumed upload is listed")
        };
        inventory.listed.extend(page.parts.into_iter().map(|part| (part.number, part)));
        inventory.algorithm = page.checksum_algorithm.or(inventory.algorithm.take());
        inventory.after = page.next;
        if inventory.after.is_some() {
            self.ask(Job::Reread);
            return;
        }
        let inventory = std::mem::take(inventory);
        self.take_over(inventory, at);
    }

    fn take_over(&mut self, inventory: Inventory, at: Time) {
        if inventory.prescribed {
            self.begin_in_journal();
        } else if inventory.adopted && !self.adopt(&inventory, at) {
            return;
        }
        self.reconcile(inventory, at);
    }

    /// Lays the plan over an upload that was made elsewhere; where that cannot be, the end.
    fn adopt(&mut self, inventory: &Inventory, at: Time) -> bool {
        let sums = inventory.algorithm.as_deref();
        let listed = inventory.listed.values().map(|part| (part.number, part.size));
        let plan = self.plan.laid_over(listed, &self.limits);
        let Some(plan) = plan.filter(|_| matches!(sums, None | Some("CRC64NVME"))) else {
            let why = match sums {
                Some(name) if name != "CRC64NVME" => {
                    format!("its parts carry {name} checksums, which curlift does not send")
                }
                _ => "its parts cannot be laid over this file: their sizes do not fit".to_owned(),
            };
            let failure = Failure::of_another_file(why, at);
            self.stay(Ending::Failed(failure));
            return false;
        };
        self.plan = plan;
        self.books.replan(&self.plan);
        if sums.is_none() {
            self.effects.push(Effect::DropChecksums);
            self.checksums = false;
        }
        self.begin_in_journal();
        true
    }

    /// What somebody else began is gone on with as if it were our own.
    fn begin_in_journal(&mut self) {
        self.notice(Notice::Planned(self.plan.clone()));
        let upload_id = self.upload_id.clone().expect("an adopted upload has an id");
        self.record(Record::Anew { cuts: self.plan.cuts() });
        self.record(Record::TakenOver { upload_id, checksums: self.checksums });
    }

    /// The parts cannot be listed.
    pub(super) fn not_listed(&mut self, failure: Failure) {
        let State::Listing(inventory) = &mut self.state else {
            unreachable!("only a resumed upload is listed")
        };
        if failure.says_no_such_upload() {
            // An object that was made of what the file was before is not the file of today.
            let may_be_done = inventory.completing && inventory.source_differs.is_none();
            let known = std::mem::take(&mut inventory.known);
            self.recall(known, may_be_done, failure);
        } else if failure.class == ErrorClass::Denied && !inventory.adopted {
            // Who may upload may not always list: the journal's word has to do, or the plan's.
            let mut inventory = std::mem::take(inventory);
            let at = failure.at;
            if !inventory.known.is_empty() {
                self.notice(Notice::Unlisted(failure));
            }
            inventory.listed = inventory
                .known
                .iter()
                .map(|(number, part)| {
                    let size = self.plan.part(*number).length;
                    let CompletedPart { etag, checksum, .. } = part.clone();
                    (*number, UploadedPart { number: *number, size, etag, checksum })
                })
                .collect();
            self.take_over(inventory, at);
        } else if inventory.completing {
            self.stay(Ending::Doubtful(failure));
        } else {
            self.stay(Ending::Failed(failure));
        }
    }

    /// The upload is gone: completed by the run before, or given up by somebody.
    fn recall(
        &mut self,
        known: BTreeMap<PartNumber, CompletedPart>,
        may_be_done: bool,
        failure: Failure,
    ) {
        if may_be_done && known.len() == self.plan.parts() as usize {
            for part in known.into_values() {
                self.keep_part(part);
            }
            self.state = State::Recalling(failure);
            self.ask(Job::Head);
        } else {
            self.begin_anew(failure);
        }
    }

    /// What stands where the upload that is gone would have put its object.
    pub(super) fn recalled(&mut self, found: &Found) {
        let State::Recalling(failure) = &self.state else {
            unreachable!("only an upload that is gone is recalled")
        };
        match found {
            Found::Equal(head) => {
                let uploaded =
                    self.uploaded_as(head.etag.clone(), self.books.checksum(&self.plan), true);
                let (parts, bytes) = (self.books.parts_stored(), self.books.bytes_stored());
                self.notice(Notice::Reused { parts, bytes });
                self.end(Outcome::Uploaded(uploaded));
            }
            Found::Different | Found::Absent | Found::Nothing => {
                let failure = failure.clone();
                self.unseen = matches!(found, Found::Nothing).then(|| failure.clone());
                self.begin_anew(failure);
            }
        }
    }

    fn begin_anew(&mut self, failure: Failure) {
        if self.on_gone == OnGone::Fail {
            self.end(Outcome::Failed(failure));
            return;
        }
        if let Some(upload_id) = self.upload_id.take() {
            self.notice(Notice::Gone(upload_id));
        }
        self.plan = self.plan_anew.clone();
        self.books.replan(&self.plan);
        self.record(Record::Anew { cuts: self.plan.cuts() });
        self.state = State::Creating;
        self.ask(Job::Create);
    }
}
