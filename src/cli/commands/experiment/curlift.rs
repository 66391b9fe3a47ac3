//! This program, run again to upload: a process an upload, by a pool of so many.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use serde_json::Value;

use super::children::Children;
use super::clients::Task;
use crate::cli::commands::lab::MISLEADING;
use crate::cli::error::CliError;
use crate::experiment::Sight;

/// The program and the settings it is run with: none of the user's own.
#[derive(Debug)]
pub(super) struct Program {
    path: PathBuf,
    config: PathBuf,
    folder: PathBuf,
}

impl Program {
    /// This program, in a folder of ours.
    pub(super) fn find(folder: &Path) -> Result<Program, CliError> {
        let failed = |error| CliError::System { doing: "cannot find this program", error };
        let path = std::env::current_exe().map_err(failed)?;
        let config = folder.join("config.toml");
        let failed = |error| CliError::System { doing: "cannot write a config file", error };
        fs::write(&config, "").map_err(failed)?;
        Ok(Program { path, config, folder: folder.to_owned() })
    }

    /// Uploads to the URLs that `mint` makes; what was seen of each that failed, by its place. The
    /// URLs go through files: arguments are seen by everybody.
    pub(super) fn upload(
        &self,
        task: &Task<'_>,
        children: &Children,
        mint: impl FnOnce() -> Vec<String>,
    ) -> io::Result<BTreeMap<usize, Option<Sight>>> {
        let mut files = Vec::new();
        for (number, url) in mint().iter().enumerate() {
            let file = self.folder.join(format!("{}-url-{number}", task.name));
            fs::write(&file, url)?;
            files.push(file);
        }
        let waiting = Mutex::new(files.iter().enumerate());
        let work = || {
            let mut seen = Vec::new();
            loop {
                let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((number, url)) = next else { return io::Result::Ok(seen) };
                seen.push((number, self.put(task, children, url)?));
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..task.workers).map(|_| scope.spawn(work)).collect();
            let mut seen = BTreeMap::new();
            for worker in workers {
                seen.extend(worker.join().expect("uploading does not panic")?);
            }
            Ok(seen)
        })
    }

    /// One upload, and what was seen of it where it failed.
    fn put(&self, task: &Task<'_>, children: &Children, url: &Path) -> io::Result<Option<Sight>> {
        let mut from = std::ffi::OsString::from("@");
        from.push(url);
        let mut command = Command::new(&self.path);
        command.args(["cp", "--json", "--quiet", "--progress=never", "--config"]).arg(&self.config);
        command.arg("--").arg(task.file).arg(from);
        command.env("XDG_STATE_HOME", &self.folder);
        for name in MISLEADING {
            command.env_remove(name);
        }
        command.env("no_proxy", "127.0.0.1").env("NO_PROXY", "127.0.0.1");
        let complaints = File::create(url.with_extension("stderr"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(complaints);
        let running = children.spawn(&mut command)?;
        let mut error = None;
        running.hear(&running.lines(), task.limit, |line| {
            let event: Option<Value> = serde_json::from_str(line).ok();
            error = error.take().or(event.filter(|event| event["event"] == "error"));
        });
        let status = running.wait()?;
        if let Some(error) = &error {
            log::debug!("curlift: {status}: {}", error["message"]);
        }
        Ok((!status.success()).then(|| error.map_or(Sight::Other, |error| sight(&error))))
    }
}

/// What it saw, as it tells it.
fn sight(error: &Value) -> Sight {
    let message = error["message"].as_str().unwrap_or_default();
    match (error["status"].as_u64(), error["code"].as_str(), error["exit_code"].as_u64()) {
        (Some(403), Some("AccessDenied"), _) => Sight::Expired,
        (Some(400), Some("RequestTimeout"), _) => Sight::TimedOut,
        // It looks at the URL itself, and does not begin, or begin again, when that has ended.
        (None, _, Some(4 | 7)) if message.contains("expired") => Sight::NotSent,
        (None, _, Some(6)) if message.contains("Broken pipe") => Sight::BrokenPipe,
        (None, _, Some(6)) if message.contains("reset") => Sight::Reset,
        (None, _, Some(6 | 7)) => Sight::NoAnswer,
        _ => Sight::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_it_tells_is_named() {
        let rows = [
            (json!({"status": 403, "code": "AccessDenied", "exit_code": 4}), Sight::Expired),
            (json!({"status": 403, "code": "SignatureDoesNotMatch", "exit_code": 4}), Sight::Other),
            (json!({"status": 400, "code": "RequestTimeout", "exit_code": 6}), Sight::TimedOut),
            (json!({"status": null, "exit_code": 4, "message": "expired"}), Sight::NotSent),
            (
                json!({"exit_code": 6, "message": "network: Send failure: Broken pipe"}),
                Sight::BrokenPipe,
            ),
            (
                json!({"exit_code": 6, "message": "Recv failure: Connection reset by peer"}),
                Sight::Reset,
            ),
            (json!({"exit_code": 7, "message": "its presigned URL expired"}), Sight::NotSent),
            (json!({"exit_code": 7, "message": "may be stored or not"}), Sight::NoAnswer),
            (json!({"exit_code": 6, "message": "no answer"}), Sight::NoAnswer),
            (json!({"exit_code": 3}), Sight::Other),
        ];
        for (error, expected) in rows {
            assert_eq!(sight(&error), expected, "{error}");
        }
    }
}
