//! This program, run again by itself: one upload a process, so that each begins with nothing and
//! what it used is its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::error::CliError;
use crate::cli::signals::Interrupts;
use crate::curlopt;
use crate::tune::Sample;

/// How it is run: what all uploads have in common.
#[derive(Debug)]
pub(super) struct Program {
    /// The program.
    pub(super) path: PathBuf,
    /// The file to upload.
    pub(super) source: PathBuf,
    /// Where to.
    pub(super) destination: String,
    /// What was typed of the store and the object, by the flags' long names.
    pub(super) words: Vec<(String, OsString)>,
    /// Variables to set, and some to take out.
    pub(super) variables: Vec<(&'static str, String)>,
    pub(super) removed: Vec<&'static str>,
    /// A folder of ours, for what must not mix with the user's own.
    pub(super) folder: PathBuf,
}

/// What an upload would be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned {
    /// Whether it has parts.
    pub(super) in_parts: bool,
}

/// How a run ended.
#[derive(Debug)]
pub(super) enum Ran {
    /// It uploaded.
    Uploaded(Sample),
    /// It failed by itself.
    Failed(Failed),
    /// It was stopped, for its time was over.
    OutOfTime,
    /// The user stopped it.
    Stopped,
}

/// Why it failed.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    /// Its exit code, as a shell tells it.
    pub(super) code: u8,
    /// What it said.
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// What an upload that is told to stop may take to free its parts.
const GRACE: Duration = Duration::from_secs(20);

/// More of its complaints is not read.
const STDERR_MAX: u64 = 16 << 10;

impl Program {
    /// What `cp` would do with these flags, or why it refuses them, by asking `plan`, which sends
    /// nothing.
    pub(super) fn plan(
        &self,
        flags: &[(String, String)],
    ) -> Result<Result<Planned, Failed>, CliError> {
        let mut command = self.command("plan", flags);
        let output = command.stdin(Stdio::null()).output().map_err(cannot_run)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Ok(Err(Failed::of(output.status, None, &said)));
        }
        let plan: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        let in_parts = plan.is_some_and(|plan| plan["multipart"] == true);
        Ok(Ok(Planned { in_parts }))
    }

    /// Uploads once, within `limit`.
    pub(super) fn upload(
        &self,
        flags: &[(String, String)],
        limit: Duration,
        interrupts: &Interrupts,
    ) -> Result<Ran, CliError> {
        if interrupts.first().is_some() {
            return Ok(Ran::Stopped);
        }
        let complaints = self.folder.join("stderr");
        let mut command = self.command("cp", flags);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(File::create(&complaints).map_err(cannot_run)?);
        // Ctrl-C at a terminal reaches us alone, and goes on from here once.
        let mut child = command.process_group(0).spawn().map_err(cannot_run)?;
        let pid = Pid::from_child(&child);
        interrupts.at_first(move |number| {
            send(pid, Signal::from_named_raw(number.into()).unwrap_or(Signal::TERM));
        });
        let (told, is_too_long) = hear(&mut child, pid, limit);
        interrupts.at_first(|_| {});
        let status = child.wait().map_err(cannot_run)?;
        Ok(match (told.sample.filter(|_| status.success()), interrupts.first()) {
            (Some(sample), _) => Ran::Uploaded(sample),
            (None, Some(_)) => Ran::Stopped,
            (None, None) if is_too_long => Ran::OutOfTime,
            (None, None) => Ran::Failed(Failed::of(status, told.error, &beginning_of(&complaints))),
        })
    }

    fn command(&self, name: &str, flags: &[(String, String)]) -> Command {
        let mut command = Command::new(&self.path);
        command.arg(name).args(["--json", "--quiet", "--progress=never"]);
        command.args(["--on-failure=abort", "--resume=never"]);
        let words = self.words.iter().filter(|word| !flags.iter().any(|flag| is_same(word, flag)));
        command.args(words.map(|(_, word)| word)).args(flags.iter().map(|(_, word)| word));
        // Journals of uploads that nobody is to resume.
        command.env("XDG_STATE_HOME", &self.folder);
        for name in &self.removed {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg("--").arg(&self.source).arg(&self.destination);
        command
    }
}

/// Whether a flag that was typed sets what a candidate's flag sets.
fn is_same(typed: &(String, OsString), flag: &(String, String)) -> bool {
    if typed.0 != flag.0 || flag.0 != "curl" {
        return typed.0 == flag.0;
    }
    let option = |word: &str| {
        let (name, _) = word.strip_prefix("--curl=")?.split_once('=')?;
        curlopt::find_any(name).ok().map(|option| option.name)
    };
    option(&typed.1.to_string_lossy()) == option(&flag.1)
}

/// What a run tells of itself.
#[derive(Debug, Default)]
struct Told {
    sample: Option<Sample>,
    error: Option<Value>,
}

/// Reads what it tells until it ends; stops it after `limit`.
fn hear(child: &mut Child, pid: Pid, limit: Duration) -> (Told, bool) {
    let stdout = child.stdout.take().expect("it was piped");
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            if ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout) {
                return false;
            }
            send(pid, Signal::TERM);
            if ended.recv_timeout(GRACE) == Err(RecvTimeoutError::Timeout) {
                send(pid, Signal::KILL);
            }
            true
        });
        let mut told = Told::default();
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            told.hear(&line);
        }
        drop(end);
        (told, watch.join().unwrap_or_default())
    })
}

impl Told {
    /// Takes one line of `--json`.
    fn hear(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return };
        match event["event"].as_str() {
            Some("error") if self.error.is_none() => self.error = Some(event),
            Some("summary") if event["outcome"] == "uploaded" => {
                let retries = event["retries"].as_object();
                let retries = retries.into_iter().flat_map(|map| map.values());
                self.sample = Some(Sample {
                    bytes: event["bytes"].as_u64().unwrap_or_default(),
                    elapsed_s: event["elapsed_s"].as_f64().unwrap_or_default(),
                    cpu_s: event["cpu_s"].as_f64().unwrap_or_default(),
                    memory_peak_bytes: event["memory_peak_bytes"].as_u64(),
                    retries: retries.filter_map(Value::as_u64).sum::<u64>() as u32,
                });
            }
            _ => {}
        }
    }
}

impl Failed {
    /// From its own words: the event, else what it printed.
    fn of(status: ExitStatus, error: Option<Value>, said: &str) -> Failed {
        let code = status.code().map_or_else(
            || status.signal().map_or(u8::MAX, |signal| 128 | signal as u8),
            |code| code as u8,
        );
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(error) = error
            && let Some(message) = text(&error["message"])
        {
            return Failed { code, message, hint: text(&error["hint"]) };
        }
        let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let message = lines.next().map_or_else(
            || format!("it ended with {status}"),
            |line| line.strip_prefix("error: ").unwrap_or(line).to_owned(),
        );
        let hint = lines.find_map(|line| line.strip_prefix("hint: ")).map(str::to_owned);
        Failed { code, message, hint }
    }

    /// The first line of what it said.
    pub(super) fn in_short(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

fn beginning_of(path: &PathBuf) -> String {
    let mut text = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(STDERR_MAX).read_to_end(&mut text));
    // Where it cannot be read, the exit code says what there is to say.
    read.map(|_| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

/// A process that has ended already needs no signal.
fn send(pid: Pid, signal: Signal) {
    kill_process(pid, signal).ok();
}

fn cannot_run(error: std::io::Error) -> CliError {
    CliError::System { doing: "cannot run this program for a measurement", error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_the_sample() {
        let mut told = Told::default();
        told.hear("no json");
        told.hear(r#"{"event":"part","part":1}"#);
        told.hear(r#"{"event":"summary","outcome":"failed","bytes":0}"#);
        assert_eq!(told.sample, None);
        told.hear(
            r#"{"event":"summary","outcome":"uploaded","bytes":10,"elapsed_s":0.5,"cpu_s":0.25,
                "memory_peak_bytes":null,"retries":{"reset":1,"throttled":2}}"#,
        );
        let sample = told.sample.unwrap();
        assert_eq!((sample.bytes, sample.retries, sample.memory_peak_bytes), (10, 3, None));
        assert!((sample.throughput() - 20.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_swept_goes_over_what_was_typed() {
        let same = |typed: (&str, &str), flag: (&str, &str)| {
            let typed = (typed.0.to_owned(), typed.1.into());
            is_same(&typed, &(flag.0.to_owned(), flag.1.to_owned()))
        };
        let swept = ("curl", "--curl=UPLOAD_BUFFERSIZE=1MiB");
        assert!(same(("curl", "--curl=CURLOPT_UPLOAD_BUFFERSIZE=2MiB"), swept));
        assert!(!same(("curl", "--curl=TCP_NODELAY=1"), swept));
        assert!(!same(("retry", "--retry=2"), swept));
        assert!(same(("retry", "--retry=2"), ("retry", "--retry=3")));
    }

    #[test]
    fn its_own_words_say_why_it_failed() {
        let status = ExitStatus::from_raw(3 << 8);
        let failed = Failed::of(status, None, "error: no such option\n  hint: type another\n");
        assert_eq!((failed.code, failed.in_short()), (3, "no such option"));
        assert_eq!(failed.hint.as_deref(), Some("type another"));
        let event = serde_json::json!({"message": "a\nb", "hint": null});
        let failed = Failed::of(status, Some(event), "error: c");
        assert_eq!((failed.in_short(), failed.hint.as_deref()), ("a", None));
        let killed = Failed::of(ExitStatus::from_raw(9), None, "");
        assert_eq!(killed.code, 137);
        assert!(killed.message.contains("signal: 9"), "{}", killed.message);
    }
}
