//! Which S3 operation a request is, by its method, its query and where its bucket stands. Pure.
//! Only for fault rules and the tally: `s3s` routes requests by itself.

use http::Method;

/// A request as fault rules see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recognised {
    /// S3's name of the operation, or `Other`.
    pub(super) operation: &'static str,
    /// The part number in the query.
    pub(super) part: Option<u32>,
}

/// The domains below which a bucket may stand in the host name.
const DOMAINS: [&str; 2] = ["localhost", "s3.local"];

/// The bucket in front of one of the lab's domains; `None` is path style.
pub(super) fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    DOMAINS.iter().find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'))
}

/// Recognises the request to `path` at `host`.
pub(super) fn recognise(method: &Method, host: &str, path: &str, query: &str) -> Recognised {
    let place = Place::of(host, path);
    let has = |name: &str| parameter(query, name).is_some();
    let operation = match (method.as_str(), place) {
        ("PUT", Place::Object) if has("uploadId") && has("partNumber") => "UploadPart",
        ("PUT", Place::Object) if !has("tagging") && !has("acl") => "PutObject",
        ("POST", Place::Object) if has("uploads") => "CreateMultipartUpload",
        ("POST", Place::Object) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", Place::Object) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", Place::Object) => "DeleteObject",
        ("GET", Place::Object) if has("uploadId") => "ListParts",
        ("GET", Place::Object) if has("attributes") => "GetObjectAttributes",
        ("GET", Place::Object) if !has("tagging") && !has("acl") => "GetObject",
        ("HEAD", Place::Object) => "HeadObject",
        ("GET", Place::Bucket) if has("uploads") => "ListMultipartUploads",
        ("GET", Place::Bucket) if has("lifecycle") => "GetBucketLifecycleConfiguration",
        ("PUT", Place::Bucket) if has("lifecycle") => "PutBucketLifecycleConfiguration",
        ("DELETE", Place::Bucket) if has("lifecycle") => "DeleteBucketLifecycle",
        ("GET", Place::Bucket) if has("location") => "GetBucketLocation",
        ("GET", Place::Bucket) if has("list-type") => "ListObjectsV2",
        ("PUT", Place::Bucket) if query.is_empty() => "CreateBucket",
        ("HEAD", Place::Bucket) => "HeadBucket",
        ("GET", Place::Root) => "ListBuckets",
        _ => "Other",
    };
    Recognised { operation, part: parameter(query, "partNumber").and_then(|n| n.parse().ok()) }
}

/// The raw value of a query parameter, empty where it has none.
pub(super) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// What a request is about.
#[derive(Clone, Copy)]
enum Place {
    Root,
    Bucket,
    Object,
}

impl Place {
    fn of(host: &str, path: &str) -> Place {
        let path = path.trim_start_matches('/');
        let key = match bucket_of_host(host) {
            Some(_) => path,
            None if path.is_empty() => return Place::Root,
            None => path.split_once('/').map_or("", |(_, key)| key),
        };
        if key.is_empty() { Place::Bucket } else { Place::Object }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::faults::OPERATIONS;

    const TABLE: [(&str, &str, &str, &str); 21] = [
        ("PUT", "/lab/k", "", "PutObject"),
        ("PUT", "/lab/k", "partNumber=7&uploadId=a%2F", "UploadPart"),
        ("POST", "/lab/k", "uploads", "CreateMultipartUpload"),
        ("POST", "/lab/k", "uploads=", "CreateMultipartUpload"),
        ("POST", "/lab/k", "uploadId=x", "CompleteMultipartUpload"),
        ("DELETE", "/lab/k", "uploadId=x", "AbortMultipartUpload"),
        ("DELETE", "/lab/k", "", "DeleteObject"),
        ("GET", "/lab/k", "uploadId=x&max-parts=2", "ListParts"),
        ("GET", "/lab/k/l", "", "GetObject"),
        ("GET", "/lab/k", "attributes", "GetObjectAttributes"),
        ("HEAD", "/lab/k", "", "HeadObject"),
        ("GET", "/lab", "uploads&prefix=a", "ListMultipartUploads"),
        ("GET", "/lab/", "list-type=2", "ListObjectsV2"),
        ("GET", "/lab", "location", "GetBucketLocation"),
        ("GET", "/lab", "lifecycle", "GetBucketLifecycleConfiguration"),
        ("PUT", "/lab", "lifecycle", "PutBucketLifecycleConfiguration"),
        ("DELETE", "/lab", "lifecycle", "DeleteBucketLifecycle"),
        ("PUT", "/lab", "", "CreateBucket"),
        ("HEAD", "/lab", "", "HeadBucket"),
        ("GET", "/", "", "ListBuckets"),
        ("PUT", "/lab/k", "tagging", "Other"),
    ];

    #[test]
    fn each_operation_is_recognised_in_path_style() {
        for (method, path, query, operation) in TABLE {
            let method = method.parse().unwrap();
            let found = recognise(&method, "127.0.0.1:9000", path, query);
            assert_eq!(found.operation, operation, "{method} {path}?{query}");
        }
        for operation in OPERATIONS {
            assert!(TABLE.iter().any(|row| row.3 == operation), "{operation} cannot be hit");
        }
    }

    #[test]
    fn the_same_in_virtual_hosted_style() {
        for (method, path, query, operation) in TABLE {
            let Some(path) = path.strip_prefix("/lab") else { continue };
            let method = method.parse().unwrap();
            let found = recognise(&method, "lab.localhost:9000", path, query);
            assert_eq!(found.operation, operation, "{method} {path}?{query}");
        }
    }

    #[test]
    fn buckets_are_found_below_the_lab_s_domains_only() {
        assert_eq!(bucket_of_host("a.b.localhost:1"), Some("a.b"));
        assert_eq!(bucket_of_host("lab.s3.local"), Some("lab"));
        assert_eq!(bucket_of_host("localhost:1"), None);
        assert_eq!(bucket_of_host("example.com"), None);
    }

    #[test]
    fn the_part_number_is_read() {
        let found = recognise(&Method::PUT, "h", "/lab/k", "uploadId=x&partNumber=12");
        assert_eq!(found.part, Some(12));
        assert_eq!(recognise(&Method::PUT, "h", "/lab/k", "").part, None);
    }
}
