//! Options that one flag of the curl tool does not set as they are: several flags for one option,
//! one flag for several, or another meaning for each value. Those of TLS and of HTTP stand beside.

use super::flags::{Flag, Told, by_table};
use super::secrets::Text;
use super::{http, proxy, tls};
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
    match set.option.name {
        "TCP_KEEPALIVE" if number == 0 => Told::flags([Flag::alone("--no-keepalive")]),
        "TCP_KEEPALIVE" => Told::Already("it is on unless forbidden"),
        "TCP_KEEPIDLE" | "TCP_KEEPINTVL" | "TCP_KEEPCNT" => keepalive(set.option.name, number, all),
        "MAX_SEND_SPEED_LARGE" | "MAX_RECV_SPEED_LARGE" => rate(set.option.name, number, all),
        "IPRESOLVE" => by_value(number, &[(1, "--ipv4"), (2, "--ipv6")]),
        "LOCALPORT" | "LOCALPORTRANGE" => local_ports(set.option.name, number, all),
        "PROXY" | "PROXYTYPE" | "PROXYPORT" => proxy::address(set, number, all),
        "PROXYUSERNAME" | "PROXYPASSWORD" => {
            proxy::user(set, ["PROXYUSERNAME", "PROXYPASSWORD"], "--proxy-user", all)
        }
        "USERNAME" | "PASSWORD" => proxy::user(set, ["USERNAME", "PASSWORD"], "--user", all),
        _ => tls::told(set, number, all)
            .or_else(|| http::told(set, number, all))
            .unwrap_or_else(|| by_table(set)),
    }
}

/// The values of a mask or a choice, each with its flag; 0 is what curl does anyway.
pub(super) fn by_value(number: i64, flags: &[(i64, &'static str)]) -> Told {
    match flags.iter().find(|(value, _)| *value == number) {
        _ if number == 0 => Told::Already("it is what curl does unless told otherwise"),
        Some((_, flag)) => Told::flags([Flag::alone(flag)]),
        None => Told::cannot("curl has no flag for this value"),
    }
}

/// A bit of a mask, the flag for it, and the curl that brought the flag.
pub(super) type Switch = (i64, &'static str, Option<(u32, u32)>);

/// The bits of a mask, each with a flag of its own.
pub(super) fn switches(number: i64, switches: &[Switch]) -> Told {
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

#[cfg(test)]
mod tests;
