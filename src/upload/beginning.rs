//! Where an upload begins: at nothing, at what a journal says, or at an upload made elsewhere; and
//! what becomes of it where it does not end well.

use super::{Resumable, UploadPlan};
use crate::s3::{CompletedPart, Crc64Nvme, UnixTime, UploadId};

/// Where an upload begins.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Beginning {
    /// Nothing of it is at the store.
    #[default]
    Anew,
    /// An earlier run kept a journal of it.
    Resumed(Box<Resumed>),
    /// Somebody created it, and may have sent parts: what lies at the store is compared with the
    /// file and kept where it is the same.
    Adopted(UploadId),
    /// Somebody created it, and cut the file for it as the plan says: what lies at the store
    /// otherwise is sent again.
    Prescribed(UploadId),
}

/// What an earlier run left.
#[derive(Debug, Clone, PartialEq)]
pub struct Resumed {
    /// The upload; `None` where no answer to its creation was recorded.
    pub upload_id: Option<UploadId>,
    /// Whether its parts carry checksums.
    pub checksums: bool,
    /// How the file was cut.
    pub plan: UploadPlan,
    /// The parts that were stored, in order.
    pub parts: Vec<CompletedPart>,
    /// Whether it may have been completed.
    pub completing: bool,
    /// When each creation began that was not answered, by the clock that it was signed with.
    pub creations_lost: Vec<UnixTime>,
    /// What speaks against the file being what was sent; then it is compared with what is stored.
    pub source_differs: Option<String>,
}

impl Resumed {
    /// What `journal` says.
    #[must_use]
    pub fn new(journal: &Resumable, source_differs: Option<String>) -> Resumed {
        Resumed {
            upload_id: journal.upload_id.clone(),
            checksums: journal.checksums,
            plan: journal.plan.clone(),
            parts: journal.parts.clone(),
            completing: journal.completing,
            creations_lost: journal.creations_lost.clone(),
            source_differs,
        }
    }
}

/// What becomes of an upload that fails or is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// It stays at the store, to be gone on with; where nothing of it is worth that, it is aborted.
    #[default]
    Keep,
    /// It is aborted: nothing stays at the store.
    Abort,
    /// It stays, whatever is of it: others have a part in it.
    Leave,
}

/// What follows where the upload that was to be gone on with is no longer at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnGone {
    /// Another one is begun.
    #[default]
    Anew,
    /// The upload fails.
    Fail,
}

/// Checksums of a part as the file has it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartDigest {
    /// CRC64NVME.
    pub crc64nvme: Crc64Nvme,
    /// MD5, which is the part's ETag unless it is encrypted with KMS or with a customer's key.
    pub md5: [u8; 16],
}
