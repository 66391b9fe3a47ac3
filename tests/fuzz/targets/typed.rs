//! What users type: sizes, durations, endpoints, addresses, fault rules.

use curlift::lab::faults::{FaultPlan, OPERATIONS, Rule};
use curlift::s3::{Addressing, Endpoint, Object};
use curlift::units;

use super::expect_printable;

/// A size is read back from how it is shown; a duration does not overflow.
pub(crate) fn units(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(size) = units::size(text) {
        let shown = units::exact_size(size);
        let number = shown.trim_end_matches(" bytes").trim_end_matches(" byte");
        assert_eq!(units::size(number), Ok(size), "{shown}");
    }
    if let Ok(duration) = units::duration(text) {
        assert!(duration.as_millis() <= u128::from(u64::MAX) * 1000);
    }
}

/// An endpoint is a host, and never tells a password.
pub(crate) fn endpoint_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let object = Object::parse("s3://bucket/key", None).expect("it is one");
    for addressing in [Addressing::Auto, Addressing::Path, Addressing::Virtual] {
        match Endpoint::new(text, addressing) {
            Ok(endpoint) => {
                let authority = endpoint.authority();
                let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
                assert!(!authority.is_empty() && authority.bytes().all(is_host), "{authority:?}");
                let url = endpoint.object_url(&object, &[("q", "a b&c")]).to_string();
                assert!(url.ends_with("/key?q=a%20b%26c"), "{url}");
                let again = Endpoint::new(&endpoint.to_string(), addressing);
                assert_eq!(again.as_ref(), Ok(&endpoint), "{text:?}");
            }
            Err(error) => {
                let error = error.to_string();
                expect_printable(&error);
                assert!(!text.contains('@') || text == "@" || !error.contains(text), "{error}");
            }
        }
    }
}

/// An address is a bucket and a key that requests and terminals can carry.
pub(crate) fn address(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (address, file_name) = text.split_once('\n').unwrap_or((text, "file.bin"));
    let endpoint = Endpoint::new("https://store.example", Addressing::Path).expect("it is one");
    for file_name in [None, Some(file_name)] {
        match Object::parse(address, file_name) {
            Ok(object) => {
                let key = object.key.as_str();
                assert!((1..=1024).contains(&key.len()) && !key.contains(['\0', '\r', '\n']));
                let url = endpoint.object_url(&object, &[]).to_string();
                assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url:?}");
                let path = url.strip_prefix("https://store.example/").expect("the host is ours");
                assert_eq!(path.split('/').next(), Some(object.bucket.as_str()), "{url}");
                assert!(!path.contains(['?', '#', '@']), "{url}");
            }
            Err(error) => expect_printable(&error.to_string()),
        }
    }
}

/// A rule prints as itself, and can be drawn from.
pub(crate) fn fault_rule(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Rule>() {
        Ok(rule) => {
            let again = rule.to_string().parse::<Rule>();
            assert_eq!(again.as_ref(), Ok(&rule), "{text:?}");
            let mut plan = FaultPlan::new(vec![rule.clone(), rule], 7);
            for (operation, part) in OPERATIONS.iter().zip(0..) {
                let drawn = plan.draw(operation, (part > 0).then_some(part));
                assert!(drawn.is_none_or(|fault| fault.rule < 2));
            }
        }
        Err(error) => {
            let columns = text.chars().count() + 1;
            assert!((1..=columns).contains(&error.column), "{} of {columns}", error.column);
        }
    }
}
