//! Settings and requests as options of an easy handle. Every option is set anew for every
//! exchange, so that none of an earlier one can linger.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use curl::easy::{Easy2, Handler, List};

use super::HandleSettings;
use super::error::TransportError;
use super::raw::{self, Keeps, Prepared};
use crate::http::{ConnectionWanted, Method, Request, is_token};

/// `CURLPROTO_HTTP | CURLPROTO_HTTPS`: nothing else is ever spoken.
const HTTP_AND_HTTPS: libc::c_long = 1 | 2;

/// What is the same for all requests, ready to be set again and again.
#[derive(Debug)]
pub(super) struct Common {
    prepared: Arc<Prepared>,
    /// Names, to tell which was refused.
    names: Vec<&'static str>,
    /// Whether only a bundle of authorities is believed, and no folder of single ones.
    is_without_folder: bool,
    without_fields: Vec<String>,
}

impl Common {
    pub(super) fn new(settings: &HandleSettings) -> Result<Common, TransportError> {
        let prepared = Prepared::new(&settings.easy)
            .map_err(|error| TransportError::setting("an option", &error.to_string()))?;
        Ok(Common {
            prepared: Arc::new(prepared),
            names: settings.easy.iter().map(|set| set.option.name).collect(),
            is_without_folder: is_without_folder(settings),
            without_fields: settings.without_fields.clone(),
        })
    }

    /// Resets `easy` and sets all of it.
    pub(super) fn apply<H: Handler + Keeps>(
        &self,
        easy: &mut Easy2<H>,
    ) -> Result<(), TransportError> {
        let refused = |(place, error): (usize, curl::Error)| {
            TransportError::setting(self.names[place], error.description())
        };
        self.prepared.reset_to(easy).map_err(refused)?;
        apply_engines(easy, self.is_without_folder)
            .map_err(|error| TransportError::setting("its own", error.description()))
    }
}

/// An option that is the engine's own, for those who ask what is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOption {
    /// Without `CURLOPT_`.
    pub name: &'static str,
    /// The value, or where it comes from.
    pub value: &'static str,
}

/// An option that has the same value in all requests; users' are refused by name.
struct Fixed {
    name: &'static str,
    id: curl_sys::CURLoption,
    value: libc::c_long,
    shown: &'static str,
}

const FIXED: [Fixed; 4] = [
    Fixed { name: "NOSIGNAL", id: curl_sys::CURLOPT_NOSIGNAL, value: 1, shown: "1" },
    Fixed {
        name: "PROTOCOLS",
        id: curl_sys::CURLOPT_PROTOCOLS,
        value: HTTP_AND_HTTPS,
        shown: "http + https",
    },
    Fixed {
        name: "SUPPRESS_CONNECT_HEADERS",
        id: raw::SUPPRESS_CONNECT_HEADERS,
        value: 1,
        shown: "1",
    },
    Fixed { name: "PATH_AS_IS", id: curl_sys::CURLOPT_PATH_AS_IS, value: 1, shown: "1" },
];

/// What [`apply_request`] sets, and the callbacks that the curl crate sets for it.
const OF_EACH_REQUEST: [(&str, &str); 10] = [
    ("HTTPHEADER", "the signed fields of each request"),
    ("URL", "the address of each request"),
    ("CUSTOMREQUEST", "the method of each request"),
    ("UPLOAD", "1 where a request has a body"),
    ("INFILESIZE_LARGE", "the length of that body"),
    ("NOBODY", "1 for HEAD"),
    ("FRESH_CONNECT", "1 where another connection is wanted after a failure"),
    ("DNS_CACHE_TIMEOUT", "0 where another address is wanted after a failure"),
    ("READFUNCTION", "reads the file, with SEEKFUNCTION"),
    ("WRITEFUNCTION", "takes the answer, with HEADERFUNCTION"),
];

/// What is set over `settings`, in the order in which it is.
#[must_use]
pub fn engine_options(settings: &HandleSettings) -> Vec<EngineOption> {
    let fixed = FIXED.iter().map(|Fixed { name, shown, .. }| (*name, *shown));
    let folder = is_without_folder(settings).then_some(("CAPATH", "unset: the bundle alone"));
    let all = fixed.chain(folder).chain(OF_EACH_REQUEST);
    all.map(|(name, value)| EngineOption { name, value }).collect()
}

/// What no option may change.
fn apply_engines<H: Handler>(
    easy: &mut Easy2<H>,
    is_without_folder: bool,
) -> Result<(), curl::Error> {
    for Fixed { id, value, .. } in &FIXED {
        raw::set_long(easy, *id, *value)?;
    }
    if is_without_folder {
        raw::unset(easy, curl_sys::CURLOPT_CAPATH)?;
    }
    Ok(())
}

/// Whose certificates are believed. A bundle excludes the folder of single certificates, for what
/// is asked instead of the system's shall not be added to it, and because libcurl remembers the
/// parsed authorities only where they come from a file alone: else each connection parses them
/// anew (measured: 5 ms of CPU each, and 6 MiB).
fn is_without_folder(settings: &HandleSettings) -> bool {
    let has_bundle =
        settings.sets("CAINFO") || settings.sets("CAINFO_BLOB") || *SYSTEM_HAS_A_BUNDLE;
    has_bundle && !settings.sets("CAPATH")
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
    common: &Common,
    request: &Request,
    length: u64,
    connection: ConnectionWanted,
) -> Result<(), Refused> {
    let lines = header_lines(request, &common.without_fields)?;
    let mut list = List::new();
    for line in &lines {
        list.append(line)?;
    }
    easy.http_headers(list)?;
    easy.url(&request.url.to_string())?;
    if connection.is_new {
        easy.fresh_connect(true)?;
    }
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
fn header_lines(request: &Request, without: &[String]) -> Result<Vec<String>, Refused> {
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
    let is_ours = |name: &str| name == "expect" || request.headers.get(name).is_some();
    lines.extend(without.iter().filter(|name| !is_ours(name)).map(|name| format!("{name}:")));
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
        assert_eq!(
            header_lines(&request, &[]).unwrap(),
            ["Host: s3.example:443", "x-a: 1", "Expect:"]
        );
    }

    #[test]
    fn an_empty_value_is_sent_and_a_wanted_expectation_kept() {
        let request = request(&[("x-amz-meta-a", " "), ("expect", "100-continue")]);
        let lines = header_lines(&request, &[]).unwrap();
        assert_eq!(lines[1..], ["x-amz-meta-a;", "expect: 100-continue"]);
    }

    #[test]
    fn what_the_engine_sets_has_the_number_of_its_name() {
        for Fixed { name, id, .. } in &FIXED {
            let option = crate::curlopt::find(crate::curlopt::Handle::Easy, name).unwrap();
            assert_eq!((option.id, option.name), (*id, *name));
        }
        for EngineOption { name, .. } in engine_options(&HandleSettings::default()) {
            assert!(crate::curlopt::find(crate::curlopt::Handle::Easy, name).is_ok(), "{name}");
        }
    }

    #[test]
    fn fields_of_libcurls_own_are_left_out_but_none_of_ours() {
        let without = ["accept", "x-a", "expect"].map(str::to_owned);
        let lines = header_lines(&request(&[("x-a", "1")]), &without).unwrap();
        assert_eq!(lines[1..], ["x-a: 1", "Expect:", "accept:"]);
    }

    #[test]
    fn fields_that_could_smuggle_are_refused_without_printing_the_value() {
        for (name, value) in [("x-a", "1\r\nx-b: 2"), ("x-a", "1\n"), ("x:a", "1"), ("x-a", "\0")] {
            let error = header_lines(&request(&[(name, value)]), &[]).unwrap_err().to_string();
            assert!(error.contains("cannot be sent") && !error.contains("x-b"), "{error}");
        }
    }
}
