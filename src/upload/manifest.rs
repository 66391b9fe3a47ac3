//! The manifest of a multipart upload by presigned URLs: all that a client without keys needs to
//! upload a file, or a share of its parts, as one JSON file. `document` says what stands in it.
//!
//! It comes from strangers: nothing of it is believed that can be checked, and every link leads to
//! the object that the manifest names.

mod checking;
mod document;
mod error;
pub(in crate::upload) mod link;
mod reading;
mod shares;
#[cfg(test)]
pub(in crate::upload) mod tests;
mod times;
mod writing;

use std::collections::BTreeMap;
use std::fmt;

pub use self::error::ManifestError;
use super::UploadPlan;
use crate::s3::{
    Addressing, Crc64Nvme, Endpoint, LinkedCall, Links, Object, PartNumber, UnixTime, UploadId,
};

/// Parts of each page of `ListParts`: where pages begin is signed.
const PAGE_PARTS: u32 = 1000;
/// The longest manifest that is read or written, in bytes.
pub const MANIFEST_LENGTH_MAX: usize = 64 << 20;

/// A multipart upload by presigned URLs, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Who wrote it.
    pub(super) program: String,
    pub(super) created_at: UnixTime,
    pub(super) file: ManifestFile,
    pub(super) destination: ManifestDestination,
    pub(super) upload_id: UploadId,
    pub(super) plan: UploadPlan,
    pub(super) checksums: ManifestChecksums,
    /// The parts that may be uploaded.
    pub(super) parts: BTreeMap<PartNumber, Option<Crc64Nvme>>,
    pub(super) links: Links,
}

/// The file that a manifest was written for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Its name without folders, for people: whoever wrote the manifest chose it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// When its contents were last changed: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

/// Where the file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDestination {
    /// The store.
    pub endpoint: Endpoint,
    /// How the bucket stands in the URLs, as `endpoint` was made with it.
    pub addressing: Addressing,
    /// The region that is signed for.
    pub region: String,
    /// Bucket and key.
    pub object: Object,
}

/// Which checksums the upload was created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ManifestChecksums {
    /// None.
    None,
    /// CRC64NVME of parts and object (`FULL_OBJECT`), and its value for the whole file, where it
    /// was known.
    Crc64Nvme(Option<Crc64Nvme>),
}

/// What a new manifest is made of.
#[derive(Debug)]
pub struct ManifestInput<'a> {
    /// When the links were signed.
    pub created_at: UnixTime,
    /// The file.
    pub file: ManifestFile,
    /// Where it goes.
    pub destination: ManifestDestination,
    /// The upload.
    pub upload_id: UploadId,
    /// How the file is cut: parts of one size.
    pub plan: UploadPlan,
    /// Which checksums the upload was created with.
    pub checksums: ManifestChecksums,
    /// The checksum of each part of the plan, in order; empty where they are not known.
    pub part_checksums: &'a [Crc64Nvme],
    /// A link for each part, and for what else may be done.
    pub links: Links,
}

impl Manifest {
    /// The manifest of an upload that has just been created: all its parts.
    #[must_use]
    pub fn new(input: ManifestInput<'_>) -> Manifest {
        let numbers = (0..input.plan.parts()).map(PartNumber::from_index);
        let checksum = |number: PartNumber| input.part_checksums.get(number.index() as usize);
        Manifest {
            program: concat!("curlift ", env!("CARGO_PKG_VERSION")).to_owned(),
            created_at: input.created_at,
            file: input.file,
            destination: input.destination,
            upload_id: input.upload_id,
            checksums: input.checksums,
            parts: numbers.map(|number| (number, checksum(number).copied())).collect(),
            plan: input.plan,
            links: input.links,
        }
    }

    /// The links: for each part that may be uploaded, and for what else may be done.
    #[must_use]
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// How the whole file is cut.
    #[must_use]
    pub fn plan(&self) -> &UploadPlan {
        &self.plan
    }

    /// The parts that may be uploaded, in order, where they are not all of the file.
    #[must_use]
    pub fn share(&self) -> Option<Vec<PartNumber>> {
        let is_whole = self.parts.len() == self.plan.parts() as usize;
        (!is_whole).then(|| self.parts.keys().copied().collect())
    }

    /// The id of the upload.
    #[must_use]
    pub fn upload_id(&self) -> &UploadId {
        &self.upload_id
    }

    /// Where the file goes.
    #[must_use]
    pub fn destination(&self) -> &ManifestDestination {
        &self.destination
    }

    /// Bucket and key.
    #[must_use]
    pub fn object(&self) -> &Object {
        &self.destination.object
    }

    /// The store.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.destination.endpoint
    }

    /// The region that is signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.destination.region
    }

    /// The file as it was when the manifest was written.
    #[must_use]
    pub fn file(&self) -> &ManifestFile {
        &self.file
    }

    /// Whether the upload was created with CRC64NVME checksums (`FULL_OBJECT`).
    #[must_use]
    pub fn has_checksums(&self) -> bool {
        matches!(self.checksums, ManifestChecksums::Crc64Nvme(_))
    }

    /// The checksum of the whole file, where it is known.
    #[must_use]
    pub fn checksum(&self) -> Option<Crc64Nvme> {
        match self.checksums {
            ManifestChecksums::None => None,
            ManifestChecksums::Crc64Nvme(checksum) => checksum,
        }
    }

    /// The checksum of part `number`, where it is known.
    #[must_use]
    pub fn part_checksum(&self, number: PartNumber) -> Option<Crc64Nvme> {
        self.parts.get(&number).copied().flatten()
    }

    /// When the links were signed.
    #[must_use]
    pub fn created_at(&self) -> UnixTime {
        self.created_at
    }

    /// When the first of the links expires.
    ///
    /// # Panics
    /// Never: a manifest has at least one part.
    #[must_use]
    pub fn expires_at(&self) -> UnixTime {
        self.links.first_end(|_| true).expect("a manifest has at least one part")
    }

    /// Whether it has a link for `call`.
    #[must_use]
    pub fn allows(&self, call: LinkedCall) -> bool {
        self.links.get(call).is_some()
    }
}

/// Where a page of `ListParts` begins, as its link is kept: `None` for the first.
fn page_start(after: u32) -> Option<PartNumber> {
    after.checked_sub(1).map(PartNumber::from_index)
}

/// Where each page of `ListParts` begins, for an upload of so many parts.
pub fn list_pages(parts: u32) -> impl Iterator<Item = Option<PartNumber>> {
    page_starts(parts).map(page_start)
}

fn page_starts(parts: u32) -> impl Iterator<Item = u32> {
    (0..parts).step_by(PAGE_PARTS as usize)
}

/// No URL is printed.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("object", &self.destination.object)
            .field("upload_id", &self.upload_id)
            .field("parts", &self.parts.len())
            .field("of", &self.plan.parts())
            .field("until", &self.expires_at().0)
            .finish_non_exhaustive()
    }
}
