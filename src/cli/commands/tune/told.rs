//! The lines of `tune --json`: one `measurement` for each upload, and `tuned` at the end.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::found::Found;
use super::paste;
use super::program::Failed;
use super::scratch::Left;
use crate::tune::{Candidate, End, Entry, Goal, Sample, State, Verdict};

/// One upload.
#[derive(Debug, Serialize)]
pub(super) struct Measurement {
    event: &'static str,
    /// 0 is the warm-up, which does not count.
    round: u32,
    settings: Map<String, Value>,
    bytes: Option<u64>,
    elapsed_s: Option<f64>,
    bytes_per_s: Option<f64>,
    cpu_s: Option<f64>,
    cpu_s_per_gib: Option<f64>,
    memory_peak_bytes: Option<u64>,
    retries: Option<u32>,
    /// Why it failed, and its exit code.
    failure: Option<String>,
    exit_code: u8,
}

/// An upload that was measured.
pub(super) fn measurement(candidate: &Candidate, round: u32, sample: &Sample) -> Measurement {
    Measurement {
        bytes: Some(sample.bytes),
        elapsed_s: Some(sample.elapsed_s),
        bytes_per_s: Some(sample.throughput().round()),
        cpu_s: Some(sample.cpu_s),
        cpu_s_per_gib: Some(thousandths(sample.cpu_s_per_gib())),
        memory_peak_bytes: sample.memory_peak_bytes,
        retries: Some(sample.retries),
        ..nothing(candidate, round)
    }
}

/// One that failed.
pub(super) fn failure(candidate: &Candidate, round: u32, failed: &Failed) -> Measurement {
    let (failure, exit_code) = (Some(failed.message.clone()), failed.code);
    Measurement { failure, exit_code, ..nothing(candidate, round) }
}

fn nothing(candidate: &Candidate, round: u32) -> Measurement {
    Measurement {
        event: "measurement",
        round,
        settings: settings(candidate),
        bytes: None,
        elapsed_s: None,
        bytes_per_s: None,
        cpu_s: None,
        cpu_s_per_gib: None,
        memory_peak_bytes: None,
        retries: None,
        failure: None,
        exit_code: 0,
    }
}

/// The last line.
#[derive(Debug, Serialize)]
pub(super) struct Tuned {
    event: &'static str,
    /// `tuned`, `interrupted`.
    outcome: &'static str,
    source: String,
    destination: String,
    by: &'static str,
    /// `better`, `within_noise`, `too_few_rounds`, `only_others`, `nothing`.
    verdict: &'static str,
    /// The same as a sentence.
    says: String,
    /// The settings to use; none where what is set is as good.
    best: Option<Map<String, Value>>,
    gain: Option<f64>,
    chance: Option<f64>,
    /// How far uploads with the same settings scatter, as a share.
    noise: f64,
    toml: String,
    /// Why it ended: `rounds`, `budget`, `settled`; nothing where it was stopped.
    end: Option<&'static str>,
    rounds: u32,
    uploads: u32,
    bytes: u64,
    elapsed_s: f64,
    ranking: Vec<Value>,
    /// What could not be removed, and the line that removes it.
    left: Vec<Value>,
}

/// What was found out.
pub(super) fn tuned(found: &Found, left: &[Left]) -> Tuned {
    let ranking = &found.ranking;
    let (verdict, gain, chance) = match ranking.verdict {
        Verdict::Better { gain, chance, .. } => ("better", Some(gain), Some(chance)),
        Verdict::WithinNoise => ("within_noise", None, None),
        Verdict::TooFewRounds { gain, .. } => ("too_few_rounds", Some(gain), None),
        Verdict::OnlyOthers { .. } => ("only_others", None, None),
        Verdict::Nothing => ("nothing", None, None),
    };
    Tuned {
        event: "tuned",
        outcome: if found.end.is_some() { "tuned" } else { "interrupted" },
        source: found.source.clone(),
        destination: found.destination.clone(),
        by: match found.goal {
            Goal::Throughput => "throughput",
            Goal::Cpu => "cpu",
            Goal::Memory => "memory",
        },
        verdict,
        says: found.verdict(),
        best: found.best().map(|entry| settings(&entry.candidate)),
        gain: gain.map(thousandths),
        chance,
        noise: thousandths(ranking.noise),
        toml: paste::toml(found),
        end: found.end.map(|end| match end {
            End::Rounds => "rounds",
            End::Budget => "budget",
            End::Settled => "settled",
        }),
        rounds: found.rounds,
        uploads: found.uploads,
        bytes: found.bytes,
        elapsed_s: thousandths(found.elapsed.as_secs_f64()),
        ranking: found.ranked().map(|(entry, failed)| ranked(entry, failed)).collect(),
        left: left.iter().map(|left| json!({"what": left.what, "line": left.line})).collect(),
    }
}

/// One candidate of the ranking.
fn ranked(entry: &Entry, failed: Option<&Failed>) -> Value {
    let spread = entry.spread(Sample::throughput);
    let cpu = entry.spread(Sample::cpu_s_per_gib);
    json!({
        "settings": settings(&entry.candidate),
        "state": match entry.state {
            State::Racing => "ranked",
            State::Dropped => "dropped",
            State::Failing => "failing",
            State::Refused => "refused",
        },
        "bytes_per_s": spread.map(|spread| spread.median.round()),
        "bytes_per_s_min": spread.map(|spread| spread.min.round()),
        "bytes_per_s_max": spread.map(|spread| spread.max.round()),
        "cpu_s_per_gib": cpu.map(|cpu| thousandths(cpu.median)),
        "memory_peak_bytes": entry.memory_peak_bytes(),
        "retries": entry.retries(),
        "failures": entry.failures,
        "samples": entry.samples.len(),
        "reason": failed.map(|failed| &failed.message),
    })
}

fn settings(candidate: &Candidate) -> Map<String, Value> {
    let pairs = candidate.settings.iter();
    pairs.map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
