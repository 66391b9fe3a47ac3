//! A: connections that break, stall, crawl or cannot be had.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::thread::{sleep, spawn};
use std::time::Duration;

use super::netns::{FAR, NEAR, Namespace};
use super::oracle::Upload;
use super::relay::{Cut, Relay, Toxics};
use super::scripted::{Answer, Scripted, Turn};
use super::{MIB, SMALL, TWO_PARTS, at_once};

/// Three parts, for what must outlive the first.
const THREE_PARTS: usize = 10 * MIB + 70_001;

/// One part after the other.
const ONE_BY_ONE: [&str; 2] = ["--concurrency", "1"];

/// The first attempt to send a part, one by one counted from 1.
fn is_first_try(turn: &Turn<'_>, part: u32) -> bool {
    turn.part == Some(part) && turn.attempt == 1
}

/// Listens with a small receive buffer, so that what is acknowledged was nearly read.
fn narrow(address: &str) -> TcpListener {
    let listener = TcpListener::bind((address, 0)).unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(64 << 10).unwrap();
    listener
}

/// A store whose connections all come through a relay.
fn behind(store: &mut Scripted, toxics: Toxics) -> Relay {
    let relay = Relay::start(store.address, toxics);
    store.store.url = format!("http://{}", relay.address);
    relay
}

/// Ends what a namespace does to its packets, later.
fn lift_after(time: Duration, network: &Namespace) {
    let network = network.clone();
    spawn(move || {
        sleep(time);
        network.unfilter();
    });
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A1 | RST in mid-body | scripted store, relay | only that part again, the same bytes
#[test]
fn a1_reset_in_mid_body() {
    let last = 5 * MIB;
    at_once(&[0, 1, MIB, last - 1, last], |&length| {
        let store = Scripted::start(move |turn| {
            if is_first_try(turn, 1) {
                turn.read(length);
                turn.reset();
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).at_most(5, 2.0).within(20).run();
        trial.expect_uploaded().expect_retries(0..=1, &["reset"]);
        assert_eq!(store.count("UploadPart"), 3);
    });
    // Before the head of a request is whole.
    at_once(&[0, 1, 100], |&length| {
        let mut store = Scripted::start(|_| {});
        let cuts = vec![(0, Cut::Reset(length))];
        let relay = behind(&mut store, Toxics { cuts, ..Toxics::default() });
        let trial = Upload::new(&store, SMALL).at_most(2, 2.0).within(20).run();
        trial.expect_uploaded().expect_retries(1..=1, &["reset", "connect"]);
        assert_eq!(relay.accepted(), 2);
    });
}

/// A2 | FIN in mid-body, then silence | scripted store | as A1, and no waiting for an answer
#[test]
fn a2_half_close_in_mid_body() {
    let store = Scripted::start(|turn| {
        if is_first_try(turn, 1) {
            turn.read(MIB);
            turn.hang_up();
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).at_most(5, 2.5).within(10).run();
    trial.expect_uploaded().expect_retries(0..=1, &["reset"]);
    assert_eq!(store.count("UploadPart"), 3);
}

/// A3 | closed after the whole body, no answer | scripted store | sent again, one object
#[test]
fn a3_closed_without_an_answer() {
    let cases = [
        ("PutObject", SMALL),
        ("CreateMultipartUpload", TWO_PARTS),
        ("UploadPart", TWO_PARTS),
        ("CompleteMultipartUpload", TWO_PARTS),
    ];
    at_once(&cases, |&(operation, length)| {
        let store = Scripted::start(move |turn| {
            if turn.is(operation, 1) {
                turn.read_all();
                turn.close();
            }
        });
        let trial = Upload::new(&store, length).at_most(12, 2.0).within(20).run();
        trial.expect_uploaded().expect_retries(0..=1, &["reset"]);
        assert!(store.count(operation) >= 2);
    });
}

/// A4 | a black hole in mid-transfer | nft drops all, from 1 MiB on | cut by the watchdog, resumed
#[test]
fn a4_black_hole_that_ends() {
    let network = Namespace::new();
    let hole = network.clone();
    network.inside(|| {
        let store = Scripted::on(narrow("127.0.0.1"), move |turn| {
            if is_first_try(turn, 1) {
                turn.read(MIB);
                hole.filter("meta l4proto tcp drop");
                lift_after(seconds(35), &hole);
                turn.serve();
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).within(90).run();
        trial.expect_uploaded().expect_retries(1..=8, &["stalled", "timeout", "connect"]);
    });
}

/// A4 | a black hole for good | nft drops all, from 1 MiB on | ends, and says so
#[test]
fn a4_black_hole_for_good() {
    let network = Namespace::new();
    let hole = network.clone();
    network.inside(|| {
        let store = Scripted::on(narrow("127.0.0.1"), move |turn| {
            if turn.is("PutObject", 1) {
                turn.read(100);
                hole.filter("meta l4proto tcp drop");
                turn.serve();
            }
        });
        let upload = Upload::new(&store, 4 * MIB).args(&["--retry", "2"]);
        let trial = upload.within(90).run().expect("failed", 6);
        trial.expect_says(&[&store.address.to_string()]);
    });
}

/// A5 | SYN dropped | nft from the start | ends within its attempts, naming the address
#[test]
fn a5_connections_never_come_about() {
    let network = Namespace::new();
    network.inside(|| {
        let store = Scripted::start(|_| {});
        network.filter("tcp flags syn drop");
        let upload = Upload::new(&store, SMALL).args(&["--retry", "2"]);
        let trial = upload.within(40).run().expect("failed", 6);
        trial.expect_says(&[&store.address.to_string()]);
        network.unfilter();
        assert!(store.requests().is_empty());
    });
}

/// A6 | refused | nobody listens | ends within its attempts, naming the address
#[test]
fn a6_refused() {
    let network = Namespace::new();
    network.inside(|| {
        let mut store = Scripted::start(|_| {});
        store.store.url = "http://127.0.0.1:9".into();
        let upload = Upload::new(&store, SMALL).args(&["--retry", "3"]);
        let trial = upload.within(40).run().expect("failed", 6);
        trial.expect_says(&["127.0.0.1:9"]).expect_retries(2..=2, &["connect"]);
    });
}

/// A7 | reset by a firewall for ten seconds | nft, reject with tcp reset | resumed
#[test]
fn a7_reset_by_a_firewall() {
    let network = Namespace::new();
    let wall = network.clone();
    network.inside(|| {
        let store = Scripted::start(move |turn| {
            if is_first_try(turn, 1) {
                turn.read(MIB);
                let (_, port) = turn.head.field("host").unwrap().split_once(':').unwrap();
                wall.filter(&format!("tcp dport {port} reject with tcp reset"));
                lift_after(seconds(10), &wall);
                turn.serve();
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).within(60).run();
        trial.expect_uploaded().expect_retries(1..=40, &["reset", "connect"]);
    });
}

/// A8 | a slow reader | scripted store, small receive buffer | patience while anything moves
#[test]
fn a8_slow_reader() {
    let network = Namespace::new();
    network.inside(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&listener).set_recv_buffer_size(8 << 10).unwrap();
        let store = Scripted::on(listener, |turn| {
            // Longer for the whole than a body that stands still is given.
            for tick in 1..=100 {
                turn.read(tick * 1_000);
                sleep(Duration::from_millis(500));
            }
            turn.serve();
        });
        let trial = Upload::new(&store, 100_000).within(80).at_most(1, 1.0).run();
        let trial = trial.expect_uploaded().expect_retries(0..=0, &[]);
        assert!(trial.elapsed > seconds(45), "{}", trial.told());
    });
}

/// A9 | a narrow link | nft drops above 1 MB/s | uploaded without a retry
#[test]
fn a9_narrow_link() {
    let network = Namespace::new();
    network.inside(|| {
        let store = Scripted::start(|_| {});
        let port = store.address.port();
        let limit = "limit rate over 1 mbytes/second burst 256 kbytes drop";
        network.filter(&format!("tcp dport {port} {limit}"));
        let trial = Upload::new(&store, THREE_PARTS).within(90).at_most(5, 1.0).run();
        let trial = trial.expect_uploaded().expect_retries(0..=0, &[]);
        assert!(trial.elapsed > seconds(8), "{}", trial.told());
    });
}

/// A10 | packets lost, 1 and 5 in a hundred | nft numgen | uploaded without a retry
#[test]
fn a10_packets_lost() {
    at_once(&[1, 5], |&percent| {
        let network = Namespace::new();
        network.inside(|| {
            let store = Scripted::start(|_| {});
            network.filter(&format!("meta l4proto tcp numgen random mod 100 < {percent} drop"));
            let trial = Upload::new(&store, TWO_PARTS).within(90).at_most(4, 1.0).run();
            trial.expect_uploaded().expect_retries(0..=0, &[]);
        });
    });
}

/// A11 | 300 ms each way and up to 100 ms more | relay | parts go side by side
#[test]
fn a11_latency() {
    let mut store = Scripted::start(|_| {});
    let (latency, jitter) = (Duration::from_millis(300), Duration::from_millis(100));
    let _relay = behind(&mut store, Toxics { latency, jitter, ..Toxics::default() });
    let trial = Upload::new(&store, THREE_PARTS).within(30).at_most(5, 1.0).run();
    trial.expect_uploaded().expect_retries(0..=0, &[]);
    let requests = store.requests();
    let parts = requests.iter().filter(|request| request.part.is_some());
    let times: Vec<_> = parts.map(|request| request.at).collect();
    let apart = *times.iter().max().unwrap() - *times.iter().min().unwrap();
    assert!(times.len() == 3 && apart < Duration::from_millis(600), "{apart:?}");
}

/// A12 | one byte a segment, both ways | relay | heads, bodies and answers are put together
#[test]
fn a12_one_byte_a_segment() {
    at_once(&[SMALL, TWO_PARTS], |&length| {
        let mut store = Scripted::start(|_| {});
        let toxics = Toxics { sliced_up: 5_000, sliced_down: 5_000, ..Toxics::default() };
        let _relay = behind(&mut store, toxics);
        let trial = Upload::new(&store, length).within(60).at_most(4, 1.0).run();
        trial.expect_uploaded().expect_retries(0..=0, &[]);
    });
}

/// A13 | idle connections closed as they are used again | scripted store | not noticed
#[test]
fn a13_closed_when_used_again() {
    at_once(&[0, 1, 5, 20, 50, 100, 500], |&pause| {
        let store = Scripted::start(move |turn| {
            turn.serve();
            sleep(Duration::from_millis(pause));
            turn.close();
        });
        let upload = Upload::new(&store, THREE_PARTS).args(&ONE_BY_ONE);
        let trial = upload.within(40).at_most(20, 3.0).run();
        trial.expect_uploaded().expect_retries(0..=5, &["reset"]);
    });
    // After a wait that the store asked for, as long as stores keep connections.
    let store = Scripted::start(|turn| {
        if turn.is("UploadPart", 1) {
            turn.read_all();
            let answer = Answer::error(503, "SlowDown");
            turn.answer(&answer.with("retry-after", "5"));
            sleep(seconds(5));
            turn.close();
        }
    });
    let upload = Upload::new(&store, TWO_PARTS).args(&ONE_BY_ONE);
    let trial = upload.within(40).at_most(8, 3.0).run();
    trial.expect_uploaded().expect_retries(1..=2, &["throttled", "reset"]);
}

/// A14 | the link is down for 40 s | ip link, at either end | resumed, no part sent in vain
#[test]
fn a14_link_down() {
    at_once(&["ours", "theirs"], |&end| {
        let (near, far) = Namespace::pair();
        let store = {
            let cable = if end == "ours" { near.clone() } else { far.clone() };
            let script = move |turn: &mut Turn<'_>| {
                if is_first_try(turn, 2) {
                    turn.read(MIB);
                    cable.run("ip link set cable down");
                    let cable = cable.clone();
                    spawn(move || {
                        sleep(seconds(40));
                        cable.run("ip link set cable up");
                    });
                    turn.serve();
                }
            };
            far.inside(|| Scripted::on(narrow(FAR), script))
        };
        let upload = Upload::new(&store, THREE_PARTS).args(&ONE_BY_ONE).within(95);
        let trial = near.inside(|| upload.run()).expect_uploaded();
        trial.expect_retries(1..=60, &["stalled", "timeout", "connect", "reset"]);
        let parts = store.requests().into_iter().filter(|request| request.part == Some(1));
        assert_eq!(parts.count(), 1, "what was stored is not sent again");
    });
}

/// A15 | our own address changes | ip address | new connections from the new one
#[test]
fn a15_own_address_changes() {
    let (near, far) = Namespace::pair();
    let host = near.clone();
    let script = move |turn: &mut Turn<'_>| {
        if is_first_try(turn, 2) {
            turn.read(MIB);
            host.run(&format!("ip address del {NEAR}/24 dev cable"));
            host.run("ip address add 192.0.2.3/24 dev cable");
            turn.serve();
        }
    };
    let store = far.inside(|| Scripted::on(narrow(FAR), script));
    let upload = Upload::new(&store, THREE_PARTS).args(&ONE_BY_ONE).within(60);
    let trial = near.inside(|| upload.run()).expect_uploaded();
    trial.expect_retries(1..=3, &["stalled", "timeout", "reset"]);
}

/// A16 | large packets vanish | nft drops above 1,400 bytes | ends, and says that it is the MTU
#[test]
fn a16_large_packets_vanish() {
    let network = Namespace::new();
    network.inside(|| {
        let store = Scripted::start(|_| {});
        network.filter("meta length > 1400 drop");
        let upload = Upload::new(&store, TWO_PARTS).args(&["--retry", "2"]);
        let trial = upload.within(95).run().expect("failed", 6);
        trial.expect_says(&["nothing moved for 30 s", "large packets do not get through"]);
    });
}

/// A17 | two connections at most, the others reset | relay | fewer at a time, all parts arrive
#[test]
fn a17_few_connections() {
    let mut store = Scripted::start(|turn| {
        if turn.operation == "UploadPart" {
            turn.read(MIB);
            sleep(Duration::from_millis(300));
            turn.serve();
        }
    });
    let toxics = Toxics { connections_max: Some(2), ..Toxics::default() };
    let relay = behind(&mut store, toxics);
    let upload = Upload::new(&store, 8 * 5 * MIB).args(&["--concurrency", "8"]);
    let trial = upload.within(60).at_most(12, 1.1).run();
    trial.expect_uploaded().expect_retries(1..=30, &["reset", "connect"]);
    assert!(relay.refused() <= 30, "{} connections too many", relay.refused());
}

/// A18 | the program is stopped for 20 s and continued | SIGSTOP | new connections, signed anew
#[test]
fn a18_asleep() {
    let (tell, told) = channel();
    let first = Mutex::new(None);
    let store = Scripted::start(move |turn| {
        let date = turn.head.field("x-amz-date").map(str::to_owned);
        if is_first_try(turn, 1) {
            *first.lock().unwrap() = date;
            turn.read(MIB);
            tell.send(()).unwrap();
            sleep(seconds(5));
            turn.reset();
        } else if turn.part == Some(1) && *first.lock().unwrap() == date {
            // libcurl repeated the request as it was; after a night that is too old.
            turn.read_all();
            let now = chrono::Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            turn.answer(&Answer::error(403, "RequestTimeTooSkewed").with("date", now));
        }
    });
    let upload = Upload::new(&store, TWO_PARTS).within(60).at_most(7, 3.5).start();
    told.recv_timeout(seconds(20)).unwrap();
    let signal = |name: &str| {
        let process = upload.process.to_string();
        let script = "kill -s \"$0\" \"$1\"";
        let sent = Command::new("sh").args(["-c", script, name, &process]).status();
        assert!(sent.unwrap().success());
    };
    signal("STOP");
    sleep(seconds(20));
    signal("CONT");
    upload.end().expect_uploaded().expect_retries(0..=2, &["reset", "skew"]);
}
