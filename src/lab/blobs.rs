//! Bodies as they come in and go out again: received into files of a folder, or only hashed, and
//! read back. Files are written and read on the runtime's own threads: a lab writes to the page
//! cache, which is quicker than handing the bytes to another thread.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use super::blob::{Blob, Content, Digester};

/// The folder that bodies are kept in.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: Option<PathBuf>,
    next: AtomicU64,
}

impl Blobs {
    /// Bodies become files of `folder`, or are forgotten where there is none.
    pub(super) fn new(folder: Option<PathBuf>) -> Blobs {
        Blobs { folder, next: AtomicU64::new(1) }
    }

    /// Receives a body to its end; `also` sees every byte. A body that breaks off leaves nothing.
    pub(super) async fn receive<S, E>(
        &self,
        mut body: S,
        mut also: impl FnMut(&[u8]),
    ) -> Result<Blob, ReceiveError<E>>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let mut unfinished = Unfinished::new(self)?;
        let mut digester = Digester::new();
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(ReceiveError::Body)?;
            digester.update(&bytes);
            also(&bytes);
            unfinished.write(&bytes)?;
        }
        Ok(digester.finish(unfinished.keep()))
    }

    /// Removes files that nothing refers to.
    pub(super) fn remove(paths: &[PathBuf]) {
        for path in paths {
            // A file that is gone, or cannot go, goes with its folder.
            let _ = fs::remove_file(path);
        }
    }

    fn create(&self) -> io::Result<Option<(PathBuf, File)>> {
        let Some(folder) = &self.folder else { return Ok(None) };
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{number:08}.body"));
            match File::create_new(&path) {
                Ok(file) => return Ok(Some((path, file))),
                // Left behind by an earlier run.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Why a body was not received.
#[derive(Debug)]
pub(super) enum ReceiveError<E> {
    /// The body broke off, or was refused by what reads it.
    Body(E),
    /// The disk refused it.
    Disk(io::Error),
}

impl<E> From<io::Error> for ReceiveError<E> {
    fn from(error: io::Error) -> Self {
        ReceiveError::Disk(error)
    }
}

/// A file that is removed unless it is kept.
struct Unfinished(Option<(PathBuf, File)>);

impl Unfinished {
    fn new(blobs: &Blobs) -> io::Result<Unfinished> {
        blobs.create().map(Unfinished)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), |(_, file)| file.write_all(bytes))
    }

    fn keep(mut self) -> Content {
        self.0.take().map_or(Content::Discarded, |(path, _)| Content::File(path))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some((path, _)) = self.0.take() {
            Blobs::remove(&[path]);
        }
    }
}

/// Reads a stored body back, piece by piece.
#[derive(Debug)]
pub struct ContentReader {
    pieces: VecDeque<Content>,
    current: Option<Piece>,
    left: u64,
}

#[derive(Debug)]
enum Piece {
    Memory(io::Cursor<std::sync::Arc<[u8]>>),
    File(File),
}

impl ContentReader {
    /// `length` bytes of `content` from `offset` on.
    ///
    /// # Errors
    /// The bytes were discarded, or a file cannot be read.
    pub(super) fn new(content: Content, offset: u64, length: u64) -> io::Result<ContentReader> {
        let mut reader = ContentReader { pieces: VecDeque::new(), current: None, left: length };
        reader.flatten(content)?;
        reader.skip(offset)?;
        Ok(reader)
    }

    /// The rest, in chunks.
    pub(super) fn chunks(mut self) -> impl Iterator<Item = io::Result<Bytes>> {
        const CHUNK: usize = 256 << 10;
        std::iter::from_fn(move || {
            let mut chunk = vec![0; CHUNK];
            match self.read(&mut chunk) {
                Ok(0) => None,
                Ok(n) => {
                    chunk.truncate(n);
                    Some(Ok(Bytes::from(chunk)))
                }
                Err(error) => Some(Err(error)),
            }
        })
    }

    fn flatten(&mut self, content: Content) -> io::Result<()> {
        match content {
            Content::Parts(parts) => parts.into_iter().try_for_each(|part| self.flatten(part)),
            Content::Discarded => {
                let message = "the lab was told to discard bodies, only their digests were kept";
                Err(io::Error::new(io::ErrorKind::NotFound, message))
            }
            piece => {
                self.pieces.push_back(piece);
                Ok(())
            }
        }
    }

    fn skip(&mut self, mut offset: u64) -> io::Result<()> {
        while offset > 0 {
            let Some(piece) = self.pieces.pop_front() else { return Ok(()) };
            let length = length(&piece)?;
            if offset < length {
                let mut piece = open(piece)?;
                match &mut piece {
                    Piece::Memory(bytes) => bytes.set_position(offset),
                    Piece::File(file) => {
                        file.seek(SeekFrom::Start(offset))?;
                    }
                }
                self.current = Some(piece);
                return Ok(());
            }
            offset -= length;
        }
        Ok(())
    }
}

impl Read for ContentReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if wanted == 0 {
            return Ok(0);
        }
        loop {
            if self.current.is_none() {
                let Some(piece) = self.pieces.pop_front() else { return Ok(0) };
                self.current = Some(open(piece)?);
            }
            let read = match &mut self.current {
                Some(Piece::Memory(bytes)) => bytes.read(&mut buffer[..wanted])?,
                Some(Piece::File(file)) => file.read(&mut buffer[..wanted])?,
                None => 0,
            };
            if read > 0 {
                self.left -= read as u64;
                return Ok(read);
            }
            self.current = None;
        }
    }
}

fn open(piece: Content) -> io::Result<Piece> {
    match piece {
        Content::Memory(bytes) => Ok(Piece::Memory(io::Cursor::new(bytes))),
        Content::File(path) => Ok(Piece::File(File::open(path)?)),
        Content::Parts(_) | Content::Discarded => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn length(piece: &Content) -> io::Result<u64> {
    match piece {
        Content::Memory(bytes) => Ok(bytes.len() as u64),
        Content::File(path) => file_length(path),
        Content::Parts(_) | Content::Discarded => Ok(0),
    }
}

fn file_length(path: &Path) -> io::Result<u64> {
    Ok(fs::metadata(path)?.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    type Chunk = Result<Bytes, &'static str>;

    fn receive(blobs: &Blobs, chunks: Vec<Chunk>) -> Result<Blob, ReceiveError<&'static str>> {
        let body = futures_util::stream::iter(chunks);
        blobs.receive(body, |_| ()).now_or_never().expect("a ready body is received at once")
    }

    #[test]
    fn a_body_is_kept_in_a_file_and_read_back_from_anywhere() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(Some(folder.path().to_owned()));
        let text = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        let one = receive(&blobs, vec![text("01"), text("234")]).unwrap();
        let two = receive(&blobs, vec![text("56789")]).unwrap();
        assert_eq!(one, Blob { content: one.content.clone(), ..Blob::discarded(b"01234") });
        let whole = Content::Parts(vec![one.content, two.content]);
        for (offset, length) in [(0, 10), (3, 4), (5, 5), (9, 1), (10, 0), (0, 0)] {
            let mut read = String::new();
            let mut reader = ContentReader::new(whole.clone(), offset, length).unwrap();
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, "0123456789"[offset as usize..(offset + length) as usize]);
        }
    }

    #[test]
    fn a_body_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::new(Some(folder.path().to_owned()));
        let broken = receive(&blobs, vec![Ok(Bytes::from_static(b"half")), Err("cut")]);
        assert!(matches!(broken, Err(ReceiveError::Body("cut"))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_discarded_body_has_digests_and_no_bytes() {
        let blob = receive(&Blobs::new(None), vec![Ok(Bytes::from_static(b"abc"))]).unwrap();
        assert_eq!(blob, Blob::discarded(b"abc"));
        let error = ContentReader::new(blob.content, 0, 3).unwrap_err();
        assert!(error.to_string().contains("discard"), "{error}");
    }
}
