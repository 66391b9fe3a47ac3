//! A small HTTP proxy: it does as CONNECT or an absolute URL says, or something worse.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// What the proxy does with a request for a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Opens it.
    Good,
    /// Answers with this status line.
    Refuses(&'static str),
    /// Says nothing.
    Silent,
    /// Answers with a head that does not end.
    Endless,
    /// Opens it, and ends it once so many bytes went through.
    Dies(u64),
}

/// The running proxy.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Proxy {
    /// `mood` is told the number of the request, from 0.
    pub(crate) fn start(mood: impl Fn(usize) -> Mood + Send + Sync + 'static) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let mood = Arc::new(mood);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (mood, counter) = (Arc::clone(&mood), Arc::clone(&counter));
                thread::spawn(move || {
                    let mood = move || mood(counter.fetch_add(1, Ordering::SeqCst));
                    // How a connection ends is the two ends' business.
                    let _ = converse(&client.unwrap(), mood);
                });
            }
        });
        Proxy { address, asked }
    }

    /// Tunnels that were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn converse(client: &TcpStream, mood: impl Fn() -> Mood) -> std::io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut to_client = client;
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let most = match mood() {
        Mood::Good => u64::MAX,
        Mood::Dies(length) => length,
        Mood::Refuses(status) => {
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            return to_client.write_all(head.as_bytes());
        }
        Mood::Silent => {
            return std::io::copy(&mut reader, &mut std::io::sink()).map(|_| ());
        }
        Mood::Endless => loop {
            to_client.write_all(b"X-Endless: head\r\n")?;
            thread::sleep(Duration::from_micros(10));
        },
    };
    let target = head.split(' ').nth(1).unwrap_or_default();
    let store = TcpStream::connect(target)?;
    to_client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = std::io::copy(&mut &store, &mut &*client);
            let _ = client.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut (&mut reader).take(most), &mut &store);
        let _ = store.shutdown(Shutdown::Both);
    });
    Ok(())
}
