//! What is ended, awaited and held back by the clock. Bounds are generous: what an option sets lies
//! seconds from what holds without it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::at_once;
use super::server::{STORED, Server};
use super::support::wait_until;
use super::upload::Upload;

pub(crate) const PROVEN: &[&str] = &[
    "CONNECTTIMEOUT",
    "CONNECTTIMEOUT_MS",
    "EXPECT_100_TIMEOUT_MS",
    "HAPPY_EYEBALLS_TIMEOUT_MS",
    "LOW_SPEED_LIMIT",
    "LOW_SPEED_TIME",
    "MAX_SEND_SPEED_LARGE",
    "TIMEOUT",
    "TIMEOUT_MS",
];

/// An address that answers to nobody any more, for its queue is full.
struct Deaf {
    address: SocketAddr,
    _listener: socket2::Socket,
    _waiting: Vec<TcpStream>,
}

impl Deaf {
    fn at(address: &str) -> Deaf {
        let address: SocketAddr = address.parse().unwrap();
        let domain = socket2::Domain::for_address(address);
        let listener = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        if address.is_ipv6() {
            listener.set_only_v6(true).unwrap();
        }
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        let limit = Duration::from_millis(300);
        while let Ok(stream) = TcpStream::connect_timeout(&address, limit) {
            waiting.push(stream);
        }
        Deaf { address, _listener: listener, _waiting: waiting }
    }
}

/// How long an upload with these options takes to end, and what it says.
fn ends_after(url: &str, options: &[&str]) -> (Duration, i32, String) {
    let begun = Instant::now();
    let ended = Upload::to(url).with(options).run();
    (begun.elapsed(), ended.code.unwrap(), ended.stderr)
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_wait_for_a_connection_ends() {
    let deaf = Deaf::at("127.0.0.1:0");
    let url = format!("http://{}", deaf.address);
    let rows = [
        ("CONNECTTIMEOUT_MS=300", SECOND / 4, 2 * SECOND),
        ("CONNECTTIMEOUT=3", 3 * SECOND, 8 * SECOND),
    ];
    at_once(&rows, |(option, least, most)| {
        let (took, code, said) = ends_after(&url, &[option]);
        assert!((*least..*most).contains(&took), "{option}: {took:?}");
        assert!(code == 6 && said.contains("timed out"), "{option}: {code} {said}");
    });
}

/// A store that answers to uploads, but not soon.
fn late(after: Duration) -> Server {
    Server::start(move |connection| {
        while let Some(seen) = connection.request() {
            if seen.line().starts_with("PUT ") {
                sleep(after);
            }
            connection.answer(STORED, "");
        }
    })
}

#[test]
fn the_wait_for_an_answer_ends_where_it_has_an_end() {
    let rows: [(&[&str], bool); 6] = [
        (&[], true),
        (&["TIMEOUT_MS=700"], false),
        (&["TIMEOUT=1"], false),
        (&["TIMEOUT=60"], true),
        (&["TIMEOUT_MS=60000"], true),
        // It is for other protocols, and is told to do nothing here.
        (&["SERVER_RESPONSE_TIMEOUT=1"], true),
    ];
    at_once(&rows, |(options, is_stored)| {
        let (took, code, said) = ends_after(&late(3 * SECOND).url(), options);
        assert_eq!(code == 0, *is_stored, "{options:?} after {took:?}: {said}");
        assert!(*is_stored || said.contains("timed out"), "{options:?}: {said}");
        let is_told = said.contains("does nothing for an upload");
        assert_eq!(is_told, options.contains(&"SERVER_RESPONSE_TIMEOUT=1"), "{said}");
    });
}

#[test]
fn what_is_too_slow_for_too_long_ends() {
    let rows: [(&[&str], bool); 4] = [
        (&["LOW_SPEED_LIMIT=1MiB/s"], true),
        (&["LOW_SPEED_LIMIT=1MiB/s", "LOW_SPEED_TIME=1"], false),
        (&["LOW_SPEED_TIME=1", "LOW_SPEED_LIMIT=0"], true),
        (&["LOW_SPEED_TIME=1", "LOW_SPEED_LIMIT=1MiB/s"], false),
    ];
    at_once(&rows, |(options, is_stored)| {
        let (took, code, said) = ends_after(&late(12 * SECOND).url(), options);
        assert_eq!(code == 0, *is_stored, "{options:?} after {took:?}: {said}");
        assert!(*is_stored || said.contains("too slow"), "{options:?}: {said}");
    });
}

/// Between the head of a request and the end of its body.
fn body_took(server: &Server) -> Duration {
    let seen = server.first();
    seen.body_at - seen.head_at
}

#[test]
fn a_body_waits_for_100_continue_as_long_as_told() {
    let expect = "HTTPHEADER=Expect: 100-continue";
    let waited = |options: &[&str]| {
        let server = Server::obliging();
        Upload::to(server.url()).with(options).expect_stored();
        body_took(&server)
    };
    // The machine may be busy, but not always.
    let least = |options: &[&str]| (0..3).map(|_| waited(options)).min().unwrap();
    assert!(least(&[]) < SECOND / 2);
    assert!(waited(&[expect]) >= SECOND * 9 / 10);
    assert!(least(&[expect, "EXPECT_100_TIMEOUT_MS=20"]) < SECOND * 3 / 4);
    assert!(waited(&[expect, "EXPECT_100_TIMEOUT_MS=2500"]) >= SECOND * 24 / 10);
}

#[test]
fn bytes_are_sent_no_faster_than_told() {
    const LENGTH: usize = 3 << 20;
    let took = |options: &[&str]| {
        let server = Server::obliging();
        Upload::to(server.url()).of(LENGTH).with(options).expect_stored();
        body_took(&server)
    };
    let free = took(&[]);
    // Three seconds' worth, the first of which may leave at once.
    let held = took(&["MAX_SEND_SPEED_LARGE=1MiB/s"]);
    assert!(held >= SECOND * 3 / 2 && free < SECOND, "{free:?}, {held:?}");
}

#[test]
fn the_second_family_of_addresses_is_tried_when_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let _deaf = Deaf::at(&format!("[::1]:{port}"));
    let server = Server::on(listener, super::server::obliging);
    let resolve = format!("RESOLVE=s3.test:{port}:[::1],127.0.0.1");
    let took = |option: &str| {
        let before = server.accepted();
        let upload = Upload::to(format!("http://s3.test:{port}")).with(&[&resolve, option]);
        let begun = Instant::now();
        let (ended, took) = upload.during(|_| {
            wait_until("a connection", || (server.accepted() > before).then_some(()));
            begun.elapsed()
        });
        ended.expect_code(0);
        took
    };
    let long = took("HAPPY_EYEBALLS_TIMEOUT_MS=2500");
    assert!(long >= SECOND * 24 / 10, "{long:?}");
    let short = took("HAPPY_EYEBALLS_TIMEOUT_MS=20");
    assert!(short < SECOND * 2, "{short:?}");
}
