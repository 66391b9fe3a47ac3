//! What a client says of its body, and whether it is true: length, Content-MD5, checksums in
//! headers and in trailers. The digests are the `md-5`, `crc-fast` and `s3s` crates'.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::{S3Error, S3ErrorCode, S3Result, TrailingHeaders, s3_error};

use super::blob::{Blob, crc_text};

const PREFIX: &str = "x-amz-checksum-";
/// What follows the prefix in headers that are no checksum values.
const NO_VALUES: [&str; 3] = ["algorithm", "type", "mode"];

/// What a request's head says of its body.
pub(super) struct Claims {
    length: Option<u64>,
    content_md5: Option<String>,
    /// Checksum headers: algorithm, value.
    headers: Vec<(String, String)>,
    /// Algorithms whose values will follow the body.
    trailers: Vec<String>,
    hasher: ChecksumHasher,
}

impl Claims {
    /// Reads the head; refuses algorithms that the lab does not know.
    pub(super) fn read(headers: &HeaderMap, length: Option<i64>) -> S3Result<Claims> {
        let mut claims = Claims {
            length: length.and_then(|length| u64::try_from(length).ok()),
            content_md5: text(headers, "content-md5"),
            headers: Vec::new(),
            trailers: Vec::new(),
            hasher: ChecksumHasher::default(),
        };
        for name in headers.keys() {
            let algorithm = name.as_str().strip_prefix(PREFIX);
            if let Some(algorithm) = algorithm.filter(|name| !NO_VALUES.contains(name)) {
                claims.prepare(algorithm)?;
                let value = text(headers, name.as_str()).unwrap_or_default();
                claims.headers.push((algorithm.to_owned(), value));
            }
        }
        let announced = text(headers, "x-amz-trailer").unwrap_or_default().to_ascii_lowercase();
        for name in announced.split(',').map(str::trim) {
            if let Some(algorithm) = name.strip_prefix(PREFIX) {
                claims.prepare(algorithm)?;
                claims.trailers.push(algorithm.to_owned());
            }
        }
        Ok(claims)
    }

    /// The algorithm of the checksum that comes with the body, in whichever place.
    pub(super) fn algorithm(&self) -> Option<&str> {
        let header = self.headers.first().map(|(algorithm, _)| algorithm);
        header.or(self.trailers.first()).map(String::as_str)
    }

    /// The body's next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    /// Compares the claims with what arrived. Gives the checksum headers of the answer.
    pub(super) fn check(
        self,
        blob: &Blob,
        trailers: Option<&TrailingHeaders>,
    ) -> S3Result<Vec<(String, String)>> {
        if let Some(length) = self.length.filter(|length| *length != blob.size) {
            return Err(s3_error!(
                IncompleteBody,
                "You did not provide the number of bytes specified by the Content-Length HTTP \
                 header: {length} were announced, {} arrived",
                blob.size
            ));
        }
        check_md5(self.content_md5.as_deref(), blob)?;
        let mut claimed = self.headers;
        let read = |name: &str| trailers?.read(|map| text(map, name)).flatten();
        for algorithm in self.trailers {
            let Some(value) = read(&format!("{PREFIX}{algorithm}")) else {
                let message =
                    format!("The trailer {PREFIX}{algorithm} was announced and is missing");
                return Err(custom("MalformedTrailerError", message));
            };
            claimed.push((algorithm, value));
        }
        let computed = self.hasher.finalize();
        for (algorithm, value) in &mut claimed {
            let actual = match algorithm.as_str() {
                "crc32" => computed.checksum_crc32.clone(),
                "crc32c" => computed.checksum_crc32c.clone(),
                "sha1" => computed.checksum_sha1.clone(),
                "sha256" => computed.checksum_sha256.clone(),
                _ => Some(crc_text(blob.crc64nvme)),
            };
            if actual.as_ref() != Some(value) {
                return Err(s3_error!(
                    BadDigest,
                    "The {} you specified did not match the calculated checksum.",
                    algorithm.to_ascii_uppercase()
                ));
            }
            *algorithm = format!("{PREFIX}{algorithm}");
        }
        Ok(claimed)
    }

    fn prepare(&mut self, algorithm: &str) -> S3Result<()> {
        match algorithm {
            "crc32" => self.hasher.crc32 = Some(s3s::crypto::Crc32::new()),
            "crc32c" => self.hasher.crc32c = Some(s3s::crypto::Crc32c::new()),
            "sha1" => self.hasher.sha1 = Some(s3s::crypto::Sha1::new()),
            "sha256" => self.hasher.sha256 = Some(s3s::crypto::Sha256::new()),
            "crc64nvme" => {}
            other => {
                return Err(s3_error!(NotImplemented, "The lab does not compute {PREFIX}{other}"));
            }
        }
        Ok(())
    }
}

/// What S3 says of a body that `s3s` could not read to its end.
pub(super) fn broken_body(error: &(dyn std::error::Error + Send + Sync)) -> S3Error {
    // The causes are private to s3s; their texts are all it shows.
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        custom("XAmzContentSHA256Mismatch", message.to_owned())
    } else if text.contains("SignatureMismatch") {
        s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match")
    } else if text.contains("FormatError") || text.contains("TooLarge") {
        s3_error!(InvalidRequest, "The aws-chunked framing of the body is wrong: {text}")
    } else {
        s3_error!(IncompleteBody, "The body broke off: {text}")
    }
}

fn check_md5(claimed: Option<&str>, blob: &Blob) -> S3Result<()> {
    let Some(claimed) = claimed else { return Ok(()) };
    match STANDARD.decode(claimed) {
        Ok(md5) if md5 == blob.md5 => Ok(()),
        Ok(md5) if md5.len() == blob.md5.len() => Err(s3_error!(
            BadDigest,
            "The Content-MD5 you specified did not match what we received."
        )),
        _ => Err(s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")),
    }
}

fn custom(code: &'static str, message: String) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(http::StatusCode::BAD_REQUEST);
    error
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"123456789";

    type Pairs<'a> = &'a [(&'static str, &'a str)];

    fn check(pairs: Pairs, length: Option<i64>) -> Result<usize, String> {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let mut claims =
            Claims::read(&headers, length).map_err(|e| e.code().as_str().to_owned())?;
        claims.update(BODY);
        let checked = claims.check(&Blob::discarded(BODY), None);
        checked.map(|headers| headers.len()).map_err(|e| e.code().as_str().to_owned())
    }

    #[test]
    fn true_claims_are_believed() {
        let table = [
            ("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==", 0),
            ("x-amz-checksum-crc64nvme", "rosUhgp5mIg=", 1),
            ("x-amz-checksum-crc32", "y/Q5Jg==", 1),
            ("x-amz-checksum-sha1", "98O8HYCOBHMq32eZZczDTKeuNEE=", 1),
            ("x-amz-checksum-algorithm", "CRC32", 0),
        ];
        for (name, value, answered) in table {
            assert_eq!(check(&[(name, value)], Some(9)), Ok(answered), "{name}");
        }
    }

    #[test]
    fn false_claims_are_told_apart() {
        let table: [(Pairs, Option<i64>, &str); 6] = [
            (&[], Some(10), "IncompleteBody"),
            (&[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], None, "BadDigest"),
            (&[("content-md5", "AAAA")], None, "InvalidDigest"),
            (&[("x-amz-checksum-crc64nvme", "AAAAAAAAAAA=")], None, "BadDigest"),
            (&[("x-amz-checksum-xxhash3", "AAAA")], None, "NotImplemented"),
            (&[("x-amz-trailer", "x-amz-checksum-crc64nvme")], None, "MalformedTrailerError"),
        ];
        for (headers, length, code) in table {
            assert_eq!(check(headers, length), Err(code.to_owned()), "{headers:?}");
        }
    }
}
