//! One connection: the socket, TLS where asked for, hyper, and the ways to end it that HTTP has
//! no words for. What is to happen is decided in [`super::intercept`].

mod answers;
mod conversation;
mod gate;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use answers::Answers;
pub(super) use answers::Mangle;
pub(super) use conversation::{Conversation, End};
pub(super) use gate::{Gate, Midway, Tamper};

use super::intercept::intercept;
use super::link::SLICE;
use super::shared::{Shared, SharedLink};

/// What may have arrived beyond what has passed a link: in the socket, and as much again read.
pub(super) const WINDOW: usize = 64 << 10;

/// How long a closed connection still takes what the client is sending: closing a socket with
/// unread bytes would be a reset, and the client could lose the answer (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(1);

/// Serves one connection to its end.
pub(super) async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let _ = socket.set_nodelay(true);
    let socket = Arc::new(socket);
    let tap = Tap(Arc::clone(&socket));
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(tap),
        Some(acceptor) => match acceptor.accept(tap).await {
            Ok(stream) => Box::new(stream),
            // A client that does not trust us, or does not speak TLS.
            Err(_) => return,
        },
    };
    let conversation = Conversation::new();
    let service =
        service_fn(|request| intercept(Arc::clone(&shared), conversation.clone(), request));
    let answers = TokioIo::new(Answers::new(stream, conversation.clone()));
    let mut builder = http1::Builder::new();
    if shared.link().is_some() {
        builder.max_buf_size(WINDOW);
    }
    let mut connection = Box::pin(builder.serve_connection(answers, service));
    let end = conversation.run(connection.as_mut(), &socket).await;
    drop(connection);
    match end {
        End::Reset => {
            let _ = socket.set_zero_linger();
        }
        End::Close => linger(&socket, shared.link()).await,
        // The system makes a reset of it where something is unread, or comes later.
        End::Abrupt => {}
    }
}

/// Closes in order: FIN, then everything that still arrives is read and forgotten.
async fn linger(socket: &TcpStream, link: Option<SharedLink>) {
    if rustix::net::shutdown(socket, rustix::net::Shutdown::Write).is_err() {
        return;
    }
    let drain = async {
        let mut bytes = vec![0; if link.is_some() { SLICE } else { 64 << 10 }];
        while socket.ready(Interest::READABLE).await.is_ok() {
            match socket.try_read(&mut bytes) {
                Ok(0) => return,
                Ok(read) => {
                    if let Some(passed) = link.as_ref().and_then(|link| link.pass(read)) {
                        tokio::time::sleep_until(passed).await;
                    }
                }
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
                Err(_) => {}
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// What hyper reads and writes: the socket, or TLS above it.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A socket that its connection can still reset while hyper is using it.
struct Tap(Arc<TcpStream>);

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read_buf(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result.map(|_| ())),
            }
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = rustix::net::shutdown(&*self.0, rustix::net::Shutdown::Write);
        Poll::Ready(result.map_err(io::Error::from))
    }
}
