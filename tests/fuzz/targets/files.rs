//! The files that AWS tools share. `credential_process` is never reached from here: it would run
//! what the fuzzer writes.

use std::path::Path;
use std::sync::LazyLock;

use curlift::config::{Config, ConfigFile, Overrides};
use curlift::credentials::{Environment, Profiles};
use tempfile::TempDir;

/// What an input may hold in place of a secret.
const SECRET: &str = "hunter2hunter2";

/// In memory, where there is such a place: a file is written for every input.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder can be made")
});

/// Reads the input as either file; no error repeats a line of it.
pub(crate) fn aws_files(bytes: &[u8]) {
    let thread = format!("{:?}", std::thread::current().id());
    let path = FOLDER.path().join(thread);
    std::fs::write(&path, bytes).expect("a file can be written");
    for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        let environment: Environment = [(variable, path.as_path())].into_iter().collect();
        let read = Profiles::load(&environment);
        if let Err(error) = &read {
            let error = error.to_string();
            assert!(!error.contains(SECRET), "{error}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
        let config = Config::load(&Overrides::default(), &environment, &ConfigFile::default());
        assert!(read.is_ok() || config.is_err(), "settings out of a broken file");
        expect_lines(&path, read.as_ref().ok(), bytes);
    }
}

/// What is told of a setting is a line that the file has.
fn expect_lines(path: &Path, profiles: Option<&Profiles>, bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').count();
    for name in profiles.iter().flat_map(|profiles| profiles.names()) {
        let profile = profiles.and_then(|profiles| profiles.profile(name));
        let Some((file, line)) = profile.and_then(|profile| profile.place("region")) else {
            continue;
        };
        assert_eq!(file, path);
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
}
