//! Signature Version 4 against vectors from outside, each stage compared: what AWS publishes, and
//! what botocore computes for the odd keys and headers that AWS gives no example of. The vectors
//! are data files; each says where it comes from.

#![expect(clippy::unwrap_used, reason = "a vector that cannot be read is a failed test")]

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use chrono::NaiveDateTime;
use curlift::http::{Body, Headers, Method, Request, Scheme, Url};
use curlift::s3::sigv4::{self, Signer};
use curlift::s3::{Credentials, Secret};

/// The keys of AWS's examples.
const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// One vector: what is signed and what each stage must give.
struct Vector {
    name: String,
    at: SystemTime,
    signer: Signer,
    request: Request,
    canonical_request: String,
    string_to_sign: String,
    authorization: String,
}

#[test]
fn every_stage_of_every_vector() {
    let vectors = vectors();
    assert!(vectors.len() >= 20, "the vectors are where this test looks for them");
    assert_eq!(vectors.iter().filter(|vector| vector.name.starts_with("aws-")).count(), 4);
    for Vector {
        name,
        at,
        signer,
        mut request,
        canonical_request,
        string_to_sign,
        authorization,
    } in vectors
    {
        signer.sign(&mut request, at);
        assert_eq!(sigv4::canonical_request(&request), canonical_request, "{name}");
        assert_eq!(
            sigv4::string_to_sign(&canonical_request, at, &signer.region),
            string_to_sign,
            "{name}"
        );
        let key = sigv4::signing_key(&signer.credentials.secret_access_key, at, &signer.region);
        let (_, signature) = authorization.rsplit_once('=').expect("an authorization header");
        assert_eq!(sigv4::signature(&key, &string_to_sign), signature, "{name}");
        assert_eq!(request.headers.get("authorization"), Some(authorization.as_str()), "{name}");
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sigv4/vectors");
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            parse(&name, &fs::read_to_string(file).unwrap())
        })
        .collect()
}

/// A head of `name: value` lines, then sections that begin with `--- title`.
fn parse(name: &str, text: &str) -> Vector {
    let mut sections = text.trim_end_matches('\n').split("\n--- ");
    let head: Vec<(&str, &str)> =
        sections.next().unwrap().lines().map(|line| line.split_once(": ").unwrap()).collect();
    let setting = |wanted: &str| {
        head.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
    };
    let mut section = |wanted: &str| {
        let (title, text) = sections.next().unwrap().split_once('\n').unwrap();
        assert_eq!(title, wanted, "{name}");
        text.to_owned()
    };
    let time = NaiveDateTime::parse_from_str(&setting("time").unwrap(), "%Y%m%dT%H%M%SZ").unwrap();
    Vector {
        name: name.to_owned(),
        at: time.and_utc().into(),
        signer: Signer {
            credentials: Credentials {
                access_key_id: ACCESS_KEY_ID.into(),
                secret_access_key: Secret::new(SECRET_ACCESS_KEY),
                session_token: setting("session-token").map(Secret::new),
                expires_at: None,
            },
            region: setting("region").unwrap(),
        },
        request: parse_request(&section("request")),
        canonical_request: section("canonical request"),
        string_to_sign: section("string to sign"),
        authorization: section("authorization"),
    }
}

/// `METHOD https://authority/path?query`, then header lines; the body is known by its hash alone.
fn parse_request(text: &str) -> Request {
    let mut lines = text.split('\n');
    let (method, url) = lines.next().unwrap().split_once(' ').unwrap();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let (authority, path) = path.strip_prefix("https://").unwrap().split_once('/').unwrap();
    let mut headers = Headers::new();
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        headers.push(name, value);
    }
    Request {
        method: match method {
            "GET" => Method::Get,
            "PUT" => Method::Put,
            "POST" => Method::Post,
            other => panic!("no vector uses {other}"),
        },
        url: Url {
            scheme: Scheme::Https,
            authority: authority.into(),
            path: format!("/{path}"),
            query: query
                .split('&')
                .filter(|pair| !pair.is_empty())
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        },
        headers,
        body: Body::Empty,
    }
}
