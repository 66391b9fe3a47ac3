//! One upload of a small file by the whole program, with options set by name: unsigned, and tried
//! once, so that what is seen is what was asked for.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;

use tempfile::TempDir;

use super::support::{Curlift, Ended, write_file};

/// The exit code where a setting is to blame.
pub(crate) const CONFIGURATION: i32 = 3;

/// The exit code where the network or the store is to blame.
pub(crate) const NETWORK: i32 = 6;

/// An upload to be started.
pub(crate) struct Upload {
    program: Curlift,
    folder: TempDir,
    length: usize,
}

impl Upload {
    /// To a store at this URL.
    pub(crate) fn to(url: impl Display) -> Upload {
        Upload::signed(url).flags(&["--no-sign-request"])
    }

    /// The same, signed where the environment has keys.
    pub(crate) fn signed(url: impl Display) -> Upload {
        Upload::under(&[], url)
    }

    /// The same, started by these words.
    pub(crate) fn under(words: &[String], url: impl Display) -> Upload {
        let folder = tempfile::tempdir().unwrap();
        let program = Curlift::under(words).args(&["cp", "--json", "--retry", "1"]);
        let program = program.args(&["--retry-max-time", "1s", "--addressing-style", "path"]);
        let program = program.arg("--endpoint-url").arg(url.to_string());
        Upload { program, folder, length: 1_000 }
    }

    /// With these options, each written NAME=VALUE.
    pub(crate) fn with<T: AsRef<str>>(self, options: &[T]) -> Upload {
        let set = |upload: Upload, option: &T| upload.flags(&["--curl", option.as_ref()]);
        options.iter().fold(self, set)
    }

    /// With a config file of this content.
    pub(crate) fn configured(self, toml: &str) -> Upload {
        let file = self.folder.path().join("config.toml");
        fs::write(&file, toml).unwrap();
        self.env("CURLIFT_CONFIG", file)
    }

    pub(crate) fn flags(self, flags: &[&str]) -> Upload {
        Upload { program: self.program.args(flags), ..self }
    }

    pub(crate) fn env(self, name: &str, value: impl AsRef<OsStr>) -> Upload {
        Upload { program: self.program.env(name, value), ..self }
    }

    /// Of a file of so many bytes, in one request.
    pub(crate) fn of(self, length: usize) -> Upload {
        let flags = ["--multipart-threshold", "1GiB", "--part-size", "1GiB"];
        Upload { length, ..self.flags(&flags) }
    }

    pub(crate) fn run(self) -> Ended {
        self.during(|_| ()).0
    }

    /// Runs it, and does something meanwhile that knows the process.
    pub(crate) fn during<T>(self, work: impl FnOnce(u32) -> T) -> (Ended, T) {
        let (file, _) = write_file(self.folder.path(), "file.bin", self.length);
        let running = self.program.arg(file).arg("s3://bucket/key").start();
        let done = work(running.child.id());
        (running.end(), done)
    }

    /// Runs it; fails where it was not stored.
    pub(crate) fn expect_stored(self) -> Ended {
        self.run().expect_code(0)
    }

    /// Runs it; fails unless it failed for the network, saying these words.
    pub(crate) fn expect_failed(self, words: &str) -> Ended {
        let ended = self.run().expect_code(NETWORK);
        assert!(ended.stderr.contains(words), "not {words:?}: {}", ended.stderr);
        ended
    }
}
