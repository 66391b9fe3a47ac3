//! The body of one exchange: bytes in memory, or a range of the source read straight into
//! libcurl's buffer, framed and summed as it leaves where the payload mode says so.

use std::io;

use crate::disk::Source;
use crate::http::Body;
use crate::s3::Crc64Nvme;
use crate::s3::aws_chunked::Encoder;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::payload::Framing;
use crate::transport::BodyReader;

/// What one exchange sends.
pub(super) struct SessionBody {
    kind: Kind,
    /// The checksum of the file bytes, where it was computed beforehand.
    checksum: Option<Crc64Nvme>,
}

enum Kind {
    Bytes { bytes: Vec<u8>, position: usize },
    Plain { range: Range, position: u64 },
    Watched { range: Range, position: u64, hasher: Box<Crc64NvmeHasher> },
    Chunked { range: Range, encoder: Box<Encoder> },
}

/// A range of the source.
struct Range {
    source: Source,
    offset: u64,
    length: u64,
}

impl SessionBody {
    pub(super) fn new(
        body: Body,
        framing: Framing,
        source: Option<&Source>,
        checksum: Option<Crc64Nvme>,
    ) -> SessionBody {
        let kind = match (body, framing) {
            (Body::Empty, _) => Kind::Bytes { bytes: Vec::new(), position: 0 },
            (Body::Bytes(bytes), _) => Kind::Bytes { bytes, position: 0 },
            (Body::FileRange { offset, length }, framing) => {
                let source = source.expect(super::SOURCE_EXPECTED).clone();
                let range = Range { source, offset, length };
                match framing {
                    Framing::Plain => Kind::Plain { range, position: 0 },
                    Framing::PlainWatched => {
                        Kind::Watched { range, position: 0, hasher: Box::default() }
                    }
                    Framing::AwsChunkedTrailer => {
                        Kind::Chunked { range, encoder: Box::new(Encoder::new(length)) }
                    }
                }
            }
        };
        SessionBody { kind, checksum }
    }

    /// Whether it sends bytes of the source.
    pub(super) fn reads_source(&self) -> bool {
        !matches!(self.kind, Kind::Bytes { .. })
    }

    /// The checksum of the file bytes that were sent, all of them.
    pub(super) fn checksum(&self) -> Option<Crc64Nvme> {
        match &self.kind {
            Kind::Bytes { .. } => None,
            Kind::Plain { range, position } => self.checksum.filter(|_| *position == range.length),
            Kind::Watched { range, position, hasher } => {
                (*position == range.length).then(|| hasher.value())
            }
            Kind::Chunked { encoder, .. } => encoder.checksum(),
        }
    }
}

impl BodyReader for SessionBody {
    fn length(&self) -> u64 {
        match &self.kind {
            Kind::Bytes { bytes, .. } => bytes.len() as u64,
            Kind::Plain { range, .. } | Kind::Watched { range, .. } => range.length,
            Kind::Chunked { encoder, .. } => encoder.encoded_length(),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.kind {
            Kind::Bytes { bytes, position } => {
                let rest = &bytes[*position..];
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                *position += count;
                Ok(count)
            }
            Kind::Plain { range, position } => range.read_next(position, buffer),
            Kind::Watched { range, position, hasher } => {
                let count = range.read_next(position, buffer)?;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
            Kind::Chunked { range, encoder } => {
                encoder.fill(buffer, &mut |position, space| range.read(position, space))
            }
        }
    }

    fn rewind(&mut self) {
        match &mut self.kind {
            Kind::Bytes { position, .. } => *position = 0,
            Kind::Plain { position, .. } => *position = 0,
            Kind::Watched { position, hasher, .. } => {
                *position = 0;
                **hasher = Crc64NvmeHasher::new();
            }
            Kind::Chunked { encoder, .. } => encoder.rewind(),
        }
    }
}

impl Range {
    /// Fills as much of `buffer` as there is behind `position`, and moves it on.
    fn read_next(&self, position: &mut u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length - *position;
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.read(*position, &mut buffer[..wanted])?;
        *position += wanted as u64;
        Ok(wanted)
    }

    /// Fills `space` from `position` within the range.
    fn read(&self, position: u64, space: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(space, self.offset + position)?;
        if count < space.len() {
            let end = self.offset + position + count as u64;
            let message = format!("it ends at byte {end}, before the end of what is to be sent");
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn source(bytes: &[u8]) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let source = Source::open(file.path()).unwrap();
        (file, source)
    }

    fn read_all(body: &mut SessionBody) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 7];
        loop {
            match body.read(&mut buffer)? {
                0 => return Ok(bytes),
                count => bytes.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn a_range_is_read_from_its_offset_and_again_after_a_rewind() {
        let (_file, source) = source(b"0123456789abcdef0123");
        let range = Body::FileRange { offset: 4, length: 12 };
        for framing in [Framing::Plain, Framing::PlainWatched, Framing::AwsChunkedTrailer] {
            let sum = Crc64Nvme::of(b"456789abcdef");
            let mut body = SessionBody::new(range.clone(), framing, Some(&source), Some(sum));
            assert_eq!(body.checksum(), None, "nothing has been sent");
            let first = read_all(&mut body).unwrap();
            assert_eq!(first.len() as u64, body.length());
            assert!(first.windows(12).any(|window| window == b"456789abcdef"));
            assert_eq!(body.checksum(), Some(sum));
            body.rewind();
            assert_eq!(body.checksum(), None, "nothing has been sent since");
            assert_eq!(read_all(&mut body).unwrap(), first);
        }
    }

    #[test]
    fn a_source_that_became_shorter_is_an_error_and_never_padded() {
        let (file, source) = source(&[1; 100]);
        for framing in [Framing::Plain, Framing::PlainWatched, Framing::AwsChunkedTrailer] {
            let range = Body::FileRange { offset: 50, length: 50 };
            let mut body = SessionBody::new(range.clone(), framing, Some(&source), None);
            file.as_file().set_len(75).unwrap();
            let error = read_all(&mut body).unwrap_err();
            assert!(error.to_string().contains("ends at byte 75"), "{error}");
            file.as_file().set_len(100).unwrap();
        }
    }
}
