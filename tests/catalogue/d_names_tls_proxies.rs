//! D: names that cannot be resolved, certificates that cannot be trusted, proxies.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::certificates::{Authority, Flaw};
use super::dns::{Dns, Names};
use super::netns::Namespace;
use super::oracle::{Trial, Upload};
use super::proxy::{Mood, Proxy};
use super::relay::{Cut, Relay, Toxics};
use super::scripted::{Scripted, Turn};
use super::support::{Curlift, wait_until, write_file};
use super::{DESTINATION, MIB, SMALL, TWO_PARTS, at_once};

/// As a name cannot have the bucket before it here.
const BY_PATH: [&str; 2] = ["--addressing-style", "path"];

/// A store with a name, on all of its network's addresses.
fn named(script: impl Fn(&mut Turn<'_>) + Send + Sync + 'static) -> Scripted {
    let mut store = Scripted::on(TcpListener::bind("[::]:0").unwrap(), script);
    store.store.url = format!("http://s3.test:{}", store.address.port());
    store
}

/// Uploads to a store with a name, asking this server for its address.
fn by_name<'a>(store: &'a Scripted, dns: &Dns, length: usize) -> Upload<'a, Scripted> {
    let words = dns.asked();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Upload::new(store, length).args(&BY_PATH).under(&words)
}

/// A store that is reached over https, its certificate with this flaw.
fn over_tls(store: &mut Scripted, authority: &Authority, flaw: Flaw) -> Relay {
    let tls = Some(authority.acceptor(flaw));
    let relay = Relay::start(store.address, Toxics { tls, ..Toxics::default() });
    store.store.url = format!("https://{}", relay.address);
    store.store.ca = Some(authority.file());
    relay
}

/// D1 | names fail for 12 s, or for good | own name server | waited for; the message names the host
#[test]
fn d1_names_that_fail() {
    at_once(&[Names::Unknown, Names::Failing, Names::Silent], |names| {
        Namespace::new().inside(|| {
            let store = named(|_| {});
            let dns = Dns::start(names.clone());
            let trial = by_name(&store, &dns, SMALL).args(&["--retry", "2"]).within(50).run();
            // In silence, libcurl's limits for the name and for the connection end together.
            let trial = trial.expect("failed", 6).expect_retries(1..=1, &["dns", "connect"]);
            trial.expect_says(&["s3.test", "check the endpoint"]);
        });
        Namespace::new().inside(|| {
            let store = named(|_| {});
            let dns = Dns::start(names.clone());
            let begun = by_name(&store, &dns, SMALL).args(&["--retry", "30"]).within(60).start();
            sleep(Duration::from_secs(12));
            dns.said.say(Names::at(&["127.0.0.1"]));
            begun.end().expect_uploaded().expect_retries(1..=20, &["dns", "connect"]);
        });
    });
}

/// D2 | one dead address of two | own name server, nft | goes on with the other
#[test]
fn d2_a_dead_address() {
    at_once(&[["127.0.0.3", "127.0.0.2"], ["::1", "127.0.0.2"]], |addresses| {
        let network = Namespace::new();
        network.inside(|| {
            let store = named(|_| {});
            let dns = Dns::start(Names::at(addresses));
            network.filter("ip daddr 127.0.0.3 tcp flags syn drop");
            network.filter("ip6 daddr ::1 tcp flags syn drop");
            let trial = by_name(&store, &dns, TWO_PARTS).within(50).run();
            trial.expect_uploaded().expect_retries(0..=2, &["connect"]);
        });
    });
}

/// D3 | the address changes in mid-run | own name server, nft | the new one is used
#[test]
fn d3_the_address_changes() {
    let network = Namespace::new();
    let old = network.clone();
    network.inside(|| {
        let dns = Dns::start(Names::at(&["127.0.0.2"]));
        let names = dns.said.clone();
        let store = named(move |turn| {
            if turn.is("UploadPart", 1) {
                turn.read(MIB);
                names.say(Names::at(&["127.0.0.3"]));
                old.filter("ip daddr 127.0.0.2 meta l4proto tcp reject with tcp reset");
                turn.reset();
            }
        });
        let trial = by_name(&store, &dns, TWO_PARTS).within(60).run();
        trial.expect_uploaded().expect_retries(1..=20, &["reset", "connect", "timeout"]);
    });
}

/// D4 | expired, misnamed, self-signed, of nobody known | TLS in the relay | the end at once
#[test]
fn d4_certificates_not_to_be_trusted() {
    let (known, unknown) = (Authority::new("known"), Authority::new("unknown"));
    let cases = [
        (&known, Flaw::Expired, "expired"),
        (&known, Flaw::WrongName, "127.0.0.1"),
        (&known, Flaw::SelfSigned, "self"),
        (&unknown, Flaw::Nothing, "issuer"),
    ];
    at_once(&cases, |(authority, flaw, word)| {
        let mut store = Scripted::start(|_| {});
        let relay = over_tls(&mut store, authority, *flaw);
        store.store.ca = Some(known.file());
        let trial = Upload::new(&store, TWO_PARTS).within(10).run().expect("failed", 6);
        let told = trial.told();
        trial.expect_retries(0..=0, &[]).expect_says(&["certificate", word]);
        assert!(!told.contains("--no-verify-ssl"), "{told}");
        assert_eq!((relay.accepted(), store.requests().len()), (1, 0));
    });
}

/// A certificate that is as it should be, so that the others fail for their flaws.
#[test]
fn a_good_certificate_is_trusted() {
    let authority = Authority::new("known");
    let mut store = Scripted::start(|_| {});
    let _relay = over_tls(&mut store, &authority, Flaw::Nothing);
    Upload::new(&store, TWO_PARTS).at_most(4, 1.0).run().expect_uploaded();
}

/// `openssl s_server`, until it is dropped.
struct OldServer(Child);

impl Drop for OldServer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// D5 | TLS 1.0 and 1.1 only | `openssl s_server` | refused
#[test]
fn d5_old_tls() {
    at_once(&["-tls1", "-tls1_1"], |&version| {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let mut request = Command::new("openssl");
        request.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        request.args(["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]);
        request.args(["-keyout", &file("key.pem"), "-out", &file("ca.pem")]);
        assert!(request.stderr(Stdio::null()).status().unwrap().success());
        Namespace::new().inside(|| {
            let mut server = Command::new("openssl");
            server.args(["s_server", "-accept", "127.0.0.1:8443", version, "-www"]);
            server.args(["-key", &file("key.pem"), "-cert", &file("ca.pem")]);
            server.args(["-cipher", "ALL:@SECLEVEL=0"]);
            server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let _server = OldServer(server.spawn().unwrap());
            wait_until("s_server", || std::net::TcpStream::connect("127.0.0.1:8443").ok());
            let mut store = Scripted::start(|_| {});
            store.store.url = "https://127.0.0.1:8443".into();
            store.store.ca = Some(folder.path().join("ca.pem"));
            let upload = Upload::new(&store, SMALL).args(&["--retry", "2"]);
            let trial = upload.within(20).run().expect("failed", 6);
            trial.expect_says(&["TLS", "127.0.0.1:8443"]).expect_retries(0..=1, &["tls"]);
        });
    });
}

/// D6 | the handshake is cut or stalls | relay before TLS | again, as A1 and A5
#[test]
fn d6_handshake_cut() {
    let cuts = [Cut::Reset(1), Cut::Reset(200), Cut::Close(200), Cut::Stall(200)];
    at_once(&cuts, |&cut| {
        let authority = Authority::new("known");
        let mut store = Scripted::start(|_| {});
        let tls = over_tls(&mut store, &authority, Flaw::Nothing);
        let relay = Relay::start(tls.address, Toxics { cuts: vec![(0, cut)], ..Toxics::default() });
        store.store.url = format!("https://{}", relay.address);
        let trial = Upload::new(&store, SMALL).at_most(1, 1.0).within(30).run();
        let trial = trial.expect_uploaded();
        trial.expect_retries(1..=1, &["tls", "reset", "connect"]);
    });
}

/// D7 | closed without `close_notify` | relay with TLS, answers cut | no success from half of it
#[test]
fn d7_no_close_notify() {
    // Without a length the end of the connection is the end of the answer.
    at_once(&["UploadPart", "CompleteMultipartUpload", "CreateMultipartUpload"], |&operation| {
        let authority = Authority::new("known");
        let mut store = Scripted::start(move |turn| {
            if turn.is(operation, 1) {
                let answer = turn.work();
                let whole = answer.with("connection", "close").bytes(false);
                let text = String::from_utf8(whole).unwrap();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let fields: Vec<_> =
                    head.lines().filter(|line| !line.starts_with("content-length")).collect();
                let half = &body[..body.len() / 2];
                turn.say(format!("{}\r\n\r\n{half}", fields.join("\r\n")));
                turn.close();
            }
        });
        let _relay = over_tls(&mut store, &authority, Flaw::Nothing);
        let trial = Upload::new(&store, TWO_PARTS).at_most(12, 2.0).within(20).run();
        trial.expect_uploaded().expect_retries(0..=1, &["reset", "server"]);
    });
}

/// D8 | authorities missing, garbage, a folder | flag, `SSL_CERT_FILE` | told before anything
#[test]
fn d8_authorities_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.pem");
    fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let missing = folder.path().join("missing.pem");
    let files = [folder.path(), garbage.as_path(), missing.as_path()];
    let cases = files.iter().flat_map(|file| [(*file, true), (*file, false)]);
    let cases: Vec<_> = cases.collect();
    at_once(&cases, |(file, is_bundle)| {
        let authority = Authority::new("known");
        let mut store = Scripted::start(|_| {});
        let relay = over_tls(&mut store, &authority, Flaw::Nothing);
        store.store.ca = is_bundle.then(|| file.to_path_buf());
        let variable = format!("SSL_CERT_FILE={}", file.display());
        let words = if *is_bundle { Vec::new() } else { vec!["env".to_owned(), variable] };
        let (source, _) = write_file(folder.path(), &format!("{}", relay.address.port()), SMALL);
        let program = Curlift::under(&words).store(&store.store).args(&["cp", "--json"]);
        let ended = program.arg(source).arg(DESTINATION).run();
        if *is_bundle || file.exists() {
            let ended = ended.expect_code(3);
            assert!(ended.stderr.contains(&file.display().to_string()), "{ended:?}");
        } else {
            // As curl and OpenSSL have it: the system's authorities, who do not know this one.
            ended.expect_code(6);
        }
        assert!(relay.accepted() <= 1 && store.requests().is_empty());
    });
}

/// Uploads over https through this proxy, which the environment names with a password.
fn through(proxy: &Proxy, length: usize, args: &[&str]) -> (Scripted, Trial) {
    let authority = Authority::new("known");
    let mut store = Scripted::start(|_| {});
    let relay = over_tls(&mut store, &authority, Flaw::Nothing);
    let variable = format!("https_proxy=http://someone:pr0xy-pass@{}", proxy.address);
    let upload = Upload::new(&store, length).under(&["env", &variable]).args(args);
    let trial = upload.within(60).at_most(12, 2.5).run();
    assert!(!trial.told().contains("pr0xy-pass"), "{}", trial.told());
    drop(relay);
    (store, trial)
}

/// D9 | 407, 502, silence, endless head, death | a small proxy | as the network; no password told
#[test]
fn d9_proxies_that_fail() {
    let refused = "407 Proxy Authentication Required";
    let cases = [
        (Mood::Refuses(refused), "407"),
        (Mood::Refuses("502 Bad Gateway"), "502"),
        (Mood::Endless, "head"),
        (Mood::Silent, "timed out"),
    ];
    at_once(&cases, |&(mood, word)| {
        let proxy = Proxy::start(move |_| mood);
        let (store, trial) = through(&proxy, SMALL, &["--retry", "2"]);
        trial.expect("failed", 6).expect_says(&[word]);
        assert!(store.requests().is_empty() && (1..=2).contains(&proxy.asked()));
        // Once only: the next tunnel is opened.
        let proxy = Proxy::start(move |number| if number == 0 { mood } else { Mood::Good });
        let (_, trial) = through(&proxy, SMALL, &[]);
        let known = ["connect", "timeout", "reset", "server", "tls"];
        trial.expect_uploaded().expect_retries(1..=1, &known);
    });
    let proxy = Proxy::start(|number| if number == 1 { Mood::Dies(1 << 20) } else { Mood::Good });
    let (_, trial) = through(&proxy, TWO_PARTS, &[]);
    trial.expect_uploaded().expect_retries(0..=2, &["reset", "tls"]);
}

/// D10 | proxy variables to nowhere, `no_proxy` | environment | the message names them; obeyed
#[test]
fn d10_proxy_variables() {
    Namespace::new().inside(|| {
        let cases = ["http_proxy", "all_proxy"];
        at_once(&cases, |&name| {
            let store = Scripted::start(|_| {});
            let variable = format!("{name}=http://127.0.0.1:9");
            let upload = Upload::new(&store, SMALL).under(&["env", &variable]);
            let trial = upload.args(&["--retry", "2"]).within(20).run().expect("failed", 6);
            trial.expect_says(&["127.0.0.1:9", name]);
        });
        let cases = ["127.0.0.1", "*", "127.0.0.0/8", "elsewhere.test,127.0.0.1"];
        at_once(&cases, |&hosts| {
            let store = Scripted::start(|_| {});
            let hosts = format!("no_proxy={hosts}");
            let words = ["env", "http_proxy=http://127.0.0.1:9", &hosts];
            let trial = Upload::new(&store, SMALL).under(&words).within(20).run();
            trial.expect_uploaded().expect_retries(0..=0, &[]);
        });
    });
}
