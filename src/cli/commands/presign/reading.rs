//! A file's checksums, read once from its first byte to its last.

use std::path::Path;

use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::place::Place;
use crate::cli::progress::Progress;
use crate::cli::signals::Interrupts;
use crate::disk::Source;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::{Crc64Nvme, PartNumber};
use crate::upload::{PartRange, UploadPlan};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 20;

/// The checksum of each part of `plan`, in order: one for a plan of a single request.
pub(super) fn part_checksums(
    source: &Source,
    plan: &UploadPlan,
    console: &Console,
    interrupts: &Interrupts,
) -> Result<Vec<Crc64Nvme>, CliError> {
    let mut reader =
        Reader { source, interrupts, progress: Progress::new(console), buffer: vec![0; BUFFER] };
    let parts = (0..plan.parts()).map(|index| plan.part(PartNumber::from_index(index)));
    let checksums = parts.map(|part| reader.checksum(part)).collect::<Result<Vec<_>, _>>()?;
    expect_unchanged(source)?;
    Ok(checksums)
}

/// The checksum of the whole file.
pub(super) fn combined(plan: &UploadPlan, parts: &[Crc64Nvme]) -> Crc64Nvme {
    (0..).zip(parts).fold(Crc64Nvme::of(b""), |whole, (index, checksum)| {
        whole.combine(*checksum, plan.part(PartNumber::from_index(index)).length)
    })
}

/// That the file is still what it was when it was opened.
pub(super) fn expect_unchanged(source: &Source) -> Result<(), CliError> {
    match source.change() {
        Some(change) => {
            Err(unreadable(source.path(), format!("it changed while it was read: {change}")))
        }
        None => Ok(()),
    }
}

struct Reader<'a> {
    source: &'a Source,
    interrupts: &'a Interrupts,
    progress: Progress<'a>,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    fn checksum(&mut self, part: PartRange) -> Result<Crc64Nvme, CliError> {
        let mut hasher = Crc64NvmeHasher::new();
        let (mut offset, end) = (part.offset, part.offset + part.length);
        while offset < end {
            if let Some(signal) = self.interrupts.first() {
                let what = "nothing was begun at the store".to_owned();
                return Err(CliError::Stopped { what, signal: Some(signal) });
            }
            let wanted = (end - offset).min(BUFFER as u64) as usize;
            let space = &mut self.buffer[..wanted];
            let path = self.source.path();
            let count = self.source.read_at(space, offset);
            let count = count.map_err(|error| unreadable(path, error.to_string()))?;
            if count < wanted {
                expect_unchanged(self.source)?;
                return Err(unreadable(path, format!("it ends at byte {}", offset + count as u64)));
            }
            hasher.update(space);
            offset += count as u64;
            self.progress.show_read(offset, self.source.size());
        }
        Ok(hasher.value())
    }
}

fn unreadable(path: &Path, what: String) -> CliError {
    CliError::Unreadable { path: Place::shown(path), what }
}
