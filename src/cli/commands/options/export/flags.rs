//! Which flag of the curl tool sets which option: a table for those that one flag sets as it is,
//! written by hand after the tool's manual; [`joined`](super::joined) has the others.

use super::secrets::{self, Text};
use crate::cli::args::ToolVersion;
use crate::curlopt::{Assignment, Value};

/// What there is to say of an option to the curl tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// These flags, none of them newer than `since`.
    Flags { flags: Vec<Flag>, since: Option<ToolVersion>, remark: Option<String> },
    /// Nothing: it does the same by itself, or by another flag.
    Already(&'static str),
    /// It cannot be said.
    Cannot(String),
}

/// A flag and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) value: Option<Text>,
}

impl Flag {
    pub(super) fn alone(name: &'static str) -> Flag {
        Flag { name, value: None }
    }

    pub(super) fn with(name: &'static str, value: Text) -> Flag {
        Flag { name, value: Some(value) }
    }
}

impl Told {
    pub(super) fn flags(flags: impl Into<Vec<Flag>>) -> Told {
        Told::Flags { flags: flags.into(), since: None, remark: None }
    }

    pub(super) fn cannot(why: impl Into<String>) -> Told {
        Told::Cannot(why.into())
    }

    /// The same with a word on how it differs.
    pub(super) fn but(self, text: impl Into<String>) -> Told {
        match self {
            Told::Flags { flags, since, .. } => {
                Told::Flags { flags, since, remark: Some(text.into()) }
            }
            other => other,
        }
    }

    /// The same, of flags that came with curl `major.minor`.
    pub(super) fn since(self, major: u32, minor: u32) -> Told {
        match self {
            Told::Flags { flags, remark, .. } => {
                Told::Flags { flags, since: Some(ToolVersion(major, minor)), remark }
            }
            other => other,
        }
    }
}

/// How the value of an option is one of its flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// As it is.
    Same,
    /// Milliseconds, which the flag takes as seconds with a fraction.
    Milliseconds,
    /// Once for each line of a list.
    EachLine,
    /// The flag alone, where it is on; else it is off anyhow.
    WhereOn,
    /// The flag alone, where it is off; else it is on anyhow.
    WhereOff,
}

use Shape::{EachLine, Milliseconds, Same, WhereOff, WhereOn};

const FLAGS: [(&str, &str, Shape); 68] = [
    ("TIMEOUT", "--max-time", Same),
    ("TIMEOUT_MS", "--max-time", Milliseconds),
    ("CONNECTTIMEOUT", "--connect-timeout", Same),
    ("CONNECTTIMEOUT_MS", "--connect-timeout", Milliseconds),
    ("LOW_SPEED_LIMIT", "--speed-limit", Same),
    ("LOW_SPEED_TIME", "--speed-time", Same),
    ("EXPECT_100_TIMEOUT_MS", "--expect100-timeout", Milliseconds),
    ("HAPPY_EYEBALLS_TIMEOUT_MS", "--happy-eyeballs-timeout-ms", Same),
    ("TCP_NODELAY", "--no-tcp-nodelay", WhereOff),
    ("TCP_FASTOPEN", "--tcp-fastopen", WhereOn),
    ("INTERFACE", "--interface", Same),
    ("UNIX_SOCKET_PATH", "--unix-socket", Same),
    ("ABSTRACT_UNIX_SOCKET", "--abstract-unix-socket", Same),
    ("MAXREDIRS", "--max-redirs", Same),
    ("MAXFILESIZE", "--max-filesize", Same),
    ("MAXFILESIZE_LARGE", "--max-filesize", Same),
    ("DNS_SERVERS", "--dns-servers", Same),
    ("DNS_INTERFACE", "--dns-interface", Same),
    ("DNS_LOCAL_IP4", "--dns-ipv4-addr", Same),
    ("DNS_LOCAL_IP6", "--dns-ipv6-addr", Same),
    ("RESOLVE", "--resolve", EachLine),
    ("CONNECT_TO", "--connect-to", EachLine),
    ("DOH_URL", "--doh-url", Same),
    ("DOH_SSL_VERIFYSTATUS", "--doh-cert-status", WhereOn),
    ("USERAGENT", "--user-agent", Same),
    ("REFERER", "--referer", Same),
    ("DEFAULT_PROTOCOL", "--proto-default", Same),
    ("DISALLOW_USERNAME_IN_URL", "--disallow-username-in-url", WhereOn),
    ("ALTSVC", "--alt-svc", Same),
    ("HSTS", "--hsts", Same),
    ("SSL_VERIFYSTATUS", "--cert-status", WhereOn),
    ("CAINFO", "--cacert", Same),
    ("CAPATH", "--capath", Same),
    ("CRLFILE", "--crlfile", Same),
    ("SSLCERTTYPE", "--cert-type", Same),
    ("SSLKEY", "--key", Same),
    ("SSLKEYTYPE", "--key-type", Same),
    ("KEYPASSWD", "--pass", Same),
    ("SSL_CIPHER_LIST", "--ciphers", Same),
    ("TLS13_CIPHERS", "--tls13-ciphers", Same),
    ("SSL_EC_CURVES", "--curves", Same),
    ("SSL_SIGNATURE_ALGORITHMS", "--sigalgs", Same),
    ("SSL_ENABLE_ALPN", "--no-alpn", WhereOff),
    ("SSL_SESSIONID_CACHE", "--no-sessionid", WhereOff),
    ("SSLENGINE", "--engine", Same),
    ("PINNEDPUBLICKEY", "--pinnedpubkey", Same),
    ("ECH", "--ech", Same),
    ("PRE_PROXY", "--preproxy", Same),
    ("PROXYUSERPWD", "--proxy-user", Same),
    ("NOPROXY", "--noproxy", Same),
    ("HTTPPROXYTUNNEL", "--proxytunnel", WhereOn),
    ("PROXYHEADER", "--proxy-header", EachLine),
    ("PROXY_CAINFO", "--proxy-cacert", Same),
    ("PROXY_CAPATH", "--proxy-capath", Same),
    ("PROXY_SSLCERTTYPE", "--proxy-cert-type", Same),
    ("PROXY_SSLKEY", "--proxy-key", Same),
    ("PROXY_SSLKEYTYPE", "--proxy-key-type", Same),
    ("PROXY_KEYPASSWD", "--proxy-pass", Same),
    ("PROXY_SSL_CIPHER_LIST", "--proxy-ciphers", Same),
    ("PROXY_TLS13_CIPHERS", "--proxy-tls13-ciphers", Same),
    ("PROXY_PINNEDPUBLICKEY", "--proxy-pinnedpubkey", Same),
    ("PROXY_CRLFILE", "--proxy-crlfile", Same),
    ("PROXY_SERVICE_NAME", "--proxy-service-name", Same),
    ("SERVICE_NAME", "--service-name", Same),
    ("SOCKS5_GSSAPI_NEC", "--socks5-gssapi-nec", WhereOn),
    ("HAPROXYPROTOCOL", "--haproxy-protocol", WhereOn),
    ("HAPROXY_CLIENT_IP", "--haproxy-clientip", Same),
    ("COOKIESESSION", "--junk-session-cookies", WhereOn),
];

/// Flags of the table that are newer than what is always taken for granted.
const NEWER: [(&str, u32, u32); 3] =
    [("--sigalgs", 8, 14), ("--ech", 8, 8), ("--haproxy-clientip", 8, 2)];

/// What is set for later requests over the same connections, handle or process.
const FOR_MORE_THAN_ONE: [&str; 12] = [
    "MAXCONNECTS",
    "MAXAGE_CONN",
    "MAXLIFETIME_CONN",
    "FORBID_REUSE",
    "FRESH_CONNECT",
    "DNS_CACHE_TIMEOUT",
    "CA_CACHE_TIMEOUT",
    "PIPEWAIT",
    "UPKEEP_INTERVAL_MS",
    "QUICK_EXIT",
    "STREAM_WEIGHT",
    "COOKIELIST",
];

/// What the tool is told by a flag of its own, or why it is not told.
pub(super) fn by_table(set: &Assignment) -> Told {
    let name = set.option.name;
    if let Some((_, flag, shape)) = FLAGS.iter().find(|(option, ..)| *option == name) {
        let told = shaped(set, flag, *shape);
        let newer = NEWER.iter().find(|(newer, ..)| newer == flag);
        return newer.map_or(told.clone(), |(_, major, minor)| told.since(*major, *minor));
    }
    if FOR_MORE_THAN_ONE.contains(&name) {
        return Told::cannot("curl sends one request here, and this is about several");
    }
    match &set.value {
        Value::Blob(_) => Told::cannot("curl has no flag for it; write it into a file"),
        _ if set.option.knowledge().no_effect => Told::cannot("it does nothing for an upload"),
        _ => Told::cannot("curl has no flag for it"),
    }
}

fn shaped(set: &Assignment, flag: &'static str, shape: Shape) -> Told {
    let one = |value: Text| Told::flags([Flag::with(flag, value)]);
    match (shape, &set.value) {
        (WhereOn, value) if value.is_nothing() => Told::Already("it is off unless asked for"),
        (WhereOff, value) if !value.is_nothing() => Told::Already("it is on unless forbidden"),
        (WhereOn | WhereOff, _) => Told::flags([Flag::alone(flag)]),
        (EachLine, _) => {
            let lines = secrets::lines(set).into_iter();
            Told::flags(lines.map(|line| Flag::with(flag, line)).collect::<Vec<_>>())
        }
        (Milliseconds, Value::Number(number)) => one(Text::plain(seconds(*number))),
        (_, Value::Number(number)) => one(Text::plain(number.to_string())),
        _ => one(secrets::text(set).unwrap_or_else(|| Text::plain(""))),
    }
}

/// Milliseconds as seconds, with no more digits than need be.
pub(super) fn seconds(milliseconds: i64) -> String {
    let (whole, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    let fraction = format!(".{rest:03}");
    let fraction = if rest == 0 { "" } else { fraction.trim_end_matches('0') };
    format!("{whole}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curlopt::{Given, Handle, check, find};

    fn told(name: &str, value: &str) -> Told {
        let given = Given::Typed(vec![value.to_owned()]);
        by_table(&check(find(Handle::Easy, name).unwrap(), &given).unwrap())
    }

    fn one(flag: &'static str, value: &str) -> Told {
        Told::flags([Flag::with(flag, Text::plain(value))])
    }

    #[test]
    fn every_row_is_an_option_that_is_not_the_engines() {
        for (name, flag, shape) in FLAGS {
            let option = find(Handle::Easy, name).unwrap();
            assert_eq!(option.name, name);
            assert!(option.knowledge().reserved.is_none(), "{name}");
            assert!(flag.starts_with("--"), "{flag}");
            let is_list = option.kind == crate::curlopt::Kind::List;
            assert_eq!(is_list, shape == EachLine, "{name}");
        }
        for name in FOR_MORE_THAN_ONE {
            assert_eq!(find(Handle::Easy, name).unwrap().name, name);
        }
        for (newer, ..) in NEWER {
            assert!(FLAGS.iter().any(|(_, flag, _)| *flag == newer), "{newer}");
        }
    }

    #[test]
    fn values_take_the_shape_of_the_flag() {
        assert_eq!(told("CONNECTTIMEOUT_MS", "1500"), one("--connect-timeout", "1.5"));
        assert_eq!(told("CONNECTTIMEOUT", "30"), one("--connect-timeout", "30"));
        assert_eq!(told("LOW_SPEED_LIMIT", "1KiB"), one("--speed-limit", "1024"));
        assert_eq!(told("RESOLVE", "a:1:::1"), one("--resolve", "a:1:::1"));
        assert_eq!(told("NOPROXY", "*"), one("--noproxy", "*"));
        assert_eq!(told("TCP_NODELAY", "0"), Told::flags([Flag::alone("--no-tcp-nodelay")]));
        assert!(matches!(told("TCP_NODELAY", "1"), Told::Already(_)));
        assert!(matches!(told("TCP_FASTOPEN", "0"), Told::Already(_)));
        assert_eq!(told("TCP_FASTOPEN", "1"), Told::flags([Flag::alone("--tcp-fastopen")]));
    }

    #[test]
    fn newer_flags_say_since_when() {
        let Told::Flags { since, .. } = told("HAPROXY_CLIENT_IP", "::1") else { panic!() };
        assert_eq!(since, Some(ToolVersion(8, 2)));
    }

    #[test]
    fn what_has_no_flag_has_a_reason() {
        let why = |name: &str, value: &str| match told(name, value) {
            Told::Cannot(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(why("MAXAGE_CONN", "4").contains("several"));
        assert!(why("CAINFO_BLOB", "x").contains("file"));
        assert!(why("BUFFERSIZE", "20000").contains("nothing for an upload"));
        assert!(why("UPLOAD_BUFFERSIZE", "65536").contains("no flag"));
    }

    #[test]
    fn milliseconds_become_seconds() {
        for (milliseconds, text) in
            [(0, "0"), (1, "0.001"), (10, "0.01"), (1_500, "1.5"), (300_000, "300")]
        {
            assert_eq!(seconds(milliseconds), text);
        }
    }
}
