//! `curlift demo`: uploads to an embedded lab under faults and compares what is stored with the
//! file, byte for byte by two checksums.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use indicatif::HumanBytes;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::generated::generated;
use super::store::SessionKeys;
use super::upload::{Upload, UploadSource};
use crate::cli::args::{DemoArgs, ExpirySettings};
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::journal::Resume;
use crate::cli::place::{Place, Reach};
use crate::cli::renewing::Renewing;
use crate::cli::signals::Interrupts;
use crate::curlopt::Value;
use crate::disk::Source;
use crate::lab::faults::Rule;
use crate::lab::{Lab, LabSettings};
use crate::s3::checksum::{Crc64Nvme, Crc64NvmeHasher};
use crate::s3::payload::PayloadMode;
use crate::s3::{
    Addressing, Credentials, Destination, Endpoint, Limits, Object, ObjectSettings, Secret,
};
use crate::transport::HandleSettings;
use crate::upload::journal::Target;
use crate::upload::{OnFailure, Outcome, Patience, RemedySettings, RetryPolicy, UploadPlan};

/// What goes wrong unless something else is asked for.
const FAULTS: [&str; 3] = [
    "UploadPart 5% reset after 4MiB",
    "UploadPart every 10 status 503 SlowDown",
    "CompleteMultipartUpload #1 lose-answer",
];

const BUCKET: &str = "demo";
const KEY: &str = "demo/object";
const PART_SIZE: u64 = 8 << 20;
const CONCURRENCY: u32 = 8;

/// Runs the demonstration; success means that the stored bytes are the file's.
pub(super) fn run(args: DemoArgs, console: &Console) -> Result<ExitStatus, CliError> {
    let interrupts = Interrupts::listen()?;
    let failed = |error| CliError::System { doing: "cannot make a temporary folder", error };
    let folder = TempDir::with_prefix("curlift-demo-").map_err(failed)?;
    match demonstrate(args, folder.path(), console, &interrupts) {
        // Broken off by a signal; the temporary folder goes all the same.
        Err(CliError::System { error, .. }) if error.kind() == io::ErrorKind::Interrupted => {
            Ok(ExitStatus::of_signal(interrupts.first().unwrap_or_default()))
        }
        result => result,
    }
}

fn demonstrate(
    args: DemoArgs,
    folder: &Path,
    console: &Console,
    interrupts: &Interrupts,
) -> Result<ExitStatus, CliError> {
    let file = match args.file {
        Some(file) => file,
        None => generated(folder, args.size, args.seed, interrupts)?,
    };
    let source = Source::open(&file)?;
    let faults = if args.faults.is_empty() { usual_faults() } else { args.faults };
    let lab = start_lab(folder, faults, args.seed)?;
    console.note(&format!(
        "uploading {} ({}) to a lab inside this program at {}, under these faults:",
        Place::shown(&file),
        HumanBytes(source.size()),
        lab.endpoint_url()
    ));
    for (rule, _) in &lab.tally().faults {
        console.note(&format!("  {rule}"));
    }
    let upload = upload(&lab, source.clone(), folder)?;
    let (ended, place) = upload.send(&keys(&lab), console, interrupts)?;
    ended.tell(console, &place);
    console.note(lab.tally().to_string().trim_end());
    if !matches!(ended.outcome, Outcome::Uploaded(_)) {
        return Ok(ended.status());
    }
    compare(&lab, &source, console, interrupts)?;
    lab.stop();
    Ok(ExitStatus::Success)
}

/// Reads both sides and compares them.
fn compare(
    lab: &Lab,
    source: &Source,
    console: &Console,
    interrupts: &Interrupts,
) -> Result<(), CliError> {
    let failed = |error| CliError::System { doing: "cannot compare the stored bytes", error };
    let stored = lab.open_object(BUCKET, KEY).map_err(failed)?;
    let stored = Fingerprint::of(stored, interrupts).map_err(failed)?;
    let file = File::open(source.path()).map_err(failed)?;
    let file = Fingerprint::of(file, interrupts).map_err(failed)?;
    if let Some(change) = source.change() {
        return Err(CliError::Differs(format!("the file changed meanwhile: {change}")));
    }
    if stored != file {
        return Err(CliError::Differs(format!("stored: {stored}; file: {file}")));
    }
    let unfinished = lab.unfinished_uploads().len();
    if unfinished > 0 {
        return Err(CliError::Differs(format!("{unfinished} unfinished uploads were left behind")));
    }
    let tally = lab.tally();
    let faults = match tally.faults_total() {
        1 => "1 fault".to_owned(),
        faults => format!("{faults} faults"),
    };
    console.result(&format!(
        "stored bytes equal: {stored}\n  survived {faults} in {} requests",
        tally.requests_total()
    ));
    Ok(())
}

fn start_lab(folder: &Path, faults: Vec<Rule>, seed: u64) -> Result<Lab, CliError> {
    let settings = LabSettings {
        faults,
        seed,
        folder: Some(folder.join("lab")),
        buckets: vec![BUCKET.to_owned()],
        ..LabSettings::default()
    };
    let address = settings.address;
    Lab::start(settings).map_err(|error| CliError::Lab { address, error })
}

fn upload(lab: &Lab, source: Source, folder: &Path) -> Result<Upload, CliError> {
    let object = Object::parse(&format!("s3://{BUCKET}/{KEY}"), None)?;
    let plan = UploadPlan::new(source.size(), PART_SIZE, PART_SIZE, &Limits::AWS)
        .map_err(|error| CliError::Plan { error, origin: None })?;
    let endpoint = Endpoint::new(lab.endpoint_url(), Addressing::Path)
        .map_err(|error| CliError::Endpoint { error, origin: crate::config::Origin::Default })?;
    let place = Place {
        source: Place::shown(source.path()),
        object: Place::address(&object),
        bucket: BUCKET.to_owned(),
        key: KEY.to_owned(),
        endpoint: endpoint.to_string(),
        endpoint_origin: Some(crate::config::Origin::Default),
        region: REGION.to_owned(),
        profile: None,
        permissions: Vec::new(),
        reach: Reach::Keys,
        renews: false,
    };
    Ok(Upload {
        source: UploadSource::File(source),
        destination: Destination { endpoint, region: REGION.to_owned(), object },
        object_settings: Arc::new(ObjectSettings::default()),
        // As over https: over loopback nobody else is on the line.
        payload: PayloadMode::UnsignedTrailer,
        plan,
        concurrency: CONCURRENCY,
        retry: RetryPolicy::default(),
        hedge: true,
        remedies: RemedySettings { renew_keys: false, ..RemedySettings::default() },
        patience: Patience::default(),
        transport: HandleSettings::default().with("PROXY", Value::Text(String::new())),
        fields: Vec::new(),
        place,
        renewing: Renewing::default(),
        resume: Resume::Auto,
        adopted: None,
        on_failure: OnFailure::Abort,
        target: Target {
            endpoint: Some(lab.endpoint_url().to_owned()),
            addressing: "path".to_owned(),
            region: REGION.to_owned(),
            profile: None,
            bucket: BUCKET.to_owned(),
            key: KEY.to_owned(),
            manifest: None,
        },
        linked: None,
        journal_id: None,
        journals: Some(folder.join("journals")),
        expiry: ExpirySettings::default(),
    })
}

fn keys(lab: &Lab) -> SessionKeys {
    let credentials = Credentials {
        access_key_id: lab.access_key().to_owned(),
        secret_access_key: Secret::new(lab.secret_key()),
        session_token: None,
        expires_at: None,
    };
    SessionKeys { credentials: Some(credentials), ..SessionKeys::default() }
}

fn usual_faults() -> Vec<Rule> {
    FAULTS.iter().map(|rule| rule.parse().expect("our own rules are sound")).collect()
}

const REGION: &str = "us-east-1";

/// What tells bytes apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fingerprint {
    size: u64,
    crc64nvme: Crc64Nvme,
    sha256: [u8; 32],
}

impl Fingerprint {
    fn of(mut bytes: impl Read, interrupts: &Interrupts) -> io::Result<Fingerprint> {
        let (mut crc, mut sha256) = (Crc64NvmeHasher::new(), Sha256::new());
        let mut size = 0;
        let mut buffer = vec![0; 1 << 20];
        loop {
            interrupts.check()?;
            let read = match bytes.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            crc.update(&buffer[..read]);
            sha256.update(&buffer[..read]);
            size += read as u64;
        }
        Ok(Fingerprint { size, crc64nvme: crc.value(), sha256: sha256.finalize().into() })
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Fingerprint { size, crc64nvme, sha256 } = self;
        let (crc, sha256) = (crc64nvme.to_base64(), hex::encode(sha256));
        write!(f, "{size} bytes, CRC64NVME {crc}, SHA-256 {sha256}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_faults_can_be_read() {
        assert_eq!(usual_faults().len(), FAULTS.len());
    }
}
