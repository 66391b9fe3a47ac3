//! Standard input, or any other stream: read by a thread of its own, a part at a time, into as
//! many buffers as there may be parts in flight, or into a spool file. A part is held until its
//! owner says that it is stored.

mod error;
mod held;
mod reader;
mod spool;

use std::fmt;
use std::fs::File;
use std::io::{self, PipeWriter};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

pub use self::error::StreamError;
use self::held::Shared;
use self::reader::Reader;
use self::spool::Spool;

/// How a stream is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSettings {
    /// Where it is cut: so many parts of so many bytes each, in order. It may not be longer.
    pub cuts: Vec<(u32, u64)>,
    /// Bytes at most, where that is less than all parts hold.
    pub largest: u64,
    /// Bytes that it must have, where that is known.
    pub expected: Option<u64>,
    /// Parts that are held in memory at once.
    pub buffers: NonZeroU32,
    /// The folder of the spool file, where parts are to wait there and not in memory.
    pub spool: Option<PathBuf>,
}

/// How much of a stream is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamNews {
    /// Bytes read, of whole parts, or of all at the end.
    pub size: u64,
    /// Whether that is all.
    pub ended: bool,
}

/// A stream that is being read. Clones share it.
#[derive(Clone)]
pub struct Stream(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    spool: Mutex<Option<Spool>>,
    /// Closed to wake up a reader that waits for the other end.
    alive: Mutex<Option<PipeWriter>>,
}

impl Stream {
    /// Begins to read `input`.
    ///
    /// # Errors
    /// Where there can be no spool file or no thread.
    pub fn start(input: File, settings: StreamSettings) -> Result<Stream, StreamError> {
        let spool = settings.spool.as_deref().map(Spool::create).transpose()?;
        let shared = Arc::new(Shared::new(&settings, spool.as_ref().map(Spool::file)));
        let (stop, alive) = io::pipe().map_err(StreamError::System)?;
        let reader = Reader::new(input, stop, settings, shared.clone());
        let thread = thread::Builder::new().name("stdin".to_owned());
        thread.spawn(move || reader.run()).map_err(StreamError::System)?;
        let (spool, alive) = (Mutex::new(spool), Mutex::new(Some(alive)));
        Ok(Stream(Arc::new(Handle { shared, spool, alive })))
    }

    /// Calls `wake`, on another thread, whenever there are news.
    pub fn on_news(&self, wake: impl Fn() + Send + Sync + 'static) {
        self.0.shared.on_news(Box::new(wake));
    }

    /// How much more is there than was told before; or, once, why there will be no more.
    pub fn news(&self) -> Option<Result<StreamNews, Arc<StreamError>>> {
        self.0.shared.news()
    }

    /// Reads at `offset`, of what is held; fills `buffer` unless that ends before.
    ///
    /// # Errors
    /// Where those bytes are not held, and the operating system's.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.shared.read_at(buffer, offset)
    }

    /// The bytes from `offset` to the end of that part are not asked for any more.
    pub fn release(&self, offset: u64) {
        self.0.shared.release(offset);
    }

    /// Ends the reading, wherever it is. Does nothing where it has ended.
    pub fn stop(&self) {
        self.0.stop();
    }

    /// Whether nothing more is read.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.shared.is_over()
    }

    /// Waits until nothing more is read, because of the end, an error or [`Stream::stop`]. Whether
    /// it came to its end. Only with a spool is there room for all of it.
    #[must_use]
    pub fn drain(&self) -> bool {
        self.0.shared.wait_for_end()
    }

    /// The spool file, where there is one.
    #[must_use]
    pub fn spooled(&self) -> Option<PathBuf> {
        lock(&self.0.spool).as_ref().map(Spool::path)
    }

    /// Leaves the spool file where it is, for good, and gives its path.
    ///
    /// # Errors
    /// Where the operating system does not let us.
    pub fn keep_spool(&self) -> Result<Option<PathBuf>, StreamError> {
        lock(&self.0.spool).take().map(Spool::keep).transpose()
    }

    /// Removes the spool file, where there is one.
    pub fn remove_spool(&self) {
        lock(&self.0.spool).take();
    }
}

impl Handle {
    fn stop(&self) {
        self.shared.stop();
        lock(&self.alive).take();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("spool", &self.spooled()).finish_non_exhaustive()
    }
}

/// Nothing that is done under these locks can panic in the middle.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
