//! `curlift cp FILE parts.json`: uploads by a manifest, interrupted and shared.

use std::thread;

use super::local_lab::signal;
use super::manifests::Scene;
use super::support::{Curlift, Ended, expect_same, wait_until};
use super::{BUCKET, KEY, MIB};

/// `curlift` without keys, with a place for journals that outlives the runs.
fn curlift(scene: &Scene, words: &[&str]) -> Curlift {
    Curlift::new().env("XDG_STATE_HOME", scene.path("state")).args(words)
}

fn cp(scene: &Scene, manifest: &str, words: &[&str]) -> Curlift {
    let program = curlift(scene, &["cp", "--json"]).args(words).arg(&scene.file);
    program.arg(scene.path(manifest))
}

fn expect_uploaded(scene: &Scene, ended: Ended) -> serde_json::Value {
    let summary = ended.expect_code(0).summary();
    assert_eq!(summary["outcome"], "uploaded", "{summary}");
    expect_same(&scene.lab.store.get(BUCKET, KEY), &scene.content);
    assert_eq!(scene.lab.unfinished(), 0);
    summary
}

/// What stands in the journals.
fn journals(scene: &Scene) -> Vec<String> {
    let entries = std::fs::read_dir(scene.path("state/curlift")).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("it can be listed").path());
    let journals = paths.filter(|path| path.extension().is_some_and(|end| end == "journal"));
    // One may be removed meanwhile.
    journals.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// Waits until the journal says so often that something was done.
fn await_record(scene: &Scene, record: &str, times: usize) {
    let record = format!("\"record\":\"{record}\"");
    let found = || journals(scene).iter().any(|text| text.matches(&record).count() >= times);
    wait_until(&record, || found().then_some(()));
}

/// A scene in which two of three parts are stored, and the program was killed.
fn killed() -> Scene {
    let scene = Scene::new(&["UploadPart part 3 slow 256KiB"]);
    scene.presign(&[]).run().expect_code(0);
    let mut running = cp(&scene, "parts.json", &[]).start();
    await_record(&scene, "part", 2);
    running.child.kill().expect("it is ours");
    running.end();
    scene
}

#[test]
fn a_file_goes_in_parts_without_keys() {
    let scene =
        Scene::new(&["UploadPart #2 reset after 1MiB", "UploadPart #3 status 503 SlowDown"]);
    scene.presign(&[]).run().expect_code(0);
    let summary = expect_uploaded(&scene, cp(&scene, "parts.json", &[]).run());
    assert_eq!(summary["checksum"]["algorithm"], "crc64nvme", "{summary}");
    assert_eq!(summary["destination"], "s3://lab/key.bin");
    let seen = scene.lab.stop();
    assert_eq!(seen.count("AbortMultipartUpload") + seen.count("HeadObject"), 0);
}

#[test]
fn one_that_was_killed_sends_again_only_what_was_in_flight() {
    let scene = killed();
    let told = curlift(&scene, &["resume", "--list"]).run().expect_code(0);
    assert!(told.stdout.contains("2 of 3 parts"), "{}", told.stdout);
    let ended = curlift(&scene, &["resume", "--json"]).run();
    let summary = expect_uploaded(&scene, ended);
    assert_eq!(summary["parts_reused"], 2, "{summary}");
    assert!(summary["bytes_sent"].as_u64() < Some(3 * MIB as u64), "{summary}");
    assert!(journals(&scene).is_empty(), "there is nothing more to go on with");
}

#[test]
fn the_journal_holds_nothing_of_a_url() {
    let scene = killed();
    let journals = journals(&scene);
    assert_eq!(journals.len(), 1);
    for text in journals {
        assert!(!text.contains("X-Amz-") && !text.contains("?uploadId"), "{text}");
    }
}

#[test]
fn ctrl_c_leaves_what_others_may_have_a_part_in() {
    let scene = Scene::new(&["UploadPart always slow 512KiB"]);
    scene.presign(&[]).run().expect_code(0);
    let running = cp(&scene, "parts.json", &[]).start();
    await_record(&scene, "taken_over", 1);
    signal(running.child.id(), "INT");
    let ended = running.end().expect_code(130);
    assert_eq!(ended.summary()["outcome"], "interrupted", "{}", ended.stdout);
    assert!(ended.stderr.contains("go on with: curlift resume"), "{}", ended.stderr);
    assert_eq!(scene.lab.unfinished(), 1, "it was not ours to abort");
    assert_eq!(scene.lab.stop().count("AbortMultipartUpload"), 0);
}

#[test]
fn several_machines_share_one_object() {
    let scene = Scene::new(&["UploadPart 30% reset after 1MiB"]);
    scene.presign(&["--shards", "3"]).run().expect_code(0);
    let shares = ["parts-1.json", "parts-2.json", "parts-3.json"];
    thread::scope(|scope| {
        let scene = &scene;
        let runs: Vec<_> =
            shares.iter().map(|name| scope.spawn(move || cp(scene, name, &[]).run())).collect();
        for run in runs {
            let ended = run.join().expect("it does not panic").expect_code(0);
            let summary = ended.summary();
            let told = (&summary["outcome"], &summary["parts"]);
            assert_eq!(told, (&"parts_stored".into(), &1.into()), "{summary}");
            assert!(summary["bytes"].as_u64() <= Some(5 * MIB as u64), "{summary}");
        }
    });
    assert!(!scene.lab.store.has(BUCKET, KEY), "nobody has completed it");
    let done = curlift(&scene, &["complete"]).arg(scene.path("parts.json")).run().expect_code(0);
    assert!(done.stdout.contains("s3://lab/key.bin"), "{}", done.stdout);
    expect_same(&scene.lab.store.get(BUCKET, KEY), &scene.content);
}

#[test]
fn another_file_is_refused_before_anything_is_sent() {
    let scene = Scene::new(&[]);
    scene.presign(&[]).run().expect_code(0);
    let other = scene.path("other");
    let mut content = scene.content.clone();
    content[7 * MIB] ^= 1;
    std::fs::write(&other, &content).expect("it can be written");
    let told = curlift(&scene, &["cp"]).arg(&other).arg(scene.path("parts.json")).run();
    let told = told.expect_code(5);
    assert!(told.stderr.contains("part 2 (5242880 bytes at byte 5242880)"), "{}", told.stderr);
    std::fs::write(&other, &content[1..]).expect("it can be written");
    let told = curlift(&scene, &["cp"]).arg(&other).arg(scene.path("parts.json")).run();
    assert!(told.expect_code(5).stderr.contains("is for a file of"));
    // The same bytes under another date are the same file.
    std::fs::write(&other, &scene.content).expect("it can be written");
    let program = curlift(&scene, &["cp", "--json"]).arg(&other).arg(scene.path("parts.json"));
    expect_uploaded(&scene, program.run());
}
