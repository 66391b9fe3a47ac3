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
mod version;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub use driver::{Driver, Waker};
pub use error::TransportError;
pub use fetch::{FetchError, FetchLimits, fetch};
pub use footprint::release_startup_code;
pub use version::{LibcurlVersion, SELECT_CONNECTIONS_MAX, version};

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

/// Options of every easy handle.
#[derive(Clone, PartialEq, Eq)]
pub struct HandleSettings {
    /// `CONNECTTIMEOUT_MS`.
    pub connect_timeout: Duration,
    /// `LOW_SPEED_LIMIT`, bytes per second; with `low_speed_time`.
    pub low_speed_limit: u32,
    /// `LOW_SPEED_TIME`.
    pub low_speed_time: Duration,
    /// `TCP_KEEPIDLE`.
    pub keepalive_idle: Duration,
    /// `TCP_KEEPINTVL`.
    pub keepalive_interval: Duration,
    /// `UPLOAD_BUFFERSIZE`, bytes: 16 KiB to 2 MiB.
    pub upload_buffer_size: usize,
    /// `MAXAGE_CONN`: idle connections older than this are not reused.
    pub connection_idle_max: Duration,
    /// `CAINFO`, in place of the system's authorities.
    pub ca_bundle: Option<PathBuf>,
    /// `SSL_VERIFYPEER` and `SSL_VERIFYHOST`.
    pub verify_tls: bool,
    /// `PROXY`; empty for none at all; unset leaves it to libcurl's environment variables.
    pub proxy: Option<String>,
    /// `USERAGENT`.
    pub user_agent: String,
}

impl Default for HandleSettings {
    /// What suits S3 over the internet and over a loopback alike.
    fn default() -> HandleSettings {
        HandleSettings {
            connect_timeout: Duration::from_secs(10),
            // A net beneath the engine's own watchdog, which sees more: libcurl counts bytes in
            // the kernel's buffer as sent, averages over seconds, and fires late. It must not cut
            // off a slow link that is alive, nor a store that computes for minutes.
            low_speed_limit: 1,
            low_speed_time: Duration::from_mins(10),
            // Below the minute after which home routers and firewalls forget a silent connection.
            keepalive_idle: Duration::from_secs(30),
            keepalive_interval: Duration::from_secs(10),
            // Measured: less costs CPU (64 KiB a third more), more only memory.
            upload_buffer_size: 256 * 1024,
            // S3 closes idle connections after about five seconds.
            connection_idle_max: Duration::from_secs(4),
            ca_bundle: None,
            verify_tls: true,
            proxy: None,
            user_agent: concat!("curlift/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl fmt::Debug for HandleSettings {
    /// A proxy's URL may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandleSettings")
            .field("connect_timeout", &self.connect_timeout)
            .field("low_speed_limit", &self.low_speed_limit)
            .field("low_speed_time", &self.low_speed_time)
            .field("keepalive_idle", &self.keepalive_idle)
            .field("keepalive_interval", &self.keepalive_interval)
            .field("upload_buffer_size", &self.upload_buffer_size)
            .field("connection_idle_max", &self.connection_idle_max)
            .field("ca_bundle", &self.ca_bundle)
            .field("verify_tls", &self.verify_tls)
            .field("proxy", &self.proxy.as_deref().map(without_credentials))
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// A URL with stars in place of `user:password`.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    match rest.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}{separator}***@{host}"),
        None => url.to_owned(),
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
    fn a_proxys_password_is_not_shown() {
        let proxy = Some("http://user:secret@proxy.example:3128".to_owned());
        let shown = format!("{:?}", HandleSettings { proxy, ..HandleSettings::default() });
        assert!(shown.contains("http://***@proxy.example:3128"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
        assert_eq!(without_credentials("user:p@ss@host"), "***@host");
        assert_eq!(without_credentials("socks5h://host:1"), "socks5h://host:1");
    }
}
