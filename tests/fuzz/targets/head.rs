//! Whatever a server sends in place of an answer, through the libcurl that reads it: the bytes of
//! a connection from its first to its last.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use curlift::curlopt::Value;
use curlift::http::{Body, ConnectionWanted, Headers, Method, Report, Request, Scheme, Url};
use curlift::transport::{BodyReader, Driver, HandleSettings};

/// Longer inputs only cost time.
const ANSWER_MAX: usize = 64 << 10;

/// Sends a request, answers with `bytes`, and judges the report.
pub(crate) fn head(bytes: &[u8]) {
    if bytes.len() > ANSWER_MAX {
        return;
    }
    thread_local! {
        static PEERS: RefCell<Option<Peers>> = const { RefCell::new(None) };
    }
    let report =
        PEERS.with_borrow_mut(|peers| peers.get_or_insert_with(Peers::start).exchange(bytes));
    let Some(response) = report.response else {
        assert!(report.failure.is_some(), "neither an answer nor a failure");
        return;
    };
    assert!(response.status >= 200, "{}", response.status);
    assert!(response.body.len() <= bytes.len());
    for (name, value) in response.headers.iter() {
        assert!(!name.contains('\n') && !value.contains('\n'), "{name}: {value:?}");
    }
}

/// A client, and a server that is told what to answer.
struct Peers {
    address: SocketAddr,
    answers: Sender<Vec<u8>>,
    driver: Driver<NoBody>,
}

impl Peers {
    fn start() -> Peers {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let (answers, to_send) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            for (stream, answer) in listener.incoming().zip(to_send) {
                // A client that does not like the answer may leave at any time.
                let _ = stream.and_then(|mut stream| {
                    let _ = stream.read(&mut [0; 4096])?;
                    stream.write_all(&answer)
                });
            }
        });
        let settings = HandleSettings::default().with("PROXY", Value::Text(String::new()));
        let driver = Driver::new(&settings, 1).expect("libcurl works");
        Peers { address, answers, driver }
    }

    fn exchange(&mut self, answer: &[u8]) -> Report {
        self.answers.send(answer.to_vec()).expect("the server runs");
        let request = Request {
            method: Method::Get,
            url: Url {
                scheme: Scheme::Http,
                authority: self.address.to_string(),
                path: "/bucket/key".into(),
                query: Vec::new(),
            },
            headers: Headers::new(),
            body: Body::Empty,
        };
        self.driver.start(1, &request, NoBody, ConnectionWanted::NEW).expect("libcurl works");
        let mut finished = Vec::new();
        self.driver.wait(Duration::from_secs(10), &mut finished).expect("libcurl works");
        finished.pop().expect("an exchange ends when its connection does").report
    }
}

/// The body of a request that has none.
struct NoBody;

impl BodyReader for NoBody {
    fn length(&self) -> u64 {
        0
    }

    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn rewind(&mut self) {}
}
