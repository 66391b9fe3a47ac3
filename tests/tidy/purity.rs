//! What pure code must not touch: files, sockets, the environment, threads, processes, the clock,
//! libcurl, the log, the terminal. Decisions are told; they never ask.

use super::rust::{CodePath, paths};
use super::{File, Violation, expect_none, sources};

/// Folders and files that are pure; `name.rs` beside `name/` counts as the folder.
const PURE: [&str; 11] = [
    "http",
    "s3",
    "upload",
    "curlopt",
    "time",
    "tune",
    "experiment",
    "units",
    "lab/model",
    "lab/faults",
    "lab/link",
];

/// Modules of the standard library that reach outside.
const OUTSIDE: [&str; 5] = ["fs", "net", "env", "thread", "process"];

/// Names within these that are nouns and reach nothing.
const NOUNS: [&str; 6] =
    ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// Crates that reach outside.
const CRATES: [&str; 10] = [
    "curl",
    "curl_sys",
    "log",
    "env_logger",
    "libc",
    "tokio",
    "hyper",
    "indicatif",
    "tempfile",
    "s3s",
];

/// Macros that print.
const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

fn is_pure(path: &str) -> bool {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    PURE.iter().any(|pure| {
        inside.strip_prefix(pure).is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}

/// Why a path must not stand in pure code.
fn reason(path: &CodePath) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    let why = match segments[..] {
        ["std", module, ..] if OUTSIDE.contains(&module) => {
            if segments.get(2).is_some_and(|name| NOUNS.contains(name)) {
                return None;
            }
            "reaches outside"
        }
        ["std", "io", .., "stdin" | "stdout" | "stderr"] => "reaches the terminal",
        [.., "Instant" | "SystemTime" | "Utc" | "Local", "now"] => "asks the clock",
        [name, _, ..] if CRATES.contains(&name) => "reaches outside",
        [name] if path.is_macro && PRINTING.contains(&name) => "prints",
        ["std", name] if path.is_macro && PRINTING.contains(&name) => "prints",
        _ => return None,
    };
    Some(format!("`{}` {why}, and this file is pure", segments.join("::")))
}

fn check(files: &[File]) -> Vec<Violation> {
    let pure = files.iter().filter(|file| is_pure(&file.path));
    pure.flat_map(|file| {
        paths(file)
            .into_iter()
            .filter_map(|path| Some(Violation::new(file, path.line, reason(&path)?)))
            .collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn pure_code_reaches_nothing() {
    let sources = sources();
    assert!(sources.iter().filter(|file| is_pure(&file.path)).count() > 15);
    expect_none(&check(&sources));
}

#[test]
fn every_way_out_is_caught() {
    let lines = |path: &str, text: &str| {
        check(&[File::sample(path, text)]).iter().map(|v| v.line).collect::<Vec<_>>()
    };
    for text in [
        "use std::fs;",
        "use std::{io, fs::File};",
        "use std::net::TcpStream;",
        "fn f() { std::env::var(\"A\"); }",
        "use std::thread::sleep;",
        "use std::process::Command;",
        "use std::io::stdout;",
        "fn f() { std::time::Instant::now(); }",
        "use curl::easy::Easy;",
        "fn f() { log::info!(\"x\"); }",
        "fn f() { println!(\"x\"); }",
        "fn f() { std::eprintln!(\"x\"); }",
    ] {
        for path in ["src/s3/xml.rs", "src/time.rs", "src/lab/model.rs", "src/lab/faults/parse.rs"]
        {
            assert_eq!(lines(path, text), [1], "{path}: {text}");
        }
        assert_eq!(lines("src/session.rs", text), [0; 0], "session may: {text}");
    }
    let innocent = "use std::net::SocketAddr; use std::io; fn f(log: u32) { write!(x, \"{log}\") }";
    assert_eq!(lines("src/http/report.rs", innocent), [0; 0]);
}
