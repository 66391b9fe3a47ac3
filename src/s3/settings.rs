//! The headers that belong to the object, built from what the user typed and checked here, before
//! any byte is sent. Sent with `PutObject` or `CreateMultipartUpload`.

use chrono::{DateTime, Datelike, Utc};

use super::printable::printable;
use super::settings_pairs::{metadata_name, push_metadata, push_tags};

/// Object settings as they were typed, one field a flag of `cp`; nothing is checked yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectSettingsInput {
    /// `--storage-class`.
    pub storage_class: Option<String>,
    /// `--sse`: `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub sse: Option<String>,
    /// `--sse-kms-key-id`; needs one of the two KMS kinds of `--sse`.
    pub sse_kms_key_id: Option<String>,
    /// `--acl`: a canned one.
    pub acl: Option<String>,
    /// `--content-type`.
    pub content_type: Option<String>,
    /// `--cache-control`.
    pub cache_control: Option<String>,
    /// `--content-encoding`; stands behind `aws-chunked` where that is used.
    pub content_encoding: Option<String>,
    /// `--content-disposition`.
    pub content_disposition: Option<String>,
    /// `--content-language`.
    pub content_language: Option<String>,
    /// `--expires`: an HTTP date or RFC 3339.
    pub expires: Option<String>,
    /// `--metadata`, names and values.
    pub metadata: Vec<(String, String)>,
    /// `--tags`, keys and values.
    pub tags: Vec<(String, String)>,
}

/// Headers that belong to the object; sent with `PutObject` or `CreateMultipartUpload`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectSettings {
    /// Header names (lower case) and values, checked, in the order in which they are sent.
    headers: Vec<(String, String)>,
}

/// An object setting that cannot be sent; names the flag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingsError(pub String);

/// Storage classes of Amazon S3 (API Reference, `PutObject`, `x-amz-storage-class`).
const STORAGE_CLASSES: [&str; 13] = [
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "EXPRESS_ONEZONE",
    "REDUCED_REDUNDANCY",
    "OUTPOSTS",
    "SNOW",
    "FSX_OPENZFS",
    "FSX_ONTAP",
];

/// Canned ACLs of objects (User Guide, "Access control list (ACL) overview").
const ACLS: [&str; 7] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "aws-exec-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

/// Kinds of encryption at rest whose keys S3 holds (API Reference, `x-amz-server-side-encryption`).
const ENCRYPTIONS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

/// The headers that settings become, beside those of user metadata.
const OBJECT_HEADERS: [&str; 11] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-language",
    "content-encoding",
    "expires",
    "x-amz-storage-class",
    "x-amz-acl",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-tagging",
];

impl ObjectSettings {
    /// The headers for `input`, checked.
    ///
    /// # Errors
    /// For the first setting that S3 or HTTP cannot have.
    pub fn new(input: &ObjectSettingsInput) -> Result<ObjectSettings, SettingsError> {
        let mut headers = Vec::new();
        let plain = [
            ("content-type", &input.content_type),
            ("cache-control", &input.cache_control),
            ("content-disposition", &input.content_disposition),
            ("content-language", &input.content_language),
        ];
        for (name, value) in plain {
            if let Some(value) = value {
                check_value(&format!("--{name}"), value)?;
                headers.push((name.into(), value.clone()));
            }
        }
        if let Some(value) = &input.content_encoding {
            headers.push(("content-encoding".into(), content_encoding(value)?));
        }
        if let Some(value) = &input.expires {
            headers.push(("expires".into(), http_date(value)?));
        }
        if let Some(value) = &input.storage_class {
            let class = known("--storage-class", value, &STORAGE_CLASSES)?;
            headers.push(("x-amz-storage-class".into(), class.into()));
        }
        if let Some(value) = &input.acl {
            headers.push(("x-amz-acl".into(), known("--acl", value, &ACLS)?.into()));
        }
        push_encryption(&mut headers, input)?;
        push_tags(&mut headers, &input.tags)?;
        push_metadata(&mut headers, &input.metadata)?;
        Ok(ObjectSettings { headers })
    }

    /// The headers of an earlier run; `None` where [`ObjectSettings::new`] makes none such.
    #[must_use]
    pub fn restored(headers: &[(String, String)]) -> Option<ObjectSettings> {
        let is_ours = |name: &str| {
            let own = name.strip_prefix("x-amz-meta-");
            OBJECT_HEADERS.contains(&name)
                || own.is_some_and(|own| metadata_name(own).is_ok_and(|name| name == own))
        };
        let is_sound = |(name, value): &(String, String)| {
            is_ours(name) && check_characters(name, value).is_ok()
        };
        headers.iter().all(is_sound).then(|| ObjectSettings { headers: headers.to_vec() })
    }

    /// Header names (lower case) and values, in the order in which they are sent. The value of
    /// metadata may be empty.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Refuses what a header value cannot carry as it is (RFC 9110, section 5.5), and the empty value.
fn check_value(flag: &str, value: &str) -> Result<(), SettingsError> {
    if value.is_empty() {
        return Err(SettingsError(format!("{flag} is empty: give a value or leave it out")));
    }
    check_characters(flag, value)
}

/// Refuses what a header value cannot carry as it is (RFC 9110, section 5.5).
pub(super) fn check_characters(flag: &str, value: &str) -> Result<(), SettingsError> {
    if let Some((position, c)) =
        value.chars().enumerate().find(|(_, c)| !matches!(c, ' '..='\u{7e}'))
    {
        let advice = match c {
            '\r' | '\n' | '\0' => "it would end or damage the header: leave it out",
            c if c.is_ascii() => "a header takes printable characters only: leave it out",
            _ if flag == "--content-disposition" => {
                "a header takes ASCII only: type it percent-encoded, as in \
                 filename*=UTF-8''na%C3%AFve"
            }
            _ => "a header takes ASCII only: write it otherwise, percent-encoded for example",
        };
        return Err(SettingsError(format!(
            "{flag} has {c:?} at position {}: {advice}",
            position + 1
        )));
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return Err(SettingsError(format!(
            "{flag} begins or ends with a blank, which a header loses on its way: leave it out"
        )));
    }
    Ok(())
}

/// The name of `names` that was typed, in its own spelling.
fn known<'n>(flag: &str, typed: &str, names: &[&'n str]) -> Result<&'n str, SettingsError> {
    if let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(typed)) {
        return Ok(name);
    }
    let lower = typed.to_ascii_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .iter()
        .map(|name| (strsim::osa_distance(&lower, &name.to_ascii_lowercase()), *name))
        .filter(|(distance, name)| *distance <= name.len() / 3)
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    let near: Vec<&str> = near.into_iter().take(2).map(|(_, name)| name).collect();
    let guess =
        if near.is_empty() { String::new() } else { format!(" Near: {}.", near.join(", ")) };
    Err(SettingsError(format!(
        "{flag}: S3 has no “{}”.{guess} It is one of {}",
        printable(typed, 40),
        names.join(", ")
    )))
}

fn content_encoding(value: &str) -> Result<String, SettingsError> {
    let flag = "--content-encoding";
    check_value(flag, value)?;
    if value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("aws-chunked")) {
        return Err(SettingsError(format!(
            "{flag} names aws-chunked, which is the framing of a request and set where it is used: \
             name the object's own encoding only, such as gzip"
        )));
    }
    Ok(value.into())
}

/// `typed` as HTTP writes dates (RFC 9110, section 5.6.7).
fn http_date(typed: &str) -> Result<String, SettingsError> {
    let date = DateTime::parse_from_rfc3339(typed)
        .or_else(|_| DateTime::parse_from_rfc2822(typed))
        .map(|date| date.with_timezone(&Utc))
        .ok()
        .filter(|date| (1..=9999).contains(&date.year()));
    match date {
        Some(date) => Ok(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        None => Err(SettingsError(format!(
            "--expires: “{}” is not a date and time: type it as 2030-01-31T12:00:00Z or \
             \"Thu, 31 Jan 2030 12:00:00 GMT\"",
            printable(typed, 40)
        ))),
    }
}

fn push_encryption(
    headers: &mut Vec<(String, String)>,
    input: &ObjectSettingsInput,
) -> Result<(), SettingsError> {
    let kind = match &input.sse {
        Some(typed) => Some(known("--sse", typed, &ENCRYPTIONS)?),
        None => None,
    };
    if let Some(kind) = kind {
        headers.push(("x-amz-server-side-encryption".into(), kind.into()));
    }
    if let Some(key_id) = &input.sse_kms_key_id {
        check_value("--sse-kms-key-id", key_id)?;
        if !kind.is_some_and(|kind| kind.starts_with("aws:kms")) {
            return Err(SettingsError(
                "--sse-kms-key-id names a KMS key, which only KMS encryption uses: add --sse \
                 aws:kms or --sse aws:kms:dsse, or leave the key out"
                    .into(),
            ));
        }
        headers.push(("x-amz-server-side-encryption-aws-kms-key-id".into(), key_id.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut ObjectSettingsInput);

    fn built(change: Change) -> Result<Vec<(String, String)>, String> {
        let mut input = ObjectSettingsInput::default();
        change(&mut input);
        ObjectSettings::new(&input).map(|s| s.headers).map_err(|error| error.to_string())
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn every_setting_becomes_its_header() {
        let cases: [(Change, &str, &str); 15] = [
            (|i| i.storage_class = Some("glacier_ir".into()), "x-amz-storage-class", "GLACIER_IR"),
            (|i| i.sse = Some("aes256".into()), "x-amz-server-side-encryption", "AES256"),
            (
                |i| i.sse = Some("aws:kms:dsse".into()),
                "x-amz-server-side-encryption",
                "aws:kms:dsse",
            ),
            (|i| i.acl = Some("public-read".into()), "x-amz-acl", "public-read"),
            (|i| i.content_type = Some("a/b; c=d".into()), "content-type", "a/b; c=d"),
            (|i| i.cache_control = Some("no-cache".into()), "cache-control", "no-cache"),
            (|i| i.content_encoding = Some("gzip".into()), "content-encoding", "gzip"),
            (
                |i| i.content_disposition = Some("attachment".into()),
                "content-disposition",
                "attachment",
            ),
            (|i| i.content_language = Some("de".into()), "content-language", "de"),
            (
                |i| i.expires = Some("2030-01-31T13:00:00+01:00".into()),
                "expires",
                "Thu, 31 Jan 2030 12:00:00 GMT",
            ),
            (
                |i| i.expires = Some("Thu, 31 Jan 2030 12:00:00 GMT".into()),
                "expires",
                "Thu, 31 Jan 2030 12:00:00 GMT",
            ),
            (|i| i.metadata = vec![pair("Owner", "me & you")], "x-amz-meta-owner", "me & you"),
            (|i| i.metadata = vec![pair("empty", "")], "x-amz-meta-empty", ""),
            (
                |i| i.tags = vec![pair("a b", "ü+&="), pair("e", "")],
                "x-amz-tagging",
                "a%20b=%C3%BC%2B%26%3D&e=",
            ),
            (|i| i.tags = vec![pair("k/k", "/")], "x-amz-tagging", "k%2Fk=%2F"),
        ];
        for (change, name, value) in cases {
            assert_eq!(built(change), Ok(vec![pair(name, value)]));
        }
    }

    #[test]
    fn metadata_of_two_kilobytes_is_sent() {
        let headers = built(|i| i.metadata = vec![pair("n", &"v".repeat(2047))]);
        assert_eq!(headers, Ok(vec![pair("x-amz-meta-n", &"v".repeat(2047))]));
    }

    #[test]
    fn headers_come_in_a_fixed_order() {
        let headers = built(|i| {
            i.metadata = vec![pair("b", "1"), pair("a", "2")];
            i.sse_kms_key_id = Some("arn:aws:kms:eu-west-1:1:key/x".into());
            i.sse = Some("aws:kms".into());
            i.content_type = Some("text/plain".into());
        })
        .unwrap();
        let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "content-type",
                "x-amz-server-side-encryption",
                "x-amz-server-side-encryption-aws-kms-key-id",
                "x-amz-meta-b",
                "x-amz-meta-a"
            ]
        );
        let none = ObjectSettings::new(&ObjectSettingsInput::default()).unwrap();
        assert_eq!(none.headers().count(), 0);
    }

    #[test]
    fn what_cannot_be_sent_is_refused_in_words() {
        let cases: [(Change, &str); 31] = [
            (|i| i.storage_class = Some("STANDRD_IA".into()), "Near: STANDARD_IA"),
            (|i| i.storage_class = Some("cold".into()), "It is one of STANDARD, STANDARD_IA"),
            (|i| i.storage_class = Some("a\r\nb".into()), "--storage-class: S3 has no “a\\r\\nb”"),
            (|i| i.sse = Some("kms".into()), "It is one of AES256, aws:kms, aws:kms:dsse"),
            (|i| i.sse_kms_key_id = Some("k".into()), "add --sse aws:kms"),
            (
                |i| {
                    i.sse = Some("AES256".into());
                    i.sse_kms_key_id = Some("k".into());
                },
                "add --sse aws:kms",
            ),
            (
                |i| {
                    i.sse = Some("aws:kms".into());
                    i.sse_kms_key_id = Some("k\nx".into());
                },
                "--sse-kms-key-id has '\\n' at position 2",
            ),
            (|i| i.acl = Some("public".into()), "--acl: S3 has no “public”"),
            (
                |i| i.content_type = Some("a/b\r\nx: y".into()),
                "--content-type has '\\r' at position 4",
            ),
            (|i| i.content_type = Some(String::new()), "--content-type is empty"),
            (|i| i.content_type = Some(" a/b".into()), "begins or ends with a blank"),
            (|i| i.cache_control = Some("a\0".into()), "--cache-control has '\\0' at position 2"),
            (|i| i.content_language = Some("ü".into()), "--content-language has 'ü' at position 1"),
            (|i| i.content_language = Some("\t".into()), "printable characters only"),
            (|i| i.content_disposition = Some("ü".into()), "filename*=UTF-8''"),
            (|i| i.content_encoding = Some("gzip, AWS-chunked".into()), "names aws-chunked"),
            (|i| i.content_encoding = Some("\u{7f}".into()), "--content-encoding has '\\u{7f}'"),
            (|i| i.expires = Some("tomorrow".into()), "--expires: “tomorrow” is not a date"),
            (|i| i.expires = Some("Mon, 31 Jan 2030 12:00:00 GMT".into()), "is not a date"),
            (|i| i.expires = Some("0000-01-01T00:00:00Z".into()), "is not a date"),
            (|i| i.metadata = vec![pair("", "v")], "type NAME=VALUE"),
            (|i| i.metadata = vec![pair("a b", "v")], "has ' ' at position 2"),
            (|i| i.metadata = vec![pair("ü", "v")], "has 'ü' at position 1"),
            (|i| i.metadata = vec![pair("n", "a\nb")], "--metadata n has '\\n' at position 2"),
            (|i| i.metadata = vec![pair("n", "é")], "ASCII only"),
            (|i| i.metadata = vec![pair("n", "1"), pair("N", "2")], "given twice"),
            (|i| i.metadata = vec![pair("X-Amz-Meta-n", "1")], "type n=VALUE"),
            (|i| i.metadata = vec![pair("n", &"v".repeat(2048))], "shorten them by 1"),
            (|i| i.tags = vec![pair("aws:x", "1")], "begins with aws:"),
            (|i| i.tags = vec![pair("k", "1"), pair("k", "2")], "was given twice"),
            (|i| i.tags = vec![pair("k", "a\rb")], "control character '\\r' in its value"),
        ];
        for (change, expected) in cases {
            let error = built(change).expect_err(expected);
            assert!(error.contains(expected), "{expected}: {error}");
            assert!(!error.contains(['\r', '\n', '\0']), "{error}");
        }
    }

    #[test]
    fn tags_are_counted() {
        let numbered = |count: usize| (0..count).map(|n| pair(&n.to_string(), "")).collect();
        let new = |tags| ObjectSettings::new(&ObjectSettingsInput { tags, ..Default::default() });
        assert!(new(numbered(10)).is_ok());
        assert!(new(numbered(11)).is_err_and(|e| e.to_string().contains("11 tags were given")));
        assert!(new(vec![pair(&"ü".repeat(128), &"ü".repeat(256))]).is_ok());
        assert!(new(vec![pair(&"ü".repeat(129), "")]).is_err_and(|e| e.0.contains("S3 takes 128")));
        assert!(new(vec![pair("k", &"v".repeat(257))]).is_err_and(|e| e.0.contains("takes 256")));
        assert!(new(vec![pair("", "v")]).is_err_and(|e| e.0.contains("KEY=VALUE")));
    }
}
