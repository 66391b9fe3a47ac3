//! What a report says of the connection: how old it was, how long nobody had used it, what it
//! carried, and whether it was exchanged for another on the way.

use std::thread::sleep;
use std::time::Duration;

use curlift::curlopt::Value;
use curlift::http::{
    ConnectionWanted, Evidence, HttpVersion, Method, Scheme, TransportFailureKind,
};
use curlift::transport::Driver;

use crate::server::Server;
use crate::{Pattern, driver, exchange, put, request, settings, status, wait_all};

const LARGE: u64 = 64 * 1024 * 1024;
const PAUSE: Duration = Duration::from_millis(300);

fn evidence(driver: &mut Driver<Pattern>, server: &Server, length: u64) -> Evidence {
    exchange(driver, &put(server), Pattern::new(length)).report.evidence
}

#[test]
fn a_connection_is_known_again_with_its_age_its_rest_and_its_work() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    let first = evidence(&mut driver, &server, 10);
    let opened = first.connection.unwrap();
    assert!(!opened.is_reused() && opened.idle_before == Duration::ZERO, "{opened:?}");
    assert!(opened.age <= first.elapsed && first.connected_after.unwrap() <= first.elapsed);
    assert_eq!((first.http_version, first.tls_after), (Some(HttpVersion::Http11), None));
    sleep(PAUSE);
    evidence(&mut driver, &server, 10);
    sleep(PAUSE);
    let third = evidence(&mut driver, &server, 10);
    let again = third.connection.unwrap();
    assert_eq!((again.local_port, again.requests_before), (opened.local_port, 2));
    assert!((PAUSE..PAUSE * 2).contains(&again.idle_before), "{again:?}");
    assert!(again.age >= PAUSE * 2, "{again:?}");
    assert_eq!((third.connections_opened, third.connected_after), (0, None));
    assert_eq!((third.abandoned, third.bytes_resent), (None, 0));
}

#[test]
fn a_connection_that_died_under_the_request_is_told_beside_the_new_one() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.answer("200 OK", "");
        if connection.number == 0 {
            connection.request();
            sleep(PAUSE);
        }
    });
    let mut driver = driver();
    let first = evidence(&mut driver, &server, 10).connection.unwrap();
    sleep(PAUSE);
    let report = exchange(&mut driver, &put(&server), Pattern::new(LARGE / 8)).report;
    assert_eq!((status(&report), report.failure), (Some(200), None));
    let evidence = report.evidence;
    let (dead, new) = (evidence.abandoned.unwrap(), evidence.connection.unwrap());
    assert_eq!((dead.local_port, dead.requests_before), (first.local_port, 1));
    assert!((PAUSE..PAUSE * 3).contains(&dead.idle_before), "{dead:?}");
    assert!(new.local_port != dead.local_port && !new.is_reused(), "{new:?}");
    assert!(evidence.elapsed >= PAUSE && new.age < PAUSE, "{new:?} of {evidence:?}");
    assert_eq!((evidence.rewinds, evidence.bytes_resent), (1, LARGE / 8));
}

#[test]
fn a_request_without_a_body_that_libcurl_repeats_is_seen_too() {
    let server = Server::start(|mut connection| {
        connection.request();
        if connection.number == 0 {
            connection.answer("200 OK", "");
            connection.request();
        } else {
            connection.answer("204 No Content", "");
        }
    });
    let mut driver = driver();
    let delete = request(Method::Delete, &server, "/b/k");
    let [first, second] = [(); 2].map(|()| {
        driver.start(1, &delete, Pattern::new(0), ConnectionWanted::ANY).unwrap();
        wait_all(&mut driver).pop().unwrap().report.evidence
    });
    assert_eq!((first.abandoned, second.rewinds), (None, 0));
    assert_eq!(second.abandoned.unwrap().local_port, first.connection.unwrap().local_port);
}

#[test]
fn a_reset_tells_how_old_the_connection_was() {
    let server = Server::start(|mut connection| {
        connection.request_up_to(100_000);
        sleep(PAUSE);
        connection.reset();
    });
    let evidence = evidence(&mut driver(), &server, LARGE);
    let connection = evidence.connection.unwrap();
    assert!(connection.age >= PAUSE && !connection.is_reused(), "{connection:?}");
    assert!(!evidence.answered_early, "{evidence:?}");
}

#[test]
fn no_connection_is_told_where_there_was_none() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (_tell, seen) = std::sync::mpsc::channel();
    let report = exchange(&mut driver(), &put(&Server { address, seen }), Pattern::new(1)).report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Connect);
    let evidence = report.evidence;
    assert_eq!((evidence.connection, evidence.connected_after), (None, None));
    assert_eq!((evidence.abandoned, evidence.http_version), (None, None));
}

#[test]
fn an_answer_before_the_end_of_the_body_is_early_and_one_behind_it_is_not() {
    let server = Server::start(|mut connection| {
        connection.request_up_to(100_000);
        connection.answer("403 Forbidden", "");
        connection.close_gently();
    });
    assert!(evidence(&mut driver(), &server, LARGE).answered_early);
    let server = Server::start(|mut connection| {
        connection.request_up_to(10);
        connection.answer("200 OK", "");
        connection.drain();
    });
    assert!(evidence(&mut driver(), &server, LARGE).answered_early);
    let server = Server::start(|mut connection| {
        connection.request();
        connection.answer("403 Forbidden", "");
    });
    assert!(!evidence(&mut driver(), &server, LARGE / 8).answered_early);
}

#[test]
fn a_source_that_hesitates_is_told_from_a_network_that_does() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            sleep(PAUSE);
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    let quick = evidence(&mut driver, &server, 1_000);
    assert!(quick.elapsed >= PAUSE && quick.slowest_read < PAUSE / 2, "{quick:?}");
    let slow = Pattern { hesitates: Some(PAUSE), ..Pattern::new(1_000) };
    let slow = exchange(&mut driver, &put(&server), slow).report.evidence;
    assert!((PAUSE..PAUSE * 2).contains(&slow.slowest_read), "{slow:?}");
}

#[test]
fn a_handshake_that_never_ends_leaves_no_connection() {
    let server = Server::start(|mut connection| connection.drain());
    let settings = settings().with("CONNECTTIMEOUT_MS", Value::Number(1000));
    let mut driver = Driver::new(&settings, 1).unwrap();
    let mut request = put(&server);
    request.url.scheme = Scheme::Https;
    let report = exchange(&mut driver, &request, Pattern::new(10)).report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Connect);
    let evidence = report.evidence;
    // libcurl names no connection before all of it stands, TLS included.
    assert_eq!(
        (evidence.connection, evidence.connected_after, evidence.tls_after),
        (None, None, None)
    );
    assert_eq!(evidence.connections_opened, 1);
}
