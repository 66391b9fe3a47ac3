//! A small file of our own that is only ever read and replaced whole.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;

use super::journal_file::{careful, create_folder};

/// None of ours is longer.
const BYTES_MAX: u64 = 64 << 10;

/// What stands in the file `name` of `folder`; `None` where it is missing.
///
/// # Errors
/// The operating system's; and where it is no regular file, or longer than 64 KiB.
pub fn read_small(folder: &Path, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut options = OpenOptions::new();
    let file = match careful(options.read(true)).open(folder.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::other("longer than any of ours"));
    }
    Ok(Some(bytes))
}

/// Puts `bytes` in the place of the file `name` of `folder`, which is created where it is missing;
/// both for their owner alone. Whoever reads meanwhile finds the one or the other, whole.
///
/// # Errors
/// The operating system's; then the file is as it was.
pub fn replace_small(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    create_folder(folder)?;
    let mut new = tempfile::Builder::new().prefix(&format!(".{name}.")).tempfile_in(folder)?;
    new.write_all(bytes)?;
    new.persist(folder.join(name)).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn what_was_put_there_is_read_and_only_its_owner_may() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("state/curlift");
        assert_eq!(read_small(&folder, "x.json").unwrap(), None);
        for bytes in [b"one".as_slice(), b"another", b""] {
            replace_small(&folder, "x.json", bytes).unwrap();
            assert_eq!(read_small(&folder, "x.json").unwrap().as_deref(), Some(bytes));
        }
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.join("x.json")), mode(folder.clone())), (0o600, 0o700));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else stays");
    }

    #[test]
    fn what_is_no_file_of_ours_is_not_read_and_no_link_is_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        fs::create_dir(path("folder")).unwrap();
        fs::write(path("long"), vec![b'x'; (64 << 10) + 1]).unwrap();
        fs::write(path("secret"), "s").unwrap();
        symlink(path("secret"), path("link")).unwrap();
        for name in ["folder", "long", "link"] {
            read_small(folder.path(), name).unwrap_err();
        }
        replace_small(folder.path(), "folder", b"x").unwrap_err();
        replace_small(folder.path(), "link", b"mine").unwrap();
        assert_eq!(fs::read(path("secret")).unwrap(), b"s");
        assert_eq!(read_small(folder.path(), "link").unwrap().as_deref(), Some(&b"mine"[..]));
    }
}
