//! Options of HTTP that one flag of the curl tool does not set as they are.

use super::flags::{Flag, Told};
use super::joined::{All, by_value, switches};
use super::secrets::{self, Text};
use crate::curlopt::Assignment;

/// What the curl tool is told of one of them; nothing of any other.
pub(super) fn told(set: &Assignment, number: i64, all: All<'_>) -> Option<Told> {
    let text = || secrets::text(set).unwrap_or_else(|| Text::plain(""));
    let with = |flag| Told::flags([Flag::with(flag, text())]);
    Some(match set.option.name {
        "HTTP_VERSION" => version(number),
        "HTTPAUTH" => by_value(number, &AUTH),
        "PROXYAUTH" => by_value(number, &PROXY_AUTH),
        "SOCKS5_AUTH" => {
            switches(number, &[(1, "--socks5-basic", None), (4, "--socks5-gssapi", None)])
        }
        "USERPWD" => with("--user"),
        "XOAUTH2_BEARER" => with("--oauth2-bearer"),
        "NETRC" => by_value(number, &[(1, "--netrc-optional"), (2, "--netrc")]),
        "NETRC_FILE" => with("--netrc-file"),
        "GSSAPI_DELEGATION" => match number {
            0 => Told::Already("it is libcurl's default"),
            1 => Told::flags([Flag::with("--delegation", Text::plain("policy"))]),
            _ => Told::flags([Flag::with("--delegation", Text::plain("always"))]),
        },
        "FOLLOWLOCATION" => match number {
            0 => Told::Already("it follows none unless asked to"),
            1 => Told::flags([Flag::alone("--location")]),
            2 => Told::flags([Flag::alone("--follow")]).since(8, 16),
            _ => Told::cannot("curl has no flag for this value"),
        },
        "REDIR_PROTOCOLS_STR" => Told::flags([Flag::with("--proto-redir", text().prefixed("="))]),
        "AUTOREFERER" if number == 0 => Told::Already("it is off unless asked for"),
        "AUTOREFERER" => Told::flags([Flag::with("--referer", Text::plain(";auto"))]),
        "ACCEPT_ENCODING" if all.text("ACCEPT_ENCODING").is_none() => {
            Told::flags([Flag::alone("--compressed")])
        }
        "ACCEPT_ENCODING" => {
            Told::flags([Flag::with("--header", text().prefixed("Accept-Encoding: "))])
                .but("the answer is shown as it comes")
        }
        "COOKIE" | "COOKIEFILE" => cookie(set.option.name, text(), all),
        "COOKIEJAR" => with("--cookie-jar"),
        _ => return None,
    })
}

/// One flag takes a cookie or the name of a file, and tells them apart by a `=`.
fn cookie(name: &'static str, value: Text, all: All<'_>) -> Told {
    let is_cookie = all.text(name).is_some_and(|text| text.contains('='));
    match (name, is_cookie) {
        ("COOKIE", false) => Told::cannot("--cookie takes what has no = for the name of a file"),
        ("COOKIEFILE", true) => Told::cannot("--cookie takes what has a = for a cookie"),
        _ => Told::flags([Flag::with("--cookie", value)]),
    }
}

const AUTH: [(i64, &str); 5] =
    [(1, "--basic"), (2, "--digest"), (4, "--negotiate"), (8, "--ntlm"), (ANY, "--anyauth")];
const PROXY_AUTH: [(i64, &str); 5] = [
    (1, "--proxy-basic"),
    (2, "--proxy-digest"),
    (4, "--proxy-negotiate"),
    (8, "--proxy-ntlm"),
    (ANY, "--proxy-anyauth"),
];
/// `CURLAUTH_ANY`.
const ANY: i64 = 4_294_967_023;

fn version(number: i64) -> Told {
    let alone = |flag| Told::flags([Flag::alone(flag)]);
    match number {
        1 => alone("--http1.0"),
        2 => alone("--http1.1"),
        3 => alone("--http2"),
        5 => alone("--http2-prior-knowledge"),
        30 => alone("--http3"),
        31 => alone("--http3-only").since(7, 88),
        _ => Told::Already("it is curl's own choice"),
    }
}
