//! What a user types as an endpoint, taken apart and checked. Every mistake says what to type, and
//! none repeats what may be a password.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::EndpointError;
use super::printable::printable;
use crate::http::Scheme;

/// An endpoint URL, checked.
pub(super) struct EndpointUrl {
    pub(super) scheme: Scheme,
    /// Host in lower case, with `:port` where it is not the scheme's own.
    pub(super) authority: String,
    /// Whether the host is an IP address.
    pub(super) is_address: bool,
}

impl EndpointUrl {
    /// Reads `http` or `https`, a host name or IP address, perhaps a port, and nothing else.
    pub(super) fn parse(url: &str) -> Result<EndpointUrl, EndpointError> {
        // Anywhere: a password may hold a slash, and no endpoint holds an @.
        if url.contains('@') {
            return Err(EndpointError(
                "the endpoint URL has a user name or password in it: leave it out and give keys \
                 by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .into(),
            ));
        }
        let (scheme, rest) = split_scheme(url)?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let host = checked_host(host)?;
        let mut authority = host.name;
        if let Some(port) = port.filter(|port| *port != default_port(scheme)) {
            authority = format!("{authority}:{port}");
        }
        if !matches!(path, "" | "/") {
            return Err(EndpointError(format!(
                "the endpoint URL has a path or query behind the host: an endpoint is scheme, \
                 host and port only; type {}://{authority}, the bucket belongs into \
                 s3://BUCKET/KEY",
                scheme.as_str()
            )));
        }
        Ok(EndpointUrl { scheme, authority, is_address: host.is_address })
    }
}

fn split_scheme(url: &str) -> Result<(Scheme, &str), EndpointError> {
    let Some((scheme, rest)) = url.split_once("://") else {
        let end = url.find(['/', '?', '#']).unwrap_or(url.len());
        let shown = printable(&url[..end], 80);
        return Err(EndpointError(format!(
            "the endpoint URL does not say how to connect: type https://{shown} or http://{shown}"
        )));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "http" => Ok((Scheme::Http, rest)),
        "https" => Ok((Scheme::Https, rest)),
        other => Err(EndpointError(format!(
            "the endpoint URL begins with {}://, which is not spoken here: \
             type https:// or http://",
            printable(other, 80)
        ))),
    }
}

fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), EndpointError> {
    let after_address = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[after_address..].find(':').map(|at| at + after_address) else {
        return Ok((authority, None));
    };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let number = port.parse::<u16>().ok().filter(|number| *number > 0 && !port.starts_with('+'));
    match number {
        Some(number) => Ok((host, Some(number))),
        None if authority.matches(':').count() > 1 && after_address == 0 => Err(EndpointError(
            "the endpoint URL has more than one colon behind the scheme: an IPv6 address stands in \
             brackets, as in http://[::1]:9000"
                .into(),
        )),
        None => Err(EndpointError(format!(
            "the endpoint URL has the port “{}”: a port is a number from 1 to 65535",
            printable(port, 20)
        ))),
    }
}

struct Host {
    /// In lower case; an IPv6 address in brackets.
    name: String,
    is_address: bool,
}

fn checked_host(host: &str) -> Result<Host, EndpointError> {
    let refused = |why: &str| {
        Err(EndpointError(format!(
            "the endpoint URL has the host “{}”: {why}",
            printable(host, 80)
        )))
    };
    if let Some(address) = host.strip_prefix('[') {
        return match address.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
            Some(Ok(address)) => Ok(Host { name: format!("[{address}]"), is_address: true }),
            _ if address.contains('%') => refused("an address with a zone cannot be used"),
            _ => refused("not an IPv6 address; type it as in http://[::1]:9000"),
        };
    }
    if host.is_empty() {
        return Err(EndpointError("the endpoint URL has no host: type https://HOST".into()));
    }
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host { name: address.to_string(), is_address: true });
    }
    if let Some((at, c)) =
        host.char_indices().find(|(_, c)| !(c.is_ascii_alphanumeric() || "-._".contains(*c)))
    {
        let advice =
            if c.is_ascii() { "" } else { "; type its ASCII form, which begins with xn--" };
        return refused(&format!(
            "{c:?} at position {} cannot stand in a host name{advice}",
            host[..at].chars().count() + 1
        ));
    }
    let labels = host.strip_suffix('.').unwrap_or(host);
    if labels.split('.').any(str::is_empty) {
        return refused("a label between its dots is empty");
    }
    // libcurl would read 127.1 or 0x7f000001 as an address and say so in the Host header.
    if labels.rsplit('.').next().is_some_and(|last| {
        last.starts_with(|c: char| c.is_ascii_digit())
            && (last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x"))
    }) {
        return refused("neither a host name nor an IP address of four numbers");
    }
    Ok(Host { name: host.to_ascii_lowercase(), is_address: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_cannot_be_used_says_why() {
        let cases = [
            ("localhost:9000", "type https://localhost:9000 or http://localhost:9000"),
            ("ftp://h", "ftp://"),
            ("https://", "no host"),
            ("https:///x", "no host"),
            ("https://:9000", "no host"),
            ("https://h/bucket", "type https://h,"),
            ("https://h?x=1", "type https://h,"),
            ("https://h#x", "type https://h,"),
            ("https://h:0", "from 1 to 65535"),
            ("https://h:65536", "from 1 to 65535"),
            ("https://h:+80", "from 1 to 65535"),
            ("https://h:", "from 1 to 65535"),
            ("http://::1:9000", "brackets"),
            ("http://[::1", "brackets"),
            ("http://[fe80::1%25eth0]", "zone"),
            ("http://[::1]x", "not an IPv6 address"),
            ("http://a b", "' ' at position 2"),
            ("http://a\r\nb", "'\\r' at position 2"),
            ("http://übel.de", "xn--"),
            ("http://a..b", "empty"),
            ("http://.a", "empty"),
            ("http://127.1", "four numbers"),
            ("http://256.1.1.1", "four numbers"),
            ("http://0x7f000001", "four numbers"),
        ];
        for (url, expected) in cases {
            let error = EndpointUrl::parse(url).map(|_| ()).expect_err(url).to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains(['\r', '\n']), "{error}");
        }
    }

    #[test]
    fn passwords_are_not_repeated() {
        for url in [
            "https://key:hunter2@h",
            "key:hunter2@h",
            "https://key:x/hunter2@h",
            "https://key:hunter2/@h",
            "https://h/?X-Amz-Signature=hunter2",
        ] {
            let error = EndpointUrl::parse(url).map(|_| ()).expect_err(url).to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
