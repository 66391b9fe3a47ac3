//! Answers without end: bodies, heads, interim answers.

use std::time::Duration;

use super::oracle::Upload;
use super::scripted::Scripted;
use super::{SMALL, at_once, length_for};

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
        let store = Scripted::first(operation, move |turn| {
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
        let store = Scripted::first("PutObject", move |turn| {
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
    let store = Scripted::first("PutObject", |turn| {
        turn.read_all();
        while turn.say("HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\n") {}
        turn.close();
    });
    let trial = Upload::new(&store, SMALL).run().expect_uploaded();
    trial.expect_retries(1..=1, &["server", "reset", "other"]);
}

/// B2 | the answer comes byte by byte, without end | scripted store | given up in time, sent again
#[test]
fn b2_drops_without_end() {
    let cases = ["HTTP/1.1 200 OK\r\nx-drops: ", "HTTP/1.1 200 OK\r\n\r\n"];
    at_once(&cases, |&head| {
        let store = Scripted::first("PutObject", move |turn| {
            turn.read_all();
            turn.say(head);
            while turn.say("x") {
                std::thread::sleep(Duration::from_secs(1));
            }
            turn.close();
        });
        let trial = Upload::new(&store, SMALL).within(150).run().expect_uploaded();
        trial.expect_retries(1..=1, &["stalled", "timeout"]);
    });
}

/// B9 | an interim answer every second, without end | scripted store | ends in time, sent again
#[test]
fn b9_slow_interim_answers_without_end() {
    let store = Scripted::first("PutObject", |turn| {
        turn.read_all();
        while turn.say("HTTP/1.1 103 Early Hints\r\n\r\n") {
            std::thread::sleep(Duration::from_secs(1));
        }
        turn.close();
    });
    let trial = Upload::new(&store, SMALL).within(150).run().expect_uploaded();
    trial.expect_retries(1..=1, &["stalled", "timeout"]);
}
