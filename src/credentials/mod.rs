//! Where access keys come from, in the order in which the AWS command line looks.
//!
//! [`Chain`] asks one source after the other; the crates `reqsign-aws-v4` and `reqsign-core` do the
//! asking wherever a service is involved (STS, SSO, container and EC2 metadata). The shared files
//! are read here ([`Profiles`]), so that a mistake can be told with file and line.
//!
//! Nothing is cached and nothing renews itself: whoever needs fresh keys asks the chain again.
//! Asking blocks for as long as a service takes.

mod chain;
mod context;
mod process;
mod profiles;
mod role;
mod shared_file;
mod sources;

use std::path::PathBuf;

pub use chain::{Chain, Found, Renews};
pub use context::Environment;
pub use profiles::{Profile, Profiles, SectionKind};

/// Why there are no credentials. Holds no secret, and no line of a file that may hold one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Every source was asked and none had any.
    #[error("no credentials found; looked in\n  {}", .looked.join("\n  "))]
    NotFound {
        /// The sources and what was found there, in the order in which they were asked.
        looked: Vec<String>,
    },
    /// A shared file that cannot be understood.
    #[error("{}, line {line}: {problem}", .file.display())]
    BrokenFile {
        /// The file.
        file: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A file that is there and cannot be read.
    #[error("{} cannot be read: {problem}", .file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        problem: String,
    },
    /// A profile was asked for that no file has.
    #[error("there is no profile {name:?} in {files} ({asked_by} asks for it)")]
    NoProfile {
        /// The profile.
        name: String,
        /// The flag or variable that named it.
        asked_by: String,
        /// The files that were read.
        files: String,
        /// Names that look alike, nearest first.
        nearest: Vec<String>,
    },
    /// A source that is configured did not work. Others are not tried: they would be the wrong
    /// keys.
    #[error("credentials from {source_name}: {problem}")]
    Failed {
        /// The source.
        source_name: String,
        /// What went wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
}

impl CredentialsError {
    /// What to do or to type next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            CredentialsError::NotFound { .. } => "set AWS_ACCESS_KEY_ID and \
                 AWS_SECRET_ACCESS_KEY, or type `aws configure`, or choose a profile with \
                 --profile NAME; --no-sign-request sends without credentials"
                .into(),
            CredentialsError::BrokenFile { file, .. } => format!("correct {}", file.display()),
            CredentialsError::Unreadable { file, .. } => {
                format!("check type and permissions: ls -lL {}", file.display())
            }
            CredentialsError::NoProfile { nearest, name, .. } if nearest.is_empty() => {
                format!("make it with `aws configure --profile {name}`")
            }
            CredentialsError::NoProfile { nearest, .. } => {
                format!("perhaps --profile {}", nearest.join(" or --profile "))
            }
            CredentialsError::Failed { hint, .. } => hint.clone(),
        }
    }
}
