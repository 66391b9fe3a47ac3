//! A journal: as it stands in the file, or, after a first line `sums`, JSON lines whose sums are
//! added here: a fuzzer would never find them.

use curlift::s3::{Limits, PartNumber, UnixTime};
use curlift::upload::journal::{Record, Resumable, read};

use super::expect_printable;

/// CRC-64/NVME's polynomial, bits reversed, and what the first sum goes on from.
const POLYNOMIAL: u64 = 0x9a6c_9329_ac4b_c9b5;
const BEGINNING: &[u8] = b"curlift journal";

/// Reads it; what it adds up to can be gone on with.
pub(crate) fn journal(bytes: &[u8]) {
    let bytes = bytes.strip_prefix(b"sums\n").map_or_else(|| bytes.to_vec(), summed);
    match read(&bytes, &Limits::AWS) {
        Ok(None) => assert!(!bytes.contains(&b'\n'), "a whole line is no torn one"),
        Ok(Some(found)) => expect_usable(&bytes, &found),
        Err(error) => expect_printable(&error.to_string()),
    }
}

fn expect_usable(bytes: &[u8], found: &Resumable) {
    let good = &bytes[..usize::try_from(found.length).expect("it is within the bytes")];
    assert_eq!(good.last(), Some(&b'\n'), "it ends in the middle of a line");
    assert_eq!(read(good, &Limits::AWS).as_ref(), Ok(&Some(found.clone())), "alone it is less");
    expect_parts_of_the_file(found);
    let mut writer = found.writer;
    let longer = [good, &writer.line(&Record::Creating, UnixTime(1))].concat();
    let longer = read(&longer, &Limits::AWS).expect("it was good").expect("it had begun");
    assert_eq!(longer.creations_lost.len(), found.creations_lost.len() + 1, "it was not read");
    assert_eq!(longer.parts, found.parts);
}

/// Parts are of an upload, in order, within the plan; the plan is of the whole file.
fn expect_parts_of_the_file(found: &Resumable) {
    let (size, plan) = (found.begun.source.size, &found.plan);
    assert!(found.upload_id.is_some() || found.parts.is_empty());
    assert!(found.parts.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert!(found.parts.iter().all(|part| part.number.index() < plan.parts()));
    assert!(found.bytes_stored() <= size, "{} of {size}", found.bytes_stored());
    let last = plan.part(PartNumber::from_index(plan.parts() - 1));
    assert_eq!(last.offset.checked_add(last.length), Some(size), "the plan ends elsewhere");
    assert!(last.length > 0 || size == 0, "a part of nothing");
    assert!(plan.parts() <= Limits::AWS.parts_max, "{} parts", plan.parts());
}

/// The lines with the sums that the program would have written before them.
fn summed(lines: &[u8]) -> Vec<u8> {
    let mut sum = crc(BEGINNING.iter());
    let mut journal = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let json = line.strip_suffix(b"\n").unwrap_or(line);
        sum = crc(sum.to_be_bytes().iter().chain(json));
        journal.extend(format!("{sum:016x} ").into_bytes());
        journal.extend(line);
    }
    journal
}

/// From its definition, bit by bit.
fn crc<'a>(bytes: impl Iterator<Item = &'a u8>) -> u64 {
    let shift = |crc: u64| (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
    !bytes.fold(u64::MAX, |crc, byte| (0..8).fold(crc ^ u64::from(*byte), |crc, _| shift(crc)))
}
