//! The driver over loopback, against small servers that play one fault each: what stands on the
//! wire, and what a report says of it.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

mod answers;
mod connections;
mod failures;
mod progress;
mod requests;
mod server;

use std::io;
use std::time::{Duration, Instant};

use curlift::curlopt::Value;
use curlift::http::{Body, ConnectionWanted, Headers, Method, Report, Request, Scheme, Url};
use curlift::transport::{BodyReader, Driver, Finished, HandleSettings};
use server::Server;

/// A body of a repeated pattern, which remembers how it was read.
#[derive(Debug, Default)]
struct Pattern {
    length: u64,
    at: u64,
    /// The sizes of the buffers it was asked to fill.
    asked: Vec<usize>,
    rewinds: u32,
    /// Where reading fails.
    fails_at: Option<u64>,
    /// Where it ends, though it promised more.
    ends_at: Option<u64>,
    /// Where reading panics.
    panics_at: Option<u64>,
    /// How long each read takes.
    hesitates: Option<Duration>,
}

impl Pattern {
    fn new(length: u64) -> Pattern {
        Pattern { length, ..Pattern::default() }
    }

    fn byte(position: u64) -> u8 {
        (position % 251) as u8
    }
}

impl BodyReader for Pattern {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.asked.push(buffer.len());
        self.hesitates.into_iter().for_each(std::thread::sleep);
        if self.fails_at.is_some_and(|at| self.at >= at) {
            return Err(io::Error::other("the disk is on fire"));
        }
        assert!(self.panics_at.is_none_or(|at| self.at < at), "a bug in the reader");
        let end = self.ends_at.unwrap_or(self.length);
        let count = buffer.len().min((end - self.at) as usize);
        for byte in &mut buffer[..count] {
            *byte = Pattern::byte(self.at);
            self.at += 1;
        }
        Ok(count)
    }

    fn rewind(&mut self) {
        self.at = 0;
        self.rewinds += 1;
    }
}

fn settings() -> HandleSettings {
    HandleSettings::default().with("PROXY", Value::Text(String::new()))
}

fn driver() -> Driver<Pattern> {
    Driver::new(&settings(), 4).unwrap()
}

fn request(method: Method, server: &Server, path: &str) -> Request {
    let authority = server.address.to_string();
    let url = Url { scheme: Scheme::Http, authority, path: path.into(), query: Vec::new() };
    Request { method, url, headers: Headers::new(), body: Body::Empty }
}

fn put(server: &Server) -> Request {
    request(Method::Put, server, "/b/k")
}

/// Waits until everything in flight has ended.
fn wait_all(driver: &mut Driver<Pattern>) -> Vec<Finished<Pattern>> {
    let mut finished = Vec::new();
    let begun = Instant::now();
    while driver.in_flight() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "still in flight: {driver:?}");
        driver.wait(Duration::from_secs(1), &mut finished).unwrap();
    }
    finished
}

/// One exchange from beginning to end.
fn exchange(driver: &mut Driver<Pattern>, request: &Request, body: Pattern) -> Finished<Pattern> {
    driver.start(1, request, body, ConnectionWanted::ANY).unwrap();
    wait_all(driver).pop().unwrap()
}

fn status(report: &Report) -> Option<u16> {
    report.response.as_ref().map(|response| response.status)
}
