//! The sources of access keys hang, lie, or are broken.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::SMALL;
use super::at_once;
use super::oracle::{Trial, Upload};
use super::scripted::Scripted;

/// What may be told nowhere.
const SECRET: &str = "hunter2/hunter2+hunter2";

/// Runs an upload whose keys come from elsewhere than the environment, which has these variables.
fn without_keys(store: &Scripted, variables: &[&str], args: &[&str], seconds: u64) -> Trial {
    let mut under = vec!["env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY"];
    under.extend(variables);
    let trial = Upload::new(store, SMALL).under(&under).args(args).within(seconds).run();
    assert!(!trial.told().contains("hunter2"), "a secret was told: {}", trial.told());
    trial
}

/// Runs an upload whose keys a shell script prints.
fn with_script(store: &Scripted, script: &str, seconds: u64) -> Trial {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("give keys.sh");
    fs::write(&path, script).unwrap();
    let config = folder.path().join("config");
    fs::write(&config, format!("[default]\ncredential_process = sh \"{}\"\n", path.display()))
        .unwrap();
    let config = format!("AWS_CONFIG_FILE={}", config.display());
    without_keys(store, &[&config, "AWS_EC2_METADATA_DISABLED=true"], &["-vv"], seconds)
}

/// A line of shell that prints keys, and `more` beside them.
fn keys(more: &str) -> String {
    let secret = format!("\"SecretAccessKey\":\"{SECRET}\"");
    format!("echo '{{\"Version\":1,\"AccessKeyId\":\"AKIA\",{secret}{more}}}'")
}

/// E6 | `credential_process` prints 10 MB, nonsense, fails | shell scripts | code 4, in words, its
/// output never told
#[test]
fn e6_the_process_fails() {
    let rows = [
        (format!("yes {SECRET} | head -c 10000000"), "more than 64 KiB"),
        ("head -c 10000000 /dev/zero".into(), "more than 64 KiB"),
        (format!("echo {SECRET}; exit 1"), "exit status: 1"),
        (format!("{}; kill -9 $$", keys("")), "signal: 9"),
        (format!("echo '{{\"Version\":1,\"SecretAccessKey\":\"{SECRET}'"), "not JSON"),
        (format!("echo '[\"{SECRET}\"]'"), "\"Version\" is not 1"),
        (keys("").replace("AKIA", ""), "\"AccessKeyId\" is missing"),
        (keys(",\"Expiration\":\"hunter2\""), "\"Expiration\" is no time"),
        (String::new(), "not JSON"),
        (format!("{}; sleep 100 2>&- &", keys("")), "left its output open"),
    ];
    at_once(&rows, |(script, words)| {
        let store = Scripted::start(|_| {});
        let trial = with_script(&store, script, 20);
        trial.expect("failed", 4).expect_says(&["credentials from", words, "hint: "]);
        assert_eq!(store.requests().len(), 0);
    });
    with_script(&Scripted::start(|_| {}), &keys(""), 20).expect_uploaded();
}

/// E6 | `credential_process` hangs, ignores SIGTERM | shell scripts | ended after 60 s, code 4
#[test]
fn e6_the_process_hangs() {
    at_once(&["exec sleep 600", "trap '' TERM; exec sleep 600"], |script| {
        let store = Scripted::start(|_| {});
        let trial = with_script(&store, script, 75);
        assert!(trial.elapsed >= Duration::from_secs(55), "{:?}", trial.elapsed);
        trial.expect("failed", 4).expect_says(&["took longer than 60s and was ended"]);
        assert_eq!(store.requests().len(), 0);
    });
}

/// E6 | `credential_process` prints keys that have expired | shell script, scripted store | the
/// store judges, not our clock; asked once more, then code 4
#[test]
fn e6_the_process_prints_old_keys() {
    let store = Scripted::start(|turn| turn.refuse(400, "ExpiredToken"));
    let folder = tempfile::tempdir().unwrap();
    let count = folder.path().join("count");
    let old = format!(",\"SessionToken\":\"{SECRET}\",\"Expiration\":\"2020-01-01T00:00:00Z\"");
    let script = format!("echo x >> '{}'; {}", count.display(), keys(&old));
    let trial = with_script(&store, &script, 20).expect("failed", 4);
    trial.expect_says(&["ExpiredToken", "hint: "]);
    assert!(store.requests().len() <= 2, "{} requests", store.requests().len());
    assert!(fs::read_to_string(count).unwrap().lines().count() <= 2, "asked again and again");
}

/// A service that answers every connection with these bytes, one every `pause`, or never; and how
/// many connections came.
fn service(answer: &'static [u8], pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let variable =
        format!("AWS_EC2_METADATA_SERVICE_ENDPOINT=http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                for byte in answer {
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                    thread::sleep(pause);
                }
                if answer.is_empty() {
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                }
                let _ = stream.shutdown(Shutdown::Write);
            });
        }
    });
    (variable, connections)
}

/// E7 | the metadata service is silent, a web page, slow, gone | own server | given up in seconds
#[test]
fn e7_the_metadata_service_is_none() {
    const PAGE: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n<html>\x1b[2J hunter2, please log in</html>";
    let rows: [(&'static [u8], Duration); 4] = [
        (b"", Duration::ZERO),
        (PAGE, Duration::ZERO),
        (PAGE, Duration::from_secs(1)),
        (b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", Duration::ZERO),
    ];
    at_once(&rows, |&(answer, pause)| {
        let (variable, connections) = service(answer, pause);
        let store = Scripted::start(|_| {});
        let trial = without_keys(&store, &[&variable], &[], 15);
        let trial = trial.expect("failed", 4).expect_says(&["EC2 metadata service"]);
        assert!(!trial.told().contains('\u{1b}'), "{}", trial.told());
        assert_eq!(store.requests().len(), 0);
        assert!(connections.load(Ordering::Relaxed) > 0, "it was not asked");
    });
    let store = Scripted::start(|_| {});
    let nobody = "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:1";
    without_keys(&store, &[nobody], &[], 10).expect("failed", 4);
    // With keys at hand nobody asks it.
    let (variable, connections) = service(b"", Duration::ZERO);
    Upload::new(&store, SMALL).under(&["env", &variable]).run().expect_uploaded();
    assert_eq!(connections.load(Ordering::Relaxed), 0);
}

/// What stands at the path of a file of AWS tools.
enum At {
    Bytes(&'static [u8]),
    Folder,
    Pipe,
    Forbidden,
    Loop,
    Device,
}

impl At {
    fn make(&self, path: &Path) {
        match self {
            At::Bytes(bytes) => fs::write(path, bytes).unwrap(),
            At::Folder => fs::create_dir(path).unwrap(),
            At::Pipe => {
                let made = std::process::Command::new("mkfifo").arg(path).status();
                assert!(made.unwrap().success());
            }
            At::Forbidden => {
                fs::write(path, "[default]\n").unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(0o0)).unwrap();
            }
            At::Loop => std::os::unix::fs::symlink(path, path).unwrap(),
            At::Device => std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        }
    }
}

/// E8 | a broken, strange or forbidden config or credentials file | files of every kind | code 3
/// with file and line, no secret, no hang
#[test]
fn e8_broken_files() {
    let rows: [(At, &str); 17] = [
        (At::Bytes(b"[default]\n\naws_secret_access_key: hunter2\n"), ", line 3: "),
        (At::Bytes(b"aws_secret_access_key = hunter2"), ", line 1: "),
        (At::Bytes(b"[default]\n = hunter2\n"), ", line 2: "),
        (At::Bytes(b"[default]\nx = y\n[default\nz = hunter2\n"), ", line 3: "),
        (At::Bytes(b"[default]\n[]\n"), ", line 2: "),
        (At::Bytes(b"[default]\r\n\r\nhunter2\r\n"), ", line 3: "),
        (At::Bytes(b"\xef\xbb\xbf[default]\r\nhunter2\r\n"), ", line 2: "),
        (At::Bytes(b"[default]\na = b\nc = hunter2\xff\n"), ", line 3: "),
        (At::Bytes(b"\xff\xfe[\0d\0]\0\n\0h\0u\0n\0t\0e\0r\x002\0"), ", line 1: "),
        (At::Bytes(b"{\"SecretAccessKey\": \"hunter2\"}"), ", line 1: "),
        (At::Bytes(b"<html>hunter2</html>"), ", line 1: "),
        (At::Bytes(b"\0\0\0\0\0\0\0\0"), ", line 1: "),
        (At::Folder, "it is a directory"),
        (At::Pipe, "it is not a regular file"),
        (At::Forbidden, "Permission denied"),
        (At::Loop, "symbolic links"),
        (At::Device, "it is not a regular file"),
    ];
    at_once(&rows, |(at, words)| {
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("file");
            at.make(&path);
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let variable = format!("{variable}={}", path.display());
            let mut variables = vec![&*variable, "HOME=/nonexistent"];
            if matches!(at, At::Forbidden) && fs::metadata(&path).unwrap().uid() == 0 {
                // To root nothing is forbidden.
                variables.extend(["setpriv", "--bounding-set=-all", "--inh-caps=-all"]);
            }
            let store = Scripted::start(|_| {});
            let trial = without_keys(&store, &variables, &[], 10);
            let file = path.display().to_string();
            trial.expect("failed", 3).expect_says(&[&file, words, "hint: "]);
            assert_eq!(store.requests().len(), 0);
        }
    });
}

/// E8 | a byte order mark, CRLF, comments, blank lines, sections of others | files | understood
#[test]
fn e8_strange_files_that_are_right() {
    let files = [
        "\u{feff}[default]\r\naws_access_key_id = AKIA\r\naws_secret_access_key = hunter2\r\n",
        "# x\n; y\n\n[other]\n[default] # z\naws_access_key_id=AKIA\naws_secret_access_key=hunter2",
        "[default]\nAWS_ACCESS_KEY_ID = AKIA\n\tmore\naws_secret_access_key = hunter2 ; old\n",
    ];
    at_once(&files, |content| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, content).unwrap();
        let variable = format!("AWS_SHARED_CREDENTIALS_FILE={}", path.display());
        without_keys(&Scripted::start(|_| {}), &[&variable], &[], 20).expect_uploaded();
    });
}
