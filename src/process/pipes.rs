//! The pipes to and from a command, all served by one thread: none of them can fill up while
//! another is waited for.

use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// What goes in, and what came out so far.
pub(super) struct Pipes<'a> {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    input: &'a [u8],
    output: Vec<u8>,
    complaints: Vec<u8>,
    /// Bytes of `complaints` that are kept.
    kept: usize,
    chunk: Vec<u8>,
}

impl<'a> Pipes<'a> {
    /// Takes the pipes that `child` has.
    pub(super) fn new(child: &mut Child, input: &'a [u8], kept: usize) -> io::Result<Pipes<'a>> {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stderr = child.stderr.take();
        if let Some(pipe) = &stdin {
            ioctl_fionbio(pipe, true)?;
        }
        if let Some(pipe) = &stdout {
            ioctl_fionbio(pipe, true)?;
        }
        if let Some(pipe) = &stderr {
            ioctl_fionbio(pipe, true)?;
        }
        let (output, complaints, chunk) = (Vec::new(), Vec::new(), vec![0; CHUNK]);
        Ok(Pipes { stdin, stdout, stderr, input, output, complaints, kept, chunk })
    }

    /// Waits until something can be written or read, for `step` at most, and does so.
    pub(super) fn move_on(&mut self, step: Duration) -> io::Result<()> {
        let wait = Timespec::try_from(step).unwrap_or_default();
        let (stdin, stdout, stderr) = (self.stdin.as_ref(), &self.stdout, &self.stderr);
        let stdin = stdin.map(|pipe| PollFd::new(pipe, PollFlags::OUT));
        let stdout = stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let stderr = stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN));
        let mut fds: Vec<PollFd<'_>> = [stdin, stdout, stderr].into_iter().flatten().collect();
        match poll(&mut fds, Some(&wait)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        // None of them blocks: those that are not ready give nothing.
        self.write();
        read(&mut self.stdout, &mut self.chunk, &mut self.output);
        read(&mut self.stderr, &mut self.chunk, &mut self.complaints);
        let surplus = self.complaints.len().saturating_sub(self.kept);
        self.complaints.drain(..surplus);
        Ok(())
    }

    /// Whether nobody can write to standard output any more, and all of it was read.
    pub(super) fn is_output_whole(&self) -> bool {
        self.stdout.is_none()
    }

    pub(super) fn output_length(&self) -> usize {
        self.output.len()
    }

    /// Standard output, and the end of standard error.
    pub(super) fn take(self) -> (Vec<u8>, Vec<u8>) {
        (self.output, self.complaints)
    }

    fn write(&mut self) {
        let Some(pipe) = &mut self.stdin else { return };
        match pipe.write(self.input) {
            Ok(written) => self.input = &self.input[written..],
            Err(error) if is_for_later(&error) => {}
            // It need not read what it is told.
            Err(_) => self.input = &[],
        }
        if self.input.is_empty() {
            self.stdin = None;
        }
    }
}

/// Reads what is there, up to a chunk; closes the pipe at its end.
fn read(pipe: &mut Option<impl Read>, chunk: &mut [u8], into: &mut Vec<u8>) {
    let Some(open) = pipe else { return };
    match open.read(chunk) {
        Ok(length) if length > 0 => into.extend_from_slice(&chunk[..length]),
        Err(error) if is_for_later(&error) => {}
        Ok(_) | Err(_) => *pipe = None,
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
