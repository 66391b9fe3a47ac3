//! The calls of the S3 API about a bucket as a whole, and the request each becomes.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};

use super::{Bucket, Endpoint, Lifecycle};
use crate::http::{Body, Headers, Method, Request};

/// One call about a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketOperation {
    /// Its lifecycle rules.
    GetLifecycle,
    /// Replaces all its lifecycle rules.
    PutLifecycle(Arc<Lifecycle>),
    /// Removes all its lifecycle rules.
    DeleteLifecycle,
}

/// Below which size objects are not moved to another storage class: a setting of the configuration
/// that is no part of its document. A PUT without it sets it back (API reference,
/// `PutBucketLifecycleConfiguration`).
pub(super) const TRANSITION_DEFAULT: &str = "x-amz-transition-default-minimum-object-size";

impl BucketOperation {
    /// S3's name of the call.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            BucketOperation::GetLifecycle => "GetBucketLifecycleConfiguration",
            BucketOperation::PutLifecycle(_) => "PutBucketLifecycleConfiguration",
            BucketOperation::DeleteLifecycle => "DeleteBucketLifecycle",
        }
    }

    /// What to say to `endpoint` about `bucket`.
    pub(super) fn request(&self, endpoint: &Endpoint, bucket: &Bucket) -> Request {
        let (method, headers, body) = match self {
            BucketOperation::GetLifecycle => (Method::Get, Headers::new(), Body::Empty),
            BucketOperation::PutLifecycle(lifecycle) => {
                let body = lifecycle.text().as_bytes().to_vec();
                (Method::Put, put_headers(lifecycle, &body), Body::Bytes(body))
            }
            BucketOperation::DeleteLifecycle => (Method::Delete, Headers::new(), Body::Empty),
        };
        Request { method, url: endpoint.bucket_url(bucket, &[("lifecycle", "")]), headers, body }
    }
}

/// S3 takes the document with a checksum only; Content-MD5 is the one that every store knows.
fn put_headers(lifecycle: &Lifecycle, body: &[u8]) -> Headers {
    let mut headers = Headers::new();
    headers.push("content-type", "application/xml");
    headers.push("content-md5", BASE64.encode(Md5::digest(body)));
    if let Some(size) = lifecycle.transition_default() {
        headers.push(TRANSITION_DEFAULT, size);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Report, Response};
    use crate::s3::{Addressing, Operation, Reply, S3Error};

    fn written(operation: &BucketOperation) -> Vec<String> {
        let endpoint = Endpoint::new("http://h:9000", Addressing::Auto).unwrap();
        let request = operation.request(&endpoint, &Bucket::new("bkt").unwrap());
        let mut lines = vec![format!("{} {}", request.method.as_str(), request.url)];
        lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.push(match request.body {
            Body::Empty => "empty".into(),
            Body::Bytes(bytes) => String::from_utf8(bytes).unwrap(),
            Body::FileRange { .. } => panic!("no file is sent"),
        });
        lines
    }

    #[test]
    fn reading_and_removing_have_no_body() {
        let url = "http://h:9000/bkt?lifecycle";
        assert_eq!(written(&BucketOperation::GetLifecycle), [&format!("GET {url}"), "empty"]);
        assert_eq!(written(&BucketOperation::DeleteLifecycle), [&format!("DELETE {url}"), "empty"]);
    }

    #[test]
    fn a_document_goes_with_its_md5_and_the_setting_beside_it() {
        let document = "<LifecycleConfiguration/>";
        let put = |transition_default: Option<&str>| {
            let lifecycle = Lifecycle::read(document, transition_default).unwrap();
            written(&BucketOperation::PutLifecycle(Arc::new(lifecycle)))
        };
        // printf '<LifecycleConfiguration/>' | openssl md5 -binary | base64
        let lines = [
            "PUT http://h:9000/bkt?lifecycle",
            "content-type: application/xml",
            "content-md5: j9VfG/p/L54O4f1X84gDLQ==",
        ];
        assert_eq!(put(None), [&lines[..], &[document]].concat());
        let setting = "x-amz-transition-default-minimum-object-size: varies_by_storage_class";
        assert_eq!(
            put(Some("varies_by_storage_class")),
            [&lines[..], &[setting, document]].concat()
        );
    }

    fn reply(
        operation: BucketOperation,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, S3Error> {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        let response = Response { status, headers: fields, body: body.as_bytes().to_vec() };
        let report = Report { response: Some(response), ..Report::default() };
        Operation::Bucket(operation).reply(&report)
    }

    #[test]
    fn rules_are_read_with_the_setting_beside_them() {
        let get = |headers| {
            reply(BucketOperation::GetLifecycle, 200, headers, "<LifecycleConfiguration/>")
        };
        let read = |setting| Lifecycle::read("<LifecycleConfiguration/>", setting).unwrap();
        assert_eq!(get(&[]), Ok(Reply::Lifecycle(Some(read(None)))));
        let setting = "varies_by_storage_class";
        assert_eq!(
            get(&[("X-Amz-Transition-Default-Minimum-Object-Size", setting)]),
            Ok(Reply::Lifecycle(Some(read(Some(setting)))))
        );
    }

    #[test]
    fn no_rules_are_an_answer_where_rules_were_asked_for_only() {
        let none = "<Error><Code>NoSuchLifecycleConfiguration</Code></Error>";
        let answered = |operation| reply(operation, 404, &[], none);
        assert_eq!(answered(BucketOperation::GetLifecycle), Ok(Reply::Lifecycle(None)));
        assert!(answered(BucketOperation::DeleteLifecycle).is_err());
        let no_bucket = none.replace("NoSuchLifecycleConfiguration", "NoSuchBucket");
        assert!(reply(BucketOperation::GetLifecycle, 404, &[], &no_bucket).is_err());
        assert!(reply(BucketOperation::GetLifecycle, 404, &[], "").is_err());
    }

    #[test]
    fn changes_are_answered_without_a_document() {
        let lifecycle = Arc::new(Lifecycle::read("<LifecycleConfiguration/>", None).unwrap());
        for operation in
            [BucketOperation::PutLifecycle(lifecycle), BucketOperation::DeleteLifecycle]
        {
            for status in [200, 204] {
                let changed = reply(operation.clone(), status, &[], "");
                assert_eq!(changed, Ok(Reply::BucketChanged), "{status}");
            }
            assert!(reply(operation.clone(), 202, &[], "").is_err());
            assert!(reply(operation, 200, &[], "<html>").is_err());
        }
    }
}
