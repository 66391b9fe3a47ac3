//! What somebody else's program said, made fit to be shown: without what may be a key, a token or
//! a signature. Rather too little is shown than too much.

use super::printable::printable_words;

/// Of a word, so much at most may be random.
const RANDOM_MAX: usize = 15;
/// Of a word that has no capital letters.
const HEXADECIMAL_MAX: usize = 31;
/// Names whose values are secret, or stand beside such.
const NAMES: [&str; 8] =
    ["signature", "credential", "secret", "token", "password", "passwd", "accesskey", "x-amz-"];

/// `text` as one line of at most `length_max` characters, with queries of URLs, values of what is
/// named like a secret, and whatever looks random left out.
#[must_use]
pub fn masked(text: &str, length_max: usize) -> String {
    let mut line: Vec<String> = Vec::new();
    let mut hides_next = false;
    // What is behind is cut off anyway; secrets are longer than their masks.
    for word in text.split_whitespace().take(length_max) {
        if hides_next && !matches!(word, "=" | ":" | "is") {
            line.push("…".to_owned());
            hides_next = false;
            continue;
        }
        let shown = without_query(word);
        let (shown, is_name) = without_value(&shown);
        hides_next = is_name || hides_next;
        line.push(without_randomness(&shown));
    }
    printable_words(&line.join(" "), length_max)
}

/// A URL as far as its `?`.
fn without_query(word: &str) -> String {
    match word.split_once('?') {
        Some((before, query)) if !query.is_empty() && (query.len() > 3 || query.contains('=')) => {
            format!("{before}?…")
        }
        _ => word.to_owned(),
    }
}

/// A secret's name without its value, and whether that is still to come.
fn without_value(word: &str) -> (String, bool) {
    let lower = word.to_ascii_lowercase();
    let Some(at) = NAMES.iter().filter_map(|name| lower.find(name)).min() else {
        return (word.to_owned(), false);
    };
    match word[at..].find(['=', ':']) {
        Some(end) if at + end + 1 < word.len() => (format!("{}…", &word[..=at + end]), false),
        Some(_) => (word.to_owned(), true),
        None => (word.to_owned(), word.contains(['_', '-']) || lower == "token"),
    }
}

/// A word without stretches that nobody would choose as a name.
fn without_randomness(word: &str) -> String {
    let is_inside = |c: char| c.is_ascii_alphanumeric() || "+=_%-".contains(c);
    let mut shown = String::new();
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_inside(c)).unwrap_or(rest.len());
        let (stretch, behind) = rest.split_at(end);
        let has = |what: fn(&u8) -> bool| stretch.as_bytes().iter().any(what);
        let length_max = if has(u8::is_ascii_uppercase) { RANDOM_MAX } else { HEXADECIMAL_MAX };
        let is_random = stretch.len() > length_max && has(u8::is_ascii_digit);
        shown.push_str(if is_random { "…" } else { stretch });
        let next = behind.find(is_inside).unwrap_or(behind.len());
        shown.push_str(&behind[..next]);
        rest = &behind[next..];
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_be_secret_is_left_out() {
        let hash = "0123456789abcdef".repeat(4);
        for (text, expected) in [
            ("PUT https://h:9/b/k?X-Amz-Signature=ab", "PUT https://h:9/b/k?…"),
            ("really? yes", "really? yes"),
            ("X-Amz-Signature=abc rest", "X-Amz-Signature=… rest"),
            ("aws_secret_access_key = abc rest", "aws_secret_access_key = … rest"),
            ("aws_secret_access_key abc rest", "aws_secret_access_key … rest"),
            ("password: abc", "password: …"),
            ("{\"SecretAccessKey\":\"abc\"}", "{\"SecretAccessKey\":…"),
            ("no credentials found", "no credentials found"),
            ("key AKIAIOSFODNN7EXAMPLE is unknown", "key … is unknown"),
            ("(wJalrXUtnFEMI1K7MDENG/bPxRfiCYEXAMPLEKEY9)", "(…/…)"),
            (&hash, "…"),
            (&format!("of {hash}."), "of …."),
            ("/usr/share/doc/Readme1: not found", "/usr/share/doc/Readme1: not found"),
            (
                "ssh: connect to host ip-10-0-0-1.eu-west-1.internal port 22: Connection refused",
                "ssh: connect to host ip-10-0-0-1.eu-west-1.internal port 22: Connection refused",
            ),
            ("a\u{1b}[2Jb\tc", "a\\u{1b}[2Jb c"),
        ] {
            assert_eq!(masked(text, 200), expected);
        }
        assert_eq!(masked("abcdef", 4), "abc…");
    }

    proptest! {
        #[test]
        fn no_query_or_named_value_comes_through(
            before in "[ -~]{0,30}",
            place in "https://[a-z]{1,9}/[a-z]{1,9}",
            value in "[A-Za-z0-9]{8}",
        ) {
            for text in [
                format!("{before} {place}?a={value}&b={value}"),
                format!("{before} X-Amz-Signature={value}"),
                format!("{before} session_token: {value}"),
            ] {
                prop_assume!(!before.contains(&value));
                prop_assert!(!masked(&text, 500).contains(&value), "{}", text);
            }
        }

        #[test]
        fn nothing_panics_and_the_length_is_kept(text in "\\PC{0,80}", length_max in 1_usize..90) {
            let line = masked(&text, length_max);
            prop_assert!(line.chars().count() <= length_max && !line.contains('\n'));
        }
    }
}
