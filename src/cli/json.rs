//! The lines of `--json`: one object each, `event` first. Field names are a contract with scripts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::CliError;
use super::exit::ExitStatus;
use super::forecast;
use super::usage::Usage;
use crate::upload::{Diagnosis, Failure, Outcome, Tally};

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event<'a> {
    /// What will be sent, before anything is.
    Start(Start<'a>),
    /// How long it takes, and what begins too late: before anything is sent, where a rate is known;
    /// under way only where something will be late.
    Forecast(forecast::Line),
    /// A part is stored.
    Part { part: u32, offset: u64, bytes: u64, attempts: u32, etag: &'a str },
    /// An attempt failed and is tried again.
    Retry {
        operation: &'a str,
        part: Option<u32>,
        attempt: u32,
        attempts_max: u32,
        class: &'a str,
        reason: String,
        delay_s: f64,
    },
    /// Fewer attempts may be in flight: the store asked for less, or refused connections.
    Throttle { code: Option<&'a str>, status: Option<u16>, prefix: &'a str, in_flight_max: u32 },
    /// Why attempts fail has become clear; once for each cause.
    Diagnosis { cause: &'a str, because: &'a str, advice: &'a str },
    /// A file is stored.
    Done { source: &'a str, destination: &'a str, bytes: u64 },
    /// Something failed for good.
    Error(Error<'a>),
    /// The end; always the last line.
    Summary(Summary<'a>),
}

/// What will be sent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Start<'a> {
    pub(super) source: &'a str,
    pub(super) destination: &'a str,
    /// Nothing of a stream whose length was not told.
    pub(super) bytes: Option<u64>,
    pub(super) parts: Option<u32>,
    /// Of a stream whose length was not told, the first.
    pub(super) part_size: u64,
    pub(super) concurrency: u32,
}

/// What failed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Error<'a> {
    pub(super) message: String,
    pub(super) code: Option<&'a str>,
    pub(super) status: Option<u16>,
    pub(super) request_id: Option<&'a str>,
    pub(super) part: Option<u32>,
    pub(super) attempt: Option<u32>,
    pub(super) attempts_max: Option<u32>,
    pub(super) hint: Option<String>,
    pub(super) exit_code: u8,
}

/// How it ended and what it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Summary<'a> {
    /// `uploaded`, `failed`, `unknown`, `interrupted`.
    pub(super) outcome: &'static str,
    pub(super) files: u32,
    pub(super) failed: u32,
    /// Bytes of files that are stored.
    pub(super) bytes: u64,
    /// Bytes that were sent for it, framing and repetitions included.
    pub(super) bytes_sent: u64,
    pub(super) bytes_reused: u64,
    pub(super) parts: u32,
    pub(super) parts_reused: u32,
    pub(super) attempts: u32,
    pub(super) retries: BTreeMap<&'static str, u32>,
    /// Requests that libcurl repeated by itself.
    pub(super) resent_by_libcurl: u32,
    pub(super) diagnoses: Vec<DiagnosisCount>,
    pub(super) connections: u32,
    pub(super) elapsed_s: f64,
    pub(super) destination: &'a str,
    pub(super) etag: Option<&'a str>,
    pub(super) checksum: Option<Checksum>,
    pub(super) upload_id: Option<&'a str>,
    /// Names the journal of an upload that can be resumed: `curlift resume ID`.
    pub(super) resume_id: Option<&'a str>,
    /// Parts that were sent a second time because the first took long.
    pub(super) hedged: u32,
    /// Processor time of the whole process.
    pub(super) cpu_s: f64,
    /// The most memory it had resident at once; nothing where the system does not tell.
    pub(super) memory_peak_bytes: Option<u64>,
    /// Where standard input is kept that was not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spool: Option<String>,
}

/// A cause of failures and how often it struck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct DiagnosisCount {
    pub(super) cause: &'static str,
    pub(super) count: u32,
}

/// How often each cause struck.
pub(super) fn counts(diagnoses: &[Diagnosis]) -> Vec<DiagnosisCount> {
    let count = |diagnosis: &Diagnosis| DiagnosisCount {
        cause: diagnosis.cause.as_str(),
        count: diagnosis.count,
    };
    diagnoses.iter().map(count).collect()
}

/// The checksum S3 keeps of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Checksum {
    pub(super) algorithm: &'static str,
    pub(super) value: String,
}

impl<'a> Error<'a> {
    /// A failure of the store or on the way to it.
    pub(super) fn of_failure(
        failure: &'a Failure,
        message: String,
        hint: Option<String>,
        exit_code: u8,
    ) -> Error<'a> {
        Error {
            message,
            code: failure.s3_code().filter(|code| !code.is_empty()),
            status: failure.status(),
            request_id: super::explain::request_id(failure),
            part: failure.part.map(|part| part.number.0.get()),
            attempt: Some(failure.attempt),
            attempts_max: Some(failure.attempts_max),
            hint,
            exit_code,
        }
    }

    /// What failed without one failure to blame.
    pub(super) fn of_words(
        message: &str,
        hint: Option<String>,
        status: ExitStatus,
    ) -> Error<'static> {
        Error {
            message: message.to_owned(),
            code: None,
            status: None,
            request_id: None,
            part: None,
            attempt: None,
            attempts_max: None,
            hint,
            exit_code: status.code(),
        }
    }

    /// What ended a command before there was an outcome.
    pub(super) fn of_error(error: &'a CliError) -> Error<'a> {
        if let CliError::Call { failure, hint, .. } = error {
            return Error::of_failure(failure, error.to_string(), hint.clone(), error.code());
        }
        let words = Error::of_words(&error.to_string(), error.hint(), error.status());
        // A command that cannot be run has the shells' code.
        Error { exit_code: error.code(), ..words }
    }
}

impl<'a> Summary<'a> {
    /// The summary of one file of `size` bytes.
    pub(super) fn new(
        outcome: &'a Outcome,
        tally: &Tally,
        size: u64,
        destination: &'a str,
        elapsed_s: f64,
        usage: Usage,
    ) -> Summary<'a> {
        let uploaded = match outcome {
            Outcome::Uploaded(uploaded) => Some(uploaded),
            _ => None,
        };
        let is_share = *outcome == Outcome::PartsStored;
        Summary {
            outcome: outcome_name(outcome),
            files: 1,
            failed: u32::from(uploaded.is_none() && !is_share),
            bytes: if uploaded.is_some() || is_share { size } else { 0 },
            bytes_sent: tally.bytes_sent,
            bytes_reused: tally.bytes_reused,
            parts: tally.parts,
            parts_reused: tally.parts_reused,
            attempts: tally.attempts,
            retries: tally.retries.iter().map(|(class, n)| (class.as_str(), *n)).collect(),
            resent_by_libcurl: tally.rewinds,
            diagnoses: Vec::new(),
            connections: tally.connections,
            elapsed_s: milliseconds(elapsed_s),
            destination,
            etag: uploaded.and_then(|object| Some(object.etag.as_ref()?.0.as_str())),
            checksum: uploaded
                .and_then(|object| object.checksum)
                .map(|checksum| Checksum { algorithm: "crc64nvme", value: checksum.to_base64() }),
            upload_id: uploaded.and_then(|object| Some(object.upload_id.as_ref()?.0.as_str())),
            resume_id: None,
            hedged: tally.hedges,
            cpu_s: milliseconds(usage.cpu_s),
            memory_peak_bytes: usage.memory_peak_bytes,
            spool: None,
        }
    }

    /// The summary of an upload that never began.
    pub(super) fn of_nothing(destination: &'a str) -> Summary<'a> {
        let usage = Usage::of_process();
        let nothing =
            Summary::new(&Outcome::Stopped, &Tally::default(), 0, destination, 0.0, usage);
        Summary { outcome: "failed", ..nothing }
    }
}

/// Seconds, to three places.
pub(super) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

fn outcome_name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Uploaded(_) => "uploaded",
        Outcome::PartsStored => "parts_stored",
        Outcome::Failed(_) => "failed",
        Outcome::Unknown(_) => "unknown",
        Outcome::Stopped => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{Crc64Nvme, ETag, UploadId};
    use crate::upload::{DiagnosedCause, Symptom, Uploaded};

    #[test]
    fn the_summary_is_the_interfaces() {
        let outcome = Outcome::Uploaded(Uploaded {
            etag: Some(ETag("\"9bb5-64\"".into())),
            checksum: Some(Crc64Nvme(1)),
            upload_id: Some(UploadId("id".into())),
            by_comparison: false,
        });
        let tally = Tally {
            attempts: 66,
            retries: [(Symptom::Reset, 1), (Symptom::Throttled, 1)].into(),
            bytes_sent: 1_082_130_432,
            rewinds: 2,
            connections: 9,
            parts: 64,
            ..Tally::default()
        };
        let usage = Usage { cpu_s: 0.421_6, memory_peak_bytes: Some(9_437_184) };
        let summary = Summary::new(&outcome, &tally, 1 << 30, "s3://bucket/key", 3.210_4, usage);
        let diagnoses = counts(&[Diagnosis {
            cause: DiagnosedCause::Throttled,
            because: "it said so".into(),
            advice: "wait".into(),
            count: 3,
        }]);
        let summary = Summary { diagnoses, ..summary };
        assert_eq!(
            serde_json::to_string(&Event::Summary(summary)).unwrap(),
            concat!(
                r#"{"event":"summary","outcome":"uploaded","files":1,"failed":0,"#,
                r#""bytes":1073741824,"bytes_sent":1082130432,"bytes_reused":0,"parts":64,"#,
                r#""parts_reused":0,"attempts":66,"retries":{"reset":1,"throttled":1},"#,
                r#""resent_by_libcurl":2,"diagnoses":[{"cause":"throttled","count":3}],"#,
                r#""connections":9,"elapsed_s":3.21,"destination":"s3://bucket/key","#,
                r#""etag":"\"9bb5-64\"","checksum":{"algorithm":"crc64nvme","#,
                r#""value":"AAAAAAAAAAE="},"upload_id":"id","resume_id":null,"#,
                r#""hedged":0,"cpu_s":0.422,"memory_peak_bytes":9437184}"#,
            )
        );
    }

    #[test]
    fn what_failed_has_no_bytes_stored() {
        let tally = Tally::default();
        let usage = Usage::default();
        let summary = Summary::new(&Outcome::Stopped, &tally, 9, "s3://b/k", 0.0, usage);
        assert_eq!((summary.outcome, summary.failed, summary.bytes), ("interrupted", 1, 0));
        assert_eq!(Summary::of_nothing("x").outcome, "failed");
    }
}
