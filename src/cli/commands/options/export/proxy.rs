//! The proxy of a curl command line: its address is put together of three options, its user of two.

use super::flags::{Flag, Told};
use super::joined::All;
use super::secrets::{self, Text};
use crate::curlopt::Assignment;

/// `PROXY`, with the scheme that `PROXYTYPE` stands for and the port of `PROXYPORT` where it names
/// none itself.
pub(super) fn address(set: &Assignment, number: i64, all: All<'_>) -> Told {
    let Some(proxy) = all.get("PROXY") else { return Told::cannot("no proxy is set") };
    let address = all.text("PROXY").unwrap_or_default();
    match set.option.name {
        "PROXY" if address.is_empty() => Told::flags([Flag::with("--proxy", Text::plain(""))]),
        "PROXY" => {
            let mut text = secrets::text(&proxy.value).unwrap_or_else(|| Text::plain(""));
            if let Some(port) =
                all.number("PROXYPORT").filter(|port| *port != 0 && !has_port(address))
            {
                text = text.followed(&format!(":{port}"));
            }
            let kind = all.number("PROXYTYPE").filter(|_| !address.contains("://"));
            let (flag, scheme) = kind.and_then(scheme).unwrap_or(("--proxy", ""));
            let mut flags = vec![Flag::with(flag, text.prefixed(scheme))];
            if kind == Some(HTTPS2) {
                flags.push(Flag::alone("--proxy-http2"));
                return Told::flags(flags).since(8, 1);
            }
            Told::flags(flags)
        }
        "PROXYPORT" if number == 0 || has_port(address) => {
            Told::Already("PROXY or its kind names the port")
        }
        "PROXYTYPE" if address.contains("://") => Told::Already("PROXY names its scheme"),
        "PROXYTYPE" if scheme(number).is_none() => Told::cannot("curl has no flag for this value"),
        _ => Told::Already("--proxy says it as well"),
    }
}

/// `CURLPROXY_HTTPS2`.
const HTTPS2: i64 = 3;

/// The flag, and what stands before the address, for a value of `PROXYTYPE`.
fn scheme(kind: i64) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        0 => ("--proxy", "http://"),
        1 => ("--proxy1.0", ""),
        2 | HTTPS2 => ("--proxy", "https://"),
        4 => ("--proxy", "socks4://"),
        5 => ("--proxy", "socks5://"),
        6 => ("--proxy", "socks4a://"),
        7 => ("--proxy", "socks5h://"),
        _ => return None,
    })
}

/// Whether an address names a port: behind the brackets of an IPv6 address.
fn has_port(address: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split('/').next().unwrap_or_default();
    host.rsplit(']').next().is_some_and(|end| end.contains(':'))
}

/// A user and a password that are options of their own.
pub(super) fn user(
    set: &Assignment,
    [user, password]: [&str; 2],
    flag: &'static str,
    all: All<'_>,
) -> Told {
    let name = all.text(user).unwrap_or_default();
    if set.option.name == password && all.get(user).is_some() {
        return Told::Already("the flag of the user says it as well");
    }
    if name.contains(':') {
        return Told::cannot("what follows a colon would be the password");
    }
    let password = all.get(password).and_then(|set| secrets::text(&set.value));
    let password = password.unwrap_or_else(|| Text::plain(""));
    Told::flags([Flag::with(flag, password.prefixed(&format!("{name}:")))])
}
