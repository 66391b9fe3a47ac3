//! Presigned URLs that expire, bodies that come slowly, and what becomes of them.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use curlift::lab::{Lab, LabSettings, LinkRate};

use crate::client::{Answer, Client, Connection};
use crate::{lab, plain};

fn faulty(rule: &str) -> (Lab, Client) {
    lab(LabSettings { faults: vec![rule.parse().unwrap()], ..LabSettings::default() })
}

/// A presigned PUT whose head is sent and whose body is to come.
fn begin(client: &Client, expires_s: u32, length: usize) -> Connection {
    let mut connection = client.connect();
    connection.send(client.presigned_put("/lab/k", expires_s, length).as_bytes()).unwrap();
    connection
}

fn put(client: &Client, expires_s: u32) -> Answer {
    let mut connection = begin(client, expires_s, 4);
    connection.send(b"body").unwrap();
    connection.answer(false).unwrap()
}

fn expect_expired(answer: &Answer, expires_s: u32) {
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"), "{answer:?}");
    assert_eq!(answer.element("Message").as_deref(), Some("Request has expired"));
    assert_eq!(answer.element("X-Amz-Expires"), Some(expires_s.to_string()));
    let time = |name| {
        let text = answer.element(name).unwrap_or_else(|| panic!("{name} in {answer:?}"));
        chrono::DateTime::parse_from_rfc3339(&text).unwrap()
    };
    assert!(time("ServerTime") >= time("Expires"), "{answer:?}");
}

fn ago(client: &Client, seconds: i64) -> Client {
    Client { clock_ahead: TimeDelta::seconds(-seconds), ..client.clone() }
}

#[test]
fn expire_at_end_judges_once_more_when_the_body_has_been_read() {
    let (lab, client) = faulty("PutObject always expire-at-end");
    let mut connection = begin(&client, 1, 4);
    connection.send(b"bo").unwrap();
    thread::sleep(Duration::from_millis(1500));
    // All of it is read first: had it been cut, this could not be sent and answered.
    connection.send(b"dy").unwrap();
    expect_expired(&connection.answer(false).unwrap(), 1);
    assert_eq!((lab.tally().body_bytes, lab.tally().faults_total()), (4, 1));
    assert_eq!(lab.object("lab", "k"), None);
    assert_eq!(put(&client, 60).status, 200, "a body that ends in time");
    assert_eq!(lab.object("lab", "k").unwrap().size, 4);
    expect_expired(&put(&ago(&client, 60), 10), 10);
    assert_eq!(lab.tally().faults_total(), 1, "at the start it is no fault");
}

#[test]
fn without_a_fault_a_url_may_expire_under_way() {
    let (lab, client) = plain();
    let mut connection = begin(&client, 1, 4);
    connection.send(b"bo").unwrap();
    thread::sleep(Duration::from_millis(2100));
    connection.send(b"dy").unwrap();
    assert_eq!(connection.answer(false).unwrap().status, 200);
    assert_eq!(lab.object("lab", "k").unwrap().size, 4);
}

#[test]
fn expire_abruptly_leaves_the_body_unread() {
    const LENGTH: usize = 32 << 20;
    let (lab, client) = faulty("PutObject always expire-abruptly");
    let late = ago(&client, 60);
    let mut connection = begin(&late, 10, LENGTH);
    let sent = connection.send(&vec![0; LENGTH]).unwrap_err();
    let kinds = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    assert!(kinds.contains(&sent.kind()), "{sent}");
    assert_eq!((lab.tally().body_bytes, lab.object("lab", "k")), (0, None));
    // Who has sent nothing more can read the answer, and then the end.
    let mut connection = begin(&late, 10, LENGTH);
    expect_expired(&connection.answer(false).unwrap(), 10);
    assert_eq!(connection.more().unwrap(), 0);
    assert_eq!(put(&client, 10).status, 200, "a URL that lives");
    assert_eq!(lab.tally().faults_total(), 2);
}

#[test]
fn starve_gives_up_a_body_of_which_nothing_arrives() {
    let (lab, client) = faulty("PutObject always starve 400ms");
    let mut connection = begin(&client, 60, 10);
    for _ in 0..4 {
        connection.send(b"b").unwrap();
        thread::sleep(Duration::from_millis(150));
    }
    let begun = Instant::now();
    let answer = connection.answer(false).unwrap();
    assert!(begun.elapsed() < Duration::from_millis(1500), "{:?}", begun.elapsed());
    assert_eq!((answer.status, answer.code().as_str()), (400, "RequestTimeout"));
    assert_eq!(connection.more().unwrap(), 0, "the connection is closed");
    assert_eq!((lab.tally().body_bytes, lab.object("lab", "k")), (4, None));
    assert_eq!(put(&client, 60).status, 200, "what does not rest is let in");
}

#[test]
fn a_skewed_clock_judges_presigned_urls_too() {
    // A fast clock ends them early.
    let (_lab, client) = faulty("* always skew 10m");
    expect_expired(&put(&client, 300), 300);
    assert_eq!(put(&client, 900).status, 200);
    // A slow one takes those that were signed in its future, up to a quarter of an hour.
    let (_lab, client) = faulty("* always skew -10m");
    assert_eq!(put(&client, 60).status, 200);
    expect_expired(&put(&ago(&client, 720), 60), 60);
    let (_lab, client) = faulty("* always skew -20m");
    let answer = put(&client, 3600);
    assert_eq!(answer.element("Message").as_deref(), Some("Request is not valid yet"));
    assert_eq!((answer.status, answer.code().as_str()), (403, "AccessDenied"));
    assert_eq!(put(&ago(&client, 360), 3600).status, 200);
}

/// Sends bodies of `length` at once over a link of `bytes_per_s`, and how long each took.
fn over_link(link: LinkRate, users: usize, length: usize) -> Vec<Duration> {
    let (lab, client) = lab(LabSettings { link: Some(link), ..LabSettings::default() });
    let upload = |number: usize| {
        let begun = Instant::now();
        let target = format!("PUT /lab/k{number}");
        assert_eq!(client.ask(&target, &[], &vec![7; length]).unwrap().status, 200);
        assert_eq!(lab.object("lab", &format!("k{number}")).unwrap().size, length as u64);
        begun.elapsed()
    };
    let upload = &upload;
    thread::scope(|scope| {
        let running: Vec<_> = (0..users).map(|n| scope.spawn(move || upload(n))).collect();
        running.into_iter().map(|running| running.join().unwrap()).collect()
    })
}

#[test]
fn a_shared_link_is_shared_fairly() {
    let link = LinkRate { bytes_per_s: 1 << 20, is_shared: true };
    for took in over_link(link, 3, 256 << 10) {
        // Each alone would take a quarter of a second.
        assert!((650..1500).contains(&took.as_millis()), "{took:?}");
    }
    let own = LinkRate { is_shared: false, ..link };
    for took in over_link(own, 3, 256 << 10) {
        assert!((200..600).contains(&took.as_millis()), "{took:?}");
    }
}

#[test]
fn what_is_not_kept_passes_the_link_as_well() {
    let settings = LabSettings {
        faults: vec!["PutObject always status 503 SlowDown".parse().unwrap()],
        link: Some(LinkRate { bytes_per_s: 512 << 10, is_shared: true }),
        ..LabSettings::default()
    };
    let (_lab, client) = lab(settings);
    let begun = Instant::now();
    assert_eq!(client.ask("PUT /lab/k", &[], &vec![0; 256 << 10]).unwrap().status, 503);
    assert!(begun.elapsed() > Duration::from_millis(400), "{:?}", begun.elapsed());
}
