//! Why attempts fail, from the evidence of all of them, and the one thing to change. It observes:
//! nothing here decides what is tried again. Where the evidence fits several causes, none is named.

mod deaths;
mod idle;
mod links;
mod rules;
#[cfg(test)]
mod tests_support;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use self::deaths::Deaths;
use self::idle::Idle;
use super::Failure;
use crate::http::Evidence;

pub use words::DiagnosedCause;

/// A cause that has become clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// What it is.
    pub cause: DiagnosedCause,
    /// The evidence, with its numbers.
    pub because: String,
    /// The one option to change, or the one step to take.
    pub advice: String,
    /// How often it has struck so far.
    pub count: u32,
}

/// Observes every attempt of a run; its memory does not grow with them.
#[derive(Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnosis>,
    /// How often each cause has been suspected.
    suspected: BTreeMap<DiagnosedCause, u32>,
    idle: Idle,
    deaths: Deaths,
    history: History,
}

/// What attempts of the past prove.
#[derive(Debug, Default)]
struct History {
    /// Attempts that succeeded.
    successes: u32,
    /// The largest body that arrived, in bytes.
    largest_body: u64,
    /// The age of the oldest connection that worked.
    oldest_connection: Duration,
    /// The longest that one read of the source took.
    slowest_read: Duration,
}

/// What one attempt points to.
#[derive(Debug, PartialEq, Eq)]
struct Suspicion {
    cause: DiagnosedCause,
    because: String,
    advice: String,
    /// How often it must be suspected before it is named.
    needed: u32,
}

/// A body that takes more than the first round trips to send.
const LARGE_BODY: u64 = 64 * 1024;

impl Diagnostics {
    /// An attempt failed. Gives a diagnosis the first time that its cause is clear.
    pub fn failed(&mut self, failure: &Failure) -> Option<&Diagnosis> {
        let read = &mut self.history.slowest_read;
        *read = failure.evidence.slowest_read.max(*read);
        let suspicion = links::suspect(failure)
            .or_else(|| rules::suspect(failure, &self.history))
            .or_else(|| self.idle.failed(failure))
            .or_else(|| self.deaths.failed(failure, &self.history))?;
        self.suspect(suspicion)
    }

    /// An attempt succeeded: what it refutes is no longer said, and libcurl may have hidden a
    /// connection that died.
    pub fn succeeded(&mut self, evidence: &Evidence) -> Option<&Diagnosis> {
        self.history.note(evidence);
        let suspicion = self.idle.succeeded(evidence)?;
        self.suspect(suspicion)
    }

    /// All that has become clear.
    #[must_use]
    pub fn found(&self) -> &[Diagnosis] {
        &self.found
    }

    fn suspect(&mut self, suspicion: Suspicion) -> Option<&Diagnosis> {
        let Suspicion { cause, because, advice, needed } = suspicion;
        let count = self.suspected.entry(cause).or_default();
        *count += 1;
        if let Some(known) = self.found.iter_mut().find(|known| known.cause == cause) {
            known.count = *count;
            return None;
        }
        if *count < needed {
            return None;
        }
        let times = if *count > 1 { format!(", {count} times") } else { String::new() };
        let because = because + &times;
        self.found.push(Diagnosis { cause, because, advice, count: *count });
        self.found.last()
    }
}

impl History {
    fn note(&mut self, evidence: &Evidence) {
        self.successes = self.successes.saturating_add(1);
        self.largest_body = self.largest_body.max(evidence.bytes_expected);
        self.slowest_read = self.slowest_read.max(evidence.slowest_read);
        let age = evidence.connection.map_or(Duration::ZERO, |connection| connection.age);
        self.oldest_connection = self.oldest_connection.max(age);
    }

    /// Whether no body has arrived that takes more than a moment to send.
    fn no_upload_arrived(&self) -> bool {
        self.largest_body < LARGE_BODY
    }
}

#[cfg(test)]
mod tests {
    use super::tests_support::*;
    use super::*;

    #[test]
    fn a_cause_is_told_once_and_counted_on() {
        let mut diagnostics = Diagnostics::default();
        let throttled = answered(503, "SlowDown");
        let told: Vec<bool> = (0..5).map(|_| diagnostics.failed(&throttled).is_some()).collect();
        assert_eq!(told, [false, false, true, false, false]);
        let [found] = diagnostics.found() else { panic!("{:?}", diagnostics.found()) };
        assert_eq!((found.cause, found.count), (DiagnosedCause::Throttled, 5));
    }
}
