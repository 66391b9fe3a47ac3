//! Keys and presigned URLs that end: fresh ones are asked for before, and what waited for them goes
//! on.

use std::time::Duration;

use super::Engine;
use crate::s3::{Link, LinkedCall, Links, UnixTime};
use crate::time::Time;
use crate::upload::attempts::LinksMissed;
use crate::upload::queue::Job;
use crate::upload::{Action, Failure, LinksWanted, Notice};

impl Engine {
    /// Asks for fresh keys or links where those of today will soon end.
    pub(super) fn renew_ahead(&mut self, now: Time) {
        if self.renewal_at().is_none_or(|due| due > now) {
            return;
        }
        let end = self.end_of_right();
        let reckoned_by = self.attempts.lease.end;
        self.plan_renewal(now);
        // What ended first may have been done with: there is nothing to do now but to say so.
        if end.is_none() || end > reckoned_by {
            self.moved = true;
            return;
        }
        self.attempts.lease.ask_at = None;
        if !self.attempts.renew_ahead() {
            return;
        }
        let until = self.first_end().map(|end| end.after(LINKS_TOGETHER));
        let action = self.renewal_of_links(false, until).unwrap_or(Action::RenewKeys);
        self.attempts.act(action);
    }

    /// When [`renew_ahead`](Engine::renew_ahead) will have something to do.
    pub(super) fn renewal_at(&self) -> Option<Time> {
        let may_ask = self.outcome().is_none() && !self.attempts.is_renewal_under_way();
        self.attempts.lease.ask_at.filter(|_| may_ask)
    }

    /// Plans when fresh keys or links are asked for.
    pub(super) fn plan_renewal(&mut self, now: Time) {
        let end = self.end_of_right().filter(|_| self.attempts.may_renew());
        let are_links = self.attempts.manner().links.is_some();
        self.attempts.lease.plan(now, end, are_links);
    }

    /// The links that an attempt was refused for want of.
    pub(super) fn links_wanted(&mut self, now: Time) -> Option<Action> {
        let until = match self.attempts.take_links_wanted()? {
            LinksMissed::Refused => None,
            LinksMissed::Expired => {
                let offset = self.attempts.manner().clock_offset;
                Some(self.attempts.lease.clock(now, offset).after(LINKS_TOGETHER))
            }
        };
        self.renewal_of_links(true, until)
    }

    pub(super) fn keys_renewed(&mut self, now: Time, result: Result<Option<UnixTime>, String>) {
        let renewed = result.is_ok();
        let hopeless = self.attempts.keys_renewed(now, result);
        self.go_on_renewed(now, renewed, hopeless);
    }

    pub(super) fn links_renewed(&mut self, now: Time, result: Result<Links, String>) {
        let renewed = result.is_ok();
        let hopeless = self.attempts.links_renewed(now, result);
        self.go_on_renewed(now, renewed, hopeless);
    }

    fn go_on_renewed(&mut self, now: Time, renewed: bool, hopeless: Vec<(Job, Failure)>) {
        for (job, failure) in hopeless {
            self.transfer.failed(job, failure);
        }
        if renewed {
            self.plan_renewal(now);
        } else {
            self.attempts.lease.put_off(now);
        }
    }

    /// Asks for links for what is still to be done, of those that end by `until`; `None` where
    /// there are keys.
    fn renewal_of_links(&mut self, expired: bool, until: Option<UnixTime>) -> Option<Action> {
        let links = self.attempts.manner().links.clone()?;
        let ends = |link: &Link| until.is_none_or(|until| link.url.expires_at() <= until);
        let ending = links.iter().filter(|(_, link)| ends(link)).map(|(call, _)| call);
        let calls: Vec<_> = ending.filter(|call| self.is_to_come(*call)).collect();
        self.attempts.notice(Notice::RenewingLinks(calls.len()));
        Some(Action::RenewLinks(LinksWanted { calls, expired }, links))
    }

    /// When the first of what is needed to the end is no longer good.
    fn end_of_right(&self) -> Option<Time> {
        let offset = self.attempts.manner().clock_offset;
        Some(self.attempts.lease.moment(offset, self.first_end()?))
    }

    fn first_end(&self) -> Option<UnixTime> {
        match &self.attempts.manner().links {
            Some(links) => links.first_end(|call| is_needed(call) && self.is_to_come(call)),
            None => self.attempts.lease.keys_end,
        }
    }

    fn is_to_come(&self, call: LinkedCall) -> bool {
        match call {
            LinkedCall::UploadPart(number) => !self.transfer.books().has(number),
            _ => true,
        }
    }
}

/// Links that end so close to one another are renewed together.
const LINKS_TOGETHER: Duration = Duration::from_mins(5);

/// Whether nothing is uploaded without it.
fn is_needed(call: LinkedCall) -> bool {
    use LinkedCall::{CompleteMultipartUpload, PutObject, UploadPart};
    matches!(call, PutObject | UploadPart(_) | CompleteMultipartUpload)
}
