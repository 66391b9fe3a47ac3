//! The checksums that S3 can keep of objects and parts, and how it writes them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::http::Headers;

/// An algorithm S3 keeps checksums of (Amazon S3 User Guide, "Checking object integrity"), as far
/// as we can compute it. The strongest evidence stands first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChecksumAlgorithm {
    /// CRC-64/NVME, what S3 computes where it is told nothing.
    Crc64Nvme,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-32, as in zip and Ethernet.
    Crc32,
    /// SHA-1.
    Sha1,
    /// MD5, which an ETag often is.
    Md5,
}

impl ChecksumAlgorithm {
    /// All of them.
    pub const ALL: [ChecksumAlgorithm; 7] = [
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha256,
        ChecksumAlgorithm::Sha512,
        ChecksumAlgorithm::Crc32c,
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Md5,
    ];

    /// S3's name of it; behind `Checksum` the name of its element.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Crc64Nvme => "CRC64NVME",
            ChecksumAlgorithm::Sha256 => "SHA256",
            ChecksumAlgorithm::Sha512 => "SHA512",
            ChecksumAlgorithm::Crc32c => "CRC32C",
            ChecksumAlgorithm::Crc32 => "CRC32",
            ChecksumAlgorithm::Sha1 => "SHA1",
            ChecksumAlgorithm::Md5 => "MD5",
        }
    }

    /// Bytes of a value.
    #[must_use]
    pub fn length(self) -> usize {
        match self {
            ChecksumAlgorithm::Crc32 | ChecksumAlgorithm::Crc32c => 4,
            ChecksumAlgorithm::Crc64Nvme => 8,
            ChecksumAlgorithm::Md5 => 16,
            ChecksumAlgorithm::Sha1 => 20,
            ChecksumAlgorithm::Sha256 => 32,
            ChecksumAlgorithm::Sha512 => 64,
        }
    }

    /// The algorithm of an element such as `ChecksumCRC32C`.
    pub(super) fn of_element(name: &str) -> Option<ChecksumAlgorithm> {
        let name = name.strip_prefix("Checksum")?;
        ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// A checksum that the store keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChecksum {
    /// Of what kind.
    pub algorithm: ChecksumAlgorithm,
    /// Its bytes.
    pub value: Vec<u8>,
    /// Whether it is the checksum of the parts' checksums (`COMPOSITE`), not of the bytes.
    pub is_composite: bool,
}

impl StoredChecksum {
    /// Reads S3's form: base64, and behind a composite one mostly `-` and the number of parts.
    /// `None` where the value is not one of that algorithm.
    pub(super) fn read(algorithm: ChecksumAlgorithm, text: &str) -> Option<StoredChecksum> {
        let text = text.trim();
        let (text, is_composite) = match text.rsplit_once('-') {
            Some((value, parts)) if parts.parse::<u32>().is_ok() => (value, true),
            _ => (text, false),
        };
        let value = BASE64.decode(text).ok()?;
        let is_one = value.len() == algorithm.length();
        is_one.then_some(StoredChecksum { algorithm, value, is_composite })
    }

    /// All that a head tells, the strongest first.
    pub(super) fn of_headers(headers: &Headers) -> Vec<StoredChecksum> {
        let composite = headers.get("x-amz-checksum-type").is_some_and(is_composite);
        let read = |algorithm: ChecksumAlgorithm| {
            let name = format!("x-amz-checksum-{}", algorithm.name().to_ascii_lowercase());
            let mut checksum = StoredChecksum::read(algorithm, headers.get(&name)?)?;
            checksum.is_composite |= composite;
            Some(checksum)
        };
        ChecksumAlgorithm::ALL.into_iter().filter_map(read).collect()
    }
}

impl fmt::Display for StoredChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.value))
    }
}

fn is_composite(kind: &str) -> bool {
    kind.trim().eq_ignore_ascii_case("COMPOSITE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(&str, &str)]) -> Vec<(ChecksumAlgorithm, String, bool)> {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        let seen = StoredChecksum::of_headers(&fields).into_iter();
        seen.map(|stored| (stored.algorithm, stored.to_string(), stored.is_composite)).collect()
    }

    #[test]
    fn the_headers_of_each_algorithm_are_read() {
        for algorithm in ChecksumAlgorithm::ALL {
            let value = BASE64.encode(vec![7; algorithm.length()]);
            let header = format!("X-Amz-Checksum-{}", algorithm.name());
            assert_eq!(of(&[(&header, &value)]), [(algorithm, value.clone(), false)]);
            let composite = format!("{value}-12");
            assert_eq!(of(&[(&header, &composite)]), [(algorithm, value.clone(), true)]);
            let typed = [(header.as_str(), value.as_str()), ("x-amz-checksum-type", "COMPOSITE")];
            assert_eq!(of(&typed), [(algorithm, value.clone(), true)]);
            for wrong in [&value[1..], "", "-", "!", &format!("{value}-x")] {
                assert_eq!(of(&[(&header, wrong)]), [], "{wrong}");
            }
            let element = format!("Checksum{}", algorithm.name());
            assert_eq!(ChecksumAlgorithm::of_element(&element), Some(algorithm));
        }
        assert_eq!(ChecksumAlgorithm::of_element("ChecksumXXHASH3"), None);
        assert_eq!(ChecksumAlgorithm::of_element("CRC32"), None);
    }

    #[test]
    fn the_strongest_stands_first() {
        let both = of(&[
            ("x-amz-checksum-crc32", "AAAAAA=="),
            ("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="),
        ]);
        assert_eq!(both[0].0, ChecksumAlgorithm::Crc64Nvme);
        assert_eq!(both.len(), 2);
    }
}
