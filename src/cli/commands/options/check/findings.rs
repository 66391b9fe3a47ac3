//! What there is to say of a config file, each with its place.

use std::fmt;
use std::path::Path;

use serde::Serialize;

use super::timeouts::Load;
use crate::cli::libcurl::remarks_on;
use crate::config::{ConfigFile, FileMistake, Origin, Section, Setting, Sweep};
use crate::curlopt::{self, Assignment, Given, Handle, PROFILES, Remark};
use crate::s3::Limits;
use crate::transport::refusals;
use crate::units::{self, exact_size};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Nothing would be sent.
    Error,
    /// It does not do what it seems to, or harm.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing to say.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    event: &'static str,
    file: String,
    line: usize,
    column: usize,
    severity: Severity,
    /// The option or setting, or the table.
    option: Option<String>,
    text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let Finding { file, line, column, text, .. } = self;
        write!(f, "{file}:{line}:{column}: {severity}: {text}")
    }
}

/// All there is to say, in the order of the file.
pub(super) struct Findings<'a> {
    file: String,
    text: &'a str,
    all: Vec<Finding>,
}

impl<'a> Findings<'a> {
    /// Judges a file, of which `mistakes` were found when it was read.
    pub(super) fn of(
        path: &Path,
        text: &'a str,
        file: &ConfigFile,
        mistakes: Vec<FileMistake>,
    ) -> Findings<'a> {
        let mut findings = Findings { file: path.display().to_string(), text, all: Vec::new() };
        for FileMistake { line, column, what } in mistakes {
            let option = name_in(text.lines().nth(line - 1).unwrap_or_default());
            findings.push((line, column), Severity::Error, option, what);
        }
        let chosen = file.top.settings.get("options_profile").map(|set| set.value.concat());
        findings.section(&file.top, Load::of(file, chosen.as_deref()));
        findings.chosen(file);
        for (name, profile) in &file.profiles {
            findings.section(profile, Load::of(file, Some(name)));
        }
        file.tune.iter().for_each(|sweep| findings.sweep(sweep));
        findings.all.sort_by_key(|finding| (finding.line, finding.column, finding.severity as u8));
        // Values of one sweep may all lead to the same.
        findings.all.dedup_by(|one, other| one.line == other.line && one.text == other.text);
        findings
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.all.iter()
    }

    pub(super) fn count(&self, severity: Severity) -> usize {
        self.all.iter().filter(|finding| finding.severity == severity).count()
    }

    fn section(&mut self, section: &Section, load: Load) {
        let values: Vec<Assignment> = section.options.iter().map(|set| set.value.clone()).collect();
        for (set, refusal) in section.options.iter().zip(refusals(&values)) {
            let name = set.value.option.name;
            if let Some(refusal) = refusal {
                self.say(&set.origin, Severity::Error, name, refusal.to_string());
            }
            let concurrency = u32::try_from(load.concurrency).unwrap_or(u32::MAX);
            for remark in remarks_on(set, concurrency).into_iter().chain(load.judged(set)) {
                let text = format!("{name} = {}: {}", set.value.shown(), remark.text());
                self.say(&set.origin, severity(&remark), name, text);
            }
        }
        for (name, set) in &section.settings {
            if let Some(what) = out_of_limits(name, set) {
                self.say(&set.origin, Severity::Error, name, what);
            }
        }
    }

    /// That the profile there is named is there.
    fn chosen(&mut self, file: &ConfigFile) {
        let Some(set) = file.top.settings.get("options_profile") else { return };
        let name = set.value.concat();
        let built_in = PROFILES.map(|profile| profile.name.to_owned());
        let known: Vec<&String> = built_in.iter().chain(file.profiles.keys()).collect();
        if !known.contains(&&name) {
            let known = known.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            let what = format!("there is no profile {name:?}; there are {known}");
            self.say(&set.origin, Severity::Error, "options_profile", what);
        }
    }

    /// The values of `[tune]`, which were checked when they were read.
    fn sweep(&mut self, sweep: &Sweep) {
        let Ok(option) = curlopt::find(Handle::Easy, &sweep.name) else { return };
        let check = |typed: &String| curlopt::check(option, &Given::Typed(vec![typed.clone()]));
        let values: Vec<Assignment> = sweep.values.iter().flat_map(check).collect();
        for (set, refusal) in values.iter().zip(refusals(&values)) {
            if let Some(refusal) = refusal {
                self.say(&sweep.origin, Severity::Error, option.name, refusal.to_string());
            }
            for remark in curlopt::remarks(set) {
                let text = format!("{} = {}: {}", option.name, set.shown(), remark.text());
                self.say(&sweep.origin, severity(&remark), option.name, text);
            }
        }
    }

    fn say(&mut self, origin: &Origin, severity: Severity, option: &str, text: String) {
        let Origin::File { line, name, .. } = origin else { return };
        let written = name.strip_prefix("tune.").unwrap_or(name);
        let row = self.text.lines().nth(line - 1).unwrap_or_default();
        let before = row.find(written).map_or(0, |at| row[..at].chars().count());
        self.push((*line, before + 1), severity, Some(option.to_owned()), text);
    }

    fn push(
        &mut self,
        (line, column): (usize, usize),
        severity: Severity,
        option: Option<String>,
        text: String,
    ) {
        let file = self.file.clone();
        self.all.push(Finding { event: "finding", file, line, column, severity, option, text });
    }
}

fn severity(remark: &Remark) -> Severity {
    match remark {
        Remark::Warning(_) => Severity::Warning,
        Remark::Note(_) => Severity::Note,
    }
}

/// The key or the table that a line is about.
fn name_in(line: &str) -> Option<String> {
    let line = line.trim();
    let name = match line.strip_prefix('[') {
        Some(table) => table.trim_matches(['[', ']']),
        None => line.split_once('=')?.0,
    };
    Some(name.trim().trim_matches(['"', '\'']).to_owned())
}

/// A size that S3 does not take.
fn out_of_limits(name: &str, set: &Setting<Vec<String>>) -> Option<String> {
    let Limits { part_size_min: min, part_size_max: max, .. } = Limits::AWS;
    let size = units::size(&set.value.concat()).ok();
    match (name, size?) {
        ("part_size", size) if size < min => Some(format!(
            "part_size = {}: S3's smallest part is {}",
            exact_size(size),
            exact_size(min)
        )),
        ("part_size" | "multipart_threshold", size) if size > max => Some(format!(
            "{name} = {}: S3 takes {} in one request at most",
            exact_size(size),
            exact_size(max)
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_what_they_are_about() {
        assert_eq!(name_in("  TIMEOUT = 3 # = 4").as_deref(), Some("TIMEOUT"));
        assert_eq!(name_in("[profile.mine.curl]").as_deref(), Some("profile.mine.curl"));
        assert_eq!(name_in("\"a\" = 3").as_deref(), Some("a"));
        assert_eq!(name_in("nonsense"), None);
    }
}
