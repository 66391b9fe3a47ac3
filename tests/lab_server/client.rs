//! A client that writes requests byte by byte and signs them by itself, so that neither curlift
//! nor libcurl stands between a test and the lab.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use curlift::lab::Lab;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// Who signs, where, and by which clock.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) host: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) clock_ahead: TimeDelta,
    pub(crate) address: String,
}

impl Client {
    pub(crate) fn of(lab: &Lab) -> Client {
        let (_, address) = lab.endpoint_url().split_once("://").unwrap();
        Client {
            host: address.to_owned(),
            access_key: lab.access_key().to_owned(),
            secret_key: lab.secret_key().to_owned(),
            clock_ahead: TimeDelta::zero(),
            address: address.to_owned(),
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        let socket = TcpStream::connect(&self.address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Connection { socket, unread: Vec::new() }
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut connection = self.connect();
        connection.send(&self.head(line, headers, body.len()))?;
        connection.send(body)?;
        connection.answer(line.starts_with("HEAD"))
    }

    /// The head of a signed request for `METHOD /path?query`, its query sorted and encoded.
    pub(crate) fn head(&self, line: &str, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
        self.head_signing(line, headers, length, &[])
    }

    /// As [`Client::head`], with headers that are sent and not signed.
    pub(crate) fn head_signing(
        &self,
        line: &str,
        headers: &[(&str, &str)],
        length: usize,
        unsigned: &[(&str, &str)],
    ) -> Vec<u8> {
        let now = self.now().format("%Y%m%dT%H%M%SZ").to_string();
        let mut signed = vec![("host", self.host.as_str()), ("x-amz-date", &now)];
        signed.extend(headers.iter().copied());
        if !signed.iter().any(|(name, _)| *name == "x-amz-content-sha256") {
            signed.push(("x-amz-content-sha256", UNSIGNED));
        }
        signed.sort_unstable();
        let payload = signed.iter().find(|(name, _)| *name == "x-amz-content-sha256").unwrap().1;
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let (method, target) = line.split_once(' ').unwrap();
        let signature = self.signature(method, target, &signed, &names, payload, &now);
        let (scope, key) = (scope(&now), &self.access_key);
        let fields: Vec<_> =
            signed.iter().chain(unsigned).map(|(name, value)| format!("{name}: {value}")).collect();
        let fields = fields.join("\r\n");
        let head = format!(
            "{method} {target} HTTP/1.1\r\n{fields}\r\ncontent-length: {length}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, \
             Signature={signature}\r\n\r\n"
        );
        head.into_bytes()
    }

    /// The head of a presigned PUT.
    pub(crate) fn presigned_put(&self, path: &str, expires_s: u32, length: usize) -> String {
        let now = self.now().format("%Y%m%dT%H%M%SZ").to_string();
        let credential = format!("{}/{}", self.access_key, scope(&now)).replace('/', "%2F");
        let target = format!(
            "{path}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}\
             &X-Amz-Date={now}&X-Amz-Expires={expires_s}&X-Amz-SignedHeaders=host"
        );
        let signed = [("host", self.host.as_str())];
        let signature = self.signature("PUT", &target, &signed, "host", UNSIGNED, &now);
        format!(
            "PUT {target}&X-Amz-Signature={signature} HTTP/1.1\r\nhost: {}\r\n\
             content-length: {length}\r\n\r\n",
            self.host
        )
    }

    fn signature(
        &self,
        method: &str,
        target: &str,
        signed: &[(&str, &str)],
        names: &str,
        payload: &str,
        now: &str,
    ) -> String {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut pairs: Vec<_> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| if pair.contains('=') { pair.to_owned() } else { format!("{pair}=") })
            .collect();
        pairs.sort_unstable();
        let fields: Vec<_> =
            signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let fields = fields.concat();
        let canonical =
            format!("{method}\n{path}\n{}\n{fields}\n{names}\n{payload}", pairs.join("&"));
        let hash = hex::encode(Sha256::digest(canonical));
        let to_sign = format!("AWS4-HMAC-SHA256\n{now}\n{}\n{hash}", scope(now));
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for step in [&now[..8], "us-east-1", "s3", "aws4_request", &to_sign] {
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(step.as_bytes());
            key = mac.finalize().into_bytes().to_vec();
        }
        hex::encode(key)
    }

    fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_ahead
    }
}

fn scope(now: &str) -> String {
    format!("{}/us-east-1/s3/aws4_request", &now[..8])
}

/// A connection that is kept open.
pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// The next answer, 1xx ones too; its body as far as it came before the end.
    pub(crate) fn answer(&mut self, head_only: bool) -> io::Result<Answer> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if self.more()? == 0 {
                let rest = String::from_utf8_lossy(&self.unread).into_owned();
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, rest));
            }
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        self.unread.drain(..end);
        let mut answer = Answer::read(&head);
        let length = answer.header("content-length").and_then(|text| text.parse().ok());
        let length: usize = length.filter(|_| !head_only).unwrap_or(0);
        while self.unread.len() < length && self.more()? > 0 {}
        answer.body = self.unread.drain(..length.min(self.unread.len())).collect();
        Ok(answer)
    }

    /// Reads once more: 0 is an orderly end.
    pub(crate) fn more(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 4096];
        let read = self.socket.read(&mut bytes)?;
        self.unread.extend_from_slice(&bytes[..read]);
        Ok(read)
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn read(head: &str) -> Answer {
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or("0");
        let field = |line: &str| {
            line.split_once(':').map(|(n, v)| (n.to_ascii_lowercase(), v.trim().to_owned()))
        };
        let headers = lines.filter_map(field).collect();
        Answer { status: status.parse().unwrap_or(0), headers, body: Vec::new() }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of the first element of that name.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let text = self.text();
        let start = text.find(&format!("<{name}>"))? + name.len() + 2;
        let end = start + text[start..].find('<')?;
        Some(text[start..end].replace("&quot;", "\""))
    }

    /// S3's code, or an empty string.
    pub(crate) fn code(&self) -> String {
        self.element("Code").unwrap_or_default()
    }
}
