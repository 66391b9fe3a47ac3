//! How names are looked up: over HTTPS, by a server of the test's own that counts what it is asked,
//! and how long the answer is remembered.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::certificates::Authority;
use super::connections::{driver, send_to};
use super::server::{Connection, Server};
use super::tls::over_tls;
use super::upload::Upload;

pub(crate) const PROVEN: &[&str] = &[
    "DNS_CACHE_TIMEOUT",
    "DOH_SSL_VERIFYHOST",
    "DOH_SSL_VERIFYPEER",
    "DOH_SSL_VERIFYSTATUS",
    "DOH_URL",
];

/// Answers every question for an IPv4 address with 127.0.0.1 (RFC 1035, RFC 8484).
fn answer(connection: &mut Connection, asked: &AtomicUsize) {
    while let Some(head) = connection.head() {
        let length = head.field("content-length").unwrap().parse().unwrap();
        let question = connection.bytes(length);
        asked.fetch_add(1, Ordering::SeqCst);
        // Behind the name, which ends with an empty label, stand type and class.
        let end = question.iter().skip(12).position(|byte| *byte == 0).unwrap() + 12 + 1;
        let is_v4 = question[end..end + 2] == [0, 1];
        let mut message =
            [&question[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_v4), 0, 0, 0, 0]].concat();
        message.extend(&question[12..end + 4]);
        if is_v4 {
            // The name of the question, the Internet's class, and a life of an hour.
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4]);
            message.extend(Ipv4Addr::LOCALHOST.octets());
        }
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: ";
        connection.say(format!("{head}{}\r\n\r\n", message.len()));
        connection.say(message);
    }
}

/// A server for look-ups with a certificate for `name`, and how often it was asked.
fn resolver(authority: &Authority, name: &str) -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let config = Authority::config(&authority.identity(name), None);
    let (server, _) = over_tls(config, move |connection| answer(connection, &counter));
    (format!("DOH_URL=https://{}/dns-query", server.address), asked)
}

#[test]
fn names_are_looked_up_where_the_options_say() {
    let authority = Authority::new("known");
    let trusted = format!("CAINFO={}", authority.file().display());
    let store = Server::obliging();
    let url = format!("http://s3.test:{}", store.address.port());
    let (good, misnamed) = ("127.0.0.1", "other.test");
    let rows: [(&str, &[&str], bool); 7] = [
        (good, &[], false),
        (good, &[&trusted], true),
        (good, &["DOH_SSL_VERIFYPEER=0"], true),
        // The server proves nothing of that kind.
        (good, &[&trusted, "DOH_SSL_VERIFYSTATUS=1"], false),
        (misnamed, &[&trusted], false),
        (misnamed, &[&trusted, "DOH_SSL_VERIFYHOST=0"], true),
        (misnamed, &["DOH_SSL_VERIFYHOST=0"], false),
    ];
    for (name, options, is_found) in rows {
        let (named, asked) = resolver(&authority, name);
        let before = store.accepted();
        let ended = Upload::to(&url).with(&[&named]).with(options).run();
        assert_eq!(ended.code == Some(0), is_found, "{name} {options:?}: {}", ended.stderr);
        assert_eq!(asked.load(Ordering::SeqCst) > 0, is_found, "{name} {options:?}");
        assert_eq!(store.accepted() - before, usize::from(is_found), "{name} {options:?}");
    }
}

#[test]
fn an_answer_is_remembered_as_long_as_told() {
    let authority = Authority::new("known");
    let store = Server::obliging();
    let name = format!("s3.test:{}", store.address.port());
    let times = |option: &str| {
        let (named, asked) = resolver(&authority, "127.0.0.1");
        let options = [&*named, "DOH_SSL_VERIFYPEER=0", "FRESH_CONNECT=1", option];
        let mut driver = driver(&options);
        let counts = [(); 3].map(|()| {
            send_to(&mut driver, &[&name], 10);
            asked.load(Ordering::SeqCst)
        });
        (counts[1] > counts[0], counts[2] > counts[1])
    };
    assert_eq!(times("DNS_CACHE_TIMEOUT=60"), (false, false));
    assert_eq!(times("DNS_CACHE_TIMEOUT=-1"), (false, false));
    assert_eq!(times("DNS_CACHE_TIMEOUT=0"), (true, true));
}
