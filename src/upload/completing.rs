//! Completing an upload whose parts others have sent: what is at the store is listed, held against
//! the plan of the file, and made into the object. Works by presigned URLs, which fix where a page
//! of the listing begins.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Call, CallsOutcome, Failure, Manifest, Script, UploadPlan, list_pages};
use crate::s3::checksum::multipart_etag;
use crate::s3::{
    CompletedPart, Crc64Nvme, ETag, Key, ObjectHead, Operation, PartNumber, PartsPage, Reply,
    UploadId, UploadedPart,
};

/// How the completion of an upload ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Completion {
    /// The user stopped it.
    Stopped {
        /// Whether it was being completed: the object may be stored or not.
        while_completing: bool,
    },
    /// Parts are missing, or are not those of the file; nothing was changed.
    Incomplete(Shortage),
    /// All parts are there; nothing was changed, as was wanted.
    Ready,
    /// The object is stored.
    Completed {
        /// Its ETag.
        etag: Option<ETag>,
        /// Its checksum as the store computed it.
        checksum: Option<Crc64Nvme>,
        /// Whether that was found out by looking, an answer having been lost.
        by_comparison: bool,
    },
    /// The object is stored, and is not the file.
    Differs(String),
    /// The upload is gone, and the object that is there, if any, is not the file.
    Gone,
    /// The parts could not be listed, in words.
    Unlisted(&'static str),
    /// The store said no, or was never reached; nothing was changed.
    Failed(Failure),
    /// The object may be stored or not.
    Unknown(Failure),
}

/// What is not there as it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shortage {
    /// Parts that are not there, in order.
    pub missing: Vec<PartNumber>,
    /// Parts that are not those of the file, in order, and how they differ.
    pub differing: Vec<(PartNumber, String)>,
}

/// Completes an upload.
#[derive(Debug)]
pub struct Completing {
    key: Key,
    upload_id: UploadId,
    plan: UploadPlan,
    has_checksums: bool,
    whole: Option<Crc64Nvme>,
    part_checksums: BTreeMap<PartNumber, Crc64Nvme>,
    /// Whether parts are only listed.
    dry_run: bool,
    pages: Vec<Option<PartNumber>>,
    pages_begun: usize,
    pages_listed: usize,
    listed: BTreeMap<PartNumber, UploadedPart>,
    /// Why the object is looked at.
    doubt: Option<Doubt>,
    looks: usize,
    /// Whether the store has been told to.
    was_told: bool,
    completion: Option<Completion>,
}

/// What [`Completing`] knows a call by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompleteStep {
    /// The page of that index is listed.
    List(usize),
    /// The upload is completed.
    Complete,
    /// What the object is is asked.
    Look,
}

/// Why the object is looked at.
#[derive(Debug, Clone)]
enum Doubt {
    /// The upload was gone before it was completed from here.
    Gone(Failure),
    /// It was to be completed, and the answer was lost or is no proof of anything.
    Lost(Failure),
    /// It was completed, and the answer told no checksum.
    Unchecked(Option<ETag>),
}

/// What the stored object is.
enum Look {
    TheFile,
    Other(String),
    /// The store does not tell enough.
    Unsure,
}

/// A store may take its time to make the object: the pause before each further look.
const LOOK_PAUSES: [Duration; 3] =
    [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];

impl Completing {
    /// Nothing has been asked yet.
    #[must_use]
    pub fn new(manifest: &Manifest, dry_run: bool) -> Completing {
        let plan = manifest.plan();
        let numbers = (0..plan.parts()).map(PartNumber::from_index);
        let checksums = numbers.filter_map(|n| Some((n, manifest.part_checksum(n)?)));
        Completing {
            key: manifest.object().key.clone(),
            upload_id: manifest.upload_id().clone(),
            plan: plan.clone(),
            has_checksums: manifest.has_checksums(),
            whole: manifest.checksum(),
            part_checksums: checksums.collect(),
            dry_run,
            pages: list_pages(plan.parts()).collect(),
            pages_begun: 0,
            pages_listed: 0,
            listed: BTreeMap::new(),
            doubt: None,
            looks: 0,
            completion: None,
            was_told: false,
        }
    }

    /// How it ended, its calls having ended so.
    #[must_use]
    pub fn ended(&self, outcome: CallsOutcome) -> Completion {
        if let Some(completion) = &self.completion {
            return completion.clone();
        }
        match (outcome, &self.doubt) {
            // What could not be looked at any more was said to be done.
            (_, Some(Doubt::Unchecked(etag))) => {
                let etag = etag.clone();
                Completion::Completed { etag, checksum: None, by_comparison: false }
            }
            (CallsOutcome::GaveUp(failure), Some(_)) => Completion::Unknown(failure),
            (CallsOutcome::GaveUp(failure), None) => Completion::Failed(failure),
            (CallsOutcome::Stopped | CallsOutcome::Done, _) => {
                Completion::Stopped { while_completing: self.was_told }
            }
        }
    }

    /// Parts of the file that are at the store, and their bytes.
    #[must_use]
    pub fn stored(&self) -> (u32, u64) {
        let parts = self.listed.range(..=self.last()).map(|(_, part)| part.size);
        parts.fold((0, 0_u64), |(count, bytes), size| (count + 1, bytes.saturating_add(size)))
    }

    fn last(&self) -> PartNumber {
        PartNumber::from_index(self.plan.parts() - 1)
    }

    fn call(&self, tag: CompleteStep, operation: Operation) -> Call<CompleteStep> {
        Call { tag, key: self.key.clone(), operation, pause: Duration::ZERO }
    }

    /// Nothing more is asked.
    fn end(&mut self, completion: Completion) -> Option<Call<CompleteStep>> {
        self.pages_begun = self.pages.len();
        self.completion.get_or_insert(completion);
        None
    }

    fn take(&mut self, index: usize, page: PartsPage) -> Option<Call<CompleteStep>> {
        let next_page = self.pages.get(index + 1).copied().flatten();
        let needed = next_page.unwrap_or(self.last());
        // What stands behind the end of the page is told by the next one, or by nobody.
        if page.next.is_some_and(|next| next < needed) {
            return self.end(Completion::Unlisted(
                "the store lists fewer than a thousand parts at a time, and the manifest has no \
                 URLs for what lies between",
            ));
        }
        self.listed.extend(page.parts.into_iter().map(|part| (part.number, part)));
        self.pages_listed += 1;
        if self.pages_listed < self.pages.len() || self.completion.is_some() {
            return None;
        }
        let shortage = self.shortage();
        if shortage != Shortage::default() {
            return self.end(Completion::Incomplete(shortage));
        }
        if self.dry_run {
            return self.end(Completion::Ready);
        }
        self.was_told = true;
        Some(self.call(CompleteStep::Complete, self.complete()))
    }

    fn shortage(&self) -> Shortage {
        let mut shortage = Shortage::default();
        for number in (0..self.plan.parts()).map(PartNumber::from_index) {
            match self.listed.get(&number) {
                None => shortage.missing.push(number),
                Some(part) => {
                    let how = self.difference(part).map(|how| (number, how));
                    shortage.differing.extend(how);
                }
            }
        }
        shortage
    }

    fn difference(&self, part: &UploadedPart) -> Option<String> {
        let size = self.plan.part(part.number).length;
        if part.size != size {
            return Some(format!("it has {} bytes, and not {size}", part.size));
        }
        let (stored, wanted) = (part.checksum?, *self.part_checksums.get(&part.number)?);
        (stored != wanted).then(|| {
            let (stored, wanted) = (stored.to_base64(), wanted.to_base64());
            format!("its CRC64NVME is {stored}, and not {wanted}")
        })
    }

    fn complete(&self) -> Operation {
        let parts = self.listed.range(..=self.last()).map(|(number, part)| CompletedPart {
            number: *number,
            etag: part.etag.clone(),
            checksum: self.checksum_of(part),
        });
        Operation::CompleteMultipartUpload {
            upload_id: self.upload_id.clone(),
            parts: parts.collect::<Arc<[CompletedPart]>>(),
            checksum: self.whole,
            size: self.plan.size(),
        }
    }

    fn checksum_of(&self, part: &UploadedPart) -> Option<Crc64Nvme> {
        let known = self.part_checksums.get(&part.number).copied().or(part.checksum);
        known.filter(|_| self.has_checksums)
    }

    fn completed(
        &mut self,
        etag: Option<ETag>,
        checksum: Option<Crc64Nvme>,
    ) -> Option<Call<CompleteStep>> {
        match (checksum, self.whole) {
            (Some(stored), Some(whole)) if stored != whole => {
                self.end(Completion::Differs(other_checksum(stored, whole)))
            }
            (None, Some(_)) => Some(self.look(Doubt::Unchecked(etag))),
            _ => self.end(Completion::Completed { etag, checksum, by_comparison: false }),
        }
    }

    fn look(&mut self, doubt: Doubt) -> Call<CompleteStep> {
        self.doubt = Some(doubt);
        self.call(CompleteStep::Look, Operation::HeadObject)
    }

    /// What follows from a look at the object; `None` where it could not be had.
    fn looked(&mut self, head: Option<ObjectHead>, is_absent: bool) -> Option<Call<CompleteStep>> {
        let doubt = self.doubt.clone()?;
        let look = head.as_ref().map(|head| self.judge(head));
        let (etag, checksum) = head.map_or((None, None), |head| (head.etag, head.checksum));
        let completion = match (doubt, look) {
            (Doubt::Unchecked(said), Some(Look::TheFile | Look::Unsure) | None) => {
                Completion::Completed { etag: said.or(etag), checksum, by_comparison: false }
            }
            (Doubt::Unchecked(_), Some(Look::Other(how))) => Completion::Differs(how),
            (_, Some(Look::TheFile)) => {
                Completion::Completed { etag, checksum, by_comparison: true }
            }
            (Doubt::Gone(_), Some(Look::Other(_))) => Completion::Gone,
            (Doubt::Gone(_), None) if is_absent => Completion::Gone,
            (Doubt::Lost(failure), look) => {
                // The object may yet come.
                let may_come = is_absent || matches!(look, Some(Look::Other(_)));
                if let Some(pause) = LOOK_PAUSES.get(self.looks).filter(|_| may_come) {
                    self.looks += 1;
                    let call = self.call(CompleteStep::Look, Operation::HeadObject);
                    return Some(Call { pause: *pause, ..call });
                }
                Completion::Unknown(failure)
            }
            (Doubt::Gone(failure), _) => Completion::Unknown(failure),
        };
        self.end(completion)
    }

    fn judge(&self, head: &ObjectHead) -> Look {
        let size = self.plan.size();
        if head.size != size {
            return Look::Other(format!("it has {} bytes, and not {size}", head.size));
        }
        if let (Some(stored), Some(whole)) = (head.checksum, self.whole) {
            let is_same = stored == whole;
            let other = || Look::Other(other_checksum(stored, whole));
            return if is_same { Look::TheFile } else { other() };
        }
        // Only what was listed here can be reckoned with.
        let parts = self.listed.range(..=self.last()).map(|(_, part)| &part.etag);
        let reckoned = multipart_etag(parts).filter(|_| !self.listed.is_empty());
        match (reckoned, &head.etag) {
            (Some(reckoned), Some(etag)) if reckoned == etag.bare() => Look::TheFile,
            _ => Look::Unsure,
        }
    }

    fn failed(&mut self, step: CompleteStep, failure: Failure) -> Option<Call<CompleteStep>> {
        match step {
            CompleteStep::List(_) if self.completion.is_some() => None,
            CompleteStep::List(_) if failure.says_no_such_upload() => {
                if self.doubt.is_some() {
                    return None;
                }
                self.pages_begun = self.pages.len();
                Some(self.look(Doubt::Gone(failure)))
            }
            // An attempt before the last may have done it.
            CompleteStep::Complete
                if failure.ambiguous || failure.says_no_such_upload() || failure.attempt > 1 =>
            {
                Some(self.look(Doubt::Lost(failure)))
            }
            CompleteStep::List(_) | CompleteStep::Complete => self.end(Completion::Failed(failure)),
            CompleteStep::Look => self.looked(None, failure.status() == Some(404)),
        }
    }
}

fn other_checksum(stored: Crc64Nvme, whole: Crc64Nvme) -> String {
    format!("its CRC64NVME is {}, and not {}", stored.to_base64(), whole.to_base64())
}

impl Script for Completing {
    type Tag = CompleteStep;

    fn next(&mut self) -> Option<Call<CompleteStep>> {
        let after = *self.pages.get(self.pages_begun)?;
        let tag = CompleteStep::List(self.pages_begun);
        self.pages_begun += 1;
        let upload_id = self.upload_id.clone();
        Some(self.call(tag, Operation::ListParts { upload_id, after }))
    }

    fn answered(
        &mut self,
        tag: &CompleteStep,
        result: Result<Reply, Failure>,
    ) -> Option<Call<CompleteStep>> {
        match (*tag, result) {
            (step, Err(failure)) => self.failed(step, failure),
            (CompleteStep::List(index), Ok(Reply::Parts(page))) => self.take(index, page),
            (CompleteStep::Complete, Ok(Reply::Completed { etag, checksum })) => {
                self.completed(etag, checksum)
            }
            (CompleteStep::Look, Ok(Reply::Head(head))) => self.looked(Some(head), false),
            (step, Ok(reply)) => unreachable!("{reply:?} is no reply to {step:?}"),
        }
    }
}
