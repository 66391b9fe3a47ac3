//! Why nothing can be sent at all: not the failure of one exchange, which a report tells.

use super::version::version;

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// An option of all handles was refused.
    #[error("libcurl {version} refused {name}: {reason}")]
    Setting {
        /// The option.
        name: String,
        /// The libcurl.
        version: String,
        /// Its words.
        reason: String,
    },
    /// The event loop cannot go on.
    #[error("libcurl's event loop failed while {doing}: {reason}")]
    Loop {
        /// What was asked of it.
        doing: &'static str,
        /// Its words.
        reason: String,
    },
    /// There is no event loop to be had.
    #[error("libcurl cannot begin to work: {0}; are there descriptors (`ulimit -n`) and memory?")]
    NoMulti(std::io::Error),
    /// More exchanges than this libcurl can wait for.
    #[error(
        "this libcurl waits with select() and carries at most {limit} connections at once: \
         lower the concurrency, or build with CFLAGS=-DHAVE_POLL=1 or against the system's libcurl"
    )]
    TooMany {
        /// The most it can carry.
        limit: u32,
    },
}

impl TransportError {
    pub(super) fn setting(name: &str, reason: &str) -> TransportError {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        TransportError::Setting { name, version: version().version, reason }
    }

    /// What makes an error of a multi handle that was busy `doing` something.
    pub(super) fn event_loop(doing: &'static str) -> impl Fn(curl::MultiError) -> TransportError {
        move |error| TransportError::Loop { doing, reason: error.to_string() }
    }
}
