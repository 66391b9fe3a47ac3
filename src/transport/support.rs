//! Which options the libcurl in use takes: asked before anything is sent.

use super::raw::{self, Prepared};
use super::version::version;
use crate::curlopt::{Assignment, CurlOption, Handle};

/// `CURLE_NOT_BUILT_IN`, since 7.21.
const NOT_BUILT_IN: curl_sys::CURLcode = 4;

/// That libcurl refuses an option.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It does not know the option (`CURLE_UNKNOWN_OPTION`).
    #[error("{name} is not in libcurl {version}{}", came(.since, .version))]
    Unknown {
        /// The option.
        name: &'static str,
        /// Which libcurl.
        version: String,
        /// The first that has it.
        since: &'static str,
    },
    /// It was built without it (`CURLE_NOT_BUILT_IN`).
    #[error("libcurl {version} was built without {name}")]
    NotBuiltIn {
        /// The option.
        name: &'static str,
        /// Which libcurl.
        version: String,
    },
    /// It does not take the value.
    #[error("libcurl {version} does not take {name} = {value}: {reason}")]
    Value {
        /// The option.
        name: &'static str,
        /// The value; stars where it is secret.
        value: String,
        /// Which libcurl.
        version: String,
        /// Its words.
        reason: String,
    },
}

/// Whether it came later, or was left out of this build.
fn came(since: &str, version: &str) -> String {
    if numbers(since) > numbers(version) {
        format!(", but since {since}")
    } else {
        format!(" as it was built, though libcurl has it since {since}")
    }
}

/// `8.22.0` as numbers that can be compared; what is no number counts as 0.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// What the libcurl in use says to each of `assignments`: nothing where it takes it. Sends nothing.
#[must_use]
pub fn refusals(assignments: &[Assignment]) -> Vec<Option<Refusal>> {
    let version = version().version;
    let refused = |set: &Assignment, reason: String, unknown: bool, missing: bool| {
        let (name, version) = (set.option.name, version.clone());
        match (unknown, missing) {
            (true, _) => Refusal::Unknown { name, version, since: set.option.since },
            (_, true) => Refusal::NotBuiltIn { name, version },
            _ => Refusal::Value { name, value: set.shown(), version, reason },
        }
    };
    assignments
        .iter()
        .map(|set| {
            let prepared = match Prepared::new(std::slice::from_ref(set)) {
                Ok(prepared) => prepared,
                Err(error) => return Some(refused(set, error.to_string(), false, false)),
            };
            match set.option.handle {
                Handle::Easy => {
                    let error = prepared.try_each().pop()?.err()?;
                    let missing = error.code() == NOT_BUILT_IN;
                    let unknown = error.is_unknown_option();
                    Some(refused(set, error.description().to_owned(), unknown, missing))
                }
                Handle::Multi => {
                    let multi = curl::multi::Multi::new();
                    let error = prepared.set_on_multi(&multi).pop()?.err()?;
                    let unknown = error.is_unknown_option();
                    Some(refused(set, error.description().to_owned(), unknown, false))
                }
            }
        })
        .collect()
}

/// Whether the libcurl in use has `option` at all, whatever it is set to: nothing where it does.
/// Sends nothing.
#[must_use]
pub fn lacks(option: &CurlOption) -> Option<Refusal> {
    let (name, version) = (option.name, version().version);
    let (unknown, missing) = match option.handle {
        Handle::Easy => {
            let error = raw::try_harmless(option).err()?;
            (error.is_unknown_option(), error.code() == NOT_BUILT_IN)
        }
        Handle::Multi => (raw::try_harmless_on_multi(option).err()?.is_unknown_option(), false),
    };
    match (unknown, missing) {
        (true, _) => Some(Refusal::Unknown { name, version, since: option.since }),
        (_, true) => Some(Refusal::NotBuiltIn { name, version }),
        // It does not like the value, and so knows the option.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curlopt::{Given, all, check, find};

    fn refused(handle: Handle, name: &str, given: &Given) -> Option<Refusal> {
        let set = check(find(handle, name).unwrap(), given).unwrap();
        refusals(&[set]).pop().unwrap()
    }

    #[test]
    fn what_this_libcurl_takes_is_not_refused() {
        assert_eq!(refused(Handle::Easy, "TCP_KEEPALIVE", &Given::Integer(1)), None);
        assert_eq!(refused(Handle::Easy, "INTERFACE", &Given::Text("lo".into())), None);
        let resolve = Given::List(vec![Given::Text("a:1:127.0.0.1".into())]);
        assert_eq!(refused(Handle::Easy, "RESOLVE", &resolve), None);
        assert_eq!(refused(Handle::Easy, "MAX_SEND_SPEED_LARGE", &Given::Integer(1)), None);
        assert_eq!(refused(Handle::Easy, "CAINFO_BLOB", &Given::Text("x".into())), None);
        assert_eq!(refused(Handle::Multi, "MAX_TOTAL_CONNECTIONS", &Given::Integer(9)), None);
    }

    #[test]
    fn every_option_can_be_asked_for() {
        let all = || all(Handle::Easy).chain(all(Handle::Multi));
        let taken: Vec<_> =
            all().filter(|option| lacks(option).is_none()).map(|option| option.name).collect();
        for name in ["URL", "READFUNCTION", "SHARE", "COOKIEJAR", "RESOLVE", "SOCKETFUNCTION"] {
            assert!(taken.contains(&name), "{name}: {taken:?}");
        }
        assert!(taken.len() > all().count() / 2);
    }

    #[cfg(feature = "vendored")]
    #[test]
    fn an_option_that_was_not_built_in_is_lacking() {
        let lacking = |name| lacks(find(Handle::Easy, name).unwrap());
        let refusal = lacking("DNS_SERVERS").unwrap();
        assert!(matches!(refusal, Refusal::Unknown { since: "7.24.0", .. }), "{refusal:?}");
        assert_eq!(lacking("UPLOAD_BUFFERSIZE"), None);
    }

    #[cfg(feature = "vendored")]
    #[test]
    fn what_was_not_built_in_is_named() {
        let refusal = refused(Handle::Easy, "DNS_SERVERS", &Given::Text("1.1.1.1".into())).unwrap();
        let text = refusal.to_string();
        assert!(text.contains("as it was built, though libcurl has it since 7.24.0"), "{text}");
    }

    #[test]
    fn what_came_later_is_told_since_when() {
        assert_eq!(came("8.13.0", "7.88.1"), ", but since 8.13.0");
        assert!(came("7.24.0", "8.22.0").contains("as it was built"));
        assert_eq!(came("7.100.0", "7.88.1-DEV"), ", but since 7.100.0");
    }

    #[test]
    fn asking_changes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for name in ["HSTS", "COOKIEJAR"] {
            std::fs::write(&path, "s3.test \"20900101 00:00:00\"\n").unwrap();
            let given = Given::Text(path.display().to_string());
            assert_eq!(refused(Handle::Easy, name, &given), None);
            let kept = std::fs::read_to_string(&path).unwrap();
            assert!(kept.starts_with("s3.test"), "{name}: {kept}");
        }
    }

    #[test]
    fn a_value_that_libcurl_refuses_is_shown() {
        let refusal = refused(Handle::Easy, "SSLVERSION", &Given::Integer(99)).unwrap();
        assert!(matches!(&refusal, Refusal::Value { value, .. } if value == "99"), "{refusal:?}");
    }
}
