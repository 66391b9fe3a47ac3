//! The parts an object was completed from, as `HeadObject` and `GetObjectAttributes` tell them.

use http::StatusCode;
use s3s::dto::{
    Checksum, GetObjectAttributesInput, GetObjectAttributesOutput, GetObjectAttributesParts,
    HeadObjectOutput, ObjectAttributes, ObjectPart,
};
use s3s::{S3Error, S3ErrorCode, S3Response, S3Result, s3_error};

use super::convert::{etag, full_object};
use crate::lab::blob::crc_text;
use crate::lab::model::{ObjectInfo, PartInfo};
use crate::lab::settings::headers_of;

/// Entries of a page at most.
const PAGE_MAX: usize = 1000;

/// `HeadObject` of one part, which is a range; an object that was put in one piece has one.
pub(super) fn head(object: &ObjectInfo, number: i32) -> S3Result<S3Response<HeadObjectOutput>> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let sizes: Vec<u64> = match &object.parts {
        Some(parts) => parts.iter().map(|part| part.size).collect(),
        None => vec![object.size],
    };
    let part = index.and_then(|index| Some((index, *sizes.get(index)?)));
    let Some((index, size)) = part else {
        let code = S3ErrorCode::Custom("InvalidPartNumber".into());
        let message = "The requested partnumber is not satisfiable";
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
        return Err(error);
    };
    let start: u64 = sizes[..index].iter().sum();
    let last = (start + size).saturating_sub(1);
    let output = HeadObjectOutput {
        content_length: i64::try_from(size).ok(),
        content_range: (size > 0).then(|| format!("bytes {start}-{last}/{}", object.size)),
        accept_ranges: Some("bytes".to_owned()),
        e_tag: Some(etag(&object.etag)),
        parts_count: object.parts.as_ref().and_then(|parts| i32::try_from(parts.len()).ok()),
        ..Default::default()
    };
    Ok(S3Response::with_headers(output, headers_of(&object.settings)))
}

/// `GetObjectAttributes`
pub(super) fn attributes(
    object: &ObjectInfo,
    input: &GetObjectAttributesInput,
) -> S3Result<GetObjectAttributesOutput> {
    // `s3s` gives a list in one field as one name.
    let names = || input.object_attributes.iter().flat_map(|names| names.as_str().split(','));
    let wants = |name: &str| names().any(|wanted| wanted.trim() == name);
    let wanted = |name: &str| wants(name).then_some(());
    let parts = object.parts.as_deref().filter(|_| wants(ObjectAttributes::OBJECT_PARTS));
    let parts = parts.map(|parts| page(parts, object.tells_parts, input)).transpose()?;
    Ok(GetObjectAttributesOutput {
        checksum: wanted(ObjectAttributes::CHECKSUM).map(|()| Checksum {
            checksum_crc64nvme: Some(crc_text(object.crc64nvme)),
            checksum_type: Some(full_object()),
            ..Default::default()
        }),
        e_tag: wanted(ObjectAttributes::ETAG).map(|()| etag(&object.etag)),
        object_size: wanted(ObjectAttributes::OBJECT_SIZE)
            .and_then(|()| i64::try_from(object.size).ok()),
        object_parts: parts,
        ..Default::default()
    })
}

/// A page of the parts; where the upload had no checksums, their number alone.
fn page(
    parts: &[PartInfo],
    tells_parts: bool,
    input: &GetObjectAttributesInput,
) -> S3Result<GetObjectAttributesParts> {
    let total_parts_count = i32::try_from(parts.len()).ok();
    if !tells_parts {
        return Ok(GetObjectAttributesParts { total_parts_count, ..Default::default() });
    }
    let wanted = input.max_parts.map_or(Ok(PAGE_MAX), usize::try_from);
    let wanted = wanted.map_err(|_| s3_error!(InvalidArgument, "A page has 0 to 1000 parts"))?;
    let after = input.part_number_marker.unwrap_or(0);
    let rest = parts.iter().filter(|part| i64::from(part.number) > i64::from(after));
    let rest: Vec<_> = rest.collect();
    let shown = &rest[..wanted.min(PAGE_MAX).min(rest.len())];
    let part = |part: &&PartInfo| ObjectPart {
        part_number: i32::try_from(part.number).ok(),
        size: i64::try_from(part.size).ok(),
        checksum_crc64nvme: Some(crc_text(part.crc64nvme)),
        ..Default::default()
    };
    Ok(GetObjectAttributesParts {
        total_parts_count,
        max_parts: i32::try_from(wanted).ok(),
        part_number_marker: Some(after),
        next_part_number_marker: shown.last().and_then(|part| i32::try_from(part.number).ok()),
        is_truncated: Some(shown.len() < rest.len()),
        parts: Some(shown.iter().map(part).collect()),
    })
}
