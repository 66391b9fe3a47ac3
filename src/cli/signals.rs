//! Ctrl-C and its kin: the first asks the upload to stop and to leave nothing behind, the second
//! ends the program at once, as the signal would have.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};
use signal_hook::low_level::emulate_default_handler;

use super::error::CliError;

/// Listens for signals until it is dropped.
pub(super) struct Interrupts {
    state: Arc<Mutex<State>>,
    handle: Handle,
}

#[derive(Default)]
struct State {
    first: Option<u8>,
    on_first: Option<Box<dyn Fn(u8) + Send>>,
    on_every: Option<Box<dyn Fn() + Send>>,
}

impl Interrupts {
    /// Begins to listen.
    pub(super) fn listen() -> Result<Interrupts, CliError> {
        let failed = |error| CliError::System { doing: "cannot listen for signals", error };
        let signals = Signals::new(listened(ignored())).map_err(failed)?;
        // A journal that grows beyond `ulimit -f` is an error like a full disk, not the end.
        flag::register(libc::SIGXFSZ, Arc::default()).map_err(failed)?;
        let (handle, state) = (signals.handle(), Arc::<Mutex<State>>::default());
        let heard = state.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || hear(signals, &heard))
            .map_err(failed)?;
        Ok(Interrupts { state, handle })
    }

    /// What to do at the first signal; done at once where that has come already.
    pub(super) fn at_first(&self, act: impl Fn(u8) + Send + 'static) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(signal) = state.first {
            act(signal);
        }
        state.on_first = Some(Box::new(act));
    }

    /// What to do at every signal from now on, before anything else.
    pub(super) fn at_every(&self, act: impl Fn() + Send + 'static) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).on_every = Some(Box::new(act));
    }

    /// The first signal that came.
    pub(super) fn first(&self) -> Option<u8> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).first
    }

    /// That a signal came, as an error for work that can only break off.
    pub(super) fn check(&self) -> std::io::Result<()> {
        match self.first() {
            Some(_) => Err(std::io::ErrorKind::Interrupted.into()),
            None => Ok(()),
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.handle.close();
    }
}

/// Without SIGHUP where the program was started with it ignored, as `nohup` does: whoever did so
/// wants it to go on when the terminal is gone.
fn listened(ignored: u64) -> Vec<i32> {
    let is_ignored = ignored >> (SIGHUP - 1) & 1 == 1;
    [SIGINT, SIGTERM].into_iter().chain((!is_ignored).then_some(SIGHUP)).collect()
}

/// The signals that are ignored, a bit each, SIGHUP the lowest (`SigIgn`, proc(5)); none where the
/// system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn hear(mut signals: Signals, state: &Mutex<State>) {
    for signal in signals.forever() {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(act) = &state.on_every {
            act();
        }
        if state.first.is_some() {
            // Ends the program; there is nothing to be done where it does not.
            emulate_default_handler(signal).ok();
        }
        let number = u8::try_from(signal).expect("signals that are listened for are small");
        state.first = Some(number);
        if let Some(act) = &state.on_first {
            act(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_is_ignored_stays_so() {
        assert_eq!(listened(0), [SIGINT, SIGTERM, SIGHUP]);
        // SIGPIPE, as every Rust program ignores it.
        assert_eq!(listened(1 << 12), [SIGINT, SIGTERM, SIGHUP]);
        assert_eq!(listened(1 << 12 | 1), [SIGINT, SIGTERM]);
        assert_eq!(ignored() >> 12 & 1, 1, "this program ignores SIGPIPE");
    }
}
