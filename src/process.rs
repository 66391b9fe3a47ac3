//! Runs a command, without a shell, with a time limit and bounded output. Knows nothing of what
//! the command is for, and logs nothing of what it says.

mod pipes;
#[cfg(test)]
mod tests;

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use self::pipes::Pipes;
use crate::units::exact_size;

/// What is to be run, and how far it may go.
#[derive(Debug)]
pub struct Run<'a> {
    /// The program and its arguments, as [`split`] gives them.
    pub words: &'a [String],
    /// What it may read; it need not. `None`: nothing.
    pub input: Option<&'a [u8]>,
    /// Bytes of standard output at most.
    pub output_max: usize,
    /// What becomes of its standard error.
    pub complaints: Complaints,
    /// How long it may take.
    pub time_max: Duration,
    /// Who may end it. Where there is one, it runs in a process group of its own, away from the
    /// terminal, and whatever it has left running ends with it. Without, only the command itself
    /// is ended, and it may ask the user.
    pub stopper: Option<&'a Stopper>,
}

/// What becomes of standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Complaints {
    /// It is the user's to see.
    Shown,
    /// So many bytes of its end are kept.
    Kept(usize),
}

/// What a command left behind when it ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// All of its standard output.
    pub output: Vec<u8>,
    /// The end of its standard error, where that was kept.
    pub complaints: Vec<u8>,
}

/// Why there is nothing to be learnt of a command. Holds not a byte of its output.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It never ran.
    #[error("{program} cannot be started: {error}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It cannot be followed.
    #[error("{program} cannot be waited for: {error}")]
    Lost {
        /// The program.
        program: String,
        /// Why.
        error: io::Error,
    },
    /// It took too long.
    #[error("{program} took longer than {time_max:?} and was ended")]
    TooLong {
        /// The program.
        program: String,
        /// What it may take.
        time_max: Duration,
    },
    /// It printed too much.
    #[error("{program} printed more than {}", exact_size(*.output_max as u64))]
    TooMuch {
        /// The program.
        program: String,
        /// Bytes that it may print.
        output_max: usize,
    },
    /// Something that it left running still holds its output, so that nobody knows whether that is
    /// whole.
    #[error("{program} ended and left its output open")]
    LeftOpen {
        /// The program.
        program: String,
    },
    /// It wanted the terminal, and runs away from it.
    #[error("{program} was stopped and waits, as what asks a question at the terminal does")]
    Asks {
        /// The program.
        program: String,
    },
    /// It was ended by its [`Stopper`].
    #[error("{program} was ended before it was done")]
    Stopped {
        /// The program.
        program: String,
    },
}

/// A command line that has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// A quote is not closed.
    #[error("the quotes of the command do not match")]
    Quotes,
    /// There is nothing in it.
    #[error("the command is empty")]
    Empty,
}

/// The words of a command line, quoted as in a shell; nothing else of a shell is done.
///
/// # Errors
/// [`SplitError`].
pub fn split(command: &str) -> Result<Vec<String>, SplitError> {
    let words = shlex::split(command).ok_or(SplitError::Quotes)?;
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(SplitError::Empty),
    }
}

/// Ends commands from other threads.
#[derive(Debug, Clone, Default)]
pub struct Stopper(Arc<Mutex<Stopping>>);

#[derive(Debug, Default)]
struct Stopping {
    /// The process group of the command that runs.
    group: Option<Pid>,
    /// Whether that was ended by us.
    is_ended: bool,
    /// Whether no more may begin.
    is_over: bool,
}

impl Stopper {
    /// Ends what runs, with all that it has started. More may begin.
    pub fn end(&self) {
        self.state().end();
    }

    /// Ends what runs, and has no more begin.
    pub fn end_for_good(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.end();
    }

    fn state(&self) -> MutexGuard<'_, Stopping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stopping {
    fn end(&mut self) {
        if let Some(group) = self.group {
            self.is_ended = true;
            end_group(group);
        }
    }
}

/// What a command that ended may need for its last bytes to be read.
const GRACE: Duration = Duration::from_secs(1);

/// How often a command that says nothing is looked at.
const STEP: Duration = Duration::from_millis(10);

impl Run<'_> {
    /// Runs it to its end.
    ///
    /// # Errors
    /// [`RunError`]; an exit status that tells a failure is none.
    pub fn run(&self) -> Result<Ended, RunError> {
        let mut running = self.start()?;
        let mut pipes = Pipes::new(&mut running.child, self.input.unwrap_or_default(), self.kept())
            .map_err(|error| self.lost(error))?;
        let end = now() + self.time_max;
        while !self.has_ended(&running)? {
            if now() >= end {
                let (program, time_max) = (self.program(), self.time_max);
                return Err(RunError::TooLong { program, time_max });
            }
            self.step(&mut pipes)?;
        }
        let status = running.end().map_err(|error| self.lost(error))?;
        let end = now() + GRACE;
        while !pipes.is_output_whole() {
            if now() >= end {
                return Err(RunError::LeftOpen { program: self.program() });
            }
            self.step(&mut pipes)?;
        }
        if running.is_stopped() {
            return Err(RunError::Stopped { program: self.program() });
        }
        let (output, complaints) = pipes.take();
        Ok(Ended { status, output, complaints })
    }

    fn start(&self) -> Result<Running<'_>, RunError> {
        let failed = |error| RunError::NotStarted { program: self.program(), error };
        let (program, arguments) =
            self.words.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::piped());
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stderr(match self.complaints {
            Complaints::Shown => Stdio::inherit(),
            Complaints::Kept(_) => Stdio::piped(),
        });
        let Some(stopper) = self.stopper else {
            let child = command.spawn().map_err(failed)?;
            return Ok(Running { child, stopper: None });
        };
        // Held until the group is known, so that nobody misses what is just being started.
        let mut state = stopper.state();
        if state.is_over {
            return Err(RunError::Stopped { program: self.program() });
        }
        let child = command.process_group(0).spawn().map_err(failed)?;
        state.group = Some(Pid::from_child(&child));
        state.is_ended = false;
        Ok(Running { child, stopper: Some(stopper) })
    }

    /// Waits for something to be read or written, for a moment, and does it.
    fn step(&self, pipes: &mut Pipes<'_>) -> Result<(), RunError> {
        pipes.move_on(STEP).map_err(|error| self.lost(error))?;
        if pipes.output_length() > self.output_max {
            let (program, output_max) = (self.program(), self.output_max);
            return Err(RunError::TooMuch { program, output_max });
        }
        Ok(())
    }

    /// Leaves the command to be waited for: until then nobody else gets its id.
    fn has_ended(&self, running: &Running<'_>) -> Result<bool, RunError> {
        let options = WaitIdOptions::EXITED
            | WaitIdOptions::STOPPED
            | WaitIdOptions::NOHANG
            | WaitIdOptions::NOWAIT;
        let id = WaitId::Pid(Pid::from_child(&running.child));
        let status = waitid(id, options).map_err(|error| self.lost(error.into()))?;
        match status {
            // With the terminal, it may be the user who has stopped it, and us.
            Some(status) if status.stopped() && self.stopper.is_some() => {
                Err(RunError::Asks { program: self.program() })
            }
            Some(status) => Ok(!status.stopped()),
            None => Ok(false),
        }
    }

    fn kept(&self) -> usize {
        match self.complaints {
            Complaints::Shown => 0,
            Complaints::Kept(bytes) => bytes,
        }
    }

    fn program(&self) -> String {
        self.words.first().cloned().unwrap_or_default()
    }

    fn lost(&self, error: io::Error) -> RunError {
        RunError::Lost { program: self.program(), error }
    }
}

/// A command that was started: ended when this is dropped.
struct Running<'a> {
    child: Child,
    stopper: Option<&'a Stopper>,
}

impl Running<'_> {
    /// Ends it, where it still runs, and all of its group.
    fn end(&mut self) -> io::Result<ExitStatus> {
        let mut state = self.stopper.map(Stopper::state);
        match state.as_ref().and_then(|state| state.group) {
            Some(group) => end_group(group),
            None => self.child.kill()?,
        }
        if let Some(state) = &mut state {
            state.group = None;
        }
        self.child.wait()
    }

    fn is_stopped(&self) -> bool {
        self.stopper.is_some_and(|stopper| stopper.state().is_ended)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // After its end there is nothing to do; where it cannot be ended, nothing can be done.
        let _ = self.end();
    }
}

/// Its leader was not waited for yet, so the group is still the one that it was.
fn end_group(group: Pid) {
    // It may have ended by itself.
    let _ = kill_process_group(group, Signal::KILL);
}

#[expect(clippy::disallowed_methods, reason = "other programs are given time by the real clock")]
fn now() -> Instant {
    Instant::now()
}
