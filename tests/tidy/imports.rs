//! Who may import whom: the table of ARCHITECTURE.md, held against every path of the sources.

use super::rust::{CodePath, paths};
use super::{File, Violation, expect_none, sources};

/// Each folder (or file) of `src` and what of ours it may name, itself apart. Arrows go down only:
/// a folder stands below all that may import it.
const ARROWS: [(&str, &[&str]); 18] = [
    ("http", &[]),
    ("time", &[]),
    ("units", &[]),
    ("curlopt", &["units"]),
    ("disk", &[]),
    ("process", &["units"]),
    ("tune", &[]),
    ("experiment", &[]),
    ("s3", &["http", "time"]),
    ("transport", &["http", "curlopt"]),
    ("upload", &["s3", "http", "time"]),
    ("credentials", &["s3", "http", "transport", "process"]),
    // An opponent must not share our mistakes: see NARROW.
    ("lab", &["s3", "http"]),
    // `credentials` because the value that holds the environment's variables is defined there and
    // both read the same one.
    ("config", &["s3", "upload", "units", "curlopt", "credentials"]),
    ("session", &["upload", "s3", "http", "time", "curlopt", "transport", "credentials", "disk"]),
    (
        "cli",
        &[
            "config",
            "session",
            "lab",
            "upload",
            "transport",
            "credentials",
            "disk",
            "process",
            "s3",
            "http",
            "time",
            "units",
            "curlopt",
            "tune",
            "experiment",
        ],
    ),
    // Names the public modules and imports nothing.
    ("lib", &[]),
    ("main", &["cli"]),
];

/// Where only some names of a folder may be used: (who, whose, which names).
const NARROW: [(&str, &str, &[&str]); 1] = [("lab", "s3", &["Limits"])];

/// The folder of `src` that a file belongs to: `s3` for `src/s3/xml.rs`, `time` for `src/time.rs`.
fn folder(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside).trim_end_matches(".rs")
}

/// The modules that lead to a file: `["s3", "xml"]` for `src/s3/xml.rs`, `["s3"]` for its `mod.rs`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let names = inside.split('/').filter(|name| !["mod", "lib", "main"].contains(name));
    names.map(str::to_owned).collect()
}

/// What a path names inside our crate, from its root; `None` where it leads elsewhere.
fn from_our_root(file: &File, path: &CodePath) -> Option<Vec<String>> {
    let mut rest = path.segments.as_slice();
    let ours = if file.path == "src/main.rs" { "curlift" } else { "crate" };
    if rest[0] == ours && rest.len() > 1 {
        return Some(rest[1..].to_vec());
    }
    if rest[0] != "super" && !(rest[0] == "self" && rest.get(1).is_some_and(|s| s == "super")) {
        return None;
    }
    let mut module = module_of(&file.path);
    module.extend(path.modules.iter().cloned());
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "super" => drop(module.pop()),
            "self" => {}
            _ => break,
        }
        rest = others;
    }
    // `pub(super)` names nothing.
    (!rest.is_empty()).then(|| [module, rest.to_vec()].concat())
}

fn check(files: &[File]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for file in files {
        let from = folder(&file.path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == from) else {
            violations.push(Violation::new(
                file,
                1,
                format!("`{from}` is not in the table of arrows"),
            ));
            continue;
        };
        for path in paths(file) {
            let Some(target) = from_our_root(file, &path) else { continue };
            let (to, names) = (target[0].as_str(), &target[1..]);
            if to == from {
                continue;
            }
            let narrow = NARROW.iter().find(|(who, whose, _)| *who == from && *whose == to);
            if !allowed.contains(&to) {
                let why = format!("`{from}` must not import `{to}` (`{}`)", target.join("::"));
                violations.push(Violation::new(file, path.line, why));
            } else if let Some((.., permitted)) = narrow
                && !names.first().is_some_and(|name| permitted.contains(&name.as_str()))
            {
                let why = format!(
                    "of `{to}`, `{from}` may import {permitted:?} only, not `{}`",
                    target.join("::")
                );
                violations.push(Violation::new(file, path.line, why));
            }
        }
    }
    violations
}

#[test]
fn imports_follow_the_arrows() {
    expect_none(&check(&sources()));
}

#[test]
fn no_two_folders_import_each_other() {
    let place = |name: &str| ARROWS.iter().position(|(from, _)| *from == name);
    for (from, allowed) in ARROWS {
        for to in allowed {
            assert!(place(to) < place(from), "{from} → {to} goes up");
        }
    }
}

#[test]
fn a_wrong_arrow_is_caught_in_every_spelling() {
    let caught = |path: &str, text: &str| {
        let found = check(&[File::sample(path, text)]);
        found.iter().map(|violation| violation.line).collect::<Vec<_>>()
    };
    assert_eq!(
        caught("src/s3/xml.rs", "use crate::http::Report;\nuse crate::upload::Engine;"),
        [2]
    );
    assert_eq!(caught("src/s3/xml.rs", "use crate::{http::A,\n disk::B};"), [2]);
    assert_eq!(caught("src/s3/xml.rs", "fn f() { crate::cli::main(); }"), [1]);
    assert_eq!(caught("src/s3/xml.rs", "use super::Key;\nuse super::super::disk::Source;"), [2]);
    assert_eq!(caught("src/s3/mod.rs", "use super::disk::Source;"), [1]);
    assert_eq!(caught("src/s3/xml.rs", "mod tests { use super::super::Key; }"), [0; 0]);
    assert_eq!(caught("src/s3/xml.rs", "use crate::*;"), [1]);
    assert_eq!(caught("src/lab/model.rs", "use crate::s3::Limits;\nuse crate::s3::sigv4::S;"), [2]);
    assert_eq!(caught("src/lab/model.rs", "use crate::s3;"), [1]);
    assert_eq!(caught("src/main.rs", "fn main() { curlift::cli::main(); curlift::s3::f() }"), [1]);
    assert_eq!(caught("src/util.rs", "//! Everything."), [1]);
    assert_eq!(
        caught("src/s3/xml.rs", "pub(super) fn f() {}\npub(in crate::s3) fn g() {}"),
        [0; 0]
    );
}
