//! The manifest as it stands in its file: JSON, version 1. What is documented here is all there
//! is; a name that is not known is refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::link::LinkJson;
use crate::s3::{Crc64Nvme, PartNumber, UploadId};

/// The whole file.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    /// The version of the format: 1.
    pub(super) curlift_manifest: u32,
    /// Who wrote it, such as `curlift 0.1.0`.
    pub(super) program: String,
    /// When the links were signed: RFC 3339, UTC.
    pub(super) created_at: String,
    /// When the first of the links expires, for people: what counts is what each URL says.
    pub(super) expires_at: String,
    /// The file that is uploaded.
    pub(super) file: FileRecord,
    /// Where it goes.
    pub(super) object: ObjectRecord,
    /// The id of the multipart upload, as S3 gave it.
    pub(super) upload_id: UploadId,
    /// Bytes of each part but the last.
    pub(super) part_size: u64,
    /// Parts of the whole file, also where `parts` has only some of them.
    pub(super) parts_total: u32,
    /// `CRC64NVME`, of type `FULL_OBJECT`, where the upload was created with it; else `null`.
    pub(super) checksum_algorithm: Option<String>,
    /// The checksum of the whole file: eight bytes in base64.
    pub(super) checksum: Option<Crc64Nvme>,
    /// The parts that may be uploaded, in the order of their numbers: all of the file, or a share.
    #[serde(deserialize_with = "bounded")]
    pub(super) parts: Vec<PartRecord>,
    /// The link for `CompleteMultipartUpload`; not in a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) complete: Option<LinkJson>,
    /// The link for `AbortMultipartUpload`; not in a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) abort: Option<LinkJson>,
    /// The link for `HeadObject` of the object; not in a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<LinkJson>,
    /// Links for the pages of `ListParts`, a thousand parts each; all of them or none.
    #[serde(default, deserialize_with = "bounded")]
    pub(super) list: Vec<PageRecord>,
}

/// The file that is uploaded, as it was when the manifest was written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FileRecord {
    /// Its name without folders, for people.
    pub(super) name: String,
    /// Its bytes.
    pub(super) size: u64,
    /// When its contents were last changed: RFC 3339, UTC, to the nanosecond.
    pub(super) modified: String,
}

/// Where the file goes.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ObjectRecord {
    /// The store's URL: scheme, host and port. Every link leads there.
    pub(super) endpoint: String,
    /// How the bucket stands in the URLs.
    pub(super) addressing: AddressingWord,
    /// The region that is signed for.
    pub(super) region: String,
    /// The bucket.
    pub(super) bucket: String,
    /// The key, as it is.
    pub(super) key: String,
}

/// How the bucket stands in a URL.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AddressingWord {
    /// `virtual` on Amazon S3 where its certificate allows, else `path`.
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// A part of the file, and the link for `UploadPart`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartRecord {
    /// Its number, from 1.
    pub(super) number: PartNumber,
    /// Its bytes.
    pub(super) size: u64,
    /// The checksum of its bytes: eight bytes in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) checksum: Option<Crc64Nvme>,
    /// As in a link.
    pub(super) url: String,
    /// As in a link.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
}

/// The link for a page of `ListParts`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageRecord {
    /// The page tells the parts behind this number: 0, 1000, 2000, and so on.
    pub(super) after: u32,
    /// As in a link.
    pub(super) url: String,
    /// As in a link.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
}

/// As many entries as an upload can have parts: no file makes us hold more.
const ENTRIES_MAX: usize = 10_000;

fn bounded<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Vec<T>, D::Error> {
    struct Bounded<T>(std::marker::PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Bounded<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {ENTRIES_MAX} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(entry) = entries.next_element()? {
                if list.len() == ENTRIES_MAX {
                    return Err(serde::de::Error::invalid_length(ENTRIES_MAX + 1, &self));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }
    reader.deserialize_seq(Bounded(std::marker::PhantomData))
}
