//! The body of a request on its way in: over the link, where there is one, and through the faults
//! that touch it: cut, stalled, slowed, changed, refused before its end.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::StdError;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::{Conversation, End};
use crate::lab::link::SLICE;
use crate::lab::shared::{Injection, SharedLink};

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
    /// It is refused at its end where that comes later than that long after it began.
    RefuseAfter(Duration),
    /// It is refused when nothing has arrived for that long.
    Starve(Duration),
}

/// Why a body was refused after its head had been accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lab) enum Midway {
    /// Its URL had expired at its end, that long after it began.
    Expired(Duration),
    /// Nothing arrived for too long.
    Starved,
}

/// Where a gate says why it has refused a body.
pub(in crate::lab) type Refused = Arc<OnceLock<Midway>>;

/// A body that is counted and, maybe, tampered with.
pub(in crate::lab) struct Gate {
    body: Incoming,
    tamper: Tamper,
    injection: Injection,
    conversation: Conversation,
    link: Option<SharedLink>,
    refused: Refused,
    received: u64,
    begun: Instant,
    /// What arrived and has not yet passed the link.
    held: Bytes,
    /// What is passed on when the wait is over.
    passing: Option<Bytes>,
    wait: Option<Pin<Box<Sleep>>>,
    cut: Option<Pin<Box<Sleep>>>,
    /// Until when something must arrive.
    patience: Option<Pin<Box<Sleep>>>,
}

impl Gate {
    /// A gate for `body`, which arrives over `link`; `injection` counts the fault when it takes
    /// effect.
    pub(in crate::lab) fn new(
        body: Incoming,
        tamper: Tamper,
        injection: Injection,
        conversation: Conversation,
        link: Option<SharedLink>,
    ) -> Gate {
        let cut = match tamper {
            Tamper::EndIn(delay) => Some(Box::pin(sleep(delay))),
            _ => None,
        };
        Gate {
            body,
            tamper,
            injection,
            conversation,
            link,
            refused: Refused::default(),
            received: 0,
            begun: Instant::now(),
            held: Bytes::new(),
            passing: None,
            wait: None,
            cut,
            patience: None,
        }
    }

    /// Where it will say why it has refused the body.
    pub(in crate::lab) fn refused(&self) -> Refused {
        Arc::clone(&self.refused)
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
                self.wait = Some(Box::pin(sleep_until(self.begun + due)));
            }
            Tamper::Flip(at) if reached(at + 1) => {
                self.injection.count();
                self.held = flipped(&bytes, at - before);
                return;
            }
            _ => {}
        }
        self.held = bytes;
    }

    /// Sends what is held over the link, a slice at a time; it is in `passing` afterwards.
    fn pass(&mut self) {
        let Some(link) = &self.link else {
            self.passing = Some(std::mem::take(&mut self.held));
            return;
        };
        let slice = self.held.split_to(self.held.len().min(SLICE));
        self.wait = link.pass(slice.len()).map(|at| Box::pin(sleep_until(at)));
        self.passing = Some(slice);
    }

    /// Why the whole body is refused, now that all of it has passed.
    fn refuse_at_end(&mut self) -> Result<(), StdError> {
        match self.tamper {
            Tamper::RefuseAfter(limit) if self.begun.elapsed() > limit => {
                Err(self.refuse(Midway::Expired(self.begun.elapsed())))
            }
            _ => Ok(()),
        }
    }

    fn refuse(&mut self, why: Midway) -> StdError {
        self.injection.count();
        // A body is refused once: it is not read any further.
        self.refused.set(why).ok();
        "the lab refuses the rest of the body".into()
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
    type Error = StdError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.get_mut();
        loop {
            if let Some(cut) = &mut this.cut
                && cut.as_mut().poll(cx).is_ready()
            {
                this.cut = None;
                this.end(End::Reset);
            }
            if let Some(wait) = &mut this.wait {
                ready!(wait.as_mut().poll(cx));
                this.wait = None;
                this.conversation.stalled(false);
            }
            if let Some(bytes) = this.passing.take() {
                if this.held.is_empty() && this.body.is_end_stream() {
                    this.refuse_at_end()?;
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if !this.held.is_empty() {
                this.pass();
                continue;
            }
            let Poll::Ready(next) = Pin::new(&mut this.body).poll_frame(cx) else {
                ready!(this.poll_patience(cx));
                return Poll::Ready(Some(Err(this.refuse(Midway::Starved))));
            };
            this.patience = None;
            match next {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => this.arrived(bytes),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => {
                    this.refuse_at_end()?;
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        let is_through = self.held.is_empty() && self.passing.is_none() && self.wait.is_none();
        is_through && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Gate {
    /// Ready when nothing has arrived for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Tamper::Starve(limit) = self.tamper else { return Poll::Pending };
        self.patience.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(cx)
    }
}
