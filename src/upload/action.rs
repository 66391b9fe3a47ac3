//! What passes between the engine and the world: actions out, events in, notices for the user.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::journal::Record;
use super::{CutPattern, Diagnosis, Failure, Manner, PartDigest, PartRange, Symptom, UploadPlan};
use crate::http::{ConnectionWanted, Report};
use crate::s3::payload::PayloadMode;
use crate::s3::{Crc64Nvme, ETag, LinkedCall, Links, Operation, PartNumber, UnixTime, UploadId};
use crate::time::ClockOffset;

/// Names one attempt within a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

/// One request of ours for one operation. libcurl may send it more than once.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its name.
    pub id: AttemptId,
    /// Which attempt of this operation it is, from 1; those that did not count share a number.
    pub number: u32,
    /// Whether it is the very first attempt.
    pub is_first: bool,
    /// What to ask.
    pub operation: Operation,
    /// Where to, dated how, with which keys and framing.
    pub manner: Manner,
    /// Over which connection.
    pub connection: ConnectionWanted,
    /// Whether to ask for `100 Continue` before the body is sent: the last body was sent in vain,
    /// and what the store has to say is to be heard before more is.
    pub expect_continue: bool,
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Sign and send; answered by [`Event::Finished`] unless cancelled.
    Send(Attempt),
    /// Stop an attempt; nothing more is heard of it.
    Cancel(AttemptId),
    /// Get fresh keys; answered by [`Event::KeysRenewed`].
    RenewKeys,
    /// Get fresh presigned URLs, in the place of these; answered by [`Event::LinksRenewed`].
    RenewLinks(LinksWanted, Arc<Links>),
    /// Append this to the journal, before anything that follows is carried out; dated by the
    /// store's clock, which is ahead by so much.
    Record(Record, ClockOffset),
    /// Remove the journal: nothing is left to go on with.
    Forget,
    /// Read this part of the file and sum it; answered by [`Event::Examined`].
    Examine(PartRange),
    /// Tell the user.
    Notice(Box<Notice>),
}

/// Presigned URLs that are to be renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinksWanted {
    /// Of which calls: those that are still to be made.
    pub calls: Vec<LinkedCall>,
    /// Whether one of them has expired, or was refused as expired; else they soon will.
    pub expired: bool,
}

/// What happened in the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// An attempt ended.
    Finished {
        /// Which.
        attempt: AttemptId,
        /// All that was learnt.
        report: Report,
        /// The checksum of the body's file bytes as they left, where one was computed.
        checksum: Option<Crc64Nvme>,
        /// By how much the store's clock is ahead of the one that signatures are dated by, as far
        /// as this answer tells.
        clock: Option<ClockOffset>,
    },
    /// The keys were renewed, and when the fresh ones end where that is known; or why they could
    /// not be.
    KeysRenewed(Result<Option<UnixTime>, String>),
    /// Presigned URLs were renewed, or why they could not be.
    LinksRenewed(Result<Links, String>),
    /// An attempt moved on.
    Progress(Progress),
    /// A part of the file was read, and has these checksums.
    Examined {
        /// Which.
        part: PartNumber,
        /// What was found.
        digest: PartDigest,
    },
    /// The source is no longer what it was at the start.
    SourceChanged(SourceChange),
    /// More of a stream was read.
    Input {
        /// Its bytes so far.
        size: u64,
        /// Whether that is all.
        ended: bool,
    },
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which attempt.
    pub attempt: AttemptId,
    /// Bytes of the body that have left this machine.
    pub body_sent: u64,
    /// Changes whenever anything moved, in either direction; its size means nothing.
    pub activity: u64,
}

/// Why the source is not what it was, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceChange {
    /// It differs from what it was at the start.
    Changed(String),
    /// It cannot be read any more.
    Unreadable(String),
    /// It is not what the upload was begun with that was to be gone on with.
    AnotherFile(String),
    /// A stream is not what it should be, or cannot be taken in.
    Stream {
        /// What is the matter.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl fmt::Display for SourceChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceChange::Changed(how) => write!(f, "the file changed while it was sent: {how}"),
            SourceChange::AnotherFile(how) => {
                write!(
                    f,
                    "the upload that was begun earlier is not of this file as it is now: {how}"
                )
            }
            SourceChange::Unreadable(why) => write!(f, "the file can no longer be read: {why}"),
            SourceChange::Stream { what, .. } => f.write_str(what),
        }
    }
}

/// What the user wants while a run is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Send nothing more; what is worth it is kept to be gone on with.
    Stop,
}

/// What the user may want to know, as it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// The plan that is carried out.
    Planned(UploadPlan),
    /// S3 gave the upload an id.
    UploadCreated(UploadId),
    /// A part is stored.
    PartStored {
        /// Which.
        part: PartRange,
        /// Attempts it took.
        attempts: u32,
        /// Its ETag.
        etag: ETag,
    },
    /// An attempt failed and is tried again.
    Retrying {
        /// Why.
        failure: Failure,
        /// How long from now.
        delay: Duration,
    },
    /// Why attempts fail has become clear.
    Diagnosed(Diagnosis),
    /// An upload is gone on with: what the store has of it is asked for.
    Resuming(UploadId),
    /// So much of it need not be sent again.
    Reused {
        /// Parts.
        parts: u32,
        /// Bytes.
        bytes: u64,
    },
    /// The store may not be asked which parts it has: the journal's word is taken.
    Unlisted(Failure),
    /// The upload that was to be gone on with is no longer there; another one is begun.
    Gone(UploadId),
    /// The upload stays at the store, to be gone on with.
    Kept(UploadId),
    /// The journal can no longer be written, and why: a later run would not know of what follows.
    JournalLost(String),
    /// All parts are stored.
    Completing,
    /// The outcome is not known; the stored object is compared.
    Verifying(Failure),
    /// The upload is given up and its parts are freed.
    Aborting(UploadId),
    /// The upload could not be given up: its parts stay and are billed.
    LeftBehind {
        /// The upload; `None` where S3's answer to its creation was lost.
        upload_id: Option<UploadId>,
        /// Why; `None` where parts kept landing behind every abort.
        failure: Option<Failure>,
    },
    /// The bucket is elsewhere; all further requests go there.
    Redirected {
        /// Its address from now on.
        to: String,
        /// The region to sign for, where it is another.
        region: Option<String>,
    },
    /// The clocks differ; signatures are dated by the store's from now on.
    ClockLearnt(ClockOffset),
    /// The keys have expired; fresh ones are being fetched.
    RenewingKeys,
    /// Fresh keys are there, or why they are not.
    KeysRenewed(Result<(), String>),
    /// Presigned URLs end: so many fresh ones are being asked for.
    RenewingLinks(usize),
    /// So many fresh ones are there, or why they are not.
    LinksRenewed(Result<usize, String>),
    /// The store does not take checksums as they were sent.
    ChecksumsAdapted {
        /// How file bytes travel from now on.
        payload: PayloadMode,
        /// What the store said.
        because: Failure,
    },
    /// Fewer attempts may be in flight.
    Slowed {
        /// So many so far.
        from: u32,
        /// So many from now on.
        to: u32,
        /// Why.
        because: Failure,
    },
    /// The parts not yet sent are made smaller.
    Recut {
        /// What the cut connections have in common.
        pattern: CutPattern,
        /// Bytes of a part so far.
        from: u64,
        /// Bytes of a part from now on.
        to: u64,
        /// Parts of the plan, as it is now.
        parts: u32,
    },
    /// The store has other bytes in so many parts than it was sent last: they are sent again.
    Repairing {
        /// How many.
        parts: u32,
    },
    /// A part that takes long is sent a second time.
    Hedged(PartRange),
    /// Uploads whose creation was not answered are looked for.
    Searching,
    /// Such an upload was found and given up.
    Discarded(UploadId),
    /// Numbers for a progress display.
    Moved(Snapshot),
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Bytes of the file; of a stream, those that are expected, else those of the parts that have
    /// been read.
    pub bytes_total: u64,
    /// Whether nobody knows how much of a stream is still to come.
    pub is_endless: bool,
    /// Bytes in parts that are stored.
    pub bytes_stored: u64,
    /// Bytes of attempts in flight that have left this machine.
    pub bytes_in_flight: u64,
    /// Parts of the plan; 1 for a single PUT.
    pub parts_total: u32,
    /// Parts stored.
    pub parts_stored: u32,
    /// Attempts in flight.
    pub in_flight: u32,
    /// Attempts that may be in flight now.
    pub in_flight_max: u32,
    /// Attempts that may be in flight where nothing is in the way.
    pub concurrency: u32,
    /// Retries so far.
    pub retries: u32,
    /// Of these, for throttling.
    pub throttled: u32,
}

/// What a run cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Requests of ours.
    pub attempts: u32,
    /// Retries by what made them necessary.
    pub retries: BTreeMap<Symptom, u32>,
    /// Body bytes sent, framing and repetitions included.
    pub bytes_sent: u64,
    /// Requests that libcurl repeated by itself.
    pub rewinds: u32,
    /// Connections opened.
    pub connections: u32,
    /// Parts stored (1 for a single PUT), those of earlier runs included.
    pub parts: u32,
    /// Parts of earlier runs.
    pub parts_reused: u32,
    /// Bytes of these.
    pub bytes_reused: u64,
    /// Uploads that may have been left at the store.
    pub left_behind: u32,
    /// Parts that were sent a second time because the first took long.
    pub hedges: u32,
    /// The fewest attempts that were allowed in flight at any time, and at the end.
    pub in_flight_max: (u32, u32),
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The object is stored, whole.
    Uploaded(Uploaded),
    /// The parts that are this run's are stored; others are somebody else's to send, and the upload
    /// is to be completed.
    PartsStored,
    /// The object is not stored.
    Failed(Failure),
    /// S3 may have stored the object: its answer was lost and cannot be reconstructed.
    Unknown(Failure),
    /// The user stopped it.
    Stopped,
}

/// The object as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its ETag, where the store told.
    pub etag: Option<ETag>,
    /// The CRC64NVME of the bytes that were sent, where one was computed.
    pub checksum: Option<Crc64Nvme>,
    /// The upload's id, where it was a multipart upload.
    pub upload_id: Option<UploadId>,
    /// Whether success was established by comparison, S3's own answer having been lost.
    pub by_comparison: bool,
}

impl Attempt {
    /// The part it sends, where it sends one.
    #[must_use]
    pub fn part(&self) -> Option<PartNumber> {
        match &self.operation {
            Operation::UploadPart { number, .. } => Some(*number),
            _ => None,
        }
    }
}
