//! S3's "yes", believed only where it is whole: the right status, the right document, and what
//! the operation cannot do without. Errors inside a 200 are [`refusal`](super::refusal)'s.

use std::num::NonZeroU32;

use super::attributes::{AttributesPage, PageFields};
use super::bucket_operation::TRANSITION_DEFAULT;
use super::printable::{drives_a_terminal, printable_words};
use super::server_date::{UnixTime, server_date, xml_date};
use super::stored_checksum::StoredChecksum;
use super::xml;
use super::{
    BucketOperation, Crc64Nvme, ETag, Lifecycle, ObjectHead, Operation, PartNumber, PartsPage,
    Reply, UnfinishedUpload, UploadId, UploadedPart, UploadsMarker, UploadsPage,
};
use crate::http::Response;

/// Characters that are shown of a body that no S3 would send.
const STRANGE_BODY_SHOWN: usize = 100;

/// The reply that `response` is to `operation`.
///
/// # Errors
/// What is wrong with it, in words that continue "the answer to … cannot be used: ", and how its
/// body begins: a portal's page tells whose it is.
pub(super) fn read(operation: &Operation, response: &Response) -> Result<Reply, String> {
    reply(operation, response).map_err(|reason| {
        let start = &response.body[..response.body.len().min(4 * STRANGE_BODY_SHOWN)];
        match printable_words(&String::from_utf8_lossy(start), STRANGE_BODY_SHOWN).as_str() {
            "" => reason,
            shown => format!("{reason}; it begins: {shown}"),
        }
    })
}

fn reply(operation: &Operation, response: &Response) -> Result<Reply, String> {
    let expected: &[u16] = match operation {
        Operation::AbortMultipartUpload { .. } => &[204],
        // Stores do not agree on which of the two.
        Operation::DeleteObject => &[204, 200],
        Operation::Bucket(BucketOperation::PutLifecycle(_) | BucketOperation::DeleteLifecycle) => {
            &[200, 204]
        }
        // A part is a range of the object, but where the store passes over its number.
        Operation::HeadObjectPart { .. } => &[206, 200],
        _ => &[200],
    };
    if !expected.contains(&response.status) {
        return Err(format!("its status is {}, not {}", response.status, expected[0]));
    }
    match operation {
        Operation::PutObject { .. } => put_object(response),
        Operation::CreateMultipartUpload { .. } => created(response),
        Operation::UploadPart { .. } => part_uploaded(response),
        Operation::CompleteMultipartUpload { .. } => completed(response),
        Operation::AbortMultipartUpload { .. } => {
            no_body(response)?;
            Ok(Reply::Aborted)
        }
        Operation::ListParts { after, .. } => parts(response, *after).map(Reply::Parts),
        Operation::ListMultipartUploads { after } => {
            uploads(response, after.as_ref()).map(Reply::Uploads)
        }
        Operation::HeadObject | Operation::HeadObjectPart { .. } => head(response).map(Reply::Head),
        Operation::GetObjectAttributes { after } => {
            attributes(response, *after).map(Reply::Attributes)
        }
        Operation::DeleteObject => {
            no_body(response)?;
            let marker = response.headers.get("x-amz-delete-marker");
            Ok(Reply::Deleted { is_kept: marker == Some("true") })
        }
        Operation::Bucket(operation) => bucket(operation, response),
    }
}

fn bucket(operation: &BucketOperation, response: &Response) -> Result<Reply, String> {
    if *operation != BucketOperation::GetLifecycle {
        no_body(response)?;
        return Ok(Reply::BucketChanged);
    }
    let text = std::str::from_utf8(&response.body).map_err(|_| "its body is not UTF-8")?;
    let transition_default = response.headers.get(TRANSITION_DEFAULT);
    let lifecycle = Lifecycle::read(text, transition_default)?;
    Ok(Reply::Lifecycle(Some(lifecycle)))
}

fn put_object(response: &Response) -> Result<Reply, String> {
    no_body(response)?;
    let etag = etag_header(response);
    // A portal or proxy can say 200 to anything, but not in S3's words.
    if etag.is_none() && !response.headers.iter().any(|(name, _)| name.starts_with("x-amz-")) {
        return Err("it has neither an ETag nor any other header of S3".into());
    }
    Ok(Reply::PutObject { etag, checksum: checksum_header(response) })
}

fn part_uploaded(response: &Response) -> Result<Reply, String> {
    no_body(response)?;
    let etag = etag_header(response).ok_or("it has no ETag")?;
    Ok(Reply::PartUploaded { etag, checksum: checksum_header(response) })
}

fn created(response: &Response) -> Result<Reply, String> {
    let mut id = String::new();
    read_document(response, "InitiateMultipartUploadResult", |path, text| {
        if path == "UploadId" {
            text.clone_into(&mut id);
        }
    })?;
    let upload_id = some_upload_id(&id).ok_or("it has no UploadId that could be one")?;
    Ok(Reply::Created { upload_id })
}

/// An upload's id; `None` where it is blank, or has characters that no store gives it: it stands
/// in lines that people copy.
fn some_upload_id(text: &str) -> Option<UploadId> {
    let is_one = !text.trim().is_empty() && !text.contains(drives_a_terminal);
    is_one.then(|| UploadId(text.to_owned()))
}

fn completed(response: &Response) -> Result<Reply, String> {
    let (mut etag, mut checksum) = (None, None);
    read_document(response, "CompleteMultipartUploadResult", |path, text| match path {
        "ETag" => etag = some_etag(text),
        "ChecksumCRC64NVME" => checksum = Crc64Nvme::from_base64(text.trim()),
        _ => {}
    })?;
    Ok(Reply::Completed { etag, checksum: checksum.or_else(|| checksum_header(response)) })
}

/// One `Part` of `ListPartsResult`, as far as it was read.
#[derive(Default)]
struct PartFields {
    number: Option<PartNumber>,
    size: Option<u64>,
    etag: Option<ETag>,
    checksum: Option<Crc64Nvme>,
}

fn parts(response: &Response, after: Option<PartNumber>) -> Result<PartsPage, String> {
    let mut parts = Vec::new();
    let mut fields = PartFields::default();
    let (mut is_truncated, mut next) = (String::new(), None);
    let mut checksum_algorithm = None;
    let mut incomplete = 0_u32;
    read_document(response, "ListPartsResult", |path, text| match path {
        "ChecksumAlgorithm" => {
            checksum_algorithm = Some(printable_words(text, 20)).filter(|name| !name.is_empty());
        }
        "IsTruncated" => is_truncated = text.trim().to_ascii_lowercase(),
        "NextPartNumberMarker" => next = part_number(text),
        "Part/PartNumber" => fields.number = part_number(text),
        "Part/Size" => fields.size = text.trim().parse().ok(),
        "Part/ETag" => fields.etag = some_etag(text),
        "Part/ChecksumCRC64NVME" => fields.checksum = Crc64Nvme::from_base64(text.trim()),
        "Part" => match std::mem::take(&mut fields) {
            PartFields { number: Some(number), size: Some(size), etag: Some(etag), checksum } => {
                parts.push(UploadedPart { number, size, etag, checksum });
            }
            _ => incomplete += 1,
        },
        _ => {}
    })?;
    if incomplete > 0 {
        return Err(format!("{incomplete} of its parts lack a number, size or ETag"));
    }
    let next = next.or(parts.last().map(|part| part.number));
    let next = next_page(&is_truncated, next, |next| after.is_none_or(|after| *next > after))?;
    Ok(PartsPage { parts, next, checksum_algorithm })
}

/// One `Upload` of `ListMultipartUploadsResult`, as far as it was read.
#[derive(Default)]
struct UploadFields {
    key: String,
    upload_id: String,
    initiated: Option<UnixTime>,
    storage_class: Option<String>,
}

fn uploads(response: &Response, after: Option<&UploadsMarker>) -> Result<UploadsPage, String> {
    let mut uploads = Vec::new();
    let mut fields = UploadFields::default();
    let (mut is_truncated, mut is_encoded) = (String::new(), false);
    let mut next = UploadsMarker { key: String::new(), upload_id: String::new() };
    let mut incomplete = 0_u32;
    read_document(response, "ListMultipartUploadsResult", |path, text| match path {
        "IsTruncated" => is_truncated = text.trim().to_ascii_lowercase(),
        "NextKeyMarker" => text.clone_into(&mut next.key),
        "NextUploadIdMarker" => text.clone_into(&mut next.upload_id),
        "Upload/Key" => text.clone_into(&mut fields.key),
        "Upload/UploadId" => text.clone_into(&mut fields.upload_id),
        "EncodingType" => is_encoded = text.trim() == "url",
        "Upload/Initiated" => fields.initiated = xml_date(text),
        "Upload/StorageClass" => fields.storage_class = some_storage_class(text),
        "Upload" => {
            let UploadFields { key, upload_id, initiated, storage_class } =
                std::mem::take(&mut fields);
            match some_upload_id(&upload_id) {
                Some(upload_id) if !key.is_empty() => {
                    uploads.push(UnfinishedUpload {
                        key,
                        key_written: None,
                        upload_id,
                        initiated,
                        storage_class,
                    });
                }
                _ => incomplete += 1,
            }
        }
        _ => {}
    })?;
    if is_encoded && uploads.iter().all(|upload| may_be_encoded(&upload.key)) {
        next.key = decoded(&next.key)?;
        for upload in &mut uploads {
            let key = decoded(&upload.key)?;
            let written = std::mem::replace(&mut upload.key, key);
            upload.key_written = (written != upload.key).then_some(written);
        }
    }
    if incomplete > 0 {
        return Err(format!("{incomplete} of its uploads lack a key or an id"));
    }
    // Not every store says where its next page begins.
    let last = uploads.last().map(|upload| UploadsMarker {
        key: upload.key.clone(),
        upload_id: upload.upload_id.0.clone(),
    });
    let next = if next.key.is_empty() { last } else { Some(next) };
    // Uploads to one key stand in the order of their dates, not of their ids.
    let moves_on = |next: &UploadsMarker| {
        after.is_none_or(|after| next.key > after.key || (next.key == after.key && next != after))
    };
    let next = next_page(&is_truncated, next, moves_on)?;
    Ok(UploadsPage { uploads, next, date: server_date(response) })
}

/// A key that is written as in a URL's query, since XML cannot have every character
/// (API reference, `EncodingType`).
fn decoded(key: &str) -> Result<String, String> {
    let key = key.replace('+', " ");
    let key = percent_encoding::percent_decode_str(&key).decode_utf8();
    key.map(Into::into).map_err(|_| "a key in it is not UTF-8".into())
}

/// Whether `key` can be what [`decoded`] is for.
fn may_be_encoded(key: &str) -> bool {
    let mut pieces = key.split('%');
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"\"#&<>?".contains(&b));
    let escape = |text: &str| text.get(..2).is_some_and(|hex| u8::from_str_radix(hex, 16).is_ok());
    pieces.next().is_some_and(plain) && pieces.all(|piece| escape(piece) && plain(piece))
}

/// A storage class, where it could be one.
fn some_storage_class(text: &str) -> Option<String> {
    let class = text.trim();
    let is_one = !class.is_empty() && class.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_one.then(|| class.to_owned())
}

/// Where the next page begins, which must lie behind this one.
fn next_page<M>(
    is_truncated: &str,
    next: Option<M>,
    moves_on: impl Fn(&M) -> bool,
) -> Result<Option<M>, String> {
    let next = match is_truncated {
        "false" | "" => return Ok(None),
        "true" => next.ok_or("its next page has no beginning")?,
        _ => return Err("IsTruncated is neither true nor false".into()),
    };
    if !moves_on(&next) {
        return Err("its next page would begin where this one did".into());
    }
    Ok(Some(next))
}

fn head(response: &Response) -> Result<ObjectHead, String> {
    let size = response
        .headers
        .get("content-length")
        .and_then(|length| length.trim().parse().ok())
        .ok_or("it does not tell the object's size (Content-Length)")?;
    let header = |name| response.headers.get(name);
    let has_customer_key = header("x-amz-server-side-encryption-customer-algorithm").is_some();
    let encryption = header("x-amz-server-side-encryption");
    Ok(ObjectHead {
        size,
        etag: etag_header(response),
        checksum: checksum_header(response),
        checksums: StoredChecksum::of_headers(&response.headers),
        parts: header("x-amz-mp-parts-count").and_then(|count| count.trim().parse().ok()),
        hides_md5: has_customer_key || encryption.is_some_and(|kind| kind.starts_with("aws:kms")),
    })
}

fn attributes(response: &Response, after: Option<PartNumber>) -> Result<AttributesPage, String> {
    let mut fields = PageFields::default();
    // Both names are in use: the first is Amazon's, the second its documentation's.
    let mut read = |root| read_document(response, root, |path, text| fields.take(path, text));
    read("GetObjectAttributesResponse")
        .or_else(|error| read("GetObjectAttributesOutput").map_err(|_| error))?;
    let PageFields { page: AttributesPage { parts, parts_total, next }, .. } = fields;
    if fields.incomplete > 0 {
        return Err(format!("{} of its parts lack a number or size", fields.incomplete));
    }
    let next = next.or(parts.last().map(|part| part.number));
    let moves_on = |next: &PartNumber| after.is_none_or(|after| *next > after);
    let next = next_page(&fields.is_truncated, next, moves_on)?;
    Ok(AttributesPage { parts, parts_total, next })
}

/// Reads a whole document with that root; paths are handed out without it.
fn read_document(
    response: &Response,
    root: &str,
    mut on_element: impl FnMut(&str, &str),
) -> Result<(), String> {
    let found = xml::read(&response.body, |element| {
        if let Some(path) = element.path.strip_prefix(root).and_then(|path| path.strip_prefix('/'))
        {
            on_element(path, element.text);
        }
    })
    .map_err(|error| format!("its body is not a whole {root}: {error}"))?;
    if found != root {
        return Err(format!("its root element is not {root}"));
    }
    Ok(())
}

/// Where S3 sends no body, whoever sends one is not S3.
fn no_body(response: &Response) -> Result<(), String> {
    if response.body.trim_ascii().is_empty() {
        Ok(())
    } else {
        Err("it has a body, which S3 does not send here".into())
    }
}

fn etag_header(response: &Response) -> Option<ETag> {
    response.headers.get("etag").and_then(some_etag)
}

/// An ETag, quoted or not; `None` where there is nothing between its quotes, or what no ETag of
/// S3 has and a terminal might obey.
fn some_etag(text: &str) -> Option<ETag> {
    let etag = ETag(text.trim().to_owned());
    let bare = etag.bare();
    (!bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_graphic())).then_some(etag)
}

fn checksum_header(response: &Response) -> Option<Crc64Nvme> {
    response.headers.get("x-amz-checksum-crc64nvme").and_then(Crc64Nvme::from_base64)
}

fn part_number(text: &str) -> Option<PartNumber> {
    text.trim().parse::<NonZeroU32>().ok().map(PartNumber)
}
