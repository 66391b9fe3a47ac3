//! A server for one test: each connection is played by a script, in plain blocking code.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a script has read of one request.
pub(crate) struct Seen {
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
    /// From the request line to the empty line.
    pub(crate) head: String,
    /// The body, as far as the script read it.
    pub(crate) body: Vec<u8>,
}

impl Seen {
    /// The value of a header field, its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let field = |line: &'_ str| {
            let (found, _) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(found.len() + 1)
        };
        self.head.lines().find_map(|line| field(line).map(|start| line[start..].trim()))
    }
}

/// One accepted connection, in the hands of a script.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) number: usize,
    seen: Sender<Seen>,
}

impl Connection {
    /// Reads one request with the whole of its body; `false` where the client has gone.
    pub(crate) fn request(&mut self) -> bool {
        self.request_up_to(usize::MAX)
    }

    /// Reads the head and at most `most` bytes of the body, and tells the test.
    pub(crate) fn request_up_to(&mut self, most: usize) -> bool {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ => return false,
            }
        }
        let head = String::from_utf8(head).unwrap();
        let mut seen = Seen { connection: self.number, head, body: Vec::new() };
        let length = seen.header("content-length").map_or(0, |value| value.parse().unwrap());
        seen.body.resize(most.min(length), 0);
        let read = self.stream.read_exact(&mut seen.body).is_ok();
        // The test may have ended already.
        let _ = self.seen.send(seen);
        read
    }

    /// Sends bytes, whether or not the client still listens.
    pub(crate) fn say(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// An answer with a body.
    pub(crate) fn answer(&mut self, status: &str, body: &str) {
        self.say(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Ends our half, then reads until the client ends its own.
    pub(crate) fn close_gently(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.drain();
    }

    /// Reads until the client ends the connection.
    pub(crate) fn drain(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }
}

/// A listening server; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Receiver<Seen>,
}

impl Server {
    /// Plays `script` for each connection, each in a thread.
    pub(crate) fn start(script: impl Fn(Connection) + Clone + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Server::on(listener, script)
    }

    /// As [`Server::start`], on a socket the test has prepared.
    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(Connection) + Clone + Send + 'static,
    ) -> Server {
        let address = listener.local_addr().unwrap();
        let (tell, seen) = channel();
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let connection = Connection { stream: stream.unwrap(), number, seen: tell.clone() };
                let script = script.clone();
                std::thread::spawn(move || script(connection));
            }
        });
        Server { address, seen }
    }

    /// The next request that a script has read.
    pub(crate) fn next(&self) -> Seen {
        self.seen.recv_timeout(Duration::from_secs(10)).expect("a request came")
    }
}
