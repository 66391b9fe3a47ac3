//! What the model keeps of a body: its size, its digests and where its bytes are. Pure: a
//! [`Content`] is plain data, and nothing here opens a file.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use md5::{Digest as _, Md5};

/// A body that was received whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Bytes.
    pub size: u64,
    /// MD5 of the bytes.
    pub md5: [u8; 16],
    /// CRC-64/NVME of the bytes.
    pub crc64nvme: u64,
    /// Where the bytes are.
    pub content: Content,
}

impl Blob {
    /// A blob that holds `bytes` in memory.
    #[must_use]
    pub fn memory(bytes: impl Into<Arc<[u8]>>) -> Blob {
        let bytes = bytes.into();
        let mut digester = Digester::new();
        digester.update(&bytes);
        digester.finish(Content::Memory(bytes))
    }

    /// A blob that knows the digests of `bytes` and has forgotten the bytes.
    #[must_use]
    pub fn discarded(bytes: &[u8]) -> Blob {
        let mut digester = Digester::new();
        digester.update(bytes);
        digester.finish(Content::Discarded)
    }
}

/// Where the bytes of a body are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In memory.
    Memory(Arc<[u8]>),
    /// In a file of their own.
    File(PathBuf),
    /// One after the other: an object completed from parts.
    Parts(Vec<Content>),
    /// Nowhere: only the digests were kept.
    Discarded,
}

impl Content {
    /// The files among the contents, in order.
    pub fn files(self) -> Vec<PathBuf> {
        match self {
            Content::File(path) => vec![path],
            Content::Parts(parts) => parts.into_iter().flat_map(Content::files).collect(),
            Content::Memory(_) | Content::Discarded => Vec::new(),
        }
    }
}

/// Size and digests of a body as it passes.
#[derive(Debug)]
pub struct Digester {
    size: u64,
    md5: Md5,
    crc: Crc,
}

impl Default for Digester {
    fn default() -> Self {
        Digester::new()
    }
}

impl Digester {
    /// Nothing has passed yet.
    #[must_use]
    pub fn new() -> Digester {
        Digester { size: 0, md5: Md5::new(), crc: Crc::new(CrcAlgorithm::Crc64Nvme) }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.md5.update(bytes);
        self.crc.update(bytes);
    }

    /// Bytes that have passed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The blob, its bytes being where `content` says.
    #[must_use]
    pub fn finish(self, content: Content) -> Blob {
        Blob {
            size: self.size,
            md5: self.md5.finalize().into(),
            crc64nvme: self.crc.finalize(),
            content,
        }
    }
}

/// The ETag of bytes stored by one request: their MD5 in quotes.
#[must_use]
pub fn etag(md5: [u8; 16]) -> String {
    format!("\"{}\"", hex::encode(md5))
}

/// The ETag of an object completed from parts: the MD5 of the parts' MD5s, and their number.
#[must_use]
pub fn etag_of_parts(md5s: &[[u8; 16]]) -> String {
    let md5 = Md5::digest(md5s.concat());
    format!("\"{}-{}\"", hex::encode(md5), md5s.len())
}

/// The CRC-64/NVME of bytes one after the other, from the value and length of each piece.
#[must_use]
pub fn crc_of_parts(parts: impl IntoIterator<Item = (u64, u64)>) -> u64 {
    parts.into_iter().fold(0, |crc, (next, length)| {
        crc_fast::checksum_combine(CrcAlgorithm::Crc64Nvme, crc, next, length)
    })
}

/// A CRC-64/NVME as S3's headers write it: base64 of the eight bytes, highest first.
#[must_use]
pub fn crc_text(crc64nvme: u64) -> String {
    STANDARD.encode(crc64nvme.to_be_bytes())
}

/// Reads what [`crc_text`] writes; `None` if it is anything else.
#[must_use]
pub fn crc_value(text: &str) -> Option<u64> {
    let bytes = STANDARD.decode(text).ok()?;
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        // The check value of the CRC catalogue, and OpenSSL's MD5.
        let blob = Blob::discarded(b"123456789");
        assert_eq!(blob.crc64nvme, 0xae8b_1486_0a79_9888);
        assert_eq!(etag(blob.md5), "\"25f9e794323b453885f5181f1b624d0b\"");
        assert_eq!(crc_text(Blob::discarded(b"Hello world").crc64nvme), "OOJZ0D8xKts=");
    }

    #[test]
    fn the_crc_of_parts_is_the_crc_of_the_whole() {
        let whole = Blob::discarded(b"abcdefghij").crc64nvme;
        for cut in 0..=10 {
            let (a, b) = b"abcdefghij".split_at(cut);
            let parts = [a, b].map(|p| (Blob::discarded(p).crc64nvme, p.len() as u64));
            assert_eq!(crc_of_parts(parts), whole, "cut at {cut}");
        }
    }

    #[test]
    fn a_crc_is_read_as_it_is_written() {
        assert_eq!(crc_value(&crc_text(0xae8b_1486_0a79_9888)), Some(0xae8b_1486_0a79_9888));
        assert_eq!(crc_value("AAAA"), None);
        assert_eq!(crc_value("not base64!"), None);
    }

    #[test]
    fn the_etag_of_parts_counts_them() {
        let parts = [Blob::discarded(b"a").md5, Blob::discarded(b"b").md5];
        // hashlib.md5(md5(b"a").digest() + md5(b"b").digest()) of Python.
        assert_eq!(etag_of_parts(&parts), "\"96e024ba2074fe77e8e965ba43a704be-2\"");
    }
}
