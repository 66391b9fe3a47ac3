//! Where connections go, and how names are looked up.

use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::sync::Arc;
use std::thread;

use super::at_once;
use super::connections::driver;
use super::server::{Connection, Log, Server, obliging};
use super::upload::Upload;

pub(crate) const PROVEN: &[&str] = &[
    "ABSTRACT_UNIX_SOCKET",
    "CONNECT_TO",
    "DNS_SHUFFLE_ADDRESSES",
    "HSTS",
    "HSTS_CTRL",
    "IPRESOLVE",
    "RESOLVE",
    "UNIX_SOCKET_PATH",
];

#[test]
fn a_name_is_where_it_is_said_to_be() {
    let server = Server::obliging();
    let port = server.address.port();
    let to_name = || Upload::to(format!("http://s3.test:{port}"));
    let elsewhere = format!("RESOLVE=other.test:{port}:127.0.0.1");
    to_name().with(&[elsewhere]).expect_failed("s3.test");
    assert_eq!(server.accepted(), 0);
    to_name().with(&[format!("RESOLVE=s3.test:{port}:127.0.0.1")]).expect_stored();
    assert_eq!(server.first().field("host"), Some(&*format!("s3.test:{port}")));
}

#[test]
fn a_connection_goes_to_another_place_than_the_urls() {
    let (named, other) = (Server::obliging(), Server::obliging());
    let connect_to = format!("CONNECT_TO=127.0.0.1:{}:{}", named.address.port(), other.address);
    Upload::to(named.url()).expect_stored();
    assert_eq!((named.accepted(), other.accepted()), (1, 0));
    Upload::to(named.url()).with(&[connect_to]).expect_stored();
    assert_eq!((named.accepted(), other.accepted()), (1, 1));
    assert_eq!(other.first().field("host"), Some(&*named.address.to_string()));
}

#[test]
fn only_one_family_of_addresses_is_used() {
    let sixth = TcpListener::bind("[::1]:0").unwrap();
    let port = sixth.local_addr().unwrap().port();
    let fourth = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let (sixth, fourth) = (Server::on(sixth, obliging), Server::on(fourth, obliging));
    let resolve = format!("RESOLVE=s3.test:{port}:127.0.0.1,[::1]");
    for (option, counts) in [("IPRESOLVE=v6", (0, 1)), ("IPRESOLVE=v4", (1, 1))] {
        let upload = Upload::to(format!("http://s3.test:{port}"));
        upload.with(&[&resolve, option]).expect_stored();
        assert_eq!((fourth.accepted(), sixth.accepted()), counts, "{option}");
    }
}

/// Takes everything on a Unix socket.
fn on(listener: UnixListener) -> Arc<Log> {
    let log = Arc::new(Log::default());
    let accepting = Arc::clone(&log);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut connection = Connection::over(Box::new(stream.unwrap()), &accepting);
            thread::spawn(move || obliging(&mut connection));
        }
    });
    log
}

#[test]
fn a_socket_of_this_machine_is_used_in_place_of_host_and_port() {
    // Nobody listens where the URL says.
    let nowhere: SocketAddr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nowhere}");
    Upload::to(&url).expect_failed("connect");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sock");
    let name = format!("curlift-options-{}", std::process::id());
    let address = UnixAddress::from_abstract_name(&name).unwrap();
    let cases = [
        (format!("UNIX_SOCKET_PATH={}", path.display()), on(UnixListener::bind(&path).unwrap())),
        (format!("ABSTRACT_UNIX_SOCKET={name}"), on(UnixListener::bind_addr(&address).unwrap())),
    ];
    at_once(&cases, |(option, log)| {
        Upload::to(&url).with(&[option]).expect_stored();
        let requests = log.requests();
        assert_eq!(requests.len(), 1, "{option}");
        assert_eq!(requests[0].field("host"), Some(&*nowhere.to_string()), "{option}");
    });
}

#[test]
fn addresses_are_tried_in_random_order_where_that_is_wanted() {
    let first = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = first.local_addr().unwrap().port();
    let others = (2..=5).map(|last| TcpListener::bind((format!("127.0.0.{last}"), port)).unwrap());
    let servers: Vec<_> = [first].into_iter().chain(others).collect();
    let servers: Vec<_> = servers.into_iter().map(|it| Server::on(it, obliging)).collect();
    let addresses: Vec<_> = servers.iter().map(|server| server.address.ip().to_string()).collect();
    let resolve = format!("RESOLVE=s3.test:{port}:{}", addresses.join(","));
    let used = |option: &str| {
        let before: Vec<_> = servers.iter().map(Server::accepted).collect();
        // That all of them meet the same address by chance happens once in 5 to the 15.
        at_once(&[(); 16], |()| {
            let upload = Upload::to(format!("http://s3.test:{port}"));
            upload.with(&[&resolve, option]).expect_stored();
        });
        let after = servers.iter().map(Server::accepted);
        after.zip(before).filter(|(after, before)| after > before).count()
    };
    assert_eq!(used("DNS_SHUFFLE_ADDRESSES=0"), 1);
    assert!(used("DNS_SHUFFLE_ADDRESSES=1") > 1);
}

#[test]
fn servers_that_want_https_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hsts.txt");
    std::fs::write(&file, "s3.test \"20900101 00:00:00\"\n").unwrap();
    // The first byte of a handshake's record, or of a method.
    let first = |options: &[&str]| {
        let (tell, told) = std::sync::mpsc::channel();
        let server = Server::start(move |connection| {
            let _ = tell.send(connection.bytes(1)[0]);
        });
        let port = server.address.port();
        let resolve = format!("RESOLVE=s3.test:{port}:127.0.0.1");
        let upload = Upload::to(format!("http://s3.test:{port}")).with(&[resolve]);
        upload.with(options).run();
        told.recv().unwrap()
    };
    let named = format!("HSTS={}", file.display());
    assert_eq!(first(&["HSTS_CTRL=1"]), b'P');
    assert_eq!(first(&[&named]), 22);
    assert_eq!(first(&[&named, "HSTS_CTRL=0"]), b'P');
    // Nor is the file written anew by handles that never read it.
    drop(driver(&[&named]));
    assert!(std::fs::read_to_string(&file).unwrap().contains("s3.test"));
}
