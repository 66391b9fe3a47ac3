//! S3's error codes and statuses, and what they mean for us: one table.
//!
//! Decides nothing: whether and when something is tried again is the engine's.

/// What kind of trouble an answer describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// May pass by itself: try again.
    Transient,
    /// The store asks us to slow down.
    Throttled,
    /// The clocks differ too much.
    ClockSkew,
    /// The credentials were good and have expired.
    CredentialsExpired,
    /// The credentials are wrong or lack a permission.
    Denied,
    /// Another region or endpoint holds the bucket.
    Redirected,
    /// The body that arrived is not the body that was meant.
    Damaged,
    /// The bucket, key or upload does not exist.
    NotFound,
    /// A condition was not met, or somebody else wrote meanwhile.
    Conflict,
    /// The store lacks a feature that was used.
    NotImplemented,
    /// Trying the same again cannot help.
    Permanent,
}

/// Codes and their classes: Amazon S3 API Reference, "Error responses"; the throttling, transient
/// and clock lists of the AWS SDKs (botocore `retries/standard.py`, smithy-rs `aws-runtime`).
const CODES: &[(&str, ErrorClass)] = {
    use ErrorClass::{
        ClockSkew, Conflict, CredentialsExpired, Damaged, Denied, NotFound, NotImplemented,
        Permanent, Redirected, Throttled, Transient,
    };
    &[
        ("InternalError", Transient),
        ("InternalErrors", Transient),
        // Answered with 400 where the client was silent for too long.
        ("RequestTimeout", Transient),
        ("RequestTimeoutException", Transient),
        // 409 while another call on the bucket is under way.
        ("OperationAborted", Transient),
        ("SlowDown", Throttled),
        // MinIO's two forms.
        ("SlowDownRead", Throttled),
        ("SlowDownWrite", Throttled),
        ("ServiceUnavailable", Throttled),
        ("Busy", Throttled),
        ("BandwidthLimitExceeded", Throttled),
        ("EC2ThrottledException", Throttled),
        ("LimitExceededException", Throttled),
        ("PriorRequestNotComplete", Throttled),
        ("ProvisionedThroughputExceededException", Throttled),
        ("RequestLimitExceeded", Throttled),
        ("RequestThrottled", Throttled),
        ("RequestThrottledException", Throttled),
        ("ThrottledException", Throttled),
        ("Throttling", Throttled),
        ("ThrottlingException", Throttled),
        ("TooManyRequests", Throttled),
        ("TooManyRequestsException", Throttled),
        ("TransactionInProgressException", Throttled),
        ("RequestTimeTooSkewed", ClockSkew),
        ("RequestExpired", ClockSkew),
        ("RequestInTheFuture", ClockSkew),
        ("ExpiredToken", CredentialsExpired),
        ("ExpiredTokenException", CredentialsExpired),
        ("TokenRefreshRequired", CredentialsExpired),
        ("AccessDenied", Denied),
        ("AccountProblem", Denied),
        ("AllAccessDisabled", Denied),
        ("InvalidAccessKeyId", Denied),
        ("InvalidSecurity", Denied),
        ("InvalidToken", Denied),
        ("NotSignedUp", Denied),
        ("SignatureDoesNotMatch", Denied),
        ("UnauthorizedAccess", Denied),
        ("PermanentRedirect", Redirected),
        ("TemporaryRedirect", Redirected),
        ("Redirect", Redirected),
        ("AuthorizationHeaderMalformed", Redirected),
        ("IllegalLocationConstraintException", Redirected),
        ("BadDigest", Damaged),
        ("IncompleteBody", Damaged),
        // For Amazon a malformed digest, which would be our bug; SeaweedFS says so of a trailer
        // checksum that does not fit the body. Trying again is bounded and right for the second.
        ("InvalidDigest", Damaged),
        ("XAmzContentSHA256Mismatch", Damaged),
        ("NoSuchBucket", NotFound),
        ("NoSuchKey", NotFound),
        ("NoSuchUpload", NotFound),
        ("NoSuchLifecycleConfiguration", NotFound),
        ("NotFound", NotFound),
        ("ConditionalRequestConflict", Conflict),
        ("PreconditionFailed", Conflict),
        ("NotImplemented", NotImplemented),
        ("AuthorizationQueryParametersError", Permanent),
        ("EntityTooLarge", Permanent),
        ("EntityTooSmall", Permanent),
        ("InvalidArgument", Permanent),
        ("InvalidBucketName", Permanent),
        ("InvalidPart", Permanent),
        ("InvalidPartOrder", Permanent),
        ("InvalidRequest", Permanent),
        ("InvalidStorageClass", Permanent),
        ("InvalidTag", Permanent),
        ("InvalidURI", Permanent),
        ("KeyTooLongError", Permanent),
        ("MalformedXML", Permanent),
        ("MetadataTooLarge", Permanent),
        ("MethodNotAllowed", Permanent),
        ("MissingContentLength", Permanent),
        ("RequestHeaderSectionTooLarge", Permanent),
    ]
};

/// The class of S3's `code`; `None` where the table does not have it.
#[must_use]
pub fn classify_code(code: &str) -> Option<ErrorClass> {
    CODES.iter().find(|(known, _)| *known == code).map(|(_, class)| *class)
}

/// The class of an HTTP `status` whose code is missing or unknown. A status below 300 stands for
/// an unknown error inside a success, which the SDKs treat as a 500.
#[must_use]
pub fn classify_status(status: u16) -> ErrorClass {
    // HTTP version, storage full, a captive portal: the 5xx that do not pass.
    // 417 refuses our Expect, which the attempt after an answer does not have.
    let passes = matches!(status, 0..300 | 408 | 417 | 425 | 500..=u16::MAX)
        && !matches!(status, 505 | 507 | 511);
    match status {
        301 | 302 | 307 | 308 => ErrorClass::Redirected,
        // 407 is a proxy's.
        401 | 403 | 407 => ErrorClass::Denied,
        404 | 410 => ErrorClass::NotFound,
        409 | 412 => ErrorClass::Conflict,
        // 509 is what some stores say for "bandwidth limit exceeded".
        429 | 509 => ErrorClass::Throttled,
        501 => ErrorClass::NotImplemented,
        _ if passes => ErrorClass::Transient,
        _ => ErrorClass::Permanent,
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorClass::{
        ClockSkew, Conflict, CredentialsExpired, Damaged, Denied, NotFound, NotImplemented,
        Permanent, Redirected, Throttled, Transient,
    };
    use super::*;

    /// Written down a second time on purpose: each row of the table is a decision.
    const EXPECTED: &[(ErrorClass, &[&str])] = &[
        (
            Transient,
            &[
                "InternalError",
                "InternalErrors",
                "RequestTimeout",
                "RequestTimeoutException",
                "OperationAborted",
            ],
        ),
        (
            Throttled,
            &[
                "SlowDown",
                "SlowDownRead",
                "SlowDownWrite",
                "ServiceUnavailable",
                "Busy",
                "BandwidthLimitExceeded",
                "EC2ThrottledException",
                "LimitExceededException",
                "PriorRequestNotComplete",
                "ProvisionedThroughputExceededException",
                "RequestLimitExceeded",
                "RequestThrottled",
                "RequestThrottledException",
                "ThrottledException",
                "Throttling",
                "ThrottlingException",
                "TooManyRequests",
                "TooManyRequestsException",
                "TransactionInProgressException",
            ],
        ),
        (ClockSkew, &["RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"]),
        (CredentialsExpired, &["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]),
        (
            Denied,
            &[
                "AccessDenied",
                "AccountProblem",
                "AllAccessDisabled",
                "InvalidAccessKeyId",
                "InvalidSecurity",
                "InvalidToken",
                "NotSignedUp",
                "SignatureDoesNotMatch",
                "UnauthorizedAccess",
            ],
        ),
        (
            Redirected,
            &[
                "PermanentRedirect",
                "TemporaryRedirect",
                "Redirect",
                "AuthorizationHeaderMalformed",
                "IllegalLocationConstraintException",
            ],
        ),
        (Damaged, &["BadDigest", "IncompleteBody", "InvalidDigest", "XAmzContentSHA256Mismatch"]),
        (
            NotFound,
            &[
                "NoSuchBucket",
                "NoSuchKey",
                "NoSuchUpload",
                "NoSuchLifecycleConfiguration",
                "NotFound",
            ],
        ),
        (Conflict, &["ConditionalRequestConflict", "PreconditionFailed"]),
        (NotImplemented, &["NotImplemented"]),
        (
            Permanent,
            &[
                "AuthorizationQueryParametersError",
                "EntityTooLarge",
                "EntityTooSmall",
                "InvalidArgument",
                "InvalidBucketName",
                "InvalidPart",
                "InvalidPartOrder",
                "InvalidRequest",
                "InvalidStorageClass",
                "InvalidTag",
                "InvalidURI",
                "KeyTooLongError",
                "MalformedXML",
                "MetadataTooLarge",
                "MethodNotAllowed",
                "MissingContentLength",
                "RequestHeaderSectionTooLarge",
            ],
        ),
    ];

    #[test]
    fn every_code_has_its_class() {
        let mut rows = 0;
        for (class, codes) in EXPECTED {
            for code in *codes {
                assert_eq!(classify_code(code), Some(*class), "{code}");
                rows += 1;
            }
        }
        assert_eq!(rows, CODES.len(), "a row of the table is not expected here, or stands twice");
    }

    #[test]
    fn unknown_codes_are_left_to_the_status() {
        for code in ["", "slowdown", "SlowDown ", "Slow Down", "Whatever"] {
            assert_eq!(classify_code(code), None, "{code}");
        }
    }

    #[test]
    fn every_status_has_its_class() {
        let cases: [(ErrorClass, &[u16]); 9] = [
            (Transient, &[0, 200, 204, 408, 417, 425, 500, 502, 503, 504, 508, 520, 599, 999]),
            (Throttled, &[429, 509]),
            (Denied, &[401, 403, 407]),
            (Redirected, &[301, 302, 307, 308]),
            (NotFound, &[404, 410]),
            (Conflict, &[409, 412]),
            (NotImplemented, &[501]),
            (Permanent, &[300, 303, 304, 400, 402, 405, 411, 413, 414, 422, 431, 499]),
            (Permanent, &[505, 507, 511]),
        ];
        for (class, statuses) in cases {
            for status in statuses {
                assert_eq!(classify_status(*status), class, "{status}");
            }
        }
    }
}
