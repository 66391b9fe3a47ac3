//! What a seed stands for.

use std::time::Duration;

use curlift::s3::Limits;
use curlift::upload::{RetryPolicy, UploadPlan};

use crate::fate::Fates;

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
        Scenario {
            seed,
            plan,
            checksums: rng.u32(..4) > 0,
            concurrency: rng.u32(1..7),
            retry: RetryPolicy { attempts_max: rng.u32(1..11), ..RetryPolicy::default() },
            fates: Fates::Random { failing },
            before,
            repeat_complete: rng.bool(),
            stop_at: sometimes(&mut rng, 12),
            change_at: sometimes(&mut rng, 5),
            slowness: Duration::from_millis([50, 5_000, 100_000][rng.usize(..3)]),
            source,
        }
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
        }
    }
}
