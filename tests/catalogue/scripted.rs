//! A fake S3 over plain TCP that does its work as S3 does, unless a script takes a request into
//! its own hands, byte by byte. Blocking threads, one a connection; they end with the process.
//!
//! A script sees each request as a [`Turn`] once its head was read. One that it leaves alone is
//! served: body read, work done, answered.

mod answer;
mod shelf;
mod wire;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use answer::Answer;
pub(crate) use shelf::{Object, Part, Shelf, Upload};
use wire::Head;

use super::support::Store;

/// One request, as the log keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// S3's name of the call.
    pub(crate) operation: &'static str,
    pub(crate) part: Option<u32>,
    pub(crate) connection: usize,
    /// From the request line to the empty line.
    pub(crate) head: String,
    /// When its head had been read.
    pub(crate) at: Instant,
    /// Bytes of its body that were read, framing included.
    pub(crate) received: usize,
}

/// The running server.
pub(crate) struct Scripted {
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    shelf: Mutex<Shelf>,
    log: Mutex<Vec<Request>>,
    script: Box<dyn Fn(&mut Turn<'_>) + Send + Sync>,
}

impl Scripted {
    /// Starts a store under this script.
    pub(crate) fn start(script: impl Fn(&mut Turn<'_>) + Send + Sync + 'static) -> Scripted {
        Scripted::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    /// Serves everything but the first request of `operation`, which is `play`'s.
    pub(crate) fn first(
        operation: &'static str,
        play: impl Fn(&mut Turn<'_>) + Send + Sync + 'static,
    ) -> Scripted {
        Scripted::start(move |turn| {
            if turn.is(operation, 1) {
                play(turn);
            }
        })
    }

    /// As [`Scripted::start`], on a socket that the test has prepared.
    pub(crate) fn on(
        listener: TcpListener,
        script: impl Fn(&mut Turn<'_>) + Send + Sync + 'static,
    ) -> Scripted {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            shelf: Mutex::default(),
            log: Mutex::default(),
            script: Box::new(script),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let shared = Arc::clone(&accepting);
                thread::spawn(move || shared.converse(&stream.unwrap(), number));
            }
        });
        let store = Store {
            url: format!("http://{address}"),
            access_key: "AKIASCRIPTEDSTORE".into(),
            secret_key: "scripted/secret+key/of/the/catalogue".into(),
            region: "us-east-1".into(),
            ca: None,
        };
        Scripted { store, address, shared }
    }

    /// What is stored, to look at or to change.
    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shared.shelf)
    }

    /// All requests so far, in the order of their heads.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// How many requests of one operation came.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.requests().iter().filter(|request| request.operation == operation).count()
    }
}

impl Shared {
    fn converse(&self, stream: &TcpStream, connection: usize) {
        // Two halves of one socket.
        let mut reader = BufReader::new(stream);
        while let Some(head) = Head::read(&mut reader) {
            let mut turn = Turn::begin(self, stream, &mut reader, head, connection);
            (self.script)(&mut turn);
            if turn.untouched {
                turn.serve();
            }
            if turn.ended || turn.head.asks_to_close() {
                break;
            }
        }
    }
}

/// One request in the hands of the script.
pub(crate) struct Turn<'a> {
    /// S3's name of the call.
    pub(crate) operation: &'static str,
    /// The how-manieth request of its operation this is, from 1.
    pub(crate) nth: usize,
    pub(crate) part: Option<u32>,
    /// The how-manieth request for its part, from 1.
    pub(crate) attempt: usize,
    pub(crate) head: Head,
    /// Whether it says 100 Continue to whoever waits for it.
    pub(crate) says_continue: bool,
    body: Vec<u8>,
    /// Its place in the log.
    index: usize,
    shared: &'a Shared,
    stream: &'a TcpStream,
    reader: &'a mut dyn BufRead,
    untouched: bool,
    ended: bool,
}

impl<'a> Turn<'a> {
    fn begin(
        shared: &'a Shared,
        stream: &'a TcpStream,
        reader: &'a mut dyn BufRead,
        head: Head,
        connection: usize,
    ) -> Turn<'a> {
        let operation = head.operation();
        let part = head.parameter("partNumber").and_then(|number| number.parse().ok());
        let mut log = lock(&shared.log);
        let same = |request: &&Request| request.operation == operation;
        let nth = log.iter().filter(same).count() + 1;
        let attempt = log.iter().filter(same).filter(|request| request.part == part).count() + 1;
        let index = log.len();
        let text = head.text.clone();
        let at = Instant::now();
        log.push(Request { operation, part, connection, head: text, at, received: 0 });
        drop(log);
        let body = Vec::new();
        let (untouched, ended, says_continue) = (true, false, true);
        Turn {
            operation,
            nth,
            part,
            attempt,
            head,
            says_continue,
            body,
            index,
            shared,
            stream,
            reader,
            untouched,
            ended,
        }
    }

    /// Whether this is the `nth` request of that operation.
    pub(crate) fn is(&self, operation: &str, nth: usize) -> bool {
        self.operation == operation && self.nth == nth
    }

    /// What is stored.
    pub(crate) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        lock(&self.shared.shelf)
    }

    /// Bytes that the body will have, framing included.
    pub(crate) fn length(&self) -> usize {
        self.head.field("content-length").map_or(0, |length| length.parse().unwrap())
    }

    /// Reads the body until so much of it has been read, or the client has gone.
    pub(crate) fn read(&mut self, most: usize) -> bool {
        self.untouched = false;
        let begins = self.body.is_empty() && self.length() > 0;
        if begins
            && self.says_continue
            && self.head.field("expect").is_some_and(|e| e.starts_with("100"))
        {
            self.say("HTTP/1.1 100 Continue\r\n\r\n");
        }
        let wanted = most.min(self.length());
        let missing = wanted.saturating_sub(self.body.len()) as u64;
        // What could be read of it counts, whatever ended it.
        let _ = (&mut *self.reader).take(missing).read_to_end(&mut self.body);
        lock(&self.shared.log)[self.index].received = self.body.len();
        self.body.len() >= wanted
    }

    /// Reads the whole body; false where the client broke off.
    pub(crate) fn read_all(&mut self) -> bool {
        self.read(usize::MAX)
    }

    /// The file bytes that came, out of their framing; `None` where they are not whole.
    pub(crate) fn payload(&mut self) -> Option<Vec<u8>> {
        self.read_all().then(|| wire::unframed(&self.head, &self.body))?
    }

    /// Does what was asked for, and says what S3 would answer.
    pub(crate) fn work(&mut self) -> Answer {
        let Some(payload) = self.payload() else { return Answer::error(400, "IncompleteBody") };
        self.shelf().work(&self.head, payload)
    }

    /// Answers; a HEAD without the body.
    pub(crate) fn answer(&mut self, answer: &Answer) {
        let bytes = answer.bytes(self.operation == "HeadObject");
        self.say(bytes);
    }

    /// Does what was asked for, and answers.
    pub(crate) fn serve(&mut self) {
        let answer = self.work();
        self.answer(&answer);
    }

    /// Reads the body, does nothing, and answers with an error.
    pub(crate) fn refuse(&mut self, status: u16, code: &str) {
        self.read_all();
        self.answer(&Answer::error(status, code));
    }

    /// Sends bytes as they are; false where the client no longer listens.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.untouched = false;
        let mut stream = self.stream;
        stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends bytes one by one.
    pub(crate) fn drip(&mut self, bytes: &[u8], pause: Duration) {
        for byte in bytes.chunks(1) {
            if !self.say(byte) {
                return self.close();
            }
            thread::sleep(pause);
        }
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(&mut self) {
        socket2::SockRef::from(self.stream).set_linger(Some(Duration::ZERO)).unwrap();
        self.close();
    }

    /// Ends the connection: in order, where all that was sent has been read.
    pub(crate) fn close(&mut self) {
        (self.untouched, self.ended) = (false, true);
    }

    /// Ends our half of the connection, and reads what comes until the client ends its own.
    pub(crate) fn hang_up(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.stay_silent();
    }

    /// Reads what comes and says nothing, until the client has had enough.
    pub(crate) fn stay_silent(&mut self) {
        let _ = std::io::copy(self.reader, &mut std::io::sink());
        self.close();
    }
}

/// A test that failed while it held a lock has told why.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
