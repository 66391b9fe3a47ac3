//! What a seed stands for.

use std::time::Duration;

use curlift::s3::Limits;
use curlift::upload::{Ladder, OnFailure, RetryPolicy, UploadPlan};

use crate::fate::Fates;
use crate::links::{Linked, Refusal, Renewal};

/// Limits under which every kind of plan is small.
pub(crate) const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 1000, parts_max: 40, object_size_max: 4000 };

/// One simulated run, before it begins.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) source: Vec<u8>,
    pub(crate) plan: UploadPlan,
    pub(crate) checksums: bool,
    pub(crate) concurrency: u32,
    pub(crate) retry: RetryPolicy,
    pub(crate) fates: Fates,
    /// An object that has the key beforehand.
    pub(crate) before: Option<Vec<u8>>,
    /// Whether the store answers a repeated Complete as the first (AWS) or with
    /// `NoSuchUpload`.
    pub(crate) repeat_complete: bool,
    /// When the user presses Ctrl-C.
    pub(crate) stop_at: Option<Duration>,
    /// When the source changes.
    pub(crate) change_at: Option<Duration>,
    /// Longest time one healthy request takes.
    pub(crate) slowness: Duration,
    pub(crate) conditions: Conditions,
    pub(crate) on_failure: OnFailure,
    /// After how many steps each run crashes; the last does not.
    pub(crate) crashes: Vec<u32>,
    /// How often an upload that was kept is gone on with.
    pub(crate) reruns: u32,
    /// Whether to print what happens.
    pub(crate) trace: bool,
    /// Records that the journal has room for.
    pub(crate) journal_room: Option<u32>,
    /// What writes the source while it is sent, where it is a stream.
    pub(crate) producer: Option<Producer>,
    /// The presigned URLs that somebody else makes for it, where there are no keys; never with a
    /// stream.
    pub(crate) linked: Option<Linked>,
}

/// The other end of a stream.
#[derive(Debug, Clone)]
pub(crate) struct Producer {
    /// How long the next part takes, at most.
    pub(crate) pause: Duration,
    /// It dies when so many parts have been read.
    pub(crate) dies_after: Option<u32>,
}

/// What is the matter with a world as a whole, beside what happens to single requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    /// Seconds by which the store's clock is ahead of ours, and when ours is set right.
    pub(crate) clock_ahead: i64,
    pub(crate) clock_set_at: Option<Duration>,
    /// The region that the bucket is in, where it is not the one we think.
    pub(crate) region: Option<&'static str>,
    /// How long keys are good, and whether there are fresh ones.
    pub(crate) keys_life: Option<KeysLife>,
    pub(crate) keys_renewable: bool,
    /// Whether the store does not understand checksums in trailers.
    pub(crate) without_trailers: bool,
    /// Connections that the store takes at once.
    pub(crate) connections_max: Option<usize>,
    /// Bodies longer than this are cut there, by something on the way.
    pub(crate) body_max: Option<u64>,
    /// When nothing reaches the store, and for how long.
    pub(crate) outage: Option<(Duration, Duration)>,
    /// One attempt in so many takes a hundred times as long.
    pub(crate) straggling: Option<u32>,
    /// Whether the file may be touched between two runs.
    pub(crate) may_be_touched: bool,
    /// Somebody else's upload to the same key begins with ours; perhaps it has a part.
    pub(crate) rival: Option<bool>,
}

/// Keys that end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeysLife {
    /// For how long they are good.
    pub(crate) span: Duration,
    /// Whether the engine is told when they end.
    pub(crate) is_known: bool,
}

impl Conditions {
    fn draw(rng: &mut fastrand::Rng) -> Conditions {
        let mut one_in = |n: u32| rng.u32(..n) == 0;
        let clock_off = one_in(8);
        let set_right = one_in(2);
        let (elsewhere, keys_end, renewable) = (one_in(10), one_in(10), !one_in(4));
        let (without_trailers, crowded, cut) = (one_in(10), one_in(10), one_in(8));
        let (outage, straggling, rival) = (one_in(10), one_in(4), one_in(8));
        let with_part = one_in(2);
        let seconds = |rng: &mut fastrand::Rng, max| Duration::from_secs(rng.u64(1..max));
        Conditions {
            clock_ahead: if clock_off { rng.i64(-200_000..200_000) } else { 0 },
            clock_set_at: (clock_off && set_right).then(|| seconds(rng, 60)),
            region: elsewhere.then_some("eu-west-1"),
            keys_life: keys_end.then(|| KeysLife { span: seconds(rng, 100), is_known: false }),
            keys_renewable: renewable,
            may_be_touched: true,
            without_trailers,
            connections_max: crowded.then(|| rng.usize(1..4)),
            body_max: cut.then(|| rng.u64(5..40)),
            outage: outage.then(|| (seconds(rng, 60), seconds(rng, 700))),
            straggling: straggling.then(|| rng.u32(3..30)),
            rival: rival.then_some(with_part),
        }
    }
}

impl Scenario {
    /// The scenario of a seed.
    pub(crate) fn from_seed(seed: u64) -> Scenario {
        let mut rng = fastrand::Rng::with_seed(seed);
        let size = [rng.usize(..8), rng.usize(..120), rng.usize(..900)][rng.usize(..3)];
        let source: Vec<u8> = (0..size).map(|_| rng.u8(..)).collect();
        let part_size = rng.u64(5..40);
        let threshold = rng.u64(..60);
        let plan = UploadPlan::new(size as u64, part_size, threshold, &LIMITS).unwrap();
        let failing = [0.0, 0.02, 0.1, 0.3, 0.6][rng.usize(..5)];
        let sometimes = |rng: &mut fastrand::Rng, percent: u32| {
            (rng.u32(..100) < percent).then(|| Duration::from_millis(rng.u64(..60_000)))
        };
        let before = match rng.u32(..10) {
            0 => Some(source.clone()),
            1 | 2 => Some(vec![7; rng.usize(..50)]),
            3 => Some(vec![9; size]),
            _ => None,
        };
        let scenario = Scenario {
            seed,
            plan,
            checksums: rng.u32(..4) > 0,
            concurrency: rng.u32(1..7),
            retry: RetryPolicy {
                attempts_max: rng.u32(1..11),
                adaptive: rng.u32(..4) == 0,
                ..RetryPolicy::default()
            },
            fates: Fates::Random { failing },
            before,
            repeat_complete: rng.bool(),
            stop_at: sometimes(&mut rng, 12),
            change_at: sometimes(&mut rng, 5),
            slowness: Duration::from_millis([50, 5_000, 100_000][rng.usize(..3)]),
            conditions: if rng.bool() {
                Conditions::draw(&mut rng)
            } else {
                Conditions { may_be_touched: true, ..Conditions::default() }
            },
            on_failure: if rng.u32(..3) == 0 { OnFailure::Abort } else { OnFailure::Keep },
            crashes: match rng.u32(..3) {
                0 => (0..rng.usize(1..4)).map(|_| rng.u32(..80)).collect(),
                _ => Vec::new(),
            },
            reruns: rng.u32(..3),
            trace: false,
            journal_room: (rng.u32(..20) == 0).then(|| rng.u32(1..20)),
            source,
            producer: None,
            linked: None,
        };
        // What was thought of later is drawn by itself: seeds stand for what they stood for.
        let mut later = fastrand::Rng::with_seed(seed ^ 0x11_4b5);
        let mut scenario = if rng.u32(..3) == 0 {
            scenario.streamed(part_size, threshold, &mut rng)
        } else if later.u32(..4) == 0 {
            scenario.by_links(&mut later)
        } else {
            scenario
        };
        let is_known = later.bool();
        if let Some(life) = &mut scenario.conditions.keys_life {
            life.is_known = is_known;
        }
        scenario
    }

    /// The same by presigned URLs: nothing can be learnt about where and how, no upload is created,
    /// and whoever created it does not want it aborted.
    fn by_links(self, rng: &mut fastrand::Rng) -> Scenario {
        let clock_ahead = match self.conditions.clock_ahead {
            0 => 0,
            _ if rng.bool() => rng.i64(-900..900),
            far => far,
        };
        let conditions = Conditions {
            clock_ahead,
            clock_set_at: None,
            region: None,
            without_trailers: false,
            keys_life: None,
            ..self.conditions
        };
        let linked = Some(Linked::draw(&self.plan, rng));
        Scenario { conditions, linked, on_failure: OnFailure::Leave, ..self }
    }

    /// The same, its source being a stream that may be long in coming, or break off.
    fn streamed(self, part_size: u64, threshold: u64, rng: &mut fastrand::Rng) -> Scenario {
        let held = u64::from(self.concurrency) * part_size;
        let plan = match rng.u32(..4) {
            0 => UploadPlan::stream_of(self.source.len() as u64, part_size, threshold, &LIMITS),
            1 => {
                let part_size = part_size.max(23);
                let ladder = Ladder::equal(part_size, &LIMITS).unwrap();
                UploadPlan::stream(&ladder, threshold.min(held), &LIMITS)
            }
            _ => {
                let ladder = Ladder::growing(part_size, &LIMITS).unwrap();
                UploadPlan::stream(&ladder, threshold.min(held), &LIMITS)
            }
        };
        let pause = Duration::from_millis([1, 500, 30_000, 2_000_000][rng.usize(..4)]);
        let dies_after = (rng.u32(..6) == 0).then(|| rng.u32(..12));
        let producer = Some(Producer { pause, dies_after });
        // Nobody can send it again, so that nothing is kept of it, and no journal.
        let (on_failure, crashes, reruns) = (OnFailure::Abort, Vec::new(), 0);
        let plan = plan.unwrap();
        Scenario {
            plan,
            change_at: None,
            producer,
            on_failure,
            crashes,
            reruns,
            journal_room: Some(0),
            ..self
        }
    }

    /// Whether nothing at all goes wrong.
    pub(crate) fn is_quiet(&self) -> bool {
        let conditions = &self.conditions;
        let troubled = conditions.clock_ahead != 0
            || conditions.region.is_some()
            || conditions.keys_life.is_some()
            || conditions.without_trailers
            || conditions.connections_max.is_some()
            || conditions.body_max.is_some()
            || conditions.outage.is_some()
            || conditions.straggling.is_some()
            || !self.crashes.is_empty()
            || self.stop_at.is_some()
            || self.producer.is_some()
            || self.linked.is_some()
            || self.change_at.is_some();
        matches!(self.fates, Fates::Random { failing: 0.0 }) && !troubled
    }

    /// A small, quiet world in which only the script goes wrong.
    pub(crate) fn scripted(parts: u32, fates: Fates) -> Scenario {
        let source: Vec<u8> = (0..parts * 7).map(|byte| byte as u8).collect();
        let threshold = if parts == 1 { 100 } else { 0 };
        let plan = UploadPlan::new(source.len() as u64, 7, threshold, &LIMITS).unwrap();
        Scenario {
            seed: 1,
            source,
            plan,
            checksums: true,
            concurrency: 2,
            retry: RetryPolicy { attempts_max: 3, ..RetryPolicy::default() },
            fates,
            before: None,
            repeat_complete: false,
            stop_at: None,
            change_at: None,
            slowness: Duration::from_millis(50),
            conditions: Conditions { keys_renewable: true, ..Conditions::default() },
            producer: None,
            linked: None,
            on_failure: OnFailure::Abort,
            crashes: Vec::new(),
            reruns: 0,
            trace: false,
            journal_room: None,
        }
    }
    /// The same by presigned URLs that end in so many seconds, requests taking some themselves.
    pub(crate) fn scripted_by_links(
        parts: u32,
        fates: Fates,
        ends_in: i64,
        renewable: bool,
        refusal: Refusal,
    ) -> Scenario {
        let renewal = renewable.then(Renewal::good);
        Scenario {
            linked: Some(Linked::lasting(ends_in, renewal, refusal)),
            slowness: Duration::from_secs(4),
            on_failure: OnFailure::Leave,
            ..Scenario::scripted(parts, fates)
        }
    }
}
