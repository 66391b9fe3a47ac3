//! A sink for benchmarks: takes uploads as cheaply as the kernel allows and answers as S3 would,
//! believing everything. No signature, no checksum, no store, no async runtime: what is measured
//! against it is the client.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::net::{RecvFlags, recv};

/// Address space handed to `recv` with `MSG_TRUNC`: Linux counts and drops that many bytes of a
/// TCP stream at once and writes none of them (tcp(7)), so the pages are never touched.
const DISCARD: usize = 4 << 20;
/// Longest head of a request.
const HEAD_MAX: usize = 64 << 10;

/// A running sink: one thread a connection. It stops when dropped.
pub struct NullServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    requests: AtomicU64,
    body_bytes: AtomicU64,
    connections: AtomicU64,
    /// Sockets that are open, to be shut down at the end.
    open: Mutex<HashMap<u64, TcpStream>>,
}

impl NullServer {
    /// Listens at `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken.
    pub fn start(address: SocketAddr) -> io::Result<NullServer> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("null".to_owned())
            .spawn(move || accept(&listener, &accepting))?;
        Ok(NullServer { address, shared, thread: Some(thread) })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Requests whose head was read.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Bytes of request bodies, framing included, that arrived.
    pub fn body_bytes(&self) -> u64 {
        self.shared.body_bytes.load(Ordering::Relaxed)
    }

    /// Connections accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread out of accept; it sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl fmt::Debug for NullServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NullServer").field("address", &self.address).finish_non_exhaustive()
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut threads = Vec::new();
    for socket in listener.incoming() {
        if shared.stopping.load(Ordering::SeqCst) {
            break;
        }
        let Ok(socket) = socket else { continue };
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        if let Ok(clone) = socket.try_clone() {
            shared.sockets().insert(number, clone);
        }
        let shared = Arc::clone(shared);
        let serve = move || {
            // A client that breaks off has no more to say.
            let _ = Conversation { socket: &socket, shared: &shared, unread: Vec::new() }.run();
            shared.sockets().remove(&number);
        };
        threads.extend(thread::Builder::new().name("null".to_owned()).spawn(serve));
    }
    for socket in shared.sockets().values() {
        let _ = socket.shutdown(Shutdown::Both);
    }
    for thread in threads {
        let _ = thread.join();
    }
}

impl Shared {
    fn sockets(&self) -> std::sync::MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection.
struct Conversation<'a> {
    socket: &'a TcpStream,
    shared: &'a Shared,
    unread: Vec<u8>,
}

/// What matters of a request's head.
struct Head {
    length: usize,
    method: String,
    query: String,
    body: u64,
    waits: bool,
    framed_unknown: bool,
}

impl Conversation<'_> {
    fn run(mut self) -> io::Result<()> {
        self.socket.set_nodelay(true)?;
        let mut discard = vec![0; DISCARD];
        while let Some(head) = self.head()? {
            self.shared.requests.fetch_add(1, Ordering::Relaxed);
            self.unread.drain(..head.length);
            if head.framed_unknown {
                return self.socket.write_all(&answer(
                    "501 Not Implemented",
                    "",
                    "connection: close\r\n",
                ));
            }
            if head.waits {
                self.socket.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            if !self.discard(head.body, &mut discard)? {
                return Ok(());
            }
            self.socket.write_all(&answer_to(&head))?;
        }
        Ok(())
    }

    /// The next head; `None` when the client has closed.
    fn head(&mut self) -> io::Result<Option<Head>> {
        let mut chunk = [0; 16 << 10];
        loop {
            if let Some(head) = Head::read(&self.unread)? {
                return Ok(Some(head));
            }
            if self.unread.len() > HEAD_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            match self.socket.read(&mut chunk)? {
                0 => return Ok(None),
                n => self.unread.extend_from_slice(&chunk[..n]),
            }
        }
    }

    /// Takes a body in and forgets it; false when it broke off.
    fn discard(&mut self, body: u64, buffer: &mut [u8]) -> io::Result<bool> {
        let come = self.unread.len().min(usize::try_from(body).unwrap_or(usize::MAX));
        self.unread.drain(..come);
        self.shared.body_bytes.fetch_add(come as u64, Ordering::Relaxed);
        let mut left = body - come as u64;
        while left > 0 {
            let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let received = match recv(self.socket, &mut buffer[..wanted], RecvFlags::TRUNC) {
                Ok((_, 0)) => return Ok(false),
                Ok((_, received)) => received as u64,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            self.shared.body_bytes.fetch_add(received, Ordering::Relaxed);
            left = left.saturating_sub(received);
        }
        Ok(true)
    }
}

impl Head {
    /// Reads a head that is there whole.
    fn read(bytes: &[u8]) -> io::Result<Option<Head>> {
        let mut fields = [httparse::EMPTY_HEADER; 96];
        let mut request = httparse::Request::new(&mut fields);
        let parsed = request.parse(bytes);
        let parsed = parsed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let httparse::Status::Complete(length) = parsed else { return Ok(None) };
        let target = request.path.unwrap_or_default();
        let query = target.split_once('?').map_or("", |(_, query)| query).to_owned();
        let method = request.method.unwrap_or_default().to_owned();
        let field = |name: &str| {
            let field = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
            field.and_then(|field| std::str::from_utf8(field.value).ok())
        };
        Ok(Some(Head {
            length,
            method,
            query,
            body: field("content-length").and_then(|text| text.trim().parse().ok()).unwrap_or(0),
            waits: field("expect").is_some_and(|text| text.eq_ignore_ascii_case("100-continue")),
            framed_unknown: field("transfer-encoding").is_some(),
        }))
    }
}

/// What S3 would answer to the requests of an upload.
fn answer_to(head: &Head) -> Vec<u8> {
    let has = |name: &str| {
        head.query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(n, _)| n) == name)
    };
    match head.method.as_str() {
        "PUT" | "HEAD" => answer("200 OK", "", ETAG),
        "POST" if has("uploads") => answer(
            "200 OK",
            "<InitiateMultipartUploadResult><Bucket>null</Bucket><Key>null</Key>\
             <UploadId>null</UploadId></InitiateMultipartUploadResult>",
            "",
        ),
        "POST" if has("uploadId") => answer(
            "200 OK",
            "<CompleteMultipartUploadResult><Bucket>null</Bucket><Key>null</Key>\
             <ETag>&quot;00000000000000000000000000000000-1&quot;</ETag>\
             </CompleteMultipartUploadResult>",
            "",
        ),
        "DELETE" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        "GET" if has("uploadId") => answer(
            "200 OK",
            "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>",
            "",
        ),
        _ => answer("200 OK", "", ""),
    }
}

const ETAG: &str = "etag: \"00000000000000000000000000000000\"\r\n";

fn answer(status: &str, body: &str, headers: &str) -> Vec<u8> {
    let declaration =
        if body.is_empty() { "" } else { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" };
    let length = declaration.len() + body.len();
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{declaration}{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> NullServer {
        NullServer::start(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap()
    }

    /// Sends requests one after the other and gives everything that came back.
    fn talk(server: &NullServer, requests: &[&[u8]]) -> String {
        let mut socket = TcpStream::connect(server.address).unwrap();
        for request in requests {
            socket.write_all(request).unwrap();
        }
        socket.shutdown(Shutdown::Write).unwrap();
        let mut answers = String::new();
        socket.read_to_string(&mut answers).unwrap();
        answers
    }

    #[test]
    fn an_upload_is_taken_over_one_connection() {
        let server = start();
        let put = format!("PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", 9 << 20);
        let answers = talk(
            &server,
            &[
                b"POST /b/k?uploads HTTP/1.1\r\nhost: h\r\n\r\n",
                put.as_bytes(),
                &vec![7; 9 << 20],
                b"POST /b/k?uploadId=null HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody",
                b"DELETE /b/k?uploadId=null HTTP/1.1\r\nhost: h\r\n\r\n",
            ],
        );
        let statuses: Vec<_> =
            answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
        assert_eq!(statuses, ["200", "200", "200", "204"]);
        assert!(answers.contains("<UploadId>null</UploadId>"));
        assert!(answers.contains("etag: \"0000"));
        assert!(answers.contains("</CompleteMultipartUploadResult>"));
        assert_eq!((server.requests(), server.connections()), (4, 1));
        assert_eq!(server.body_bytes(), (9 << 20) + 4);
    }

    #[test]
    fn a_client_that_waits_is_told_to_go_on() {
        let server = start();
        let head =
            b"PUT /b/k HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
        let answers = talk(&server, &[head, b"x"]);
        assert!(answers.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
    }

    #[test]
    fn bodies_of_unknown_length_are_refused_and_broken_ones_counted() {
        let server = start();
        let chunked = b"PUT /b/k HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
        assert!(talk(&server, &[chunked]).starts_with("HTTP/1.1 501"));
        let short = b"PUT /b/k HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\nfour";
        assert_eq!(talk(&server, &[short]), "");
        assert_eq!(server.body_bytes(), 4);
    }

    #[test]
    fn a_dropped_server_closes_its_connections() {
        let server = start();
        let mut idle = TcpStream::connect(server.address).unwrap();
        idle.write_all(b"PUT /b/k HTTP/1.1\r\ncontent-length: 5\r\n\r\n1").unwrap();
        let address = server.address;
        drop(server);
        assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0);
        assert!(TcpStream::connect(address).is_err());
    }
}
