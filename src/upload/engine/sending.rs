//! What is sent next, and when there will be something to send.

use super::Engine;
use crate::http::ConnectionWanted;
use crate::time::Time;
use crate::upload::flight::Flying;
use crate::upload::queue::{Before, Job, Waiting};
use crate::upload::{Action, Attempt, Failure, Notice, PartRange};

impl Engine {
    /// The next request, where one may be sent `now`.
    pub(super) fn next_send(&mut self, now: Time) -> Option<Action> {
        if !self.has_room() || self.rate.next_at(now) > now {
            return None;
        }
        if !self.recut {
            if let Some(Waiting { job, before }) = self.queue.pop_due(now) {
                return Some(self.send(now, job, before));
            }
            if let Some(job) = self.transfer.next_part() {
                return Some(self.send(now, job, None));
            }
        }
        let (due, part) = self.straggler()?;
        (due <= now).then(|| self.hedge(now, part))
    }

    /// When [`next_send`](Engine::next_send) will have something, it having nothing `now`.
    pub(super) fn next_send_at(&self, now: Time) -> Option<Time> {
        if !self.has_room() {
            return None;
        }
        let straggler = self.straggler().map(|(due, _)| due);
        let next = if self.recut {
            straggler
        } else if self.transfer.has_next_part() {
            Some(now)
        } else {
            self.queue.next_due().into_iter().chain(straggler).min()
        };
        next.map(|next| next.max(self.rate.next_at(now)))
    }

    /// Whether one more attempt may be in flight. Nothing is signed with keys that have expired.
    fn has_room(&self) -> bool {
        self.flight.len() < self.limit.allowed() as usize && !self.remedies.is_renewing()
    }

    fn send(&mut self, now: Time, job: Job, before: Option<Before>) -> Action {
        let operation = self.transfer.operation(job);
        let part = self.transfer.part_of(job);
        let manner = self.remedies.manner().clone();
        let failure = before.as_ref().map(|before| &before.failure);
        let spoilt = failure.is_some_and(Failure::spoils_connections);
        let connection = ConnectionWanted {
            // libcurl repeats a request whose reused connection dies before the answer; a repeated
            // CreateMultipartUpload would leave an upload that nobody knows of.
            is_new: spoilt || job == Job::Create,
            is_resolved: spoilt || failure.is_some_and(Failure::lacks_connection),
        };
        let expect_continue = failure.is_some_and(Failure::wastes_a_body);
        let is_first = before.is_none();
        let flying = Flying::new(job, operation, part, manner, before, now);
        let send = self.launch(now, flying, is_first, connection, expect_continue);
        if job != Job::Create {
            return send;
        }
        // The outbox is empty, or nothing would be sent yet.
        self.outbox.push_back(send);
        let creating = self.transfer.creating();
        self.record(creating)
    }

    fn launch(
        &mut self,
        now: Time,
        flying: Flying,
        is_first: bool,
        connection: ConnectionWanted,
        expect_continue: bool,
    ) -> Action {
        let (operation, manner) = (flying.operation.clone(), flying.manner.clone());
        let number = flying.number;
        let id = self.flight.start(flying);
        self.tally.attempts += 1;
        self.rate.take(now);
        Action::Send(Attempt {
            id,
            number,
            is_first,
            operation,
            manner,
            connection,
            expect_continue,
        })
    }

    /// The part that takes long, if all others are done or on their way, and when it is to be sent
    /// a second time.
    fn straggler(&self) -> Option<(Time, PartRange)> {
        if !self.transfer.has_begun_all_parts() || !self.queue.is_empty() {
            return None;
        }
        let oldest = self.flight.oldest_part(|number| !self.hedging.has(number))?;
        let part = oldest.part?;
        Some((oldest.started_at + self.hedging.straggles_after(part.length)?, part))
    }

    /// Sends a part that is in flight once more, over another connection.
    fn hedge(&mut self, now: Time, part: PartRange) -> Action {
        let job = Job::Part(part.number);
        self.hedging.spend(part.number, part.length);
        self.tally.hedges += 1;
        self.notice(Notice::Hedged(part));
        let manner = self.remedies.manner().clone();
        let operation = self.transfer.operation(job);
        let flying = Flying::new(job, operation, Some(part), manner, None, now);
        self.launch(now, flying, false, ConnectionWanted::NEW_RESOLVED, false)
    }
}
