//! A server that keeps each request as it came, and answers that all is well. It serves as a proxy
//! just as well: what is for elsewhere it answers itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::super::support::Store;

/// A request as it came.
#[derive(Debug)]
pub(super) struct Request {
    /// From the request line to the empty line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// In how many seconds the client's kernel will probe the connection.
    pub(super) keepalive: Option<u64>,
}

impl Request {
    pub(super) fn line(&self) -> String {
        self.head.lines().next().unwrap_or_default().to_owned()
    }

    /// The value of a header field, its name in lower case.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// The server; it lives as long as the tests.
pub(super) struct Recorder {
    url: String,
    requests: Receiver<Request>,
}

impl Recorder {
    pub(super) fn start() -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (sender, requests) = channel();
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                serve(socket, &sender);
            }
        });
        Recorder { url, requests }
    }

    /// The server as a store to whom any key is right.
    pub(super) fn store(&self) -> Store {
        let [access_key, secret_key, region] = ["key", "secret", "us-east-1"].map(str::to_owned);
        Store { url: self.url.clone(), access_key, secret_key, region, ca: None }
    }

    /// The next request of whoever was run.
    pub(super) fn next(&self) -> Request {
        self.requests.recv_timeout(Duration::from_secs(30)).expect("a request was sent")
    }
}

fn serve(mut socket: TcpStream, sender: &Sender<Request>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8(head).expect("a header is text");
    let mut request = Request { head, body: Vec::new(), keepalive: None };
    let length =
        request.header("content-length").map_or(0, |value| value.parse().expect("a number"));
    request.body.resize(length, 0);
    if socket.read_exact(&mut request.body).is_ok() {
        request.keepalive = keepalive_timer(&socket);
        let answer =
            "HTTP/1.1 200 OK\r\netag: \"x\"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        // A client that has gone away has what it wanted; a test may have ended.
        let _ = socket.write_all(answer.as_bytes());
        let _ = sender.send(request);
    }
}

/// The timer of the other end of the connection, now that nothing moves on it.
fn keepalive_timer(socket: &TcpStream) -> Option<u64> {
    let port = socket.peer_addr().ok()?.port();
    // Acknowledgements are under way for a moment; until then another timer runs.
    for _ in 0..50 {
        let filter = format!("( sport = :{port} )");
        let ran = Command::new("ss").args(["-tnoH", &filter]).output().expect("ss is installed");
        let text = String::from_utf8_lossy(&ran.stdout).into_owned();
        if let Some((_, timer)) = text.split_once("timer:(keepalive,") {
            return timer.split_once(',').and_then(|(left, _)| seconds(left));
        }
        thread::sleep(Duration::from_millis(10));
    }
    None
}

/// `1min16sec` and `29sec`, as `ss` writes what is left of a timer.
fn seconds(text: &str) -> Option<u64> {
    let (minutes, rest) = text.split_once("min").unwrap_or(("0", text));
    let rest = rest.strip_suffix("sec").unwrap_or(rest);
    let rest = if rest.is_empty() { "0" } else { rest };
    Some(minutes.parse::<u64>().ok()? * 60 + rest.parse::<u64>().ok()?)
}
