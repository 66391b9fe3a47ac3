//! Whether what an earlier run began is what is wanted now: the same upload, file and settings.

use super::{Continuation, Resume, Wanted};
use crate::cli::error::CliError;
use crate::disk::{JournalFile, Source};
use crate::session::Journal;
use crate::upload::journal::{Resumable, SourceIdentity, Unsure};
use crate::upload::{Beginning, OnGone, Resumed};

impl Wanted<'_> {
    /// Goes on where an earlier run stopped.
    pub(super) fn resume(
        &self,
        id: String,
        file: JournalFile,
        resumable: &Resumable,
    ) -> Result<Continuation, CliError> {
        if let (Some(typed), Some(known)) = (&self.upload_id, &resumable.upload_id)
            && typed != known
        {
            return Err(CliError::Usage {
                what: format!("an earlier run of this upload made {known}, not {typed}"),
                hint: format!(
                    "leave --upload-id out to go on with it (curlift resume {id}), or add \
                     --resume never to free it"
                ),
            });
        }
        let source_differs = match resumable.begun.source.compare(&identity(self.source)) {
            Unsure::Same => None,
            Unsure::Perhaps(how) => Some(how),
            Unsure::No(how) => {
                return Err(CliError::SourceDiffers {
                    path: self.source.path().to_path_buf(),
                    how,
                });
            }
        };
        self.check_settings(&id, resumable)?;
        let (resumed, journal) = taken(file, resumable, source_differs);
        let named = self.upload_id.is_some() || self.resume == Resume::Require;
        let on_gone = if named { OnGone::Fail } else { OnGone::Anew };
        let beginning = Beginning::Resumed(Box::new(resumed));
        Ok(Continuation { beginning, on_gone, journal, id: Some(id), discarded: None })
    }

    /// An upload keeps the settings it was created with.
    fn check_settings(&self, id: &str, resumable: &Resumable) -> Result<(), CliError> {
        if resumable.upload_id.is_none() {
            return Ok(());
        }
        let typed = self.begun().settings;
        let then = &resumable.begun.settings;
        let only = |these: &[(String, String)], those: &[(String, String)]| {
            these.iter().find(|pair| !those.contains(pair)).cloned()
        };
        let difference = match (only(then, &typed), only(&typed, then)) {
            (Some((name, value)), _) => format!("{name}: {value}, which is not what was typed now"),
            (None, Some((name, value))) => format!("no {name}: {value}, which was typed now"),
            (None, None) if resumable.checksums && !self.checksums => {
                "checksums, which were turned off now".to_owned()
            }
            (None, None) => return Ok(()),
        };
        Err(CliError::Usage {
            what: format!("the interrupted upload of this file was begun with {difference}"),
            hint: format!(
                "go on with it as it was begun: curlift resume {id}; or free it and begin anew: \
                 add --resume never"
            ),
        })
    }
}

/// What an earlier run left, and its journal, to be written on.
pub(super) fn taken(
    mut file: JournalFile,
    resumable: &Resumable,
    source_differs: Option<String>,
) -> (Resumed, Option<Journal>) {
    let resumed = Resumed::new(resumable, source_differs);
    let cut = file.truncate(resumable.length);
    (resumed, cut.is_ok().then(|| Journal::new(file, resumable.writer)))
}

/// What tells the file of today from that of another day; nothing does for a stream.
pub(super) fn identity(source: &Source) -> SourceIdentity {
    let print = source.fingerprint().unwrap_or_default();
    SourceIdentity {
        path: source.canonical_path().to_string_lossy().into_owned(),
        size: print.size,
        modified: print.modified,
        changed: print.changed,
        device: print.device,
        inode: print.inode,
    }
}
