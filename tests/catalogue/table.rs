//! Every row of the catalogue has a test, or a reason why not in `rows.toml`; `README.md` is the
//! table of both. `UPDATE=1 cargo test --test catalogue table` writes it anew.
//!
//! A test says its row in its documentation, and nothing else there:
//! `/// B1 | the fault | how it is injected | what must come of it`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The catalogue's letters, how many rows each has, and the file that a letter's tests begin in.
const LETTERS: [(char, u32, &str); 9] = [
    ('A', 18, "a_connections"),
    ('B', 22, "b_http"),
    ('C', 21, "c_semantics"),
    ('D', 10, "d_names_tls_proxies"),
    ('E', 8, "e_time_and_credentials"),
    ('F', 14, "f_source_file"),
    ('G', 12, "g_journal"),
    ('H', 12, "h_process"),
    ('J', 6, "j_hostile_input"),
];

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    letter: char,
    number: u32,
    /// Fault, how it is injected, what must come of it.
    cells: [String; 3],
}

/// Why a row has no test.
#[derive(Debug, serde::Deserialize)]
struct Exempt {
    fault: String,
    reason: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue")
}

/// `B12` as a letter and a number.
fn row_id(text: &str) -> Option<(char, u32)> {
    let letter = text.chars().next().filter(char::is_ascii_uppercase)?;
    Some((letter, text[1..].parse().ok()?))
}

/// The row that a documentation tells; `None` where it is not one of a row.
fn documented(text: &str) -> Option<Row> {
    let mut cells = text.split(" | ").map(str::to_owned);
    let (letter, number) = row_id(&cells.next()?)?;
    let cells: Vec<String> = cells.collect();
    let cells = cells.try_into().unwrap_or_else(|_| panic!("four cells are wanted: {text}"));
    Some(Row { letter, number, cells })
}

/// The rows that the tests of one file tell. Fails where a test's name is not its row's.
fn rows_of(file: &str, text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut documentation: Vec<&str> = Vec::new();
    for line in text.lines() {
        if let Some(said) = line.strip_prefix("/// ") {
            documentation.push(said);
        } else if let Some((name, _)) =
            line.strip_prefix("fn ").and_then(|rest| rest.split_once("() {"))
        {
            let row = documented(&documentation.join(" "));
            let said = row.as_ref().map(|row| (row.letter, row.number));
            assert_eq!(row_of_name(name), said, "{file}: {name} and its row");
            rows.extend(row);
        }
        if line.is_empty() {
            documentation.clear();
        }
    }
    rows
}

/// The row that a function is named after: `b12_…`.
fn row_of_name(name: &str) -> Option<(char, u32)> {
    let (id, _) = name.split_once('_')?;
    row_id(&id.to_uppercase())
}

fn tested() -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let letter = name.split_once('_').map(|(letter, _)| letter.to_uppercase());
        if letter.is_some_and(|letter| LETTERS.iter().any(|(l, ..)| letter == l.to_string())) {
            rows.extend(rows_of(&name, &fs::read_to_string(path).unwrap()));
        }
    }
    rows.sort();
    rows
}

fn exempt() -> BTreeMap<String, Exempt> {
    let text = fs::read_to_string(folder().join("rows.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

#[test]
fn every_row_is_covered() {
    let tested: BTreeSet<_> = tested().iter().map(|row| (row.letter, row.number)).collect();
    let exempt: BTreeSet<_> = exempt().keys().map(|id| row_id(id).expect(id)).collect();
    let both: Vec<_> = tested.intersection(&exempt).collect();
    assert!(both.is_empty(), "tested, and excused in rows.toml: {both:?}");
    let mut all = BTreeSet::new();
    let mut missing = Vec::new();
    for (letter, count, file) in LETTERS {
        let rows: Vec<_> = (1..=count).map(|number| (letter, number)).collect();
        if folder().join(format!("{file}.rs")).exists() {
            let known = |row: &&(char, u32)| tested.contains(row) || exempt.contains(row);
            missing.extend(rows.iter().filter(|row| !known(row)).copied());
        }
        all.extend(rows);
    }
    assert_eq!(all.len(), 123);
    assert!(missing.is_empty(), "neither tested nor excused in rows.toml: {missing:?}");
    let strange: Vec<_> = tested.union(&exempt).filter(|row| !all.contains(row)).collect();
    assert!(strange.is_empty(), "no rows of the catalogue: {strange:?}");
}

#[test]
fn table_of_the_readme_is_that_of_the_tests() {
    let path = folder().join("README.md");
    let wanted = readme(tested());
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &wanted).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let differs = wanted.lines().zip(found.lines()).find(|(wanted, found)| wanted != found);
    let how = "UPDATE=1 cargo test --test catalogue table";
    assert!(wanted == found, "README.md is not the tests' table; type {how}: {differs:?}");
}

fn readme(mut rows: Vec<Row>) -> String {
    let excused = exempt().into_iter().map(|(id, Exempt { fault, reason })| {
        let (letter, number) = row_id(&id).expect("checked by every_row_is_covered");
        Row { letter, number, cells: [fault, "not tested".into(), reason] }
    });
    rows.extend(excused);
    rows.sort();
    let line = |row: Row| {
        let Row { letter, number, cells: [fault, how, outcome] } = row;
        format!("| {letter}{number} | {fault} | {how} | {outcome} |\n")
    };
    let lines: String = rows.into_iter().map(line).collect();
    format!(
        "# The faults that uploads are tested against\n\n\
         Made from the tests and `rows.toml` by `UPDATE=1 cargo test --test catalogue table`.\n\n\
         | row | fault | injected by | outcome |\n|---|---|---|---|\n{lines}"
    )
}

#[test]
fn a_test_without_its_row_is_noticed() {
    let good = "/// B1 | a | b |\n/// c d\n#[test]\nfn b1_it_is() {\n}\n\nfn helper() {\n}\n";
    let row = Row { letter: 'B', number: 1, cells: ["a".into(), "b".into(), "c d".into()] };
    assert_eq!(rows_of("x.rs", good), [row]);
    let wrong_name = good.replace("b1_it_is", "b2_it_is");
    let no_row = "#[test]\nfn b3_it_is() {\n}\n";
    for bad in [wrong_name.as_str(), no_row] {
        assert!(std::panic::catch_unwind(|| rows_of("x.rs", bad)).is_err(), "{bad}");
    }
}
