//! What is fetched on a thread of its own: sources of keys and links run commands and ask services,
//! which takes as long as it takes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

/// Something that is fetched now and then, one at a time.
pub(super) struct Fetching<T> {
    wake: Arc<dyn Fn() + Send + Sync>,
    pending: Option<Receiver<Result<T, String>>>,
}

impl<T: Send + 'static> Fetching<T> {
    /// `wake` is called when something has been fetched.
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Fetching<T> {
        Fetching { wake: Arc::new(wake), pending: None }
    }

    /// Begins to fetch.
    pub(super) fn begin(&mut self, fetch: impl FnOnce() -> Result<T, String> + Send + 'static) {
        let (tell, told) = channel();
        self.pending = Some(told);
        let wake = Arc::clone(&self.wake);
        let run = move || {
            // The session may have ended meanwhile.
            let _ = tell.send(fetch());
            wake();
        };
        if let Err(error) = thread::Builder::new().name("renew".into()).spawn(run) {
            log::warn!("no thread to renew keys or links: {error}");
        }
    }

    /// What was fetched, once it has been.
    pub(super) fn fetched(&mut self) -> Option<Result<T, String>> {
        let fetched = match self.pending.as_ref()?.try_recv() {
            Ok(fetched) => fetched,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err("nothing can renew them".to_owned()),
        };
        self.pending = None;
        Some(fetched)
    }
}
