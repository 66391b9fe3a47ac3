//! The candidates in order, and what may be claimed of the first.

use super::statistics::{likelihood_of_chance, median, noise};
use super::{Entry, Goal, Sample, State};

/// The candidates in order, and what may be claimed of the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// The places of the entries, the best first.
    pub order: Vec<usize>,
    /// How far uploads with the same settings scatter, as a share of their mean.
    pub noise: f64,
    /// What may be claimed.
    pub verdict: Verdict,
}

/// What may be claimed of the best candidate against the baseline.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It is better, and that is no chance.
    Better {
        /// Its place among the entries.
        index: usize,
        /// By how much its median is better, as a share of the baseline's.
        gain: f64,
        /// How likely chance alone would show any of the candidates so far ahead.
        chance: f64,
    },
    /// No candidate is measurably better than the baseline.
    WithinNoise,
    /// One was ahead every time, and that is not often enough to be no chance.
    TooFewRounds {
        /// Its place among the entries.
        index: usize,
        /// By how much its median is better.
        gain: f64,
        /// Rounds that can tell.
        rounds: u32,
    },
    /// The baseline failed where another did not.
    OnlyOthers {
        /// The place of the best.
        index: usize,
    },
    /// Nothing was uploaded.
    Nothing,
}

/// How likely chance may be where something is claimed.
const CHANCE_MAX: f64 = 0.05;

/// Rounds that tell whatever the number of candidates.
const ROUNDS_MAX: u32 = 50;

/// The standard error of a median over that of a mean, of normal distributions.
const MEDIAN_ERROR: f64 = 1.2533;

/// Standard errors within which two medians count as equal, and the share within which they must
/// be, however much the noise.
const ERRORS: f64 = 2.0;
const LEVEL: f64 = 0.05;

/// Puts the candidates, of which the first is the baseline, in order.
///
/// # Panics
/// Where there are no entries.
#[must_use]
pub fn rank(entries: &[Entry], goal: Goal) -> Ranking {
    let scores: Vec<Vec<f64>> = entries.iter().map(|entry| entry.scores(goal)).collect();
    let noise = noise(&scores);
    let standings: Vec<Standing> = standings(entries, &scores, noise);
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by(|&a, &b| standings[a].compare(&standings[b]).then(a.cmp(&b)));
    let verdict = verdict(entries, &scores, order[0]);
    Ranking { order, noise, verdict }
}

/// What an entry's place is decided by.
struct Standing {
    /// Uploaded nothing; refused before.
    group: u8,
    failures: u32,
    /// Whether it stayed to the end and cannot be told from the one with the best median.
    is_level: bool,
    median: f64,
    cpu: f64,
}

impl Standing {
    fn compare(&self, other: &Standing) -> std::cmp::Ordering {
        let coarse = |s: &Standing| (s.group, s.failures, !s.is_level);
        let by_cpu = self.cpu.total_cmp(&other.cpu);
        let by_median = other.median.total_cmp(&self.median);
        coarse(self).cmp(&coarse(other)).then(if self.is_level {
            by_cpu.then(by_median)
        } else {
            by_median.then(by_cpu)
        })
    }
}

fn standings(entries: &[Entry], scores: &[Vec<f64>], noise: f64) -> Vec<Standing> {
    let medians: Vec<f64> = scores.iter().map(|s| median(s).unwrap_or(0.0)).collect();
    let ahead = (0..entries.len())
        .filter(|&index| entries[index].failures == 0)
        .max_by(|&a, &b| medians[a].total_cmp(&medians[b]))
        .unwrap_or(0);
    let count = |index: usize| scores[index].len().max(1) as f64;
    let stand = |(index, entry): (usize, &Entry)| {
        let error = MEDIAN_ERROR * noise * (1.0 / count(index) + 1.0 / count(ahead)).sqrt();
        Standing {
            group: match entry.state {
                State::Refused => 2,
                _ if entry.samples.is_empty() => 1,
                _ => 0,
            },
            failures: entry.failures,
            is_level: entry.state != State::Dropped
                && medians[index] >= medians[ahead] * (1.0 - (ERRORS * error).min(LEVEL)),
            median: medians[index],
            cpu: entry.spread(Sample::cpu_s_per_gib).map_or(f64::INFINITY, |cpu| cpu.median),
        }
    };
    entries.iter().enumerate().map(stand).collect()
}

fn verdict(entries: &[Entry], scores: &[Vec<f64>], best: usize) -> Verdict {
    let Some(median_best) = median(&scores[best]) else { return Verdict::Nothing };
    let baseline = entries.iter().position(|entry| entry.candidate.is_baseline());
    let Some((baseline, median_baseline)) =
        baseline.and_then(|index| Some((index, median(&scores[index])?)))
    else {
        return Verdict::OnlyOthers { index: best };
    };
    if best == baseline || median_best <= median_baseline {
        return Verdict::WithinNoise;
    }
    // The best is chosen among so many, any of which may be ahead by chance (Bonferroni).
    let rivals = entries.iter().filter(|entry| !entry.samples.is_empty()).count() - 1;
    let chance = |greater: &[f64], others: &[f64]| {
        (likelihood_of_chance(greater, others) * rivals as f64).min(1.0)
    };
    let gain = median_best / median_baseline - 1.0;
    let likely = chance(&scores[best], &scores[baseline]);
    if likely < CHANCE_MAX {
        return Verdict::Better { index: best, gain, chance: likely };
    }
    let least = scores[best].iter().copied().fold(f64::INFINITY, f64::min);
    let is_always_ahead = scores[baseline].iter().all(|score| *score < least);
    if !is_always_ahead {
        return Verdict::WithinNoise;
    }
    let tells = |rounds: u32| {
        let (high, low) = (vec![1.0; rounds as usize], vec![0.0; rounds as usize]);
        chance(&high, &low) < CHANCE_MAX
    };
    let rounds = (1..ROUNDS_MAX).find(|rounds| tells(*rounds)).unwrap_or(ROUNDS_MAX);
    Verdict::TooFewRounds { index: best, gain, rounds }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Candidate;

    fn entry(name: &str, rates: &[f64], cpu_s: f64) -> Entry {
        let settings = match name {
            "" => Vec::new(),
            name => vec![(name.to_owned(), "1".to_owned())],
        };
        let sample = |rate: &f64| Sample {
            bytes: 1 << 30,
            elapsed_s: f64::from(1 << 30) / rate,
            cpu_s,
            memory_peak_bytes: Some((cpu_s * 1e6) as u64),
            retries: 0,
        };
        let samples = rates.iter().map(sample).collect();
        Entry { samples, ..Entry::new(Candidate { settings }) }
    }

    fn order(entries: &[Entry], goal: Goal) -> Vec<usize> {
        rank(entries, goal).order
    }

    #[test]
    fn within_the_noise_the_processor_decides() {
        let entries = [
            entry("", &[100.0, 90.0, 110.0], 0.5),
            entry("a", &[101.0, 92.0, 112.0], 0.9),
            entry("b", &[99.0, 91.0, 109.0], 0.3),
            entry("c", &[50.0, 45.0, 55.0], 0.1),
        ];
        assert_eq!(order(&entries, Goal::Throughput), [2, 0, 1, 3]);
        assert_eq!(order(&entries, Goal::Cpu), [3, 2, 0, 1]);
        assert_eq!(order(&entries, Goal::Memory), [3, 2, 0, 1]);
        assert_eq!(rank(&entries, Goal::Throughput).verdict, Verdict::WithinNoise);
    }

    #[test]
    fn beyond_the_noise_it_does_not() {
        let quiet = |rate: f64| [rate, rate * 1.001, rate * 0.999, rate * 1.002, rate * 0.998];
        let entries = [entry("", &quiet(100.0), 0.1), entry("a", &quiet(105.0), 0.9)];
        assert_eq!(order(&entries, Goal::Throughput), [1, 0]);
        let Verdict::Better { index: 1, gain, chance } = rank(&entries, Goal::Throughput).verdict
        else {
            panic!("it is better")
        };
        assert!((gain - 0.05).abs() < 1e-9);
        assert!((chance - 1.0 / 252.0).abs() < 1e-9);
    }

    #[test]
    fn what_fails_stands_behind_what_does_not_and_what_was_refused_last() {
        let mut entries = vec![
            entry("", &[50.0, 51.0], 0.1),
            entry("a", &[100.0, 101.0], 0.1),
            entry("b", &[], 0.1),
            entry("c", &[], 0.1),
            entry("d", &[49.5, 50.5], 0.01),
        ];
        entries[1].failures = 1;
        entries[2].state = State::Refused;
        (entries[3].state, entries[3].failures) = (State::Failing, 2);
        entries[4].state = State::Dropped;
        assert_eq!(order(&entries, Goal::Throughput), [0, 4, 1, 3, 2]);
        assert_eq!(rank(&entries, Goal::Throughput).verdict, Verdict::WithinNoise);
    }

    #[test]
    fn rounds_that_cannot_tell_are_told_apart_from_noise() {
        let entries = [entry("", &[100.0, 101.0], 0.1), entry("a", &[200.0, 199.0], 0.1)];
        let verdict = rank(&entries, Goal::Throughput).verdict;
        let Verdict::TooFewRounds { index: 1, gain, rounds: 4 } = verdict else {
            panic!("{verdict:?}")
        };
        assert!((0.9..1.1).contains(&gain));
        let mixed = [entry("", &[100.0, 190.0], 0.1), entry("a", &[180.0, 199.0], 0.1)];
        assert_eq!(rank(&mixed, Goal::Throughput).verdict, Verdict::WithinNoise);
    }

    #[test]
    fn a_baseline_that_failed_cannot_be_compared_with() {
        let mut entries = vec![entry("", &[], 0.1), entry("a", &[100.0, 101.0], 0.1)];
        entries[0].failures = 2;
        assert_eq!(rank(&entries, Goal::Throughput).verdict, Verdict::OnlyOthers { index: 1 });
    }
}
