//! The names of the causes, for programs and for people, and numbers as people read them.

use std::fmt;
use std::time::Duration;

/// What makes attempts fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DiagnosedCause {
    /// The server, or something before it, closes connections that nobody uses for a while.
    IdleConnectionClosed,
    /// Something on the way ends connections of a certain age.
    ConnectionAgeLimit,
    /// Something on the way ends requests whose body grows past a size.
    BodySizeLimit,
    /// Something on the way ends every request with a body.
    EveryUploadReset,
    /// Full packets are dropped on the way, small ones pass.
    MtuBlackHole,
    /// The file is read so slowly that the store gives up.
    SourceStalled,
    /// The store asks for fewer requests.
    Throttled,
    /// The clocks differ too much.
    ClockSkew,
    /// The credentials expired.
    CredentialsExpired,
    /// The presigned URL had expired before the request.
    LinkExpired,
    /// The presigned URL expired under way, and the transfer was cut.
    LinkExpiredUnderWay,
    /// The bucket is in another region.
    WrongRegion,
    /// Client and server have no version of TLS in common.
    TlsVersion,
    /// The server speaks plain text where TLS was expected.
    TlsNotSpoken,
    /// The server's certificate does not fit, or not at this time.
    TlsCertificate,
    /// Nobody here knows who issued the server's certificate.
    TlsUnknownIssuer,
    /// The name of the store has no address.
    Dns,
    /// Nobody listens there.
    ConnectionRefused,
    /// There are no file descriptors left.
    TooManyDescriptors,
    /// Parts crawl below libcurl's limit.
    TooSlowForLimit,
    /// Requests take longer than libcurl's `TIMEOUT` lets them.
    TimeoutTooShort,
    /// Connections take longer to stand than `CONNECTTIMEOUT` lets them.
    ConnectTimeoutTooShort,
    /// What answers is not a store.
    NotAStore,
}

impl DiagnosedCause {
    /// Its name for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// For programs, and for people.
    fn names(self) -> (&'static str, &'static str) {
        use DiagnosedCause as Cause;
        match self {
            Cause::IdleConnectionClosed => {
                ("idle_connection_closed", "the server closes idle connections")
            }
            Cause::ConnectionAgeLimit => {
                ("connection_age_limit", "connections are cut at a certain age")
            }
            Cause::BodySizeLimit => ("body_size_limit", "bodies are cut at a certain size"),
            Cause::EveryUploadReset => ("every_upload_reset", "every request with a body is cut"),
            Cause::MtuBlackHole => ("mtu_black_hole", "large packets do not get through"),
            Cause::SourceStalled => ("source_stalled", "the file is read too slowly"),
            Cause::Throttled => ("throttled", "the store asks for fewer requests"),
            Cause::ClockSkew => ("clock_skew", "this machine's clock is not the store's"),
            Cause::CredentialsExpired => ("credentials_expired", "the credentials have expired"),
            Cause::LinkExpired => ("link_expired", "the presigned URL has expired"),
            Cause::LinkExpiredUnderWay => {
                ("link_expired_under_way", "transfers are cut when their presigned URL expires")
            }
            Cause::WrongRegion => ("wrong_region", "the bucket is in another region"),
            Cause::TlsVersion => ("tls_version", "no version of TLS in common"),
            Cause::TlsNotSpoken => ("tls_not_spoken", "the server does not speak TLS"),
            Cause::TlsCertificate => ("tls_certificate", "the server's certificate is not valid"),
            Cause::TlsUnknownIssuer => {
                ("tls_unknown_issuer", "the issuer of the server's certificate is not known")
            }
            Cause::Dns => ("dns", "the store's name has no address"),
            Cause::ConnectionRefused => ("connection_refused", "nobody listens at the store"),
            Cause::TooManyDescriptors => ("too_many_descriptors", "too many open files"),
            Cause::TooSlowForLimit => ("too_slow_for_limit", "too slow for libcurl's limit"),
            Cause::TimeoutTooShort => {
                ("timeout_too_short", "requests take longer than TIMEOUT allows")
            }
            Cause::ConnectTimeoutTooShort => {
                ("connect_timeout_too_short", "connecting takes longer than CONNECTTIMEOUT allows")
            }
            Cause::NotAStore => ("not_a_store", "what answers does not speak HTTP"),
        }
    }
}

impl fmt::Display for DiagnosedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.names().1)
    }
}

/// Bytes, as people read them.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => format!("{:.1} KiB", count as f64 / 1024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

/// A time, as people read it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
