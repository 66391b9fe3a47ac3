//! Progress is what the peer has acknowledged, not what the kernel has taken.

use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use curlift::http::ConnectionWanted;
use curlift::transport::{Driver, ExchangeProgress};

use crate::server::Server;
use crate::{Pattern, driver, put, status, wait_all};

const LARGE: u64 = 512 * 1024 * 1024;

/// Lets the driver work for `time`, then looks.
fn after(driver: &mut Driver<Pattern>, time: Duration) -> ExchangeProgress {
    let begun = Instant::now();
    let mut finished = Vec::new();
    while begun.elapsed() < time {
        driver.wait(Duration::from_millis(5), &mut finished).unwrap();
    }
    assert_eq!(finished.len(), 0);
    driver.progress().next().unwrap()
}

#[test]
fn a_peer_that_stops_reading_makes_activity_stand_still() {
    // A small receive buffer here and the kernel's own, growing, send buffer on our side: what
    // libcurl writes then lies in our kernel.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(64 * 1024).unwrap();
    let (go_on, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let server = Server::on(listener, move |mut connection| {
        connection.request_up_to(1_000_000);
        let _ = told.lock().unwrap().recv();
        connection.drain();
    });
    let mut driver = driver();
    driver.start(9, &put(&server), Pattern::new(LARGE), ConnectionWanted::ANY).unwrap();
    let before = driver.progress().next().unwrap();
    while after(&mut driver, Duration::from_millis(10)).body_sent < 1_000_000 {}
    let stalled = after(&mut driver, Duration::from_millis(500));
    assert!(stalled.activity > before.activity);
    let still = after(&mut driver, Duration::from_millis(500));
    assert_eq!(still, stalled);
    // The peer's application took a million bytes, its kernel some more; ours holds the rest.
    assert!((1_000_000..1_500_000).contains(&still.body_sent), "{still:?}");
    go_on.send(()).unwrap();
    let moving = after(&mut driver, Duration::from_millis(50));
    assert!(moving.activity > still.activity && moving.body_sent > still.body_sent, "{moving:?}");
    let written = driver.cancel(9).unwrap().at;
    assert!(written >= moving.body_sent);
}

#[test]
fn bytes_in_the_kernels_buffer_are_not_counted_as_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(16 * 1024).unwrap();
    let (_hold, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let server = Server::on(listener, move |mut connection| {
        connection.request_up_to(0);
        let _ = told.lock().unwrap().recv();
        drop(connection);
    });
    let mut driver = driver();
    driver.start(9, &put(&server), Pattern::new(LARGE), ConnectionWanted::ANY).unwrap();
    let progress = after(&mut driver, Duration::from_millis(400));
    let taken_by_libcurl = driver.cancel(9).unwrap().at;
    assert!(
        progress.body_sent + 500_000 < taken_by_libcurl,
        "{progress:?}, libcurl took {taken_by_libcurl}"
    );
}

#[test]
fn progress_ends_with_the_exchange() {
    let server = Server::start(|mut connection| {
        while connection.request() {
            connection.answer("200 OK", "");
        }
    });
    let mut driver = driver();
    for token in [3, 4] {
        driver.start(token, &put(&server), Pattern::new(1_000_000), ConnectionWanted::ANY).unwrap();
    }
    let mut tokens: Vec<_> = driver.progress().map(|progress| progress.token).collect();
    tokens.sort_unstable();
    assert_eq!(tokens, [3, 4]);
    let finished = wait_all(&mut driver);
    assert!(finished.iter().all(|finished| status(&finished.report) == Some(200)));
    assert_eq!(driver.progress().count(), 0);
}

#[test]
fn a_wait_for_an_answer_is_silence_until_it_comes() {
    let (go_on, told) = channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let server = Server::start(move |mut connection| {
        connection.request();
        let _ = told.lock().unwrap().recv();
        connection.say("HTTP/1.1 102 Processing\r\n\r\n");
        let _ = told.lock().unwrap().recv();
        connection.answer("200 OK", "");
    });
    let mut driver = driver();
    driver.start(9, &put(&server), Pattern::new(1_000), ConnectionWanted::ANY).unwrap();
    let sent = after(&mut driver, Duration::from_millis(200));
    assert_eq!(sent.body_sent, 1_000);
    assert_eq!(after(&mut driver, Duration::from_millis(200)), sent);
    go_on.send(()).unwrap();
    let processing = after(&mut driver, Duration::from_millis(100));
    assert!(processing.activity > sent.activity, "an interim answer is a sign of life");
    go_on.send(()).unwrap();
    assert_eq!(status(&wait_all(&mut driver)[0].report), Some(200));
}
