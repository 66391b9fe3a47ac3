//! Failures to diagnose.

use std::time::Duration;

use super::{DiagnosedCause, Diagnostics};
use crate::http::{Connection, Evidence, TransportFailure, TransportFailureKind};
use crate::s3::{PartNumber, S3Error};
use crate::time::Time;
use crate::upload::{Cause, Failure, PartRange};

/// A run as far as it has been told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) diagnostics: Diagnostics,
    pub(super) now: Time,
}

impl Told {
    pub(super) fn failed(mut self, failure: &Failure) -> Told {
        self.diagnostics.failed(&Failure { at: self.now, ..failure.clone() });
        self
    }

    pub(super) fn succeeded(mut self, evidence: &Evidence) -> Told {
        self.diagnostics.succeeded(evidence);
        self
    }

    /// Time passes.
    pub(super) fn later(self, time: Duration) -> Told {
        Told { now: self.now + time, ..self }
    }

    /// The causes that are clear.
    pub(super) fn causes(&self) -> Vec<DiagnosedCause> {
        self.diagnostics.found().iter().map(|diagnosis| diagnosis.cause).collect()
    }

    /// The only one, and why.
    pub(super) fn one(&self) -> (DiagnosedCause, &str) {
        let [found] = self.diagnostics.found() else { panic!("{self:?}") };
        (found.cause, &found.because)
    }
}

/// A failure of a part of 16 MiB at its first attempt.
pub(super) fn of(cause: Cause) -> Failure {
    let (symptom, class) = cause.classify();
    let length = 16 << 20;
    Failure {
        operation: "UploadPart",
        part: Some(PartRange { number: PartNumber::from_index(0), offset: 0, length }),
        attempt: 1,
        attempts_max: 10,
        cause,
        symptom,
        class,
        ambiguous: false,
        evidence: Evidence { bytes_expected: length, ..Evidence::default() },
        link: None,
        at: Time::ZERO,
        gave_up: None,
    }
}

pub(super) fn answered(status: u16, code: &str) -> Failure {
    of(Cause::S3(S3Error::refused(status, code)))
}

pub(super) fn transport(kind: TransportFailureKind, message: &str) -> Failure {
    of(Cause::S3(S3Error::Transport(TransportFailure { kind, message: message.into() })))
}

/// Nothing moved after so many bytes.
pub(super) fn stalled(bytes_sent: u64) -> Failure {
    let stalled = of(Cause::Stalled(Duration::from_secs(30)));
    with(stalled, |evidence| evidence.bytes_sent = bytes_sent)
}

/// The same failure with other evidence.
pub(super) fn with(mut failure: Failure, change: impl FnOnce(&mut Evidence)) -> Failure {
    change(&mut failure.evidence);
    failure
}

/// A connection of that age, opened for its exchange.
pub(super) fn connection(age: Duration) -> Connection {
    Connection { local_port: 40_000, requests_before: 0, idle_before: Duration::ZERO, age }
}

/// This system's number of an error.
pub(super) fn io_code(kind: std::io::ErrorKind) -> i32 {
    let found = (1..200).find(|code| std::io::Error::from_raw_os_error(*code).kind() == kind);
    found.expect("the system has it")
}
