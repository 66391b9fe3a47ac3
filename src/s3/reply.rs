//! What S3 answered: a [`Reply`] that can be trusted, or an [`S3Error`] with everything S3 said.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    AttributesPage, BucketOperation, Crc64Nvme, Lifecycle, Operation, PartNumber, StoredChecksum,
    UnixTime, UploadId, UploadsMarker, refusal, success,
};
use crate::http::{Evidence, Report, TransportFailure, TransportFailureKind};

/// An ETag as S3 wrote it, quotes included where it sent them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(pub String);

impl ETag {
    /// The text without quotes and weak marker, for comparison.
    #[must_use]
    pub fn bare(&self) -> &str {
        self.0.trim_start_matches("W/").trim_matches('"')
    }

    /// The MD5 it says, where it can be one: so it is for what was sent in one piece, unless it is
    /// encrypted with KMS or with a customer's key.
    #[must_use]
    pub fn md5(&self) -> Option<[u8; 16]> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(self.bare(), &mut bytes).ok()?;
        Some(bytes)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A part as `ListParts` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its bytes.
    pub size: u64,
    /// Its ETag.
    pub etag: ETag,
    /// Its CRC64NVME, where the store kept one.
    pub checksum: Option<Crc64Nvme>,
}

/// One page of `ListParts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartsPage {
    /// The parts of the page.
    pub parts: Vec<UploadedPart>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PartNumber>,
    /// The algorithm of the checksums that the upload's parts carry, where the store told one.
    pub checksum_algorithm: Option<String>,
}

/// An upload as `ListMultipartUploads` reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The key it would write.
    pub key: String,
    /// The key as it was written, where it was decoded: some stores say that they encode keys, and
    /// do not.
    pub key_written: Option<String>,
    /// Its id.
    pub upload_id: UploadId,
    /// When it was created, by the store's clock, where that could be read.
    pub initiated: Option<UnixTime>,
    /// The storage class that its parts are billed by, where the store tells.
    pub storage_class: Option<String>,
}

/// One page of `ListMultipartUploads`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadsPage {
    /// The uploads of the page.
    pub uploads: Vec<UnfinishedUpload>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<UploadsMarker>,
    /// When the store answered, by its own clock.
    pub date: Option<UnixTime>,
}

/// What `HeadObject` tells of the stored object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// Its bytes.
    pub size: u64,
    /// Its ETag, where the store sent one.
    pub etag: Option<ETag>,
    /// Its full-object CRC64NVME, where the store keeps one.
    pub checksum: Option<Crc64Nvme>,
    /// All its checksums, the strongest first.
    pub checksums: Vec<StoredChecksum>,
    /// Parts it was made of (`x-amz-mp-parts-count`), told where one part was asked for.
    pub parts: Option<u32>,
    /// Whether it is encrypted so that its ETag is no MD5 (SSE-KMS, SSE-C).
    pub hides_md5: bool,
}

/// A success that was checked to be one: right status, whole body, right root element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The object is stored.
    PutObject {
        /// Its ETag.
        etag: Option<ETag>,
        /// Its checksum as the store computed it.
        checksum: Option<Crc64Nvme>,
    },
    /// The upload exists.
    Created {
        /// Its id.
        upload_id: UploadId,
    },
    /// The part is stored.
    PartUploaded {
        /// Its ETag; an answer without one is a failure.
        etag: ETag,
        /// Its checksum as the store computed it.
        checksum: Option<Crc64Nvme>,
    },
    /// The object is stored.
    Completed {
        /// Its ETag; some stores send none here.
        etag: Option<ETag>,
        /// Its full-object checksum as the store computed it.
        checksum: Option<Crc64Nvme>,
    },
    /// The upload is gone.
    Aborted,
    /// One page of parts.
    Parts(PartsPage),
    /// One page of unfinished uploads.
    Uploads(UploadsPage),
    /// The object exists.
    Head(ObjectHead),
    /// One page of an object's parts.
    Attributes(AttributesPage),
    /// The bucket's lifecycle rules; `None` where it has none.
    Lifecycle(Option<Lifecycle>),
    /// There is no object of this key any more.
    Deleted {
        /// Whether the bucket keeps versions, and so its bytes (`x-amz-delete-marker`).
        is_kept: bool,
    },
    /// What was asked of the bucket is done.
    BucketChanged,
}

/// Why an exchange was not a success, with all the evidence in words.
#[derive(Debug, Clone, PartialEq)]
pub enum S3Error {
    /// S3 answered with an error, inside a 200 or not.
    Answered {
        /// The HTTP status.
        status: u16,
        /// S3's code, such as `SlowDown`; empty where the answer had none (HEAD, proxies).
        code: String,
        /// S3's message, or the printable start of a body that is not S3's.
        message: String,
        /// `x-amz-request-id`.
        request_id: Option<String>,
        /// How long the server asks us to wait.
        retry_after: Option<RetryAfter>,
        /// The region S3 names (`x-amz-bucket-region`, `<Region>`).
        region: Option<String>,
        /// Where a redirect leads (`Location`, `<Endpoint>`), without its path: a request is never
        /// sent to a path that it was not signed for.
        location: Option<String>,
    },
    /// There was no answer that can be used.
    Transport(TransportFailure),
    /// An answer that claims success but cannot be trusted: cut, not XML, without ETag, sent
    /// before the whole body had been.
    Unusable {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: String,
    },
}

#[cfg(test)]
impl S3Error {
    /// A refusal for tests, that says no more than status and code.
    pub(crate) fn refused(status: u16, code: &str) -> S3Error {
        S3Error::Answered {
            status,
            code: code.into(),
            message: String::new(),
            request_id: None,
            retry_after: None,
            region: None,
            location: None,
        }
    }
}

/// How long a server asks its client to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// `Retry-After` (RFC 9110, section 10.2.3), a date already turned into a delay.
    Http(Duration),
    /// `x-amz-retry-after`, which the AWS SDKs honour within five seconds of their own backoff.
    Amazon(Duration),
}

impl Operation {
    /// What the answer to this operation means. Trusts a success only when the status is right,
    /// the document whole, its root element the expected one, and the whole body had been sent.
    ///
    /// # Errors
    /// [`S3Error`] for everything else; S3's own words first, the transport failure second.
    pub fn reply(&self, report: &Report) -> Result<Reply, S3Error> {
        let Some(response) = &report.response else {
            return Err(S3Error::Transport(report.failure.clone().unwrap_or_else(no_answer)));
        };
        if let Some(refused) = refusal::read(response) {
            return if self.means_no_rules(&refused) {
                Ok(Reply::Lifecycle(None))
            } else {
                Err(refused)
            };
        }
        if let Some(failure) = &report.failure {
            return Err(S3Error::Transport(failure.clone()));
        }
        let unusable = |reason| S3Error::Unusable { status: response.status, reason };
        let Evidence { bytes_sent, bytes_expected, .. } = report.evidence;
        if bytes_sent < bytes_expected {
            return Err(unusable(format!(
                "it came when {bytes_sent} of {bytes_expected} bytes had been sent"
            )));
        }
        success::read(self, response).map_err(unusable)
    }

    /// A bucket without rules answers with an error.
    fn means_no_rules(&self, refused: &S3Error) -> bool {
        matches!(self, Operation::Bucket(BucketOperation::GetLifecycle))
            && matches!(refused, S3Error::Answered { code, .. }
                if code == "NoSuchLifecycleConfiguration")
    }
}

/// libcurl once reported success without any answer (curl issue 2801): to us that is a connection
/// that ended before one.
fn no_answer() -> TransportFailure {
    TransportFailure {
        kind: TransportFailureKind::Reset,
        message: "the connection ended without an answer".into(),
    }
}

impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            S3Error::Answered { status, code, message, request_id, .. } => {
                match code.as_str() {
                    "" => write!(f, "HTTP {status}")?,
                    code => write!(f, "{code} (HTTP {status})")?,
                }
                if !message.is_empty() {
                    write!(f, ": {message}")?;
                }
                match request_id {
                    Some(id) => write!(f, " [request id {id}]"),
                    None => Ok(()),
                }
            }
            S3Error::Transport(failure) => f.write_str(&failure.message),
            S3Error::Unusable { status, reason } => {
                write!(f, "the answer (HTTP {status}) cannot be used: {reason}")
            }
        }
    }
}

impl std::error::Error for S3Error {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::http::{Headers, Response};
    use crate::s3::{ChecksumAlgorithm, CompletedPart};

    const CREATED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <InitiateMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Bucket>bkt</Bucket><Key>k</Key><UploadId>2~a&amp;b/=</UploadId>\
        </InitiateMultipartUploadResult>";

    const COMPLETED: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <CompleteMultipartUploadResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Location>http://h/bkt/k</Location><Bucket>bkt</Bucket><Key>k</Key>\
        <ETag>&quot;abc-2&quot;</ETag><ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>\
        <ChecksumType>FULL_OBJECT</ChecksumType></CompleteMultipartUploadResult>";

    const PARTS: &str = "<ListPartsResult><Bucket>bkt</Bucket><Owner><ID>Part</ID></Owner>\
        <IsTruncated>true</IsTruncated><NextPartNumberMarker>3</NextPartNumberMarker>\
        <Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag><Size>5</Size>\
        <ChecksumCRC64NVME>AAAAAAAAAAE=</ChecksumCRC64NVME></Part>\
        <Part><Size>6</Size><LastModified>x</LastModified><ETag>b</ETag>\
        <PartNumber>3</PartNumber></Part></ListPartsResult>";

    const UPLOADS: &str = "<ListMultipartUploadsResult><Bucket>bkt</Bucket>\
        <NextKeyMarker>a&amp;b</NextKeyMarker><NextUploadIdMarker>2</NextUploadIdMarker>\
        <IsTruncated>true</IsTruncated><Upload><Key>a</Key><UploadId>1</UploadId>\
        <Initiator><ID>Key</ID></Initiator><Initiated>1994-11-06T08:49:37.000Z</Initiated>\
        <StorageClass>STANDARD_IA</StorageClass></Upload>\
        <Upload><Key>a&amp;b</Key><UploadId>2</UploadId><Initiated>?</Initiated>\
        <StorageClass>no class</StorageClass></Upload>\
        </ListMultipartUploadsResult>";

    const ERROR: &str = "<Error><Code>InternalError</Code><Message>m</Message></Error>";

    const PAGE: &str = "<!DOCTYPE html><html><body>Log in to the hotel</body></html>";

    fn id() -> UploadId {
        UploadId("u".into())
    }

    fn put_object() -> Operation {
        Operation::PutObject { settings: Arc::default(), length: 10 }
    }

    fn create() -> Operation {
        Operation::CreateMultipartUpload { settings: Arc::default(), checksums: true }
    }

    fn upload_part() -> Operation {
        let number = PartNumber::from_index(0);
        Operation::UploadPart { upload_id: id(), number, offset: 0, length: 10 }
    }

    fn complete() -> Operation {
        let parts: [CompletedPart; 0] = [];
        let parts = Arc::new(parts);
        Operation::CompleteMultipartUpload { upload_id: id(), parts, checksum: None, size: 10 }
    }

    fn abort() -> Operation {
        Operation::AbortMultipartUpload { upload_id: id() }
    }

    fn list(after: Option<u32>) -> Operation {
        Operation::ListParts { upload_id: id(), after: after.map(PartNumber::from_index) }
    }

    fn list_uploads(after: Option<UploadsMarker>) -> Operation {
        Operation::ListMultipartUploads { after }
    }

    fn all_operations() -> [Operation; 14] {
        [
            put_object(),
            create(),
            upload_part(),
            complete(),
            abort(),
            list(None),
            list_uploads(None),
            Operation::HeadObject,
            Operation::HeadObjectPart { number: PartNumber::from_index(0) },
            Operation::GetObjectAttributes { after: None },
            Operation::DeleteObject,
            Operation::Bucket(BucketOperation::GetLifecycle),
            Operation::Bucket(BucketOperation::PutLifecycle(Arc::new(lifecycle()))),
            Operation::Bucket(BucketOperation::DeleteLifecycle),
        ]
    }

    fn lifecycle() -> Lifecycle {
        Lifecycle::read("<LifecycleConfiguration/>", None).unwrap()
    }

    fn stored() -> StoredChecksum {
        let value = crc().0.to_be_bytes().to_vec();
        StoredChecksum { algorithm: ChecksumAlgorithm::Crc64Nvme, value, is_composite: false }
    }

    fn answer(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Report {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        let response = Response { status, headers: fields, body: body.as_ref().to_vec() };
        let evidence = Evidence { bytes_sent: 10, bytes_expected: 10, ..Default::default() };
        Report { response: Some(response), failure: None, evidence }
    }

    fn reset() -> TransportFailure {
        TransportFailure { kind: TransportFailureKind::Reset, message: "broken pipe".into() }
    }

    fn crc() -> Crc64Nvme {
        Crc64Nvme(0xae8b_1486_0a79_9888)
    }

    /// An answer each operation must believe.
    fn success_of(operation: &Operation) -> Report {
        match operation {
            Operation::PutObject { .. } | Operation::UploadPart { .. } => {
                answer(200, &[("etag", "\"e\"")], "")
            }
            Operation::CreateMultipartUpload { .. } => answer(200, &[], CREATED),
            Operation::CompleteMultipartUpload { .. } => answer(200, &[], COMPLETED),
            Operation::AbortMultipartUpload { .. }
            | Operation::DeleteObject
            | Operation::Bucket(BucketOperation::DeleteLifecycle) => answer(204, &[], ""),
            Operation::ListParts { .. } => answer(200, &[], PARTS),
            Operation::ListMultipartUploads { .. } => answer(200, &[], UPLOADS),
            Operation::HeadObject => answer(200, &[("content-length", "10")], ""),
            Operation::HeadObjectPart { .. } => answer(206, &[("content-length", "10")], ""),
            Operation::GetObjectAttributes { .. } => {
                answer(200, &[], "<GetObjectAttributesResponse/>")
            }
            Operation::Bucket(BucketOperation::GetLifecycle) => {
                answer(200, &[], "<LifecycleConfiguration/>")
            }
            Operation::Bucket(BucketOperation::PutLifecycle(_)) => answer(200, &[], ""),
        }
    }

    #[test]
    fn successes_are_read() {
        let sent = [("etag", "\"e\""), ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=")];
        let etag = || ETag("\"e\"".into());
        let cases = [
            (
                put_object(),
                answer(200, &sent, "\n"),
                Reply::PutObject { etag: Some(etag()), checksum: Some(crc()) },
            ),
            (
                put_object(),
                answer(200, &[("x-amz-request-id", "r")], ""),
                Reply::PutObject { etag: None, checksum: None },
            ),
            (
                upload_part(),
                answer(200, &sent, ""),
                Reply::PartUploaded { etag: etag(), checksum: Some(crc()) },
            ),
            (
                upload_part(),
                answer(200, &[("etag", "bare"), ("x-amz-checksum-crc64nvme", "!")], ""),
                Reply::PartUploaded { etag: ETag("bare".into()), checksum: None },
            ),
            (
                create(),
                answer(200, &[], CREATED),
                Reply::Created { upload_id: UploadId("2~a&b/=".into()) },
            ),
            (
                complete(),
                answer(200, &[], format!("\n \n  {COMPLETED}\n")),
                Reply::Completed { etag: Some(ETag("\"abc-2\"".into())), checksum: Some(crc()) },
            ),
            (
                complete(),
                answer(
                    200,
                    &sent[1..],
                    "<CompleteMultipartUploadResult><ETag/></CompleteMultipartUploadResult>",
                ),
                Reply::Completed { etag: None, checksum: Some(crc()) },
            ),
            (
                complete(),
                answer(
                    200,
                    &[],
                    "<CompleteMultipartUploadResult><ETag>\"\"</ETag></CompleteMultipartUploadResult>",
                ),
                Reply::Completed { etag: None, checksum: None },
            ),
            (abort(), answer(204, &[], ""), Reply::Aborted),
            (
                Operation::DeleteObject,
                answer(204, &[("X-Amz-Delete-Marker", "true")], ""),
                Reply::Deleted { is_kept: true },
            ),
            (Operation::DeleteObject, answer(200, &[], ""), Reply::Deleted { is_kept: false }),
            (
                Operation::HeadObject,
                answer(200, &[("Content-Length", "5"), sent[0], sent[1]], ""),
                Reply::Head(ObjectHead {
                    size: 5,
                    etag: Some(etag()),
                    checksum: Some(crc()),
                    checksums: vec![stored()],
                    ..ObjectHead::default()
                }),
            ),
            (
                Operation::HeadObject,
                answer(200, &[("content-length", "0"), ("etag", "")], ""),
                Reply::Head(ObjectHead::default()),
            ),
        ];
        for (operation, report, expected) in cases {
            assert_eq!(operation.reply(&report), Ok(expected), "{operation:?}");
        }
    }

    #[test]
    fn pages_of_parts_are_read() {
        let part = |index, size, etag: &str, checksum| UploadedPart {
            number: PartNumber::from_index(index),
            size,
            etag: ETag(etag.into()),
            checksum,
        };
        let parts = || vec![part(0, 5, "\"a\"", Some(Crc64Nvme(1))), part(2, 6, "b", None)];
        let three = Some(PartNumber::from_index(2));
        let cases = [
            (PARTS.to_owned(), three),
            (PARTS.replace("<NextPartNumberMarker>3</NextPartNumberMarker>", ""), three),
            (PARTS.replace("<IsTruncated>true</IsTruncated>", ""), None),
            (PARTS.replace(">true<", "> false <"), None),
        ];
        for (body, next) in cases {
            let expected =
                Ok(Reply::Parts(PartsPage { parts: parts(), next, checksum_algorithm: None }));
            assert_eq!(list(Some(0)).reply(&answer(200, &[], &body)), expected, "{body}");
        }
        let empty =
            Ok(Reply::Parts(PartsPage { parts: vec![], next: None, checksum_algorithm: None }));
        assert_eq!(list(None).reply(&answer(200, &[], "<ListPartsResult/>")), empty);
    }

    #[test]
    fn pages_of_unfinished_uploads_are_read() {
        let upload = |key: &str, id: &str, initiated| UnfinishedUpload {
            key: key.into(),
            key_written: None,
            upload_id: UploadId(id.into()),
            initiated,
            storage_class: (id == "1").then(|| "STANDARD_IA".into()),
        };
        let uploads =
            || vec![upload("a", "1", Some(UnixTime(784_111_777))), upload("a&b", "2", None)];
        let end = UploadsMarker { key: "a&b".into(), upload_id: "2".into() };
        let key_marker = "<NextKeyMarker>a&amp;b</NextKeyMarker>";
        let cases = [
            (UPLOADS.to_owned(), Some(end.clone())),
            // SeaweedFS names no key.
            (UPLOADS.replace(key_marker, ""), Some(end.clone())),
            (UPLOADS.replace(">true<", ">false<"), None),
        ];
        for (body, next) in cases {
            let expected = Ok(Reply::Uploads(UploadsPage { uploads: uploads(), next, date: None }));
            assert_eq!(list_uploads(None).reply(&answer(200, &[], &body)), expected, "{body}");
        }
        let encoded = UPLOADS
            .replace("a&amp;b", "a+%2B%0A%C3%BC")
            .replace("<IsTruncated>", "<EncodingType>url</EncodingType><IsTruncated>");
        let page = list_uploads(None).reply(&answer(200, &[], &encoded));
        let Ok(Reply::Uploads(page)) = page else { panic!("{page:?}") };
        assert_eq!(
            (page.uploads[0].key.as_str(), page.uploads[1].key.as_str()),
            ("a", "a +\n\u{fc}")
        );
        assert_eq!(page.next.unwrap().key, "a +\n\u{fc}");
        let written: Vec<_> = page.uploads.into_iter().map(|upload| upload.key_written).collect();
        assert_eq!(written, [None, Some("a+%2B%0A%C3%BC".to_owned())]);
        // SeaweedFS says so, and writes keys as they are.
        for key in ["a+ b", "a+%", "a+\u{fc}", "a+&lt;"] {
            let lied = UPLOADS
                .replace("a&amp;b", key)
                .replace("<IsTruncated>", "<EncodingType>url</EncodingType><IsTruncated>");
            let page = list_uploads(None).reply(&answer(200, &[], &lied));
            let Ok(Reply::Uploads(page)) = page else { panic!("{page:?}") };
            assert_eq!(page.uploads[1].key, key.replace("&lt;", "<"));
        }
        for body in [
            encoded.replace("%C3", "%FF"),
            UPLOADS.replace("<UploadId>1</UploadId>", ""),
            UPLOADS.replace("<Key>a</Key>", ""),
            UPLOADS.replace(">true<", ">perhaps<"),
        ] {
            let reply = list_uploads(None).reply(&answer(200, &[], &body));
            assert!(matches!(reply, Err(S3Error::Unusable { .. })), "{body}: {reply:?}");
        }
        let again = list_uploads(Some(end)).reply(&answer(200, &[], UPLOADS));
        assert!(matches!(again, Err(S3Error::Unusable { .. })), "it would never end: {again:?}");
    }

    #[test]
    fn what_claims_success_but_cannot_be_trusted_is_unusable() {
        let etag = [("etag", "\"e\"")];
        let truncated = "<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>";
        let cases = [
            (upload_part(), answer(200, &[], ""), "no ETag"),
            (upload_part(), answer(200, &[("etag", "\"\"")], ""), "no ETag"),
            (upload_part(), answer(200, &[("etag", "\"\u{9b}2J\"")], ""), "no ETag"),
            (upload_part(), answer(200, &etag, PAGE), "has a body"),
            (upload_part(), answer(200, &etag, PAGE), "; it begins: <!DOCTYPE html><html><body>"),
            (upload_part(), answer(204, &etag, ""), "its status is 204, not 200"),
            (upload_part(), answer(100, &etag, ""), "its status is 100"),
            (put_object(), answer(200, &etag, PAGE), "has a body"),
            (put_object(), answer(200, &[("server", "portal")], ""), "neither an ETag nor"),
            (put_object(), answer(201, &etag, ""), "its status is 201"),
            (put_object(), answer(204, &etag, ""), "its status is 204"),
            (create(), answer(200, &[], ""), "it is empty"),
            (create(), answer(200, &[], PAGE), "document type"),
            (create(), answer(200, &[], "<html/>"), "is not InitiateMultipartUploadResult"),
            (create(), answer(200, &[], COMPLETED), "is not InitiateMultipartUploadResult"),
            (create(), answer(200, &[], CREATED.replace("2~a&amp;b/=", " ")), "no UploadId"),
            (create(), answer(200, &[], format!("{CREATED}{CREATED}")), "more than one root"),
            (complete(), answer(200, &[], "   \n"), "it is empty"),
            (complete(), answer(200, &[], PAGE), "document type"),
            (complete(), answer(202, &[], COMPLETED), "its status is 202"),
            (complete(), answer(200, &[], "<Error/>"), "is not CompleteMultipartUploadResult"),
            (abort(), answer(200, &[], ""), "its status is 200, not 204"),
            (abort(), answer(204, &[], PAGE), "has a body"),
            (Operation::DeleteObject, answer(202, &[], ""), "its status is 202, not 204"),
            (Operation::DeleteObject, answer(200, &[], PAGE), "has a body"),
            (list(None), answer(200, &[], PAGE), "document type"),
            (list(None), answer(200, &[], truncated), "no beginning"),
            (list(Some(2)), answer(200, &[], PARTS), "begin where this one did"),
            (list(None), answer(200, &[], PARTS.replace(">true<", ">yes<")), "IsTruncated"),
            (list(None), answer(200, &[], PARTS.replace("<Size>6</Size>", "")), "1 of its parts"),
            (list(None), answer(200, &[], PARTS.replace(">1</P", ">0</P")), "1 of its parts"),
            (Operation::HeadObject, answer(200, &etag, ""), "Content-Length"),
            (Operation::HeadObject, answer(200, &[("content-length", "-1")], ""), "Content-Length"),
        ];
        for (operation, report, expected) in cases {
            match operation.reply(&report) {
                Err(S3Error::Unusable { status, reason }) => {
                    assert_eq!(Some(status), report.response.map(|response| response.status));
                    assert!(reason.contains(expected), "{expected}: {reason}");
                }
                other => panic!("{operation:?} {report:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_answer_ahead_of_the_whole_body_is_no_success() {
        for operation in all_operations() {
            let mut report = success_of(&operation);
            assert!(operation.reply(&report).is_ok(), "{operation:?}");
            report.evidence.bytes_sent = 9;
            let reply = operation.reply(&report);
            assert!(
                matches!(&reply, Err(S3Error::Unusable { reason, .. })
                    if reason == "it came when 9 of 10 bytes had been sent"),
                "{reply:?}"
            );
        }
    }

    #[test]
    fn s3s_words_come_before_the_transports() {
        for operation in all_operations() {
            for body in [ERROR, PAGE, "", &ERROR[..30]] {
                let mut report = answer(403, &[], body);
                report.failure = Some(reset());
                report.evidence.bytes_sent = 3;
                let reply = operation.reply(&report);
                assert!(
                    matches!(reply, Err(S3Error::Answered { status: 403, .. })),
                    "{operation:?}: {reply:?}"
                );
            }
            let mut report = success_of(&operation);
            report.failure = Some(reset());
            assert_eq!(operation.reply(&report), Err(S3Error::Transport(reset())));
            let nothing = Report { failure: Some(reset()), ..Default::default() };
            assert_eq!(operation.reply(&nothing), Err(S3Error::Transport(reset())));
            assert!(matches!(
                operation.reply(&Report::default()),
                Err(S3Error::Transport(TransportFailure { kind: TransportFailureKind::Reset, .. }))
            ));
        }
    }

    #[test]
    fn an_error_inside_a_success_is_an_error() {
        for operation in all_operations() {
            for failure in [None, Some(reset())] {
                let mut report = answer(200, &[("etag", "e")], format!(" \n{ERROR}"));
                report.failure = failure;
                let reply = operation.reply(&report);
                assert!(
                    matches!(&reply, Err(S3Error::Answered { status: 200, code, .. })
                        if code == "InternalError"),
                    "{operation:?}: {reply:?}"
                );
            }
        }
    }

    #[test]
    fn a_document_cut_anywhere_is_no_success() {
        for (operation, document) in [
            (create(), CREATED),
            (complete(), COMPLETED),
            (list(None), PARTS),
            (list_uploads(None), UPLOADS),
        ] {
            for length in 0..document.len() {
                let reply = operation.reply(&answer(200, &[], &document[..length]));
                assert!(matches!(reply, Err(S3Error::Unusable { .. })), "{length}: {reply:?}");
            }
            assert!(operation.reply(&answer(200, &[], document)).is_ok());
        }
        for length in 0..=ERROR.len() {
            let reply = complete().reply(&answer(200, &[], &ERROR[..length]));
            assert!(reply.is_err(), "{length}: {reply:?}");
        }
    }

    #[test]
    fn an_error_says_what_s3_said() {
        let report = answer(403, &[("x-amz-request-id", "R")], ERROR);
        let error = put_object().reply(&report).expect_err("403");
        assert_eq!(error.to_string(), "InternalError (HTTP 403): m [request id R]");
        let error = Operation::HeadObject.reply(&answer(404, &[], "")).expect_err("404");
        assert_eq!(error.to_string(), "HTTP 404");
        let error = upload_part().reply(&answer(200, &[], "")).expect_err("no ETag");
        assert_eq!(error.to_string(), "the answer (HTTP 200) cannot be used: it has no ETag");
        assert_eq!(S3Error::Transport(reset()).to_string(), "broken pipe");
    }

    proptest! {
        #[test]
        fn any_upload_id_is_read_as_it_was_written(id in "\\PC{1,40}") {
            prop_assume!(!id.trim().is_empty() && !id.contains(crate::s3::drives_a_terminal));
            let body = CREATED.replace("2~a&amp;b/=", &quick_xml::escape::escape(id.as_str()));
            let expected = Ok(Reply::Created { upload_id: UploadId(id) });
            prop_assert_eq!(create().reply(&answer(200, &[], body)), expected);
        }

        #[test]
        fn no_answer_panics_and_no_strange_body_is_a_success(
            status in any::<u16>(),
            body in prop::collection::vec(any::<u8>(), 1..100),
        ) {
            prop_assume!(!body.trim_ascii().is_empty());
            for operation in all_operations().iter().filter(|o| o.name() != "HeadObject") {
                let reply = operation.reply(&answer(status, &[("etag", "e")], &body));
                prop_assert!(reply.is_err(), "{:?}", reply);
            }
        }

        #[test]
        fn no_damaged_document_panics(at in 0..PARTS.len(), byte in any::<u8>()) {
            let mut body = PARTS.as_bytes().to_vec();
            body[at] = byte;
            let _ = list(None).reply(&answer(200, &[], body));
        }
    }
}
