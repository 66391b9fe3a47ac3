//! How far a live exchange is: what the peer has acknowledged, not what the kernel has taken.
//! Whether standing still is too long is the engine's to say.

use std::cell::Cell;
use std::os::fd::RawFd;
use std::time::Instant;

use curl::multi::Easy2Handle;

use super::exchange::Exchange;
use super::{now, raw};

/// What was observed of one exchange so far.
#[derive(Debug)]
pub(super) struct Observer(Cell<Observed>);

#[derive(Debug, Clone, Copy)]
pub(super) struct Observed {
    facts: Facts,
    /// How often the facts were found different.
    pub(super) activity: u64,
    /// When they last were.
    pub(super) moved_at: Instant,
}

/// Whatever makes these different is activity; bytes that merely went into our own kernel's
/// buffer do not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Facts {
    /// The most bytes of the body that had been acknowledged, since the last rewind. The most,
    /// because under TLS the kernel holds a little more than libcurl says it wrote.
    acknowledged: u64,
    received: u64,
    rewinds: u32,
    socket: Option<RawFd>,
    /// Microseconds until connected, until TLS stood, until the request could be sent.
    stages: [u64; 3],
}

impl Observer {
    pub(super) fn new(started: Instant) -> Observer {
        let facts = Facts::default();
        Observer(Cell::new(Observed { facts, activity: 0, moved_at: started }))
    }

    /// Looks again.
    pub(super) fn observe<B>(&self, handle: &Easy2Handle<Exchange<B>>) -> Observed {
        let before = self.0.get();
        let facts = Facts::of(handle, &before.facts);
        if facts != before.facts {
            self.0.set(Observed { facts, activity: before.activity + 1, moved_at: now() });
        }
        self.0.get()
    }

    /// What was seen last.
    pub(super) fn last(&self) -> Observed {
        self.0.get()
    }
}

impl Observed {
    /// Bytes of the body that the peer has.
    pub(super) fn body_sent(&self) -> u64 {
        self.facts.acknowledged
    }
}

impl Facts {
    fn of<B>(handle: &Easy2Handle<Exchange<B>>, before: &Facts) -> Facts {
        let seen = &handle.get_ref().seen;
        let socket = raw::active_socket(handle);
        let sent = raw::info(handle, raw::SIZE_UPLOAD).unwrap_or(0);
        let acknowledged = sent.saturating_sub(socket.map_or(0, raw::unacknowledged));
        let at_least = if before.rewinds == seen.rewinds { before.acknowledged } else { 0 };
        Facts {
            acknowledged: acknowledged.max(at_least),
            received: seen.received,
            rewinds: seen.rewinds,
            socket,
            stages: [raw::CONNECT_TIME, raw::APPCONNECT_TIME, raw::PRETRANSFER_TIME]
                .map(|stage| raw::info(handle, stage).unwrap_or(0)),
        }
    }
}
