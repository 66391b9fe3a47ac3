//! The sending: what an earlier run left, the engine's run, what becomes of what it leaves.

use super::{Linked, Upload, UploadSource};
use crate::cli::commands::stdin;
use crate::cli::commands::store::SessionKeys;
use crate::cli::console::{Console, now, since_1970};
use crate::cli::error::CliError;
use crate::cli::forecast::Watch;
use crate::cli::journal::{Continuation, Wanted};
use crate::cli::notices::Reporter;
use crate::cli::place::Place;
use crate::cli::report::{Ended, Kept};
use crate::cli::signals::Interrupts;
use crate::disk::Source;
use crate::s3::Limits;
use crate::session::{Journal, Session, SessionSettings};
use crate::time::Time;
use crate::transport;
use crate::upload::{
    self, Beginning, Engine, EngineSettings, Manner, OnFailure, OnGone, RemedySettings, UploadPlan,
};

impl Upload {
    /// Uploads, and tells what happens meanwhile. The end is the caller's to tell.
    pub(in crate::cli::commands) fn send(
        self,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<(Ended, Place), CliError> {
        let (continuation, watch) = match &self.source {
            UploadSource::File(source) if !self.is_one_link() => {
                self.continuation(&self.wanted(source), keys, console, interrupts)?
            }
            UploadSource::File(_) | UploadSource::Stdin(_) => {
                let begins = Continuation::default();
                let watch = self.foretell(&begins.beginning, &keys.rights, console)?;
                (begins, watch)
            }
        };
        let source = self.source.open()?;
        let stream = source.stream().cloned();
        let sent = Some((source, watch));
        let ended = self.run(sent, continuation, keys, console, interrupts);
        let Some(stream) = stream else { return Ok((ended?, self.place)) };
        let mut ended = ended.inspect_err(|_| stream.remove_spool())?;
        ended.spool = stdin::settle(&stream, &ended.outcome, &ended.plan, console, interrupts);
        if let (Some(kept), None) = (&ended.kept, &ended.spool) {
            // What is not whole cannot be sent by anybody.
            let left = Beginning::Adopted(kept.upload_id.clone());
            ended.kept = self.discard(left, None, keys, console, interrupts)?;
        }
        Ok((ended, self.place))
    }

    /// What an earlier run left to go on with, and what watches the upload.
    fn continuation(
        &self,
        wanted: &Wanted<'_>,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<(Continuation, Watch), CliError> {
        let mut found = wanted.find(self.journals.as_deref(), console)?;
        let watch = self.foretell(&found.beginning, &keys.rights, console).inspect_err(|_| {
            // A journal that was begun for this run has nothing to go on with.
            let is_new = !matches!(found.beginning, Beginning::Resumed(_));
            if let Some(journal) = found.journal.take().filter(|_| is_new) {
                let removed = journal.remove();
                removed.unwrap_or_else(|error| log::info!("a journal stays: {error}"));
            }
        })?;
        let Some((left, journal)) = found.discarded.take() else { return Ok((found, watch)) };
        console.note("freeing what an earlier run left at the store");
        let left = Beginning::Resumed(Box::new(left));
        self.discard(left, Some(journal), keys, console, interrupts)?;
        let begins = wanted.begin_over(self.journals.as_deref(), console)?;
        Ok((begins, watch))
    }

    /// What to look for among the journals.
    fn wanted<'a>(&'a self, source: &'a Source) -> Wanted<'a> {
        Wanted {
            journal_id: self.journal_id.as_deref(),
            source,
            target: self.target.clone(),
            endpoint: self.destination.endpoint.to_string(),
            settings: &self.object_settings,
            checksums: self.payload.has_checksum(),
            plan: &self.plan,
            resume: self.resume,
            upload_id: self.adopted.clone(),
            prescribed: self.linked.as_ref().map(Linked::mark),
        }
    }

    /// Bytes that are to be stored of what is cut by `plan`.
    fn bytes(&self, plan: &UploadPlan) -> u64 {
        let share = self.linked.as_ref().and_then(|linked| linked.share.as_ref());
        share.map_or(plan.size(), |share| share.iter().map(|n| plan.part(*n).length).sum())
    }

    /// Whether it goes by one presigned URL: then there is nothing that could be gone on with.
    fn is_one_link(&self) -> bool {
        self.linked.as_ref().is_some_and(|linked| linked.upload_id.is_none())
    }

    fn manner(&self) -> Manner {
        let destination = self.destination.clone();
        match &self.linked {
            None => Manner::new(destination, self.payload),
            Some(linked) => Manner::by_links(destination, linked.links.clone(), linked.watched),
        }
    }

    /// Frees the parts of an upload; gives what could not be freed.
    fn discard(
        &self,
        beginning: Beginning,
        journal: Option<Journal>,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<Option<Kept>, CliError> {
        let on_gone = OnGone::Fail;
        let left = Continuation { beginning, on_gone, journal, ..Continuation::default() };
        self.run(None, left, keys, console, interrupts).map(|ended| ended.kept)
    }

    /// Runs the engine to its end; with nothing to send it only frees what is there.
    fn run(
        &self,
        sent: Option<(Source, Watch)>,
        continuation: Continuation,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<Ended, CliError> {
        let to_abort = sent.is_none();
        let (source, mut watch) = sent.unzip();
        let began = now();
        let mut reporter = Reporter::new(console, &self.place, self.concurrency);
        let has_journal = continuation.journal.is_some();
        let settings = SessionSettings {
            credentials: keys.credentials.clone(),
            renewal: keys.renewal.clone(),
            link_renewal: self.renewing.link_renewal(interrupts),
            transport: self.transport.clone(),
            fields: self.fields.clone(),
            concurrency: self.concurrency,
            journal: continuation.journal,
        };
        let mut connections_stand = false;
        let observer = Box::new(|notice: &upload::Notice| {
            if matches!(notice, upload::Notice::PartStored { .. }) && !connections_stand {
                // What opens connections has done its work.
                transport::release_startup_code();
                connections_stand = true;
            }
            if let Some(watch) = &mut watch {
                watch.hear(notice, now(), console);
            }
            // What is only freed was not begun here.
            let is_begun = matches!(notice, upload::Notice::Planned(_));
            if !(to_abort && is_begun) {
                reporter.hear(notice);
            }
        });
        let session = match source {
            Some(source) => Session::new(settings, source, observer),
            None => Session::without_source(settings, observer),
        };
        let mut session = session.map_err(CliError::Session)?;
        let stopper = session.stopper();
        interrupts.at_first(move |_| stopper.stop());
        let equal_parts = self.destination.endpoint.demands_equal_parts();
        let manner = self.manner();
        let mut engine = Engine::new(EngineSettings {
            object_settings: self.object_settings.clone(),
            remedies: RemedySettings {
                renew_keys: self.remedies.renew_keys || self.renewing.is_wanted(),
                ..self.remedies
            },
            patience: self.patience,
            concurrency: self.concurrency,
            retry: self.retry,
            hedge: self.hedge,
            recut: (!equal_parts && self.linked.is_none()).then_some(Limits::AWS),
            beginning: continuation.beginning,
            on_failure: if to_abort { OnFailure::Abort } else { self.on_failure },
            on_gone: continuation.on_gone,
            share: self.linked.as_ref().and_then(|linked| linked.share.clone()),
            began_at: since_1970(),
            keys_end: keys.end(),
            ..EngineSettings::new(self.plan.clone(), manner, fastrand::u64(..))
        });
        if to_abort {
            engine.command(Time::ZERO, upload::Command::Stop);
        }
        transport::release_startup_code();
        let outcome = upload::run(&mut engine, &mut session).map_err(|error| {
            let abort_line = engine.open_upload().map(|id| self.place.abort_line(id));
            CliError::Run { error, abort_line }
        })?;
        drop(session);
        drop(reporter);
        watch.iter().for_each(Watch::remember);
        let resume_id = continuation.id.filter(|_| has_journal);
        Ok(Ended {
            outcome,
            tally: engine.tally(),
            diagnoses: engine.diagnoses().to_vec(),
            elapsed: now().duration_since(began),
            plan: engine.plan().clone(),
            concurrency: self.concurrency,
            signal: interrupts.first(),
            spool: None,
            bytes: self.bytes(engine.plan()),
            kept: engine.kept_upload().map(|upload_id| Kept {
                upload_id: upload_id.clone(),
                resume_id,
                parts: engine.snapshot().parts_stored,
                bytes: engine.snapshot().bytes_stored,
            }),
        })
    }
}
