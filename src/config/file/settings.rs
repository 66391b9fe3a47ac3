//! What stands at the top level: everything that is a flag of `cp`; and `[retry]`.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Section;
use super::reader::{Entry, Reader, given, in_order};
use super::{Shape, Vocabulary};
use crate::config::Setting;
use crate::curlopt::{Given, Handle, find, without_userinfo};

/// Names of `[retry]` and the flags they are.
const RETRY: [(&str, &str); 3] =
    [("mode", "retry_mode"), ("max_attempts", "retry"), ("max_time", "retry_max_time")];

/// What is said to those who look for a delay.
const DELAY: &str =
    "; the delay between attempts is the engine's: it doubles, up to 20 s, with chance";

impl Reader<'_> {
    pub(super) fn retry(&mut self, section: &mut Section, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let name = key.get_ref().as_ref();
            if let Some((_, setting)) = RETRY.iter().find(|(known, _)| *known == name) {
                self.keep(section, setting, name, key, value);
                continue;
            }
            let known = RETRY.map(|(known, _)| known).join(", ");
            let hint = match name {
                "delay" | "wait" | "backoff" => DELAY,
                _ => "",
            };
            self.mistake(key.span(), format!("retry.{name}: there are only {known}{hint}"));
        }
    }

    pub(super) fn setting(
        &mut self,
        section: &mut Section,
        key: &Spanned<Cow<'_, str>>,
        value: &Entry<'_>,
    ) {
        if let Some(setting) = self.vocabulary.setting(key.get_ref()) {
            self.keep(section, &setting, key.get_ref(), key, value);
        } else {
            let what = unknown(key.get_ref(), value.get_ref(), self.vocabulary);
            self.mistake(key.span(), what);
        }
    }

    fn keep(
        &mut self,
        section: &mut Section,
        setting: &str,
        written: &str,
        key: &Spanned<Cow<'_, str>>,
        value: &Entry<'_>,
    ) {
        let texts = match texts(self.vocabulary.shape(setting), &given_or_pairs(value)) {
            Ok(Some(texts)) => texts,
            Ok(None) => return,
            Err(expected) => {
                self.mistake(value.span(), format!("{written}: {expected} is expected"));
                return;
            }
        };
        if let Err(expected) = self.vocabulary.check(setting, &texts) {
            let shown = if setting == "proxy" {
                without_userinfo(&texts.concat())
            } else {
                texts.join(", ")
            };
            self.mistake(value.span(), format!("{written} = {shown:?}: {expected}"));
            return;
        }
        let origin = self.origin(key.span(), written);
        let kept = Setting { value: texts, origin };
        if let Some(before) = section.settings.insert(setting.to_owned(), kept) {
            let what = format!("{written}: {} sets the same; keep one of them", before.origin);
            self.mistake(key.span(), what);
        }
    }
}

/// A table of texts as pairs, anything else as it is.
fn given_or_pairs(value: &Entry<'_>) -> Given {
    let DeValue::Table(table) = value.get_ref() else { return given(value.get_ref()) };
    let pairs = in_order(table).into_iter().map(|(key, value)| match given(value.get_ref()) {
        Given::Text(text) => Given::Text(format!("{}={text}", key.get_ref())),
        other => other,
    });
    Given::List(pairs.collect())
}

/// The texts that would be typed; none for a switch that is off.
fn texts(shape: Shape, given: &Given) -> Result<Option<Vec<String>>, &'static str> {
    let one = |given: &Given| match given {
        Given::Text(text) => Some(text.clone()),
        Given::Integer(number) => Some(number.to_string()),
        _ => None,
    };
    match (shape, given) {
        (Shape::Switch, Given::Boolean(yes)) => Ok(yes.then(|| vec!["true".to_owned()])),
        (Shape::Switch, _) => Err("true or false"),
        (Shape::One, given) => one(given).map(|text| Some(vec![text])).ok_or("one value"),
        (Shape::Pairs, Given::List(parts)) => {
            let texts: Option<Vec<_>> = parts.iter().map(one).collect();
            texts.map(Some).ok_or(PAIRS)
        }
        (Shape::Pairs, _) => Err(PAIRS),
    }
}

const PAIRS: &str = "a table such as { name = \"value\" }";

/// Names as far from what was written as this are no help.
const SIMILARITY_MIN: f64 = 0.8;

fn unknown(key: &str, value: &DeValue<'_>, vocabulary: &dyn Vocabulary) -> String {
    if let Ok(option) = find(Handle::Easy, key) {
        return format!(
            "{key}: libcurl's options stand below [curl]: write [curl] above {}",
            option.name
        );
    }
    let settings = vocabulary.settings();
    let is_table = matches!(value, DeValue::Table(_));
    let tables = ["retry", "curl", "curlm", "profile", "tune"].map(str::to_owned);
    let candidates = if is_table { &tables[..] } else { &settings[..] };
    let near = candidates
        .iter()
        .map(|name| (strsim::jaro_winkler(name, key), name))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let kind = if is_table { "table" } else { "setting" };
    match near {
        Some((_, name)) => format!("{key}: there is no such {kind}; did you mean {name}?"),
        None if is_table => {
            format!("{key}: there is no such table; there are {}", tables.join(", "))
        }
        None => format!(
            "{key}: there is no such setting; flags of `curlift cp` may stand here, with _ for -"
        ),
    }
}
