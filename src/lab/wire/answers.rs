//! The bytes of answers on their way out, and the faults that touch them: `100 Continue` left
//! out, an answer cut in its middle, an answer that is not HTTP.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Conversation, End, Stream};

/// What becomes of the bytes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::lab) enum Mangle {
    /// They are sent.
    #[default]
    Nothing,
    /// `100 Continue` is left out, the answer is sent.
    Without100,
    /// Half of the body is sent, or half of the head where there is no body; then FIN.
    Cut {
        /// Bytes of the body.
        body: u64,
    },
    /// Something that is not HTTP is sent in their place; then FIN.
    Garbage,
}

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const GARBAGE: &[u8] = b"\x15\x03\x03\x00\x02 this is not HTTP \xff\xfe\x00\r\n\r\n";

/// A stream whose writes are the answers of one connection.
pub(super) struct Answers {
    stream: Box<dyn Stream>,
    conversation: Conversation,
    mangle: Mangle,
    /// Bytes of the answer that are still to be sent; all that follow are swallowed.
    left: Option<usize>,
}

impl Answers {
    pub(super) fn new(stream: Box<dyn Stream>, conversation: Conversation) -> Answers {
        Answers { stream, conversation, mangle: Mangle::Nothing, left: None }
    }

    /// Sends the beginning of an answer that is to be cut, and swallows its end.
    fn poll_cut(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        body: u64,
    ) -> Poll<io::Result<usize>> {
        let left = *self.left.get_or_insert_with(|| half(bytes, body));
        let sent = left.min(bytes.len());
        if sent > 0 {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &bytes[..sent]))?;
            self.left = Some(left - written);
            if written < left.min(bytes.len()) {
                return Poll::Ready(Ok(written));
            }
        }
        if self.left == Some(0) {
            self.finish(cx);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Sends garbage in place of an answer.
    fn poll_garbage(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = *self.left.get_or_insert(GARBAGE.len());
        if left > 0 {
            let rest = &GARBAGE[GARBAGE.len() - left..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            self.left = Some(left - written);
        }
        if self.left == Some(0) {
            self.finish(cx);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        // TLS may hold the last record back; a socket that is full loses the rest, as intended.
        let _ = Pin::new(&mut self.stream).poll_flush(cx);
        self.conversation.end(End::Close, Duration::ZERO);
    }
}

/// How much of an answer is sent that begins with `bytes` and has a body of that length.
fn half(bytes: &[u8], body: u64) -> usize {
    let end_of_head = bytes.windows(4).position(|window| window == b"\r\n\r\n");
    let head = end_of_head.map_or(bytes.len(), |end| end + 4);
    match usize::try_from(body / 2) {
        Ok(0) => head / 2,
        Ok(half) => head + half,
        Err(_) => head,
    }
}

impl AsyncWrite for Answers {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match this.conversation.take_mangle() {
            Mangle::Nothing => {}
            mangle => this.mangle = mangle,
        }
        match this.mangle {
            Mangle::Without100 if bytes.starts_with(CONTINUE) => {
                this.mangle = Mangle::Nothing;
                Poll::Ready(Ok(CONTINUE.len()))
            }
            Mangle::Cut { body } => this.poll_cut(cx, bytes, body),
            Mangle::Garbage => this.poll_garbage(cx, bytes),
            Mangle::Nothing | Mangle::Without100 => {
                Pin::new(&mut this.stream).poll_write(cx, bytes)
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.conversation.is_ending() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Answers {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_in_its_body_or_else_in_its_head() {
        let head = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n";
        assert_eq!(half(head, 0), head.len() / 2);
        assert_eq!(half(head, 100), head.len() + 50);
        assert_eq!(half(&[head.as_slice(), b"body"].concat(), 4), head.len() + 2);
    }
}
