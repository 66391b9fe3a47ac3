//! What the end-to-end tests share: the real program, a real file, and a store that is asked by
//! somebody else than us (`curl --aws-sigv4`) what it holds.

mod crc;
mod process;
mod program;
mod store;

pub(crate) use crc::crc64nvme;
pub(crate) use process::wait_until;
pub(crate) use program::{Curlift, Ended};
pub(crate) use store::Store;

use std::fs;
use std::path::{Path, PathBuf};

/// Bytes that repeat nowhere at a part's distance: of a generator seeded by `seed`.
pub(crate) fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; length];
    random.fill(&mut bytes);
    bytes
}

/// Writes a file of such bytes; gives its path and what is in it.
pub(crate) fn write_file(folder: &Path, name: &str, length: usize) -> (PathBuf, Vec<u8>) {
    let content = bytes(length, length as u64);
    let path = folder.join(name);
    fs::write(&path, &content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (path, content)
}

/// Fails where two contents differ, without printing megabytes.
pub(crate) fn expect_same(stored: &[u8], sent: &[u8]) {
    assert_eq!(stored.len(), sent.len(), "bytes stored and sent");
    let differs = stored.iter().zip(sent).position(|(a, b)| a != b);
    assert_eq!(differs, None, "the first byte that differs");
}
