//! The ranking as people read it at a terminal.

use std::fmt::Write as _;

use super::found::{Found, MIB, rate, remark};
use crate::tune::{Entry, Sample};

/// The columns' heads; the settings come last.
const HEADS: [&str; 8] =
    ["rank", "MiB/s", "[min - max]", "CPU s/GiB", "peak MiB", "retries", "failed", "rounds"];

/// The table, a line for each candidate.
pub(super) fn text(found: &Found) -> String {
    let mut rows = vec![(HEADS.map(str::to_owned), "settings".to_owned())];
    for (place, (entry, failed)) in found.ranked().enumerate() {
        let remark = remark(entry, failed).map(|remark| format!(" ({remark})"));
        let baseline = if entry.candidate.is_baseline() { " (baseline)" } else { "" };
        let settings = format!("{}{baseline}{}", entry.candidate, remark.unwrap_or_default());
        rows.push((cells(place + 1, entry), settings));
    }
    let width = |column: usize| rows.iter().map(|(row, _)| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..HEADS.len()).map(|c| width(c).unwrap_or_default()).collect();
    let mut text = String::new();
    for (row, settings) in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(text, "{cell:>width$}  ").expect("text can be appended to");
        }
        text += settings;
        text.push('\n');
    }
    text
}

/// The numbers of an entry.
pub(super) fn cells(place: usize, entry: &Entry) -> [String; 8] {
    let none = || "-".to_owned();
    let throughput = entry.spread(rate);
    let cpu = entry.spread(Sample::cpu_s_per_gib);
    let memory = entry.memory_peak_bytes();
    [
        place.to_string(),
        throughput.map_or_else(none, |rate| format!("{:.1}", rate.median)),
        throughput.map_or_else(none, |rate| format!("[{:.1} - {:.1}]", rate.min, rate.max)),
        cpu.map_or_else(none, |cpu| format!("{:.2}", cpu.median)),
        memory.map_or_else(none, |bytes| format!("{:.1}", bytes as f64 / MIB)),
        entry.retries().to_string(),
        entry.failures.to_string(),
        entry.samples.len().to_string(),
    ]
}
