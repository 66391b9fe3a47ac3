//! The simulated store: the lab's model behind the answers of S3, as text.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use curlift::http::{Headers, Response};
use curlift::lab::model::{Blob, CompletePart, Content, ModelError, Settings, Store};
use curlift::s3::{Limits, Operation};
use md5::{Digest, Md5};
use std::time::Duration;

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const KEY: &str = "key";

/// A store with one bucket.
pub(crate) struct SimulatedStore {
    pub(crate) model: Store,
    request_id: u64,
}

impl SimulatedStore {
    pub(crate) fn new(limits: Limits) -> SimulatedStore {
        let mut model = Store::new(limits);
        model.create_bucket(BUCKET);
        SimulatedStore { model, request_id: 0 }
    }

    /// Puts an object there that is not ours.
    pub(crate) fn put_foreign(&mut self, bytes: &[u8]) {
        self.model.put_object(BUCKET, KEY, blob(bytes), Settings::default()).unwrap();
    }

    /// The bytes of the object, where there is one.
    pub(crate) fn object(&self) -> Option<Vec<u8>> {
        let info = self.model.head_object(BUCKET, KEY).ok()?;
        let mut bytes = Vec::new();
        append(&mut bytes, &info.content);
        Some(bytes)
    }

    /// Does what `operation` asks with `body`, and answers as S3 does. `claimed` is the checksum
    /// that the client sent along.
    pub(crate) fn carry_out(
        &mut self,
        operation: &Operation,
        body: &[u8],
        claimed: Option<u64>,
    ) -> Response {
        self.request_id += 1;
        let result = self.try_carry_out(operation, body, claimed);
        let mut response = result.unwrap_or_else(|error| {
            let ModelError { status, code, message } = error;
            error_response(status, code, &message)
        });
        response.headers.push("x-amz-request-id", format!("SIM{}", self.request_id));
        response
    }

    fn try_carry_out(
        &mut self,
        operation: &Operation,
        body: &[u8],
        claimed: Option<u64>,
    ) -> Result<Response, ModelError> {
        let store = &mut self.model;
        match operation {
            Operation::PutObject { .. } => {
                let blob = checked(body, claimed)?;
                let info = store.put_object(BUCKET, KEY, blob, Settings::default())?;
                Ok(with_checksum(ok(""), &info.etag, claimed.map(|_| info.crc64nvme)))
            }
            Operation::CreateMultipartUpload { checksums, .. } => {
                let settings = Settings::default();
                let id = store.create_multipart_upload(
                    BUCKET,
                    KEY,
                    settings,
                    *checksums,
                    Duration::ZERO,
                )?;
                Ok(ok(&format!(
                    "<?xml version=\"1.0\"?>\n<InitiateMultipartUploadResult><Bucket>{BUCKET}\
                     </Bucket><Key>{KEY}</Key><UploadId>{id}</UploadId>\
                     </InitiateMultipartUploadResult>"
                )))
            }
            Operation::UploadPart { upload_id, number, .. } => {
                let blob = checked(body, claimed)?;
                let number = number.0.get();
                let info = store.upload_part(BUCKET, KEY, &upload_id.0, number, blob)?;
                Ok(with_checksum(ok(""), &info.etag, claimed.map(|_| info.crc64nvme)))
            }
            Operation::CompleteMultipartUpload { upload_id, parts, checksum, size } => {
                let parts: Vec<CompletePart> = parts
                    .iter()
                    .map(|part| CompletePart {
                        number: part.number.0.get(),
                        etag: part.etag.0.clone(),
                        crc64nvme: part.checksum.map(|checksum| checksum.0),
                    })
                    .collect();
                let info = store.complete_multipart_upload(
                    BUCKET,
                    KEY,
                    &upload_id.0,
                    &parts,
                    checksum.map(|checksum| checksum.0),
                    Some(*size),
                    false,
                )?;
                let sum = checksum.map_or(String::new(), |_| {
                    format!("<ChecksumCRC64NVME>{}</ChecksumCRC64NVME>", base64(info.crc64nvme))
                });
                Ok(ok(&format!(
                    "  \n<?xml version=\"1.0\"?>\n<CompleteMultipartUploadResult><ETag>{}</ETag>\
                     {sum}</CompleteMultipartUploadResult>",
                    info.etag.replace('"', "&quot;"),
                )))
            }
            Operation::AbortMultipartUpload { upload_id } => {
                store.abort_multipart_upload(BUCKET, KEY, &upload_id.0)?;
                Ok(Response { status: 204, headers: Headers::new(), body: Vec::new() })
            }
            Operation::ListParts { upload_id, after } => {
                let after = after.map(|number| number.0.get());
                let page = store.list_parts(BUCKET, KEY, &upload_id.0, after, 1000)?;
                let parts: Vec<String> = page
                    .parts
                    .iter()
                    .map(|part| {
                        format!(
                            "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag><Size>{}</Size></Part>",
                            part.number, part.etag, part.size
                        )
                    })
                    .collect();
                Ok(ok(&format!(
                    "<ListPartsResult><IsTruncated>false</IsTruncated>{}</ListPartsResult>",
                    parts.concat()
                )))
            }
            Operation::HeadObject => {
                let info = store.head_object(BUCKET, KEY)?;
                let mut response = with_checksum(ok(""), &info.etag, Some(info.crc64nvme));
                response.headers.set("content-length", info.size.to_string());
                response.headers.push("x-amz-checksum-type", "FULL_OBJECT");
                Ok(response)
            }
        }
    }
}

fn append(bytes: &mut Vec<u8>, content: &Content) {
    match content {
        Content::Memory(part) => bytes.extend_from_slice(part),
        Content::Parts(parts) => parts.iter().for_each(|part| append(bytes, part)),
        other => panic!("the simulation keeps bytes in memory, not {other:?}"),
    }
}

pub(crate) fn error_response(status: u16, code: &str, message: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    Response { status, headers: Headers::new(), body: body.into_bytes() }
}

pub(crate) fn blob(bytes: &[u8]) -> Blob {
    Blob {
        size: bytes.len() as u64,
        md5: Md5::digest(bytes).into(),
        crc64nvme: crc64nvme(bytes),
        content: Content::Memory(bytes.into()),
    }
}

pub(crate) fn crc64nvme(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

fn checked(body: &[u8], claimed: Option<u64>) -> Result<Blob, ModelError> {
    let blob = blob(body);
    match claimed {
        Some(claimed) if claimed != blob.crc64nvme => Err(ModelError {
            status: 400,
            code: "BadDigest",
            message: "The CRC64NVME you specified did not match the calculated checksum.".into(),
        }),
        _ => Ok(blob),
    }
}

fn ok(body: &str) -> Response {
    Response { status: 200, headers: Headers::new(), body: body.as_bytes().to_vec() }
}

fn with_checksum(mut response: Response, etag: &str, checksum: Option<u64>) -> Response {
    response.headers.push("etag", etag);
    if let Some(checksum) = checksum {
        response.headers.push("x-amz-checksum-crc64nvme", base64(checksum));
    }
    response
}

fn base64(checksum: u64) -> String {
    BASE64_STANDARD.encode(checksum.to_be_bytes())
}
