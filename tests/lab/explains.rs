//! Faults that no retry can help: the exit code and the last lines say what it was and what to do,
//! and nothing is left behind.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::thread;

use super::local_lab::Lab;
use super::support::{Ended, Store, write_file};
use super::{BUCKET, DESTINATION, IN_PARTS, KEY, MIB, SIZE};

/// Holds a run that failed against its exit code, and its last words against `says`.
fn expect_explained(ended: Ended, code: i32, says: &[&str]) {
    let ended = ended.expect_code(code);
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "failed", "{summary}");
    assert_eq!(summary["failed"], 1, "{summary}");
    for text in [&["error: "], says].concat() {
        assert!(ended.stderr.contains(text), "{text:?} is not in:\n{}", ended.stderr);
    }
}

/// Uploads a file of `length` bytes to `destination` of a lab with this fault.
fn fail(fault: Option<&str>, length: usize, destination: &str) -> Ended {
    let lab = Lab::start(fault.as_slice());
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", length);
    let ended = lab.cp().arg(file).arg(destination).run();
    if fault.is_some_and(|rule| !rule.starts_with('*')) {
        assert_eq!(lab.unfinished(), 0, "uploads left behind");
    }
    ended
}

#[test]
fn access_denied_at_once() {
    let fault = Some("* always status 403 AccessDenied");
    for length in [1_000, SIZE] {
        let ended = fail(fault, length, DESTINATION);
        expect_explained(ended, 4, &["AccessDenied", "403", "lab/key.bin"]);
    }
}

#[test]
fn access_denied_for_one_part() {
    let lab = Lab::start(&["UploadPart part 2 status 403 AccessDenied"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let ended = lab.cp().args(&["-c", "1"]).arg(file).arg(DESTINATION).run();
    let left = ["1 of 3 parts", "go on with: curlift resume ", "free them with: "];
    let said = ["AccessDenied", "part 2 of ", "source.bin"];
    expect_explained(ended, 4, &[&said[..], &left].concat());
    assert_eq!(lab.unfinished(), 1, "what was named");
}

#[test]
fn a_bucket_that_is_not_there() {
    for length in [1_000, SIZE] {
        expect_explained(fail(None, length, "s3://no-such-bucket/key.bin"), 9, &["NoSuchBucket"]);
    }
}

#[test]
fn a_store_that_fails_for_good() {
    let lab = Lab::start(&["UploadPart always status 500 InternalError"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let program = lab.cp().args(&["--retry", "2"]).arg(file);
    let ended = program.arg(DESTINATION).run();
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    assert!(!lab.store.has(BUCKET, KEY));
    expect_explained(ended, 6, &["InternalError", "attempt 2 of 2"]);
}

/// A store at `port` that nobody made.
fn nobody_at(port: u16) -> Store {
    Store {
        url: format!("http://127.0.0.1:{port}"),
        access_key: "any".into(),
        secret_key: "any".into(),
        region: "us-east-1".into(),
        ca: None,
    }
}

fn upload_to(store: &Store, length: usize) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", length);
    let program = super::support::Curlift::new().store(store).args(&["cp", "--json"]);
    program.args(&IN_PARTS).args(&["--retry", "2"]).arg(file).arg(DESTINATION).run()
}

#[test]
fn an_endpoint_that_refuses_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    for length in [1_000, SIZE] {
        expect_explained(upload_to(&nobody_at(port), length), 6, &["127.0.0.1"]);
    }
}

#[test]
fn an_endpoint_that_does_not_speak_http() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    // Ends with the test program.
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let mut connection = connection;
            // A client that has gone does not matter.
            let _ = connection.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        }
    });
    for length in [1_000, SIZE] {
        expect_explained(upload_to(&nobody_at(port), length), 6, &["127.0.0.1"]);
    }
}

/// Changes a file while it is sent, by `change`; the message says `what`.
fn change_while_sent(change: impl FnOnce(&Path), what: &str) {
    let lab = Lab::start(&["UploadPart always slow 2MB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let running = lab.cp().arg(&file).arg(DESTINATION).start();
    lab.await_upload();
    change(&file);
    let ended = running.end();
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    assert!(!lab.store.has(BUCKET, KEY));
    expect_explained(ended, 5, &["source.bin", what]);
}

#[test]
fn a_file_that_shrinks_while_it_is_sent() {
    let shrink = |file: &Path| {
        let opened = OpenOptions::new().write(true).open(file).expect("it is there");
        opened.set_len(MIB as u64).expect("it can be cut");
    };
    change_while_sent(shrink, "shrank from 12,582,912 to 1,048,576 bytes");
}

#[test]
fn a_file_that_grows_while_it_is_sent() {
    let grow = |file: &Path| {
        let mut opened = OpenOptions::new().append(true).open(file).expect("it is there");
        opened.write_all(b"more").expect("it can be appended to");
    };
    change_while_sent(grow, "grew from 12,582,912 to 12,582,916 bytes");
}

#[test]
fn a_file_that_is_replaced_while_it_is_sent() {
    let replace = |file: &Path| {
        let (other, _) = write_file(file.parent().expect("it is in a folder"), "other", SIZE);
        std::fs::rename(other, file).expect("it can be moved");
    };
    change_while_sent(replace, "replaced");
}

#[test]
fn a_file_that_is_not_there() {
    let lab = Lab::start(&[]);
    let ended = lab.cp().arg("no/source.bin").arg(DESTINATION).run();
    let ended = ended.expect_code(5);
    assert!(ended.stderr.contains("no/source.bin"), "{}", ended.stderr);
}
