//! The program itself, run as a user would, with nothing of the machine's settings in reach.

use std::env;
use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::Store;
use super::process::wait;

/// No run of a test takes longer.
const LIMIT: Duration = Duration::from_mins(3);

/// A run to be started.
pub(crate) struct Curlift {
    command: Command,
    home: TempDir,
}

/// A run under way.
pub(crate) struct Running {
    pub(crate) child: Child,
    stdout: JoinHandle<String>,
    stderr: JoinHandle<String>,
    _home: TempDir,
}

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; `None` where a signal killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Curlift {
    /// The program, in an environment that holds nothing but `PATH` and an empty home.
    pub(crate) fn new() -> Curlift {
        Curlift::under(&[])
    }

    /// The same, started by these words: a command that takes another as its last arguments.
    pub(crate) fn under(words: &[String]) -> Curlift {
        let home = tempfile::tempdir().expect("a folder can be made");
        let mut words = words.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_curlift")]);
        let mut command = Command::new(words.next().expect("the program is one of them"));
        command.args(words);
        command.env_clear().env("HOME", home.path());
        command.env("PATH", env::var_os("PATH").unwrap_or_default());
        Curlift { command, home }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Curlift {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args(mut self, args: &[&str]) -> Curlift {
        self.command.args(args);
        self
    }

    /// Where the store is and the keys to it, as environment variables.
    pub(crate) fn store(self, store: &Store) -> Curlift {
        let variables = store.environment().into_iter();
        variables.fold(self, |program, (name, value)| program.env(name, value))
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Curlift {
        self.command.env(name, value);
        self
    }

    pub(crate) fn start(self) -> Running {
        self.start_reading(Stdio::null())
    }

    /// Starts it with something on its standard input.
    pub(crate) fn start_reading(mut self, stdin: impl Into<Stdio>) -> Running {
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program was built");
        let stdout = collect(child.stdout.take().expect("it was piped"));
        let stderr = collect(child.stderr.take().expect("it was piped"));
        Running { child, stdout, stderr, _home: self.home }
    }

    pub(crate) fn run(self) -> Ended {
        self.start().end()
    }
}

impl Running {
    pub(crate) fn end(mut self) -> Ended {
        let status = wait(&mut self.child, LIMIT);
        let text = |reader: JoinHandle<String>| reader.join().expect("reading does not panic");
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        Ended { code: status.code(), stdout, stderr }
    }
}

impl Ended {
    /// Fails, with all that was printed, unless the exit code is `code`.
    pub(crate) fn expect_code(self, code: i32) -> Ended {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// The last line of `--json`.
    pub(crate) fn summary(&self) -> Value {
        let last = self.stdout.lines().last().unwrap_or_default();
        let summary: Value = serde_json::from_str(last)
            .unwrap_or_else(|e| panic!("{e} in {last:?}\n{}\n{}", self.stdout, self.stderr));
        assert_eq!(summary["event"], "summary", "{}", self.stdout);
        summary
    }

    /// Retries by their cause, and how many there were.
    pub(crate) fn retries(&self) -> Vec<(String, u64)> {
        let summary = self.summary();
        let retries = summary["retries"].as_object().expect("`retries` is a map");
        let count = |value: &Value| value.as_u64().expect("a count");
        retries.iter().map(|(cause, value)| (cause.clone(), count(value))).collect()
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
