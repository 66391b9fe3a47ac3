//! One small exchange, carried to its end on a handle of its own: how the credential services are
//! asked. It blocks, keeps nothing, follows no redirect and tries once; file bodies and S3 travel
//! through the driver instead.

use std::path::PathBuf;
use std::str;
use std::time::Duration;

use curl::easy::{Easy2, Handler, List, WriteError};

use crate::http::{Headers, Method, Response};

/// Bytes of an answer that are kept at most; the answers asked for here have a few thousand.
const ANSWER_MAX: usize = 1 << 20;

/// How long a fetch may take and which way it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchLimits {
    /// `CONNECTTIMEOUT_MS`.
    pub connect_timeout: Duration,
    /// `TIMEOUT_MS`, for the whole exchange.
    pub timeout: Duration,
    /// Whether libcurl's proxy variables apply. Addresses that mean "this machine" must not be
    /// asked through a proxy: there they mean another machine.
    pub proxy: bool,
    /// `CAINFO`.
    pub ca_bundle: Option<PathBuf>,
}

/// Why there is no answer, in libcurl's words. Holds no header and no body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

impl From<curl::Error> for FetchError {
    fn from(error: curl::Error) -> FetchError {
        FetchError(error.extra_description().unwrap_or(error.description()).to_owned())
    }
}

/// Sends `body` to `url` and waits for the answer, whatever its status.
///
/// # Errors
/// Where no whole answer came within the limits, it is longer than 1 MiB, the URL is neither
/// `http` nor `https`, or a header holds a control character.
pub fn fetch(
    method: Method,
    url: &str,
    headers: &Headers,
    body: &[u8],
    limits: &FetchLimits,
) -> Result<Response, FetchError> {
    if !["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(FetchError("only http and https can be asked".into()));
    }
    let mut easy = Easy2::new(Answer::default());
    easy.url(url)?;
    if method == Method::Get {
        easy.get(true)?;
    } else {
        easy.post(true)?;
        easy.post_fields_copy(body)?;
        easy.custom_request(method.as_str())?;
    }
    easy.http_headers(header_list(headers)?)?;
    easy.connect_timeout(limits.connect_timeout)?;
    easy.timeout(limits.timeout)?;
    if !limits.proxy {
        easy.proxy("")?;
    }
    if let Some(bundle) = &limits.ca_bundle {
        easy.cainfo(bundle)?;
    }
    let ended = easy.perform();
    if easy.get_ref().too_long {
        return Err(FetchError("the answer is longer than 1 MiB".into()));
    }
    ended?;
    let status = easy.response_code()? as u16;
    let Answer { headers, body, .. } = std::mem::take(easy.get_mut());
    Ok(Response { status, headers, body })
}

/// The headers as libcurl takes them. The length is libcurl's to write, and it must not wait for
/// `100 Continue` before a body of a few bytes.
fn header_list(headers: &Headers) -> Result<List, FetchError> {
    let mut list = List::new();
    list.append("Expect:")?;
    for (name, value) in headers.iter().filter(|(name, _)| *name != "content-length") {
        if name.chars().chain(value.chars()).any(|c| c.is_control() && c != '\t') {
            return Err(FetchError(format!("the value of header {name:?} cannot be sent")));
        }
        let separator = if value.is_empty() { ";" } else { ": " };
        list.append(&format!("{name}{separator}{value}"))?;
    }
    Ok(list)
}

/// What has come back so far.
#[derive(Debug, Default)]
struct Answer {
    headers: Headers,
    body: Vec<u8>,
    too_long: bool,
}

impl Handler for Answer {
    fn header(&mut self, line: &[u8]) -> bool {
        let line = str::from_utf8(line).unwrap_or_default().trim_end();
        if line.starts_with("HTTP/") {
            // An interim answer (1xx) came before.
            self.headers = Headers::new();
        } else if let Some((name, value)) = line.split_once(':') {
            self.headers.push(name, value.trim());
        }
        true
    }

    fn write(&mut self, data: &[u8]) -> Result<usize, WriteError> {
        if self.body.len() + data.len() > ANSWER_MAX {
            self.too_long = true;
            return Ok(0);
        }
        self.body.extend_from_slice(data);
        Ok(data.len())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::{self, JoinHandle};

    use super::*;

    fn limits() -> FetchLimits {
        FetchLimits {
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(5),
            proxy: false,
            ca_bundle: None,
        }
    }

    /// Answers one request with `answer`; gives back the address and what was asked.
    fn server(answer: Vec<u8>) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/path?a=b", listener.local_addr().unwrap());
        let asked = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                assert!(reader.read_line(&mut head).unwrap() > 0);
            }
            for line in head.lines() {
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            // A client that has had enough may be gone already.
            let _ = stream.write_all(&answer);
            head + str::from_utf8(&body).unwrap()
        });
        (url, asked)
    }

    #[test]
    fn a_request_is_sent_as_told_and_answered_whole() {
        let (url, asked) = server(
            b"HTTP/1.1 100 Continue\r\nx-old: 1\r\n\r\n\
              HTTP/1.1 403 No\r\nX-Reason: because\r\nContent-Length: 4\r\n\r\nbody"
                .to_vec(),
        );
        let mut headers = Headers::new();
        headers.push("x-token", "TOKEN");
        headers.push("content-length", "17");
        headers.push("x-empty", "");
        let answer = fetch(Method::Put, &url, &headers, b"hello", &limits()).unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (403, b"body".as_slice()));
        assert_eq!(answer.headers.get("x-reason"), Some("because"));
        assert_eq!(answer.headers.get("x-old"), None);
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("PUT /path?a=b HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("\r\nx-token: TOKEN\r\n"), "{asked}");
        assert!(asked.contains("\r\nx-empty:\r\n"), "{asked}");
        assert!(asked.contains("\r\nContent-Length: 5\r\n"), "{asked}");
        assert!(!asked.to_lowercase().contains("expect"), "{asked}");
        assert!(asked.ends_with("\r\n\r\nhello"), "{asked}");
    }

    #[test]
    fn a_redirect_is_an_answer_like_any_other() {
        let (url, asked) = server(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                .to_vec(),
        );
        let answer = fetch(Method::Get, &url, &Headers::new(), b"", &limits()).unwrap();
        assert_eq!(answer.status, 302);
        asked.join().unwrap();
    }

    #[test]
    fn an_answer_without_end_is_refused() {
        let mut long = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        long.resize(ANSWER_MAX + 100_000, b'x');
        let (url, _) = server(long);
        let error = fetch(Method::Get, &url, &Headers::new(), b"", &limits()).unwrap_err();
        assert_eq!(error.to_string(), "the answer is longer than 1 MiB");
    }

    #[test]
    fn what_cannot_be_asked_is_said() {
        // Bound and never accepted from: the connection opens, no answer comes.
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", silent.local_addr().unwrap());
        let hasty = FetchLimits { timeout: Duration::from_millis(200), ..limits() };
        let error = fetch(Method::Get, &url, &Headers::new(), b"", &hasty).unwrap_err();
        assert!(error.to_string().contains("timed out"), "{error}");
        drop(silent);
        let error = fetch(Method::Get, &url, &Headers::new(), b"", &limits()).unwrap_err();
        assert!(error.to_string().contains("connect"), "{error}");
        let error =
            fetch(Method::Get, "file:///etc/passwd", &Headers::new(), b"", &limits()).unwrap_err();
        assert_eq!(error.to_string(), "only http and https can be asked");
        let mut headers = Headers::new();
        headers.push("x-token", "SECRET\r\nx-other: 1");
        let error = fetch(Method::Get, &url, &headers, b"", &limits()).unwrap_err();
        assert!(error.to_string().contains("x-token"), "{error}");
        assert!(!error.to_string().contains("SECRET"), "{error}");
    }
}
