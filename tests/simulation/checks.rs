//! What must be true of every run, judged from outside the client.

use curlift::upload::{Engine, Outcome};

use crate::scenario::Scenario;
use crate::store::crc64nvme;
use crate::world::SimulatedWorld;

/// Panics where a promise was broken.
pub(crate) fn check(
    scenario: &Scenario,
    engine: &Engine,
    outcome: &Outcome,
    world: &mut SimulatedWorld,
) {
    assert_eq!(world.in_flight(), 0, "requests are in flight after the end");
    assert_eq!(engine.tally().attempts, world.seen.attempts, "attempts are counted");
    world.settle();
    check_outcome(scenario, outcome, world);
    check_uploads(engine, world);
}

fn check_outcome(scenario: &Scenario, outcome: &Outcome, world: &SimulatedWorld) {
    let object = world.store.object();
    match outcome {
        Outcome::Uploaded(uploaded) => {
            assert_eq!(object.as_ref(), Some(&scenario.source), "told uploaded, and it is not");
            if scenario.checksums {
                let checksum = uploaded.checksum.expect("an upload with checksums has one");
                assert_eq!(checksum.0, crc64nvme(&scenario.source), "told a wrong checksum");
            }
        }
        Outcome::Failed(failure) => {
            // A PUT that was under way when the source changed cannot be taken back.
            let put_of_changed = scenario.plan.is_single_put() && world.source_changed();
            assert!(
                !world.seen.object_is_ours || put_of_changed,
                "told failed ({failure:?}), and the object is there"
            );
        }
        Outcome::Unknown(failure) => {
            assert!(world.seen.answers_lost > 0, "told unknown without cause: {failure:?}");
        }
        Outcome::Stopped => assert!(scenario.stop_at.is_some(), "stopped by nobody"),
    }
}

/// What is open at the store was named, or counted where its name was lost.
fn check_uploads(engine: &Engine, world: &SimulatedWorld) {
    let named = &world.seen.left_behind;
    let nameless =
        world.store.model.uploads().filter(|upload| !named.contains(&upload.upload_id)).count();
    assert!(
        nameless <= world.seen.left_behind_unknown as usize,
        "{nameless} uploads were left behind, {} were told",
        world.seen.left_behind_unknown
    );
    let told = named.len() + world.seen.left_behind_unknown as usize;
    assert_eq!(engine.tally().left_behind as usize, told, "the tally counts what was told");
}
