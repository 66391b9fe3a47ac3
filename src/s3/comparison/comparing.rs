//! A file's bytes on their way through a comparison, once and in order, and the verdict.

use super::Comparison;
use crate::s3::{ContentDigest, PartNumber};

/// How a file and an object compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Alike.
    Equal {
        /// The value both have, as the store writes it.
        value: String,
    },
    /// Different.
    Differs {
        /// The store's value.
        stored: String,
        /// The file's.
        local: String,
        /// The first part whose checksum is another one, where the store keeps them.
        part: Option<DifferingPart>,
    },
}

/// A part that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DifferingPart {
    /// Its number.
    pub number: PartNumber,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
}

/// The file's bytes on their way through.
#[derive(Debug)]
pub struct Comparing {
    comparison: Comparison,
    /// Of all bytes, or of the parts' values.
    whole: ContentDigest,
    /// Of the part under way.
    part: Option<ContentDigest>,
    /// The part under way, counted from 0.
    index: usize,
    /// Its first byte.
    offset: u64,
    /// Its bytes that have come.
    taken: u64,
    differs: Option<DifferingPart>,
}

impl Comparing {
    /// Before the first byte.
    #[must_use]
    pub fn new(comparison: Comparison) -> Comparing {
        let kept = || comparison.parts.iter().find_map(|part| part.checksum.as_ref());
        let algorithm = if comparison.is_of_parts() {
            Some(comparison.algorithm)
        } else {
            kept().map(|checksum| checksum.algorithm)
        };
        let mut comparing = Comparing {
            whole: ContentDigest::new(comparison.algorithm),
            part: algorithm.map(ContentDigest::new),
            comparison,
            index: 0,
            offset: 0,
            taken: 0,
            differs: None,
        };
        comparing.end_parts();
        comparing
    }

    /// Takes the next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        if !self.comparison.is_of_parts() {
            self.whole.update(bytes);
        }
        while !bytes.is_empty() && self.part.is_some() {
            let Some(part) = self.comparison.parts.get(self.index) else { return };
            let left = part.size - self.taken;
            let (now, later) = bytes.split_at(left.min(bytes.len() as u64) as usize);
            if let Some(digest) = &mut self.part {
                digest.update(now);
            }
            self.taken += now.len() as u64;
            bytes = later;
            self.end_parts();
        }
    }

    /// The verdict, after the last byte.
    #[must_use]
    pub fn finish(mut self) -> Verdict {
        let local = self.whole.finish();
        let value = self.comparison.shown(&local);
        if local == self.comparison.expected {
            return Verdict::Equal { value };
        }
        let stored = self.comparison.shown(&self.comparison.expected);
        Verdict::Differs { stored, local: value, part: self.differs }
    }

    /// Closes every part whose last byte has come; an empty one has none.
    fn end_parts(&mut self) {
        let of_parts = self.comparison.is_of_parts();
        let Some(digest) = &mut self.part else { return };
        while let Some(part) = self.comparison.parts.get(self.index)
            && part.size == self.taken
        {
            let value = digest.finish();
            if of_parts {
                self.whole.update(&value);
            }
            let kept = part.checksum.as_ref().filter(|kept| kept.value.len() == value.len());
            if self.differs.is_none() && kept.is_some_and(|kept| kept.value != value) {
                let (number, offset, length) = (part.number, self.offset, part.size);
                self.differs = Some(DifferingPart { number, offset, length });
            }
            self.offset += part.size;
            self.taken = 0;
            self.index += 1;
        }
    }
}
