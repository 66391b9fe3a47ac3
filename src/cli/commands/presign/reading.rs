//! A file's checksums, read once from its first byte to its last.

use crate::cli::blocks::{each_block, expect_unchanged};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::progress::Progress;
use crate::cli::signals::Interrupts;
use crate::disk::Source;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::{Crc64Nvme, PartNumber};
use crate::upload::{PartRange, UploadPlan};

/// The checksum of each part of `plan`, in order: one for a plan of a single request.
pub(super) fn part_checksums(
    source: &Source,
    plan: &UploadPlan,
    console: &Console,
    interrupts: &Interrupts,
) -> Result<Vec<Crc64Nvme>, CliError> {
    let mut reader = Reader { source, interrupts, progress: Progress::new(console) };
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

struct Reader<'a> {
    source: &'a Source,
    interrupts: &'a Interrupts,
    progress: Progress<'a>,
}

impl Reader<'_> {
    fn checksum(&mut self, part: PartRange) -> Result<Crc64Nvme, CliError> {
        let mut hasher = Crc64NvmeHasher::new();
        each_block(self.source, part.offset..part.offset + part.length, |block, end| {
            if let Some(signal) = self.interrupts.first() {
                let what = "nothing was begun at the store".to_owned();
                return Err(CliError::Stopped { what, signal: Some(signal) });
            }
            hasher.update(block);
            self.progress.show_read(end, self.source.size());
            Ok(())
        })?;
        Ok(hasher.value())
    }
}
