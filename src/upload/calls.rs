//! Calls of the S3 API outside an upload, several at a time: listings, aborts, comparisons,
//! settings of a bucket. A [`Script`] says which; attempts, retries, remedies and the watchdog are
//! the same as an upload's.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::attempts::{Attempts, AttemptsSettings, Judged, Permit};
use super::flight::Flying;
use super::lease::Lease;
use super::queue::Waiting;
use super::{
    Action, Attempt, AttemptId, Cause, Command, Diagnosis, Event, Failure, Machine, Manner,
    Patience, Reason, RemedySettings, RetryPolicy, Tally,
};
use crate::s3::{Key, Operation, Reply};
use crate::time::{ClockOffset, Time};

/// One call that a script wants made.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<T> {
    /// What the script knows it by.
    pub tag: T,
    /// The key it is about; the beginning of keys for a listing, anything where it is about the
    /// bucket.
    pub key: Key,
    /// What to ask.
    pub operation: Operation,
    /// How long to wait before.
    pub pause: Duration,
}

/// What is to be done with a bucket, call by call.
pub trait Script {
    /// What it knows a call by.
    type Tag: fmt::Debug + PartialEq;

    /// A call that begins something new; `None`: none before another one has been answered, or at
    /// all. Asked for no more calls than can be sent, and one.
    fn next(&mut self) -> Option<Call<Self::Tag>>;

    /// How the call `tag` ended, retries and remedies being used up; gives the call that follows
    /// from it, which goes before all that [`next`](Script::next) gives.
    fn answered(
        &mut self,
        tag: &Self::Tag,
        result: Result<Reply, Failure>,
    ) -> Option<Call<Self::Tag>>;
}

/// What calls are told once.
#[derive(Debug, Clone)]
pub struct CallsSettings {
    /// How requests are sent at first. Its key is exchanged for each call's own.
    pub manner: Manner,
    /// What may be changed about that under way.
    pub remedies: RemedySettings,
    /// Attempts in flight at most; at least 1.
    pub concurrency: u32,
    /// Retries.
    pub retry: RetryPolicy,
    /// Watchdog limits.
    pub patience: Patience,
    /// When the run begins, since 1970, by this machine's clock.
    pub began_at: Duration,
    /// Seed of the jitter.
    pub seed: u64,
}

/// How a script ended. How each call did, the script knows.
#[derive(Debug, Clone, PartialEq)]
pub enum CallsOutcome {
    /// Every call was answered, well or not.
    Done,
    /// The store has been out of reach for as long as that is borne: nothing more is sent.
    GaveUp(Failure),
    /// The user stopped it: what was in flight was cut off.
    Stopped,
}

/// Carries a script out. See the contract in [`upload`](super).
#[derive(Debug)]
pub struct Calls<S: Script> {
    script: S,
    attempts: Attempts<Arc<Call<S::Tag>>>,
    /// What is begun next, asked for beforehand: whether there is anything must be known.
    next: Option<Call<S::Tag>>,
    outcome: Option<CallsOutcome>,
}

/// Calls that wait for a retry or their pause, at most: then nothing new is begun.
const WAITING_MAX: usize = 64;

impl<S: Script> Calls<S> {
    /// Nothing has been sent yet.
    #[must_use]
    pub fn new(script: S, settings: CallsSettings) -> Calls<S> {
        let attempts = Attempts::new(AttemptsSettings {
            manner: settings.manner,
            remedies: settings.remedies,
            concurrency: settings.concurrency,
            retry: settings.retry,
            patience: settings.patience,
            lease: Lease::new(settings.began_at, None),
            seed: settings.seed,
        });
        let mut calls = Calls { script, attempts, next: None, outcome: None };
        calls.look_ahead();
        calls
    }

    /// What it cost so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.attempts.tally()
    }

    /// What has become clear of why attempts failed.
    #[must_use]
    pub fn diagnoses(&self) -> &[Diagnosis] {
        self.attempts.diagnostics.found()
    }

    /// How requests are sent now, with all that was learnt of the store: where other calls begin.
    #[must_use]
    pub fn manner(&self) -> &Manner {
        self.attempts.manner()
    }

    /// The script.
    #[must_use]
    pub fn script(&self) -> &S {
        &self.script
    }

    /// The script, at the end.
    #[must_use]
    pub fn into_script(self) -> S {
        self.script
    }

    /// The next call, where one may be made `now`; those that may not be at all are answered.
    fn next_send(&mut self, now: Time) -> Option<Attempt> {
        if !self.attempts.has_room() || self.attempts.next_at(now) > now {
            return None;
        }
        let Waiting { job, before } = match self.attempts.queue.pop_due(now) {
            Some(waiting) => waiting,
            None if self.may_begin() => Waiting { job: Arc::new(self.next.take()?), before: None },
            None => return None,
        };
        let operation = job.operation.clone();
        let before = match self.attempts.permit(now, &job, &operation, None, before) {
            Permit::Granted(before) => before,
            Permit::Awaited => return None,
            Permit::Refused(failure) => {
                self.answered(now, &job, Err(failure));
                return self.next_send(now);
            }
        };
        let attempt = self.attempts.send(now, job.clone(), operation, None, before, false);
        self.look_ahead();
        Some(addressed(attempt, &job.key))
    }

    fn next_send_at(&self, now: Time) -> Option<Time> {
        if !self.attempts.has_room() {
            return None;
        }
        let next = if self.may_begin() { Some(now) } else { self.attempts.queue.next_due() };
        next.map(|next| next.max(self.attempts.next_at(now)))
    }

    /// Whether there is something new to begin, and it may be begun.
    fn may_begin(&self) -> bool {
        self.next.is_some() && self.attempts.queue.len() < WAITING_MAX
    }

    fn failed(
        &mut self,
        now: Time,
        id: AttemptId,
        flying: &Flying<Arc<Call<S::Tag>>>,
        failure: Failure,
        clock: Option<ClockOffset>,
    ) {
        self.attempts.failed(now, id, &failure);
        if let Judged::Final(failure) = self.attempts.judge(now, flying, failure, clock) {
            self.answered(now, &flying.job, Err(failure));
        }
    }

    fn answered(&mut self, now: Time, call: &Call<S::Tag>, result: Result<Reply, Failure>) {
        // What has been out of reach for so long would be so for each call that is left.
        let gave_up = result.as_ref().err().filter(|failure| is_out_of_reach(failure)).cloned();
        let follows = self.script.answered(&call.tag, result);
        if let Some(failure) = gave_up {
            self.end(CallsOutcome::GaveUp(failure));
            return;
        }
        if let Some(call) = follows {
            self.attempts.ask(now + call.pause, Arc::new(call));
        }
        self.look_ahead();
    }

    /// Asks the script for what is next; ends where nothing is, and nothing is under way.
    fn look_ahead(&mut self) {
        if self.outcome.is_some() {
            return;
        }
        if self.next.is_none() {
            self.next = self.script.next();
        }
        if self.next.is_none() && self.attempts.is_idle() {
            self.outcome = Some(CallsOutcome::Done);
        }
    }

    fn end(&mut self, outcome: CallsOutcome) {
        self.next = None;
        self.attempts.cancel_all();
        self.outcome.get_or_insert(outcome);
    }
}

impl<S: Script> Machine for Calls<S> {
    type Outcome = CallsOutcome;

    fn poll(&mut self, now: Time) -> Option<Action> {
        while let Some((id, flying, failure)) = self.attempts.cut_stalled(now) {
            self.failed(now, id, &flying, failure, None);
        }
        let action = self.attempts.pop_action();
        action.or_else(|| self.next_send(now).map(Action::Send))
    }

    fn next_wakeup(&self, now: Time) -> Option<Time> {
        let deadline = self.attempts.next_deadline();
        deadline.into_iter().chain(self.next_send_at(now)).min()
    }

    fn handle(&mut self, now: Time, event: Event) {
        match event {
            Event::Progress(progress) => self.attempts.flight.moved(now, progress),
            // Calls have no source, and do not ask for fresh links.
            Event::SourceChanged(_)
            | Event::Input { .. }
            | Event::Examined { .. }
            | Event::LinksRenewed(_) => {}
            Event::KeysRenewed(result) => {
                for (call, failure) in self.attempts.keys_renewed(now, result) {
                    self.answered(now, &call, Err(failure));
                }
            }
            Event::Finished { attempt, report, clock, .. } => {
                // A report that crossed our cancellation on its way is of no interest.
                let Some(flying) = self.attempts.flight.land(attempt) else { return };
                self.attempts.heard(&report);
                match flying.operation.reply(&report) {
                    Ok(reply) => {
                        self.attempts.succeeded(now, &flying, &report.evidence);
                        self.answered(now, &flying.job, Ok(reply));
                    }
                    Err(error) => {
                        let evidence = report.evidence;
                        let cause = Cause::S3(error);
                        let failure = self.attempts.failure(now, &flying, cause, evidence, clock);
                        self.failed(now, attempt, &flying, failure, clock);
                    }
                }
                self.attempts.heard_clock(clock);
            }
        }
    }

    fn command(&mut self, _now: Time, command: Command) {
        match command {
            Command::Stop => self.end(CallsOutcome::Stopped),
        }
    }

    fn outcome(&self) -> Option<&CallsOutcome> {
        self.outcome.as_ref()
    }
}

/// `attempt`, about `key`. What is learnt of the destination concerns every key of the bucket.
fn addressed(mut attempt: Attempt, key: &Key) -> Attempt {
    Arc::make_mut(&mut attempt.manner.destination).object.key = key.clone();
    attempt
}

fn is_out_of_reach(failure: &Failure) -> bool {
    matches!(failure.gave_up, Some(Reason::NoProgress(_)))
}
