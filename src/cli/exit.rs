//! Exit codes: a contract with scripts. What each means is in the table of `README.md`.

use crate::http::TransportFailureKind;
use crate::s3::{ErrorClass, S3Error};
use crate::upload::{Cause, Failure, Outcome};

/// How the program ends, unless it ran a command whose end is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitStatus {
    /// All uploaded, or nothing to do.
    Success = 0,
    /// Some files failed, others were uploaded; or what was asked for could not be printed.
    Partial = 1,
    /// Usage.
    Usage = 2,
    /// Configuration, or libcurl refused to work with it.
    Configuration = 3,
    /// Credentials or permission; with `--strict-expiry`, keys that would end too early.
    Credentials = 4,
    /// The file or standard input cannot be read, or is not what it was or should be.
    Source = 5,
    /// Gave up on the network or the store; can be resumed.
    GaveUp = 6,
    /// Unknown: the store may have completed it; `curlift resume` finds out.
    Unknown = 7,
    /// Conflict (such as the same upload running already), or stored bytes that differ.
    Conflict = 8,
    /// Bucket, object, upload or journal not found.
    NotFound = 9,
    /// Stopped by SIGINT; can be resumed.
    Interrupted = 130,
    /// Stopped by SIGTERM or SIGHUP; can be resumed.
    Terminated = 143,
}

impl ExitStatus {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status for being stopped by `signal`.
    #[must_use]
    pub fn of_signal(signal: u8) -> ExitStatus {
        if signal == SIGINT { ExitStatus::Interrupted } else { ExitStatus::Terminated }
    }

    /// The status for how an upload ended; `signal` is the one that stopped it, if one did.
    #[must_use]
    pub fn of_outcome(outcome: &Outcome, signal: Option<u8>) -> ExitStatus {
        match outcome {
            Outcome::Uploaded(_) | Outcome::PartsStored => ExitStatus::Success,
            Outcome::Failed(failure) => ExitStatus::of_failure(failure),
            Outcome::Unknown(_) => ExitStatus::Unknown,
            Outcome::Stopped => ExitStatus::stopped(signal),
        }
    }

    /// The status for having been stopped, by `signal` where that is known.
    pub(super) fn stopped(signal: Option<u8>) -> ExitStatus {
        ExitStatus::of_signal(signal.unwrap_or(SIGINT))
    }

    /// The status for a call that failed.
    pub(super) fn of_failure(failure: &Failure) -> ExitStatus {
        match &failure.cause {
            Cause::SourceChanged(_) => return ExitStatus::Source,
            Cause::S3(S3Error::Transport(transport)) => match transport.kind {
                TransportFailureKind::SourceRead => return ExitStatus::Source,
                TransportFailureKind::Local => return ExitStatus::Configuration,
                _ => return ExitStatus::GaveUp,
            },
            _ => {}
        }
        match failure.class {
            ErrorClass::Denied | ErrorClass::CredentialsExpired => ExitStatus::Credentials,
            ErrorClass::NotFound => ExitStatus::NotFound,
            ErrorClass::Conflict => ExitStatus::Conflict,
            ErrorClass::Redirected => ExitStatus::Configuration,
            ErrorClass::Transient
            | ErrorClass::Throttled
            | ErrorClass::ClockSkew
            | ErrorClass::Damaged
            | ErrorClass::NotImplemented
            | ErrorClass::Permanent => ExitStatus::GaveUp,
        }
    }
}

/// What Ctrl-C sends.
const SIGINT: u8 = signal_hook::consts::SIGINT as u8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{answered, failure, transport};
    use crate::upload::{SourceChange, Uploaded};

    #[test]
    fn every_outcome_has_its_code() {
        let failed = |cause, class| Outcome::Failed(failure(cause, class));
        let uploaded =
            Uploaded { etag: None, checksum: None, upload_id: None, by_comparison: false };
        let reset = transport(TransportFailureKind::Reset, "reset");
        let rows = [
            (Outcome::Uploaded(uploaded), 0),
            (failed(answered(301, "PermanentRedirect"), ErrorClass::Redirected), 3),
            (failed(transport(TransportFailureKind::Local, "x"), ErrorClass::Permanent), 3),
            (failed(answered(403, "AccessDenied"), ErrorClass::Denied), 4),
            (failed(answered(400, "ExpiredToken"), ErrorClass::CredentialsExpired), 4),
            (
                failed(
                    Cause::SourceChanged(SourceChange::Changed("x".into())),
                    ErrorClass::Permanent,
                ),
                5,
            ),
            (failed(transport(TransportFailureKind::SourceRead, "x"), ErrorClass::Permanent), 5),
            (failed(reset.clone(), ErrorClass::Transient), 6),
            (failed(transport(TransportFailureKind::NotHttp, "x"), ErrorClass::Transient), 6),
            (failed(answered(503, "SlowDown"), ErrorClass::Throttled), 6),
            (failed(answered(400, "InvalidRequest"), ErrorClass::Permanent), 6),
            (Outcome::Unknown(failure(reset, ErrorClass::Transient)), 7),
            (failed(answered(412, "PreconditionFailed"), ErrorClass::Conflict), 8),
            (failed(answered(404, "NoSuchBucket"), ErrorClass::NotFound), 9),
        ];
        for (outcome, code) in rows {
            assert_eq!(ExitStatus::of_outcome(&outcome, None).code(), code, "{outcome:?}");
        }
        let stopped = |signal| ExitStatus::of_outcome(&Outcome::Stopped, signal).code();
        let codes = [stopped(Some(2)), stopped(Some(15)), stopped(Some(1)), stopped(None)];
        assert_eq!(codes, [130, 143, 143, 130]);
    }
}
