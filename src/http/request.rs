//! A request before it is signed or sent.

use std::fmt;

/// Over which connection a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionWanted {
    /// None that was used before.
    pub is_new: bool,
    /// Where it is new, to an address that is asked for anew.
    pub is_resolved: bool,
}

impl ConnectionWanted {
    /// Any.
    pub const ANY: ConnectionWanted = ConnectionWanted { is_new: false, is_resolved: false };
    /// None that was used before.
    pub const NEW: ConnectionWanted = ConnectionWanted { is_new: true, is_resolved: false };
    /// None that was used before, to an address that is asked for anew.
    pub const NEW_RESOLVED: ConnectionWanted = ConnectionWanted { is_new: true, is_resolved: true };
}

/// The HTTP method of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `PUT`
    Put,
    /// `POST`
    Post,
    /// `DELETE`
    Delete,
}

impl Method {
    /// The method as it stands on the request line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Put => "PUT",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// The scheme as it stands in a URL.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A URL whose path and query are already percent-encoded, once, for signing and sending alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host, with `:port` where it is not the scheme's own: the value of the `Host` header.
    pub authority: String,
    /// Percent-encoded path, beginning with `/`.
    pub path: String,
    /// Percent-encoded names and values, in the order in which they are sent.
    pub query: Vec<(String, String)>,
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority, self.path)?;
        for (index, (name, value)) in self.query.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            // S3's sub-resources (`?uploads`) are sent without `=`.
            if value.is_empty() {
                write!(f, "{separator}{name}")?;
            } else {
                write!(f, "{separator}{name}={value}")?;
            }
        }
        Ok(())
    }
}

/// Whether a byte may stand in a token, such as the name of a header field (RFC 9110, section
/// 5.6.2).
#[must_use]
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Header fields in the order in which they are sent; names in lower case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// No fields yet.
    #[must_use]
    pub fn new() -> Headers {
        Headers::default()
    }

    /// The first value of `name`, compared without regard to case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Sets `name` to `value`, replacing what was there.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.push(name, value);
    }

    /// Appends a field, keeping others of the same name.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_ascii_lowercase(), value.into()));
    }

    /// Removes every field of that name.
    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// All fields in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Where the bytes of a request's body come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// No body.
    Empty,
    /// A small body in memory, such as the XML of `CompleteMultipartUpload`.
    Bytes(Vec<u8>),
    /// A range of the source file, read while it is sent and never held in memory.
    FileRange {
        /// First byte, counted from the start of the file.
        offset: u64,
        /// Number of bytes.
        length: u64,
    },
}

impl Body {
    /// Bytes of the body before any framing.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Body::Empty => 0,
            Body::Bytes(bytes) => bytes.len() as u64,
            Body::FileRange { length, .. } => *length,
        }
    }

    /// Whether the body has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A request: what to say, before it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The URL, encoded.
    pub url: Url,
    /// Header fields; `Host` and `Content-Length` are added when it is signed and sent.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_prints_sub_resources_without_an_equals_sign() {
        let url = Url {
            scheme: Scheme::Https,
            authority: "b.example:8443".into(),
            path: "/a%20b/../c".into(),
            query: vec![("uploads".into(), String::new()), ("x".into(), "1".into())],
        };
        assert_eq!(url.to_string(), "https://b.example:8443/a%20b/../c?uploads&x=1");
    }

    #[test]
    fn headers_are_found_and_replaced_without_regard_to_case() {
        let mut headers = Headers::new();
        headers.push("ETag", "\"1\"");
        headers.set("etag", "\"2\"");
        assert_eq!(headers.get("ETAG"), Some("\"2\""));
        assert_eq!(headers.iter().count(), 1);
    }
}
