//! That libcurl's options, set by name, take effect: seen on the wire, at the socket, by the number
//! of connections, by the clock, each beside what is seen without the option.
//!
//! A file tells in `PROVEN` which options it proves; what belongs to the multi handle is written
//! `multi.NAME`.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

mod addresses;
mod certificates;
mod connections;
mod fields;
mod hello;
mod http2;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../lab/local_lab.rs"]
mod local_lab;
mod lookups;
mod proxies;
mod server;
mod sockets;
#[expect(dead_code, unused_imports, reason = "what other tests need of it")]
#[path = "../support/mod.rs"]
mod support;
mod times;
mod tls;
mod trust;
mod upload;
mod ways;

use curlift::curlopt::{Handle, find};

/// The lab's bucket.
pub(crate) const BUCKET: &str = "lab";

/// The key of all uploads to it.
pub(crate) const KEY: &str = "key.bin";

/// Where they go.
pub(crate) const DESTINATION: &str = "s3://lab/key.bin";

/// What cuts a file into parts.
pub(crate) const IN_PARTS: [&str; 4] = ["--part-size", "5MiB", "--multipart-threshold", "5MiB"];

/// Plays all cases at once: what they cost is waiting.
pub(crate) fn at_once<T: Sync>(cases: &[T], play: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let play = &play;
            scope.spawn(move || play(case));
        }
    });
}

/// What each file proves, and its text.
const PROVEN: &[(&[&str], &str)] = &[
    (addresses::PROVEN, include_str!("addresses.rs")),
    (connections::PROVEN, include_str!("connections.rs")),
    (fields::PROVEN, include_str!("fields.rs")),
    (http2::PROVEN, include_str!("http2.rs")),
    (lookups::PROVEN, include_str!("lookups.rs")),
    (proxies::PROVEN, include_str!("proxies.rs")),
    (sockets::PROVEN, include_str!("sockets.rs")),
    (times::PROVEN, include_str!("times.rs")),
    (tls::PROVEN, include_str!("tls.rs")),
    (tls::PROVEN_TWICE, include_str!("tls.rs")),
    (trust::PROVEN, include_str!("trust.rs")),
    (trust::PROVEN_TWICE, include_str!("trust.rs")),
];

#[test]
fn what_is_proven_are_options_of_the_table_each_once() {
    let twice = [tls::PROVEN_TWICE, trust::PROVEN_TWICE].concat();
    let twice = twice.iter().map(|name| format!("PROXY_{name}"));
    let once = PROVEN.iter().flat_map(|(names, _)| *names).map(|name| (*name).to_owned());
    let mut names: Vec<String> = once.chain(twice).collect();
    for name in &names {
        let (handle, short) = match name.strip_prefix("multi.") {
            Some(name) => (Handle::Multi, name),
            None => (Handle::Easy, name.as_str()),
        };
        let option = find(handle, short).unwrap();
        assert!(option.name == short && !option.knowledge().no_effect, "{name}");
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "an option is proven twice");
    assert!(count >= 130, "only {count} options are proven");
}

#[test]
fn what_is_said_to_be_proven_is_set() {
    for (names, text) in PROVEN {
        for name in *names {
            // In the list itself, and where it is set.
            let is_named = |end| text.matches(&format!("\"{name}{end}")).count();
            assert!(is_named('"') + is_named('=') >= 2, "{name} is set nowhere");
        }
    }
}
