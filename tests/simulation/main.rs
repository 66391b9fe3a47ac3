//! The production engine, planner, retries and loop in virtual time, in worlds that fail.
//!
//! `SEED=537 cargo test --test simulation` runs one seed and prints what it stands for;
//! `SEEDS=100000` runs more of them.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod checks;
mod fate;
mod journal;
mod links;
mod producer;
mod scenario;
mod store;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use curlift::upload::{Engine, EngineSettings, OnFailure, OnGone, Outcome, RemedySettings, run};

use fate::{Fate, Fates};
use links::{Beside, Linked, Refusal, Renewal};
use scenario::Scenario;
use world::SimulatedWorld;

/// Runs `scenario` as its user would: after a crash the same line is typed again, and so it is for
/// an upload that was kept.
fn simulate(scenario: &Scenario) -> (Outcome, Totals) {
    let mut world = SimulatedWorld::new(scenario.clone());
    let (mut crashes, mut reruns) = (0, 0);
    loop {
        let mut engine = Engine::new(settings(scenario, &mut world));
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

/// What the engine of one run is told.
fn settings(scenario: &Scenario, world: &mut SimulatedWorld) -> EngineSettings {
    let beginning = world.begin_run();
    let general = EngineSettings {
        concurrency: scenario.concurrency,
        retry: scenario.retry,
        recut: Some(scenario::LIMITS),
        beginning,
        on_failure: scenario.on_failure,
        began_at: Duration::from_secs(world.began_at.0.unsigned_abs()),
        keys_end: world.keys_end(),
        ..EngineSettings::new(scenario.plan.clone(), world.manner(), scenario.seed)
    };
    let Some(linked) = &scenario.linked else { return general };
    EngineSettings {
        recut: None,
        share: linked.share(),
        remedies: RemedySettings { renew_keys: linked.renewal.is_some(), ..general.remedies },
        on_gone: OnGone::Fail,
        ..general
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
    let mut outcomes = [0u64; 5];
    let mut streams = [0u64; 5];
    let mut linked = [0u64; 5];
    let mut totals = Totals::default();
    for seed in 0..seeds {
        let scenario = Scenario::from_seed(seed);
        let how = format!("SEED={seed} cargo test --test simulation");
        let (outcome, run) = expect_good(&scenario, &how);
        totals.attempts += run.attempts;
        totals.crashes += run.crashes;
        totals.time += run.time;
        let outcome = match outcome {
            Outcome::Uploaded(_) => 0,
            Outcome::Failed(_) => 1,
            Outcome::Unknown(_) => 2,
            Outcome::Stopped => 3,
            Outcome::PartsStored => 4,
        };
        outcomes[outcome] += 1;
        streams[outcome] += u64::from(scenario.producer.is_some());
        linked[outcome] += u64::from(scenario.linked.is_some());
    }
    let [uploaded, failed, unknown, stopped, shares] = outcomes;
    println!(
        "{seeds} seeds: {uploaded} uploaded, {failed} failed, {unknown} unknown, {stopped} \
         stopped, {shares} shares; {} crashes, {} attempts, {} virtual hours; of streams: \
         {streams:?}, by links: {linked:?}",
        totals.crashes,
        totals.attempts,
        totals.time.as_secs() / 3600
    );
    if seeds >= 2_000 {
        assert!(outcomes.iter().all(|count| *count > 0), "each outcome occurs: {outcomes:?}");
        assert!(streams[..4].iter().all(|count| *count > 0), "and of streams: {streams:?}");
        assert!(linked.iter().all(|count| *count > 0), "and by links: {linked:?}");
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

/// One PUT and two parts by links that end at each of a few moments, are renewed or not, and are
/// refused in each way, with every fate at each request.
#[test]
fn small_worlds_by_links_keep_every_promise() {
    let mut worlds = 0;
    let mut ended = [0u32; 2];
    for (parts, requests) in [(1, 3), (2, 6)] {
        let faults: Vec<(u64, Fate)> = (0..requests)
            .flat_map(|request| Fate::ALL.into_iter().map(move |fate| (request, fate)))
            .collect();
        for ((request, fate), ends_in) in
            faults.iter().flat_map(|fault| [-5, 1, 3, 6, 12, 5_000].map(|end| (fault, end)))
        {
            for (refusal, renewable) in Refusal::ALL.into_iter().zip([true, false].iter().cycle()) {
                for renewable in [*renewable, !renewable] {
                    let fates = Fates::Scripted(vec![(*request, *fate)]);
                    let how = format!(
                        "{parts} parts, {fates:?}, ends in {ends_in} s, renewable: {renewable}, \
                         {refusal:?}"
                    );
                    let scenario =
                        Scenario::scripted_by_links(parts, fates, ends_in, renewable, refusal);
                    let (outcome, _) = expect_good(&scenario, &how);
                    let uploaded = matches!(outcome, Outcome::Uploaded(_));
                    let survives = renewable || ends_in == 5_000;
                    assert!(uploaded || !survives || !passes(*fate), "{how}: {outcome:?}");
                    let too_late = ends_in < 0 && !renewable;
                    assert!(!uploaded || !too_late, "{how}: {outcome:?}");
                    ended[usize::from(uploaded)] += 1;
                    worlds += 1;
                }
            }
        }
    }
    println!("{worlds} small worlds by links, {} of them uploaded", ended[1]);
    assert!(worlds > 5_000 && ended.iter().all(|count| *count > 500), "{ended:?}");
}

/// Whether the next attempt by the same link may do better.
fn passes(fate: Fate) -> bool {
    use Fate::{Denied, Elsewhere, Expired, NotImplemented, Skewed, UploadGone};
    !matches!(fate, Denied | UploadGone | Expired | Skewed | Elsewhere | NotImplemented)
}

/// The program dies at every step of an upload by links, and the line is typed again with fresh
/// ones; whether parts may be listed or not.
#[test]
fn a_crash_at_any_step_of_an_upload_by_links_is_survived() {
    let mut worlds = 0;
    for (lists, share) in [(true, None), (false, None), (true, Some(vec![1, 3]))] {
        for repeat_complete in [true, false] {
            let mut step = 0;
            loop {
                let crashes = vec![step, step];
                let how = format!("crashes after {crashes:?} steps, lists: {lists}, {share:?}");
                let lasting = Linked::lasting(5_000, Some(Renewal::good()), Refusal::AtBegin);
                let beside = Beside { lists, ..lasting.beside };
                let linked = Some(Linked { beside, share: share.clone(), ..lasting });
                let scenario = Scenario {
                    linked,
                    crashes,
                    repeat_complete,
                    on_failure: OnFailure::Leave,
                    ..Scenario::scripted(3, Fates::Scripted(Vec::new()))
                };
                let (outcome, totals) = expect_good(&scenario, &how);
                let is_good = match &outcome {
                    Outcome::Uploaded(_) => share.is_none(),
                    Outcome::PartsStored => share.is_some(),
                    // It had been completed, and the journal that said so is gone.
                    Outcome::Failed(failure) => failure.s3_code() == Some("NoSuchUpload"),
                    _ => false,
                };
                assert!(is_good, "{how}: {outcome:?}");
                worlds += 1;
                step += 1;
                if totals.crashes == 0 {
                    break;
                }
            }
        }
    }
    println!("{worlds} worlds by links with crashes");
    assert!(worlds > 100);
}
