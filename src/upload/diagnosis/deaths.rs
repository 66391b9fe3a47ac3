//! Attempts that were cut off or stood still under way: what they have in common tells what stands
//! between here and the store.

use std::collections::VecDeque;
use std::time::Duration;

use super::words::{bytes, seconds};
use super::{DiagnosedCause, Failure, History, LARGE_BODY, Suspicion};
use crate::http::TransportFailureKind as Kind;
use crate::s3::S3Error;
use crate::time::Time;
use crate::upload::Cause;

/// Deaths that are compared; fewer may resemble each other by chance.
const COMPARED: usize = 4;
/// How much they may differ, as a part of the largest.
const ALIKE: f64 = 0.1;
/// How much sizes may differ in any case: what lies in buffers on the way counts as sent.
const BLUR: u64 = MIB;
/// Large bodies that must have been cut before all of them are spoken of.
const ALL: u32 = 8;
/// Connections that die younger did not die of age.
const OLD: Duration = Duration::from_secs(5);
/// An attempt that has been made twice before: not all attempts died of one event.
const THIRD: u32 = 3;
/// Less than ten full packets: what is sent before the first acknowledgement.
const FIRST_PACKETS: u64 = 14_000;
const MIB: u64 = 1 << 20;

/// The latest deaths.
#[derive(Debug, Default)]
pub(super) struct Deaths {
    recent: VecDeque<Death>,
    /// Large bodies that were cut off.
    cut_off: u32,
    /// Large bodies of which nothing but the first packets went out.
    stuck: u32,
    /// What cuts them off; there is one thing to change.
    named: Option<DiagnosedCause>,
}

#[derive(Debug)]
struct Death {
    at: Time,
    attempt: u32,
    age: Duration,
    sent: u64,
    whole: bool,
}

/// What the compared deaths have in common.
struct Common {
    cause: DiagnosedCause,
    spread: f64,
    because: String,
    advice: String,
}

impl Deaths {
    pub(super) fn failed(&mut self, failure: &Failure, history: &History) -> Option<Suspicion> {
        let evidence = &failure.evidence;
        match &failure.cause {
            Cause::Stalled(silence) => self.stood_still(failure, *silence, history),
            Cause::S3(S3Error::Transport(transport)) if transport.kind == Kind::Reset => {
                if self.recent.len() == COMPARED {
                    self.recent.pop_front();
                }
                self.recent.push_back(Death {
                    at: failure.at,
                    attempt: failure.attempt,
                    age: evidence.connection.map_or(Duration::ZERO, |connection| connection.age),
                    sent: evidence.bytes_sent,
                    whole: evidence.bytes_sent >= evidence.bytes_expected,
                });
                self.cut_off += u32::from(evidence.bytes_expected >= LARGE_BODY);
                self.was_cut(failure, history)
            }
            _ => None,
        }
    }

    fn was_cut(&mut self, failure: &Failure, history: &History) -> Option<Suspicion> {
        let common = [self.of_one_size(history), self.of_one_age(history)];
        let likest = common.into_iter().flatten().min_by(|a, b| a.spread.total_cmp(&b.spread));
        let Common { cause, because, advice, .. } =
            likest.or_else(|| self.every_upload(failure, history))?;
        let named = *self.named.get_or_insert(cause) == cause;
        named.then_some(Suspicion { cause, because, advice, needed: 1 })
    }

    fn of_one_size(&self, history: &History) -> Option<Common> {
        let again = self.recent.iter().any(|death| death.attempt > 1);
        let within = self.recent.iter().all(|death| death.sent > 0 && !death.whole);
        if self.recent.len() < COMPARED || !again || !within {
            return None;
        }
        let (least, most) = range(self.recent.iter().map(|death| death.sent))?;
        let spread = spread(least as f64, most as f64);
        let spread = spread.or((most - least <= BLUR).then_some(ALIKE))?;
        // A larger body has passed.
        if history.largest_body > most {
            return None;
        }
        let limit = bytes(most);
        Some(Common {
            cause: DiagnosedCause::BodySizeLimit,
            spread,
            because: format!(
                "{COMPARED} requests in a row were cut after {} to {limit}, and no larger body \
                 has arrived",
                bytes(least)
            ),
            advice: smaller_parts(least),
        })
    }

    fn of_one_age(&self, history: &History) -> Option<Common> {
        if self.recent.len() < COMPARED {
            return None;
        }
        let (youngest, oldest) = range(self.recent.iter().map(|death| death.age))?;
        let spread = spread(youngest.as_secs_f64(), oldest.as_secs_f64())?;
        // Connections that were opened together and died together died of one event.
        let (first, last) = range(self.recent.iter().map(|death| death.at))?;
        let one_event = last.since(first) < oldest / 2;
        if youngest < OLD || one_event || history.oldest_connection > oldest {
            return None;
        }
        Some(Common {
            cause: DiagnosedCause::ConnectionAgeLimit,
            spread,
            because: format!(
                "{COMPARED} connections in a row died at an age of {} to {}, and none grew older",
                seconds(youngest),
                seconds(oldest)
            ),
            advice: "a smaller --part-size: less is lost with each connection (libcurl's \
                     MAXLIFETIME_CONN, set below that age, retires them in time)"
                .into(),
        })
    }

    fn every_upload(&self, failure: &Failure, history: &History) -> Option<Common> {
        let enough = self.cut_off >= ALL && failure.attempt >= THIRD;
        if !enough || !history.no_upload_arrived() || !small_requests_pass(failure, history) {
            return None;
        }
        Some(Common {
            cause: DiagnosedCause::EveryUploadReset,
            spread: 1.0,
            because: format!(
                "all {} requests with a file's bytes were cut, those without were answered",
                self.cut_off
            ),
            advice: "a proxy or firewall forbids uploads: go around it with --proxy '' or \
                     --endpoint-url, or ask who runs it"
                .into(),
        })
    }

    fn stood_still(
        &mut self,
        failure: &Failure,
        silence: Duration,
        history: &History,
    ) -> Option<Suspicion> {
        let evidence = &failure.evidence;
        if evidence.bytes_sent > FIRST_PACKETS || evidence.bytes_expected < LARGE_BODY {
            return None;
        }
        self.stuck += 1;
        let enough = self.stuck > 1 && failure.attempt > 1;
        if !enough || !history.no_upload_arrived() || !small_requests_pass(failure, history) {
            return None;
        }
        Some(Suspicion {
            cause: DiagnosedCause::MtuBlackHole,
            because: format!(
                "{} requests stood still for {} with at most {} acknowledged, while small ones \
                 were answered",
                self.stuck,
                seconds(silence),
                bytes(FIRST_PACKETS)
            ),
            advice: "lower the MTU of the interface or VPN, for example with \
                     `ip link set dev NAME mtu 1400`"
                .into(),
            needed: 1,
        })
    }
}

/// A part is sent only after S3 has answered to the creation of its upload.
fn small_requests_pass(failure: &Failure, history: &History) -> bool {
    failure.operation == "UploadPart" || history.successes > 0
}

/// S3 takes no part below 5 MiB, and what left here includes what lay in buffers on the way.
fn smaller_parts(limit: u64) -> String {
    match limit / MIB {
        0..6 => "no part may be smaller than 5 MiB: go around the proxy that does this, with \
                 --proxy '' or --endpoint-url"
            .into(),
        6..10 => "--part-size 5MiB".into(),
        mib => format!("--part-size {}MiB", mib / 2),
    }
}

fn range<T: Copy + Ord>(values: impl Iterator<Item = T> + Clone) -> Option<(T, T)> {
    Some((values.clone().min()?, values.max()?))
}

/// How far apart two values are, as a part of the larger; `None` where that is too far.
fn spread(least: f64, most: f64) -> Option<f64> {
    let spread = (most - least) / most;
    (spread <= ALIKE).then_some(spread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Evidence;
    use crate::upload::diagnosis::tests_support::*;

    /// A part that was cut after so many KiB, on a connection of that age.
    fn cut(kib: u64, age: u64, attempt: u32) -> Failure {
        let failure = with(transport(Kind::Reset, "Connection reset by peer"), |evidence| {
            evidence.bytes_sent = kib << 10;
            evidence.connection = Some(connection(Duration::from_secs(age)));
        });
        Failure { attempt, ..failure }
    }

    /// The causes that are clear after these deaths, each so many seconds after the one before.
    fn all(deaths: &[(u64, u64, u32)], apart: u64, told: Told) -> Vec<DiagnosedCause> {
        let apart = Duration::from_secs(apart);
        let tell =
            |told: Told, (kib, age, attempt)| told.failed(&cut(kib, age, attempt)).later(apart);
        deaths.iter().copied().fold(told, tell).causes()
    }

    fn arrived(length: u64, age: u64) -> Told {
        let connection = Some(connection(Duration::from_secs(age)));
        let evidence = Evidence { bytes_expected: length, connection, ..Evidence::default() };
        Told::default().succeeded(&evidence)
    }

    const ONE_SIZE: [(u64, u64, u32); 4] =
        [(10_000, 3, 1), (10_300, 9, 1), (9_900, 5, 2), (10_100, 20, 2)];
    const ONE_AGE: [(u64, u64, u32); 4] =
        [(10_000, 350, 1), (3_000, 352, 1), (7_000, 349, 2), (100, 351, 1)];
    const NOTHING_ALIKE: [(u64, u64, u32); 4] =
        [(10_000, 20, 1), (3_000, 60, 1), (7_000, 6, 2), (100, 40, 3)];

    #[test]
    fn bodies_cut_at_one_size_meet_a_limit() {
        assert_eq!(all(&ONE_SIZE, 9, Told::default()), [DiagnosedCause::BodySizeLimit]);
        assert_eq!(all(&ONE_SIZE[1..], 9, Told::default()), []);
        let blurred = [(6_700, 3, 1), (5_700, 9, 1), (6_300, 5, 2), (6_000, 20, 2)];
        assert_eq!(all(&blurred, 9, Told::default()), [DiagnosedCause::BodySizeLimit]);
        // Half the size that left, for buffers on the way hold the rest.
        let told = ONE_SIZE.iter().fold(Told::default(), |told, (kib, age, attempt)| {
            told.failed(&cut(*kib, *age, *attempt))
        });
        assert_eq!(told.diagnostics.found()[0].advice, "--part-size 5MiB");
    }

    #[test]
    fn a_larger_body_that_arrived_refutes_the_limit() {
        assert_eq!(all(&ONE_SIZE, 9, arrived(16 << 20, 1)), []);
        assert_eq!(all(&ONE_SIZE, 9, arrived(5 << 20, 1)), [DiagnosedCause::BodySizeLimit]);
    }

    #[test]
    fn first_attempts_that_die_together_meet_no_limit() {
        let first = ONE_SIZE.map(|(kib, age, _)| (kib, age, 1));
        assert_eq!(all(&first, 0, Told::default()), []);
    }

    #[test]
    fn connections_that_die_at_one_age_meet_a_limit() {
        let small = arrived(1 << 20, 100);
        assert_eq!(all(&ONE_AGE, 300, small), [DiagnosedCause::ConnectionAgeLimit]);
    }

    #[test]
    fn an_older_connection_or_one_event_refutes_the_age() {
        assert_eq!(all(&ONE_AGE, 300, arrived(1 << 20, 400)), []);
        assert_eq!(all(&ONE_AGE, 1, arrived(1 << 20, 100)), [], "all died at once");
        let young = ONE_AGE.map(|(kib, _, attempt)| (kib, 2, attempt));
        assert_eq!(all(&young, 300, arrived(1 << 20, 1)), []);
    }

    #[test]
    fn where_no_upload_ever_arrives_something_forbids_them() {
        let eight = [NOTHING_ALIKE, NOTHING_ALIKE].concat();
        assert_eq!(all(&eight, 9, Told::default()), [DiagnosedCause::EveryUploadReset]);
        assert_eq!(all(&eight[1..], 9, Told::default()), []);
        assert_eq!(all(&eight, 9, arrived(LARGE_BODY, 1)), []);
        let never_thrice: Vec<_> = eight.iter().map(|(kib, age, _)| (*kib, *age, 2)).collect();
        assert_eq!(all(&never_thrice, 9, Told::default()), []);
        // A single PUT: whether smaller requests pass is not known.
        let puts = eight.iter().map(|(kib, age, attempt)| Failure {
            operation: "PutObject",
            ..cut(*kib, *age, *attempt)
        });
        assert_eq!(puts.fold(Told::default(), |told, put| told.failed(&put)).causes(), []);
    }

    #[test]
    fn one_cause_is_named_for_all_cuts() {
        let deaths = [NOTHING_ALIKE, NOTHING_ALIKE, ONE_SIZE].concat();
        assert_eq!(all(&deaths, 9, Told::default()), [DiagnosedCause::EveryUploadReset]);
    }

    #[test]
    fn large_packets_are_lost_where_the_first_ones_never_arrive() {
        let again = |bytes| Failure { attempt: 2, ..stalled(bytes) };
        let told = |bytes| Told::default().failed(&stalled(bytes)).failed(&again(bytes));
        assert_eq!(told(0).causes(), [DiagnosedCause::MtuBlackHole]);
        assert_eq!(told(64 * 1024).causes(), [], "a peer that stops reading");
        let both_at_once = Told::default().failed(&stalled(0)).failed(&stalled(0));
        assert_eq!(both_at_once.causes(), [], "an outage");
        let passed = arrived(1 << 20, 1).failed(&stalled(0)).failed(&again(0));
        assert_eq!(passed.causes(), []);
    }
}
