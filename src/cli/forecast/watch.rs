//! The rate of an upload under way, what follows from it for the rest, and for the next upload.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Foretold, Rate, RateOrigin, Rights, rates};
use crate::cli::console::{Console, unix_now};
use crate::config::CONCURRENCY_MAX;
use crate::s3::{Limits, PartNumber, UnixTime};
use crate::time::ClockOffset;
use crate::upload::{Ahead, Notice, Snapshot, UploadPlan};

/// From when on a rate says something of the rest: this long, or that much of the whole.
const MEASURED_TIME: Duration = Duration::from_secs(10);
const MEASURED_PERCENT: u64 = 5;

/// What is in time so far is looked at again after this.
const AGAIN: Duration = Duration::from_secs(2);

/// Below this a rate says nothing of another upload: connections were still being opened.
const TIME_MIN: Duration = Duration::from_secs(1);
const BYTES_MIN: u64 = 8 << 20;

/// Watches one upload.
pub(in crate::cli) struct Watch {
    rights: Rights,
    stored: BTreeSet<PartNumber>,
    /// As it is carried out; `None` before that.
    plan: Option<UploadPlan>,
    /// When bytes began to move, and how many had by then.
    began: Option<(Instant, u64)>,
    /// The same, at the last notice.
    last: Option<(Instant, u64)>,
    /// When the rest is forecast next; `None` once that was told, or where nothing ends.
    due: Option<Duration>,
    /// By how much the store's clock is ahead of this machine's, as far as that was learnt.
    clock: ClockOffset,
    /// The host, and where its rate is remembered.
    memory: Option<(String, PathBuf)>,
}

impl Watch {
    /// Of an upload for which `stored` parts need not be sent. Nothing more is told where that was
    /// done beforehand (`is_told`).
    pub(in crate::cli) fn new(
        rights: &Rights,
        stored: BTreeSet<PartNumber>,
        is_told: bool,
        memory: Option<(String, PathBuf)>,
    ) -> Watch {
        let due = (!is_told && rights.ends()).then_some(TIME_MIN);
        let rights = rights.clone();
        let clock = ClockOffset::default();
        Watch { rights, stored, plan: None, began: None, last: None, due, clock, memory }
    }

    /// Takes a notice in; tells, once, where the rest will be too late.
    pub(in crate::cli) fn hear(&mut self, notice: &Notice, now: Instant, console: &Console) {
        if let Some(foretold) = self.take_in(notice, now, unix_now()) {
            foretold.tell_event(console);
            console.warn(&foretold.warning());
        }
    }

    fn take_in(&mut self, notice: &Notice, now: Instant, wall: UnixTime) -> Option<Foretold<'_>> {
        match notice {
            Notice::Planned(plan) => self.plan = Some(plan.clone()),
            Notice::Recut { to, parts, .. } => {
                self.plan = self.plan.take().map(|plan| recut(plan, *to, *parts));
            }
            Notice::PartStored { part, .. } => {
                self.stored.insert(part.number);
            }
            // What was found at the store did not move.
            Notice::Reused { .. } => self.began = None,
            Notice::Gone(_) => self.stored.clear(),
            Notice::ClockLearnt(offset) => self.clock = *offset,
            Notice::KeysRenewed(Ok(())) | Notice::LinksRenewed(Ok(_)) => self.due = None,
            Notice::Moved(snapshot) => return self.moved(snapshot, now, wall),
            _ => {}
        }
        None
    }

    fn moved(&mut self, snapshot: &Snapshot, now: Instant, wall: UnixTime) -> Option<Foretold<'_>> {
        let moved = snapshot.bytes_stored.saturating_add(snapshot.bytes_in_flight);
        self.began.get_or_insert((now, moved));
        self.last = Some((now, moved));
        let (elapsed, bytes) = self.measured();
        let enough = elapsed >= MEASURED_TIME
            || u128::from(bytes) * 100
                >= u128::from(snapshot.bytes_total) * u128::from(MEASURED_PERCENT);
        if self.due.is_none_or(|due| elapsed < due) || !enough {
            return None;
        }
        self.due = Some(elapsed + AGAIN);
        let rate = rate(elapsed, bytes)?;
        let rights = &self.rights;
        let wall = UnixTime(wall.0.saturating_add(self.clock.0));
        let ahead = Ahead::of(
            self.plan.as_ref()?,
            |number| self.stored.contains(&number),
            (snapshot.in_flight, snapshot.bytes_in_flight),
            |number| rights.part_ends_in(number, wall),
            rights.complete_ends_in(wall),
        )?;
        let forecast = ahead.forecast(rate, snapshot.in_flight_max, CONCURRENCY_MAX);
        if forecast.is_in_time() {
            return None;
        }
        self.due = None;
        let rate = Rate { value: rate, origin: RateOrigin::Measured };
        Some(Foretold { forecast, rate, rights })
    }

    /// For how long bytes moved, and how many.
    fn measured(&self) -> (Duration, u64) {
        match (self.began, self.last) {
            (Some((began, first)), Some((last, moved))) => {
                (last.duration_since(began), moved.saturating_sub(first))
            }
            _ => (Duration::ZERO, 0),
        }
    }

    /// Remembers the rate for the next upload, where enough was sent to tell.
    pub(in crate::cli) fn remember(&self) {
        let (elapsed, bytes) = self.measured();
        if let Some((host, folder)) = &self.memory
            && elapsed >= TIME_MIN
            && bytes >= BYTES_MIN
            && let Some(rate) = rate(elapsed, bytes)
        {
            rates::remember(folder, host, rate, unix_now());
        }
    }
}

/// `plan`, recut into so many parts in all, of `to` bytes from some part on.
fn recut(plan: UploadPlan, to: u64, parts: u32) -> UploadPlan {
    let from = |first| {
        let mut recut = plan.clone();
        (recut.recut(first, to, &Limits::AWS) && recut.parts() == parts).then_some(recut)
    };
    (0..plan.parts()).find_map(from).unwrap_or(plan)
}

/// Whole bytes a second; `None` where nothing moved.
fn rate(elapsed: Duration, bytes: u64) -> Option<u64> {
    let rate = u128::from(bytes) * 1000 / elapsed.as_millis().max(1);
    u64::try_from(rate).ok().filter(|rate| *rate > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Renews;
    use crate::s3::ETag;
    use crate::upload::CutPattern;

    const MIB: u64 = 1 << 20;
    const NOW: UnixTime = UnixTime(1_000_000);

    /// An upload of 100 parts of 5 MiB with keys that end, four parts at a time.
    struct Scene {
        watch: Watch,
        plan: UploadPlan,
        began: Instant,
    }

    impl Scene {
        fn new(ends_in: i64, is_told: bool) -> Scene {
            let (source, ends_at) = ("environment".to_owned(), UnixTime(NOW.0 + ends_in));
            let rights = Rights::Keys { source, ends_at, renews: Renews::Never };
            let watch = Watch::new(&rights, BTreeSet::new(), is_told, None);
            let plan = UploadPlan::new(500 * MIB, 5 * MIB, 0, &Limits::AWS).unwrap();
            let began = crate::cli::console::now();
            let mut scene = Scene { watch, plan, began };
            scene.hear(0, &Notice::Planned(scene.plan.clone()));
            scene
        }

        fn hear(&mut self, second: u64, notice: &Notice) -> Option<String> {
            let (now, wall) = (self.began + Duration::from_secs(second), NOW);
            let wall = wall.after(Duration::from_secs(second));
            let told = self.watch.take_in(notice, now, wall);
            told.map(|told| told.sentence())
        }

        /// So many parts are stored by then, and four are on their way.
        fn moved(&mut self, second: u64, stored: u32) -> Option<String> {
            for index in 0..stored {
                let part = self.plan.part(PartNumber::from_index(index));
                let etag = ETag("e".into());
                self.hear(second, &Notice::PartStored { part, attempts: 1, etag });
            }
            self.moved_bytes(second, u64::from(stored) * 5 * MIB)
        }

        fn moved_bytes(&mut self, second: u64, bytes_stored: u64) -> Option<String> {
            let snapshot = Snapshot {
                bytes_total: 500 * MIB,
                bytes_stored,
                in_flight: 4,
                in_flight_max: 4,
                ..Snapshot::default()
            };
            self.hear(second, &Notice::Moved(snapshot))
        }
    }

    #[test]
    fn the_rest_is_told_once_from_the_real_rate() {
        let mut scene = Scene::new(200, false);
        assert_eq!(scene.moved(0, 0), None);
        assert_eq!(scene.moved(9, 4), None, "neither long nor much");
        // 20 MiB in 10 s: 2 MiB a second. The other 480 MiB take 240 s and the keys end in 190 s;
        // of 96 parts four have begun, and fours begin every 10 s, so at 10, 20, .. 180 s in time.
        assert_eq!(
            scene.moved(10, 4).unwrap(),
            "about 4 min at 2.00 MiB/s; the keys of the environment end in 3 min 10 s: 20 of 96 \
             parts will not make it"
        );
        assert_eq!(scene.moved(30, 5), None, "told once");
    }

    #[test]
    fn a_twentieth_is_enough_and_what_was_told_before_is_not_told_again() {
        let mut scene = Scene::new(60, false);
        scene.moved(0, 0);
        assert_eq!(scene.moved(4, 4), None);
        assert_eq!(
            scene.moved(5, 5).unwrap(),
            "about 1 min 35 s at 5.00 MiB/s; the keys of the environment end in 55 s: 39 of 95 \
             parts will not make it"
        );
        let mut scene = Scene::new(60, true);
        scene.moved(0, 0);
        assert_eq!(scene.moved(20, 5), None);
    }

    #[test]
    fn what_is_in_time_is_not_told_and_looked_at_again() {
        let mut scene = Scene::new(200, false);
        scene.moved(0, 0);
        assert_eq!(scene.moved(10, 20), None, "10 MiB a second");
        assert_eq!(scene.moved(11, 1), None, "not yet looked at again");
        assert!(scene.moved(100, 20).unwrap().contains("at 1.00 MiB/s"));
        let mut scene = Scene::new(200, false);
        scene.hear(0, &Notice::ClockLearnt(ClockOffset(150)));
        scene.moved(0, 0);
        assert!(scene.moved(10, 20).unwrap().contains("end in 40 s"), "by the store's clock");
        let mut scene = Scene::new(200, false);
        scene.moved(0, 0);
        scene.hear(9, &Notice::KeysRenewed(Ok(())));
        assert_eq!(scene.moved(100, 4), None, "fresh keys");
    }

    #[test]
    fn parts_that_were_made_smaller_are_counted_as_they_are() {
        let mut scene = Scene::new(60, false);
        scene.plan = UploadPlan::new(500 * MIB, 50 * MIB, 0, &Limits::AWS).unwrap();
        scene.hear(0, &Notice::Planned(scene.plan.clone()));
        scene.moved(0, 0);
        let (pattern, from) = (CutPattern::AtBytes(6 * MIB), 50 * MIB);
        scene.hear(1, &Notice::Recut { pattern, from, to: 5 * MIB, parts: 91 });
        assert_eq!(scene.watch.plan.as_ref().unwrap().parts(), 91);
        assert!(scene.moved(10, 0).is_none(), "nothing moved");
        scene.watch.stored.insert(PartNumber::from_index(0));
        let told = scene.moved_bytes(20, 50 * MIB).unwrap();
        assert!(told.ends_with(" of 90 parts will not make it"), "{told}");
    }

    #[test]
    fn a_rate_is_remembered_where_enough_was_sent_by_this_run() {
        let folder = tempfile::tempdir().unwrap();
        let recalled = || rates::recall(Some(folder.path()), "h");
        let run = |reused: u32, stored: u32, seconds: u64| {
            let mut scene = Scene::new(200, false);
            scene.watch.memory = Some(("h".to_owned(), folder.path().to_owned()));
            scene.moved(0, 0);
            let bytes = u64::from(reused) * 5 * MIB;
            scene.hear(0, &Notice::Reused { parts: reused, bytes });
            scene.moved(0, reused);
            scene.moved(seconds, stored);
            scene.watch.remember();
        };
        run(20, 21, 5);
        run(0, 20, 0);
        assert_eq!(recalled(), None, "too little, too short");
        run(20, 40, 20);
        assert_eq!(recalled(), Some(5 * MIB));
    }
}
