//! What follows from the end of an attempt.

use super::Engine;
use crate::http::Report;
use crate::s3::{Crc64Nvme, Limits, Reply};
use crate::time::{ClockOffset, Time};
use crate::upload::attempts::Judged;
use crate::upload::flight::Flying;
use crate::upload::queue::Job;
use crate::upload::retry::is_final;
use crate::upload::{AttemptId, Cause, Failure};

impl Engine {
    pub(super) fn finished(
        &mut self,
        now: Time,
        id: AttemptId,
        flying: &Flying<Job>,
        report: &Report,
        checksum: Option<Crc64Nvme>,
        clock: Option<ClockOffset>,
    ) {
        self.attempts.heard(report);
        if let Some(checksum) = checksum {
            self.transfer.sent(flying.job, checksum);
        }
        let reply = flying.operation.reply(report).map_err(Cause::S3);
        match reply.and_then(|reply| match_checksum(reply, checksum)) {
            Ok(reply) => {
                self.attempts.succeeded(now, flying, &report.evidence);
                self.succeeded(now, flying, reply, checksum);
            }
            Err(cause) => {
                let evidence = report.evidence.clone();
                let failure = self.attempts.failure(now, flying, cause, evidence, clock);
                self.failed(now, id, flying, failure, clock);
            }
        }
        self.attempts.heard_clock(clock);
    }

    fn succeeded(
        &mut self,
        now: Time,
        flying: &Flying<Job>,
        reply: Reply,
        checksum: Option<Crc64Nvme>,
    ) {
        if matches!(flying.job, Job::Part(_) | Job::Put) {
            self.attempts.tally.parts += 1;
        }
        if let Some(part) = flying.part {
            let elapsed = now.since(flying.started_at);
            self.hedging.stored(elapsed);
            self.cuts.stored(part.length, elapsed);
        }
        // The other attempt at the same part is of no interest any more.
        self.attempts.cancel(&flying.job);
        self.transfer.succeeded(flying.job, reply, checksum, flying.number, now);
    }

    pub(super) fn failed(
        &mut self,
        now: Time,
        id: AttemptId,
        flying: &Flying<Job>,
        failure: Failure,
        clock: Option<ClockOffset>,
    ) {
        self.attempts.failed(now, id, &failure);
        self.watch_cuts(&failure);
        let twin = self.attempts.flight.at(&flying.job);
        if let Some(twin) = twin.filter(|_| !is_final(failure.class)) {
            // The other attempt at the same part goes on, and will see for itself.
            let not_before = now + self.attempts.retry.asked(&failure);
            self.attempts.flight.postpone(twin, not_before);
            return;
        }
        if self.transfer.is_closing(flying.job) {
            self.transfer.failed(flying.job, failure);
            return;
        }
        let had_checksum = self.attempts.manner().payload.has_checksum();
        match self.attempts.judge(now, flying, failure, clock) {
            Judged::Again(failure) => self.transfer.will_retry(flying.job, &failure),
            Judged::Final(failure) => self.transfer.failed(flying.job, failure),
        }
        if had_checksum && !self.attempts.manner().payload.has_checksum() {
            self.transfer.drop_checksums();
        }
    }

    /// Looks for connections that are cut alike; smaller parts are to follow.
    fn watch_cuts(&mut self, failure: &Failure) {
        self.cuts.failed(failure);
        let smaller_exist =
            |limits: Limits| self.transfer.plan().part_size() > limits.part_size_min;
        if self.recut_limits.is_some_and(smaller_exist) {
            self.recut |= self.cuts.pattern().is_some();
        }
    }
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
