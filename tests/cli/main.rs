//! The program as users meet it: arguments, environment and files in; stdout, stderr and exit
//! code out. Cases are data, in the `*.toml` files beside this one; see [`case`].
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod case;
#[cfg(feature = "lab")]
mod signals;

use std::path::Path;
use std::sync::Mutex;
use std::thread;

use case::Case;

/// Cases run at once: a few, for each starts one or two programs.
const THREADS: usize = 4;

#[test]
fn every_case_does_what_it_says() {
    let cases = Mutex::new(all_cases());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some((file, case)) = cases.lock().unwrap().pop() else { break };
                    if let Err(problem) = case.run() {
                        let failure = format!("{file}: {}: {problem}", case.name());
                        failures.lock().unwrap().push(failure);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// The config file that the README shows is one.
#[test]
fn the_readmes_config_file_has_no_mistakes() {
    let readme = include_str!("../../README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (text, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_curlift"));
    command.args(["options", "check"]).arg(file).env_clear().env("HOME", folder.path());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && told.contains(": no mistakes"), "{told}");
}

fn all_cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let read = Case::read_all(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
            cases.extend(read.into_iter().map(|case| (file.clone(), case)));
        }
    }
    assert!(cases.len() > 40, "only {} cases were found", cases.len());
    cases
}
