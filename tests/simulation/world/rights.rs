//! The right to ask, in the simulated world: keys and links that end, how they are refused then,
//! and how they are renewed.

use std::sync::Arc;
use std::time::Duration;

use curlift::http::{Report, TransportFailureKind as Kind};
use curlift::s3::{Destination, Links, Operation, PartNumber, UnixTime};
use curlift::time::{ClockOffset, Time};
use curlift::upload::{Attempt, AttemptId, Event, Input, LinksWanted, Manner, PartRange};

use super::{
    Happening, Live, RENEWAL_MAX, Renewing, SECONDS_AT_ZERO, SimulatedWorld, body_length, broken,
    clock_at, evidence, key, manner,
};
use crate::links::{LIST_PAGE, Refusal, Signer, Stored, url_of};
use crate::scenario::{Conditions, Scenario};
use crate::store::error_response;

impl SimulatedWorld {
    /// Somebody with keys creates the upload, where there is one, and is ready to sign.
    pub(super) fn have_links_made(&mut self) {
        let Scenario { linked, plan, source, checksums, .. } = &self.scenario;
        let Some(linked) = linked else { return };
        self.store.tells_checksums = *checksums;
        self.store.list_page = LIST_PAGE;
        let created = !plan.is_single_put();
        let upload_id = created.then(|| self.store.create_prescribed(*checksums));
        for (number, stored) in &linked.stored {
            let mut bytes = part_of(source, plan.part(PartNumber::from_index(number - 1)));
            match stored {
                Stored::Right => {}
                Stored::Wrong => bytes.iter_mut().for_each(|byte| *byte ^= 0x55),
                Stored::Shorter => bytes.truncate(bytes.len() / 2),
            }
            self.store.store_part(*number, &bytes);
        }
        self.signer = Some(Signer::new(linked, plan, upload_id));
        if linked.share.is_some() {
            self.happens_in(linked.others_at, Happening::OthersStore);
        }
    }

    /// Other clients store the parts that are theirs.
    pub(super) fn others_store(&mut self) {
        let Scenario { linked, plan, source, .. } = &self.scenario;
        let numbers = (0..plan.parts()).map(PartNumber::from_index);
        for number in numbers.filter(|n| linked.as_ref().is_some_and(|l| !l.is_ours(*n))) {
            self.store.store_part(number.0.get(), &part_of(source, plan.part(number)));
        }
    }

    /// How requests are sent at the beginning of a run.
    pub(crate) fn manner(&mut self) -> Manner {
        let manner = manner(&self.scenario);
        let clock = self.server_clock();
        let Some(signer) = &mut self.signer else { return manner };
        let links = signer.links(clock, &mut self.rng);
        let destination = Destination::clone(&manner.destination);
        Manner::by_links(destination, links, self.scenario.checksums)
    }

    /// When the keys of today end, where that is known.
    pub(crate) fn keys_end(&self) -> Option<UnixTime> {
        let life = self.scenario.conditions.keys_life.filter(|life| life.is_known)?;
        Some(UnixTime(SECONDS_AT_ZERO).after(self.keys.last()?.0 + life.span))
    }

    /// The store's clock, as the engine can reckon it that assumes ours to be off by so much.
    pub(super) fn reckoned_clock(&self, offset: ClockOffset) -> i64 {
        self.began_at.after(self.now.since(self.began)).0 + offset.0
    }

    /// When the store cuts `attempt` off, if it is under way by then.
    pub(super) fn cut_at(&self, attempt: &Attempt) -> Option<Time> {
        let linked = self.scenario.linked.as_ref()?;
        let end = url_of(attempt)?.expires_at().0 + 1 - SECONDS_AT_ZERO;
        let end = Time(Duration::from_secs(end.try_into().unwrap_or(0)));
        (linked.refusal == Refusal::Cut && end > self.now).then_some(end)
    }

    /// Keys of which it is known when they end are renewed in time, where that can be.
    pub(super) fn check_keys(&self, attempt: &Attempt) {
        let Conditions { keys_life, keys_renewable, clock_ahead, .. } = self.scenario.conditions;
        let life = keys_life.filter(|life| life.is_known && keys_renewable && clock_ahead == 0);
        let Some(life) = life else { return };
        let in_time = life.span / 4 > RENEWAL_MAX + Duration::from_secs(2);
        let age = self.now.since(self.keys[attempt.manner.keys as usize]);
        assert!(
            !in_time || age <= life.span,
            "signed with keys that could have been renewed in time"
        );
    }

    /// What goes by a link goes by its own, and by none that has expired by every clock there is.
    pub(super) fn check_link(&self, attempt: &Attempt) {
        let Some(signer) = &self.signer else { return };
        let by_store = self.reckoned_clock(attempt.manner.clock_offset);
        let clock = by_store.min(self.reckoned_clock(ClockOffset::default()));
        signer.check(attempt, clock);
        let agree = clock.abs_diff(self.server_clock()) <= 1;
        let end = url_of(attempt).map_or(i64::MAX, |url| url.expires_at().0);
        assert!(!agree || end >= self.server_clock(), "sent by a link that has expired");
    }

    /// Keys or links are asked for.
    pub(super) fn begin_renewal(&mut self, renewing: Renewing) {
        let under_way = self.renewing.is_some_and(|renewing| renewing != Renewing::Announced);
        assert!(!under_way, "a renewal is under way");
        self.renewing = Some(renewing);
        self.seen.renewals += 1;
        assert!(self.seen.renewals < 5_000, "renewed for ever");
    }

    /// What was asked for came, or did not: how.
    pub(super) fn end_renewal(&mut self, renewed: bool) {
        self.renewing = None;
        if renewed {
            self.keys.push(self.now);
        }
    }

    /// What was refused as expired is not sent before fresh keys or links are there, although they
    /// were asked for before they ended.
    pub(super) fn await_renewal(&mut self, attempt: &Attempt, report: &Report) {
        let body = report.response.as_ref().map(|response| &response.body);
        let says = |text: &str| body.is_some_and(|body| contains(body, text.as_bytes()));
        let expired = says("ExpiredToken") || says("Request has expired");
        let of_today = attempt.manner.keys as usize + 1 == self.keys.len();
        let twin =
            self.live.values().any(|live| key(&live.attempt.operation) == key(&attempt.operation));
        let sends_file = body_length(&attempt.operation) > 0;
        let over = self.source_changed || self.scenario.stop_at.is_some_and(|at| at <= self.now.0);
        if self.renewing == Some(Renewing::Ahead)
            && expired
            && of_today
            && !twin
            && sends_file
            && !over
        {
            self.renewing = Some(Renewing::Refused);
        }
    }

    /// The same of what goes by a link that ends at `end`.
    pub(super) fn judge_link(&self, attempt: &Attempt, began: Time, end: i64) -> Option<Report> {
        let refusal = self.scenario.linked.as_ref()?.refusal;
        let length = body_length(&attempt.operation);
        let late = clock_at(began) > end;
        if !late && (refusal != Refusal::AtEnd || clock_at(self.now) <= end) {
            return None;
        }
        if refusal == Refusal::Rude && length > 0 && !attempt.expect_continue {
            let evidence = evidence(length, length / 2);
            return Some(Report { response: None, failure: Some(broken(Kind::Reset)), evidence });
        }
        let mut response = error_response(403, "AccessDenied", "Request has expired");
        if matches!(attempt.operation, Operation::HeadObject) {
            response.body.clear();
        }
        let sent = if attempt.expect_continue && late { 0 } else { length };
        Some(Report { response: Some(response), failure: None, evidence: evidence(length, sent) })
    }

    /// The link of an attempt ends that is under way, and the store cuts it off.
    pub(super) fn link_ends(&mut self, id: AttemptId, inputs: &mut Vec<Input>) {
        let Some(Live { attempt, sent, began }) = self.live.remove(&id) else { return };
        let length = body_length(&attempt.operation);
        let mut evidence = evidence(length, sent);
        evidence.elapsed = self.now.since(began);
        // Nobody can tell whether it was done.
        self.seen.answers_lost += u32::from(sent == length);
        let failure = Some(broken(Kind::Reset));
        let report = Report { response: None, failure, evidence };
        inputs.push(Input::Event(Event::Finished {
            attempt: id,
            report,
            checksum: None,
            clock: None,
        }));
    }

    pub(super) fn renew_links(&mut self, wanted: LinksWanted, links: Arc<Links>) {
        let linked = self.scenario.linked.as_ref().expect("requests go by links");
        let renewal = linked.renewal.as_ref().expect("there is something to ask");
        let pause = renewal.pause.as_millis() as u64;
        let known = |call| links.get(call).is_some();
        assert!(!wanted.calls.is_empty() && wanted.calls.iter().all(|call| known(*call)));
        self.begin_renewal(if wanted.expired { Renewing::Awaited } else { Renewing::Ahead });
        let delay = Duration::from_millis(self.rng.u64(..pause));
        self.happens_in(delay, Happening::LinksRenewed { wanted, links });
    }

    /// Whether what is denied now may not be asked again: a link that is about to end, or has
    /// ended, explains it.
    pub(super) fn is_final_denial(&self, attempt: &Attempt) -> bool {
        let link = url_of(attempt);
        let lasts = link.is_none_or(|url| url.expires_at().0 > self.server_clock() + 4);
        match attempt.operation {
            Operation::HeadObject => false,
            // Whoever may not list in the beginning may ask again to repair.
            Operation::ListParts { .. } => link.is_none(),
            _ => lasts,
        }
    }
}

/// What `attempt` asks: where a page begins is said by its link.
pub(super) fn as_sent(attempt: &Attempt) -> Operation {
    match (&attempt.operation, url_of(attempt)) {
        (Operation::ListParts { upload_id, .. }, Some(url)) => {
            let after = url.parameter("part-number-marker").map(|after| after.parse().unwrap());
            let after = after.map(PartNumber);
            Operation::ListParts { upload_id: upload_id.clone(), after }
        }
        (operation, _) => operation.clone(),
    }
}

fn part_of(source: &[u8], part: PartRange) -> Vec<u8> {
    source[part.offset as usize..][..part.length as usize].to_vec()
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
