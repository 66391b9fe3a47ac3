//! Ways through others: HTTP proxies with and without a tunnel, SOCKS, and the line that tells a
//! load balancer's servers who the client is. The proxies here are the store as well: they answer
//! to what they should pass on.

use super::at_once;
use super::server::{Connection, STORED, Seen, Server, obliging};
use super::upload::Upload;

pub(crate) const PROVEN: &[&str] = &[
    "HAPROXYPROTOCOL",
    "HAPROXY_CLIENT_IP",
    "HEADEROPT",
    "HTTPPROXYTUNNEL",
    "NOPROXY",
    "PRE_PROXY",
    "PROXY",
    "PROXYAUTH",
    "PROXYHEADER",
    "PROXYPASSWORD",
    "PROXYPORT",
    "PROXYTYPE",
    "PROXYUSERNAME",
    "PROXYUSERPWD",
    "SOCKS5_AUTH",
];

/// Where nobody listens: an upload to it comes to nothing but through a proxy.
const NOWHERE: &str = "http://127.0.0.1:9";

#[test]
fn requests_go_to_the_proxy_that_is_named() {
    let (proxy, other) = (Server::obliging(), Server::obliging());
    Upload::to(NOWHERE).expect_failed("connect");
    Upload::to(NOWHERE).with(&[format!("PROXY={}", proxy.url())]).expect_stored();
    assert_eq!(proxy.first().line(), format!("PUT {NOWHERE}/bucket/key HTTP/1.1"));
    for server in [&proxy, &other] {
        let before = server.accepted();
        let port = format!("PROXYPORT={}", server.address.port());
        Upload::to(NOWHERE).with(&["PROXY=http://127.0.0.1", &port]).expect_stored();
        assert_eq!(server.accepted(), before + 1, "{port}");
    }
}

#[test]
fn hosts_may_be_reached_without_it() {
    let (store, proxy) = (Server::obliging(), Server::obliging());
    let named = format!("PROXY={}", proxy.url());
    let rows =
        [("NOPROXY=other.test", (0, 1)), ("NOPROXY=127.0.0.0/8", (1, 1)), ("NOPROXY=*", (2, 1))];
    for (option, counts) in rows {
        Upload::to(store.url()).with(&[&named, option]).expect_stored();
        assert_eq!((store.accepted(), proxy.accepted()), counts, "{option}");
    }
    // The option replaces what the environment says.
    let upload = Upload::to(store.url()).env("no_proxy", "*").with(&[&named, "NOPROXY="]);
    upload.expect_stored();
    assert_eq!((store.accepted(), proxy.accepted()), (2, 2));
}

/// What a proxy is asked by an upload with these options, first request first.
fn asked(options: &[&str]) -> Vec<Seen> {
    let proxy = Server::obliging();
    let named = format!("PROXY={}", proxy.url());
    Upload::to(NOWHERE).with(&[&named]).with(options).run();
    proxy.requests()
}

#[test]
fn a_tunnel_is_asked_for_where_that_is_wanted() {
    let lines = |options: &[&str]| -> Vec<String> {
        asked(options).iter().map(|seen| seen.line().to_owned()).collect()
    };
    assert_eq!(lines(&["HTTPPROXYTUNNEL=0"]), [format!("PUT {NOWHERE}/bucket/key HTTP/1.1")]);
    let tunnelled = lines(&["HTTPPROXYTUNNEL=1"]);
    assert_eq!(tunnelled, ["CONNECT 127.0.0.1:9 HTTP/1.1", "PUT /bucket/key HTTP/1.1"]);
}

/// `me:hush` as RFC 7617 writes it, and parts of it.
const BASIC: Option<&str> = Some("Basic bWU6aHVzaA==");

#[test]
fn the_proxy_is_told_who_one_is() {
    let rows: [(&[&str], Option<&str>); 7] = [
        (&[], None),
        (&["PROXYUSERPWD=me:hush"], BASIC),
        (&["PROXYUSERPWD=me:h%75sh"], BASIC),
        (&["PROXYUSERNAME=me"], Some("Basic bWU6")),
        (&["PROXYPASSWORD=hush"], Some("Basic Omh1c2g=")),
        (&["PROXYUSERNAME=me", "PROXYPASSWORD=hush"], BASIC),
        (&["PROXYUSERPWD=me:hush", "PROXYAUTH=digest"], None),
    ];
    at_once(&rows, |(options, expected)| {
        let seen = asked(options).remove(0);
        assert_eq!(seen.field("proxy-authorization"), *expected, "{options:?}");
    });
}

#[test]
fn fields_are_for_the_proxy_for_the_store_or_for_both() {
    let both = ["HTTPPROXYTUNNEL=1", "HTTPHEADER=X-Store: 1", "PROXYHEADER=X-Proxy: 2"];
    let fields = |options: &[&str]| -> Vec<(Option<String>, Option<String>)> {
        let field = |seen: &Seen, name| seen.field(name).map(str::to_owned);
        let asked = asked(options);
        asked.iter().map(|seen| (field(seen, "x-store"), field(seen, "x-proxy"))).collect()
    };
    let (one, two) = (Some("1".to_owned()), Some("2".to_owned()));
    assert_eq!(fields(&both[..2]), [(None, None), (one.clone(), None)]);
    assert_eq!(fields(&both), [(None, two), (one.clone(), None)]);
    let unified = ["HTTPPROXYTUNNEL=1", "HTTPHEADER=X-Store: 1", "HEADEROPT=unified"];
    assert_eq!(fields(&unified), [(one.clone(), None), (one, None)]);
}

/// What a SOCKS5 proxy was asked (RFC 1928).
#[derive(Debug, Default)]
struct Socks {
    /// Ways to say who one is that were offered.
    methods: Vec<u8>,
    /// The kind of address asked for (1: four bytes, 3: a name), and the address.
    kind: u8,
    target: Vec<u8>,
    /// Name and password, where they were asked for (RFC 1929).
    user: Vec<u8>,
}

/// Plays the proxy, up to where the connection is the store's.
fn socks(connection: &mut Connection) -> Option<Socks> {
    let count = *connection.bytes(2).get(1)?;
    let mut asked = Socks { methods: connection.bytes(count.into()), ..Socks::default() };
    let wants_name = asked.methods.contains(&2);
    connection.say([5, if wants_name { 2 } else { 0 }]);
    if wants_name {
        let length = *connection.bytes(2).get(1)?;
        asked.user = connection.bytes(length.into());
        let length = *connection.bytes(1).first()?;
        asked.user.push(b':');
        asked.user.extend(connection.bytes(length.into()));
        connection.say([1, 0]);
    }
    asked.kind = *connection.bytes(4).get(3)?;
    let length = if asked.kind == 3 { *connection.bytes(1).first()? } else { 4 };
    asked.target = connection.bytes(length.into());
    connection.bytes(2);
    connection.say([5, 0, 0, 1, 127, 0, 0, 1, 0, 9]);
    Some(asked)
}

/// What a SOCKS proxy is asked by an upload to `url`, its options made of its address.
fn through_socks(url: &str, options: impl Fn(&Server) -> Vec<String>) -> (Socks, Vec<Seen>) {
    let (tell, told) = std::sync::mpsc::channel();
    let proxy = Server::start(move |connection| {
        if let Some(asked) = socks(connection) {
            let _ = tell.send(asked);
            obliging(connection);
        }
    });
    Upload::to(url).with(&options(&proxy)).expect_stored();
    (told.recv().unwrap(), proxy.requests())
}

#[test]
fn the_kind_of_proxy_decides_how_it_is_asked() {
    // Without the option it is one for HTTP.
    let http = Server::obliging();
    Upload::to("http://s3.test").with(&[format!("PROXY={}", http.address)]).expect_stored();
    assert_eq!(http.first().line(), "PUT http://s3.test/bucket/key HTTP/1.1");
    let options = |kind: &'static str| {
        move |proxy: &Server| vec![format!("PROXY={}", proxy.address), format!("PROXYTYPE={kind}")]
    };
    let (asked, requests) = through_socks("http://s3.test", options("socks5h"));
    assert_eq!((asked.kind, &asked.target[..]), (3, &b"s3.test"[..]));
    assert_eq!(requests[0].line(), "PUT /bucket/key HTTP/1.1");
    // Names are looked up here, so there must be none.
    let (asked, _) = through_socks(NOWHERE, options("socks5"));
    assert_eq!((asked.kind, &asked.target[..]), (1, &[127, 0, 0, 1][..]));
}

#[test]
fn a_socks_proxy_is_told_who_one_is_as_far_as_allowed() {
    let with = |more: &'static [&'static str]| {
        move |proxy: &Server| {
            let named = [format!("PROXY=socks5h://{}", proxy.address)];
            let user = ["PROXYUSERPWD=me:hush"].iter().chain(more);
            named.into_iter().chain(user.map(|option| (*option).to_owned())).collect::<Vec<_>>()
        }
    };
    let (asked, _) = through_socks(NOWHERE, with(&[]));
    assert!(asked.methods.contains(&2) && asked.user == b"me:hush", "{asked:?}");
    let (asked, _) = through_socks(NOWHERE, with(&["SOCKS5_AUTH=gssapi"]));
    assert!(!asked.methods.contains(&2) && asked.user.is_empty(), "{asked:?}");
}

#[test]
fn one_proxy_is_reached_through_another() {
    let (asked, requests) = through_socks("http://s3.test", |proxy| {
        vec![format!("PRE_PROXY=socks5h://{}", proxy.address), "PROXY=http://proxy.test:81".into()]
    });
    assert_eq!((asked.kind, &asked.target[..]), (3, &b"proxy.test"[..]));
    assert_eq!(requests[0].line(), "PUT http://s3.test/bucket/key HTTP/1.1");
}

/// The line that a connection begins with (the PROXY protocol, version 1), if it does.
fn first_line(options: &[&str]) -> String {
    let server = Server::start(|connection| {
        // The line ends where a head's would not.
        connection.request();
        connection.answer(STORED, "");
    });
    Upload::to(server.url()).with(options).expect_stored();
    let seen = server.first();
    let from = seen.from.unwrap();
    assert!(seen.head.contains("PUT /bucket/key HTTP/1.1\r\n"), "{}", seen.head);
    let ports = format!("{} {}", from.port(), server.address.port());
    seen.line().replace(&ports, "PORTS")
}

#[test]
fn the_clients_address_is_told_before_all_else() {
    assert_eq!(first_line(&[]), "PUT /bucket/key HTTP/1.1");
    assert_eq!(first_line(&["HAPROXYPROTOCOL=1"]), "PROXY TCP4 127.0.0.1 127.0.0.1 PORTS");
    // libcurl writes it in place of both ends' addresses.
    let named = first_line(&["HAPROXY_CLIENT_IP=192.0.2.9"]);
    assert_eq!(named, "PROXY TCP4 192.0.2.9 192.0.2.9 PORTS");
}
