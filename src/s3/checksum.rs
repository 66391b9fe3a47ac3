//! CRC64NVME of parts and of whole objects, and the ETag of a multipart upload.
//!
//! The polynomial is NVM Express's, reflected 0x9A6C9329AC4BC9B5; the object's value is reckoned
//! from those of its parts without reading a byte twice (Amazon S3 User Guide, "Checking object
//! integrity", `FULL_OBJECT`). SHA-256 belongs to [`payload`](super::payload).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm::Crc64Nvme as ALGORITHM;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use super::ETag;

/// A CRC64NVME value, the checksum S3 stores for every object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Crc64Nvme(pub u64);

impl Crc64Nvme {
    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Crc64Nvme {
        Crc64Nvme(crc_fast::checksum(ALGORITHM, bytes))
    }

    /// The checksum of this value's bytes followed by `next_length` bytes whose checksum is `next`.
    #[must_use]
    pub fn combine(self, next: Crc64Nvme, next_length: u64) -> Crc64Nvme {
        Crc64Nvme(crc_fast::checksum_combine(ALGORITHM, self.0, next.0, next_length))
    }

    /// As in `x-amz-checksum-crc64nvme`: the eight bytes, most significant first, in base64.
    #[must_use]
    pub fn to_base64(self) -> String {
        BASE64.encode(self.0.to_be_bytes())
    }

    /// Reads the header form; `None` where the text is not eight bytes in base64.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Crc64Nvme> {
        let bytes = BASE64.decode(text).ok()?;
        Some(Crc64Nvme(u64::from_be_bytes(bytes.try_into().ok()?)))
    }
}

impl From<Crc64Nvme> for String {
    fn from(checksum: Crc64Nvme) -> String {
        checksum.to_base64()
    }
}

impl TryFrom<String> for Crc64Nvme {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Crc64Nvme, &'static str> {
        Crc64Nvme::from_base64(&text).ok_or("eight bytes in base64 are expected")
    }
}

/// A CRC64NVME under way.
#[derive(Clone)]
pub struct Crc64NvmeHasher(crc_fast::Digest);

impl Crc64NvmeHasher {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Crc64NvmeHasher {
        Crc64NvmeHasher(crc_fast::Digest::new(ALGORITHM))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The value so far.
    #[must_use]
    pub fn value(&self) -> Crc64Nvme {
        Crc64Nvme(self.0.finalize())
    }
}

impl Default for Crc64NvmeHasher {
    fn default() -> Crc64NvmeHasher {
        Crc64NvmeHasher::new()
    }
}

impl fmt::Debug for Crc64NvmeHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Crc64NvmeHasher").field(&self.value()).finish()
    }
}

/// The ETag S3 gives to an object made of these parts: the MD5 of the parts' MD5s, `-` and their
/// number, without quotes. `None` where a part's ETag is not an MD5 (SSE-KMS, some stores), and
/// where there is no part.
#[must_use]
pub fn multipart_etag<'a>(parts: impl IntoIterator<Item = &'a ETag>) -> Option<String> {
    let mut md5 = Md5::new();
    let mut count = 0_u32;
    for part in parts {
        md5.update(part.md5()?);
        count += 1;
    }
    (count > 0).then(|| format!("{}-{count}", hex::encode(md5.finalize())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One byte at a time, as the definition of the polynomial says: shares nothing with the
    /// library.
    fn bitwise(bytes: &[u8]) -> Crc64Nvme {
        let mut crc = u64::MAX;
        for byte in bytes {
            crc ^= u64::from(*byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ (0x9A6C_9329_AC4B_C9B5 * (crc & 1));
            }
        }
        Crc64Nvme(!crc)
    }

    /// The checksum of `2^doublings` zero bytes, by combining a value with itself.
    fn zeros(doublings: u32) -> Crc64Nvme {
        (0..doublings).fold(Crc64Nvme::of(&[0]), |crc, n| crc.combine(crc, 1 << n))
    }

    #[test]
    fn known_values() {
        assert_eq!(Crc64Nvme::of(b"123456789"), Crc64Nvme(0xAE8B_1486_0A79_9888));
        assert_eq!(Crc64Nvme::of(b"Hello world").to_base64(), "OOJZ0D8xKts=");
        assert_eq!(Crc64Nvme::of(b"").to_base64(), "AAAAAAAAAAA=");
    }

    #[test]
    fn the_header_form_is_eight_bytes_in_base64_and_nothing_else() {
        for value in [0, 1, 0xAE8B_1486_0A79_9888, u64::MAX] {
            let crc = Crc64Nvme(value);
            assert_eq!(Crc64Nvme::from_base64(&crc.to_base64()), Some(crc));
        }
        for text in ["", "AAAA", "OOJZ0D8xKts", "OOJZ0D8xKts==", "OOJZ0D8xKts=-2", " OOJZ0D8xKts="]
        {
            assert_eq!(Crc64Nvme::from_base64(text), None, "{text:?}");
        }
    }

    #[test]
    fn zero_runs_beyond_four_gibibytes_combine_in_any_grouping() {
        // 2^33 zeros in front of "abc", as (2^33) + 3 and as 2^32 + (2^32 + 3).
        let abc = Crc64Nvme::of(b"abc");
        let at_once = zeros(33).combine(abc, 3);
        let half_and_rest = zeros(32).combine(zeros(32).combine(abc, 3), (1 << 32) + 3);
        assert_eq!(at_once, half_and_rest);
        assert_ne!(at_once, zeros(32).combine(abc, 3));
        // The doubling itself is right where it can still be compared with real bytes.
        assert_eq!(zeros(20), Crc64Nvme::of(&vec![0; 1 << 20]));
    }

    #[test]
    fn the_etag_of_a_multipart_object() {
        let etags = [
            ETag("\"d41d8cd98f00b204e9800998ecf8427e\"".into()),
            ETag("900150983CD24FB0D6963F7D28E17F72".into()),
        ];
        // Both digests as bytes through md5sum.
        assert_eq!(multipart_etag(&etags), Some("66027c6d92d43d01c4f2aa8759629be3-2".into()));
        let one = [ETag("\"d41d8cd98f00b204e9800998ecf8427e\"".into())];
        assert_eq!(multipart_etag(&one), Some("59adb24ef3cdbe0297f05b395827453f-1".into()));
    }

    #[test]
    fn no_multipart_etag_from_what_is_no_md5() {
        for odd in ["", "\"\"", "\"abc-2\"", "zz1d8cd98f00b204e9800998ecf8427e", &"0".repeat(64)] {
            let etags =
                [ETag("\"d41d8cd98f00b204e9800998ecf8427e\"".into()), ETag(odd.to_string())];
            assert_eq!(multipart_etag(&etags), None, "{odd:?}");
        }
        assert_eq!(multipart_etag([]), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert_eq!(Crc64Nvme::of(&bytes), bitwise(&bytes));
        }

        #[test]
        fn any_cut_hashes_alike(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
            cut in any::<prop::sample::Index>(),
        ) {
            let (head, tail) = bytes.split_at(cut.index(bytes.len() + 1));
            let whole = Crc64Nvme::of(&bytes);
            let combined = Crc64Nvme::of(head).combine(Crc64Nvme::of(tail), tail.len() as u64);
            prop_assert_eq!(combined, whole);
            let mut hasher = Crc64NvmeHasher::new();
            hasher.update(head);
            prop_assert_eq!(hasher.value(), Crc64Nvme::of(head));
            hasher.update(tail);
            prop_assert_eq!(hasher.value(), whole);
        }

        #[test]
        fn combining_is_associative_for_lengths_no_memory_holds(
            values in any::<[u64; 3]>(),
            middle in 0..1_u64 << 45,
            last in 0..1_u64 << 45,
        ) {
            let [a, b, c] = values.map(Crc64Nvme);
            prop_assert_eq!(
                a.combine(b, middle).combine(c, last),
                a.combine(b.combine(c, last), middle + last)
            );
        }
    }
}
