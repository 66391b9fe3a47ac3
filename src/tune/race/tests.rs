//! Races in worlds whose truth is known: a throughput planted for each candidate, and noise.

use std::time::Duration;

use super::*;
use crate::tune::{Verdict, rank};

const SIZE: u64 = 1 << 20;

const BUDGET: Budget = Budget { time: Duration::from_hours(1), bytes: u64::MAX, rounds: 10 };

/// Uploads take what is planted for their candidate, give or take.
struct World<F> {
    truth: F,
    /// A standard deviation, as a share.
    noise: f64,
    chance: Rng,
    spent: Spent,
    /// Who was measured, in order.
    measured: Vec<usize>,
}

impl<F: Fn(&Candidate) -> Option<f64>> World<F> {
    fn new(noise: f64, seed: u64, truth: F) -> World<F> {
        let chance = Rng::with_seed(seed);
        World { truth, noise, chance, spent: Spent::default(), measured: Vec::new() }
    }

    fn sample(&mut self, candidate: &Candidate) -> Option<Sample> {
        let normal = (0..12).map(|_| self.chance.f64()).sum::<f64>() - 6.0;
        let rate = (self.truth)(candidate)? * (1.0 + self.noise * normal).max(0.05);
        let elapsed_s = SIZE as f64 / rate;
        self.spent.time += Duration::from_secs_f64(elapsed_s);
        self.spent.bytes += SIZE;
        Some(Sample { bytes: SIZE, elapsed_s, cpu_s: 0.1, memory_peak_bytes: None, retries: 0 })
    }

    fn run(&mut self, race: &mut Race) -> End {
        loop {
            match race.next(self.spent) {
                Step::End(end) => return end,
                Step::Measure(index) => {
                    self.measured.push(index);
                    let candidate = race.entries()[index].candidate.clone();
                    let sample = self.sample(&candidate);
                    race.measured(index, sample);
                }
            }
        }
    }
}

fn sweep(name: &str, values: &[&str]) -> Sweep {
    Sweep { name: name.into(), values: values.iter().map(|&value| value.into()).collect() }
}

fn race(sweeps: &[Sweep], budget: Budget, seed: u64) -> Race {
    Race::new(Design::new(sweeps).unwrap(), Goal::Throughput, budget, seed)
}

fn best(race: &Race) -> String {
    let ranking = rank(race.entries(), Goal::Throughput);
    race.entries()[ranking.order[0]].candidate.to_string()
}

/// Bytes a second, by the value of `a`.
fn by_a(candidate: &Candidate) -> f64 {
    match candidate.value("a") {
        Some("3") => 130e6,
        Some("4") => 20e6,
        _ => 100e6,
    }
}

const VALUES: [&str; 5] = ["1", "2", "3", "4", "5"];

#[test]
fn the_planted_winner_is_found_and_claimed() {
    for seed in 0..50 {
        let mut race = race(&[sweep("a", &VALUES)], BUDGET, seed);
        let end = World::new(0.05, seed, |c| Some(by_a(c))).run(&mut race);
        assert_eq!(end, End::Rounds, "{seed}");
        assert_eq!(best(&race), "a=3", "{seed}");
        let Verdict::Better { index, gain, .. } = rank(race.entries(), Goal::Throughput).verdict
        else {
            panic!("{seed}: {:?}", rank(race.entries(), Goal::Throughput).verdict)
        };
        assert_eq!(race.entries()[index].candidate.value("a"), Some("3"));
        assert!((0.2..0.4).contains(&gain), "{seed}: {gain}");
    }
}

#[test]
fn where_there_is_no_winner_none_is_claimed() {
    let claims = (0..200_u64).filter(|&seed| {
        let mut race = race(&[sweep("a", &VALUES)], BUDGET, seed);
        World::new(0.1, seed, |_| Some(100e6)).run(&mut race);
        matches!(rank(race.entries(), Goal::Throughput).verdict, Verdict::Better { .. })
    });
    // One in twenty is the promise.
    assert!(claims.count() <= 10);
}

#[test]
fn a_terrible_candidate_drops_out_after_two_rounds_and_never_after_one() {
    for seed in 0..50 {
        let mut race = race(&[sweep("a", &VALUES)], BUDGET, seed);
        World::new(0.05, seed, |c| Some(by_a(c))).run(&mut race);
        let terrible = &race.entries()[4];
        assert_eq!(terrible.candidate.value("a"), Some("4"));
        assert_eq!((terrible.state, terrible.samples.len()), (State::Dropped, 2), "{seed}");
        for entry in race.entries() {
            assert!(entry.samples.len() >= 2, "{seed}: {}", entry.candidate);
        }
        assert!(race.entries()[0].is_racing(), "the baseline stays");
        assert_eq!(race.entries()[0].samples.len(), 10);
    }
}

#[test]
fn those_that_are_as_good_seldom_drop_out() {
    let mut dropped = 0;
    for seed in 0..100 {
        let mut race = race(&[sweep("a", &VALUES)], BUDGET, seed);
        World::new(0.1, seed, |_| Some(100e6)).run(&mut race);
        dropped += race.entries().iter().filter(|entry| !entry.is_racing()).count();
    }
    assert!(dropped < 25, "{dropped} of 500");
}

#[test]
fn a_candidate_that_always_fails_is_given_up_and_ranks_last() {
    let fails = |candidate: &Candidate| match candidate.value("a") {
        Some("3") => None,
        _ => Some(by_a(candidate)),
    };
    let mut race = race(&[sweep("a", &VALUES)], BUDGET, 3);
    World::new(0.05, 3, fails).run(&mut race);
    let entry = &race.entries()[3];
    assert_eq!((entry.state, entry.failures), (State::Failing, 2));
    let ranking = rank(race.entries(), Goal::Throughput);
    assert_eq!(ranking.order.last(), Some(&3));
}

#[test]
fn rounds_hold_everyone_once_in_changing_order() {
    let mut race = race(&[sweep("a", &VALUES)], BUDGET, 1);
    let mut world = World::new(0.02, 1, |_| Some(100e6));
    world.run(&mut race);
    let rounds: Vec<Vec<usize>> = world.measured.chunks(6).take(2).map(<[usize]>::to_vec).collect();
    for round in &rounds {
        let mut sorted = round.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
    }
    assert_ne!(rounds[0], rounds[1]);
}

#[test]
fn a_budget_ends_it_between_two_rounds() {
    // An upload takes about 10 ms; six candidates, so that 200 ms are three rounds.
    let budget = Budget { time: Duration::from_millis(200), ..BUDGET };
    let mut by_time = race(&[sweep("a", &VALUES)], budget, 1);
    assert_eq!(World::new(0.01, 1, |_| Some(105e6)).run(&mut by_time), End::Budget);
    assert!(by_time.entries().iter().all(|entry| entry.samples.len() == 3), "{by_time:?}");
    let budget = Budget { bytes: 12 * SIZE, ..BUDGET };
    let mut by_bytes = race(&[sweep("a", &VALUES)], budget, 1);
    assert_eq!(World::new(0.01, 1, |_| Some(105e6)).run(&mut by_bytes), End::Budget);
    assert!(by_bytes.entries().iter().all(|entry| entry.samples.len() == 2));
    let none = Budget { bytes: SIZE, ..BUDGET };
    let mut by_nothing = race(&[sweep("a", &VALUES)], none, 1);
    let mut world = World::new(0.01, 1, |_| Some(105e6));
    world.run(&mut by_nothing);
    assert_eq!(world.measured.len(), 1);
}

#[test]
fn of_many_values_the_best_are_combined() {
    let values = ["1", "2", "3"];
    let sweeps = [sweep("a", &values), sweep("b", &values), sweep("c", &values)];
    // Each helps alone; together they help most. What is set for c is best left alone.
    let truth = |candidate: &Candidate| {
        let a = if candidate.value("a") == Some("2") { 1.3 } else { 1.0 };
        let b = if candidate.value("b") == Some("3") { 1.3 } else { 1.0 };
        let c = if candidate.value("c").is_some() { 0.8 } else { 1.0 };
        Some(100e6 * a * b * c)
    };
    for seed in 0..20 {
        let mut race = race(&sweeps, BUDGET, seed);
        World::new(0.03, seed, truth).run(&mut race);
        assert_eq!(best(&race), "a=2 b=3", "{seed}");
        assert!(race.entries().len() <= Design::new(&sweeps).unwrap().candidates_max());
        let verdict = rank(race.entries(), Goal::Throughput).verdict;
        assert!(matches!(verdict, Verdict::Better { .. }), "{seed}: {verdict:?}");
    }
}

#[test]
fn where_all_fail_or_are_refused_it_ends() {
    let mut race = race(&[sweep("a", &["1", "2"])], BUDGET, 1);
    race.refused(2);
    let mut world = World::new(0.0, 1, |_| None);
    assert_eq!(world.run(&mut race), End::Settled);
    assert_eq!(world.measured.len(), 4);
    assert_eq!(race.entries()[2].state, State::Refused);
    assert_eq!(rank(race.entries(), Goal::Throughput).verdict, Verdict::Nothing);
}
