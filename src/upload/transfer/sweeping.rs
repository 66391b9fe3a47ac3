//! Uploads that nobody knows of: where the answer to a creation was lost, the store may have made
//! an upload, and bills what lies in it. They are looked for once, at the end.

use std::collections::VecDeque;
use std::time::Duration;

use super::{State, Transfer};
use crate::s3::{Operation, PartsPage, UploadId, UploadsMarker, UploadsPage};
use crate::time::Time;
use crate::upload::queue::Job;
use crate::upload::{Failure, Notice, Outcome};

/// Pages of the listing that are read, of a thousand uploads each.
const PAGES_MAX: u32 = 10;
/// Uploads of the same key and time that are looked at; with more, something else is wrong.
const FOUND_MAX: usize = 100;
/// Dates have whole seconds.
const DATE_GRAIN: Duration = Duration::from_secs(2);

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
        let first_lost = self.creations_lost.iter().min().copied().unwrap_or(at);
        let since = page.date.map(|date| date.before(at.since(first_lost) + DATE_GRAIN));
        let (mut found, mut undated) = (Vec::new(), false);
        for upload in &page.uploads {
            if upload.key != self.key || Some(&upload.upload_id) == self.upload_id.as_ref() {
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
        let lost = self.creations_lost.len();
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
        for _ in 0..self.creations_lost.len() {
            let failure = Some(failure.clone());
            self.notice(Notice::LeftBehind { upload_id: None, failure });
        }
        self.swept(0);
    }

    /// Ends; `left` uploads may be there and could not be told from others.
    fn swept(&mut self, left: usize) {
        for _ in 0..left {
            self.notice(Notice::LeftBehind { upload_id: None, failure: None });
        }
        if let State::Sweeping { outcome, .. } = &self.state {
            self.state = State::Ended(outcome.clone());
        }
    }
}
