//! What the reqsign crates ask of us: environment, files, and HTTP over an easy handle. All of it
//! is synchronous, so their futures are ready when they are first asked.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{self, Poll, Waker};
use std::thread;

use bytes::Bytes;
use reqsign_core::{Context, Env, Error, FileRead, HttpSend};

use crate::http::{Headers, Method};
use crate::transport::{FetchLimits, fetch};

/// Bytes of a file that are read at most: credentials, tokens and profiles are small.
const FILE_MAX: u64 = 1 << 20;

/// The environment variables as they were handed in. Prints names alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The value of `name`; `None` where it is not set or empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set, and its value.
    pub(super) fn first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The user's home directory (`HOME`).
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }

    /// `path` with a leading `~/` replaced by the home directory, where that is known.
    #[must_use]
    pub fn expand(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

/// From pairs such as `std::env::vars_os()`. Names and values that are not UTF-8 are left out: no
/// variable that is looked for here can be one of them.
impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Environment {
        let text = |text: OsString| text.into_string().ok();
        let pairs = pairs.into_iter();
        Environment(pairs.filter_map(|(n, v)| Some((text(n.into())?, text(v.into())?))).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env for Environment {
    fn var(&self, key: &str) -> Option<String> {
        self.get(key).map(str::to_owned)
    }

    fn vars(&self) -> HashMap<String, String> {
        self.0
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(n, v)| (n.clone(), v.clone()))
            .collect()
    }

    fn home_dir(&self) -> Option<PathBuf> {
        self.home()
    }
}

/// A way to ask one kind of service, and what went wrong on it last: reqsign's own errors do not
/// always say.
pub(super) struct Reach {
    /// What reqsign's providers are given.
    pub(super) context: Context,
    trouble: Trouble,
}

type Trouble = Arc<Mutex<Option<String>>>;

impl Reach {
    /// Asks over HTTP within `limits`.
    pub(super) fn new(environment: &Environment, limits: FetchLimits) -> Reach {
        let trouble = Trouble::default();
        let context = Context::new()
            .with_env(environment.clone())
            .with_file_read(Files { trouble: trouble.clone() })
            .with_http_send(Web { limits, trouble: trouble.clone() });
        Reach { context, trouble }
    }

    /// The same with somebody else's answers, for tests that must not ask STS.
    #[cfg(test)]
    pub(super) fn with_http_send(mut self, http: impl HttpSend) -> Reach {
        self.context = self.context.with_http_send(http);
        self
    }

    /// `error` in one line of words: no control characters, and not longer than a few lines of a
    /// terminal, for parts of it were written by whoever answered.
    pub(super) fn describe(&self, error: &Error) -> String {
        let mut text = error.to_string();
        if let Some(trouble) = lock(&self.trouble).take() {
            text = format!("{text}: {trouble}");
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
    }
}

fn lock(trouble: &Trouble) -> std::sync::MutexGuard<'_, Option<String>> {
    trouble.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Files {
    trouble: Trouble,
}

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        read_file(Path::new(path)).map_err(|error| {
            *lock(&self.trouble) = Some(format!("{path}: {error}"));
            Error::from(error)
        })
    }
}

/// Reads a small file. It is opened without waiting: a FIFO that nobody writes to would hold us for
/// ever.
pub(super) fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    // People say "no file" by naming /dev/null.
    if !kind.is_file() && path != Path::new("/dev/null") {
        let what = if kind.is_dir() { "it is a directory" } else { "it is not a regular file" };
        return Err(io::Error::other(what));
    }
    let mut content = Vec::new();
    file.take(FILE_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_MAX {
        return Err(io::Error::other("it is longer than 1 MiB"));
    }
    Ok(content)
}

#[derive(Debug)]
struct Web {
    limits: FetchLimits,
    trouble: Trouble,
}

impl HttpSend for Web {
    async fn http_send(
        &self,
        request: ::http::Request<Bytes>,
    ) -> reqsign_core::Result<::http::Response<Bytes>> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = send(&request, &self.limits).map_err(|problem| {
            *lock(&self.trouble) = Some(format!("{host}: {problem}"));
            Error::unexpected(problem)
        })?;
        Ok(answer)
    }
}

fn send(
    request: &::http::Request<Bytes>,
    limits: &FetchLimits,
) -> Result<::http::Response<Bytes>, String> {
    let method = match *request.method() {
        ::http::Method::GET => Method::Get,
        ::http::Method::PUT => Method::Put,
        ::http::Method::POST => Method::Post,
        ref other => return Err(format!("no credential service is asked with {other}")),
    };
    let mut headers = Headers::new();
    for (name, value) in request.headers() {
        let value = value.to_str().map_err(|_| format!("header {name} is not ASCII"))?;
        headers.push(name.as_str(), value);
    }
    let url = request.uri().to_string();
    let answer =
        fetch(method, &url, &headers, request.body(), limits).map_err(|error| error.to_string())?;
    ::http::Response::builder()
        .status(answer.status)
        .body(Bytes::from(answer.body))
        .map_err(|error| error.to_string())
}

/// Runs a future of reqsign's to its end. Everything beneath it blocks, so it is ready at once; a
/// waker would have nobody to wake.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = task::Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_empty_variable_is_not_set_and_none_is_printed() {
        let environment: Environment =
            [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "wJalr"), ("HOME", "/h")]
                .into_iter()
                .collect();
        assert_eq!(environment.get("AWS_ACCESS_KEY_ID"), None);
        assert_eq!(environment.var("AWS_ACCESS_KEY_ID"), None);
        assert!(!environment.vars().contains_key("AWS_ACCESS_KEY_ID"));
        assert_eq!(environment.get("AWS_SECRET_ACCESS_KEY"), Some("wJalr"));
        assert_eq!(environment.expand("~/.aws/config"), Path::new("/h/.aws/config"));
        assert_eq!(environment.expand("/~/x"), Path::new("/~/x"));
        assert!(!format!("{environment:?}").contains("wJalr"));
    }

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("small"), "text").unwrap();
        assert_eq!(read_file(&path("small")).unwrap(), b"text");
        assert_eq!(read_file(Path::new("/dev/null")).unwrap(), b"");
        assert_eq!(read_file(folder.path()).unwrap_err().to_string(), "it is a directory");
        let zero = read_file(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(zero.to_string(), "it is not a regular file");
        fs::File::create(path("large")).unwrap().set_len(FILE_MAX + 1).unwrap();
        assert_eq!(read_file(&path("large")).unwrap_err().to_string(), "it is longer than 1 MiB");
        assert_eq!(read_file(&path("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        let made = std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap();
        assert!(made.success());
        let fifo = read_file(&path("fifo")).unwrap_err();
        assert_eq!(fifo.to_string(), "it is not a regular file");
    }
}
