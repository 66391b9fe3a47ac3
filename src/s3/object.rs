//! Which object: bucket and key, checked before any byte is sent and then taken as they are.

use std::fmt;
use std::net::Ipv4Addr;

use super::printable::printable;

/// A bucket name, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket(String);

/// An object key, taken as it is: 1 to 1,024 bytes of UTF-8 where a user typed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

/// Bucket and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The bucket.
    pub bucket: Bucket,
    /// The key.
    pub key: Key,
}

/// A bucket name, key or `s3://` address that S3 cannot have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NameError(pub String);

/// Longest key in bytes of UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects").
const KEY_LENGTH_MAX: usize = 1024;

impl Bucket {
    /// A bucket of that name (Amazon S3 User Guide, "General purpose bucket naming rules"; aliases
    /// of access points and directory buckets have such names too).
    ///
    /// # Errors
    /// Where the name breaks a rule; the rule is named.
    pub fn new(name: &str) -> Result<Bucket, NameError> {
        match bucket_fault(name) {
            None => Ok(Bucket(name.into())),
            Some(fault) => {
                Err(NameError(format!("“{}” is not a bucket name: {fault}", printable(name, 80))))
            }
        }
    }

    /// A bucket as a URL that somebody else made names it, good or not.
    pub(super) fn named(text: &str) -> Bucket {
        Bucket(text.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is wrong with a bucket's name, and what to type instead.
fn bucket_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty; type s3://BUCKET/KEY".into());
    }
    if name.starts_with("arn:") {
        return Some("ARNs cannot be used; type the access point's alias in its place".into());
    }
    let strange = |c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-');
    if let Some((position, c)) = name.chars().enumerate().find(|(_, c)| strange(*c)) {
        let advice = if c.is_ascii_uppercase() { "; type it in lower case" } else { "" };
        return Some(format!(
            "{c:?} at position {} is not a lower-case letter, digit, dot or hyphen{advice}",
            position + 1
        ));
    }
    if !(3..=63).contains(&name.len()) {
        return Some(format!("it has {} characters, which must be 3 to 63", name.len()));
    }
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric())
        || !name.ends_with(|c: char| c.is_ascii_alphanumeric())
    {
        return Some("it must begin and end with a letter or digit".into());
    }
    if let Some(at) = name.find("..") {
        return Some(format!("two dots stand together at position {}", at + 1));
    }
    name.parse::<Ipv4Addr>()
        .is_ok()
        .then(|| "it looks like an IP address; a store's address is given by --endpoint-url".into())
}

impl Key {
    /// The key, unchanged. Dot segments, slashes, blanks and `%` stand for themselves.
    ///
    /// # Errors
    /// Where it is empty, longer than 1,024 bytes, or holds NUL, CR or LF, which no request can
    /// carry safely through every proxy and log.
    pub fn new(key: &str) -> Result<Key, NameError> {
        if key.is_empty() {
            return Err(NameError("the key is empty: type s3://BUCKET/KEY".into()));
        }
        if key.len() > KEY_LENGTH_MAX {
            return Err(NameError(format!(
                "the key “{}” has {} bytes in UTF-8, S3 takes at most 1,024: shorten it by {}",
                printable(key, 40),
                key.len(),
                key.len() - KEY_LENGTH_MAX
            )));
        }
        if let Some((position, c)) =
            key.chars().enumerate().find(|(_, c)| matches!(c, '\0' | '\r' | '\n'))
        {
            return Err(NameError(format!(
                "the key “{}” has the control character {c:?} at position {}: \
                 type a key without it",
                printable(key, 80),
                position + 1
            )));
        }
        Ok(Key(key.into()))
    }

    /// A key that a store has listed, or the beginning of keys, perhaps empty, that it is to list:
    /// whatever it consists of, a URL can carry it.
    #[must_use]
    pub fn listed(text: &str) -> Key {
        Key(text.into())
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Object {
    /// The object at `address`, `s3://BUCKET/KEY`. Where the key is missing or ends with `/`,
    /// `file_name` is put behind it; `None` where there is none, as for standard input.
    ///
    /// # Errors
    /// Where that is not an address, or bucket or key are not possible.
    pub fn parse(address: &str, file_name: Option<&str>) -> Result<Object, NameError> {
        let Some(rest) = address.strip_prefix("s3://") else {
            return Err(NameError(format!(
                "“{}” is not an address in S3: type s3://BUCKET/KEY",
                printable(address, 80)
            )));
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let bucket = Bucket::new(bucket)?;
        if !key.is_empty() && !key.ends_with('/') {
            return Ok(Object { bucket, key: Key::new(key)? });
        }
        match file_name {
            Some(name) if !name.is_empty() => {
                Ok(Object { bucket, key: Key::new(&format!("{key}{name}"))? })
            }
            _ => Err(NameError(format!(
                "“{}” names no object, and what is sent has no file name in UTF-8 to put behind \
                 it: type s3://{}/{}NAME",
                printable(address, 80),
                bucket.as_str(),
                printable(key, 80)
            ))),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Control characters are escaped.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0, usize::MAX))
    }
}

/// `s3://bucket/key`, control characters escaped.
impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names_that_s3_has() {
        for name in [
            "abc",
            "my-bucket.example.com",
            "0-9",
            "a.b",
            "1.2.3.4.5",
            "x--usw2-az1--x-s3",
            "name-0123456789abcdef0123456789abcd-s3alias",
            &"a".repeat(63),
        ] {
            assert_eq!(Bucket::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn bucket_names_that_s3_cannot_have() {
        let cases = [
            ("", "empty"),
            ("ab", "2 characters"),
            (&"a".repeat(64), "64 characters"),
            (
                "myBucket",
                "'B' at position 3 is not a lower-case letter, digit, dot or hyphen; type it in lower case",
            ),
            ("my_bucket", "'_' at position 3"),
            ("bücket", "'ü' at position 2"),
            ("b\u{1b}t", "'\\u{1b}' at position 2"),
            ("buc..ket", "two dots stand together at position 4"),
            ("-bucket", "begin and end"),
            ("bucket.", "begin and end"),
            ("192.168.5.4", "IP address"),
            ("arn:aws:s3:us-east-1:1:accesspoint", "alias"),
        ];
        for (name, expected) in cases {
            let error = Bucket::new(name).expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }

    #[test]
    fn keys_are_taken_as_they_are() {
        let long = "ü".repeat(512);
        for key in ["..", "/", " ", "a//b/../c/", "%2F+", "\u{1}\t\u{7f}", "ü", &long] {
            assert_eq!(Key::new(key).unwrap().as_str(), key);
        }
    }

    #[test]
    fn what_a_store_lists_is_taken_whatever_it_is() {
        for key in ["", "a\nb\0", &"a".repeat(2000)] {
            assert_eq!(Key::listed(key).as_str(), key);
        }
    }

    #[test]
    fn keys_that_cannot_be_sent() {
        let cases = [
            ("", "empty"),
            (&"a".repeat(1025), "1025 bytes in UTF-8, S3 takes at most 1,024: shorten it by 1"),
            (&"ü".repeat(513), "1026 bytes"),
            ("a\0", "'\\0' at position 2"),
            ("ü\r", "'\\r' at position 2"),
            ("\nx", "'\\n' at position 1"),
        ];
        for (key, expected) in cases {
            let error = Key::new(key).expect_err(key).to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains(['\0', '\r', '\n']), "{error}");
        }
    }

    #[test]
    fn addresses_are_read_and_completed() {
        let cases = [
            ("s3://bkt/key", Some("f.bin"), "s3://bkt/key"),
            ("s3://bkt/a/", Some("f.bin"), "s3://bkt/a/f.bin"),
            ("s3://bkt", Some("f.bin"), "s3://bkt/f.bin"),
            ("s3://bkt/", Some("f.bin"), "s3://bkt/f.bin"),
            ("s3://bkt//", Some("f.bin"), "s3://bkt//f.bin"),
            ("s3://bkt//a", None, "s3://bkt//a"),
            ("s3://bkt/a?b#c%20", None, "s3://bkt/a?b#c%20"),
            ("s3://bkt/a\u{1b}\t", None, "s3://bkt/a\\u{1b}\\t"),
        ];
        for (address, file_name, expected) in cases {
            assert_eq!(Object::parse(address, file_name).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn addresses_that_name_no_object_say_what_to_type() {
        let cases = [
            ("/tmp/file", Some("f"), "type s3://BUCKET/KEY"),
            ("s3:/bkt/key", Some("f"), "type s3://BUCKET/KEY"),
            ("https://bkt/key", Some("f"), "type s3://BUCKET/KEY"),
            ("s3://", Some("f"), "it is empty"),
            ("s3:///key", Some("f"), "it is empty"),
            ("s3://bkt", None, "type s3://bkt/NAME"),
            ("s3://bkt/a/", None, "type s3://bkt/a/NAME"),
            ("s3://bkt/a/", Some(""), "type s3://bkt/a/NAME"),
            ("s3://bkt/a/", Some("x\ny"), "control character '\\n'"),
        ];
        for (address, file_name, expected) in cases {
            let error = Object::parse(address, file_name).expect_err(address).to_string();
            assert!(error.contains(expected), "{address}: {error}");
        }
    }
}
