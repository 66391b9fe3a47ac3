//! Uploads that nobody knows of: where the answer to a creation was lost, the store may have made
//! an upload, and bills what lies in it. They are looked for once, at the end.

use std::collections::VecDeque;
use std::time::Duration;

use super::{State, Transfer};
use crate::s3::{Operation, PartsPage, UnixTime, UploadId, UploadsMarker, UploadsPage};
use crate::time::Time;
use crate::upload::queue::Job;
use crate::upload::{Failure, Notice, Outcome};

/// Pages of the listing that are read, of a thousand uploads each.
const PAGES_MAX: u32 = 10;
/// Uploads of the same key and time that are looked at; with more, something else is wrong.
const FOUND_MAX: usize = 100;
/// A request whose date is further off is refused (`RequestTimeTooSkewed`).
const SKEW_MAX: Duration = Duration::from_mins(15);
/// Dates have whole seconds.
const DATE_GRAIN: Duration = Duration::from_secs(2);

/// Creations of which nothing was heard.
#[derive(Debug, Default)]
pub(super) struct Creations {
    /// Whether one was sent that has neither succeeded nor failed.
    pub(super) is_under_way: bool,
    /// When each began whose answer was lost.
    pub(super) lost_now: Vec<Time>,
    /// When those of earlier runs began, by the clock that they were signed with.
    pub(super) lost_before: Vec<UnixTime>,
    /// Whether what they made was looked for, as far as it can be.
    pub(super) are_swept: bool,
}

impl Creations {
    /// How many answers were lost.
    pub(super) fn lost(&self) -> usize {
        self.lost_now.len() + self.lost_before.len()
    }

    /// When the first of them began by the store's clock, which shows `date` at the moment `at`.
    fn lost_since(&self, date: Option<UnixTime>, at: Time) -> Option<UnixTime> {
        let before = self.lost_before.iter().min().map(|lost| lost.before(SKEW_MAX));
        let Some(first) = self.lost_now.iter().min() else { return before };
        let since = date?.before(at.since(*first) + DATE_GRAIN);
        Some(before.map_or(since, |before| before.min(since)))
    }
}

/// The search for uploads whose creation was not answered.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Where the next page begins.
    after: Option<UploadsMarker>,
    pages: u32,
    /// With our key, created since the first creation that was not answered, by the store's own
    /// clock: to be looked at, the first at once.
    found: VecDeque<UploadId>,
    /// Whether there are uploads to the same key of which nobody can tell how old they are.
    undated: bool,
    /// Without any part: to be given up, the first at once.
    empty: VecDeque<UploadId>,
}

impl Sweep {
    pub(super) fn operation(&self, job: Job) -> Operation {
        let first = |uploads: &VecDeque<UploadId>| {
            uploads.front().cloned().expect("an upload is being looked at")
        };
        match job {
            Job::Inspect => Operation::ListParts { upload_id: first(&self.found), after: None },
            Job::Discard => Operation::AbortMultipartUpload { upload_id: first(&self.empty) },
            _ => Operation::ListMultipartUploads { after: self.after.clone() },
        }
    }
}

impl Transfer {
    pub(super) fn begin_sweep(&mut self, outcome: Outcome) {
        self.notice(Notice::Searching);
        self.state = State::Sweeping { outcome, sweep: Sweep::default() };
        self.ask(Job::Search);
    }

    pub(super) fn sweep(&self) -> &Sweep {
        match &self.state {
            State::Sweeping { sweep, .. } => sweep,
            _ => unreachable!("only a sweep asks for this"),
        }
    }

    fn sweep_mut(&mut self) -> &mut Sweep {
        match &mut self.state {
            State::Sweeping { sweep, .. } => sweep,
            _ => unreachable!("only a sweep asks for this"),
        }
    }

    /// A page of the listing came `at` this moment.
    pub(super) fn searched(&mut self, page: UploadsPage, at: Time) {
        let since = self.creations.lost_since(page.date, at);
        let (mut found, mut undated) = (Vec::new(), false);
        for upload in &page.uploads {
            let is_key = upload.key == self.key || upload.key_written.as_ref() == Some(&self.key);
            if !is_key || Some(&upload.upload_id) == self.upload_id.as_ref() {
                continue;
            }
            match upload.initiated.zip(since) {
                Some((initiated, since)) if initiated < since => {}
                Some(_) => found.push(upload.upload_id.clone()),
                None => undated = true,
            }
        }
        let sweep = self.sweep_mut();
        sweep.found.extend(found);
        sweep.undated |= undated;
        sweep.pages += 1;
        sweep.after = page.next;
        if sweep.after.is_some() && sweep.pages < PAGES_MAX {
            self.ask(Job::Search);
        } else {
            self.inspect_next();
        }
    }

    fn inspect_next(&mut self) {
        let lost = self.creations.lost();
        let sweep = self.sweep();
        if sweep.undated || sweep.found.len() > FOUND_MAX {
            self.swept(lost);
        } else if !sweep.found.is_empty() {
            self.ask(Job::Inspect);
        } else if sweep.empty.len() > lost {
            // Some are somebody else's, and nobody can tell which.
            self.swept(lost);
        } else {
            self.discard_next();
        }
    }

    /// The parts of the upload that is being looked at. What was never answered has none: an
    /// upload that has some is somebody else's.
    pub(super) fn inspected(&mut self, page: &PartsPage) {
        let sweep = self.sweep_mut();
        let upload_id = sweep.found.pop_front();
        sweep.empty.extend(upload_id.filter(|_| page.parts.is_empty()));
        self.inspect_next();
    }

    /// The upload that is being looked at is gone, or why it cannot be looked at: then it may be
    /// ours, and may be left.
    pub(super) fn not_inspected(&mut self, failure: Option<Failure>) {
        let upload_id = self.sweep_mut().found.pop_front();
        if failure.is_some() {
            self.notice(Notice::LeftBehind { upload_id, failure });
        }
        self.inspect_next();
    }

    fn discard_next(&mut self) {
        if self.sweep().empty.is_empty() {
            self.swept(0);
        } else {
            self.ask(Job::Discard);
        }
    }

    /// The upload that was to be given up is gone, or why it is not.
    pub(super) fn discarded(&mut self, failure: Option<Failure>) {
        let upload_id = self.sweep_mut().empty.pop_front();
        let notice = match (upload_id, failure) {
            (Some(upload_id), None) => Notice::Discarded(upload_id),
            (upload_id, failure) => Notice::LeftBehind { upload_id, failure },
        };
        self.notice(notice);
        self.discard_next();
    }

    /// Nobody may look, or nobody answers.
    pub(super) fn not_searched(&mut self, failure: &Failure) {
        for _ in 0..self.creations.lost() {
            let failure = Some(failure.clone());
            self.notice(Notice::LeftBehind { upload_id: None, failure });
        }
        self.conclude_sweep();
    }

    /// Ends; `left` uploads may be there and could not be told from others.
    fn swept(&mut self, left: usize) {
        for _ in 0..left {
            self.notice(Notice::LeftBehind { upload_id: None, failure: None });
        }
        self.creations.are_swept = true;
        self.conclude_sweep();
    }

    fn conclude_sweep(&mut self) {
        if let State::Sweeping { outcome, .. } = &self.state {
            let outcome = outcome.clone();
            self.conclude(outcome);
        }
    }
}
