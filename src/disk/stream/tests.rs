//! Streams through pipes, whose other end a test holds.

use std::io::{PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::*;

/// Parts of ten bytes, two of them in memory.
fn settings() -> StreamSettings {
    StreamSettings {
        cuts: vec![(3, 10), (2, 20)],
        largest: 70,
        expected: None,
        buffers: NonZeroU32::new(2).unwrap(),
        spool: None,
    }
}

struct Reading {
    writer: Option<PipeWriter>,
    stream: Stream,
    woken: Receiver<()>,
}

fn read(settings: StreamSettings) -> Reading {
    let (reader, writer) = io::pipe().unwrap();
    let stream = Stream::start(File::from(OwnedFd::from(reader)), settings).unwrap();
    let (wake, woken) = channel();
    stream.on_news(move || {
        wake.send(()).ok();
    });
    Reading { writer: Some(writer), stream, woken }
}

impl Reading {
    fn write(&mut self, bytes: &[u8]) {
        self.writer.as_mut().unwrap().write_all(bytes).unwrap();
    }

    fn end(&mut self) {
        self.writer = None;
    }

    /// The next news.
    fn news(&self) -> Result<StreamNews, String> {
        loop {
            match self.stream.news() {
                Some(news) => return news.map_err(|error| error.to_string()),
                None => self.woken.recv_timeout(Duration::from_secs(20)).unwrap(),
            }
        }
    }

    /// Fails unless so many bytes become known, and that they are all, or not.
    fn expect(&self, size: u64, ended: bool) {
        loop {
            let news = self.news().unwrap();
            assert!(news.size <= size && news.ended <= ended, "{news:?}");
            if news == (StreamNews { size, ended }) {
                return;
            }
        }
    }

    fn bytes(&self, offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        let count = self.stream.read_at(&mut bytes, offset).unwrap();
        bytes.truncate(count);
        bytes
    }
}

#[test]
fn parts_are_told_when_they_are_whole_and_the_rest_at_the_end() {
    let mut reading = read(settings());
    reading.write(b"0123456789abc");
    reading.expect(10, false);
    assert_eq!(reading.bytes(3, 4), b"3456");
    assert_eq!(reading.bytes(8, 9), b"89", "no more is known");
    reading.end();
    reading.expect(13, true);
    assert_eq!(reading.bytes(8, 9), b"89abc", "over the edge of a part");
    assert!(reading.stream.news().is_none(), "told once");
    assert!(reading.stream.drain());
}

#[test]
fn nothing_and_exactly_one_part() {
    let mut reading = read(settings());
    reading.end();
    reading.expect(0, true);
    let mut reading = read(settings());
    reading.write(b"0123456789");
    reading.end();
    reading.expect(10, true);
}

#[test]
fn no_more_is_read_than_there_are_buffers_until_a_part_is_stored() {
    let mut reading = read(settings());
    reading.write(&[7; 45]);
    reading.expect(20, false);
    while reading.woken.recv_timeout(Duration::from_millis(50)).is_ok() {}
    assert!(reading.stream.news().is_none(), "both are full");
    reading.stream.release(10);
    reading.expect(30, false);
    let error = reading.stream.read_at(&mut [0; 3], 12).unwrap_err().to_string();
    assert!(error.contains("byte 12") && error.contains("not held"), "{error}");
    assert_eq!(reading.bytes(0, 1), [7], "another is held all the same");
    reading.stream.release(0);
    reading.end();
    reading.expect(45, true);
    assert_eq!(reading.bytes(30, 20), [7; 15]);
}

#[test]
fn a_length_that_is_not_the_expected_is_an_error() {
    for (expected, written, error) in [
        (13, 12, Some("ended after 12 bytes, and --expected-size says 13")),
        (13, 14, Some("behind the 13 bytes that --expected-size says")),
        (13, 13, None),
        (10, 10, None),
        (10, 11, Some("behind the 10 bytes")),
        (0, 1, Some("behind the 0 bytes")),
        (0, 0, None),
        (99, 71, Some("all that 5 parts hold")),
    ] {
        let buffers = NonZeroU32::new(9).unwrap();
        let mut reading = read(StreamSettings { expected: Some(expected), buffers, ..settings() });
        reading.write(&vec![1; written]);
        reading.end();
        let last = loop {
            match reading.news() {
                Ok(StreamNews { ended: false, size }) => assert!(size <= expected.min(70)),
                last => break last,
            }
        };
        match (error, last) {
            (Some(error), Err(told)) => assert!(told.contains(error), "{told}"),
            (None, Ok(news)) => assert_eq!(news, StreamNews { size: expected, ended: true }),
            (_, last) => panic!("{expected} {written}: {last:?}"),
        }
    }
}

#[test]
fn more_than_all_parts_hold_is_an_error() {
    let buffers = NonZeroU32::new(9).unwrap();
    let mut reading = read(StreamSettings { buffers, ..settings() });
    reading.write(&[1; 70]);
    reading.expect(70, false);
    reading.write(&[1]);
    let error = reading.news().unwrap_err();
    assert!(error.contains("70 bytes") && error.contains("5 parts"), "{error}");
    let equal = StreamError::UsedUp { bytes: 1, parts: 1, equal: true };
    assert!(equal.advice().contains("--expected-size"));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let input = File::open(folder.path()).unwrap();
    let stream = Stream::start(input, settings()).unwrap();
    assert!(!stream.drain());
    let error = stream.news().unwrap().unwrap_err();
    assert!(matches!(*error, StreamError::Read { at: 0, .. }), "{error}");
    assert!(stream.news().is_none(), "told once");
}

/// The other end neither writes nor closes, and there is no room: both times it ends at once.
#[test]
fn reading_ends_at_once_when_it_is_to() {
    for written in [0, 5, 30] {
        let mut reading = read(settings());
        reading.write(&vec![1; written]);
        reading.stream.stop();
        assert!(!reading.stream.drain(), "not at its end");
    }
    let (reader, writer) = io::pipe().unwrap();
    let stream = Stream::start(File::from(OwnedFd::from(reader)), settings()).unwrap();
    drop(stream);
    let gone = (0..400).any(|_| {
        std::thread::park_timeout(Duration::from_millis(10));
        (&writer).write_all(b"x").is_err()
    });
    assert!(gone, "the reader goes with the last handle, and its end of the pipe with it");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_spool_takes_everything_and_stays_only_where_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let spooled = StreamSettings { spool: Some(folder.path().to_path_buf()), ..settings() };
    let mut reading = read(spooled.clone());
    let bytes: Vec<u8> = (0..65).collect();
    reading.write(&bytes);
    reading.end();
    reading.expect(65, true);
    assert_eq!(reading.bytes(8, 40), bytes[8..48], "more than memory would have held");
    let path = reading.stream.spooled().unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    reading.stream.remove_spool();
    assert_eq!(files(folder.path()), [] as [PathBuf; 0]);

    let mut reading = read(spooled.clone());
    reading.write(&bytes);
    reading.end();
    assert!(reading.stream.drain());
    let kept = reading.stream.keep_spool().unwrap().unwrap();
    drop(reading);
    assert_eq!(std::fs::read(&kept).unwrap(), bytes);
    assert_eq!(files(folder.path()), [kept]);
}

#[test]
fn a_spool_that_cannot_be_is_told_with_its_folder() {
    let spool = Some(PathBuf::from("/nowhere/at all"));
    let (reader, _writer) = io::pipe().unwrap();
    let input = File::from(OwnedFd::from(reader));
    let error = Stream::start(input, StreamSettings { spool, ..settings() }).unwrap_err();
    assert!(error.to_string().contains("/nowhere/at all"), "{error}");
    let full = StreamError::Spool {
        path: PathBuf::from("/spool"),
        error: io::Error::from_raw_os_error(libc::ENOSPC),
    };
    assert!(full.advice().contains("disk is full"), "{}", full.advice());
}
