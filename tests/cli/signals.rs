//! Signals beyond the first Ctrl-C of an upload, which `tests/lab` has.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

const PROGRAM: &str = env!("CARGO_BIN_EXE_curlift");

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).env("TMPDIR", folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn send(signal: Signal, child: &Child) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Reads lines until one contains `text`.
fn wait_for(text: &str, lines: &mut impl BufRead) {
    let mut line = String::new();
    while !line.contains(text) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before {text:?}");
    }
}

/// A lab in the foreground and the variables it exports.
struct Lab(Child, Vec<(String, String)>);

impl Lab {
    fn start(folder: &Path, faults: &[&str]) -> Lab {
        let mut args = vec!["lab"];
        args.extend(faults.iter().flat_map(|rule| ["--fault", rule]));
        let mut child = program(folder, &args).spawn().unwrap();
        wait_for("listening at", &mut BufReader::new(child.stderr.as_mut().unwrap()));
        let mut exports = BufReader::new(child.stdout.as_mut().unwrap()).lines();
        let variables = std::iter::from_fn(|| exports.next()).take(5).map(|line| {
            let line = line.unwrap();
            let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
            (name.to_owned(), value.trim_matches('\'').to_owned())
        });
        let variables = variables.collect();
        Lab(child, variables)
    }

    /// Ends it as Ctrl-C does; what it saw.
    fn stop(mut self) -> String {
        send(Signal::INT, &self.0);
        let mut tally = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut tally).unwrap();
        assert_eq!(self.0.wait().unwrap().code(), Some(0), "{tally}");
        tally
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), vec![7; 20 << 20]).unwrap();
    let faults = ["UploadPart always slow 100KB", "AbortMultipartUpload always stall after 0"];
    let lab = Lab::start(folder.path(), &faults);
    let variables = lab.1.iter().map(|(name, value)| (name, value));
    let args = ["cp", "file", "s3://lab/key", "-v"];
    let mut child = program(folder.path(), &args).envs(variables).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for("upload id", &mut stderr);
    send(Signal::INT, &child);
    wait_for("giving up upload", &mut stderr);
    send(Signal::INT, &child);
    let status = child.wait().unwrap();
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(Signal::INT.as_raw()), "{status}");
    lab.stop();
}

#[test]
fn a_demo_that_is_stopped_leaves_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["demo", "--size", "64MiB", "--fault", "UploadPart always slow 100KB", "-v"];
    let mut child = program(folder.path(), &args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for("upload id", &mut stderr);
    assert_ne!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it works in a folder");
    send(Signal::INT, &child);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{rest}");
}

#[test]
fn a_lab_hands_termination_on_to_its_command() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["lab", "--", "/bin/sh", "-c", "echo ready >&2; exec sleep 60"];
    let mut child = program(folder.path(), &args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    wait_for("ready", &mut stderr);
    send(Signal::TERM, &child);
    let mut tally = String::new();
    stderr.read_to_string(&mut tally).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    assert!(tally.contains("the lab saw"), "{tally}");
}
