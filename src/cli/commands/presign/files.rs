//! The files that manifests are written to: seen to be possible before anything is begun, readable
//! by their owner alone, and there only once they are whole.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::cli::error::CliError;
use crate::cli::place::Place;

/// A manifest's file, which takes its name only once it is whole.
pub(super) struct ManifestFile {
    pub(super) path: PathBuf,
    file: NamedTempFile,
    force: bool,
}

impl ManifestFile {
    /// Makes what can be made of it beforehand.
    pub(super) fn begin(path: &Path, force: bool) -> Result<ManifestFile, CliError> {
        if path.is_dir() {
            return Err(CliError::Usage {
                what: format!("{} is a directory", Place::shown(path)),
                hint: format!("name a file in it: -o {}/parts.json", Place::shown(path)),
            });
        }
        if !force && path.symlink_metadata().is_ok() {
            return Err(CliError::Usage {
                what: format!("{} is there already", Place::shown(path)),
                hint: "name another file, or replace it with --force: its upload stays open, and \
                       its URLs are lost"
                    .to_owned(),
            });
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let file = tempfile::Builder::new()
            .prefix(".curlift-manifest-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)
            .map_err(|error| CliError::Write { path: path.to_owned(), error })?;
        Ok(ManifestFile { path: path.to_owned(), file, force })
    }

    /// Writes it, and gives it its name.
    pub(super) fn finish(mut self, text: &[u8]) -> Result<PathBuf, CliError> {
        let written = self.file.write_all(text).and_then(|()| self.file.as_file().sync_all());
        let path = self.path;
        let named = written.and_then(|()| {
            let named = if self.force {
                self.file.persist(&path)
            } else {
                // Somebody may have written one meanwhile.
                self.file.persist_noclobber(&path)
            };
            named.map(drop).map_err(|error| error.error)
        });
        named.map_err(|error| CliError::Write { path: path.clone(), error })?;
        Ok(path)
    }
}

/// `parts-2.json` for the second share beside `parts.json`.
pub(super) fn share_path(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default();
    let mut name = stem.to_os_string();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_named_after_their_manifest() {
        for (path, expected) in [
            ("parts.json", "parts-2.json"),
            ("a/b.c/parts", "a/b.c/parts-2"),
            ("/x/a.tar.json", "/x/a.tar-2.json"),
            (".json", ".json-2"),
        ] {
            assert_eq!(share_path(Path::new(path), 2), Path::new(expected));
        }
    }

    #[test]
    fn a_file_is_whole_and_its_owners_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("parts.json");
        let file = ManifestFile::begin(&path, false).unwrap();
        assert!(!path.exists());
        let rival = ManifestFile::begin(&path, false).unwrap();
        assert_eq!(file.finish(b"first").unwrap(), path);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(rival.finish(b"second"), Err(CliError::Write { .. })));
        assert!(matches!(ManifestFile::begin(&path, false), Err(CliError::Usage { .. })));
        ManifestFile::begin(&path, true).unwrap().finish(b"third").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"third");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left over");
        assert!(matches!(ManifestFile::begin(folder.path(), true), Err(CliError::Usage { .. })));
    }
}
