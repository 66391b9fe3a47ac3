//! The keys that requests are signed with, renewed on a thread of its own: sources run commands and
//! ask services, which takes as long as it takes.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use crate::s3::Credentials;

/// Where fresh keys come from; may block. An error says why there are none.
pub type Renewal = Arc<dyn Fn() -> Result<Credentials, String> + Send + Sync>;

/// The keys of a session.
pub(super) struct Keys {
    current: Option<Credentials>,
    renewal: Option<Renewal>,
    wake: Arc<dyn Fn() + Send + Sync>,
    pending: Option<Receiver<Result<Credentials, String>>>,
}

impl Keys {
    /// `wake` is called when a renewal has ended.
    pub(super) fn new(
        current: Option<Credentials>,
        renewal: Option<Renewal>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Keys {
        Keys { current, renewal, wake: Arc::new(wake), pending: None }
    }

    pub(super) fn current(&self) -> Option<&Credentials> {
        self.current.as_ref()
    }

    /// Begins to fetch fresh keys.
    pub(super) fn renew(&mut self) {
        let (tell, told) = channel();
        self.pending = Some(told);
        let Some(renewal) = self.renewal.clone() else { return };
        let wake = Arc::clone(&self.wake);
        let fetch = move || {
            // The session may have ended meanwhile.
            let _ = tell.send(renewal());
            wake();
        };
        let spawned = thread::Builder::new().name("renew keys".into()).spawn(fetch);
        if let Err(error) = spawned {
            log::warn!("no thread to renew the keys: {error}");
        }
    }

    /// Whether a renewal has ended, and how.
    pub(super) fn renewed(&mut self) -> Option<Result<(), String>> {
        let fetched = match self.pending.as_ref()?.try_recv() {
            Ok(fetched) => fetched,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err("nothing can renew them".to_owned()),
        };
        self.pending = None;
        Some(fetched.and_then(|fresh| {
            if Some(&fresh) == self.current.as_ref() {
                return Err("their source still has the expired ones".to_owned());
            }
            self.current = Some(fresh);
            Ok(())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::Secret;

    fn credentials(key: &str) -> Credentials {
        Credentials {
            access_key_id: key.into(),
            secret_access_key: Secret::new("s"),
            session_token: None,
            expires_at: None,
        }
    }

    /// How a renewal ends whose source says this.
    fn renew(source: Option<Result<&'static str, &'static str>>) -> (Result<(), String>, Keys) {
        let (wake, woken) = channel();
        let renewal = source.map(|said| -> Renewal {
            Arc::new(move || said.map(credentials).map_err(str::to_owned))
        });
        let is_fetched = renewal.is_some();
        let wake = move || wake.send(()).unwrap();
        let mut keys = Keys::new(Some(credentials("old")), renewal, wake);
        assert_eq!(keys.renewed(), None);
        keys.renew();
        if is_fetched {
            woken.recv().unwrap();
        }
        (keys.renewed().unwrap(), keys)
    }

    #[test]
    fn fresh_keys_take_the_place_of_the_old() {
        let (result, mut keys) = renew(Some(Ok("new")));
        assert_eq!(result, Ok(()));
        assert_eq!(keys.current(), Some(&credentials("new")));
        assert_eq!(keys.renewed(), None, "told once");
    }

    #[test]
    fn why_there_are_none_is_told() {
        for (source, expected) in [
            (Some(Err("no metadata service")), "no metadata service"),
            (Some(Ok("old")), "their source still has the expired ones"),
            (None, "nothing can renew them"),
        ] {
            let (result, keys) = renew(source);
            assert_eq!(result, Err(expected.to_owned()));
            assert_eq!(keys.current(), Some(&credentials("old")));
        }
    }
}
