//! The file has a size, kind or name that few files have.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt as _;

use super::oracle::{Upload, Witness as _};
use super::scripted::Scripted;
use super::support::{Curlift, Ended};
use super::{DESTINATION, IN_PARTS, KEY, MIB, at_once};

/// F9 | sizes around every border | a scripted store | uploaded in that many parts
#[test]
fn f9_sizes_around_a_part() {
    let rows: [(usize, u64); 7] = [
        (0, 1),
        (1, 1),
        (5 * MIB - 1, 1),
        (5 * MIB, 1),
        (5 * MIB + 1, 2),
        (10 * MIB, 2),
        (10 * MIB + 1, 3),
    ];
    at_once(&rows, |&(length, parts)| {
        let store = Scripted::start(|_| {});
        let trial = Upload::new(&store, length).run().expect_uploaded();
        let summary = trial.ended.summary();
        assert_eq!(summary["bytes"], length, "{summary}");
        assert_eq!(summary["parts"], parts, "{summary}");
    });
}

/// F9 | 5 GiB, 10,000 parts, each less and more by one byte, 5 TiB | sparse, planned | as S3 takes
#[test]
fn f9_sizes_too_large_to_send() {
    const GIB: u64 = 1 << 30;
    let parts_of_5_mib = 10_000 * 5 * MIB as u64;
    let at_5_gib = ["--part-size", "5GiB", "--multipart-threshold", "5GiB"];
    // Size, arguments, parts, bytes of each.
    let rows: [(u64, &[&str], u64, u64); 9] = [
        (5 * GIB - 1, &at_5_gib, 1, 5 * GIB),
        (5 * GIB, &at_5_gib, 1, 5 * GIB),
        (5 * GIB + 1, &at_5_gib, 2, 5 * GIB),
        (5 * GIB + 1, &[], 321, 16 << 20),
        (parts_of_5_mib - 1, &IN_PARTS, 10_000, 5 << 20),
        (parts_of_5_mib, &IN_PARTS, 10_000, 5 << 20),
        (parts_of_5_mib + 1, &IN_PARTS, 8_334, 6 << 20),
        (5 << 40, &[], 9_987, 525 << 20),
        (15 << 40, &[], 10_000, 1573 << 20),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.bin");
    for (size, args, parts, part_size) in rows {
        File::create(&path).unwrap().set_len(size).unwrap();
        for command in [&["plan"][..], &["cp", "--dry-run"]] {
            let ended = Curlift::new().args(command).args(&["--json"]).args(args).arg(&path);
            let ended = ended.arg(DESTINATION).run().expect_code(0);
            let plan: serde_json::Value = serde_json::from_str(ended.stdout.trim()).unwrap();
            let planned = |name: &str| plan[name].as_u64().unwrap();
            assert_eq!(planned("bytes"), size, "{plan}");
            let found = [planned("parts"), planned("part_size")];
            // What is sent in one request has no part size of its own.
            let expected = if plan["multipart"] == true { part_size } else { size };
            assert_eq!(found, [parts, expected], "{size} bytes: {plan}");
            assert_eq!(planned("part_size_last"), size - (parts - 1) * found[1], "{plan}");
        }
    }
}

/// F11 | a pipe, device, folder, socket, `/proc` file, symlinks | `mkfifo`, `ln -s` | code 5, in
/// words
#[test]
fn f11_what_is_no_regular_file() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(path("pipe")).status();
    assert!(made.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
    symlink("loop", path("loop")).unwrap();
    symlink("nowhere", path("dangling")).unwrap();
    symlink("pipe", path("to-pipe")).unwrap();
    symlink("/dev/zero", path("to-device")).unwrap();
    let rows = [
        (path("pipe"), 5, "named pipe"),
        (path("to-pipe"), 5, "named pipe"),
        (path("socket"), 5, "a socket"),
        (path("loop"), 5, "symbolic links"),
        (path("dangling"), 5, "No such file"),
        (path("to-device"), 5, "a device"),
        ("/dev/null".into(), 5, "a device"),
        ("/proc/version".into(), 5, "no size"),
        ("/proc/self/mem".into(), 5, "/proc/self/mem"),
        (folder.path().to_owned(), 2, "directories"),
    ];
    let store = Scripted::start(|_| {});
    for (path, code, words) in rows {
        let ended = store.cp().arg(&path).arg(DESTINATION).run().expect_code(code);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
        assert_eq!(ended.summary()["outcome"], "failed", "{}", ended.stdout);
    }
    assert_eq!(store.requests().len(), 0, "something was sent");
    // A link that was named leads where its owner wants it to.
    fs::write(path("outside"), "text").unwrap();
    symlink(path("outside"), path("to-file")).unwrap();
    store.cp().arg(path("to-file")).arg(DESTINATION).run().expect_code(0);
    assert_eq!(store.shelf().objects[KEY].bytes, b"text");
}

/// F14 | names that programs stumble over | a list of them | the key exact, or refused in words
#[test]
fn f14_naughty_names() {
    let long = [&"x".repeat(255), &"\u{e9}".repeat(127)];
    let names = [
        "a b",
        " a",
        "a ",
        "a\tb",
        "\u{fc}",
        "e\u{301}",
        "\u{202e}gpj.exe",
        "\u{1f642}",
        "#?%+&=;",
        "%2e%2e",
        "%00",
        "...",
        "..a",
        "-rf",
        "--help",
        "--",
        "~",
        "$(id)",
        "`id`",
        "a:b",
        "s3:",
        "'\"",
        "\\",
        "*",
        "[a]",
        "{a,b}",
        "\u{7f}",
        "\u{1b}[2J",
        "\u{1}",
        "a|b",
        "<a>&amp;",
        long[0],
        long[1],
    ];
    let store = Scripted::start(|_| {});
    for name in names {
        let ended = upload_named(&store, OsStr::new(name)).expect_code(0);
        let key = format!("folder/{name}");
        let object = store.shelf().objects.remove(&key);
        assert!(object.is_some_and(|object| object.bytes == b"text"), "{name:?} is not stored");
        expect_harmless(&ended);
    }
    assert!(store.shelf().objects.is_empty(), "other keys: {:?}", store.shelf().objects.keys());
    let sent = store.requests().len();
    let no_key: [&[u8]; 4] = [b"a\nb", b"a\rb", b"\xff\xfe", b"a\xc3"];
    for name in no_key {
        let ended = upload_named(&store, OsStr::from_bytes(name)).expect_code(2);
        let says = |words| ended.stderr.contains(words);
        assert!(says("the key") || says("file name in UTF-8"), "{}", ended.stderr);
        expect_harmless(&ended);
    }
    assert_eq!(store.requests().len(), sent, "something was sent");
}

/// Uploads a file of that name, typed as such, to a prefix.
fn upload_named(store: &Scripted, name: &OsStr) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), "text").unwrap();
    let at_folder = ["env".into(), "-C".into(), folder.path().to_str().unwrap().to_owned()];
    let program = Curlift::under(&at_folder).store(&store.store).args(&["cp", "-vv", "--"]);
    program.arg(name).arg("s3://lab/folder/").run()
}

/// No name drives a terminal or begins a line of its own.
fn expect_harmless(ended: &Ended) {
    let told = format!("{}{}", ended.stdout, ended.stderr);
    let strange = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!told.contains(strange), "{told:?}");
}
