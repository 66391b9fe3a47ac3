//! curlift's own config file. Nothing of it reaches libcurl here.

use std::path::Path;

use curlift::config::{ConfigFile, FileError, Shape, Vocabulary};
use curlift::curlopt::{Given, check, remarks};

/// What an input may hold in place of a secret.
const SECRET: &str = "hunter2hunter2";

/// Options whose values are secret.
const SECRETS: [&str; 3] = ["PROXYUSERPWD", "USERPWD", "HTTPHEADER"];

/// Some flags, without the command line.
struct Words;

impl Vocabulary for Words {
    fn setting(&self, key: &str) -> Option<String> {
        self.settings().into_iter().find(|name| name == key)
    }

    fn settings(&self) -> Vec<String> {
        ["region", "part_size", "concurrency", "metadata", "retry", "retry_mode", "no_hedge"]
            .map(str::to_owned)
            .to_vec()
    }

    fn shape(&self, setting: &str) -> Shape {
        match setting {
            "no_hedge" => Shape::Switch,
            "metadata" => Shape::Pairs,
            _ => Shape::One,
        }
    }

    fn check(&self, setting: &str, values: &[String]) -> Result<(), String> {
        match setting {
            "part_size" => {
                curlift::units::size(&values.concat()).map(drop).map_err(|e| e.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// Reads the input: every mistake has its place in it, in order; what is taken can be taken again
/// as it would be typed, and is shown without its secret.
pub(crate) fn config_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match ConfigFile::parse(Path::new("c"), text, &Words) {
        Err(FileError::Mistakes { mistakes, .. }) => {
            let lines = text.matches('\n').count() + 1;
            assert!(!mistakes.is_empty());
            let places: Vec<_> = mistakes.iter().map(|m| (m.line, m.column)).collect();
            assert!(places.is_sorted(), "{places:?}");
            for mistake in &mistakes {
                assert!((1..=lines).contains(&mistake.line) && mistake.column > 0, "{mistake:?}");
                let of_secret = SECRETS.iter().any(|name| mistake.what.starts_with(name));
                assert!(!of_secret || !mistake.what.contains(SECRET), "{mistake:?}");
            }
        }
        Err(other) => panic!("{other}"),
        Ok(file) => {
            let profiles = file.profiles.values();
            let sections = std::iter::once(&file.top).chain(profiles);
            for set in sections.flat_map(|section| &section.options) {
                let shown = set.value.shown();
                let is_secret = SECRETS.contains(&set.value.option.name);
                assert!(!is_secret || !shown.contains(SECRET), "{shown}");
                let again = check(set.value.option, &Given::Typed(set.value.typed()));
                assert!(again.as_ref() == Ok(&set.value), "{again:?}, {:?}", set.value);
                drop(remarks(&set.value));
            }
        }
    }
}
