//! The production engine, planner, retries and loop in virtual time, in worlds that fail.
//!
//! `SEED=537 cargo test --test simulation` runs one seed and prints what it stands for;
//! `SEEDS=100000` runs more of them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod checks;
mod fate;
mod journal;
mod producer;
mod scenario;
mod store;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use curlift::upload::{Engine, EngineSettings, OnFailure, Outcome, run};

use fate::{Fate, Fates};
use scenario::Scenario;
use world::SimulatedWorld;

/// Runs `scenario` as its user would: after a crash the same line is typed again, and so it is for
/// an upload that was kept.
fn simulate(scenario: &Scenario) -> (Outcome, Totals) {
    let mut world = SimulatedWorld::new(scenario.clone());
    let (mut crashes, mut reruns) = (0, 0);
    loop {
        let manner = world::manner(scenario);
        let mut engine = Engine::new(EngineSettings {
            concurrency: scenario.concurrency,
            retry: scenario.retry,
            recut: Some(scenario::LIMITS),
            beginning: world.begin_run(),
            on_failure: scenario.on_failure,
            ..EngineSettings::new(scenario.plan.clone(), manner, scenario.seed)
        });
        let Ok(outcome) = run(&mut engine, &mut world) else {
            crashes += 1;
            world.trace(&"crashed");
            world.crash(crashes);
            continue;
        };
        checks::check_run(scenario, &engine, &outcome, &world);
        if engine.kept_upload().is_some() && reruns < scenario.reruns {
            reruns += 1;
            world.rest();
            continue;
        }
        let attempts = world.seen.attempts.into();
        let totals = Totals { attempts, crashes: crashes as u64, time: world.elapsed() };
        checks::check(scenario, &engine, &outcome, &mut world);
        return (outcome, totals);
    }
}

/// What many runs add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    attempts: u64,
    crashes: u64,
    time: Duration,
}

fn environment(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "a seed is given to the test, not to the code")]
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name}={value} is not a number")))
}

/// Runs `scenario`, and says how to repeat it where it breaks a promise.
fn expect_good(scenario: &Scenario, how_to_repeat: &str) -> (Outcome, Totals) {
    catch_unwind(AssertUnwindSafe(|| simulate(scenario))).unwrap_or_else(|panic| {
        println!("{scenario:#?}");
        println!("to repeat: {how_to_repeat}");
        std::panic::resume_unwind(panic)
    })
}

#[test]
fn seeded_worlds_keep_every_promise() {
    if let Some(seed) = environment("SEED") {
        let scenario = Scenario { trace: true, ..Scenario::from_seed(seed) };
        println!("{scenario:?}");
        println!("{:#?}", simulate(&scenario));
        return;
    }
    let seeds = environment("SEEDS").unwrap_or(2_000);
    let mut outcomes = [0u64; 4];
    let mut streams = [0u64; 4];
    let mut totals = Totals::default();
    for seed in 0..seeds {
        let scenario = Scenario::from_seed(seed);
        let how = format!("SEED={seed} cargo test --test simulation");
        let (outcome, run) = expect_good(&scenario, &how);
        totals.attempts += run.attempts;
        totals.crashes += run.crashes;
        totals.time += run.time;
        let outcome = match outcome {
            Outcome::Uploaded(_) | Outcome::PartsStored => 0,
            Outcome::Failed(_) => 1,
            Outcome::Unknown(_) => 2,
            Outcome::Stopped => 3,
        };
        outcomes[outcome] += 1;
        streams[outcome] += u64::from(scenario.producer.is_some());
    }
    let [uploaded, failed, unknown, stopped] = outcomes;
    println!(
        "{seeds} seeds: {uploaded} uploaded, {failed} failed, {unknown} unknown, {stopped} \
         stopped; {} crashes, {} attempts, {} virtual hours; of streams: {streams:?}",
        totals.crashes,
        totals.attempts,
        totals.time.as_secs() / 3600
    );
    if seeds >= 2_000 {
        assert!(outcomes.iter().all(|count| *count > 0), "each outcome occurs: {outcomes:?}");
        assert!(streams.iter().all(|count| *count > 0), "and of streams: {streams:?}");
    }
}

/// All worlds of one to three parts in which up to two requests go wrong, in every way and order.
#[test]
fn all_small_worlds_keep_every_promise() {
    let mut worlds = 0;
    for parts in 1..=3u32 {
        let requests = u64::from(parts) + 6;
        let faults: Vec<(u64, Fate)> = (0..requests)
            .flat_map(|request| Fate::ALL.into_iter().map(move |fate| (request, fate)))
            .collect();
        for (index, first) in faults.iter().enumerate() {
            for second in &faults[index..] {
                let fates = Fates::Scripted(vec![*first, *second]);
                let how = format!("{parts} parts, {fates:?}");
                expect_good(&Scenario::scripted(parts, fates), &how);
                worlds += 1;
            }
        }
    }
    println!("{worlds} small worlds");
    assert!(worlds > 20_000);
}

/// Whatever happens once is survived.
#[test]
fn any_single_transient_fault_is_survived() {
    for parts in 1..=3 {
        for request in 0..u64::from(parts) + 2 {
            for fate in Fate::ALL {
                if matches!(fate, Fate::Denied | Fate::UploadGone) {
                    continue;
                }
                let scenario = Scenario::scripted(parts, Fates::Scripted(vec![(request, fate)]));
                let (outcome, _) =
                    expect_good(&scenario, &format!("{parts} parts, {request} {fate:?}"));
                assert!(
                    matches!(outcome, Outcome::Uploaded(_)),
                    "{parts} parts, request {request}, {fate:?}: {outcome:?}"
                );
            }
        }
    }
}

/// The program dies at every step of a small upload, once or twice, and the line is typed again.
#[test]
fn a_crash_at_any_step_is_survived() {
    let mut worlds = 0;
    let mut survive = |parts: u32, crashes: Vec<u32>, fates: Fates, is_quiet: bool| {
        let how = format!("{parts} parts, crashes after {crashes:?} steps, {fates:?}");
        let scenario = Scenario {
            crashes,
            on_failure: OnFailure::Keep,
            reruns: 2,
            ..Scenario::scripted(parts, fates)
        };
        let (outcome, totals) = expect_good(&scenario, &how);
        let survived = matches!(outcome, Outcome::Uploaded(_));
        assert!(survived || !is_quiet, "{how}: {outcome:?}");
        worlds += 1;
        totals.crashes
    };
    let none = || Fates::Scripted(Vec::new());
    for parts in 2..=3 {
        let mut first = 0;
        while survive(parts, vec![first], none(), true) > 0 {
            let mut second = 0;
            while survive(parts, vec![first, second], none(), true) > 1 {
                second += 1;
            }
            first += 1;
        }
    }
    for fate in Fate::ALL {
        for request in 0..6 {
            let script = || Fates::Scripted(vec![(request, fate)]);
            let mut step = 0;
            while survive(2, vec![step], script(), false) > 0 {
                step += 1;
            }
        }
    }
    println!("{worlds} worlds with crashes");
    assert!(worlds > 1_000);
}
