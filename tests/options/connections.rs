//! How many connections there are, and how much of a body is read at a time: the driver with
//! options as they are typed, one exchange after the other or several at once.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use curlift::curlopt::{Given, Handle, check, find};
use curlift::http::{Body, ConnectionWanted, Headers, Method, Request, Scheme, Url};
use curlift::transport::{BodyReader, Driver, Finished, HandleSettings};

use super::at_once;
use super::server::{STORED, Server};

pub(crate) const PROVEN: &[&str] = &[
    "FORBID_REUSE",
    "FRESH_CONNECT",
    "MAXAGE_CONN",
    "MAXLIFETIME_CONN",
    "UPLOAD_BUFFERSIZE",
    "multi.MAXCONNECTS",
    "multi.MAX_HOST_CONNECTIONS",
    "multi.MAX_TOTAL_CONNECTIONS",
];

/// A body of nothing but zeros, which remembers the largest piece it was asked for.
#[derive(Debug)]
pub(crate) struct Zeros {
    length: u64,
    given: u64,
    largest: usize,
}

impl BodyReader for Zeros {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.largest = self.largest.max(buffer.len());
        let count = buffer.len().min((self.length - self.given) as usize);
        buffer[..count].fill(0);
        self.given += count as u64;
        Ok(count)
    }

    fn rewind(&mut self) {
        self.given = 0;
    }
}

/// A driver with these options over the default profile; an option of the multi handle is marked.
pub(crate) fn driver(options: &[&str]) -> Driver<Zeros> {
    let mut settings = HandleSettings::default();
    for option in ["PROXY="].iter().chain(options) {
        let (name, value) = option.split_once('=').unwrap();
        let (handle, name) = match name.strip_prefix("multi.") {
            Some(name) => (Handle::Multi, name),
            None => (Handle::Easy, name),
        };
        let given = Given::Typed(vec![value.to_owned()]);
        let set = check(find(handle, name).unwrap(), &given).unwrap();
        let sets = if handle == Handle::Easy { &mut settings.easy } else { &mut settings.multi };
        sets.retain(|other| other.option != set.option);
        sets.push(set);
    }
    Driver::new(&settings, 8).unwrap()
}

/// Sends a body of `length` zeros to each of `servers` at once, and waits for all answers.
pub(crate) fn send(
    driver: &mut Driver<Zeros>,
    servers: &[&Server],
    length: u64,
) -> Vec<Finished<Zeros>> {
    let authorities: Vec<String> = servers.iter().map(|it| it.address.to_string()).collect();
    send_to(driver, &authorities.iter().map(String::as_str).collect::<Vec<_>>(), length)
}

/// The same to hosts that may have a name.
pub(crate) fn send_to(
    driver: &mut Driver<Zeros>,
    authorities: &[&str],
    length: u64,
) -> Vec<Finished<Zeros>> {
    for (token, authority) in authorities.iter().enumerate() {
        let request = Request {
            method: Method::Put,
            url: Url {
                scheme: Scheme::Http,
                authority: (*authority).to_owned(),
                path: "/bucket/key".into(),
                query: Vec::new(),
            },
            headers: Headers::new(),
            body: Body::Empty,
        };
        let body = Zeros { length, given: 0, largest: 0 };
        driver.start(token as u64, &request, body, ConnectionWanted::ANY).unwrap();
    }
    let mut finished = Vec::new();
    let begun = Instant::now();
    while driver.in_flight() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "still in flight");
        driver.wait(Duration::from_secs(1), &mut finished).unwrap();
    }
    for finished in &finished {
        assert_eq!(finished.report.failure, None);
    }
    finished
}

/// How many connections two requests take, the second `pause` behind the first, and whether the
/// first of them is closed by then. The driver lives: only what libcurl means to close is closed.
fn two_requests(options: &[&str], pause: Duration) -> (usize, bool) {
    let server = Server::obliging();
    let mut driver = driver(options);
    send(&mut driver, &[&server], 10);
    sleep(pause);
    send(&mut driver, &[&server], 10);
    assert_eq!(server.requests()[1].connection + 1, server.accepted());
    (server.accepted(), server.is_closed(0))
}

#[test]
fn a_connection_is_used_again_unless_that_is_forbidden() {
    let two = |options: &[&str]| two_requests(options, Duration::ZERO);
    assert_eq!(two(&[]), (1, false));
    assert_eq!(two(&["FORBID_REUSE=0", "FRESH_CONNECT=0"]), (1, false));
    assert_eq!(two(&["FORBID_REUSE=1"]), (2, true));
    assert_eq!(two(&["FRESH_CONNECT=1"]), (2, false));
}

#[test]
fn a_connection_is_used_again_while_it_is_young_enough() {
    let pause = Duration::from_millis(2_300);
    let rows: [(&[&str], _); 4] = [
        (&["MAXAGE_CONN=100"], (1, false)),
        (&["MAXAGE_CONN=1"], (2, true)),
        (&["MAXAGE_CONN=100", "MAXLIFETIME_CONN=100"], (1, false)),
        (&["MAXAGE_CONN=100", "MAXLIFETIME_CONN=1"], (2, true)),
    ];
    at_once(&rows, |(options, expected)| {
        assert_eq!(two_requests(options, pause), *expected, "{options:?}");
    });
}

/// A server that takes its time, so that requests sent at once meet.
fn slow() -> Server {
    Server::start(|connection| {
        while connection.request().is_some() {
            sleep(Duration::from_millis(150));
            connection.answer(STORED, "");
        }
    })
}

#[test]
fn no_more_connections_are_kept_than_told() {
    let count = |options: &[&str]| {
        let server = slow();
        let mut driver = driver(options);
        for _ in 0..2 {
            send(&mut driver, &[&server; 4], 10);
        }
        server.accepted()
    };
    assert_eq!(count(&[]), 4);
    assert_eq!(count(&["multi.MAXCONNECTS=8"]), 4);
    let few = count(&["multi.MAXCONNECTS=1"]);
    assert!(few > 4, "{few}");
}

#[test]
fn no_more_connections_are_open_than_told() {
    let counts = |options: &[&str]| {
        let (one, other) = (slow(), slow());
        let mut driver = driver(options);
        send(&mut driver, &[&one, &one, &other, &other], 10);
        // Connections that were there before the first request was answered were open at once.
        let answered = [&one, &other].map(|server| server.requests()[0].body_at);
        let answered = answered.into_iter().min().unwrap() + Duration::from_millis(150);
        let open = [&one, &other].map(|server| server.accepted_before(answered));
        (one.accepted(), other.accepted(), open.iter().sum::<usize>())
    };
    assert_eq!(counts(&[]), (2, 2, 4));
    assert_eq!(counts(&["multi.MAX_HOST_CONNECTIONS=1"]), (1, 1, 2));
    let (one, other, open) = counts(&["multi.MAX_TOTAL_CONNECTIONS=1"]);
    assert_eq!(open, 1, "{one} and {other} connections");
}

#[test]
fn a_body_is_read_in_pieces_of_the_buffers_size() {
    let largest = |options: &[&str]| {
        let server = Server::obliging();
        send(&mut driver(options), &[&server], 8 << 20)[0].body.largest
    };
    assert_eq!(largest(&[]), 256 << 10);
    assert_eq!(largest(&["UPLOAD_BUFFERSIZE=512KiB"]), 512 << 10);
    assert_eq!(largest(&["UPLOAD_BUFFERSIZE=65536"]), 64 << 10);
    // What lies outside its bounds is moved into them.
    assert_eq!(largest(&["UPLOAD_BUFFERSIZE=1000"]), 16 << 10);
    assert_eq!(largest(&["UPLOAD_BUFFERSIZE=512MiB"]), 2 << 20);
}
