//! The ways to set an option: in the config file, in a profile of it, on the command line. Each
//! leads to the same bytes on the wire, for each kind of value; what cannot be set is told before
//! anything is sent; what is secret is told to the other side alone.

use std::fs;
use std::path::Path;

use super::certificates::{Authority, blob};
use super::local_lab::Lab;
use super::server::{STORED, Server};
use super::support::Store;
use super::tls::plain;
use super::upload::{CONFIGURATION, Upload};
use super::{DESTINATION, at_once};

/// A kind of value, as the config file and as the command line has it.
type Row = (&'static str, &'static str, &'static [&'static str]);

const KINDS: &[Row] = &[
    ("long", "HAPROXYPROTOCOL = 1", &["HAPROXYPROTOCOL=1"]),
    ("long, a switch", "HAPROXYPROTOCOL = true", &["CURLOPT_HAPROXYPROTOCOL=on"]),
    ("values", "HTTP_VERSION = \"1.0\"", &["HTTP_VERSION=1.0"]),
    ("values, a constant", "HTTP_VERSION = \"CURL_HTTP_VERSION_1_0\"", &["http_version=1"]),
    ("off_t", "MAXFILESIZE_LARGE = 512", &["MAXFILESIZE_LARGE=512"]),
    ("off_t, a size", "MAXFILESIZE_LARGE = \"1KB\"", &["MAXFILESIZE_LARGE=1000"]),
    ("string", "USERAGENT = \"Prüfung = \\\"1\\\"\"", &["USERAGENT=Prüfung = \"1\""]),
    ("list", "HTTPHEADER = [\"X-A: 1\", \"X-B: 2\"]", &["HTTPHEADER=X-A: 1", "HTTPHEADER=X-B: 2"]),
];

/// All that an upload sends, and whether its answer was too long for it.
fn seen(upload: impl FnOnce(Upload) -> Upload) -> (Vec<String>, bool) {
    let server = Server::start(|connection| {
        while let Some(seen) = connection.request() {
            let is_put = seen.head.contains("PUT ");
            connection.answer(STORED, &"\n".repeat(if is_put { 2_000 } else { 0 }));
        }
    });
    let ended = upload(Upload::to(server.url())).run();
    let here = server.address.port().to_string();
    let heads = server.requests().into_iter().map(|seen| {
        let there = seen.from.unwrap().port().to_string();
        seen.head.replace(&here, "HERE").replace(&there, "THERE")
    });
    (heads.collect(), ended.stderr.contains("Maximum file size exceeded"))
}

#[test]
fn every_way_to_set_an_option_leads_to_the_same_bytes() {
    at_once(KINDS, |(kind, toml, options)| {
        let none = seen(|upload| upload);
        let file = seen(|upload| upload.configured(&format!("[curl]\n{toml}\n")));
        let profile = format!("options_profile = \"mine\"\n[profile.mine.curl]\n{toml}\n");
        let profile = seen(|upload| upload.configured(&profile));
        let flags = seen(|upload| upload.with(options));
        assert_eq!(file, flags, "{kind}");
        assert_eq!(profile, flags, "{kind}");
        assert_ne!(none, flags, "{kind} did nothing");
        // What is typed goes over what is written.
        let both = seen(|upload| upload.configured(&format!("[curl]\n{toml}\n")).with(UNDONE));
        assert_eq!(both, none, "{kind} is not undone");
    });
}

/// What each of [`KINDS`] is without it.
const UNDONE: &[&str] = &[
    "HAPROXYPROTOCOL=0",
    "HTTP_VERSION=1.1",
    "MAXFILESIZE_LARGE=0",
    concat!("USERAGENT=curlift/", env!("CARGO_PKG_VERSION")),
    "HTTPHEADER=Expect:",
];

#[test]
fn bytes_are_taken_over_in_every_way() {
    let authority = Authority::new("known");
    let server = plain(&authority.identity("127.0.0.1"));
    let (pem, encoded) = (authority.pem(), blob(authority.pem()));
    let upload = || Upload::to(format!("https://{}", server.address));
    upload().expect_failed("certificate");
    for given in [&pem, &encoded] {
        // In TOML a text of several lines stands between three quotes.
        let toml = format!("CAINFO_BLOB = \"\"\"{given}\"\"\"\n");
        upload().configured(&format!("[curl]\n{toml}")).expect_stored();
        let profile = format!("options_profile = \"mine\"\n[profile.mine.curl]\n{toml}");
        upload().configured(&profile).expect_stored();
        upload().with(&[format!("CAINFO_BLOB={given}")]).expect_stored();
    }
}

#[test]
fn options_of_the_multi_handle_are_set_in_both_ways() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let connections = |config: &str, options: &[&str]| {
        let (file, _) = super::support::write_file(folder.path(), "parts.bin", 20 << 20);
        let path = folder.path().join("config.toml");
        fs::write(&path, config).unwrap();
        let program = lab.cp().env("CURLIFT_CONFIG", path).args(&["--concurrency", "4"]);
        let program = options.iter().fold(program, |program, set| program.args(&["--curl", set]));
        let ended = program.arg(file).arg(DESTINATION).run().expect_code(0);
        ended.summary()["connections"].as_u64().unwrap()
    };
    assert!(connections("", &[]) > 1);
    assert_eq!(connections("[curlm]\nMAX_TOTAL_CONNECTIONS = 1\n", &[]), 1);
    assert_eq!(connections("", &["MAX_TOTAL_CONNECTIONS=1"]), 1);
}

#[cfg(feature = "vendored")]
#[test]
fn what_libcurl_was_built_without_is_told_before_anything_is_sent() {
    let server = Server::obliging();
    for option in ["DNS_SERVERS", "DNS_INTERFACE", "DNS_LOCAL_IP4", "DNS_LOCAL_IP6"] {
        let file = format!("[curl]\n{option} = \"127.0.0.1\"\n");
        let flag = format!("{option}=127.0.0.1");
        let ways =
            [Upload::to(server.url()).configured(&file), Upload::to(server.url()).with(&[flag])];
        for upload in ways {
            let ended = upload.run().expect_code(CONFIGURATION);
            assert!(ended.stderr.contains(option), "{}", ended.stderr);
        }
    }
    assert_eq!(server.accepted(), 0);
    Upload::to(server.url()).expect_stored();
}

/// Fields of the user's own, one of them S3's.
const FIELDS: [&str; 3] =
    ["HTTPHEADER=X-Team: data", "HTTPHEADER=X-Run: 7", "HTTPHEADER=x-amz-request-payer: requester"];

#[test]
fn fields_of_the_users_own_are_signed() {
    // The lab checks signatures by another implementation than ours.
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (file, content) = super::support::write_file(folder.path(), "file.bin", 6 << 20);
    let set = |program: super::support::Curlift, field: &&str| program.args(&["--curl", field]);
    let program = FIELDS.iter().fold(lab.cp(), set);
    program.arg(file).arg(DESTINATION).run().expect_code(0);
    super::support::expect_same(&lab.store.get(super::BUCKET, super::KEY), &content);
    let signed = |options: &[&str]| {
        let server = Server::obliging();
        let store = Store { url: server.url(), ..lab.store.clone() };
        let environment = store.environment().into_iter();
        let upload = Upload::signed(server.url()).with(options);
        let upload = environment.fold(upload, |upload, (name, value)| upload.env(name, value));
        upload.expect_stored();
        let seen = server.first();
        let (_, rest) = seen.field("authorization").unwrap().split_once("SignedHeaders=").unwrap();
        let names = rest.split(',').next().unwrap().split(';').map(str::to_owned);
        (names.collect::<Vec<_>>(), seen.field("x-team").map(str::to_owned))
    };
    let names = ["x-team", "x-run", "x-amz-request-payer"];
    let (without, team) = signed(&[]);
    assert!(names.iter().all(|name| !without.contains(&(*name).to_owned())) && team.is_none());
    let (with, team) = signed(&FIELDS);
    assert!(names.iter().all(|name| with.contains(&(*name).to_owned())), "{with:?}");
    assert_eq!(team.as_deref(), Some("data"));
}

#[test]
fn a_secret_of_the_config_file_is_told_to_the_proxy_alone() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let secret = "hush-hush-word";
    let proxy = Server::obliging();
    let config = format!(
        "[curl]\nPROXY = \"http://{}\"\nPROXYUSERPWD = \"someone:{secret}\"\n\
         COOKIE = \"token={secret}\"\nHTTPHEADER = [\"X-Key: {secret}\"]\n",
        proxy.address
    );
    let encoded = BASE64_STANDARD.encode(format!("someone:{secret}"));
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log.txt");
    let is_secret = |text: &str| text.contains(secret) || text.contains(&encoded);
    let run = |url: &str, log: &Path| {
        let upload = Upload::to(url).configured(&config);
        let ended = upload.flags(&["-vv", "--log-file", log.to_str().unwrap()]).run();
        assert!(!is_secret(&ended.stdout), "{}", ended.stdout);
        assert!(!is_secret(&ended.stderr), "{}", ended.stderr);
        let logged = fs::read_to_string(log).unwrap();
        assert!(!logged.is_empty() && !is_secret(&logged), "{logged}");
        ended.code
    };
    assert_eq!(run("http://s3.test", &log), Some(0));
    let seen = proxy.first();
    assert_eq!(seen.field("proxy-authorization"), Some(&*format!("Basic {encoded}")));
    assert_eq!((seen.field("x-key"), is_secret(&seen.head)), (Some(secret), true));
    // Nor where it fails: the proxy has no tunnel to this store.
    assert_ne!(run("https://s3.test", &log), Some(0));
}
