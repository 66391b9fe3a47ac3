//! Plans of uploads that were begun before: as a journal says, or as the parts at the store lie.

use super::{Run, UploadPlan, smallest_part_size};
use crate::s3::{Limits, PartNumber};

impl UploadPlan {
    /// The plan of a file of `size` bytes that was cut so: each entry the index of a part and the
    /// size of the parts from there on. `None` where that is no plan within `limits`.
    #[must_use]
    pub fn restored(size: u64, cuts: &[(u32, u64)], limits: &Limits) -> Option<UploadPlan> {
        let mut plan = UploadPlan { size, runs: Vec::new(), open: None };
        for &(first, part_size) in cuts {
            let fits = (limits.part_size_min..=limits.part_size_max).contains(&part_size);
            let offset = match plan.runs.last() {
                None if first == 0 => 0,
                Some(run) if first > run.first => {
                    let length = u64::from(first - run.first).checked_mul(run.part_size)?;
                    run.offset.checked_add(length)?
                }
                _ => return None,
            };
            (fits && offset < size).then_some(())?;
            plan.runs.push(Run { first, offset, part_size });
        }
        let last = plan.runs.last()?;
        let parts = (size - last.offset).div_ceil(last.part_size).checked_add(last.first.into())?;
        (parts <= limits.parts_max.into()).then_some(plan)
    }

    /// How the file is cut: each entry the index of a part and the size of the parts from there on.
    #[must_use]
    pub fn cuts(&self) -> Vec<(u32, u64)> {
        self.runs.iter().map(|run| (run.first, run.part_size)).collect()
    }

    /// A plan for the same file in which the parts that lie at the store, numbers and sizes in the
    /// order of their numbers, are where whoever sent them must have cut. `None` where they cannot
    /// be parts of this file.
    ///
    /// Equal parts are taken to lie where their numbers say, so that gaps do no harm; of others
    /// only those before the first gap can be placed.
    pub(in crate::upload) fn laid_over(
        &self,
        listed: impl Iterator<Item = (PartNumber, u64)>,
        limits: &Limits,
    ) -> Option<UploadPlan> {
        let listed: Vec<_> = listed.collect();
        let Some(part_size) = listed.iter().map(|(_, size)| *size).max() else {
            let cuts =
                if self.is_single_put() { vec![(0, limits.part_size_max)] } else { self.cuts() };
            return UploadPlan::restored(self.size, &cuts, limits);
        };
        // The last part of a file may be smaller than any other.
        let part_size = part_size.max(limits.part_size_min);
        let equal = |(number, size): &(PartNumber, u64)| {
            let offset = u64::from(number.index()).checked_mul(part_size);
            let rest = offset.and_then(|offset| self.size.checked_sub(offset));
            rest.is_some_and(|rest| rest > 0 && *size == part_size.min(rest))
        };
        if listed.iter().all(equal) {
            let behind = listed.last().map_or(0, |(number, _)| number.index() + 1);
            return self.cut_behind(vec![(0, part_size)], behind, part_size, limits);
        }
        self.laid_in_order(&listed, limits)
    }

    fn laid_in_order(&self, listed: &[(PartNumber, u64)], limits: &Limits) -> Option<UploadPlan> {
        let mut cuts: Vec<(u32, u64)> = Vec::new();
        let (mut offset, mut behind) = (0_u64, 0);
        for (number, size) in listed.iter().take_while(|(number, _)| {
            let in_order = number.index() == behind;
            behind += u32::from(in_order);
            in_order
        }) {
            offset = offset.checked_add(*size).filter(|end| *end <= self.size)?;
            let ends = offset == self.size;
            let current = cuts.last().map(|(_, size)| *size);
            if current != Some(*size) && !(ends && current.is_some_and(|current| *size < current)) {
                cuts.push((number.index(), *size));
            }
        }
        let part_size = self.part_size().clamp(limits.part_size_min, limits.part_size_max);
        self.cut_behind(cuts, behind, part_size, limits)
    }

    /// `cuts` hold up to index `behind`; the rest is cut into parts of `part_size`, larger where
    /// the number of parts demands it.
    fn cut_behind(
        &self,
        mut cuts: Vec<(u32, u64)>,
        behind: u32,
        part_size: u64,
        limits: &Limits,
    ) -> Option<UploadPlan> {
        let mut end = 0_u64;
        for (index, (first, size)) in cuts.iter().enumerate() {
            let next = cuts.get(index + 1).map_or(behind, |(next, _)| *next);
            end = end.checked_add(u64::from(next - first).checked_mul(*size)?)?;
        }
        if end < self.size {
            let parts_left = limits.parts_max.checked_sub(behind).filter(|parts| *parts > 0)?;
            let smallest = smallest_part_size(self.size - end, parts_left, limits);
            let part_size = part_size.max(smallest);
            if cuts.last().map(|(_, size)| *size) != Some(part_size) {
                cuts.push((behind, part_size));
            }
        }
        UploadPlan::restored(self.size, &cuts, limits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits =
        Limits { part_size_min: 5, part_size_max: 100, parts_max: 30, object_size_max: 3000 };

    fn laid(size: u64, listed: &[(u32, u64)]) -> Option<Vec<(u32, u64)>> {
        let plan = UploadPlan::new(size, 10, 0, &LIMITS).unwrap();
        let listed =
            listed.iter().map(|(number, size)| (PartNumber::from_index(number - 1), *size));
        plan.laid_over(listed, &LIMITS).map(|plan| plan.cuts())
    }

    #[test]
    fn equal_parts_lie_where_their_numbers_say() {
        assert_eq!(laid(95, &[]), Some(vec![(0, 10)]));
        assert_eq!(laid(95, &[(2, 20), (4, 20)]), Some(vec![(0, 20)]));
        assert_eq!(laid(95, &[(5, 15), (4, 20)].map(|p| p)), Some(vec![(0, 20)]));
        assert_eq!(laid(95, &[(1, 95)]), Some(vec![(0, 95)]));
        // Parts of five would be too many: behind those that are there they are larger.
        assert_eq!(laid(300, &[(1, 5), (2, 5)]), Some(vec![(0, 5), (2, 15)]));
    }

    #[test]
    fn parts_of_several_sizes_are_laid_one_behind_the_other() {
        assert_eq!(laid(95, &[(1, 20), (2, 20), (3, 7)]), Some(vec![(0, 20), (2, 7), (3, 10)]));
        assert_eq!(laid(47, &[(1, 20), (2, 20), (3, 7)]), Some(vec![(0, 20)]));
        assert_eq!(laid(95, &[(1, 7), (2, 20), (9, 33)]), Some(vec![(0, 7), (1, 20), (2, 10)]));
    }

    #[test]
    fn what_cannot_be_parts_of_this_file_is_refused() {
        assert_eq!(laid(95, &[(1, 100)]), None);
        assert_eq!(laid(95, &[(1, 40), (2, 60)]), None);
        assert_eq!(laid(95, &[(1, 3), (2, 20)]), None, "below the smallest part");
    }

    proptest! {
        #[test]
        fn a_plan_comes_back_from_its_cuts(
            size in 1u64..3000, part_size in 5u64..60, first in 0u32..30, smaller in 0u64..60,
        ) {
            let mut plan = UploadPlan::new(size, part_size, 0, &LIMITS).unwrap();
            let first = first.min(plan.parts() - 1);
            let _ = plan.recut(first, smaller, &LIMITS);
            prop_assert_eq!(UploadPlan::restored(size, &plan.cuts(), &LIMITS), Some(plan));
        }

        #[test]
        fn no_cuts_panic(
            size in 0u64..u64::MAX, cuts in proptest::collection::vec((0u32..50, 0u64..200), 0..5),
        ) {
            let plan = UploadPlan::restored(size, &cuts, &LIMITS);
            prop_assert!(plan.is_none_or(|plan| plan.parts() <= LIMITS.parts_max));
        }

        #[test]
        fn a_plan_laid_over_its_own_parts_cuts_them_as_they_were(
            size in 1u64..3000, part_size in 5u64..60, stored in 1u32..30,
        ) {
            let plan = UploadPlan::new(size, part_size, 0, &LIMITS).unwrap();
            let numbers = (0..stored.min(plan.parts())).map(PartNumber::from_index);
            let listed: Vec<_> = numbers.map(|n| (n, plan.part(n).length)).collect();
            let other = UploadPlan::new(size, 50, 0, &LIMITS).unwrap();
            let laid = other.laid_over(listed.clone().into_iter(), &LIMITS).unwrap();
            for (number, length) in listed {
                prop_assert_eq!(laid.part(number).length, length);
                prop_assert_eq!(laid.part(number).offset, plan.part(number).offset);
            }
        }
    }
}
