//! Everything one exchange told us: what the server said, what went wrong on the way, and the
//! evidence of the connection. Both halves are kept, never one instead of the other: a broken
//! pipe with a readable `403` behind it is a `403`.

use std::net::SocketAddr;
use std::time::Duration;

use super::Headers;

/// The outcome of one exchange as facts; conclusions are the engine's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// What the server said, as far as it could be read; also beside a failure.
    pub response: Option<Response>,
    /// Why the exchange ended other than by a whole answer.
    pub failure: Option<TransportFailure>,
    /// What is known of the connection.
    pub evidence: Evidence,
}

/// A final (not 1xx) answer. The body is bounded; see `transport::exchange`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body, at most as long as the transport keeps.
    pub body: Vec<u8>,
}

/// The kinds of transport failure that lead to different conclusions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TransportFailureKind {
    /// A name could not be resolved (`CURLE_COULDNT_RESOLVE_HOST`, `_PROXY`).
    Resolve,
    /// No connection came about (`CURLE_COULDNT_CONNECT`, a proxy that refused).
    Connect,
    /// The handshake failed in a way that may pass.
    Tls,
    /// The server's certificate was refused: trying again cannot help.
    Certificate,
    /// The connection died in use: reset, broken pipe, closed without or within an answer.
    Reset,
    /// A time limit of libcurl fired, `LOW_SPEED_TIME` included.
    Timeout,
    /// What answered does not speak HTTP, or not correctly.
    NotHttp,
    /// The body could not be read from the source.
    SourceRead,
    /// The answer grew past the bound that is kept.
    AnswerTooLarge,
    /// libcurl refused to begin: an option, a URL, memory.
    Local,
}

/// Why an exchange failed below HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportFailure {
    /// The kind, for decisions.
    pub kind: TransportFailureKind,
    /// libcurl's text, its error buffer where that says more.
    pub message: String,
}

/// The transport's half of a report.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Evidence {
    /// The `CURLcode`; 0 is success.
    pub curl_code: u32,
    /// Why the system refused (`CURLINFO_OS_ERRNO`, else why no socket could be opened);
    /// meaningful beside a failure only.
    pub os_errno: Option<i32>,
    /// Bytes of the body, framing included, that were written to the socket
    /// (`CURLINFO_SIZE_UPLOAD_T`).
    pub bytes_sent: u64,
    /// Bytes of the body, framing included, that were to be sent.
    pub bytes_expected: u64,
    /// How often libcurl read the body again from its start: requests it repeated by itself.
    pub rewinds: u32,
    /// Bytes of the body that libcurl had taken before it began again: sent more than once, less
    /// what its buffer still held.
    pub bytes_resent: u64,
    /// Whether a final answer came while bytes of the body were still to be sent.
    pub answered_early: bool,
    /// The longest that one read of the body took. The connection is silent meanwhile.
    pub slowest_read: Duration,
    /// Connections opened for this exchange (`CURLINFO_NUM_CONNECTS`); 0 means one was reused.
    pub connections_opened: u32,
    /// Time since the last byte moved, when the exchange ended.
    pub silent_for: Duration,
    /// Time from the start of the exchange to its end.
    pub elapsed: Duration,
    /// The address that was talked to.
    pub peer: Option<SocketAddr>,
    /// The version of HTTP that was spoken (`CURLINFO_HTTP_VERSION`).
    pub http_version: Option<HttpVersion>,
    /// Time from the start until the connection stood, where one was opened
    /// (`CURLINFO_CONNECT_TIME_T`). libcurl tells it only once TLS stands as well, and reckons from
    /// the last time that it sent the request.
    pub connected_after: Option<Duration>,
    /// Time from the start until the TLS handshake was finished, where there was one
    /// (`CURLINFO_APPCONNECT_TIME_T`).
    pub tls_after: Option<Duration>,
    /// The connection on which the exchange ended.
    pub connection: Option<Connection>,
    /// The connection on which it began, where that was another: it died before an answer, and
    /// libcurl sent the request again over a new one.
    pub abandoned: Option<Connection>,
}

/// A connection, as one exchange found and left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// Our end's port (`CURLINFO_LOCAL_PORT`): its name in `ss` and in a packet capture.
    pub local_port: u16,
    /// Requests it had carried before; 0 where it was opened for this exchange.
    pub requests_before: u32,
    /// How long nobody had used it when this exchange began; zero where it was opened for it.
    pub idle_before: Duration,
    /// How long ago it was opened, when the exchange ended.
    pub age: Duration,
}

impl Connection {
    /// Whether it had been used before this exchange.
    #[must_use]
    pub fn is_reused(&self) -> bool {
        self.requests_before > 0
    }
}

/// Versions of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// 1.0: no connection is kept.
    Http10,
    /// 1.1.
    Http11,
    /// 2.
    Http2,
    /// 3.
    Http3,
}

impl Evidence {
    /// Whether a part of the request may have reached the server.
    #[must_use]
    pub fn reached_server(&self) -> bool {
        self.peer.is_some() || self.bytes_sent > 0
    }

    /// Whether this machine, or the process, had no file descriptor left for a socket.
    #[must_use]
    pub fn lacks_descriptors(&self) -> bool {
        // ENFILE and EMFILE, the same on every Unix.
        matches!(self.os_errno, Some(23 | 24))
    }
}
