//! The engine: what is sent next, and what follows from what happened. It joins the attempts, with
//! their retries and watchdog, to what a file's upload consists of, which is [`Transfer`]'s; and
//! owns what only parts have: hedging, and smaller parts where connections are cut.

mod judging;
mod renewing;
mod sending;

use std::sync::Arc;
use std::time::Duration;

use self::sending::Next;
use super::attempts::{Attempts, AttemptsSettings};
use super::cuts::Cuts;
use super::hedge::Hedging;
use super::journal::Record;
use super::lease::Lease;
use super::queue::{Before, Job, Waiting};
use super::transfer::{Effect, Transfer, TransferSettings};
use super::{
    Action, Beginning, Command, Diagnosis, Event, Failure, Machine, Manner, Notice, OnFailure,
    OnGone, Outcome, Patience, RemedySettings, RetryPolicy, Snapshot, SourceChange, Symptom, Tally,
    UploadPlan,
};
use crate::s3::{Limits, ObjectSettings, PartNumber, UnixTime, UploadId};
use crate::time::Time;

/// What an engine is told once.
#[derive(Debug, Clone)]
pub struct EngineSettings {
    /// How the file is cut.
    pub plan: UploadPlan,
    /// The parts that are to be sent, where others are somebody else's.
    pub share: Option<Vec<PartNumber>>,
    /// Headers of the object.
    pub object_settings: Arc<ObjectSettings>,
    /// How requests are sent at first.
    pub manner: Manner,
    /// What may be changed about that under way.
    pub remedies: RemedySettings,
    /// Attempts in flight at most; at least 1.
    pub concurrency: u32,
    /// Retries.
    pub retry: RetryPolicy,
    /// Whether the last stragglers may be sent a second time.
    pub hedge: bool,
    /// Within which limits the parts not yet sent may be cut anew; `None` where the store demands
    /// parts of equal size. Streams never are.
    pub recut: Option<Limits>,
    /// Watchdog limits.
    pub patience: Patience,
    /// Where the upload begins.
    pub beginning: Beginning,
    /// What becomes of it where it fails or is stopped.
    pub on_failure: OnFailure,
    /// What follows where the upload to be gone on with is gone.
    pub on_gone: OnGone,
    /// When the run begins, since 1970, by this machine's clock.
    pub began_at: Duration,
    /// When the keys end, where that is known: fresh ones are asked for before.
    pub keys_end: Option<UnixTime>,
    /// Seed of the jitter.
    pub seed: u64,
}

impl EngineSettings {
    /// What suits most uploads: eight attempts in flight, everything that can be learnt is, and the
    /// jitter is drawn from `seed`.
    #[must_use]
    pub fn new(plan: UploadPlan, manner: Manner, seed: u64) -> EngineSettings {
        EngineSettings {
            plan,
            share: None,
            object_settings: Arc::default(),
            manner,
            remedies: RemedySettings::default(),
            concurrency: 8,
            retry: RetryPolicy::default(),
            hedge: true,
            recut: Some(Limits::AWS),
            patience: Patience::default(),
            beginning: Beginning::default(),
            on_failure: OnFailure::default(),
            on_gone: OnGone::default(),
            began_at: Duration::ZERO,
            keys_end: None,
            seed,
        }
    }
}

/// Uploads one file. See the contract in [`upload`](super).
#[derive(Debug)]
pub struct Engine {
    attempts: Attempts<Job>,
    transfer: Transfer,
    hedging: Hedging,
    cuts: Cuts,
    recut_limits: Option<Limits>,
    /// Parts are to be cut anew as soon as none is in flight.
    recut: bool,
    /// What may no longer be sent, its presigned URL having expired: the end, once what is in
    /// flight has come through.
    overdue: Option<(Job, Failure)>,
    /// Whether something happened that a progress display has not been told of.
    moved: bool,
}

impl Engine {
    /// An engine that has sent nothing yet.
    #[must_use]
    pub fn new(settings: EngineSettings) -> Engine {
        let EngineSettings { plan, object_settings, manner, .. } = settings;
        let hedging = Hedging::new(plan.size(), settings.hedge);
        let recut_limits = settings.recut.filter(|_| !plan.is_open());
        let transfer = TransferSettings {
            plan,
            share: settings.share,
            object_settings,
            key: manner.destination.object.key.as_str().to_owned(),
            checksums: manner.payload.has_checksum(),
            beginning: settings.beginning,
            on_failure: settings.on_failure,
            on_gone: settings.on_gone,
            limits: settings.recut.unwrap_or(Limits::AWS),
        };
        let mut engine = Engine {
            hedging,
            transfer: Transfer::new(transfer),
            attempts: Attempts::new(AttemptsSettings {
                manner,
                remedies: settings.remedies,
                concurrency: settings.concurrency,
                retry: settings.retry,
                patience: settings.patience,
                lease: Lease::new(settings.began_at, settings.keys_end),
                seed: settings.seed,
            }),
            cuts: Cuts::default(),
            recut_limits,
            recut: false,
            overdue: None,
            moved: false,
        };
        engine.apply_effects(Time::ZERO);
        engine.plan_renewal(Time::ZERO);
        engine
    }

    /// What to do next; `None`: nothing now.
    pub fn poll(&mut self, now: Time) -> Option<Action> {
        while let Some((id, flying, failure)) = self.attempts.cut_stalled(now) {
            self.failed(now, id, &flying, failure, None);
            self.apply_effects(now);
            self.recut_when_clear();
        }
        let action = self.next_action(now);
        action.or_else(|| {
            // Once a turn, when all that happened in it has been taken in.
            let moved = std::mem::take(&mut self.moved);
            moved.then(|| Action::Notice(Box::new(Notice::Moved(self.snapshot()))))
        })
    }

    fn next_action(&mut self, now: Time) -> Option<Action> {
        self.renew_ahead(now);
        loop {
            let action = self.attempts.pop_action().or_else(|| self.links_wanted(now));
            if let Some(action) = action {
                return Some(action);
            }
            match self.next_send(now) {
                Next::Send(action) => return Some(action),
                // What cannot be sent may have ended more than itself; else where it stands is
                // told, so that there is something.
                Next::Unsent => {
                    self.moved = true;
                    self.apply_effects(now);
                }
                Next::Nothing => return None,
            }
        }
    }

    /// When `poll` will have something again, it having nothing `now`.
    #[must_use]
    pub fn next_wakeup(&self, now: Time) -> Option<Time> {
        let deadline = self.attempts.next_deadline();
        deadline.into_iter().chain(self.next_send_at(now)).chain(self.renewal_at()).min()
    }

    /// What happened.
    pub fn handle(&mut self, now: Time, event: Event) {
        match event {
            Event::Progress(progress) => self.attempts.flight.moved(now, progress),
            Event::SourceChanged(change) => self.source_changed(now, change),
            Event::KeysRenewed(result) => self.keys_renewed(now, result),
            Event::LinksRenewed(result) => self.links_renewed(now, result),
            Event::Input { size, ended } => {
                self.transfer.extend(size, ended);
                self.hedging.grow(self.transfer.plan().size());
            }
            Event::Examined { part, digest } => self.transfer.examined(part, digest, now),
            Event::Finished { attempt, report, checksum, clock } => {
                // A report that crossed our cancellation on its way is of no interest.
                let Some(flying) = self.attempts.flight.land(attempt) else { return };
                self.finished(now, attempt, &flying, &report, checksum, clock);
            }
        }
        self.apply_effects(now);
        self.recut_when_clear();
        self.moved = true;
    }

    /// What the user wants.
    pub fn command(&mut self, now: Time, command: Command) {
        match command {
            Command::Stop => {
                self.transfer.stop();
                let transfer = &self.transfer;
                let unwanted = |waiting: &Waiting<Job>| {
                    waiting.before.is_some() && transfer.is_closing(waiting.job)
                };
                for Waiting { job, before } in self.attempts.take_waiting(unwanted) {
                    if let Some(Before { failure, .. }) = before {
                        self.transfer.failed(job, failure);
                    }
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
    pub fn tally(&self) -> Tally {
        self.attempts.tally()
    }

    /// The plan as it is carried out.
    #[must_use]
    pub fn plan(&self) -> &UploadPlan {
        self.transfer.plan()
    }

    /// What has become clear of why attempts failed.
    #[must_use]
    pub fn diagnoses(&self) -> &[Diagnosis] {
        self.attempts.diagnostics.found()
    }

    /// The upload that the store has open for us, while it may.
    #[must_use]
    pub fn open_upload(&self) -> Option<&UploadId> {
        self.transfer.upload_id()
    }

    /// The upload that stays at the store at the end, to be gone on with.
    #[must_use]
    pub fn kept_upload(&self) -> Option<&UploadId> {
        self.transfer.kept_upload()
    }

    /// Where it stands.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let (plan, tally) = (self.transfer.plan(), &self.attempts.tally);
        let put_done = plan.is_single_put() && tally.parts > 0;
        let stored = if put_done { plan.size() } else { self.transfer.books().bytes_stored() };
        let forecast = plan.forecast();
        let whole = forecast.as_ref().unwrap_or(plan);
        let (parts_total, bytes_total) = self.transfer.books().ours(whole);
        Snapshot {
            bytes_total,
            is_endless: forecast.is_none(),
            bytes_stored: stored,
            // A part may be under way twice.
            bytes_in_flight: self.attempts.flight.bytes_in_flight().min(plan.size() - stored),
            parts_total,
            parts_stored: tally.parts,
            in_flight: self.attempts.flight.len() as u32,
            in_flight_max: self.attempts.limit.allowed(),
            concurrency: self.attempts.limit.max(),
            retries: tally.retries.values().sum(),
            throttled: tally.retries.get(&Symptom::Throttled).copied().unwrap_or(0),
        }
    }

    fn source_changed(&mut self, now: Time, change: SourceChange) {
        let puts = self.transfer.plan().is_single_put();
        let operation = if puts { "PutObject" } else { "UploadPart" };
        self.transfer.source_changed(Failure::of_source(operation, change, now));
    }

    /// Cuts the parts that are not stored anew, once nothing of today's cut is under way; unless a
    /// part came through meanwhile that disproves the pattern.
    fn recut_when_clear(&mut self) {
        if !self.recut || self.attempts.flight.has_parts() {
            return;
        }
        self.recut = false;
        let (Some((pattern, bytes)), Some(limits)) = (self.cuts.pattern(), self.recut_limits)
        else {
            return;
        };
        self.cuts.forget();
        let from = self.transfer.plan().part_size();
        if let Some(first) = self.transfer.recut(bytes, &limits) {
            let anew = |waiting: &Waiting<Job>| match waiting.job {
                Job::Part(number) => number.index() >= first,
                _ => false,
            };
            self.attempts.take_waiting(anew);
            let plan = self.transfer.plan();
            let (to, parts) = (plan.part_size(), plan.parts());
            self.attempts.notice(Notice::Recut { pattern, from, to, parts });
        }
    }

    fn apply_effects(&mut self, now: Time) {
        for effect in self.transfer.take_effects() {
            match effect {
                Effect::Ask(job, delay) => self.attempts.ask(now + delay, job),
                Effect::CancelAll => self.cancel_all(),
                Effect::DropChecksums => self.attempts.drop_checksums(),
                Effect::Record(record) => {
                    let record = self.record(record);
                    self.attempts.act(record);
                }
                Effect::Forget => self.attempts.act(Action::Forget),
                Effect::Examine(part) => self.attempts.act(Action::Examine(part)),
                Effect::Notice(notice) => {
                    match &*notice {
                        Notice::LeftBehind { .. } => self.attempts.tally.left_behind += 1,
                        Notice::Repairing { parts } => self.attempts.tally.parts -= parts,
                        Notice::Reused { parts, bytes } => {
                            let tally = &mut self.attempts.tally;
                            tally.parts += parts;
                            (tally.parts_reused, tally.bytes_reused) = (*parts, *bytes);
                        }
                        _ => {}
                    }
                    self.attempts.notice(*notice);
                }
            }
        }
        if self.transfer.outcome().is_some() {
            self.cancel_all();
        }
    }

    fn cancel_all(&mut self) {
        self.attempts.cancel_all();
        self.recut = false;
        self.overdue = None;
    }

    fn record(&self, record: Record) -> Action {
        Action::Record(record, self.attempts.manner().clock_offset)
    }
}

impl Machine for Engine {
    type Outcome = Outcome;

    fn poll(&mut self, now: Time) -> Option<Action> {
        self.poll(now)
    }

    fn next_wakeup(&self, now: Time) -> Option<Time> {
        self.next_wakeup(now)
    }

    fn handle(&mut self, now: Time, event: Event) {
        self.handle(now, event);
    }

    fn command(&mut self, now: Time, command: Command) {
        self.command(now, command);
    }

    fn outcome(&self) -> Option<&Outcome> {
        self.outcome()
    }
}
