//! Answers that come early, late, in pieces or too large.

use curlift::http::{Method, TransportFailureKind};

use crate::server::Server;
use crate::{Pattern, driver, exchange, put, request, status};

const LARGE: u64 = 64 * 1024 * 1024;

#[test]
fn a_refusal_before_the_body_ends_is_read() {
    let server = Server::start(|mut connection| {
        connection.request_up_to(100_000);
        connection.answer("403 Forbidden", "<Error><Code>AccessDenied</Code></Error>");
        connection.close_gently();
    });
    let finished = exchange(&mut driver(), &put(&server), Pattern::new(LARGE));
    let response = finished.report.response.unwrap();
    assert_eq!(response.status, 403);
    assert_eq!(response.body, b"<Error><Code>AccessDenied</Code></Error>");
    assert!(finished.report.evidence.bytes_sent < LARGE);
    assert_eq!(finished.report.evidence.bytes_expected, LARGE);
}

#[test]
fn an_early_200_is_a_success_whose_body_was_still_sent() {
    let server = Server::start(|mut connection| {
        connection.request_up_to(10);
        connection.answer("200 OK", "");
        connection.drain();
    });
    let finished = exchange(&mut driver(), &put(&server), Pattern::new(LARGE / 8));
    assert_eq!((status(&finished.report), finished.report.failure), (Some(200), None));
    assert_eq!(finished.report.evidence.bytes_sent, LARGE / 8);
}

#[test]
fn an_answer_cut_short_is_kept_beside_the_failure() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\nx-amz-request-id: R\r\n\r\n123");
    });
    let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::Reset);
    assert_eq!(report.evidence.curl_code, 18);
    let response = report.response.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, &b"123"[..]));
    assert_eq!(response.headers.get("x-amz-request-id"), Some("R"));
}

#[test]
fn a_head_answer_has_a_length_and_no_body() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            connection.say("HTTP/1.1 200 OK\r\nContent-Length: 123\r\nETag: \"e\"\r\n\r\n");
        }
    });
    let mut driver = driver();
    let head = request(Method::Head, &server, "/b/k");
    for _ in 0..2 {
        let report = exchange(&mut driver, &head, Pattern::new(0)).report;
        assert_eq!(report.failure, None);
        let response = report.response.unwrap();
        assert_eq!(response.headers.get("content-length"), Some("123"));
        assert_eq!((response.headers.get("etag"), response.body.len()), (Some("\"e\""), 0));
    }
}

#[test]
fn interim_answers_and_chunks_are_understood() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.say("HTTP/1.1 100 Continue\r\nx-a: interim\r\n\r\n");
        connection.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        connection.say("3\r\nabc\r\n2\r\nde\r\n0\r\nx-t: trailer\r\n\r\n");
    });
    let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
    assert_eq!(report.failure, None);
    let response = report.response.unwrap();
    assert_eq!(response.body, b"abcde");
    assert_eq!((response.headers.get("x-a"), response.headers.get("x-t")), (None, None));
}

#[test]
fn an_endless_answer_is_cut_off() {
    for (status, kept) in [(500, 64 << 10), (200, 10 << 20)] {
        let server = Server::start(move |mut connection| {
            connection.request();
            connection.say(&format!("HTTP/1.1 {status} Oh\r\n\r\n"));
            let _ = std::io::copy(&mut std::io::repeat(b'x'), &mut connection.stream);
        });
        let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
        assert_eq!(report.failure.unwrap().kind, TransportFailureKind::AnswerTooLarge);
        let response = report.response.unwrap();
        assert_eq!((response.status, response.body.len()), (status, kept));
    }
}

#[test]
fn what_is_no_http_is_told() {
    let server = Server::start(|mut connection| {
        connection.request();
        connection.say("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    });
    let report = exchange(&mut driver(), &put(&server), Pattern::new(10)).report;
    assert_eq!(report.failure.unwrap().kind, TransportFailureKind::NotHttp);
    assert_eq!(report.response, None);
}
