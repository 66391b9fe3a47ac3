//! Answers that are HTTP, and yet not what S3 says on a good day: throttled, failing, leading
//! elsewhere, oddly dressed.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::local_lab::{Lab, signal};
use super::oracle::{Upload, Witness};
use super::scripted::{Answer, Scripted, Turn};
use super::support::{Curlift, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB, SMALL, TWO_PARTS, at_once};

/// B14 | 503 `SlowDown` for every part for 30 s | scripted store | requests stay few, no attempts are
/// used up, then all is sent
#[test]
fn b14_everything_is_throttled() {
    let began = Instant::now();
    let store = Scripted::start(move |turn| {
        if turn.part.is_some() && began.elapsed() < Duration::from_secs(30) {
            turn.refuse(503, "SlowDown");
        }
    });
    let upload = Upload::new(&store, 4 * 5 * MIB).args(&["--retry", "2"]);
    let trial = upload.within(90).at_most(60, 10.0).run().expect_uploaded();
    trial.expect_retries(3..=50, &["throttled"]);
}

/// B15 | 1, 5, 20 and 40 % of all requests fail with a 5xx | lab | completes, bytes right
#[test]
fn b15_random_server_errors() {
    at_once(&["1%", "5%", "20%", "40%"], |share| {
        let fails = |operation: &str| format!("{operation} {share} status 500 InternalError");
        let operations = ["CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"];
        let [create, part, complete] = operations.map(fails);
        let lab = Lab::start(&[&create, &part, &complete]);
        let trial = Upload::new(&lab, 8 * 5 * MIB).args(&["--retry", "20"]).at_most(80, 6.0).run();
        let trial = trial.expect_uploaded().expect_retries(0..=70, &["server"]);
        let etag = lab.store.header(BUCKET, KEY, "etag");
        assert_eq!(trial.ended.summary()["etag"].as_str(), etag.as_deref());
    });
}

/// B16 | every request fails once: 500, 503, reset, cut | scripted store | completes, with the
/// payload signed and with a trailer
#[test]
fn b16_everything_fails_once() {
    let cases = [(SMALL, "auto"), (SMALL, "never"), (TWO_PARTS, "auto"), (TWO_PARTS, "never")];
    at_once(&cases, |&(length, signing)| {
        let store = Scripted::start(|turn| match (turn.attempt, turn.operation) {
            (1, "PutObject" | "CompleteMultipartUpload") => turn.refuse(500, "InternalError"),
            (1, "CreateMultipartUpload") => turn.refuse(503, "SlowDown"),
            (1, _) if turn.part == Some(1) => {
                turn.read(1 << 20);
                turn.reset();
            }
            (1, _) => {
                turn.read_all();
                turn.say("HTTP/1.1 200 O");
                turn.close();
            }
            _ => {}
        });
        // Never: the checksum travels behind the body.
        let upload = Upload::new(&store, length).args(&["--payload-signing", signing]);
        let trial = upload.at_most(12, 2.2).run().expect_uploaded();
        trial.expect_retries(1..=4, &["server", "throttled", "reset"]);
    });
}

/// The moment, as `Retry-After` and `Date` write it, so many seconds from now.
fn http_date(seconds: i64) -> String {
    let at = chrono::Utc::now() + chrono::TimeDelta::seconds(seconds);
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A store that refuses the first request, with these fields.
fn throttling(fields: Vec<(&'static str, String)>) -> Scripted {
    Scripted::start(move |turn| {
        if turn.is("PutObject", 1) {
            turn.read_all();
            let mut answer = Answer::error(503, "SlowDown");
            for (name, value) in &fields {
                answer = answer.with(name, value);
            }
            turn.answer(&answer);
        }
    })
}

/// B17 | Retry-After: 2, a date, a past date, -1, text | scripted store | honoured or ignored
#[test]
fn b17_how_long_to_wait() {
    let cases = [
        (vec![("retry-after", "2".to_owned())], 2_000),
        (vec![("x-amz-retry-after", "1500".to_owned())], 1_500),
        (vec![("retry-after", http_date(4)), ("date", http_date(0))], 3_000),
        (vec![("retry-after", http_date(-9)), ("date", http_date(0))], 0),
        (vec![("retry-after", "-1".to_owned())], 0),
        (vec![("retry-after", "soon".to_owned())], 0),
    ];
    at_once(&cases, |(fields, least)| {
        let store = throttling(fields.clone());
        Upload::new(&store, SMALL).within(20).run().expect_uploaded();
        let at: Vec<Instant> = store.requests().iter().map(|request| request.at).collect();
        let waited = at[1].duration_since(at[0]).as_millis();
        // Else the backoff is a second at most; the rest is for a machine that is busy.
        assert!((*least..least + 8_000).contains(&waited), "{fields:?}: {waited} ms");
    });
}

/// B17 | Retry-After: 86400 | scripted store | two minutes at most, and Ctrl-C ends the wait
#[test]
fn b17_a_day_is_too_long_to_wait() {
    let store = throttling(vec![("retry-after", "86400".to_owned())]);
    let begun = Upload::new(&store, SMALL).within(20).start();
    std::thread::sleep(Duration::from_secs(2));
    signal(begun.process, "INT");
    let trial = begun.end().expect("interrupted", 130);
    let retry = trial.ended.stdout.lines().find(|line| line.contains("\"event\":\"retry\""));
    let retry: serde_json::Value = serde_json::from_str(retry.unwrap()).unwrap();
    assert_eq!(retry["delay_s"], 120.0, "{retry}");
    assert_eq!(store.count("PutObject"), 1);
}

/// B18 | 301, 302, 307, 308 to another host, a file, metadata, itself | scripted store | not
/// followed
#[test]
fn b18_led_elsewhere() {
    // Another port of the same host is the same store to whoever follows.
    let trap = TcpListener::bind("127.0.0.2:0").unwrap();
    let elsewhere = format!("http://{}/lab/key.bin", trap.local_addr().unwrap());
    let trap = Scripted::on(trap, |_| {});
    let targets =
        [elsewhere.as_str(), "file:///etc/passwd", "http://169.254.169.254/latest", "/lab/key.bin"];
    let cases: Vec<_> =
        targets.iter().flat_map(|target| [301, 302, 307, 308].map(|s| (s, *target))).collect();
    at_once(&cases, |&(status, target)| {
        let target = target.to_owned();
        let store = Scripted::start(move |turn| {
            turn.read_all();
            let answer = Answer::error(status, "TemporaryRedirect").with("location", &target);
            turn.answer(&answer);
        });
        let trial = Upload::new(&store, SMALL).at_most(5, 5.0).run();
        assert_eq!(trial.outcome(), "failed", "{}", trial.told());
        trial.expect_says(&["TemporaryRedirect"]);
    });
    assert_eq!(trap.requests().len(), 0, "a redirect was followed");
}

/// B19 | `Connection: close` on every answer; HTTP/1.0 | scripted store | works, no retries
#[test]
fn b19_a_connection_a_request() {
    let closing = |turn: &mut Turn<'_>| {
        let answer = turn.work().with("connection", "close");
        turn.answer(&answer);
        turn.close();
    };
    let ancient = |turn: &mut Turn<'_>| {
        let answer = turn.work().bytes(turn.operation == "HeadObject");
        turn.say(String::from_utf8(answer).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1));
        turn.close();
    };
    for store in [Scripted::start(closing), Scripted::start(ancient)] {
        for length in [SMALL, TWO_PARTS] {
            let trial = Upload::new(&store, length).at_most(9, 3.0).run().expect_uploaded();
            trial.expect_retries(0..=0, &[]);
        }
        let connections = store.requests().iter().map(|request| request.connection).collect();
        let connections: std::collections::BTreeSet<usize> = connections;
        assert_eq!(connections.len(), store.requests().len());
    }
}

/// The answer to a part, its ETag written by `write`.
fn with_etag(
    write: impl Fn(&str, Answer) -> Answer + Send + Sync + 'static,
    times: usize,
) -> Scripted {
    Scripted::start(move |turn| {
        if turn.operation == "UploadPart" && turn.attempt <= times {
            let answer = turn.work();
            let (_, etag) = answer.fields.iter().find(|(name, _)| name == "etag").unwrap().clone();
            turn.answer(&write(etag.trim_matches('"'), answer.without("etag")));
        }
    })
}

/// B20 | a part's ETag bare, weak, or twice the same | scripted store | accepted
#[test]
fn b20_etags_in_other_dress() {
    let bare = with_etag(|etag, answer| answer.with("etag", etag), 9);
    let weak = with_etag(|etag, answer| answer.with("etag", format!("W/\"{etag}\"")), 9);
    let twice = |etag: &str, mut answer: Answer| {
        answer.fields.extend([(); 2].map(|()| ("etag".to_owned(), format!("\"{etag}\""))));
        answer
    };
    for store in [bare, weak, with_etag(twice, 9)] {
        let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        trial.expect_retries(0..=0, &[]);
    }
}

/// B20 | a part's answer without an ETag, once or always | scripted store | sent again, then given
/// up
#[test]
fn b20_no_etag_is_no_success() {
    let once = with_etag(|_, answer| answer, 1);
    let trial = Upload::new(&once, TWO_PARTS).at_most(9, 2.2).run().expect_uploaded();
    trial.expect_retries(2..=2, &["server"]);
    let never = with_etag(|_, answer| answer, 9);
    let trial = Upload::new(&never, TWO_PARTS).args(&["--retry", "2"]).at_most(9, 2.2).run();
    trial.expect("failed", 6).expect_says(&["it has no ETag"]);
    assert_eq!(never.open_uploads(), [""; 0]);
}

/// B21 | a compressed answer | scripted store | not asked for, not decoded, asked again
#[test]
fn b21_a_compressed_answer() {
    let store = Scripted::start(|turn| {
        if turn.is("CreateMultipartUpload", 1) {
            turn.read_all();
            // The beginning of a gzip stream; whoever decodes it fails otherwise.
            let bomb = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xec\xc1\x01".repeat(1_000);
            let answer = Answer::new(200).with("content-encoding", "gzip").saying(bomb);
            turn.answer(&answer);
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    trial.expect_retries(1..=1, &["server"]);
    let asks = |head: &str| head.to_lowercase().contains("accept-encoding");
    assert!(store.requests().iter().all(|request| !asks(&request.head)));
}

/// B22 | terminal escapes in message, code, ETag, request id | scripted store | shown escaped
#[test]
fn b22_terminal_escapes() {
    const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}\u{9b}31m";
    let refusing = Scripted::start(|turn| {
        turn.read_all();
        let answer = Answer::error(403, &format!("Access{EVIL}")).with("x-amz-request-id", EVIL);
        turn.answer(&answer.replacing("as the script says", EVIL));
    });
    let serving = Scripted::start(|turn| {
        let mut answer = turn.work().with("x-amz-request-id", EVIL);
        if turn.operation == "PutObject" {
            answer = answer.with("etag", format!("\"{EVIL}\""));
        }
        turn.answer(&answer);
    });
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = write_file(folder.path(), "source.bin", SMALL);
    for (store, code) in [(&refusing, 4), (&serving, 0)] {
        for flag in ["--json", "-v", "-vv"] {
            let program = Curlift::new().store(&store.store).args(&["cp", flag]).arg(&file);
            let ended = program.arg(DESTINATION).run().expect_code(code);
            let told = ended.stdout + &ended.stderr;
            let drives = |c: char| c.is_control() && c != '\n';
            assert!(!told.contains(drives) && !told.contains('\u{202e}'), "{flag}: {told:?}");
        }
    }
}
