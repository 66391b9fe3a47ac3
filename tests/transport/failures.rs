//! Connections that die, readers that fail, and what remains usable afterwards.

use std::net::TcpListener;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use curlift::curlopt::Value;
use curlift::http::{ConnectionWanted, Method, Scheme, TransportFailureKind};
use curlift::transport::Driver;

use crate::server::Server;
use crate::{Pattern, driver, exchange, put, request, settings, status, wait_all};

const LARGE: u64 = 64 * 1024 * 1024;

#[test]
fn a_reset_in_the_body_is_a_reset_and_the_handle_lives_on() {
    let server = Server::start(|mut connection| {
        if connection.number == 0 {
            connection.request_up_to(100_000);
            return connection.reset();
        }
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    let report = exchange(&mut driver, &put(&server), Pattern::new(LARGE)).report;
    assert_eq!(report.failure.as_ref().unwrap().kind, TransportFailureKind::Reset, "{report:?}");
    assert!(matches!(report.evidence.os_errno, Some(libc::ECONNRESET | libc::EPIPE)), "{report:?}");
    assert_eq!((status(&report), report.evidence.peer), (None, Some(server.address)));
    let again = exchange(&mut driver, &put(&server), Pattern::new(10)).report;
    assert_eq!((status(&again), again.failure), (Some(200), None));
}

#[test]
fn a_status_of_an_earlier_exchange_does_not_leak() {
    let server = Server::start(|mut connection| {
        if connection.number == 0 {
            connection.request();
            connection.answer("200 OK", "");
        }
        // The first connection is closed under the second request, all later ones unanswered.
        connection.request_up_to(100_000);
        connection.reset();
    });
    let mut driver = driver();
    assert_eq!(status(&exchange(&mut driver, &put(&server), Pattern::new(10)).report), Some(200));
    let report = exchange(&mut driver, &put(&server), Pattern::new(LARGE)).report;
    assert_eq!(report.response, None);
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Reset);
}

#[test]
fn closing_without_an_answer_is_a_reset() {
    let server = Server::start(|mut connection| {
        connection.request();
    });
    let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
    assert_eq!((report.evidence.curl_code, status(&report)), (52, None));
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Reset);
}

/// libcurl takes such an answer for a success.
#[test]
fn an_answer_cut_within_its_head_is_a_reset() {
    for head in ["HTTP/1.1 200 OK\r\nETag: \"0123", "HTTP/1.1 200 OK\r\nETag: \"01\"\r\n"] {
        let server = Server::start(|mut connection| {
            connection.request();
            connection.say(head);
        });
        let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
        let failure = report.failure.unwrap_or_else(|| panic!("{head:?}: {:?}", report.response));
        assert_eq!(failure.kind, TransportFailureKind::Reset, "{head:?}");
    }
}

#[test]
fn a_request_that_libcurl_repeats_is_counted() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.answer("200 OK", "");
        if connection.number == 0 {
            // Dies after the second request, before any answer to it.
            connection.request();
        }
    });
    let mut driver = driver();
    exchange(&mut driver, &put(&server), Pattern::new(10));
    let finished = exchange(&mut driver, &put(&server), Pattern::new(LARGE / 8));
    assert_eq!((status(&finished.report), finished.report.failure), (Some(200), None));
    let evidence = finished.report.evidence;
    assert_eq!((evidence.rewinds, finished.body.rewinds), (1, 1));
    assert_eq!(evidence.bytes_sent, LARGE / 8);
    assert_eq!((evidence.connections_opened, evidence.os_errno), (1, None));
    let bodies = [server.next(), server.next(), server.next()].map(|seen| seen.body);
    assert!(bodies[2].iter().zip(0..).all(|(byte, at)| *byte == Pattern::byte(at)));
    assert_eq!(bodies[2].len() as u64, LARGE / 8);
}

#[test]
fn a_connection_that_died_while_idle_is_replaced() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.answer("200 OK", "");
    });
    let mut driver = driver();
    for connection in 0..3 {
        let finished = exchange(&mut driver, &put(&server), Pattern::new(10));
        assert_eq!((status(&finished.report), finished.report.failure), (Some(200), None));
        assert_eq!(finished.report.evidence.connections_opened, 1);
        assert_eq!(server.next().connection, connection);
    }
}

#[test]
fn a_fresh_connection_is_never_repeated_behind_our_back() {
    let server = Server::start(|mut connection| {
        connection.request();
        if connection.number == 0 {
            connection.answer("200 OK", "");
            connection.request();
        }
    });
    let mut driver = driver();
    exchange(&mut driver, &put(&server), Pattern::new(10));
    driver
        .start(2, &request(Method::Post, &server, "/b/k"), Pattern::new(0), ConnectionWanted::NEW)
        .unwrap();
    let report = wait_all(&mut driver).pop().unwrap().report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Reset);
    assert_eq!((server.next().connection, server.next().connection), (0, 1));
    assert!(server.seen.recv_timeout(Duration::from_millis(200)).is_err(), "sent once only");
}

#[test]
fn cancelling_frees_the_body_and_closes_the_connection() {
    let server = Server::start(|mut connection| {
        if connection.number == 0 {
            connection.request_up_to(1_000);
            // Whatever follows on this connection must be the end of it.
            return connection.drain();
        }
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    driver.start(5, &put(&server), Pattern::new(LARGE), ConnectionWanted::ANY).unwrap();
    let mut finished = Vec::new();
    while server.seen.try_recv().is_err() {
        driver.wait(Duration::from_millis(5), &mut finished).unwrap();
    }
    assert!(driver.cancel(6).is_none());
    let body = driver.cancel(5).unwrap();
    assert!(body.at > 0 && body.at < LARGE);
    assert_eq!((driver.in_flight(), finished.len()), (0, 0));
    let report = exchange(&mut driver, &put(&server), Pattern::new(10)).report;
    assert_eq!((status(&report), report.evidence.connections_opened), (Some(200), 1));
    assert_eq!(server.next().connection, 1);
}

#[test]
fn nothing_listening_is_a_failed_connect() {
    let server = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let (_tell, seen) = std::sync::mpsc::channel();
    let server = Server { address: server, seen };
    let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
    assert_eq!(report.failure.as_ref().unwrap().kind, TransportFailureKind::Connect);
    assert_eq!(report.evidence.os_errno, Some(libc::ECONNREFUSED));
    assert!(!report.evidence.reached_server(), "{report:?}");
}

#[test]
fn an_unknown_name_is_a_failed_resolution() {
    let server = Server::start(drop);
    let mut request = put(&server);
    request.url.authority = "no-such-host.invalid".into();
    let report = exchange(&mut driver(), &request, Pattern::new(10)).report;
    assert_eq!(report.failure.as_ref().unwrap().kind, TransportFailureKind::Resolve, "{report:?}");
    assert!(!report.evidence.reached_server());
}

#[test]
fn plain_text_where_tls_is_wanted_is_a_failed_handshake() {
    let server = Server::start(|mut connection| connection.say("HTTP/1.1 400 Bad\r\n\r\n"));
    let mut request = put(&server);
    request.url.scheme = Scheme::Https;
    let report = exchange(&mut driver(), &request, Pattern::new(10)).report;
    assert_eq!(report.failure.as_ref().unwrap().kind, TransportFailureKind::Tls, "{report:?}");
}

#[test]
fn a_proxy_that_refuses_the_tunnel_is_no_answer_of_the_store() {
    let proxy = Server::start(|mut connection| {
        connection.request();
        connection.answer("403 Forbidden", "not here");
    });
    let settings = settings().with("PROXY", Value::Text(format!("http://{}", proxy.address)));
    let mut driver = Driver::new(&settings, 1).unwrap();
    let mut request = put(&proxy);
    request.url.scheme = Scheme::Https;
    request.url.authority = "s3.example".into();
    let report = exchange(&mut driver, &request, Pattern::new(10)).report;
    assert!(proxy.next().head.starts_with("CONNECT s3.example:443"));
    assert_eq!(report.failure.as_ref().unwrap().kind, TransportFailureKind::Connect, "{report:?}");
    assert_eq!(report.response, None);
}

#[test]
fn a_silent_server_runs_into_the_low_speed_limit() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.request();
    });
    let settings = settings().with("LOW_SPEED_TIME", Value::Number(1));
    let mut driver = Driver::new(&settings, 1).unwrap();
    let report = exchange(&mut driver, &put(&server), Pattern::new(10)).report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Timeout);
    let evidence = report.evidence;
    assert!(evidence.silent_for >= Duration::from_millis(500), "{evidence:?}");
    assert!(evidence.silent_for <= evidence.elapsed, "{evidence:?}");
}

#[test]
fn a_reader_that_fails_or_ends_early_ends_the_exchange() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    let failing = Pattern { fails_at: Some(1_000_000), ..Pattern::new(LARGE) };
    let short = Pattern { ends_at: Some(1_000_000), ..Pattern::new(LARGE) };
    let words = ["the disk is on fire", "the source ended after 1000000 of 67108864 bytes"];
    for (body, words) in [failing, short].into_iter().zip(words) {
        let report = exchange(&mut driver, &put(&server), body).report;
        let failure = report.failure.unwrap();
        assert_eq!(failure.kind, TransportFailureKind::SourceRead);
        assert_eq!((failure.message.as_str(), &report.response), (words, &None));
    }
    let report = exchange(&mut driver, &put(&server), Pattern::new(10)).report;
    assert_eq!((status(&report), report.evidence.connections_opened), (Some(200), 1));
}

#[test]
fn a_panic_passes_around_c_and_poisons_nothing() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    let body = Pattern { panics_at: Some(0), ..Pattern::new(10) };
    let panic =
        catch_unwind(AssertUnwindSafe(|| exchange(&mut driver, &put(&server), body))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"a bug in the reader"));
    let report = exchange(&mut driver, &put(&server), Pattern::new(10)).report;
    assert_eq!(status(&report), Some(200));
}

#[test]
fn a_wake_ends_the_wait_from_any_thread() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.request();
    });
    let mut driver = driver();
    let waker = driver.waker();
    let mut finished = Vec::new();
    waker.wake();
    let begun = Instant::now();
    driver.wait(Duration::from_secs(30), &mut finished).unwrap();
    driver.start(1, &put(&server), Pattern::new(10), ConnectionWanted::ANY).unwrap();
    let other = std::thread::spawn(move || {
        std::thread::park_timeout(Duration::from_millis(100));
        waker.wake();
        waker
    });
    driver.wait(Duration::from_secs(30), &mut finished).unwrap();
    let took = begun.elapsed();
    assert!((Duration::from_millis(90)..Duration::from_secs(10)).contains(&took), "{took:?}");
    let waker = other.join().unwrap();
    drop(driver);
    waker.wake();
}

#[test]
fn a_wait_without_events_lasts_as_long_as_asked() {
    let mut driver = driver();
    let begun = Instant::now();
    driver.wait(Duration::from_millis(120), &mut Vec::new()).unwrap();
    let took = begun.elapsed();
    assert!((Duration::from_millis(120)..Duration::from_secs(2)).contains(&took), "{took:?}");
}
