//! What can end a command before there is an outcome, and the exit code of each.

use std::io;
use std::path::PathBuf;

use super::exit::ExitStatus;
use super::explain;
use crate::config::{ConfigError, Origin};
use crate::credentials::CredentialsError;
use crate::disk::{JournalFileError, SourceError};
use crate::s3::{EndpointError, NameError, PresignedUrlError, SettingsError};
use crate::transport::Refusal;
use crate::upload::journal::JournalError;
use crate::upload::{Failure, ManifestError, PlanError};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// Something that was typed cannot be.
    #[error("{what}")]
    Usage { what: String, hint: String },
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The libcurl in use does not take what somebody set.
    #[error("{}", refused(.0))]
    OptionsRefused(Vec<(Origin, Refusal)>),
    #[error(transparent)]
    Address(#[from] NameError),
    #[error("{error} (from {origin})")]
    Endpoint { error: EndpointError, origin: Origin },
    #[error(transparent)]
    Object(#[from] SettingsError),
    #[error("{error}{}", .origin.as_ref().map(|o| format!(" (from {o})")).unwrap_or_default())]
    Plan { error: PlanError, origin: Option<Origin> },
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The same upload is running.
    #[error("{error}")]
    Busy { error: JournalFileError },
    #[error("the journal {} cannot be used: {error}", .path.display())]
    Journal { path: PathBuf, error: JournalError },
    #[error("the journals in {} cannot be read: {error}", .folder.display())]
    Journals { folder: PathBuf, error: io::Error },
    /// The file is not what was sent so far.
    #[error("{} is not the file that an earlier run began to upload: {how}", .path.display())]
    SourceDiffers { path: PathBuf, how: String },
    /// A manifest of presigned URLs that cannot be used.
    #[error("{}: {error}", .path.display())]
    Manifest { path: PathBuf, error: Box<ManifestError> },
    /// The file is not what a manifest is for.
    #[error("{what}")]
    AnotherFile { what: String, hint: String },
    /// Presigned URLs that have expired.
    #[error("{what}")]
    LinkExpired { what: String, hint: String },
    /// A bucket, upload or journal that is not there.
    #[error("{what}")]
    NotFound { what: String, hint: String },
    /// libcurl refuses to work at all.
    #[error("libcurl cannot be set up: {0}")]
    Session(#[source] io::Error),
    /// Nothing can go on in the middle of a run.
    #[error("the upload cannot go on: {error}")]
    Run {
        #[source]
        error: io::Error,
        /// The line that frees what was left at the store, where an upload was open.
        abort_line: Option<String>,
    },
    /// A call of the store's API failed for good.
    #[error("{}", explain::call_failed(.failure, .doing))]
    Call { doing: String, failure: Box<Failure>, hint: Option<String> },
    /// What signs the requests would not last (`--strict-expiry`).
    #[error("{what}")]
    Expiry { what: String, hint: String },
    /// What is there already does not allow it.
    #[error("{what}")]
    Conflict { what: String, hint: String },
    /// The store took it, and does not show it.
    #[error("{what}")]
    Unconfirmed { what: String, hint: String },
    /// The user stopped it.
    #[error("stopped: {what}")]
    Stopped { what: String, signal: Option<u8> },
    /// The local file cannot be read to its end, or is not what it was.
    #[error("cannot read {path}: {what}")]
    Unreadable { path: String, what: String },
    #[error("cannot write to standard output: {0}")]
    Output(#[source] io::Error),
    #[error("cannot write the log to {}: {error}", .path.display())]
    Log { path: PathBuf, error: io::Error },
    /// Signals, threads, temporary files.
    #[error("{doing}: {error}")]
    System { doing: &'static str, error: io::Error },
    /// A file of results.
    #[error("cannot write {}: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    /// A measurement failed, with an exit code of its own.
    #[error("{what}")]
    Measuring { what: String, hint: Option<String>, code: u8 },
    #[cfg(feature = "lab")]
    #[error("the lab cannot start on {address}: {error}")]
    Lab { address: std::net::SocketAddr, error: io::Error },
    #[cfg(feature = "lab")]
    #[error("cannot run {command}: {error}")]
    Command { command: String, error: io::Error },
    /// The demo's stored object is not the file.
    #[cfg(feature = "lab")]
    #[error("the stored bytes are not those of the file: {0}")]
    Differs(String),
}

impl CliError {
    /// The exit code; that of a command that cannot be run is the shells'.
    pub(super) fn code(&self) -> u8 {
        match self {
            CliError::Measuring { code, .. } => *code,
            #[cfg(feature = "lab")]
            CliError::Command { error, .. } if error.kind() == io::ErrorKind::NotFound => 127,
            #[cfg(feature = "lab")]
            CliError::Command { .. } => 126,
            _ => self.status().code(),
        }
    }

    pub(super) fn status(&self) -> ExitStatus {
        match self {
            CliError::Usage { .. } | CliError::Address(_) | CliError::Object(_) => {
                ExitStatus::Usage
            }
            CliError::Plan { origin, .. } => typed(origin.as_ref()),
            CliError::Endpoint { origin, .. } => typed(Some(origin)),
            CliError::Config(_)
            | CliError::OptionsRefused(_)
            | CliError::Session(_)
            | CliError::Manifest { .. }
            | CliError::Log { .. } => ExitStatus::Configuration,
            CliError::Source(_) | CliError::SourceDiffers { .. } | CliError::AnotherFile { .. } => {
                ExitStatus::Source
            }
            CliError::LinkExpired { .. } => ExitStatus::Credentials,
            CliError::Busy { .. } => ExitStatus::Conflict,
            CliError::Journal { .. } | CliError::Journals { .. } => ExitStatus::Configuration,
            CliError::NotFound { .. } => ExitStatus::NotFound,
            CliError::Credentials(error) => match error {
                CredentialsError::NotFound { .. } | CredentialsError::Failed { .. } => {
                    ExitStatus::Credentials
                }
                CredentialsError::BrokenFile { .. }
                | CredentialsError::Unreadable { .. }
                | CredentialsError::NoProfile { .. } => ExitStatus::Configuration,
            },
            CliError::Expiry { .. } => ExitStatus::Credentials,
            CliError::Run { .. } => ExitStatus::GaveUp,
            CliError::Call { failure, .. } => ExitStatus::of_failure(failure),
            CliError::Conflict { .. } => ExitStatus::Conflict,
            CliError::Unconfirmed { .. } => ExitStatus::Unknown,
            CliError::Stopped { signal, .. } => ExitStatus::stopped(*signal),
            CliError::Unreadable { .. } => ExitStatus::Source,
            CliError::Measuring { .. } => ExitStatus::GaveUp,
            CliError::Output(_) | CliError::Write { .. } | CliError::System { .. } => {
                ExitStatus::Partial
            }
            #[cfg(feature = "lab")]
            CliError::Lab { .. } | CliError::Command { .. } => ExitStatus::Configuration,
            #[cfg(feature = "lab")]
            CliError::Differs(_) => ExitStatus::Conflict,
        }
    }

    /// What to do or type next, where the message does not say so itself.
    pub(super) fn hint(&self) -> Option<String> {
        match self {
            CliError::Usage { hint, .. }
            | CliError::NotFound { hint, .. }
            | CliError::Conflict { hint, .. }
            | CliError::Unconfirmed { hint, .. }
            | CliError::AnotherFile { hint, .. }
            | CliError::LinkExpired { hint, .. } => Some(hint.clone()),
            CliError::Manifest { error, .. } => Some(error.hint.clone()),
            CliError::Expiry { hint, .. } => Some(format!("what would fit: {hint}")),
            CliError::SourceDiffers { .. } => Some(NOT_THE_SAME.to_owned()),
            CliError::Journal { .. } => {
                Some("move it away, or add --resume never to begin anew".to_owned())
            }
            CliError::Call { hint, .. } | CliError::Measuring { hint, .. } => hint.clone(),
            CliError::Config(error) => Some(error.hint()),
            CliError::OptionsRefused(_) => Some(
                "leave them out, or use a libcurl that has them; `curlift --version` tells which \
                 this is"
                    .to_owned(),
            ),
            CliError::Credentials(error) => Some(error.hint()),
            CliError::Plan { error, .. } => Some(error.hint()),
            CliError::Run { abort_line: Some(line), .. } => {
                Some(format!("parts are left and may be billed; free them with: {line}"))
            }
            CliError::Run { .. } => Some("type the same line again".to_owned()),
            CliError::Log { .. } => Some("choose another file with --log-file".to_owned()),
            #[cfg(feature = "lab")]
            CliError::Lab { .. } => {
                Some("let the system choose a port: --listen 127.0.0.1:0".to_owned())
            }
            #[cfg(feature = "lab")]
            CliError::Command { .. } => Some("check its spelling and your PATH".to_owned()),
            _ => None,
        }
    }
}

impl From<PresignedUrlError> for CliError {
    fn from(error: PresignedUrlError) -> CliError {
        CliError::Usage { what: error.what, hint: error.hint }
    }
}

/// What to do where the file has changed since an interrupted upload.
pub(super) const NOT_THE_SAME: &str = "nothing was sent and nothing was freed; to send the file \
     as it is now, add --resume never, which also frees the parts of the earlier run";

fn refused(refusals: &[(Origin, Refusal)]) -> String {
    match refusals {
        [(origin, refusal)] => format!("{origin}: {refusal}"),
        more => more.iter().fold(
            format!("{} libcurl options cannot be set", more.len()),
            |text, (origin, refusal)| format!("{text}\n{origin}: {refusal}"),
        ),
    }
}

/// A mistake in what was typed is one of usage; in a file or variable, one of configuration.
fn typed(origin: Option<&Origin>) -> ExitStatus {
    match origin {
        Some(Origin::Environment(_) | Origin::File { .. } | Origin::Profile(_)) => {
            ExitStatus::Configuration
        }
        Some(Origin::Flag(_) | Origin::Default) | None => ExitStatus::Usage,
    }
}
