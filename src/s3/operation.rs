//! The calls of the S3 API that we make, and the request each becomes.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{BucketOperation, Crc64Nvme, ETag, Endpoint, Object, ObjectSettings, attributes, xml};
use crate::http::{Body, Headers, Method, Request, Url};

/// A part number: 1 to 10,000 on Amazon S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PartNumber(pub NonZeroU32);

impl PartNumber {
    /// The number of the part at `index`, counted from 0.
    #[must_use]
    pub fn from_index(index: u32) -> PartNumber {
        PartNumber(NonZeroU32::MIN.saturating_add(index))
    }

    /// The place of the part in its upload, counted from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.0.get() - 1
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The id S3 gave to a multipart upload; any bytes, percent-encoded where it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(pub String);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A part as `CompleteMultipartUpload` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompletedPart {
    /// Its number.
    pub number: PartNumber,
    /// The ETag S3 answered with.
    pub etag: ETag,
    /// The checksum of its bytes, where the upload has one.
    pub checksum: Option<Crc64Nvme>,
}

/// One call of the S3 API. What travels is described by [`Operation::request`].
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The whole file in one request.
    PutObject {
        /// Headers of the object.
        settings: Arc<ObjectSettings>,
        /// Bytes of the file.
        length: u64,
    },
    /// Begins a multipart upload.
    CreateMultipartUpload {
        /// Headers of the object.
        settings: Arc<ObjectSettings>,
        /// Whether the parts will carry CRC64NVME checksums (`FULL_OBJECT`).
        checksums: bool,
    },
    /// One part.
    UploadPart {
        /// The upload it belongs to.
        upload_id: UploadId,
        /// Its number.
        number: PartNumber,
        /// Its first byte, counted from the start of the file.
        offset: u64,
        /// Its bytes.
        length: u64,
    },
    /// Turns the parts into the object.
    CompleteMultipartUpload {
        /// The upload.
        upload_id: UploadId,
        /// All parts, in order.
        parts: Arc<[CompletedPart]>,
        /// The checksum of the whole object, combined from the parts.
        checksum: Option<Crc64Nvme>,
        /// Size of the whole object, which S3 compares (`x-amz-mp-object-size`).
        size: u64,
    },
    /// Gives an upload up and frees its parts.
    AbortMultipartUpload {
        /// The upload.
        upload_id: UploadId,
    },
    /// One page of an upload's parts.
    ListParts {
        /// The upload.
        upload_id: UploadId,
        /// Where the page begins: the last number of the page before.
        after: Option<PartNumber>,
    },
    /// One page of the unfinished uploads to keys that begin with the object's.
    ListMultipartUploads {
        /// Where the page begins: the end of the page before.
        after: Option<UploadsMarker>,
    },
    /// Size, ETag and checksum of the stored object.
    HeadObject,
    /// The same of one of its parts.
    HeadObjectPart {
        /// Its number.
        number: PartNumber,
    },
    /// One page of the parts that the stored object was made of.
    GetObjectAttributes {
        /// Where the page begins: the last number of the page before.
        after: Option<PartNumber>,
    },
    /// Removes the object; in a bucket that keeps versions, hides it behind a marker.
    DeleteObject,
    /// A call about the object's bucket.
    Bucket(BucketOperation),
}

/// Where a page of `ListMultipartUploads` ends and the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UploadsMarker {
    /// `NextKeyMarker`.
    pub key: String,
    /// `NextUploadIdMarker`; empty where the store sent none.
    pub upload_id: String,
}

impl Operation {
    /// S3's name of the call, as it stands in fault rules, statistics and messages.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Operation::PutObject { .. } => "PutObject",
            Operation::CreateMultipartUpload { .. } => "CreateMultipartUpload",
            Operation::UploadPart { .. } => "UploadPart",
            Operation::CompleteMultipartUpload { .. } => "CompleteMultipartUpload",
            Operation::AbortMultipartUpload { .. } => "AbortMultipartUpload",
            Operation::ListParts { .. } => "ListParts",
            Operation::ListMultipartUploads { .. } => "ListMultipartUploads",
            Operation::HeadObject | Operation::HeadObjectPart { .. } => "HeadObject",
            Operation::GetObjectAttributes { .. } => "GetObjectAttributes",
            Operation::DeleteObject => "DeleteObject",
            Operation::Bucket(operation) => operation.name(),
        }
    }

    /// What to say to `endpoint` about `object`, unsigned and without payload headers
    /// (those are [`payload`](super::payload)'s).
    #[must_use]
    pub fn request(&self, endpoint: &Endpoint, object: &Object) -> Request {
        match self {
            Operation::PutObject { settings, length } => Request {
                method: Method::Put,
                url: endpoint.object_url(object, &[]),
                headers: object_headers(settings),
                body: Body::FileRange { offset: 0, length: *length },
            },
            Operation::CreateMultipartUpload { settings, checksums } => Request {
                method: Method::Post,
                url: endpoint.object_url(object, &[("uploads", "")]),
                headers: create_headers(settings, *checksums),
                body: Body::Empty,
            },
            Operation::UploadPart { upload_id, number, offset, length } => Request {
                method: Method::Put,
                url: endpoint.object_url(
                    object,
                    &[("partNumber", &number.to_string()), ("uploadId", &upload_id.0)],
                ),
                headers: Headers::new(),
                body: Body::FileRange { offset: *offset, length: *length },
            },
            Operation::CompleteMultipartUpload { upload_id, parts, checksum, size } => Request {
                method: Method::Post,
                url: endpoint.object_url(object, &[("uploadId", &upload_id.0)]),
                headers: complete_headers(*checksum, *size),
                body: Body::Bytes(xml::complete_multipart_upload(parts)),
            },
            Operation::AbortMultipartUpload { upload_id } => Request {
                method: Method::Delete,
                url: endpoint.object_url(object, &[("uploadId", &upload_id.0)]),
                headers: Headers::new(),
                body: Body::Empty,
            },
            Operation::ListParts { upload_id, after } => Request {
                method: Method::Get,
                url: list_parts_url(endpoint, object, upload_id, *after),
                headers: Headers::new(),
                body: Body::Empty,
            },
            Operation::ListMultipartUploads { after } => Request {
                method: Method::Get,
                url: list_uploads_url(endpoint, object, after.as_ref()),
                headers: Headers::new(),
                body: Body::Empty,
            },
            Operation::HeadObject => Request {
                method: Method::Head,
                url: endpoint.object_url(object, &[]),
                headers: checksum_mode(),
                body: Body::Empty,
            },
            Operation::HeadObjectPart { number } => Request {
                method: Method::Head,
                url: endpoint.object_url(object, &[("partNumber", &number.to_string())]),
                headers: checksum_mode(),
                body: Body::Empty,
            },
            Operation::GetObjectAttributes { after } => Request {
                method: Method::Get,
                url: endpoint.object_url(object, &[("attributes", "")]),
                headers: attributes::headers(*after),
                body: Body::Empty,
            },
            Operation::DeleteObject => Request {
                method: Method::Delete,
                url: endpoint.object_url(object, &[]),
                headers: Headers::new(),
                body: Body::Empty,
            },
            Operation::Bucket(operation) => operation.request(endpoint, &object.bucket),
        }
    }
}

/// The headers the object is to have.
fn object_headers(settings: &ObjectSettings) -> Headers {
    let mut headers = Headers::new();
    for (name, value) in settings.headers() {
        headers.push(name, value);
    }
    headers
}

/// An upload whose parts carry checksums must name algorithm and type at its creation.
fn create_headers(settings: &ObjectSettings, checksums: bool) -> Headers {
    let mut headers = object_headers(settings);
    if checksums {
        headers.push("x-amz-checksum-algorithm", "CRC64NVME");
        headers.push("x-amz-checksum-type", "FULL_OBJECT");
    }
    headers
}

fn complete_headers(checksum: Option<Crc64Nvme>, size: u64) -> Headers {
    let mut headers = Headers::new();
    headers.push("content-type", "application/xml");
    if let Some(checksum) = checksum {
        headers.push("x-amz-checksum-crc64nvme", checksum.to_base64());
        headers.push("x-amz-checksum-type", "FULL_OBJECT");
    }
    headers.push("x-amz-mp-object-size", size.to_string());
    headers
}

fn list_parts_url(
    endpoint: &Endpoint,
    object: &Object,
    upload_id: &UploadId,
    after: Option<PartNumber>,
) -> Url {
    let page = ("max-parts", "1000");
    let upload = ("uploadId", upload_id.0.as_str());
    match after {
        Some(number) => endpoint
            .object_url(object, &[page, ("part-number-marker", &number.to_string()), upload]),
        None => endpoint.object_url(object, &[page, upload]),
    }
}

fn list_uploads_url(endpoint: &Endpoint, object: &Object, after: Option<&UploadsMarker>) -> Url {
    // XML cannot have every character that a key can.
    let mut query = vec![("encoding-type", "url")];
    if let Some(UploadsMarker { key, upload_id }) = after {
        query.push(("key-marker", key.as_str()));
        query.push(("upload-id-marker", upload_id.as_str()));
    }
    query.push(("prefix", object.key.as_str()));
    query.push(("uploads", ""));
    endpoint.bucket_url(&object.bucket, &query)
}

/// Without it `HeadObject` does not tell the checksum.
fn checksum_mode() -> Headers {
    let mut headers = Headers::new();
    headers.push("x-amz-checksum-mode", "ENABLED");
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::{Addressing, ObjectSettingsInput};

    const UPLOAD_ID: &str = "2~a+b/c=.d_e-f%20ü";
    const UPLOAD_ID_ENCODED: &str = "2~a%2Bb%2Fc%3D.d_e-f%2520%C3%BC";

    fn settings() -> Arc<ObjectSettings> {
        let input = ObjectSettingsInput {
            content_type: Some("text/plain".into()),
            content_encoding: Some("gzip".into()),
            storage_class: Some("STANDARD_IA".into()),
            metadata: vec![("empty".into(), String::new()), ("Owner".into(), "me".into())],
            ..Default::default()
        };
        Arc::new(ObjectSettings::new(&input).unwrap())
    }

    /// The request as one reads it: request line, header lines, and what the body is.
    fn written(operation: &Operation) -> Vec<String> {
        let endpoint = Endpoint::new("http://h:9000", Addressing::Auto).unwrap();
        let object = Object::parse("s3://bkt/a b/../c", None).unwrap();
        let request = operation.request(&endpoint, &object);
        let mut lines = vec![format!("{} {}", request.method.as_str(), request.url)];
        lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(match request.body {
            Body::Empty => "empty".into(),
            Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Body::FileRange { offset, length } => format!("{offset}+{length}"),
        });
        lines
    }

    fn id() -> UploadId {
        UploadId(UPLOAD_ID.into())
    }

    const OBJECT_URL: &str = "http://h:9000/bkt/a%20b/../c";

    const SETTINGS: [&str; 5] = [
        "content-type: text/plain",
        "content-encoding: gzip",
        "x-amz-storage-class: STANDARD_IA",
        "x-amz-meta-empty: ",
        "x-amz-meta-owner: me",
    ];

    #[test]
    fn put_object() {
        let lines = written(&Operation::PutObject { settings: settings(), length: 7 });
        assert_eq!(lines[0], format!("PUT {OBJECT_URL}"));
        assert_eq!(lines[1..6], SETTINGS);
        assert_eq!(lines[6..], ["0+7"]);
        let empty = Operation::PutObject { settings: Arc::default(), length: 0 };
        assert_eq!(written(&empty), [format!("PUT {OBJECT_URL}"), "0+0".into()]);
    }

    #[test]
    fn create_multipart_upload() {
        let operation = Operation::CreateMultipartUpload { settings: settings(), checksums: true };
        let lines = written(&operation);
        assert_eq!(lines[0], format!("POST {OBJECT_URL}?uploads"));
        assert_eq!(lines[1..6], SETTINGS);
        assert_eq!(
            lines[6..],
            ["x-amz-checksum-algorithm: CRC64NVME", "x-amz-checksum-type: FULL_OBJECT", "empty"]
        );
        let plain = Operation::CreateMultipartUpload { settings: Arc::default(), checksums: false };
        assert_eq!(written(&plain), [format!("POST {OBJECT_URL}?uploads"), "empty".into()]);
    }

    #[test]
    fn upload_part() {
        let operation = Operation::UploadPart {
            upload_id: id(),
            number: PartNumber::from_index(9_999),
            offset: 5 << 40,
            length: 5 << 30,
        };
        assert_eq!(
            written(&operation),
            [
                format!("PUT {OBJECT_URL}?partNumber=10000&uploadId={UPLOAD_ID_ENCODED}"),
                "5497558138880+5368709120".into()
            ]
        );
    }

    #[test]
    fn complete_multipart_upload() {
        let part = |checksum| CompletedPart {
            number: PartNumber::from_index(0),
            etag: ETag("\"e\"".into()),
            checksum,
        };
        let complete = |checksum| Operation::CompleteMultipartUpload {
            upload_id: id(),
            parts: Arc::new([part(checksum)]),
            checksum,
            size: 12,
        };
        let body = |checksum| {
            format!(
                "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Part>\
                 <PartNumber>1</PartNumber><ETag>&quot;e&quot;</ETag>{checksum}</Part>\
                 </CompleteMultipartUpload>"
            )
        };
        let line = format!("POST {OBJECT_URL}?uploadId={UPLOAD_ID_ENCODED}");
        assert_eq!(
            written(&complete(Some(Crc64Nvme(0xae8b_1486_0a79_9888)))),
            [
                line.as_str(),
                "content-type: application/xml",
                "x-amz-checksum-crc64nvme: rosUhgp5mIg=",
                "x-amz-checksum-type: FULL_OBJECT",
                "x-amz-mp-object-size: 12",
                &body("<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>"),
            ]
        );
        assert_eq!(
            written(&complete(None)),
            [&line, "content-type: application/xml", "x-amz-mp-object-size: 12", &body("")]
        );
    }

    #[test]
    fn abort_multipart_upload() {
        let operation = Operation::AbortMultipartUpload { upload_id: id() };
        let line = format!("DELETE {OBJECT_URL}?uploadId={UPLOAD_ID_ENCODED}");
        assert_eq!(written(&operation), [line, "empty".into()]);
    }

    #[test]
    fn list_parts() {
        let list = |after| Operation::ListParts { upload_id: id(), after };
        let page = format!("GET {OBJECT_URL}?max-parts=1000");
        assert_eq!(
            written(&list(None)),
            [format!("{page}&uploadId={UPLOAD_ID_ENCODED}"), "empty".into()]
        );
        assert_eq!(
            written(&list(Some(PartNumber::from_index(999)))),
            [
                format!("{page}&part-number-marker=1000&uploadId={UPLOAD_ID_ENCODED}"),
                "empty".into()
            ]
        );
    }

    #[test]
    fn list_multipart_uploads() {
        let list = |after| Operation::ListMultipartUploads { after };
        let prefix = "prefix=a%20b%2F..%2Fc&uploads";
        assert_eq!(
            written(&list(None)),
            [format!("GET http://h:9000/bkt?encoding-type=url&{prefix}"), "empty".into()]
        );
        let marker = UploadsMarker { key: "a b/&".into(), upload_id: UPLOAD_ID.into() };
        let markers = format!("key-marker=a%20b%2F%26&upload-id-marker={UPLOAD_ID_ENCODED}");
        assert_eq!(
            written(&list(Some(marker))),
            [format!("GET http://h:9000/bkt?encoding-type=url&{markers}&{prefix}"), "empty".into()]
        );
    }

    #[test]
    fn head_object() {
        assert_eq!(
            written(&Operation::HeadObject),
            [&format!("HEAD {OBJECT_URL}"), "x-amz-checksum-mode: ENABLED", "empty"]
        );
        let part = Operation::HeadObjectPart { number: PartNumber::from_index(1) };
        let line = format!("HEAD {OBJECT_URL}?partNumber=2");
        assert_eq!(written(&part), [&line, "x-amz-checksum-mode: ENABLED", "empty"]);
    }

    #[test]
    fn delete_object() {
        let line = format!("DELETE {OBJECT_URL}");
        assert_eq!(written(&Operation::DeleteObject), [line, "empty".into()]);
    }

    #[test]
    fn get_object_attributes() {
        let lines = |after| written(&Operation::GetObjectAttributes { after });
        let line = format!("GET {OBJECT_URL}?attributes");
        let fields = [
            line.as_str(),
            "x-amz-max-parts: 1000",
            "x-amz-object-attributes: ETag,Checksum,ObjectParts,ObjectSize",
        ];
        assert_eq!(lines(None), [&fields[..], &["empty"]].concat());
        let next = Some(PartNumber::from_index(999));
        assert_eq!(
            lines(next),
            [&fields[..], &["x-amz-part-number-marker: 1000", "empty"]].concat()
        );
    }
}
