//! Whether a file is a stored object, as far as the store tells of it: what is compared with what
//! is decided here, then the file's bytes go through [`comparing`](self::comparing).

mod comparing;

pub use self::comparing::{Comparing, DifferingPart, Verdict};

use super::stored_checksum::StoredChecksum;
use super::{ChecksumAlgorithm, ETag, ObjectHead, PartNumber, StoredPart};

/// What of an object is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    algorithm: ChecksumAlgorithm,
    expected: Vec<u8>,
    of: Of,
    /// Its parts, in order, where they are known; they cover the object.
    parts: Vec<StoredPart>,
}

/// Where the expected value stands, and of what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// The checksum of all bytes.
    Object,
    /// The checksum of the parts' checksums.
    Parts,
    /// The ETag of a single PUT.
    ObjectTag,
    /// The ETag of a multipart upload.
    PartsTag,
}

/// What is known of an object's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartLayout {
    /// All of them.
    Known(Vec<StoredPart>),
    /// Nothing, and why.
    Unknown(String),
}

impl ObjectHead {
    /// How many parts its ETag, or the store, says it was made of; `None` for a single PUT.
    #[must_use]
    pub fn parts_said(&self) -> Option<u32> {
        let count = self.etag.as_ref().and_then(multipart_tag).map(|(_, count)| count);
        count.or(self.parts)
    }

    /// Whether its parts matter: to compute what is compared, or to say which one differs.
    #[must_use]
    pub fn is_multipart(&self) -> bool {
        self.parts_said().is_some() || self.checksums.iter().any(|checksum| checksum.is_composite)
    }
}

impl PartLayout {
    /// The layout where part `number` of `size` bytes is the last of so many equal ones.
    #[must_use]
    pub fn uniform(object_size: u64, count: u32, first: u64, last: u64) -> PartLayout {
        let equal = u64::from(count.saturating_sub(1));
        if count == 0
            || first.checked_mul(equal).and_then(|n| n.checked_add(last)) != Some(object_size)
        {
            return PartLayout::Unknown("its parts have unequal sizes".into());
        }
        let part = |index: u32| {
            let size = if index + 1 == count { last } else { first };
            StoredPart { number: PartNumber::from_index(index), size, checksum: None }
        };
        PartLayout::Known((0..count).map(part).collect())
    }

    /// The layout of listed parts, if they are all there.
    #[must_use]
    pub fn listed(head: &ObjectHead, parts: Vec<StoredPart>) -> PartLayout {
        if parts.is_empty() {
            return PartLayout::Unknown("the store does not tell the sizes of its parts".into());
        }
        let size = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(part.size));
        let ascending = parts.is_sorted_by(|one, next| one.number < next.number);
        let count = head.parts_said().is_none_or(|count| count as usize == parts.len());
        if size == Some(head.size) && ascending && count {
            PartLayout::Known(parts)
        } else {
            PartLayout::Unknown("the store's list of its parts is not whole".into())
        }
    }
}

impl Comparison {
    /// What can be compared beside the size.
    ///
    /// # Errors
    /// Why nothing can, in words that continue "only the size could be compared: ".
    pub fn choose(head: &ObjectHead, layout: &PartLayout) -> Result<Comparison, String> {
        let known = match layout {
            PartLayout::Known(parts) => parts.clone(),
            PartLayout::Unknown(_) => Vec::new(),
        };
        let checksum = |composite| {
            let fits = |checksum: &&StoredChecksum| checksum.is_composite == composite;
            head.checksums.iter().find(fits)
        };
        let new = |algorithm, expected: &[u8], of, parts| {
            Ok(Comparison { algorithm, expected: expected.to_vec(), of, parts })
        };
        if let Some(whole) = checksum(false) {
            return new(whole.algorithm, &whole.value, Of::Object, known);
        }
        let unknown = match layout {
            PartLayout::Known(_) => None,
            PartLayout::Unknown(reason) => Some(reason.clone()),
        };
        if let Some(composite) = checksum(true)
            && unknown.is_none()
        {
            return new(composite.algorithm, &composite.value, Of::Parts, known);
        }
        let Some(etag) = &head.etag else {
            return Err("the store keeps no checksum and sends no ETag".into());
        };
        if head.hides_md5 {
            return Err(
                "the store keeps no checksum, and the ETag of an object that is encrypted \
                        with a key of KMS or of its owner is no MD5"
                    .into(),
            );
        }
        if let Some(md5) = md5_of(etag.bare()) {
            return new(ChecksumAlgorithm::Md5, &md5, Of::ObjectTag, known);
        }
        match (multipart_tag(etag), unknown) {
            (Some((md5, _)), None) => new(ChecksumAlgorithm::Md5, &md5, Of::PartsTag, known),
            (Some(_), Some(reason)) => Err(format!("it was uploaded in parts, and {reason}")),
            (None, _) => Err("the store keeps no checksum, and its ETag is no MD5".into()),
        }
    }

    /// What is compared, in words.
    #[must_use]
    pub fn subject(&self) -> String {
        let (name, parts) = (self.algorithm.name(), self.parts.len());
        match self.of {
            Of::Object => format!("{name} of the whole object"),
            Of::Parts => format!("{name} of the {name}s of {parts} parts"),
            Of::ObjectTag => "the ETag, as the MD5 of the object".into(),
            Of::PartsTag => format!("the ETag, as the MD5 of the MD5s of {parts} parts"),
        }
    }

    /// Its name for programs: `crc64nvme`, `sha256-composite`, `etag-md5`, `etag-multipart`.
    #[must_use]
    pub fn method(&self) -> String {
        let name = self.algorithm.name().to_ascii_lowercase();
        match self.of {
            Of::Object => name,
            Of::Parts => format!("{name}-composite"),
            Of::ObjectTag => "etag-md5".into(),
            Of::PartsTag => "etag-multipart".into(),
        }
    }

    /// Whether it rests on the ETag alone, which not every store makes as Amazon does.
    #[must_use]
    pub fn rests_on_etag(&self) -> bool {
        matches!(self.of, Of::ObjectTag | Of::PartsTag)
    }

    /// Whether the value compared is made of the parts' values.
    fn is_of_parts(&self) -> bool {
        matches!(self.of, Of::Parts | Of::PartsTag)
    }

    fn shown(&self, value: &[u8]) -> String {
        match self.of {
            Of::Object | Of::Parts => {
                let (algorithm, value) = (self.algorithm, value.to_vec());
                StoredChecksum { algorithm, value, is_composite: false }.to_string()
            }
            Of::ObjectTag => hex::encode(value),
            Of::PartsTag => format!("{}-{}", hex::encode(value), self.parts.len()),
        }
    }
}

/// The MD5 that an ETag is, without its quotes.
fn md5_of(bare: &str) -> Option<[u8; 16]> {
    let mut md5 = [0; 16];
    hex::decode_to_slice(bare, &mut md5).ok()?;
    Some(md5)
}

/// The MD5 and the number of parts in the ETag of a multipart upload.
fn multipart_tag(etag: &ETag) -> Option<([u8; 16], u32)> {
    let (md5, count) = etag.bare().split_once('-')?;
    Some((md5_of(md5)?, count.parse().ok().filter(|count| *count > 0)?))
}

#[cfg(test)]
mod tests;
