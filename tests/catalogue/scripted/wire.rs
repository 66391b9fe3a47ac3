//! The head of a request, and the file bytes out of their framing.

use std::io::{BufRead, Read};

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::super::support::crc64nvme;

/// No client of ours sends a longer one.
const HEAD_MAX: u64 = 64 << 10;

/// The head of a request.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// From the request line to the empty line.
    pub(crate) text: String,
}

impl Head {
    /// Reads one; `None` where the client has gone.
    pub(super) fn read(reader: &mut impl BufRead) -> Option<Head> {
        let mut bytes = Vec::new();
        let mut reader = reader.take(HEAD_MAX);
        while !bytes.ends_with(b"\r\n\r\n") {
            if reader.read_until(b'\n', &mut bytes).ok()? == 0 {
                return None;
            }
        }
        Some(Head { text: String::from_utf8(bytes).unwrap() })
    }

    /// The value of a field, its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.text.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(super) fn asks_to_close(&self) -> bool {
        self.field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    fn method(&self) -> &str {
        self.text.split(' ').next().unwrap_or_default()
    }

    fn target(&self) -> (&str, &str) {
        let target = self.text.split(' ').nth(1).unwrap_or_default();
        target.split_once('?').unwrap_or((target, ""))
    }

    /// The key, decoded: what follows the bucket.
    pub(super) fn key(&self) -> String {
        let path = self.target().0.trim_start_matches('/');
        let key = path.split_once('/').map_or("", |(_, key)| key);
        percent_decode_str(key).decode_utf8_lossy().into_owned()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.target().1.split('&').find_map(|pair| {
            let (found, value) = pair.split_once('=').unwrap_or((pair, ""));
            (found == name).then(|| percent_decode_str(value).decode_utf8_lossy().into_owned())
        })
    }

    /// S3's name of the call.
    pub(super) fn operation(&self) -> &'static str {
        let has = |name| self.parameter(name).is_some();
        match self.method() {
            "PUT" if has("partNumber") => "UploadPart",
            "PUT" => "PutObject",
            "POST" if has("uploads") => "CreateMultipartUpload",
            "POST" if has("uploadId") => "CompleteMultipartUpload",
            "DELETE" if has("uploadId") => "AbortMultipartUpload",
            "GET" if has("uploadId") => "ListParts",
            "GET" if has("uploads") => "ListMultipartUploads",
            "HEAD" => "HeadObject",
            _ => "another",
        }
    }
}

/// The file bytes of a body that may be `aws-chunked`; `None` where they are not what the client
/// says of them: their length, their SHA-256, their CRC64NVME.
pub(super) fn unframed(head: &Head, body: &[u8]) -> Option<Vec<u8>> {
    let hash = head.field("x-amz-content-sha256").unwrap_or_default();
    let (bytes, trailer) =
        if hash.starts_with("STREAMING-") { dechunked(body)? } else { (body.to_vec(), None) };
    let length = head.field("x-amz-decoded-content-length");
    let is_long = length.is_none_or(|length| length == bytes.len().to_string());
    let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_hashed = !is_hash || hex::encode(Sha256::digest(&bytes)) == hash;
    let said = head.field("x-amz-checksum-crc64nvme").map(str::to_owned).or(trailer);
    // At a Complete it is the object's, not this body's.
    let is_summed = head.operation() == "CompleteMultipartUpload"
        || said.is_none_or(|checksum| checksum == crc64nvme(&bytes));
    (is_long && is_hashed && is_summed).then_some(bytes)
}

/// Chunks `SIZE[;extension]\r\nBYTES\r\n`, an empty one, and a trailing checksum.
fn dechunked(mut body: &[u8]) -> Option<(Vec<u8>, Option<String>)> {
    let mut bytes = Vec::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n")?;
        let size = std::str::from_utf8(&body[..end]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?, 16).ok()?;
        body = &body[end + 2..];
        if size == 0 {
            break;
        }
        bytes.extend_from_slice(body.get(..size)?);
        body = body.get(size..)?.strip_prefix(b"\r\n")?;
    }
    let trailer = String::from_utf8_lossy(body);
    let checksum = trailer.lines().find_map(|line| line.strip_prefix("x-amz-checksum-crc64nvme:"));
    Some((bytes, checksum.map(|checksum| checksum.trim().to_owned())))
}

/// The ETag of bytes that were sent in one request.
pub(super) fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", hex::encode(md5::Md5::digest(bytes)))
}

/// The ETag of an object of these parts.
pub(super) fn etag_of_parts<'a>(parts: impl ExactSizeIterator<Item = &'a [u8]>) -> String {
    let count = parts.len();
    let mut all = md5::Md5::new();
    for part in parts {
        all.update(md5::Md5::digest(part));
    }
    format!("\"{}-{count}\"", hex::encode(all.finalize()))
}

#[test]
fn a_framed_body_is_read_and_a_wrong_sum_refused() {
    let sum = crc64nvme(b"abcde");
    let head = Head {
        text: "PUT /b/k HTTP/1.1\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\
               x-amz-decoded-content-length: 5\r\n\r\n"
            .into(),
    };
    let body = format!("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-amz-checksum-crc64nvme:{sum}\r\n\r\n");
    assert_eq!(unframed(&head, body.as_bytes()).as_deref(), Some(&b"abcde"[..]));
    assert_eq!(unframed(&head, body.replace("de", "dx").as_bytes()), None);
    assert_eq!(unframed(&head, body.replace("3\r\nabc", "2\r\nab").as_bytes()), None);
}
