//! What `cp`, `plan` and `demo` share: everything that can be checked before a byte is sent, and
//! then the sending.

use std::path::Path;
use std::sync::Arc;

use super::stdin;
use crate::cli::args::UploadArgs;
use crate::cli::console::{Console, now};
use crate::cli::error::CliError;
use crate::cli::notices::Reporter;
use crate::cli::place::Place;
use crate::cli::report::Ended;
use crate::cli::signals::Interrupts;
use crate::config::units::exact_size;
use crate::config::{Config, Origin, RetryMode};
use crate::credentials::Environment;
use crate::disk::{Source, SourceError, Stream, StreamSettings};
use crate::http::Scheme;
use crate::s3::payload::PayloadMode;
use crate::s3::{
    Credentials, Destination, Endpoint, Limits, Object, ObjectSettings, ObjectSettingsInput,
};
use crate::session::{Renewal, Session, SessionSettings};
use crate::transport::{self, HandleSettings};
use crate::upload::{
    self, Engine, EngineSettings, Manner, Patience, PlanError, RemedySettings, RetryPolicy,
    UploadPlan,
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
}

/// What is uploaded.
#[derive(Debug)]
pub(super) enum UploadSource {
    File(Source),
    /// Standard input, of which nothing was read yet.
    Stdin(StreamSettings),
}

impl UploadSource {
    fn open(self) -> Result<Source, CliError> {
        Ok(match self {
            UploadSource::File(source) => source,
            UploadSource::Stdin(settings) => {
                stdin::start(settings).map_err(SourceError::from)?.into()
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
        let config = Config::load(&args.overrides(), environment)?;
        let is_stdin = stdin::is_wanted(&args.source);
        let file_name = if is_stdin { None } else { file_name(&args.source) };
        let object = Object::parse(&args.destination, file_name)?;
        let typed_settings = args.object_settings();
        let object_settings = Arc::new(ObjectSettings::new(&typed_settings)?);
        let endpoint = endpoint(&config)?;
        let concurrency = concurrency(&config, console);
        let (source, plan) = if is_stdin {
            let plan = plan_of_stdin(args, &config, &endpoint, concurrency)?;
            (UploadSource::Stdin(stdin::settings(args, &plan, concurrency)), plan)
        } else {
            let source = Source::open(&args.source)?;
            let plan = plan(source.size(), &config, console)?;
            (UploadSource::File(source), plan)
        };
        let place = place(args, &config, &object, &endpoint, &typed_settings);
        let https = endpoint.scheme() == Scheme::Https;
        let upload = Upload {
            payload: config.payload_mode(https, !args.s3.no_sign_request),
            concurrency,
            retry: RetryPolicy {
                attempts_max: config.attempts_max.value,
                stuck_max: config.stuck_max.value,
                revision: config.retry_revision.value,
                adaptive: config.retry_mode.value == RetryMode::Adaptive,
                ..RetryPolicy::default()
            },
            hedge: args.hedge(),
            remedies: RemedySettings {
                renew_keys: !args.s3.no_sign_request,
                correct_clock: config.correct_clock.value,
                adapt_checksums: config.checksums.origin == Origin::Default,
            },
            transport: HandleSettings {
                ca_bundle: config.ca_bundle.as_ref().map(|setting| setting.value.clone()),
                verify_tls: !args.network.no_verify_ssl,
                proxy: args.network.proxy.clone(),
                ..HandleSettings::default()
            },
            destination: Destination { endpoint, region: config.region.value.clone(), object },
            source,
            object_settings,
            plan,
            place,
        };
        Ok((upload, config))
    }

    /// Uploads, and tells what happens meanwhile. The end is the caller's to tell.
    pub(super) fn send(
        self,
        keys: SessionKeys,
        console: &Console,
        interrupts: &Interrupts,
    ) -> Result<(Ended, Place), CliError> {
        let began = now();
        let mut reporter = Reporter::new(console, &self.place, self.concurrency);
        let settings = SessionSettings {
            credentials: keys.credentials,
            renewal: keys.renewal,
            transport: self.transport,
            concurrency: self.concurrency,
        };
        let observer = Box::new(|notice: &upload::Notice| reporter.hear(notice));
        let source = self.source.open()?;
        let stream = source.stream().cloned();
        let mut session = Session::new(settings, source, observer).map_err(CliError::Session)?;
        let stopper = session.stopper();
        interrupts.at_first(move |_| stopper.stop());
        let equal_parts = self.destination.endpoint.demands_equal_parts();
        let mut engine = Engine::new(EngineSettings {
            plan: self.plan,
            object_settings: self.object_settings,
            manner: Manner::new(self.destination, self.payload),
            remedies: self.remedies,
            concurrency: self.concurrency,
            retry: self.retry,
            hedge: self.hedge,
            recut: (!equal_parts).then_some(Limits::AWS),
            patience: Patience::default(),
            seed: fastrand::u64(..),
        });
        transport::release_startup_code();
        let outcome = upload::run(&mut engine, &mut session).map_err(|error| {
            stream.iter().for_each(Stream::remove_spool);
            let abort_line = engine.open_upload().map(|id| self.place.abort_line(id));
            CliError::Run { error, abort_line }
        })?;
        drop(session);
        drop(reporter);
        let spool = stream
            .as_ref()
            .and_then(|stream| stdin::settle(stream, &outcome, engine.plan(), console, interrupts));
        let ended = Ended {
            outcome,
            tally: engine.tally(),
            diagnoses: engine.diagnoses().to_vec(),
            elapsed: now().duration_since(began),
            plan: engine.plan().clone(),
            concurrency: self.concurrency,
            signal: interrupts.first(),
            spool,
        };
        Ok((ended, self.place))
    }
}

/// The keys of an upload, and where fresh ones come from.
#[derive(Default)]
pub(super) struct SessionKeys {
    pub(super) credentials: Option<Credentials>,
    pub(super) renewal: Option<Renewal>,
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

fn endpoint(config: &Config) -> Result<Endpoint, CliError> {
    let addressing = &config.addressing;
    let (endpoint, origin) = if let Some(url) = &config.endpoint_url {
        (Endpoint::new(&url.value, addressing.value), url.origin.clone())
    } else {
        if config.region.origin == Origin::Default {
            log::info!("no region is set: using {}", config.region.value);
        }
        let amazon = Endpoint::aws(&config.region.value);
        (amazon.with_addressing(addressing.value), addressing.origin.clone())
    };
    endpoint.map_err(|error| CliError::Endpoint { error, origin })
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

/// A libcurl that waits with `select()` cannot have more than so many connections.
fn concurrency(config: &Config, console: &Console) -> u32 {
    let wanted = config.concurrency.value;
    let max = transport::SELECT_CONNECTIONS_MAX;
    if wanted > max && transport::version().poll != Some(true) {
        console.note(&format!(
            "{max} parts in flight in place of {wanted}: this libcurl uses select()"
        ));
        return max;
    }
    wanted
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
