//! The bodies of the fuzz targets: what others write is read, and what came of it is judged.
//! `cargo fuzz` runs each as a binary, `tests/fuzz_corpus` runs all on stable Rust.

mod answer;
mod config_file;
mod files;
mod head;
mod journal;
mod manifest;
mod renewal;
mod typed;

/// A target: reads bytes, and panics where what came of them must not be.
type Target = fn(&[u8]);

/// All targets by name.
pub(crate) const TARGETS: [(&str, Target); 11] = [
    ("address", typed::address),
    ("answer", answer::answer),
    ("aws_files", files::aws_files),
    ("config_file", config_file::config_file),
    ("endpoint_url", typed::endpoint_url),
    ("fault_rule", typed::fault_rule),
    ("head", head::head),
    ("journal", journal::journal),
    ("manifest", manifest::manifest),
    ("renewal", renewal::renewal),
    ("units", typed::units),
];

/// Runs the target of that name.
pub(crate) fn run(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.unwrap_or_else(|| panic!("there is no target {name}"));
    target(bytes);
}

/// Text for a terminal must not steer it.
fn expect_printable(text: &str) {
    let strange = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(strange, None, "{text:?}");
}
