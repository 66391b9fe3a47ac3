//! The live world beneath the engine: transport, disk, clock, signer.
//!
//! It decides nothing. What the engine wants sent is described, hashed where that was asked for,
//! signed at this moment and handed to libcurl; what happened is handed back.

mod body;
mod digests;
mod fetching;
mod journal;
mod keys;
mod streaming;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use self::body::SessionBody;
use self::digests::{Answer, DigestJob, Digests};
use self::fetching::Fetching;
pub use self::journal::Journal;
use self::keys::Keys;
pub use self::keys::{LinkRenewal, Renewal};
use crate::disk::Source;
use crate::http::{Body, Evidence, Report, Request, TransportFailure, TransportFailureKind};
use crate::s3::payload::{self, BodyDigest};
use crate::s3::sigv4::Signer;
use crate::s3::{Credentials, Links, Operation, UnixTime, clock_offset, server_date};
use crate::time::{ClockOffset, Time};
use crate::transport::{Driver, Finished, HandleSettings, Waker};
use crate::upload::journal::Record;
use crate::upload::{
    Action, Attempt, AttemptId, Command, Event, Input, LinksWanted, Notice, Progress, SourceChange,
    World,
};

/// What a session is told once.
pub struct SessionSettings {
    /// The keys to sign with; `None` sends unsigned requests (`--no-sign-request`).
    pub credentials: Option<Credentials>,
    /// Where fresh keys come from when these have expired.
    pub renewal: Option<Renewal>,
    /// Where fresh presigned URLs come from when these expire.
    pub link_renewal: Option<LinkRenewal>,
    /// Options of every handle.
    pub transport: HandleSettings,
    /// Header fields that are signed and sent with every request.
    pub fields: Vec<(String, String)>,
    /// Attempts in flight at most; easy handles and connections kept.
    pub concurrency: u32,
    /// Where the upload's records go; `None` keeps none.
    pub journal: Option<Journal>,
}

/// Stops a session from another thread, as Ctrl-C does.
#[derive(Clone)]
pub struct Stopper {
    asked: Arc<AtomicBool>,
    waker: Waker,
}

impl Stopper {
    /// Asks the session to stop; it wakes up and tells the engine.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// The live world.
pub struct Session<'a> {
    keys: Keys,
    link_renewal: Option<LinkRenewal>,
    links: Fetching<Links>,
    /// The file, where ranges of one are sent.
    source: Option<Source>,
    driver: Driver<SessionBody>,
    journal: Option<Journal>,
    digests: Digests,
    /// Header fields that every request has.
    fields: Vec<(String, String)>,
    /// Attempts whose bodies are being hashed.
    hashing: BTreeMap<AttemptId, (Hashing, DigestJob)>,
    /// By how much the store's clock is ahead, as the engine assumes it.
    clock_offset: ClockOffset,
    /// What happened without the transport.
    ready: Vec<Input>,
    stop_asked: Arc<AtomicBool>,
    stop_told: bool,
    began: Instant,
    now: Time,
    progress_due: Time,
    observer: Box<dyn FnMut(&Notice) + 'a>,
}

/// An attempt that is sent once its body has been hashed.
struct Hashing {
    request: Request,
    attempt: Attempt,
}

/// What a range of a file needs.
const SOURCE_EXPECTED: &str = "only a session that has a file sends ranges of it";

/// How often the engine hears how far the attempts are.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

impl<'a> Session<'a> {
    /// A session that sends `source`; `observer` hears every notice.
    ///
    /// # Errors
    /// Where libcurl refuses to work.
    pub fn new(
        settings: SessionSettings,
        source: Source,
        observer: Box<dyn FnMut(&Notice) + 'a>,
    ) -> io::Result<Session<'a>> {
        let session = Session::without_source(settings, observer)?;
        if let Some(stream) = source.stream() {
            let waker = session.driver.waker();
            stream.on_news(move || waker.wake());
        }
        Ok(Session { source: Some(source), ..session })
    }

    /// A session that sends no file; `observer` hears every notice.
    ///
    /// # Errors
    /// Where libcurl refuses to work.
    pub fn without_source(
        settings: SessionSettings,
        observer: Box<dyn FnMut(&Notice) + 'a>,
    ) -> io::Result<Session<'a>> {
        let driver =
            Driver::new(&settings.transport, settings.concurrency).map_err(io::Error::other)?;
        let (waker, renewed, linked) = (driver.waker(), driver.waker(), driver.waker());
        Ok(Session {
            keys: Keys::new(settings.credentials, settings.renewal, move || renewed.wake()),
            link_renewal: settings.link_renewal,
            links: Fetching::new(move || linked.wake()),
            clock_offset: ClockOffset::default(),
            digests: Digests::new(move || waker.wake()),
            source: None,
            driver,
            journal: settings.journal,
            fields: settings.fields,
            hashing: BTreeMap::new(),
            ready: Vec::new(),
            stop_asked: Arc::new(AtomicBool::new(false)),
            stop_told: false,
            began: instant(),
            now: Time::ZERO,
            progress_due: Time::ZERO,
            observer,
        })
    }

    /// A handle that stops this session.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper { asked: self.stop_asked.clone(), waker: self.driver.waker() }
    }

    fn send(&mut self, attempt: Attempt) {
        let completes = matches!(attempt.operation, Operation::CompleteMultipartUpload { .. });
        if completes
            && attempt.is_first
            && let Some(change) = self.change()
        {
            self.source_changed(change);
            return;
        }
        self.clock_offset = attempt.manner.clock_offset;
        let destination = &attempt.manner.destination;
        let mut request = attempt.operation.request(&destination.endpoint, &destination.object);
        let links = attempt.manner.links.as_ref();
        if let Some(link) = links.and_then(|links| links.for_operation(&attempt.operation)) {
            link.put_on(&mut request);
        }
        for (name, value) in &self.fields {
            // To wait before a body that there is not would only cost time.
            if name != "expect" || !request.body.is_empty() {
                request.headers.push(name, value.clone());
            }
        }
        if attempt.expect_continue && !request.body.is_empty() {
            request.headers.set("expect", "100-continue");
        }
        match request.body {
            Body::FileRange { offset, length } if attempt.manner.payload.needs_digest() => {
                let source = self.source.as_ref().expect(SOURCE_EXPECTED);
                let job = self.digests.begin(attempt.id, source, offset, length);
                self.hashing.insert(attempt.id, (Hashing { request, attempt }, job));
            }
            _ => self.start(&attempt, request, None),
        }
    }

    /// Signs `request`, now, and hands it to libcurl.
    fn start(&mut self, attempt: &Attempt, mut request: Request, digest: Option<&BodyDigest>) {
        let manner = &attempt.manner;
        let framing = if manner.links.is_some() {
            payload::presigned(manner.payload)
        } else {
            payload::apply(&mut request, manner.payload, digest)
        };
        let keys = self.keys.current().filter(|_| manner.links.is_none());
        if let Some(credentials) = keys {
            let region = manner.destination.region.clone();
            let signer = Signer { credentials: credentials.clone(), region };
            signer.sign(&mut request, wall_clock(manner.clock_offset));
        }
        let checksum = digest.filter(|_| manner.payload.has_checksum());
        let checksum = checksum.map(|digest| digest.crc64nvme);
        // The list of ten thousand parts is long enough not to be kept twice.
        let body = std::mem::replace(&mut request.body, Body::Empty);
        let body = SessionBody::new(body, framing, self.source.as_ref(), checksum);
        if let Err(error) = self.driver.start(attempt.id.0, &request, body, attempt.connection) {
            self.ready.push(not_sent(attempt.id, error.to_string()));
        }
    }

    fn cancel(&mut self, id: AttemptId) {
        // A digest that is no longer waited for notices when its job is dropped.
        if self.hashing.remove(&id).is_none() {
            self.driver.cancel(id.0);
        }
    }

    /// How the source differs from what it was, where it does.
    fn change(&self) -> Option<SourceChange> {
        self.source.as_ref().and_then(Source::change).map(SourceChange::Changed)
    }

    fn source_changed(&mut self, change: SourceChange) {
        self.ready.push(Input::Event(Event::SourceChanged(change)));
    }

    /// Sends what has been hashed.
    fn collect_digests(&mut self) {
        while let Some(answer) = self.digests.next() {
            match answer {
                Answer::Part(part, Ok(digest)) => {
                    self.ready.push(Input::Event(Event::Examined { part, digest }));
                }
                Answer::Part(_, Err(error)) => self.source_unreadable(&error),
                Answer::Body(id, result) => {
                    let Some((hashing, _)) = self.hashing.remove(&id) else { continue };
                    match result {
                        Ok(digest) => {
                            self.start(&hashing.attempt, hashing.request, Some(&digest));
                        }
                        Err(error) => self.source_unreadable(&error),
                    }
                }
            }
        }
    }

    fn source_unreadable(&mut self, error: &io::Error) {
        let changed = self.change();
        let unreadable = || SourceChange::Unreadable(error.to_string());
        self.source_changed(changed.unwrap_or_else(unreadable));
    }

    /// Appends to the journal, where one is kept. One that cannot be written is given up, and the
    /// upload goes on: what stands in it is true all the same. It stays locked, and is removed as
    /// any other where the upload ends well.
    fn record(&mut self, record: &Record, clock_offset: ClockOffset) {
        let Some(journal) = self.journal.as_mut().filter(|journal| !journal.is_given_up()) else {
            return;
        };
        let at = unix_time(wall_clock(clock_offset)).unwrap_or(UnixTime(0));
        if let Err(error) = journal.append(record, at) {
            (self.observer)(&Notice::JournalLost(error.to_string()));
        }
    }

    fn forget(&mut self) {
        let Some(journal) = self.journal.take() else { return };
        if let Err(error) = journal.remove() {
            (self.observer)(&Notice::JournalLost(error.to_string()));
        }
    }

    fn finished(&mut self, finished: Finished<SessionBody>) {
        let Finished { token, report, body } = finished;
        if body.reads_source()
            && let Some(change) = self.change().or_else(|| source_failure(&report))
        {
            self.source_changed(change);
        }
        let checksum = body.checksum();
        let attempt = AttemptId(token);
        let clock = self.clock_of(&report);
        self.ready.push(Input::Event(Event::Finished { attempt, report, checksum, clock }));
    }

    /// What an answer tells of the store's clock.
    fn clock_of(&self, report: &Report) -> Option<ClockOffset> {
        let date = server_date(report.response.as_ref()?)?;
        let ended = unix_time(wall_clock(ClockOffset::default()))?;
        let began = ended.before(report.evidence.elapsed);
        Some(clock_offset(date, began, ended, self.clock_offset))
    }

    fn tell_keys(&mut self) {
        if let Some(renewed) = self.keys.renewed() {
            let end = renewed.map(|keys| keys.expires_at.and_then(unix_time));
            self.ready.push(Input::Event(Event::KeysRenewed(end)));
        }
        if let Some(renewed) = self.links.fetched() {
            self.ready.push(Input::Event(Event::LinksRenewed(renewed)));
        }
    }

    fn renew_links(&mut self, wanted: LinksWanted, links: Arc<Links>) {
        let renewal = self.link_renewal.clone();
        self.links.begin(move || match renewal {
            Some(renewal) => renewal(&wanted, &links),
            None => Err("nothing can renew them".to_owned()),
        });
    }

    fn tell_stop(&mut self) {
        if !self.stop_told && self.stop_asked.load(Ordering::Acquire) {
            self.stop_told = true;
            self.ready.push(Input::Command(Command::Stop));
        }
    }

    fn tell_progress(&mut self) {
        if self.now < self.progress_due {
            return;
        }
        self.progress_due = self.now + PROGRESS_INTERVAL;
        let moving = self.driver.progress().map(|exchange| Progress {
            attempt: AttemptId(exchange.token),
            body_sent: exchange.body_sent,
            // Apart from what was told while it was hashed.
            activity: exchange.activity.wrapping_add(1 << 63),
        });
        // A disk that hangs is no fault of the network, and the watchdog is for that alone.
        let activity = self.now.0.as_millis() as u64;
        let hashing = self.hashing.keys();
        let hashing = hashing.map(|id| Progress { attempt: *id, body_sent: 0, activity });
        self.ready.extend(moving.chain(hashing).map(|p| Input::Event(Event::Progress(p))));
    }
}

impl World for Session<'_> {
    fn now(&self) -> Time {
        self.now
    }

    fn carry_out(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Send(attempt) => self.send(attempt),
            Action::Cancel(id) => self.cancel(id),
            Action::RenewKeys => self.keys.renew(),
            Action::RenewLinks(wanted, links) => self.renew_links(wanted, links),
            Action::Record(record, clock_offset) => self.record(&record, clock_offset),
            Action::Forget => self.forget(),
            Action::Examine(part) => {
                let source = self.source.as_ref().expect("only a file has parts to examine");
                self.digests.examine(source, part);
            }
            Action::Notice(notice) => {
                self.release(&notice);
                (self.observer)(&notice);
            }
        }
        Ok(())
    }

    fn wait(&mut self, until: Option<Time>, inputs: &mut Vec<Input>) -> io::Result<()> {
        let mut finished = Vec::new();
        loop {
            self.collect_digests();
            self.tell_keys();
            self.tell_input();
            self.tell_stop();
            self.tell_progress();
            if !self.ready.is_empty() || until.is_some_and(|until| until <= self.now) {
                inputs.append(&mut self.ready);
                return Ok(());
            }
            let next = until.map_or(self.progress_due, |until| until.min(self.progress_due));
            self.driver.wait(next.since(self.now), &mut finished).map_err(io::Error::other)?;
            self.now = Time(instant().duration_since(self.began));
            for exchange in finished.drain(..) {
                self.finished(exchange);
            }
        }
    }
}

fn instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "the clock of the live world")]
    Instant::now()
}

/// The wall clock as the store would tell it: the one place that asks.
fn wall_clock(offset: ClockOffset) -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "signatures are dated by the wall clock")]
    let now = SystemTime::now();
    let distance = Duration::from_secs(offset.0.unsigned_abs());
    let moved = if offset.0 < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
    moved.unwrap_or(now)
}

fn unix_time(time: SystemTime) -> Option<UnixTime> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(UnixTime)
}

/// The report of an exchange that libcurl would not even begin.
fn not_sent(attempt: AttemptId, message: String) -> Input {
    let failure = TransportFailure { kind: TransportFailureKind::Local, message };
    let report = Report { response: None, failure: Some(failure), evidence: Evidence::default() };
    Input::Event(Event::Finished { attempt, report, checksum: None, clock: None })
}

/// What the transport noticed of a source that cannot be read.
fn source_failure(report: &Report) -> Option<SourceChange> {
    let failure = report.failure.as_ref()?;
    let is_source = failure.kind == TransportFailureKind::SourceRead;
    is_source.then(|| SourceChange::Unreadable(failure.message.clone()))
}
