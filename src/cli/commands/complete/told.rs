//! How a completion ended, as text and JSON.

use std::collections::BTreeMap;

use indicatif::HumanBytes;
use serde::Serialize;

use crate::cli::commands::store::Cost;
use crate::cli::exit::ExitStatus;
use crate::cli::json::Checksum;
use crate::cli::place::Place;
use crate::s3::PartNumber;
use crate::upload::{Completion, Manifest, Shortage};

/// Parts that are told one by one, of those that differ.
const DIFFERING_MAX: usize = 10;

/// What is told of it.
pub(super) struct Ending {
    pub(super) text: String,
    pub(super) hint: Option<String>,
}

impl Ending {
    pub(super) fn error(text: String, hint: &str) -> Ending {
        Ending { text, hint: Some(hint.to_owned()) }
    }
}

pub(super) fn completed(completion: &Completion, manifest: &Manifest, object: &str) -> Ending {
    let Completion::Completed { etag, checksum, by_comparison } = completion else {
        unreachable!("only what was completed is told so")
    };
    let (parts, bytes) = (manifest.plan().parts(), HumanBytes(manifest.file().size));
    let mut lines = vec![format!("completed {object}: {bytes} in {}", counted(parts))];
    let etag = etag.as_ref().map(|etag| format!("ETag {etag}"));
    let checksum = checksum.map(|sum| format!("CRC64NVME {}", sum.to_base64()));
    let identity: Vec<String> = [etag, checksum].into_iter().flatten().collect();
    lines.extend((!identity.is_empty()).then(|| identity.join(", ")));
    if *by_comparison {
        lines.push("it was there already; the stored object was compared and is the file".into());
    }
    Ending { text: lines.join("\n  "), hint: None }
}

pub(super) fn ready((parts, bytes): (u32, u64), object: &str, again: &str) -> Ending {
    let (parts, bytes) = (counted(parts), HumanBytes(bytes));
    let text =
        format!("all is there for {object}: {bytes} in {parts}\n  complete it with: {again}");
    Ending { text, hint: None }
}

pub(super) fn incomplete(
    shortage: &Shortage,
    manifest: &Manifest,
    object: &str,
    send: &str,
) -> Ending {
    let Shortage { missing, differing } = shortage;
    let bad = missing.len() + differing.len();
    let parts = counted(manifest.plan().parts());
    let mut lines = vec![format!("{object} cannot be completed: {bad} of {parts} are not there")];
    if !missing.is_empty() {
        lines.push(format!("missing: {}", ranges(missing.iter().copied())));
    }
    if !differing.is_empty() {
        lines.push(format!("not the file's: {}", ranges(differing.iter().map(|(n, _)| *n))));
        let shown = differing.iter().take(DIFFERING_MAX);
        lines.extend(shown.map(|(number, how)| format!("part {number}: {how}")));
    }
    Ending {
        text: lines.join("\n"),
        hint: Some(format!("send them with: {send}, or the shares that have them")),
    }
}

fn counted(parts: u32) -> String {
    if parts == 1 { "1 part".to_owned() } else { format!("{parts} parts") }
}

/// Numbers in order, as `4-17, 20`.
fn ranges(numbers: impl Iterator<Item = PartNumber>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for number in numbers.map(|number| number.0.get()) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let shown = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// The end; always the last line of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    event: &'static str,
    /// `completed`, `ready`, `incomplete`, `differs`, `gone`, `failed`, `unknown`, `interrupted`.
    outcome: &'static str,
    /// The object; the manifest where that could not be read.
    destination: String,
    upload_id: Option<String>,
    /// Parts of the file that are there, and their bytes.
    parts: u32,
    bytes: u64,
    parts_total: u32,
    bytes_total: u64,
    /// Numbers of parts, as in `4-17, 20`.
    missing: Option<String>,
    differing: Option<String>,
    etag: Option<String>,
    checksum: Option<Checksum>,
    requests: u32,
    retries: BTreeMap<&'static str, u32>,
    exit_code: u8,
}

impl Summary {
    pub(super) fn new(
        completion: &Completion,
        manifest: &Manifest,
        (parts, bytes): (u32, u64),
        cost: &Cost,
        status: ExitStatus,
    ) -> Summary {
        let mut summary = Summary {
            outcome: outcome(completion),
            destination: Place::address(manifest.object()),
            upload_id: Some(manifest.upload_id().0.clone()),
            parts,
            bytes,
            parts_total: manifest.plan().parts(),
            bytes_total: manifest.file().size,
            requests: cost.requests,
            retries: cost.retries.iter().map(|(class, n)| (class.as_str(), *n)).collect(),
            ..Summary::of_nothing("", status.code())
        };
        match completion {
            Completion::Incomplete(Shortage { missing, differing }) => {
                summary.missing = Some(ranges(missing.iter().copied()));
                summary.differing = Some(ranges(differing.iter().map(|(number, _)| *number)));
            }
            Completion::Completed { etag, checksum, .. } => {
                summary.etag = etag.as_ref().map(|etag| etag.0.clone());
                summary.checksum = checksum.map(|checksum| Checksum {
                    algorithm: "crc64nvme",
                    value: checksum.to_base64(),
                });
            }
            _ => {}
        }
        summary
    }

    /// The summary of what never began.
    pub(super) fn of_nothing(manifest: &str, exit_code: u8) -> Summary {
        Summary {
            event: "summary",
            outcome: "failed",
            destination: manifest.to_owned(),
            upload_id: None,
            parts: 0,
            bytes: 0,
            parts_total: 0,
            bytes_total: 0,
            missing: None,
            differing: None,
            etag: None,
            checksum: None,
            requests: 0,
            retries: BTreeMap::new(),
            exit_code,
        }
    }
}

fn outcome(completion: &Completion) -> &'static str {
    match completion {
        Completion::Completed { .. } => "completed",
        Completion::Ready => "ready",
        Completion::Incomplete(_) => "incomplete",
        Completion::Differs(_) => "differs",
        Completion::Gone => "gone",
        Completion::Failed(_) | Completion::Unlisted(_) => "failed",
        Completion::Unknown(_) => "unknown",
        Completion::Stopped { .. } => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_are_told_as_a_range() {
        let shown = |numbers: &[u32]| {
            ranges(numbers.iter().map(|number| PartNumber::from_index(number - 1)))
        };
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[1]), "1");
        assert_eq!(shown(&[1, 2]), "1-2");
        assert_eq!(shown(&[4, 5, 6, 7, 20, 22, 23, 10_000]), "4-7, 20, 22-23, 10000");
    }
}
