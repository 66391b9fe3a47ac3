//! Connections that are cut at about the same byte count or age, time after time: something on the
//! way does not let long bodies pass, and smaller parts do.

use std::time::Duration;

use super::{Failure, Symptom};

/// Cuts alike that make a pattern.
const ALIKE: usize = 3;
/// Cuts are alike where the largest is at most that many times the smallest. Bytes are counted
/// when the kernel takes them, a few megabytes before they have arrived.
const SPREAD: f64 = 1.4;
/// Of what got through, this much should pass safely.
const SAFE: f64 = 0.5;
/// An attempt cut earlier says nothing of long bodies.
const AGE_MIN: Duration = Duration::from_secs(5);

/// Where the connections of late failed parts were cut.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    /// The last few, oldest first.
    recent: Vec<Cut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    bytes: u64,
    age: Duration,
    /// Whether its byte count, or its age, may be why: until a part got further.
    by_bytes: bool,
    by_age: bool,
}

/// What the cuts have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CutPattern {
    /// About so many bytes had been sent each time.
    AtBytes(u64),
    /// About so much time had passed each time.
    AtAge(Duration),
}

impl Cuts {
    /// A part was not stored.
    pub(super) fn failed(&mut self, failure: &Failure) {
        if failure.part.is_none() {
            return;
        }
        let evidence = &failure.evidence;
        let cut_short = failure.symptom == Symptom::Reset
            && failure.s3_code().is_none()
            && evidence.bytes_sent < evidence.bytes_expected;
        if !cut_short {
            return;
        }
        if self.recent.len() == ALIKE {
            self.recent.remove(0);
        }
        let (bytes, age) = (evidence.bytes_sent, evidence.elapsed);
        self.recent.push(Cut { bytes, age, by_bytes: bytes > 0, by_age: age >= AGE_MIN });
    }

    /// A part of `length` bytes was stored after `elapsed`: what was cut earlier was not cut for
    /// its size or age.
    pub(super) fn stored(&mut self, length: u64, elapsed: Duration) {
        for cut in &mut self.recent {
            cut.by_bytes &= cut.bytes > length;
            cut.by_age &= cut.age > elapsed;
        }
        self.recent.retain(|cut| cut.by_bytes || cut.by_age);
    }

    pub(super) fn forget(&mut self) {
        self.recent.clear();
    }

    /// What they have in common, and the bytes that may pass.
    pub(super) fn pattern(&self) -> Option<(CutPattern, u64)> {
        if self.recent.len() < ALIKE {
            return None;
        }
        let bytes = self.recent.iter().map(|cut| cut.bytes);
        let (least, most) = (bytes.clone().min()?, bytes.max()?);
        let ages = self.recent.iter().map(|cut| cut.age);
        let (youngest, oldest) = (ages.clone().min()?, ages.max()?);
        let all = |may_be_why: fn(&Cut) -> bool| self.recent.iter().all(may_be_why);
        let pattern = if all(|cut| cut.by_bytes) && most as f64 <= least as f64 * SPREAD {
            CutPattern::AtBytes(least)
        } else if all(|cut| cut.by_age) && oldest <= youngest.mul_f64(SPREAD) {
            CutPattern::AtAge(youngest)
        } else {
            return None;
        };
        Some((pattern, (least as f64 * SAFE) as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Evidence, TransportFailure, TransportFailureKind};
    use crate::s3::{ErrorClass, PartNumber, S3Error};
    use crate::time::Time;
    use crate::upload::{Cause, PartRange};

    const MIB: u64 = 1 << 20;

    fn cut(megabytes: u64, seconds: u64) -> Failure {
        let failure =
            TransportFailure { kind: TransportFailureKind::Reset, message: String::new() };
        Failure {
            operation: "UploadPart",
            part: Some(PartRange {
                number: PartNumber::from_index(0),
                offset: 0,
                length: 64 * MIB,
            }),
            attempt: 1,
            attempts_max: 10,
            cause: Cause::S3(S3Error::Transport(failure)),
            symptom: Symptom::Reset,
            class: ErrorClass::Transient,
            ambiguous: false,
            evidence: Evidence {
                bytes_sent: megabytes * MIB,
                bytes_expected: 64 * MIB,
                elapsed: Duration::from_secs(seconds),
                ..Evidence::default()
            },
            link: None,
            at: Time::ZERO,
            gave_up: None,
        }
    }

    fn after(failures: &[(u64, u64)]) -> Cuts {
        let mut cuts = Cuts::default();
        for (megabytes, seconds) in failures {
            cuts.failed(&cut(*megabytes, *seconds));
        }
        cuts
    }

    #[test]
    fn three_cuts_at_about_the_same_byte_count_make_a_pattern() {
        assert_eq!(after(&[(20, 1), (22, 7)]).pattern(), None);
        let cuts = after(&[(1, 90), (22, 1), (20, 7), (24, 30)]);
        assert_eq!(cuts.pattern(), Some((CutPattern::AtBytes(20 * MIB), 10 * MIB)));
        assert_eq!(after(&[(20, 1), (22, 2), (40, 3)]).pattern(), None);
    }

    #[test]
    fn three_cuts_at_about_the_same_age_make_a_pattern() {
        let pattern = after(&[(40, 60), (12, 61), (30, 63)]).pattern();
        let age = CutPattern::AtAge(Duration::from_mins(1));
        assert_eq!(pattern, Some((age, 6 * MIB)));
        assert_eq!(after(&[(40, 1), (12, 1), (30, 1)]).pattern(), None, "too early to tell");
    }

    #[test]
    fn a_part_that_got_further_disproves_it() {
        let mut cuts = after(&[(20, 60), (20, 60), (20, 60)]);
        cuts.stored(10 * MIB, Duration::from_secs(30));
        assert!(cuts.pattern().is_some());
        cuts.stored(30 * MIB, Duration::from_secs(30));
        let age = CutPattern::AtAge(Duration::from_mins(1));
        assert_eq!(cuts.pattern(), Some((age, 10 * MIB)), "its size did not matter");
        cuts.stored(MIB, Duration::from_mins(1));
        assert_eq!(cuts.pattern(), None);
    }

    #[test]
    fn answers_and_whole_bodies_are_no_cuts() {
        let mut cuts = Cuts::default();
        for _ in 0..9 {
            let mut whole = cut(64, 60);
            whole.symptom = Symptom::Reset;
            cuts.failed(&whole);
            let throttled = Failure { symptom: Symptom::Throttled, ..cut(20, 60) };
            cuts.failed(&throttled);
            cuts.failed(&Failure { part: None, ..cut(20, 60) });
        }
        assert_eq!(cuts.pattern(), None);
    }
}
