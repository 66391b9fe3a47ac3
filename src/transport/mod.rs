//! The only folder that imports curl: it carries requests and does not know what they mean.

mod connections;
mod driver;
mod error;
mod evidence;
mod exchange;
mod fetch;
mod footprint;
mod options;
mod progress;
mod raw;
mod support;
mod version;

use std::io;
use std::time::{Duration, Instant};

pub use driver::{Driver, Waker};
pub use error::TransportError;
pub use fetch::{FetchError, FetchLimits, fetch};
pub use footprint::release_startup_code;
pub use options::{EngineOption, engine_options};
pub use support::{Refusal, lacks, refusals};
pub use version::{LibcurlVersion, SELECT_CONNECTIONS_MAX, version};

use crate::curlopt::{self, Assignment, Handle, Value};
use crate::http::Report;

/// Where the bytes of one exchange's body come from; read into libcurl's own buffer.
pub trait BodyReader {
    /// Bytes on the wire, framing included: the `Content-Length`.
    fn length(&self) -> u64;
    /// Fills the start of `buffer` with the next bytes; 0 only at the end.
    ///
    /// # Errors
    /// Where the source cannot be read or is shorter than it was: the exchange is ended.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Goes back to the first byte, for a request that libcurl sends again.
    fn rewind(&mut self);
}

/// Options of every easy handle and of the multi handle, checked by
/// [`curlopt`]. What a request needs, and what no option may change, is set after
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandleSettings {
    /// Of each easy handle, in the order in which they are set.
    pub easy: Vec<Assignment>,
    /// Of the multi handle.
    pub multi: Vec<Assignment>,
    /// Header fields of libcurl's own that are not sent, such as `accept`.
    pub without_fields: Vec<String>,
}

impl Default for HandleSettings {
    /// The default profile.
    fn default() -> HandleSettings {
        let easy = curlopt::DEFAULT.assignments().collect();
        HandleSettings { easy, multi: Vec::new(), without_fields: Vec::new() }
    }
}

/// libcurl's own (`CURL_MAX_READ_SIZE` counts for downloads; uploads begin with this).
const UPLOAD_BUFFER_SIZE_UNSET: u64 = 64 << 10;

/// libcurl's own (`DEFAULT_CONNECT_TIMEOUT`).
const CONNECT_TIMEOUT_UNSET: Duration = Duration::from_mins(5);

impl HandleSettings {
    /// The same with an easy option set, for those who know its name and kind.
    ///
    /// # Panics
    /// Where there is no such option.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> HandleSettings {
        let option = curlopt::find(Handle::Easy, name).expect("the name of an easy option");
        self.easy.retain(|set| set.option.setting() != option.setting());
        self.easy.push(Assignment { option, value });
        self
    }

    /// Bytes that libcurl reads of a body at once: each easy handle has a buffer of this size.
    #[must_use]
    pub fn upload_buffer_size(&self) -> u64 {
        let set = self.easy.iter().find(|set| set.option.name == "UPLOAD_BUFFERSIZE");
        match set.map(|set| &set.value) {
            // libcurl moves what lies outside into these bounds.
            Some(Value::Number(size)) => (*size).clamp(16 << 10, 2 << 20) as u64,
            _ => UPLOAD_BUFFER_SIZE_UNSET,
        }
    }

    /// How long a connection may take to stand.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        let milliseconds = self.easy.iter().find_map(|set| match (set.option.name, &set.value) {
            ("CONNECTTIMEOUT", Value::Number(seconds)) => Some(seconds.saturating_mul(1000)),
            ("CONNECTTIMEOUT_MS", Value::Number(milliseconds)) => Some(*milliseconds),
            _ => None,
        });
        let set = milliseconds.and_then(|number| u64::try_from(number).ok());
        set.filter(|number| *number > 0).map_or(CONNECT_TIMEOUT_UNSET, Duration::from_millis)
    }

    /// Whether the easy option `name` is set.
    #[must_use]
    pub fn sets(&self, name: &str) -> bool {
        self.easy.iter().any(|set| set.option.name == name)
    }
}

/// How far a live exchange is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeProgress {
    /// Which, as named at its start.
    pub token: u64,
    /// Bytes of the body that have left this machine: written to the socket less what the kernel
    /// still holds.
    pub body_sent: u64,
    /// Changes whenever anything moved, in either direction.
    pub activity: u64,
}

/// An exchange that ended.
#[derive(Debug)]
pub struct Finished<B> {
    /// Which, as named at its start.
    pub token: u64,
    /// All that was learnt.
    pub report: Report,
    /// Its body, handed back.
    pub body: B,
}

/// The transport measures what has happened; nothing in it decides by the clock.
#[expect(clippy::disallowed_methods, reason = "the wire is where time is measured, not told")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connect_timeout_is_known_by_either_name() {
        let with = |name, number| HandleSettings::default().with(name, Value::Number(number));
        assert_eq!(HandleSettings::default().connect_timeout(), Duration::from_secs(10));
        assert_eq!(with("CONNECTTIMEOUT", 3).connect_timeout(), Duration::from_secs(3));
        assert_eq!(with("CONNECTTIMEOUT_MS", 3).connect_timeout(), Duration::from_millis(3));
        assert_eq!(with("CONNECTTIMEOUT", 0).connect_timeout(), Duration::from_mins(5));
    }
}
