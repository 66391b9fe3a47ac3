//! A stream: what is to be sent becomes known while it is read.

use super::{State, Transfer};
use crate::upload::queue::Job;

impl Transfer {
    /// So many bytes of the stream have been read; `ended`: and it has no more.
    pub(in crate::upload) fn extend(&mut self, size: u64, ended: bool) {
        self.plan.extend(size, ended);
        self.books.extend(&self.plan);
        match self.state {
            State::Gathering => self.begin_when_decided(),
            State::Sending => self.complete_when_whole(),
            _ => {}
        }
    }

    /// Begins, once it is certain whether it is one PUT or parts.
    pub(super) fn begin_when_decided(&mut self) {
        if !self.plan.is_decided() {
            return;
        }
        let (state, job) = if self.plan.is_single_put() {
            (State::Putting, Job::Put)
        } else {
            (State::Creating, Job::Create)
        };
        self.state = state;
        self.ask(job);
    }
}
