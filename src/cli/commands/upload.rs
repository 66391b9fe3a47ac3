//! What `cp`, `plan` and `demo` share: everything that can be checked before a byte is sent, and
//! then the sending.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::stdin;
use super::store::{SessionKeys, StoreAccess};
use crate::cli::args::UploadArgs;
use crate::cli::console::{Console, now};
use crate::cli::error::CliError;
use crate::cli::journal::{Continuation, Resume, Wanted};
use crate::cli::notices::Reporter;
use crate::cli::place::Place;
use crate::cli::report::{Ended, Kept};
use crate::cli::signals::Interrupts;
use crate::config::units::exact_size;
use crate::config::{Config, Origin, state_folder};
use crate::credentials::Environment;
use crate::disk::{Source, SourceError, StreamSettings};
use crate::http::Scheme;
use crate::s3::payload::PayloadMode;
use crate::s3::{
    Addressing, Destination, Endpoint, Limits, Object, ObjectSettings, ObjectSettingsInput,
    UploadId,
};
use crate::session::{Journal, Session, SessionSettings};
use crate::time::Time;
use crate::transport::{self, HandleSettings};
use crate::upload::journal::Target;
use crate::upload::{
    self, Beginning, Engine, EngineSettings, Manner, OnFailure, OnGone, PlanError, RemedySettings,
    RetryPolicy, UploadPlan,
};

/// An upload that could begin.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) source: UploadSource,
    pub(super) destination: Destination,
    pub(super) object_settings: Arc<ObjectSettings>,
    pub(super) payload: PayloadMode,
    pub(super) plan: UploadPlan,
    pub(super) concurrency: u32,
    pub(super) retry: RetryPolicy,
    pub(super) hedge: bool,
    pub(super) remedies: RemedySettings,
    pub(super) transport: HandleSettings,
    pub(super) place: Place,
    pub(super) resume: Resume,
    /// The upload to go on with, where one was named.
    pub(super) adopted: Option<UploadId>,
    pub(super) on_failure: OnFailure,
    /// How to come here again.
    pub(super) target: Target,
    /// The journal, where it was named.
    pub(super) journal_id: Option<String>,
    /// Where journals are kept.
    pub(super) journals: Option<PathBuf>,
}

/// What is uploaded.
#[derive(Debug)]
pub(super) enum UploadSource {
    File(Source),
    /// Standard input, of which nothing was read yet.
    Stdin(StreamSettings),
}

impl UploadSource {
    fn open(&self) -> Result<Source, CliError> {
        Ok(match self {
            UploadSource::File(source) => source.clone(),
            UploadSource::Stdin(settings) => {
                stdin::start(settings.clone()).map_err(SourceError::from)?.into()
            }
        })
    }
}

impl Upload {
    /// Checks everything that was typed and configured; sends nothing.
    pub(super) fn prepare(
        args: &UploadArgs,
        console: &Console,
        environment: &Environment,
    ) -> Result<(Upload, Config), CliError> {
        refuse_unsupported(args)?;
        let store =
            StoreAccess::prepare(&args.overrides(), &args.s3, &args.network, console, environment)?;
        let StoreAccess { config, endpoint, concurrency, retry, remedies, transport } = store;
        let is_stdin = stdin::is_wanted(&args.source);
        let file_name = if is_stdin { None } else { file_name(&args.source) };
        let object = Object::parse(&args.destination, file_name)?;
        let typed_settings = args.object_settings();
        let object_settings = Arc::new(ObjectSettings::new(&typed_settings)?);
        let (source, plan) = if is_stdin {
            let plan = plan_of_stdin(args, &config, &endpoint, concurrency)?;
            (UploadSource::Stdin(stdin::settings(args, &plan, concurrency)), plan)
        } else {
            let source = Source::open(&args.source)?;
            let plan = plan(source.size(), &config, console)?;
            (UploadSource::File(source), plan)
        };
        let place = place(args, &config, &object, &endpoint, &typed_settings);
        let target = target(&config, &object);
        let https = endpoint.scheme() == Scheme::Https;
        let upload = Upload {
            payload: config.payload_mode(https, !args.s3.no_sign_request),
            concurrency,
            retry,
            hedge: args.hedge(),
            remedies,
            transport,
            destination: Destination { endpoint, region: config.region.value.clone(), object },
            source,
            object_settings,
            plan,
            place,
            resume: args.resume(),
            adopted: args.upload_id(),
            // Nobody can send the rest of a stream, unless it waits in a file.
            on_failure: match &args.stream().spool {
                None if is_stdin => OnFailure::Abort,
                _ => args.on_failure(),
            },
            target,
            journal_id: None,
            journals: state_folder(environment),
        };
        Ok((upload, config))
    }

    /// Uploads, and tells what happens meanwhile. The end is the caller's to tell.
    pub(super) fn send(
        self,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<(Ended, Place), CliError> {
        let continuation = match &self.source {
            UploadSource::File(source) => {
                self.continuation(&self.wanted(source), keys, console, interrupts)?
            }
            UploadSource::Stdin(_) => Continuation::default(),
        };
        let source = self.source.open()?;
        let stream = source.stream().cloned();
        let ended = self.run(Some(source), continuation, keys, console, interrupts);
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

    /// What an earlier run left to go on with.
    fn continuation(
        &self,
        wanted: &Wanted<'_>,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<Continuation, CliError> {
        let mut found = wanted.find(self.journals.as_deref(), console)?;
        let Some((left, journal)) = found.discarded.take() else { return Ok(found) };
        console.note("freeing what an earlier run left at the store");
        let left = Beginning::Resumed(Box::new(left));
        self.discard(left, Some(journal), keys, console, interrupts)?;
        wanted.begin_over(self.journals.as_deref(), console)
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

    /// Runs the engine to its end; without a `source` it only frees what is there.
    fn run(
        &self,
        source: Option<Source>,
        continuation: Continuation,
        keys: &SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<Ended, CliError> {
        let to_abort = source.is_none();
        let began = now();
        let mut reporter = Reporter::new(console, &self.place, self.concurrency);
        let has_journal = continuation.journal.is_some();
        let settings = SessionSettings {
            credentials: keys.credentials.clone(),
            renewal: keys.renewal.clone(),
            transport: self.transport.clone(),
            concurrency: self.concurrency,
            journal: continuation.journal,
        };
        let observer = Box::new(|notice: &upload::Notice| reporter.hear(notice));
        let session = match source {
            Some(source) => Session::new(settings, source, observer),
            None => Session::without_source(settings, observer),
        };
        let mut session = session.map_err(CliError::Session)?;
        let stopper = session.stopper();
        interrupts.at_first(move |_| stopper.stop());
        let equal_parts = self.destination.endpoint.demands_equal_parts();
        let manner = Manner::new(self.destination.clone(), self.payload);
        let mut engine = Engine::new(EngineSettings {
            object_settings: self.object_settings.clone(),
            remedies: self.remedies,
            concurrency: self.concurrency,
            retry: self.retry,
            hedge: self.hedge,
            recut: (!equal_parts).then_some(Limits::AWS),
            beginning: continuation.beginning,
            on_failure: if to_abort { OnFailure::Abort } else { self.on_failure },
            on_gone: continuation.on_gone,
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
            kept: engine.kept_upload().map(|upload_id| Kept {
                upload_id: upload_id.clone(),
                resume_id,
                parts: engine.snapshot().parts_stored,
                bytes: engine.snapshot().bytes_stored,
            }),
        })
    }
}

/// What people type out of habit and we cannot do.
fn refuse_unsupported(args: &UploadArgs) -> Result<(), CliError> {
    let refused = |what: &str, hint: &str| {
        Err(CliError::Usage { what: what.to_owned(), hint: hint.to_owned() })
    };
    if args.recursive || args.source.is_dir() {
        return refused("directories are not supported yet", "upload the files one by one");
    }
    if args.destination.starts_with("http://") || args.destination.starts_with("https://") {
        return refused(
            "URLs are not supported as destinations yet",
            "write s3://bucket/key, and the store's address as --endpoint-url",
        );
    }
    stdin::refuse_misuse(args)
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

/// Who asked for what cannot be planned.
fn no_plan(error: PlanError, config: &Config) -> CliError {
    let origin = match &error {
        PlanError::PartTooSmall { .. } | PlanError::PartTooLarge { .. } => {
            Some(&config.part_size.origin)
        }
        PlanError::ThresholdTooLarge { .. } => Some(&config.multipart_threshold.origin),
        PlanError::FileTooLarge { .. } => None,
    };
    CliError::Plan { origin: origin.cloned(), error }
}

fn plan_of_stdin(
    args: &UploadArgs,
    config: &Config,
    endpoint: &Endpoint,
    concurrency: u32,
) -> Result<UploadPlan, CliError> {
    let plan = stdin::plan(args, config, endpoint, concurrency);
    plan.map_err(|error| no_plan(error, config))
}

fn plan(size: u64, config: &Config, console: &Console) -> Result<UploadPlan, CliError> {
    let (wanted, threshold) = (&config.part_size, &config.multipart_threshold);
    let plan = UploadPlan::new(size, wanted.value, threshold.value, &Limits::AWS);
    let plan = plan.map_err(|error| no_plan(error, config))?;
    if !plan.is_single_put() && plan.part_size() > wanted.value {
        let text = format!(
            "parts are {} in place of {}: S3 takes {} of them at most",
            exact_size(plan.part_size()),
            exact_size(wanted.value),
            Limits::AWS.parts_max
        );
        if wanted.origin == Origin::Default {
            log::info!("{text}");
        } else {
            console.note(&text);
        }
    }
    Ok(plan)
}

/// How to come to the same place again.
fn target(config: &Config, object: &Object) -> Target {
    let profile = &config.profile;
    Target {
        endpoint: config.endpoint_url.as_ref().map(|url| url.value.clone()),
        addressing: match config.addressing.value {
            Addressing::Auto => "auto",
            Addressing::Path => "path",
            Addressing::Virtual => "virtual",
        }
        .to_owned(),
        region: config.region.value.clone(),
        profile: (profile.origin != Origin::Default).then(|| profile.value.clone()),
        bucket: object.bucket.as_str().to_owned(),
        key: object.key.as_str().to_owned(),
    }
}

fn place(
    args: &UploadArgs,
    config: &Config,
    object: &Object,
    endpoint: &Endpoint,
    settings: &ObjectSettingsInput,
) -> Place {
    let encrypted = settings.sse.as_ref().is_some_and(|kind| kind.starts_with("aws:kms"));
    let permissions = [
        (settings.acl.is_some(), "s3:PutObjectAcl"),
        (!settings.tags.is_empty(), "s3:PutObjectTagging"),
        (encrypted, "kms:GenerateDataKey and kms:Decrypt (on the key)"),
    ];
    let profile = &config.profile;
    Place {
        source: if stdin::is_wanted(&args.source) {
            stdin::NAME.to_owned()
        } else {
            Place::shown(&args.source)
        },
        object: Place::address(object),
        bucket: object.bucket.as_str().to_owned(),
        key: object.key.as_str().to_owned(),
        endpoint: endpoint.to_string(),
        endpoint_origin: config.endpoint_url.as_ref().map(|setting| setting.origin.clone()),
        region: config.region.value.clone(),
        profile: (profile.origin != Origin::Default).then(|| profile.value.clone()),
        permissions: permissions.iter().filter(|(needed, _)| *needed).map(|(_, n)| *n).collect(),
    }
}
