//! Every libcurl option that will be set, and who set it. Weakest first: the default profile, the
//! AWS files, `[curl]`, the chosen profile, the environment, flags, `--curl`.

use super::file::{ConfigFile, Section, header_lines};
use super::{ConfigError, Origin, Overrides, Setting};
use crate::curlopt::{
    self, Assignment, Given, Handle, HeaderLine, Mistake, PROFILES, Profile, Value,
};

/// The options of all handles, one value a setting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LibcurlOptions(Vec<Setting<Assignment>>);

/// A profile of options and settings that somebody chose.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) name: Setting<String>,
    /// The built-in one of this name.
    pub(super) built_in: Option<&'static Profile>,
    /// The file's own of this name, which goes over the built-in one.
    pub(super) written: Option<Section>,
}

impl Chosen {
    /// Looks for the profile that was asked for by the flag or in the file.
    pub(super) fn find(
        flag: Option<&str>,
        file: &ConfigFile,
    ) -> Result<Option<Chosen>, ConfigError> {
        let typed = flag.map(|name| Setting {
            value: name.to_owned(),
            origin: Origin::Flag("--options-profile"),
        });
        let written = file.top.settings.get("options_profile");
        let written =
            written.map(|set| Setting { value: set.value.concat(), origin: set.origin.clone() });
        let Some(name) = typed.or(written) else { return Ok(None) };
        let built_in = PROFILES.into_iter().find(|profile| profile.name == name.value);
        let written = file.profiles.get(&name.value).cloned();
        if built_in.is_none() && written.is_none() {
            let known = PROFILES.iter().map(|profile| profile.name.to_owned());
            let known = known.chain(file.profiles.keys().cloned()).collect();
            return Err(ConfigError::NoOptionsProfile {
                name: name.value,
                origin: name.origin,
                known,
            });
        }
        Ok(Some(Chosen { name, built_in, written }))
    }

    /// A setting of it, as text.
    pub(super) fn setting(&self, name: &str) -> Option<Setting<Vec<String>>> {
        if let Some(set) = self.written.as_ref().and_then(|section| section.settings.get(name)) {
            return Some(set.clone());
        }
        let name = match name {
            "retry" => "retry.max_attempts",
            "retry_mode" => "retry.mode",
            "retry_max_time" => "retry.max_time",
            other => other,
        };
        let built_in = self.built_in?;
        let (_, value, _) = built_in.settings.iter().find(|(known, ..)| *known == name)?;
        Some(Setting { value: vec![(*value).to_owned()], origin: Origin::Profile(built_in.name) })
    }
}

/// What goes over the options of files and profiles.
pub(super) struct Outside<'a> {
    pub(super) flags: &'a Overrides,
    pub(super) ca_bundle: Option<&'a Setting<std::path::PathBuf>>,
    pub(super) proxy: Option<&'a Setting<String>>,
    pub(super) no_verify: Option<&'a Origin>,
}

impl LibcurlOptions {
    /// The options of one profile alone.
    #[must_use]
    pub fn of_profile(profile: &'static Profile) -> LibcurlOptions {
        let mut options = LibcurlOptions::default();
        options.set_profile(profile, &Origin::Profile(profile.name));
        options
    }

    pub(super) fn resolve(
        file: &ConfigFile,
        chosen: Option<&Chosen>,
        outside: &Outside<'_>,
    ) -> Result<LibcurlOptions, ConfigError> {
        let mut options = LibcurlOptions::default();
        options.set_profile(&curlopt::DEFAULT, &Origin::Default);
        let ca_bundle = outside.ca_bundle.map(|set| Setting {
            value: set.value.to_string_lossy().into_owned(),
            origin: set.origin.clone(),
        });
        let is_outer = |origin: &Origin| matches!(origin, Origin::Flag(_) | Origin::Environment(_));
        let (outer, inner) = match ca_bundle {
            Some(set) if is_outer(&set.origin) => (Some(set), None),
            inner => (None, inner),
        };
        options.set_text("CAINFO", inner.as_ref());
        options.set_all(&file.top.options);
        if let Some(chosen) = chosen {
            if let Some(profile) = chosen.built_in {
                options.set_profile(profile, &Origin::Profile(profile.name));
            }
            options.set_all(chosen.written.as_ref().map_or(&[], |section| &section.options));
        }
        options.set_text("CAINFO", outer.as_ref());
        options.set_text("PROXY", outside.proxy);
        if let Some(origin) = outside.no_verify {
            options.set_number("SSL_VERIFYPEER", 0, origin);
            options.set_number("SSL_VERIFYHOST", 0, origin);
        }
        options.set_all(&typed(&outside.flags.curl)?);
        Ok(options)
    }

    /// All of them, in the order in which they are set.
    pub fn iter(&self) -> impl Iterator<Item = &Setting<Assignment>> {
        self.0.iter()
    }

    /// Those of one kind of handle, but for `HTTPHEADER`, whose fields are signed.
    pub fn of(&self, handle: Handle) -> impl Iterator<Item = &Assignment> {
        let wanted = move |option: &curlopt::CurlOption| {
            option.handle == handle && option.name != "HTTPHEADER"
        };
        self.0.iter().map(|set| &set.value).filter(move |set| wanted(set.option))
    }

    /// What `HTTPHEADER` holds.
    pub fn header_lines(&self) -> impl Iterator<Item = HeaderLine> {
        let lines = |set: &Setting<Assignment>| header_lines(&set.value).unwrap_or_default();
        self.0.iter().flat_map(lines)
    }

    /// Sets what takes the place of an earlier value of the same setting.
    fn set(&mut self, set: Setting<Assignment>) {
        let option = set.value.option;
        self.0.retain(|other| {
            let other = other.value.option;
            other.handle != option.handle
                || (other.name != option.name && other.setting() != option.setting())
        });
        self.0.push(set);
    }

    fn set_all(&mut self, sets: &[Setting<Assignment>]) {
        for set in sets {
            self.set(set.clone());
        }
    }

    fn set_profile(&mut self, profile: &Profile, origin: &Origin) {
        let sets = profile.assignments().map(|value| Setting { value, origin: origin.clone() });
        if self.0.is_empty() {
            self.0.extend(sets);
        } else {
            sets.for_each(|set| self.set(set));
        }
    }

    fn set_text(&mut self, name: &str, text: Option<&Setting<String>>) {
        let Some(Setting { value, origin }) = text else { return };
        self.set_value(name, Value::Text(value.clone()), origin);
    }

    fn set_number(&mut self, name: &str, number: i64, origin: &Origin) {
        self.set_value(name, Value::Number(number), origin);
    }

    fn set_value(&mut self, name: &str, value: Value, origin: &Origin) {
        let option = curlopt::find(Handle::Easy, name).expect("an option that a flag stands for");
        self.set(Setting { value: Assignment { option, value }, origin: origin.clone() });
    }
}

/// Reads the values of `--curl`, all mistakes at once.
fn typed(arguments: &[String]) -> Result<Vec<Setting<Assignment>>, ConfigError> {
    let origin = Origin::Flag("--curl");
    let mut texts: Vec<(&'static curlopt::CurlOption, Vec<String>)> = Vec::new();
    let mut mistakes = Vec::new();
    for argument in arguments {
        let Some((name, value)) = argument.split_once('=') else {
            let why = "an option and its value are written NAME=VALUE".to_owned();
            mistakes.push(Mistake::Value { name: "--curl", given: argument.clone(), why });
            continue;
        };
        match curlopt::find_any(name) {
            Err(mistake) => mistakes.push(mistake),
            Ok(option) => match texts.iter_mut().find(|(known, _)| *known == option) {
                Some((_, values)) => values.push(value.to_owned()),
                None => texts.push((option, vec![value.to_owned()])),
            },
        }
    }
    let mut sets = Vec::new();
    for (option, values) in texts {
        let checked = curlopt::check(option, &Given::Typed(values));
        match checked.and_then(|set| header_lines(&set).map(|_| set)) {
            Ok(value) => sets.push(Setting { value, origin: origin.clone() }),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    if mistakes.is_empty() { Ok(sets) } else { Err(ConfigError::Options { origin, mistakes }) }
}
