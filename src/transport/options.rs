//! Settings and requests as options of an easy handle. Every option is set anew for every
//! exchange, so that none of an earlier one can linger.

use std::sync::LazyLock;
use std::time::Duration;

use curl::easy::{Easy2, Handler, HttpVersion, List};

use super::{HandleSettings, raw};
use crate::http::{ConnectionWanted, Method, Request};

/// `CURLPROTO_HTTP | CURLPROTO_HTTPS`: nothing else is ever spoken.
const HTTP_AND_HTTPS: libc::c_long = 1 | 2;

/// Resets `easy` and sets what is the same for all requests.
pub(super) fn apply_settings<H: Handler>(
    easy: &mut Easy2<H>,
    settings: &HandleSettings,
) -> Result<(), curl::Error> {
    easy.reset();
    easy.signal(false)?;
    easy.http_version(HttpVersion::V11)?;
    raw::set_long(easy, curl_sys::CURLOPT_PROTOCOLS, HTTP_AND_HTTPS)?;
    raw::set_long(easy, raw::SUPPRESS_CONNECT_HEADERS, 1)?;
    easy.path_as_is(true)?;
    easy.max_redirections(REPEATS_MAX)?;
    easy.upload_buffer_size(settings.upload_buffer_size)?;
    easy.connect_timeout(settings.connect_timeout)?;
    easy.low_speed_limit(settings.low_speed_limit)?;
    easy.low_speed_time(settings.low_speed_time)?;
    easy.tcp_nodelay(true)?;
    easy.tcp_keepalive(true)?;
    easy.tcp_keepidle(settings.keepalive_idle)?;
    easy.tcp_keepintvl(settings.keepalive_interval)?;
    easy.maxage_conn(settings.connection_idle_max)?;
    // S3 answers with several addresses: all of them are used, and not one by all clients.
    raw::set_long(easy, raw::DNS_SHUFFLE_ADDRESSES, 1)?;
    easy.useragent(&settings.user_agent)?;
    easy.ssl_verify_peer(settings.verify_tls)?;
    easy.ssl_verify_host(settings.verify_tls)?;
    apply_authorities(easy, settings)?;
    if let Some(proxy) = &settings.proxy {
        easy.proxy(proxy)?;
    }
    Ok(())
}

/// How often libcurl may repeat a request of itself: a proxy's authentication takes some rounds. To
/// a 417 it repeats one that keeps its `Expect` for ever (`CURLOPT_MAXREDIRS`: 30 by default).
const REPEATS_MAX: u32 = 4;

/// Whose certificates are believed. A bundle excludes the folder of single certificates, for what
/// is asked instead of the system's shall not be added to it, and because libcurl remembers the
/// parsed authorities only where they come from a file alone: else each connection parses them
/// anew (measured: 5 ms of CPU each, and 6 MiB).
fn apply_authorities<H>(easy: &mut Easy2<H>, settings: &HandleSettings) -> Result<(), curl::Error> {
    if let Some(bundle) = &settings.ca_bundle {
        easy.cainfo(bundle)?;
    }
    if settings.ca_bundle.is_some() || *SYSTEM_HAS_A_BUNDLE {
        raw::unset(easy, curl_sys::CURLOPT_CAPATH)?;
    }
    Ok(())
}

/// Whether the curl crate found a bundle and will have set it; where the user names places by
/// `SSL_CERT_FILE` or `SSL_CERT_DIR`, both are left as they are.
#[cfg(feature = "vendored")]
static SYSTEM_HAS_A_BUNDLE: LazyLock<bool> = LazyLock::new(|| {
    !openssl_probe::has_ssl_cert_env_vars() && openssl_probe::probe().cert_file.is_some()
});

/// The system's libcurl knows the system's places.
#[cfg(not(feature = "vendored"))]
static SYSTEM_HAS_A_BUNDLE: LazyLock<bool> = LazyLock::new(|| false);

/// Sets what this request asks for, with a body of `length` bytes.
pub(super) fn apply_request<H>(
    easy: &mut Easy2<H>,
    request: &Request,
    length: u64,
    connection: ConnectionWanted,
) -> Result<(), Refused> {
    let lines = header_lines(request)?;
    let mut list = List::new();
    for line in &lines {
        list.append(line)?;
    }
    easy.http_headers(list)?;
    easy.url(&request.url.to_string())?;
    easy.fresh_connect(connection.is_new)?;
    if connection.is_resolved {
        // What was cached may be the address of the machine that has just failed.
        easy.dns_cache_timeout(Duration::ZERO)?;
    }
    // UPLOAD also for POST: libcurl's own POST would add a Content-Type that nobody signed.
    let with_body = matches!(request.method, Method::Put | Method::Post) || length > 0;
    if with_body {
        easy.upload(true)?;
        easy.in_filesize(length)?;
    } else {
        easy.nobody(request.method == Method::Head)?;
    }
    easy.custom_request(request.method.as_str())?;
    Ok(())
}

/// Why a request was not even begun.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// A header field that cannot be sent as it was signed.
    #[error("header {name:?} has {what}, which cannot be sent")]
    Header { name: String, what: &'static str },
    /// libcurl refused an option.
    #[error("libcurl refused the request: {0}")]
    Option(#[from] curl::Error),
}

/// The header fields as `CURLOPT_HTTPHEADER` wants them, `Host` exactly as it was signed.
fn header_lines(request: &Request) -> Result<Vec<String>, Refused> {
    let mut lines = vec![line("Host", &request.url.authority)?];
    for (name, value) in request.headers.iter() {
        // libcurl makes Content-Length itself out of the same number.
        if name != "host" && name != "content-length" {
            lines.push(line(name, value)?);
        }
    }
    if request.headers.get("expect").is_none() {
        // Else libcurl adds `Expect: 100-continue` above 1 MiB and waits a second for the answer.
        lines.push("Expect:".to_owned());
    }
    Ok(lines)
}

fn line(name: &str, value: &str) -> Result<String, Refused> {
    let refuse = |what| Err(Refused::Header { name: name.to_owned(), what });
    if name.is_empty() || !name.bytes().all(is_token) {
        return refuse("a name that is no HTTP token");
    }
    // libcurl passes line ends on as they are: a value could add fields, or a second request.
    if value.contains(['\r', '\n', '\0']) {
        return refuse("a line end or NUL in its value");
    }
    // `Name:` would remove the field; `Name;` sends it empty.
    let empty = value.trim().is_empty();
    Ok(if empty { format!("{name};") } else { format!("{name}: {value}") })
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Headers, Scheme, Url};

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        Request {
            method: Method::Put,
            url: Url {
                scheme: Scheme::Https,
                authority: "s3.example:443".into(),
                path: "/b/k".into(),
                query: Vec::new(),
            },
            headers: fields,
            body: Body::Empty,
        }
    }

    #[test]
    fn host_is_the_authority_and_the_length_is_libcurls() {
        let request = request(&[("host", "other"), ("content-length", "3"), ("x-a", "1")]);
        assert_eq!(header_lines(&request).unwrap(), ["Host: s3.example:443", "x-a: 1", "Expect:"]);
    }

    #[test]
    fn an_empty_value_is_sent_and_a_wanted_expectation_kept() {
        let request = request(&[("x-amz-meta-a", " "), ("expect", "100-continue")]);
        let lines = header_lines(&request).unwrap();
        assert_eq!(lines[1..], ["x-amz-meta-a;", "expect: 100-continue"]);
    }

    #[test]
    fn fields_that_could_smuggle_are_refused_without_printing_the_value() {
        for (name, value) in [("x-a", "1\r\nx-b: 2"), ("x-a", "1\n"), ("x:a", "1"), ("x-a", "\0")] {
            let error = header_lines(&request(&[(name, value)])).unwrap_err().to_string();
            assert!(error.contains("cannot be sent") && !error.contains("x-b"), "{error}");
        }
    }
}
