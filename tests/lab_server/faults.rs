//! Each effect of a fault rule, as a client meets it.

use std::io;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta};
use curlift::lab::{Lab, LabSettings};

use crate::client::{Answer, Client};
use crate::{eventually, lab, stored};

const MIB: usize = 1 << 20;

fn faulty(rule: &str) -> (Lab, Client) {
    lab(LabSettings { faults: vec![rule.parse().unwrap()], ..LabSettings::default() })
}

fn put(client: &Client, body: &[u8]) -> io::Result<Answer> {
    client.ask("PUT /lab/k", &[], body)
}

/// Whether the connection was reset, seen by whichever call saw it first.
fn is_reset<T: std::fmt::Debug>(result: &io::Result<T>) -> bool {
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    result.as_ref().is_err_and(|error| kinds.contains(&error.kind()))
}

fn faults(lab: &Lab) -> u64 {
    lab.tally().faults_total()
}

#[test]
fn reset_comes_before_the_body() {
    let (lab, client) = faulty("PutObject #1 reset");
    assert!(is_reset(&put(&client, &vec![1; MIB])));
    assert_eq!((faults(&lab), lab.tally().body_bytes), (1, 0));
    assert_eq!(put(&client, b"again").unwrap().status, 200);
    assert_eq!(stored(&lab, "k"), b"again");
}

#[test]
fn reset_after_a_size_cuts_the_body_there() {
    let (lab, client) = faulty("PutObject always reset after 64KiB");
    assert!(is_reset(&put(&client, &vec![1; 4 * MIB])));
    let read = lab.tally().body_bytes;
    assert!((65_536..2 * MIB as u64).contains(&read), "{read}");
    // A shorter body never gets there; one of just that length does.
    assert_eq!(put(&client, &vec![1; 65_535]).unwrap().status, 200);
    assert!(is_reset(&put(&client, &vec![1; 65_536])));
    assert_eq!(faults(&lab), 2);
    assert_eq!(stored(&lab, "k").len(), 65_535);
}

#[test]
fn close_after_a_size_is_an_orderly_end_without_an_answer() {
    let (lab, client) = faulty("PutObject #1 close after 1KiB");
    let mut connection = client.connect();
    connection.send(&client.head("PUT /lab/k", &[], 4096)).unwrap();
    connection.send(&[1; 2048]).unwrap();
    assert_eq!(connection.more().unwrap(), 0);
    assert_eq!((faults(&lab), lab.object("lab", "k")), (1, None));
}

#[test]
fn stall_holds_the_request_for_a_while() {
    for rule in ["PutObject #1 stall after 1KiB for 300ms", "PutObject #1 stall after 0 for 300ms"]
    {
        let (lab, client) = faulty(rule);
        let begun = Instant::now();
        assert_eq!(put(&client, &[1; 4096]).unwrap().status, 200);
        assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
        assert_eq!((faults(&lab), stored(&lab, "k").len()), (1, 4096));
    }
}

#[test]
fn stall_without_an_end_lasts_until_the_client_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let settings = LabSettings {
        faults: vec!["PutObject #1 stall after 1KiB".parse().unwrap()],
        folder: Some(folder.path().to_owned()),
        ..LabSettings::default()
    };
    let (lab, client) = lab(settings);
    let unfinished = || std::fs::read_dir(folder.path()).unwrap().count();
    let mut connection = client.connect();
    connection.send(&client.head("PUT /lab/k", &[], 4096)).unwrap();
    connection.send(&[1; 4096]).unwrap();
    connection.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(connection.more().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(unfinished(), 1);
    drop(connection);
    assert!(eventually(|| unfinished() == 0), "the lab still waits for a client that has left");
    assert_eq!((faults(&lab), lab.object("lab", "k")), (1, None));
}

#[test]
fn slow_reads_at_the_rate() {
    let (lab, client) = faulty("PutObject #1 slow 1MB/s");
    let begun = Instant::now();
    assert_eq!(put(&client, &vec![1; MIB / 2]).unwrap().status, 200);
    let took = begun.elapsed().as_millis();
    assert!((450..2000).contains(&took), "{took} ms");
    assert_eq!(faults(&lab), 1);
}

#[test]
fn status_answers_after_the_body_and_keeps_the_connection() {
    let (lab, client) = faulty("PutObject #1 status 503 SlowDown retry-after 2s");
    let mut connection = client.connect();
    for expected in [503, 200] {
        connection.send(&client.head("PUT /lab/k", &[], MIB)).unwrap();
        connection.send(&vec![1; MIB]).unwrap();
        let answer = connection.answer(false).unwrap();
        assert_eq!(answer.status, expected);
        if expected == 503 {
            assert_eq!(answer.code(), "SlowDown");
            assert_eq!(answer.header("retry-after"), Some("2"));
            assert_eq!(answer.header("x-amz-request-id").map(str::len), Some(16));
            assert_eq!(lab.object("lab", "k"), None);
        }
    }
    assert_eq!((lab.tally().connections, lab.tally().body_bytes), (1, 2 * MIB as u64));
}

#[test]
fn status_without_a_code_has_no_body() {
    let (_lab, client) = faulty("PutObject #1 status 502 retry-after 250ms");
    let answer = put(&client, b"x").unwrap();
    assert_eq!((answer.status, answer.body.len()), (502, 0));
    assert_eq!(answer.header("x-amz-retry-after"), Some("250"));
}

#[test]
fn early_answers_before_the_body_and_then_resets() {
    let (lab, client) = faulty("PutObject #1 early 403 AccessDenied");
    let mut connection = client.connect();
    connection.send(&client.head("PUT /lab/k", &[], MIB)).unwrap();
    let answer = connection.answer(false).unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"));
    assert_eq!(answer.header("connection"), Some("close"));
    assert!(is_reset(&connection.more()));
    assert_eq!((faults(&lab), lab.tally().body_bytes), (1, 0));
}

#[test]
fn an_error_may_stand_in_a_200() {
    let (lab, client) = faulty("PutObject #1 error-in-200 InternalError");
    let answer = put(&client, b"x").unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (200, "InternalError"));
    assert_eq!(lab.object("lab", "k"), None);
}

#[test]
fn lose_answer_does_the_work_and_resets() {
    let (lab, client) = faulty("PutObject #1 lose-answer");
    assert!(is_reset(&put(&client, b"done")));
    assert_eq!(stored(&lab, "k"), b"done");
    assert_eq!(faults(&lab), 1);
}

#[test]
fn truncate_answer_cuts_the_body_or_the_head() {
    let (lab, client) = faulty("* always truncate-answer");
    let error = put(&client, b"0123456789").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(error.to_string().starts_with("HTTP/1.1 200"), "{error}");
    assert_eq!(stored(&lab, "k"), b"0123456789");
    let get = client.ask("GET /lab/k", &[], b"").unwrap();
    assert_eq!((get.header("content-length"), get.body.as_slice()), (Some("10"), &b"01234"[..]));
    let head = client.ask("HEAD /lab/k", &[], b"").unwrap_err();
    assert_eq!(head.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(faults(&lab), 3);
}

#[test]
fn garbage_is_not_http() {
    let (lab, client) = faulty("PutObject #1 garbage");
    let mut connection = client.connect();
    connection.send(&client.head("PUT /lab/k", &[], 4)).unwrap();
    connection.send(b"body").unwrap();
    let answer = connection.answer(false).unwrap();
    assert_eq!((answer.status, answer.headers.len()), (0, 0), "{answer:?}");
    assert_eq!(connection.more().unwrap(), 0);
    assert_eq!((faults(&lab), lab.object("lab", "k")), (1, None));
}

#[test]
fn no_100_leaves_the_client_waiting_for_it() {
    let (lab, client) = faulty("PutObject #1 no-100");
    let head = client.head_signing("PUT /lab/k", &[], 4, &[("expect", "100-continue")]);
    let mut connection = client.connect();
    connection.send(&head).unwrap();
    connection.socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(connection.more().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    connection.send(b"body").unwrap();
    assert_eq!(connection.answer(false).unwrap().status, 200);
    // The next request on the same connection is told to go on.
    connection.send(&head).unwrap();
    assert_eq!(connection.answer(false).unwrap().status, 100);
    connection.send(b"body").unwrap();
    assert_eq!(connection.answer(false).unwrap().status, 200);
    assert_eq!((faults(&lab), stored(&lab, "k").as_slice()), (1, &b"body"[..]));
}

#[test]
fn idle_close_ends_a_connection_that_is_not_used() {
    let (lab, client) = faulty("PutObject always idle-close 200ms");
    let mut connection = client.connect();
    for _ in 0..2 {
        connection.send(&client.head("PUT /lab/k", &[], 1)).unwrap();
        connection.send(b"x").unwrap();
        let answer = connection.answer(false).unwrap();
        assert_eq!((answer.status, answer.header("connection")), (200, None));
    }
    let begun = Instant::now();
    assert_eq!(connection.more().unwrap(), 0);
    let took = begun.elapsed().as_millis();
    assert!((150..1000).contains(&took), "{took} ms");
    assert_eq!((faults(&lab), lab.tally().connections), (2, 1));
}

#[test]
fn redirect_points_to_another_host() {
    let (lab, client) = faulty("PutObject #1 redirect elsewhere.localhost:9");
    let answer = client.ask("PUT /lab/a%20b?x-id=PutObject", &[], b"x").unwrap();
    assert_eq!((answer.status, answer.code().as_str()), (307, "TemporaryRedirect"));
    let location = "http://elsewhere.localhost:9/lab/a%20b?x-id=PutObject";
    assert_eq!(answer.header("location"), Some(location));
    assert_eq!(answer.element("Endpoint").as_deref(), Some("elsewhere.localhost:9"));
    assert_eq!(lab.object("lab", "a b"), None);
}

#[test]
fn skew_puts_the_server_s_clock_wrong_and_says_so() {
    for (rule, minutes) in [("* always skew 20m", 20), ("* always skew -20m", -20)] {
        let (_lab, client) = faulty(rule);
        let refused = put(&client, b"x").unwrap();
        assert_eq!((refused.status, refused.code().as_str()), (403, "RequestTimeTooSkewed"));
        let date = DateTime::parse_from_rfc2822(refused.header("date").unwrap()).unwrap();
        let server = DateTime::parse_from_rfc3339(&refused.element("ServerTime").unwrap()).unwrap();
        assert_eq!(date, server);
        // Who signs by the server's clock is let in.
        let clock_ahead = TimeDelta::minutes(minutes);
        assert_eq!(put(&Client { clock_ahead, ..client }, b"x").unwrap().status, 200);
    }
}

#[test]
fn corrupt_changes_one_byte_on_its_way() {
    let (lab, client) = faulty("PutObject always corrupt");
    assert_eq!(put(&client, b"aaaaaaaaa").unwrap().status, 200);
    assert_eq!(stored(&lab, "k"), b"aaaa`aaaa");
    let crc = [("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")];
    assert_eq!(client.ask("PUT /lab/j", &crc, b"123456789").unwrap().code(), "BadDigest");
    assert_eq!((faults(&lab), lab.object("lab", "j")), (2, None));
}

#[test]
fn expire_in_flight_cuts_a_presigned_transfer_when_its_url_expires() {
    let (lab, client) = faulty("PutObject always expire-in-flight");
    let mut connection = client.connect();
    connection.send(client.presigned_put("/lab/k", 1, 4).as_bytes()).unwrap();
    connection.send(b"bo").unwrap();
    let begun = Instant::now();
    assert!(is_reset(&connection.more()));
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!(put(&client, b"header-signed").unwrap().status, 200);
    assert_eq!((faults(&lab), stored(&lab, "k").as_slice()), (1, &b"header-signed"[..]));
}

#[test]
fn faults_reach_through_tls() {
    let rules =
        ["PutObject #1 lose-answer", "PutObject #2 garbage", "PutObject #3 truncate-answer"];
    let (lab, _) = lab(LabSettings {
        tls: true,
        faults: rules.map(|rule| rule.parse().unwrap()).to_vec(),
        ..LabSettings::default()
    });
    let put = || {
        let mut easy = curl::easy::Easy::new();
        easy.url(&format!("{}/lab/k", lab.endpoint_url())).unwrap();
        easy.cainfo(lab.ca_bundle().unwrap()).unwrap();
        easy.put(true).unwrap();
        easy.in_filesize(0).unwrap();
        easy.fresh_connect(true).unwrap();
        easy.write_function(|bytes| Ok(bytes.len())).unwrap();
        easy.perform().and_then(|()| easy.response_code())
    };
    let lost = put().unwrap_err();
    assert!(lost.is_recv_error() || lost.is_ssl_connect_error(), "{lost}");
    assert_eq!(put().unwrap_err().code(), 1, "CURLE_UNSUPPORTED_PROTOCOL: not HTTP");
    let cut = put().unwrap_err();
    assert!(cut.is_partial_file() || cut.is_recv_error(), "{cut}");
    assert_eq!((put().unwrap(), faults(&lab)), (403, 3));
}
