//! What one failure says by itself: in the store's words, in libcurl's, by an error number.

use std::io;
use std::time::Duration;

use super::words::{bytes, seconds};
use super::{DiagnosedCause as Is, Failure, History, Suspicion};
use crate::http::{TransportFailure, TransportFailureKind as Kind};
use crate::s3::{ErrorClass, S3Error};
use crate::upload::Cause;

/// A read this slow is what S3's patience of about 20 s does not stand for long.
const SLOW_READ: Duration = Duration::from_secs(10);

pub(super) fn suspect(failure: &Failure, history: &History) -> Option<Suspicion> {
    source_stalled(failure, history).or_else(|| match &failure.cause {
        Cause::S3(S3Error::Answered { .. }) => said_by_store(failure),
        Cause::S3(S3Error::Transport(transport)) => on_the_way(failure, transport, history),
        _ => None,
    })
}

/// Only slow reads of our own tell a slow disk from a slow network.
fn source_stalled(failure: &Failure, history: &History) -> Option<Suspicion> {
    let asleep = failure.s3_code().is_some_and(|code| code.starts_with("RequestTimeout"));
    let cut = matches!(&failure.cause, Cause::S3(S3Error::Transport(t)) if t.kind == Kind::Reset);
    // One read blocks all parts, so that the store may lose its patience with another one.
    let read = if asleep { history.slowest_read } else { failure.evidence.slowest_read };
    if read < SLOW_READ || !(asleep || cut) {
        return None;
    }
    let said = if asleep { "the store said RequestTimeout" } else { "the connection was cut" };
    Some(clear(
        Is::SourceStalled,
        format!("{said}, and one read of the file had taken {}", seconds(read)),
        "a smaller --concurrency, so that fewer parts are read at a time; or copy the file to a \
         local disk first",
    ))
}

fn said_by_store(failure: &Failure) -> Option<Suspicion> {
    let Cause::S3(S3Error::Answered { status, code, region, .. }) = &failure.cause else {
        return None;
    };
    let said = if code.is_empty() {
        format!("the answer was HTTP {status}")
    } else {
        format!("the store said {code} (HTTP {status})")
    };
    Some(match failure.class {
        ErrorClass::Throttled => again(
            3,
            Is::Throttled,
            said,
            "a smaller --concurrency, or a larger --part-size: fewer requests for the same bytes",
        ),
        ErrorClass::ClockSkew => clear(
            Is::ClockSkew,
            said,
            "set this machine's clock, for example with `timedatectl set-ntp true`",
        ),
        ErrorClass::CredentialsExpired => clear(
            Is::CredentialsExpired,
            said,
            "get new credentials, for example with `aws sso login`, or name others with --profile",
        ),
        ErrorClass::Redirected => {
            let region = region.as_ref()?;
            clear(
                Is::WrongRegion,
                format!("{said}, and that the bucket is in {region}"),
                format!("--region {region}"),
            )
        }
        // S3 itself always sends a code; a proxy has none.
        _ if *status == 413 && code.is_empty() => clear(
            Is::BodySizeLimit,
            format!("{said}, which S3 does not say without a code: a proxy did"),
            "a smaller --part-size; or a way around the proxy, with --proxy '' or --endpoint-url",
        ),
        _ => return None,
    })
}

fn on_the_way(
    failure: &Failure,
    transport: &TransportFailure,
    history: &History,
) -> Option<Suspicion> {
    let TransportFailure { kind, message } = transport;
    let errno = failure.evidence.os_errno;
    if failure.evidence.lacks_descriptors() {
        return Some(clear(
            Is::TooManyDescriptors,
            format!("no socket could be opened: {}", error_text(errno)),
            "a smaller --concurrency, or a higher `ulimit -n`",
        ));
    }
    let peer = failure.evidence.peer.map(|peer| format!(" ({peer})")).unwrap_or_default();
    Some(match kind {
        Kind::Resolve => again(2, Is::Dns, message.clone(), CHECK_ENDPOINT),
        Kind::Connect if is_refusal(errno) => {
            again(2, Is::ConnectionRefused, message.clone(), CHECK_ENDPOINT)
        }
        Kind::Certificate if UNKNOWN_ISSUER.iter().any(|words| message.contains(words)) => clear(
            Is::TlsUnknownIssuer,
            message.clone(),
            "--ca-bundle with the authority of the store, or of the proxy that opens its traffic",
        ),
        Kind::Certificate if BAD_CERTIFICATE.iter().any(|words| message.contains(words)) => clear(
            Is::TlsCertificate,
            message.clone(),
            "check --endpoint-url and this machine's clock; else the store needs a new certificate",
        ),
        Kind::Tls if message.contains("wrong version number") => clear(
            Is::TlsNotSpoken,
            format!("{message}{peer}"),
            "--endpoint-url with http:// in place of https://, or with the port that speaks TLS",
        ),
        Kind::Tls if OLD_TLS.iter().any(|words| message.contains(words)) => clear(
            Is::TlsVersion,
            message.clone(),
            "the store, or the proxy before it, must be taught TLS 1.2; \
             libcurl and OpenSSL here accept nothing older",
        ),
        Kind::NotHttp if history.successes == 0 => again(
            2,
            Is::NotAStore,
            format!("{message}{peer}"),
            "check the scheme and port of --endpoint-url",
        ),
        Kind::Timeout if message.contains("Operation too slow") => clear(
            Is::TooSlowForLimit,
            format!("{message} (libcurl's LOW_SPEED_LIMIT and LOW_SPEED_TIME)"),
            "a smaller --concurrency, so that each part has more of the link; or a lower \
             LOW_SPEED_LIMIT",
        ),
        Kind::Timeout if message.contains("Operation timed out") => clear(
            Is::TimeoutTooShort,
            format!("{message}, of {}", bytes(failure.evidence.bytes_expected)),
            "leave TIMEOUT out (curlift's own watchdog ends what hangs); or a smaller --part-size",
        ),
        Kind::Timeout if message.contains("timed out after") => again(
            3,
            Is::ConnectTimeoutTooShort,
            format!("{message}{peer}"),
            "--options-profile patient on a slow network, or a longer --curl CONNECTTIMEOUT; \
             else check --endpoint-url and firewalls",
        ),
        _ => return None,
    })
}

const CHECK_ENDPOINT: &str = "check --endpoint-url, --region, --proxy and the network";

/// OpenSSL's words.
const UNKNOWN_ISSUER: [&str; 4] =
    ["self-signed certificate", "self signed certificate", "issuer certificate", "unknown issuer"];
const BAD_CERTIFICATE: [&str; 4] =
    ["has expired", "not yet valid", "no alternative certificate", "does not match"];
const OLD_TLS: [&str; 3] = ["unsupported protocol", "protocol version", "no protocols available"];

fn is_refusal(errno: Option<i32>) -> bool {
    let kind = errno.map(|number| io::Error::from_raw_os_error(number).kind());
    kind == Some(io::ErrorKind::ConnectionRefused)
}

fn error_text(errno: Option<i32>) -> String {
    errno.map(|number| io::Error::from_raw_os_error(number).to_string()).unwrap_or_default()
}

/// A cause that one failure proves.
pub(super) fn clear(cause: Is, because: String, advice: impl Into<String>) -> Suspicion {
    again(1, cause, because, advice)
}

/// A cause that passes by itself unless it is seen as often as this.
fn again(needed: u32, cause: Is, because: String, advice: impl Into<String>) -> Suspicion {
    Suspicion { cause, because, advice: advice.into(), needed }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Evidence;
    use crate::upload::diagnosis::tests_support::*;

    /// What becomes clear when this happens so many times.
    fn after(times: u32, failure: &Failure) -> Vec<Is> {
        (0..times).fold(Told::default(), |told, _| told.failed(failure)).causes()
    }

    #[test]
    fn the_stores_own_words_are_enough() {
        let link = Cause::S3(S3Error::Answered {
            status: 403,
            code: "AccessDenied".into(),
            message: "Request has expired".into(),
            request_id: None,
            retry_after: None,
            region: None,
            location: None,
        });
        for (failure, times, cause) in [
            (answered(403, "RequestTimeTooSkewed"), 1, Some(Is::ClockSkew)),
            (answered(400, "ExpiredToken"), 1, Some(Is::CredentialsExpired)),
            (of(link), 1, Some(Is::LinkExpired)),
            (answered(403, "AccessDenied"), 9, None),
            (answered(503, "SlowDown"), 2, None),
            (answered(503, "SlowDown"), 3, Some(Is::Throttled)),
            (answered(413, ""), 1, Some(Is::BodySizeLimit)),
            (answered(400, "EntityTooLarge"), 9, None),
            (answered(500, "InternalError"), 9, None),
            (answered(400, "RequestTimeout"), 9, None),
        ] {
            assert_eq!(after(times, &failure), Vec::from_iter(cause), "{failure:?}");
        }
    }

    #[test]
    fn a_region_is_advice_only_where_it_is_known() {
        let mut moved = answered(301, "PermanentRedirect");
        assert_eq!(after(9, &moved), []);
        let Cause::S3(S3Error::Answered { region, .. }) = &mut moved.cause else { unreachable!() };
        *region = Some("eu-north-1".into());
        let told = Told::default().failed(&moved);
        assert_eq!(told.causes(), [Is::WrongRegion]);
        assert_eq!(told.diagnostics.found()[0].advice, "--region eu-north-1");
    }

    #[test]
    fn libcurls_words_and_error_numbers_are_enough() {
        let refused = with(transport(Kind::Connect, "Could not connect"), |evidence| {
            evidence.os_errno = Some(io_code(io::ErrorKind::ConnectionRefused));
        });
        let exhausted = with(transport(Kind::Connect, "Could not connect"), |evidence| {
            evidence.os_errno = Some(24);
        });
        let issuer = "SSL certificate problem: unable to get local issuer certificate";
        let expired = "SSL certificate problem: certificate has expired";
        let name = "SSL: no alternative certificate subject name matches target host name 'a'";
        let version = "TLS connect error: error:0A000102:SSL routines::unsupported protocol";
        let plain = "TLS connect error: error:0A00010B:SSL routines::wrong version number";
        let slow = "Operation too slow. Less than 1 bytes/sec transferred the last 600 seconds";
        for (failure, times, cause) in [
            (refused.clone(), 1, None),
            (refused, 2, Some(Is::ConnectionRefused)),
            (exhausted, 1, Some(Is::TooManyDescriptors)),
            (transport(Kind::Connect, "Could not connect"), 9, None),
            (transport(Kind::Resolve, "Could not resolve host: a"), 1, None),
            (transport(Kind::Resolve, "Could not resolve host: a"), 2, Some(Is::Dns)),
            (transport(Kind::Certificate, issuer), 1, Some(Is::TlsUnknownIssuer)),
            (transport(Kind::Certificate, expired), 1, Some(Is::TlsCertificate)),
            (transport(Kind::Certificate, name), 1, Some(Is::TlsCertificate)),
            (transport(Kind::Certificate, "problem with the CA cert"), 9, None),
            (transport(Kind::Tls, version), 1, Some(Is::TlsVersion)),
            (transport(Kind::Tls, plain), 1, Some(Is::TlsNotSpoken)),
            (transport(Kind::Tls, "unexpected eof while reading"), 9, None),
            (transport(Kind::NotHttp, "Received HTTP/0.9 when not allowed"), 1, None),
            (
                transport(Kind::NotHttp, "Received HTTP/0.9 when not allowed"),
                2,
                Some(Is::NotAStore),
            ),
            (transport(Kind::Timeout, slow), 1, Some(Is::TooSlowForLimit)),
            (transport(Kind::Timeout, "Connection timed out after 10001 ms"), 2, None),
            (
                transport(Kind::Timeout, "Connection timed out after 10001 ms"),
                3,
                Some(Is::ConnectTimeoutTooShort),
            ),
            (
                transport(Kind::Timeout, "Operation timed out after 300 milliseconds with 0 bytes"),
                1,
                Some(Is::TimeoutTooShort),
            ),
        ] {
            assert_eq!(after(times, &failure), Vec::from_iter(cause), "{failure:?}");
        }
    }

    #[test]
    fn garbage_from_a_store_that_has_worked_is_a_fault_and_no_other_server() {
        let garbage = transport(Kind::NotHttp, "Received HTTP/0.9 when not allowed");
        let told = Told::default().succeeded(&Evidence::default());
        assert_eq!(told.failed(&garbage).failed(&garbage).causes(), []);
    }

    #[test]
    fn a_slow_disk_is_told_from_a_slow_network_by_our_own_reads() {
        let asleep = answered(400, "RequestTimeout");
        let read = |evidence: &mut Evidence| evidence.slowest_read = SLOW_READ;
        assert_eq!(after(1, &with(asleep.clone(), read)), [Is::SourceStalled]);
        let cut = with(transport(Kind::Reset, "x"), read);
        assert_eq!(after(1, &cut), [Is::SourceStalled]);
        assert_eq!(after(9, &with(answered(500, "InternalError"), read)), []);
        // The read of one part held up another one.
        let mut elsewhere = Evidence::default();
        read(&mut elsewhere);
        let told = Told::default().succeeded(&elsewhere);
        assert_eq!(told.failed(&asleep).causes(), [Is::SourceStalled]);
    }
}
