//! What a measurement found out, for whichever way it is told.

use std::time::Duration;

use super::program::Failed;
use super::scratch::Left;
use super::{paste, table, told};
use crate::cli::console::Console;
use crate::tune::{End, Entry, Goal, Ranking, Sample, State, Sweep, Verdict};

/// Everything that was found out.
pub(super) struct Found {
    pub(super) entries: Vec<Entry>,
    pub(super) ranking: Ranking,
    /// Why each entry was refused or failed last.
    pub(super) reasons: Vec<Option<Failed>>,
    pub(super) goal: Goal,
    pub(super) sweeps: Vec<Sweep>,
    /// Bytes of the file.
    pub(super) size: u64,
    pub(super) source: String,
    pub(super) destination: String,
    /// Rounds that were begun.
    pub(super) rounds: u32,
    /// Uploads that were begun, the warm-up included, and their bytes.
    pub(super) uploads: u32,
    pub(super) bytes: u64,
    pub(super) elapsed: Duration,
    /// Whether an upload ended so that parts of it may be at the store.
    pub(super) may_have_parts: bool,
    /// Why it ended; `None` where the user stopped it, or nothing could be measured.
    pub(super) end: Option<End>,
}

impl Found {
    /// Whether there is something to rank: two rounds are over.
    pub(super) fn is_enough(&self) -> bool {
        self.end.is_some() || self.rounds > 2
    }

    /// Tells the ranking, the verdict and the settings to paste.
    pub(super) fn tell(&self, console: &Console, left: &[Left]) {
        if self.is_enough() {
            let (verdict, toml) = (self.verdict(), paste::toml(self));
            console.result(&format!("{}\n{verdict}\n\n{toml}", table::text(self)));
        } else {
            console.note("stopped before there was anything to compare");
        }
        console.event(&told::tuned(self, left));
    }

    /// The entries in order, the best first, with the reasons of those that failed.
    pub(super) fn ranked(&self) -> impl Iterator<Item = (&Entry, Option<&Failed>)> {
        self.ranking
            .order
            .iter()
            .map(|&index| (&self.entries[index], self.reasons.get(index).and_then(Option::as_ref)))
    }

    /// The entry that is to be used, where one may be claimed to be better than the baseline.
    pub(super) fn best(&self) -> Option<&Entry> {
        match self.ranking.verdict {
            Verdict::Better { index, .. } | Verdict::OnlyOthers { index } => {
                Some(&self.entries[index])
            }
            Verdict::WithinNoise | Verdict::TooFewRounds { .. } | Verdict::Nothing => None,
        }
    }

    /// The entry that was ahead, without enough rounds to claim anything.
    pub(super) fn ahead(&self) -> Option<&Entry> {
        match self.ranking.verdict {
            Verdict::TooFewRounds { index, .. } => Some(&self.entries[index]),
            _ => None,
        }
    }

    /// What may be said of the best, in a sentence or two.
    pub(super) fn verdict(&self) -> String {
        let name = |index: usize| self.entries[index].candidate.to_string();
        let noise = format!("{:.0}%", (self.ranking.noise * 100.0).ceil());
        match self.ranking.verdict {
            Verdict::Better { index, gain, chance } => format!(
                "{} is better than what is set: {}. Noise alone would put one so far ahead in {} \
                 of cases.",
                name(index),
                self.gain(gain),
                percent(chance),
            ),
            Verdict::WithinNoise => format!(
                "No setting is measurably better than what you have. Uploads with the same \
                 settings differ by about {noise}."
            ),
            Verdict::TooFewRounds { index, gain, rounds } => format!(
                "{} was ahead every time ({}), but so few rounds cannot tell that from chance: \
                 type --rounds {rounds}{}",
                name(index),
                self.gain(gain),
                match self.end {
                    Some(End::Budget) => " and a larger --max-time or --max-bytes.",
                    _ => " or more.",
                }
            ),
            Verdict::OnlyOthers { index } => {
                format!("With what is set, uploads failed; with {} they did not.", name(index))
            }
            Verdict::Nothing => "Nothing was uploaded.".to_owned(),
        }
    }

    /// By how much, in the words of what was to be good.
    fn gain(&self, gain: f64) -> String {
        let less = 1.0 - 1.0 / (1.0 + gain);
        match self.goal {
            Goal::Throughput => format!("{} more throughput", percent(gain)),
            Goal::Cpu => format!("{} less processor time", percent(less)),
            Goal::Memory => format!("{} less memory", percent(less)),
        }
    }
}

/// A share with two digits that count.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent >= 9.95 => format!("{percent:.0}%"),
        _ if percent >= 0.095 => format!("{percent:.1}%"),
        _ => "less than 0.1%".to_owned(),
    }
}

/// What became of an entry, where it is not ranked by its uploads alone.
pub(super) fn remark(entry: &Entry, failed: Option<&Failed>) -> Option<String> {
    let why = || failed.map_or("", |failed| failed.in_short()).to_owned();
    match entry.state {
        State::Racing if entry.failures == 0 => None,
        State::Racing => Some(format!("failed once: {}", why())),
        State::Dropped => Some("dropped out: clearly worse".to_owned()),
        State::Failing => Some(format!("given up: {}", why())),
        State::Refused => Some(format!("refused: {}", why())),
    }
}

/// MiB a second.
pub(super) fn mib_per_s(bytes_per_s: f64) -> f64 {
    bytes_per_s / MIB
}

/// The sample's throughput in MiB a second.
pub(super) fn rate(sample: &Sample) -> f64 {
    mib_per_s(sample.throughput())
}

pub(super) const MIB: f64 = 1_048_576.0;
