//! One lifecycle rule, as far as it matters here.

use std::fmt;
use std::ops::Range;

use crate::s3::printable::printable;

/// How our rules are called: this, and where a rule is for a prefix `:` and the prefix.
pub(super) const OUR_ID: &str = "curlift-abort-incomplete-uploads";

/// Characters of an id or prefix that are shown.
const SHOWN: usize = 100;

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its name; empty where it has none.
    pub id: String,
    /// Whether it is in force.
    pub enabled: bool,
    /// The keys it is for begin so; empty for all.
    pub prefix: String,
    /// Whether it is for some of these keys only: by tag or size.
    pub is_narrowed: bool,
    /// After how many days it aborts unfinished uploads; `None` where it does not.
    pub abort_after_days: Option<u32>,
    /// Whether its prefix stands in no filter, as before 2016.
    pub is_older_form: bool,
    /// What else it does: `Expiration`, `Transition`, ….
    pub other_elements: Vec<String>,
    /// Where it stands in the document.
    pub(super) span: Range<usize>,
}

impl LifecycleRule {
    /// Whether it is one that we made.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        is_our_id(&self.id)
    }

    /// What every store keeps of it.
    pub(super) fn known(&self) -> Known<'_> {
        (&self.id, &self.prefix, self.enabled, self.is_narrowed, self.abort_after_days)
    }

    /// The keys it is for, in words.
    #[must_use]
    pub fn keys(&self) -> String {
        let some = if self.is_narrowed { "some keys" } else { "all keys" };
        if self.prefix.is_empty() {
            return some.into();
        }
        format!("{some} that begin with {}", printable(&self.prefix, SHOWN))
    }

    /// Its name, fit for a terminal.
    #[must_use]
    pub fn shown_id(&self) -> String {
        if self.id.is_empty() { "(no name)".into() } else { printable(&self.id, SHOWN) }
    }
}

impl fmt::Display for LifecycleRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {}", self.shown_id())?;
        if let Some(days) = self.abort_after_days {
            let plural = if days == 1 { "" } else { "s" };
            write!(f, ": abort unfinished uploads to {} after {days} day{plural}", self.keys())?;
        }
        if self.enabled { Ok(()) } else { f.write_str(" (disabled)") }
    }
}

/// Name, prefix, whether it is in force, whether it is narrowed, its days.
pub(super) type Known<'a> = (&'a str, &'a str, bool, bool, Option<u32>);

/// Whether a rule of that name is one that we made.
pub(super) fn is_our_id(id: &str) -> bool {
    id.strip_prefix(OUR_ID).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// What was read of a rule whose end has not been.
#[derive(Debug, Default)]
pub(super) struct RuleFields {
    id: String,
    status: String,
    prefix: String,
    is_narrowed: bool,
    abort_after_days: Option<u32>,
    has_filter: bool,
    has_own_prefix: bool,
    other_elements: Vec<String>,
}

impl RuleFields {
    /// Takes an element of the rule, by its path below it.
    pub(super) fn take(&mut self, path: &str, text: &str) {
        match path {
            "ID" => text.clone_into(&mut self.id),
            "Status" => text.trim().clone_into(&mut self.status),
            "Prefix" => {
                text.clone_into(&mut self.prefix);
                self.has_own_prefix = true;
            }
            "Filter/Prefix" | "Filter/And/Prefix" => text.clone_into(&mut self.prefix),
            "Filter" => self.has_filter = true,
            "AbortIncompleteMultipartUpload/DaysAfterInitiation" => {
                self.abort_after_days = text.trim().parse().ok();
            }
            "AbortIncompleteMultipartUpload" => {}
            _ if path.starts_with("Filter/") => self.is_narrowed = true,
            _ if path.contains('/') => {}
            other => self.other_elements.push(other.to_owned()),
        }
    }

    /// The rule, now that it has ended.
    pub(super) fn rule(self, span: Range<usize>) -> LifecycleRule {
        LifecycleRule {
            id: self.id,
            enabled: self.status == "Enabled",
            prefix: self.prefix,
            is_narrowed: self.is_narrowed,
            abort_after_days: self.abort_after_days,
            is_older_form: self.has_own_prefix && !self.has_filter,
            other_elements: self.other_elements,
            span,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_in_words() {
        let rule = |id: &str, prefix: &str, days| LifecycleRule {
            id: id.into(),
            enabled: true,
            prefix: prefix.into(),
            is_narrowed: false,
            abort_after_days: days,
            is_older_form: false,
            other_elements: vec![],
            span: 0..0,
        };
        let one = rule("a\u{1b}", "", Some(1));
        assert_eq!(
            one.to_string(),
            "rule a\\u{1b}: abort unfinished uploads to all keys after 1 day"
        );
        let off = LifecycleRule { enabled: false, is_narrowed: true, ..rule("b", "p", Some(7)) };
        assert_eq!(
            off.to_string(),
            "rule b: abort unfinished uploads to some keys that begin with p after 7 days \
             (disabled)"
        );
        assert_eq!(rule("", "", None).to_string(), "rule (no name)");
    }

    #[test]
    fn our_rules_are_known_by_their_name() {
        for (id, ours) in [
            (OUR_ID, true),
            (&*format!("{OUR_ID}:logs/"), true),
            (&*format!("{OUR_ID}2"), false),
            ("curlift", false),
            ("", false),
        ] {
            assert_eq!(is_our_id(id), ours, "{id}");
        }
    }
}
