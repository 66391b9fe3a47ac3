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
    /// `CURLINFO_OS_ERRNO`, meaningful beside a failure only.
    pub os_errno: Option<i32>,
    /// Bytes of the body, framing included, that were written to the socket
    /// (`CURLINFO_SIZE_UPLOAD_T`).
    pub bytes_sent: u64,
    /// Bytes of the body, framing included, that were to be sent.
    pub bytes_expected: u64,
    /// How often libcurl read the body again from its start: requests it repeated by itself.
    pub rewinds: u32,
    /// Connections opened for this exchange (`CURLINFO_NUM_CONNECTS`); 0 means one was reused.
    pub connections_opened: u32,
    /// Time since the last byte moved, when the exchange ended.
    pub silent_for: Duration,
    /// Time from the start of the exchange to its end.
    pub elapsed: Duration,
    /// The address that was talked to.
    pub peer: Option<SocketAddr>,
}

impl Evidence {
    /// Whether a part of the request may have reached the server.
    #[must_use]
    pub fn reached_server(&self) -> bool {
        self.peer.is_some() || self.bytes_sent > 0
    }
}
