//! A file in which a stream waits until it is uploaded.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::StreamError;

/// The file, ours alone (mode 0600, a name that nobody has); dropped, it is removed.
pub(super) struct Spool {
    named: NamedTempFile,
    /// What it is read and written by.
    file: Arc<File>,
}

impl Spool {
    pub(super) fn create(folder: &Path) -> Result<Spool, StreamError> {
        let failed = |error| StreamError::Spool { path: folder.to_path_buf(), error };
        let mut builder = tempfile::Builder::new();
        builder.prefix("curlift-").suffix(".spool");
        let named = builder.tempfile_in(folder).map_err(failed)?;
        let file = Arc::new(named.as_file().try_clone().map_err(failed)?);
        Ok(Spool { named, file })
    }

    pub(super) fn file(&self) -> (PathBuf, Arc<File>) {
        (self.path(), self.file.clone())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.named.path().to_path_buf()
    }

    pub(super) fn keep(self) -> Result<PathBuf, StreamError> {
        let kept = self.named.keep();
        kept.map(|(_, path)| path).map_err(|failed| StreamError::Spool {
            path: failed.file.path().to_path_buf(),
            error: failed.error,
        })
    }
}
