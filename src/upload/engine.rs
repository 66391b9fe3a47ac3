//! The engine: what is sent next, and what follows from what happened. It owns attempts, retries
//! and the watchdog; what a file's upload consists of is [`Transfer`]'s.

use std::collections::VecDeque;
use std::sync::Arc;

use super::flight::{Flight, Flying};
use super::queue::{Job, Queue, Waiting};
use super::transfer::{Effect, Transfer};
use super::{
    Action, Attempt, AttemptId, Cause, Command, Diagnosis, Diagnostics, Event, Failure, Notice,
    Outcome, Patience, RetryPolicy, RetryQuota, Snapshot, SourceChange, Symptom, Tally, UploadPlan,
    Verdict,
};
use crate::http::{Evidence, Report};
use crate::s3::{Crc64Nvme, ErrorClass, ObjectSettings, Reply};
use crate::time::Time;

/// What an engine is told once.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How the file is cut.
    pub plan: UploadPlan,
    /// Headers of the object.
    pub object_settings: Arc<ObjectSettings>,
    /// Whether parts carry CRC64NVME.
    pub checksums: bool,
    /// Attempts in flight at most; at least 1.
    pub concurrency: u32,
    /// Retries.
    pub retry: RetryPolicy,
    /// Watchdog limits.
    pub patience: Patience,
    /// Seed of the jitter.
    pub seed: u64,
}

/// Uploads one file. See the contract in [`upload`](super).
#[derive(Debug)]
pub struct Engine {
    concurrency: usize,
    retry: RetryPolicy,
    patience: Patience,
    quota: RetryQuota,
    jitter: fastrand::Rng,
    transfer: Transfer,
    flight: Flight,
    queue: Queue,
    /// Actions that need no decision any more.
    outbox: VecDeque<Action>,
    tally: Tally,
    diagnostics: Diagnostics,
    /// Whether something happened that a progress display has not been told of.
    moved: bool,
    /// Whether whatever is at the endpoint has ever answered in HTTP.
    heard_http: bool,
}

impl Engine {
    /// An engine that has sent nothing yet.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Engine {
        let EngineSettings { plan, object_settings, checksums, .. } = settings;
        let transfer = Transfer::new(plan, object_settings, checksums);
        let mut engine = Engine {
            concurrency: settings.concurrency.max(1) as usize,
            retry: settings.retry,
            patience: settings.patience,
            quota: RetryQuota::default(),
            jitter: fastrand::Rng::with_seed(settings.seed),
            transfer,
            flight: Flight::default(),
            queue: Queue::default(),
            outbox: VecDeque::new(),
            tally: Tally::default(),
            diagnostics: Diagnostics::default(),
            moved: false,
            heard_http: false,
        };
        engine.apply_effects(Time::ZERO);
        engine
    }

    /// What to do next; `None`: nothing now.
    pub fn poll(&mut self, now: Time) -> Option<Action> {
        while let Some(id) = self.flight.stalled(now, &self.patience) {
            self.cut(now, id);
        }
        let action = self.outbox.pop_front().or_else(|| self.next_send(now));
        action.or_else(|| {
            // Once a turn, when all that happened in it has been taken in.
            let moved = std::mem::take(&mut self.moved);
            moved.then(|| Action::Notice(Box::new(Notice::Moved(self.snapshot()))))
        })
    }

    /// When `poll` will have something again.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Time> {
        let deadline = self.flight.next_deadline(&self.patience);
        let free = self.flight.len() < self.concurrency;
        let due = if free { self.queue.next_due() } else { None };
        deadline.into_iter().chain(due).min()
    }

    /// What happened.
    pub fn handle(&mut self, now: Time, event: Event) {
        match event {
            Event::Progress(progress) => self.flight.moved(now, progress),
            Event::SourceChanged(change) => self.source_changed(change),
            Event::Finished { attempt, report, checksum } => {
                // A report that crossed our cancellation on its way is of no interest.
                let Some(flying) = self.flight.land(attempt) else { return };
                self.finished(now, &flying, &report, checksum);
            }
        }
        self.apply_effects(now);
        self.moved = true;
    }

    /// What the user wants.
    pub fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Stop => {
                self.transfer.stop();
                let transfer = &self.transfer;
                for (job, failure) in self.queue.take_retries(|job| transfer.is_closing(job)) {
                    self.transfer.failed(job, failure);
                }
            }
        }
        self.apply_effects(now);
    }

    /// How it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.transfer.outcome()
    }

    /// What it cost so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What has become clear of why attempts failed.
    #[must_use]
    pub fn diagnoses(&self) -> &[Diagnosis] {
        self.diagnostics.found()
    }

    /// Where it stands.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let plan = self.transfer.plan();
        let put_done = plan.is_single_put() && self.tally.parts > 0;
        let books = self.transfer.books();
        Snapshot {
            bytes_total: plan.size(),
            bytes_stored: if put_done { plan.size() } else { books.bytes_stored() },
            bytes_in_flight: self.flight.bytes_in_flight(),
            parts_total: plan.parts(),
            parts_stored: self.tally.parts,
            in_flight: self.flight.len() as u32,
            retries: self.tally.retries.values().sum(),
            throttled: self.tally.retries.get(&Symptom::Throttled).copied().unwrap_or(0),
        }
    }

    fn next_send(&mut self, now: Time) -> Option<Action> {
        if self.flight.len() >= self.concurrency {
            return None;
        }
        if let Some(Waiting { job, failure }) = self.queue.pop_due(now) {
            return Some(self.send(now, job, failure.as_ref()));
        }
        let job = self.transfer.next_part()?;
        Some(self.send(now, job, None))
    }

    fn send(&mut self, now: Time, job: Job, failure: Option<&Failure>) -> Action {
        let operation = self.transfer.operation(job);
        let number = failure.map_or(1, |failure| failure.attempt + 1);
        let part = self.transfer.part_of(job);
        let retried_after = failure.map(|failure| failure.class);
        let flying = Flying::new(job, operation.clone(), number, part, retried_after, now);
        let id = self.flight.start(flying);
        self.tally.attempts += 1;
        // libcurl repeats a request whose reused connection dies before the answer; a repeated
        // CreateMultipartUpload would leave an upload that nobody knows of.
        let fresh_connection =
            job == Job::Create || failure.is_some_and(Failure::spoils_connections);
        Action::Send(Attempt { id, number, operation, fresh_connection })
    }

    fn finished(
        &mut self,
        now: Time,
        flying: &Flying,
        report: &Report,
        checksum: Option<Crc64Nvme>,
    ) {
        self.tally.bytes_sent += report.evidence.bytes_sent;
        self.tally.rewinds += report.evidence.rewinds;
        self.tally.connections += report.evidence.connections_opened;
        self.heard_http |= report.response.is_some();
        if let Some(checksum) = checksum {
            self.transfer.sent(flying.job, checksum);
        }
        let reply = flying.operation.reply(report).map_err(Cause::S3);
        match reply.and_then(|reply| match_checksum(reply, checksum)) {
            Ok(reply) => {
                self.outbox.extend(self.diagnostics.succeeded(&report.evidence).map(diagnosed));
                self.quota.succeeded(flying.retried_after);
                if matches!(flying.job, Job::Part(_) | Job::Put) {
                    self.tally.parts += 1;
                }
                self.transfer.succeeded(flying.job, reply, checksum, flying.number);
            }
            Err(cause) => self.failed(now, flying, cause, report.evidence.clone()),
        }
    }

    /// Ends an attempt in which nothing moved.
    fn cut(&mut self, now: Time, id: AttemptId) {
        let flying = self.flight.land(id).expect("a stalled attempt is in flight");
        self.outbox.push_back(Action::Cancel(id));
        self.tally.bytes_sent += flying.body_sent;
        let cause = Cause::Stalled(flying.patience(&self.patience));
        let evidence = Evidence {
            bytes_sent: flying.body_sent,
            bytes_expected: flying.body_length,
            ..Evidence::default()
        };
        self.failed(now, &flying, cause, evidence);
        self.apply_effects(now);
    }

    fn failed(&mut self, now: Time, flying: &Flying, cause: Cause, evidence: Evidence) {
        let failure = self.failure(flying, cause, evidence);
        self.outbox.extend(self.diagnostics.failed(&failure, now).map(diagnosed));
        let verdict = self.retry.decide(&failure, &mut self.quota, self.jitter.f64());
        match verdict {
            Verdict::RetryAfter(delay) if !self.transfer.is_closing(flying.job) => {
                *self.tally.retries.entry(failure.symptom).or_default() += 1;
                self.transfer.will_retry(flying.job, &failure);
                let notice = Notice::Retrying { failure: failure.clone(), delay };
                self.outbox.push_back(Action::Notice(Box::new(notice)));
                self.queue.push(now + delay, Waiting { job: flying.job, failure: Some(failure) });
            }
            Verdict::RetryAfter(_) | Verdict::GiveUp(_) => {
                self.transfer.failed(flying.job, failure);
            }
        }
    }

    fn failure(&self, flying: &Flying, cause: Cause, evidence: Evidence) -> Failure {
        let (symptom, class) = cause.classify();
        // What has never spoken HTTP is no store and cannot have stored anything.
        let is_store = self.heard_http || !cause.is_not_http();
        Failure {
            operation: flying.operation.name(),
            part: flying.part,
            attempt: flying.number,
            attempts_max: self.retry.attempts_max,
            ambiguous: is_store && cause.is_ambiguous(&evidence),
            cause,
            symptom,
            class,
            evidence,
        }
    }

    fn source_changed(&mut self, change: SourceChange) {
        self.transfer.source_changed(Failure {
            operation: if self.transfer.plan().is_single_put() {
                "PutObject"
            } else {
                "UploadPart"
            },
            part: None,
            attempt: 1,
            attempts_max: 1,
            cause: Cause::SourceChanged(change),
            symptom: Symptom::Other,
            class: ErrorClass::Permanent,
            ambiguous: false,
            evidence: Evidence::default(),
        });
    }

    fn apply_effects(&mut self, now: Time) {
        for effect in self.transfer.take_effects() {
            match effect {
                Effect::Ask(job, delay) => {
                    self.queue.push(now + delay, Waiting { job, failure: None });
                }
                Effect::CancelAll => self.cancel_all(),
                Effect::Notice(notice) => {
                    if matches!(*notice, Notice::LeftBehind { .. }) {
                        self.tally.left_behind += 1;
                    }
                    self.outbox.push_back(Action::Notice(notice));
                }
            }
        }
        if self.transfer.outcome().is_some() {
            self.cancel_all();
        }
    }

    fn cancel_all(&mut self) {
        self.queue.clear();
        for (id, flying) in self.flight.land_all() {
            self.tally.bytes_sent += flying.body_sent;
            self.outbox.push_back(Action::Cancel(id));
        }
    }
}

fn diagnosed(diagnosis: &Diagnosis) -> Action {
    Action::Notice(Box::new(Notice::Diagnosed(diagnosis.clone())))
}

/// A success whose checksum is not that of the bytes that left is none.
fn match_checksum(reply: Reply, sent: Option<Crc64Nvme>) -> Result<Reply, Cause> {
    let (Reply::PutObject { checksum: stored, .. } | Reply::PartUploaded { checksum: stored, .. }) =
        &reply
    else {
        return Ok(reply);
    };
    match (sent, stored) {
        (Some(sent), Some(stored)) if sent != *stored => {
            Err(Cause::ChecksumMismatch { sent: sent.to_base64(), stored: stored.to_base64() })
        }
        _ => Ok(reply),
    }
}
