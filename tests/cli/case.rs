//! One case: what is typed and what must come out.
//!
//! The program runs in a folder of its own that is also its home, with no environment but what
//! the case sets. `$FOLDER` in arguments and variables stands for that folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use serde::Deserialize;

const PROGRAM: &str = env!("CARGO_BIN_EXE_curlift");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// What is typed and what must come out.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: String,
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Files by name: a text, or a number of bytes.
    #[serde(default)]
    files: BTreeMap<String, Content>,
    /// What the program reads from standard input.
    #[serde(default)]
    stdin: String,
    /// Runs inside `curlift lab` with these arguments.
    lab: Option<Vec<String>>,
    code: i32,
    /// All of stdout.
    stdout: Option<String>,
    #[serde(default)]
    stdout_has: Vec<String>,
    #[serde(default)]
    stdout_lacks: Vec<String>,
    #[serde(default)]
    stderr_has: Vec<String>,
    #[serde(default)]
    stderr_lacks: Vec<String>,
    /// Fields of the last line of stdout, which must be JSON lines.
    summary: Option<toml::Table>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Size(usize),
}

impl Case {
    /// The cases of a file.
    pub(super) fn read_all(path: &Path) -> Result<Vec<Case>, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let file: File = toml::from_str(&text).map_err(|error| error.to_string())?;
        Ok(file.case)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Runs it; says what is not as it should be.
    pub(super) fn run(&self) -> Result<(), String> {
        if self.lab.is_some() && !cfg!(feature = "lab") {
            return Ok(());
        }
        let folder = tempfile::tempdir().unwrap();
        self.write_files(folder.path());
        let output = self.output(folder.path());
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let shown = || format!("--- stdout\n{stdout}\n--- stderr\n{stderr}");
        self.check(&output, &stdout, &stderr).map_err(|problem| format!("{problem}\n{}", shown()))
    }

    fn check(&self, output: &Output, stdout: &str, stderr: &str) -> Result<(), String> {
        if output.status.code() != Some(self.code) {
            return Err(format!("ended with {} in place of {}", output.status, self.code));
        }
        if self.stdout.as_ref().is_some_and(|expected| expected != stdout) {
            return Err(format!("stdout is not {:?}", self.stdout));
        }
        let has = |text: &str, parts: &[String]| {
            parts.iter().find(|part| !text.contains(*part)).map(|part| format!("no {part:?}"))
        };
        let lacking = has(stdout, &self.stdout_has).map(|what| format!("{what} on stdout"));
        let lacking = lacking.or(has(stderr, &self.stderr_has).map(|w| format!("{w} on stderr")));
        if let Some(problem) = lacking {
            return Err(problem);
        }
        if let Some(part) = self.stdout_lacks.iter().find(|part| stdout.contains(*part)) {
            return Err(format!("{part:?} on stdout"));
        }
        if let Some(part) = self.stderr_lacks.iter().find(|part| stderr.contains(*part)) {
            return Err(format!("{part:?} on stderr"));
        }
        self.summary.as_ref().map_or(Ok(()), |expected| check_events(stdout, expected))
    }

    fn write_files(&self, folder: &Path) {
        for (name, content) in &self.files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match content {
                Content::Text(text) => std::fs::write(path, text).unwrap(),
                Content::Size(size) => std::fs::write(path, vec![b'x'; *size]).unwrap(),
            }
        }
    }

    fn output(&self, folder: &Path) -> Output {
        let mut command = self.command(folder);
        if self.stdin.is_empty() {
            return command.output().unwrap();
        }
        let input = folder.join("stdin");
        std::fs::write(&input, &self.stdin).unwrap();
        command.stdin(std::fs::File::open(&input).unwrap()).output().unwrap()
    }

    fn command(&self, folder: &Path) -> Command {
        let expand = |text: &String| text.replace("$FOLDER", folder.to_str().unwrap());
        let mut command = Command::new(PROGRAM);
        if let Some(lab) = &self.lab {
            command.arg("lab").args(lab).arg("--").arg(PROGRAM);
        }
        command
            .args(self.args.iter().map(expand))
            .current_dir(folder)
            .env_clear()
            .env("HOME", folder)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(self.env.iter().map(|(name, value)| (name, expand(value))));
        command
    }
}

/// Each line is an object that begins with its event, and the last is the summary.
fn check_events(stdout: &str, expected: &toml::Table) -> Result<(), String> {
    let mut last = serde_json::Value::Null;
    for line in stdout.lines() {
        if !line.starts_with(r#"{"event":""#) {
            return Err(format!("does not begin with its event: {line}"));
        }
        last = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    }
    if last["event"] != "summary" {
        return Err("the last line is no summary".to_owned());
    }
    for (name, value) in expected {
        let value = serde_json::to_value(value).unwrap();
        if last[name] != value {
            return Err(format!("{name} is {} in place of {value}", last[name]));
        }
    }
    Ok(())
}
