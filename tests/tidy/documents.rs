//! That the documents are true: the map names every file and no other, links lead somewhere, the
//! change log knows the version, the exit codes are those of the code, and no path of somebody's
//! machine stands anywhere.

use std::collections::BTreeMap;

use super::text::on_lines;
use super::{File, Violation, expect_none, file, files_below, has_ending, root, sources};

/// Where on a machine somebody's files lie; each put together so that this file holds none.
const MACHINE_PATHS: [&str; 6] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("/fa", "rm/"),
    concat!("/tm", "p/"),
];

/// Endings by which a word in backticks is taken for a path.
const PATH_ENDINGS: [&str; 6] = ["rs", "md", "toml", "yml", "lock", "sh"];

fn documents() -> Vec<File> {
    let names = ["README", "ARCHITECTURE", "CHANGELOG", "CONTRIBUTING"];
    names.iter().map(|name| file(&format!("{name}.md"))).collect()
}

/// Words in single backticks, by line; fenced blocks apart.
fn in_backticks(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (line, number) in text.lines().zip(1..) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.extend(line.split('`').skip(1).step_by(2).map(|word| (number, word)));
        }
    }
    found
}

fn looks_like_a_path(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let is_path = word.contains('/') || PATH_ENDINGS.iter().any(|ending| has_ending(word, ending));
    is_path && word.chars().all(plain) && !word.starts_with('/') && !word.starts_with("target/")
}

/// The row of the map that a file asks for, from its own first sentence.
fn row(source: &File) -> String {
    let opening = source.text.lines().map_while(|line| line.strip_prefix("//! "));
    let opening = opening.collect::<Vec<_>>().join(" ");
    let sentence = opening.split(". ").next().unwrap_or_default().trim_end_matches('.');
    format!("| `{}` | {sentence} |", source.path)
}

/// Every file of `src` that the map does not name, and every path it names that is not there.
fn check_map(map: &File, sources: &[File], exists: impl Fn(&str) -> bool) -> Vec<Violation> {
    let named = in_backticks(&map.text);
    let mut violations: Vec<Violation> = sources
        .iter()
        .filter(|source| !named.iter().any(|(_, word)| *word == source.path))
        .map(|source| Violation::new(source, 1, format!("is not in {}: {}", map.path, row(source))))
        .collect();
    for (line, word) in named.into_iter().filter(|(_, word)| looks_like_a_path(word)) {
        if !exists(word) && !exists(&format!("src/{word}")) {
            violations.push(Violation::new(
                map,
                line,
                format!("names `{word}`, which is not there"),
            ));
        }
    }
    violations
}

/// An exit code: where it is told, and what it is said to mean.
type Codes = BTreeMap<u8, (usize, String)>;

/// Rows `| 130, 143 | meaning |` in the section called `heading`.
fn codes_in_table(document: &File, heading: &str) -> Codes {
    let lines = document.text.lines().zip(1..).skip_while(|(line, _)| *line != heading).skip(1);
    let rows = lines.take_while(|(line, _)| !line.starts_with("## "));
    let cells = rows.filter_map(|(row, line)| {
        let (codes, meaning) = row.strip_prefix('|')?.split_once('|')?;
        Some((codes, line, meaning.trim_end_matches('|').trim()))
    });
    let told = cells.flat_map(|(codes, line, meaning)| {
        codes.split(',').map(move |code| (code.trim(), (line, meaning.to_owned())))
    });
    told.filter_map(|(code, meaning)| Some((code.parse().ok()?, meaning))).collect()
}

/// Variants such as `Usage = 2,` with their documentation, which begins with a capital letter.
/// Those of signals are told apart from the others.
fn codes_in_enum(source: &File) -> Codes {
    let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
    let mut codes = Codes::new();
    for (index, pair) in lines.windows(2).enumerate() {
        let code = pair[1].strip_suffix(',').and_then(|line| line.split_once(" = "));
        let code = code.and_then(|(_, code)| code.parse().ok());
        let Some((code, meaning)) = code.zip(pair[0].strip_prefix("/// ")) else { continue };
        let (first, rest) = meaning.trim_end_matches('.').split_at(1);
        if !SIGNALS.contains(&code) {
            codes.insert(code, (index + 2, first.to_lowercase() + rest));
        }
    }
    codes
}

/// Codes of signals are 128 and the signal's number: interrupt and terminate.
const SIGNALS: [u8; 2] = [130, 143];

fn check_exit_codes(readme: &File, source: &File) -> Vec<Violation> {
    let mut told = codes_in_table(readme, "## Exit codes");
    let real = codes_in_enum(source);
    let mut violations = Vec::new();
    for signal in SIGNALS {
        if told.remove(&signal).is_none() {
            violations.push(Violation::new(readme, 1, format!("exit code {signal} is missing")));
        }
    }
    for (code, (line, meaning)) in &real {
        let why = match told.remove(code) {
            Some((_, other)) if other == *meaning => continue,
            Some((at, other)) => format!("{code} is \"{meaning}\", not \"{other}\" (line {at})"),
            None => format!("exit code {code} is not in {}", readme.path),
        };
        violations.push(Violation::new(source, *line, why));
    }
    let unknown = told.into_iter().map(|(code, (line, _))| {
        Violation::new(readme, line, format!("exit code {code} is not in {}", source.path))
    });
    violations.extend(unknown);
    if real.len() < 2 {
        violations.push(Violation::new(source, 1, "no exit codes were found"));
    }
    violations
}

/// The anchors of a document's headings, as forges make them.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|title| title.chars().filter(kept).collect::<String>().replace(' ', "-"))
        .collect()
}

/// Links `[…](target)` that lead nowhere; links to other sites are not followed.
fn check_links(document: &File, read: impl Fn(&str) -> Option<String>) -> Vec<Violation> {
    on_lines(std::slice::from_ref(document), |line| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let broken = targets.filter(|target| !target.contains("://")).find(|target| {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let text = if path.is_empty() { Some(document.text.clone()) } else { read(path) };
            !text
                .is_some_and(|text| anchor.is_empty() || anchors(&text).iter().any(|a| a == anchor))
        })?;
        Some(format!("the link to {broken} leads nowhere"))
    })
}

fn check_machine_paths(files: &[File]) -> Vec<Violation> {
    let starts_there = |line: &str, path: &str| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || "._-~/}".contains(c))
        })
    };
    on_lines(files, |line| {
        let path = MACHINE_PATHS.iter().find(|path| starts_there(line, path))?;
        Some(format!("a path of some machine: {path}"))
    })
}

#[test]
fn the_map_names_every_source_and_nothing_else() {
    let map = file("ARCHITECTURE.md");
    expect_none(&check_map(&map, &sources(), |path| root().join(path).exists()));

    let map =
        File::sample("A.md", "`src/a.rs` `b.rs`\n```\n`src/d.rs`\n```\n`Vec::new` `target/x.rs`");
    let sources = [File::sample("src/a.rs", ""), File::sample("src/d.rs", "")];
    let found = check_map(&map, &sources, |path| path == "src/a.rs");
    let found: Vec<_> = found.iter().map(|v| (v.path.as_str(), v.line)).collect();
    assert_eq!(found, [("src/d.rs", 1), ("A.md", 1)]);
}

#[test]
fn other_documents_name_only_paths_that_exist() {
    for document in documents() {
        expect_none(&check_map(&document, &[], |path| root().join(path).exists()));
    }
}

#[test]
fn the_change_log_knows_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let heading = format!("## [{version}]");
    let log = file("CHANGELOG.md").text;
    assert!(log.lines().any(|line| line.starts_with(&heading)), "CHANGELOG.md lacks {heading}");
}

#[test]
fn the_exit_codes_are_those_of_the_code() {
    expect_none(&check_exit_codes(&file("README.md"), &file("src/cli/exit.rs")));

    let readme =
        "## Exit codes\n| 0 | fine |\n| 4 | no |\n| 5 | a |\n| 130, 143 | x |\n## Z\n| 7 | y |";
    let source = "/// Fine.\nFine = 0,\n/// Denied.\nDenied = 4,\n/// Lost.\nLost = 6,";
    let found = check_exit_codes(&File::sample("R", readme), &File::sample("e.rs", source));
    let found: Vec<_> = found.iter().map(|v| (v.path.as_str(), v.line)).collect();
    assert_eq!(found, [("e.rs", 4), ("e.rs", 6), ("R", 4)]);
    assert_eq!(check_exit_codes(&File::sample("R", ""), &File::sample("e.rs", "")).len(), 3);
}

#[test]
fn links_lead_somewhere() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).ok();
    let violations = documents().iter().flat_map(|d| check_links(d, read)).collect::<Vec<_>>();
    expect_none(&violations);

    let text = "# The map\n[a](#the-map) [b](B.md#x-y)\n[c](#none)\n[d](C.md)\n[e](https://e.org/)";
    let read = |path: &str| (path == "B.md").then(|| "## X y!\n".to_owned());
    let found = check_links(&File::sample("A.md", text), read);
    assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn no_path_of_a_machine_stands_anywhere() {
    let mut files = documents();
    files.extend(["scripts", ".github", ".cargo"].iter().flat_map(|folder| files_below(folder)));
    files.extend(["Cargo.toml", "justfile", "deny.toml", "clippy.toml"].map(file));
    expect_none(&check_machine_paths(&files));

    for path in MACHINE_PATHS {
        let text = format!("fine ./a{path}b ${{X}}{path}b\nsee {path}x\n`{path}x`");
        let caught = check_machine_paths(&[File::sample("A.md", &text)]);
        assert_eq!(caught.iter().map(|v| v.line).collect::<Vec<_>>(), [2, 3], "{path}");
    }
}
