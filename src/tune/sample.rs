//! What was measured, and of whom.

use super::Candidate;
use super::statistics::median;

/// One upload that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took, seconds.
    pub elapsed_s: f64,
    /// Processor time of the whole program, seconds.
    pub cpu_s: f64,
    /// The most memory it had resident; `None` where the system does not tell.
    pub memory_peak_bytes: Option<u64>,
    /// Attempts that failed and were repeated.
    pub retries: u32,
}

/// What is to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Bytes a second.
    Throughput,
    /// Processor time a byte.
    Cpu,
    /// Memory.
    Memory,
}

/// A candidate and all that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The settings.
    pub candidate: Candidate,
    /// What was measured, in the order of the rounds.
    pub samples: Vec<Sample>,
    /// Uploads that failed.
    pub failures: u32,
    /// Whether it is measured on.
    pub state: State,
}

/// Whether a candidate is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is.
    Racing,
    /// It was clearly worse than the leader.
    Dropped,
    /// Its uploads failed.
    Failing,
    /// Its settings were refused before anything was sent.
    Refused,
}

/// The middle of some numbers and how far they reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Half of them are below.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// What passes so quickly that it cannot be told from nothing, seconds.
const INSTANT_S: f64 = 0.000_5;

impl Sample {
    /// Bytes a second.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        self.bytes as f64 / self.elapsed_s.max(INSTANT_S)
    }

    /// Seconds of processor time for a GiB.
    #[must_use]
    pub fn cpu_s_per_gib(&self) -> f64 {
        self.cpu_s.max(INSTANT_S) * GIB / self.bytes.max(1) as f64
    }
}

impl Goal {
    /// How good an upload was: the more the better, never negative.
    #[must_use]
    pub fn score(self, sample: &Sample) -> f64 {
        match self {
            Goal::Throughput => sample.throughput(),
            Goal::Cpu => 1.0 / sample.cpu_s_per_gib(),
            Goal::Memory => sample.memory_peak_bytes.map_or(0.0, |bytes| 1.0 / bytes.max(1) as f64),
        }
    }
}

impl Entry {
    /// A candidate of which nothing is known yet.
    #[must_use]
    pub fn new(candidate: Candidate) -> Entry {
        Entry { candidate, samples: Vec::new(), failures: 0, state: State::Racing }
    }

    /// Uploads, well or not.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.samples.len() as u32 + self.failures
    }

    /// Whether it is measured on.
    #[must_use]
    pub fn is_racing(&self) -> bool {
        self.state == State::Racing
    }

    /// Attempts repeated within its uploads.
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.samples.iter().map(|sample| sample.retries).sum()
    }

    /// The most memory that any of its uploads took.
    #[must_use]
    pub fn memory_peak_bytes(&self) -> Option<u64> {
        self.samples.iter().filter_map(|sample| sample.memory_peak_bytes).max()
    }

    /// The spread of what `value` makes of its uploads; `None` where there are none.
    #[must_use]
    pub fn spread(&self, value: impl Fn(&Sample) -> f64) -> Option<Spread> {
        let values: Vec<f64> = self.samples.iter().map(value).collect();
        Some(Spread {
            median: median(&values)?,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }

    pub(super) fn scores(&self, goal: Goal) -> Vec<f64> {
        self.samples.iter().map(|sample| goal.score(sample)).collect()
    }

    pub(super) fn median_score(&self, goal: Goal) -> Option<f64> {
        median(&self.scores(goal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Sample = Sample {
        bytes: 1 << 29,
        elapsed_s: 2.0,
        cpu_s: 0.5,
        memory_peak_bytes: Some(1 << 23),
        retries: 1,
    };

    #[test]
    fn samples_are_told_in_the_units_people_compare() {
        assert!((SAMPLE.throughput() - f64::from(1 << 28)).abs() < 1e-6);
        assert!((SAMPLE.cpu_s_per_gib() - 1.0).abs() < 1e-9);
        let nothing = Sample { bytes: 0, elapsed_s: 0.0, cpu_s: 0.0, ..SAMPLE };
        for goal in [Goal::Throughput, Goal::Cpu, Goal::Memory] {
            assert!(goal.score(&nothing).is_finite(), "{goal:?}");
            assert!(goal.score(&SAMPLE) > 0.0, "{goal:?}");
        }
    }

    #[test]
    fn an_entry_adds_its_samples_up() {
        let mut entry = Entry::new(Candidate::default());
        assert_eq!(entry.spread(Sample::throughput), None);
        entry.samples = vec![SAMPLE, Sample { elapsed_s: 1.0, memory_peak_bytes: None, ..SAMPLE }];
        entry.failures = 1;
        assert_eq!((entry.attempts(), entry.retries()), (3, 2));
        assert_eq!(entry.memory_peak_bytes(), Some(1 << 23));
        let spread = entry.spread(|sample| sample.elapsed_s).unwrap();
        assert_eq!(spread, Spread { median: 1.5, min: 1.0, max: 2.0 });
    }
}
