//! Presigned URLs: made by the program, used by `curl`, which is given no keys.

use std::path::Path;
use std::process::Command;

use super::support::{Curlift, Store};

/// What `curlift presign WORDS` prints.
pub(crate) fn presign(store: &Store, words: &[&str]) -> String {
    let program = Curlift::new().store(store).arg("presign").args(words).arg("--quiet");
    program.run().expect_code(0).stdout.trim().to_owned()
}

/// Has `curl` send what `options` say to `url`: the status and the answer.
pub(crate) fn send(store: &Store, options: &[&str], url: &str) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--disable", "--noproxy", "*", "--max-time", "60"]);
    if let Some(ca) = &store.ca {
        command.arg("--cacert").arg(ca);
    }
    command.args(["--write-out", "\n%{http_code}"]).args(options).arg(url);
    let done = command.output().expect("curl is installed");
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let (body, status) = told.rsplit_once('\n').expect("the status is a line of its own");
    (status.parse().expect("a number"), body.to_owned())
}

/// The same with a file as its body.
pub(crate) fn put(store: &Store, file: &Path, fields: &[&str], url: &str) -> (u16, String) {
    let file = file.to_str().expect("a path of these tests");
    let fields = fields.iter().flat_map(|field| ["--header", field]);
    let options: Vec<&str> = ["--upload-file", file].into_iter().chain(fields).collect();
    send(store, &options, url)
}
