//! HTTP/2, as far as options are about it: how many requests share a connection. The server speaks
//! just as much of it as answering takes (RFC 9113).

use super::connections::{driver, send};
use super::server::{Connection, Server};

pub(crate) const PROVEN: &[&str] =
    &["PIPEWAIT", "multi.MAX_CONCURRENT_STREAMS", "multi.PIPELINING"];

/// What a client begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;

/// Flags: of the last frame of a stream, of all fields being there, of settings that were read.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// `:status: 200`, from the static table (RFC 7541, appendix A).
const STATUS_200: u8 = 0x80 | 8;

fn say(connection: &mut Connection, kind: u8, flags: u8, stream: [u8; 4], payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    connection.say([&length[1..], &[kind, flags], &stream, payload].concat());
}

/// Answers each request once the whole of it has come.
fn obliging(connection: &mut Connection) {
    assert_eq!(connection.bytes(PREFACE.len()), PREFACE);
    say(connection, SETTINGS, 0, [0; 4], &[]);
    while let Ok(head) = <[u8; 9]>::try_from(connection.bytes(9)) {
        let [high, middle, low, kind, flags, stream @ ..] = head;
        connection.bytes(u32::from_be_bytes([0, high, middle, low]) as usize);
        match kind {
            SETTINGS if flags & ACK == 0 => say(connection, SETTINGS, ACK, [0; 4], &[]),
            DATA | HEADERS if flags & END_STREAM != 0 => {
                // Others that were sent at once shall meet this one.
                std::thread::sleep(std::time::Duration::from_millis(50));
                say(connection, HEADERS, END_HEADERS | END_STREAM, stream, &[STATUS_200]);
            }
            _ => {}
        }
    }
}

/// How many connections four requests take that are sent at once.
fn connections(options: &[&str]) -> usize {
    let server = Server::start(obliging);
    let version = ["HTTP_VERSION=2-prior-knowledge"];
    send(&mut driver(&[&version[..], options].concat()), &[&server; 4], 10);
    server.accepted()
}

#[test]
fn requests_share_a_connection_as_told() {
    assert_eq!(connections(&[]), 4);
    assert_eq!(connections(&["PIPEWAIT=1"]), 1);
    assert_eq!(connections(&["PIPEWAIT=1", "multi.PIPELINING=nothing"]), 4);
    assert_eq!(connections(&["PIPEWAIT=1", "multi.PIPELINING=multiplex"]), 1);
    assert_eq!(connections(&["PIPEWAIT=1", "multi.MAX_CONCURRENT_STREAMS=2"]), 2);
}
