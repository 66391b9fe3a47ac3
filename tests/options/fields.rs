//! What stands in the head of a request: fields that are added, changed and left out, and the
//! version of HTTP.

use std::fs;

use super::at_once;
use super::server::{Connection, STORED, Server};
use super::upload::Upload;

pub(crate) const PROVEN: &[&str] = &[
    "ACCEPT_ENCODING",
    "COOKIE",
    "COOKIEFILE",
    "COOKIEJAR",
    "COOKIELIST",
    "COOKIESESSION",
    "FOLLOWLOCATION",
    "HTTPAUTH",
    "HTTPHEADER",
    "HTTPSIG_ALGORITHM",
    "HTTPSIG_HEADERS",
    "HTTPSIG_KEY",
    "HTTPSIG_KEYID",
    "HTTP_VERSION",
    "KEEP_SENDING_ON_ERROR",
    "MAXFILESIZE",
    "MAXFILESIZE_LARGE",
    "MAXREDIRS",
    "NETRC",
    "NETRC_FILE",
    "PASSWORD",
    "REFERER",
    "UNRESTRICTED_AUTH",
    "USERAGENT",
    "USERNAME",
    "USERPWD",
    "XOAUTH2_BEARER",
];

/// A field, what it is with the options of the first list alone, and what with all of both.
type Row =
    (&'static [&'static str], &'static [&'static str], &'static str, [Option<&'static str>; 2]);

const OURS: Option<&str> = Some(concat!("curlift/", env!("CARGO_PKG_VERSION")));

/// `me:hush` and `me:` as RFC 7617 writes them.
const BASIC: Option<&str> = Some("Basic bWU6aHVzaA==");
const BASIC_NAME: Option<&str> = Some("Basic bWU6");

const FIELDS: &[Row] = &[
    (&[], &["USERAGENT=probe/9"], "user-agent", [OURS, Some("probe/9")]),
    (&[], &["USERAGENT="], "user-agent", [OURS, None]),
    (&[], &["REFERER=http://a.test/"], "referer", [None, Some("http://a.test/")]),
    (&[], &["ACCEPT_ENCODING=gzip"], "accept-encoding", [None, Some("gzip")]),
    (&[], &["COOKIE=a=b"], "cookie", [None, Some("a=b")]),
    (&[], &["COOKIELIST=Set-Cookie: c=d; domain=127.0.0.1; path=/"], "cookie", [None, Some("c=d")]),
    (&[], &["USERPWD=me:hush"], "authorization", [None, BASIC]),
    (&["USERNAME=me"], &["PASSWORD=hush"], "authorization", [BASIC_NAME, BASIC]),
    (&["PASSWORD=hush"], &["USERNAME=me"], "authorization", [Some("Basic Omh1c2g="), BASIC]),
    (&["HTTPAUTH=bearer"], &["XOAUTH2_BEARER=pass"], "authorization", [None, Some("Bearer pass")]),
    (&["XOAUTH2_BEARER=pass"], &["HTTPAUTH=bearer"], "authorization", [None, Some("Bearer pass")]),
    (&["USERPWD=me:hush"], &["HTTPAUTH=digest"], "authorization", [BASIC, None]),
    (&[], &["HTTPHEADER=X-Team: data"], "x-team", [None, Some("data")]),
    (&[], &["HTTPHEADER=X-Empty;"], "x-empty", [None, Some("")]),
    (&[], &["HTTPHEADER=Accept:"], "accept", [Some("*/*"), None]),
];

/// The first request of an upload with these options.
fn sent(options: &[&str]) -> super::server::Seen {
    let server = Server::obliging();
    Upload::to(server.url()).with(options).run();
    server.first()
}

#[test]
fn fields_are_as_the_options_say() {
    at_once(FIELDS, |(base, added, field, [before, after])| {
        let without = sent(base);
        assert_eq!(without.field(field), *before, "{base:?}: {}", without.head);
        let with = sent(&[*base, *added].concat());
        assert_eq!(with.field(field), *after, "{added:?}: {}", with.head);
    });
}

#[test]
fn names_and_passwords_come_from_a_netrc_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("netrc");
    fs::write(&file, "machine 127.0.0.1 login me password hush\n").unwrap();
    let named = format!("NETRC_FILE={}", file.display());
    let rows: [(&[&str], _); 4] = [
        (&[&named], None),
        (&[&named, "NETRC=optional"], BASIC),
        (&["NETRC=optional"], None),
        (&["NETRC=optional", &named], BASIC),
    ];
    for (options, expected) in rows {
        assert_eq!(sent(options).field("authorization"), expected, "{options:?}");
    }
}

/// The fields of a signature by RFC 9421: what is signed and how, and the signature.
fn signature(options: &[&str]) -> Option<(String, String)> {
    let seen = sent(options);
    let input = seen.field("signature-input")?.strip_prefix("sig1=")?.to_owned();
    let signed = seen.field("signature")?.strip_prefix("sig1=:")?.strip_suffix(':')?.to_owned();
    Some((input, signed))
}

#[test]
fn requests_are_signed_for_others_as_told() {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let (algorithm, name) = ("HTTPSIG_ALGORITHM=hmac-sha256", "HTTPSIG_KEYID=mine");
    let covered = "HTTPSIG_HEADERS=method";
    for key in ["00ff11ee", "22dd33cc44"] {
        let given = format!("HTTPSIG_KEY={key}");
        let (input, signed) = signature(&[algorithm, name, covered, &given]).unwrap();
        assert!(input.starts_with("(\"@method\");created="), "{input}");
        assert!(input.contains(";keyid=\"mine\"") && input.contains("hmac-sha256"), "{input}");
        let mut hmac = Hmac::<sha2::Sha256>::new_from_slice(&hex::decode(key).unwrap()).unwrap();
        hmac.update(format!("\"@method\": PUT\n\"@signature-params\": {input}").as_bytes());
        assert_eq!(BASE64_STANDARD.encode(hmac.finalize().into_bytes()), signed);
    }
    let long = format!("HTTPSIG_KEY={}", "5a".repeat(32));
    let other = ["HTTPSIG_ALGORITHM=ed25519", "HTTPSIG_KEYID=other", &long];
    let (input, signed) = signature(&other).unwrap();
    assert!(input.contains("\"@path\"") && input.contains(";keyid=\"other\""), "{input}");
    assert!(input.contains("ed25519") && signed.len() > 80, "{input} {signed}");
    assert_eq!(signature(&["HTTPSIG_KEYID=other", &long]), None, "for want of an algorithm");
}

#[test]
fn cookies_are_read_from_a_file_and_written_to_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, jar) = (folder.path().join("cookies"), folder.path().join("jar"));
    // One for good, and one of a session.
    let cookies = "127.0.0.1\tFALSE\t/\tFALSE\t4102444800\tkept\t1\n\
                   127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t2\n";
    fs::write(&file, cookies).unwrap();
    let from_file = format!("COOKIEFILE={}", file.display());
    let cookie = |options: &[&str]| {
        let mut parts: Vec<String> = Vec::new();
        let seen = sent(options);
        parts.extend(seen.field("cookie").unwrap_or_default().split("; ").map(str::to_owned));
        parts.sort();
        parts.join("; ")
    };
    assert_eq!(cookie(&[]), "");
    assert_eq!(cookie(&[&from_file]), "kept=1; session=2");
    assert_eq!(cookie(&[&from_file, "COOKIESESSION=1"]), "kept=1");
    assert!(!jar.exists());
    assert_eq!(cookie(&[&from_file, &format!("COOKIEJAR={}", jar.display())]), "kept=1; session=2");
    let written = fs::read_to_string(&jar).unwrap();
    assert!(written.contains("\tkept\t1"), "{written}");
}

#[test]
fn the_version_of_http_is_spoken() {
    assert_eq!(sent(&[]).line(), "PUT /bucket/key HTTP/1.1");
    assert_eq!(sent(&["HTTP_VERSION=1.0"]).line(), "PUT /bucket/key HTTP/1.0");
    // What HTTP/2 begins with (RFC 9113, section 3.4) is no head that ends there.
    let server = Server::start(|connection| {
        connection.request();
    });
    Upload::to(server.url()).with(&["HTTP_VERSION=2-prior-knowledge"]).run();
    assert_eq!(server.first().line(), "PRI * HTTP/2.0");
}

/// Answers every request with a redirect to a place at `host`, or at itself.
fn redirecting(host: Option<String>) -> Server {
    Server::start(move |connection| {
        while let Some(seen) = connection.request() {
            let host = host.as_deref().or(seen.field("host")).unwrap().to_owned();
            let status = "307 Temporary Redirect\r\nLocation: http://";
            connection.answer(&format!("{status}{host}/elsewhere"), "");
        }
    })
}

#[test]
fn redirects_are_followed_as_often_as_told() {
    let rows: [(&[&str], usize); 4] = [
        (&[], 1),
        (&["FOLLOWLOCATION=1"], 5),
        (&["FOLLOWLOCATION=1", "MAXREDIRS=1"], 2),
        (&["FOLLOWLOCATION=1", "MAXREDIRS=7"], 8),
    ];
    at_once(&rows, |(options, count)| {
        let server = redirecting(None);
        Upload::to(server.url()).with(options).run();
        // Behind them curlift asks what is stored.
        let is_put = |seen: &super::server::Seen| seen.line().starts_with("PUT ");
        let requests: Vec<_> = server.requests().into_iter().filter(is_put).collect();
        assert_eq!(requests.len(), *count, "{options:?}");
        assert!(requests[1..].iter().all(|seen| seen.line() == "PUT /elsewhere HTTP/1.1"));
        assert!(requests.iter().all(|seen| seen.body == requests[0].body), "whole each time");
    });
}

#[test]
fn passwords_go_to_other_hosts_where_that_is_wanted() {
    let rows = [("UNRESTRICTED_AUTH=0", None), ("UNRESTRICTED_AUTH=1", BASIC)];
    for (option, expected) in rows {
        let other = Server::obliging();
        let server = redirecting(Some(other.address.to_string()));
        let options = ["FOLLOWLOCATION=1", "USERPWD=me:hush", option];
        Upload::to(server.url()).with(&options).expect_stored();
        assert_eq!(server.first().field("authorization"), BASIC);
        assert_eq!(other.first().field("authorization"), expected, "{option}");
    }
}

#[test]
fn a_long_answer_is_refused() {
    for name in ["MAXFILESIZE", "MAXFILESIZE_LARGE"] {
        let answer = |connection: &mut Connection| {
            connection.request();
            connection.answer(STORED, &"x".repeat(1_000));
        };
        let is_refused = |most: usize| {
            let upload = Upload::to(Server::start(answer).url());
            let ended = upload.with(&[format!("{name}={most}")]).run();
            ended.stderr.contains("Maximum file size exceeded")
        };
        assert_eq!((is_refused(1_000), is_refused(999)), (false, true), "{name}");
    }
}

/// Bytes that go on after an answer that refuses them: more than what sockets hold.
#[test]
fn the_rest_of_a_refused_body_is_sent_where_that_is_wanted() {
    const LENGTH: usize = 48 << 20;
    let received = |option: &str| {
        let (tell, told) = std::sync::mpsc::channel();
        let server = Server::start(move |connection| {
            connection.head();
            let begun = connection.bytes(1_000).len() as u64;
            connection.answer("403 Forbidden", "");
            // What was under way by then arrives nevertheless.
            std::thread::sleep(std::time::Duration::from_millis(300));
            let _ = tell.send(begun + connection.drain());
        });
        Upload::to(server.url()).of(LENGTH).with(&[option]).run();
        told.recv().unwrap()
    };
    assert!(received("KEEP_SENDING_ON_ERROR=0") < LENGTH as u64);
    assert!(received("KEEP_SENDING_ON_ERROR=1") >= LENGTH as u64);
}
