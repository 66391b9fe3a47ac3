//! The simulated store: the lab's model behind the answers of S3, as text.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use curlift::http::{Headers, Response};
use curlift::lab::model::{Blob, CompletePart, Content, ModelError, Settings, Store};
use curlift::s3::{Limits, Operation, UploadsMarker};
use md5::{Digest, Md5};

pub(crate) const BUCKET: &str = "bucket";
pub(crate) const KEY: &str = "key";

/// A store with one bucket.
pub(crate) struct SimulatedStore {
    pub(crate) model: Store,
    /// Its clock, in seconds since 1970.
    pub(crate) clock: i64,
    /// When each upload was created.
    created: BTreeMap<String, i64>,
    /// Uploads that are not ours.
    pub(crate) foreign: BTreeSet<String>,
    /// The one that somebody created for us.
    pub(crate) prescribed: Option<String>,
    /// Whether somebody completed that, or gave it up.
    pub(crate) prescribed_closed: bool,
    /// Whether it tells checksums of what came without any.
    pub(crate) tells_checksums: bool,
    /// Parts on a page of the listing.
    pub(crate) list_page: u32,
    request_id: u64,
}

impl SimulatedStore {
    pub(crate) fn new(limits: Limits) -> SimulatedStore {
        let mut model = Store::new(limits);
        model.create_bucket(BUCKET);
        SimulatedStore {
            model,
            clock: 0,
            created: BTreeMap::new(),
            foreign: BTreeSet::new(),
            prescribed: None,
            prescribed_closed: false,
            tells_checksums: false,
            list_page: 1000,
            request_id: 0,
        }
    }

    /// Puts an object there that is not ours.
    pub(crate) fn put_foreign(&mut self, bytes: &[u8]) {
        self.model.put_object(BUCKET, KEY, blob(bytes), Settings::default()).unwrap();
    }

    /// Another client's upload to the same key, with or without a part of it.
    pub(crate) fn create_foreign(&mut self, with_part: bool) {
        let settings = Settings::default();
        let model = &mut self.model;
        let id = model
            .create_multipart_upload(BUCKET, KEY, settings, false, Duration::ZERO)
            .expect("the bucket is there");
        self.created.insert(id.clone(), self.clock);
        if with_part {
            model.upload_part(BUCKET, KEY, &id, 1, blob(b"theirs")).expect("it is open");
        }
        self.foreign.insert(id);
    }

    /// Somebody creates an upload for us.
    pub(crate) fn create_prescribed(&mut self, checksums: bool) -> String {
        let settings = Settings::default();
        let id = self
            .model
            .create_multipart_upload(BUCKET, KEY, settings, checksums, Duration::ZERO)
            .expect("the bucket is there");
        self.created.insert(id.clone(), self.clock);
        self.prescribed = Some(id.clone());
        id
    }

    /// Somebody stores a part of the upload that was created for us; too late where it is closed.
    pub(crate) fn store_part(&mut self, number: u32, bytes: &[u8]) {
        let id = self.prescribed.clone().expect("it was created");
        drop(self.model.upload_part(BUCKET, KEY, &id, number, blob(bytes)));
    }

    /// Size and CRC64NVME of the parts that it has, by number.
    pub(crate) fn prescribed_parts(&self) -> Option<BTreeMap<u32, (u64, u64)>> {
        let id = self.prescribed.as_ref()?;
        let page = self.model.list_parts(BUCKET, KEY, id, None, 1000).ok()?;
        Some(page.parts.iter().map(|part| (part.number, (part.size, part.crc64nvme))).collect())
    }

    /// The parts of an upload that is open.
    pub(crate) fn parts_of(&self, id: &str) -> Option<Vec<u32>> {
        let page = self.model.list_parts(BUCKET, KEY, id, None, 1000).ok()?;
        Some(page.parts.iter().map(|part| part.number).collect())
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
        response.headers.push("date", date(self.clock).format("%a, %d %b %Y %T GMT").to_string());
        response
    }

    fn try_carry_out(
        &mut self,
        operation: &Operation,
        body: &[u8],
        claimed: Option<u64>,
    ) -> Result<Response, ModelError> {
        let tells = self.tells_checksums;
        let told = |sum| (tells || claimed.is_some()).then_some(sum);
        let store = &mut self.model;
        match operation {
            Operation::PutObject { .. } => {
                let blob = checked(body, claimed)?;
                let info = store.put_object(BUCKET, KEY, blob, Settings::default())?;
                Ok(with_checksum(ok(""), &info.etag, told(info.crc64nvme)))
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
                self.created.insert(id.clone(), self.clock);
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
                Ok(with_checksum(ok(""), &info.etag, told(info.crc64nvme)))
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
                self.list_parts(&upload_id.0, after.map(|number| number.0.get()))
            }
            Operation::ListMultipartUploads { after } => self.list_uploads(after.as_ref()),
            Operation::HeadObject => {
                let info = store.head_object(BUCKET, KEY)?;
                let mut response = with_checksum(ok(""), &info.etag, Some(info.crc64nvme));
                response.headers.set("content-length", info.size.to_string());
                response.headers.push("x-amz-checksum-type", "FULL_OBJECT");
                Ok(response)
            }
            Operation::HeadObjectPart { .. }
            | Operation::GetObjectAttributes { .. }
            | Operation::DeleteObject
            | Operation::Bucket(_) => panic!("no upload asks for {}", operation.name()),
        }
    }
}

impl SimulatedStore {
    fn list_parts(&self, upload_id: &str, after: Option<u32>) -> Result<Response, ModelError> {
        let page = self.model.list_parts(BUCKET, KEY, upload_id, after, self.list_page)?;
        let parts = page.parts.iter().map(|part| {
            format!(
                "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag><Size>{}</Size></Part>",
                part.number, part.etag, part.size
            )
        });
        let parts: String = parts.collect();
        let more = page.next.map_or(String::new(), |next| {
            format!(
                "<IsTruncated>true</IsTruncated><NextPartNumberMarker>{next}</NextPartNumberMarker>"
            )
        });
        Ok(ok(&format!("<ListPartsResult>{more}{parts}</ListPartsResult>")))
    }

    fn list_uploads(&self, after: Option<&UploadsMarker>) -> Result<Response, ModelError> {
        let key = after.map(|marker| marker.key.as_str());
        let id = after.map(|marker| marker.upload_id.as_str());
        let page = self.model.list_multipart_uploads(BUCKET, KEY, key, id, 1000)?;
        let uploads = page.uploads.iter().map(|upload| {
            let created = self.created.get(&upload.upload_id).copied().unwrap_or(0);
            format!(
                "<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{}</Initiated></Upload>",
                upload.key,
                upload.upload_id,
                date(created).to_rfc3339()
            )
        });
        let uploads: String = uploads.collect();
        Ok(ok(&format!("<ListMultipartUploadsResult>{uploads}</ListMultipartUploadsResult>")))
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

fn date(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a simulated run ends within millennia")
}
