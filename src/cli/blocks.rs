//! A file's bytes, block by block: what is summed before anything is sent.

use std::ops::Range;

use super::error::CliError;
use super::place::Place;
use crate::disk::Source;

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;

/// Hands each block of `range` to `take`, with where it ends.
pub(super) fn each_block(
    source: &Source,
    range: Range<u64>,
    mut take: impl FnMut(&[u8], u64) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let unreadable = |what| CliError::Unreadable { path: Place::shown(source.path()), what };
    let mut buffer = vec![0; BLOCK];
    let mut offset = range.start;
    while offset < range.end {
        let wanted = (range.end - offset).min(BLOCK as u64) as usize;
        let block = &mut buffer[..wanted];
        let count = source.read_at(block, offset).map_err(|error| unreadable(error.to_string()))?;
        if count < wanted {
            expect_unchanged(source)?;
            return Err(unreadable(format!("it ends at byte {}", offset + count as u64)));
        }
        offset += count as u64;
        take(block, offset)?;
    }
    Ok(())
}

/// That the file is still what it was when it was opened.
pub(super) fn expect_unchanged(source: &Source) -> Result<(), CliError> {
    match source.change() {
        Some(change) => Err(CliError::Unreadable {
            path: Place::shown(source.path()),
            what: format!("it changed while it was read: {change}"),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn blocks_are_the_range_in_order_and_what_is_missing_is_told() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let bytes: Vec<u8> = (0..3 * BLOCK + 5).map(|index| (index / 7) as u8).collect();
        file.write_all(&bytes).unwrap();
        let source = Source::open(file.path()).unwrap();
        let mut read = Vec::new();
        let mut ends = Vec::new();
        let range = 3..source.size();
        let collect = |block: &[u8], end| {
            read.extend_from_slice(block);
            ends.push(end);
            Ok(())
        };
        each_block(&source, range, collect).unwrap();
        assert_eq!(read, bytes[3..]);
        let block = BLOCK as u64;
        assert_eq!(ends, [block + 3, 2 * block + 3, 3 * block + 3, 3 * block + 5]);
        file.as_file().set_len(block).unwrap();
        let error = each_block(&source, 0..2 * block, |_, _| Ok(())).unwrap_err();
        assert!(error.to_string().contains("it changed while it was read"), "{error}");
    }
}
