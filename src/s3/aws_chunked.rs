//! The `aws-chunked` body framing with a trailing checksum (`STREAMING-UNSIGNED-PAYLOAD-TRAILER`).
//!
//! ```text
//! 100000\r\n  ...1 MiB of the body...  \r\n
//! 3e8\r\n     ...1,000 bytes...        \r\n
//! 0\r\n
//! x-amz-checksum-crc64nvme:OOJZ0D8xKts=\r\n
//! \r\n
//! ```
//!
//! The encoder writes into a buffer that is handed in and has the body's bytes read straight to
//! their place in it: nothing is copied, and no part is held in memory. It opens no file.
//!
//! Source: Amazon S3 API Reference, "Signature calculations: including trailing headers (chunked
//! upload)".

use std::io::{self, Write};

use super::Crc64Nvme;
use super::checksum::Crc64NvmeHasher;

/// Bytes of the body in each chunk but the last. Long enough that framing costs nothing and reads
/// stay large, and well under the 16 MiB beyond which MinIO refuses a chunk; Amazon S3 asks for at
/// least 8 KiB, and SDKs send 64 KiB to 1 MiB.
pub const CHUNK_SIZE: u64 = 1 << 20;

/// The name of the trailing header that carries the checksum.
pub const TRAILER_NAME: &str = "x-amz-checksum-crc64nvme";

/// Length of a CRC64NVME in base64.
const CHECKSUM_LENGTH: u64 = 12;

/// Bytes on the wire of a body of `length` bytes: the `Content-Length` beside
/// `x-amz-decoded-content-length`.
#[must_use]
pub fn encoded_length(length: u64) -> u64 {
    let full = (length / CHUNK_SIZE) * chunk_length(CHUNK_SIZE);
    let last = match length % CHUNK_SIZE {
        0 => 0,
        rest => chunk_length(rest),
    };
    full + last + end_length()
}

/// `<size in hex>\r\n<data>\r\n`
fn chunk_length(size: u64) -> u64 {
    u64::from(size.ilog(16)) + 1 + 2 + size + 2
}

/// `0\r\n<name>:<checksum>\r\n\r\n`
fn end_length() -> u64 {
    3 + TRAILER_NAME.len() as u64 + 1 + CHECKSUM_LENGTH + 4
}

/// Frames one body of known length, piece by piece.
#[derive(Debug, Clone)]
pub struct Encoder {
    length: u64,
    /// Bytes of the body that have passed.
    passed: u64,
    /// Bytes of the body that the current chunk still takes.
    chunk_left: u64,
    /// Framing that is due before the next byte of the body, and how much of it has left.
    frame: Vec<u8>,
    frame_sent: usize,
    hasher: Crc64NvmeHasher,
}

impl Encoder {
    /// For a body of `length` bytes.
    #[must_use]
    pub fn new(length: u64) -> Encoder {
        let mut encoder = Encoder {
            length,
            passed: 0,
            chunk_left: 0,
            frame: Vec::new(),
            frame_sent: 0,
            hasher: Crc64NvmeHasher::new(),
        };
        encoder.begin_chunk();
        encoder
    }

    /// Fills `buffer` with the next bytes on the wire and says how many; fewer than fit only at
    /// the end, 0 after it. `read` is asked for bytes of the body by their offset from its first
    /// one, always in order and never beyond the length.
    ///
    /// # Errors
    /// What `read` fails with, and `UnexpectedEof` where it has no more although the length is not
    /// reached: the body changed under way. The encoder can be used again after
    /// [`rewind`](Encoder::rewind).
    pub fn fill(
        &mut self,
        buffer: &mut [u8],
        read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let space = &mut buffer[filled..];
            let count = if self.frame_sent < self.frame.len() {
                self.put_frame(space)
            } else if self.chunk_left > 0 {
                self.put_body(space, read)?
            } else {
                break;
            };
            filled += count;
        }
        Ok(filled)
    }

    /// Back to the first byte, for a request that is sent again.
    pub fn rewind(&mut self) {
        *self = Encoder::new(self.length);
    }

    /// Bytes on the wire altogether.
    #[must_use]
    pub fn encoded_length(&self) -> u64 {
        encoded_length(self.length)
    }

    /// The checksum of the whole body, once its last byte has passed; `None` before.
    #[must_use]
    pub fn checksum(&self) -> Option<Crc64Nvme> {
        (self.passed == self.length).then(|| self.hasher.value())
    }

    fn put_frame(&mut self, space: &mut [u8]) -> usize {
        let due = &self.frame[self.frame_sent..];
        let count = due.len().min(space.len());
        space[..count].copy_from_slice(&due[..count]);
        self.frame_sent += count;
        count
    }

    fn put_body(
        &mut self,
        space: &mut [u8],
        read: &mut dyn FnMut(u64, &mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let wanted = self.chunk_left.min(space.len() as u64) as usize;
        let count = read(self.passed, &mut space[..wanted])?;
        if count == 0 {
            let Encoder { passed, length, .. } = self;
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the source ended after {passed} of {length} bytes"),
            ));
        }
        assert!(count <= wanted, "a reader cannot give more than it was asked for");
        self.hasher.update(&space[..count]);
        self.passed += count as u64;
        self.chunk_left -= count as u64;
        if self.chunk_left == 0 {
            self.begin_chunk();
        }
        Ok(count)
    }

    /// Composes the framing between the byte that passed last and the one that comes next.
    fn begin_chunk(&mut self) {
        self.chunk_left = (self.length - self.passed).min(CHUNK_SIZE);
        self.frame.clear();
        self.frame_sent = 0;
        let before = if self.passed == 0 { "" } else { "\r\n" };
        let written = if self.chunk_left > 0 {
            write!(self.frame, "{before}{:x}\r\n", self.chunk_left)
        } else {
            let checksum = self.hasher.value().to_base64();
            write!(self.frame, "{before}0\r\n{TRAILER_NAME}:{checksum}\r\n\r\n")
        };
        written.expect("writing to memory does not fail");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes that differ from their neighbours at every distance that matters here.
    fn body(length: usize) -> Vec<u8> {
        (0..length as u64).map(|n| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect()
    }

    /// Encodes through buffers of the given sizes, over and over, from a reader that gives at most
    /// `read_max` bytes at once.
    fn encode(encoder: &mut Encoder, body: &[u8], sizes: &[usize], read_max: usize) -> Vec<u8> {
        let mut wire = Vec::new();
        for size in sizes.iter().cycle() {
            let mut buffer = vec![0xEE; *size];
            let count = encoder
                .fill(&mut buffer, &mut |offset, space| {
                    let rest = &body[offset as usize..];
                    let count = rest.len().min(space.len()).min(read_max);
                    space[..count].copy_from_slice(&rest[..count]);
                    Ok(count)
                })
                .unwrap();
            assert!(buffer[count..].iter().all(|byte| *byte == 0xEE));
            wire.extend_from_slice(&buffer[..count]);
            if count < *size {
                break;
            }
        }
        wire
    }

    /// A decoder that knows the format from its description alone: chunk sizes, body, trailer.
    fn decode(mut wire: &[u8]) -> (Vec<usize>, Vec<u8>, String) {
        fn line<'a>(wire: &mut &'a [u8]) -> &'a str {
            let end = wire.windows(2).position(|pair| pair == b"\r\n").expect("a whole line");
            let (line, rest) = wire.split_at(end);
            *wire = &rest[2..];
            std::str::from_utf8(line).unwrap()
        }
        let (mut sizes, mut body) = (Vec::new(), Vec::new());
        loop {
            let size = usize::from_str_radix(line(&mut wire), 16).unwrap();
            if size == 0 {
                break;
            }
            sizes.push(size);
            body.extend_from_slice(&wire[..size]);
            wire = &wire[size..];
            assert_eq!(line(&mut wire), "", "data ends with a line end");
        }
        let trailer = line(&mut wire).to_owned();
        assert_eq!(line(&mut wire), "", "the trailer ends with an empty line");
        assert!(wire.is_empty(), "nothing follows");
        (sizes, body, trailer)
    }

    #[test]
    fn the_bytes_of_a_small_body() {
        let mut encoder = Encoder::new(11);
        assert_eq!(encoder.checksum(), None);
        let wire = encode(&mut encoder, b"Hello world", &[4_096], usize::MAX);
        assert_eq!(
            String::from_utf8(wire).unwrap(),
            "b\r\nHello world\r\n0\r\nx-amz-checksum-crc64nvme:OOJZ0D8xKts=\r\n\r\n"
        );
        assert_eq!(encoder.checksum(), Some(Crc64Nvme::of(b"Hello world")));
    }

    #[test]
    fn an_empty_body_is_a_trailer_alone() {
        let mut encoder = Encoder::new(0);
        let wire = encode(&mut encoder, b"", &[4_096], usize::MAX);
        assert_eq!(wire, b"0\r\nx-amz-checksum-crc64nvme:AAAAAAAAAAA=\r\n\r\n");
        assert_eq!(wire.len() as u64, encoded_length(0));
    }

    #[test]
    fn reads_are_few_and_as_large_as_the_buffer_allows() {
        let length = 4 * CHUNK_SIZE;
        let mut encoder = Encoder::new(length);
        let mut reads = Vec::new();
        let mut buffer = vec![0; 256 << 10];
        while encoder
            .fill(&mut buffer, &mut |_, space| {
                reads.push(space.len());
                Ok(space.len())
            })
            .unwrap()
            > 0
        {}
        assert_eq!(reads.iter().sum::<usize>() as u64, length);
        // One for each full buffer, and one more where a chunk ends within a buffer.
        assert!(reads.len() <= 16 + 4 + 1, "{reads:?}");
    }

    #[test]
    fn a_body_that_ends_early_or_cannot_be_read_is_an_error() {
        let mut buffer = [0; 64];
        let mut encoder = Encoder::new(10);
        let mut once = Some(4);
        let error =
            encoder.fill(&mut buffer, &mut |_, _| Ok(once.take().unwrap_or(0))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(error.to_string(), "the source ended after 4 of 10 bytes");
        encoder.rewind();
        let error = encoder
            .fill(&mut buffer, &mut |_, _| Err(io::Error::other("the disk is on fire")))
            .unwrap_err();
        assert_eq!(error.to_string(), "the disk is on fire");
        encoder.rewind();
        let wire = encode(&mut encoder, &body(10), &[64], 3);
        assert_eq!(decode(&wire).1, body(10));
    }

    #[test]
    fn lengths_around_chunks_and_hexadecimal_digits() {
        for length in [
            1,
            0xF,
            0x10,
            0xFF,
            0x100,
            0xF_FFFF,
            CHUNK_SIZE,
            CHUNK_SIZE + 1,
            3 * CHUNK_SIZE - 1,
            3 * CHUNK_SIZE,
        ] {
            let body = body(length as usize);
            let mut encoder = Encoder::new(length);
            let wire = encode(&mut encoder, &body, &[64 << 10], usize::MAX);
            assert_eq!(wire.len() as u64, encoded_length(length), "{length}");
            let (sizes, decoded, trailer) = decode(&wire);
            assert!(decoded == body, "{length}");
            assert!(sizes.iter().all(|size| *size as u64 <= CHUNK_SIZE));
            assert!(sizes.iter().rev().skip(1).all(|size| *size as u64 == CHUNK_SIZE));
            assert_eq!(
                trailer,
                format!("x-amz-checksum-crc64nvme:{}", Crc64Nvme::of(&body).to_base64())
            );
        }
        // The largest part S3 takes: 5 GiB are 5,120 chunks of "100000\r\n" and "\r\n".
        assert_eq!(encoded_length(5 << 30), (5 << 30) + 5_120 * 10 + end_length());
    }

    proptest! {
        #[test]
        fn any_sequence_of_buffers_gives_the_same_bytes(
            length in prop_oneof![0_usize..200, (1_usize << 20) - 40..(1 << 20) + 40],
            sizes in prop::collection::vec(prop_oneof![1_usize..12, 1_000_usize..300_000], 1..12),
            read_max in prop_oneof![Just(usize::MAX), 1_usize..5_000],
            rewind_after in prop::option::of(1_usize..100_000),
        ) {
            // One buffer must be large, lest a megabyte travel byte by byte.
            let sizes = [sizes, vec![40_000]].concat();
            let body = body(length);
            let mut encoder = Encoder::new(length as u64);
            if let Some(before) = rewind_after {
                encoder.fill(&mut vec![0; before], &mut |_, space| Ok(space.len())).unwrap();
                encoder.rewind();
            }
            let wire = encode(&mut encoder, &body, &sizes, read_max);
            prop_assert_eq!(wire.len() as u64, encoded_length(length as u64));
            let (_, decoded, trailer) = decode(&wire);
            prop_assert!(decoded == body);
            let checksum = Crc64Nvme::of(&body);
            prop_assert_eq!(trailer.split_once(':').unwrap().1, checksum.to_base64());
            prop_assert_eq!(encoder.checksum(), Some(checksum));
        }
    }
}
