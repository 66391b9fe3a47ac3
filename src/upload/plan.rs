//! How a file is cut: a single PUT, or numbered parts of equal size.

use std::fmt;

use crate::s3::{Limits, PartNumber};

/// How a file of known size is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPlan {
    size: u64,
    /// Bytes of each part but the last; `None` for a single PUT.
    part_size: Option<u64>,
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
        if part_size < limits.part_size_min {
            return Err(PlanError::PartTooSmall { wanted: part_size, min: limits.part_size_min });
        }
        if part_size > limits.part_size_max {
            return Err(PlanError::PartTooLarge { wanted: part_size, max: limits.part_size_max });
        }
        if threshold > limits.part_size_max {
            return Err(PlanError::ThresholdTooLarge {
                wanted: threshold,
                max: limits.part_size_max,
            });
        }
        if size > limits.object_size_max {
            return Err(PlanError::FileTooLarge {
                size,
                max: limits.object_size_max,
                parts_max: limits.parts_max,
                part_size_max: limits.part_size_max,
            });
        }
        if size == 0 || size < threshold {
            return Ok(UploadPlan { size, part_size: None });
        }
        let part_size = part_size.max(smallest_part_size(size, limits));
        Ok(UploadPlan { size, part_size: Some(part_size) })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the file goes in one PUT.
    #[must_use]
    pub fn is_single_put(&self) -> bool {
        self.part_size.is_none()
    }

    /// Number of parts; 1 for a single PUT.
    #[must_use]
    pub fn parts(&self) -> u32 {
        match self.part_size {
            None => 1,
            Some(part_size) => u32::try_from(self.size.div_ceil(part_size))
                .expect("a plan has at most as many parts as its limits allow"),
        }
    }

    /// Bytes of each part but the last; the file's size for a single PUT.
    #[must_use]
    pub fn part_size(&self) -> u64 {
        self.part_size.unwrap_or(self.size)
    }

    /// The range of part `number`.
    ///
    /// # Panics
    /// Where the plan has no such part.
    #[must_use]
    pub fn part(&self, number: PartNumber) -> PartRange {
        assert!(number.index() < self.parts(), "part {number} of {}", self.parts());
        let offset = u64::from(number.index()) * self.part_size();
        let length = self.part_size().min(self.size - offset);
        PartRange { number, offset, length }
    }
}

/// The smallest part size at which `size` fits into the allowed number of parts.
fn smallest_part_size(size: u64, limits: &Limits) -> u64 {
    let exact = size.div_ceil(u64::from(limits.parts_max));
    let grain = limits.part_size_min.min(1 << 20);
    exact.next_multiple_of(grain).min(limits.part_size_max)
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

    proptest! {
        #[test]
        fn parts_cover_the_file_exactly_once_within_the_limits(
            size in 0u64..2000, part_size in 5u64..60, threshold in 0u64..100,
        ) {
            let limits = Limits {
                part_size_min: 5, part_size_max: 100, parts_max: 30, object_size_max: 3000,
            };
            let plan = UploadPlan::new(size, part_size, threshold, &limits).unwrap();
            let mut end = 0;
            for index in 0..plan.parts() {
                let part = plan.part(PartNumber::from_index(index));
                prop_assert_eq!(part.offset, end);
                end += part.length;
                if !plan.is_single_put() {
                    prop_assert!(part.length <= limits.part_size_max && part.length > 0);
                    prop_assert!(part.length >= 5 || index + 1 == plan.parts());
                }
            }
            prop_assert_eq!(end, size);
            prop_assert!(plan.parts() <= limits.parts_max);
        }
    }
}
