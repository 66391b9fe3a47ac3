//! Where values are looked up: the environment and the AWS files' settings of one profile.

use std::path::PathBuf;

use super::file::ConfigFile;
use super::options::Chosen;
use super::{ConfigError, Origin, Setting};
use crate::credentials::{Environment, Profile, Profiles, SectionKind};

/// The process's own environment.
#[must_use]
pub fn environment_of_process() -> Environment {
    std::env::vars_os().collect()
}

/// Where journals are kept: `$XDG_STATE_HOME/curlift`, else `~/.local/state/curlift` (XDG Base
/// Directory Specification, which has relative paths ignored); `None` where neither is known.
#[must_use]
pub fn state_folder(environment: &Environment) -> Option<PathBuf> {
    let named = environment.get("XDG_STATE_HOME").map(PathBuf::from);
    let base = named.filter(|path| path.is_absolute());
    let base = base.or_else(|| Some(environment.home()?.join(".local/state")))?;
    Some(base.join("curlift"))
}

/// All places but the command line, for one profile of the AWS files.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    environment: &'a Environment,
    file: &'a ConfigFile,
    chosen: Option<&'a Chosen>,
    profiles: Profiles,
    pub(super) profile: Setting<String>,
}

impl<'a> Sources<'a> {
    /// Reads both AWS files. A profile that was asked for must be in one of them; `default` need
    /// not.
    pub(super) fn open(
        environment: &'a Environment,
        flag: Option<&str>,
        file: &'a ConfigFile,
        chosen: Option<&'a Chosen>,
    ) -> Result<Sources<'a>, ConfigError> {
        let profiles = Profiles::load(environment)?;
        let profile = chosen_profile(environment, flag, file);
        let asked_by = match &profile.origin {
            Origin::Flag(name) | Origin::Environment(name) => Some((*name).to_owned()),
            Origin::File { .. } => Some(profile.origin.to_string()),
            Origin::Profile(_) | Origin::Default => None,
        };
        if let Some(asked_by) = asked_by
            && profiles.profile(&profile.value).is_none()
        {
            return Err(profiles.missing(&profile.value, &asked_by).into());
        }
        Ok(Sources { environment, file, chosen, profiles, profile })
    }

    /// A setting of our own file: of the chosen profile of options, else of the top level.
    pub(super) fn file(&self, name: &str) -> Option<Setting<String>> {
        let set = self.chosen.and_then(|chosen| chosen.setting(name));
        let set = set.or_else(|| self.file.top.settings.get(name).cloned())?;
        Some(Setting { value: set.value.concat(), origin: set.origin })
    }

    /// An environment variable.
    pub(super) fn environment(&self, name: &'static str) -> Option<Setting<String>> {
        let value = self.environment.get(name)?.to_owned();
        Some(Setting { value, origin: Origin::Environment(name) })
    }

    /// A setting of the profile; `s3.NAME` is one of its `s3 =` block.
    pub(super) fn profile(&self, name: &'static str) -> Option<Setting<String>> {
        setting(self.profiles.profile(&self.profile.value)?, name)
    }

    /// A setting of the `[services …]` section that the profile names.
    pub(super) fn service(&self, name: &'static str) -> Option<Setting<String>> {
        let definition = self.profile("services")?.value;
        setting(self.profiles.section(SectionKind::Services, &definition)?, name)
    }

    /// `path` with `~/` expanded.
    pub(super) fn expanded(&self, path: &str) -> PathBuf {
        self.environment.expand(path)
    }
}

fn chosen_profile(
    environment: &Environment,
    flag: Option<&str>,
    file: &ConfigFile,
) -> Setting<String> {
    let variable = |name| environment.get(name).map(|v| (v.to_owned(), Origin::Environment(name)));
    let written = || file.top.settings.get("profile").map(|s| (s.value.concat(), s.origin.clone()));
    let (value, origin) = flag
        .map(|value| (value.to_owned(), Origin::Flag("--profile")))
        .or_else(|| variable("AWS_PROFILE"))
        .or_else(|| variable("AWS_DEFAULT_PROFILE"))
        .or_else(written)
        .unwrap_or(("default".to_owned(), Origin::Default));
    Setting { value, origin }
}

fn setting(section: &Profile, name: &'static str) -> Option<Setting<String>> {
    let (path, line) = section.place(name)?;
    let origin = Origin::File { path: path.to_path_buf(), line, name: name.into() };
    Some(Setting { value: section.get(name)?.to_owned(), origin })
}
