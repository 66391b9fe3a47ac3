//! `curlift options ls --profiles`: the profiles of `--options-profile`.

use serde::Serialize;

use super::settings::setting_shown;
use super::{facts, page};
use crate::cli::console::{Console, harmless};
use crate::config::ConfigFile;
use crate::curlopt::{PROFILES, Profile};

/// A profile and what it sets.
#[derive(Debug, Serialize)]
struct Listed {
    event: &'static str,
    name: String,
    built_in: bool,
    summary: Option<&'static str>,
    sets: Vec<Set>,
}

#[derive(Debug, Serialize)]
struct Set {
    name: String,
    value: String,
    /// Of built-in profiles.
    reason: Option<&'static str>,
    /// Of those of the config file.
    origin: Option<String>,
}

/// Prints those that are built in, and those of the file.
pub(super) fn list(console: &Console, file: &ConfigFile) {
    let profiles: Vec<Listed> = PROFILES.into_iter().map(built_in).chain(written(file)).collect();
    if console.is_json() {
        for profile in &profiles {
            console.event(profile);
        }
        return;
    }
    let width = page::width();
    let texts: Vec<String> = profiles.iter().map(|profile| profile.text(width)).collect();
    console.product(&harmless(&texts.join("\n\n")));
}

fn built_in(profile: &'static Profile) -> Listed {
    let settings = profile.settings.iter().map(|(name, value, reason)| Set {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        reason: Some(*reason),
        origin: None,
    });
    let options = profile.curl.iter().zip(profile.assignments());
    let options = options.map(|((_, _, reason), set)| Set {
        name: set.option.name.to_owned(),
        value: set.shown(),
        reason: Some(*reason),
        origin: None,
    });
    Listed {
        event: "profile",
        name: profile.name.to_owned(),
        built_in: true,
        summary: Some(profile.summary),
        sets: settings.chain(options).collect(),
    }
}

fn written(file: &ConfigFile) -> impl Iterator<Item = Listed> {
    file.profiles.iter().map(|(name, section)| {
        let settings = section.settings.iter().map(|(name, set)| Set {
            name: name.clone(),
            value: setting_shown(name, &set.value),
            reason: None,
            origin: Some(facts::origin(&set.origin)),
        });
        let options = section.options.iter().map(|set| Set {
            name: set.value.option.name.to_owned(),
            value: set.value.shown(),
            reason: None,
            origin: Some(facts::origin(&set.origin)),
        });
        Listed {
            event: "profile",
            name: name.clone(),
            built_in: false,
            summary: None,
            sets: settings.chain(options).collect(),
        }
    })
}

impl Listed {
    fn text(&self, width: usize) -> String {
        let also = PROFILES.iter().any(|profile| profile.name == self.name);
        let what = match (self.summary, also) {
            (Some(summary), _) => summary,
            (None, true) => "from the config file, over the built-in one",
            (None, false) => "from the config file",
        };
        let mut lines = page::wrapped(&format!("{}: {what}", self.name), width);
        for Set { name, value, reason, origin } in &self.sets {
            let why = reason.map(str::to_owned).or(origin.clone()).unwrap_or_default();
            let head = format!("{name} = {value}");
            let row = page::labelled(&head, &why, REASONS, width);
            let fits = head.chars().count() + 4 <= REASONS;
            let below = || format!("  {head}\n{}", page::indented(&why, REASONS, width));
            lines.push(if fits { row } else { below() });
        }
        lines.join("\n")
    }
}

/// The column in which reasons stand.
const REASONS: usize = 36;
