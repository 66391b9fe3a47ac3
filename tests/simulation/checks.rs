//! What must be true of every run, judged from outside the client.

use std::collections::BTreeSet;

use curlift::s3::PartNumber;
use curlift::upload::{Engine, Outcome};

use crate::scenario::Scenario;
use crate::store::crc64nvme;
use crate::world::SimulatedWorld;

/// Panics where a promise was broken in a run that has just ended.
pub(crate) fn check_run(
    scenario: &Scenario,
    engine: &Engine,
    outcome: &Outcome,
    world: &SimulatedWorld,
) {
    assert_eq!(world.in_flight(), 0, "requests are in flight after the end");
    let attempts = world.seen.attempts - world.seen.attempts_before;
    assert_eq!(engine.tally().attempts, attempts, "attempts are counted");
    assert!(world.seen.hedged <= scenario.source.len() as u64 / 20, "sent twice: too much");
    let told = world.seen.left_behind.len() as u32 + world.seen.left_behind_unknown;
    let told = told - world.seen.left_behind_before;
    assert!(engine.tally().left_behind >= told, "the tally counts what was told");
    if let Some(upload_id) = engine.kept_upload() {
        assert!(!matches!(outcome, Outcome::Uploaded(_)), "kept what is done");
        let journal_is_whole = scenario.journal_room.is_none();
        let known = world.journal.known().map(|(id, ..)| id);
        match &world.store.prescribed {
            // Whoever has the links has its id.
            Some(id) => assert_eq!(&upload_id.0, id, "kept another upload"),
            None => assert!(
                !journal_is_whole || known.as_ref() == Some(upload_id),
                "kept and not recorded"
            ),
        }
    }
    check_share(scenario, engine, outcome, world);
    if matches!(outcome, Outcome::Uploaded(_)) {
        let lost = world.journal.creations_lost();
        assert!(world.journal.is_gone() || lost > 0, "the journal of what is done is there");
    }
}

/// A share ends well exactly when all parts of it are stored.
fn check_share(scenario: &Scenario, engine: &Engine, outcome: &Outcome, world: &SimulatedWorld) {
    let share = scenario.linked.as_ref().and_then(|linked| linked.share.as_ref());
    let Some(share) = share else {
        assert!(*outcome != Outcome::PartsStored, "nobody shares the upload");
        return;
    };
    assert!(!matches!(outcome, Outcome::Uploaded(_)), "completed what others have a part in");
    if *outcome != Outcome::PartsStored {
        let told = share.iter().all(|number| world.seen.stored.contains(number));
        assert!(!told || world.source_changed() || world.touched, "all are stored: {outcome:?}");
        return;
    }
    assert!(world.journal.is_gone(), "the journal of what is done is there");
    if world.source_changed() {
        // What was on its way since may be anything.
        return;
    }
    let stored = world.store.prescribed_parts().expect("nobody completes it");
    for number in share {
        let part = engine.plan().part(PartNumber::from_index(number - 1));
        let bytes = &world.source[part.offset as usize..][..part.length as usize];
        let right = (part.length, crc64nvme(bytes));
        assert_eq!(stored.get(number), Some(&right), "part {number} is not what the file has");
    }
}

/// Panics where a promise was broken, all being over.
pub(crate) fn check(
    scenario: &Scenario,
    engine: &Engine,
    outcome: &Outcome,
    world: &mut SimulatedWorld,
) {
    check_time(scenario, world);
    world.settle();
    check_outcome(scenario, engine, outcome, world);
    check_uploads(scenario, engine, world);
}

fn check_outcome(scenario: &Scenario, engine: &Engine, outcome: &Outcome, world: &SimulatedWorld) {
    let object = world.store.object();
    match outcome {
        // Held against the store at that very moment.
        Outcome::PartsStored => {}
        Outcome::Uploaded(uploaded) => {
            assert_eq!(object.as_ref(), Some(&world.source), "told uploaded, and it is not");
            assert!(!world.has_died(), "told uploaded, and the stream broke off");
            if let Some(checksum) = uploaded.checksum {
                assert_eq!(checksum.0, crc64nvme(&world.source), "told a wrong checksum");
            } else {
                let unknown = scenario.conditions.without_trailers || world.seen.not_implemented;
                assert!(!scenario.checksums || unknown, "an upload with checksums has one");
            }
        }
        Outcome::Failed(failure) => {
            // A PUT that was under way when the source changed cannot be taken back.
            let put_of_changed = engine.plan().is_single_put() && world.source_changed();
            // What a run that crashed had sent in one request is nobody's to know.
            let put_before = scenario.plan.is_single_put() && !scenario.crashes.is_empty();
            // A run before may have stored what the file was then, or what it could not write down.
            let is_stream = scenario.producer.is_some();
            let was_other = world.touched || (scenario.journal_room.is_some() && !is_stream);
            assert!(
                !world.seen.object_is_ours || put_of_changed || put_before || was_other,
                "told failed ({failure:?}), and the object is there"
            );
        }
        Outcome::Unknown(failure) => {
            assert!(world.seen.answers_lost > 0, "told unknown without cause: {failure:?}");
        }
        Outcome::Stopped => assert!(scenario.stop_at.is_some(), "stopped by nobody"),
    }
}

/// A run without any trouble takes hardly longer than its requests.
fn check_time(scenario: &Scenario, world: &SimulatedWorld) {
    if scenario.is_quiet() {
        let rounds = scenario.plan.parts().div_ceil(scenario.concurrency) + 2;
        let ideal = scenario.slowness * rounds;
        assert!(world.elapsed() <= ideal, "{:?} in place of {ideal:?}", world.elapsed());
    }
}

/// What is open at the store was named, or counted where its name was lost.
fn check_uploads(scenario: &Scenario, engine: &Engine, world: &SimulatedWorld) {
    let named = &world.seen.left_behind;
    let foreign = &world.store.foreign;
    let open: BTreeSet<String> = world.store.model.uploads().map(|open| open.upload_id).collect();
    let empty = scenario.conditions.rival == Some(false);
    // One without any part, as old as ours, cannot be told from ours where an answer was lost.
    assert!(empty || foreign.is_subset(&open), "somebody else's upload was given up");
    let kept = engine.kept_upload().map(|id| &id.0);
    let prescribed = world.store.prescribed.as_ref();
    let ended = world.seen.object_is_ours || world.store.prescribed_closed;
    assert!(prescribed.is_none_or(|id| ended || open.contains(id)), "gave it up");
    let is_known = |id: &String| [kept, prescribed].contains(&Some(id)) || foreign.contains(id);
    let is_nameless = |id: &&String| !named.contains(*id) && !is_known(id);
    let nameless = open.iter().filter(is_nameless).count();
    // No later run would look into the journal of a stream.
    let unrecorded = if scenario.producer.is_some() { 0 } else { world.seen.unrecorded };
    let unnamed = world.seen.left_behind_unknown;
    assert!(scenario.linked.is_none() || unnamed == 0, "left behind what was never created");
    let told_nameless = world.seen.left_behind_unknown + world.seen.created_late + unrecorded;
    assert!(
        nameless <= told_nameless as usize,
        "{nameless} uploads were left behind, {told_nameless} were told"
    );
}
