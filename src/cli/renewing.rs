//! `--renew`: the command that prints new presigned URLs, checked before anything is sent and run
//! when they expire.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::args::{AsTyped, RenewArgs};
use super::console::unix_now;
use super::error::CliError;
use super::place::Place;
use super::signals::Interrupts;
use crate::credentials::Environment;
use crate::process::{Complaints, Run, Stopper, split};
use crate::s3::{Links, masked};
use crate::session::LinkRenewal;
use crate::upload::LinksWanted;
use crate::upload::renewal::{answer, request};

/// How long a command may take.
const TIME_MAX: Duration = Duration::from_mins(1);
/// Bytes of its answer at most: ten thousand links are a tenth of that.
const OUTPUT_MAX: usize = 64 << 20;
/// Bytes of its complaints that are looked at.
const COMPLAINTS_MAX: usize = 16 << 10;
/// Characters of them that are shown.
const COMPLAINT_LENGTH_MAX: usize = 200;

/// A command line, whose words are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RenewCommand(Vec<String>);

impl RenewCommand {
    /// Takes a line apart as a shell would, and refuses what only a shell would do.
    pub(super) fn parse(line: &str) -> Result<RenewCommand, String> {
        let words = split(line).map_err(|error| error.to_string())?;
        match words.iter().find(|word| OF_SHELLS.contains(&word.as_str())) {
            Some(word) => Err(format!("no shell reads it, so {word} does nothing: {IN_A_SHELL}")),
            None => Ok(RenewCommand(words)),
        }
    }

    /// Whether the program is there and can be run.
    fn check(&self, environment: &Environment) -> Result<(), CliError> {
        let program = self.0.first().map(String::as_str).unwrap_or_default();
        let shown = Place::shown(Path::new(program));
        let refused =
            |what: String, hint: &str| Err(CliError::Usage { what, hint: hint.to_owned() });
        if program.contains('/') {
            let path = Path::new(program);
            return match (path.is_file(), is_executable(path)) {
                (true, true) => Ok(()),
                (true, false) => refused(
                    format!("--renew: {shown} cannot be executed"),
                    "make it executable: chmod +x",
                ),
                (false, _) if program.starts_with('~') => refused(
                    format!("--renew: there is no {shown}"),
                    "no shell reads it, so ~ is not your home: write the whole path",
                ),
                (false, _) => refused(
                    format!("--renew: there is no program {shown}"),
                    "check its path; nothing was sent",
                ),
            };
        }
        let mut folders = environment.get("PATH").unwrap_or_default().split(':');
        if folders.any(|folder| is_executable(&Path::new(folder).join(program))) {
            return Ok(());
        }
        refused(
            format!("--renew: there is no program {shown} in PATH"),
            &format!("check its spelling and your PATH; what only a shell knows: {IN_A_SHELL}"),
        )
    }
}

/// Words that mean something to a shell alone.
const OF_SHELLS: [&str; 10] = ["|", "||", "&", "&&", ";", "<", ">", ">>", "2>&1", "2>"];
const IN_A_SHELL: &str = "write sh -c '…' around it";

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// The command of a run, with whatever of it is running: that ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Renewing {
    command: Option<(RenewCommand, Duration)>,
    stopper: Stopper,
}

impl Renewing {
    /// Checks what was typed; runs nothing yet. What the config file says is for those uploads
    /// alone that it can be for.
    pub(super) fn prepare(
        typed: &AsTyped<RenewArgs>,
        destination: &str,
        environment: &Environment,
    ) -> Result<Renewing, CliError> {
        let RenewArgs { renew, renew_timeout } = &typed.args;
        let stopper = Stopper::default();
        let has_keys = destination.starts_with("s3://");
        if let (true, Some((name, _))) = (has_keys, typed.words.first()) {
            return Err(CliError::Usage {
                what: format!("--{name} is for presigned URLs; keys are renewed by their source"),
                hint: "leave it out; what prints keys is a credential_process in ~/.aws/config"
                    .to_owned(),
            });
        }
        let Some(command) = renew.as_ref().filter(|_| !has_keys) else {
            if renew.is_none() && !typed.words.is_empty() {
                return Err(CliError::Usage {
                    what: "--renew-timeout limits a command that was not named".to_owned(),
                    hint: "name it with --renew, or leave --renew-timeout out".to_owned(),
                });
            }
            return Ok(Renewing { command: None, stopper });
        };
        command.check(environment)?;
        let time_max = renew_timeout.unwrap_or(TIME_MAX);
        Ok(Renewing { command: Some((command.clone(), time_max)), stopper })
    }

    /// Whether there is a command.
    pub(super) fn is_wanted(&self) -> bool {
        self.command.is_some()
    }

    /// Where fresh links come from, if anywhere. A signal ends what is under way.
    pub(super) fn link_renewal(&self, interrupts: &Interrupts) -> Option<LinkRenewal> {
        let (command, time_max) = self.command.clone()?;
        let stopper = self.stopper.clone();
        interrupts.at_every({
            let stopper = stopper.clone();
            move || stopper.end()
        });
        Some(Arc::new(move |wanted, links| renew(&command, time_max, &stopper, wanted, links)))
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.stopper.end_for_good();
    }
}

/// Runs the command once.
fn renew(
    command: &RenewCommand,
    time_max: Duration,
    stopper: &Stopper,
    wanted: &LinksWanted,
    links: &Links,
) -> Result<Links, String> {
    let RenewCommand(words) = command;
    let program = Place::shown(Path::new(words.first().map(String::as_str).unwrap_or_default()));
    let request = request(wanted, links);
    let run = Run {
        words,
        input: Some(request.as_bytes()),
        output_max: OUTPUT_MAX,
        complaints: Complaints::Kept(COMPLAINTS_MAX),
        time_max,
        stopper: Some(stopper),
    };
    let ended = run.run().map_err(|error| error.to_string())?;
    let failed = |what: String| {
        let mut text = format!("{program}{what}");
        if let Some(complaint) = complaint(&ended.complaints) {
            // Writing to a String cannot fail.
            let _ = write!(text, "; it said: {complaint}");
        }
        text
    };
    if !ended.status.success() {
        return Err(failed(format!(" failed: {}", ended.status)));
    }
    answer(&ended.output, wanted, links, unix_now()).map_err(|error| failed(format!(": {error}")))
}

/// The line that tells most: the last that calls itself an error, else the last.
fn complaint(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).rev();
    let last = lines.clone().next()?;
    let line = lines.find(|line| line.starts_with("error:")).unwrap_or(last);
    Some(masked(line, COMPLAINT_LENGTH_MAX))
}

#[cfg(test)]
mod tests;
