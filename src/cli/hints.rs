//! What to do about a failure: one table, first row that fits; then what was diagnosed; then what
//! may help in general.

mod links;

use super::place::Place;
use crate::http::TransportFailureKind as Kind;
use crate::s3::{ErrorClass, S3Error};
use crate::upload::{Cause, DiagnosedCause, Diagnosis, Failure, SourceChange};

/// What to do about `failure`, where that is known, in a run of which so much became clear.
pub(super) fn hint(failure: &Failure, place: &Place, diagnoses: &[Diagnosis]) -> Option<String> {
    let first = |table: &[(Sign, Advice)]| {
        let row = table.iter().find(|(sign, _)| sign.fits(failure));
        row.map(|(_, advice)| advice(failure, place))
    };
    links::hint(failure, place).or_else(|| first(HINTS)).or_else(|| {
        let general = first(GENERAL)?;
        let better = diagnoses.iter().rev().find(|diagnosis| helps(diagnosis));
        Some(better.map_or(general, |diagnosis| diagnosis.advice.clone()))
    })
}

/// Whether a diagnosis tells more than what may help in general.
fn helps(diagnosis: &Diagnosis) -> bool {
    matches!(
        diagnosis.cause,
        DiagnosedCause::ConnectionAgeLimit
            | DiagnosedCause::BodySizeLimit
            | DiagnosedCause::EveryUploadReset
            | DiagnosedCause::MtuBlackHole
            | DiagnosedCause::SourceStalled
            | DiagnosedCause::TooSlowForLimit
    )
}

/// By what a row of the table is chosen.
enum Sign {
    /// S3's code.
    Code(&'static str),
    /// What the failure means.
    Class(ErrorClass),
    /// libcurl's code.
    Curl(u32),
    /// What happened below HTTP.
    Transport(Kind),
    /// The way to a proxy, or through it, was not to be had.
    Proxy,
    /// A stream is not what it should be.
    Stream,
    /// The source is not what it was.
    SourceChanged,
    /// The source is not what an earlier run has sent.
    AnotherFile,
    /// The source cannot be read any more.
    SourceUnreadable,
    /// Nothing moved.
    Stalled,
    /// No socket could be opened.
    NoDescriptors,
    /// The store has no lifecycle rules at all.
    Lifecycle,
}

type Advice = fn(&Failure, &Place) -> String;

const HINTS: &[(Sign, Advice)] = &[
    (Sign::Code("SignatureDoesNotMatch"), wrong_secret),
    (Sign::Code("InvalidAccessKeyId"), wrong_key),
    (Sign::Code("InvalidToken"), |_, place| {
        format!(
            "the session token of {} does not belong to its keys: take all three anew",
            keys(place)
        )
    }),
    (Sign::Class(ErrorClass::CredentialsExpired), expired),
    (Sign::Class(ErrorClass::Denied), denied),
    (Sign::Class(ErrorClass::Redirected), elsewhere),
    (Sign::Class(ErrorClass::ClockSkew), |_, _| {
        "this machine's clock is wrong; set it, for example with `timedatectl set-ntp true`".into()
    }),
    (Sign::Code("NoSuchBucket"), |_, place| {
        format!(
            "there is no bucket {} at {}; check its spelling and the endpoint, or make it with \
             `aws s3 mb s3://{}`",
            place.bucket, place.endpoint, place.bucket
        )
    }),
    (Sign::Code("NoSuchUpload"), |_, _| {
        "somebody else aborted or completed the upload; a lifecycle rule may do so too".into()
    }),
    (Sign::Code("InvalidStorageClass"), |_, _| {
        "the store does not have this storage class: leave --storage-class out".into()
    }),
    (Sign::Lifecycle, |_, place| {
        format!(
            "this store keeps no lifecycle rules; abort unfinished uploads from cron in their \
             place: curlift uploads abort s3://{} --older-than 24h",
            place.bucket
        )
    }),
    (Sign::Class(ErrorClass::NotImplemented), |failure, _| {
        if failure.operation == "ListMultipartUploads" {
            return "the store does not list unfinished uploads; look into its own tools for them"
                .into();
        }
        "the store lacks a feature; try --checksum-algorithm none, or --payload-signing always"
            .into()
    }),
    (Sign::Class(ErrorClass::Throttled), |_, _| {
        "the store asks for fewer requests: try a smaller --concurrency or a larger --part-size"
            .into()
    }),
    // CURLE_SSL_CACERT_BADFILE
    (Sign::Curl(77), |_, _| {
        "the authorities to trust are one file of certificates in PEM form: look at what \
         --ca-bundle, AWS_CA_BUNDLE or SSL_CERT_FILE names"
            .into()
    }),
    (Sign::Transport(Kind::Resolve), |_, place| {
        format!("no address for the host of {}; {}", place.endpoint, endpoint_advice(place))
    }),
    (Sign::NoDescriptors, |_, _| {
        "too many files are open: try a smaller --concurrency, or a higher `ulimit -n`".into()
    }),
    (Sign::Proxy, |_, place| {
        format!(
            "the proxy is from --proxy, or from http_proxy, https_proxy or all_proxy in the \
             environment; without one for this store: no_proxy={}",
            host(&place.endpoint)
        )
    }),
    (Sign::Transport(Kind::Connect), |failure, place| {
        let peer = failure.evidence.peer.map(|peer| format!(" ({peer})")).unwrap_or_default();
        format!("nobody answers at {}{peer}; {}", place.endpoint, endpoint_advice(place))
    }),
    (Sign::Transport(Kind::Certificate), |_, place| {
        format!(
            "the certificate of {} is not trusted; name its authority with --ca-bundle FILE",
            place.endpoint
        )
    }),
    (Sign::Transport(Kind::Tls), |_, place| {
        format!("does {} speak https? {}", place.endpoint, endpoint_advice(place))
    }),
    (Sign::Transport(Kind::NotHttp), |_, place| {
        let other = match place.endpoint.split_once("://") {
            Some(("http", rest)) => format!("; try --endpoint-url https://{rest}"),
            _ => String::new(),
        };
        format!("what answers at {} is not an HTTP server{other}", place.endpoint)
    }),
    (Sign::Transport(Kind::SourceRead), unreadable),
    (Sign::Stream, of_stream),
    (Sign::SourceUnreadable, unreadable),
    (Sign::AnotherFile, another_file),
    (Sign::SourceChanged, source_changed),
    (Sign::Class(ErrorClass::Damaged), |_, _| {
        "bytes changed on the way: a proxy or faulty memory; --endpoint-url https://… protects them"
            .into()
    }),
];

/// What helps often, where nothing better is known.
const GENERAL: &[(Sign, Advice)] = &[
    (Sign::Transport(Kind::Timeout), slow),
    (Sign::Stalled, |_, place| {
        format!(
            "{} takes nothing any more: check the network between (a VPN, its MTU, a firewall), \
             or try a smaller --concurrency",
            place.endpoint
        )
    }),
    (Sign::Transport(Kind::Reset), |failure, _| {
        if !matches!(failure.operation, "PutObject" | "UploadPart") {
            return "the connection keeps breaking: type the same line again later".into();
        }
        "the connection keeps breaking: try a smaller --part-size, and type the same line again"
            .into()
    }),
    (Sign::Class(ErrorClass::Transient), |_, _| "type the same line again later".into()),
];

impl Sign {
    fn fits(&self, failure: &Failure) -> bool {
        match self {
            Sign::Code(code) => failure.s3_code() == Some(code),
            Sign::Class(class) => {
                failure.class == *class
                    && !matches!(failure.cause, Cause::S3(S3Error::Transport(_)))
            }
            Sign::Curl(code) => failure.evidence.curl_code == *code,
            Sign::Transport(kind) => {
                matches!(&failure.cause, Cause::S3(S3Error::Transport(t)) if t.kind == *kind)
            }
            Sign::Proxy => matches!(
                &failure.cause,
                Cause::S3(S3Error::Transport(t)) if t.kind == Kind::Connect
                    && (t.message.contains("proxy") || t.message.contains("CONNECT tunnel"))
            ),
            Sign::Stream => {
                matches!(failure.cause, Cause::SourceChanged(SourceChange::Stream { .. }))
            }
            Sign::SourceUnreadable => {
                matches!(failure.cause, Cause::SourceChanged(SourceChange::Unreadable(_)))
            }
            Sign::AnotherFile => {
                matches!(failure.cause, Cause::SourceChanged(SourceChange::AnotherFile(_)))
            }
            Sign::SourceChanged => matches!(failure.cause, Cause::SourceChanged(_)),
            Sign::NoDescriptors => failure.evidence.lacks_descriptors(),
            Sign::Stalled => matches!(failure.cause, Cause::Stalled(_)),
            Sign::Lifecycle => {
                let is_missing = failure.class == ErrorClass::NotImplemented
                    || failure.s3_code() == Some("MethodNotAllowed");
                is_missing && failure.operation.contains("Lifecycle")
            }
        }
    }
}

fn unreadable(_: &Failure, place: &Place) -> String {
    format!(
        "the disk, or what it hangs on, does not give the bytes of {}: look into the system's log, \
         for example with `dmesg`, and read the file once with `cksum`",
        place.source
    )
}

fn of_stream(failure: &Failure, _: &Place) -> String {
    match &failure.cause {
        Cause::SourceChanged(SourceChange::Stream { advice, .. }) => advice.clone(),
        _ => unreachable!("only the failures of streams have this sign"),
    }
}

fn wrong_secret(_: &Failure, place: &Place) -> String {
    format!(
        "the secret access key of {} does not belong to its access key id; check it for missing \
         characters",
        keys(place)
    )
}

fn wrong_key(_: &Failure, place: &Place) -> String {
    let Place { endpoint, .. } = place;
    format!("{endpoint} does not know the access key id of {}; is it for this store?", keys(place))
}

fn expired(_: &Failure, place: &Place) -> String {
    match &place.profile {
        Some(profile) => {
            format!("get new ones, for example with `aws sso login --profile {profile}`")
        }
        None => "get new ones, for example with `aws sso login`, and export them again".into(),
    }
}

fn denied(failure: &Failure, place: &Place) -> String {
    let (bucket, key) = (&place.bucket, &place.key);
    let of_bucket = match failure.operation {
        "GetBucketLifecycleConfiguration" => Some("s3:GetLifecycleConfiguration"),
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => {
            Some("s3:PutLifecycleConfiguration")
        }
        "ListMultipartUploads" => Some("s3:ListBucketMultipartUploads"),
        _ => None,
    };
    if let Some(needed) = of_bucket {
        return format!("{} need {needed} on arn:aws:s3:::{bucket}", keys(place));
    }
    let main = match failure.operation {
        "AbortMultipartUpload" => "s3:AbortMultipartUpload",
        "DeleteObject" => "s3:DeleteObject",
        "ListParts" => "s3:ListMultipartUploadParts",
        "HeadObject" => "s3:GetObject",
        _ => "s3:PutObject",
    };
    let needed = [&[main], place.permissions.as_slice()].concat().join(" and ");
    format!("{} need {needed} on arn:aws:s3:::{bucket}/{key}", keys(place))
}

fn elsewhere(failure: &Failure, place: &Place) -> String {
    let Cause::S3(S3Error::Answered { region: Some(region), .. }) = &failure.cause else {
        return format!("bucket {} is elsewhere; check --region", place.bucket);
    };
    format!("bucket {} is in {region}, not in {}: --region {region}", place.bucket, place.region)
}

fn source_changed(_: &Failure, place: &Place) -> String {
    format!("wait until nobody writes to {}, or upload a copy or snapshot of it", place.source)
}

fn another_file(_: &Failure, _: &Place) -> String {
    "nothing was sent and nothing was freed; to send the file as it is now, add --resume never, or \
     leave --upload-id out"
        .into()
}

fn slow(_: &Failure, _: &Place) -> String {
    "the link is too slow for so many parts at once: try a smaller --concurrency".into()
}

/// The host of an endpoint, without its port.
fn host(endpoint: &str) -> &str {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, authority)| authority);
    let end = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
    authority[..end.unwrap_or(authority.len())].trim_end_matches('/')
}

fn endpoint_advice(place: &Place) -> String {
    match &place.endpoint_origin {
        Some(origin) => format!("check the endpoint (from {origin}), the network and the proxy"),
        None => {
            "check the network, --region and the proxy, or name another store with --endpoint-url"
                .into()
        }
    }
}

fn keys(place: &Place) -> String {
    match &place.profile {
        Some(profile) => format!("the credentials of profile \"{profile}\""),
        None => "the credentials".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{answered, failure, place, transport};
    use crate::config::Origin;

    fn of(cause: Cause, class: ErrorClass) -> Option<String> {
        hint(&failure(cause, class), &place(), &[])
    }

    #[test]
    fn each_code_has_its_advice() {
        let rows = [
            ("SignatureDoesNotMatch", ErrorClass::Denied, "secret access key of the credentials"),
            ("InvalidAccessKeyId", ErrorClass::Denied, "does not know the access key id"),
            (
                "AccessDenied",
                ErrorClass::Denied,
                "need s3:PutObject on arn:aws:s3:::bucket/path/key",
            ),
            ("ExpiredToken", ErrorClass::CredentialsExpired, "aws sso login --profile ci"),
            ("RequestTimeTooSkewed", ErrorClass::ClockSkew, "clock is wrong"),
            ("NoSuchBucket", ErrorClass::NotFound, "no bucket bucket at https://s3.example"),
            ("SlowDown", ErrorClass::Throttled, "--concurrency"),
            ("BadDigest", ErrorClass::Damaged, "changed on the way"),
            ("NotImplemented", ErrorClass::NotImplemented, "--checksum-algorithm none"),
            ("InternalError", ErrorClass::Transient, "again later"),
        ];
        for (code, class, advice) in rows {
            let hint = of(answered(400, code), class).unwrap();
            assert!(hint.contains(advice), "{code}: {hint}");
        }
        assert_eq!(of(answered(400, "InvalidRequest"), ErrorClass::Permanent), None);
    }

    #[test]
    fn calls_about_lifecycle_rules_have_their_own_advice() {
        let of = |operation, code, class| {
            let failure = Failure { operation, ..failure(answered(400, code), class) };
            hint(&failure, &place(), &[]).unwrap()
        };
        for (operation, permission) in [
            ("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
            ("PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
            ("DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
        ] {
            let denied = of(operation, "AccessDenied", ErrorClass::Denied);
            assert!(
                denied.ends_with(&format!("need {permission} on arn:aws:s3:::bucket")),
                "{denied}"
            );
            for (code, class) in [
                ("NotImplemented", ErrorClass::NotImplemented),
                ("MethodNotAllowed", ErrorClass::Permanent),
            ] {
                let missing = of(operation, code, class);
                assert!(missing.contains("curlift uploads abort s3://bucket"), "{missing}");
            }
        }
    }

    #[test]
    fn a_proxy_is_blamed_for_itself() {
        let words = "Failed to connect to 192.0.2.9:3128 over proxy 192.0.2.9 after 0 ms";
        for message in [words, "CONNECT tunnel failed, response 407"] {
            let cause = transport(Kind::Connect, message);
            let hint = of(cause, ErrorClass::Transient).unwrap();
            assert!(hint.contains("https_proxy") && hint.contains("no_proxy=s3.example"), "{hint}");
        }
        let hosts = ["http://a.test:80", "https://a.test", "https://[::1]", "https://[::1]:1"];
        assert_eq!(hosts.map(host), ["a.test", "a.test", "[::1]", "[::1]"]);
    }

    #[test]
    fn a_redirect_names_the_region_to_type() {
        let mut cause = answered(301, "PermanentRedirect");
        let Cause::S3(S3Error::Answered { region, .. }) = &mut cause else { unreachable!() };
        *region = Some("eu-north-1".into());
        let hint = of(cause, ErrorClass::Redirected).unwrap();
        assert_eq!(hint, "bucket bucket is in eu-north-1, not in eu-west-1: --region eu-north-1");
        let hint = of(answered(301, ""), ErrorClass::Redirected).unwrap();
        assert!(hint.contains("check --region"), "{hint}");
    }

    #[test]
    fn the_network_has_its_advice() {
        let rows = [
            (Kind::Resolve, "no address for the host of https://s3.example"),
            (Kind::Connect, "nobody answers at https://s3.example"),
            (Kind::Certificate, "--ca-bundle"),
            (Kind::Tls, "speak https?"),
            (Kind::NotHttp, "not an HTTP server"),
            (Kind::Timeout, "too slow"),
            (Kind::Reset, "--part-size"),
            (Kind::SourceRead, "does not give the bytes of backup.tar"),
        ];
        for (kind, advice) in rows {
            let hint = of(transport(kind, "x"), ErrorClass::Transient).unwrap();
            assert!(hint.contains(advice), "{kind:?}: {hint}");
        }
        let mut exhausted = failure(transport(Kind::Connect, "x"), ErrorClass::Transient);
        exhausted.evidence.os_errno = Some(24);
        assert!(hint(&exhausted, &place(), &[]).unwrap().contains("ulimit -n"));
        let changed = Cause::SourceChanged(SourceChange::Changed("it grew".into()));
        assert!(of(changed, ErrorClass::Permanent).unwrap().contains("snapshot"));
        let another = Cause::SourceChanged(SourceChange::AnotherFile("it differs".into()));
        assert!(of(another, ErrorClass::Permanent).unwrap().contains("--resume never"));
        let unreadable = Cause::SourceChanged(SourceChange::Unreadable("I/O error".into()));
        assert!(of(unreadable, ErrorClass::Permanent).unwrap().contains("dmesg"));
    }

    #[test]
    fn a_diagnosis_goes_before_what_may_help_in_general_and_behind_what_is_known() {
        let limit = Diagnosis {
            cause: DiagnosedCause::BodySizeLimit,
            because: "four of four".into(),
            advice: "--part-size 5MiB".into(),
            count: 4,
        };
        let with = |cause, class, diagnosis: &Diagnosis| {
            hint(&failure(cause, class), &place(), std::slice::from_ref(diagnosis)).unwrap()
        };
        let reset = || transport(Kind::Reset, "x");
        assert_eq!(with(reset(), ErrorClass::Transient, &limit), "--part-size 5MiB");
        let denied = with(answered(403, "AccessDenied"), ErrorClass::Denied, &limit);
        assert!(denied.contains("s3:PutObject"), "{denied}");
        let throttled = Diagnosis { cause: DiagnosedCause::Throttled, ..limit };
        let general = with(reset(), ErrorClass::Transient, &throttled);
        assert!(general.contains("keeps breaking"), "{general}");
    }

    #[test]
    fn an_endpoint_somebody_named_is_traced_to_them() {
        let refused = failure(transport(Kind::Connect, "x"), ErrorClass::Transient);
        let mut place = place();
        assert!(hint(&refused, &place, &[]).unwrap().contains("--endpoint-url"));
        place.endpoint_origin = Some(Origin::Environment("AWS_ENDPOINT_URL"));
        assert!(hint(&refused, &place, &[]).unwrap().contains("(from AWS_ENDPOINT_URL)"));
    }

    #[test]
    fn settings_of_the_object_need_permissions_of_their_own() {
        let refused = failure(answered(403, "AccessDenied"), ErrorClass::Denied);
        let place = Place { permissions: vec!["s3:PutObjectTagging"], ..place() };
        let hint = hint(&refused, &place, &[]).unwrap();
        assert!(hint.contains("s3:PutObject and s3:PutObjectTagging on"), "{hint}");
    }
}
