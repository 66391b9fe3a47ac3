//! What the kernel says of the program's own socket while an upload is under way: a copy of it is
//! fetched out of the process (`pidfd_getfd`) and asked.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::sockopt;
use rustix::process::{ForeignRawFd, Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::SockRef;

use super::at_once;
use super::server::{STORED, Server};
use super::support::{Ended, wait_until};
use super::upload::{CONFIGURATION, Upload};

pub(crate) const PROVEN: &[&str] = &[
    "INTERFACE",
    "LOCALPORT",
    "LOCALPORTRANGE",
    "TCP_FASTOPEN",
    "TCP_KEEPALIVE",
    "TCP_KEEPCNT",
    "TCP_KEEPIDLE",
    "TCP_KEEPINTVL",
    "TCP_NODELAY",
];

/// The socket of a process that is connected to `peer`.
fn socket_of(process: u32, peer: SocketAddr) -> Option<OwnedFd> {
    let pid = Pid::from_raw(process.try_into().unwrap()).unwrap();
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    for entry in fs::read_dir(format!("/proc/{process}/fd")).ok()? {
        let Ok(name) = entry.unwrap().file_name().into_string() else { continue };
        let number: ForeignRawFd = name.parse().unwrap();
        let copy = match pidfd_getfd(&pidfd, number, PidfdGetfdFlags::empty()) {
            Ok(copy) => copy,
            Err(Errno::PERM | Errno::NOSYS) => {
                panic!("sockets of a child may not be looked at here")
            }
            // It has closed it by now.
            Err(_) => continue,
        };
        let found = SockRef::from(&copy).peer_addr().ok().and_then(|address| address.as_socket());
        if found == Some(peer) {
            return Some(copy);
        }
    }
    None
}

/// What `ask` is told of the socket of an upload with these options, while its answer is awaited.
fn asked(options: &[&str], ask: fn(&OwnedFd) -> u64) -> u64 {
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let server = Server::start(move |connection| {
        connection.request();
        let _ = held.lock().unwrap().recv();
        connection.answer(STORED, "");
    });
    let (ended, told) = Upload::to(server.url()).with(options).during(|process| {
        wait_until("a request", || (!server.requests().is_empty()).then_some(()));
        let told = socket_of(process, server.address).map(|socket| ask(&socket));
        drop(let_go);
        told
    });
    ended.expect_code(0);
    told.expect("its socket is there")
}

/// Options, what is asked, and the answer without and with them.
type Row = (&'static str, fn(&OwnedFd) -> u64, [u64; 2]);

const ROWS: &[Row] = &[
    ("TCP_KEEPALIVE=0", |socket| sockopt::socket_keepalive(socket).unwrap().into(), [1, 0]),
    ("TCP_KEEPIDLE=77", |socket| sockopt::tcp_keepidle(socket).unwrap().as_secs(), [30, 77]),
    ("TCP_KEEPINTVL=33", |socket| sockopt::tcp_keepintvl(socket).unwrap().as_secs(), [10, 33]),
    ("TCP_KEEPCNT=4", |socket| sockopt::tcp_keepcnt(socket).unwrap().into(), [9, 4]),
    ("TCP_NODELAY=0", |socket| sockopt::tcp_nodelay(socket).unwrap().into(), [1, 0]),
];

#[test]
fn the_kernel_keeps_what_was_set() {
    at_once(ROWS, |(option, ask, [before, after])| {
        assert_eq!(asked(&[], *ask), *before, "without {option}");
        assert_eq!(asked(&[option], *ask), *after, "with {option}");
    });
}

#[test]
fn the_first_bytes_may_leave_with_the_opening_packet() {
    // What the kernel is told; whether it does so is for it and the other end to say.
    let told = |option: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calls");
        let words = ["strace", "-f", "-e", "trace=setsockopt", "-o"].map(str::to_owned);
        let words = [&words[..], &[file.display().to_string()]].concat();
        let server = Server::obliging();
        let upload = Upload::under(&words, server.url()).flags(&["--no-sign-request"]);
        upload.with(&[option]).expect_stored();
        let calls = fs::read_to_string(&file).unwrap();
        assert!(calls.contains("TCP_NODELAY, [1]"), "{calls}");
        calls.contains("TCP_FASTOPEN_CONNECT, [1]")
    };
    assert!(!told("TCP_FASTOPEN=0"));
    assert!(told("TCP_FASTOPEN=1"));
}

/// Where a request came from.
fn came_from(options: &[String]) -> SocketAddr {
    let server = Server::obliging();
    Upload::to(server.url()).with(options).expect_stored();
    server.first().from.unwrap()
}

#[test]
fn connections_leave_from_the_address_that_is_named() {
    assert_eq!(came_from(&[]).ip(), Ipv4Addr::LOCALHOST);
    for value in ["127.0.0.2", "host!127.0.0.2"] {
        let from = came_from(&[format!("INTERFACE={value}")]);
        assert_eq!(from.ip(), Ipv4Addr::new(127, 0, 0, 2), "{value}");
    }
    Upload::to(Server::obliging().url()).with(&["INTERFACE=lo"]).expect_stored();
    let server = Server::obliging();
    let ended = Upload::to(server.url()).with(&["INTERFACE=if!none0"]).run();
    expect_unbound(&ended.expect_code(CONFIGURATION));
    assert_eq!(server.accepted(), 0);
}

fn expect_unbound(ended: &Ended) {
    assert!(ended.stderr.contains("Failed binding local connection end"), "{}", ended.stderr);
}

/// Two neighbouring ports that nobody has, on an address of the test's own; the first is held by
/// the listener.
fn two_ports() -> (TcpListener, u16) {
    for _ in 0..100 {
        let listener = TcpListener::bind("127.0.0.5:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = port.checked_add(1).map(|next| TcpListener::bind(("127.0.0.5", next)));
        if next.is_some_and(|next| next.is_ok()) {
            return (listener, port);
        }
    }
    panic!("no two ports beside each other are free");
}

#[test]
fn connections_leave_from_the_port_that_is_named() {
    let (holder, taken) = two_ports();
    let from = |options: &[&str]| {
        let options = options.iter().map(|option| (*option).to_owned());
        came_from(&options.chain(["INTERFACE=127.0.0.5".to_owned()]).collect::<Vec<_>>())
    };
    let named = format!("LOCALPORT={}", taken + 1);
    assert_ne!(from(&[]).port(), taken + 1);
    assert_eq!(from(&[&named]).port(), taken + 1);
    // Of a range the first that is free.
    let server = Server::obliging();
    let named = format!("LOCALPORT={taken}");
    let options = ["INTERFACE=127.0.0.5", &named];
    expect_unbound(&Upload::to(server.url()).with(&options).run().expect_code(CONFIGURATION));
    assert_eq!(server.accepted(), 0);
    let from = from(&[&named, "LOCALPORTRANGE=9"]).port();
    assert!((taken + 1..taken + 9).contains(&from), "{from}");
    drop(holder);
}
