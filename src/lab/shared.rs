//! What all connections of a lab share: the service, the fault plan, the counts.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::service::S3Service;
use tokio::time::Instant;

use super::faults::{Fault, FaultPlan};
use super::link::{Link, LinkRate};
use super::recognise::Recognised;
use super::tally::Tally;

/// What all connections share.
pub(super) struct Shared {
    service: S3Service,
    plan: Mutex<FaultPlan>,
    tally: Mutex<Tally>,
    /// The parts of each upload, and whether a listing has told of them.
    parts: Mutex<HashMap<String, HashMap<u32, bool>>>,
    body_bytes: AtomicU64,
    requests: AtomicU64,
    scheme: &'static str,
    link: Option<(LinkRate, SharedLink)>,
}

impl Shared {
    /// An endpoint in front of that service; `scheme` is the one it is reached by, `link` what
    /// limits the bodies.
    pub(super) fn new(
        service: S3Service,
        plan: FaultPlan,
        scheme: &'static str,
        link: Option<LinkRate>,
    ) -> Shared {
        let faults = plan.rules().map(|rule| (rule.to_string(), 0)).collect();
        Shared {
            service,
            plan: Mutex::new(plan),
            tally: Mutex::new(Tally { faults, ..Tally::default() }),
            parts: Mutex::default(),
            body_bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            scheme,
            link: link.map(|link| (link, SharedLink::new(link.bytes_per_s))),
        }
    }

    /// The link that a body arrives by, where one limits it.
    pub(super) fn link(&self) -> Option<SharedLink> {
        self.link.as_ref().map(|(rate, shared)| {
            if rate.is_shared { shared.clone() } else { SharedLink::new(rate.bytes_per_s) }
        })
    }

    /// What was counted so far.
    pub(super) fn tally(&self) -> Tally {
        let mut tally = self.counts().clone();
        tally.body_bytes = self.body_bytes.load(Ordering::Relaxed);
        tally
    }

    /// Counts a connection.
    pub(super) fn count_connection(&self) {
        self.counts().connections += 1;
    }

    /// The fault for a request.
    pub(super) fn draw(&self, seen: Recognised) -> Option<Fault> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner).draw(seen.operation, seen.part)
    }

    /// The service behind the faults.
    pub(super) fn service(&self) -> &S3Service {
        &self.service
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Counts a request.
    pub(super) fn count_request(&self, seen: Recognised) {
        *self.counts().requests.entry(seen.operation).or_default() += 1;
    }

    /// Counts a part that is sent, where a listing has told that it is there.
    pub(super) fn count_part_sent(&self, upload_id: &str, part: u32) {
        let is_told = self.parts().get(upload_id).and_then(|parts| parts.get(&part).copied());
        if is_told == Some(true) {
            self.counts().parts_again += 1;
        }
    }

    /// Counts a part that was stored.
    pub(super) fn count_part_stored(&self, upload_id: &str, part: u32) {
        self.parts().entry(upload_id.to_owned()).or_default().entry(part).or_default();
        self.counts().parts_stored += 1;
    }

    /// Notes that the parts of an upload were listed.
    pub(super) fn note_listing(&self, upload_id: &str) {
        let mut parts = self.parts();
        parts.get_mut(upload_id).into_iter().flatten().for_each(|(_, is_told)| *is_told = true);
    }

    /// Counts an answer.
    pub(super) fn count_answer(&self, status: u16) {
        *self.counts().answers.entry(status).or_default() += 1;
    }

    fn parts(&self) -> MutexGuard<'_, HashMap<String, HashMap<u32, bool>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counts(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the next request.
    pub(super) fn request_id(&self) -> String {
        format!("LAB{:013X}", self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A link and its clock, in the hands of everybody who uses it.
#[derive(Clone)]
pub(super) struct SharedLink {
    begun: Instant,
    link: Arc<Mutex<Link>>,
}

impl SharedLink {
    fn new(bytes_per_s: u64) -> SharedLink {
        let link = Arc::new(Mutex::new(Link::new(bytes_per_s)));
        SharedLink { begun: Instant::now(), link }
    }

    /// When so many bytes that are there now will have passed; `None`: they have.
    pub(super) fn pass(&self, bytes: usize) -> Option<Instant> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let at = self.begun + link.pass(now - self.begun, bytes);
        (at > now).then_some(at)
    }
}

/// A fault that was drawn, to be counted once: when it takes effect.
pub(super) struct Injection {
    shared: Arc<Shared>,
    rule: Option<usize>,
}

impl Injection {
    /// The fault of that rule; none where no rule hit.
    pub(super) fn new(shared: Arc<Shared>, rule: Option<usize>) -> Injection {
        Injection { shared, rule }
    }

    /// Hands the fault on: from now on only the one returned counts it.
    pub(super) fn take(&mut self) -> Injection {
        Injection { shared: Arc::clone(&self.shared), rule: self.rule.take() }
    }

    /// The fault takes effect; later calls are the same fault still.
    pub(super) fn count(&mut self) {
        if let Some(rule) = self.rule.take() {
            self.shared.counts().faults[rule].1 += 1;
        }
    }

    /// Bytes of a body have arrived.
    pub(super) fn count_body(&self, bytes: usize) {
        self.shared.body_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
