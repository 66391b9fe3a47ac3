//! Between the types of `s3s` and the model's: small conversions without state.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use http::HeaderMap;
use s3s::dto::{ChecksumAlgorithm, ChecksumType, CompletedPart, ETag, IfNoneMatch, Timestamp};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

use super::ServerClock;
use crate::lab::blob::{crc_text, crc_value};
use crate::lab::model::{CompletePart, ModelError, ObjectInfo};
use crate::lab::settings::{headers_of, insert};

pub(super) const CRC64NVME: &str = "x-amz-checksum-crc64nvme";

pub(super) fn object_headers(object: &ObjectInfo, checksum: bool) -> HeaderMap {
    let mut headers = headers_of(&object.settings);
    if checksum {
        insert(&mut headers, CRC64NVME, &crc_text(object.crc64nvme));
        insert(&mut headers, "x-amz-checksum-type", ChecksumType::FULL_OBJECT);
    }
    headers
}

pub(super) fn complete_part(part: CompletedPart) -> S3Result<CompletePart> {
    let number = part.part_number.and_then(|number| u32::try_from(number).ok());
    let (Some(number), Some(etag)) = (number, part.e_tag) else {
        return Err(s3_error!(MalformedXML, "Each part needs a PartNumber and an ETag"));
    };
    let crc64nvme = crc_given(part.checksum_crc64nvme.as_deref())?;
    Ok(CompletePart { number, etag: etag.into_value(), crc64nvme })
}

pub(super) fn crc_given(text: Option<&str>) -> S3Result<Option<u64>> {
    let Some(text) = text else { return Ok(None) };
    let value = crc_value(text);
    let invalid = || s3_error!(InvalidRequest, "Value for {CRC64NVME} header is invalid: {text}");
    value.ok_or_else(invalid).map(Some)
}

pub(super) fn only_if_absent(condition: Option<&IfNoneMatch>) -> S3Result<bool> {
    match condition {
        None => Ok(false),
        Some(condition) if condition.is_any() => Ok(true),
        Some(_) => Err(s3_error!(NotImplemented, "If-None-Match takes * only")),
    }
}

/// Parts of an upload with a checksum algorithm carry checksums of that algorithm.
pub(super) fn same_checksum(expected: bool, actual: Option<&str>) -> Result<(), ModelError> {
    if !expected || actual == Some("crc64nvme") {
        return Ok(());
    }
    let message = format!(
        "Checksum Type mismatch occurred, expected checksum Type: crc64nvme, actual checksum \
         Type: {}",
        actual.unwrap_or("null")
    );
    Err(ModelError { status: 400, code: "InvalidRequest", message })
}

pub(super) fn customer_key_error(error: &S3Error) -> ModelError {
    let message = error.message().unwrap_or_default().to_owned();
    ModelError { status: 400, code: "InvalidRequest", message }
}

pub(super) fn is_crc64nvme(algorithm: &ChecksumAlgorithm) -> bool {
    algorithm.as_str() == ChecksumAlgorithm::CRC64NVME
}

pub(super) fn is_full_object(kind: &ChecksumType) -> bool {
    kind.as_str() == ChecksumType::FULL_OBJECT
}

pub(super) fn full_object() -> ChecksumType {
    ChecksumType::from_static(ChecksumType::FULL_OBJECT)
}

pub(super) fn etag(quoted: &str) -> ETag {
    ETag::Strong(quoted.trim_matches('"').to_owned())
}

pub(super) fn clock<T>(request: &S3Request<T>) -> DateTime<Utc> {
    request.extensions.get::<ServerClock>().map_or(DateTime::UNIX_EPOCH, |clock| clock.0)
}

pub(super) fn since_epoch(moment: DateTime<Utc>) -> Duration {
    (moment - DateTime::UNIX_EPOCH).to_std().unwrap_or_default()
}

pub(super) fn timestamp(since_epoch: Duration) -> Timestamp {
    Timestamp::from(SystemTime::UNIX_EPOCH + since_epoch)
}

/// A moment as HTTP headers write it (RFC 9110, IMF-fixdate).
pub(in crate::lab) fn http_date(moment: DateTime<Utc>) -> String {
    moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

pub(super) fn refusal(error: ModelError) -> S3Error {
    let code = S3ErrorCode::from_bytes(error.code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    let mut refusal = S3Error::with_message(code, error.message);
    if let Ok(status) = http::StatusCode::from_u16(error.status) {
        refusal.set_status_code(status);
    }
    refusal
}
