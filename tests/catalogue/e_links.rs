//! Presigned URLs that expire: before, in the queue, under way.

use std::thread::sleep;
use std::time::Duration;

use super::local_lab::Lab;
use super::support::{Curlift, Ended, expect_same, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB};

/// A lab, a file, and a URL for it that lives for so long.
struct Trial {
    lab: Lab,
    folder: tempfile::TempDir,
    content: Vec<u8>,
    url: String,
}

impl Trial {
    fn new(faults: &[&str], seconds: u32) -> Trial {
        let lab = Lab::start(faults);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (_, content) = write_file(folder.path(), "source.bin", 3 * MIB);
        let program = Curlift::new().store(&lab.store).args(&["presign", DESTINATION]);
        let lifetime = format!("{seconds}s");
        let signed = program.args(&["--expires-in", &lifetime]).run().expect_code(0);
        let url = signed.stdout.trim().to_owned();
        Trial { lab, folder, content, url }
    }

    fn run(&self, words: &[&str]) -> Ended {
        let file = self.folder.path().join("source.bin");
        let program = Curlift::new().args(&["cp", "--json"]).arg(file).arg(&self.url);
        let ended = program.args(words).run();
        let (_, signature) = self.url.split_once("X-Amz-Signature=").expect("it is signed");
        for printed in [&ended.stdout, &ended.stderr] {
            assert!(!printed.contains(signature), "the signature is told: {printed}");
        }
        ended
    }
}

/// E5 | a presigned URL expired in the queue, before its upload began | URL of 1 s | not even
/// tried; told with its age
#[test]
fn e5_a_url_that_expired_in_the_queue() {
    let trial = Trial::new(&[], 1);
    sleep(Duration::from_secs(3));
    let ended = trial.run(&[]).expect_code(4);
    assert!(ended.stderr.contains("the presigned URL expired 2 seconds ago"), "{}", ended.stderr);
    assert_eq!(trial.lab.stop().count("requests"), 0);
}

/// E5 | it expires at the start, by the store's clock | lab's clock 2 h ahead | no byte of the body
/// is sent; told by how much it came too late
#[test]
fn e5_a_url_that_expires_at_the_start() {
    let trial = Trial::new(&["* always skew 2h"], 3_600);
    let ended = trial.run(&[]).expect_code(4);
    assert!(ended.stderr.contains("Request has expired"), "{}", ended.stderr);
    assert!(ended.stderr.contains("had expired 3"), "an hour: {}", ended.stderr);
    assert!(!trial.lab.store.has(BUCKET, KEY));
    let seen = trial.lab.stop();
    assert_eq!((seen.count("PutObject"), seen.count("bytes of request bodies")), (1, 0));
}

/// E5 | it expires while the body is under way | URL of 2 s, upload of 3 s | passes
#[test]
fn e5_a_url_that_expires_during_the_body() {
    let trial = Trial::new(&[], 2);
    trial.run(&["--curl", "MAX_SEND_SPEED_LARGE=1MiB"]).expect_code(0);
    expect_same(&trial.lab.store.get(BUCKET, KEY), &trial.content);
}

/// E5 | the same, at a store that cuts it then | expire-in-flight | tried again only with a fresh
/// URL; without one the reason is told
#[test]
fn e5_a_url_that_expires_and_is_cut() {
    let trial = Trial::new(&["PutObject always expire-in-flight"], 2);
    let slow = ["--curl", "MAX_SEND_SPEED_LARGE=512KiB"];
    let ended = trial.run(&slow).expect_code(4);
    assert!(ended.stdout.contains("link_expired_under_way"), "{}", ended.stdout);
    let environment = trial.lab.store.environment().into_iter();
    let keys = environment.map(|(name, value)| format!("{name}='{value}'")).collect::<Vec<_>>();
    let script = trial.folder.path().join("fresh");
    let program = env!("CARGO_BIN_EXE_curlift");
    let text = format!("#!/bin/sh\n{} exec {program} presign {DESTINATION}\n", keys.join(" "));
    std::fs::write(&script, text).expect("it can be written");
    let renew = format!("sh {}", script.display());
    trial.run(&[&slow[..], &["--renew", &renew]].concat()).expect_code(0);
    expect_same(&trial.lab.store.get(BUCKET, KEY), &trial.content);
}
