//! From TOML to a [`ConfigFile`], going on after each mistake.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistakes::place;
use super::{ConfigFile, FileMistake, Section, Vocabulary};
use crate::config::{LOOKED_UP, Origin};
use crate::curlopt::{Given, Handle};

/// A value and where it stands.
pub(super) type Entry<'a> = Spanned<DeValue<'a>>;

/// Reads one file.
pub(super) struct Reader<'a> {
    path: &'a Path,
    text: &'a str,
    pub(super) vocabulary: &'a dyn Vocabulary,
    mistakes: Vec<FileMistake>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a Path, text: &'a str, vocabulary: &'a dyn Vocabulary) -> Self {
        Reader { path, text, vocabulary, mistakes: Vec::new() }
    }

    /// What stands there, as far as it is right, and all that is wrong.
    pub(super) fn read(mut self) -> (ConfigFile, Vec<FileMistake>) {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            self.mistake(span, error.message().to_owned());
        }
        let mut file = ConfigFile { path: Some(self.path.to_path_buf()), ..ConfigFile::default() };
        for (key, value) in in_order(table.get_ref()) {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("profile", DeValue::Table(profiles)) => {
                    for (name, profile) in in_order(profiles) {
                        let section = self.profile(name, profile);
                        file.profiles.insert(name.get_ref().to_string(), section);
                    }
                }
                ("tune", DeValue::Table(table)) => file.tune = self.tune(table),
                _ => self.entry(&mut file.top, key, value),
            }
        }
        self.mistakes.sort_by_key(|mistake| (mistake.line, mistake.column));
        self.mistakes.dedup();
        (file, self.mistakes)
    }

    fn profile(&mut self, name: &Spanned<Cow<'_, str>>, value: &Entry<'_>) -> Section {
        let mut section = Section::default();
        let DeValue::Table(table) = value.get_ref() else {
            let what = format!(
                "profile.{0}: a table is expected: write [profile.{0}.curl] above its options",
                name.get_ref()
            );
            self.mistake(value.span(), what);
            return section;
        };
        for (key, value) in in_order(table) {
            match self.vocabulary.setting(key.get_ref()) {
                Some(setting) if !may_be_chosen(&setting) => {
                    let what = format!("{setting} does nothing in a profile; write it at the top");
                    self.mistake(key.span(), what);
                }
                _ => self.entry(&mut section, key, value),
            }
        }
        section
    }

    /// What may stand at the top level and in a profile alike.
    fn entry(&mut self, section: &mut Section, key: &Spanned<Cow<'_, str>>, value: &Entry<'_>) {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("curl", DeValue::Table(table)) => self.options(section, Handle::Easy, table),
            ("curlm", DeValue::Table(table)) => self.options(section, Handle::Multi, table),
            ("retry", DeValue::Table(table)) => self.retry(section, table),
            (name @ ("curl" | "curlm" | "tune"), _) => {
                let what = format!("{name}: a table is expected: write [{name}] above its lines");
                self.mistake(value.span(), what);
            }
            _ => self.setting(section, key, value),
        }
    }

    pub(super) fn mistake(&mut self, span: Range<usize>, what: String) {
        let (line, column) = place(self.text, span.start);
        self.mistakes.push(FileMistake { line, column, what });
    }

    /// Who set what stands at `span`.
    pub(super) fn origin(&self, span: Range<usize>, name: &str) -> Origin {
        let (line, _) = place(self.text, span.start);
        Origin::File { path: self.path.to_path_buf(), line, name: name.to_owned().into() }
    }
}

/// Whether a setting is looked for in the chosen profile; a profile cannot choose another.
fn may_be_chosen(setting: &str) -> bool {
    LOOKED_UP.contains(&setting) && !["profile", "options_profile"].contains(&setting)
}

/// The entries of a table as they stand in the file.
pub(super) fn in_order<'t, 'i>(
    table: &'t DeTable<'i>,
) -> Vec<(&'t Spanned<Cow<'i, str>>, &'t Entry<'i>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// A value as options take it.
pub(super) fn given(value: &DeValue<'_>) -> Given {
    match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            parsed.map_or(Given::Other("a number too large"), Given::Integer)
        }
        DeValue::Float(number) => {
            number.as_str().parse().map_or(Given::Other("a number"), Given::Float)
        }
        DeValue::Boolean(yes) => Given::Boolean(*yes),
        DeValue::Array(parts) => {
            Given::List(parts.iter().map(|part| given(part.get_ref())).collect())
        }
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Table(_) => Given::Other("a table"),
    }
}
