//! The answers that the lab gives by itself, before or instead of `s3s`: errors as S3 writes
//! them. Pure.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use s3s::Body;

/// An error as S3 writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorDocument {
    /// S3's code.
    pub(super) code: String,
    /// S3's message.
    pub(super) message: String,
    /// Further elements, such as `ServerTime`.
    pub(super) elements: Vec<(&'static str, String)>,
}

impl ErrorDocument {
    /// An error with a code and a message.
    pub(super) fn new(code: &str, message: &str) -> ErrorDocument {
        ErrorDocument { code: code.to_owned(), message: message.to_owned(), elements: Vec::new() }
    }

    /// One more element.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> ErrorDocument {
        self.elements.push((name, value.into()));
        self
    }

    /// The document, as the body of an answer with that status.
    pub(super) fn answer(&self, status: u16, request_id: &str) -> Response<Body> {
        let mut answer = empty(status);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        *answer.body_mut() = Body::from(Bytes::from(self.xml(request_id)));
        answer
    }

    fn xml(&self, request_id: &str) -> String {
        let mut elements = vec![("Code", self.code.clone()), ("Message", self.message.clone())];
        elements.extend(self.elements.iter().cloned());
        elements.push(("RequestId", request_id.to_owned()));
        let element = |(name, value): (_, String)| format!("<{name}>{}</{name}>", escaped(&value));
        let inner = elements.into_iter().map(element).collect::<Vec<_>>().concat();
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>{inner}</Error>")
    }
}

/// An answer without a body.
pub(super) fn empty(status: u16) -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_as_s3_writes_it() {
        let error = ErrorDocument::new("SlowDown", "a < b & c").with("Region", "eu");
        assert_eq!(
            error.xml("R1"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>SlowDown</Code>\
             <Message>a &lt; b &amp; c</Message><Region>eu</Region><RequestId>R1</RequestId></Error>"
        );
    }
}
