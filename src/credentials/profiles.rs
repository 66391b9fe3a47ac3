//! The files that AWS tools share: `~/.aws/credentials` and `~/.aws/config`. What stands in them,
//! with file and line; what it leads to is [`role`](super::role)'s and [`chain`](super::chain)'s.
//!
//! Settings of both files are one profile; the credentials file wins. The format of a file is
//! [`shared_file`](super::shared_file)'s.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::context::{Environment, read_file};
use super::{CredentialsError, shared_file};

/// The kinds of section that hold settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SectionKind {
    /// `[default]`, `[profile NAME]`; `[NAME]` in the credentials file.
    Profile,
    /// `[sso-session NAME]`
    SsoSession,
    /// `[services NAME]`
    Services,
}

/// The settings of one section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    settings: BTreeMap<String, Setting>,
}

/// A value and where it stands.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) file: PathBuf,
    pub(super) line: usize,
}

/// Values may be secrets.
impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

impl Setting {
    /// The error that something is wrong with this value.
    pub(super) fn broken(&self, problem: impl Into<String>) -> CredentialsError {
        let (file, line) = (self.file.clone(), self.line);
        CredentialsError::BrokenFile { file, line, problem: problem.into() }
    }
}

impl Profile {
    /// The value of a setting; nested ones are named with a dot, as `s3.addressing_style`. `None`
    /// where it is missing or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|setting| setting.value.as_str())
    }

    /// Where such a value stands: the file and the line, counted from 1.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<(&Path, usize)> {
        self.setting(name).map(|setting| (setting.file.as_path(), setting.line))
    }

    pub(super) fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.get(name).filter(|setting| !setting.value.is_empty())
    }
}

/// Everything in the shared files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profiles {
    sections: BTreeMap<(SectionKind, String), Profile>,
    /// The files, and whether each is there.
    pub(super) files: Vec<(PathBuf, bool)>,
}

impl Profiles {
    /// Reads the files that `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` name, or those in
    /// `~/.aws`. A file that is not there is an empty one.
    ///
    /// # Errors
    /// Where a file is there and cannot be read or understood.
    pub fn load(environment: &Environment) -> Result<Profiles, CredentialsError> {
        let mut profiles = Profiles::default();
        for (variable, usual, is_config) in [
            ("AWS_CONFIG_FILE", "~/.aws/config", true),
            ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", false),
        ] {
            let named = environment.get(variable);
            if named.is_none() && environment.home().is_none() {
                continue;
            }
            let file = environment.expand(named.unwrap_or(usual));
            let content = match read_file(&file) {
                Ok(content) => Some(content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => {
                    let problem = error.to_string();
                    return Err(CredentialsError::Unreadable { file, problem });
                }
            };
            if let Some(content) = &content {
                shared_file::read(&mut profiles, &file, content, is_config)?;
            }
            profiles.files.push((file, content.is_some()));
        }
        Ok(profiles)
    }

    /// The settings of a section; `None` where no file has it.
    #[must_use]
    pub fn section(&self, kind: SectionKind, name: &str) -> Option<&Profile> {
        self.sections.get(&(kind, name.to_owned()))
    }

    /// The settings of a profile; `None` where no file has it.
    #[must_use]
    pub fn profile(&self, name: &str) -> Option<&Profile> {
        self.section(SectionKind::Profile, name)
    }

    /// The names of all profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let is_profile = |kind: SectionKind| kind == SectionKind::Profile;
        self.sections
            .keys()
            .filter(move |(kind, _)| is_profile(*kind))
            .map(|(_, name)| name.as_str())
    }

    /// The error that a profile is missing.
    #[must_use]
    pub fn missing(&self, name: &str, asked_by: &str) -> CredentialsError {
        let mut nearest: Vec<(f64, &str)> = self
            .names()
            .map(|known| (strsim::jaro_winkler(&known.to_lowercase(), &name.to_lowercase()), known))
            .filter(|(likeness, _)| *likeness > 0.8)
            .collect();
        nearest.sort_by(|a, b| b.0.total_cmp(&a.0));
        let files: Vec<String> =
            self.files.iter().map(|(file, _)| file.display().to_string()).collect();
        CredentialsError::NoProfile {
            name: name.to_owned(),
            asked_by: asked_by.to_owned(),
            files: if files.is_empty() { "any file".into() } else { files.join(" or ") },
            nearest: nearest.into_iter().take(3).map(|(_, known)| known.to_owned()).collect(),
        }
    }

    /// Makes a section known, and sets what stands in it; what was there is replaced.
    pub(super) fn put(
        &mut self,
        kind: SectionKind,
        name: &str,
        setting: Option<(String, Setting)>,
    ) {
        let section = self.sections.entry((kind, name.to_owned())).or_default();
        section.settings.extend(setting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_names_are_offered() {
        let mut profiles = Profiles::default();
        for name in ["production", "prod-eu", "staging", "default"] {
            profiles.put(SectionKind::Profile, name, None);
        }
        let error = profiles.missing("prodution", "--profile");
        assert_eq!(error.hint(), "perhaps --profile production or --profile prod-eu");
        let error = profiles.missing("zzz", "AWS_PROFILE");
        assert_eq!(error.hint(), "make it with `aws configure --profile zzz`");
        assert_eq!(
            error.to_string(),
            "there is no profile \"zzz\" in any file (AWS_PROFILE asks for it)"
        );
    }
}
