//! What can be said beforehand of a stream whose length nobody knows: how its parts grow, and what
//! memory that takes.

use indicatif::HumanBytes;
use serde::Serialize;

use crate::cli::commands::upload::{Upload, UploadSource};
use crate::units::exact_size;

/// Parts of one size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Rung {
    /// Number of the first of them.
    first_part: u32,
    parts: u32,
    /// From so many bytes on.
    offset: u64,
    part_size: u64,
    /// While these are sent.
    memory_bytes: u64,
}

/// The sizes of parts, where nobody knows how many there will be.
pub(super) fn rungs(upload: &Upload) -> Vec<Rung> {
    if upload.plan.forecast().is_some() {
        return Vec::new();
    }
    let largest = upload.plan.largest();
    let steps = upload.plan.steps().into_iter().filter(|step| step.offset < largest);
    let rung = |step: crate::upload::Step| Rung {
        first_part: step.first + 1,
        parts: step.parts,
        offset: step.offset,
        part_size: step.part_size,
        memory_bytes: super::memory(upload, upload.concurrency, step.part_size),
    };
    steps.map(rung).collect()
}

/// Bytes that parts of this size hold while one is in flight, beside libcurl's own buffers.
pub(super) fn held(upload: &Upload, part_size: u64) -> u64 {
    match &upload.source {
        UploadSource::Stdin(settings) if settings.spool.is_none() => part_size,
        UploadSource::Stdin(_) | UploadSource::File(_) => 0,
    }
}

/// The rows of a plan for people.
pub(super) fn rows(rungs: &[Rung], largest: u64) -> Vec<(&'static str, String)> {
    let mut rows = vec![("size", "not known before its end".to_owned())];
    for (index, rung) in rungs.iter().enumerate() {
        let from = match rung.offset {
            0 => "from the start".to_owned(),
            offset => format!("from part {}, {}", rung.first_part, HumanBytes(offset)),
        };
        let size = exact_size(rung.part_size);
        let memory = HumanBytes(rung.memory_bytes);
        let name = if index == 0 { "parts" } else { "" };
        rows.push((name, format!("{size:<8} {from}; memory about {memory}")));
    }
    rows.push(("at most", format!("{} ({largest} bytes)", HumanBytes(largest))));
    rows
}
