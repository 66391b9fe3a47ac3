//! The tables `[curl]` and `[curlm]`.

use toml::de::DeTable;

use super::Section;
use super::reader::{Reader, given, in_order};
use crate::config::{Origin, Setting};
use crate::curlopt::{self, Assignment, Handle, HeaderLine, Value, header_line};

impl Reader<'_> {
    pub(super) fn options(&mut self, section: &mut Section, handle: Handle, table: &DeTable<'_>) {
        for (key, value) in in_order(table) {
            let option = match curlopt::find(handle, key.get_ref()) {
                Ok(option) => option,
                Err(mistake) => {
                    self.mistake(key.span(), mistake.to_string());
                    continue;
                }
            };
            match curlopt::check(option, &given(value.get_ref())) {
                Err(mistake) => self.mistake(value.span(), mistake.to_string()),
                Ok(assignment) => {
                    if let Err(mistake) = header_lines(&assignment) {
                        self.mistake(value.span(), mistake.to_string());
                    }
                    let written = key.get_ref().to_string();
                    if let Some(what) = set_before(section, &assignment) {
                        self.mistake(key.span(), format!("{written}: {what}"));
                    }
                    let origin = self.origin(key.span(), &written);
                    section.options.push(Setting { value: assignment, origin });
                }
            }
        }
    }
}

/// What `HTTPHEADER` holds, where it is that.
pub(in crate::config) fn header_lines(
    assignment: &Assignment,
) -> Result<Vec<HeaderLine>, curlopt::Mistake> {
    match &assignment.value {
        Value::List(lines) if assignment.option.name == "HTTPHEADER" => {
            lines.iter().map(|line| header_line(line)).collect()
        }
        _ => Ok(Vec::new()),
    }
}

/// Where the same was set before, by this name or another.
fn set_before(section: &Section, assignment: &Assignment) -> Option<String> {
    let option = assignment.option;
    let same = |set: &&Setting<Assignment>| {
        let other = set.value.option;
        other.handle == option.handle && other.setting() == option.setting()
    };
    let before = section.options.iter().find(same)?;
    let Origin::File { line, name, .. } = &before.origin else { return None };
    Some(format!("{name} in line {line} sets the same; keep one of them"))
}
