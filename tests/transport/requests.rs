//! What stands on the wire.

use curlift::curlopt::Value;
use curlift::http::{ConnectionWanted, Method, TransportFailureKind};

use crate::server::{Connection, Server};
use crate::{Pattern, driver, exchange, put, request, settings, status, wait_all};

/// Answers every request of a connection.
fn obliging(mut connection: Connection) {
    while connection.request() {
        connection.answer("200 OK", "");
    }
}

#[test]
fn a_put_is_sent_byte_by_byte_as_expected() {
    let server = Server::start(obliging);
    let mut request = put(&server);
    request.url.query = vec![("partNumber".into(), "1".into()), ("uploads".into(), String::new())];
    request.headers.push("x-amz-date", "20260101T000000Z");
    request.headers.push("x-amz-meta-empty", "");
    request.headers.push("host", request.url.authority.clone());
    request.headers.push("content-length", "300000");
    let finished = exchange(&mut driver(), &request, Pattern::new(300_000));
    assert_eq!(status(&finished.report), Some(200));
    assert_eq!(finished.report.failure, None);
    let seen = server.next();
    let expected = format!(
        "PUT /b/k?partNumber=1&uploads HTTP/1.1\r\n\
         Host: {}\r\n\
         User-Agent: curlift/{}\r\n\
         Accept: */*\r\n\
         x-amz-date: 20260101T000000Z\r\n\
         x-amz-meta-empty:\r\n\
         Content-Length: 300000\r\n\r\n",
        server.address,
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(sorted(&seen.head), sorted(&expected));
    assert!(seen.body.iter().zip(0..).all(|(byte, at)| *byte == Pattern::byte(at)));
    let evidence = &finished.report.evidence;
    assert_eq!((evidence.bytes_sent, evidence.bytes_expected), (300_000, 300_000));
    assert_eq!((evidence.connections_opened, evidence.rewinds), (1, 0));
    assert_eq!(evidence.peer, Some(server.address));
    assert_eq!((evidence.curl_code, evidence.os_errno), (0, None));
}

/// The request line first, then the fields in a fixed order: theirs differs by version.
fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head.split("\r\n").collect();
    lines[1..].sort_unstable();
    lines
}

#[test]
fn requests_without_bytes_say_what_they_must() {
    let server = Server::start(obliging);
    let mut driver = driver();
    let rows = [
        (Method::Put, Some("0")),
        (Method::Post, Some("0")),
        (Method::Get, None),
        (Method::Delete, None),
        (Method::Head, None),
        (Method::Put, Some("0")),
    ];
    for (method, length) in rows {
        let request = request(method, &server, "/b/k");
        let finished = exchange(&mut driver, &request, Pattern::new(0));
        assert_eq!(status(&finished.report), Some(200), "{method:?} {:?}", finished.report);
        let seen = server.next();
        assert!(seen.head.starts_with(&format!("{} /b/k HTTP/1.1\r\n", method.as_str())));
        assert_eq!(seen.header("content-length"), length, "{method:?}");
        for foreign in ["content-type", "expect", "transfer-encoding"] {
            assert_eq!(seen.header(foreign), None, "{method:?} {foreign}");
        }
    }
}

#[test]
fn a_post_with_a_body_has_its_length_and_no_content_type() {
    let server = Server::start(obliging);
    let request = request(Method::Post, &server, "/b/k");
    let finished = exchange(&mut driver(), &request, Pattern::new(2_000_000));
    assert_eq!(status(&finished.report), Some(200));
    let seen = server.next();
    assert!(seen.head.starts_with("POST "));
    assert_eq!(seen.header("content-length"), Some("2000000"));
    assert_eq!((seen.header("content-type"), seen.header("expect")), (None, None));
    assert_eq!(seen.body.len(), 2_000_000);
}

#[test]
fn the_path_is_sent_as_it_was_signed() {
    let server = Server::start(obliging);
    let path = "/b/a/../x/./y//%2E%2E/%C3%A4+&=;";
    exchange(&mut driver(), &request(Method::Put, &server, path), Pattern::new(1));
    assert!(server.next().head.starts_with(&format!("PUT {path} HTTP/1.1\r\n")));
}

#[test]
fn the_host_keeps_a_default_port_that_was_signed() {
    // Through a proxy the name need not exist.
    let proxy = Server::start(obliging);
    let settings = settings().with("PROXY", Value::Text(format!("http://{}", proxy.address)));
    let mut driver = curlift::transport::Driver::new(&settings, 1).unwrap();
    let mut request = put(&proxy);
    request.url.authority = "S3.example:80".into();
    exchange(&mut driver, &request, Pattern::new(1));
    assert_eq!(proxy.next().header("host"), Some("S3.example:80"));
}

#[test]
fn a_header_with_a_line_end_is_never_sent() {
    let server = Server::start(obliging);
    let mut driver = driver();
    let mut bad = put(&server);
    bad.headers.push("x-amz-meta-a", "1\r\nx-amz-acl: public-read");
    let refused = exchange(&mut driver, &bad, Pattern::new(1));
    let failure = refused.report.failure.unwrap();
    assert_eq!(failure.kind, TransportFailureKind::Local);
    assert!(failure.message.contains("x-amz-meta-a"), "{}", failure.message);
    assert_eq!(refused.report.evidence.peer, None);
    let good = exchange(&mut driver, &put(&server), Pattern::new(1));
    assert_eq!(status(&good.report), Some(200));
    let seen = server.next();
    assert_eq!(seen.header("x-amz-meta-a"), None, "the first request must not have come");
}

#[test]
fn other_schemes_and_bad_urls_are_local_failures() {
    let server = Server::start(obliging);
    let mut bad = put(&server);
    bad.url.path = "/with a blank".into();
    let failure = exchange(&mut driver(), &bad, Pattern::new(1)).report.failure.unwrap();
    assert_eq!(failure.kind, TransportFailureKind::Local, "{failure:?}");
}

#[test]
fn connections_are_used_again_unless_a_fresh_one_is_wanted() {
    let server = Server::start(obliging);
    let mut driver = driver();
    let mut connections = Vec::new();
    let (any, new) = (ConnectionWanted::ANY, ConnectionWanted::NEW);
    for wanted in [any, any, new, ConnectionWanted::NEW_RESOLVED, any] {
        driver.start(7, &put(&server), Pattern::new(5), wanted).unwrap();
        let finished = wait_all(&mut driver).pop().unwrap();
        connections.push((finished.report.evidence.connections_opened, server.next().connection));
    }
    assert_eq!(connections[..3], [(1, 0), (0, 0), (1, 1)]);
    assert_eq!((connections[3].0, connections[4].0), (1, 0));
}

#[test]
fn the_upload_buffer_is_as_large_as_asked() {
    for size in [64 * 1024, 256 * 1024, 2 * 1024 * 1024] {
        let server = Server::start(obliging);
        let settings =
            settings().with("UPLOAD_BUFFERSIZE", Value::Number(size.try_into().unwrap()));
        let mut driver = curlift::transport::Driver::new(&settings, 1).unwrap();
        let body = exchange(&mut driver, &put(&server), Pattern::new(8 * 1024 * 1024)).body;
        assert_eq!(body.asked.iter().max(), Some(&size));
        let reads = 8 * 1024 * 1024 / size;
        assert!(body.asked.len() <= reads + 3, "{} reads of {size}", body.asked.len());
    }
}

#[test]
fn many_exchanges_share_one_thread() {
    let server = Server::start(obliging);
    let mut driver = driver();
    for token in 0..40 {
        driver
            .start(token, &put(&server), Pattern::new(100_000 + token), ConnectionWanted::ANY)
            .unwrap();
    }
    let mut finished = wait_all(&mut driver);
    finished.sort_by_key(|finished| finished.token);
    assert_eq!(finished.len(), 40);
    for (token, finished) in (0..).zip(&finished) {
        assert_eq!(finished.token, token);
        assert_eq!(status(&finished.report), Some(200));
        assert_eq!(finished.report.evidence.bytes_sent, 100_000 + token);
    }
}
