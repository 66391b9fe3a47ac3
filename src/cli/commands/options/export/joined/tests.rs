//! Each option of these, and what the curl tool is told.

use super::*;
use crate::cli::args::ToolVersion;
use crate::config::{Config, ConfigFile, Overrides};
use crate::credentials::Environment;

/// What is told of `name` where these are set beside the defaults.
fn told_of(name: &str, curl: &[&str]) -> Told {
    let overrides = Overrides {
        curl: curl.iter().map(|set| (*set).to_owned()).collect(),
        ..Overrides::default()
    };
    let environment = Environment::default();
    let options = Config::load(&overrides, &environment, &ConfigFile::default()).unwrap().options;
    let all = All(&options);
    told(&all.get(name).unwrap_or_else(|| panic!("{name} is not set")).value, all)
}

/// The flags as a command line has them; what is not told begins with `#`.
fn line(name: &str, curl: &[&str]) -> String {
    match told_of(name, curl) {
        Told::Flags { flags, .. } => {
            let word = |flag: &Flag| match &flag.value {
                Some(value) => format!("{} {}", flag.name, value.shell()),
                None => flag.name.to_owned(),
            };
            flags.iter().map(word).collect::<Vec<_>>().join(" ")
        }
        Told::Already(_) => "# already".to_owned(),
        Told::Cannot(_) => "# cannot".to_owned(),
    }
}

#[test]
fn options_become_flags() {
    let rows: &[(&str, &[&str], &str)] = &[
        ("TCP_KEEPALIVE", &[], "# already"),
        ("TCP_KEEPALIVE", &["TCP_KEEPALIVE=0"], "--no-keepalive"),
        ("TCP_KEEPIDLE", &["TCP_KEEPIDLE=77"], "--keepalive-time 77"),
        ("TCP_KEEPIDLE", &["TCP_KEEPALIVE=0"], "# cannot"),
        ("TCP_KEEPINTVL", &["TCP_KEEPIDLE=77", "TCP_KEEPINTVL=77"], "# already"),
        ("TCP_KEEPINTVL", &["TCP_KEEPINTVL=5"], "# cannot"),
        ("TCP_KEEPCNT", &["TCP_KEEPCNT=3"], "--keepalive-cnt 3"),
        ("MAX_SEND_SPEED_LARGE", &["MAX_SEND_SPEED_LARGE=1M"], "--limit-rate 1048576"),
        ("MAX_RECV_SPEED_LARGE", &["MAX_RECV_SPEED_LARGE=1M"], "# cannot"),
        ("HTTP_VERSION", &[], "--http1.1"),
        ("HTTP_VERSION", &["HTTP_VERSION=2"], "--http2"),
        ("HTTP_VERSION", &["HTTP_VERSION=3"], "--http3"),
        ("HTTP_VERSION", &["HTTP_VERSION=2tls"], "# already"),
        ("SSLVERSION", &["SSLVERSION=TLSv1.2"], "--tlsv1.2"),
        ("SSLVERSION", &["SSLVERSION=TLSv1.2|max-TLSv1.3"], "--tlsv1.2 --tls-max 1.3"),
        ("SSLVERSION", &["SSLVERSION=max-TLSv1.2"], "--tls-max 1.2"),
        ("SSLVERSION", &["SSLVERSION=default"], "# already"),
        ("IPRESOLVE", &["IPRESOLVE=v4"], "--ipv4"),
        ("IPRESOLVE", &["IPRESOLVE=v6"], "--ipv6"),
        ("LOCALPORT", &["LOCALPORT=4000"], "--local-port 4000"),
        ("LOCALPORT", &["LOCALPORT=4000", "LOCALPORTRANGE=10"], "--local-port 4000-4009"),
        ("LOCALPORTRANGE", &["LOCALPORT=4000", "LOCALPORTRANGE=10"], "# already"),
        ("SSL_VERIFYPEER", &["SSL_VERIFYPEER=0"], "--insecure"),
        ("SSL_VERIFYPEER", &["SSL_VERIFYPEER=1"], "# already"),
        ("SSL_VERIFYHOST", &["SSL_VERIFYHOST=0"], "# cannot"),
        ("SSL_VERIFYHOST", &["SSL_VERIFYHOST=0", "SSL_VERIFYPEER=0"], "# already"),
        ("PROXY_SSL_VERIFYPEER", &["PROXY_SSL_VERIFYPEER=0"], "--proxy-insecure"),
        ("DOH_SSL_VERIFYPEER", &["DOH_SSL_VERIFYPEER=0"], "--doh-insecure"),
        ("SSL_OPTIONS", &["SSL_OPTIONS=no-revoke|native-ca"], "--ssl-no-revoke --ca-native"),
        ("SSL_OPTIONS", &["SSL_OPTIONS=no-partialchain"], "# cannot"),
        ("SSLCERT", &["SSLCERT=c:\\x.pem"], r#"--cert "c\\:\\\\x.pem""#),
        ("HTTPAUTH", &["HTTPAUTH=digest"], "--digest"),
        ("HTTPAUTH", &["HTTPAUTH=basic|digest"], "# cannot"),
        ("PROXYAUTH", &["PROXYAUTH=any"], "--proxy-anyauth"),
        ("SOCKS5_AUTH", &["SOCKS5_AUTH=basic"], "--socks5-basic"),
        ("NETRC", &["NETRC=optional"], "--netrc-optional"),
        ("FOLLOWLOCATION", &["FOLLOWLOCATION=1"], "--location"),
        ("REDIR_PROTOCOLS_STR", &["REDIR_PROTOCOLS_STR=https"], "--proto-redir '=https'"),
        ("AUTOREFERER", &["AUTOREFERER=1"], "--referer ';auto'"),
        ("ACCEPT_ENCODING", &["ACCEPT_ENCODING=gzip"], "--header 'Accept-Encoding: gzip'"),
        ("ACCEPT_ENCODING", &["ACCEPT_ENCODING="], "--compressed"),
        ("COOKIE", &["COOKIE=a=b"], "--cookie \"$CURLIFT_COOKIE\""),
        ("COOKIE", &["COOKIE=a"], "# cannot"),
        ("COOKIEJAR", &["COOKIEJAR=jar"], "--cookie-jar jar"),
        ("USERPWD", &["USERPWD=me:x"], "--user \"$CURLIFT_USERPWD\""),
        ("USERNAME", &["USERNAME=me", "PASSWORD=x"], "--user me:\"$CURLIFT_PASSWORD\""),
        ("PASSWORD", &["USERNAME=me", "PASSWORD=x"], "# already"),
        ("XOAUTH2_BEARER", &["XOAUTH2_BEARER=x"], "--oauth2-bearer \"$CURLIFT_XOAUTH2_BEARER\""),
        ("INTERFACE", &["INTERFACE=lo"], "--interface lo"),
    ];
    for (name, curl, expected) in rows {
        assert_eq!(line(name, curl), *expected, "{name} {curl:?}");
    }
}

#[test]
fn the_proxy_is_put_together() {
    let rows: &[(&[&str], &str)] = &[
        (&["PROXY=p:1"], "--proxy p:1"),
        (&["PROXY="], "--proxy ''"),
        (&["PROXY=p", "PROXYPORT=8080"], "--proxy p:8080"),
        (&["PROXY=[::1]", "PROXYPORT=8080"], "--proxy '[::1]:8080'"),
        (&["PROXY=[::1]:1", "PROXYPORT=8080"], "--proxy '[::1]:1'"),
        (&["PROXY=p:1", "PROXYTYPE=socks5h"], "--proxy socks5h://p:1"),
        (&["PROXY=https://p:1", "PROXYTYPE=socks5"], "--proxy https://p:1"),
        (&["PROXY=p:1", "PROXYTYPE=http1.0"], "--proxy1.0 p:1"),
        (&["PROXY=p:1", "PROXYTYPE=https2"], "--proxy https://p:1 --proxy-http2"),
        (&["PROXY=me:x@p", "PROXYTYPE=socks5"], "--proxy socks5://\"$CURLIFT_PROXY\""),
    ];
    for (curl, expected) in rows {
        assert_eq!(line("PROXY", curl), *expected, "{curl:?}");
    }
    assert_eq!(line("PROXYTYPE", &["PROXY=p:1", "PROXYTYPE=socks5"]), "# already");
    assert_eq!(line("PROXYTYPE", &["PROXYTYPE=socks5"]), "# cannot");
    assert_eq!(line("PROXYPORT", &["PROXY=p", "PROXYPORT=1"]), "# already");
    let user = ["PROXYUSERNAME=me", "PROXYPASSWORD=x"];
    assert_eq!(line("PROXYUSERNAME", &user), "--proxy-user me:\"$CURLIFT_PROXYPASSWORD\"");
    assert_eq!(line("PROXYPASSWORD", &user[1..]), "--proxy-user :\"$CURLIFT_PROXYPASSWORD\"");
}

#[test]
fn flags_that_differ_from_their_option_say_so() {
    let remark = |name: &str, curl: &[&str]| match told_of(name, curl) {
        Told::Flags { remark, .. } => remark.unwrap_or_default(),
        other => panic!("{other:?}"),
    };
    assert!(remark("TCP_KEEPIDLE", &[]).contains("TCP_KEEPINTVL"));
    assert!(remark("MAX_SEND_SPEED_LARGE", &["MAX_SEND_SPEED_LARGE=1M"]).contains("both"));
    assert!(remark("SSL_VERIFYPEER", &["SSL_VERIFYPEER=0"]).contains("name as well"));
    assert_eq!(remark("SSL_VERIFYPEER", &["SSL_VERIFYPEER=0", "SSL_VERIFYHOST=0"]), "");
}

#[test]
fn flags_of_newer_versions_say_since_when() {
    let since = |name: &str, curl: &[&str]| match told_of(name, curl) {
        Told::Flags { since, .. } => since,
        other => panic!("{other:?}"),
    };
    assert_eq!(since("TCP_KEEPCNT", &["TCP_KEEPCNT=3"]), Some(ToolVersion(8, 9)));
    assert_eq!(
        since("SSL_OPTIONS", &["SSL_OPTIONS=native-ca|earlydata"]),
        Some(ToolVersion(8, 11))
    );
    assert_eq!(since("HTTP_VERSION", &["HTTP_VERSION=3only"]), Some(ToolVersion(7, 88)));
    assert_eq!(since("TCP_KEEPIDLE", &[]), None);
}
