//! The plan of a stream, which grows with what has been read of it.

use super::{PlanError, Run, UploadPlan};
use crate::s3::Limits;
use crate::upload::{Ladder, Step};

/// What a plan knows while the end of its stream has not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    /// Bytes from which it is certain that the stream goes in parts.
    decide_at: u64,
    /// Bytes the user says the stream has.
    expected: Option<u64>,
    /// Bytes that all parts hold.
    largest: u64,
    parts_max: u32,
}

impl UploadPlan {
    /// A plan for a stream of unknown length that is cut by `ladder`: one PUT where it ends before
    /// `threshold` bytes, which are held until then.
    ///
    /// # Errors
    /// Where `threshold` lies outside the limits.
    pub fn stream(
        ladder: &Ladder,
        threshold: u64,
        limits: &Limits,
    ) -> Result<UploadPlan, PlanError> {
        super::check_threshold(threshold, limits)?;
        let run = |step: &Step| {
            let Step { first, offset, part_size, .. } = *step;
            Run { first, offset, part_size }
        };
        let runs = ladder.steps().iter().map(run).collect();
        let open = Open {
            decide_at: threshold.max(1),
            expected: None,
            largest: ladder.largest(),
            parts_max: limits.parts_max,
        };
        Ok(UploadPlan { size: 0, runs, open: Some(open) })
    }

    /// A plan for a stream that is to have `size` bytes: cut as a file of that size.
    ///
    /// # Errors
    /// As [`UploadPlan::new`].
    pub fn stream_of(
        size: u64,
        part_size: u64,
        threshold: u64,
        limits: &Limits,
    ) -> Result<UploadPlan, PlanError> {
        let mut plan = UploadPlan::new(size, part_size, threshold, limits)?;
        let single = plan.is_single_put();
        if single {
            plan.runs = vec![Run { first: 0, offset: 0, part_size: size.max(1) }];
        }
        let decide_at = if single { u64::MAX } else { 1 };
        plan.size = 0;
        let parts_max = limits.parts_max;
        plan.open = Some(Open { decide_at, expected: Some(size), largest: size, parts_max });
        Ok(plan)
    }

    /// Whether more may come: the plan of a stream whose end has not been read.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Whether it is certain by now that it is one PUT, or that it is parts.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.open.as_ref().is_none_or(|open| self.size >= open.decide_at)
    }

    /// The plan as it will be where the stream has as many bytes as expected; a plan that is not
    /// open itself. `None` where nobody knows.
    #[must_use]
    pub fn forecast(&self) -> Option<UploadPlan> {
        let mut plan = self.clone();
        if let Some(open) = &self.open {
            plan.extend(open.expected?, true);
        }
        Some(plan)
    }

    /// Bytes that the stream of an open plan may have; those of any other plan.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.open.as_ref().map_or(self.size, |open| open.largest)
    }

    /// Where an open plan cuts its stream; none for a plan that is not open.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let Some(open) = &self.open else { return Vec::new() };
        let next = self.runs.iter().skip(1).map(|run| run.first).chain([open.parts_max]);
        let steps = self.runs.iter().zip(next);
        let step = |(run, next): (&Run, u32)| {
            let Run { first, offset, part_size } = *run;
            Step { first, parts: next - first, offset, part_size }
        };
        steps.map(step).collect()
    }

    /// So many bytes of the stream are known now; `ended`: and there are no more. What does not
    /// fill a part counts only at the end. A plan that is not open stays as it is.
    pub(in crate::upload) fn extend(&mut self, size: u64, ended: bool) {
        if self.open.is_none() || size < self.size {
            return;
        }
        if !ended {
            self.size = self.whole_parts(size);
            return;
        }
        let single = size == 0 || !self.is_decided() && !self.would_decide(size);
        self.size = size;
        self.open = None;
        if single {
            self.runs.clear();
        } else {
            self.runs.retain(|run| run.offset < size);
        }
    }

    fn would_decide(&self, size: u64) -> bool {
        self.open.as_ref().is_some_and(|open| size >= open.decide_at)
    }

    /// The bytes of those parts that `size` bytes fill.
    fn whole_parts(&self, size: u64) -> u64 {
        let run = self.runs.iter().rfind(|run| run.offset <= size);
        run.map_or(0, |run| run.offset + (size - run.offset) / run.part_size * run.part_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::PartNumber;
    use proptest::prelude::*;

    const SMALL: Limits =
        Limits { part_size_min: 5, part_size_max: 100, parts_max: 30, object_size_max: 3000 };

    fn open(part_size: u64, threshold: u64) -> UploadPlan {
        let ladder = Ladder::growing(part_size, &SMALL).unwrap();
        UploadPlan::stream(&ladder, threshold, &SMALL).unwrap()
    }

    #[test]
    fn only_whole_parts_are_known_before_the_end() {
        let mut plan = open(10, 0);
        assert!(plan.is_open() && !plan.is_decided() && !plan.is_single_put());
        assert_eq!((plan.parts(), plan.size()), (0, 0));
        plan.extend(9, false);
        assert_eq!((plan.parts(), plan.size(), plan.is_decided()), (0, 0, false));
        plan.extend(15, false);
        assert_eq!((plan.parts(), plan.size(), plan.is_decided()), (1, 10, true));
        plan.extend(15, true);
        assert_eq!((plan.parts(), plan.size(), plan.is_open()), (2, 15, false));
        assert_eq!(plan.part(PartNumber::from_index(1)).length, 5);
        let before = plan.clone();
        plan.extend(99, true);
        assert_eq!(plan, before, "the end has come");
    }

    #[test]
    fn what_ends_below_the_threshold_goes_in_one_put() {
        for (size, single) in [(0, true), (1, true), (24, true), (25, false), (40, false)] {
            let mut plan = open(10, 25);
            plan.extend(size, true);
            assert_eq!((plan.is_single_put(), plan.size()), (single, size));
            assert_eq!(plan.parts(), if single { 1 } else { plan.parts() });
        }
        let mut plan = open(10, 25);
        plan.extend(20, false);
        assert!(!plan.is_decided(), "it may end here");
        plan.extend(30, false);
        assert!(plan.is_decided());
        assert!(UploadPlan::stream(&Ladder::equal(10, &SMALL).unwrap(), 101, &SMALL).is_err());
    }

    #[test]
    fn an_expected_stream_is_cut_as_a_file() {
        let file = UploadPlan::new(950, 10, 0, &SMALL).unwrap();
        let mut plan = UploadPlan::stream_of(950, 10, 0, &SMALL).unwrap();
        assert_eq!(plan.forecast().unwrap(), file);
        plan.extend(40, false);
        assert_eq!(plan.parts(), 1, "grown to 35");
        plan.extend(950, true);
        assert_eq!(plan, file);
        let mut small = UploadPlan::stream_of(9, 10, 10, &SMALL).unwrap();
        assert!(!small.is_decided());
        assert!(small.forecast().unwrap().is_single_put());
        small.extend(9, true);
        assert_eq!(small, UploadPlan::new(9, 10, 10, &SMALL).unwrap());
        assert_eq!(open(10, 0).forecast(), None);
        assert!(UploadPlan::stream_of(0, 10, 0, &SMALL).unwrap().forecast().is_some());
    }

    proptest! {
        #[test]
        fn parts_that_are_known_stay_as_they_are_and_cover_the_stream(
            size in 0u64..2500, part_size in 5u64..60, threshold in 0u64..100,
            seen in proptest::collection::vec(0u64..2500, 0..8),
        ) {
            let mut plan = open(part_size, threshold);
            let mut known = Vec::new();
            let mut seen: Vec<u64> = seen.into_iter().map(|at| at.min(size)).collect();
            seen.sort_unstable();
            for (at, ended) in seen.into_iter().map(|at| (at, false)).chain([(size, true)]) {
                let single = !plan.is_decided();
                plan.extend(at, ended);
                prop_assert!(plan.size() <= at && plan.is_open() != ended);
                if ended && single && size < threshold {
                    prop_assert!(plan.is_single_put());
                    return Ok(());
                }
                if plan.is_single_put() {
                    prop_assert_eq!(size, 0);
                    return Ok(());
                }
                prop_assert!(known.len() as u32 <= plan.parts() && plan.parts() <= SMALL.parts_max);
                for (index, before) in known.iter().enumerate() {
                    prop_assert_eq!(plan.part(PartNumber::from_index(index as u32)), *before);
                }
                known = (0..plan.parts()).map(|i| plan.part(PartNumber::from_index(i))).collect();
                let bytes: u64 = known.iter().map(|part| part.length).sum();
                prop_assert_eq!(bytes, plan.size());
                prop_assert!(known.is_sorted_by(|a, b| a.offset + a.length == b.offset));
            }
            prop_assert_eq!(plan.size(), size);
        }
    }
}
