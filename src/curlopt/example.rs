//! A value of the right kind for each option, to show how it is written.

use super::{CurlOption, Handle, Kind, Name, Unit};

/// How an option may be set to a value that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// As the config file has it: `"512KiB"`, `1`, `["a", "b"]`.
    pub written: String,
    /// As a command line has it.
    pub typed: String,
}

impl Example {
    /// The line of the config file.
    #[must_use]
    pub fn line(&self, option: &CurlOption) -> String {
        format!("{} = {}", option.name, self.written)
    }

    fn plain(value: &str) -> Example {
        Example { written: value.to_owned(), typed: value.to_owned() }
    }

    fn quoted(value: &str) -> Example {
        Example { written: format!("{value:?}"), typed: value.to_owned() }
    }

    fn list(value: &str) -> Example {
        Example { written: format!("[{value:?}]"), typed: value.to_owned() }
    }
}

/// Strings and lists whose form is not plain from their names; the address is one of those that
/// are kept for documents (RFC 5737).
const FORMS: [(&str, &str); 22] = [
    ("PROXY", "http://proxy.example:3128"),
    ("PRE_PROXY", "socks5h://proxy.example:1080"),
    ("NOPROXY", "localhost,.example.com"),
    ("PROXYUSERPWD", "user:password"),
    ("USERPWD", "user:password"),
    ("INTERFACE", "eth0"),
    ("USERAGENT", "my-backup/1.0"),
    ("RESOLVE", "bucket.example:443:192.0.2.7"),
    ("CONNECT_TO", "bucket.example:443:192.0.2.7:8443"),
    ("HTTPHEADER", "X-Team: data"),
    ("PROXYHEADER", "X-Team: data"),
    ("DNS_SERVERS", "192.0.2.53"),
    ("DNS_LOCAL_IP4", "192.0.2.7"),
    ("DNS_LOCAL_IP6", "2001:db8::7"),
    ("DOH_URL", "https://dns.example/dns-query"),
    ("UNIX_SOCKET_PATH", "/run/store.sock"),
    ("SSL_CIPHER_LIST", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLS13_CIPHERS", "TLS_AES_128_GCM_SHA256"),
    ("SSL_EC_CURVES", "X25519:P-256"),
    ("PINNEDPUBLICKEY", "sha256//base64ofthekey="),
    ("SSLCERTTYPE", "PEM"),
    ("ACCEPT_ENCODING", "gzip"),
];

/// Parts of names whose options take a file.
const FILES: [&str; 7] = ["CAINFO", "CAPATH", "SSLCERT", "SSLKEY", "FILE", "JAR", "CERT"];

/// A value that `option` takes; nothing where no text can hold one, or the engine sets it itself.
#[must_use]
pub fn example(option: &CurlOption) -> Option<Example> {
    let known = option.knowledge();
    if !option.kind.can_be_written() || known.reserved.is_some() {
        return None;
    }
    let form = FORMS.iter().find(|(name, _)| *name == option.name).map(|(_, form)| *form);
    Some(match option.kind {
        Kind::String => Example::quoted(form.unwrap_or_else(|| text(option.name))),
        Kind::List => Example::list(form.unwrap_or("text")),
        Kind::Blob => Example::quoted("base64:LS0tLS1CRUdJTg=="),
        _ => number(option),
    })
}

fn text(name: &str) -> &'static str {
    let is_file = FILES.iter().any(|part| name.contains(part)) && !name.ends_with("TYPE");
    if is_file { "/etc/ssl/some.pem" } else { "text" }
}

fn number(option: &CurlOption) -> Example {
    let known = option.knowledge();
    // The first that is no other word for "as usual", and against which nothing is to be said.
    let is_telling = |name: &Name| !["none", "default", "unset", "whatever"].contains(&name.human);
    let is_warned = |name: &Name| {
        known.warn.iter().any(|warning| warning.values.iter().flatten().any(|v| *v == name.number))
    };
    let named = option.names().filter(is_telling).min_by_key(is_warned);
    if let Some(name) = named {
        return if option.is_mask() {
            Example::list(name.human)
        } else {
            Example::quoted(name.human)
        };
    }
    let fits = |number: i64| {
        known.min.is_none_or(|min| number >= min) && known.max.is_none_or(|max| number <= max)
    };
    match known.unit {
        Some(Unit::Switch) => Example::plain("1"),
        Some(Unit::Bytes) if fits(512 << 10) => Example::quoted("512KiB"),
        Some(Unit::BytesPerSecond) if fits(10 << 20) => Example::quoted("10MiB/s"),
        Some(Unit::Seconds) if fits(60) => Example::plain("60"),
        Some(Unit::Milliseconds) if fits(1500) => Example::plain("1500"),
        None if option.handle == Handle::Easy && known.min.is_none() => Example::plain("1"),
        _ => {
            let usual = if fits(10) { 10 } else { known.min.or(known.max).unwrap_or(1) };
            Example::plain(&usual.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Given, all, check, find, header_line};
    use super::*;

    #[test]
    fn every_example_is_taken_both_ways() {
        for option in all(Handle::Easy).chain(all(Handle::Multi)) {
            let Some(example) = example(option) else { continue };
            let typed = check(option, &Given::Typed(vec![example.typed.clone()]));
            let table: toml::Table = toml::from_str(&example.line(option)).unwrap();
            let given = match &table[option.name] {
                toml::Value::Integer(number) => Given::Integer(*number),
                toml::Value::String(text) => Given::Text(text.clone()),
                toml::Value::Array(texts) => {
                    let texts = texts.iter().map(|text| text.as_str().unwrap().to_owned());
                    Given::List(texts.map(Given::Text).collect())
                }
                other => panic!("{other:?}"),
            };
            assert_eq!(typed.unwrap(), check(option, &given).unwrap(), "{example:?}");
        }
        assert!(header_line("X-Team: data").is_ok());
    }

    #[test]
    fn an_example_is_no_bad_example() {
        let version = example(find(Handle::Easy, "SSLVERSION").unwrap()).unwrap();
        assert_eq!(version.written, "\"TLSv1.2\"");
    }

    #[test]
    fn the_forms_are_those_of_options() {
        for (name, form) in FORMS {
            let option = find(Handle::Easy, name).unwrap();
            assert_eq!(example(option).map(|example| example.typed).as_deref(), Some(form));
        }
    }
}
