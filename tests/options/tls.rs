//! TLS: what is offered, what is believed, and who one says one is. To an https proxy the options
//! named `PROXY_…` do the same as theirs without that prefix to the store; both are held against
//! one test.

use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio_rustls::rustls::{HandshakeKind, ServerConfig, ServerConnection, StreamOwned};

use super::at_once;
use super::certificates::{Authority, Identity, blob, encrypted};
use super::hello::Hello;
use super::server::{Connection, Server, Stream, obliging};
use super::support::Ended;
use super::upload::Upload;

/// Of the store's connection alone.
pub(crate) const PROVEN: &[&str] = &[
    "CA_CACHE_TIMEOUT",
    "SSL_EC_CURVES",
    "SSL_ENABLE_ALPN",
    "SSL_SESSIONID_CACHE",
    "SSL_SIGNATURE_ALGORITHMS",
    "SSL_VERIFYSTATUS",
];

/// Of the store's, and behind `PROXY_` of an https proxy's.
pub(crate) const PROVEN_TWICE: &[&str] = &[
    "CAINFO",
    "CAINFO_BLOB",
    "CAPATH",
    "CRLFILE",
    "ISSUERCERT",
    "ISSUERCERT_BLOB",
    "KEYPASSWD",
    "PINNEDPUBLICKEY",
    "SSLCERT",
    "SSLCERTTYPE",
    "SSLCERT_BLOB",
    "SSLKEY",
    "SSLKEYTYPE",
    "SSLKEY_BLOB",
    "SSLVERSION",
    "SSL_CIPHER_LIST",
    "SSL_VERIFYHOST",
    "SSL_VERIFYPEER",
    "TLS13_CIPHERS",
];

/// Who speaks TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Store,
    Proxy,
}

const ROLES: [Role; 2] = [Role::Store, Role::Proxy];

impl Role {
    /// An upload to this server in this role, with options named as those of the store.
    fn upload(self, server: &Server, options: &[String]) -> Upload {
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
    client: Option<Vec<u8>>,
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
fn plain(identity: &Identity) -> Server {
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

/// An option and its value, a path.
fn set(name: &str, value: impl AsRef<Path>) -> String {
    format!("{name}={}", value.as_ref().display())
}

/// Uploads in both roles with each list of options in turn; whether each was stored.
fn expect(identity: &Identity, rows: &[(&[&String], bool)]) {
    for role in ROLES {
        at_once(rows, |(options, is_stored)| {
            let options: Vec<String> = options.iter().map(|option| (*option).clone()).collect();
            let server = plain(identity);
            let ended: Ended = role.upload(&server, &options).run();
            let said = &ended.stderr;
            assert_eq!(ended.code == Some(0), *is_stored, "{role:?} {options:?}: {said}");
            assert_eq!(server.requests().len(), usize::from(*is_stored), "{role:?} {options:?}");
        });
    }
}

#[test]
fn only_whom_the_options_name_is_believed() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let identity = known.identity("127.0.0.1");
    expect(
        &identity,
        &[
            (&[], false),
            (&[&set("CAINFO", other.file())], false),
            (&[&set("CAINFO", known.file())], true),
            (&[&format!("CAINFO_BLOB={}", blob(other.pem()))], false),
            (&[&format!("CAINFO_BLOB={}", blob(known.pem()))], true),
            (&[&set("CAPATH", other.path())], false),
            (&[&set("CAPATH", known.path())], true),
            (&[&"SSL_VERIFYPEER=0".to_owned()], true),
            (&[&"SSL_VERIFYHOST=0".to_owned()], false),
        ],
    );
    let trusted = set("CAINFO", known.file());
    expect(
        &known.identity("other.test"),
        &[
            (&[&trusted], false),
            (&[&trusted, &"SSL_VERIFYHOST=0".to_owned()], true),
            (&[&trusted, &"SSL_VERIFYPEER=0".to_owned()], false),
        ],
    );
}

#[test]
fn keys_issuers_and_revocations_are_checked_as_well() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let identity = known.identity("127.0.0.1");
    let trusted = set("CAINFO", known.file());
    let revoked = |is_revoked| set("CRLFILE", known.revocations(is_revoked));
    let wrong = other.identity("127.0.0.1").pin();
    expect(
        &identity,
        &[
            (&[&trusted], true),
            (&[&trusted, &format!("PINNEDPUBLICKEY={}", identity.pin())], true),
            (&[&trusted, &format!("PINNEDPUBLICKEY={wrong}")], false),
            (&[&trusted, &set("ISSUERCERT", known.file())], true),
            (&[&trusted, &set("ISSUERCERT", other.file())], false),
            (&[&trusted, &format!("ISSUERCERT_BLOB={}", blob(known.pem()))], true),
            (&[&trusted, &format!("ISSUERCERT_BLOB={}", blob(other.pem()))], false),
            (&[&trusted, &revoked(false)], true),
            (&[&trusted, &revoked(true)], false),
        ],
    );
}

#[test]
fn the_client_says_who_it_is() {
    let authority = Authority::new("known");
    let (server, client) = (authority.identity("127.0.0.1"), authority.identity("client.test"));
    let config = Authority::config(&server, Some(&authority));
    let certificate = authority.write("client.pem", &client.pem);
    let key = authority.write("key.pem", client.key.serialize_pem());
    let der = authority.write("client.der", &client.certificate);
    let key_der = authority.write("key.der", client.key.serialize_der());
    let locked = encrypted(&key, "pass-word");
    let text = |text: &str| text.to_owned();
    let (as_file, as_key) = (set("SSLCERT", &certificate), set("SSLKEY", &key));
    let as_blob = format!("SSLCERT_BLOB={}", blob(&client.pem));
    let key_blob = format!("SSLKEY_BLOB={}", blob(client.key.serialize_pem()));
    let (as_der, key_der) = (set("SSLCERT", der), set("SSLKEY", key_der));
    let locked = set("SSLKEY", locked);
    let rows: [(&[&String], bool); 13] = [
        (&[], false),
        (&[&as_file], false),
        (&[&as_key], false),
        (&[&as_file, &as_key], true),
        (&[&as_blob], false),
        (&[&as_blob, &key_blob], true),
        (&[&as_der, &as_key], false),
        (&[&as_der, &text("SSLCERTTYPE=DER"), &as_key], true),
        (&[&as_file, &key_der], false),
        (&[&as_file, &key_der, &text("SSLKEYTYPE=DER")], true),
        (&[&as_file, &locked], false),
        (&[&as_file, &locked, &text("KEYPASSWD=wrong-word")], false),
        (&[&as_file, &locked, &text("KEYPASSWD=pass-word")], true),
    ];
    for role in ROLES {
        at_once(&rows, |(options, is_stored)| {
            let (server, shaken) = over_tls(Arc::clone(&config), obliging);
            let mut options: Vec<_> = options.iter().map(|option| (*option).clone()).collect();
            options.push(set("CAINFO", authority.file()));
            let ended = role.upload(&server, &options).run();
            assert_eq!(ended.code == Some(0), *is_stored, "{options:?}: {}", ended.stderr);
            let seen = shaken.lock().unwrap().first().and_then(|first| first.client.clone());
            assert_eq!(seen.is_some(), *is_stored, "{role:?} {options:?}");
            assert!(seen.is_none_or(|seen| seen == client.certificate.to_vec()), "{options:?}");
        });
    }
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
fn authorities_are_remembered_as_long_as_told() {
    let (authority, other) = (Authority::new("known"), Authority::new("other"));
    let identity = authority.identity("127.0.0.1");
    for (timeout, count) in [("100", 2), ("0", 1)] {
        let bundle = authority.write(&format!("bundle-{timeout}.pem"), authority.pem());
        let (config, file, exchanged) =
            (Authority::config(&identity, None), bundle.clone(), other.pem());
        // Behind the first connection, others stand in the file.
        let (server, _) = over_tls(config, move |connection| {
            connection.request();
            std::fs::write(&file, &exchanged).unwrap();
            connection.answer("503 Slow Down", "");
        });
        let options = [
            set("CAINFO", bundle),
            "SSL_SESSIONID_CACHE=0".to_owned(),
            format!("CA_CACHE_TIMEOUT={timeout}"),
        ];
        Role::Store.upload(&server, &options).run();
        assert_eq!((server.accepted(), server.requests().len()), (2, count), "{timeout}");
    }
}

#[test]
fn a_proof_that_nothing_was_revoked_is_asked_for() {
    let authority = Authority::new("known");
    let identity = authority.identity("127.0.0.1");
    let trusted = set("CAINFO", authority.file());
    // The server has none to give.
    for (value, is_stored) in [(0, true), (1, false)] {
        let server = plain(&identity);
        let options = [trusted.clone(), format!("SSL_VERIFYSTATUS={value}")];
        let ended = Role::Store.upload(&server, &options).run();
        assert_eq!(ended.code == Some(0), is_stored, "{value}: {}", ended.stderr);
        assert!(is_stored || ended.stderr.contains("OCSP"), "{}", ended.stderr);
    }
}
