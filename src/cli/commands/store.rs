//! What every command that speaks to a store needs of the flags, the environment and the files:
//! where it is, how it is spoken to, the keys; and the way to make calls there outside an upload.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cli::Surroundings;
use crate::cli::args::S3Args;
use crate::cli::console::{Console, since_1970, unix};
use crate::cli::error::CliError;
use crate::cli::forecast::Rights;
use crate::cli::libcurl;
use crate::cli::notices::Reporter;
use crate::cli::place::{Place, Reach};
use crate::cli::signals::Interrupts;
use crate::config::{Config, Origin, Overrides, RetryMode};
use crate::credentials::Chain;
use crate::http::Scheme;
use crate::s3::{BucketPrefix, Credentials, Destination, Endpoint, Key, Object, UnixTime};
use crate::session::{Renewal, Session, SessionSettings};
use crate::transport::{self, HandleSettings};
use crate::upload::{
    self, Calls, CallsOutcome, CallsSettings, Diagnosis, Manifest, ManifestDestination, Manner,
    Patience, RemedySettings, RetryPolicy, Script, Symptom,
};

/// A store, and how it is spoken to.
#[derive(Debug)]
pub(super) struct StoreAccess {
    pub(super) config: Config,
    pub(super) endpoint: Endpoint,
    pub(super) concurrency: u32,
    pub(super) retry: RetryPolicy,
    pub(super) remedies: RemedySettings,
    pub(super) patience: Patience,
    pub(super) transport: HandleSettings,
    pub(super) fields: Vec<(String, String)>,
}

/// The keys that requests are signed with, and where fresh ones come from.
#[derive(Default, Clone)]
pub(super) struct SessionKeys {
    pub(super) credentials: Option<Credentials>,
    pub(super) renewal: Option<Renewal>,
    /// When they end.
    pub(super) rights: Rights,
}

impl StoreAccess {
    /// Checks what was typed and configured; sends nothing.
    pub(super) fn prepare(
        overrides: &Overrides,
        s3: &S3Args,
        console: &Console,
        surroundings: &Surroundings,
    ) -> Result<StoreAccess, CliError> {
        let config = Config::load(overrides, &surroundings.environment, surroundings.file()?)?;
        let concurrency = concurrency(&config, console);
        let transport = libcurl::handle_settings(&config.options, concurrency, console)?;
        Ok(StoreAccess {
            endpoint: endpoint(&config)?,
            concurrency,
            retry: RetryPolicy {
                attempts_max: config.attempts_max.value,
                stuck_max: config.stuck_max.value,
                revision: config.retry_revision.value,
                adaptive: config.retry_mode.value == RetryMode::Adaptive,
                ..RetryPolicy::default()
            },
            remedies: RemedySettings {
                renew_keys: !s3.no_sign_request,
                correct_clock: config.correct_clock.value,
                adapt_checksums: config.checksums.origin == Origin::Default,
            },
            patience: Patience::new(config.stall_timeout.value, transport.connect_timeout()),
            transport,
            fields: libcurl::fields(&config.options),
            config,
        })
    }

    /// Names for messages about `address`.
    pub(super) fn place(&self, address: &BucketPrefix) -> Place {
        let profile = &self.config.profile;
        let endpoint_url = self.config.endpoint_url.as_ref();
        Place {
            source: String::new(),
            object: address.to_string(),
            bucket: address.bucket.as_str().to_owned(),
            key: address.prefix.clone(),
            endpoint: self.endpoint.to_string(),
            endpoint_origin: endpoint_url.map(|setting| setting.origin.clone()),
            region: self.config.region.value.clone(),
            profile: (profile.origin != Origin::Default).then(|| profile.value.clone()),
            permissions: Vec::new(),
            reach: Reach::Keys,
            renews: false,
        }
    }

    /// Opens what is needed to make calls about `address`, of which `place` has the names.
    pub(super) fn caller<'a>(
        self,
        address: &BucketPrefix,
        keys: SessionKeys,
        console: &'a Console,
        place: &'a Place,
        interrupts: &Interrupts,
    ) -> Result<Caller<'a>, CliError> {
        let https = self.endpoint.scheme() == Scheme::Https;
        let payload = self.config.payload_mode(https, keys.credentials.is_some());
        let object = Object { bucket: address.bucket.clone(), key: Key::listed(&address.prefix) };
        let region = self.config.region.value.clone();
        let destination = Destination { endpoint: self.endpoint.clone(), region, object };
        self.caller_in(Manner::new(destination, payload), keys, console, place, interrupts)
    }

    /// The same by the presigned URLs of `manifest`, without keys.
    pub(super) fn caller_by_links<'a>(
        self,
        manifest: &Manifest,
        console: &'a Console,
        place: &'a Place,
        interrupts: &Interrupts,
    ) -> Result<Caller<'a>, CliError> {
        let ManifestDestination { endpoint, region, object, .. } = manifest.destination().clone();
        let destination = Destination { endpoint, region, object };
        let manner = Manner::by_links(destination, manifest.links().clone(), false);
        self.caller_in(manner, SessionKeys::default(), console, place, interrupts)
    }

    fn caller_in<'a>(
        self,
        manner: Manner,
        keys: SessionKeys,
        console: &'a Console,
        place: &'a Place,
        interrupts: &Interrupts,
    ) -> Result<Caller<'a>, CliError> {
        let has_keys = manner.links.is_none();
        let settings = SessionSettings {
            credentials: keys.credentials,
            renewal: keys.renewal,
            link_renewal: None,
            transport: self.transport,
            fields: self.fields,
            concurrency: self.concurrency,
            journal: None,
        };
        let mut reporter = Reporter::new(console, place, self.concurrency);
        let observer = Box::new(move |notice: &upload::Notice| reporter.hear(notice));
        let session = Session::without_source(settings, observer).map_err(CliError::Session)?;
        let stopper = session.stopper();
        interrupts.at_first(move |_| stopper.stop());
        transport::release_startup_code();
        let RemedySettings { renew_keys, correct_clock, .. } = self.remedies;
        Ok(Caller {
            session,
            settings: CallsSettings {
                manner,
                remedies: RemedySettings {
                    renew_keys: renew_keys && has_keys,
                    correct_clock,
                    adapt_checksums: false,
                },
                concurrency: self.concurrency,
                retry: self.retry,
                patience: self.patience,
                began_at: since_1970(),
                seed: fastrand::u64(..),
            },
            cost: Cost::default(),
        })
    }
}

impl SessionKeys {
    /// When they end, where that is known.
    pub(super) fn end(&self) -> Option<UnixTime> {
        self.credentials.as_ref()?.expires_at.map(unix)
    }

    /// Of the first source that has keys; it is asked again when they have expired. None where
    /// requests go unsigned.
    pub(super) fn find(
        s3: &S3Args,
        config: &Config,
        surroundings: &Surroundings,
    ) -> Result<SessionKeys, CliError> {
        if s3.no_sign_request {
            return Ok(SessionKeys::default());
        }
        let chain = chain(config, surroundings);
        let found = chain.find()?;
        log::info!("credentials from {}", found.source);
        let renewal: Renewal = Arc::new(move || chain.load().map_err(|error| error.to_string()));
        let rights = Rights::of_keys(&found);
        Ok(SessionKeys { credentials: Some(found.credentials), renewal: Some(renewal), rights })
    }
}

/// When the keys end that [`SessionKeys::find`] would find. No service is asked, for what comes
/// from one is renewed; and nothing is the matter where there are none, or a source does not work.
pub(super) fn rights_at_hand(s3: &S3Args, config: &Config, surroundings: &Surroundings) -> Rights {
    if s3.no_sign_request {
        return Rights::Lasting;
    }
    let found = chain(config, surroundings).find_at_hand();
    found.ok().flatten().as_ref().map(Rights::of_keys).unwrap_or_default()
}

/// The sources of keys.
fn chain(config: &Config, surroundings: &Surroundings) -> Chain {
    let profile = &config.profile;
    let profile = (profile.origin != Origin::Default).then(|| profile.value.clone());
    Chain::new(surroundings.environment.clone(), profile)
}

/// Makes calls about one bucket, one script after the other; what is learnt of the store by one is
/// known to the next.
pub(super) struct Caller<'a> {
    session: Session<'a>,
    settings: CallsSettings,
    cost: Cost,
}

/// What all calls so far cost, and why some failed.
#[derive(Debug, Clone, Default)]
pub(super) struct Cost {
    pub(super) requests: u32,
    pub(super) retries: BTreeMap<Symptom, u32>,
    pub(super) diagnoses: Vec<Diagnosis>,
}

impl Caller<'_> {
    /// Carries `script` out; gives it back with how it ended.
    pub(super) fn carry_out<S: Script>(
        &mut self,
        script: S,
    ) -> Result<(CallsOutcome, S), CliError> {
        let mut calls = Calls::new(script, self.settings.clone());
        let outcome = upload::run(&mut calls, &mut self.session);
        let outcome = outcome.map_err(|error| CliError::Run { error, abort_line: None })?;
        self.settings.manner = calls.manner().clone();
        let tally = calls.tally();
        self.cost.requests += tally.attempts;
        for (symptom, count) in tally.retries {
            *self.cost.retries.entry(symptom).or_default() += count;
        }
        self.cost.diagnoses.extend_from_slice(calls.diagnoses());
        Ok((outcome, calls.into_script()))
    }

    /// Attempts at each call from now on, at most; gives how many there could be before.
    pub(super) fn set_attempts_max(&mut self, attempts_max: u32) -> u32 {
        std::mem::replace(&mut self.settings.retry.attempts_max, attempts_max)
    }

    /// How requests are sent now, with all that was learnt of the store.
    pub(super) fn manner(&self) -> &Manner {
        &self.settings.manner
    }

    /// What all calls so far cost.
    pub(super) fn cost(&self) -> &Cost {
        &self.cost
    }
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

/// A libcurl that waits with `select()` cannot have more than so many connections.
pub(super) fn concurrency(config: &Config, console: &Console) -> u32 {
    let wanted = config.concurrency.value;
    let max = transport::SELECT_CONNECTIONS_MAX;
    if wanted > max && transport::version().poll != Some(true) {
        console.note(&format!(
            "{max} requests in flight in place of {wanted}: this libcurl uses select()"
        ));
        return max;
    }
    wanted
}
