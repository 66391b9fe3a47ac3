//! Answers that are late, cut or no HTTP, and documents that are none.

use std::time::Duration;

use super::oracle::Upload;
use super::scripted::{Answer, Scripted, Turn};
use super::{SMALL, TWO_PARTS, at_once, length_for};

/// What a captive portal says to everything.
const PAGE: &str = "<!DOCTYPE html>\n<html><title>Log in\u{1b}[2J here</title></html>";

/// B1 | the body is read, the answer never comes | scripted store | cut after 60 s, sent again
#[test]
fn b1_the_answer_never_comes() {
    at_once(&["PutObject", "UploadPart", "CreateMultipartUpload"], |operation| {
        let store = Scripted::first(operation, |turn| {
            turn.read_all();
            turn.stay_silent();
        });
        let trial = Upload::new(&store, length_for(operation)).within(100).run();
        trial.expect_uploaded().expect_retries(1..=1, &["stalled", "timeout"]);
    });
}

/// B1 | Complete is done and says so after 70 s of blanks | scripted store | waited for, no retry
#[test]
fn b1_complete_takes_its_time() {
    let store = Scripted::first("CompleteMultipartUpload", |turn| {
        let answer = turn.work();
        turn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..14 {
            turn.say("1\r\n \r\n");
            std::thread::sleep(Duration::from_secs(5));
        }
        let document = String::from_utf8_lossy(&answer.body).into_owned();
        turn.say(format!("{:x}\r\n{document}\r\n0\r\n\r\n", document.len()));
    });
    let trial = Upload::new(&store, TWO_PARTS).within(100).run();
    trial.expect_uploaded().expect_retries(0..=0, &[]);
}

/// B2 | the answer comes byte by byte | scripted store | read to its end
#[test]
fn b2_an_answer_in_drops() {
    at_once(&["PutObject", "UploadPart", "CompleteMultipartUpload"], |operation| {
        let store = Scripted::first(operation, |turn| {
            let answer = turn.work().bytes(false);
            turn.drip(&answer, Duration::from_millis(10));
        });
        let trial = Upload::new(&store, length_for(operation)).run();
        trial.expect_uploaded().expect_retries(0..=0, &[]);
    });
}

/// B3 | the answer is cut, by a close or a reset, anywhere | scripted store | sent again, uploaded
#[test]
fn b3_the_answer_is_cut() {
    let mut cases = Vec::new();
    for operation in ["PutObject", "UploadPart", "CompleteMultipartUpload"] {
        for kept in ["HTTP", "HTTP/1.1 200 Scripted\r\n", "x-amz-request-id: S", "\r\n\r\n<?x"] {
            cases.extend([false, true].map(|resets| (operation, kept, resets)));
        }
    }
    at_once(&cases, |&(operation, kept, resets)| {
        let store = Scripted::first(operation, move |turn| {
            // Longer than it is, so that the end of the connection is a cut wherever it comes.
            let answer = turn.work().with("content-length", "3000").bytes(false);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let end = answer.find(kept).map_or(answer.len(), |at| at + kept.len());
            turn.say(&answer[..end]);
            if resets { turn.reset() } else { turn.close() }
        });
        let trial = Upload::new(&store, length_for(operation)).run().expect_uploaded();
        trial.expect_retries(0..=1, &["reset", "server", "other"]);
    });
}

/// B3 | the upload is created, its id is cut off | scripted store | found by a listing, not left open
#[test]
fn b3_the_answer_to_create_is_cut() {
    at_once(&[0, 30, 250], |&kept| {
        let store = Scripted::first("CreateMultipartUpload", move |turn| {
            let answer = turn.work().bytes(false);
            turn.say(&answer[..kept.min(answer.len())]);
            turn.reset();
        });
        Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        assert_eq!(store.shelf().uploads.len(), 0, "left open");
    });
}

/// B3 | the same, and the store's answers have no Date | scripted store | found or told, not left
/// open without a word
#[test]
fn b3_a_lost_id_at_a_store_without_a_clock() {
    let store = Scripted::start(|turn| {
        let answer = turn.work().without("date");
        if turn.is("CreateMultipartUpload", 1) {
            turn.reset();
        } else {
            turn.answer(&answer);
        }
    });
    // That it is told, where it is left, is what every run is held against.
    Upload::new(&store, TWO_PARTS).run().expect_uploaded();
}

/// B4 | what answers is not HTTP, or HTTP/0.9 | scripted store | an error, bounded; no success
#[test]
fn b4_not_http() {
    let answers =
        ["SSH-2.0-OpenSSH_9.2\r\n", "<html>200 OK</html>", "\0\u{1}\u{2}", "200 OK\r\n\r\n"];
    at_once(&answers, |&text| {
        let play = move |turn: &mut Turn<'_>| {
            turn.read_all();
            turn.say(text);
            turn.close();
        };
        for operation in ["PutObject", "UploadPart", "CompleteMultipartUpload"] {
            let once = Upload::new(&Scripted::first(operation, play), length_for(operation)).run();
            once.expect_uploaded().expect_retries(1..=1, &["server", "reset"]);
        }
        let never = Scripted::start(play);
        let trial = Upload::new(&never, SMALL).args(&["--retry", "3"]).at_most(6, 9.0).run();
        trial.expect("failed", 6).expect_says(&["127.0.0.1", "attempt 3 of 3"]);
    });
}

/// B5 | 200 with an HTML page | scripted store | no success; the page's start is shown, printable
#[test]
fn b5_a_portal_says_yes_to_everything() {
    at_once(&[SMALL, TWO_PARTS], |&length| {
        let portal = Scripted::start(|turn| {
            turn.read_all();
            turn.answer(&Answer::new(200).with("content-type", "text/html").saying(PAGE));
        });
        let trial = Upload::new(&portal, length).args(&["--retry", "2"]).run();
        assert_ne!(trial.outcome(), "uploaded", "{}", trial.told());
        trial.expect_says(&["<!DOCTYPE html> <html><title>Log in\\u{1b}[2J"]);
    });
}

/// Documents that are none, made of one that is.
fn damaged(whole: &str) -> Vec<Vec<u8>> {
    let mut documents: Vec<Vec<u8>> = [
        "",
        "   \n",
        "not XML",
        "<a><b></a></b>",
        "<CompleteMultipartUploadResult>",
        "<Other/>",
        "<!DOCTYPE a [<!ENTITY b \"&c;&c;\">]><a>&b;</a>",
        "<a>&undefined;</a>",
        "{\"json\":true}",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    documents.push(b"<a>\xff\xfe</a>".to_vec());
    documents.push("<a>".repeat(200_000).into_bytes());
    // Cut anywhere, and with one piece of markup missing anywhere.
    let mut random = fastrand::Rng::with_seed(6);
    documents.extend((0..8).map(|_| whole.as_bytes()[..random.usize(1..whole.len())].to_vec()));
    let markup: Vec<usize> = whole.match_indices(['<', '>']).map(|(at, _)| at).collect();
    documents.extend((0..8).map(|_| {
        let at = markup[random.usize(..markup.len())];
        [&whole.as_bytes()[..at], &whole.as_bytes()[at + 1..]].concat()
    }));
    documents
}

/// B6 | garbage, cut or hostile XML | scripted store | no panic; asked again, uploaded
#[test]
fn b6_damaged_xml() {
    let whole = "<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><Key>k</Key>\
                 <ETag>&quot;e-2&quot;</ETag></CompleteMultipartUploadResult>";
    let documents = damaged(whole);
    for few in documents.chunks(4) {
        at_once(few, |document| {
            let (created, completed) = (document.clone(), document.clone());
            let store = Scripted::start(move |turn| {
                if turn.is("CreateMultipartUpload", 1) {
                    // Not done, so that nothing is left open.
                    turn.read_all();
                    turn.answer(&Answer::new(200).saying(created.clone()));
                } else if turn.is("CompleteMultipartUpload", 1) {
                    let answer = turn.work().saying(completed.clone());
                    turn.answer(&answer);
                }
            });
            let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
            trial.expect_retries(2..=2, &["server"]);
        });
    }
}
