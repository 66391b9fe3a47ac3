//! An answer of S3 to each operation: `OPERATION STATUS BYTES_SENT`, header fields, an empty line,
//! the body. Ten bytes were to be sent.

use std::sync::Arc;

use curlift::http::{Evidence, Headers, Report, Response};
use curlift::s3::{
    AbortRule, Addressing, BucketOperation, CompletedPart, Edit, Endpoint, Lifecycle, Object,
    Operation, PartNumber, Reply, UnfinishedUpload, UploadId,
};

use super::expect_printable;

const BYTES_EXPECTED: u64 = 10;

/// Reads the answer as the engine does, and judges what it makes of it.
pub(crate) fn answer(bytes: &[u8]) {
    let Some((operation, report)) = parse(bytes) else { return };
    match operation.reply(&report) {
        Ok(reply) => {
            let status = report.response.map(|response| response.status);
            // Which rules a bucket has is the one question that an error answers.
            let is_no_rules = matches!(reply, Reply::Lifecycle(None));
            let is_success = matches!(status, Some(200 | 204));
            assert!(is_success || is_no_rules, "{status:?} is believed: {reply:?}");
            assert!(report.evidence.bytes_sent >= BYTES_EXPECTED, "not all was sent: {reply:?}");
            expect_usable(reply);
        }
        Err(error) => {
            let error = error.to_string();
            expect_printable(&error);
            assert!(error.chars().count() < 2_000, "{error}");
        }
    }
}

/// What the answer gave us goes into the next request, and onto the terminal.
fn expect_usable(reply: Reply) {
    let etag = match reply {
        Reply::Created { upload_id } => return expect_sendable(upload_id),
        Reply::PartUploaded { etag, checksum } => {
            let number = PartNumber::from_index(0);
            let part = CompletedPart { number, etag: etag.clone(), checksum };
            let parts = Arc::from([part]);
            let upload_id = UploadId("u".into());
            let checksum = None;
            let complete =
                Operation::CompleteMultipartUpload { upload_id, parts, checksum, size: 10 };
            let request = complete.request(&endpoint(), &object());
            let curlift::http::Body::Bytes(body) = request.body else {
                panic!("a Complete has a document")
            };
            let document = String::from_utf8(body).expect("it is UTF-8");
            assert_eq!(document.matches('<').count(), document.matches('>').count());
            assert_eq!(document.matches("<Part>").count(), 1, "{document}");
            Some(etag)
        }
        Reply::PutObject { etag, .. } | Reply::Completed { etag, .. } => etag,
        Reply::Head(head) => head.etag,
        Reply::Parts(page) => {
            let next_is_new = page.next.is_none_or(|next| next.0.get() > 0);
            assert!(next_is_new);
            page.parts.into_iter().next().map(|part| part.etag)
        }
        Reply::Uploads(page) => {
            let has_id = |upload: &UnfinishedUpload| !upload.upload_id.0.trim().is_empty();
            assert!(page.uploads.iter().all(has_id), "{page:?}");
            None
        }
        Reply::Lifecycle(lifecycle) => {
            expect_editable(lifecycle.as_ref());
            None
        }
        Reply::Attributes(_) | Reply::Aborted | Reply::Deleted { .. } | Reply::BucketChanged => {
            None
        }
    };
    if let Some(etag) = etag {
        expect_printable(&etag.to_string());
        assert!(!etag.bare().is_empty());
    }
}

/// Our rule can be put into any configuration and taken out again.
fn expect_editable(lifecycle: Option<&Lifecycle>) {
    let rule = AbortRule::new("p&/", 2).expect("it is one");
    if let Ok(edit) = Edit::set(lifecycle, &rule) {
        let rules = lifecycle.map_or(0, |lifecycle| lifecycle.rules().len());
        assert!(edit.others <= rules && edit.others + 1 >= rules, "{edit:?}");
        expect_printable(&edit.after.map(|rule| rule.to_string()).unwrap_or_default());
    }
    let _ = Edit::remove(lifecycle, "");
}

/// The id stands in the URL of every part.
fn expect_sendable(upload_id: UploadId) {
    assert!(!upload_id.0.trim().is_empty());
    let number = PartNumber::from_index(0);
    let part = Operation::UploadPart { upload_id, number, offset: 0, length: 10 };
    let url = part.request(&endpoint(), &object()).url.to_string();
    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
    assert_eq!(url.matches('?').count(), 1, "{url}");
    assert_eq!(url.matches('&').count(), 1, "{url}");
}

fn endpoint() -> Endpoint {
    Endpoint::new("http://127.0.0.1:9000", Addressing::Path).expect("it is one")
}

fn object() -> Object {
    Object::parse("s3://bucket/key", None).expect("it is one")
}

/// Takes an input apart; `None` where it is not of the form above.
fn parse(bytes: &[u8]) -> Option<(Operation, Report)> {
    let (line, mut rest) = split_line(bytes)?;
    let mut words = line.split(' ');
    let operation = operation(words.next()?)?;
    let status = words.next()?.parse().ok().filter(|status| *status >= 200)?;
    let bytes_sent = words.next()?.parse().ok()?;
    let mut headers = Headers::new();
    let body = loop {
        let Some((line, after)) = split_line(rest) else { break rest };
        rest = after;
        match line.split_once(':') {
            Some((name, value)) => headers.push(name.trim(), value.trim()),
            None => break rest,
        }
    };
    let response = Some(Response { status, headers, body: body.to_vec() });
    let evidence = Evidence { bytes_sent, bytes_expected: BYTES_EXPECTED, ..Evidence::default() };
    Some((operation, Report { response, failure: None, evidence }))
}

/// The first line, as text as libcurl's callback reads it, and what follows.
fn split_line(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), &bytes[end + 1..]))
}

fn operation(name: &str) -> Option<Operation> {
    let upload_id = UploadId("u".into());
    let number = PartNumber::from_index(1);
    Some(match name {
        "put" => Operation::PutObject { settings: Arc::default(), length: BYTES_EXPECTED },
        "create" => Operation::CreateMultipartUpload { settings: Arc::default(), checksums: true },
        "part" => Operation::UploadPart { upload_id, number, offset: 0, length: BYTES_EXPECTED },
        "complete" => {
            let parts = Arc::new([]);
            let (checksum, size) = (None, BYTES_EXPECTED);
            Operation::CompleteMultipartUpload { upload_id, parts, checksum, size }
        }
        "abort" => Operation::AbortMultipartUpload { upload_id },
        "list" => Operation::ListParts { upload_id, after: Some(number) },
        "list-uploads" => Operation::ListMultipartUploads { after: None },
        "head" => Operation::HeadObject,
        "delete" => Operation::DeleteObject,
        "object-attributes" => Operation::GetObjectAttributes { after: Some(number) },
        "lifecycle" => Operation::Bucket(BucketOperation::GetLifecycle),
        _ => return None,
    })
}
