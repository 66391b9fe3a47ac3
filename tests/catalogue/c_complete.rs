//! What S3 says late, twice or not at all to a Complete: told done only where that is proven.

use std::time::Duration;

use super::oracle::{Upload, Witness};
use super::scripted::{Answer, Object, Scripted, Turn};
use super::support::bytes;
use super::{KEY, TWO_PARTS, at_once};

/// What a store says to a Complete that it has already done.
#[derive(Debug, Clone, Copy)]
enum Again {
    /// The same, as Amazon does.
    Same,
    /// The upload is gone, as `MinIO` says.
    NoSuchUpload,
    /// Nobody may ask, as `s3s-fs` says.
    AccessDenied,
    /// The parts are gone, as stores say that forget them first.
    InvalidPart,
    /// 200 with an empty ETag, as Ceph RGW says.
    EmptyETag,
    /// 200 with an ETag without quotes.
    BareETag,
}

impl Again {
    fn say(self, turn: &mut Turn<'_>) {
        let etag = |answer: Answer, text: &str| {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let (before, rest) = body.split_once("<ETag>").unwrap();
            let (etag, after) = rest.split_once("</ETag>").unwrap();
            let etag = text.replace("{}", &etag.replace("&quot;", ""));
            answer.saying(format!("{before}<ETag>{etag}</ETag>{after}"))
        };
        match self {
            Again::Same => turn.serve(),
            Again::NoSuchUpload => turn.refuse(404, "NoSuchUpload"),
            Again::AccessDenied => turn.refuse(403, "AccessDenied"),
            Again::InvalidPart => turn.refuse(400, "InvalidPart"),
            Again::EmptyETag => {
                let answer = etag(turn.work(), "");
                turn.answer(&answer);
            }
            Again::BareETag => {
                let answer = etag(turn.work(), "{}");
                turn.answer(&answer);
            }
        }
    }
}

/// How the answer to a Complete that was done is lost.
#[derive(Debug, Clone, Copy)]
enum Loss {
    /// A reset before the first byte; after the status line; within the document.
    Reset(usize),
    /// The same in order: on a connection that was used before, libcurl asks again by itself.
    Close,
    /// 500 and 503, though it was done.
    Status(u16, &'static str),
}

/// A store that does the first Complete and loses the answer.
fn losing(loss: Loss, again: Again) -> Scripted {
    Scripted::start(move |turn| match (turn.operation, turn.nth) {
        ("CompleteMultipartUpload", 1) => {
            let answer = turn.work();
            assert_eq!(answer.status, 200, "{answer:?}");
            match loss {
                Loss::Reset(after) => {
                    turn.say(&answer.bytes(false)[..after]);
                    turn.reset();
                }
                Loss::Close => turn.close(),
                Loss::Status(status, code) => turn.answer(&Answer::error(status, code)),
            }
        }
        ("CompleteMultipartUpload", _) => again.say(turn),
        _ => {}
    })
}

/// Uploads to such a store: told done, the object whole, nothing left open.
fn survive(loss: Loss, again: Again) {
    let store = losing(loss, again);
    let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(0..=1, &["reset", "server", "throttled"]);
    assert_eq!(store.open_uploads(), [""; 0], "{loss:?}, {again:?}");
}

/// C1 | Complete: 200, 20 s of blanks, then `InternalError` | scripted store | read, asked again
#[test]
fn c1_complete_fails_late() {
    let store = Scripted::start(|turn| {
        if turn.is("CompleteMultipartUpload", 1) {
            turn.read_all();
            turn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            turn.drip(&b"1\r\n \r\n".repeat(20), Duration::from_millis(160));
            let document = Answer::error(200, "InternalError").body;
            turn.say(format!("{:x}\r\n", document.len()));
            turn.say([&document[..], b"\r\n0\r\n\r\n"].concat());
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(1..=1, &["server"]);
}

/// C2 | Complete: done, the answer lost | scripted store, `lose-answer` | proven, one object
#[test]
fn c2_the_answer_to_complete_is_lost() {
    let cases = [Loss::Reset(0), Loss::Reset(25), Loss::Reset(200), Loss::Close];
    at_once(&cases, |loss| {
        survive(*loss, Again::Same);
        survive(*loss, Again::NoSuchUpload);
    });
}

/// C3 | Complete: done, and answered 500 or 503 | scripted store | as C2
#[test]
fn c3_complete_is_done_and_denied() {
    let cases = [Loss::Status(500, "InternalError"), Loss::Status(503, "SlowDown")];
    at_once(&cases, |loss| {
        survive(*loss, Again::Same);
        survive(*loss, Again::NoSuchUpload);
    });
}

/// C4 | Complete: not done, the answer lost, the upload gone; an older object has the key and the
/// size | scripted store | no success
#[test]
fn c4_an_older_object_is_no_proof() {
    at_once(&[Again::NoSuchUpload, Again::AccessDenied], |again| {
        let again = *again;
        let store = Scripted::start(move |turn| match (turn.operation, turn.nth) {
            ("CompleteMultipartUpload", 1) => {
                turn.read_all();
                turn.shelf().uploads.clear();
                turn.reset();
            }
            ("CompleteMultipartUpload", _) => again.say(turn),
            _ => {}
        });
        store.shelf().objects.insert(KEY.into(), Object::of(bytes(TWO_PARTS, 4)));
        let trial = Upload::new(&store, TWO_PARTS).run();
        assert!(["failed", "unknown"].contains(&&*trial.outcome()), "{}", trial.told());
    });
}

/// C5 | libcurl sends a Complete twice by itself | scripted store, closes a used connection | as C2
#[test]
fn c5_complete_is_sent_twice_behind_our_back() {
    for again in [Again::Same, Again::NoSuchUpload, Again::AccessDenied] {
        let store = losing(Loss::Close, again);
        let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        // The engine saw one attempt or two; the store saw two.
        assert_eq!(store.count("CompleteMultipartUpload"), 2, "{}", trial.told());
    }
}

/// C6 | Complete repeated: 400, 403, 404, empty or bare ETag | scripted store | proven by a HEAD, or
/// read
#[test]
fn c6_a_repeated_complete() {
    let denials = [Again::NoSuchUpload, Again::AccessDenied, Again::InvalidPart];
    let all = [&denials[..], &[Again::EmptyETag, Again::BareETag]].concat();
    at_once(&all, |again| {
        for loss in [Loss::Reset(0), Loss::Close, Loss::Status(500, "InternalError")] {
            survive(loss, *again);
        }
    });
}

/// C19 | HEAD after a doubtful Complete: 404 once, then 200 | scripted store | asked again, proven
#[test]
fn c19_the_object_is_late() {
    let store = Scripted::start(|turn| match (turn.operation, turn.nth) {
        ("CompleteMultipartUpload", 1) => {
            turn.work();
            turn.reset();
        }
        ("CompleteMultipartUpload", _) => turn.refuse(404, "NoSuchUpload"),
        ("HeadObject", 1) => turn.answer(&Answer::new(404)),
        _ => {}
    });
    Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    assert_eq!(store.count("HeadObject"), 2);
}
