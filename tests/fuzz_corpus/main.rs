//! The fuzz targets on stable Rust: each over its corpus, and over mutations of it that a fixed
//! seed draws. What a fuzzer finds is kept in the corpus.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

mod mutate;
#[path = "../fuzz/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mutate::Mutator;
use targets::{TARGETS, run};

/// Mutations of one corpus, unless the time ends before.
const MUTATIONS: u32 = 20_000;
const TIME: Duration = Duration::from_secs(4);

/// Runs a target; where it panics, the input is told, ready to be kept in the corpus.
fn try_input(target: &str, input: &[u8]) {
    let ended = std::panic::catch_unwind(|| run(target, input));
    assert!(ended.is_ok(), "target {target}, input b\"{}\"", input.escape_ascii());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

/// All seeds of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(folder().join("corpus").join(target)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let seeds: Vec<_> = paths.into_iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(seeds.len() >= 20, "the corpus of {target} has {} seeds", seeds.len());
    seeds
}

fn play(target: &str) {
    let corpus = corpus(target);
    for seed in &corpus {
        try_input(target, seed);
    }
    let mut mutator = Mutator::new(&corpus);
    let end = Instant::now() + TIME;
    for _ in 0..MUTATIONS {
        if Instant::now() > end {
            break;
        }
        try_input(target, &mutator.draw());
    }
}

#[test]
fn addresses() {
    play("address");
}

#[test]
fn answers() {
    play("answer");
}

#[test]
fn aws_files() {
    play("aws_files");
}

#[test]
fn config_files() {
    play("config_file");
}

#[test]
fn endpoint_urls() {
    play("endpoint_url");
}

#[test]
fn fault_rules() {
    play("fault_rule");
}

#[test]
fn heads() {
    play("head");
}

#[test]
fn journals() {
    play("journal");
}

#[test]
fn manifests() {
    play("manifest");
}

#[test]
fn renewals() {
    play("renewal");
}

#[test]
fn units() {
    play("units");
}

#[test]
fn every_target_has_a_test_a_corpus_and_a_binary() {
    let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let entries = fs::read_dir(folder().join("corpus")).unwrap();
    let corpora = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(corpora.collect::<BTreeSet<_>>(), known);
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let binaries = manifest["bin"].as_array().unwrap().iter();
    let binaries = binaries.map(|binary| binary["name"].as_str().unwrap().to_owned());
    assert_eq!(binaries.collect::<BTreeSet<_>>(), known);
    let played: BTreeSet<String> = include_str!("main.rs")
        .lines()
        .filter_map(|line| line.trim().strip_prefix("play(\"")?.strip_suffix("\");"))
        .map(str::to_owned)
        .collect();
    assert_eq!(played, known);
}
