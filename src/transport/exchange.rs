//! One exchange as libcurl's callbacks see it: the body goes out of a [`BodyReader`] straight
//! into libcurl's buffer, the answer comes in, bounded. It neither sends nor judges.

use std::any::Any;
use std::io::{self, SeekFrom};
use std::os::fd::IntoRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use curl::easy::{Handler, InfoType, ReadError, SeekResult, WriteError};
use libc::c_int;
use socket2::Socket;

use super::raw::{Keeps, Prepared};
use super::{BodyReader, now};
use crate::http::{Headers, Response};

/// Bytes of a body that are kept where the status is no error: S3's own documents stay far below,
/// but the blanks ahead of a slow `CompleteMultipartUpload`'s count too.
const ANSWER_BODY_MAX: usize = 10 << 20;
/// Bytes of an error's body that are kept: S3's have a few hundred, the rest are pages of others.
const ERROR_BODY_MAX: usize = 64 << 10;
/// Bytes of header fields that are kept.
const ANSWER_HEADERS_MAX: usize = 256 * 1024;

/// The handler of one easy handle: idle between exchanges.
#[derive(Debug)]
pub(super) struct Exchange<B> {
    body: Option<B>,
    /// Bytes the body gave since its first byte.
    given: u64,
    answer: Answer,
    pub(super) seen: Seen,
    /// A panic of the body's reader. It must not unwind through C, and the curl crate, which
    /// would catch it, would then refuse every later callback of this thread.
    panic: Option<Box<dyn Any + Send>>,
    /// What its handle's options point to.
    kept: Option<Arc<Prepared>>,
}

/// What the callbacks noticed.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// Times libcurl read the body from its start again.
    pub(super) rewinds: u32,
    /// Bytes it had taken by then.
    pub(super) bytes_resent: u64,
    /// Whether a final answer began while the body still had bytes to give.
    pub(super) answered_early: bool,
    /// The longest that one read of the body took.
    pub(super) slowest_read: Duration,
    /// Bytes received: status lines, fields, body, answers of the 1xx kind included.
    pub(super) received: u64,
    /// When a byte last moved.
    pub(super) moved_at: Instant,
    /// When the last socket was opened.
    pub(super) socket_opened: Option<Instant>,
    /// The system's number of why no socket could be opened.
    pub(super) socket_error: Option<i32>,
    /// Why the body gave no more bytes.
    pub(super) source_error: Option<String>,
    /// Whether the answer outgrew what is kept.
    pub(super) answer_too_large: bool,
}

/// The final answer, as far as it came.
#[derive(Debug, Default)]
struct Answer {
    response: Option<Response>,
    header_bytes: usize,
    /// Fields still come; behind the empty line only trailers do.
    in_head: bool,
}

impl<B> Exchange<B> {
    pub(super) fn idle() -> Exchange<B> {
        Exchange {
            body: None,
            given: 0,
            answer: Answer::default(),
            seen: Seen::new(),
            panic: None,
            kept: None,
        }
    }

    /// Begins anew: nothing of an earlier exchange remains.
    pub(super) fn begin(&mut self, body: B) {
        *self = Exchange { body: Some(body), kept: self.kept.take(), ..Exchange::idle() };
    }

    /// Ends it: the answer, what was seen, the body, and a panic of the body's reader.
    pub(super) fn end(&mut self) -> Ended<B> {
        let idle = Exchange { kept: self.kept.take(), ..Exchange::idle() };
        let ended = std::mem::replace(self, idle);
        Ended {
            head_whole: !ended.answer.in_head,
            response: ended.answer.response,
            seen: ended.seen,
            body: ended.body,
            panic: ended.panic,
        }
    }
}

impl<B> Keeps for Exchange<B> {
    fn keep(&mut self, prepared: Arc<Prepared>) {
        self.kept = Some(prepared);
    }
}

/// What an exchange leaves behind.
pub(super) struct Ended<B> {
    pub(super) response: Option<Response>,
    /// Whether the answer's head came to its empty line; libcurl takes one that was cut for a
    /// success.
    pub(super) head_whole: bool,
    pub(super) seen: Seen,
    pub(super) body: Option<B>,
    pub(super) panic: Option<Box<dyn Any + Send>>,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            rewinds: 0,
            bytes_resent: 0,
            answered_early: false,
            slowest_read: Duration::ZERO,
            received: 0,
            moved_at: now(),
            socket_opened: None,
            socket_error: None,
            source_error: None,
            answer_too_large: false,
        }
    }

    /// A read of the body that gave bytes.
    fn read(&mut self, began: Instant, ended: Instant) {
        self.slowest_read = self.slowest_read.max(ended.duration_since(began));
        self.moved_at = ended;
    }
}

impl<B: BodyReader> Exchange<B> {
    /// Runs `work` on the body; keeps its panic.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut B) -> T) -> Option<T> {
        let body = self.body.as_mut()?;
        match catch_unwind(AssertUnwindSafe(|| work(body))) {
            Ok(value) => Some(value),
            Err(panic) => {
                self.panic = Some(panic);
                None
            }
        }
    }

    /// Whether the body has bytes that libcurl has not taken.
    fn has_more(&self) -> bool {
        self.body.as_ref().is_some_and(|body| self.given < body.length())
    }

    /// Fills libcurl's buffer; an end before the promised length is an error, never padded.
    fn fill(&mut self, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let given = self.given;
        self.guarded(|body| {
            let count = body.read(buffer)?;
            assert!(count <= buffer.len(), "a body gave more bytes than there was room for");
            let length = body.length();
            if count == 0 && given < length && !buffer.is_empty() {
                let reason = format!("the source ended after {given} of {length} bytes");
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
            }
            Ok(count)
        })
    }
}

impl<B: BodyReader> Handler for Exchange<B> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let began = now();
        match self.fill(buffer) {
            Some(Ok(count)) => {
                self.given += count as u64;
                self.seen.read(began, now());
                Ok(count)
            }
            Some(Err(error)) => {
                self.seen.source_error = Some(error.to_string());
                Err(ReadError::Abort)
            }
            None => Err(ReadError::Abort),
        }
    }

    fn seek(&mut self, whence: SeekFrom) -> SeekResult {
        if whence != SeekFrom::Start(0) {
            return SeekResult::CantSeek;
        }
        if self.guarded(BodyReader::rewind).is_none() {
            return SeekResult::Fail;
        }
        self.seen.bytes_resent += std::mem::take(&mut self.given);
        self.answer = Answer::default();
        self.seen.rewinds += 1;
        SeekResult::Ok
    }

    fn header(&mut self, line: &[u8]) -> bool {
        self.seen.received += line.len() as u64;
        self.seen.moved_at = now();
        let kept = self.answer.line(line);
        self.seen.answer_too_large |= !kept;
        self.seen.answered_early |= self.answer.in_head && self.has_more();
        kept
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, WriteError> {
        self.seen.received += bytes.len() as u64;
        self.seen.moved_at = now();
        let taken = self.answer.take(bytes);
        self.seen.answer_too_large |= taken < bytes.len();
        // Fewer than were offered ends the transfer.
        Ok(taken)
    }

    /// As the crate would, but time and failure are kept: libcurl's own times begin anew where it
    /// repeats a request, and it never learns why there is no socket.
    fn open_socket(
        &mut self,
        family: c_int,
        kind: c_int,
        protocol: c_int,
    ) -> Option<curl_sys::curl_socket_t> {
        match Socket::new(family.into(), kind.into(), Some(protocol.into())) {
            Ok(socket) => {
                self.seen.socket_opened = Some(now());
                Some(socket.into_raw_fd())
            }
            Err(error) => {
                self.seen.socket_error = error.raw_os_error();
                None
            }
        }
    }

    fn debug(&mut self, _kind: InfoType, _data: &[u8]) {
        // The crate's default would print, credentials included.
    }
}

impl Answer {
    /// Takes one line of the head; whether there was room for it.
    fn line(&mut self, line: &[u8]) -> bool {
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.starts_with("HTTP/") {
            *self = Answer::begin(text);
            return true;
        }
        if text.is_empty() {
            self.in_head = false;
        }
        if !self.in_head {
            return true;
        }
        self.header_bytes += line.len();
        if self.header_bytes > ANSWER_HEADERS_MAX {
            return false;
        }
        if let (Some(response), Some((name, value))) = (&mut self.response, text.split_once(':')) {
            response.headers.push(name.trim(), value.trim());
        }
        true
    }

    /// A status line begins an answer, or announces one (1xx).
    fn begin(status_line: &str) -> Answer {
        let status = status_line.split_ascii_whitespace().nth(1).and_then(|s| s.parse().ok());
        let response = status.filter(|status: &u16| *status >= 200).map(|status| Response {
            status,
            headers: Headers::new(),
            body: Vec::new(),
        });
        Answer { in_head: response.is_some(), response, header_bytes: 0 }
    }

    /// Takes bytes of the body; how many there was room for.
    fn take(&mut self, bytes: &[u8]) -> usize {
        let Some(response) = &mut self.response else { return bytes.len() };
        let most = if response.status < 300 { ANSWER_BODY_MAX } else { ERROR_BODY_MAX };
        let taken = bytes.len().min(most - response.body.len());
        response.body.extend_from_slice(&bytes[..taken]);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> Answer {
        let mut answer = Answer::default();
        for line in lines {
            assert!(answer.line(line.as_bytes()));
        }
        answer
    }

    #[test]
    fn interim_answers_are_passed_over() {
        let lines = ["HTTP/1.1 100 Continue\r\n", "X-A: 1\r\n", "\r\n", "HTTP/1.1 200 OK\r\n"];
        let answer = answer(&[&lines[..], &["ETag:  \"x\" \r\n", "\r\n"]].concat());
        let response = answer.response.unwrap();
        assert_eq!(response.status, 200);
        assert_eq!(response.headers.iter().collect::<Vec<_>>(), [("etag", "\"x\"")]);
    }

    #[test]
    fn only_an_interim_answer_is_no_answer() {
        assert!(answer(&["HTTP/1.1 100 Continue\r\n", "\r\n"]).response.is_none());
    }

    #[test]
    fn trailers_are_no_headers() {
        let answer = answer(&["HTTP/1.1 200 OK\r\n", "A: 1\r\n", "\r\n", "B: 2\r\n"]);
        assert_eq!(answer.response.unwrap().headers.get("b"), None);
    }

    #[test]
    fn a_status_line_is_an_answer_though_its_fields_are_missing() {
        assert_eq!(answer(&["HTTP/1.1 503 Slow Down\r\n"]).response.unwrap().status, 503);
        assert_eq!(answer(&["HTTP/1.1 403\r\n"]).response.unwrap().status, 403);
    }

    #[test]
    fn head_and_body_are_bounded() {
        for (status, most) in [("200 OK", ANSWER_BODY_MAX), ("300 No", ERROR_BODY_MAX)] {
            let mut answer = answer(&[&format!("HTTP/1.1 {status}\r\n")]);
            assert_eq!(answer.take(&vec![0; most - 1]), most - 1, "{status}");
            assert_eq!([answer.take(&[0; 5]), answer.take(&[0; 5])], [1, 0], "{status}");
        }
        let mut answer = answer(&["HTTP/1.1 200 OK\r\n"]);
        let field = format!("X: {}\r\n", "y".repeat(ANSWER_HEADERS_MAX));
        assert!(!answer.line(field.as_bytes()));
    }
}
