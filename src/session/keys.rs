//! The keys that requests are signed with, and presigned URLs: how fresh ones are got.

use std::sync::Arc;

use super::fetching::Fetching;
use crate::s3::{Credentials, Links};
use crate::upload::LinksWanted;

/// Where fresh keys come from; may block. An error says why there are none.
pub type Renewal = Arc<dyn Fn() -> Result<Credentials, String> + Send + Sync>;

/// Where fresh presigned URLs come from, in place of those that are wanted; may block. An error
/// says why there are none.
pub type LinkRenewal = Arc<dyn Fn(&LinksWanted, &Links) -> Result<Links, String> + Send + Sync>;

/// The keys of a session.
pub(super) struct Keys {
    current: Option<Credentials>,
    renewal: Option<Renewal>,
    fetching: Fetching<Credentials>,
}

impl Keys {
    /// `wake` is called when a renewal has ended.
    pub(super) fn new(
        current: Option<Credentials>,
        renewal: Option<Renewal>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Keys {
        Keys { current, renewal, fetching: Fetching::new(wake) }
    }

    pub(super) fn current(&self) -> Option<&Credentials> {
        self.current.as_ref()
    }

    /// Begins to fetch fresh keys.
    pub(super) fn renew(&mut self) {
        let renewal = self.renewal.clone();
        self.fetching.begin(move || match renewal {
            Some(renewal) => renewal(),
            None => Err("nothing can renew them".to_owned()),
        });
    }

    /// Whether a renewal has ended, and how.
    pub(super) fn renewed(&mut self) -> Option<Result<&Credentials, String>> {
        let fresh = match self.fetching.fetched()? {
            Ok(fresh) => fresh,
            Err(why) => return Some(Err(why)),
        };
        if Some(&fresh) == self.current.as_ref() {
            return Some(Err("their source still has the expired ones".to_owned()));
        }
        Some(Ok(self.current.insert(fresh)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

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
        let wake = move || wake.send(()).unwrap();
        let mut keys = Keys::new(Some(credentials("old")), renewal, wake);
        assert_eq!(keys.renewed(), None);
        keys.renew();
        woken.recv().unwrap();
        (keys.renewed().unwrap().map(|_| ()), keys)
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
