//! `curlift resume`: goes on with interrupted uploads.

use std::path::Path;

use indicatif::{HumanBytes, HumanDuration};
use serde::Serialize;

use super::upload::Upload;
use crate::cli::Surroundings;
use crate::cli::args::{ResumeArgs, UploadArgs};
use crate::cli::console::{Console, unix_now};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::json::{Error, Event, Summary};
use crate::cli::report::tell_error;
use crate::cli::signals::Interrupts;
use crate::config::{Config, state_folder};
use crate::disk::{journals, peek};
use crate::s3::Limits;
use crate::upload::journal::{JournalError, Resumable, read};

/// Lists what can be resumed, or resumes it.
pub(super) fn run(
    args: &ResumeArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let folder = state_folder(&surroundings.environment).ok_or_else(|| CliError::NotFound {
        what: "there is no place for journals: HOME and XDG_STATE_HOME are not set".to_owned(),
        hint: "set HOME, or XDG_STATE_HOME to an absolute path".to_owned(),
    })?;
    let found = entries(&folder)?;
    if args.list {
        list(&found, console);
        return Ok(ExitStatus::Success);
    }
    let chosen = if args.all { found } else { vec![choose(args.id.as_deref(), found, &folder)?] };
    if chosen.is_empty() {
        console.note("nothing to resume");
    }
    let interrupts = Interrupts::listen()?;
    resume_each(chosen, &folder, args, console, surroundings, &interrupts)
}

/// A journal.
struct Entry {
    id: String,
    resumable: Result<Resumable, JournalError>,
    /// Whether a process is at it.
    is_live: bool,
}

/// All journals in which something was begun.
fn entries(folder: &Path) -> Result<Vec<Entry>, CliError> {
    let failed = |error| CliError::Journals { folder: folder.to_path_buf(), error };
    let mut entries = Vec::new();
    for id in journals(folder).map_err(failed)? {
        let Some((bytes, is_live)) = peek(folder, &id).map_err(failed)? else { continue };
        if let Some(resumable) = read(&bytes, &Limits::AWS).transpose() {
            entries.push(Entry { id, resumable, is_live });
        }
    }
    Ok(entries)
}

/// The one that `id` begins, or the only one there is.
fn choose(id: Option<&str>, found: Vec<Entry>, folder: &Path) -> Result<Entry, CliError> {
    let names: Vec<String> = found.iter().map(|entry| entry.id.clone()).collect();
    let wanted = id.unwrap_or_default();
    let mut fitting: Vec<Entry> =
        found.into_iter().filter(|entry| entry.id.starts_with(wanted)).collect();
    match (fitting.pop(), fitting.is_empty(), id) {
        (Some(entry), true, _) => Ok(entry),
        (Some(_), false, _) => Err(CliError::Usage {
            what: match id {
                Some(id) => format!("{id} may be one of several uploads"),
                None => format!("{} uploads can be resumed", names.len()),
            },
            hint: format!(
                "name one ({}), or all of them with --all; --list shows what they are",
                names.join(", ")
            ),
        }),
        (None, _, Some(id)) => Err(CliError::NotFound {
            what: format!("there is no journal {id} in {}", folder.display()),
            hint: "curlift resume --list shows what can be resumed; an upload of another machine: \
                   curlift cp FILE s3://BUCKET/KEY --upload-id ID"
                .to_owned(),
        }),
        (None, _, None) => Err(CliError::NotFound {
            what: format!("nothing to resume: there is no journal in {}", folder.display()),
            hint: "an upload of another machine: curlift cp FILE s3://BUCKET/KEY --upload-id ID"
                .to_owned(),
        }),
    }
}

fn list(found: &[Entry], console: &Console) {
    for Entry { id, resumable, is_live } in found {
        match resumable {
            Ok(resumable) => {
                let line = Line::new(id, resumable, *is_live);
                console.result(&line.text());
                console.event(&line);
            }
            Err(error) => console.warn(&format!("the journal {id} cannot be used: {error}")),
        }
    }
    if found.is_empty() {
        console.note("nothing to resume");
    }
}

/// An upload that can be resumed.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    id: &'a str,
    source: &'a str,
    destination: String,
    upload_id: Option<&'a str>,
    bytes: u64,
    bytes_stored: u64,
    parts: u32,
    parts_stored: usize,
    age_s: u64,
    /// Whether a process is at it.
    live: bool,
}

impl<'a> Line<'a> {
    fn new(id: &'a str, resumable: &'a Resumable, is_live: bool) -> Line<'a> {
        let begun = &resumable.begun;
        Line {
            event: "resumable",
            id,
            source: &begun.source.path,
            destination: format!("s3://{}/{}", begun.target.bucket, begun.target.key),
            upload_id: resumable.upload_id.as_ref().map(|id| id.0.as_str()),
            bytes: begun.source.size,
            bytes_stored: resumable.bytes_stored(),
            parts: resumable.plan.parts(),
            parts_stored: resumable.parts.len(),
            age_s: unix_now().since(resumable.begun_at).unwrap_or_default().as_secs(),
            live: is_live,
        }
    }

    fn text(&self) -> String {
        let age = HumanDuration(std::time::Duration::from_secs(self.age_s));
        let state = if self.live { ", running" } else { "" };
        format!(
            "{}  {} to {}\n  {} of {} stored ({} of {} parts), begun {age} ago{state}",
            self.id,
            self.source,
            self.destination,
            HumanBytes(self.bytes_stored),
            HumanBytes(self.bytes),
            self.parts_stored,
            self.parts,
        )
    }
}

/// One after the other; one that fails does not keep the others from being tried.
fn resume_each(
    chosen: Vec<Entry>,
    folder: &Path,
    args: &ResumeArgs,
    console: &Console,
    surroundings: &Surroundings,
    interrupts: &Interrupts,
) -> Result<ExitStatus, CliError> {
    let (count, mut failed) = (chosen.len(), Vec::new());
    for Entry { id, resumable, is_live } in chosen {
        if count > 1 && is_live {
            console.note(&format!("{id} is running already"));
            continue;
        }
        let path = folder.join(format!("{id}.journal"));
        let resumed = resumable
            .map_err(|error| CliError::Journal { path: path.clone(), error })
            .and_then(|resumable| {
                let upload = prepare(args, &id, &resumable, &path, console, surroundings);
                upload.and_then(|(upload, typed, config)| {
                    let keys = upload.keys(&typed, &config, surroundings)?;
                    let (ended, place) = upload.send(&keys, console, interrupts)?;
                    ended.tell(console, &place);
                    Ok(ended.status())
                })
            });
        match resumed {
            Ok(ExitStatus::Success) => {}
            Ok(status) => failed.push(status),
            Err(error) if count == 1 => {
                console.event(&Event::Error(Error::of_error(&error)));
                console.event(&Event::Summary(Summary::of_nothing(&id)));
                return Err(error);
            }
            Err(error) => {
                console.event(&Event::Error(Error::of_error(&error)));
                let what = format!("{id}: {error}");
                tell_error(console, &what, error.hint().as_deref(), None);
                failed.push(error.status());
            }
        }
        if interrupts.first().is_some() {
            break;
        }
    }
    Ok(match failed.as_slice() {
        [] => ExitStatus::Success,
        [.., last] if failed.len() == count || interrupts.first().is_some() => *last,
        _ => ExitStatus::Partial,
    })
}

/// The upload as it was begun, with what was typed today.
fn prepare(
    args: &ResumeArgs,
    id: &str,
    resumable: &Resumable,
    path: &Path,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<(Upload, UploadArgs, Config), CliError> {
    let typed = UploadArgs::of_journal(args, resumable);
    let (upload, config) = Upload::prepare(&typed, console, surroundings)?;
    let settings = crate::s3::ObjectSettings::restored(&resumable.begun.settings);
    let Some(settings) = settings else {
        return Err(CliError::Journal {
            path: path.to_path_buf(),
            error: JournalError::Contradiction { line: 1, what: "no object has such settings" },
        });
    };
    let object_settings = settings.into();
    let journal_id = Some(id.to_owned());
    Ok((Upload { object_settings, journal_id, ..upload }, typed, config))
}
