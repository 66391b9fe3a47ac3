//! Why an upload fails, as it becomes clear: told once on stderr and once as an event, and counted
//! in the summary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::local_lab::Lab;
use super::support::{Curlift, Ended, Store, write_file};
use super::{DESTINATION, IN_PARTS, SIZE};

/// The events of `--json` that tell a cause.
fn diagnoses(ended: &Ended) -> Vec<Value> {
    let events = ended.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["event"] == "diagnosis").collect()
}

/// Fails unless one of `causes`, and nothing else, was told: once, with its reason and advice, on
/// stderr too, and counted. Gives its event.
fn expect_told(ended: &Ended, causes: &[&str]) -> Value {
    let told = diagnoses(ended);
    let [event] = &told[..] else { panic!("{told:?}\n{}", ended.stderr) };
    let cause = event["cause"].as_str().expect("a name");
    assert!(causes.contains(&cause), "{event}");
    for field in ["because", "advice"] {
        let text = event[field].as_str().expect("a text");
        assert!(!text.is_empty() && ended.stderr.contains(text), "{text:?}\n{}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("note: ").count(), 1, "{}", ended.stderr);
    let summary = ended.summary();
    let counted = summary["diagnoses"].as_array().expect("a list");
    assert_eq!(counted.len(), 1, "{summary}");
    assert_eq!(counted[0]["cause"], cause, "{summary}");
    assert!(counted[0]["count"].as_u64() >= Some(1), "{summary}");
    event.clone()
}

/// Uploads a file of `length` bytes under a fault.
fn under(fault: &str, length: usize) -> Ended {
    let lab = Lab::start(&[fault]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", length);
    lab.cp().arg(file).arg(DESTINATION).run()
}

/// Uploads a file of `length` bytes to a store at `url`, in three attempts at most.
fn to(url: &str, length: usize, flags: &[&str]) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", length);
    let store = Store {
        url: url.into(),
        access_key: "any".into(),
        secret_key: "any".into(),
        region: "us-east-1".into(),
        ca: None,
    };
    let program = Curlift::new().store(&store).args(&["cp", "--json", "--retry", "3"]);
    program.args(&IN_PARTS).args(flags).arg(file).arg(DESTINATION).run()
}

#[test]
fn a_total_timeout_that_no_part_can_meet_is_named() {
    let lab = Lab::start(&["UploadPart always slow 1MiB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let flags = ["--curl", "TIMEOUT_MS=400", "--retry", "2"];
    let ended = lab.cp().args(&flags).arg(file).arg(DESTINATION).run();
    assert_eq!(ended.code, Some(6), "{}", ended.stderr);
    let told = expect_told_first(&ended, "timeout_too_short");
    assert!(told["because"].as_str().unwrap_or_default().contains("of 5.0 MiB"), "{told}");
}

/// The first event of a cause; there may be others.
fn expect_told_first(ended: &Ended, cause: &str) -> Value {
    let told = diagnoses(ended);
    let found = told.iter().find(|event| event["cause"] == cause);
    found.unwrap_or_else(|| panic!("{told:?}\n{}", ended.stderr)).clone()
}

/// Listens, and plays `script` on each connection, numbered from 0; ends with the test program.
fn listen(script: impl Fn(usize, TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for (number, connection) in listener.incoming().flatten().enumerate() {
            script(number, connection);
        }
    });
    address.to_string()
}

#[test]
fn a_run_without_faults_has_nothing_to_diagnose() {
    let ended = under("* #99 reset", SIZE).expect_code(0);
    assert_eq!(diagnoses(&ended), Vec::<Value>::new());
    assert_eq!(ended.summary()["diagnoses"], serde_json::json!([]));
    assert_eq!(ended.summary()["resent_by_libcurl"], 0);
}

#[test]
fn resets_that_pass_are_no_cause() {
    let ended = under("UploadPart first 3 reset after 64KiB", SIZE).expect_code(0);
    assert_eq!(diagnoses(&ended), Vec::<Value>::new());
}

#[test]
fn uploads_that_are_always_cut() {
    let ended = under("UploadPart always reset after 2MiB", SIZE).expect_code(6);
    // Over loopback a whole part may lie in the kernel's buffers when the reset comes.
    let event = expect_told(&ended, &["every_upload_reset", "body_size_limit"]);
    let advice = event["advice"].as_str().expect("a text");
    assert!(ended.stderr.contains(&format!("hint: {advice}")), "{}", ended.stderr);
}

#[test]
fn a_store_that_throttles() {
    let ended = under("UploadPart first 4 status 503 SlowDown", SIZE).expect_code(0);
    let event = expect_told(&ended, &["throttled"]);
    assert!(event["because"].as_str().is_some_and(|text| text.contains("SlowDown")), "{event}");
    assert!(event["advice"].as_str().is_some_and(|text| text.contains("--concurrency")), "{event}");
}

#[test]
fn a_clock_that_differs() {
    let ended = under("* always skew 20m", SIZE).expect_code(0);
    let told = diagnoses(&ended);
    let [event] = &told[..] else { panic!("{told:?}\n{}", ended.stderr) };
    assert_eq!(event["cause"], "clock_skew", "{event}");
    // The signer's own notice tells it to people, with the difference.
    assert_eq!(ended.stderr.matches("timedatectl").count(), 1, "{}", ended.stderr);
}

#[test]
fn an_authority_that_nobody_here_knows() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1_000);
    // The shell drops what would make the lab's own certificate known.
    let script = "unset AWS_CA_BUNDLE; exec \"$0\" cp --json \"$1\" s3://lab/key.bin";
    let lab = Curlift::new().args(&["lab", "--tls", "--", "sh", "-c", script]);
    let ended = lab.arg(env!("CARGO_BIN_EXE_curlift")).arg(file).run();
    let told = diagnoses(&ended);
    let [event] = &told[..] else { panic!("{told:?}\n{}", ended.stderr) };
    assert_eq!(event["cause"], "tls_unknown_issuer", "{event}");
    assert!(event["advice"].as_str().is_some_and(|text| text.contains("--ca-bundle")), "{event}");
}

#[test]
fn a_port_where_nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    let ended = to(&format!("http://{address}"), SIZE, &[]).expect_code(6);
    expect_told(&ended, &["connection_refused"]);
}

#[test]
fn a_server_that_speaks_something_else() {
    // A client that has gone does not matter.
    let address =
        listen(|_, mut connection| drop(connection.write_all(b"SSH-2.0-OpenSSH_9.2\r\n")));
    let ended = to(&format!("http://{address}"), SIZE, &[]).expect_code(6);
    expect_told(&ended, &["not_a_store"]);
    let ended = to(&format!("https://{address}"), SIZE, &[]).expect_code(6);
    expect_told(&ended, &["tls_not_spoken"]);
}

/// What a firewall does that forgot a connection: it answers the next packet with a reset.
#[test]
fn a_connection_that_is_dead_after_a_rest() {
    let address = listen(|number, connection| {
        let mut connection = BufReader::new(connection);
        read_request(&mut connection);
        if number > 0 {
            let answer = "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n";
            return drop(connection.get_mut().write_all(answer.as_bytes()));
        }
        let answer = "HTTP/1.1 503 Slow Down\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n";
        connection.get_mut().write_all(answer.as_bytes()).expect("the client listens");
        // The second request: its first line, then a reset with the rest of it unread.
        connection.read_exact(&mut [0; 4]).expect("the client comes back");
        let linger = Some(Duration::ZERO);
        socket2::SockRef::from(connection.get_ref()).set_linger(linger).expect("it is open");
    });
    let ended = to(&format!("http://{address}"), 1_000, &[]).expect_code(0);
    let event = expect_told(&ended, &["idle_connection_closed"]);
    assert!(event["because"].as_str().is_some_and(|text| text.contains("for 2.")), "{event}");
}

/// Reads one request and throws it away.
fn read_request(connection: &mut BufReader<TcpStream>) {
    let mut length = 0;
    for line in connection.by_ref().lines() {
        let line = line.expect("the client sends text");
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
            length = value.parse().expect("a number");
        }
        if line.is_empty() {
            break;
        }
    }
    connection.read_exact(&mut vec![0; length]).expect("the client sends it all");
}
