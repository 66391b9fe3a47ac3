//! `curlift options check`: all mistakes in a config file, and what in it does not do what it seems
//! to.

mod findings;
mod timeouts;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use self::findings::{Findings, Severity};
use super::page;
use super::settings::setting_shown;
use crate::cli::Surroundings;
use crate::cli::args::OptionsCheckArgs;
use crate::cli::console::{Console, harmless};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::vocabulary::Flags;
use crate::config::{
    ConfigError, ConfigFile, Origin, Section, Sweep, text_from, text_of_file, usual_place,
};
use crate::curlopt::{self, Given, Handle, find};

/// Reads the file, tells what there is to say, and fails where it is wrong.
pub(super) fn run(
    args: &OptionsCheckArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let Some((path, text)) = read(args, surroundings)? else {
        tell_that_there_is_none(console, surroundings);
        return Ok(ExitStatus::Success);
    };
    let (file, mistakes) = ConfigFile::examine(&path, &text, &Flags::new());
    let findings = Findings::of(&path, &text, &file, mistakes);
    let summary = Summary {
        event: "summary",
        file: path.display().to_string(),
        errors: findings.count(Severity::Error),
        warnings: findings.count(Severity::Warning),
        notes: findings.count(Severity::Note),
    };
    findings.iter().for_each(|finding| console.event(finding));
    console.event(&summary);
    if !console.is_json() {
        let mut parts: Vec<String> = findings.iter().map(ToString::to_string).collect();
        if summary.errors == 0 {
            parts.extend(sets(&file));
        }
        parts.push(summary.text());
        console.product(&harmless(&parts.join("\n")));
    }
    let is_right = summary.errors == 0;
    Ok(if is_right { ExitStatus::Success } else { ExitStatus::Configuration })
}

/// The file that is meant, and what stands in it.
fn read(
    args: &OptionsCheckArgs,
    surroundings: &Surroundings,
) -> Result<Option<(PathBuf, String)>, CliError> {
    let read = match &args.file {
        Some(path) if path == Path::new("-") => {
            let path = PathBuf::from("stdin");
            let text = text_from(&path, io::stdin().lock());
            Some((path, text))
        }
        typed => {
            let found =
                || ConfigFile::locate(surroundings.config.as_deref(), &surroundings.environment);
            typed.clone().or_else(found).map(|path| {
                let text = text_of_file(&path);
                (path, text)
            })
        }
    };
    let Some((path, text)) = read else { return Ok(None) };
    Ok(Some((path, text.map_err(|error| ConfigError::File(Arc::new(error)))?)))
}

fn tell_that_there_is_none(console: &Console, surroundings: &Surroundings) {
    let place = usual_place(&surroundings.environment).map(|path| path.display().to_string());
    let place = place.unwrap_or_else(|| "no place that is known".to_owned());
    console.note(&format!("there is no config file to check; it would be {place}"));
    console.event(&Summary { event: "summary", file: place, errors: 0, warnings: 0, notes: 0 });
}

/// The last line.
#[derive(Debug, Serialize)]
struct Summary {
    event: &'static str,
    file: String,
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Summary {
    fn text(&self) -> String {
        let counts = [(self.warnings, "warning"), (self.notes, "note")];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, noun)| page::counted(count, noun));
        let mistakes = match self.errors {
            0 => "no mistakes".to_owned(),
            count => page::counted(count, "mistake"),
        };
        let all: Vec<String> = std::iter::once(mistakes).chain(counts).collect();
        format!("{}: {}", self.file, all.join(", "))
    }
}

/// What the file sets, by section.
fn sets(file: &ConfigFile) -> Vec<String> {
    let mut sections = Vec::new();
    sections.extend(section("the file sets", &file.top));
    for (name, profile) in &file.profiles {
        sections.extend(section(&format!("its profile {name} sets"), profile));
    }
    if !file.tune.is_empty() {
        let rows = file.tune.iter().map(|sweep| {
            let values = page::counted(sweep.values.len(), "value");
            [sweep.name.clone(), format!("{values}: {}", tried(sweep).join(", "))]
        });
        let rows = page::columns(&rows.collect::<Vec<_>>());
        sections.push(format!("[tune] tries\n{rows}"));
    }
    sections
}

/// The values of a sweep as people read them.
fn tried(sweep: &Sweep) -> Vec<String> {
    let Ok(option) = find(Handle::Easy, &sweep.name) else { return sweep.values.clone() };
    let shown = |typed: &String| {
        let given = Given::Typed(vec![typed.clone()]);
        curlopt::check(option, &given).map_or_else(|_| typed.clone(), |set| set.shown())
    };
    sweep.values.iter().map(shown).collect()
}

fn section(head: &str, section: &Section) -> Option<String> {
    let settings = section
        .settings
        .iter()
        .map(|(name, set)| [name.clone(), setting_shown(name, &set.value), line(&set.origin)]);
    let options = section.options.iter().map(|set| {
        let name = set.value.option.name.to_owned();
        [name, set.value.shown(), line(&set.origin)]
    });
    let rows: Vec<_> = settings.chain(options).collect();
    (!rows.is_empty()).then(|| format!("{head}\n{}", page::columns(&rows)))
}

fn line(origin: &Origin) -> String {
    match origin {
        Origin::File { line, .. } => format!("line {line}"),
        other => other.to_string(),
    }
}
