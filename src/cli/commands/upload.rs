//! What `cp`, `plan` and `demo` share: everything that can be checked before a byte is sent, and
//! then the sending.

use std::path::Path;
use std::sync::Arc;

use super::store::{SessionKeys, StoreAccess};
use crate::cli::args::UploadArgs;
use crate::cli::console::{Console, now};
use crate::cli::error::CliError;
use crate::cli::notices::Reporter;
use crate::cli::place::Place;
use crate::cli::report::Ended;
use crate::cli::signals::Interrupts;
use crate::config::units::exact_size;
use crate::config::{Config, Origin};
use crate::credentials::Environment;
use crate::disk::Source;
use crate::http::Scheme;
use crate::s3::payload::PayloadMode;
use crate::s3::{Destination, Endpoint, Limits, Object, ObjectSettings, ObjectSettingsInput};
use crate::session::{Session, SessionSettings};
use crate::transport::{self, HandleSettings};
use crate::upload::{
    self, Engine, EngineSettings, Manner, Patience, PlanError, RemedySettings, RetryPolicy,
    UploadPlan,
};

/// An upload that could begin.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) source: Source,
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
        let object = Object::parse(&args.destination, file_name(&args.source))?;
        let typed_settings = args.object_settings();
        let object_settings = Arc::new(ObjectSettings::new(&typed_settings)?);
        let source = Source::open(&args.source)?;
        let plan = plan(source.size(), &config, console)?;
        let place = place(args, &config, &object, &endpoint, &typed_settings);
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
        let mut session =
            Session::new(settings, self.source, observer).map_err(CliError::Session)?;
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
            let abort_line = engine.open_upload().map(|id| self.place.abort_line(id));
            CliError::Run { error, abort_line }
        })?;
        drop(session);
        drop(reporter);
        let ended = Ended {
            outcome,
            tally: engine.tally(),
            diagnoses: engine.diagnoses().to_vec(),
            elapsed: now().duration_since(began),
            plan: engine.plan().clone(),
            concurrency: self.concurrency,
            signal: interrupts.first(),
        };
        Ok((ended, self.place))
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
    if args.source == Path::new("-") {
        return refused(
            "standard input is not supported yet",
            "write it to a file first, and upload that; a file named `-` is ./-",
        );
    }
    if args.destination.starts_with("http://") || args.destination.starts_with("https://") {
        return refused(
            "URLs are not supported as destinations yet",
            "write s3://bucket/key, and the store's address as --endpoint-url",
        );
    }
    Ok(())
}

fn file_name(path: &Path) -> Option<&str> {
    path.file_name().and_then(|name| name.to_str())
}

fn plan(size: u64, config: &Config, console: &Console) -> Result<UploadPlan, CliError> {
    let (wanted, threshold) = (&config.part_size, &config.multipart_threshold);
    let plan = UploadPlan::new(size, wanted.value, threshold.value, &Limits::AWS);
    let plan = plan.map_err(|error| {
        let origin = match &error {
            PlanError::PartTooSmall { .. } | PlanError::PartTooLarge { .. } => Some(&wanted.origin),
            PlanError::ThresholdTooLarge { .. } => Some(&threshold.origin),
            PlanError::FileTooLarge { .. } => None,
        };
        CliError::Plan { origin: origin.cloned(), error }
    })?;
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
        source: Place::shown(&args.source),
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
