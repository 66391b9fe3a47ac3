//! What is sent next, and when there will be something to send.

use super::Engine;
use crate::time::Time;
use crate::upload::attempts::Permit;
use crate::upload::queue::{Before, Job, Waiting};
use crate::upload::{Action, Attempt, Notice, PartRange};

/// What may be sent next.
pub(super) enum Next {
    Send(Action),
    /// What was next may not be sent, now or at all.
    Unsent,
    Nothing,
}

impl Engine {
    /// The next request, where one may be sent `now`.
    pub(super) fn next_send(&mut self, now: Time) -> Next {
        if self.overdue.is_some() {
            return self.give_up_when_clear();
        }
        if !self.attempts.has_room() || self.attempts.next_at(now) > now {
            return Next::Nothing;
        }
        if !self.recut {
            if let Some(Waiting { job, before }) = self.attempts.queue.pop_due(now) {
                return self.send(now, job, before);
            }
            if let Some(job) = self.transfer.next_part() {
                return self.send(now, job, None);
            }
        }
        match self.straggler(now) {
            Some((due, part)) if due <= now => Next::Send(Action::Send(self.hedge(now, part))),
            _ => Next::Nothing,
        }
    }

    /// When [`next_send`](Engine::next_send) will have something, it having nothing `now`.
    pub(super) fn next_send_at(&self, now: Time) -> Option<Time> {
        if !self.attempts.has_room() || self.overdue.is_some() {
            return None;
        }
        let straggler = self.straggler(now).map(|(due, _)| due);
        let next = if self.recut {
            straggler
        } else if self.transfer.has_next_part() {
            Some(now)
        } else {
            self.attempts.queue.next_due().into_iter().chain(straggler).min()
        };
        next.map(|next| next.max(self.attempts.next_at(now)))
    }

    fn send(&mut self, now: Time, job: Job, before: Option<Before>) -> Next {
        let (operation, part) = (self.transfer.operation(job), self.transfer.part_of(job));
        let before = match self.attempts.permit(now, &job, &operation, part, before) {
            Permit::Granted(before) => before,
            Permit::Awaited => return Next::Unsent,
            Permit::Refused(failure) => {
                self.overdue = Some((job, failure));
                return Next::Unsent;
            }
        };
        // libcurl repeats a request whose reused connection dies before the answer; a repeated
        // CreateMultipartUpload would leave an upload that nobody knows of.
        let is_new = job == Job::Create;
        let attempt = self.attempts.send(now, job, operation, part, before, is_new);
        if job != Job::Create {
            return Next::Send(Action::Send(attempt));
        }
        // Nothing else is waiting to be carried out, or nothing would be sent yet.
        self.attempts.act(Action::Send(attempt));
        let creating = self.transfer.creating();
        Next::Send(self.record(creating))
    }

    /// Ends with what may no longer be sent; what is under way comes through before, for it is the
    /// beginning of a request that a store looks at.
    fn give_up_when_clear(&mut self) -> Next {
        if self.attempts.flight.len() > 0 {
            return Next::Nothing;
        }
        let Some((job, failure)) = self.overdue.take() else { return Next::Nothing };
        self.transfer.failed(job, failure);
        Next::Unsent
    }

    /// The part that takes long, if all others are done or on their way, and when it is to be sent
    /// a second time; `None` where it may not be sent by then.
    fn straggler(&self, now: Time) -> Option<(Time, PartRange)> {
        if !self.transfer.has_begun_all_parts() || !self.attempts.queue.is_empty() {
            return None;
        }
        let oldest = self.attempts.flight.oldest_part(|number| !self.hedging.has(number))?;
        let part = oldest.part?;
        let due = oldest.started_at + self.hedging.straggles_after(part.length)?;
        let end = self.attempts.ends_at(&oldest.operation);
        end.is_none_or(|end| due.max(now) < end).then_some((due, part))
    }

    /// Sends a part that is in flight once more, over another connection.
    fn hedge(&mut self, now: Time, part: PartRange) -> Attempt {
        let job = Job::Part(part.number);
        self.hedging.spend(part.number, part.length);
        self.attempts.tally.hedges += 1;
        self.attempts.notice(Notice::Hedged(part));
        let operation = self.transfer.operation(job);
        self.attempts.send_beside(now, job, operation, part)
    }
}
