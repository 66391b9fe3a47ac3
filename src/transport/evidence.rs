//! What libcurl knows at the end of an exchange, as a report: facts and their names. It decides
//! nothing; whether to try again is the engine's business.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use curl::easy::Easy2;

use super::raw;
use crate::http::{Evidence, HttpVersion, TransportFailure, TransportFailureKind};

/// What the `CURLcode` alone does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// Why our own reader gave no more bytes.
    pub(super) source_error: Option<String>,
    /// Whether we ended the exchange because its answer grew past the bound.
    pub(super) answer_too_large: bool,
    /// Whether the whole head of an answer was read.
    pub(super) answered: bool,
    /// The status with which a proxy refused the tunnel.
    pub(super) tunnel_refused: Option<u32>,
}

/// What went wrong below HTTP; `None` where nothing did.
pub(super) fn failure(
    result: &Result<(), curl::Error>,
    circumstances: &Circumstances,
) -> Option<TransportFailure> {
    let Err(error) = result else {
        return (!circumstances.answered).then(|| TransportFailure {
            kind: TransportFailureKind::Reset,
            message: "the connection ended before the answer".to_owned(),
        });
    };
    let kind = kind(error.code(), circumstances);
    let message = match (kind, &circumstances.source_error) {
        (TransportFailureKind::SourceRead, Some(reason)) => reason.clone(),
        _ => error.extra_description().unwrap_or(error.description()).to_owned(),
    };
    Some(TransportFailure { kind, message })
}

/// The kind of failure a `CURLcode` stands for (curl's libcurl-errors(3)).
pub(super) fn kind(code: u32, circumstances: &Circumstances) -> TransportFailureKind {
    use TransportFailureKind as Kind;
    match code {
        5..=7 | 56 | 97 if circumstances.tunnel_refused.is_some() => Kind::Connect,
        // COULDNT_RESOLVE_PROXY, COULDNT_RESOLVE_HOST
        5 | 6 => Kind::Resolve,
        // COULDNT_CONNECT, PROXY
        7 | 97 => Kind::Connect,
        // SSL_CONNECT_ERROR
        35 => Kind::Tls,
        // PEER_FAILED_VERIFICATION (51 until 7.62), and certificates, authorities, pins and
        // staples that cannot be used or do not fit: SSL_CERTPROBLEM, SSL_CACERT_BADFILE,
        // SSL_ISSUER_ERROR, SSL_PINNEDPUBKEYNOTMATCH, SSL_INVALIDCERTSTATUS
        51 | 58 | 60 | 77 | 83 | 90 | 91 => Kind::Certificate,
        // HTTP2, PARTIAL_FILE, GOT_NOTHING, SEND_ERROR, RECV_ERROR, SEND_FAIL_REWIND, HTTP2_STREAM
        16 | 18 | 52 | 55 | 56 | 65 | 92 => Kind::Reset,
        // OPERATION_TIMEDOUT
        28 => Kind::Timeout,
        // UNSUPPORTED_PROTOCOL (an answer that is no HTTP/1), WEIRD_SERVER_REPLY
        1 | 8 => Kind::NotHttp,
        // READ_ERROR, ABORTED_BY_CALLBACK
        26 | 42 if circumstances.source_error.is_some() => Kind::SourceRead,
        // WRITE_ERROR
        23 if circumstances.answer_too_large => Kind::AnswerTooLarge,
        // TOO_LARGE: 300 KiB or 5,000 fields of an answer's head, interim answers included
        100 => Kind::AnswerTooLarge,
        _ => Kind::Local,
    }
}

/// What libcurl measured of an exchange that ended with `result`.
pub(super) fn measured<H>(easy: &mut Easy2<H>, result: &Result<(), curl::Error>) -> Evidence {
    Evidence {
        curl_code: result.as_ref().err().map_or(0, curl::Error::code),
        // It keeps the number of an earlier failure, so that it means nothing beside a success.
        os_errno: result.as_ref().err().and_then(|_| easy.os_errno().ok()).filter(|n| *n != 0),
        bytes_sent: raw::info(easy, raw::SIZE_UPLOAD).unwrap_or(0),
        connections_opened: easy.num_connects().map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        peer: peer(easy),
        http_version: raw::info_long(easy, raw::HTTP_VERSION).and_then(http_version),
        connected_after: stage(easy, raw::CONNECT_TIME),
        tls_after: stage(easy, raw::APPCONNECT_TIME),
        ..Evidence::default()
    }
}

/// Our end's port of the connection in use, else of the last one.
pub(super) fn local_port(handle: &impl raw::Handle) -> Option<u16> {
    let port = raw::info_long(handle, raw::LOCAL_PORT)?;
    u16::try_from(port).ok().filter(|port| *port != 0)
}

fn stage(handle: &impl raw::Handle, which: curl_sys::CURLINFO) -> Option<Duration> {
    raw::info(handle, which).filter(|time| *time != 0).map(Duration::from_micros)
}

fn http_version(number: libc::c_long) -> Option<HttpVersion> {
    match libc::c_int::try_from(number).ok()? {
        curl_sys::CURL_HTTP_VERSION_1_0 => Some(HttpVersion::Http10),
        curl_sys::CURL_HTTP_VERSION_1_1 => Some(HttpVersion::Http11),
        curl_sys::CURL_HTTP_VERSION_2_0 => Some(HttpVersion::Http2),
        curl_sys::CURL_HTTP_VERSION_3 => Some(HttpVersion::Http3),
        _ => None,
    }
}

/// The address of the connection, where there was one.
fn peer<H>(easy: &mut Easy2<H>) -> Option<SocketAddr> {
    let port = easy.primary_port().ok().filter(|port| *port != 0)?;
    let address: IpAddr = easy.primary_ip().ok()??.parse().ok()?;
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use TransportFailureKind as Kind;

    #[test]
    fn every_code_has_its_kind() {
        let rows = [
            (5, Kind::Resolve),
            (6, Kind::Resolve),
            (7, Kind::Connect),
            (97, Kind::Connect),
            (35, Kind::Tls),
            (51, Kind::Certificate),
            (58, Kind::Certificate),
            (60, Kind::Certificate),
            (77, Kind::Certificate),
            (83, Kind::Certificate),
            (90, Kind::Certificate),
            (91, Kind::Certificate),
            (16, Kind::Reset),
            (18, Kind::Reset),
            (52, Kind::Reset),
            (55, Kind::Reset),
            (56, Kind::Reset),
            (65, Kind::Reset),
            (92, Kind::Reset),
            (28, Kind::Timeout),
            (1, Kind::NotHttp),
            (8, Kind::NotHttp),
            (100, Kind::AnswerTooLarge),
            (26, Kind::Local),
            (42, Kind::Local),
            (23, Kind::Local),
            (3, Kind::Local),
            (27, Kind::Local),
            (48, Kind::Local),
        ];
        for (code, expected) in rows {
            assert_eq!(kind(code, &Circumstances::default()), expected, "code {code}");
        }
    }

    #[test]
    fn our_own_refusals_are_told_from_libcurls() {
        let source = Circumstances { source_error: Some("short".into()), ..Default::default() };
        assert_eq!(kind(26, &source), Kind::SourceRead);
        assert_eq!(kind(42, &source), Kind::SourceRead);
        assert_eq!(kind(55, &source), Kind::Reset);
        let large = Circumstances { answer_too_large: true, ..Default::default() };
        assert_eq!(kind(23, &large), Kind::AnswerTooLarge);
        let tunnel = Circumstances { tunnel_refused: Some(403), ..Default::default() };
        assert_eq!(kind(56, &tunnel), Kind::Connect);
    }

    #[test]
    fn the_readers_own_words_are_kept() {
        let circumstances =
            Circumstances { source_error: Some("part ended early".into()), ..Default::default() };
        let failure = failure(&Err(curl::Error::new(42)), &circumstances).unwrap();
        assert_eq!(failure.kind, Kind::SourceRead);
        assert_eq!(failure.message, "part ended early");
    }

    #[test]
    fn success_without_a_status_line_is_a_failure() {
        let silent = failure(&Ok(()), &Circumstances::default()).unwrap();
        assert_eq!(silent.kind, Kind::Reset);
        let answered = Circumstances { answered: true, ..Default::default() };
        assert_eq!(failure(&Ok(()), &answered), None);
    }
}
