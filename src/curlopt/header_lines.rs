//! The lines of `HTTPHEADER`: fields that are signed and sent with every request, and fields of
//! libcurl's own that are left out.

use super::Mistake;

/// A line of `HTTPHEADER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderLine {
    /// `Name: value`, or `Name;` for an empty value.
    Field {
        /// In lower case.
        name: String,
        /// Without the blanks around it.
        value: String,
    },
    /// `Name:`: libcurl does not send this field of its own.
    Without(String),
}

/// Fields that carry the request and its signature: the engine makes them anew for each attempt.
const ENGINES: [&str; 10] = [
    "host",
    "authorization",
    "content-length",
    "transfer-encoding",
    "content-md5",
    "content-range",
    "range",
    "connection",
    "date",
    "trailer",
];

/// The same, by the beginning of their names.
const ENGINES_PREFIXES: [&str; 8] = [
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-checksum-",
    "x-amz-sdk-checksum-",
    "x-amz-trailer",
    "x-amz-decoded-content-length",
    "x-amz-copy-source",
];

/// Fields of the object, which have flags: they belong to some requests only.
const FLAGS: [(&str, &str); 12] = [
    ("content-type", "--content-type"),
    ("cache-control", "--cache-control"),
    ("content-encoding", "--content-encoding"),
    ("content-disposition", "--content-disposition"),
    ("content-language", "--content-language"),
    ("expires", "--expires"),
    ("x-amz-storage-class", "--storage-class"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "--sse-kms-key-id"),
    ("x-amz-server-side-encryption", "--sse"),
    ("x-amz-acl", "--acl"),
    ("x-amz-tagging", "--tags"),
    ("x-amz-meta-", "--metadata"),
];

/// Reads a line of `HTTPHEADER`.
///
/// # Errors
/// Where it is none, or the field is the engine's own.
pub fn header_line(line: &str) -> Result<HeaderLine, Mistake> {
    const OPTION: &str = "HTTPHEADER";
    let end = line.find([':', ';']).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let name = name.trim().to_ascii_lowercase();
    let is_named = !name.is_empty() && name.bytes().all(is_token) && !rest.is_empty();
    let wrong = |why: &str| {
        // Behind the name there may be a key, and so in place of one that is none.
        let given = if is_named { format!("{name:?}") } else { "\"***\"".to_owned() };
        Err(Mistake::Value { name: OPTION, given, why: why.to_owned() })
    };
    if !is_named {
        return wrong("a field is written \"Name: value\"");
    }
    let value = rest[1..].trim();
    if rest.starts_with(';') {
        return match value {
            "" => Ok(HeaderLine::Field { name, value: String::new() }),
            _ => wrong("`;` stands for an empty value; write \"Name: value\""),
        };
    }
    if value.is_empty() {
        return Ok(HeaderLine::Without(name));
    }
    if let Some(flag) = flag_of_field(&name) {
        return wrong(&format!("it belongs to the object and not to every request; use {flag}"));
    }
    let is_engines = ENGINES.contains(&name.as_str())
        || ENGINES_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_engines {
        return wrong("curlift makes this field itself, anew for each attempt");
    }
    if name == "expect" && !value.eq_ignore_ascii_case("100-continue") {
        return wrong("the only expectation there is, is 100-continue");
    }
    Ok(HeaderLine::Field { name, value: value.to_owned() })
}

/// The flag that sets a header field of the object, by its name or the beginning of that.
#[must_use]
pub fn flag_of_field(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    FLAGS.iter().find(|(field, _)| name.starts_with(field)).map(|(_, flag)| *flag)
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, value: &str) -> HeaderLine {
        HeaderLine::Field { name: name.into(), value: value.into() }
    }

    #[test]
    fn lines_are_as_libcurl_reads_them() {
        assert_eq!(header_line("X-Team: data ").unwrap(), field("x-team", "data"));
        assert_eq!(header_line("X-Empty;").unwrap(), field("x-empty", ""));
        assert_eq!(header_line("Accept:").unwrap(), HeaderLine::Without("accept".into()));
        assert_eq!(header_line("Expect: 100-Continue").unwrap(), field("expect", "100-Continue"));
        let payer = field("x-amz-request-payer", "requester");
        assert_eq!(header_line("x-amz-request-payer: requester").unwrap(), payer);
    }

    #[test]
    fn what_cannot_be_is_refused_without_the_value() {
        let rows = [
            ("hush", "is written"),
            (": hush", "is written"),
            ("a b: hush", "is written"),
            ("x-a; hush", "empty value"),
            ("Host: hush", "itself"),
            ("authorization: hush", "itself"),
            ("x-amz-checksum-crc32: hush", "itself"),
            ("Content-Type: hush", "--content-type"),
            ("x-amz-meta-a: hush", "--metadata"),
            ("x-amz-server-side-encryption: hush", "--sse"),
            ("expect: hush", "100-continue"),
        ];
        for (line, why) in rows {
            let error = header_line(line).unwrap_err().to_string();
            assert!(error.contains(why), "{line}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
