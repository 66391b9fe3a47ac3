//! How a stream of unknown length is cut: parts that grow, so that S3's largest part number is
//! not used up before its largest object.

use super::PlanError;
use super::plan::check_part_size;
use crate::s3::Limits;

/// The sizes of the parts of a stream, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    steps: Vec<Step>,
    /// Bytes of the longest stream.
    largest: u64,
}

/// Parts of one size, one behind the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Index of the first of them, from 0.
    pub first: u32,
    /// How many.
    pub parts: u32,
    /// The first byte of the first.
    pub offset: u64,
    /// Bytes of each.
    pub part_size: u64,
}

impl Ladder {
    /// Parts that begin with `part_size` and double again and again, up to the largest that
    /// `limits` allow: each size for as long as all but a sixteenth of the largest object can
    /// still be reached. For Amazon S3 that is 50 TB in 10,000 parts.
    ///
    /// # Errors
    /// Where `part_size` lies outside the limits.
    pub fn growing(part_size: u64, limits: &Limits) -> Result<Ladder, PlanError> {
        check_part_size(part_size, limits)?;
        let enough = limits.object_size_max - limits.object_size_max / 16;
        let mut each = (1..=limits.parts_max).rev();
        let each = each.find(|each| doubling(part_size, *each, limits).1 >= enough).unwrap_or(1);
        Ok(Ladder::of(doubling(part_size, each, limits), limits))
    }

    /// Parts of one size, for stores that take no others.
    ///
    /// # Errors
    /// Where `part_size` lies outside the limits.
    pub fn equal(part_size: u64, limits: &Limits) -> Result<Ladder, PlanError> {
        check_part_size(part_size, limits)?;
        let parts = limits.parts_max;
        let step = Step { first: 0, parts, offset: 0, part_size };
        Ok(Ladder::of((vec![step], u64::from(parts) * part_size), limits))
    }

    fn of((steps, bytes): (Vec<Step>, u64), limits: &Limits) -> Ladder {
        Ladder { steps, largest: bytes.min(limits.object_size_max) }
    }

    /// The steps, in order; at least one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Bytes of the longest stream that fits.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.largest
    }
}

/// `each` parts of a size, then as many of twice that; and the bytes of all.
fn doubling(part_size: u64, each: u32, limits: &Limits) -> (Vec<Step>, u64) {
    let mut steps = Vec::new();
    let (mut first, mut offset, mut part_size) = (0, 0, part_size);
    while first < limits.parts_max {
        let left = limits.parts_max - first;
        let parts = if part_size == limits.part_size_max { left } else { each.min(left) };
        steps.push(Step { first, parts, offset, part_size });
        first += parts;
        offset += u64::from(parts) * part_size;
        part_size = (2 * part_size).min(limits.part_size_max);
    }
    (steps, offset)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;
    const TB: u64 = 1_000_000_000_000;

    fn assert_sound(ladder: &Ladder, part_size: u64, limits: &Limits) {
        assert_eq!(ladder.steps()[0].part_size, part_size, "as the user wants it");
        let (mut first, mut offset, mut last) = (0, 0, 0);
        for step in ladder.steps() {
            assert_eq!((step.first, step.offset), (first, offset), "one behind the other");
            assert!(step.part_size > last && step.parts > 0, "{ladder:?}");
            assert!((limits.part_size_min..=limits.part_size_max).contains(&step.part_size));
            last = step.part_size;
            first += step.parts;
            offset += u64::from(step.parts) * step.part_size;
        }
        assert_eq!(first, limits.parts_max);
        assert_eq!(ladder.largest(), offset.min(limits.object_size_max));
    }

    #[test]
    fn the_usual_ladder() {
        let ladder = Ladder::growing(16 * MIB, &Limits::AWS).unwrap();
        let sizes: Vec<u64> = ladder.steps().iter().map(|step| step.part_size / MIB).collect();
        assert_eq!(sizes, [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 5120]);
        assert!(ladder.largest() >= 50 * TB, "{}", ladder.largest());
    }

    #[test]
    fn parts_that_must_be_equal_are() {
        let ladder = Ladder::equal(5 * MIB, &Limits::AWS).unwrap();
        assert_sound(&ladder, 5 * MIB, &Limits::AWS);
        assert_eq!((ladder.steps().len(), ladder.largest()), (1, 50_000 * MIB));
        assert_eq!(Ladder::equal(5 << 30, &Limits::AWS).unwrap().steps().len(), 1);
    }

    #[test]
    fn a_part_size_outside_the_limits_is_refused() {
        for part_size in [1, 5 * MIB - 1, (5 << 30) + 1] {
            assert!(Ladder::growing(part_size, &Limits::AWS).is_err());
            assert!(Ladder::equal(part_size, &Limits::AWS).is_err());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_ladder_reaches_fifty_terabytes(part_size in 5 * MIB..=5 << 30) {
            let ladder = Ladder::growing(part_size, &Limits::AWS).unwrap();
            assert_sound(&ladder, part_size, &Limits::AWS);
            prop_assert!(ladder.largest() >= 50 * TB, "{}", ladder.largest());
        }

        #[test]
        fn every_ladder_is_sound_under_any_limits(
            part_size_min in 1u64..50, more in 0u64..500, parts_max in 1u32..60,
            object_size_max in 1u64..20_000, wanted in 0u64..500,
        ) {
            let part_size_max = part_size_min + more;
            let limits = Limits { part_size_min, part_size_max, parts_max, object_size_max };
            let part_size = part_size_min + wanted.min(more);
            assert_sound(&Ladder::growing(part_size, &limits).unwrap(), part_size, &limits);
            assert_sound(&Ladder::equal(part_size, &limits).unwrap(), part_size, &limits);
        }
    }
}
