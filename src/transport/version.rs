//! Which libcurl this is, and whether it waits with `poll()` or with `select()`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::time::Duration;

use curl::multi::{Multi, WaitFd};

use super::raw;

/// The libcurl in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LibcurlVersion {
    /// As libcurl names it, such as `8.22.0`.
    pub version: String,
    /// The TLS library and its version, such as `OpenSSL/3.6.3`; empty without TLS.
    pub tls: String,
    /// Whether it was compiled from the sources in the `curl-sys` crate; else it is the system's.
    pub vendored: bool,
    /// Whether it waits with `poll()`; with `select()` every socket numbered 1024 or more fails,
    /// so that connections are limited to [`SELECT_CONNECTIONS_MAX`]. `None` where the limit of
    /// open files (`ulimit -n`) leaves no room to find out.
    pub poll: Option<bool>,
}

/// Connections in flight at most on a libcurl that waits with `select()`: below 1024, less what
/// the rest of the process has open.
pub const SELECT_CONNECTIONS_MAX: u32 = 900;

/// The first descriptor number that `select()` cannot wait for (`FD_SETSIZE`).
const SELECT_DESCRIPTORS: RawFd = 1024;

/// `CURLM_UNRECOVERABLE_POLL`: what a `select()` build answers to such a number.
const UNRECOVERABLE_POLL: curl_sys::CURLMcode = 12;

/// Which libcurl this is; found out once, then remembered.
#[must_use]
pub fn version() -> LibcurlVersion {
    static VERSION: OnceLock<LibcurlVersion> = OnceLock::new();
    VERSION
        .get_or_init(|| {
            let libcurl = curl::Version::get();
            LibcurlVersion {
                version: libcurl.version().to_owned(),
                tls: libcurl.ssl_version().unwrap_or_default().to_owned(),
                vendored: libcurl.vendored(),
                poll: waits_with_poll(),
            }
        })
        .clone()
}

/// Lets libcurl wait for a descriptor that `select()` could not hold.
fn waits_with_poll() -> Option<bool> {
    let (reader, _writer) = io::pipe().ok()?;
    let high = high_descriptor(&OwnedFd::from(reader)).ok()?;
    let mut wait = WaitFd::new();
    wait.set_fd(high.as_raw_fd());
    wait.poll_on_read(true);
    match Multi::new().poll(&mut [wait], Duration::ZERO) {
        Ok(_) => Some(true),
        Err(error) if error.code() == UNRECOVERABLE_POLL => Some(false),
        Err(_) => None,
    }
}

/// Duplicates `low` above the bound, lifting the soft limit of open files for that moment only.
fn high_descriptor(low: &OwnedFd) -> io::Result<OwnedFd> {
    let before = raw::open_files_limit()?;
    let wanted = SELECT_DESCRIPTORS as libc::rlim_t + 1;
    if before.rlim_cur >= wanted {
        return raw::duplicate(low.as_fd(), SELECT_DESCRIPTORS);
    }
    raw::set_open_files_limit(libc::rlimit { rlim_cur: wanted, ..before })?;
    let high = raw::duplicate(low.as_fd(), SELECT_DESCRIPTORS);
    raw::set_open_files_limit(before)?;
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_finds_an_answer_where_descriptors_may_be_many() {
        let version = version();
        assert!(version.version.starts_with(|c: char| c.is_ascii_digit()), "{version:?}");
        assert_eq!(version.vendored, cfg!(feature = "vendored"));
        let room = raw::open_files_limit().unwrap().rlim_max > SELECT_DESCRIPTORS as libc::rlim_t;
        assert_eq!(version.poll.is_some(), room, "{version:?}");
    }

    #[test]
    fn a_high_descriptor_is_high_and_leaves_the_limit_alone() {
        let before = raw::open_files_limit().unwrap();
        let (reader, _writer) = io::pipe().unwrap();
        let high = high_descriptor(&OwnedFd::from(reader)).unwrap();
        assert!(high.as_raw_fd() >= SELECT_DESCRIPTORS);
        let after = raw::open_files_limit().unwrap();
        assert_eq!((before.rlim_cur, before.rlim_max), (after.rlim_cur, after.rlim_max));
    }
}
