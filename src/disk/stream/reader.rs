//! The thread that reads a stream.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, poll};

use super::held::Shared;
use super::{StreamError, StreamSettings};

/// Bytes read at a time: a pipe holds 64 KiB, other streams may give more.
const READ_SIZE: usize = 256 << 10;

/// Reads a stream to its end.
pub(super) struct Reader {
    input: File,
    /// Closed at its other end when the reading is to end.
    stop: PipeReader,
    settings: StreamSettings,
    shared: Arc<Shared>,
    chunk: Vec<u8>,
    /// Bytes read.
    position: u64,
}

/// Where one part goes.
enum Sink {
    Memory(Vec<u8>),
    Spool,
}

impl Reader {
    pub(super) fn new(
        input: File,
        stop: PipeReader,
        settings: StreamSettings,
        shared: Arc<Shared>,
    ) -> Reader {
        Reader { input, stop, settings, shared, chunk: vec![0; READ_SIZE], position: 0 }
    }

    pub(super) fn run(mut self) {
        let result = self.read_all();
        self.shared.end(result);
    }

    /// Whether it came to the end; not where it was stopped.
    fn read_all(&mut self) -> Result<bool, StreamError> {
        let cuts = self.settings.cuts.clone();
        let sizes = cuts.iter().flat_map(|(parts, size)| (0..*parts).map(move |_| *size));
        for size in sizes {
            let left = self.end_at_most() - self.position;
            if left == 0 {
                break;
            }
            let Some(mut sink) = self.sink(size.min(left))? else { return Ok(false) };
            let offset = self.position;
            while self.position < offset + size.min(left) {
                let wanted = offset + size.min(left) - self.position;
                match self.read(wanted)? {
                    None => return Ok(false),
                    Some(0) => return self.at_end(offset, Some(sink)),
                    Some(count) => self.take(count, &mut sink)?,
                }
            }
            // What ends in the middle of a part is added at the end alone.
            if size <= left {
                self.add(offset, sink);
            } else {
                return self.expect_end(offset, Some(sink));
            }
        }
        self.expect_end(self.position, None)
    }

    /// The stream may not be longer.
    fn end_at_most(&self) -> u64 {
        self.settings.expected.unwrap_or(u64::MAX).min(self.settings.largest)
    }

    /// Room for a part of so many bytes; `None` where the reading is to end.
    fn sink(&self, bytes: u64) -> Result<Option<Sink>, StreamError> {
        if self.shared.spool().is_some() {
            return Ok((!self.shared.is_stopped()).then_some(Sink::Spool));
        }
        let no_memory = || StreamError::Memory { bytes };
        let length = usize::try_from(bytes).map_err(|_| no_memory())?;
        let Some(mut buffer) = self.shared.wait_for_room(length) else { return Ok(None) };
        // Memory that is never written to is never used.
        buffer.try_reserve_exact(length).map_err(|_| no_memory())?;
        Ok(Some(Sink::Memory(buffer)))
    }

    /// Reads into the chunk, at most `wanted` bytes. 0 at the end; `None` where it was stopped.
    fn read(&mut self, wanted: u64) -> Result<Option<usize>, StreamError> {
        let at = self.position;
        let failed = |error| StreamError::Read { error, at };
        let wanted = usize::try_from(wanted).unwrap_or(READ_SIZE).min(READ_SIZE);
        loop {
            if !self.wait().map_err(failed)? {
                return Ok(None);
            }
            match self.input.read(&mut self.chunk[..wanted]) {
                Ok(count) => return Ok(Some(count)),
                // Somebody else read it, or it is not for waiting.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock
                    ) => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Waits until there is something to read; false where the reading is to end.
    fn wait(&self) -> io::Result<bool> {
        let mut ready =
            [PollFd::new(&self.stop, PollFlags::IN), PollFd::new(&self.input, PollFlags::IN)];
        loop {
            match poll(&mut ready, None) {
                Ok(_) => return Ok(ready[0].revents().is_empty()),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn take(&mut self, count: usize, sink: &mut Sink) -> Result<(), StreamError> {
        let bytes = &self.chunk[..count];
        match (sink, self.shared.spool()) {
            (Sink::Memory(buffer), _) => buffer.extend_from_slice(bytes),
            (Sink::Spool, Some((path, file))) => {
                let failed = |error| StreamError::Spool { path: path.clone(), error };
                file.write_all_at(bytes, self.position).map_err(failed)?;
            }
            (Sink::Spool, None) => unreachable!("without a spool nothing is spooled"),
        }
        self.position += count as u64;
        Ok(())
    }

    fn add(&self, offset: u64, sink: Sink) {
        let buffer = match sink {
            Sink::Memory(buffer) => Some(buffer),
            Sink::Spool => None,
        };
        self.shared.add(offset, self.position - offset, buffer);
    }

    /// The end came, with a part of these bytes begun.
    fn at_end(&self, offset: u64, sink: Option<Sink>) -> Result<bool, StreamError> {
        let (size, expected) = (self.position, self.settings.expected);
        if let Some(expected) = expected.filter(|expected| *expected != size) {
            return Err(StreamError::Short { size, expected });
        }
        if let Some(sink) = sink.filter(|_| size > offset) {
            self.add(offset, sink);
        }
        Ok(true)
    }

    /// Nothing more may come.
    fn expect_end(&mut self, offset: u64, sink: Option<Sink>) -> Result<bool, StreamError> {
        match self.read(1)? {
            None => Ok(false),
            Some(0) => self.at_end(offset, sink),
            Some(_) => Err(self.too_long()),
        }
    }

    fn too_long(&self) -> StreamError {
        let StreamSettings { cuts, largest, expected, .. } = &self.settings;
        match expected {
            Some(expected) if expected <= largest => StreamError::Long { expected: *expected },
            _ => StreamError::UsedUp {
                bytes: *largest,
                parts: cuts.iter().map(|(parts, _)| parts).sum(),
                equal: cuts.len() == 1,
            },
        }
    }
}
