//! What the records of a journal add up to.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::Deserialize;

use super::{Begun, LINE_MAX, Line, Record, SourceIdentity, VERSION, Writer};
use crate::s3::{CompletedPart, Limits, PartNumber, UnixTime, UploadId};
use crate::upload::UploadPlan;

/// An upload that can be gone on with.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumable {
    /// What is uploaded, from where to where.
    pub begun: Box<Begun>,
    /// When it was begun.
    pub begun_at: UnixTime,
    /// How the file is cut by now.
    pub plan: UploadPlan,
    /// The upload; `None` where no answer to its creation was recorded.
    pub upload_id: Option<UploadId>,
    /// Whether its parts carry checksums.
    pub checksums: bool,
    /// The parts that are stored, in order.
    pub parts: Vec<CompletedPart>,
    /// Whether it may have been completed.
    pub completing: bool,
    /// When each creation began that was not answered, by the clock that it was signed with.
    pub creations_lost: Vec<UnixTime>,
    /// Bytes of the journal that are good; what stands behind is to be cut off.
    pub length: u64,
    /// Writes the lines that follow.
    pub writer: Writer,
}

/// Why a journal cannot be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// A newer program wrote it.
    #[error("it is of version {0}, which only a newer curlift reads; this one reads version 1")]
    Newer(u32),
    /// Its first line is not one of ours, or not as it was written.
    #[error("its first line is not what curlift wrote")]
    Damaged,
    /// Its lines are whole and cannot be true together.
    #[error("line {line} cannot be true: {what}")]
    Contradiction {
        /// Which line, from 1.
        line: usize,
        /// Why.
        what: &'static str,
    },
}

/// How far a file can be taken for the one that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsure {
    /// It is the same file, and nothing has changed it.
    Same,
    /// What was sent of it has to be compared: in words what is different.
    Perhaps(String),
    /// It cannot be the same: in words what is different.
    No(String),
}

impl SourceIdentity {
    /// Whether `now` can be the file that this was.
    #[must_use]
    pub fn compare(&self, now: &SourceIdentity) -> Unsure {
        if self.size != now.size {
            let verb = if now.size < self.size { "shrank" } else { "grew" };
            return Unsure::No(format!("it {verb} from {} to {} bytes", self.size, now.size));
        }
        let differences = [
            (self.modified != now.modified, "it was modified since"),
            ((self.device, self.inode) != (now.device, now.inode), "it is another file by now"),
            (self.changed != now.changed, "it or its attributes were changed since"),
        ];
        match differences.into_iter().find(|(differs, _)| *differs) {
            None => Unsure::Same,
            Some((_, how)) => Unsure::Perhaps(how.to_owned()),
        }
    }
}

/// Reads a journal; `None` where nothing had been begun when it broke off.
///
/// # Errors
/// Where it is not ours to go on with.
pub fn read(bytes: &[u8], limits: &Limits) -> Result<Option<Resumable>, JournalError> {
    let mut writer = Writer::default();
    let mut length = 0;
    let mut fold: Option<Fold> = None;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let whole = line.strip_suffix(b"\n").filter(|line| line.len() <= LINE_MAX);
        let json = whole.and_then(|line| writer.accept(line));
        let Some(json) = json else { break };
        let line_number = index + 1;
        let contradiction = |what| JournalError::Contradiction { line: line_number, what };
        match &mut fold {
            None => fold = Some(Fold::begin(json, limits)?),
            Some(fold) => {
                let line: Line = serde_json::from_slice(json).map_err(|_| {
                    contradiction("it is of a kind that this curlift does not know")
                })?;
                fold.take(line.record, UnixTime(line.at)).map_err(contradiction)?;
            }
        }
        length += line.len() as u64;
    }
    match fold {
        Some(fold) => Ok(Some(fold.end(length, writer))),
        // The very first write was torn: nothing had been asked of the store.
        None if !bytes.contains(&b'\n') => Ok(None),
        None => Err(JournalError::Damaged),
    }
}

/// What is known after some of the lines.
struct Fold {
    limits: Limits,
    begun: Box<Begun>,
    begun_at: UnixTime,
    plan: UploadPlan,
    upload_id: Option<UploadId>,
    checksums: bool,
    parts: BTreeMap<PartNumber, CompletedPart>,
    completing: bool,
    creations: Vec<UnixTime>,
}

impl Fold {
    fn begin(json: &[u8], limits: &Limits) -> Result<Fold, JournalError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let version = serde_json::from_slice::<Version>(json).map_err(|_| JournalError::Damaged)?;
        if version.version > VERSION {
            return Err(JournalError::Newer(version.version));
        }
        let first: Line = serde_json::from_slice(json).map_err(|_| JournalError::Damaged)?;
        let Record::Begun(begun) = first.record else { return Err(JournalError::Damaged) };
        let plan = UploadPlan::restored(begun.source.size, &begun.cuts, limits)
            .ok_or(JournalError::Contradiction { line: 1, what: "no file can be cut so" })?;
        Ok(Fold {
            limits: *limits,
            begun,
            begun_at: UnixTime(first.at),
            plan,
            upload_id: None,
            checksums: false,
            parts: BTreeMap::new(),
            completing: false,
            creations: Vec::new(),
        })
    }

    fn take(&mut self, record: Record, at: UnixTime) -> Result<(), &'static str> {
        match record {
            Record::Begun(_) => return Err("an upload begins once"),
            Record::Creating => self.creations.push(at),
            Record::NotCreated => {
                self.creations.pop().ok_or("nothing was being created")?;
            }
            Record::Created { upload_id, checksums } => {
                self.creations.pop().ok_or("nothing was being created")?;
                self.upload_id = Some(upload_id);
                self.checksums = checksums;
            }
            Record::TakenOver { upload_id, checksums } => {
                self.upload_id = Some(upload_id);
                self.checksums = checksums;
            }
            Record::Part(part) => {
                self.known(part.number)?;
                if self.parts.insert(part.number, part).is_some() {
                    return Err("a part is stored once");
                }
            }
            Record::Lost { number } => {
                self.known(number)?;
                self.parts.remove(&number).ok_or("a part that was never stored was lost")?;
                self.completing = false;
            }
            Record::Recut { first, part_size } => self.recut(first, part_size)?,
            Record::Completing => self.completing = true,
            Record::Anew { cuts } => {
                self.plan = UploadPlan::restored(self.plan.size(), &cuts, &self.limits)
                    .ok_or("no file can be cut so")?;
                self.upload_id = None;
                self.parts.clear();
                self.completing = false;
            }
            Record::Swept => self.creations.clear(),
        }
        Ok(())
    }

    fn known(&self, number: PartNumber) -> Result<(), &'static str> {
        let exists = number.index() < self.plan.parts() && self.upload_id.is_some();
        exists.then_some(()).ok_or("the upload has no such part")
    }

    fn recut(&mut self, first: u32, part_size: u64) -> Result<(), &'static str> {
        let behind = NonZeroU32::MIN.saturating_add(first);
        if self.parts.range(PartNumber(behind)..).next().is_some() {
            return Err("a part that is stored cannot be cut anew");
        }
        let mut cuts = self.plan.cuts();
        cuts.retain(|(start, _)| *start < first);
        cuts.push((first, part_size));
        self.plan = UploadPlan::restored(self.plan.size(), &cuts, &self.limits)
            .ok_or("no file can be cut so")?;
        Ok(())
    }

    fn end(self, length: u64, writer: Writer) -> Resumable {
        Resumable {
            begun: self.begun,
            begun_at: self.begun_at,
            plan: self.plan,
            upload_id: self.upload_id,
            checksums: self.checksums,
            parts: self.parts.into_values().collect(),
            completing: self.completing,
            creations_lost: self.creations,
            length,
            writer,
        }
    }
}

impl Resumable {
    /// Bytes of the parts that are stored.
    #[must_use]
    pub fn bytes_stored(&self) -> u64 {
        self.parts.iter().map(|part| self.plan.part(part.number).length).sum()
    }
}
