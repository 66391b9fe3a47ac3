//! The simulated world beneath the production loop: virtual time, a store, a network that fails.

mod rights;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use curlift::http::{
    Evidence, Headers, Report, Response, TransportFailure, TransportFailureKind as Kind,
};
use curlift::s3::payload::PayloadMode;
use curlift::s3::{
    Addressing, Crc64Nvme, Destination, Endpoint, Links, Object, Operation, UnixTime, UploadId,
};
use curlift::time::{ClockOffset, Time};
use curlift::upload::journal::Record;
use curlift::upload::{
    Action, Attempt, AttemptId, Beginning, Command, Event, Input, LinksWanted, Manner, Notice,
    PartDigest, PartRange, Progress, SourceChange, World,
};
use md5::{Digest, Md5};

use self::rights::as_sent;
use crate::fate::Fate;
use crate::journal::SimulatedJournal;
use crate::links::{Signer, url_of};
use crate::producer::Stream;
use crate::scenario::{Conditions, Scenario};
use crate::store::{SimulatedStore, crc64nvme, error_response};

/// One operation as the checks know it: its name, part number and, where several are asked about,
/// the upload.
type Key = (&'static str, u32, String);

pub(crate) struct SimulatedWorld {
    scenario: Scenario,
    rng: fastrand::Rng,
    now: Time,
    /// When the run of today began: earlier ones crashed, or were given up.
    began: Time,
    /// Steps until this run crashes.
    crash_in: Option<u32>,
    pub(crate) journal: SimulatedJournal,
    /// The file as it is now.
    pub(crate) source: Vec<u8>,
    /// What a later run would say of it.
    source_differs: Option<String>,
    /// Whether it was touched between two runs.
    pub(crate) touched: bool,
    future: BTreeMap<(Time, u64), Happening>,
    sequence: u64,
    live: BTreeMap<AttemptId, Live>,
    /// When the keys of a run were made, its first and those that took their place; of links, how
    /// often they came counts.
    keys: Vec<Time>,
    /// Whoever makes the links, where there are some.
    signer: Option<Signer>,
    /// Whether keys or links are being renewed, and nothing may be sent before they have been.
    renewing: Option<Renewing>,
    /// Our clock when the run of today began.
    pub(crate) began_at: UnixTime,
    requests: u64,
    source_changed: bool,
    stream: Option<Stream>,
    woke_by_timer: bool,
    pub(crate) store: SimulatedStore,
    pub(crate) seen: Seen,
}

/// What the checks want to know of a run.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether the object that has the key was put there by us.
    pub(crate) object_is_ours: bool,
    /// Requests that may have stored the object without our being told.
    pub(crate) answers_lost: u32,
    /// Ids of the uploads that we said we left behind.
    pub(crate) left_behind: BTreeSet<String>,
    /// Uploads that we said we may have left behind without knowing their id.
    pub(crate) left_behind_unknown: u32,
    /// What earlier runs said that they left behind.
    pub(crate) left_behind_before: u32,
    /// Attempts.
    pub(crate) attempts: u32,
    /// Whether uploads were looked for whose creation was not answered.
    pub(crate) searched: bool,
    /// Uploads that the store made only after that.
    pub(crate) created_late: u32,
    /// Whether the store said that it does not know the checksums.
    pub(crate) not_implemented: bool,
    /// Bytes of parts that were sent a second time.
    pub(crate) hedged: u64,
    /// Creations that the journal could not take.
    pub(crate) unrecorded: u32,
    /// Attempts of earlier runs.
    pub(crate) attempts_before: u32,
    /// How often keys or links were asked for in the run of today.
    renewals: u32,
    denied: BTreeSet<Key>,
    /// Parts that we were told are stored.
    pub(crate) stored: BTreeSet<u32>,
    not_before: BTreeMap<Key, Time>,
}

impl Seen {
    /// Another run begins; `parts` are known to be stored.
    fn begin_run(&mut self, parts: Vec<u32>) {
        self.attempts_before = self.attempts;
        self.denied.clear();
        self.not_before.clear();
        self.hedged = 0;
        self.renewals = 0;
        self.left_behind_before = self.left_behind.len() as u32 + self.left_behind_unknown;
        self.stored = parts.into_iter().collect();
    }
}

/// A request under way.
struct Live {
    attempt: Attempt,
    /// Bytes of the body that have left.
    sent: u64,
    began: Time,
}

/// How urgently keys or links are renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewing {
    /// Before they end.
    Ahead,
    /// We were told that they are waited for, and they are about to be asked for.
    Announced,
    /// Something was refused for want of them.
    Awaited,
    /// Something was refused while they were renewed before they end: they are waited for, unless
    /// that was the end.
    Refused,
}

enum Happening {
    KeysRenewed,
    LinksRenewed { wanted: LinksWanted, links: Arc<Links> },
    LinkEnds(AttemptId),
    OthersStore,
    Moves { attempt: AttemptId, sent: u64, activity: u64 },
    Arrives { attempt: Box<Attempt>, fate: Fate },
    LateWork { operation: Box<Operation> },
    Examined(PartRange),
    Stop,
    SourceChanges,
    PartIsRead,
}

impl SimulatedWorld {
    pub(crate) fn new(scenario: Scenario) -> SimulatedWorld {
        let mut store = SimulatedStore::new(crate::scenario::LIMITS);
        store.model.repeat_complete = scenario.repeat_complete;
        if let Some(bytes) = &scenario.before {
            store.put_foreign(bytes);
        }
        let mut world = SimulatedWorld {
            rng: fastrand::Rng::with_seed(scenario.seed ^ 0x5eed),
            now: Time::ZERO,
            began: Time::ZERO,
            crash_in: scenario.crashes.first().copied(),
            journal: SimulatedJournal::new(scenario.journal_room),
            source: scenario.source.clone(),
            source_differs: None,
            touched: false,
            future: BTreeMap::new(),
            sequence: 0,
            live: BTreeMap::new(),
            keys: vec![Time::ZERO],
            signer: None,
            renewing: None,
            began_at: UnixTime(0),
            requests: 0,
            source_changed: false,
            stream: Stream::new(&scenario),
            woke_by_timer: false,
            store,
            seen: Seen::default(),
            scenario,
        };
        world.store.clock = world.server_clock();
        if let Some(with_part) = world.scenario.conditions.rival {
            world.store.create_foreign(with_part);
        }
        world.have_links_made();
        if let Some(at) = world.scenario.stop_at {
            world.happens_in(at, Happening::Stop);
        }
        if let Some(at) = world.scenario.change_at {
            world.happens_in(at, Happening::SourceChanges);
        }
        world.produce();
        world
    }

    /// Whether what wrote the stream did not come to its end.
    pub(crate) fn has_died(&self) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.has_died)
    }

    /// Has the next part of the stream written, where there is room for it.
    fn produce(&mut self) {
        let pause = self.stream.as_mut().and_then(|stream| stream.begin_part(&mut self.rng));
        if let Some(pause) = pause {
            self.happens_in(pause, Happening::PartIsRead);
        }
    }

    /// By how much the store's clock is ahead of ours at this moment.
    fn clock_ahead(&self) -> i64 {
        self.clock_ahead_at(self.now)
    }

    fn clock_ahead_at(&self, now: Time) -> i64 {
        let Conditions { clock_ahead, clock_set_at, .. } = self.scenario.conditions;
        let set_right = clock_set_at.is_some_and(|at| now.0 >= at);
        if set_right { 0 } else { clock_ahead }
    }

    /// The store's clock.
    fn server_clock(&self) -> i64 {
        clock_at(self.now)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now.0
    }

    /// Our clock.
    fn local_clock(&self) -> UnixTime {
        UnixTime(self.server_clock() - self.clock_ahead())
    }

    /// Where the next run begins, and what it would be wrong to do in it.
    pub(crate) fn begin_run(&mut self) -> Beginning {
        let now = self.local_clock();
        let prescribed = self.store.prescribed.clone().map(UploadId);
        let differs = self.source_differs.clone();
        let beginning = self.journal.beginning(&self.scenario.plan, prescribed, now, differs);
        self.began_at = now;
        self.renewing = None;
        let parts = self.journal.known().map(|(_, parts, _)| parts).unwrap_or_default();
        self.began = self.now;
        self.seen.begin_run(parts);
        beginning
    }

    /// The run has crashed: whatever was under way may still happen, and nobody hears of it.
    pub(crate) fn crash(&mut self, crashes: usize) {
        self.future.retain(|_, next| next.outlives_a_run());
        for (_, Live { attempt, sent, began }) in std::mem::take(&mut self.live) {
            let refused = self.judge(&attempt, began, Fate::Answered).is_some();
            let operation = attempt.operation;
            if !refused && sent == body_length(&operation) && self.rng.bool() {
                let delay = Duration::from_millis(self.rng.u64(..20_000));
                self.happens_in(delay, Happening::LateWork { operation: Box::new(operation) });
            }
        }
        if self.journal.is_gone() {
            // It had done its work, and only did not live to tell.
            self.seen.object_is_ours = false;
        } else if self.rng.bool() {
            self.journal.lose_power(&mut self.rng);
        }
        self.rest();
        self.crash_in = self.scenario.crashes.get(crashes).copied();
    }

    /// Time passes until somebody types the line again; the file may have been touched meanwhile.
    pub(crate) fn rest(&mut self) {
        // What the run before was told of its Complete is not known to the next one.
        self.seen.answers_lost += 1;
        let until = self.now + Duration::from_secs(self.rng.u64(..100));
        while let Some(entry) = self.future.first_entry().filter(|next| next.key().0 <= until) {
            let ((at, _), happening) = entry.remove_entry();
            self.now = self.now.max(at);
            match happening {
                Happening::LateWork { operation } => self.late_work(&operation),
                Happening::OthersStore => self.others_store(),
                _ => {}
            }
        }
        self.now = until;
        self.future.retain(|_, next| next.outlives_a_run());
        self.keys = vec![self.now];
        if self.source_changed {
            // The file is what it became.
            self.source.iter_mut().for_each(|byte| *byte ^= 0xff);
            self.source_changed = false;
            self.source_differs = Some("it was modified since".into());
        }
        match self.rng.u32(..8) {
            _ if !self.scenario.conditions.may_be_touched => {}
            0 => self.source_differs = Some("its attributes were changed".into()),
            1 if !self.source.is_empty() => {
                let index = self.rng.usize(..self.source.len());
                self.source[index] ^= 1;
                self.source_differs = Some("it was modified since".into());
            }
            _ => {}
        }
        self.touched |= self.source_differs.is_some();
    }

    /// Prints what happens, where one seed is looked at.
    pub(crate) fn trace(&self, what: &dyn std::fmt::Debug) {
        if self.scenario.trace {
            println!("{:>10.3} {what:?}", self.now.0.as_secs_f64());
        }
    }

    /// One step nearer to the crash of this run.
    fn step(&mut self) -> io::Result<()> {
        match &mut self.crash_in {
            None => Ok(()),
            Some(0) => Err(io::Error::other("crashed")),
            Some(steps) => {
                *steps -= 1;
                Ok(())
            }
        }
    }

    fn examine(&mut self, part: PartRange) {
        let delay = Duration::from_millis(self.rng.u64(..500));
        self.happens_in(delay, Happening::Examined(part));
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.live.len()
    }

    pub(crate) fn source_changed(&self) -> bool {
        self.source_changed
    }

    /// Lets everything happen that is still under way when the run has ended.
    pub(crate) fn settle(&mut self) {
        while let Some(((at, _), happening)) = self.future.pop_first() {
            self.now = self.now.max(at);
            match happening {
                Happening::LateWork { operation } => {
                    self.seen.searched = true;
                    self.late_work(&operation);
                }
                Happening::OthersStore => self.others_store(),
                _ => {}
            }
        }
    }

    fn happens_in(&mut self, delay: Duration, happening: Happening) {
        self.future.insert((self.now + delay, self.sequence), happening);
        self.sequence += 1;
    }

    fn send(&mut self, attempt: Attempt) {
        self.check_send(&attempt);
        let fate = self.scenario.fates.draw(self.requests, &mut self.rng);
        self.requests += 1;
        let crowded =
            self.scenario.conditions.connections_max.is_some_and(|max| self.live.len() >= max);
        let fate = if crowded || self.is_out() { Fate::Refused } else { fate };
        if let Some(stream) = &self.stream {
            let (offset, length) = body_range(&attempt.operation);
            stream.check_read(offset, length);
        }
        self.trace(&fate);
        self.live.insert(attempt.id, Live { attempt: attempt.clone(), sent: 0, began: self.now });
        if matches!(attempt.operation, Operation::CompleteMultipartUpload { .. })
            && attempt.is_first
            && self.source_changed
        {
            self.happens_in(Duration::ZERO, Happening::SourceChanges);
            return;
        }
        let longest = self.scenario.slowness.as_micros() as u64;
        let mut duration = Duration::from_micros(self.rng.u64(1_000..=longest.max(1_001)));
        if self.scenario.conditions.straggling.is_some_and(|n| self.rng.u32(..n) == 0) {
            duration = (duration * 100).min(Duration::from_mins(5));
        }
        let length = body_length(&attempt.operation);
        let steps = duration.as_secs() as u32 / 10 + 3;
        let moving = if fate == Fate::Stalled { steps / 2 } else { steps };
        for step in 1..=moving {
            let sent = length * u64::from(step) / u64::from(steps);
            let moves = Happening::Moves {
                attempt: attempt.id,
                sent,
                activity: u64::from(step) + 1000 * self.requests,
            };
            self.happens_in(duration * step / (steps + 1), moves);
        }
        let link_ends = self.cut_at(&attempt);
        if let Some(end) = link_ends.filter(|end| *end < self.now + duration) {
            self.happens_in(end.since(self.now), Happening::LinkEnds(attempt.id));
        } else if fate == Fate::Stalled {
            // Without a body the client cannot tell whether the request arrived.
            self.seen.answers_lost += u32::from(length == 0);
        } else {
            let attempt = Box::new(attempt);
            self.happens_in(duration, Happening::Arrives { attempt, fate });
        }
    }

    /// A part whose bytes had all left may land all the same.
    fn cancel(&mut self, id: AttemptId) {
        let Some(Live { attempt, sent, .. }) = self.live.remove(&id) else { return };
        let operation = attempt.operation;
        // Nobody will ever know what became of it.
        self.seen.answers_lost += u32::from(sent == body_length(&operation));
        let is_part = matches!(operation, Operation::UploadPart { .. });
        if is_part && sent == body_length(&operation) && self.rng.u32(..3) == 0 {
            let delay = Duration::from_millis(self.rng.u64(..20_000));
            self.happens_in(delay, Happening::LateWork { operation: Box::new(operation) });
        }
    }

    fn check_send(&mut self, attempt: &Attempt) {
        let key = key(&attempt.operation);
        self.seen.attempts += 1;
        assert!(self.seen.attempts < 20_000, "the run does not come to an end");
        assert!(
            self.live.len() < self.scenario.concurrency as usize,
            "more than allowed in flight"
        );
        assert!(
            !matches!(self.renewing, Some(Renewing::Awaited | Renewing::Refused)),
            "sent with keys or a link that have expired, and are being renewed"
        );
        self.check_keys(attempt);
        self.check_link(attempt);
        let attempts_max = self.scenario.retry.attempts_max;
        assert!(attempt.number <= attempts_max, "{key:?}: attempt {}", attempt.number);
        assert!(!self.seen.denied.contains(&key), "{key:?} was denied and is sent again");
        assert!(
            key.0 != "UploadPart" || !self.seen.stored.contains(&key.1),
            "part {} is stored and is sent again",
            key.1
        );
        if attempt.is_first {
            // A question that is asked anew is not a retry.
            self.seen.not_before.remove(&key);
        }
        if let Some(not_before) = self.seen.not_before.get(&key) {
            assert!(self.now >= *not_before, "{key:?} is sent before the time the store named");
        }
    }

    /// The work of a request whose connection has died long ago.
    fn late_work(&mut self, operation: &Operation) {
        let creates = matches!(operation, Operation::CreateMultipartUpload { .. });
        self.seen.created_late += u32::from(creates && self.seen.searched);
        self.work(operation);
    }

    /// Does the work of `operation` at the store.
    fn work(&mut self, operation: &Operation) -> Response {
        let body = self.body(operation);
        let claimed = self.claimed(&body);
        self.work_with(operation, &body, claimed)
    }

    /// The checksum that is sent along with `body`: a link has no room for one.
    fn claimed(&self, body: &[u8]) -> Option<u64> {
        (self.scenario.checksums && self.signer.is_none()).then(|| crc64nvme(body))
    }

    fn work_with(&mut self, operation: &Operation, body: &[u8], claimed: Option<u64>) -> Response {
        self.store.clock = self.server_clock();
        let response = self.store.carry_out(operation, body, claimed);
        let stores_object = matches!(
            operation,
            Operation::PutObject { .. } | Operation::CompleteMultipartUpload { .. }
        );
        if stores_object && response.status == 200 {
            let put_damaged = matches!(operation, Operation::PutObject { .. }) && {
                let right = self.body(operation);
                body != right
            };
            self.seen.object_is_ours = !put_damaged;
            // That an upload is closed which somebody created for us.
            self.store.prescribed_closed = true;
        }
        response
    }

    fn body(&self, operation: &Operation) -> Vec<u8> {
        let source = &self.source;
        let mut body = match operation {
            Operation::PutObject { .. } => source.clone(),
            Operation::UploadPart { offset, length, .. } => {
                source[*offset as usize..(*offset + *length) as usize].to_vec()
            }
            _ => Vec::new(),
        };
        if self.source_changed {
            for byte in &mut body {
                *byte ^= 0xff;
            }
        }
        body
    }

    /// The request has been sent, as far as its fate allows: what becomes of it.
    fn arrives(&mut self, attempt: &Attempt, fate: Fate, inputs: &mut Vec<Input>) {
        let fate = self.fitting(fate, attempt);
        let operation = &as_sent(attempt);
        let Some(Live { began, .. }) = self.live.remove(&attempt.id) else { return };
        let lost = self.seen.answers_lost;
        let judged = self.judge(attempt, began, fate);
        let by_judgement = judged.is_some();
        let mut report = judged.unwrap_or_else(|| self.report(operation, fate));
        report.evidence.elapsed = self.now.since(began);
        if fate == Fate::Denied && !by_judgement && self.is_final_denial(attempt) {
            self.seen.denied.insert(key(operation));
        }
        self.seen.searched |= matches!(operation, Operation::ListMultipartUploads { .. });
        let clock = self.clock_of(attempt, &report);
        let clock = if fate == Fate::Skewed { Some(ClockOffset(3600)) } else { clock };
        let whole = !by_judgement
            && matches!(
                fate,
                Fate::Answered
                    | Fate::AnswerLost
                    | Fate::AnswerCut
                    | Fate::DoneAnswered500
                    | Fate::SentTwice
                    | Fate::Corrupted
                    | Fate::UploadGone
            );
        let has_body =
            matches!(operation, Operation::PutObject { .. } | Operation::UploadPart { .. });
        let checksum = (whole && has_body && self.scenario.checksums)
            .then(|| Crc64Nvme(crc64nvme(&self.body(operation))));
        if has_body && self.source_changed {
            let change = SourceChange::Changed("it was modified".into());
            inputs.push(Input::Event(Event::SourceChanged(change)));
        }
        let answered = report.failure.is_none()
            && report.response.as_ref().is_some_and(|response| response.status == 200)
            && !matches!(fate, Fate::EarlyOk | Fate::Corrupted);
        if let Operation::UploadPart { number, .. } = operation
            && answered
        {
            self.seen.stored.insert(number.0.get());
        }
        let final_answer_lost = matches!(
            operation,
            Operation::PutObject { .. } | Operation::CompleteMultipartUpload { .. }
        ) && !by_judgement
            && (report.failure.is_some() || fate != Fate::Answered);
        self.seen.answers_lost = lost + u32::from(final_answer_lost);
        self.await_renewal(attempt, &report);
        inputs.push(Input::Event(Event::Finished { attempt: attempt.id, report, checksum, clock }));
    }

    /// What is refused, or cut, whatever else might have become of it.
    fn judge(&mut self, attempt: &Attempt, signed_at: Time, fate: Fate) -> Option<Report> {
        if matches!(fate, Fate::Refused) {
            return None;
        }
        let operation = &attempt.operation;
        let length = body_length(operation);
        let conditions = self.scenario.conditions.clone();
        if let Some(max) = conditions.body_max.filter(|max| length > *max) {
            let evidence = evidence(length, max);
            return Some(Report { response: None, failure: Some(broken(Kind::Reset)), evidence });
        }
        if let Some(url) = url_of(attempt) {
            return self.judge_link(attempt, signed_at, url.expires_at().0);
        }
        let skew = self.clock_ahead_at(signed_at) - attempt.manner.clock_offset.0;
        let made = self.keys[attempt.manner.keys as usize];
        let expired = conditions.keys_life.is_some_and(|life| {
            // Those that were renewed after a refusal had expired.
            let older = attempt.manner.keys as usize + 1 != self.keys.len() && !life.is_known;
            older || self.now.since(made) > life.span
        });
        let elsewhere =
            conditions.region.filter(|region| attempt.manner.destination.region != *region);
        let trailer = length > 0 && attempt.manner.payload == PayloadMode::UnsignedTrailer;
        let mut response = if skew.abs() > 900 {
            error_response(403, "RequestTimeTooSkewed", "The difference is too large.")
        } else if let Some(region) = elsewhere {
            let mut response = error_response(301, "PermanentRedirect", "It is elsewhere.");
            response.headers.push("x-amz-bucket-region", region);
            response
        } else if expired {
            error_response(400, "ExpiredToken", "The provided token has expired.")
        } else if trailer && conditions.without_trailers {
            error_response(400, "XAmzContentSHA256Mismatch", "The hash does not fit.")
        } else {
            return None;
        };
        if matches!(operation, Operation::HeadObject) {
            response.body.clear();
        }
        let evidence = evidence(length, length);
        Some(Report { response: Some(response), failure: None, evidence })
    }

    /// What a report tells of the store's clock.
    fn clock_of(&self, attempt: &Attempt, report: &Report) -> Option<ClockOffset> {
        report.response.as_ref()?;
        let assumed = attempt.manner.clock_offset;
        let ahead = ClockOffset(self.clock_ahead());
        Some(if ahead.distance(assumed) < Duration::from_secs(2) { assumed } else { ahead })
    }

    fn is_out(&self) -> bool {
        let outage = self.scenario.conditions.outage;
        outage.is_some_and(|(at, span)| (at..at + span).contains(&self.now.0))
    }

    /// A fate that this operation can have.
    fn fitting(&self, fate: Fate, attempt: &Attempt) -> Fate {
        let has_body = body_length(&attempt.operation) > 0;
        let is = |name: &str| attempt.operation.name() == name;
        match fate {
            Fate::SentTwice if attempt.connection.is_new => Fate::Answered,
            Fate::Corrupted if !has_body || !self.scenario.checksums => Fate::Answered,
            Fate::EarlyOk | Fate::RequestTimeout if !has_body => Fate::InternalError,
            Fate::ErrorInside200 if !is("CompleteMultipartUpload") => Fate::InternalError,
            Fate::ResetThenDone if is("PutObject") => Fate::ResetInBody,
            Fate::UploadGone if is("PutObject") || is("CreateMultipartUpload") => Fate::Answered,
            Fate::UploadGone if is("HeadObject") || is("ListMultipartUploads") => Fate::Answered,
            fate => fate,
        }
    }

    fn report(&mut self, operation: &Operation, fate: Fate) -> Report {
        let length = body_length(operation);
        let mut evidence = evidence(length, length);
        let mut response = None;
        let mut failure = None;
        match fate {
            Fate::Answered => response = Some(self.work(operation)),
            Fate::Refused => {
                evidence = Evidence { bytes_expected: length, ..Evidence::default() };
                failure = Some(broken(Kind::Connect));
            }
            Fate::ResetInBody => {
                evidence.bytes_sent = length / 2;
                failure = Some(broken(Kind::Reset));
            }
            Fate::ResetThenDone => {
                evidence.bytes_sent = length;
                failure = Some(broken(Kind::Reset));
                let delay = Duration::from_millis(self.rng.u64(..20_000));
                let operation = Box::new(operation.clone());
                self.happens_in(delay, Happening::LateWork { operation });
            }
            Fate::AnswerLost => {
                self.work(operation);
                failure = Some(broken(Kind::Reset));
            }
            Fate::AnswerCut => {
                let mut whole = self.work(operation);
                whole.body.truncate(whole.body.len() / 2);
                response = Some(whole);
                failure = Some(broken(Kind::Reset));
            }
            Fate::DoneAnswered500 => {
                self.work(operation);
                response = Some(error_response(500, "InternalError", "We encountered an error."));
            }
            Fate::SlowDown(wish) => response = Some(self.slow_down(operation, wish)),
            Fate::InternalError => {
                response = Some(error_response(500, "InternalError", "We encountered an error."));
            }
            Fate::RequestTimeout => {
                evidence.bytes_sent = length / 2;
                response = Some(error_response(400, "RequestTimeout", "Your socket was idle."));
            }
            Fate::EarlyOk => {
                evidence.bytes_sent = length / 2;
                let mut headers = Headers::new();
                headers.push("etag", "\"0123456789abcdef0123456789abcdef\"");
                response = Some(Response { status: 200, headers, body: Vec::new() });
            }
            Fate::ErrorInside200 => {
                let mut inside = error_response(200, "InternalError", "We encountered an error.");
                inside.body.splice(0..0, *b"  \n  ");
                response = Some(inside);
            }
            Fate::SentTwice => {
                self.work(operation);
                response = Some(self.work(operation));
                evidence.rewinds = 1;
            }
            Fate::Corrupted => {
                let mut body = self.body(operation);
                let claimed = self.claimed(&body);
                body[0] ^= 1;
                response = Some(self.work_with(operation, &body, claimed));
            }
            Fate::Skewed => {
                response = Some(error_response(403, "RequestTimeTooSkewed", "It is too late."));
            }
            Fate::Expired => {
                response = Some(error_response(400, "ExpiredToken", "The token has expired."));
            }
            Fate::Elsewhere => {
                let mut redirect = error_response(307, "TemporaryRedirect", "Go there.");
                redirect.headers.push("location", "http://other.store.example/bucket/key");
                response = Some(redirect);
            }
            Fate::NotImplemented => {
                self.seen.not_implemented = true;
                response = Some(error_response(501, "NotImplemented", "A header is unknown."));
            }
            Fate::Denied => {
                response = Some(error_response(403, "AccessDenied", "Access Denied"));
            }
            Fate::UploadGone => {
                let abort = Operation::AbortMultipartUpload { upload_id: upload_id(operation) };
                self.store.foreign.remove(&upload_id(operation).0);
                let is_ours = self.store.prescribed == Some(upload_id(operation).0);
                self.store.prescribed_closed |= is_ours;
                self.work(&abort);
                response = Some(self.work(operation));
            }
            Fate::Stalled | Fate::AnswerNeverComes => unreachable!("{fate:?} has no report"),
        }
        // A HEAD's answer never has a body.
        if let (Operation::HeadObject, Some(response)) = (operation, &mut response) {
            response.body.clear();
        }
        Report { response, failure, evidence }
    }

    fn told(&mut self, notice: Notice) {
        match notice {
            Notice::LeftBehind { upload_id: Some(id), .. } => {
                self.seen.left_behind.insert(id.0);
            }
            Notice::LeftBehind { upload_id: None, .. } => self.seen.left_behind_unknown += 1,
            // Parts of the new cut are other requests.
            Notice::Recut { .. } => self.seen.not_before.retain(|key, _| key.0 != "UploadPart"),
            // The store has shown that it has other bytes.
            Notice::Repairing { .. } | Notice::Gone(_) => self.seen.stored.clear(),
            Notice::Hedged(part) => self.seen.hedged += part.length,
            Notice::PartStored { part, .. } => {
                if let Some(stream) = &mut self.stream {
                    stream.stored(part);
                }
                self.produce();
            }
            Notice::RenewingKeys => {
                assert_eq!(self.renewing, None, "a renewal is under way");
                self.renewing = Some(Renewing::Announced);
            }
            Notice::Aborting(_) | Notice::Kept(_) | Notice::Searching | Notice::Verifying(_)
                if self.renewing == Some(Renewing::Refused) =>
            {
                self.renewing = Some(Renewing::Ahead);
            }
            // What the store does not have, or nobody knows of, is sent again.
            Notice::Reused { .. } => {
                self.seen.stored.retain(|number| {
                    let id = self.journal.known().map(|(id, ..)| id);
                    let parts = id.and_then(|id| self.store.parts_of(&id.0));
                    parts.is_some_and(|parts| parts.contains(number))
                });
                self.seen.denied.retain(|key| key.0 != "ListParts");
            }
            // Whether an abort was carried out is another question, and may be asked all the same.
            Notice::Unlisted(_) => self.seen.denied.retain(|key| key.0 != "ListParts"),
            _ => {}
        }
    }

    fn slow_down(&mut self, operation: &Operation, wish: Option<Duration>) -> Response {
        let mut response = error_response(503, "SlowDown", "Please reduce your request rate.");
        if let Some(wish) = wish {
            response.headers.push("retry-after", wish.as_secs().to_string());
            let granted = wish.min(self.scenario.retry.retry_after_max);
            self.seen.not_before.insert(key(operation), self.now + granted);
        }
        response
    }

    fn happens(&mut self, happening: Happening, inputs: &mut Vec<Input>) {
        match happening {
            Happening::Moves { attempt, sent, activity } => {
                if let Some(live) = self.live.get_mut(&attempt) {
                    live.sent = sent;
                    let progress = Progress { attempt, body_sent: sent, activity };
                    inputs.push(Input::Event(Event::Progress(progress)));
                }
            }
            Happening::Arrives { attempt, fate: Fate::AnswerNeverComes } => {
                self.seen.answers_lost += 1;
                let began = self.live.get(&attempt.id).map_or(self.now, |live| live.began);
                if self.judge(&attempt, began, Fate::Answered).is_none() {
                    self.work(&attempt.operation);
                }
            }
            Happening::Arrives { attempt, fate } => self.arrives(&attempt, fate, inputs),
            Happening::LateWork { operation } => self.late_work(&operation),
            Happening::LinkEnds(attempt) => self.link_ends(attempt, inputs),
            Happening::OthersStore => self.others_store(),
            Happening::LinksRenewed { wanted, links } => {
                let clocks = (self.server_clock(), self.local_clock());
                let signer = self.signer.as_mut().expect("links were made");
                let result = signer.renew(&wanted, &links, clocks, &mut self.rng);
                self.end_renewal(result.is_ok());
                self.trace(&result);
                inputs.push(Input::Event(Event::LinksRenewed(result)));
            }
            Happening::KeysRenewed => {
                let renewable = self.scenario.conditions.keys_renewable;
                self.end_renewal(renewable);
                let result =
                    if renewable { Ok(self.keys_end()) } else { Err("nobody has any".to_owned()) };
                inputs.push(Input::Event(Event::KeysRenewed(result)));
            }
            Happening::Examined(part) => {
                let bytes = &self.source[part.offset as usize..][..part.length as usize];
                let digest = PartDigest {
                    crc64nvme: Crc64Nvme(crc64nvme(bytes)),
                    md5: Md5::digest(bytes).into(),
                };
                inputs.push(Input::Event(Event::Examined { part: part.number, digest }));
            }
            Happening::PartIsRead => {
                inputs.extend(self.stream.as_mut().map(Stream::read_part));
                self.produce();
            }
            Happening::Stop => inputs.push(Input::Command(Command::Stop)),
            Happening::SourceChanges => {
                if self.source_changed {
                    let change = SourceChange::Changed("it was modified".into());
                    inputs.push(Input::Event(Event::SourceChanged(change)));
                }
                self.source_changed = true;
            }
        }
    }
}

impl Happening {
    /// Whether it happens although the program has ended.
    fn outlives_a_run(&self) -> bool {
        matches!(self, Happening::LateWork { .. } | Happening::OthersStore)
    }
}

impl World for SimulatedWorld {
    fn now(&self) -> Time {
        Time(self.now.since(self.began))
    }

    fn carry_out(&mut self, action: Action) -> io::Result<()> {
        self.woke_by_timer = false;
        match &action {
            Action::Send(attempt) => self.trace(&(attempt.id, &attempt.operation)),
            Action::Notice(notice) if matches!(**notice, Notice::Moved(_)) => {}
            action => self.trace(action),
        }
        self.step()?;
        match action {
            Action::Send(attempt) => self.send(attempt),
            Action::Cancel(id) => self.cancel(id),
            Action::RenewKeys => {
                let announced = self.renewing == Some(Renewing::Announced);
                self.begin_renewal(if announced { Renewing::Awaited } else { Renewing::Ahead });
                let delay = self.rng.u64(..RENEWAL_MAX.as_millis() as u64);
                self.happens_in(Duration::from_millis(delay), Happening::KeysRenewed);
            }
            Action::RenewLinks(wanted, links) => self.renew_links(wanted, links),
            Action::Record(record, offset) => {
                let UnixTime(at) = self.local_clock();
                let at = UnixTime(at + offset.0);
                let written = self.journal.append(&record, at);
                let creates = matches!(record, Record::Creating | Record::Created { .. });
                self.seen.unrecorded += u32::from(creates && !written);
            }
            Action::Forget => {
                self.journal.forget();
                self.source_differs = None;
            }
            Action::Examine(part) => self.examine(part),
            Action::Notice(notice) => self.told(*notice),
        }
        Ok(())
    }

    fn wait(&mut self, until: Option<Time>, inputs: &mut Vec<Input>) -> io::Result<()> {
        assert!(!self.woke_by_timer, "next_wakeup named a time at which poll had nothing");
        self.step()?;
        let until = until.map(|until| until + self.began.0);
        let next = self.future.first_key_value().map(|((at, _), _)| *at);
        match (until, next) {
            (None, None) => panic!("the engine waits for nothing"),
            (Some(until), next) if next.is_none_or(|next| until < next) => {
                self.now = self.now.max(until);
                self.woke_by_timer = true;
            }
            _ => {
                let ((at, _), happening) = self.future.pop_first().expect("something is next");
                self.now = self.now.max(at);
                self.happens(happening, inputs);
            }
        }
        Ok(())
    }
}

/// What the store's clock shows when a world begins, in seconds since 1970.
const SECONDS_AT_ZERO: i64 = 1_000_000_000;
/// How long keys are in coming.
const RENEWAL_MAX: Duration = Duration::from_secs(5);

fn clock_at(now: Time) -> i64 {
    SECONDS_AT_ZERO + now.0.as_secs().cast_signed()
}

/// How the engine is told to sign and send at first.
fn manner(scenario: &Scenario) -> Manner {
    let endpoint = Endpoint::new("http://store.example", Addressing::Path).unwrap();
    let object = Object::parse("s3://bucket/key", None).unwrap();
    let payload =
        if scenario.checksums { PayloadMode::UnsignedTrailer } else { PayloadMode::Unsigned };
    Manner::new(Destination { endpoint, region: "us-east-1".into(), object }, payload)
}

fn evidence(length: u64, sent: u64) -> Evidence {
    Evidence {
        bytes_sent: sent,
        bytes_expected: length,
        peer: Some(([127, 0, 0, 1], 80).into()),
        ..Evidence::default()
    }
}

fn broken(kind: Kind) -> TransportFailure {
    TransportFailure { kind, message: format!("simulated {kind:?}") }
}

fn body_length(operation: &Operation) -> u64 {
    body_range(operation).1
}

/// Which bytes of the source a request sends: from where on, and how many.
fn body_range(operation: &Operation) -> (u64, u64) {
    match operation {
        Operation::PutObject { length, .. } => (0, *length),
        Operation::UploadPart { offset, length, .. } => (*offset, *length),
        _ => (0, 0),
    }
}

fn key(operation: &Operation) -> Key {
    let (part, upload) = match operation {
        Operation::UploadPart { number, .. } => (number.0.get(), String::new()),
        Operation::ListParts { upload_id, .. } | Operation::AbortMultipartUpload { upload_id } => {
            (0, upload_id.0.clone())
        }
        _ => (0, String::new()),
    };
    (operation.name(), part, upload)
}

fn upload_id(operation: &Operation) -> curlift::s3::UploadId {
    match operation {
        Operation::UploadPart { upload_id, .. }
        | Operation::CompleteMultipartUpload { upload_id, .. }
        | Operation::AbortMultipartUpload { upload_id }
        | Operation::ListParts { upload_id, .. } => upload_id.clone(),
        _ => unreachable!("{} has no upload id", operation.name()),
    }
}
