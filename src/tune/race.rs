//! Who is measured next, and when that is enough.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::budget::ROUNDS_MIN;
use super::design::{Choice, grid};
use super::statistics::noise;
use super::{Budget, Candidate, Design, Entry, Goal, Sample, Spent, State, Sweep};

/// The measuring of candidates against each other.
#[derive(Debug)]
pub struct Race {
    entries: Vec<Entry>,
    goal: Goal,
    budget: Budget,
    chance: Rng,
    /// Who is to be measured in this round, the next last.
    queue: Vec<usize>,
    rounds: u32,
    /// Sweeps whose best values are still to be combined.
    later: Vec<Sweep>,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Measure this entry.
    Measure(usize),
    /// Nothing more.
    End(End),
}

/// Why nothing more is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All rounds have been run.
    Rounds,
    /// Another round does not fit into the budget.
    Budget,
    /// At most one candidate is left.
    Settled,
}

/// Uploads that may fail before a candidate is given up.
const FAILURES_MAX: u32 = 2;

/// A candidate whose best upload is below this share of the leader's median needs no third one.
const HOPELESS: f64 = 0.5;

/// Samples from which on a candidate may drop out for less.
const SAMPLES_MIN: usize = 3;

/// Deviations by which its best must stay behind the leader's median, and the share that it must
/// whatever the noise.
const DEVIATIONS: f64 = 2.0;
const MARGIN_MIN: f64 = 0.05;

impl Race {
    /// Nothing has been measured yet.
    #[must_use]
    pub fn new(design: Design, goal: Goal, budget: Budget, seed: u64) -> Race {
        Race {
            entries: design.candidates.into_iter().map(Entry::new).collect(),
            goal,
            budget,
            chance: Rng::with_seed(seed),
            queue: Vec::new(),
            rounds: 0,
            later: design.later,
        }
    }

    /// All candidates, the baseline first; combinations of the best are added as it goes on.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The round that is being run, counted from 1.
    #[must_use]
    pub fn round(&self) -> u32 {
        self.rounds
    }

    /// What is to be done next, `spent` being what all uploads so far have cost.
    pub fn next(&mut self, spent: Spent) -> Step {
        loop {
            while let Some(index) = self.queue.pop() {
                if self.budget.is_spent(spent) {
                    self.queue.clear();
                    return Step::End(End::Budget);
                }
                if self.entries[index].is_racing() {
                    return Step::Measure(index);
                }
            }
            self.drop_the_worse();
            if self.rounds >= ROUNDS_MIN {
                self.combine_the_best();
            }
            self.queue = self.draw();
            if let Some(end) = self.end(spent) {
                self.queue.clear();
                return Step::End(end);
            }
            self.rounds += 1;
        }
    }

    /// What measuring an entry brought; `None`: it failed.
    pub fn measured(&mut self, index: usize, sample: Option<Sample>) {
        let entry = &mut self.entries[index];
        if let Some(sample) = sample {
            entry.samples.push(sample);
            return;
        }
        entry.failures += 1;
        if entry.failures >= FAILURES_MAX {
            entry.state = State::Failing;
        }
    }

    /// An entry's settings are refused: it is not measured.
    pub fn refused(&mut self, index: usize) {
        self.entries[index].state = State::Refused;
    }

    /// Those that have rounds left, in the order of chance.
    fn draw(&mut self) -> Vec<usize> {
        let rounds = self.budget.rounds;
        let has_rounds = |entry: &Entry| entry.is_racing() && entry.attempts() < rounds;
        let entries = self.entries.iter().enumerate();
        let mut queue: Vec<usize> =
            entries.filter(|(_, entry)| has_rounds(entry)).map(|(index, _)| index).collect();
        self.chance.shuffle(&mut queue);
        queue
    }

    fn end(&self, spent: Spent) -> Option<End> {
        let racing = self.entries.iter().filter(|entry| entry.is_racing()).count();
        if racing == 0 || (racing == 1 && self.rounds >= ROUNDS_MIN) {
            return Some(End::Settled);
        }
        if self.queue.is_empty() {
            return Some(End::Rounds);
        }
        let uploads: u32 = self.entries.iter().map(Entry::attempts).sum();
        let more = self.queue.len() as u32;
        // The first two rounds were reckoned with before they began.
        let is_short = self.rounds >= ROUNDS_MIN && !self.budget.has_room(spent, uploads, more);
        is_short.then_some(End::Budget)
    }

    /// Ends the race for those whose best upload is clearly worse than the leader's usual one. The
    /// baseline stays: the others are held against it.
    fn drop_the_worse(&mut self) {
        let goal = self.goal;
        let racing = self.entries.iter().filter(|entry| entry.is_racing());
        let leader = racing.filter_map(|entry| entry.median_score(goal)).fold(0.0, f64::max);
        let groups: Vec<Vec<f64>> = self.entries.iter().map(|entry| entry.scores(goal)).collect();
        let margin = (DEVIATIONS * noise(&groups)).max(MARGIN_MIN);
        for (entry, scores) in self.entries.iter_mut().zip(groups) {
            let best = scores.iter().copied().fold(0.0, f64::max);
            let is_worse = scores.len() > 1 && best < leader * HOPELESS
                || scores.len() >= SAMPLES_MIN && best < leader * (1.0 - margin);
            if entry.is_racing() && is_worse && !entry.candidate.is_baseline() {
                entry.state = State::Dropped;
            }
        }
    }

    /// Adds the combinations of the two best values of each name, once.
    fn combine_the_best(&mut self) {
        let later = std::mem::take(&mut self.later);
        if later.is_empty() {
            return;
        }
        let choices = later.iter().map(|sweep| self.two_best(sweep)).collect();
        for candidate in grid(choices) {
            if !self.entries.iter().any(|entry| entry.candidate == candidate) {
                self.entries.push(Entry::new(candidate));
            }
        }
    }

    /// The two best values of a name, one of which may be to leave it as it is.
    fn two_best(&self, sweep: &Sweep) -> Choice {
        let medians: BTreeMap<Option<&str>, f64> = self
            .entries
            .iter()
            .filter(|entry| only_sets(&entry.candidate, &sweep.name) && entry.failures == 0)
            .filter_map(|entry| {
                Some((entry.candidate.value(&sweep.name), entry.median_score(self.goal)?))
            })
            .collect();
        let mut values: Vec<(Option<&str>, f64)> = medians.into_iter().collect();
        values.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let values = values.into_iter().take(2).map(|(value, _)| value.map(str::to_owned));
        (sweep.name.clone(), values.collect())
    }
}

/// Whether a candidate sets this name alone, or nothing.
fn only_sets(candidate: &Candidate, name: &str) -> bool {
    candidate.settings.iter().all(|(set, _)| set == name)
}

#[cfg(test)]
mod tests;
