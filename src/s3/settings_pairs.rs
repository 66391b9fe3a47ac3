//! Tags and metadata: the object settings that are pairs of the user's own making.

use std::collections::BTreeSet;

use super::SettingsError;
use super::endpoint::percent_encode;
use super::printable::printable;
use super::settings::check_characters;
use crate::http::is_token;

/// Bytes of all metadata names and values together (User Guide, "Working with object metadata").
const METADATA_LENGTH_MAX: usize = 2048;

/// Tags of one object, characters of a key and of a value (User Guide, "Categorizing your storage
/// using tags").
const TAGS_MAX: usize = 10;
const TAG_KEY_LENGTH_MAX: usize = 128;
const TAG_VALUE_LENGTH_MAX: usize = 256;

/// Adds `x-amz-tagging` where there are tags.
pub(super) fn push_tags(
    headers: &mut Vec<(String, String)>,
    tags: &[(String, String)],
) -> Result<(), SettingsError> {
    if tags.len() > TAGS_MAX {
        return Err(SettingsError(format!(
            "--tags: {} tags were given, an object has at most {TAGS_MAX}",
            tags.len()
        )));
    }
    let mut keys = BTreeSet::new();
    for (key, value) in tags {
        let refused = |why: String| {
            Err(SettingsError(format!("--tags: the tag “{}” {why}", printable(key, 40))))
        };
        if key.is_empty() {
            return Err(SettingsError("--tags: a tag has no key: type KEY=VALUE".into()));
        }
        for (what, text, max) in
            [("key", key, TAG_KEY_LENGTH_MAX), ("value", value, TAG_VALUE_LENGTH_MAX)]
        {
            let length = text.chars().count();
            if length > max {
                return refused(format!("has a {what} of {length} characters, S3 takes {max}"));
            }
            if let Some(c) = text.chars().find(|c| c.is_control()) {
                return refused(format!("has the control character {c:?} in its {what}"));
            }
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return refused("begins with aws:, which S3 keeps for itself".into());
        }
        if !keys.insert(key) {
            return refused("was given twice".into());
        }
    }
    if !tags.is_empty() {
        let pairs: Vec<String> = tags
            .iter()
            .map(|(key, value)| format!("{}={}", percent_encode(key), percent_encode(value)))
            .collect();
        headers.push(("x-amz-tagging".into(), pairs.join("&")));
    }
    Ok(())
}

/// Adds `x-amz-meta-…` for each pair; a value may be empty.
pub(super) fn push_metadata(
    headers: &mut Vec<(String, String)>,
    metadata: &[(String, String)],
) -> Result<(), SettingsError> {
    let mut names = BTreeSet::new();
    for (typed, value) in metadata {
        let name = metadata_name(typed)?;
        check_characters(&format!("--metadata {name}"), value)?;
        if !names.insert(name.clone()) {
            return Err(SettingsError(format!(
                "--metadata: {name} was given twice; names are compared without regard to case"
            )));
        }
        headers.push((format!("x-amz-meta-{name}"), value.clone()));
    }
    let length: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > METADATA_LENGTH_MAX {
        return Err(SettingsError(format!(
            "--metadata: names and values have {length} bytes together, S3 takes \
             {METADATA_LENGTH_MAX}: shorten them by {}",
            length - METADATA_LENGTH_MAX
        )));
    }
    Ok(())
}

/// The name in lower case, as S3 keeps it; a token of RFC 9110, section 5.6.2.
pub(super) fn metadata_name(typed: &str) -> Result<String, SettingsError> {
    if typed.is_empty() {
        return Err(SettingsError("--metadata: a name is missing: type NAME=VALUE".into()));
    }
    let is_strange = |c: char| !u8::try_from(c).is_ok_and(is_token);
    if let Some((position, c)) = typed.chars().enumerate().find(|(_, c)| is_strange(*c)) {
        return Err(SettingsError(format!(
            "--metadata: the name “{}” has {c:?} at position {}: a name is of ASCII letters, \
             digits and hyphens",
            printable(typed, 40),
            position + 1
        )));
    }
    let name = typed.to_ascii_lowercase();
    match name.strip_prefix("x-amz-meta-") {
        Some(own) => Err(SettingsError(format!(
            "--metadata: the name {name} begins with x-amz-meta-, which is put in front of every \
             name: type {own}=VALUE"
        ))),
        None => Ok(name),
    }
}
