//! TLS: what is offered, and what comes of it. To an https proxy the options named `PROXY_…` do the
//! same as theirs without that prefix to the store; both are held against one test.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::at_once;
use super::certificates::{Authority, Identity};
use super::hello::Hello;
use super::server::{Connection, Server, Stream, obliging};
use super::upload::Upload;

/// Of the store's connection alone.
pub(crate) const PROVEN: &[&str] = &[
    "ALTSVC",
    "ALTSVC_CTRL",
    "SSL_EC_CURVES",
    "SSL_ENABLE_ALPN",
    "SSL_SESSIONID_CACHE",
    "SSL_SIGNATURE_ALGORITHMS",
];

/// Of the store's, and behind `PROXY_` of an https proxy's.
pub(crate) const PROVEN_TWICE: &[&str] = &["SSLVERSION", "SSL_CIPHER_LIST", "TLS13_CIPHERS"];

/// An option and its value, a path.
pub(crate) fn set(name: &str, value: impl AsRef<Path>) -> String {
    format!("{name}={}", value.as_ref().display())
}

/// Who speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Store,
    Proxy,
}

pub(crate) const ROLES: [Role; 2] = [Role::Store, Role::Proxy];

impl Role {
    /// An upload to this server in this role, with options named as those of the store.
    pub(crate) fn upload(self, server: &Server, options: &[String]) -> Upload {
        let url = format!("https://{}", server.address);
        match self {
            Role::Store => Upload::to(url).with(options),
            Role::Proxy => {
                // The proxy is the store as well.
                let options: Vec<_> = options.iter().map(|set| format!("PROXY_{set}")).collect();
                let upload = Upload::to("http://127.0.0.1:9").with(&[format!("PROXY={url}")]);
                upload.with(&options)
            }
        }
    }
}

/// What one handshake came to.
#[derive(Debug, Clone)]
pub(crate) struct Shaken {
    pub(crate) client: Option<Vec<u8>>,
    kind: Option<HandshakeKind>,
}

/// A server over TLS, and its handshakes.
pub(crate) fn over_tls(
    config: Arc<ServerConfig>,
    script: impl Fn(&mut Connection) + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<Shaken>>>) {
    let shaken = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shaken);
    let wrap = move |mut stream: std::net::TcpStream| -> Option<Box<dyn Stream>> {
        let mut tls = ServerConnection::new(Arc::clone(&config)).ok()?;
        while tls.is_handshaking() {
            if tls.complete_io(&mut stream).is_err() {
                return None;
            }
        }
        let client = tls.peer_certificates().map(|chain| chain[0].to_vec());
        seen.lock().unwrap().push(Shaken { client, kind: tls.handshake_kind() });
        Some(Box::new(StreamOwned::new(tls, stream)))
    };
    (Server::over(TcpListener::bind("127.0.0.1:0").unwrap(), wrap, script), shaken)
}

/// A store over TLS that anybody may use.
pub(crate) fn plain(identity: &Identity) -> Server {
    over_tls(Authority::config(identity, None), obliging).0
}

/// What an upload with these options offers.
fn offer(role: Role, options: &[&str]) -> Hello {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |connection| {
        let _ = tell.send(Hello::read(connection).unwrap());
    });
    let options: Vec<_> = options.iter().map(|option| (*option).to_owned()).collect();
    role.upload(&server, &options).run();
    told.recv().unwrap()
}

const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

#[test]
fn versions_and_ciphers_are_offered_as_told() {
    at_once(&ROLES, |&role| {
        let (ours, theirs) = (0xc02f, 0x1301);
        let usual = offer(role, &[]);
        assert_eq!(usual.versions(), [TLS_1_3, TLS_1_2], "{role:?}");
        assert!(usual.ciphers.contains(&ours) && usual.ciphers.contains(&theirs));
        assert!(usual.ciphers.len() > 4, "{usual:?}");
        assert_eq!(offer(role, &["SSLVERSION=max-TLSv1.2"]).versions(), [TLS_1_2], "{role:?}");
        assert_eq!(offer(role, &["SSLVERSION=TLSv1.3"]).versions(), [TLS_1_3], "{role:?}");
        let one = ["SSLVERSION=max-TLSv1.2", "SSL_CIPHER_LIST=ECDHE-RSA-AES128-GCM-SHA256"];
        let ciphers = offer(role, &one).ciphers;
        // Beside it only the signal of RFC 5746.
        assert_eq!(ciphers.iter().filter(|cipher| **cipher != 0x00ff).collect::<Vec<_>>(), [&ours]);
        let one = ["SSLVERSION=TLSv1.3", "TLS13_CIPHERS=TLS_AES_128_GCM_SHA256"];
        let ciphers = offer(role, &one).ciphers;
        assert_eq!(
            ciphers.iter().filter(|cipher| **cipher != 0x00ff).collect::<Vec<_>>(),
            [&theirs]
        );
    });
}

#[test]
fn groups_signatures_and_protocols_are_offered_as_told() {
    let usual = offer(Role::Store, &[]);
    // secp384r1 and x25519 (RFC 8446, section 4.2.7).
    assert!(usual.groups().contains(&0x001d) && usual.groups().len() > 2, "{usual:?}");
    assert_eq!(offer(Role::Store, &["SSL_EC_CURVES=P-384"]).groups(), [0x0018]);
    assert!(usual.signature_algorithms().len() > 2);
    let one = offer(Role::Store, &["SSL_SIGNATURE_ALGORITHMS=ecdsa_secp256r1_sha256"]);
    assert_eq!(one.signature_algorithms(), [0x0403]);
    assert_eq!(usual.protocols(), ["http/1.1"]);
    assert_eq!(offer(Role::Store, &["SSL_ENABLE_ALPN=0"]).protocols(), [""; 0]);
    assert_eq!(offer(Role::Store, &["HTTP_VERSION=2tls"]).protocols(), ["h2", "http/1.1"]);
}

#[test]
fn the_server_is_named_as_in_the_url() {
    let (tell, told) = std::sync::mpsc::channel();
    let server = Server::start(move |connection| {
        let _ = tell.send(Hello::read(connection).unwrap());
    });
    let port = server.address.port();
    let connect_to = format!("CONNECT_TO=s3.test:{port}:127.0.0.1:{port}");
    Upload::to(format!("https://s3.test:{port}")).with(&[connect_to]).run();
    assert_eq!(told.recv().unwrap().server_name().as_deref(), Some("s3.test"));
}

#[test]
fn a_session_is_taken_up_again_unless_that_is_off() {
    let authority = Authority::new("known");
    let identity = authority.identity("127.0.0.1");
    for (value, expected) in [(1, HandshakeKind::Resumed), (0, HandshakeKind::Full)] {
        let config = Authority::config(&identity, None);
        // Refused over a connection that is closed, curlift asks over another what is stored.
        let (server, shaken) = over_tls(config, |connection| {
            connection.request();
            connection.answer("503 Slow Down", "");
        });
        let options = [set("CAINFO", authority.file()), format!("SSL_SESSIONID_CACHE={value}")];
        Role::Store.upload(&server, &options).run();
        let kinds: Vec<_> = shaken.lock().unwrap().iter().map(|shaken| shaken.kind).collect();
        assert_eq!(kinds, [Some(HandshakeKind::Full), Some(expected)], "{value}");
    }
}

#[test]
fn another_place_that_a_server_offered_is_used() {
    let authority = Authority::new("known");
    let identity = authority.identity("127.0.0.1");
    let counts = |more: &[&str]| {
        let (here, there) = (plain(&identity), plain(&identity));
        let ports = [&here, &there].map(|server| server.address.port());
        let [from, to] = ports.map(|port| format!("h1 127.0.0.1 {port}"));
        let offer = format!("{from} {to} \"20900101 00:00:00\" 0 0\n");
        let file = authority.write("offers.txt", offer);
        let mut options = vec![set("CAINFO", authority.file())];
        options.extend(more.iter().map(|option| option.replace("FILE", file.to_str().unwrap())));
        Role::Store.upload(&here, &options).expect_stored();
        (here.accepted(), there.accepted())
    };
    assert_eq!(counts(&[]), (1, 0));
    assert_eq!(counts(&["ALTSVC=FILE"]), (0, 1));
    assert_eq!(counts(&["ALTSVC=FILE", "ALTSVC_CTRL=h2"]), (1, 0));
    assert_eq!(counts(&["ALTSVC=FILE", "ALTSVC_CTRL=h1"]), (0, 1));
}
