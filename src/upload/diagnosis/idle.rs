//! Connections that died when they were used again after a rest: the other end had closed them.

use std::time::Duration;

use super::words::seconds;
use super::{DiagnosedCause, Failure, Suspicion};
use crate::http::{Connection, Evidence};
use crate::s3::S3Error;
use crate::upload::{Cause, Symptom};

/// A connection whose rest was shorter died of something else.
const REST: Duration = Duration::from_millis(100);
/// A rest after which one death is enough.
const LONG_REST: Duration = Duration::from_secs(1);

/// One that was dead already is noticed within a round trip.
const SOON: Duration = Duration::from_secs(1);

/// What is known of connections that rested.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// The longest rest after which a connection still worked.
    survived: Duration,
}

impl Idle {
    pub(super) fn failed(&mut self, failure: &Failure) -> Option<Suspicion> {
        let died = matches!(failure.cause, Cause::S3(S3Error::Transport(_)))
            && failure.symptom == Symptom::Reset
            && !failure.evidence.answered_early;
        let evidence = &failure.evidence;
        match evidence.connection.filter(|_| died && evidence.elapsed <= SOON) {
            Some(dead) if dead.is_reused() => self.suspect(dead),
            _ => self.suspect(dead_at_once(evidence)?),
        }
    }

    pub(super) fn succeeded(&mut self, evidence: &Evidence) -> Option<Suspicion> {
        if let Some(alive) = evidence.connection.filter(Connection::is_reused) {
            self.survived = self.survived.max(alive.idle_before);
        }
        self.suspect(dead_at_once(evidence)?)
    }

    fn suspect(&self, dead: Connection) -> Option<Suspicion> {
        let rest = dead.idle_before;
        if !dead.is_reused() || rest < REST || rest <= self.survived {
            return None;
        }
        Some(Suspicion {
            cause: DiagnosedCause::IdleConnectionClosed,
            because: format!(
                "a connection that nobody had used for {} was dead when the next request went out",
                seconds(rest)
            ),
            advice: advice(rest),
            needed: if rest >= LONG_REST { 1 } else { 2 },
        })
    }
}

/// The option counts whole seconds, and 0 would be no limit at all.
fn advice(rest: Duration) -> String {
    match rest.as_secs() {
        0 | 1 => {
            "--curl FORBID_REUSE=1 costs a new connection for each part; or nothing: what was \
                  sent is sent again over a new one"
                .to_owned()
        }
        shorter => {
            format!("--curl MAXAGE_CONN={}: none is reused after a longer rest", shorter - 1)
        }
    }
}

/// The connection that libcurl gave up for a new one, where it did so soon.
fn dead_at_once(evidence: &Evidence) -> Option<Connection> {
    let since = evidence.connection.map_or(Duration::ZERO, |connection| connection.age);
    evidence.abandoned.filter(|_| evidence.elapsed.saturating_sub(since) <= SOON)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TransportFailureKind as Kind;
    use crate::upload::diagnosis::tests_support::*;

    const CAUSE: DiagnosedCause = DiagnosedCause::IdleConnectionClosed;

    fn rested(milliseconds: u64, requests_before: u32) -> Connection {
        let idle_before = Duration::from_millis(milliseconds);
        Connection { requests_before, idle_before, ..connection(Duration::from_secs(9)) }
    }

    fn dies_after(milliseconds: u64, requests_before: u32) -> Failure {
        with(transport(Kind::Reset, "Recv failure: Connection reset by peer"), |evidence| {
            evidence.connection = Some(rested(milliseconds, requests_before));
        })
    }

    fn works_after(milliseconds: u64) -> Evidence {
        Evidence { connection: Some(rested(milliseconds, 1)), ..Evidence::default() }
    }

    #[test]
    fn a_death_after_a_long_rest_is_clear_at_once() {
        let found = Told::default().failed(&dies_after(2_500, 1));
        let (cause, because) = found.one();
        assert_eq!(cause, CAUSE);
        assert!(because.contains("2.5 s"), "{because}");
        assert!(advice(Duration::from_millis(2_500)).contains("--curl MAXAGE_CONN=1:"));
        assert!(advice(Duration::from_millis(6_100)).contains("--curl MAXAGE_CONN=5:"));
    }

    #[test]
    fn short_rests_must_kill_twice() {
        let once = Told::default().failed(&dies_after(300, 1));
        assert_eq!(once.causes(), []);
        assert_eq!(once.failed(&dies_after(300, 1)).causes(), [CAUSE]);
    }

    #[test]
    fn what_libcurl_hides_behind_a_success_counts() {
        let hidden = Evidence { abandoned: Some(rested(2_500, 3)), ..Evidence::default() };
        assert_eq!(Told::default().succeeded(&hidden).causes(), [CAUSE]);
    }

    #[test]
    fn a_connection_that_carried_a_while_was_not_dead() {
        let late = with(dies_after(2_500, 1), |evidence| evidence.elapsed = SOON * 3);
        assert_eq!(Told::default().failed(&late).causes(), []);
        let late = Evidence {
            elapsed: SOON * 9,
            connection: Some(Connection { age: SOON * 2, ..rested(0, 0) }),
            abandoned: Some(rested(2_500, 3)),
            ..Evidence::default()
        };
        assert_eq!(Told::default().succeeded(&late).causes(), []);
        let soon = Evidence { elapsed: SOON * 2, ..late };
        assert_eq!(Told::default().succeeded(&soon).causes(), [CAUSE]);
    }

    #[test]
    fn a_new_or_busy_connection_did_not_die_of_rest() {
        assert_eq!(Told::default().failed(&dies_after(2_500, 0)).causes(), []);
        assert_eq!(Told::default().failed(&dies_after(50, 1)).causes(), []);
        let stalled = Told::default().failed(&stalled(0));
        assert_eq!(stalled.causes(), []);
    }

    #[test]
    fn a_connection_that_rested_longer_and_worked_refutes_it() {
        let told = Told::default().succeeded(&works_after(3_000));
        assert_eq!(told.failed(&dies_after(2_500, 1)).causes(), []);
        let told = Told::default().succeeded(&works_after(2_000));
        assert_eq!(told.failed(&dies_after(2_500, 1)).causes(), [CAUSE]);
    }
}
