//! Whatever others wrote survives, to the byte.

use proptest::prelude::*;

use super::*;

const NAMESPACE: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

fn read(text: &str) -> Lifecycle {
    Lifecycle::read(text, Some("all_storage_classes_128K")).unwrap()
}

fn wish(prefix: &str, days: u32) -> AbortRule {
    AbortRule::new(prefix, days).unwrap()
}

fn document(edit: Edit) -> Lifecycle {
    match edit.result {
        Some(Edited::Document(document)) => document,
        other => panic!("{other:?}"),
    }
}

fn set(text: &str, rule: &AbortRule) -> Result<Edit, LifecycleConflict> {
    Edit::set(Some(&read(text)), rule)
}

/// A rule of somebody else that aborts.
fn abort(id: &str, filter: &str, days: u32) -> String {
    format!(
        "<Rule><ID>{id}</ID>{filter}<Status>Enabled</Status><AbortIncompleteMultipartUpload>\
         <DaysAfterInitiation>{days}</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule>"
    )
}

fn root(rules: &str) -> String {
    format!("<LifecycleConfiguration {NAMESPACE}>{rules}</LifecycleConfiguration>")
}

#[test]
fn the_first_rule_of_a_bucket() {
    let edit = Edit::set(None, &wish("", 1)).unwrap();
    assert_eq!((edit.before.as_ref(), edit.others), (None, 0));
    let document = document(edit);
    assert_eq!(
        document.text(),
        root(&abort("curlift-abort-incomplete-uploads", "<Filter><Prefix></Prefix></Filter>", 1))
    );
    assert!(wish("", 1).stands_in(&document) && !wish("", 2).stands_in(&document));
    let removed = Edit::remove(Some(&document), "").unwrap();
    assert_eq!((removed.result, removed.others), (Some(Edited::Removed), 0));
}

#[test]
fn a_rule_is_put_behind_the_others_and_the_setting_beside_them_is_kept() {
    let text = format!("<?xml version=\"1.0\"?>\n{}\n<!-- end -->", root("<Rule a='1'/>\n  "));
    let after = document(set(&text, &wish("a&b<", 3)).unwrap());
    let ours = abort(
        "curlift-abort-incomplete-uploads:a&amp;b&lt;",
        "<Filter><Prefix>a&amp;b&lt;</Prefix></Filter>",
        3,
    );
    let close = "</LifecycleConfiguration>";
    assert_eq!(after.text(), text.replace(close, &format!("{ours}{close}")));
    assert_eq!(after.transition_default(), Some("all_storage_classes_128K"));
}

#[test]
fn names_follow_the_namespace_of_the_document() {
    let text = "<s:LifecycleConfiguration xmlns:s='u'><s:Rule><s:ID>x</s:ID></s:Rule>\
                </s:LifecycleConfiguration >";
    let after = document(set(text, &wish("", 2)).unwrap());
    assert!(after.text().contains("</s:Rule><s:Rule><s:ID>curlift-"), "{}", after.text());
    assert!(after.text().ends_with("</s:Rule></s:LifecycleConfiguration >"), "{}", after.text());
    let empty = document(set("<s:LifecycleConfiguration xmlns:s='u'/>", &wish("", 2)).unwrap());
    assert!(empty.text().starts_with("<s:LifecycleConfiguration xmlns:s='u'><s:Rule>"));
    assert!(empty.text().ends_with("</s:Rule></s:LifecycleConfiguration>"));
}

#[test]
fn our_own_rule_is_replaced_where_it_stands() {
    let filter = "<Filter><Prefix>p/</Prefix></Filter>";
    let old = abort("curlift-abort-incomplete-uploads:p/", filter, 7);
    let (one, two) = ("<Rule><ID>1</ID></Rule>", "<Rule><ID>2</ID></Rule>");
    let edit = set(&root(&format!("{one}{old}\n{two}")), &wish("p/", 2)).unwrap();
    assert_eq!(edit.others, 2);
    let days = |rule: &Option<LifecycleRule>| rule.as_ref().and_then(|rule| rule.abort_after_days);
    assert_eq!((days(&edit.before), days(&edit.after)), (Some(7), Some(2)));
    let new = abort("curlift-abort-incomplete-uploads:p/", filter, 2);
    assert_eq!(document(edit).text(), root(&format!("{one}{new}\n{two}")));
}

#[test]
fn a_rule_of_ours_that_does_more_is_left_alone() {
    let rule = abort("curlift-abort-incomplete-uploads", "<Filter/>", 7)
        .replace("</Rule>", "<Expiration><Days>1</Days></Expiration></Rule>");
    let text = root(&rule);
    for result in [set(&text, &wish("", 1)), Edit::remove(Some(&read(&text)), "")] {
        let error = result.expect_err("it is somebody's");
        assert!(error.to_string().ends_with("by somebody: it has Expiration too"), "{error}");
    }
    // The rule for other keys is another rule.
    assert!(set(&text, &wish("p", 1)).is_ok());
    assert_eq!(Edit::remove(Some(&read(&text)), "p").unwrap().result, None);
}

#[test]
fn a_rule_of_others_for_the_same_keys_is_told_and_enough_where_it_is_as_short() {
    let text = root(&abort("theirs", "<Filter><Prefix>p</Prefix></Filter>", 7));
    for (prefix, days, told, changed) in
        [("p", 7, 1, false), ("p", 9, 1, false), ("p", 6, 1, true), ("", 7, 0, true)]
    {
        let edit = set(&text, &wish(prefix, days)).unwrap();
        assert_eq!((edit.same_keys.len(), edit.result.is_some()), (told, changed), "{days}");
    }
    let disabled = text.replace("Enabled", "Disabled");
    assert!(set(&disabled, &wish("p", 7)).unwrap().result.is_some());
}

#[test]
fn a_document_of_the_older_form_stays_one() {
    let old = "<Rule><ID>x</ID><Prefix>logs/</Prefix><Status>Enabled</Status></Rule>";
    let after = document(set(&root(old), &wish("tmp/", 2)).unwrap());
    let ours = abort("curlift-abort-incomplete-uploads:tmp/", "<Prefix>tmp/</Prefix>", 2);
    assert_eq!(after.text(), root(&format!("{old}{ours}")));
    let aborting = root(&abort("x", "<Prefix>logs/</Prefix>", 9));
    for (prefix, refused) in [("", true), ("logs/a", true), ("logs", true), ("tmp/", false)] {
        assert_eq!(set(&aborting, &wish(prefix, 2)).is_err(), refused, "{prefix}");
    }
}

#[test]
fn there_is_room_for_a_thousand_rules() {
    let full = root(&"<Rule/>".repeat(RULES_MAX));
    assert_eq!(set(&full, &wish("", 1)), Err(LifecycleConflict::TooMany));
    let ours = abort(OUR_ID, "<Filter/>", 9);
    let full = root(&format!("{}{ours}", "<Rule/>".repeat(RULES_MAX - 1)));
    assert!(set(&full, &wish("", 1)).is_ok());
}

#[test]
fn prefixes_that_no_rule_can_hold_are_refused() {
    for prefix in ["a\n", "\u{0}", "\u{feff}\u{ffff}", &"a".repeat(1025)] {
        assert!(AbortRule::new(prefix, 1).is_err(), "{prefix:?}");
    }
    let long = "ü".repeat(512);
    let id = our_id(&long);
    assert!(crate::s3::lifecycle::rule::is_our_id(&id) && id.len() <= ID_LENGTH_MAX, "{id}");
    assert_ne!(id, our_id(&"ü".repeat(511)));
}

/// Text that may stand between elements.
fn gap() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\n  ".to_owned()),
        Just("<!-- <Rule> & -->".to_owned()),
        Just("<?pi </Rule> ?>".to_owned()),
    ]
}

/// Rules as others write them, with elements that nobody knows.
fn rule() -> impl Strategy<Value = String> {
    let inner = prop_oneof![
        Just("<Status>Enabled</Status>"),
        Just("<Expiration  ><Days>3</Days></Expiration>"),
        Just("<New:Element xmlns:New=\"u\" a='>'>&#x41;<![CDATA[</Rule>]]></New:Element>"),
        Just("<Filter><And><Prefix>a&amp;</Prefix><Tag/></And></Filter>"),
        Just("<Rule><ID>curlift-abort-incomplete-uploads</ID></Rule>"),
    ];
    let inner = prop::collection::vec((inner, gap()), 0..4);
    ("[a-z]{0,3}", inner, gap()).prop_map(|(id, inner, gap)| {
        let inner: String = inner.iter().flat_map(|(text, gap)| [text, gap.as_str()]).collect();
        format!("<Rule x=\"1\"><ID>{id}</ID>{inner}</Rule>{gap}")
    })
}

proptest! {
    #[test]
    fn what_is_not_ours_survives(
        rules in prop::collection::vec(rule(), 1..5),
        ahead in gap(),
        prefix in "[a-z/&<\"ü ]{0,6}",
        days in 1..400_u32,
    ) {
        let inner = ahead.clone() + &rules.concat();
        let text = format!("<?xml version='1.0'?>\n{ahead}{}\n", root(&inner));
        let before = read(&text);
        let rule = wish(&prefix, days);
        let once = document(Edit::set(Some(&before), &rule).unwrap());
        for rule in &rules {
            prop_assert!(once.text().contains(rule), "{} in {}", rule, once.text());
        }
        prop_assert_eq!(once.rules().len(), before.rules().len() + 1);
        prop_assert!(rule.stands_in(&once));
        // Twice is once, and other days are a change of one rule.
        prop_assert_eq!(&Edit::set(Some(&once), &rule).unwrap().result, &None);
        let other = document(Edit::set(Some(&once), &wish(&prefix, days + 1)).unwrap());
        prop_assert_eq!(other.rules().len(), once.rules().len());
        prop_assert_eq!(&document(Edit::set(Some(&other), &rule).unwrap()), &once);
        // Taken out again, nothing is left of it.
        let removed = document(Edit::remove(Some(&once), &prefix).unwrap());
        prop_assert_eq!(&removed, &before);
        prop_assert_eq!(removed.text(), text);
    }

    #[test]
    fn no_document_panics(
        pieces in prop::collection::vec(prop_oneof![
            Just("<LifecycleConfiguration>"), Just("</LifecycleConfiguration>"), Just("<Rule>"),
            Just("</Rule>"), Just("<ID>curlift-abort-incomplete-uploads</ID>"), Just("<x/>"),
            Just("<LifecycleConfiguration/>"), Just("&amp;"), Just("ü"), Just("]]>"),
        ], 0..9),
    ) {
        if let Ok(lifecycle) = Lifecycle::read(&pieces.concat(), None) {
            for prefix in ["", "p"] {
                let _ = Edit::set(Some(&lifecycle), &wish(prefix, 1));
                let _ = Edit::remove(Some(&lifecycle), prefix);
            }
        }
    }
}
