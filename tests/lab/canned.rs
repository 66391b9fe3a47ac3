//! A store that says what a test tells it to: for answers that the lab, being as Amazon S3, never
//! gives. Looks at no signature.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::support::Store;

/// An answer: status, header fields, body.
pub(crate) type Answer = (u16, Vec<(String, String)>, String);

/// Starts a store that answers each request line, such as `HEAD /b/k?partNumber=1`, with what
/// `answer` makes of it and of the request's header fields. It lives as long as the tests.
pub(crate) fn store(answer: impl Fn(&str, &str) -> Answer + Send + 'static) -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            serve(socket, &answer);
        }
    });
    let [access_key, secret_key, region] = ["key", "secret", "us-east-1"].map(str::to_owned);
    Store { url, access_key, secret_key, region, ca: None }
}

/// A success with these header fields and no body.
pub(crate) fn ok(headers: &[(&str, &str)]) -> Answer {
    let field = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    (200, headers.iter().map(field).collect(), String::new())
}

/// A refusal.
pub(crate) fn refused(status: u16, code: &str) -> Answer {
    (status, vec![], format!("<Error><Code>{code}</Code><Message>canned</Message></Error>"))
}

fn serve(mut socket: TcpStream, answer: &impl Fn(&str, &str) -> Answer) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if !matches!(socket.read(&mut byte), Ok(1)) {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head.split("content-length:").nth(1).and_then(|rest| rest.lines().next());
    let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    if socket.read_exact(&mut vec![0; length]).is_err() {
        return;
    }
    let (line, fields) = head.split_once("\r\n").expect("there is a request line");
    let line = line.trim_end_matches(" http/1.1");
    let (status, headers, body) = answer(line, fields);
    let has_length = headers.iter().any(|(name, _)| name == "content-length");
    let mut text = format!("HTTP/1.1 {status} Canned\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &[&name, ": ", &value, "\r\n"].concat();
    }
    if !has_length {
        text += &["content-length: ", &body.len().to_string(), "\r\n"].concat();
    }
    text += "\r\n";
    if !line.starts_with("head ") {
        text += &body;
    }
    // A client that has gone away has what it wanted.
    let _ = socket.write_all(text.as_bytes());
}
