//! `curlift experiment`: what it measures is what must be, it says so, and leaves nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::exports::python;
use super::local_lab::signal;
use super::support::{Curlift, wait_until};

fn experiment(temporary: &Path, args: &[&str]) -> Curlift {
    let experiment = Curlift::new().env("TMPDIR", temporary).args(&["experiment"]);
    experiment.args(&["presigned-expiry", "--scale", "1", "--python"]).arg(python()).args(args)
}

fn left_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("it is ours").map(|entry| entry.expect("a name").path()).collect()
}

/// One alone takes 4.2 s, three at once 12.7 s; in a pool of one, the second waits 4.2 s and the
/// third 8.5 s.
const ARITHMETIC: [&str; 14] = [
    "--users",
    "1,3",
    "--ttl",
    "2s,8s,24s",
    "--size",
    "1240KB",
    "--rate",
    "2.4Mbit",
    "--pool",
    "1",
    "--idle-limit",
    "2s",
    "--client",
    "pycurl,python,curlift",
];

#[test]
fn who_fails_is_who_must() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let page = folder.path().join("page.html");
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let program = experiment(temporary.path(), &ARITHMETIC).args(&["--json", "--html"]);
    let ended = program.arg(&page).run().expect_code(0);
    let mut events: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = events.pop().expect("there is a summary");
    // By behaviour: who fails of one and of three users, at each lifetime.
    let must: BTreeMap<&str, [[u64; 3]; 2]> = [
        ("checks-at-start", [[0, 0, 0], [0, 0, 0]]),
        ("cuts-in-flight", [[1, 0, 0], [3, 3, 0]]),
        ("checks-at-end", [[1, 0, 0], [3, 3, 0]]),
        ("queued-in-client", [[0, 0, 0], [2, 1, 0]]),
        ("request-timeout", [[0, 0, 0], [2, 2, 2]]),
    ]
    .into();
    assert_eq!(events.len(), 5 * 3 * 2 * 3);
    for event in &events {
        assert_eq!(event["event"], "cell");
        let text = |name: &str| event[name].as_str().expect("text");
        let row = usize::from(event["users"] == 3);
        let lifetimes = [2.0, 8.0, 24.0];
        let column = lifetimes.iter().position(|time| event["lifetime_s"] == *time).expect("one");
        let is_ours = text("client") == "curlift";
        // Nothing of ours holds a request and sends no body.
        let holds = !(is_ours && text("behaviour") == "request-timeout");
        let failed = if holds { must[text("behaviour")][row][column] } else { 0 };
        assert_eq!(
            (&event["failed"], &event["forecast"]),
            (&failed.into(), &failed.into()),
            "{event}"
        );
        let seen: Vec<&str> =
            event["seen"].as_object().unwrap().keys().map(String::as_str).collect();
        let may: &[&str] = match text("behaviour") {
            // Ours says why.
            "cuts-in-flight" | "queued-in-client" | "checks-at-end" if is_ours => {
                &["403 expired", "expired, not sent"]
            }
            "cuts-in-flight" => &["broken pipe", "connection reset", "status 0"],
            "checks-at-end" => &["403 expired"],
            "queued-in-client" => &["403 expired", "broken pipe", "connection reset", "status 0"],
            "request-timeout" => &["400 RequestTimeout", "broken pipe", "connection reset"],
            _ => &[],
        };
        assert!(seen.iter().all(|sight| may.contains(sight)), "{event}");
    }
    assert_eq!((&summary["event"], &summary["outcome"]), (&"summary".into(), &"measured".into()));
    let alike: Vec<&str> =
        summary["alike"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(alike[0], "cuts-in-flight");
    assert!(alike[1..].iter().all(|name| *name == "queued-in-client"), "{alike:?}");
    assert!(!ended.stdout.contains("X-Amz") && !ended.stderr.contains("X-Amz"));
    assert_eq!(left_in(temporary.path()), [""; 0].map(PathBuf::from));
    expect_page(&fs::read_to_string(page).expect("it was written"));
    assert_eq!(left_in(folder.path()).len(), 1);
}

fn expect_page(page: &str) {
    for fetch in [" src=", " href=", "url(", "@import", "<script", "<link", "http://", "https://"] {
        assert!(!page.contains(fetch), "{fetch}");
    }
    for tag in ["table", "figure", "section", "tr", "td", "th", "p", "dd", "main"] {
        let open =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(open, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Three clients in five behaviours, each with six squares.
    assert_eq!(page.matches("<figure>").count(), 15);
    assert_eq!(page.matches("<td class=\"f").count(), 90);
    assert!(page.contains(">3/3<") && page.contains("prefers-color-scheme: dark"));
}

#[test]
fn the_tables_are_told_with_the_arithmetic_and_why() {
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let args = ["--users", "2", "--ttl", "5s", "--size", "1MB", "--rate", "8MB/s"];
    let args = [&args[..], &["--client", "python", "--behaviour", "checks-at-start"]].concat();
    let ended = experiment(temporary.path(), &args).run().expect_code(0);
    for text in [
        "checks-at-start: the store looks",
        "  2 users          0/2\n",
        "saw: no failure",
        "1 MiB ÷ (67.11 Mbit/s ÷ 2) = 0.3 s",
        "nobody waits",
        "Nothing that was measured looks like the report",
        "presigned URL says until when",
    ] {
        assert!(ended.stdout.contains(text), "{text:?} in {}", ended.stdout);
    }
    assert!(ended.stderr.contains("1 cells, 2 uploads"), "{}", ended.stderr);
}

#[test]
fn one_that_is_stopped_tells_what_there_is_and_leaves_nothing() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let temporary = tempfile::tempdir().expect("a folder can be made");
        // Two are cut after a second, the others take minutes.
        let args = ["--users", "1,3", "--ttl", "1s,4m", "--size", "15MB", "--rate", "1Mbit"];
        let args = [&args[..], &["--client", "python", "--behaviour", "cuts-in-flight"]].concat();
        let running = experiment(temporary.path(), &args).arg("--json").start();
        let process = running.child.id();
        let mut most = 0;
        let children = wait_until("two have ended and two are at it", || {
            let children = children_of(process);
            most = most.max(children.len());
            (most == 4 && children.len() == 2).then_some(children)
        });
        signal(process, name);
        let ended = running.end().expect_code(code);
        let (_, summary) = ended.stdout.trim().rsplit_once('\n').expect("a cell, then the summary");
        let summary: Value = serde_json::from_str(summary).expect("JSON");
        assert_eq!(
            (&summary["event"], &summary["outcome"]),
            (&"summary".into(), &"interrupted".into())
        );
        assert!(summary["cells"].as_u64().unwrap() >= 1, "{summary}");
        assert_eq!(left_in(temporary.path()), [""; 0].map(PathBuf::from));
        for child in children {
            assert!(!Path::new(&format!("/proc/{child}/exe")).exists(), "{child} is left");
        }
    }
}

/// The processes that a process started.
fn children_of(process: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    let lists: Vec<String> = lists.collect();
    lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
}
