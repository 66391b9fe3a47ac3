//! Answers before the body: refusals, a yes, and the 100 Continue that asks for it.

use std::sync::atomic::{AtomicBool, Ordering};

use super::oracle::Upload;
use super::scripted::{Answer, Scripted, Turn};
use super::{TWO_PARTS, at_once};

/// Reads the beginning of a body and refuses the rest.
fn refuse_early(turn: &mut Turn<'_>, status: u16, code: &str, lingers: bool) {
    turn.read(64 << 10);
    turn.answer(&Answer::error(status, code).with("connection", "close"));
    if lingers { turn.hang_up() } else { turn.close() }
}

/// B10 | a part is cut without an answer, then nobody says 100 Continue | scripted store | the body
/// is sent after a second, uploaded
#[test]
fn b10_nobody_says_continue() {
    let store = Scripted::start(|turn| {
        turn.says_continue = false;
        if turn.part == Some(1) && turn.head.field("expect").is_none() {
            turn.read(1 << 16);
            turn.reset();
        }
    });
    Upload::new(&store, TWO_PARTS).within(25).run().expect_uploaded();
    expect_asked(&store);
}

/// B11 | 417 to whoever expects 100 Continue | scripted store | sent without, uploaded
#[test]
fn b11_expectations_are_refused() {
    let refused = AtomicBool::new(false);
    let store = Scripted::start(move |turn| {
        if turn.head.field("expect").is_some() {
            refused.store(true, Ordering::SeqCst);
            turn.answer(&Answer::new(417));
            turn.close();
        } else if turn.part == Some(1) && !refused.load(Ordering::SeqCst) {
            turn.read(1 << 16);
            turn.reset();
        }
    });
    Upload::new(&store, TWO_PARTS)
        .run()
        .expect_uploaded()
        .expect_retries(1..=2, &["reset", "server"]);
    expect_asked(&store);
}

/// After a part was cut without an answer, another attempt asks before it sends.
fn expect_asked(store: &Scripted) {
    let requests = store.requests();
    let asked = |head: &str| head.to_lowercase().contains("expect: 100-continue");
    assert!(requests.iter().any(|request| asked(&request.head)), "nobody expected 100 Continue");
}

/// B12 | 403 while the body flows, then read on or closed | scripted store | the 403 is reported
#[test]
fn b12_an_early_refusal_is_heard() {
    at_once(&[true, false], |&lingers| {
        let store = Scripted::start(move |turn| {
            if turn.part == Some(1) {
                refuse_early(turn, 403, "AccessDenied", lingers);
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
        trial.expect_says(&["AccessDenied", "part 1"]);
    });
}

/// B12 | 503 while the body flows, once | scripted store | sent again, uploaded
#[test]
fn b12_an_early_throttle_is_retried() {
    at_once(&[true, false], |&lingers| {
        let store = Scripted::start(move |turn| {
            if turn.part == Some(1) && turn.attempt == 1 {
                refuse_early(turn, 503, "SlowDown", lingers);
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        trial.expect_retries(1..=1, &["throttled", "reset"]);
    });
}

/// B12 | a part is refused by a reset that swallows the answer | scripted store | asked first the
/// next time, and the answer heard
#[test]
fn b12_a_refusal_that_was_swallowed() {
    let store = Scripted::start(|turn| {
        if turn.part == Some(1) {
            if turn.head.field("expect").is_some() {
                turn.answer(&Answer::error(403, "AccessDenied"));
            } else {
                turn.read(64 << 10);
                turn.reset();
            }
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
    trial.expect_says(&["AccessDenied"]).expect_retries(1..=1, &["reset"]);
}

/// B13 | 200 before the body was read, then closed | scripted store | no success; sent again
#[test]
fn b13_an_early_yes_with_a_closed_door() {
    let store = Scripted::start(|turn| {
        if turn.part == Some(1) && turn.attempt == 1 {
            turn.read(64 << 10);
            turn.answer(&Answer::new(200).with("etag", "\"early\""));
            turn.close();
        }
    });
    Upload::new(&store, TWO_PARTS)
        .run()
        .expect_uploaded()
        .expect_retries(1..=1, &["reset", "server"]);
}

/// B13 | 200 before the body was read, with a sum or without | scripted store | never a success
#[test]
fn b13_an_early_yes_to_bytes_unseen() {
    let early = |checksum: Option<&'static str>| {
        Scripted::start(move |turn| {
            if turn.part == Some(1) && turn.attempt == 1 {
                turn.read(64 << 10);
                let answer = Answer::new(200).with("etag", "\"early\"");
                let with = |checksum| answer.clone().with("x-amz-checksum-crc64nvme", checksum);
                turn.answer(&checksum.map_or(answer.clone(), with));
                turn.read_all();
            }
        })
    };
    let trial = Upload::new(&early(Some("AAAAAAAAAAA=")), TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(1..=1, &["checksum"]);
    // Nothing tells before the Complete, which the store refuses: no such part.
    let trial = Upload::new(&early(None), TWO_PARTS).run();
    assert_ne!(trial.outcome(), "unknown", "{}", trial.told());
    trial.expect_says(&["InvalidPart"]);
}
