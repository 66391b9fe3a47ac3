//! The table `[tune]`: what `curlift tune` tries.

use toml::de::{DeTable, DeValue};

use super::Sweep;
use super::reader::{Entry, Reader, given, in_order};
use crate::curlopt::{self, CurlOption, Given, Handle};

impl Reader<'_> {
    pub(super) fn tune(&mut self, table: &DeTable<'_>) -> Vec<Sweep> {
        let mut sweeps: Vec<Sweep> = Vec::new();
        for (key, value) in in_order(table) {
            let written = key.get_ref().as_ref();
            let DeValue::Array(values) = value.get_ref() else {
                let what = format!("tune.{written}: a list of the values to try is expected");
                self.mistake(value.span(), what);
                continue;
            };
            if values.is_empty() {
                self.mistake(value.span(), format!("tune.{written}: there is nothing to try"));
            }
            let (name, read) = match (self.vocabulary.setting(written), known_option(written)) {
                (Some(setting), _) => {
                    (setting.clone(), self.settings_tried(&setting, values.iter()))
                }
                (None, Ok(option)) => {
                    (option.name.to_owned(), self.options_tried(option, values.iter()))
                }
                (None, Err(mistake)) => {
                    self.mistake(key.span(), format!("tune: {mistake}"));
                    continue;
                }
            };
            if sweeps.iter().any(|sweep| sweep.name == name) {
                self.mistake(key.span(), format!("tune.{written}: {name} is listed twice"));
            }
            let origin = self.origin(key.span(), &format!("tune.{written}"));
            sweeps.push(Sweep { name, values: read, origin });
        }
        sweeps
    }

    fn settings_tried<'e, 'i: 'e>(
        &mut self,
        setting: &str,
        values: impl Iterator<Item = &'e Entry<'i>>,
    ) -> Vec<String> {
        let mut tried = Vec::new();
        for value in values {
            let text = match given(value.get_ref()) {
                Given::Text(text) => text,
                Given::Integer(number) => number.to_string(),
                _ => {
                    self.mistake(value.span(), format!("tune.{setting}: one value is expected"));
                    continue;
                }
            };
            match self.vocabulary.check(setting, std::slice::from_ref(&text)) {
                Ok(()) => tried.push(text),
                Err(why) => self.mistake(value.span(), format!("tune.{setting} = {text:?}: {why}")),
            }
        }
        tried
    }

    fn options_tried<'e, 'i: 'e>(
        &mut self,
        option: &'static CurlOption,
        values: impl Iterator<Item = &'e Entry<'i>>,
    ) -> Vec<String> {
        let mut tried = Vec::new();
        for value in values {
            match curlopt::check(option, &given(value.get_ref())) {
                Ok(assignment) if option.knowledge().secret => {
                    let what = format!("tune.{}: a secret cannot be swept", assignment.option.name);
                    self.mistake(value.span(), what);
                }
                Ok(assignment) => tried.push(assignment.typed().join(",")),
                Err(mistake) => self.mistake(value.span(), format!("tune: {mistake}")),
            }
        }
        tried
    }
}

fn known_option(written: &str) -> Result<&'static CurlOption, curlopt::Mistake> {
    curlopt::find(Handle::Easy, written)
}
