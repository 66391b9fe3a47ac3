//! A file to upload where the user has none.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::cli::error::CliError;
use crate::cli::signals::Interrupts;

/// Blocks of chance stand this far apart; between them the file is sparse.
const BLOCK_DISTANCE: u64 = 1 << 20;
const BLOCK_SIZE: usize = 64 << 10;

/// A sparse file with blocks of chance in `folder`, which is made and read quickly and yet has no
/// two parts alike.
pub(super) fn generated(
    folder: &Path,
    size: u64,
    seed: u64,
    interrupts: &Interrupts,
) -> Result<PathBuf, CliError> {
    let path = folder.join("generated");
    let failed = |error| CliError::System { doing: "cannot make the file to upload", error };
    generate(&path, size, seed, interrupts).map_err(failed)?;
    Ok(path)
}

fn generate(path: &Path, size: u64, seed: u64, interrupts: &Interrupts) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.set_len(size)?;
    let mut chance = fastrand::Rng::with_seed(seed);
    let mut block = vec![0; BLOCK_SIZE];
    let mut offset = 0;
    while offset < size {
        interrupts.check()?;
        chance.fill(&mut block);
        let length = (size - offset).min(BLOCK_SIZE as u64) as usize;
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&block[..length])?;
        offset += BLOCK_DISTANCE;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_files_depend_on_the_seed_and_are_not_empty() {
        let folder = tempfile::tempdir().unwrap();
        let interrupts = Interrupts::listen().unwrap();
        let size = 3 * BLOCK_DISTANCE + 100;
        let bytes = |name: &str, seed| {
            let path = folder.path().join(name);
            generate(&path, size, seed, &interrupts).unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes[bytes.len() - 100..].iter().any(|byte| *byte != 0), "the last block");
            assert_eq!(bytes.len() as u64, size);
            bytes
        };
        let (one, same, other) = (bytes("a", 1), bytes("b", 1), bytes("c", 2));
        assert!(one == same);
        assert!(one != other);
    }
}
