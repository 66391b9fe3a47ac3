//! The processes that upload: ended when the user stops the experiment, so that none is left.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use crate::cli::console::now;
use crate::cli::signals::Interrupts;

/// Processes that start at a time: what the others have begun must not wait for it.
const STARTING_MAX: u32 = 2;

/// All that are running.
#[derive(Clone, Default)]
pub(super) struct Children(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    is_over: bool,
    starting: u32,
    running: Vec<Running>,
}

/// One of them.
#[derive(Clone)]
pub(super) struct Running(Arc<Mutex<Child>>);

impl Children {
    /// None yet; the first signal ends those there are, and lets none begin.
    pub(super) fn stopped_by(interrupts: &Interrupts) -> Children {
        let children = Children::default();
        let stopped = children.clone();
        interrupts.at_first(move |_| stopped.stop());
        children
    }

    /// Whether the user has stopped it.
    pub(super) fn is_over(&self) -> bool {
        self.state().is_over
    }

    /// Waits, unless the user stops it.
    pub(super) fn wait(&self, time: Duration) {
        // Others' starts wake it too, and it goes on waiting.
        let waited = self.0.1.wait_timeout_while(self.state(), time, |state| !state.is_over);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Does what starts a process, when few others do.
    pub(super) fn starting<T>(&self, start: impl FnOnce() -> T) -> T {
        let is_full = |state: &mut State| state.starting >= STARTING_MAX && !state.is_over;
        let state = self.0.1.wait_while(self.state(), is_full);
        state.unwrap_or_else(PoisonError::into_inner).starting += 1;
        let started = start();
        self.state().starting -= 1;
        self.0.1.notify_all();
        started
    }

    /// Runs a command; Ctrl-C at a terminal reaches us alone.
    ///
    /// # Errors
    /// It cannot be run, or the user has stopped it.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Running> {
        let mut state = self.state();
        if state.is_over {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let child = Running(Arc::new(Mutex::new(command.process_group(0).spawn()?)));
        state.running.retain(|running| Arc::strong_count(&running.0) > 1);
        state.running.push(child.clone());
        Ok(child)
    }

    /// Ends all, and lets none begin.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.is_over = true;
        state.running.iter().for_each(Running::end);
        self.0.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// The process, for its pipes.
    pub(super) fn child(&self) -> MutexGuard<'_, Child> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it at once, if it has not ended.
    pub(super) fn end(&self) {
        self.child().kill().ok();
    }

    /// What it prints, line by line.
    pub(super) fn lines(&self) -> Receiver<String> {
        let (sender, lines) = mpsc::channel();
        let output = self.child().stdout.take();
        thread::spawn(move || {
            let lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            for line in lines.map_while(Result::ok) {
                // Nobody listens to one that was given up.
                sender.send(line).ok();
            }
        });
        lines
    }

    /// Takes its lines until it ends; ends it after `limit`.
    pub(super) fn hear(
        &self,
        lines: &Receiver<String>,
        limit: Duration,
        mut each: impl FnMut(&str),
    ) {
        let until = now() + limit;
        loop {
            match lines.recv_timeout(until.saturating_duration_since(now())) {
                Ok(line) => each(&line),
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => return self.end(),
            }
        }
    }

    /// How it ended. What it writes has been read to the end: it is about to.
    pub(super) fn wait(&self) -> io::Result<ExitStatus> {
        self.child().wait()
    }
}
