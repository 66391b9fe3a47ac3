//! Our rule put into a lifecycle document and taken out of it, by cutting its text.

use quick_xml::escape::escape;

use super::rule::{LifecycleRule, OUR_ID};
use super::{Lifecycle, ROOT};
use crate::s3::printable::{drives_a_terminal, printable};
use crate::s3::{Crc64Nvme, NameError};

/// Rules of a bucket (Amazon S3 User Guide, "Managing your storage lifecycle").
const RULES_MAX: usize = 1_000;
/// Characters of a rule's name (API reference, `LifecycleRule`).
const ID_LENGTH_MAX: usize = 255;
/// Bytes of a prefix: those of a key.
const PREFIX_LENGTH_MAX: usize = 1_024;

/// What our rule is to say: abort unfinished uploads to such keys after so many days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortRule {
    prefix: String,
    days: u32,
}

/// What becomes of a bucket's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is to be sent; `None` where nothing is.
    pub result: Option<Edited>,
    /// Our rule as it was.
    pub before: Option<LifecycleRule>,
    /// Our rule as it will be.
    pub after: Option<LifecycleRule>,
    /// How many rules stay untouched.
    pub others: usize,
    /// Rules of others that are in force and abort uploads to the same keys.
    pub same_keys: Vec<LifecycleRule>,
}

/// The configuration afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edited {
    /// This document.
    Document(Lifecycle),
    /// None at all.
    Removed,
}

/// Why the rule cannot be put in or taken out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LifecycleConflict {
    /// The rule has our name and does more than ours.
    #[error("rule {id} has been changed by somebody: it has {} too", .elements.join(" and "))]
    Extended {
        /// Its name.
        id: String,
        /// What else it has.
        elements: Vec<String>,
    },
    /// S3 refuses overlapping prefixes in a configuration of the older form.
    #[error(
        "rule {id} already aborts unfinished uploads to {keys}, and S3 takes no second such rule \
         for keys that overlap in a configuration of the older form (<Prefix> without <Filter>)"
    )]
    Overlaps {
        /// The other rule's name.
        id: String,
        /// Its keys, in words.
        keys: String,
    },
    /// There is no room.
    #[error("the bucket has {RULES_MAX} lifecycle rules, and S3 takes no more")]
    TooMany,
}

impl AbortRule {
    /// A rule for keys that begin with `prefix`, after `days`, which are at least 1.
    ///
    /// # Errors
    /// Where no key can begin so, or the prefix cannot stand in an XML document.
    pub fn new(prefix: &str, days: u32) -> Result<AbortRule, NameError> {
        if prefix.len() > PREFIX_LENGTH_MAX {
            return Err(NameError(format!(
                "the prefix has {} bytes, and keys have at most {PREFIX_LENGTH_MAX}",
                prefix.len()
            )));
        }
        let strange = |c: char| drives_a_terminal(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
        if let Some(c) = prefix.chars().find(|c| strange(*c)) {
            return Err(NameError(format!(
                "the prefix “{}” has the character {c:?}, which a lifecycle rule cannot hold",
                printable(prefix, 80)
            )));
        }
        Ok(AbortRule { prefix: prefix.to_owned(), days: days.max(1) })
    }

    /// Whether `lifecycle` has this rule, in force.
    #[must_use]
    pub fn stands_in(&self, lifecycle: &Lifecycle) -> bool {
        lifecycle.rules.iter().any(|rule| rule.id == our_id(&self.prefix) && self.is(rule))
    }

    fn is(&self, rule: &LifecycleRule) -> bool {
        rule.enabled
            && rule.prefix == self.prefix
            && !rule.is_narrowed
            && rule.abort_after_days == Some(self.days)
    }

    /// The rule as text, with the namespace prefix `ns` (`s3:`, or nothing) before each name.
    fn text(&self, ns: &str, older_form: bool) -> String {
        let leaf = |name: &str, text: &str| format!("<{ns}{name}>{text}</{ns}{name}>");
        let prefix = leaf("Prefix", &escape(self.prefix.as_str()));
        let filter = if older_form { prefix } else { leaf("Filter", &prefix) };
        let days = leaf("DaysAfterInitiation", &self.days.to_string());
        let content = [
            leaf("ID", &escape(our_id(&self.prefix).as_str())),
            filter,
            leaf("Status", "Enabled"),
            leaf("AbortIncompleteMultipartUpload", &days),
        ];
        leaf("Rule", &content.concat())
    }
}

/// The name of our rule for keys that begin with `prefix`.
fn our_id(prefix: &str) -> String {
    if prefix.is_empty() {
        return OUR_ID.to_owned();
    }
    let id = format!("{OUR_ID}:{prefix}");
    if id.chars().count() <= ID_LENGTH_MAX {
        return id;
    }
    format!("{OUR_ID}:#{:016x}", Crc64Nvme::of(prefix.as_bytes()).0)
}

impl Edit {
    /// Puts `rule` into `existing`, in place of ours for the same keys.
    ///
    /// # Errors
    /// Where that would change what others set, or S3 would refuse it.
    pub fn set(existing: Option<&Lifecycle>, rule: &AbortRule) -> Result<Edit, LifecycleConflict> {
        let Some(lifecycle) = existing else {
            let text = format!(
                "<{ROOT} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{}</{ROOT}>",
                rule.text("", false)
            );
            let document = written(&text, None);
            let after = document.rules.last().cloned();
            let result = Some(Edited::Document(document));
            return Ok(Edit { result, before: None, after, others: 0, same_keys: vec![] });
        };
        let ours = ours(lifecycle, &rule.prefix)?;
        let others = || lifecycle.rules.iter().filter(|other| Some(*other) != ours);
        let aborts = |other: &&LifecycleRule| other.enabled && other.abort_after_days.is_some();
        let older_form = others().any(|other| other.is_older_form);
        if let Some(other) =
            others().filter(aborts).find(|other| older_form && overlap(&other.prefix, &rule.prefix))
        {
            return Err(LifecycleConflict::Overlaps { id: other.shown_id(), keys: other.keys() });
        }
        let is_same = |other: &&LifecycleRule| other.prefix == rule.prefix && !other.is_narrowed;
        let same_keys: Vec<_> = others().filter(aborts).filter(is_same).cloned().collect();
        let soon_enough = |other: &LifecycleRule| other.abort_after_days <= Some(rule.days);
        let others = others().count();
        let (before, unchanged) = (ours.cloned(), ours.is_some_and(|ours| rule.is(ours)));
        if unchanged || (ours.is_none() && same_keys.iter().any(soon_enough)) {
            return Ok(Edit { result: None, after: before.clone(), before, others, same_keys });
        }
        if others >= RULES_MAX {
            return Err(LifecycleConflict::TooMany);
        }
        let text = lifecycle.with(ours, &rule.text(lifecycle.namespace(), older_form));
        let document = written(&text, lifecycle.transition_default());
        let id = our_id(&rule.prefix);
        let after = document.rules.iter().find(|rule| rule.id == id).cloned();
        Ok(Edit { result: Some(Edited::Document(document)), before, after, others, same_keys })
    }

    /// Takes our rule for keys that begin with `prefix` out of `existing`.
    ///
    /// # Errors
    /// Where that would change what others set.
    pub fn remove(existing: Option<&Lifecycle>, prefix: &str) -> Result<Edit, LifecycleConflict> {
        let others = existing.map_or(0, |lifecycle| lifecycle.rules.len());
        let nothing =
            Edit { result: None, before: None, after: None, others, same_keys: Vec::new() };
        let Some(lifecycle) = existing else { return Ok(nothing) };
        let Some(ours) = ours(lifecycle, prefix)? else { return Ok(nothing) };
        let result = if others == 1 {
            Edited::Removed
        } else {
            let text = lifecycle.with(Some(ours), "");
            Edited::Document(written(&text, lifecycle.transition_default()))
        };
        let before = Some(ours.clone());
        Ok(Edit { result: Some(result), before, others: others - 1, ..nothing })
    }
}

/// Our rule for these keys.
fn ours<'a>(
    lifecycle: &'a Lifecycle,
    prefix: &str,
) -> Result<Option<&'a LifecycleRule>, LifecycleConflict> {
    let id = our_id(prefix);
    let Some(rule) = lifecycle.rules.iter().find(|rule| rule.id == id) else { return Ok(None) };
    let mut elements = rule.other_elements.clone();
    elements.extend(rule.is_narrowed.then(|| "a narrower filter".to_owned()));
    if elements.is_empty() {
        return Ok(Some(rule));
    }
    let elements = elements.iter().map(|element| printable(element, 40)).collect();
    Err(LifecycleConflict::Extended { id: rule.shown_id(), elements })
}

fn overlap(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Reads what we put together.
fn written(text: &str, transition_default: Option<&str>) -> Lifecycle {
    Lifecycle::read(text, transition_default).expect("what was cut and joined at tags is whole")
}

impl Lifecycle {
    /// The text with `rule` in place of `old`, or behind the last rule.
    fn with(&self, old: Option<&LifecycleRule>, rule: &str) -> String {
        let text = &self.text;
        if let Some(old) = old {
            return [&text[..old.span.start], rule, &text[old.span.end..]].concat();
        }
        let (before, behind) = text.split_at(self.root.end);
        if let Some(open) = before.strip_suffix("/>") {
            let name = format!("{}{ROOT}", self.namespace());
            return [open, ">", rule, "</", &name, ">", behind].concat();
        }
        let end_tag = before.rfind("</").unwrap_or(before.len());
        [&before[..end_tag], rule, &text[end_tag..]].concat()
    }

    /// What stands before each name of the document: `s3:`, or nothing.
    fn namespace(&self) -> &str {
        let name = self.text[self.root.clone()].trim_start_matches('<');
        name.find(ROOT).map_or("", |at| &name[..at])
    }
}

#[cfg(test)]
mod tests;
