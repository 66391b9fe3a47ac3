//! Attempts at jobs, whatever the jobs are: how many are in flight and how fast, when a failure is
//! tried again, what is learnt from it, the watchdog. What a job is for, its owner knows.

mod judging;
mod permits;

use std::collections::{BTreeSet, VecDeque};

use super::concurrency::ConcurrencyLimit;
use super::flight::{Flight, Flying};
use super::lease::Lease;
use super::queue::{Before, Queue, Waiting};
use super::rate::RateLimiter;
use super::remedies::Remedies;
use super::{
    Action, Attempt, AttemptId, Diagnostics, Failure, Manner, Notice, PartRange, Patience,
    RemedySettings, RetryPolicy, RetryQuota, Tally,
};
use crate::http::ConnectionWanted;
use crate::s3::{LinkedCall, Links, Operation, UnixTime};
use crate::time::Time;

pub(super) use judging::Judged;
pub(super) use permits::{LinksMissed, Permit};

/// What attempts are told once; see [`EngineSettings`](super::EngineSettings).
#[derive(Debug, Clone)]
pub(super) struct AttemptsSettings {
    pub(super) manner: Manner,
    pub(super) remedies: RemedySettings,
    pub(super) concurrency: u32,
    pub(super) retry: RetryPolicy,
    pub(super) patience: Patience,
    pub(super) lease: Lease,
    pub(super) seed: u64,
}

/// All attempts of a run at jobs of kind `J`.
#[derive(Debug)]
pub(super) struct Attempts<J> {
    pub(super) limit: ConcurrencyLimit,
    rate: RateLimiter,
    pub(super) retry: RetryPolicy,
    patience: Patience,
    quota: RetryQuota,
    jitter: fastrand::Rng,
    pub(super) flight: Flight<J>,
    pub(super) queue: Queue<J>,
    remedies: Remedies,
    pub(super) lease: Lease,
    /// Whether links are to be renewed, of which only the jobs' owner knows.
    links_wanted: Option<LinksMissed>,
    /// The calls that the last renewal had links for.
    links_answered: BTreeSet<LinkedCall>,
    /// Jobs that wait for fresh keys.
    await_keys: Vec<Waiting<J>>,
    /// When anything last succeeded.
    succeeded_at: Time,
    /// Actions that need no decision any more.
    outbox: VecDeque<Action>,
    pub(super) tally: Tally,
    pub(super) diagnostics: Diagnostics,
    /// Whether whatever is at the endpoint has ever answered in HTTP.
    heard_http: bool,
}

impl<J: Clone + PartialEq> Attempts<J> {
    pub(super) fn new(settings: AttemptsSettings) -> Attempts<J> {
        Attempts {
            limit: ConcurrencyLimit::new(settings.concurrency),
            rate: RateLimiter::default(),
            retry: settings.retry,
            patience: settings.patience,
            quota: RetryQuota::default(),
            jitter: fastrand::Rng::with_seed(settings.seed),
            flight: Flight::new(),
            queue: Queue::new(),
            remedies: Remedies::new(settings.manner, settings.remedies),
            lease: settings.lease,
            links_wanted: None,
            links_answered: BTreeSet::new(),
            await_keys: Vec::new(),
            succeeded_at: Time::ZERO,
            outbox: VecDeque::new(),
            tally: Tally::default(),
            diagnostics: Diagnostics::default(),
            heard_http: false,
        }
    }

    /// How the next request is sent.
    pub(super) fn manner(&self) -> &Manner {
        self.remedies.manner()
    }

    /// What it cost so far.
    pub(super) fn tally(&self) -> Tally {
        let in_flight_max = (self.limit.lowest(), self.limit.allowed());
        Tally { in_flight_max, ..self.tally.clone() }
    }

    /// The next action that needs no decision any more.
    pub(super) fn pop_action(&mut self) -> Option<Action> {
        self.outbox.pop_front()
    }

    /// Has this done before anything else is begun.
    pub(super) fn act(&mut self, action: Action) {
        self.outbox.push_back(action);
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.act(Action::Notice(Box::new(notice)));
    }

    /// No checksums are sent from now on: the upload has none.
    pub(super) fn drop_checksums(&mut self) {
        self.remedies.drop_checksums();
    }

    /// Whether one more attempt may be in flight. Nothing is signed with keys that have expired.
    pub(super) fn has_room(&self) -> bool {
        self.flight.len() < self.limit.allowed() as usize && !self.remedies.is_renewing()
    }

    /// Whether nothing is in flight and nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.flight.len() == 0 && self.queue.is_empty() && self.await_keys.is_empty()
    }

    /// When the rate allows the next request; `now` or earlier where at once.
    pub(super) fn next_at(&self, now: Time) -> Time {
        self.rate.next_at(now)
    }

    /// When the next patience runs out.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.flight.next_deadline(&self.patience)
    }

    /// Does `job` at `due` or later, for the first time.
    pub(super) fn ask(&mut self, due: Time, job: J) {
        self.queue.push(due, Waiting { job, before: None });
    }

    /// Begins an attempt at `job`, of which `part` is sent; `before` it was one that failed. Over a
    /// connection of its own where `is_new` or what is known of the failure wants that.
    pub(super) fn send(
        &mut self,
        now: Time,
        job: J,
        operation: Operation,
        part: Option<PartRange>,
        before: Option<Before>,
        is_new: bool,
    ) -> Attempt {
        let failure = before.as_ref().map(|before| &before.failure);
        let spoilt = failure.is_some_and(Failure::spoils_connections);
        let connection = ConnectionWanted {
            is_new: spoilt || is_new,
            is_resolved: spoilt || failure.is_some_and(Failure::lacks_connection),
        };
        let expect_continue =
            failure.is_some_and(Failure::wastes_a_body) || self.is_doubtful(now, &operation);
        let is_first = before.is_none();
        let flying = Flying::new(job, operation, part, self.manner().clone(), before, now);
        Attempt { is_first, connection, expect_continue, ..self.launch(now, flying) }
    }

    /// Begins a second attempt at `job` beside the one in flight, over another connection.
    pub(super) fn send_beside(
        &mut self,
        now: Time,
        job: J,
        operation: Operation,
        part: PartRange,
    ) -> Attempt {
        let manner = self.manner().clone();
        let flying = Flying::new(job, operation, Some(part), manner, None, now);
        Attempt { connection: ConnectionWanted::NEW_RESOLVED, ..self.launch(now, flying) }
    }

    fn launch(&mut self, now: Time, flying: Flying<J>) -> Attempt {
        let (operation, manner) = (flying.operation.clone(), flying.manner.clone());
        let number = flying.number;
        let id = self.flight.start(flying);
        self.tally.attempts += 1;
        self.rate.take(now);
        Attempt {
            id,
            number,
            is_first: false,
            operation,
            manner,
            connection: ConnectionWanted::ANY,
            expect_continue: false,
        }
    }

    /// Ends the attempt at `job` that is in flight, where one is.
    pub(super) fn cancel(&mut self, job: &J) {
        let id = self.flight.at(job);
        if let Some((id, flying)) = id.and_then(|id| Some((id, self.flight.land(id)?))) {
            self.recall(id, &flying);
        }
    }

    /// Ends all attempts and forgets all jobs.
    pub(super) fn cancel_all(&mut self) {
        self.queue.clear();
        self.await_keys.clear();
        for (id, flying) in self.flight.land_all() {
            self.recall(id, &flying);
        }
    }

    /// Has the world stop an attempt that is no longer in flight, and counts what it had sent.
    fn recall(&mut self, id: AttemptId, flying: &Flying<J>) {
        self.tally.bytes_sent += flying.body_sent;
        self.outbox.push_back(Action::Cancel(id));
    }

    /// Takes out the waiting jobs that `unwanted` names; all others keep their time.
    pub(super) fn take_waiting(
        &mut self,
        unwanted: impl Fn(&Waiting<J>) -> bool,
    ) -> Vec<Waiting<J>> {
        let mut taken = self.queue.take(&unwanted);
        taken.extend(self.await_keys.extract_if(.., |waiting| unwanted(waiting)));
        taken
    }

    /// The keys were renewed, or why they could not be: the jobs that waited for them go on. Gives
    /// those for which that was the last hope, and why they had failed.
    pub(super) fn keys_renewed(
        &mut self,
        now: Time,
        result: Result<Option<UnixTime>, String>,
    ) -> Vec<(J, Failure)> {
        let awaited = self.remedies.is_renewing();
        if let Ok(end) = result {
            self.lease.keys_end = end;
        }
        let result = result.map(|_| ());
        let renewed = result.is_ok();
        self.remedies.renewed(renewed);
        // Keys that are still good may have no successors yet.
        if renewed || awaited {
            self.notice(Notice::KeysRenewed(result));
        }
        self.go_on_with_keys(now, renewed)
    }

    /// The same of presigned URLs.
    pub(super) fn links_renewed(
        &mut self,
        now: Time,
        result: Result<Links, String>,
    ) -> Vec<(J, Failure)> {
        let renewed = result.is_ok();
        self.remedies.renewed(renewed);
        self.lease.renewed_at = renewed.then_some(now);
        let told = result.map(|links| {
            self.links_answered = links.iter().map(|(call, _)| call).collect();
            self.remedies.take_links(links);
            self.links_answered.len()
        });
        self.notice(Notice::LinksRenewed(told));
        self.go_on_with_keys(now, renewed)
    }

    fn go_on_with_keys(&mut self, now: Time, renewed: bool) -> Vec<(J, Failure)> {
        let mut hopeless = Vec::new();
        for waiting in std::mem::take(&mut self.await_keys) {
            match waiting.before {
                Some(Before { failure, .. }) if !renewed => hopeless.push((waiting.job, failure)),
                _ => self.queue.push(now, waiting),
            }
        }
        hopeless
    }
}
