//! Failures to try messages, hints and exit codes on.

use super::place::{Place, Reach};
use crate::http::{Evidence, TransportFailure, TransportFailureKind};
use crate::s3::{ErrorClass, PartNumber, S3Error};
use crate::time::Time;
use crate::upload::{Cause, Failure, PartRange, Symptom};

pub(super) fn answered(status: u16, code: &str) -> Cause {
    Cause::S3(S3Error::Answered {
        status,
        code: code.into(),
        message: "said so".into(),
        request_id: Some("7B4A".into()),
        retry_after: None,
        region: None,
        location: None,
    })
}

pub(super) fn transport(kind: TransportFailureKind, message: &str) -> Cause {
    Cause::S3(S3Error::Transport(TransportFailure { kind, message: message.into() }))
}

pub(super) fn failure(cause: Cause, class: ErrorClass) -> Failure {
    Failure {
        operation: "PutObject",
        part: None,
        attempt: 1,
        attempts_max: 10,
        cause,
        symptom: Symptom::Other,
        class,
        ambiguous: false,
        evidence: Evidence::default(),
        link: None,
        at: Time::ZERO,
        gave_up: None,
    }
}

/// The same, of a part of 16 MiB.
pub(super) fn of_part(failure: Failure, number: u32) -> Failure {
    let (index, length) = (number - 1, 16 << 20);
    let offset = u64::from(index) * length;
    let part = PartRange { number: PartNumber::from_index(index), offset, length };
    Failure { operation: "UploadPart", part: Some(part), ..failure }
}

pub(super) fn place() -> Place {
    Place {
        source: "backup.tar".into(),
        object: "s3://bucket/path/key".into(),
        bucket: "bucket".into(),
        key: "path/key".into(),
        endpoint: "https://s3.example".into(),
        endpoint_origin: None,
        region: "eu-west-1".into(),
        profile: Some("ci".into()),
        permissions: Vec::new(),
        reach: Reach::Keys,
        renews: false,
    }
}
