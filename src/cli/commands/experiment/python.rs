//! The Python that runs scripts: found, asked for `PycURL`, and run.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use super::children::Children;
use super::clients::Task;
use crate::cli::error::CliError;
use crate::experiment::{Client, Sight};

/// What uploads, written as scripts are.
const SCRIPT: &str = include_str!("upload.py");

/// How long Python may take to begin.
const START: Duration = Duration::from_mins(1);

/// A Python, and the script for it.
#[derive(Debug)]
pub(super) struct Python {
    program: PathBuf,
    script: PathBuf,
    /// The version of `PycURL`, where it is installed, or why it cannot be used.
    pub(super) pycurl: Result<String, String>,
    expect: bool,
}

/// What became of one upload, as the script tells it.
#[derive(Debug, Deserialize)]
struct Line {
    number: usize,
    status: u16,
    /// The name of the system's error, where there was one.
    errno: String,
    code: String,
    message: String,
}

impl Python {
    /// The one that was typed, or `python3`; `None`: there is none that runs.
    pub(super) fn find(
        typed: Option<&Path>,
        folder: &Path,
        expect: bool,
    ) -> Result<Option<Python>, CliError> {
        let program = typed.map_or_else(|| PathBuf::from("python3"), Path::to_owned);
        let script = folder.join("upload.py");
        let failed = |error| CliError::System { doing: "cannot write a script", error };
        fs::write(&script, SCRIPT).map_err(failed)?;
        // A script of ours, and not -c, which imports what lies about in the working folder.
        let ask = |flags: &[&str]| {
            let mut command = Command::new(&program);
            command.arg(&script).args(["", "1"]).args(flags).env("PYTHONDONTWRITEBYTECODE", "1");
            command.stdin(Stdio::null()).output().ok()
        };
        let plain = ask(&["--http-client"]);
        if !plain.is_some_and(|plain| plain.status.success() && plain.stdout == b"ready\n") {
            return Ok(None);
        }
        let Some(asked) = ask(&["--version"]) else { return Ok(None) };
        let pycurl = if asked.status.success() {
            Ok(text(&asked.stdout).trim().to_owned())
        } else {
            let complaint = text(&asked.stderr);
            Err(complaint.lines().last().unwrap_or("it cannot be imported").to_owned())
        };
        Ok(Some(Python { program, script, pycurl, expect }))
    }

    /// The program, as it is typed.
    pub(super) fn shown(&self) -> String {
        self.program.display().to_string()
    }

    /// Uploads to the URLs that `mint` makes once the script is ready; what was seen of each that
    /// failed, by its place. The URLs go through a pipe: arguments are seen by everybody.
    pub(super) fn upload(
        &self,
        task: &Task<'_>,
        children: &Children,
        folder: &Path,
        mint: impl FnOnce() -> Vec<String>,
    ) -> io::Result<BTreeMap<usize, Option<Sight>>> {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).arg(task.file).arg(task.workers.to_string());
        let flags = [
            ("--http-client", task.client == Client::Python),
            ("--expect", self.expect),
            ("--hold", task.holds),
        ];
        command.args(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| flag));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join(format!("{}.stderr", task.name)))?);
        let (running, lines, ready) = children.starting(|| {
            let running = children.spawn(&mut command)?;
            let lines = running.lines();
            let ready = lines.recv_timeout(START);
            io::Result::Ok((running, lines, ready))
        })?;
        let mut seen = BTreeMap::new();
        if ready.as_deref() == Ok("ready") {
            let mut urls = mint().join("\n");
            urls.push('\n');
            let input = running.child().stdin.take();
            // A script that has ended says so by its silence.
            input.map(|mut input| input.write_all(urls.as_bytes())).transpose().ok();
            running.hear(&lines, task.limit, |line| {
                if let Ok(line) = serde_json::from_str::<Line>(line) {
                    let sight = line.sight();
                    let Line { number, status, errno, message, .. } = line;
                    log::debug!("upload {number}: {status} {errno} {message}: {sight:?}");
                    seen.insert(number, sight);
                }
            });
        } else {
            running.end();
        }
        running.wait()?;
        Ok(seen)
    }
}

impl Line {
    /// What the client saw; nothing where it was stored.
    fn sight(&self) -> Option<Sight> {
        match (self.status, self.errno.as_str(), self.code.as_str()) {
            (200..=299, "", _) => None,
            (0, "EPIPE", _) => Some(Sight::BrokenPipe),
            (0, "ECONNRESET", _) => Some(Sight::Reset),
            (0, "" | "EPROTOTYPE" | "ESHUTDOWN" | "ENOTCONN", _) => Some(Sight::NoAnswer),
            (403, _, "AccessDenied" | "") => Some(Sight::Expired),
            (400, _, "RequestTimeout" | "") => Some(Sight::TimedOut),
            _ => Some(Sight::Other),
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_saw_is_named() {
        let rows = [
            (200, "", "", None),
            (0, "EPIPE", "", Some(Sight::BrokenPipe)),
            (0, "ECONNRESET", "", Some(Sight::Reset)),
            (0, "", "", Some(Sight::NoAnswer)),
            (0, "ECONNREFUSED", "", Some(Sight::Other)),
            (403, "", "AccessDenied", Some(Sight::Expired)),
            // The answer was read, and the next write failed.
            (403, "EPIPE", "AccessDenied", Some(Sight::Expired)),
            (403, "", "SignatureDoesNotMatch", Some(Sight::Other)),
            (400, "", "RequestTimeout", Some(Sight::TimedOut)),
            (200, "ECONNRESET", "", Some(Sight::Other)),
            (500, "", "InternalError", Some(Sight::Other)),
        ];
        for (status, errno, code, sight) in rows {
            let (errno, code) = (errno.to_owned(), code.to_owned());
            let line = Line { number: 0, status, errno, code, message: String::new() };
            assert_eq!(line.sight(), sight, "{line:?}");
        }
    }
}
