//! HTTP that is late, cut, endless or none: what comes of answers that are no answers.

use std::time::Duration;

use super::local_lab::Lab;
use super::oracle::Upload;
use super::scripted::{Answer, Scripted, Turn};
use super::{SMALL, TWO_PARTS, at_once};

/// What a captive portal says to everything.
pub(crate) const PAGE: &str = "<!DOCTYPE html>\n<html><title>Log in\u{1b}[2J here</title></html>";

/// Serves everything but the first request of `operation`, which is `play`'s.
fn first(
    operation: &'static str,
    play: impl Fn(&mut Turn<'_>) + Send + Sync + 'static,
) -> Scripted {
    Scripted::start(move |turn| {
        if turn.is(operation, 1) {
            play(turn);
        }
    })
}

/// How many bytes make an upload that has such an operation.
fn length_for(operation: &str) -> usize {
    if operation == "PutObject" { SMALL } else { TWO_PARTS }
}

/// B1 | the body is read, the answer never comes | scripted store | cut after 60 s, sent again
#[test]
fn b1_the_answer_never_comes() {
    at_once(&["PutObject", "UploadPart", "CreateMultipartUpload"], |operation| {
        let store = first(operation, |turn| {
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
    let store = first("CompleteMultipartUpload", |turn| {
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
        let store = first(operation, |turn| {
            let answer = turn.work().bytes(false);
            turn.drip(&answer, Duration::from_millis(10));
        });
        let trial = Upload::new(&store, length_for(operation)).within(30).run();
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
        let store = first(operation, move |turn| {
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
            let once = Upload::new(&first(operation, play), length_for(operation)).run();
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

/// B7 | an endless body, of blanks or not, good status or bad | scripted store | cut off, sent
/// again
#[test]
fn b7_an_answer_without_end() {
    let cases = [
        ("PutObject", 200, b'x'),
        ("PutObject", 503, b'x'),
        ("UploadPart", 200, b' '),
        ("CreateMultipartUpload", 200, b'<'),
        ("CompleteMultipartUpload", 200, b' '),
        ("CompleteMultipartUpload", 500, b'x'),
    ];
    at_once(&cases, |&(operation, status, byte)| {
        let store = first(operation, move |turn| {
            turn.read_all();
            turn.say(format!("HTTP/1.1 {status} Endless\r\ncontent-length: 10737418240\r\n\r\n"));
            let endless = vec![byte; 1 << 20];
            while turn.say(&endless) {}
            turn.close();
        });
        let trial = Upload::new(&store, length_for(operation)).run().expect_uploaded();
        trial.expect_retries(1..=1, &["server", "throttled"]);
    });
}

/// B7 | an error document, then a page without end | scripted store | the error's code decides
#[test]
fn b7_an_endless_refusal_is_a_refusal() {
    let store = Scripted::start(|turn| {
        turn.read_all();
        let inner = "<Code>AccessDenied</Code><Message>no</Message>";
        turn.say(format!("HTTP/1.1 403 No\r\n\r\n<Error>{inner}</Error>"));
        while turn.say(" ".repeat(1 << 16)) {}
        turn.close();
    });
    Upload::new(&store, SMALL).run().expect("failed", 4).expect_says(&["AccessDenied"]);
}

/// B8 | endless fields, one long field, very many fields | scripted store | cut off, sent again
#[test]
fn b8_a_head_without_end() {
    let heads = ["x-a: 1\r\n".repeat(6_000), format!("x-a: {}\r\n\r\n", "y".repeat(1 << 20))];
    at_once(&heads, |head| {
        let head = head.clone();
        let store = first("PutObject", move |turn| {
            turn.read_all();
            turn.say("HTTP/1.1 200 OK\r\netag: \"e\"\r\n");
            while turn.say(&head) {}
            turn.close();
        });
        let trial = Upload::new(&store, SMALL).run().expect_uploaded();
        trial.expect_retries(1..=1, &["server", "reset", "other"]);
    });
}

/// B9 | interim answers without end | scripted store | ends in time, sent again
#[test]
fn b9_interim_answers_without_end() {
    let store = first("PutObject", |turn| {
        turn.read_all();
        while turn.say("HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n") {}
        turn.close();
    });
    let trial = Upload::new(&store, SMALL).run().expect_uploaded();
    trial.expect_retries(1..=1, &["server", "reset", "other"]);
}

/// B10 | the store never says 100 Continue | lab, `no-100` | the body is sent, uploaded
#[test]
fn b10_nobody_says_continue() {
    let lab = Lab::start(&["* always no-100"]);
    let trial = Upload::new(&lab, TWO_PARTS).within(20).run();
    trial.expect_uploaded().expect_retries(0..=0, &[]);
}

/// B11 | 417 to whoever expects 100 Continue | scripted store | sent without, uploaded
#[test]
fn b11_expectations_are_refused() {
    let store = Scripted::start(|turn| {
        if turn.operation == "UploadPart" && turn.nth == 1 {
            turn.read(1 << 16);
            turn.reset();
        } else if turn.head.field("expect").is_some() {
            turn.answer(&Answer::new(417));
            turn.close();
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(0..=1, &["reset"]);
}
