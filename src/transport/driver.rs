//! Many exchanges on one thread: one multi handle is the event loop, easy handles are kept and
//! used again. It carries what it is given; what to send, and when again, is decided elsewhere.

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use curl::easy::Easy2;
use curl::multi::{Easy2Handle, Multi, MultiWaker};

use super::connections::{BeganOn, Connections, Ending};
use super::error::TransportError;
use super::evidence::{self, Circumstances};
use super::exchange::Exchange;
use super::options::{Common, apply_request};
use super::progress::Observer;
use super::raw::{self, Prepared};
use super::version::{SELECT_CONNECTIONS_MAX, version};
use super::{BodyReader, ExchangeProgress, Finished, HandleSettings, now};
use crate::http::{
    ConnectionWanted, Evidence, Report, Request, TransportFailure, TransportFailureKind,
};

/// Carries exchanges; lives on one thread. [`Waker`] is what other threads may hold.
#[derive(Debug)]
pub struct Driver<B> {
    /// Exchanges under way, each in the slot that its handle's private pointer names.
    live: Vec<Option<Live<B>>>,
    idle: Vec<Easy2<Exchange<B>>>,
    /// Refused before they began; handed over by the next wait.
    refused: Vec<Finished<B>>,
    /// Slots that ended in this turn, kept for its room.
    ended: Vec<(usize, Result<(), curl::Error>)>,
    connections: Connections,
    common: Common,
    concurrency: u32,
    waits_with_select: bool,
    woken: Arc<AtomicBool>,
    multi: Multi,
}

#[derive(Debug)]
struct Live<B> {
    token: u64,
    handle: Easy2Handle<Exchange<B>>,
    started: Instant,
    observer: Observer,
    began_on: Option<BeganOn>,
}

/// Wakes a [`Driver::wait`] from any thread; one that has not begun yet returns at once.
#[derive(Debug, Clone)]
pub struct Waker {
    woken: Arc<AtomicBool>,
    multi: MultiWaker,
}

impl Waker {
    /// Makes the running, else the next, wait return. Harmless once the driver is gone.
    pub fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        // The only failure is that the driver no longer exists.
        let _ = self.multi.wakeup();
    }
}

/// `CURLM_UNRECOVERABLE_POLL`, since 7.84: the system call failed.
const UNRECOVERABLE_POLL: curl_sys::CURLMcode = 12;

/// How soon it is tried again then.
const POLL_AGAIN_AFTER: Duration = Duration::from_millis(20);

impl<B: BodyReader> Driver<B> {
    /// A driver whose handles all have `settings`, meant for `concurrency` exchanges at once.
    ///
    /// # Errors
    /// Where libcurl refuses a setting.
    pub fn new(settings: &HandleSettings, concurrency: u32) -> Result<Driver<B>, TransportError> {
        let waits_with_select = version().poll == Some(false);
        let most = if waits_with_select { SELECT_CONNECTIONS_MAX } else { u32::MAX };
        let concurrency = concurrency.clamp(1, most);
        if !raw::can_make_multi() {
            return Err(TransportError::NoMulti(io::Error::last_os_error()));
        }
        let mut multi = Multi::new();
        // An idle connection for each exchange; unset, libcurl would count by attached handles.
        multi
            .set_max_connects(concurrency as usize)
            .map_err(TransportError::event_loop("setting MAXCONNECTS"))?;
        set_on_multi(&multi, settings)?;
        let mut driver = Driver {
            live: Vec::new(),
            idle: Vec::new(),
            refused: Vec::new(),
            ended: Vec::new(),
            // Each exchange may leave one and open another.
            connections: Connections::new(2 * concurrency as usize),
            common: Common::new(settings)?,
            concurrency,
            waits_with_select,
            woken: Arc::default(),
            multi,
        };
        // A bad setting is told now, not by every request.
        let first = driver.handle()?;
        driver.keep_unused(first);
        Ok(driver)
    }

    /// How many exchanges this driver is made for: as asked, or [`SELECT_CONNECTIONS_MAX`] where
    /// this libcurl can wait for no more.
    pub fn concurrency(&self) -> u32 {
        self.concurrency
    }

    /// Begins an exchange. What cannot be sent (a header with a line end, a URL that libcurl does
    /// not take) ends at once, with [`TransportFailureKind::Local`], in the next
    /// [`wait`](Driver::wait).
    ///
    /// The bytes come from `body` alone; `request.body` is not looked at. Over a new connection
    /// libcurl cannot send the request twice by itself.
    ///
    /// # Errors
    /// Where nothing can be sent any more.
    ///
    /// # Panics
    /// Where `token` is already in flight.
    pub fn start(
        &mut self,
        token: u64,
        request: &Request,
        body: B,
        connection: ConnectionWanted,
    ) -> Result<(), TransportError> {
        assert!(self.live.iter().flatten().all(|live| live.token != token), "token {token} twice");
        if self.waits_with_select && self.in_flight() >= self.concurrency as usize {
            return Err(TransportError::TooMany { limit: self.concurrency });
        }
        let mut easy = self.handle()?;
        if let Err(refused) =
            apply_request(&mut easy, &self.common, request, body.length(), connection)
        {
            self.keep_unused(easy);
            self.refused.push(not_begun(token, body, refused.to_string()));
            return Ok(());
        }
        easy.get_mut().begin(body);
        let mut handle =
            self.multi.add2(easy).map_err(TransportError::event_loop("adding a request"))?;
        let slot = self.live.iter().position(Option::is_none).unwrap_or(self.live.len());
        handle
            .set_token(slot)
            .map_err(|error| TransportError::setting("its token", error.description()))?;
        let started = now();
        let observer = Observer::new(started);
        let live = Live { token, handle, started, observer, began_on: None };
        if slot == self.live.len() {
            self.live.push(Some(live));
        } else {
            self.live[slot] = Some(live);
        }
        Ok(())
    }

    /// Ends an exchange without an answer and hands its body back; `None` where it is not in
    /// flight. Its connection is closed, since half a request lies on it.
    pub fn cancel(&mut self, token: u64) -> Option<B> {
        if let Some(index) = self.refused.iter().position(|finished| finished.token == token) {
            return Some(self.refused.swap_remove(index).body);
        }
        let named = |live: &Option<Live<B>>| live.as_ref().is_some_and(|live| live.token == token);
        let slot = self.live.iter().position(named)?;
        let live = self.live[slot].take()?;
        self.connections.cancel(live.began_on);
        let mut easy = self.multi.remove2(live.handle).ok()?;
        let body = easy.get_mut().end().body;
        self.idle.push(easy);
        body
    }

    /// Exchanges begun and neither finished nor cancelled.
    pub fn in_flight(&self) -> usize {
        self.live.iter().flatten().count() + self.refused.len()
    }

    /// How far every live exchange is. Costs two system calls an exchange: for a few times a
    /// second.
    pub fn progress(&self) -> impl Iterator<Item = ExchangeProgress> {
        self.live.iter().flatten().map(|live| {
            let observed = live.observer.observe(&live.handle);
            let (body_sent, activity) = (observed.body_sent(), observed.activity);
            ExchangeProgress { token: live.token, body_sent, activity }
        })
    }

    /// Carries all exchanges on until one finished, `timeout` has passed or a [`Waker`] was used;
    /// appends those that finished.
    ///
    /// # Errors
    /// Where libcurl's event loop fails.
    ///
    /// # Panics
    /// Goes on with a panic of a body's reader.
    pub fn wait(
        &mut self,
        timeout: Duration,
        finished: &mut Vec<Finished<B>>,
    ) -> Result<(), TransportError> {
        let deadline = now().checked_add(timeout);
        let before = finished.len();
        finished.append(&mut self.refused);
        loop {
            self.turn(finished)?;
            if finished.len() > before || self.woken.swap(false, Ordering::Acquire) {
                return Ok(());
            }
            let left = deadline.map_or(timeout, |deadline| deadline.duration_since(now()));
            if left.is_zero() {
                return Ok(());
            }
            // Whole milliseconds are what libcurl takes; rounded down it would spin.
            let left = left + Duration::from_micros(999);
            match self.multi.poll(&mut [], left) {
                // The kernel lacked memory, say. Nothing is lost but the wait.
                Err(error) if error.code() == UNRECOVERABLE_POLL => {
                    std::thread::park_timeout(left.min(POLL_AGAIN_AFTER));
                }
                polled => drop(polled.map_err(TransportError::event_loop("waiting"))?),
            }
        }
    }

    /// What lets another thread wake [`wait`](Driver::wait).
    pub fn waker(&self) -> Waker {
        Waker { woken: Arc::clone(&self.woken), multi: self.multi.waker() }
    }

    /// Lets libcurl do what can be done without waiting, and collects all that ended.
    fn turn(&mut self, finished: &mut Vec<Finished<B>>) -> Result<(), TransportError> {
        self.multi.perform().map_err(TransportError::event_loop("carrying requests on"))?;
        self.note_connections();
        let mut ended = std::mem::take(&mut self.ended);
        self.multi.messages(|message| {
            let Ok(slot) = message.token() else { return };
            let Some(live) = self.live.get(slot).and_then(Option::as_ref) else { return };
            ended.extend(message.result_for2(&live.handle).map(|result| (slot, result)));
        });
        for (slot, result) in ended.drain(..) {
            if let Some(live) = self.live[slot].take() {
                finished.push(self.finish(live, &result)?);
            }
        }
        self.ended = ended;
        Ok(())
    }

    /// Looks once at the connection on which each exchange begins: libcurl may exchange it for
    /// another by itself, and then no longer names it.
    fn note_connections(&mut self) {
        for live in self.live.iter_mut().flatten().filter(|live| live.began_on.is_none()) {
            let port = evidence::local_port(&live.handle);
            live.began_on = port.map(|port| self.connections.begin(port));
        }
    }

    fn finish(
        &mut self,
        live: Live<B>,
        result: &Result<(), curl::Error>,
    ) -> Result<Finished<B>, TransportError> {
        let Live { token, handle, started, observer, began_on } = live;
        let mut easy =
            self.multi.remove2(handle).map_err(TransportError::event_loop("removing a request"))?;
        let ended = easy.get_mut().end();
        if let Some(panic) = ended.panic {
            resume_unwind(panic);
        }
        let body = ended.body.expect("an exchange holds its body until it ends");
        let circumstances = Circumstances {
            source_error: ended.seen.source_error,
            answer_too_large: ended.seen.answer_too_large,
            answered: ended.response.is_some() && ended.head_whole,
            tunnel_refused: easy.http_connectcode().ok().filter(|code| *code >= 300),
        };
        let at = now();
        let moved_at = ended.seen.moved_at.max(observer.last().moved_at);
        let measured = evidence::measured(&mut easy, result);
        let ending = Ending {
            started,
            ended: at,
            port: evidence::local_port(&easy),
            opened: ended.seen.socket_opened,
            kept: result.is_ok() && circumstances.answered,
        };
        let used = self.connections.end(began_on, ending);
        let unsent = ended.response.is_some() && measured.bytes_sent < body.length();
        let evidence = Evidence {
            bytes_expected: body.length(),
            rewinds: ended.seen.rewinds,
            bytes_resent: ended.seen.bytes_resent,
            os_errno: measured.os_errno.or(ended.seen.socket_error.filter(|_| result.is_err())),
            answered_early: ended.seen.answered_early || unsent,
            slowest_read: ended.seen.slowest_read,
            silent_for: at.duration_since(moved_at),
            elapsed: at.duration_since(started),
            connection: used.connection,
            abandoned: used.abandoned,
            ..measured
        };
        let failure = evidence::failure(result, &circumstances);
        self.idle.push(easy);
        Ok(Finished { token, report: Report { response: ended.response, failure, evidence }, body })
    }

    /// Keeps a handle that has carried nothing since it was given its settings. It must not end
    /// with them: libcurl would write files that they name (`HSTS`) and that it has never read.
    fn keep_unused(&mut self, mut easy: Easy2<Exchange<B>>) {
        easy.reset();
        self.idle.push(easy);
    }

    /// A handle with all settings: one that was used before, else a new one.
    fn handle(&mut self) -> Result<Easy2<Exchange<B>>, TransportError> {
        let mut easy = self.idle.pop().unwrap_or_else(|| Easy2::new(Exchange::idle()));
        self.common.apply(&mut easy)?;
        Ok(easy)
    }
}

/// Sets what users want of the multi handle.
fn set_on_multi(multi: &Multi, settings: &HandleSettings) -> Result<(), TransportError> {
    let prepared = Prepared::new(&settings.multi)
        .map_err(|error| TransportError::setting("an option", &error.to_string()))?;
    for (set, result) in settings.multi.iter().zip(prepared.set_on_multi(multi)) {
        result.map_err(|e| TransportError::setting(set.option.name, e.description()))?;
    }
    Ok(())
}

fn not_begun<B: BodyReader>(token: u64, body: B, message: String) -> Finished<B> {
    let failure = TransportFailure { kind: TransportFailureKind::Local, message };
    let evidence = Evidence { bytes_expected: body.length(), ..Evidence::default() };
    Finished { token, report: Report { response: None, failure: Some(failure), evidence }, body }
}
