//! What `curlift options export` prints, run: the curl command line by bash, the script by PycURL.
//! A recorder, and in its other role as a proxy, sees whether they send what `curlift cp` sends with
//! the same options; the lab, whether it is a valid upload.

mod names;
mod recorder;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use self::recorder::{Recorder, Request};
use super::local_lab::Lab;
use super::support::{Curlift, Ended, Store, expect_same, write_file};
use super::{BUCKET, KEY, MIB};

/// More than what libcurl asks `100-continue` for.
const LENGTH: usize = 2 * MIB;

const SECRETS: [(&str, &str); 2] =
    [("CURLIFT_HTTPHEADER_X_TEAM", "data hush"), ("CURLIFT_PROXY", "http://me:hush@")];

fn export(args: &[&str]) -> Ended {
    let ended = Curlift::new().args(&["options", "export", "--to"]).args(args).run();
    let ended = ended.expect_code(0);
    assert!(!ended.stdout.contains("hush"), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    ended
}

/// The Python with PycURL that `scripts/pycurl-python` installs.
pub(super) fn python() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into()));
    let python = target.join("venv-pycurl/bin/python");
    let ran = Command::new(&python).args(["-c", "import pycurl"]).output();
    let works = ran.is_ok_and(|ran| ran.status.success());
    assert!(works, "{}: no PycURL; install it with scripts/pycurl-python", python.display());
    python
}

/// The version of the curl that is installed, as `--for-version` takes it.
fn curl_version() -> String {
    let ran = Command::new("curl").arg("--version").output().expect("curl is installed");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    text.split_whitespace().nth(1).expect("its version").to_owned()
}

/// Runs a program that was exported, with nothing of the machine's settings in reach.
fn run(
    program: impl AsRef<std::ffi::OsStr>,
    args: &[&str],
    environment: &[(&str, &str)],
) -> Output {
    let home = tempfile::tempdir().expect("a folder can be made");
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", home.path()).envs(environment.iter().copied()).args(args);
    command.output().expect("the program is installed")
}

fn expect_success(what: &str, ran: &Output) {
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{what}: {}\n{said}", ran.status);
}

/// A file to send, and all three ways to send it.
struct Scene {
    folder: tempfile::TempDir,
    file: PathBuf,
    content: Vec<u8>,
    options: Vec<String>,
}

impl Scene {
    fn new(options: &[&str]) -> Scene {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, content) = write_file(folder.path(), "source file's.bin", LENGTH);
        let options = options.iter().flat_map(|set| ["--curl", set]).map(str::to_owned).collect();
        Scene { folder, file, content, options }
    }

    fn exported(&self, args: &[&str]) -> String {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        export(&[args, &options].concat()).stdout
    }

    /// The curl command line, run by bash; it is told the URL by `$URL` where `url` is a key.
    fn curl(&self, args: &[&str], url: &str, environment: &[(&str, &str)]) -> Output {
        let file = self.file.to_str().expect("it is text");
        let version = curl_version();
        let line = ["curl", "--for-version", &version, "--url", url, file];
        let line = self.exported(&[&line, args].concat());
        assert!(!line.contains("X-Amz-Signature"), "{line}");
        run("bash", &["-c", &line], environment)
    }

    /// The script, run by Python.
    fn pycurl(&self, args: &[&str], url: &str, environment: &[(&str, &str)]) -> Output {
        let script = self.folder.path().join("upload.py");
        let text = self.exported(&[&["pycurl"], args].concat());
        std::fs::write(&script, text).expect("it can be written");
        let (script, file) = (script.to_str().expect("text"), self.file.to_str().expect("text"));
        run(python(), &["-W", "error", script, file, url], environment)
    }

    /// `curlift cp` of the same file with the same options, its payload as it is.
    fn cp(&self, store: &Store) -> Ended {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let cp = Curlift::new().store(store).args(&["cp", "--checksum-algorithm", "none"]);
        cp.args(&options).arg(&self.file).arg(super::DESTINATION).run().expect_code(0)
    }
}

/// What all three must agree on.
fn expect_alike(what: &str, seen: &Request, ours: &Request, scene: &Scene) {
    assert_eq!(seen.line(), ours.line(), "{what}");
    let names = ["host", "user-agent", "x-team", "expect", "proxy-authorization", "accept"];
    for name in names {
        assert_eq!(seen.header(name), ours.header(name), "{what}: {name}\n{}", seen.head);
    }
    assert_eq!(seen.header("content-length"), Some(LENGTH.to_string().as_str()), "{what}");
    expect_same(&seen.body, &scene.content);
    let (seen, ours) = (seen.keepalive.expect("it is on"), ours.keepalive.expect("it is on"));
    assert!(seen.abs_diff(ours) < 10, "{what}: keep-alive after {seen} s, and after {ours} s");
}

const OPTIONS: [&str; 7] = [
    "HTTPHEADER=X-Team: data hush",
    "HTTPHEADER=Accept:",
    "USERAGENT=lifter/7 \"$HOME\"",
    "TCP_KEEPIDLE=77",
    "TCP_KEEPINTVL=77",
    "TCP_KEEPCNT=3",
    "RESOLVE=elsewhere.test:80:127.0.0.1",
];

#[test]
fn both_send_what_curlift_sends() {
    let scene = Scene::new(&OPTIONS);
    let recorder = Recorder::start();
    let url = format!("{}/{BUCKET}/{KEY}", recorder.store().url);
    scene.cp(&recorder.store());
    let ours = recorder.next();
    assert_eq!(ours.line(), format!("PUT /{BUCKET}/{KEY} HTTP/1.1"));
    assert_eq!(ours.header("x-team"), Some("data hush"));
    assert_eq!(ours.header("user-agent"), Some("lifter/7 \"$HOME\""));
    assert_eq!((ours.header("expect"), ours.header("accept")), (None, None));
    let keepalive = ours.keepalive.expect("it is on");
    assert!((67..=77).contains(&keepalive), "{keepalive} is not 77 less what has passed");

    let curl = scene.curl(&["--no-sign-request"], &url, &SECRETS);
    expect_success("curl", &curl);
    expect_alike("curl", &recorder.next(), &ours, &scene);

    let pycurl = scene.pycurl(&["--no-sign-request"], &url, &SECRETS);
    expect_success("PycURL", &pycurl);
    expect_alike("PycURL", &recorder.next(), &ours, &scene);
}

/// Options of every form that curl 7.88 and an http server let pass.
const MANY: [&str; 38] = [
    "TIMEOUT_MS=59500",
    "CONNECTTIMEOUT=9",
    "LOW_SPEED_LIMIT=1KiB",
    "EXPECT_100_TIMEOUT_MS=1500",
    "HAPPY_EYEBALLS_TIMEOUT_MS=300",
    "TCP_NODELAY=0",
    "TCP_FASTOPEN=0",
    "INTERFACE=host!127.0.0.1",
    "MAX_SEND_SPEED_LARGE=500MiB",
    "MAXFILESIZE_LARGE=1MiB",
    "RESOLVE=elsewhere.test:80:127.0.0.1",
    "CONNECT_TO=elsewhere.test:80:127.0.0.1:1",
    "IPRESOLVE=v4",
    "LOCALPORT=20000",
    "LOCALPORTRANGE=9000",
    "REFERER=http://a/?b=c d",
    "COOKIE=a=hush",
    "ACCEPT_ENCODING=gzip",
    "NOPROXY=*",
    "SSLVERSION=TLSv1.2|max-TLSv1.3",
    "SSL_VERIFYPEER=0",
    "SSL_VERIFYHOST=0",
    "SSL_CIPHER_LIST=HIGH",
    "SSL_ENABLE_ALPN=0",
    "SSL_SESSIONID_CACHE=0",
    "SSL_OPTIONS=no-revoke",
    "CAPATH=/etc/ssl/certs",
    "CAINFO_BLOB=no certificate",
    "PROXYAUTH=basic|digest",
    "PROXYHEADER=X-P: hush",
    "PROXYUSERPWD=me:hush",
    "HAPROXYPROTOCOL=0",
    "DEFAULT_PROTOCOL=https",
    "FOLLOWLOCATION=1",
    "DNS_SHUFFLE_ADDRESSES=1",
    "MAXAGE_CONN=9",
    "CERTINFO=1",
    "MAX_TOTAL_CONNECTIONS=64",
];

#[test]
fn curl_and_pycurl_take_options_of_every_form() {
    let scene = Scene::new(&MANY);
    let recorder = Recorder::start();
    let url = format!("{}/{BUCKET}/{KEY}", recorder.store().url);
    let secrets = [
        ("CURLIFT_COOKIE", "a=hush"),
        ("CURLIFT_PROXYHEADER_X_P", "hush"),
        ("CURLIFT_PROXYUSERPWD", "me:hush"),
    ];
    scene.cp(&recorder.store());
    let ours = recorder.next();
    expect_success("curl", &scene.curl(&["--no-sign-request"], &url, &secrets));
    let curl = recorder.next();
    expect_success("PycURL", &scene.pycurl(&["--no-sign-request"], &url, &secrets));
    let pycurl = recorder.next();
    for (what, seen) in [("curl", curl), ("PycURL", pycurl)] {
        expect_alike(what, &seen, &ours, &scene);
        for name in ["referer", "cookie", "accept-encoding"] {
            assert_eq!(seen.header(name), ours.header(name), "{what}: {name}");
            assert!(seen.header(name).is_some(), "{what}: {name}");
        }
    }
}

#[test]
fn the_options_of_a_multi_handle_are_taken_as_well() {
    let scene = Scene::new(&["MAX_TOTAL_CONNECTIONS=64", "MAXCONNECTS=9", "RESOLVE_THREADS_MAX=3"]);
    let text = scene.exported(&["pycurl"]);
    assert!(text.contains("PycURL cannot set CURLMOPT_RESOLVE_THREADS_MAX"), "{text}");
    std::fs::write(scene.folder.path().join("upload.py"), text).expect("it can be written");
    let folder = scene.folder.path().to_str().expect("it is text");
    let call = "import pycurl, upload; upload.multi_options(pycurl.CurlMulti())";
    expect_success("PycURL", &run(python(), &["-c", call], &[("PYTHONPATH", folder)]));
}

#[test]
fn both_go_through_the_same_proxy() {
    let proxy = Recorder::start();
    let address = proxy.store().url.replace("http://", "");
    let with_password = format!("http://me:hush@{address}");
    let option = format!("PROXY={with_password}");
    let scene = Scene::new(&["HTTPHEADER=X-Team: data hush", &option]);
    let secrets = [SECRETS[0], ("CURLIFT_PROXY", with_password.as_str())];
    let elsewhere = Store { url: "http://elsewhere.test".into(), ..proxy.store() };
    scene.cp(&elsewhere);
    let ours = proxy.next();
    assert_eq!(ours.line(), format!("PUT http://elsewhere.test/{BUCKET}/{KEY} HTTP/1.1"));
    assert!(ours.header("proxy-authorization").is_some());

    let url = format!("http://elsewhere.test/{BUCKET}/{KEY}");
    expect_success("curl", &scene.curl(&["--no-sign-request"], &url, &secrets));
    expect_alike("curl", &proxy.next(), &ours, &scene);
    expect_success("PycURL", &scene.pycurl(&["--no-sign-request"], &url, &secrets));
    expect_alike("PycURL", &proxy.next(), &ours, &scene);
}

#[test]
fn both_sign_what_the_lab_accepts() {
    let lab = Lab::start(&[]);
    let scene = Scene::new(&[]);
    let keys = lab.store.environment();
    let keys: Vec<(&str, &str)> =
        keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for (what, key) in [("curl", "by curl.bin"), ("PycURL", "by pycurl.bin")] {
        let url = format!("{}/{BUCKET}/{}", lab.store.url, key.replace(' ', "%20"));
        let region = ["--region", lab.store.region.as_str()];
        let ran = match what {
            "curl" => scene.curl(&region, &url, &keys),
            _ => scene.pycurl(&region, &url, &keys),
        };
        expect_success(what, &ran);
        expect_same(&lab.store.get(BUCKET, key), &scene.content);
    }
    let url = format!("{}/{BUCKET}/{KEY}", lab.store.url);
    let old = ["--for-version", "7.88"];
    expect_success("for an older libcurl", &scene.pycurl(&old, &url, &keys));
    expect_same(&lab.store.get(BUCKET, KEY), &scene.content);
}

#[test]
fn a_presigned_url_is_sent_unsigned_and_not_repeated() {
    let recorder = Recorder::start();
    let url = format!("{}/b/k?X-Amz-Signature=hush&a=%20b", recorder.store().url);
    let scene = Scene::new(&[]);
    let environment =
        [("URL", url.as_str()), ("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
    expect_success("curl", &scene.curl(&[], &url, &environment));
    expect_success("PycURL", &scene.pycurl(&[], &url, &environment));
    for what in ["curl", "PycURL"] {
        let seen = recorder.next();
        assert_eq!(seen.line(), "PUT /b/k?X-Amz-Signature=hush&a=%20b HTTP/1.1", "{what}");
        assert_eq!(seen.header("authorization"), None, "{what}");
    }
}

#[test]
fn a_refusal_is_a_failure_of_both_with_the_stores_words() {
    let lab = Lab::start(&[]);
    let scene = Scene::new(&[]);
    let url = format!("{}/{BUCKET}/{KEY}", lab.store.url);
    let curl = scene.curl(&["--no-sign-request"], &url, &[]);
    let pycurl = scene.pycurl(&["--no-sign-request"], &url, &[]);
    for (what, ran) in [("curl", curl), ("PycURL", pycurl)] {
        assert!(!ran.status.success(), "{what}");
        let said = [ran.stdout, ran.stderr].concat();
        assert!(String::from_utf8_lossy(&said).contains("AccessDenied"), "{what}");
    }
}

#[test]
fn what_is_not_set_before_stops_the_command_line() {
    let scene = Scene::new(&["PROXY=http://me:hush@127.0.0.1:1"]);
    let line = scene.exported(&["curl"]);
    let ran = run("bash", &["-c", &line], &[]);
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(!ran.status.success() && said.contains("CURLIFT_PROXY"), "{said}");
}

#[test]
fn the_config_file_of_each_profile_sets_the_same_without_a_word() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let flags = |text: &str| {
        let lines = text.lines().filter(|line| line.starts_with("  --"));
        lines.map(str::to_owned).collect::<std::collections::BTreeSet<_>>()
    };
    for profile in ["default", "patient", "fast"] {
        let path = folder.path().join(format!("{profile}.toml"));
        let text = export(&["toml", "--options-profile", profile]).stdout;
        std::fs::write(&path, text).expect("it can be written");
        let path = path.to_str().expect("it is text");
        let from_file = export(&["curl", "--config", path]).stdout;
        let from_profile = export(&["curl", "--options-profile", profile]).stdout;
        assert_eq!(flags(&from_file), flags(&from_profile), "{profile}");

        let (file, _) = write_file(folder.path(), "x.bin", 10);
        let dry = ["plan", "--config", path, file.to_str().expect("text"), "s3://bucket/k"];
        let planned = Curlift::new().args(&dry).run().expect_code(0);
        assert_eq!(planned.stderr, "", "{profile}");
    }
}

#[test]
fn what_belongs_to_another_target_is_usage() {
    for args in [
        &["pycurl", "file.bin"][..],
        &["toml", "--url", "http://h/k"],
        &["toml", "--for-version", "8.0"],
        &["curl", "-"],
        &["curl", "--url", "s3://b/k"],
        &["curl", "--for-version", "7.1"],
        &["wget"],
    ] {
        Curlift::new().args(&["options", "export", "--to"]).args(args).run().expect_code(2);
    }
}

#[test]
fn json_is_one_object() {
    let ended = export(&["curl", "--json", "--curl", "PROXY=http://me:hush@p:1"]);
    let object: serde_json::Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    assert_eq!((&object["event"], &object["to"]), (&"export".into(), &"curl".into()));
    let text = object["text"].as_str().expect("a text");
    assert!(text.contains("\"$CURLIFT_PROXY\""), "{text}");
}
