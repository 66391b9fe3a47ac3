//! How the body of a request is protected: hashed and signed, unsigned, or unsigned with a
//! checksum behind it; and the headers that say so. The framing itself is
//! [`aws_chunked`]'s, the signature [`sigv4`](super::sigv4)'s.
//!
//! Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header"
//! (`x-amz-content-sha256`) and "Checking object integrity" (checksum headers and trailers).

use sha2::{Digest, Sha256};

use super::{Crc64Nvme, aws_chunked};
use crate::http::{Body, Headers, Method, Request};

/// Says how the payload is hashed; part of the signature.
const CONTENT_SHA256: &str = "x-amz-content-sha256";
/// The checksum as a header, and the name of the trailer that carries it.
const CHECKSUM: &str = aws_chunked::TRAILER_NAME;

/// How file bytes travel. Bodies in memory are always hashed and signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadMode {
    /// `UNSIGNED-PAYLOAD`, no checksum.
    Unsigned,
    /// As it is, and nothing is said of it: what a presigned URL allows. CRC64NVME is computed as
    /// it leaves, and held against what the store says.
    Watched,
    /// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`: CRC64NVME behind the body, computed as it leaves.
    UnsignedTrailer,
    /// `UNSIGNED-PAYLOAD` with CRC64NVME as a header: the range is read once beforehand.
    UnsignedHeader,
    /// The SHA-256 of the body, signed; the range is read once beforehand.
    Signed {
        /// Whether CRC64NVME goes along as a header.
        checksum: bool,
    },
}

/// What must be known of a body before it can be sent with a hash or checksum in its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyDigest {
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
    /// CRC64NVME of the bytes.
    pub crc64nvme: Crc64Nvme,
}

/// How the bytes of a body are framed on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// As they are.
    Plain,
    /// As they are, CRC64NVME being computed as they leave.
    PlainWatched,
    /// `aws-chunked` with a CRC64NVME trailer.
    AwsChunkedTrailer,
}

impl PayloadMode {
    /// Whether a file range must be read beforehand.
    #[must_use]
    pub fn needs_digest(self) -> bool {
        matches!(self, PayloadMode::UnsignedHeader | PayloadMode::Signed { .. })
    }

    /// Whether the CRC64NVME of what is sent is known, and compared with what the store says.
    #[must_use]
    pub fn has_checksum(self) -> bool {
        !matches!(self, PayloadMode::Unsigned | PayloadMode::Signed { checksum: false })
    }

    /// The same without the CRC64NVME.
    #[must_use]
    pub fn without_checksum(self) -> PayloadMode {
        match self {
            PayloadMode::Signed { .. } => PayloadMode::Signed { checksum: false },
            _ => PayloadMode::Unsigned,
        }
    }
}

/// Adds `x-amz-content-sha256`, `content-length`, and checksum or trailer headers to `request`,
/// and says how its body is framed. `digest` is needed for file ranges in modes that
/// [`need one`](PayloadMode::needs_digest).
///
/// Bodies in memory, the empty one included, are always hashed and signed: they are small, and
/// `mode` is about file bytes only.
///
/// `content-length` is the length on the wire, framing included, so that the headers tell the whole
/// truth; the transport has the same number from its body reader and lets libcurl write the line.
/// It is left out where there is neither a body nor a method that has one (`GET`, `HEAD`,
/// `DELETE`).
///
/// # Panics
/// Where such a digest is missing: a bug of the caller.
pub fn apply(request: &mut Request, mode: PayloadMode, digest: Option<&BodyDigest>) -> Framing {
    let headers = &mut request.headers;
    let Body::FileRange { length, .. } = request.body else {
        let hash = match &request.body {
            Body::Bytes(bytes) => Sha256::digest(bytes),
            _ => Sha256::digest(b""),
        };
        headers.set(CONTENT_SHA256, hex::encode(hash));
        if !request.body.is_empty() || matches!(request.method, Method::Put | Method::Post) {
            headers.set("content-length", request.body.len().to_string());
        }
        return Framing::Plain;
    };
    let digest = || digest.expect("a mode with a hash or checksum header needs the body's digest");
    match mode {
        PayloadMode::Unsigned => headers.set(CONTENT_SHA256, "UNSIGNED-PAYLOAD"),
        PayloadMode::Watched => return Framing::PlainWatched,
        PayloadMode::UnsignedHeader => {
            headers.set(CONTENT_SHA256, "UNSIGNED-PAYLOAD");
            set_checksum(headers, digest().crc64nvme);
        }
        PayloadMode::Signed { checksum } => {
            headers.set(CONTENT_SHA256, hex::encode(digest().sha256));
            if checksum {
                set_checksum(headers, digest().crc64nvme);
            }
        }
        PayloadMode::UnsignedTrailer => {
            announce_trailer(headers, length);
            return Framing::AwsChunkedTrailer;
        }
    }
    headers.set("content-length", length.to_string());
    Framing::Plain
}

/// How the body of a presigned request is framed: its URL says all that is said of the payload.
#[must_use]
pub fn presigned(mode: PayloadMode) -> Framing {
    if mode == PayloadMode::Watched { Framing::PlainWatched } else { Framing::Plain }
}

fn set_checksum(headers: &mut Headers, checksum: Crc64Nvme) {
    name_algorithm(headers);
    headers.set(CHECKSUM, checksum.to_base64());
}

fn announce_trailer(headers: &mut Headers, length: u64) {
    headers.set(CONTENT_SHA256, "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    // The framing is the outermost encoding, so it stands first; S3 takes it off again and keeps
    // the user's own. More than one field of the name is one list (RFC 9110, section 5.3).
    let own: Vec<&str> = headers
        .iter()
        .filter(|(name, _)| *name == "content-encoding")
        .map(|(_, value)| value.trim())
        .filter(|value| !value.is_empty())
        .collect();
    let encoding = [&["aws-chunked"], own.as_slice()].concat().join(",");
    headers.set("content-encoding", encoding);
    headers.set("x-amz-decoded-content-length", length.to_string());
    name_algorithm(headers);
    headers.set("x-amz-trailer", CHECKSUM);
    headers.set("content-length", aws_chunked::encoded_length(length).to_string());
}

/// SDKs name the algorithm of a checksum they computed; S3 refuses the name without a checksum or
/// trailer beside it (API Reference, `PutObject` and `UploadPart`).
fn name_algorithm(headers: &mut Headers) {
    headers.set("x-amz-sdk-checksum-algorithm", "CRC64NVME");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Scheme, Url};

    const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn request(method: Method, body: Body) -> Request {
        Request {
            method,
            url: Url {
                scheme: Scheme::Https,
                authority: "b.example".into(),
                path: "/k".into(),
                query: Vec::new(),
            },
            headers: Headers::new(),
            body,
        }
    }

    fn digest_of(bytes: &[u8]) -> BodyDigest {
        BodyDigest { sha256: Sha256::digest(bytes).into(), crc64nvme: Crc64Nvme::of(bytes) }
    }

    /// The headers of a file range in `mode`, one a line.
    fn range_headers(length: u64, mode: PayloadMode, digest: &BodyDigest) -> String {
        let mut request = request(Method::Put, Body::FileRange { offset: 7, length });
        let framing = apply(&mut request, mode, Some(digest));
        let trailer = mode == PayloadMode::UnsignedTrailer;
        assert_eq!(framing == Framing::AwsChunkedTrailer, trailer);
        lines(&request.headers)
    }

    fn lines(headers: &Headers) -> String {
        let lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        lines.concat()
    }

    #[test]
    fn the_headers_of_a_file_range_in_each_mode() {
        let digest = digest_of(b"Hello world");
        assert_eq!(
            range_headers(11, PayloadMode::Unsigned, &digest),
            "x-amz-content-sha256: UNSIGNED-PAYLOAD\ncontent-length: 11\n"
        );
        assert_eq!(
            range_headers(11, PayloadMode::UnsignedHeader, &digest),
            "x-amz-content-sha256: UNSIGNED-PAYLOAD\n\
             x-amz-sdk-checksum-algorithm: CRC64NVME\n\
             x-amz-checksum-crc64nvme: OOJZ0D8xKts=\n\
             content-length: 11\n"
        );
        let sha256 = "64ec88ca00b268e5ba1a35678a1b5316d212f4f366b2477232534a8aeca37f3c";
        assert_eq!(
            range_headers(11, PayloadMode::Signed { checksum: false }, &digest),
            format!("x-amz-content-sha256: {sha256}\ncontent-length: 11\n")
        );
        assert_eq!(
            range_headers(11, PayloadMode::Signed { checksum: true }, &digest),
            format!(
                "x-amz-content-sha256: {sha256}\n\
                 x-amz-sdk-checksum-algorithm: CRC64NVME\n\
                 x-amz-checksum-crc64nvme: OOJZ0D8xKts=\n\
                 content-length: 11\n"
            )
        );
        assert_eq!(
            range_headers(11, PayloadMode::UnsignedTrailer, &digest),
            "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\n\
             content-encoding: aws-chunked\n\
             x-amz-decoded-content-length: 11\n\
             x-amz-sdk-checksum-algorithm: CRC64NVME\n\
             x-amz-trailer: x-amz-checksum-crc64nvme\n\
             content-length: 60\n"
        );
    }

    #[test]
    fn an_empty_file_travels_in_each_mode() {
        let digest = digest_of(b"");
        for (mode, length) in [
            (PayloadMode::Unsigned, "0"),
            (PayloadMode::UnsignedHeader, "0"),
            (PayloadMode::Signed { checksum: false }, "0"),
            (PayloadMode::Signed { checksum: true }, "0"),
            (PayloadMode::UnsignedTrailer, "44"),
        ] {
            let headers = range_headers(0, mode, &digest);
            assert!(headers.contains(&format!("content-length: {length}\n")), "{headers}");
        }
    }

    #[test]
    fn the_users_own_encoding_stands_behind_the_framing() {
        let mut request = request(Method::Put, Body::FileRange { offset: 0, length: 1 });
        request.headers.push("Content-Encoding", "gzip");
        request.headers.push("content-encoding", "br");
        apply(&mut request, PayloadMode::UnsignedTrailer, None);
        assert_eq!(request.headers.get("content-encoding"), Some("aws-chunked,gzip,br"));
        let count = request.headers.iter().filter(|(name, _)| *name == "content-encoding").count();
        assert_eq!(count, 1);
    }

    #[test]
    fn bodies_in_memory_are_hashed_whatever_the_mode() {
        for mode in [PayloadMode::Unsigned, PayloadMode::UnsignedTrailer] {
            let mut xml = request(Method::Post, Body::Bytes(b"Hello world".to_vec()));
            assert_eq!(apply(&mut xml, mode, None), Framing::Plain);
            assert_eq!(
                lines(&xml.headers),
                "x-amz-content-sha256: \
                 64ec88ca00b268e5ba1a35678a1b5316d212f4f366b2477232534a8aeca37f3c\n\
                 content-length: 11\n"
            );
        }
    }

    #[test]
    fn a_length_is_named_only_where_the_method_has_a_body() {
        for (method, length) in
            [(Method::Post, Some("0")), (Method::Put, Some("0")), (Method::Get, None)]
        {
            let mut request = request(method, Body::Empty);
            apply(&mut request, PayloadMode::UnsignedTrailer, None);
            assert_eq!(request.headers.get("x-amz-content-sha256"), Some(EMPTY_SHA256));
            assert_eq!(request.headers.get("content-length"), length, "{method:?}");
        }
    }

    #[test]
    #[should_panic(expected = "needs the body's digest")]
    fn a_missing_digest_is_a_bug() {
        let mut request = request(Method::Put, Body::FileRange { offset: 0, length: 1 });
        apply(&mut request, PayloadMode::Signed { checksum: false }, None);
    }
}
