//! What was read of a stream and may still be asked for.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, OnceLock};

use super::{StreamError, StreamNews, StreamSettings, lock};

/// What the reader and those who ask share.
pub(super) struct Shared {
    state: Mutex<State>,
    /// There is room for a part, or the reading has ended, or is to.
    changed: Condvar,
    buffers_max: usize,
    spool: Option<(PathBuf, Arc<File>)>,
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct State {
    /// Whole parts in memory, by their first byte.
    parts: BTreeMap<u64, Arc<Vec<u8>>>,
    /// Buffers that were used and can be used again.
    spare: Vec<Vec<u8>>,
    size: u64,
    ended: bool,
    failure: Option<Arc<StreamError>>,
    /// What was told last: bytes, and whether the end, or a failure, was.
    told: (u64, bool),
    stop: bool,
    /// The reader has gone.
    is_over: bool,
}

impl Shared {
    pub(super) fn new(settings: &StreamSettings, spool: Option<(PathBuf, Arc<File>)>) -> Shared {
        Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            buffers_max: settings.buffers.get() as usize,
            spool,
            wake: OnceLock::new(),
        }
    }

    pub(super) fn spool(&self) -> Option<&(PathBuf, Arc<File>)> {
        self.spool.as_ref()
    }

    // --- for those who ask ---

    pub(super) fn on_news(&self, wake: Box<dyn Fn() + Send + Sync>) {
        // Only the first is called; there is one session.
        self.wake.set(wake).ok();
    }

    pub(super) fn news(&self) -> Option<Result<StreamNews, Arc<StreamError>>> {
        let mut state = lock(&self.state);
        let is_final = state.ended || state.failure.is_some();
        if state.told == (state.size, is_final) {
            return None;
        }
        state.told = (state.size, is_final);
        Some(match &state.failure {
            Some(failure) => Err(failure.clone()),
            None => Ok(StreamNews { size: state.size, ended: state.ended }),
        })
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_once(&mut buffer[filled..], offset + filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }

    fn read_once(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let (size, part) = {
            let state = lock(&self.state);
            let part = state.parts.range(..=offset).next_back();
            (state.size, part.map(|(first, bytes)| (*first, bytes.clone())))
        };
        if offset >= size {
            return Ok(0);
        }
        if let Some((_, file)) = &self.spool {
            let wanted = buffer.len().min(usize::try_from(size - offset).unwrap_or(usize::MAX));
            return file.read_at(&mut buffer[..wanted], offset);
        }
        let held = part.as_ref().and_then(|(first, bytes)| {
            let at = usize::try_from(offset - first).ok()?;
            bytes.get(at..).filter(|rest| !rest.is_empty())
        });
        let Some(rest) = held else {
            let message = format!("byte {offset} of the stream is not held any longer");
            return Err(io::Error::other(message));
        };
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    pub(super) fn release(&self, offset: u64) {
        let mut state = lock(&self.state);
        // Where somebody is reading it at this moment, it goes when that has ended.
        let part = state.parts.remove(&offset).and_then(|part| Arc::try_unwrap(part).ok());
        state.spare.extend(part.map(|mut part| {
            part.clear();
            part
        }));
        self.changed.notify_all();
    }

    pub(super) fn stop(&self) {
        lock(&self.state).stop = true;
        self.changed.notify_all();
    }

    pub(super) fn is_over(&self) -> bool {
        lock(&self.state).is_over
    }

    pub(super) fn wait_for_end(&self) -> bool {
        let state = lock(&self.state);
        let state = self.changed.wait_while(state, |state| !state.is_over);
        state.is_ok_and(|state| state.ended)
    }

    // --- for the reader ---

    pub(super) fn is_stopped(&self) -> bool {
        lock(&self.state).stop
    }

    /// Waits until there is room for one more part in memory; `None` where the reading is to end.
    /// Gives a buffer that was used before, where there is one of `bytes`.
    pub(super) fn wait_for_room(&self, bytes: usize) -> Option<Vec<u8>> {
        let state = lock(&self.state);
        let full = |state: &mut State| !state.stop && state.parts.len() >= self.buffers_max;
        let mut state = self.changed.wait_while(state, full).ok()?;
        // The sizes of parts only grow: what is too small now is never used again.
        state.spare.retain(|spare| spare.capacity() >= bytes);
        let spare = state.spare.pop();
        (!state.stop).then(|| spare.unwrap_or_default())
    }

    /// A part has been read, into `buffer` unless it was spooled.
    pub(super) fn add(&self, offset: u64, bytes: u64, buffer: Option<Vec<u8>>) {
        let mut state = lock(&self.state);
        if let Some(buffer) = buffer {
            state.parts.insert(offset, Arc::new(buffer));
        }
        state.size = offset + bytes;
        drop(state);
        self.wake();
    }

    /// The reader goes: at the end, for an error, or because it was stopped.
    pub(super) fn end(&self, result: Result<bool, StreamError>) {
        let mut state = lock(&self.state);
        match result {
            Ok(ended) => state.ended = ended,
            Err(error) => state.failure = Some(Arc::new(error)),
        }
        state.is_over = true;
        self.changed.notify_all();
        drop(state);
        self.wake();
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }
}
