//! Presigned URLs that somebody else makes: for which calls there are some, how long they live, how
//! the store refuses one that has expired, and what is had when fresh ones are asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use chrono::DateTime;
use curlift::http::Headers;
use curlift::s3::{Link, LinkedCall, Links, Operation, PartNumber, PresignedUrl, UnixTime};
use curlift::upload::{Attempt, LinksWanted, UploadPlan, renewal};

use crate::store::{BUCKET, KEY};

/// An upload by presigned URLs, before it begins.
#[derive(Debug, Clone)]
pub(crate) struct Linked {
    /// For which calls there are links beside those without which nothing is uploaded.
    pub(crate) beside: Beside,
    /// The numbers of the parts that are ours, where another client stores the others, and when it
    /// does.
    pub(crate) share: Option<Vec<u32>>,
    pub(crate) others_at: Duration,
    /// Parts that lie at the store beforehand, and what of.
    pub(crate) stored: Vec<(u32, Stored)>,
    /// In how many seconds from a run's beginning its links expire; and whether all at once.
    pub(crate) ends_in: RangeInclusive<i64>,
    pub(crate) end_alike: bool,
    /// How fresh ones come, where any do.
    pub(crate) renewal: Option<Renewal>,
    pub(crate) refusal: Refusal,
}

/// Whether there are links to list the parts, to look at the object, and to abort the upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beside {
    pub(crate) lists: bool,
    pub(crate) heads: bool,
    pub(crate) aborts: bool,
}

/// What somebody stored as a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    /// What the file has there.
    Right,
    /// As many other bytes.
    Wrong,
    /// Fewer bytes.
    Shorter,
}

/// How fresh links come.
#[derive(Debug, Clone)]
pub(crate) struct Renewal {
    /// How long that takes, at most.
    pub(crate) pause: Duration,
    /// How many of a hundred fail.
    pub(crate) failing: u32,
    /// Whether sometimes only some come of those that were wanted.
    pub(crate) partial: bool,
    /// In how many seconds they expire.
    pub(crate) ends_in: RangeInclusive<i64>,
}

/// How the store treats a link that expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It says so to a request that begins too late, as Amazon S3 does.
    AtBegin,
    /// So, and whoever sends the body without having asked is cut off and hears nothing.
    Rude,
    /// It looks again when the body has come.
    AtEnd,
    /// What is under way is cut.
    Cut,
}

impl Refusal {
    pub(crate) const ALL: [Refusal; 4] =
        [Refusal::AtBegin, Refusal::Rude, Refusal::AtEnd, Refusal::Cut];
}

impl Linked {
    /// Links for everything, which all end in so many seconds.
    pub(crate) fn lasting(seconds: i64, renewal: Option<Renewal>, refusal: Refusal) -> Linked {
        Linked {
            beside: Beside { lists: true, heads: true, aborts: true },
            share: None,
            others_at: Duration::ZERO,
            stored: Vec::new(),
            ends_in: seconds..=seconds,
            end_alike: true,
            renewal,
            refusal,
        }
    }

    pub(crate) fn draw(plan: &UploadPlan, rng: &mut fastrand::Rng) -> Linked {
        let parts = if plan.is_single_put() { 0 } else { plan.parts() };
        let any = |rng: &mut fastrand::Rng| {
            let mut numbers: Vec<u32> = (1..=parts).filter(|_| rng.bool()).collect();
            // At least one is ours, and one is not.
            if numbers.is_empty() {
                numbers.push(rng.u32(1..=parts));
            } else if numbers.len() == parts as usize {
                numbers.swap_remove(rng.usize(..parts as usize));
            }
            numbers
        };
        let share = (parts > 1 && rng.u32(..3) == 0).then(|| any(rng));
        let stored = match rng.u32(..4) {
            0 => (1..=parts).filter_map(|number| Some((number, Stored::draw(rng)?))).collect(),
            _ => Vec::new(),
        };
        Linked {
            beside: Beside { lists: rng.u32(..5) > 0, heads: rng.u32(..5) > 0, aborts: rng.bool() },
            share,
            others_at: Duration::from_millis(rng.u64(..300_000)),
            stored,
            ends_in: [-50..=100, 1..=60, 20..=400, 500..=4_000, 3_000..=90_000][rng.usize(..5)]
                .clone(),
            end_alike: rng.bool(),
            renewal: (rng.u32(..3) > 0).then(|| Renewal::draw(rng)),
            refusal: Refusal::ALL[rng.usize(..4)],
        }
    }

    /// The calls for which there are links.
    fn calls(&self, plan: &UploadPlan) -> Vec<LinkedCall> {
        let mut calls = Vec::new();
        if plan.is_single_put() {
            calls.push(LinkedCall::PutObject);
        } else {
            let numbers = (0..plan.parts()).map(PartNumber::from_index);
            let ours = numbers.clone().filter(|number| self.is_ours(*number));
            calls.extend(ours.map(LinkedCall::UploadPart));
            if self.share.is_none() {
                calls.push(LinkedCall::CompleteMultipartUpload);
            }
            if self.beside.aborts && self.share.is_none() {
                calls.push(LinkedCall::AbortMultipartUpload);
            }
            if self.beside.lists {
                let pages = numbers.step_by(LIST_PAGE as usize);
                let after = |first: PartNumber| first.index().checked_sub(1);
                let after = pages.map(|first| after(first).map(PartNumber::from_index));
                calls.extend(after.map(LinkedCall::ListParts));
            }
        }
        if self.beside.heads {
            calls.push(LinkedCall::HeadObject);
        }
        calls
    }

    pub(crate) fn is_ours(&self, number: PartNumber) -> bool {
        self.share.as_ref().is_none_or(|share| share.contains(&number.0.get()))
    }

    pub(crate) fn share(&self) -> Option<Vec<PartNumber>> {
        let share = self.share.as_ref()?;
        Some(share.iter().map(|number| PartNumber::from_index(number - 1)).collect())
    }
}

impl Stored {
    fn draw(rng: &mut fastrand::Rng) -> Option<Stored> {
        match rng.u32(..8) {
            0..4 => None,
            4 | 5 => Some(Stored::Right),
            6 => Some(Stored::Wrong),
            _ => Some(Stored::Shorter),
        }
    }
}

impl Renewal {
    /// One that comes at once and lasts.
    pub(crate) fn good() -> Renewal {
        let pause = Duration::from_millis(500);
        Renewal { pause, failing: 0, partial: false, ends_in: 1_000..=1_000 }
    }

    fn draw(rng: &mut fastrand::Rng) -> Renewal {
        Renewal {
            pause: Duration::from_millis([10, 2_000, 60_000][rng.usize(..3)]),
            failing: [0, 0, 20, 60, 100][rng.usize(..5)],
            partial: rng.u32(..4) == 0,
            ends_in: [1..=10, 5..=60, 100..=2_000, 4_000..=90_000][rng.usize(..4)].clone(),
        }
    }
}

/// Parts on a page of the listing where there are links.
pub(crate) const LIST_PAGE: u32 = 6;
/// When links that expire early were signed, in seconds before.
const SIGNED_BEFORE: i64 = 20_000;

/// Whoever has the keys.
pub(crate) struct Signer {
    linked: Linked,
    calls: Vec<LinkedCall>,
    upload_id: Option<String>,
    /// Times that anything was signed: no two links are the same.
    signed: u32,
}

impl Signer {
    pub(crate) fn new(linked: &Linked, plan: &UploadPlan, upload_id: Option<String>) -> Signer {
        Signer { linked: linked.clone(), calls: linked.calls(plan), upload_id, signed: 0 }
    }

    /// What a run begins with; the store's clock shows `clock`.
    pub(crate) fn links(&mut self, clock: i64, rng: &mut fastrand::Rng) -> Links {
        let calls = self.calls.clone();
        let (ends_in, alike) = (self.linked.ends_in.clone(), self.linked.end_alike);
        self.sign(&calls, clock, &ends_in, alike, rng)
    }

    /// What a command answers that renews links, as the program reads it; our clock shows `ours`.
    pub(crate) fn renew(
        &mut self,
        wanted: &LinksWanted,
        links: &Links,
        (clock, ours): (i64, UnixTime),
        rng: &mut fastrand::Rng,
    ) -> Result<Links, String> {
        let renewal = self.linked.renewal.clone().ok_or("nobody renews links")?;
        if rng.u32(..100) < renewal.failing {
            return Err("there are none".to_owned());
        }
        let asked = renewal::Asked::read(renewal::request(wanted, links).as_bytes()).unwrap();
        let mut calls: Vec<_> = asked.calls.into_iter().map(|(call, _)| call).collect();
        assert_eq!(asked.upload_id.map(|id| id.0), self.upload_id, "whose links are these");
        if renewal.partial && rng.bool() {
            rng.shuffle(&mut calls);
            calls.truncate(rng.usize(1..=calls.len()));
        }
        let fresh = self.sign(&calls, clock, &renewal.ends_in, true, rng);
        let text = renewal::answer_text(&fresh);
        renewal::answer(text.as_bytes(), wanted, links, ours).map_err(|error| error.to_string())
    }

    fn sign(
        &mut self,
        calls: &[LinkedCall],
        clock: i64,
        ends_in: &RangeInclusive<i64>,
        alike: bool,
        rng: &mut fastrand::Rng,
    ) -> Links {
        self.signed += 1;
        let all = rng.i64(ends_in.clone());
        let end = |rng: &mut fastrand::Rng| if alike { all } else { rng.i64(ends_in.clone()) };
        calls.iter().map(|call| (*call, self.link(*call, clock, end(rng)))).collect()
    }

    fn link(&self, call: LinkedCall, clock: i64, ends_in: i64) -> Link {
        // Fresh ones are dated later than those that they renew.
        let before = (SIGNED_BEFORE - i64::from(self.signed)).max(100);
        let date = DateTime::from_timestamp(clock - before, 0).unwrap().format("%Y%m%dT%H%M%SZ");
        let query = self.query(call);
        let text = format!(
            "http://store.example/{BUCKET}/{KEY}?{query}X-Amz-Algorithm=AWS4-HMAC-SHA256&\
             X-Amz-Credential=A&X-Amz-Date={date}&X-Amz-Expires={}&X-Amz-SignedHeaders=host&\
             X-Amz-Signature={:064x}",
            before + ends_in,
            self.signed
        );
        Link { url: PresignedUrl::parse(&text).unwrap(), fields: Headers::new() }
    }

    /// What tells the call's URL from others.
    fn query(&self, call: LinkedCall) -> String {
        let id = self.upload_id.as_deref().unwrap_or_default();
        match call {
            LinkedCall::PutObject | LinkedCall::HeadObject => String::new(),
            LinkedCall::UploadPart(number) => format!("partNumber={number}&uploadId={id}&"),
            LinkedCall::CompleteMultipartUpload
            | LinkedCall::AbortMultipartUpload
            | LinkedCall::ListParts(None) => format!("uploadId={id}&"),
            LinkedCall::ListParts(Some(after)) => {
                format!("part-number-marker={after}&uploadId={id}&")
            }
        }
    }

    /// Fails where `attempt` is not what its link is for; `clock` is the store's as the engine
    /// reckons it.
    pub(crate) fn check(&self, attempt: &Attempt, clock: i64) {
        let operation = &attempt.operation;
        let name = operation.name();
        assert!(name != "AbortMultipartUpload", "gave up what others have a part in");
        let url = url_of(attempt).unwrap_or_else(|| panic!("there is no link for {name}"));
        let number = match operation {
            Operation::UploadPart { number, .. } => Some(*number),
            _ => None,
        };
        let said = url.parameter("partNumber");
        assert_eq!(said, number.map(|number| number.to_string()), "another part's link");
        assert!(number.is_none_or(|number| self.linked.is_ours(number)), "another client's part");
        let id = self.upload_id.as_ref().filter(|_| name != "HeadObject");
        assert_eq!(url.parameter("uploadId").as_ref(), id, "another upload's link");
        let left = url.expires_at().0 - clock;
        assert!(left > 0, "{name} is sent by a link that expired {} s ago", -left);
    }
}

/// The URL that `attempt` is made by.
pub(crate) fn url_of(attempt: &Attempt) -> Option<&PresignedUrl> {
    Some(&attempt.manner.links.as_ref()?.for_operation(&attempt.operation)?.url)
}
