//! A lab in a process of its own: `curlift lab` without a command.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use super::support::{Curlift, Store, wait_until};
use super::{BUCKET, IN_PARTS, KEY};

/// A lab that is running.
pub(crate) struct Lab {
    pub(crate) store: Store,
    child: Child,
    /// What it prints from here on, on either stream.
    printed: Vec<JoinHandle<String>>,
    _folder: TempDir,
}

impl Lab {
    /// Starts a lab with these fault rules.
    pub(crate) fn start(faults: &[&str]) -> Lab {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let mut command = Command::new(env!("CARGO_BIN_EXE_curlift"));
        command.arg("lab").arg("--folder").arg(folder.path());
        command.args(faults.iter().flat_map(|rule| ["--fault", rule]));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program was built");
        let mut output = BufReader::new(child.stdout.take().expect("it was piped"));
        let mut errors = child.stderr.take().expect("it was piped");
        let store = exported_store(&mut output);
        let printed = vec![
            thread::spawn(move || drain(&mut output)),
            thread::spawn(move || drain(&mut errors)),
        ];
        let Some(store) = store else {
            let status = child.wait().expect("the lab is ours");
            panic!("the lab ended with {status}: {}", all_of(printed));
        };
        Lab { store, child, printed, _folder: folder }
    }

    /// `curlift cp --json` to this lab, its file and destination still to come.
    pub(crate) fn cp(&self) -> Curlift {
        Curlift::new().store(&self.store).args(&["cp", "--json"]).args(&IN_PARTS)
    }

    /// Unfinished uploads to the key of these tests.
    pub(crate) fn unfinished(&self) -> usize {
        self.store.unfinished(BUCKET, KEY)
    }

    /// Waits until an upload is under way.
    pub(crate) fn await_upload(&self) {
        let begun = || (self.unfinished() > 0).then_some(());
        wait_until("an upload is under way", begun);
    }

    /// Stops the lab and gives what it says it saw.
    pub(crate) fn stop(mut self) -> Seen {
        signal(self.child.id(), "INT");
        let ended = || self.child.try_wait().expect("the lab is ours");
        wait_until("the lab has stopped", ended);
        Seen(all_of(std::mem::take(&mut self.printed)))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A test that failed has not stopped it. Where it has ended, neither does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lab's account, as it prints it: a count, then what was counted.
#[derive(Debug)]
pub(crate) struct Seen(String);

impl Seen {
    /// How often `what` was counted: an operation, a status, a fault rule.
    pub(crate) fn count(&self, what: &str) -> u64 {
        let rows = self.0.lines().filter_map(|line| line.trim().split_once(char::is_whitespace));
        let mut counts =
            rows.filter(|(_, name)| name.trim() == what).map(|(count, _)| count.parse());
        counts.next().map_or(0, |count| count.unwrap_or_else(|e| panic!("{e} in {}", self.0)))
    }
}

/// Reads `export` lines until all is known; `None` where the lab ended before.
fn exported_store(output: &mut BufReader<ChildStdout>) -> Option<Store> {
    let (mut url, mut access_key, mut secret_key, mut region) = (None, None, None, None);
    for line in output.by_ref().lines() {
        let line = line.expect("the lab prints text");
        let export = line.trim().strip_prefix("export ");
        let Some((name, value)) = export.and_then(|export| export.split_once('=')) else {
            continue;
        };
        let value = Some(value.trim_matches(['\'', '"']).to_owned());
        match name {
            "AWS_ENDPOINT_URL" => url = value,
            "AWS_ACCESS_KEY_ID" => access_key = value,
            "AWS_SECRET_ACCESS_KEY" => secret_key = value,
            "AWS_REGION" => region = value,
            _ => {}
        }
        if let (Some(url), Some(access_key), Some(secret_key), Some(region)) =
            (&url, &access_key, &secret_key, &region)
        {
            return Some(Store {
                url: url.clone(),
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                region: region.clone(),
                ca: None,
            });
        }
    }
    None
}

/// Sends a signal (`INT`, `TERM`) to a process of ours.
pub(crate) fn signal(process: u32, name: &str) {
    let id = process.to_string();
    let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent to {id}");
}

fn all_of(readers: Vec<JoinHandle<String>>) -> String {
    readers.into_iter().map(|reader| reader.join().expect("reading does not panic")).collect()
}

fn drain(pipe: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).expect("a pipe can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}
