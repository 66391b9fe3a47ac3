//! Fault rules, `OPERATION WHEN EFFECT`, and the plan that draws from them. Pure: what happens
//! is decided here, from the rules, a seed and the requests so far; `wire.rs` does it.

mod parse;
mod words;

use std::fmt;
use std::time::Duration;

pub use parse::FaultError;

/// The names a rule may give as its operation, `*` apart: S3's API calls that the lab answers.
pub const OPERATIONS: [&str; 19] = [
    "PutObject",
    "CreateMultipartUpload",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "ListMultipartUploads",
    "HeadObject",
    "GetObject",
    "GetObjectAttributes",
    "DeleteObject",
    "ListObjectsV2",
    "ListBuckets",
    "CreateBucket",
    "HeadBucket",
    "GetBucketLocation",
    "GetBucketLifecycleConfiguration",
    "PutBucketLifecycleConfiguration",
    "DeleteBucketLifecycle",
];

/// One rule. Prints as it was written, but for repeated spaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The operation it is about; `None` is `*`.
    pub operation: Option<&'static str>,
    /// Which of the operation's requests it hits.
    pub when: When,
    /// What happens to them.
    pub effect: Effect,
    text: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Which of an operation's requests a rule hits, counted from 1 and for each rule by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// `always`
    Always,
    /// `3%`: at random, drawn from the plan's seed; in millionths.
    Random(u32),
    /// `#2`: that one only.
    Nth(u64),
    /// `every 5`: the fifth, the tenth …
    Every(u64),
    /// `first 3`
    First(u64),
    /// `part 7`: every attempt at that part.
    Part(u32),
}

/// What happens to a request. Sizes are bytes of the request's body as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The connection is reset (RST) once that much of the body has been read; `None`: at once.
    Reset {
        /// Bytes of the body that are read before.
        after: Option<u64>,
    },
    /// The connection is closed in order (FIN) once that much of the body has been read.
    Close {
        /// Bytes of the body that are read before.
        after: u64,
    },
    /// Reading stops after that much of the body, for a while or for good.
    Stall {
        /// Bytes of the body that are read before.
        after: u64,
        /// For how long; `None`: until the client gives up.
        duration: Option<Duration>,
    },
    /// The body is read at that many bytes a second.
    Slow {
        /// Bytes a second, at least 1.
        rate: u64,
    },
    /// The body is read, nothing is done, and the answer is an error.
    Status {
        /// The HTTP status, 200 to 599.
        code: u16,
        /// S3's code; without one the answer has no body, as a proxy's may.
        s3_code: Option<String>,
        /// `Retry-After` in seconds, or `x-amz-retry-after` in milliseconds below a second.
        retry_after: Option<Duration>,
    },
    /// The error is answered before the body is read; then the connection is reset.
    Early {
        /// The HTTP status, 200 to 599.
        code: u16,
        /// S3's code.
        s3_code: String,
    },
    /// The body is read, nothing is done, and the answer is a 200 with an error inside.
    ErrorIn200 {
        /// S3's code.
        s3_code: String,
    },
    /// Everything is done as asked; instead of the answer comes a reset.
    LoseAnswer,
    /// Everything is done as asked; the answer is cut in its middle.
    TruncateAnswer,
    /// The body is read, nothing is done, and the answer is not HTTP.
    Garbage,
    /// `100 Continue` is not sent; all else is as usual.
    No100,
    /// The connection is closed (FIN) when it has been idle that long after the answer.
    IdleClose(Duration),
    /// A presigned transfer is reset when its URL expires under way; others are left alone.
    ExpireInFlight,
    /// The life of a presigned URL is judged once more when the body has been read; where it has
    /// ended by then, nothing is done and the answer is the refusal of an expired URL.
    ExpireAtEnd,
    /// An expired presigned URL is refused without patience: answered at once, and closed with the
    /// body unread, so that whoever goes on sending meets a reset.
    ExpireAbruptly,
    /// A body of which nothing arrives for that long is given up: nothing is done, the answer is
    /// `RequestTimeout`, and the connection is closed. Amazon S3 waits about 20 s.
    Starve(Duration),
    /// 307 Temporary Redirect to the same path at that host.
    Redirect(String),
    /// The request is judged, and its answer dated, by a clock that is off.
    ///
    /// A slow clock does not lengthen the life of a presigned URL: `s3s` judges its end by the real
    /// one as well.
    Skew {
        /// By how much the server's clock is off.
        by: Duration,
        /// Whether it is slow (`skew -20m`) rather than fast.
        behind: bool,
    },
    /// One byte of the body, in its middle, arrives changed.
    Corrupt,
}

/// A fault that was drawn for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The place of its rule in the plan, counted from 0.
    pub rule: usize,
    /// What happens.
    pub effect: Effect,
}

/// Draws faults for requests, one after the other: same rules, same seed, same requests, same
/// faults.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    rules: Vec<Drawn>,
}

#[derive(Debug, Clone)]
struct Drawn {
    rule: Rule,
    matched: u64,
    random: fastrand::Rng,
}

impl FaultPlan {
    /// A plan in which nothing has happened yet.
    #[must_use]
    pub fn new(rules: Vec<Rule>, seed: u64) -> FaultPlan {
        let drawn = |(rule, index): (Rule, u64)| {
            let mut random = fastrand::Rng::with_seed(seed);
            // Each rule draws for itself, so that another rule does not move its faults.
            let random = fastrand::Rng::with_seed(random.u64(..).wrapping_add(index));
            Drawn { rule, matched: 0, random }
        };
        FaultPlan { rules: rules.into_iter().zip(0..).map(drawn).collect() }
    }

    /// What is to happen to the next request; `part` is its part number, if it has one. Of
    /// several rules that hit, the first in the plan wins; each counts the request.
    pub fn next(&mut self, operation: &str, part: Option<u32>) -> Option<Effect> {
        self.draw(operation, part).map(|fault| fault.effect)
    }

    /// As [`FaultPlan::next`], with the place of the rule.
    pub fn draw(&mut self, operation: &str, part: Option<u32>) -> Option<Fault> {
        let mut fault = None;
        for (index, drawn) in self.rules.iter_mut().enumerate() {
            if drawn.hits(operation, part) && fault.is_none() {
                fault = Some(Fault { rule: index, effect: drawn.rule.effect.clone() });
            }
        }
        fault
    }

    /// The rules, in order.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &Rule> {
        self.rules.iter().map(|drawn| &drawn.rule)
    }
}

impl Drawn {
    fn hits(&mut self, operation: &str, part: Option<u32>) -> bool {
        if self.rule.operation.is_some_and(|named| named != operation) {
            return false;
        }
        self.matched += 1;
        match self.rule.when {
            When::Always => true,
            When::Random(millionths) => self.random.u32(..1_000_000) < millionths,
            When::Nth(n) => self.matched == n,
            When::Every(n) => self.matched.is_multiple_of(n),
            When::First(n) => self.matched <= n,
            When::Part(number) => part == Some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hits(rule: &str, seed: u64, requests: usize) -> Vec<usize> {
        let mut plan = FaultPlan::new(vec![rule.parse().unwrap()], seed);
        (1..=requests).filter(|_| plan.next("UploadPart", Some(1)).is_some()).collect()
    }

    #[test]
    fn counted_rules_hit_the_requests_they_name() {
        assert_eq!(hits("UploadPart always reset", 0, 3), [1, 2, 3]);
        assert_eq!(hits("UploadPart #2 reset", 0, 6), [2]);
        assert_eq!(hits("* every 3 reset", 0, 7), [3, 6]);
        assert_eq!(hits("UploadPart first 2 reset", 0, 6), [1, 2]);
        assert!(hits("PutObject always reset", 0, 6).is_empty());
    }

    #[test]
    fn a_part_rule_hits_every_attempt_at_that_part() {
        let mut plan = FaultPlan::new(vec!["UploadPart part 7 garbage".parse().unwrap()], 0);
        let drawn: Vec<_> =
            [6, 7, 8, 7].map(|part| plan.next("UploadPart", Some(part)).is_some()).to_vec();
        assert_eq!(drawn, [false, true, false, true]);
    }

    #[test]
    fn random_rules_follow_the_seed_and_the_share() {
        let drawn = hits("UploadPart 3% reset", 7, 10_000);
        assert_eq!(drawn, hits("UploadPart 3% reset", 7, 10_000));
        assert_ne!(drawn, hits("UploadPart 3% reset", 8, 10_000));
        assert!((250..350).contains(&drawn.len()), "{} of 10,000", drawn.len());
        assert_eq!(hits("UploadPart 100% reset", 1, 5).len(), 5);
        assert_eq!(hits("UploadPart 0% reset", 1, 5).len(), 0);
    }

    #[test]
    fn two_random_rules_do_not_draw_alike() {
        let rule: Rule = "UploadPart 50% reset".parse().unwrap();
        let mut plan = FaultPlan::new(vec![rule.clone(), rule], 3);
        let second = (0..100).filter_map(|_| plan.draw("UploadPart", None)).any(|f| f.rule == 1);
        assert!(second, "the second rule never hit where the first did not");
    }

    #[test]
    fn the_first_rule_that_hits_wins_and_all_count() {
        let rules = ["UploadPart #2 reset", "UploadPart #2 garbage", "UploadPart #3 corrupt"];
        let rules = rules.map(|rule| rule.parse().unwrap()).to_vec();
        let mut plan = FaultPlan::new(rules, 0);
        let drawn: Vec<_> = (0..3).map(|_| plan.next("UploadPart", None)).collect();
        assert_eq!(drawn, [None, Some(Effect::Reset { after: None }), Some(Effect::Corrupt)]);
    }
}
