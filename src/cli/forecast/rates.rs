//! How fast earlier uploads of this machine went, by the host they went to: a small file beside the
//! journals, which holds nothing else.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::disk::{read_small, replace_small};
use crate::s3::UnixTime;

/// The file's name.
const NAME: &str = "rates.json";

/// Hosts that are remembered.
const HOSTS_MAX: usize = 64;

/// Uploads of which the mean is taken: the way there changes with the hour and the place.
const UPLOADS_MAX: usize = 4;

/// A newer program's file is not ours to read.
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rates {
    version: u32,
    /// The latest first.
    hosts: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    /// Name or address, and the port where it is not the usual one.
    host: String,
    /// Bytes a second of uploads there, the latest first.
    rates: Vec<u64>,
    /// When the latest was.
    at: i64,
}

/// The mean of the last uploads to `host`; `None` where there were none, or nobody knows.
pub(super) fn recall(folder: Option<&Path>, host: &str) -> Option<u64> {
    let rates = read(folder?)?;
    mean(&rates.hosts.iter().find(|known| known.host == host)?.rates)
}

/// Remembers that an upload to `host` went at `rate` bytes a second. A file that cannot be
/// understood is written anew; one that cannot be written is no reason to fail.
pub(super) fn remember(folder: &Path, host: &str, rate: u64, now: UnixTime) {
    let rates = read(folder).unwrap_or(Rates { version: VERSION, hosts: Vec::new() });
    let rates = with(rates, host, rate, now);
    let written = serde_json::to_vec(&rates).map_err(Into::into);
    let written = written.and_then(|bytes| replace_small(folder, NAME, &bytes));
    if let Err(error) = written {
        log::info!("the rate to {host} is not remembered: {error}");
    }
}

fn read(folder: &Path) -> Option<Rates> {
    let bytes = match read_small(folder, NAME) {
        Ok(bytes) => bytes?,
        Err(error) => {
            log::info!("{} is not read: {error}", folder.join(NAME).display());
            return None;
        }
    };
    let rates: Rates = serde_json::from_slice(&bytes).ok()?;
    (rates.version == VERSION).then_some(rates)
}

/// `rates`, and this one before all others.
fn with(mut rates: Rates, host: &str, rate: u64, now: UnixTime) -> Rates {
    let known = rates.hosts.iter().position(|known| known.host == host);
    let mut entry = match known {
        Some(index) => rates.hosts.remove(index),
        None => Known { host: host.to_owned(), rates: Vec::new(), at: 0 },
    };
    entry.rates.insert(0, rate);
    entry.rates.truncate(UPLOADS_MAX);
    entry.at = now.0;
    rates.hosts.insert(0, entry);
    rates.hosts.truncate(HOSTS_MAX);
    rates
}

fn mean(rates: &[u64]) -> Option<u64> {
    let sum: u128 = rates.iter().copied().map(u128::from).sum();
    let mean = sum.checked_div(rates.len() as u128)?;
    u64::try_from(mean).ok().filter(|mean| *mean > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const NOW: UnixTime = UnixTime(1_700_000_000);

    #[test]
    fn the_mean_of_the_last_few_is_recalled_host_by_host() {
        let folder = tempfile::tempdir().unwrap();
        let (folder, known) = (folder.path(), |host| recall(Some(folder.path()), host));
        assert_eq!(known("a:9000"), None);
        for rate in [1_000_000, 10, 20, 30, 40] {
            remember(folder, "a:9000", rate, NOW);
        }
        remember(folder, "b", 7, NOW);
        assert_eq!((known("a:9000"), known("b"), known("a")), (Some(25), Some(7), None));
        assert_eq!(recall(None, "b"), None);
        let text = fs::read_to_string(folder.join(NAME)).unwrap();
        let written = r#"{"version":1,"hosts":[{"host":"b","rates":[7],"at":1700000000},"#;
        assert!(text.starts_with(written), "{text}");
    }

    #[test]
    fn the_hosts_that_were_not_used_for_long_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        for host in 0..HOSTS_MAX + 2 {
            remember(folder.path(), &format!("h{host}"), 5, NOW);
            remember(folder.path(), "always", 6, NOW);
        }
        let known = |host: &str| recall(Some(folder.path()), host);
        assert_eq!((known("h0"), known("h2"), known("h3")), (None, None, Some(5)));
        assert_eq!((known("h65"), known("always")), (Some(5), Some(6)));
    }

    #[test]
    fn a_damaged_file_is_ignored_and_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        for text in ["", "{", "[]", r#"{"version":2,"hosts":[]}"#, r#"{"version":1,"hosts":3}"#] {
            fs::write(&path, text).unwrap();
            assert_eq!(recall(Some(folder.path()), "a"), None, "{text}");
            remember(folder.path(), "a", 9, NOW);
            assert_eq!(recall(Some(folder.path()), "a"), Some(9), "{text}");
        }
        let empty = r#"{"version":1,"hosts":[{"host":"a","rates":[],"at":0}]}"#;
        fs::write(&path, empty).unwrap();
        assert_eq!(recall(Some(folder.path()), "a"), None);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        remember(folder.path(), "a", 9, NOW);
        assert_eq!(recall(Some(folder.path()), "a"), None);
    }
}
