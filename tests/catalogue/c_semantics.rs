//! Parts and objects that are not what the client sent: late, damaged, faked, in conflict.

use std::sync::{Arc, Mutex};

use super::oracle::{Upload, Witness};
use super::scripted::{Answer, Part, Scripted};
use super::{ABORTING, SMALL, TWO_PARTS, at_once};

/// C8 | a part's first attempt lands behind its second | scripted store | same bytes, harmless
#[test]
fn c8_a_late_duplicate() {
    let late: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let seen = Arc::clone(&late);
    let store = Scripted::start(move |turn| {
        if turn.part == Some(1) {
            let payload = turn.payload().unwrap();
            seen.lock().unwrap().push(payload);
            if turn.attempt == 1 {
                turn.reset();
            } else {
                turn.serve();
            }
        } else if turn.operation == "CompleteMultipartUpload" {
            let first = Part::of(seen.lock().unwrap()[0].clone());
            for upload in turn.shelf().uploads.values_mut() {
                upload.parts.insert(1, first.clone());
            }
        }
    });
    Upload::new(&store, TWO_PARTS).run().expect_uploaded().expect_retries(0..=1, &["reset"]);
    let payloads = late.lock().unwrap();
    assert!(payloads.len() == 2 && payloads[0] == payloads[1], "both attempts had the same bytes");
}

/// A store that keeps one bit of a part otherwise, the first so many times, and tells its sums.
fn damaging(times: usize) -> Scripted {
    Scripted::start(move |turn| {
        if turn.part == Some(2) && turn.attempt <= times {
            let mut payload = turn.payload().unwrap();
            payload[7] ^= 1;
            let answer = turn.shelf().work(&turn.head, payload);
            turn.answer(&answer);
        }
    })
}

/// C9 | the store keeps damaged bytes and tells their sums | scripted store | sent again, then
/// stops
#[test]
fn c9_damaged_in_the_store() {
    let trial = Upload::new(&damaging(1), TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(1..=1, &["checksum"]);
    let store = damaging(usize::MAX);
    let upload = Upload::new(&store, TWO_PARTS).args(&["--retry", "3"]).args(&ABORTING);
    let trial = upload.run().expect("failed", 6);
    trial.expect_says(&["CRC64NVME", "part 2"]);
    assert_eq!((store.count("CompleteMultipartUpload"), store.open_uploads().len()), (0, 0));
}

/// C10 | the store says yes and stores nothing, or other bytes | scripted store | Complete tells,
/// by its refusal or its checksum; a store that lies there too is not found out
#[test]
fn c10_a_fake_put() {
    let nothing = Scripted::start(|turn| {
        if turn.part == Some(1) {
            turn.read_all();
            turn.answer(&Answer::new(200).with("etag", "\"fake\""));
        }
    });
    let trial = Upload::new(&nothing, TWO_PARTS).run().expect("failed", 6);
    trial.expect_says(&["InvalidPart"]);
    // Other bytes, under the sums of ours; the object's sum is that of what is stored.
    let other = Scripted::start(|turn| {
        if turn.part == Some(2) {
            let answer = turn.work();
            for upload in turn.shelf().uploads.values_mut() {
                upload.parts.get_mut(&2).unwrap().replace_bytes(vec![0; 70_001]);
            }
            turn.answer(&answer);
        }
    });
    let trial = Upload::new(&other, TWO_PARTS).run().expect("failed", 6);
    trial.expect_says(&["BadDigest"]);
}

/// C11 | Complete returns another checksum than ours | scripted store | an error, never a success
#[test]
fn c11_complete_has_another_checksum() {
    let store = Scripted::start(|turn| {
        if turn.operation == "CompleteMultipartUpload" {
            let answer = turn.work();
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let (before, rest) = body.split_once("<ChecksumCRC64NVME>").unwrap();
            let (_, after) = rest.split_once('<').unwrap();
            let body = format!("{before}<ChecksumCRC64NVME>AAAAAAAAAAA=<{after}");
            turn.answer(&answer.saying(body));
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).against_a_liar().run().expect("failed", 6);
    trial.expect_says(&["CRC64NVME AAAAAAAAAAA="]);
}

/// The operation that stores the object of so many bytes.
fn storing(length: usize) -> &'static str {
    if length == SMALL { "PutObject" } else { "CompleteMultipartUpload" }
}

/// C12 | 412 or 409 to the request that stores | scripted store | a conflict; 412 behind our own
/// success is a success
#[test]
fn c12_conflicts() {
    let refusals = [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict")];
    for length in [SMALL, TWO_PARTS] {
        at_once(&refusals, |&(status, code)| {
            let store = Scripted::start(move |turn| {
                if turn.operation == storing(length) {
                    turn.refuse(status, code);
                }
            });
            let upload = Upload::new(&store, length).args(&ABORTING);
            let trial = upload.run().expect("failed", 8);
            trial.expect_says(&[code]);
            assert_eq!(store.open_uploads(), [""; 0]);
        });
        let own = Scripted::start(move |turn| {
            if turn.is(storing(length), 1) {
                turn.work();
                turn.reset();
            } else if turn.operation == storing(length) {
                turn.refuse(412, "PreconditionFailed");
            }
        });
        Upload::new(&own, length).at_most(9, 2.2).run().expect_uploaded();
    }
}
