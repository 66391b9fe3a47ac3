//! The journal of one multipart upload: what must be known to go on after a crash, as a list of
//! records, one line each. What they add up to is [`Resumable`].
//!
//! A line is `SUM JSON`: the sum covers the line and, by way of the sum before it, all lines above.
//! So a torn tail, a flipped bit, a block of zeros and a block that stands there twice all end the
//! journal where they begin, and what stands before them counts.

mod resume;

use serde::{Deserialize, Serialize};

pub use self::resume::{JournalError, Resumable, Unsure, read};
use super::UploadPlan;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::{CompletedPart, Crc64Nvme, PartNumber, UnixTime, UploadId};

/// The version of the format that is written. What is newer is not read.
const VERSION: u32 = 1;
/// Bytes of the longest line that is read: user metadata are 2 KiB at most, names 4 KiB.
const LINE_MAX: usize = 256 << 10;

/// One step of an upload that a later run has to know of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case", deny_unknown_fields)]
pub enum Record {
    /// What is uploaded, from where to where; always the first.
    Begun(Box<Begun>),
    /// An upload is about to be created: from now on the store may have one.
    Creating,
    /// It was not: the store said so, or was never reached.
    NotCreated,
    /// It was.
    Created {
        /// The id S3 gave it.
        upload_id: UploadId,
        /// Whether its parts carry CRC64NVME checksums.
        checksums: bool,
    },
    /// An upload that somebody else created is gone on with.
    TakenOver {
        /// Its id.
        upload_id: UploadId,
        /// Whether its parts carry CRC64NVME checksums.
        checksums: bool,
    },
    /// A part is stored.
    Part(CompletedPart),
    /// The store does not have this part after all.
    Lost {
        /// Which.
        number: PartNumber,
    },
    /// The parts from index `first` on are cut anew.
    Recut {
        /// Index of the first of them.
        first: u32,
        /// Their size in bytes.
        part_size: u64,
    },
    /// The upload is about to be completed: from now on the store may have the object.
    Completing,
    /// The upload is gone at the store; another one is begun, cut so.
    Anew {
        /// As [`UploadPlan::cuts`] gives it.
        cuts: Vec<(u32, u64)>,
    },
    /// Uploads whose creation was not answered were looked for.
    Swept,
}

/// What is uploaded, from where to where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// The version of the format.
    pub version: u32,
    /// Who wrote it.
    pub program: String,
    /// The file.
    pub source: SourceIdentity,
    /// Where it goes.
    pub target: Target,
    /// Headers of the object, names and values.
    pub settings: Vec<(String, String)>,
    /// How the file is cut, as [`UploadPlan::cuts`] gives it.
    pub cuts: Vec<(u32, u64)>,
}

/// Where an upload goes, as it must be known to go there again. No keys: they come from where they
/// come from on that day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The store's URL; `None` for Amazon S3 in that region.
    pub endpoint: Option<String>,
    /// `auto`, `path` or `virtual`.
    pub addressing: String,
    /// The region that is signed for.
    pub region: String,
    /// The profile of the AWS files, where one was named.
    pub profile: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The manifest of presigned URLs that it goes by, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

/// What tells whether a file is still the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceIdentity {
    /// Its path, absolute.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// When its contents were last changed: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// When anything of it was last changed; cannot be put back.
    pub changed: (i64, i64),
    /// The device it is on.
    pub device: u64,
    /// Its number there.
    pub inode: u64,
}

impl Begun {
    /// What is uploaded now, by this program.
    #[must_use]
    pub fn new(
        source: SourceIdentity,
        target: Target,
        settings: Vec<(String, String)>,
        plan: &UploadPlan,
    ) -> Begun {
        let program = concat!("curlift ", env!("CARGO_PKG_VERSION")).to_owned();
        Begun { version: VERSION, program, source, target, settings, cuts: plan.cuts() }
    }
}

impl Record {
    /// Whether it must be on the disk before anything follows from it: without it a later run would
    /// not know what the store may have.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        // What is lost of all others is found again at the store, or sent again.
        !matches!(self, Record::Part(_) | Record::NotCreated | Record::Swept)
    }
}

/// A line as it stands in the file.
#[derive(Serialize, Deserialize)]
struct Line {
    at: i64,
    #[serde(flatten)]
    record: Record,
}

/// Writes lines, each summed over all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer {
    sum: Crc64Nvme,
}

impl Default for Writer {
    /// At the beginning of a journal.
    fn default() -> Writer {
        Writer { sum: Crc64Nvme::of(b"curlift journal") }
    }
}

impl Writer {
    /// The next line, its end included.
    ///
    /// # Panics
    /// Never: a record has no map with keys that are not text.
    pub fn line(&mut self, record: &Record, at: UnixTime) -> Vec<u8> {
        let line = Line { at: at.0, record: record.clone() };
        let json = serde_json::to_string(&line).expect("a record is plain data");
        self.sum = self.sum_with(json.as_bytes());
        format!("{:016x} {json}\n", self.sum.0).into_bytes()
    }

    fn sum_with(self, json: &[u8]) -> Crc64Nvme {
        let mut hasher = Crc64NvmeHasher::new();
        hasher.update(&self.sum.0.to_be_bytes());
        hasher.update(json);
        hasher.value()
    }

    /// The JSON of the next line, where it is whole and follows on those before.
    fn accept<'a>(&mut self, line: &'a [u8]) -> Option<&'a [u8]> {
        let (sum, json) = line.split_at_checked(17)?;
        let sum = std::str::from_utf8(sum).ok()?.strip_suffix(' ')?;
        let sum = Crc64Nvme(u64::from_str_radix(sum, 16).ok()?);
        (sum == self.sum_with(json)).then(|| {
            self.sum = sum;
            json
        })
    }
}
