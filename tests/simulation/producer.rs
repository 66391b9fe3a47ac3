//! The other end of a simulated stream: parts that come at their own pace, into as many buffers as
//! there may be attempts in flight, until the end, or until it breaks off.

use std::collections::BTreeSet;
use std::time::Duration;

use curlift::upload::{Event, Input, PartRange, SourceChange, Step};

use crate::scenario::{Producer, Scenario};

/// What has been read of a stream, and what is held of it.
pub(crate) struct Stream {
    producer: Producer,
    /// The first bytes of its parts, as far as the plan goes, and of the end.
    cuts: Vec<u64>,
    length: u64,
    /// Parts read.
    parts: u32,
    /// The first bytes of parts that are in memory.
    held: BTreeSet<u64>,
    held_max: usize,
    /// Whether the next part is being written.
    under_way: bool,
    pub(crate) has_died: bool,
    ended: bool,
}

impl Stream {
    /// `None` where the source is a file.
    pub(crate) fn new(scenario: &Scenario) -> Option<Stream> {
        let length = scenario.source.len() as u64;
        let cut =
            |step: Step| (0..step.parts).map(move |i| step.offset + u64::from(i) * step.part_size);
        let cuts = scenario.plan.steps().into_iter().flat_map(cut);
        Some(Stream {
            producer: scenario.producer.clone()?,
            cuts: cuts.take_while(|cut| *cut < length).chain([length]).collect(),
            length,
            parts: 0,
            held: BTreeSet::new(),
            held_max: scenario.concurrency as usize,
            under_way: false,
            has_died: false,
            ended: false,
        })
    }

    /// How long the next part takes, where there is room for one.
    pub(crate) fn begin_part(&mut self, rng: &mut fastrand::Rng) -> Option<Duration> {
        let full = self.held.len() >= self.held_max && self.known() < self.length;
        if self.under_way || self.ended || self.has_died || full {
            return None;
        }
        self.under_way = true;
        Some(Duration::from_micros(rng.u64(..=self.producer.pause.as_micros() as u64)))
    }

    fn known(&self) -> u64 {
        self.cuts[self.parts as usize]
    }

    /// The next part has been read, or the end, or neither comes.
    pub(crate) fn read_part(&mut self) -> Input {
        self.under_way = false;
        Input::Event(if self.producer.dies_after == Some(self.parts) {
            self.has_died = true;
            let (what, advice) = ("it broke off".into(), "look why".into());
            Event::SourceChanged(SourceChange::Stream { what, advice })
        } else if self.known() == self.length {
            self.ended = true;
            Event::Input { size: self.length, ended: true }
        } else {
            self.held.insert(self.known());
            self.parts += 1;
            Event::Input { size: self.known(), ended: false }
        })
    }

    /// What is stored is not held any longer.
    pub(crate) fn stored(&mut self, part: PartRange) {
        assert!(self.held.remove(&part.offset), "{part:?} was held");
    }

    /// Fails where bytes are asked for that nobody has.
    pub(crate) fn check_read(&self, offset: u64, length: u64) {
        assert!(offset + length <= self.known(), "bytes {offset} and so on have not been read");
        let parts = self.cuts.iter().filter(|cut| (offset..offset + length).contains(*cut));
        for part in parts {
            assert!(self.held.contains(part), "the part at {part} is not held any longer");
        }
    }
}
