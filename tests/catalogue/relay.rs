//! A TCP relay between the program and a store, with faults that need no understanding of HTTP:
//! cuts, slices, delays, too few connections; and TLS, so that plain stores are had over https.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsAcceptor;

/// What happens to what passes through.
#[derive(Clone, Default)]
pub(crate) struct Toxics {
    /// How long every byte takes, each way, beginning with the first of a connection.
    pub(crate) latency: Duration,
    /// By how much more it may take, at random.
    pub(crate) jitter: Duration,
    /// So many bytes of a connection arrive one by one at the store.
    pub(crate) sliced_up: usize,
    /// The same on their way to the client.
    pub(crate) sliced_down: usize,
    /// Connections beyond so many at a time are reset.
    pub(crate) connections_max: Option<usize>,
    /// Which connections are cut: their numbers from 0, and how.
    pub(crate) cuts: Vec<(usize, Cut)>,
    /// Speaks TLS with the client.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// How a connection is cut, once the client has sent so many bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    Reset(usize),
    Close(usize),
    /// It stays open, and nothing moves any more.
    Stall(usize),
}

/// A running relay.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    /// All connections end with it.
    _runtime: Runtime,
}

struct Shared {
    store: SocketAddr,
    toxics: Toxics,
    accepted: AtomicUsize,
    open: AtomicUsize,
    refused: AtomicUsize,
}

impl Relay {
    /// Begins to carry what arrives at a new address to `store` and back.
    pub(crate) fn start(store: SocketAddr, toxics: Toxics) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (accepted, open) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let refused = AtomicUsize::new(0);
        let shared = Arc::new(Shared { store, toxics, accepted, open, refused });
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(accept(listener, Arc::clone(&shared)));
        Relay { address, shared, _runtime: runtime }
    }

    /// Connections that were made to it.
    pub(crate) fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Connections that were one too many.
    pub(crate) fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let open = shared.open.fetch_add(1, Ordering::SeqCst);
            if shared.toxics.connections_max.is_some_and(|most| open >= most) {
                shared.refused.fetch_add(1, Ordering::SeqCst);
                reset(&client);
            } else {
                // How a connection ends is the two ends' business.
                let _ = shared.carry(client, number).await;
            }
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

impl Shared {
    async fn carry(&self, client: TcpStream, number: usize) -> io::Result<()> {
        let cut = self.toxics.cuts.iter().find(|(which, _)| *which == number);
        let cut = cut.map(|(_, cut)| *cut);
        if let Some(Cut::Reset(0)) = cut {
            reset(&client);
            return Ok(());
        }
        client.set_nodelay(true)?;
        let store = TcpStream::connect(self.store).await?;
        store.set_nodelay(true)?;
        let (from_store, to_store) = store.into_split();
        let Some(tls) = &self.toxics.tls else {
            let (mut from_client, mut to_client) = client.into_split();
            let up = self.up(&mut from_client, to_store, cut);
            let down = self.pass(from_store, &mut to_client, self.toxics.sliced_down);
            // Answers may follow the end of the requests; nothing follows the end of the answers.
            tokio::select! {
                true = up => reset(to_client.as_ref()),
                _ = down => {}
            }
            return Ok(());
        };
        let (from_client, to_client) = tokio::io::split(tls.accept(client).await?);
        // It ends without a `close_notify`: only the connection beneath is closed.
        tokio::select! {
            true = self.up(from_client, to_store, cut) => {}
            _ = self.pass(from_store, to_client, self.toxics.sliced_down) => {}
        }
        Ok(())
    }

    /// Carries requests; true where the connection is to be reset, never ends where it stalls.
    async fn up(
        &self,
        mut from: impl AsyncRead + Unpin + Send,
        mut to: impl AsyncWrite + Unpin + Send + 'static,
        cut: Option<Cut>,
    ) -> bool {
        let Some(cut) = cut else {
            let _ = self.pass(from, to, self.toxics.sliced_up).await;
            return std::future::pending().await;
        };
        let (Cut::Reset(length) | Cut::Close(length) | Cut::Stall(length)) = cut;
        let mut first = (&mut from).take(length as u64);
        let _ = tokio::io::copy(&mut first, &mut to).await;
        match cut {
            Cut::Reset(_) => true,
            // The store answers the end of the requests with the end of the connection.
            Cut::Close(_) => to.shutdown().await.is_err() || std::future::pending().await,
            Cut::Stall(_) => std::future::pending().await,
        }
    }

    /// Carries bytes one way until they end.
    async fn pass(
        &self,
        mut from: impl AsyncRead + Unpin,
        to: impl AsyncWrite + Unpin,
        sliced: usize,
    ) -> io::Result<()> {
        let (tell, told) = unbounded_channel();
        let read = async {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let length = from.read(&mut buffer).await?;
                let late = self.toxics.jitter.mul_f64(fastrand::f64());
                let due = Instant::now() + self.toxics.latency + late;
                if length == 0 || tell.send((due, buffer[..length].to_vec())).is_err() {
                    drop(tell);
                    return Ok(());
                }
            }
        };
        tokio::try_join!(read, write(told, to, sliced)).map(|_| ())
    }
}

/// Writes what was read, when it is due.
async fn write(
    mut told: UnboundedReceiver<(Instant, Vec<u8>)>,
    mut to: impl AsyncWrite + Unpin,
    mut sliced: usize,
) -> io::Result<()> {
    while let Some((due, bytes)) = told.recv().await {
        sleep_until(due).await;
        let (apart, together) = bytes.split_at(sliced.min(bytes.len()));
        sliced -= apart.len();
        for byte in apart.chunks(1) {
            to.write_all(byte).await?;
            to.flush().await?;
            // Else the kernel would join what it has not sent yet.
            sleep(Duration::ZERO).await;
        }
        to.write_all(together).await?;
        to.flush().await?;
    }
    Ok(())
}

fn reset(client: &TcpStream) {
    let _ = socket2::SockRef::from(client).set_linger(Some(Duration::ZERO));
}
