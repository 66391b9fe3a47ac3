//! Servers for one test: each connection is played by a script, in plain blocking code, over
//! whatever stream it came. All that was read is remembered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What S3 says to an upload of one request.
pub(crate) const STORED: &str = "200 OK\r\nETag: \"stored\"";

/// One request, as far as the script has read it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The number of its connection, from 0.
    pub(crate) connection: usize,
    /// The other end, where it has an address.
    pub(crate) from: Option<SocketAddr>,
    /// From the request line to the empty line.
    pub(crate) head: String,
    /// Bytes of the body.
    pub(crate) body: usize,
    /// When the head was read, and when the body.
    pub(crate) head_at: Instant,
    pub(crate) body_at: Instant,
}

impl Seen {
    /// The value of a header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| {
            let (found, _) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(found.len() + 1)
        };
        self.head.lines().find_map(|line| value(line).map(|start| line[start..].trim()))
    }

    /// Method, target and version.
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }
}

/// What a server remembers.
#[derive(Debug, Default)]
pub(crate) struct Log {
    requests: Mutex<Vec<Seen>>,
    /// When each connection came.
    accepted: Mutex<Vec<Instant>>,
    /// The numbers of those that the client has closed.
    closed: Mutex<Vec<usize>>,
}

/// Plain TCP, TLS over it, a Unix socket.
pub(crate) trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// One accepted connection, in the hands of a script.
pub(crate) struct Connection {
    pub(crate) stream: Box<dyn Stream>,
    pub(crate) number: usize,
    from: Option<SocketAddr>,
    log: Arc<Log>,
}

impl Connection {
    /// Over a stream that the test has accepted by itself.
    pub(crate) fn over(stream: Box<dyn Stream>, log: &Arc<Log>) -> Connection {
        let mut accepted = log.accepted.lock().unwrap();
        let number = accepted.len();
        accepted.push(Instant::now());
        Connection { stream, number, from: None, log: Arc::clone(log) }
    }

    /// Reads one request with the whole of its body; `None` where the client has gone.
    pub(crate) fn request(&mut self) -> Option<Seen> {
        let mut seen = self.head()?;
        let length = seen.field("content-length").map_or(0, |value| value.parse().unwrap());
        let mut body = (&mut *self.stream).take(length);
        seen.body = std::io::copy(&mut body, &mut std::io::sink()).unwrap_or(0) as usize;
        seen.body_at = Instant::now();
        self.log.requests.lock().unwrap().push(seen.clone());
        Some(seen)
    }

    /// Reads one head, which is not remembered.
    pub(crate) fn head(&mut self) -> Option<Seen> {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(1) = self.stream.read(&mut byte) else {
                self.log.closed.lock().unwrap().push(self.number);
                return None;
            };
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let (connection, from, at) = (self.number, self.from, Instant::now());
        Some(Seen { connection, from, head, body: 0, head_at: at, body_at: at })
    }

    /// Reads so many bytes, fewer where the client ends before.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let _ = (&mut *self.stream).take(count as u64).read_to_end(&mut bytes);
        bytes
    }

    /// Sends bytes, whether or not the client still listens.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref());
    }

    /// An answer: its status with fields of its own, and its body.
    pub(crate) fn answer(&mut self, status: &str, body: &str) {
        self.say(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Reads until the client ends the connection; how many bytes came.
    pub(crate) fn drain(&mut self) -> u64 {
        std::io::copy(&mut self.stream, &mut std::io::sink()).unwrap_or(0)
    }
}

/// The script of a store that takes everything, and of a proxy that is the store as well.
pub(crate) fn obliging(connection: &mut Connection) {
    while connection.request().is_some() {
        connection.answer(STORED, "");
    }
}

/// A listening server; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    log: Arc<Log>,
}

impl Server {
    /// Plays `script` for each connection, each in a thread.
    pub(crate) fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Server {
        Server::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// One that takes everything.
    pub(crate) fn obliging() -> Server {
        Server::start(obliging)
    }

    /// As [`Server::start`], on a socket that the test has prepared.
    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Server {
        Server::over(listener, |stream| Some(Box::new(stream)), script)
    }

    /// The same over what `wrap` makes of each connection, where it makes anything of it.
    pub(crate) fn over(
        listener: TcpListener,
        wrap: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + Sync + 'static,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Server {
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Log::default());
        let (accepting, play) = (Arc::clone(&log), Arc::new((wrap, script)));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (stream, log) = (stream.unwrap(), Arc::clone(&accepting));
                log.accepted.lock().unwrap().push(Instant::now());
                let play = Arc::clone(&play);
                thread::spawn(move || {
                    let from = stream.peer_addr().ok();
                    let (wrap, script) = &*play;
                    if let Some(stream) = wrap(stream) {
                        script(&mut Connection { stream, number, from, log });
                    }
                });
            }
        });
        Server { address, log }
    }

    /// Of plain HTTP.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.log.requests.lock().unwrap().clone()
    }

    /// The first request: there must be one by now.
    pub(crate) fn first(&self) -> Seen {
        self.requests().into_iter().next().expect("a request came")
    }

    /// Connections that came.
    pub(crate) fn accepted(&self) -> usize {
        self.log.accepted.lock().unwrap().len()
    }

    /// Connections that came before then.
    pub(crate) fn accepted_before(&self, then: Instant) -> usize {
        self.log.accepted.lock().unwrap().iter().filter(|at| **at < then).count()
    }

    /// Whether the client closes the connection of this number within a while.
    pub(crate) fn is_closed(&self, number: usize) -> bool {
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            if self.log.closed.lock().unwrap().contains(&number) {
                return true;
            }
            thread::sleep(Duration::from_millis(10));
        }
        false
    }
}

impl Log {
    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.requests.lock().unwrap().clone()
    }
}
