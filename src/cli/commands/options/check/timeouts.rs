//! Whether a limit on the time of each request leaves room to send it.

use crate::config::{ConfigFile, Section, Setting};
use crate::curlopt::{Assignment, PROFILES, Remark, Value};
use crate::units::{self, exact_size};

/// What curlift takes where nobody says anything (`curlift cp --help`).
const PART_SIZE: u64 = 16 << 20;
const CONCURRENCY: u64 = 8;

/// Connections that are slower than this are rare where many files are uploaded.
const SLOW_BITS_PER_S: f64 = 1e6;

/// How much is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Load {
    part_size: u64,
    threshold: u64,
    pub(super) concurrency: u64,
}

impl Load {
    /// That of `file` with a profile: what the file says of the profile, then what the built-in
    /// one of this name says, then the top level of the file.
    pub(super) fn of(file: &ConfigFile, profile: Option<&str>) -> Load {
        let section = profile.and_then(|name| file.profiles.get(name));
        let built_in = PROFILES.into_iter().find(|known| Some(known.name) == profile);
        let of = |name: &str| {
            let written = |section: &Section| Some(section.settings.get(name)?.value.concat());
            let preset = || {
                let settings = built_in?.settings.iter();
                let (_, value, _) = settings.copied().find(|(known, ..)| *known == name)?;
                Some(value.to_owned())
            };
            section.and_then(written).or_else(preset).or_else(|| written(&file.top))
        };
        let size = |name| of(name).and_then(|text| units::size(&text).ok());
        Load {
            part_size: size("part_size").unwrap_or(PART_SIZE),
            threshold: size("multipart_threshold").unwrap_or(PART_SIZE),
            concurrency: of("concurrency").and_then(|n| n.parse().ok()).unwrap_or(CONCURRENCY),
        }
    }

    /// The arithmetic of `TIMEOUT`, where `set` is that.
    pub(super) fn judged(&self, set: &Setting<Assignment>) -> Option<Remark> {
        let Value::Number(number @ 1..) = set.value.value else { return None };
        let seconds = match set.value.option.name {
            "TIMEOUT" => number as f64,
            "TIMEOUT_MS" => number as f64 / 1e3,
            _ => return None,
        };
        let largest = self.part_size.max(self.threshold);
        let what = if largest > self.part_size {
            format!(
                "a file of {}, which is one request (multipart_threshold),",
                exact_size(largest)
            )
        } else {
            format!("a part of {}", exact_size(largest))
        };
        let needed = largest as f64 * 8.0 / seconds;
        let text = format!(
            "{what} in {} needs {} on each connection, {} with {} in flight; below that every \
             attempt fails",
            set.value.shown(),
            rate(needed),
            rate(needed * self.concurrency as f64),
            self.concurrency,
        );
        Some(if needed < SLOW_BITS_PER_S { Remark::Note(text) } else { Remark::Warning(text) })
    }
}

/// Two digits and a unit.
fn rate(bits_per_s: f64) -> String {
    let (number, unit) = match bits_per_s {
        rate if rate >= 1e9 => (rate / 1e9, "Gbit/s"),
        rate if rate >= 1e6 => (rate / 1e6, "Mbit/s"),
        rate => (rate / 1e3, "kbit/s"),
    };
    if number < 10.0 { format!("{number:.1} {unit}") } else { format!("{number:.0} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;
    use crate::curlopt::{Given, Handle, check, find};

    fn section(settings: &[(&str, &str)]) -> Section {
        let set = |(name, value): &(&str, &str)| {
            let value = vec![(*value).to_owned()];
            ((*name).to_owned(), Setting { value, origin: Origin::Default })
        };
        Section { settings: settings.iter().map(set).collect(), options: Vec::new() }
    }

    fn judged(load: Load, name: &str, number: i64) -> Option<Remark> {
        let value = check(find(Handle::Easy, name).unwrap(), &Given::Integer(number)).unwrap();
        load.judged(&Setting { value, origin: Origin::Default })
    }

    #[test]
    fn a_part_must_fit_in_the_time() {
        let usual = Load::of(&ConfigFile::default(), None);
        let Some(Remark::Warning(text)) = judged(usual, "TIMEOUT", 30) else {
            panic!("no warning")
        };
        let expected = "a part of 16 MiB in 30 s needs 4.5 Mbit/s on each connection, 36 Mbit/s \
                        with 8 in flight; below that every attempt fails";
        assert_eq!(text, expected);
        assert!(judged(usual, "TIMEOUT_MS", 30_000).unwrap().text().contains("4.5 Mbit/s"));
        assert_eq!(judged(usual, "TIMEOUT", 0), None);
        assert_eq!(judged(usual, "CONNECTTIMEOUT", 30), None);
        let top = section(&[("part_size", "8MB")]);
        let small = Load::of(&ConfigFile { top, ..ConfigFile::default() }, None);
        let note = judged(small, "TIMEOUT", 3600);
        assert!(matches!(note, Some(Remark::Note(text)) if text.contains("16 MiB, which is one")));
    }

    #[test]
    fn a_profile_goes_before_the_top_level() {
        let top = section(&[("part_size", "8M"), ("concurrency", "5")]);
        let profile = |name: &str| (name.to_owned(), section(&[("concurrency", "3")]));
        let profiles = [profile("mine"), profile("fast")].into();
        let file = ConfigFile { top, profiles, ..ConfigFile::default() };
        let load = |name| {
            let load = Load::of(&file, name);
            (load.part_size >> 20, load.threshold >> 20, load.concurrency)
        };
        assert_eq!(load(None), (8, 16, 5));
        assert_eq!(load(Some("mine")), (8, 16, 3));
        assert_eq!(load(Some("fast")), (64, 64, 3));
        assert_eq!(load(Some("patient")), (8, 16, 4));
    }
}
