//! S3's "no", in whatever state it arrived: code, message, region, request id, how long to wait.
//! Reads what is there of a cut document, and what a proxy says in its place.

use std::time::Duration;

use super::printable::printable_words;
use super::server_date::{http_date, server_date};
use super::xml;
use super::{RetryAfter, S3Error};
use crate::http::Response;

/// Bytes of a body in which an error document is looked for; S3's have about 500.
const DOCUMENT_READ: usize = 64 << 10;
/// Characters that are kept of a body which is not S3's.
const STRANGE_BODY_SHOWN: usize = 200;
/// Characters that are kept of S3's own message.
const MESSAGE_SHOWN: usize = 1000;
/// Bytes of the longest place that a redirect may lead to: a host name has at most 253.
const LOCATION_MAX: usize = 300;
/// Characters that are kept of a code or request id.
const WORD_SHOWN: usize = 128;

/// The error that `response` is: by its status, or by an error document inside a success
/// (`CompleteMultipartUpload` answers 200 before it knows). `None` where it is not one.
pub(super) fn read(response: &Response) -> Option<S3Error> {
    let document = ErrorDocument::read(&response.body);
    if response.status < 300 && document.code.is_empty() {
        return None;
    }
    let header = |name| response.headers.get(name).filter(|value: &&str| !value.is_empty());
    let message = if document.code.is_empty() && document.message.is_empty() {
        printable_words(&String::from_utf8_lossy(&response.body), STRANGE_BODY_SHOWN)
    } else {
        printable_words(&document.message, MESSAGE_SHOWN)
    };
    Some(S3Error::Answered {
        status: response.status,
        code: printable_words(&document.code, WORD_SHOWN),
        message,
        request_id: header("x-amz-request-id")
            .map(str::to_owned)
            .or(document.request_id)
            .map(|id| printable_words(&id, WORD_SHOWN)),
        retry_after: retry_after(response),
        region: header("x-amz-bucket-region")
            .map(str::to_owned)
            .or(document.region)
            .filter(|region| is_region(region)),
        location: header("location")
            .map(str::to_owned)
            .or(document.endpoint)
            .and_then(|location| without_path(&location)),
    })
}

/// The fields of S3's error document that mean something to us (Amazon S3 API Reference, "REST
/// error responses"); empty where they could not be read.
#[derive(Default)]
struct ErrorDocument {
    code: String,
    message: String,
    request_id: Option<String>,
    region: Option<String>,
    endpoint: Option<String>,
}

impl ErrorDocument {
    /// Whatever can be read of `body`, be it cut or not S3's at all.
    fn read(body: &[u8]) -> ErrorDocument {
        let mut document = ErrorDocument::default();
        // S3 sends blanks while it works.
        let body = body.trim_ascii_start();
        let body = String::from_utf8_lossy(&body[..body.len().min(DOCUMENT_READ)]);
        // What is wrong with the document does not matter: its status has spoken.
        let _ = xml::read(body.as_bytes(), |element| {
            let text = element.text.trim();
            if text.is_empty() {
                return;
            }
            match element.path {
                "Error/Code" | "ErrorResponse/Error/Code" => text.clone_into(&mut document.code),
                "Error/Message" | "ErrorResponse/Error/Message" => {
                    text.clone_into(&mut document.message);
                }
                "Error/RequestId" | "ErrorResponse/RequestId" => {
                    document.request_id = Some(text.to_owned());
                }
                "Error/Region" => document.region = Some(text.to_owned()),
                "Error/Endpoint" => document.endpoint = Some(text.to_owned()),
                _ => {}
            }
        });
        document
    }
}

/// What the server asks; what cannot be understood asks nothing.
fn retry_after(response: &Response) -> Option<RetryAfter> {
    let amazon = response.headers.get("x-amz-retry-after").and_then(digits);
    if let Some(milliseconds) = amazon {
        return Some(RetryAfter::Amazon(Duration::from_millis(milliseconds)));
    }
    let text = response.headers.get("retry-after")?;
    // A date means something beside the server's own clock only.
    let until = || http_date(text)?.since(server_date(response)?);
    digits(text).map(Duration::from_secs).or_else(until).map(RetryAfter::Http)
}

/// Scheme and authority of a URL, or what stands before its path; `None` where that is no place.
fn without_path(location: &str) -> Option<String> {
    let host_at = location.find("://").map_or(0, |at| at + 3);
    let host = location[host_at..].split(['/', '?', '#']).next()?;
    let end = host_at + host.len();
    (!host.is_empty() && end <= LOCATION_MAX).then(|| location[..end].to_owned())
}

/// A whole number in digits; dates, signs and fractions are not understood.
fn digits(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// A region becomes part of a host name: nothing else may.
fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Headers;

    type Fields<'a> = &'a [(&'a str, &'a str)];

    fn response(status: u16, headers: Fields, body: &[u8]) -> Response {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        Response { status, headers: fields, body: body.to_vec() }
    }

    fn answered(status: u16, code: &str, message: &str) -> S3Error {
        S3Error::Answered {
            status,
            code: code.into(),
            message: message.into(),
            request_id: None,
            retry_after: None,
            region: None,
            location: None,
        }
    }

    #[test]
    fn all_that_s3_says_is_read() {
        let body = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>\
            AuthorizationHeaderMalformed</Code><Message>The &apos;region&apos; is\nwrong</Message>\
            <Region>eu-west-1</Region><RequestId>R1</RequestId><HostId>h</HostId></Error>";
        let headers = [("x-amz-request-id", "R0"), ("Retry-After", "7")];
        let expected = S3Error::Answered {
            status: 400,
            code: "AuthorizationHeaderMalformed".into(),
            message: "The 'region' is wrong".into(),
            request_id: Some("R0".into()),
            retry_after: Some(RetryAfter::Http(Duration::from_secs(7))),
            region: Some("eu-west-1".into()),
            location: None,
        };
        assert_eq!(read(&response(400, &headers, body)), Some(expected));
        let Some(S3Error::Answered { request_id, .. }) = read(&response(400, &[], body)) else {
            panic!("an answer");
        };
        assert_eq!(request_id.as_deref(), Some("R1"));
    }

    #[test]
    fn errors_inside_a_success_are_errors() {
        let body = b"\n  \n<Error><Code>InternalError</Code><Message>m</Message></Error>";
        assert_eq!(read(&response(200, &[], body)), Some(answered(200, "InternalError", "m")));
        let late = [vec![b' '; 2 * DOCUMENT_READ], body.to_vec()].concat();
        assert_eq!(read(&response(200, &[], &late)), Some(answered(200, "InternalError", "m")));
        let wrapped = b"<ErrorResponse><Error><Code>SlowDown</Code></Error></ErrorResponse>";
        assert_eq!(read(&response(200, &[], wrapped)), Some(answered(200, "SlowDown", "")));
        for body in [&b""[..], b"<html/>", b"<Error/>", b"<R><Error><Code>x</Code></Error></R>"] {
            assert_eq!(read(&response(200, &[], body)), None);
        }
    }

    #[test]
    fn a_cut_document_tells_what_it_can() {
        let body = b"<Error><Code>SlowDown</Code><Message>Reduce</Message><Reg";
        for length in 0..body.len() {
            let Some(S3Error::Answered { status, code, message, .. }) =
                read(&response(503, &[], &body[..length]))
            else {
                panic!("an answer");
            };
            assert_eq!(status, 503);
            assert!(matches!(code.as_str(), "" | "SlowDown"), "{length}: {code}");
            if length >= 28 {
                assert_eq!(code, "SlowDown");
                assert!(matches!(message.as_str(), "" | "Reduce"), "{length}: {message}");
            }
        }
    }

    #[test]
    fn a_message_in_another_encoding_does_not_hide_the_code() {
        let body = b"<Error><Code>AccessDenied</Code><Message>verf\xfcgbar</Message></Error>";
        let expected = answered(403, "AccessDenied", "verf\u{fffd}gbar");
        assert_eq!(read(&response(403, &[], body)), Some(expected));
    }

    #[test]
    fn pages_of_others_are_shown_by_their_start() {
        let page = "<!DOCTYPE html>\r\n<html>\t<title>502 Bad\u{1b}[2J Gateway</title>".to_owned()
            + &"<p>".repeat(200);
        let Some(S3Error::Answered { code, message, .. }) =
            read(&response(502, &[], page.as_bytes()))
        else {
            panic!("an answer");
        };
        assert_eq!(code, "");
        assert!(
            message.starts_with("<!DOCTYPE html> <html> <title>502 Bad\\u{1b}[2J Gateway</title>"),
            "{message}"
        );
        assert!(message.chars().count() <= 200, "{message}");
        assert_eq!(read(&response(404, &[], b"")), Some(answered(404, "", "")));
        assert_eq!(read(&response(500, &[], b"\xff\0")), Some(answered(500, "", "\u{fffd}\\u{0}")));
    }

    #[test]
    fn waiting_times_are_read_or_ignored() {
        const DATE: (&str, &str) = ("date", "Fri, 31 Dec 1999 23:59:50 GMT");
        const LATER: (&str, &str) = ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT");
        let http = |seconds| Some(RetryAfter::Http(Duration::from_secs(seconds)));
        let amazon = |milliseconds| Some(RetryAfter::Amazon(Duration::from_millis(milliseconds)));
        let cases: [(Fields, Option<RetryAfter>); 12] = [
            (&[("retry-after", "3")], http(3)),
            (&[("retry-after", "0")], http(0)),
            (&[("retry-after", "18446744073709551615")], http(u64::MAX)),
            (&[("x-amz-retry-after", "1500")], amazon(1500)),
            (&[("retry-after", "9"), ("x-amz-retry-after", "20")], amazon(20)),
            (&[("retry-after", "9"), ("x-amz-retry-after", "x")], http(9)),
            (&[("retry-after", "-1")], None),
            (&[("retry-after", "+1")], None),
            (&[("retry-after", "1.5")], None),
            (&[LATER], None),
            (&[LATER, DATE], http(9)),
            (&[("x-amz-retry-after", "99999999999999999999")], None),
        ];
        for (headers, expected) in cases {
            let Some(S3Error::Answered { retry_after, .. }) = read(&response(503, headers, b""))
            else {
                panic!("an answer");
            };
            assert_eq!(retry_after, expected, "{headers:?}");
        }
    }

    #[test]
    fn a_redirect_is_read_without_its_path() {
        let cases: [(Fields, &[u8], Option<&str>); 6] = [
            (&[("location", "https://b.s3.example/k?a=b")], b"", Some("https://b.s3.example")),
            (&[("location", "http://127.0.0.1:9000")], b"", Some("http://127.0.0.1:9000")),
            (&[], b"<Error><Endpoint>b.s3.example</Endpoint></Error>", Some("b.s3.example")),
            (&[("location", "/elsewhere")], b"", None),
            (&[("location", "file:///etc/passwd")], b"", None),
            (&[], b"", None),
        ];
        for (headers, body, expected) in cases {
            let Some(S3Error::Answered { location, .. }) = read(&response(307, headers, body))
            else {
                panic!("an answer");
            };
            assert_eq!(location.as_deref(), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_head_names_the_region_in_a_header_and_nothing_else_can_be_a_region() {
        let cases = [
            ("eu-west-1", Some("eu-west-1")),
            ("evil.example", None),
            ("a/b", None),
            ("EU", None),
            ("", None),
            (&*"a".repeat(41), None),
        ];
        for (header, expected) in cases {
            let Some(S3Error::Answered { region, code, .. }) =
                read(&response(301, &[("x-amz-bucket-region", header)], b""))
            else {
                panic!("an answer");
            };
            assert_eq!((region.as_deref(), code.as_str()), (expected, ""), "{header}");
        }
    }
}
