//! The nouns of the model: what is stored, how it is listed, how it is refused. Plain data.

use std::time::Duration;

use super::Content;

/// Headers that belong to an object: names in lower case, with their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(pub Vec<(String, String)>);

impl Settings {
    /// The value of a header, its name in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// A refusal, as S3 words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({status}): {message}")]
pub struct ModelError {
    /// The HTTP status.
    pub status: u16,
    /// S3's code.
    pub code: &'static str,
    /// S3's message.
    pub message: String,
}

/// A stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// The ETag, quotes included.
    pub etag: String,
    /// CRC-64/NVME of the whole object.
    pub crc64nvme: u64,
    /// Parts it was completed from; `None` for a single PUT.
    pub parts: Option<Vec<PartInfo>>,
    /// Whether its upload was begun with a checksum algorithm: only then are its parts told.
    pub tells_parts: bool,
    /// The object's headers.
    pub settings: Settings,
    /// Where its bytes are.
    pub content: Content,
}

/// A stored part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartInfo {
    /// Its number.
    pub number: u32,
    /// Bytes.
    pub size: u64,
    /// The ETag, quotes included.
    pub etag: String,
    /// CRC-64/NVME of the part.
    pub crc64nvme: u64,
}

/// A part as `CompleteMultipartUpload` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletePart {
    /// Its number.
    pub number: u32,
    /// Its ETag, with or without quotes.
    pub etag: String,
    /// Its checksum, compared where given.
    pub crc64nvme: Option<u64>,
}

/// A page of an upload's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<PartInfo>,
    /// The last number of the page where another page follows.
    pub next: Option<u32>,
    /// Whether the upload was begun with a checksum algorithm.
    pub checksum: bool,
    /// The headers the object will have.
    pub settings: Settings,
}

/// An unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInfo {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload id.
    pub upload_id: String,
    /// When it was begun, since the epoch of whoever called.
    pub initiated: Duration,
    /// Parts stored.
    pub parts: usize,
    /// Bytes stored in them.
    pub bytes: u64,
    /// Whether it was begun with a checksum algorithm.
    pub checksum: bool,
    /// The headers the object will have.
    pub settings: Settings,
}

/// A page of a bucket's unfinished uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadsPage {
    /// The uploads, by key, then by when they were begun.
    pub uploads: Vec<UploadInfo>,
    /// Key and upload id of the last one where another page follows.
    pub next: Option<(String, String)>,
}

/// A page of a bucket's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectsPage {
    /// Keys and objects, by key.
    pub objects: Vec<(String, ObjectInfo)>,
    /// The last key where another page follows.
    pub next: Option<String>,
}
