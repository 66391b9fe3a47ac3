//! What a connection and the requests on it tell each other: how it is to end, until when it may
//! be idle, what becomes of the next answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::answers::Mangle;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum End {
    /// RST, and whatever is on its way is lost.
    Reset,
    /// FIN, after everything that was written.
    Close,
    /// Closed after everything that was written, with whatever is unread.
    Abrupt,
}

/// The state of one connection, shared with its requests.
#[derive(Clone)]
pub(in crate::lab) struct Conversation {
    state: Arc<watch::Sender<State>>,
    mangle: Arc<Mutex<Mangle>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    end: Option<(End, Instant)>,
    idle_until: Option<Instant>,
    stalled: bool,
}

/// How often a stalled connection looks whether its client is still there.
const LOOK: Duration = Duration::from_millis(100);

impl Conversation {
    pub(super) fn new() -> Conversation {
        let (state, _) = watch::channel(State::default());
        Conversation { state: Arc::new(state), mangle: Arc::default() }
    }

    /// A request has arrived: the connection is not idle.
    pub(in crate::lab) fn begin(&self) {
        self.state.send_modify(|state| state.idle_until = None);
    }

    /// Ends the connection after a delay; the request that asked for it will not be polled again.
    pub(in crate::lab) fn end(&self, end: End, delay: Duration) {
        let at = Instant::now() + delay;
        self.state.send_modify(|state| state.end = Some((end, at)));
    }

    /// Closes the connection when it has been idle for that long from now.
    pub(in crate::lab) fn close_if_idle(&self, after: Duration) {
        let until = Instant::now() + after;
        self.state.send_modify(|state| state.idle_until = Some(until));
    }

    /// Nothing is read for a while: the connection must notice by itself if the client leaves.
    pub(in crate::lab) fn stalled(&self, stalled: bool) {
        self.state.send_modify(|state| state.stalled = stalled);
    }

    /// What becomes of the bytes of the next answer.
    pub(in crate::lab) fn mangle(&self, mangle: Mangle) {
        *self.mangle.lock().unwrap_or_else(PoisonError::into_inner) = mangle;
    }

    pub(super) fn take_mangle(&self) -> Mangle {
        std::mem::take(&mut *self.mangle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether an end has been asked for: until then hyper must not close the socket.
    pub(super) fn is_ending(&self) -> bool {
        self.state.borrow().end.is_some()
    }

    /// Drives the connection until it is over or told to end, and says how it is to be closed.
    pub(super) async fn run<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
        socket: &TcpStream,
    ) -> End {
        let mut changes = self.state.subscribe();
        let mut over = false;
        loop {
            let State { end, idle_until, stalled } = *changes.borrow_and_update();
            let (deadline, due) = match (end, idle_until) {
                (Some((end, at)), _) => (Some(at), end),
                (None, Some(at)) => (Some(at), End::Close),
                (None, None) if over => return End::Close,
                (None, None) => (None, End::Close),
            };
            tokio::select! {
                biased;
                _ = &mut connection, if !over => over = true,
                _ = changes.changed(), if !over => {}
                () = wait(deadline), if deadline.is_some() => return due,
                () = sleep(LOOK), if stalled => {
                    if is_abandoned(socket) {
                        return End::Reset;
                    }
                }
            }
            let ending = changes.borrow().end.is_some();
            if over && !ending {
                return End::Close;
            }
        }
    }
}

async fn wait(deadline: Option<Instant>) {
    if let Some(deadline) = deadline {
        sleep_until(deadline).await;
    }
}

/// Whether the client has closed its side, be there unread bytes or not.
fn is_abandoned(socket: &TcpStream) -> bool {
    let ready = socket.ready(Interest::READABLE).now_or_never();
    ready.is_some_and(|ready| ready.is_ok_and(Ready::is_read_closed))
}
