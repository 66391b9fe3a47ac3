//! Journals of interrupted uploads: which one belongs to what was typed, and whether it can be gone
//! on with.

mod agreement;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::agreement::{identity, taken};
use super::console::{Console, unix_now};
use super::error::CliError;
use crate::disk::{JournalFile, JournalFileError, Source};
use crate::s3::{Limits, ObjectSettings, UnixTime, UploadId};
use crate::session::Journal;
use crate::upload::journal::{Begun, JournalError, Record, Resumable, Target, Writer, read};
use crate::upload::{Beginning, OnGone, Resumed, UploadPlan};

/// `--resume`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Resume {
    /// Where there is something to go on with.
    #[default]
    Auto,
    /// Not at all: what is left of an earlier run is freed.
    Never,
    /// Or nothing.
    Require,
}

/// What the journal of an upload says before it begins; by default, that there is none.
#[derive(Debug, Default)]
pub(super) struct Continuation {
    pub(super) beginning: Beginning,
    pub(super) on_gone: OnGone,
    /// Where this run's records go; `None` where none can be kept.
    pub(super) journal: Option<Journal>,
    /// Names the journal.
    pub(super) id: Option<String>,
    /// An upload of an earlier run that is to be freed before this one begins, and its journal;
    /// then [`Wanted::begin_over`] begins.
    pub(super) discarded: Option<(Resumed, Journal)>,
}

/// What was typed, as far as journals are concerned.
pub(super) struct Wanted<'a> {
    /// The journal, where it was named.
    pub(super) journal_id: Option<&'a str>,
    pub(super) source: &'a Source,
    pub(super) target: Target,
    /// The store's URL, where none was named too.
    pub(super) endpoint: String,
    pub(super) settings: &'a ObjectSettings,
    pub(super) checksums: bool,
    pub(super) plan: &'a UploadPlan,
    pub(super) resume: Resume,
    pub(super) upload_id: Option<UploadId>,
    /// Names it beside others, where somebody else created and cut it.
    pub(super) prescribed: Option<String>,
}

impl Wanted<'_> {
    /// The name of the journal: the same file to the same place has the same.
    fn id(&self) -> String {
        if let Some(id) = self.journal_id {
            return id.to_owned();
        }
        let path = self.source.canonical_path();
        let Target { bucket, key, .. } = &self.target;
        let mut hash = Sha256::new();
        for text in [path.as_os_str().as_encoded_bytes(), self.endpoint.as_bytes()] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.update(bucket);
        hash.update([0]);
        hash.update(key);
        if let Some(mark) = &self.prescribed {
            hash.update([0]);
            hash.update(mark);
        }
        hex::encode(&hash.finalize()[..6])
    }

    /// Looks for the journal in `folder`, and says where the upload begins.
    pub(super) fn find(
        &self,
        folder: Option<&Path>,
        console: &Console,
    ) -> Result<Continuation, CliError> {
        let id = self.id();
        let opened = match folder {
            None => Err("HOME and XDG_STATE_HOME are not set".to_owned()),
            Some(folder) => match self.open(folder, &id) {
                Err(JournalFileError::Locked { path }) => return Err(busy(path)),
                opened => opened.map_err(|error| error.to_string()),
            },
        };
        match opened {
            Ok(Some((file, bytes))) => self.go_on(id, file, &bytes, console),
            Ok(None) => self.without_journal(),
            Err(reason) => {
                if !self.plan.is_single_put() {
                    console.warn(&format!(
                        "no journal can be kept, so that this upload cannot be resumed: {reason}"
                    ));
                }
                self.without_journal()
            }
        }
    }

    /// Begins whatever the journal says, what was left having been freed.
    pub(super) fn begin_over(
        &self,
        folder: Option<&Path>,
        console: &Console,
    ) -> Result<Continuation, CliError> {
        let id = self.id();
        match folder.map(|folder| self.open(folder, &id)) {
            Some(Ok(Some((file, _)))) => self.begin(id, file, &[], console),
            Some(Err(JournalFileError::Locked { path })) => Err(busy(path)),
            _ => self.without_journal(),
        }
    }

    /// A file that goes in one request needs no journal; one that is there is looked at all the
    /// same.
    fn open(
        &self,
        folder: &Path,
        id: &str,
    ) -> Result<Option<(JournalFile, Vec<u8>)>, JournalFileError> {
        let in_parts = !self.plan.is_single_put() || self.upload_id.is_some();
        if in_parts && self.resume != Resume::Require {
            JournalFile::open(folder, id).map(Some)
        } else {
            JournalFile::open_existing(folder, id)
        }
    }

    fn without_journal(&self) -> Result<Continuation, CliError> {
        if self.resume == Resume::Require && self.upload_id.is_none() {
            return Err(self.nothing_to_resume());
        }
        let (beginning, on_gone) = self.fresh();
        Ok(Continuation { beginning, on_gone, journal: None, id: None, discarded: None })
    }

    fn nothing_to_resume(&self) -> CliError {
        let Target { bucket, key, .. } = &self.target;
        CliError::NotFound {
            what: format!(
                "there is no journal of {} to s3://{bucket}/{key}",
                self.source.path().display()
            ),
            hint: "leave --resume require out to begin anew; curlift resume --list shows what can \
                   be resumed"
                .to_owned(),
        }
    }

    fn fresh(&self) -> (Beginning, OnGone) {
        match &self.upload_id {
            Some(upload_id) if self.prescribed.is_some() => {
                (Beginning::Prescribed(upload_id.clone()), OnGone::Fail)
            }
            Some(upload_id) => (Beginning::Adopted(upload_id.clone()), OnGone::Fail),
            None => (Beginning::Anew, OnGone::Anew),
        }
    }

    fn go_on(
        &self,
        id: String,
        file: JournalFile,
        bytes: &[u8],
        console: &Console,
    ) -> Result<Continuation, CliError> {
        match read(bytes, &Limits::AWS) {
            Ok(None) => self.begin(id, file, &[], console),
            Ok(Some(resumable)) if resumable.upload_id.is_none() => {
                self.go_on_uncreated(id, file, &resumable, console)
            }
            Ok(Some(resumable)) if self.resume == Resume::Never => {
                let (resumed, journal) = taken(file, &resumable, None);
                let discarded = journal.map(|journal| (resumed, journal));
                let (beginning, on_gone) = self.fresh();
                Ok(Continuation { beginning, on_gone, journal: None, id: None, discarded })
            }
            Ok(Some(resumable)) => self.resume(id, file, &resumable),
            Err(error @ JournalError::Newer(_)) => {
                Err(CliError::Journal { path: file.path().to_path_buf(), error })
            }
            Err(error) => {
                console.warn(&format!(
                    "the journal {} is damaged ({error}); beginning anew. What an earlier run left \
                     at the store, if anything: curlift uploads ls s3://{}/{}",
                    file.path().display(),
                    self.target.bucket,
                    self.target.key
                ));
                self.begin(id, file, &[], console)
            }
        }
    }

    /// An earlier run did not get as far as an upload that we know of; the store may have one.
    fn go_on_uncreated(
        &self,
        id: String,
        file: JournalFile,
        resumable: &Resumable,
        console: &Console,
    ) -> Result<Continuation, CliError> {
        let lost = resumable.creations_lost.clone();
        if *resumable.begun != self.begun() || self.upload_id.is_some() {
            let continuation = self.begin(id, file, &lost, console)?;
            if lost.is_empty() || self.upload_id.is_some() {
                return Ok(continuation);
            }
            let plan = self.plan.clone();
            let resumed = Resumed { plan, ..Resumed::new(resumable, None) };
            let beginning = Beginning::Resumed(Box::new(resumed));
            return Ok(Continuation { beginning, ..continuation });
        }
        let (resumed, journal) = taken(file, resumable, None);
        let beginning = Beginning::Resumed(Box::new(resumed));
        let id = Some(id);
        Ok(Continuation { beginning, on_gone: OnGone::Anew, journal, id, discarded: None })
    }

    /// What is written at the beginning of a journal.
    fn begun(&self) -> Begun {
        Begun::new(
            identity(self.source),
            self.target.clone(),
            self.settings.headers().map(|(n, v)| (n.to_owned(), v.to_owned())).collect(),
            self.plan,
        )
    }

    /// Begins a journal; creations of an earlier run that were not answered stay in it.
    fn begin(
        &self,
        id: String,
        mut file: JournalFile,
        lost: &[UnixTime],
        console: &Console,
    ) -> Result<Continuation, CliError> {
        if self.resume == Resume::Require && self.upload_id.is_none() {
            return Err(self.nothing_to_resume());
        }
        let first = Record::Begun(Box::new(self.begun()));
        let begin = |file: &mut JournalFile| {
            let mut writer = Writer::default();
            let mut lines = writer.line(&first, unix_now());
            for at in lost {
                lines.extend(writer.line(&Record::Creating, *at));
            }
            file.truncate(0)?;
            file.append(&lines, true)?;
            Ok::<_, std::io::Error>(writer)
        };
        let (beginning, on_gone) = self.fresh();
        let (journal, id) = match begin(&mut file) {
            Ok(writer) => (Some(Journal::new(file, writer)), Some(id)),
            Err(error) => {
                console.warn(&format!(
                    "the journal {} cannot be written, so that this upload cannot be resumed: \
                     {error}",
                    file.path().display()
                ));
                // What could not be begun says nothing.
                drop(file.remove());
                (None, None)
            }
        };
        Ok(Continuation { beginning, on_gone, journal, id, discarded: None })
    }
}

fn busy(path: PathBuf) -> CliError {
    CliError::Busy { error: JournalFileError::Locked { path } }
}
