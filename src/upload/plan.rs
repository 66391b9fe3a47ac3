//! How a file is cut: a single PUT, or numbered parts; runs of equal parts, where the size had to
//! change under way.

mod restoring;
mod stream;

use std::fmt;

use self::stream::Open;
use crate::s3::{Limits, PartNumber};

/// How a file of known size is sent, or a stream, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPlan {
    size: u64,
    /// In the order of the file; none for a single PUT.
    runs: Vec<Run>,
    /// Only while more of a stream may come.
    open: Option<Open>,
}

/// Parts of one size, up to the next run or the end of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    /// Index of its first part, from 0.
    first: u32,
    /// The first byte of that part.
    offset: u64,
    /// Bytes of each part but the last of the file.
    part_size: u64,
}

/// One part: a numbered range of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartRange {
    /// Its number.
    pub number: PartNumber,
    /// Its first byte.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The wanted part size is below the store's smallest.
    #[error(
        "a part size of {} is below the smallest part S3 takes, {}",
        Bytes(*.wanted), Bytes(*.min)
    )]
    PartTooSmall {
        /// Bytes wanted.
        wanted: u64,
        /// Bytes allowed.
        min: u64,
    },
    /// The wanted part size is above the store's largest.
    #[error(
        "a part size of {} is above the largest part S3 takes, {}",
        Bytes(*.wanted), Bytes(*.max)
    )]
    PartTooLarge {
        /// Bytes wanted.
        wanted: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The threshold would send more in one PUT than the store takes.
    #[error(
        "a multipart threshold of {} is above the largest single PUT, {}",
        Bytes(*.wanted), Bytes(*.max)
    )]
    ThresholdTooLarge {
        /// Bytes wanted.
        wanted: u64,
        /// Bytes allowed.
        max: u64,
    },
    /// The file is larger than any object.
    #[error(
        "{} ({size} bytes) is more than an S3 object can hold: {parts_max} parts of {} make {}",
        Bytes(*.size), Bytes(*.part_size_max), Bytes(*.max)
    )]
    FileTooLarge {
        /// Bytes of the file.
        size: u64,
        /// Bytes of the largest object.
        max: u64,
        /// Parts allowed.
        parts_max: u32,
        /// Bytes of the largest part.
        part_size_max: u64,
    },
}

impl PlanError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            PlanError::PartTooSmall { min, .. } => format!("try --part-size {}", Bytes(*min)),
            PlanError::PartTooLarge { max, .. } => {
                format!("try --part-size 64MiB; the largest is {}", Bytes(*max))
            }
            PlanError::ThresholdTooLarge { max, .. } => {
                format!("try --multipart-threshold {}", Bytes(*max))
            }
            PlanError::FileTooLarge { .. } => {
                "split the file, for example with split -b 40T".into()
            }
        }
    }
}

impl UploadPlan {
    /// A plan for `size` bytes: one PUT below `threshold`, else parts of `part_size`, grown to
    /// whole MiB where `limits` would not allow that many parts.
    ///
    /// # Errors
    /// Where `part_size`, `threshold` or `size` lies outside the limits.
    pub fn new(
        size: u64,
        part_size: u64,
        threshold: u64,
        limits: &Limits,
    ) -> Result<UploadPlan, PlanError> {
        check_part_size(part_size, limits)?;
        check_threshold(threshold, limits)?;
        if size > limits.object_size_max {
            return Err(PlanError::FileTooLarge {
                size,
                max: limits.object_size_max,
                parts_max: limits.parts_max,
                part_size_max: limits.part_size_max,
            });
        }
        if size == 0 || size < threshold {
            return Ok(UploadPlan { size, runs: Vec::new(), open: None });
        }
        let part_size = part_size.max(smallest_part_size(size, limits.parts_max, limits));
        Ok(UploadPlan { size, runs: vec![Run { first: 0, offset: 0, part_size }], open: None })
    }

    /// Cuts the parts from index `first` on anew, into parts of about `part_size`; what lies before
    /// stays as it is. Whether it did: not where S3's limits leave no smaller size than today's.
    ///
    /// # Panics
    /// Where the plan has no such part.
    #[must_use]
    pub fn recut(&mut self, first: u32, part_size: u64, limits: &Limits) -> bool {
        let offset = self.part(PartNumber::from_index(first)).offset;
        let grain = grain(limits);
        let part_size = (part_size / grain * grain).max(limits.part_size_min);
        let rest = self.size - offset;
        let part_size = part_size.max(smallest_part_size(rest, limits.parts_max - first, limits));
        if part_size >= self.part_size() {
            return false;
        }
        self.runs.retain(|run| run.first < first);
        self.runs.push(Run { first, offset, part_size });
        true
    }

    /// Bytes of the file; of a stream, those of the parts that have been read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the file goes in one PUT.
    #[must_use]
    pub fn is_single_put(&self) -> bool {
        self.runs.is_empty()
    }

    /// Number of parts; 1 for a single PUT. Of a stream, those that have been read.
    #[must_use]
    pub fn parts(&self) -> u32 {
        let Some(run) = self.last_run() else { return 1 };
        let rest = (self.size - run.offset).div_ceil(run.part_size);
        run.first + u32::try_from(rest).expect("a plan has no more parts than its limits allow")
    }

    /// Bytes of each part but the last, of the last run; the file's size for a single PUT.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.last_run().map_or(self.size, |run| run.part_size)
    }

    /// The run of the last part; of an empty stream, the first.
    fn last_run(&self) -> Option<&Run> {
        self.runs.iter().rfind(|run| run.offset < self.size).or(self.runs.first())
    }

    /// The range of part `number`.
    ///
    /// # Panics
    /// Where the plan has no such part.
    #[must_use]
    pub fn part(&self, number: PartNumber) -> PartRange {
        assert!(number.index() < self.parts(), "part {number} of {}", self.parts());
        let whole = Run { first: 0, offset: 0, part_size: self.size };
        let run = self.runs.iter().rfind(|run| run.first <= number.index()).unwrap_or(&whole);
        let offset = run.offset + u64::from(number.index() - run.first) * run.part_size;
        let length = run.part_size.min(self.size - offset);
        PartRange { number, offset, length }
    }
}

pub(super) fn check_part_size(part_size: u64, limits: &Limits) -> Result<(), PlanError> {
    if part_size < limits.part_size_min {
        return Err(PlanError::PartTooSmall { wanted: part_size, min: limits.part_size_min });
    }
    if part_size > limits.part_size_max {
        return Err(PlanError::PartTooLarge { wanted: part_size, max: limits.part_size_max });
    }
    Ok(())
}

fn check_threshold(threshold: u64, limits: &Limits) -> Result<(), PlanError> {
    if threshold > limits.part_size_max {
        let max = limits.part_size_max;
        return Err(PlanError::ThresholdTooLarge { wanted: threshold, max });
    }
    Ok(())
}

/// The smallest part size at which `size` fits into `parts_max` parts.
fn smallest_part_size(size: u64, parts_max: u32, limits: &Limits) -> u64 {
    let exact = size.div_ceil(u64::from(parts_max.max(1)));
    exact.next_multiple_of(grain(limits)).min(limits.part_size_max)
}

/// What part sizes are rounded to.
fn grain(limits: &Limits) -> u64 {
    limits.part_size_min.min(1 << 20)
}

/// Bytes in the largest unit that shows them in at most four digits.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let exponent = (self.0.ilog2() / 10).min(5);
        let unit = UNITS[exponent as usize - 1];
        let scale = 1u64 << (10 * exponent);
        if self.0.is_multiple_of(scale) {
            write!(f, "{}{unit}", self.0 / scale)
        } else {
            write!(f, "{:.1}{unit}", self.0 as f64 / scale as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    const TIB: u64 = 1 << 40;

    fn plan(size: u64) -> Result<UploadPlan, PlanError> {
        UploadPlan::new(size, 16 * MIB, 16 * MIB, &Limits::AWS)
    }

    #[test]
    fn files_below_the_threshold_and_empty_ones_go_in_one_put() {
        for size in [0, 1, 16 * MIB - 1] {
            let plan = plan(size).unwrap();
            assert!(plan.is_single_put(), "{size}");
            assert_eq!((plan.parts(), plan.part_size()), (1, size));
        }
        assert!(UploadPlan::new(0, 5 * MIB, 0, &Limits::AWS).unwrap().is_single_put());
        assert!(!plan(16 * MIB).unwrap().is_single_put());
    }

    #[test]
    fn the_part_size_grows_only_where_the_number_of_parts_demands_it() {
        for (size, part_size, parts) in [
            (16 * MIB, 16 * MIB, 1),
            (16 * MIB + 1, 16 * MIB, 2),
            (160_000 * MIB, 16 * MIB, 10_000),
            (160_000 * MIB + 1, 17 * MIB, 9_412),
            (5 * TIB, 525 * MIB, 9_987),
            (50_000_000_000_000, 4769 * MIB, 9_999),
            (10_000 * 5 * GIB - 1, 5 * GIB, 10_000),
            (10_000 * 5 * GIB, 5 * GIB, 10_000),
        ] {
            let plan = plan(size).unwrap();
            assert_eq!((plan.part_size(), plan.parts()), (part_size, parts), "{size}");
        }
    }

    #[test]
    fn what_cannot_be_planned_is_refused_with_the_numbers() {
        let message = |size, part, threshold| {
            let error = UploadPlan::new(size, part, threshold, &Limits::AWS).unwrap_err();
            format!("{error}; {}", error.hint())
        };
        assert_eq!(
            message(GIB, MIB, 0),
            "a part size of 1MiB is below the smallest part S3 takes, 5MiB; try --part-size 5MiB"
        );
        assert!(message(GIB, 6 * GIB, 0).contains("above the largest part S3 takes, 5GiB"));
        assert!(message(GIB, 5 * MIB, 6 * GIB).contains("largest single PUT, 5GiB"));
        assert_eq!(
            message(10_000 * 5 * GIB + 1, 16 * MIB, 0),
            "48.8TiB (53687091200001 bytes) is more than an S3 object can hold: 10000 parts of \
             5GiB make 48.8TiB; split the file, for example with split -b 40T"
        );
    }

    const SMALL: Limits =
        Limits { part_size_min: 5, part_size_max: 100, parts_max: 30, object_size_max: 3000 };

    fn assert_covers(plan: &UploadPlan, size: u64) {
        let mut end = 0;
        for index in 0..plan.parts() {
            let part = plan.part(PartNumber::from_index(index));
            assert_eq!(part.offset, end, "{plan:?}");
            end += part.length;
            if !plan.is_single_put() {
                assert!(part.length <= SMALL.part_size_max && part.length > 0, "{plan:?}");
                assert!(part.length >= 5 || index + 1 == plan.parts(), "{plan:?}");
            }
        }
        assert_eq!(end, size, "{plan:?}");
        assert!(plan.parts() <= SMALL.parts_max, "{plan:?}");
    }

    #[test]
    fn parts_not_yet_sent_can_be_cut_smaller_within_the_limits() {
        let mut plan = UploadPlan::new(640 * MIB, 64 * MIB, 0, &Limits::AWS).unwrap();
        assert!(plan.recut(3, 10 * MIB + 5, &Limits::AWS));
        assert_eq!((plan.parts(), plan.part_size()), (3 + 45, 10 * MIB));
        let part = |index| plan.part(PartNumber::from_index(index));
        assert_eq!((part(2).offset, part(2).length), (128 * MIB, 64 * MIB));
        assert_eq!((part(3).offset, part(3).length), (192 * MIB, 10 * MIB));
        assert_eq!((part(47).offset, part(47).length), (632 * MIB, 8 * MIB));
        let before = plan.clone();
        assert!(!plan.recut(3, 10 * MIB, &Limits::AWS), "nothing smaller");
        assert!(plan.recut(3, 1, &Limits::AWS), "S3's smallest part");
        assert_eq!(plan.part_size(), 5 * MIB);
        assert_ne!(plan, before);
        let mut full = UploadPlan::new(10_000 * 16 * MIB, 16 * MIB, 0, &Limits::AWS).unwrap();
        assert!(!full.recut(1, 5 * MIB, &Limits::AWS), "S3 takes no more parts");
    }

    proptest! {
        #[test]
        fn recut_parts_cover_the_file_all_the_same(
            size in 1u64..3000, part_size in 5u64..60, first in 0u32..30, smaller in 0u64..60,
        ) {
            let mut plan = UploadPlan::new(size, part_size, 0, &SMALL).unwrap();
            let first = first.min(plan.parts() - 1);
            let before: Vec<_> =
                (0..first).map(|index| plan.part(PartNumber::from_index(index))).collect();
            let parts = plan.parts();
            let cut = plan.recut(first, smaller, &SMALL);
            assert_covers(&plan, size);
            for part in before {
                prop_assert_eq!(plan.part(part.number), part);
            }
            let as_many = plan.parts() == parts;
            prop_assert!(as_many || (cut && plan.parts() > parts));
        }

        #[test]
        fn parts_cover_the_file_exactly_once_within_the_limits(
            size in 0u64..2000, part_size in 5u64..60, threshold in 0u64..100,
        ) {
            let plan = UploadPlan::new(size, part_size, threshold, &SMALL).unwrap();
            assert_covers(&plan, size);
        }
    }
}
