//! Checksums of bytes, in each of S3's algorithms.

use std::fmt;

use crc_fast::CrcAlgorithm;
use md5::Md5;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha256, Sha512};

use super::ChecksumAlgorithm;

/// A checksum under way.
pub struct ContentDigest(State);

enum State {
    Crc(Box<crc_fast::Digest>, usize),
    Hash(Box<dyn DynDigest>),
}

impl ContentDigest {
    /// Before the first byte.
    #[must_use]
    pub fn new(algorithm: ChecksumAlgorithm) -> ContentDigest {
        let crc = |kind| State::Crc(Box::new(crc_fast::Digest::new(kind)), algorithm.length());
        ContentDigest(match algorithm {
            ChecksumAlgorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            ChecksumAlgorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            ChecksumAlgorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            ChecksumAlgorithm::Md5 => State::Hash(Box::new(Md5::default())),
            ChecksumAlgorithm::Sha1 => State::Hash(Box::new(Sha1::default())),
            ChecksumAlgorithm::Sha256 => State::Hash(Box::new(Sha256::default())),
            ChecksumAlgorithm::Sha512 => State::Hash(Box::new(Sha512::default())),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc(digest, _) => digest.update(bytes),
            State::Hash(digest) => digest.update(bytes),
        }
    }

    /// The value, most significant byte first; what comes next is the first byte again.
    pub fn finish(&mut self) -> Vec<u8> {
        match &mut self.0 {
            State::Crc(digest, length) => {
                let value = digest.finalize().to_be_bytes();
                digest.reset();
                value[value.len() - *length..].to_vec()
            }
            State::Hash(digest) => digest.finalize_reset().into_vec(),
        }
    }
}

impl fmt::Debug for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Crc(..) => "ContentDigest(CRC)",
            State::Hash(_) => "ContentDigest(hash)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        // CRC catalogue; RFC 1321, FIPS 180-4 by `printf 123456789 | …sum`.
        for (algorithm, expected) in [
            (ChecksumAlgorithm::Crc64Nvme, "ae8b14860a799888"),
            (ChecksumAlgorithm::Crc32, "cbf43926"),
            (ChecksumAlgorithm::Crc32c, "e3069283"),
            (ChecksumAlgorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (ChecksumAlgorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                ChecksumAlgorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
            (
                ChecksumAlgorithm::Sha512,
                "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a\
                 d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
            ),
        ] {
            let mut digest = ContentDigest::new(algorithm);
            for _ in 0..2 {
                digest.update(b"1234");
                digest.update(b"56789");
                let value = digest.finish();
                assert_eq!(hex::encode(&value), expected, "{}", algorithm.name());
                assert_eq!(value.len(), algorithm.length());
            }
        }
    }
}
