//! A bucket's lifecycle rules, as far as they concern unfinished uploads.
//!
//! The document is others': what is changed of it is cut out of its text and put into it, so that
//! every rule, element and blank that is not ours stays as it was. Changing is
//! [`edit`](self::edit)'s.

mod edit;
mod rule;

use std::ops::Range;

pub use self::edit::{AbortRule, Edit, Edited, LifecycleConflict};
pub use self::rule::LifecycleRule;

use super::printable::printable;
use super::xml::{self, Element};
use rule::RuleFields;

/// The root element of the document.
const ROOT: &str = "LifecycleConfiguration";

/// A bucket's lifecycle configuration, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    text: String,
    rules: Vec<LifecycleRule>,
    /// The root element.
    root: Range<usize>,
    transition_default: Option<String>,
}

impl Lifecycle {
    /// Reads a document; `transition_default` is the setting that travels beside it.
    ///
    /// # Errors
    /// Where it is not one whole document of lifecycle rules, in words.
    pub fn read(text: &str, transition_default: Option<&str>) -> Result<Lifecycle, String> {
        let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
        let (mut rules, mut fields, mut root) = (Vec::new(), RuleFields::default(), 0..0);
        let found = xml::read(text.as_bytes(), |element| {
            let Element { path, text, start, end } = element;
            let Some(path) = path.strip_prefix(ROOT) else { return };
            match path.strip_prefix("/Rule") {
                Some("") => rules.push(std::mem::take(&mut fields).rule(start..end)),
                Some(inner) if inner.starts_with('/') => fields.take(&inner[1..], text),
                _ if path.is_empty() => root = start..end,
                _ => {}
            }
        });
        let found = found.map_err(|error| format!("its body is not a whole {ROOT}: {error}"))?;
        if found != ROOT {
            let found = printable(&found, 40);
            return Err(format!("its root element is {found}, not {ROOT}"));
        }
        let transition_default = transition_default.map(str::to_owned);
        Ok(Lifecycle { text: text.to_owned(), rules, root, transition_default })
    }

    /// The document.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[LifecycleRule] {
        &self.rules
    }

    /// Whether the rules of two configurations are the same as far as they are known here, in any
    /// order: stores write elements their own way.
    #[must_use]
    pub fn agree(one: Option<&Lifecycle>, other: Option<&Lifecycle>) -> bool {
        known_rules(one) == known_rules(other)
    }

    /// `x-amz-transition-default-minimum-object-size`, where the store told it.
    #[must_use]
    pub fn transition_default(&self) -> Option<&str> {
        self.transition_default.as_deref()
    }
}

/// What every store keeps of the rules, in an order of its own.
fn known_rules(lifecycle: Option<&Lifecycle>) -> Vec<rule::Known<'_>> {
    let rules = lifecycle.map_or(&[][..], Lifecycle::rules).iter();
    let mut known: Vec<_> = rules.map(LifecycleRule::known).collect();
    known.sort_unstable();
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_in_both_forms() {
        let text = "\n<?xml version=\"1.0\"?>\n<x:LifecycleConfiguration xmlns:x='u'>\
            <x:Rule><x:ID>new</x:ID><x:Filter><x:Prefix>a&amp;b </x:Prefix></x:Filter>\
            <x:Status>Enabled</x:Status><x:AbortIncompleteMultipartUpload>\
            <x:DaysAfterInitiation> 7 </x:DaysAfterInitiation></x:AbortIncompleteMultipartUpload>\
            </x:Rule><x:Rule><x:Prefix/><x:Status>Disabled</x:Status><x:Expiration><x:Days>3\
            </x:Days></x:Expiration></x:Rule></x:LifecycleConfiguration>";
        let lifecycle = Lifecycle::read(text, Some("all")).unwrap();
        let [new, old] = lifecycle.rules() else { panic!("{lifecycle:?}") };
        assert_eq!((new.id.as_str(), new.prefix.as_str()), ("new", "a&b "));
        assert_eq!((new.enabled, new.abort_after_days, new.is_older_form), (true, Some(7), false));
        assert_eq!((old.id.as_str(), old.prefix.as_str()), ("", ""));
        assert_eq!((old.enabled, old.abort_after_days, old.is_older_form), (false, None, true));
        assert!(lifecycle.text()[old.span.clone()].starts_with("<x:Rule><x:Prefix/>"));
        assert!(lifecycle.text()[old.span.clone()].ends_with("</x:Rule>"));
        assert_eq!(lifecycle.text(), text.trim_start());
        assert_eq!(lifecycle.transition_default(), Some("all"));
    }

    #[test]
    fn filters_that_are_more_than_a_prefix_are_seen() {
        for (filter, prefix, is_narrowed) in [
            ("<Filter/>", "", false),
            ("", "", false),
            ("<Filter><Prefix>p</Prefix></Filter>", "p", false),
            ("<Filter><And><Prefix>p</Prefix><Tag/></And></Filter>", "p", true),
            ("<Filter><Tag><Key>k</Key><Value>v</Value></Tag></Filter>", "", true),
            ("<Filter><ObjectSizeLessThan>9</ObjectSizeLessThan></Filter>", "", true),
        ] {
            let text =
                format!("<LifecycleConfiguration><Rule>{filter}</Rule></LifecycleConfiguration>");
            let lifecycle = Lifecycle::read(&text, None).unwrap();
            let rule = &lifecycle.rules()[0];
            assert_eq!((rule.prefix.as_str(), rule.is_narrowed), (prefix, is_narrowed), "{filter}");
        }
    }

    #[test]
    fn configurations_agree_whatever_their_spelling() {
        let read = |rules: &str| {
            let text = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
            Lifecycle::read(&text, None).unwrap()
        };
        let one = "<Rule><ID>a</ID><Filter><Prefix>p</Prefix></Filter></Rule>";
        let respelt = "<Rule>\n<Prefix>p</Prefix><ID>a</ID></Rule>";
        let two = "<Rule><ID>b</ID></Rule>";
        let both = read(&[one, two].concat());
        assert!(Lifecycle::agree(Some(&both), Some(&read(&[two, respelt].concat()))));
        for other in [one, two, &one.replace('p', "q"), &[one, two, two].concat()] {
            assert!(!Lifecycle::agree(Some(&both), Some(&read(other))), "{other}");
        }
        assert!(Lifecycle::agree(None, Some(&read(""))) && !Lifecycle::agree(None, Some(&both)));
    }

    #[test]
    fn what_is_no_lifecycle_is_told() {
        for (text, expected) in [
            ("", "it is empty"),
            ("<html/>", "its root element is html"),
            ("<LifecycleConfiguration><Rule>", "cut off"),
            ("<!DOCTYPE a><LifecycleConfiguration/>", "document type"),
            ("<LifecycleConfiguration/><LifecycleConfiguration/>", "more than one root"),
        ] {
            let error = Lifecycle::read(text, None).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
