//! What is learnt of the store, the clock and the keys while an upload runs. A refusal that such
//! knowledge explains is no failure of the upload: the request is sent again as it should have
//! been, at once, and so is every later one.

use std::sync::Arc;
use std::time::Duration;

use super::{Cause, Failure, Notice};
use crate::s3::payload::PayloadMode;
use crate::s3::{Destination, ErrorClass, Links, S3Error};
use crate::time::ClockOffset;

/// How a request is sent: what may have to change under way. Each attempt carries its own, so that
/// what was sent before a change is known by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// Where to, and the region to sign for.
    pub destination: Arc<Destination>,
    /// How file bytes travel.
    pub payload: PayloadMode,
    /// By how much the store's clock is ahead of the one that signatures are dated by.
    pub clock_offset: ClockOffset,
    /// How often the keys, or the links, have been renewed.
    pub keys: u32,
    /// The presigned URLs by which requests are made, in place of keys.
    pub links: Option<Arc<Links>>,
}

impl Manner {
    /// To `destination`, by the clock and with the keys of this machine.
    #[must_use]
    pub fn new(destination: Destination, payload: PayloadMode) -> Manner {
        let clock_offset = ClockOffset::default();
        Manner { destination: Arc::new(destination), payload, clock_offset, keys: 0, links: None }
    }

    /// To where `links` lead, which is called `destination`. What the store says of checksums is
    /// held against the bytes as they left where `watched`.
    #[must_use]
    pub fn by_links(
        destination: Destination,
        links: impl Into<Arc<Links>>,
        watched: bool,
    ) -> Manner {
        let payload = if watched { PayloadMode::Watched } else { PayloadMode::Unsigned };
        Manner { links: Some(links.into()), ..Manner::new(destination, payload) }
    }
}

impl Default for RemedySettings {
    /// All of them.
    fn default() -> RemedySettings {
        RemedySettings { renew_keys: true, correct_clock: true, adapt_checksums: true }
    }
}

/// Which remedies there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemedySettings {
    /// Whether keys, or links, come from somewhere that may have fresher ones.
    pub renew_keys: bool,
    /// Whether the store's clock may correct ours (`AWS_DISABLE_CLOCK_SKEW_CORRECTION`).
    pub correct_clock: bool,
    /// Whether checksums may be sent otherwise, or not at all, where the store does not know them:
    /// they were our default, not the user's wish.
    pub adapt_checksums: bool,
}

/// Redirects and clock corrections without any success between them.
const CHANGES_MAX: u32 = 5;
/// A clock that is off by more is corrected before the store refuses (SDK specification of 2026).
const OFFSET_NOTICEABLE: Duration = Duration::from_mins(4);
/// Offsets that differ by less are the same: dates have whole seconds, and answers take time.
const OFFSET_GRAIN: Duration = Duration::from_secs(15);

/// What was learnt.
#[derive(Debug)]
pub(super) struct Remedies {
    settings: RemedySettings,
    manner: Manner,
    /// Places a redirect has already led to.
    been: Vec<Destination>,
    /// Changes since something last succeeded.
    changes: u32,
    renewing: Renewing,
    trust: Trust,
}

/// Whether keys, or links, are being renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewing {
    No,
    /// Before they end.
    Ahead,
    /// Nothing is sent until they have been.
    Awaited,
}

/// What is known of the keys, or links, of today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// They are the first, and nothing speaks against them.
    First,
    /// A request has succeeded with them.
    Proven,
    /// They came in place of others, or should have, and none has succeeded since.
    Fresh,
}

/// What to do about a refusal.
#[derive(Debug)]
pub(super) enum Remedy {
    /// Send the request again, at once; perhaps something is to be told.
    Again(Option<Notice>),
    /// Renew the keys first.
    Renew,
    /// The keys are being renewed: wait for them.
    AwaitKeys,
}

impl Remedies {
    pub(super) fn new(manner: Manner, settings: RemedySettings) -> Remedies {
        let been = vec![Destination::clone(&manner.destination)];
        Remedies { settings, manner, been, changes: 0, renewing: Renewing::No, trust: Trust::First }
    }

    /// How the next request is sent.
    pub(super) fn manner(&self) -> &Manner {
        &self.manner
    }

    /// Whether nothing should be signed before the keys have been renewed.
    pub(super) fn is_renewing(&self) -> bool {
        self.renewing == Renewing::Awaited
    }

    /// Whether the keys, or links, are being renewed, waited for or not.
    pub(super) fn is_renewal_under_way(&self) -> bool {
        self.renewing != Renewing::No
    }

    /// A request that was sent in `manner` succeeded.
    pub(super) fn succeeded(&mut self, manner: &Manner) {
        self.changes = 0;
        if manner.keys == self.manner.keys {
            self.trust = Trust::Proven;
        }
    }

    /// Whether a request has succeeded with the keys, or links, of today.
    pub(super) fn is_proven(&self) -> bool {
        self.trust == Trust::Proven
    }

    /// The store's clock was seen to be ahead by `offset`.
    pub(super) fn saw_clock(&mut self, offset: ClockOffset) -> Option<Notice> {
        let far = offset.distance(self.manner.clock_offset) > OFFSET_NOTICEABLE;
        (far && self.settings.correct_clock).then(|| self.set_clock(offset))
    }

    /// What can be done about `failure` of a request that was sent in `manner`; `None` where it is
    /// the retry policy's.
    pub(super) fn find(
        &mut self,
        manner: &Manner,
        failure: &Failure,
        clock: Option<ClockOffset>,
    ) -> Option<Remedy> {
        if manner.links.is_some() {
            // A signature holds for one place, one moment and these fields.
            let is_expired = failure.class == ErrorClass::CredentialsExpired;
            return is_expired.then(|| self.renew(manner)).flatten();
        }
        if let Some(remedy) = self.redirect(manner, failure) {
            return Some(remedy);
        }
        match failure.class {
            // libcurl sent it again as it had been signed, perhaps before a long sleep.
            ErrorClass::ClockSkew if failure.evidence.rewinds > 0 && self.may_change() => {
                Some(Remedy::Again(None))
            }
            ErrorClass::ClockSkew => self.correct_clock(manner, clock?),
            ErrorClass::CredentialsExpired => self.renew(manner),
            _ => self.adapt_checksums(manner, failure),
        }
    }

    /// The keys were renewed, or could not be. Those that were not waited for are still good.
    pub(super) fn renewed(&mut self, renewed: bool) {
        let was = std::mem::replace(&mut self.renewing, Renewing::No);
        if renewed || was == Renewing::Awaited {
            self.trust = Trust::Fresh;
        }
        self.manner.keys += u32::from(renewed);
    }

    /// Whether keys, or links, come from somewhere that may have fresher ones.
    pub(super) fn may_renew(&self) -> bool {
        self.settings.renew_keys
    }

    /// Links that take the place of older ones.
    pub(super) fn take_links(&mut self, newer: Links) {
        if let Some(links) = &mut self.manner.links {
            Arc::make_mut(links).renew(newer);
        }
    }

    /// The keys are being renewed before they end; false where that cannot be, or is under way.
    pub(super) fn renew_ahead(&mut self) -> bool {
        let may = self.settings.renew_keys && self.renewing == Renewing::No;
        if may {
            self.renewing = Renewing::Ahead;
        }
        may
    }

    /// What has expired by the clock is renewed before anything is sent with it; `None` where that
    /// cannot be.
    pub(super) fn renew_expired(&mut self) -> Option<Remedy> {
        self.settings.renew_keys.then(|| self.await_renewal())
    }

    fn await_renewal(&mut self) -> Remedy {
        let was = std::mem::replace(&mut self.renewing, Renewing::Awaited);
        if was == Renewing::No { Remedy::Renew } else { Remedy::AwaitKeys }
    }

    /// The upload's parts carry no checksums.
    pub(super) fn drop_checksums(&mut self) {
        self.manner.payload = self.manner.payload.without_checksum();
    }

    fn redirect(&mut self, manner: &Manner, failure: &Failure) -> Option<Remedy> {
        let Cause::S3(error) = &failure.cause else { return None };
        if !is_redirect(error, failure.class) {
            return None;
        }
        if manner.destination != self.manner.destination {
            return Some(Remedy::Again(None));
        }
        let there = manner.destination.redirected(error)?;
        if self.been.contains(&there) || !self.may_change() {
            return None;
        }
        let notice = Notice::Redirected {
            to: there.endpoint.to_string(),
            region: (there.region != manner.destination.region).then(|| there.region.clone()),
        };
        self.been.push(there.clone());
        self.manner.destination = Arc::new(there);
        Some(Remedy::Again(Some(notice)))
    }

    fn correct_clock(&mut self, manner: &Manner, clock: ClockOffset) -> Option<Remedy> {
        if !self.settings.correct_clock {
            return None;
        }
        if manner.clock_offset != self.manner.clock_offset {
            return Some(Remedy::Again(None));
        }
        let differs = clock.distance(manner.clock_offset) > OFFSET_GRAIN;
        (differs && self.may_change()).then(|| Remedy::Again(Some(self.set_clock(clock))))
    }

    fn set_clock(&mut self, offset: ClockOffset) -> Notice {
        self.manner.clock_offset = offset;
        Notice::ClockLearnt(offset)
    }

    fn renew(&mut self, manner: &Manner) -> Option<Remedy> {
        if manner.keys != self.manner.keys {
            return Some(Remedy::Again(None));
        }
        // Fresh keys that were refused as expired will not be better the next time.
        let is_under_way = self.renewing != Renewing::No;
        if !is_under_way && (!self.settings.renew_keys || self.trust == Trust::Fresh) {
            return None;
        }
        Some(self.await_renewal())
    }

    /// Third-party stores do not know every way a checksum can travel; `XAmzContentSHA256Mismatch`
    /// is what some say to a trailer, where no SHA-256 of the content was sent.
    fn adapt_checksums(&mut self, manner: &Manner, failure: &Failure) -> Option<Remedy> {
        let trailer_unknown = failure.s3_code() == Some("XAmzContentSHA256Mismatch")
            && manner.payload == PayloadMode::UnsignedTrailer;
        let unknown = failure.class == ErrorClass::NotImplemented || trailer_unknown;
        if !unknown || !self.settings.adapt_checksums {
            return None;
        }
        if manner.payload != self.manner.payload {
            return Some(Remedy::Again(None));
        }
        let payload = match (manner.payload, failure.sends_file()) {
            (PayloadMode::UnsignedTrailer, true) => PayloadMode::UnsignedHeader,
            (PayloadMode::UnsignedTrailer | PayloadMode::UnsignedHeader, _) => {
                PayloadMode::Unsigned
            }
            (PayloadMode::Signed { checksum: true }, _) => PayloadMode::Signed { checksum: false },
            _ => return None,
        };
        self.manner.payload = payload;
        Some(Remedy::Again(Some(Notice::ChecksumsAdapted { payload, because: failure.clone() })))
    }

    fn may_change(&mut self) -> bool {
        self.changes += 1;
        self.changes <= CHANGES_MAX
    }
}

/// Whether `error` may be a redirect: by its class, or where a HEAD in the wrong region is answered
/// by a 400 without any body.
fn is_redirect(error: &S3Error, class: ErrorClass) -> bool {
    let head_elsewhere = matches!(
        error,
        S3Error::Answered { status: 400, code, region: Some(_), .. } if code.is_empty()
    );
    class == ErrorClass::Redirected || head_elsewhere
}
