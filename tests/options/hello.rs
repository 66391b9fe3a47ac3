//! What a client offers when it begins TLS: the `ClientHello` (RFC 8446, section 4.1.2), read by
//! hand.

use std::collections::BTreeMap;

use super::server::Connection;

/// Types of extensions.
const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const VERSIONS: u16 = 43;

/// The offer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) ciphers: Vec<u16>,
    extensions: BTreeMap<u16, Vec<u8>>,
}

impl Hello {
    /// The offer that a connection begins with.
    pub(crate) fn read(connection: &mut Connection) -> Option<Hello> {
        let record = connection.bytes(5);
        let length = u16::from_be_bytes([*record.get(3)?, *record.get(4)?]);
        // A handshake record.
        let body = (record[0] == 22).then(|| connection.bytes(length.into()))?;
        Hello::parse(&body)
    }

    /// Out of the record's content; `None` where it is none.
    fn parse(content: &[u8]) -> Option<Hello> {
        // The kind of message and its length, an old version, and random bytes.
        let mut rest = (content.first() == Some(&1)).then(|| content.get(4 + 2 + 32..))??;
        let _session = take(&mut rest, 1)?;
        let ciphers = numbers(take(&mut rest, 2)?);
        let _compressions = take(&mut rest, 1)?;
        let mut list = take(&mut rest, 2)?;
        let mut extensions = BTreeMap::new();
        while let Some((kind, mut behind)) = list.split_first_chunk::<2>() {
            extensions.insert(u16::from_be_bytes(*kind), take(&mut behind, 2)?.to_vec());
            list = behind;
        }
        Some(Hello { ciphers, extensions })
    }

    /// Whether there is no such extension is told apart from an empty one.
    fn extension(&self, kind: u16, width: usize) -> Option<&[u8]> {
        let mut content = self.extensions.get(&kind)?.as_slice();
        take(&mut content, width)
    }

    /// The versions, newest first as 0x0304; a client that names none speaks 1.2 at most.
    pub(crate) fn versions(&self) -> Vec<u16> {
        self.extension(VERSIONS, 1).map_or_else(|| vec![0x0303], numbers)
    }

    pub(crate) fn groups(&self) -> Vec<u16> {
        self.extension(GROUPS, 2).map(numbers).unwrap_or_default()
    }

    pub(crate) fn signature_algorithms(&self) -> Vec<u16> {
        self.extension(SIGNATURE_ALGORITHMS, 2).map(numbers).unwrap_or_default()
    }

    /// The protocols of ALPN.
    pub(crate) fn protocols(&self) -> Vec<String> {
        let mut list = self.extension(ALPN, 2).unwrap_or_default();
        let mut protocols = Vec::new();
        while let Some(protocol) = take(&mut list, 1) {
            protocols.push(String::from_utf8_lossy(protocol).into_owned());
        }
        protocols
    }

    /// The name of the server that is meant.
    pub(crate) fn server_name(&self) -> Option<String> {
        let entry = self.extension(SERVER_NAME, 2)?;
        let mut name = entry.get(1..)?;
        Some(String::from_utf8_lossy(take(&mut name, 2)?).into_owned())
    }
}

/// What stands behind its own length, which has `width` bytes.
fn take<'a>(rest: &mut &'a [u8], width: usize) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_at_checked(width)?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let (taken, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn an_offer_is_read() {
    let extensions = b"\x00\x00\x00\x09\x00\x07\x00\x00\x04name\
                       \x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.1\
                       \x00\x2b\x00\x03\x02\x03\x04";
    let head = [&[1, 0, 0, 0, 3, 3][..], &[7; 32], &[2, 9, 9], b"\x00\x04\x13\x01\xc0\x2f\x01\x00"];
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let hello = Hello::parse(&[&head.concat()[..], &length, extensions].concat()).unwrap();
    assert_eq!(hello.ciphers, [0x1301, 0xc02f]);
    assert_eq!((hello.versions(), hello.groups()), (vec![0x0304], vec![]));
    assert_eq!(hello.protocols(), ["h2", "http/1.1"]);
    assert_eq!(hello.server_name().unwrap(), "name");
    assert_eq!(Hello::parse(b"\x01\x00"), None);
}
