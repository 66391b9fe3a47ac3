//! `curlift presign --parts-for`: begins an upload in parts, and writes all URLs that it needs to a
//! manifest, by which somebody without keys sends it and completes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::files::{ManifestFile, share_path};
use super::links::Signing;
use super::told::Told;
use super::{reading, signing_keys, warn_of_keys};
use crate::cli::Surroundings;
use crate::cli::args::PresignArgs;
use crate::cli::commands::ask::Asker;
use crate::cli::commands::store::StoreAccess;
use crate::cli::console::{Console, unix, wall_clock};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::place::Place;
use crate::cli::signals::Interrupts;
use crate::config::Config;
use crate::disk::Source;
use crate::s3::sigv4::Signer;
use crate::s3::{
    BucketPrefix, Crc64Nvme, Credentials, Destination, Limits, Object, ObjectSettings, Operation,
    Reply, UploadId,
};
use crate::time::ClockOffset;
use crate::upload::{
    MANIFEST_LENGTH_MAX, Manifest, ManifestChecksums, ManifestDestination, ManifestFile as File,
    ManifestInput, PlanError, Symptom, UploadPlan,
};

/// Runs it for `file`.
pub(super) fn run(
    args: &PresignArgs,
    file: &Path,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    refuse_misuse(args, file, console)?;
    let object = Object::parse(&args.object, file.file_name().and_then(|name| name.to_str()))?;
    let settings = Arc::new(ObjectSettings::new(&args.settings_for(file))?);
    let s3 = &args.store.s3;
    let access = StoreAccess::prepare(&args.overrides(), s3, console, surroundings)?;
    let source = Source::open(file)?;
    let plan = plan(&source, &args.object, &access.config)?;
    let files = Files::begin(args, &source, plan.parts())?;
    let (mut keys, mut credentials) = signing_keys(s3, &access.config, surroundings)?;
    let interrupts = Interrupts::listen()?;
    let has_checksums = access.config.checksums.value;
    let parts = if has_checksums {
        reading::part_checksums(&source, &plan, console, &interrupts)?
    } else {
        Vec::new()
    };
    if credentials.expires_at.is_some() {
        // Reading may have taken longer than they live.
        (keys, credentials) = signing_keys(s3, &access.config, surroundings)?;
    }
    let address =
        BucketPrefix { bucket: object.bucket.clone(), prefix: object.key.as_str().to_owned() };
    let place = Place { source: Place::shown(file), ..access.place(&address) };
    let addressing = access.config.addressing.value;
    let mut asker = Asker::open(access, &address, keys, console, &place, &interrupts)?;
    let operation = Operation::CreateMultipartUpload { settings, checksums: has_checksums };
    let created = asker.demand(&format!("beginning an upload to {}", place.object), operation);
    warn_of_lost_creation(&mut asker, created.as_ref().err(), &place, console);
    let upload_id = match created? {
        Reply::Created { upload_id } => upload_id,
        other => unreachable!("an answer to CreateMultipartUpload is {other:?}"),
    };
    let manner = asker.caller().manner();
    let destination = Destination { object, ..Destination::clone(&manner.destination) };
    let work = Work {
        args,
        source: &source,
        plan: &plan,
        parts: &parts,
        at: by_the_stores_clock(wall_clock(), manner.clock_offset),
        destination: ManifestDestination {
            endpoint: destination.endpoint.clone(),
            addressing,
            region: destination.region.clone(),
            object: destination.object.clone(),
        },
        credentials,
        upload_id: &upload_id,
    };
    let written = work.manifest(&destination).and_then(|manifest| {
        let told = Told::new(args, &manifest, &files, work.parts_checksum());
        files.write(&manifest, console)?;
        warn_of_keys(work.credentials.expires_at, work.at, told.ends_at(work.at), console);
        told.tell(console);
        Ok(ExitStatus::Success)
    });
    if written.is_err() {
        give_up(&mut asker, upload_id.clone(), &place, console);
    }
    written
}

fn refuse_misuse(args: &PresignArgs, file: &Path, console: &Console) -> Result<(), CliError> {
    let refused = |what: &str, hint: &str| {
        Err(CliError::Usage { what: what.to_owned(), hint: hint.to_owned() })
    };
    if file == Path::new("-") {
        return refused(
            "standard input cannot be read twice: to sign it, and to send it",
            "save it to a file first",
        );
    }
    if args.parts.output.as_deref() == Some(Path::new("-")) {
        if args.parts.shards.is_some() {
            return refused(
                "shares are files beside their manifest, and that goes to standard output",
                "name a file: -o parts.json",
            );
        }
        if console.is_json() {
            return refused(
                "the manifest and the lines of --json would go to standard output both",
                "name a file: -o parts.json",
            );
        }
    }
    Ok(())
}

fn plan(source: &Source, object: &str, config: &Config) -> Result<UploadPlan, CliError> {
    if source.size() == 0 {
        return Err(CliError::Usage {
            what: format!("{} is empty: it has no parts", Place::shown(source.path())),
            hint: format!("one URL uploads it: curlift presign {object}"),
        });
    }
    let wanted = &config.part_size;
    UploadPlan::new(source.size(), wanted.value, 0, &Limits::AWS).map_err(|error| {
        let is_typed = !matches!(error, PlanError::FileTooLarge { .. });
        CliError::Plan { origin: is_typed.then(|| wanted.origin.clone()), error }
    })
}

/// A creation that was not answered may have left an upload that nobody knows of.
fn warn_of_lost_creation(
    asker: &mut Asker<'_>,
    error: Option<&CliError>,
    place: &Place,
    console: &Console,
) {
    let retries = &asker.caller().cost().retries;
    let may_have_worked = |symptom: &Symptom| {
        matches!(
            symptom,
            Symptom::Reset | Symptom::Timeout | Symptom::Stalled | Symptom::Server | Symptom::Other
        )
    };
    let is_lost = retries.keys().any(may_have_worked)
        || match error {
            Some(CliError::Call { failure, .. }) => failure.ambiguous,
            Some(CliError::Stopped { .. }) => true,
            _ => false,
        };
    if is_lost {
        console.warn(&format!(
            "the store may have begun an upload without our hearing of it; look with: {}",
            place.list_line()
        ));
    }
}

/// Leaves nothing behind where the manifest cannot be had.
fn give_up(asker: &mut Asker<'_>, upload_id: UploadId, place: &Place, console: &Console) {
    let line = place.abort_line(&upload_id);
    match asker.ask(Operation::AbortMultipartUpload { upload_id }) {
        Ok(Ok(_)) => console.note("the upload was aborted: nothing is left at the store"),
        Ok(Err(_)) | Err(_) => {
            console.note(&format!("an upload without parts is left; abort it with: {line}"));
        }
    }
}

fn by_the_stores_clock(now: SystemTime, offset: ClockOffset) -> SystemTime {
    let span = Duration::from_secs(offset.0.unsigned_abs());
    if offset.0 < 0 { now - span } else { now + span }
}

/// What a manifest is made of.
struct Work<'a> {
    args: &'a PresignArgs,
    source: &'a Source,
    plan: &'a UploadPlan,
    /// Of each part; none where the upload has no checksums.
    parts: &'a [Crc64Nvme],
    at: SystemTime,
    destination: ManifestDestination,
    credentials: Credentials,
    upload_id: &'a UploadId,
}

impl Work<'_> {
    fn parts_checksum(&self) -> Option<Crc64Nvme> {
        (!self.parts.is_empty()).then(|| reading::combined(self.plan, self.parts))
    }

    /// Signs all URLs. What is written can be read: it is tried.
    fn manifest(&self, destination: &Destination) -> Result<Manifest, CliError> {
        let whole = self.parts_checksum();
        let signer =
            Signer { credentials: self.credentials.clone(), region: destination.region.clone() };
        let signing = Signing {
            signer: &signer,
            destination,
            upload_id: self.upload_id,
            at: self.at,
            lifetime: self.args.expires_in,
        };
        let path = self.source.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let modified = self.source.fingerprint().unwrap_or_default().modified;
        let manifest = Manifest::new(ManifestInput {
            created_at: unix(self.at),
            file: File { name, size: self.source.size(), modified },
            destination: self.destination.clone(),
            upload_id: self.upload_id.clone(),
            plan: self.plan.clone(),
            checksums: match whole {
                Some(whole) => ManifestChecksums::Crc64Nvme(Some(whole)),
                None => ManifestChecksums::None,
            },
            part_checksums: self.parts,
            links: signing.links(self.plan, self.parts, whole),
        });
        match Manifest::read(&manifest.write(), &Limits::AWS) {
            Ok(read) if read == manifest => Ok(manifest),
            Ok(_) => Err(unreadable("it does not say what it should", "")),
            Err(error) => Err(unreadable(&error.what, &error.hint)),
        }
    }
}

/// A manifest that nobody could use.
fn unreadable(what: &str, hint: &str) -> CliError {
    let hint = match hint {
        "" => "touch the file, and try larger parts: --part-size".to_owned(),
        hint => format!("{hint}; or larger parts: --part-size"),
    };
    let limit = MANIFEST_LENGTH_MAX >> 20;
    CliError::Usage { what: format!("no manifest of at most {limit} MiB: {what}"), hint }
}

/// The files that are written.
pub(super) struct Files {
    /// `None`: standard output.
    manifest: Option<ManifestFile>,
    shares: Vec<ManifestFile>,
}

impl Files {
    fn begin(args: &PresignArgs, source: &Source, parts: u32) -> Result<Files, CliError> {
        let parts_args = &args.parts;
        let path = match &parts_args.output {
            Some(path) if path != Path::new("-") => path,
            _ => return Ok(Files { manifest: None, shares: Vec::new() }),
        };
        let begin = |path: &Path| {
            let is_source = path.canonicalize().is_ok_and(|path| path == source.canonical_path());
            if is_source {
                return Err(CliError::Usage {
                    what: format!("{} is the file itself", Place::shown(path)),
                    hint: "name another file for the manifest: -o parts.json".to_owned(),
                });
            }
            ManifestFile::begin(path, parts_args.force)
        };
        let shares = 1..=parts_args.shards.unwrap_or(0).min(parts);
        let shares = shares.map(|number| begin(&share_path(path, number)));
        Ok(Files { shares: shares.collect::<Result<_, _>>()?, manifest: Some(begin(path)?) })
    }

    /// Where the manifest goes; `None`: to standard output.
    pub(super) fn path(&self) -> Option<&Path> {
        self.manifest.as_ref().map(|file| file.path.as_path())
    }

    /// Where the shares go.
    pub(super) fn shares(&self) -> Vec<PathBuf> {
        self.shares.iter().map(|file| file.path.clone()).collect()
    }

    /// Writes the shares, and then the manifest: all of them or none.
    fn write(self, manifest: &Manifest, console: &Console) -> Result<(), CliError> {
        let Some(file) = self.manifest else {
            console.product(&String::from_utf8_lossy(&manifest.write()));
            return Ok(());
        };
        let count = u32::try_from(self.shares.len()).expect("there are 10,000 at most");
        let shares = if count > 0 { manifest.shards(count) } else { Vec::new() };
        let whole = (manifest, file);
        let mut written = Vec::new();
        for (manifest, file) in shares.iter().zip(self.shares).chain([whole]) {
            match file.finish(&manifest.write()) {
                Ok(path) => written.push(path),
                Err(error) => {
                    // Of no use: their upload is given up.
                    for path in &written {
                        std::fs::remove_file(path).ok();
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
