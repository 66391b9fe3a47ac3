//! A name server that answers every question with what the test says, for a namespace of its own.

use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

/// Types of questions and records (RFC 1035, RFC 3596).
const A: u16 = 1;
const AAAA: u16 = 28;

/// How questions are answered.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    /// With these addresses, to be kept for no time.
    At(Vec<IpAddr>),
    /// NXDOMAIN.
    Unknown,
    /// SERVFAIL.
    Failing,
    /// Not at all.
    Silent,
}

impl Names {
    /// With these addresses, which are written out.
    pub(crate) fn at(addresses: &[&str]) -> Names {
        Names::At(addresses.iter().map(|address| address.parse().unwrap()).collect())
    }
}

/// What a server says, to be changed while it runs.
#[derive(Debug, Clone)]
pub(crate) struct Said(Arc<Mutex<Names>>);

impl Said {
    /// Answers so from now on.
    pub(crate) fn say(&self, names: Names) {
        *self.0.lock().unwrap() = names;
    }
}

/// The server, on 127.0.0.1 of the namespace it was started in.
pub(crate) struct Dns {
    pub(crate) said: Said,
    folder: TempDir,
}

impl Dns {
    pub(crate) fn start(names: Names) -> Dns {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        let names = Arc::new(Mutex::new(names));
        let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
        let answering = Arc::clone(&names);
        thread::spawn(move || {
            let mut question = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut question) {
                let names = answering.lock().unwrap().clone();
                if let Some(answer) = answer(&question[..length], &names) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Dns { said: Said(names), folder }
    }

    /// What starts a command that asks this server: the file that names it is laid over the
    /// machine's, for that command alone.
    pub(crate) fn asked(&self) -> Vec<String> {
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        let file = self.folder.path().join("resolv.conf").display().to_string();
        ["unshare", "--mount", "sh", "-c", script, &file].map(str::to_owned).into()
    }
}

/// The answer to a question of one name; `None` for silence.
fn answer(question: &[u8], names: &Names) -> Option<Vec<u8>> {
    let (code, addresses) = match names {
        Names::At(addresses) => (0, addresses.as_slice()),
        Names::Unknown => (3, &[][..]),
        Names::Failing => (2, &[][..]),
        Names::Silent => return None,
    };
    // A name ends with an empty label; type and class follow.
    let end = question.iter().skip(12).position(|byte| *byte == 0)? + 12 + 1;
    let asked = u16::from_be_bytes(question.get(end..end + 2)?.try_into().ok()?);
    let records: Vec<Vec<u8>> = addresses.iter().filter_map(|ip| record(*ip, asked)).collect();
    // Response, recursion desired and available; one question, so many answers, no other section.
    let head = [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0]];
    Some([&head.concat(), question.get(12..end + 4)?, &records.concat()].concat())
}

/// An address as a record, where it is of the type that was asked for.
fn record(address: IpAddr, asked: u16) -> Option<Vec<u8>> {
    let (kind, bytes) = match address {
        IpAddr::V4(address) => (A, address.octets().to_vec()),
        IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
    };
    // The name of the question, the Internet's class, and a life of no seconds.
    let head = [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 0, 0, bytes.len() as u8]];
    (kind == asked).then(|| [head.concat(), bytes].concat())
}

#[test]
fn an_answer_repeats_the_question_and_has_the_records_asked_for() {
    let question = b"\x12\x34\x01\x00\x00\x01\0\0\0\0\0\0\x02s3\x04test\0\0\x01\0\x01";
    let both = Names::at(&["127.0.0.2", "::1"]);
    let found = answer(question, &both).unwrap();
    let record = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x7f\0\0\x02";
    assert_eq!(found[..12], *b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0");
    assert_eq!(found[12..], [&question[12..], record].concat());
    assert_eq!(answer(question, &Names::Unknown).unwrap()[3], 0x83);
    assert!(answer(question, &Names::Silent).is_none());
}
