//! Options that one flag of the curl tool does not set as they are: several flags for one option,
//! one flag for several, or another meaning for each value.

use super::flags::{Flag, Told, by_table};
use super::proxy;
use super::secrets::{self, Text};
use crate::config::{LibcurlOptions, Setting};
use crate::curlopt::{Assignment, Handle, Value};

/// All options that are set, to be asked for one by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct All<'a>(pub(super) &'a LibcurlOptions);

impl<'a> All<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a Setting<Assignment>> {
        self.0
            .iter()
            .find(|set| set.value.option.handle == Handle::Easy && set.value.option.name == name)
    }

    pub(super) fn number(self, name: &str) -> Option<i64> {
        match self.get(name)?.value.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A text that is not empty.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        match &self.get(name)?.value.value {
            Value::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// What the curl tool is told of one option among `all`.
pub(super) fn told(set: &Assignment, all: All<'_>) -> Told {
    if set.option.handle == Handle::Multi {
        return Told::cannot("curl has one transfer here, and this is about several");
    }
    let number = all.number(set.option.name).unwrap_or_default();
    let text = || secrets::text(set).unwrap_or_else(|| Text::plain(""));
    match set.option.name {
        "TCP_KEEPALIVE" if number == 0 => Told::flags([Flag::alone("--no-keepalive")]),
        "TCP_KEEPALIVE" => Told::Already("it is on unless forbidden"),
        "TCP_KEEPIDLE" | "TCP_KEEPINTVL" | "TCP_KEEPCNT" => keepalive(set.option.name, number, all),
        "MAX_SEND_SPEED_LARGE" | "MAX_RECV_SPEED_LARGE" => rate(set.option.name, number, all),
        "HTTP_VERSION" => http_version(number),
        "SSLVERSION" => tls_versions(number),
        "IPRESOLVE" => by_value(number, &[(1, "--ipv4"), (2, "--ipv6")]),
        "LOCALPORT" | "LOCALPORTRANGE" => local_ports(set.option.name, number, all),
        "SSL_VERIFYPEER" | "SSL_VERIFYHOST" => {
            checks(set.option.name, ["SSL_VERIFYPEER", "SSL_VERIFYHOST"], "--insecure", all)
        }
        "DOH_SSL_VERIFYPEER" | "DOH_SSL_VERIFYHOST" => {
            let names = ["DOH_SSL_VERIFYPEER", "DOH_SSL_VERIFYHOST"];
            checks(set.option.name, names, "--doh-insecure", all)
        }
        "PROXY_SSL_VERIFYPEER" | "PROXY_SSL_VERIFYHOST" => {
            let names = ["PROXY_SSL_VERIFYPEER", "PROXY_SSL_VERIFYHOST"];
            checks(set.option.name, names, "--proxy-insecure", all)
        }
        "SSL_OPTIONS" => switches(number, &SSL_SWITCHES),
        "PROXY_SSL_OPTIONS" => switches(number, &PROXY_SSL_SWITCHES),
        "SSLCERT" => Told::flags([Flag::with("--cert", certificate(text()))]),
        "PROXY_SSLCERT" => Told::flags([Flag::with("--proxy-cert", certificate(text()))]),
        "PROXY" | "PROXYTYPE" | "PROXYPORT" => proxy::address(set, number, all),
        "PROXYAUTH" => by_value(number, &PROXY_AUTH),
        "HTTPAUTH" => by_value(number, &AUTH),
        "PROXYUSERNAME" | "PROXYPASSWORD" => {
            proxy::user(set, ["PROXYUSERNAME", "PROXYPASSWORD"], "--proxy-user", all)
        }
        "USERNAME" | "PASSWORD" => proxy::user(set, ["USERNAME", "PASSWORD"], "--user", all),
        "USERPWD" => Told::flags([Flag::with("--user", text())]),
        "XOAUTH2_BEARER" => Told::flags([Flag::with("--oauth2-bearer", text())]),
        "SOCKS5_AUTH" => {
            switches(number, &[(1, "--socks5-basic", None), (4, "--socks5-gssapi", None)])
        }
        "PROXY_SSLVERSION" => match number {
            0 => Told::Already("it is libcurl's default"),
            1 => Told::flags([Flag::alone("--proxy-tlsv1")]),
            _ => Told::cannot("curl knows --proxy-tlsv1 alone"),
        },
        "NETRC" => by_value(number, &[(1, "--netrc-optional"), (2, "--netrc")]),
        "NETRC_FILE" => Told::flags([Flag::with("--netrc-file", text())]),
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
        "COOKIE" if all.text("COOKIE").is_some_and(|cookie| !cookie.contains('=')) => {
            Told::cannot("--cookie takes what has no = for the name of a file")
        }
        "COOKIE" => Told::flags([Flag::with("--cookie", text())]),
        "COOKIEFILE" if all.text("COOKIEFILE").is_some_and(|file| file.contains('=')) => {
            Told::cannot("--cookie takes what has a = for a cookie")
        }
        "COOKIEFILE" => Told::flags([Flag::with("--cookie", text())]),
        "COOKIEJAR" => Told::flags([Flag::with("--cookie-jar", text())]),
        _ => by_table(set),
    }
}

/// The values of a mask or a choice, each with its flag; 0 is what curl does anyway.
fn by_value(number: i64, flags: &[(i64, &'static str)]) -> Told {
    match flags.iter().find(|(value, _)| *value == number) {
        _ if number == 0 => Told::Already("it is what curl does unless told otherwise"),
        Some((_, flag)) => Told::flags([Flag::alone(flag)]),
        None => Told::cannot("curl has no flag for this value"),
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

/// A bit of a mask, the flag for it, and the curl that brought the flag.
type Switch = (i64, &'static str, Option<(u32, u32)>);

const SSL_SWITCHES: [Switch; 6] = [
    (1, "--ssl-allow-beast", None),
    (2, "--ssl-no-revoke", None),
    (8, "--ssl-revoke-best-effort", None),
    (16, "--ca-native", Some((8, 2))),
    (32, "--ssl-auto-client-cert", Some((7, 77))),
    (64, "--tls-earlydata", Some((8, 11))),
];
const PROXY_SSL_SWITCHES: [Switch; 3] = [
    (1, "--proxy-ssl-allow-beast", None),
    (16, "--proxy-ca-native", Some((8, 2))),
    (32, "--proxy-ssl-auto-client-cert", Some((7, 77))),
];

fn switches(number: i64, switches: &[Switch]) -> Told {
    let on: Vec<&Switch> = switches.iter().filter(|(bit, ..)| number & bit != 0).collect();
    if number == 0 {
        return Told::Already("it is what curl does unless told otherwise");
    }
    if on.iter().fold(0, |sum, (bit, ..)| sum | bit) != number {
        return Told::cannot("curl has no flag for all of these values");
    }
    let flags: Vec<Flag> = on.iter().map(|(_, flag, _)| Flag::alone(flag)).collect();
    let told = Told::flags(flags);
    match on.iter().filter_map(|(.., since)| *since).max() {
        Some((major, minor)) => told.since(major, minor),
        None => told,
    }
}

/// `--keepalive-time` sets what libcurl has two options for.
fn keepalive(name: &'static str, number: i64, all: All<'_>) -> Told {
    if all.number("TCP_KEEPALIVE") == Some(0) {
        return Told::cannot("keep-alive is off");
    }
    let flag = |name| Told::flags([Flag::with(name, Text::plain(number.to_string()))]);
    match (name, all.number("TCP_KEEPIDLE")) {
        ("TCP_KEEPCNT", _) => flag("--keepalive-cnt").since(8, 9),
        ("TCP_KEEPIDLE", _) => flag("--keepalive-time").but(
            "it sets the interval between unanswered probes (TCP_KEEPINTVL) to the same number",
        ),
        (_, Some(idle)) if idle == number => {
            Told::Already("--keepalive-time sets it together with TCP_KEEPIDLE")
        }
        _ => Told::cannot("--keepalive-time sets it together with TCP_KEEPIDLE, to one number"),
    }
}

/// `--limit-rate` limits both directions.
fn rate(name: &'static str, number: i64, all: All<'_>) -> Told {
    let sending = all.number("MAX_SEND_SPEED_LARGE").unwrap_or_default();
    match name {
        _ if number == 0 => Told::Already("there is no limit unless asked for"),
        "MAX_SEND_SPEED_LARGE" => {
            Told::flags([Flag::with("--limit-rate", Text::plain(number.to_string()))])
                .but("it limits both directions (MAX_RECV_SPEED_LARGE)")
        }
        _ if sending == number => Told::Already("--limit-rate limits both directions"),
        _ => Told::cannot("--limit-rate limits both directions, the upload as well"),
    }
}

fn http_version(number: i64) -> Told {
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

/// `SSLVERSION`: the least in the low 16 bits, the greatest above.
fn tls_versions(number: i64) -> Told {
    let mut flags = Vec::new();
    match number & 0xffff {
        0 => {}
        1 => flags.push(Flag::alone("--tlsv1")),
        4 => flags.push(Flag::alone("--tlsv1.0")),
        5 => flags.push(Flag::alone("--tlsv1.1")),
        6 => flags.push(Flag::alone("--tlsv1.2")),
        7 => flags.push(Flag::alone("--tlsv1.3")),
        _ => return Told::cannot("curl has no flag for this value any more"),
    }
    let greatest = match number >> 16 {
        4 => Some("1.0"),
        5 => Some("1.1"),
        6 => Some("1.2"),
        7 => Some("1.3"),
        _ => None,
    };
    flags.extend(greatest.map(|version| Flag::with("--tls-max", Text::plain(version))));
    if flags.is_empty() { Told::Already("it is libcurl's default") } else { Told::flags(flags) }
}

fn local_ports(name: &'static str, number: i64, all: All<'_>) -> Told {
    let first = all.number("LOCALPORT").unwrap_or_default();
    let last = first + all.number("LOCALPORTRANGE").unwrap_or_default().max(1) - 1;
    match name {
        _ if first == 0 => Told::Already("any port is taken"),
        "LOCALPORTRANGE" => Told::Already("--local-port says it as well"),
        _ if last == first => {
            Told::flags([Flag::with("--local-port", Text::plain(number.to_string()))])
        }
        _ => Told::flags([Flag::with("--local-port", Text::plain(format!("{first}-{last}")))]),
    }
}

/// Flags that turn the check of the certificate and of the name off together.
fn checks(name: &'static str, [peer, host]: [&str; 2], flag: &'static str, all: All<'_>) -> Told {
    let is_off = |name| all.number(name) == Some(0);
    match (name == peer, is_off(peer), is_off(host)) {
        (true, false, _) | (false, _, false) => Told::Already("it is checked unless forbidden"),
        (true, true, true) => Told::flags([Flag::alone(flag)]),
        (true, true, false) => {
            Told::flags([Flag::alone(flag)]).but("it turns off the check of the name as well")
        }
        (false, true, true) => Told::Already("the same flag turns it off"),
        (false, false, true) => {
            Told::Cannot(format!("{flag} would turn off the check of the certificate as well"))
        }
    }
}

/// `--cert` takes what follows a colon for a password.
fn certificate(text: Text) -> Text {
    if text.variable.is_some() {
        return text;
    }
    Text::plain(text.before.replace('\\', "\\\\").replace(':', "\\:"))
}

#[cfg(test)]
mod tests;
