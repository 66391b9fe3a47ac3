//! An object out of parts: the checks of `CompleteMultipartUpload`, and the digests of the whole.

use super::refusal::{entity_too_large, error};
use super::{Blob, CompletePart, Content, ModelError, ObjectInfo, Upload, part_info};
use crate::lab::blob::{crc_of_parts, crc_text, etag, etag_of_parts};
use crate::s3::Limits;

/// The object that `parts` of `upload` make, in the order of S3's checks.
pub(super) fn assemble(
    upload: &Upload,
    parts: &[CompletePart],
    limits: &Limits,
) -> Result<ObjectInfo, ModelError> {
    if parts.is_empty() {
        return Err(error(400, "MalformedXML", "You must specify at least one part"));
    }
    if !parts.is_sorted_by(|a, b| a.number < b.number) {
        let message = "The list of parts was not in ascending order. The parts list must be \
                       specified in order by part number.";
        return Err(error(400, "InvalidPartOrder", message));
    }
    let blobs = parts.iter().map(|part| find(upload, part)).collect::<Result<Vec<_>, _>>()?;
    let all_but_last = &blobs[..blobs.len() - 1];
    if let Some(small) = all_but_last.iter().position(|blob| blob.size < limits.part_size_min) {
        let message = format!(
            "Your proposed upload is smaller than the minimum allowed object size: part {} has \
             {} bytes, every part but the last needs {}",
            parts[small].number, all_but_last[small].size, limits.part_size_min
        );
        return Err(error(400, "EntityTooSmall", message));
    }
    let size = blobs.iter().map(|blob| blob.size).sum();
    let stored =
        parts.iter().zip(&blobs).map(|(part, blob)| part_info(part.number, blob)).collect();
    if size > limits.object_size_max {
        return Err(entity_too_large());
    }
    Ok(ObjectInfo {
        size,
        etag: etag_of_parts(&blobs.iter().map(|blob| blob.md5).collect::<Vec<_>>()),
        crc64nvme: crc_of_parts(blobs.iter().map(|blob| (blob.crc64nvme, blob.size))),
        parts: Some(stored),
        tells_parts: upload.checksum,
        settings: upload.settings.clone(),
        content: Content::Parts(blobs.iter().map(|blob| blob.content.clone()).collect()),
    })
}

/// The stored part that `wanted` names, if its ETag and checksum are the stored ones.
fn find<'a>(upload: &'a Upload, wanted: &CompletePart) -> Result<&'a Blob, ModelError> {
    let found = upload.parts.get(&wanted.number).filter(|blob| {
        wanted.etag.trim_matches('"') == etag(blob.md5).trim_matches('"')
            && wanted.crc64nvme.is_none_or(|crc| crc == blob.crc64nvme)
    });
    found.ok_or_else(|| {
        let message = format!(
            "One or more of the specified parts could not be found. The part may not have been \
             uploaded, or the specified entity tag may not match the part's entity tag: part {}",
            wanted.number
        );
        error(400, "InvalidPart", message)
    })
}

/// Compares the whole object with what the caller says of it.
pub(super) fn check_whole(
    object: &ObjectInfo,
    checksum: Option<u64>,
    size: Option<u64>,
) -> Result<(), ModelError> {
    if let Some(size) = size.filter(|size| *size != object.size) {
        let message = format!(
            "The provided 'x-amz-mp-object-size' header value {size} does not match what was \
             computed: {}",
            object.size
        );
        return Err(error(400, "InvalidRequest", message));
    }
    if let Some(checksum) = checksum.filter(|checksum| *checksum != object.crc64nvme) {
        let message = format!(
            "The CRC64NVME you specified did not match what we received: {} was specified, {} \
             computed",
            crc_text(checksum),
            crc_text(object.crc64nvme)
        );
        return Err(error(400, "BadDigest", message));
    }
    Ok(())
}
