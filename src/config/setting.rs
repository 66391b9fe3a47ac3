//! A value and where it came from, so that a message about it can say what to change.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::FileError;
use crate::credentials::CredentialsError;
use crate::curlopt::Mistake;

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// Who set a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// A property of a configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The property; one nested in a block is named with a dot.
        name: Cow<'static, str>,
    },
    /// A built-in profile (`--options-profile`).
    Profile(&'static str),
    /// Nobody.
    Default,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One of the AWS files cannot be read or understood, or lacks the profile that was asked for.
    #[error(transparent)]
    Files(#[from] CredentialsError),
    /// Our own file cannot be read, or holds mistakes.
    #[error(transparent)]
    File(Arc<FileError>),
    /// There is no such profile of options.
    #[error("there is no profile {name:?} (from {origin})")]
    NoOptionsProfile {
        /// What was asked for.
        name: String,
        /// Who asked.
        origin: Origin,
        /// Those there are.
        known: Vec<String>,
    },
    /// libcurl options of the command line.
    #[error("{}", listed(.origin, .mistakes))]
    Options {
        /// Which flag.
        origin: Origin,
        /// All that is wrong.
        mistakes: Vec<Mistake>,
    },
    /// A value is not what it must be.
    #[error("{origin}: {reason}")]
    Value {
        /// Who set it.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
}

impl<T> Setting<T> {
    /// A value nobody set.
    pub fn by_default(value: T) -> Setting<T> {
        Setting { value, origin: Origin::Default }
    }

    /// Reads the text of a setting.
    ///
    /// # Errors
    /// What `read` says, with the origin.
    pub fn parse<U, E: fmt::Display>(
        self,
        read: impl FnOnce(&T) -> Result<U, E>,
    ) -> Result<Setting<U>, ConfigError> {
        match read(&self.value) {
            Ok(value) => Ok(Setting { value, origin: self.origin }),
            Err(reason) => {
                Err(ConfigError::Value { origin: self.origin, reason: reason.to_string() })
            }
        }
    }
}

impl ConfigError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            ConfigError::Files(error) => error.hint(),
            ConfigError::File(error) => match **error {
                FileError::Unreadable { .. } => {
                    "check the path: on the command line, in --config FILE or in CURLIFT_CONFIG"
                        .to_owned()
                }
                _ => "correct it; nothing was sent".to_owned(),
            },
            ConfigError::NoOptionsProfile { known, .. } => {
                format!(
                    "there are {}; more can be written as [profile.NAME.curl]",
                    known.join(", ")
                )
            }
            ConfigError::Options { .. } => {
                "`curlift options ls` lists them, `curlift options show NAME` tells more".to_owned()
            }
            ConfigError::Value { origin, .. } => format!("correct {origin}"),
        }
    }
}

fn listed(origin: &Origin, mistakes: &[Mistake]) -> String {
    match mistakes {
        [mistake] => format!("{origin}: {mistake}"),
        more => more.iter().fold(format!("{origin}: {} mistakes", more.len()), |text, mistake| {
            format!("{text}\n{mistake}")
        }),
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(name) | Origin::Environment(name) => f.write_str(name),
            Origin::File { path, line, name } => write!(f, "{}:{line}: {name}", path.display()),
            Origin::Profile(name) => write!(f, "profile {name}"),
            Origin::Default => f.write_str("default"),
        }
    }
}
