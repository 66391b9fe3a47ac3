//! What `cp`, `resume`, `plan` and `demo` share: everything that can be checked before a byte is
//! sent.

mod by_manifest;
mod destination;
mod expiry;
mod linked;
mod running;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::destination::{Whither, refuse_flags_of_keys};
use super::stdin;
use super::store::{SessionKeys, StoreAccess};
use crate::cli::Surroundings;
use crate::cli::args::{ExpirySettings, UploadArgs};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::journal::Resume;
use crate::cli::place::{Place, Reach};
use crate::cli::renewing::Renewing;
use crate::config::{Config, Origin, state_folder};
use crate::disk::{Source, SourceError, StreamSettings};
use crate::http::Scheme;
use crate::s3::payload::PayloadMode;
use crate::s3::{
    Addressing, Destination, Endpoint, Limits, Links, Object, ObjectSettings, ObjectSettingsInput,
    PartNumber, UploadId,
};
use crate::transport::HandleSettings;
use crate::units::exact_size;
use crate::upload::journal::Target;
use crate::upload::{OnFailure, Patience, PlanError, RemedySettings, RetryPolicy, UploadPlan};

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
    pub(super) patience: Patience,
    pub(super) transport: HandleSettings,
    /// Header fields that every request has.
    pub(super) fields: Vec<(String, String)>,
    pub(super) place: Place,
    /// Where fresh presigned URLs come from.
    pub(super) renewing: Renewing,
    pub(super) resume: Resume,
    /// The upload to go on with, where one was named.
    pub(super) adopted: Option<UploadId>,
    pub(super) on_failure: OnFailure,
    /// The presigned URLs by which it goes, in place of keys.
    pub(super) linked: Option<Linked>,
    /// How to come here again.
    pub(super) target: Target,
    /// The journal, where it was named.
    pub(super) journal_id: Option<String>,
    /// Where journals are kept, and rates remembered.
    pub(super) journals: Option<PathBuf>,
    pub(super) expiry: ExpirySettings,
}

/// Presigned URLs in place of keys.
#[derive(Debug, Clone)]
pub(super) struct Linked {
    pub(super) links: Arc<Links>,
    /// Whether the store's checksums are compared with the bytes that left.
    pub(super) watched: bool,
    /// The parts that may be sent, where they are not all.
    pub(super) share: Option<Vec<PartNumber>>,
    /// The upload that they are of; `None` for a single PUT.
    pub(super) upload_id: Option<UploadId>,
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
        surroundings: &Surroundings,
    ) -> Result<(Upload, Config), CliError> {
        let renewing =
            Renewing::prepare(&args.renew, &args.destination, &surroundings.environment)?;
        refuse_unsupported(args)?;
        let whither = Whither::read(&args.destination)?;
        if !matches!(whither, Whither::Object) {
            refuse_flags_of_keys(args, matches!(whither, Whither::Url(_)))?;
        }
        let store = StoreAccess::prepare(&args.overrides(), &args.s3, console, surroundings)?;
        let (upload, config) = match whither {
            Whither::Object => Upload::by_keys(args, store, console)?,
            Whither::Url(url) => Upload::to_url(url, args, store, console)?,
            Whither::Manifest(path, manifest) => {
                Upload::by_manifest(&path, &manifest, args, store, console)?
            }
        };
        let journals = state_folder(&surroundings.environment);
        Ok((Upload { renewing, journals, ..upload }, config))
    }

    /// The keys that it is signed with; none where presigned URLs are used.
    pub(super) fn keys(
        &self,
        args: &UploadArgs,
        config: &Config,
        surroundings: &Surroundings,
    ) -> Result<SessionKeys, CliError> {
        match self.rights_of_links() {
            Some(rights) => Ok(SessionKeys { rights, ..SessionKeys::default() }),
            None => SessionKeys::find(&args.s3, config, surroundings),
        }
    }

    /// An upload to an object, signed with keys.
    fn by_keys(
        args: &UploadArgs,
        store: StoreAccess,
        console: &Console,
    ) -> Result<(Upload, Config), CliError> {
        let StoreAccess {
            config,
            endpoint,
            concurrency,
            retry,
            remedies,
            patience,
            transport,
            fields,
        } = store;
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
            patience,
            transport,
            fields,
            destination: Destination { endpoint, region: config.region.value.clone(), object },
            source,
            object_settings,
            plan,
            place,
            renewing: Renewing::default(),
            resume: args.resume(),
            adopted: args.upload_id(),
            // Nobody can send the rest of a stream, unless it waits in a file.
            on_failure: match &args.stream().spool {
                None if is_stdin => OnFailure::Abort,
                _ => args.on_failure(),
            },
            linked: None,
            target,
            journal_id: None,
            journals: None,
            expiry: args.expiry(),
        };
        Ok((upload, config))
    }

    /// An upload by presigned URLs.
    fn by_links(args: &UploadArgs, store: StoreAccess, by: ByLinks) -> (Upload, Config) {
        let StoreAccess { config, concurrency, retry, remedies, patience, transport, .. } = store;
        let ByLinks { source, destination, plan, place, linked } = by;
        let upload = Upload {
            source: UploadSource::File(source),
            target: target(&config, &destination.object),
            destination,
            object_settings: Arc::new(ObjectSettings::default()),
            payload: linked.payload(),
            plan,
            concurrency,
            retry,
            hedge: args.hedge(),
            remedies: RemedySettings { renew_keys: false, ..remedies },
            patience,
            transport,
            // A link has its own.
            fields: Vec::new(),
            place,
            resume: args.resume(),
            adopted: linked.upload_id.clone(),
            on_failure: OnFailure::Leave,
            renewing: Renewing::default(),
            linked: Some(linked),
            journal_id: None,
            journals: None,
            expiry: args.expiry(),
        };
        (upload, config)
    }
}

/// What an upload by presigned URLs is made of.
struct ByLinks {
    source: Source,
    destination: Destination,
    plan: UploadPlan,
    place: Place,
    linked: Linked,
}

impl Linked {
    /// What tells one upload by links from another of the same file to the same place: several
    /// shares may be sent at once.
    fn mark(&self) -> String {
        let upload_id = self.upload_id.as_ref().map_or("", |id| id.0.as_str());
        let first = self.share.as_ref().and_then(|share| share.first());
        format!("{upload_id} {}", first.map_or(0, |number| number.0.get()))
    }

    fn payload(&self) -> PayloadMode {
        if self.watched { PayloadMode::Watched } else { PayloadMode::Unsigned }
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
        manifest: None,
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
        reach: Reach::Keys,
        renews: false,
    }
}
