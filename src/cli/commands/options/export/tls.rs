//! Options of TLS that one flag of the curl tool does not set as they are.

use super::flags::{Flag, Told};
use super::joined::{All, Switch, switches};
use super::secrets::{self, Text};
use crate::curlopt::Assignment;

/// What the curl tool is told of one of them; nothing of any other.
pub(super) fn told(set: &Assignment, number: i64, all: All<'_>) -> Option<Told> {
    let text = || secrets::text(set).unwrap_or_else(|| Text::plain(""));
    let name = set.option.name;
    Some(match name {
        "SSLVERSION" => versions(number),
        "PROXY_SSLVERSION" => match number {
            0 => Told::Already("it is libcurl's default"),
            1 => Told::flags([Flag::alone("--proxy-tlsv1")]),
            _ => Told::cannot("curl knows --proxy-tlsv1 alone"),
        },
        "SSL_VERIFYPEER" | "SSL_VERIFYHOST" => {
            checks(name, ["SSL_VERIFYPEER", "SSL_VERIFYHOST"], "--insecure", all)
        }
        "DOH_SSL_VERIFYPEER" | "DOH_SSL_VERIFYHOST" => {
            checks(name, ["DOH_SSL_VERIFYPEER", "DOH_SSL_VERIFYHOST"], "--doh-insecure", all)
        }
        "PROXY_SSL_VERIFYPEER" | "PROXY_SSL_VERIFYHOST" => {
            checks(name, ["PROXY_SSL_VERIFYPEER", "PROXY_SSL_VERIFYHOST"], "--proxy-insecure", all)
        }
        "SSL_OPTIONS" => switches(number, &SWITCHES),
        "PROXY_SSL_OPTIONS" => switches(number, &PROXY_SWITCHES),
        "SSLCERT" => Told::flags([Flag::with("--cert", certificate(text()))]),
        "PROXY_SSLCERT" => Told::flags([Flag::with("--proxy-cert", certificate(text()))]),
        _ => return None,
    })
}

const SWITCHES: [Switch; 6] = [
    (1, "--ssl-allow-beast", None),
    (2, "--ssl-no-revoke", None),
    (8, "--ssl-revoke-best-effort", None),
    (16, "--ca-native", Some((8, 2))),
    (32, "--ssl-auto-client-cert", Some((7, 77))),
    (64, "--tls-earlydata", Some((8, 11))),
];
const PROXY_SWITCHES: [Switch; 3] = [
    (1, "--proxy-ssl-allow-beast", None),
    (16, "--proxy-ca-native", Some((8, 2))),
    (32, "--proxy-ssl-auto-client-cert", Some((7, 77))),
];

/// `SSLVERSION`: the least in the low 16 bits, the greatest above.
fn versions(number: i64) -> Told {
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
