//! Why an attempt did not count: what it died of, what that looks like, what that means.

use std::fmt;
use std::time::Duration;

use super::{LinkLife, PartRange, Reason, SourceChange};
use crate::http::{Evidence, TransportFailureKind};
use crate::s3::{ErrorClass, S3Error, classify_code, classify_status};
use crate::time::Time;

/// Why an attempt did not count.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// S3's name of the operation.
    pub operation: &'static str,
    /// The part that was sent, where one was.
    pub part: Option<PartRange>,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// How many there may be.
    pub attempts_max: u32,
    /// What it died of.
    pub cause: Cause,
    /// What that looks like.
    pub symptom: Symptom,
    /// What that means.
    pub class: ErrorClass,
    /// Whether S3 may have done the work all the same.
    pub ambiguous: bool,
    /// The transport's evidence.
    pub evidence: Evidence,
    /// How long the presigned URL lived that it was made by.
    pub link: Option<LinkLife>,
    /// When the attempt ended.
    pub at: Time,
    /// Why it is not tried again, once that was decided.
    pub gave_up: Option<Reason>,
}

/// What an attempt died of.
#[derive(Debug, Clone, PartialEq)]
pub enum Cause {
    /// The exchange ended with an error.
    S3(S3Error),
    /// Nothing moved for this long; the attempt was cut.
    Stalled(Duration),
    /// An answer had begun, or something else moved, and it did not end within this long.
    AnswerUnending(Duration),
    /// The store's checksum is not that of the bytes that left.
    ChecksumMismatch {
        /// Ours, as a header would say it.
        sent: String,
        /// The store's.
        stored: String,
    },
    /// The source is no longer what it was.
    SourceChanged(SourceChange),
    /// Nothing was sent: the presigned URL had expired this long ago.
    LinkExpired(Duration),
    /// Nothing was sent: no presigned URL is for this call.
    NoLink,
}

/// What a failure looks like; the keys of `retries` in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symptom {
    /// The connection died in use.
    Reset,
    /// A time limit of libcurl fired, or S3 said `RequestTimeout`.
    Timeout,
    /// The engine's own watchdog fired: nothing moved.
    Stalled,
    /// `SlowDown` and its kin.
    Throttled,
    /// Another 5xx, or an answer that cannot be used.
    Server,
    /// Credentials or a link expired.
    Expired,
    /// The clocks differ.
    Skew,
    /// The bucket is elsewhere.
    Redirect,
    /// The bytes that arrived are not those that were sent.
    Checksum,
    /// The name could not be resolved.
    Dns,
    /// No connection came about.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// Anything else.
    Other,
}

impl Failure {
    /// The source is not what it was, or should be: noticed `at` this moment.
    pub(super) fn of_source(operation: &'static str, change: SourceChange, at: Time) -> Failure {
        Failure {
            operation,
            part: None,
            attempt: 1,
            attempts_max: 1,
            cause: Cause::SourceChanged(change),
            symptom: Symptom::Other,
            class: ErrorClass::Permanent,
            ambiguous: false,
            evidence: Evidence::default(),
            link: None,
            at,
            gave_up: None,
        }
    }

    /// The upload that was to be gone on with is not of this file, as `how` says.
    pub(super) fn of_another_file(how: String, at: Time) -> Failure {
        Failure::of_source("UploadPart", SourceChange::AnotherFile(how), at)
    }

    /// The S3 code the store answered with, where it did.
    #[must_use]
    pub fn s3_code(&self) -> Option<&str> {
        self.cause.s3_code()
    }

    /// The HTTP status the store answered with, where it did.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match &self.cause {
            Cause::S3(S3Error::Answered { status, .. } | S3Error::Unusable { status, .. }) => {
                Some(*status)
            }
            _ => None,
        }
    }

    /// Whether the store says that what was addressed does not exist.
    pub(super) fn says_not_found(&self) -> bool {
        self.class == ErrorClass::NotFound
    }

    /// Whether the source is no longer what it was.
    pub(super) fn says_changed(&self) -> bool {
        matches!(self.cause, Cause::SourceChanged(SourceChange::Changed(_)))
    }

    /// Whether the request was never made.
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(self.cause, Cause::LinkExpired(_) | Cause::NoLink)
    }

    /// Whether the store says, in S3's own words, that it has no such upload: a 404 of somebody on
    /// the way, or of a bucket, is no proof that one is gone.
    pub(super) fn says_no_such_upload(&self) -> bool {
        matches!(self.s3_code(), Some("NoSuchUpload" | "NoSuchKey"))
    }

    /// When the attempt began.
    pub(super) fn began(&self) -> Time {
        Time(self.at.0.saturating_sub(self.evidence.elapsed))
    }

    /// Whether the store says that parts are not what it was told of: the upload may have been
    /// completed by a request before this one.
    pub(super) fn says_parts_differ(&self) -> bool {
        matches!(self.s3_code(), Some("InvalidPart" | "InvalidPartOrder"))
    }

    /// Whether the request had bytes of the file in it.
    pub(super) fn sends_file(&self) -> bool {
        matches!(self.operation, "PutObject" | "UploadPart")
    }

    /// Whether the connection was cut in the middle of the body, and nothing was said. What the
    /// store had to say may have been lost with it (`CURLE_SEND_ERROR` hides an early answer).
    pub(super) fn was_cut_in_silence(&self) -> bool {
        self.symptom == Symptom::Reset
            && self.status().is_none()
            && self.evidence.bytes_sent < self.evidence.bytes_expected
    }

    /// Whether the next body may be sent in vain as well: the store throttles, or cuts it without a
    /// word that could be heard.
    pub(super) fn wastes_a_body(&self) -> bool {
        self.class == ErrorClass::Throttled || self.was_cut_in_silence()
    }

    /// Whether a connection did not come about, or was reset before anything was sent over it.
    pub(super) fn was_turned_away(&self) -> bool {
        let nothing_sent = self.evidence.bytes_sent == 0 && self.evidence.connections_opened > 0;
        self.symptom == Symptom::Connect || (self.was_cut_in_silence() && nothing_sent)
    }

    /// Whether the next attempt should avoid the connections that are open: one that had carried
    /// others before died, or nothing came over it.
    pub(super) fn spoils_connections(&self) -> bool {
        match self.symptom {
            Symptom::Reset => self.evidence.connections_opened == 0,
            symptom => matches!(symptom, Symptom::Timeout | Symptom::Stalled),
        }
    }

    /// Whether a new connection was not to be had, or died at once: those that are open are
    /// better, where the store or this machine has no room for more.
    pub(super) fn lacks_connection(&self) -> bool {
        matches!(self.symptom, Symptom::Reset | Symptom::Connect | Symptom::Tls)
    }
}

impl Cause {
    /// The S3 code the store answered with, where it did.
    pub(super) fn s3_code(&self) -> Option<&str> {
        match self {
            Cause::S3(S3Error::Answered { code, .. }) => Some(code),
            _ => None,
        }
    }

    /// What this looks like and what it means: S3's code first, then the status, then the
    /// transport failure.
    pub(super) fn classify(&self) -> (Symptom, ErrorClass) {
        match self {
            Cause::Stalled(_) => (Symptom::Stalled, ErrorClass::Transient),
            Cause::AnswerUnending(_) => (Symptom::Timeout, ErrorClass::Transient),
            Cause::ChecksumMismatch { .. } => (Symptom::Checksum, ErrorClass::Damaged),
            Cause::SourceChanged(_) => (Symptom::Other, ErrorClass::Permanent),
            Cause::LinkExpired(_) => (Symptom::Expired, ErrorClass::CredentialsExpired),
            Cause::NoLink => (Symptom::Other, ErrorClass::Denied),
            Cause::S3(S3Error::Unusable { .. }) => (Symptom::Server, ErrorClass::Transient),
            Cause::S3(S3Error::Transport(failure)) => classify_transport(failure.kind),
            Cause::S3(S3Error::Answered { code, message, .. }) if is_expired(code, message) => {
                (Symptom::Expired, ErrorClass::CredentialsExpired)
            }
            Cause::S3(S3Error::Answered { status, code, .. }) => classify_answer(*status, code),
        }
    }

    /// Whether the answer was not HTTP.
    pub(super) fn is_not_http(&self) -> bool {
        matches!(
            self,
            Cause::S3(S3Error::Transport(failure)) if failure.kind == TransportFailureKind::NotHttp
        )
    }

    /// Whether S3 may have done the work all the same.
    pub(super) fn is_ambiguous(&self, evidence: &Evidence) -> bool {
        // libcurl repeated the request by itself: the first one may have been carried out,
        // whatever was said to the second.
        if evidence.rewinds > 0 {
            return true;
        }
        let body_was_cut = evidence.bytes_sent < evidence.bytes_expected;
        match self {
            // S3 does nothing with a body that is shorter than its Content-Length.
            Cause::Stalled(_) | Cause::S3(S3Error::Transport(_)) if body_was_cut => false,
            Cause::Stalled(_) | Cause::AnswerUnending(_) | Cause::S3(S3Error::Unusable { .. }) => {
                true
            }
            Cause::ChecksumMismatch { .. }
            | Cause::SourceChanged(_)
            | Cause::LinkExpired(_)
            | Cause::NoLink => false,
            // An error inside a 200 and every 5xx may hide work that was done.
            Cause::S3(S3Error::Answered { status, .. }) => *status < 300 || *status >= 500,
            Cause::S3(S3Error::Transport(failure)) => !matches!(
                failure.kind,
                TransportFailureKind::Resolve
                    | TransportFailureKind::Connect
                    | TransportFailureKind::Tls
                    | TransportFailureKind::Certificate
                    | TransportFailureKind::SourceRead
                    | TransportFailureKind::Local
            ),
        }
    }
}

/// Amazon S3 says so of a presigned URL with no code of its own (User Guide, "Sharing objects with
/// presigned URLs"); some stores have one.
fn is_expired(code: &str, message: &str) -> bool {
    code == "ExpiredPresignRequest"
        || (code == "AccessDenied" && message.starts_with("Request has expired"))
}

fn classify_answer(status: u16, code: &str) -> (Symptom, ErrorClass) {
    // An unknown code inside a 200 is an error that came after the status had been sent.
    let by_status = if status < 300 { ErrorClass::Transient } else { classify_status(status) };
    let class = classify_code(code).unwrap_or(by_status);
    let symptom = match class {
        ErrorClass::Throttled => Symptom::Throttled,
        ErrorClass::ClockSkew => Symptom::Skew,
        ErrorClass::CredentialsExpired => Symptom::Expired,
        ErrorClass::Redirected => Symptom::Redirect,
        ErrorClass::Damaged => Symptom::Checksum,
        ErrorClass::Transient if code.starts_with("RequestTimeout") => Symptom::Timeout,
        ErrorClass::Transient => Symptom::Server,
        ErrorClass::Denied
        | ErrorClass::NotFound
        | ErrorClass::Conflict
        | ErrorClass::NotImplemented
        | ErrorClass::Permanent => Symptom::Other,
    };
    (symptom, class)
}

fn classify_transport(kind: TransportFailureKind) -> (Symptom, ErrorClass) {
    use ErrorClass::{Permanent, Transient};
    match kind {
        TransportFailureKind::Resolve => (Symptom::Dns, Transient),
        TransportFailureKind::Connect => (Symptom::Connect, Transient),
        TransportFailureKind::Tls => (Symptom::Tls, Transient),
        TransportFailureKind::Certificate => (Symptom::Tls, Permanent),
        TransportFailureKind::Reset => (Symptom::Reset, Transient),
        TransportFailureKind::Timeout => (Symptom::Timeout, Transient),
        TransportFailureKind::NotHttp | TransportFailureKind::AnswerTooLarge => {
            (Symptom::Server, Transient)
        }
        TransportFailureKind::SourceRead | TransportFailureKind::Local => {
            (Symptom::Other, Permanent)
        }
    }
}

impl Symptom {
    /// The key of `retries` in the summary.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Symptom::Reset => "reset",
            Symptom::Timeout => "timeout",
            Symptom::Stalled => "stalled",
            Symptom::Throttled => "throttled",
            Symptom::Server => "server",
            Symptom::Expired => "expired",
            Symptom::Skew => "skew",
            Symptom::Redirect => "redirect",
            Symptom::Checksum => "checksum",
            Symptom::Dns => "dns",
            Symptom::Connect => "connect",
            Symptom::Tls => "tls",
            Symptom::Other => "other",
        }
    }
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TransportFailure;

    fn answered(status: u16, code: &str) -> Cause {
        Cause::S3(S3Error::refused(status, code))
    }

    fn transport(kind: TransportFailureKind) -> Cause {
        Cause::S3(S3Error::Transport(TransportFailure { kind, message: String::new() }))
    }

    #[test]
    fn the_code_speaks_before_the_status() {
        for (status, code, symptom, class) in [
            (400, "RequestTimeout", Symptom::Timeout, ErrorClass::Transient),
            (503, "SlowDown", Symptom::Throttled, ErrorClass::Throttled),
            (200, "InternalError", Symptom::Server, ErrorClass::Transient),
            (200, "NobodyKnows", Symptom::Server, ErrorClass::Transient),
            (500, "", Symptom::Server, ErrorClass::Transient),
            (403, "RequestTimeTooSkewed", Symptom::Skew, ErrorClass::ClockSkew),
            (400, "ExpiredToken", Symptom::Expired, ErrorClass::CredentialsExpired),
            (400, "BadDigest", Symptom::Checksum, ErrorClass::Damaged),
            (301, "PermanentRedirect", Symptom::Redirect, ErrorClass::Redirected),
            (403, "AccessDenied", Symptom::Other, ErrorClass::Denied),
            (404, "NoSuchUpload", Symptom::Other, ErrorClass::NotFound),
        ] {
            assert_eq!(answered(status, code).classify(), (symptom, class), "{status} {code}");
        }
    }

    #[test]
    fn what_cannot_have_reached_the_store_is_not_ambiguous() {
        let sent = Evidence { bytes_sent: 1, ..Evidence::default() };
        for (cause, ambiguous) in [
            (transport(TransportFailureKind::Resolve), false),
            (transport(TransportFailureKind::Connect), false),
            (transport(TransportFailureKind::Reset), true),
            (transport(TransportFailureKind::Timeout), true),
            (transport(TransportFailureKind::NotHttp), true),
            (answered(403, "AccessDenied"), false),
            (answered(500, "InternalError"), true),
            (answered(200, "InternalError"), true),
            (Cause::Stalled(Duration::from_secs(1)), true),
        ] {
            assert_eq!(cause.is_ambiguous(&sent), ambiguous, "{cause:?}");
        }
    }

    #[test]
    fn a_body_that_was_cut_short_cannot_have_been_stored() {
        let cut = Evidence { bytes_sent: 9, bytes_expected: 10, ..Evidence::default() };
        assert!(!transport(TransportFailureKind::Reset).is_ambiguous(&cut));
        assert!(!Cause::Stalled(Duration::from_secs(1)).is_ambiguous(&cut));
        let whole = Evidence { bytes_sent: 10, ..cut };
        assert!(transport(TransportFailureKind::Reset).is_ambiguous(&whole));
        assert!(Cause::Stalled(Duration::from_secs(1)).is_ambiguous(&whole));
    }

    #[test]
    fn a_request_that_libcurl_repeated_is_ambiguous_whatever_was_answered() {
        let repeated = Evidence { rewinds: 1, ..Evidence::default() };
        assert!(answered(404, "NoSuchUpload").is_ambiguous(&repeated));
        assert!(transport(TransportFailureKind::Connect).is_ambiguous(&repeated));
    }
}
