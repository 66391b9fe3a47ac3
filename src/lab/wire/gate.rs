//! The body of a request on its way in, and the faults that touch it: cut, stalled, slowed,
//! changed.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use super::{Conversation, End};
use crate::lab::shared::Injection;

/// What is done to a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum Tamper {
    /// It is passed on.
    Nothing,
    /// Its connection ends after that many bytes.
    EndAfter(u64, End),
    /// Reading stops after that many bytes, for a while or for good.
    StallAfter(u64, Option<Duration>),
    /// It is read at that many bytes a second.
    Slow(u64),
    /// The byte at that place is changed.
    Flip(u64),
    /// Its connection is reset that long after it began.
    EndIn(Duration),
}

/// A body that is counted and, maybe, tampered with.
pub(in crate::lab) struct Gate {
    body: Incoming,
    tamper: Tamper,
    injection: Injection,
    conversation: Conversation,
    received: u64,
    begun: Instant,
    /// What arrived and is passed on when the wait is over.
    held: Option<Bytes>,
    wait: Option<Pin<Box<Sleep>>>,
    cut: Option<Pin<Box<Sleep>>>,
}

impl Gate {
    /// A gate for `body`; `injection` counts the fault when it takes effect.
    pub(in crate::lab) fn new(
        body: Incoming,
        tamper: Tamper,
        injection: Injection,
        conversation: Conversation,
    ) -> Gate {
        let cut = match tamper {
            Tamper::EndIn(delay) => Some(Box::pin(sleep(delay))),
            _ => None,
        };
        let begun = Instant::now();
        Gate {
            body,
            tamper,
            injection,
            conversation,
            received: 0,
            begun,
            held: None,
            wait: None,
            cut,
        }
    }

    /// Takes the next bytes in; they are in `held` afterwards, unless the connection ends.
    fn arrived(&mut self, bytes: Bytes) {
        let before = self.received;
        self.received += bytes.len() as u64;
        self.injection.count_body(bytes.len());
        let reached = |place: u64| (before + 1..=self.received).contains(&place);
        match self.tamper {
            Tamper::EndAfter(after, end) if reached(after) => return self.end(end),
            Tamper::StallAfter(after, duration) if reached(after) => {
                self.injection.count();
                self.conversation.stalled(true);
                self.wait = Some(Box::pin(sleep(duration.unwrap_or(FOREVER))));
            }
            Tamper::Slow(rate) => {
                self.injection.count();
                let due = Duration::from_secs_f64(self.received as f64 / rate as f64);
                self.wait = Some(Box::pin(tokio::time::sleep_until(self.begun + due)));
            }
            Tamper::Flip(at) if reached(at + 1) => {
                self.injection.count();
                self.held = Some(flipped(&bytes, at - before));
                return;
            }
            _ => {}
        }
        self.held = Some(bytes);
    }

    fn end(&mut self, end: End) {
        self.injection.count();
        self.conversation.end(end, Duration::ZERO);
        // Nobody polls again: the connection is about to be dropped.
        self.wait = Some(Box::pin(sleep(FOREVER)));
    }
}

/// Longer than any lab runs.
const FOREVER: Duration = Duration::from_hours(365 * 24);

fn flipped(bytes: &[u8], at: u64) -> Bytes {
    let mut changed = BytesMut::from(bytes);
    changed[at as usize] ^= 0x01;
    changed.freeze()
}

impl Body for Gate {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        loop {
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(cx));
                this.wait = None;
                this.conversation.stalled(false);
            }
            if let Some(bytes) = this.held.take() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(cut) = &mut this.cut
                && cut.as_mut().poll(cx).is_ready()
            {
                this.cut = None;
                this.end(End::Reset);
                continue;
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => this.arrived(bytes),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.wait.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
