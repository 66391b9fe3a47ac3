//! The few documents of S3, read and written; bounded, no DTD, no recursion.
//!
//! Reading is one walk that names every element by its path; what an element means is the
//! reader's business ([`reply`](super::reply)).

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};

use super::CompletedPart;
use super::printable::printable_words;

/// Longest document that is read, in bytes, blanks ahead of it apart; a page of `ListParts` has
/// about 300 KB.
pub(super) const DOCUMENT_LENGTH_MAX: usize = 1 << 20;

/// Characters that are kept of the parser's message.
const MESSAGE_SHOWN: usize = 200;

/// An element that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Element<'a> {
    /// Local names from the root on, joined by `/`: `ListPartsResult/Part/ETag`.
    pub(super) path: &'a str,
    /// Its text, entities resolved; of an element with children only what follows the last.
    pub(super) text: &'a str,
    /// Where its start tag begins in the document, blanks ahead of which are not counted.
    pub(super) start: usize,
    /// Where its end tag ends.
    pub(super) end: usize,
}

/// Why a document is not a whole one. What was read before has been handed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// It ends before its root element does.
    #[error("it is cut off")]
    Cut,
    /// It is longer than [`DOCUMENT_LENGTH_MAX`].
    #[error("it is longer than 1 MiB")]
    TooLong,
    /// It has a document type, which S3's never have.
    #[error("it has a document type declaration")]
    Doctype,
    /// Text stands outside the root element, or a second root follows.
    #[error("it has more than one root element")]
    NotOneRoot,
    /// It is not XML.
    #[error("it is not XML: {0}")]
    Malformed(String),
}

/// The parser quotes the document in its messages, as it is and as long as it is.
fn malformed(message: &str) -> XmlError {
    XmlError::Malformed(printable_words(message, MESSAGE_SHOWN))
}

/// Reads `document` and hands out each element at its end, in that order. Gives the root
/// element's local name where the document is whole.
///
/// # Errors
/// Where it is not one whole document.
pub(super) fn read(
    document: &[u8],
    mut on_element: impl FnMut(Element<'_>),
) -> Result<String, XmlError> {
    let document = trimmed(document)?;
    if document.len() > DOCUMENT_LENGTH_MAX {
        return Err(XmlError::TooLong);
    }
    let mut reader = Reader::from_str(document);
    let mut walk = Walk::default();
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event().map_err(|error| malformed(&error.to_string()))? {
            Event::Start(start) => walk.start(start.local_name().as_ref(), at)?,
            Event::Empty(start) => {
                walk.start(start.local_name().as_ref(), at)?;
                walk.end(reader.buffer_position() as usize, &mut on_element);
            }
            Event::End(_) => walk.end(reader.buffer_position() as usize, &mut on_element),
            Event::Text(text) => walk.text(&text.xml10_content())?,
            Event::CData(text) => walk.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => walk.reference(&reference)?,
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return walk.root(),
        }
    }
}

/// S3 sends blanks ahead of an answer to keep the connection alive, and then the declaration.
fn trimmed(document: &[u8]) -> Result<&str, XmlError> {
    let text = match std::str::from_utf8(document) {
        Ok(text) => text,
        // A character that is cut at the end leaves the rest readable.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&document[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Err(XmlError::Malformed("not UTF-8".into())),
    };
    Ok(text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}'))
}

/// Where the walk through a document stands.
#[derive(Default)]
struct Walk {
    /// Names of the open elements, joined by `/`.
    path: String,
    /// Where each open element's name, `/` included, begins in `path`, and its tag in the document.
    starts: Vec<(usize, usize)>,
    /// Text since the last tag.
    text: String,
    /// The name of the root element once it has ended.
    root: Option<String>,
}

impl Walk {
    fn start(&mut self, name: &str, at: usize) -> Result<(), XmlError> {
        if self.root.is_some() {
            return Err(XmlError::NotOneRoot);
        }
        self.starts.push((self.path.len(), at));
        if !self.path.is_empty() {
            self.path.push('/');
        }
        self.path.push_str(name);
        self.text.clear();
        Ok(())
    }

    /// quick-xml has seen to it that the name is the open element's.
    fn end(&mut self, end: usize, on_element: &mut impl FnMut(Element<'_>)) {
        let (name_start, start) = self.starts.pop().unwrap_or_default();
        on_element(Element { path: &self.path, text: &self.text, start, end });
        self.text.clear();
        if self.starts.is_empty() {
            self.root = Some(std::mem::take(&mut self.path));
        }
        self.path.truncate(name_start);
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        if !self.starts.is_empty() {
            self.text.push_str(text);
            return Ok(());
        }
        if text.trim().is_empty() {
            return Ok(());
        }
        match self.root {
            Some(_) => Err(XmlError::NotOneRoot),
            None => Err(XmlError::Malformed("it begins with text".into())),
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), XmlError> {
        let character = reference.resolve_char_ref().map_err(|e| malformed(&e.to_string()))?;
        match (character, resolve_predefined_entity(reference)) {
            (Some(character), _) => self.text(character.encode_utf8(&mut [0; 4])),
            (None, Some(text)) => self.text(text),
            (None, None) => Err(XmlError::Malformed("an entity is unknown".into())),
        }
    }

    fn root(self) -> Result<String, XmlError> {
        match self.root {
            Some(root) => Ok(root),
            None if self.starts.is_empty() => Err(XmlError::Empty),
            None => Err(XmlError::Cut),
        }
    }
}

/// The body of `CompleteMultipartUpload` (Amazon S3 API Reference).
pub(super) fn complete_multipart_upload(parts: &[CompletedPart]) -> Vec<u8> {
    // Room for all of it: one that grows is twice as large for a moment.
    let mut xml = String::with_capacity(FRAME_SIZE + parts.len() * PART_SIZE);
    xml.push_str("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for part in parts {
        xml.push_str("<Part>");
        push_leaf(&mut xml, "PartNumber", &part.number.to_string());
        push_leaf(&mut xml, "ETag", &part.etag.0);
        if let Some(checksum) = part.checksum {
            push_leaf(&mut xml, "ChecksumCRC64NVME", &checksum.to_base64());
        }
        xml.push_str("</Part>");
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml.into_bytes()
}

/// Bytes of the document around the parts, and of a part with an MD5 for an ETag and a checksum.
const FRAME_SIZE: usize = 128;
const PART_SIZE: usize = 176;

fn push_leaf(xml: &mut String, name: &str, text: &str) {
    for piece in ["<", name, ">", &escape(text), "</", name, ">"] {
        xml.push_str(piece);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::s3::{Crc64Nvme, ETag, PartNumber};

    fn elements(document: &[u8]) -> (Vec<(String, String)>, Result<String, XmlError>) {
        let mut seen = Vec::new();
        let root = read(document, |e| seen.push((e.path.to_owned(), e.text.to_owned())));
        (seen, root)
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect()
    }

    #[test]
    fn elements_are_named_by_their_path() {
        let (seen, root) = elements(
            b"\n \n<?xml version=\"1.0\"?><!-- c --><s:R xmlns:s=\"x\" a='1'>\n<P><N>1</N><E/></P>\
              <P><N>a&amp;&#x62;<!-- c -->c<![CDATA[<d>]]>\r\n</N></P></s:R>\n<!-- c -->\n",
        );
        assert_eq!(root.as_deref(), Ok("R"));
        let expected =
            [("R/P/N", "1"), ("R/P/E", ""), ("R/P", ""), ("R/P/N", "a&bc<d>\n"), ("R/P", "")];
        assert_eq!(seen[..5], pairs(&expected));
        assert_eq!(seen[5..], pairs(&[("R", "")]));
    }

    #[test]
    fn elements_are_found_where_they_stand() {
        let document =
            "<?xml version=\"1.0\"?>\n<r a='>'><!-- <p> --> <s:p >ü&amp;</s:p >\n<q/></r >";
        let mut seen = Vec::new();
        read(document.as_bytes(), |e| seen.push(document[e.start..e.end].to_owned())).unwrap();
        let root = document.split_once('\n').unwrap().1;
        assert_eq!(seen, ["<s:p >ü&amp;</s:p >", "<q/>", root]);
    }

    #[test]
    fn what_is_not_one_whole_document_is_told() {
        use XmlError::{Cut, Doctype, Empty, NotOneRoot};
        let cases: [(&str, XmlError); 9] = [
            ("", Empty),
            (" \r\n\u{feff}", Empty),
            ("<?xml version=\"1.0\"?>", Empty),
            ("<a><b>1</b>", Cut),
            ("<a>text", Cut),
            ("<!DOCTYPE html><html></html>", Doctype),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", Doctype),
            ("<a/><b/>", NotOneRoot),
            ("<a/>text", NotOneRoot),
        ];
        for (document, expected) in cases {
            assert_eq!(elements(document.as_bytes()).1, Err(expected), "{document}");
        }
        let malformed = [
            &b"text"[..],
            b"{\"a\":1}",
            b"<a></b>",
            b"</a>",
            b"<a>&b;</a>",
            b"<a>&#0;</a>",
            b"<a>&#xD800;</a>",
            b"<a>&amp</a>",
            b"<a b='></a>",
            b"<a>\xff</a>",
            b"<a",
            b"&amp;<a/>",
        ];
        for document in malformed {
            let error = elements(document).1.expect_err("malformed");
            assert!(matches!(error, XmlError::Malformed(_)), "{document:?}: {error:?}");
        }
    }

    #[test]
    fn a_message_quotes_the_document_printably_and_briefly() {
        let long = format!("<a></{}>", "b".repeat(100_000));
        for document in ["<a></\u{1b}[2J\r\nerror: forged>", &long] {
            let error = elements(document.as_bytes()).1.expect_err("malformed").to_string();
            assert!(!error.contains(char::is_control) && error.len() < 300, "{error:?}");
        }
    }

    #[test]
    fn length_and_depth_are_bounded_without_recursion() {
        let deep = "<a>".repeat(DOCUMENT_LENGTH_MAX / 3);
        assert_eq!(elements(deep.as_bytes()).1, Err(XmlError::Cut));
        let blanks = " ".repeat(DOCUMENT_LENGTH_MAX);
        assert_eq!(elements(format!("<a>{blanks}</a>").as_bytes()).1, Err(XmlError::TooLong));
        assert_eq!(elements(format!("{blanks}<a/>").as_bytes()).1.as_deref(), Ok("a"));
    }

    #[test]
    fn what_was_read_before_the_cut_is_handed_out() {
        let (seen, root) = elements("<Error><Code>SlowDown</Code><Message>übel".as_bytes());
        assert_eq!((seen, root), (pairs(&[("Error/Code", "SlowDown")]), Err(XmlError::Cut)));
        let (seen, root) = elements(b"<Error><Code>SlowDown</Code><Message>\xc3");
        assert_eq!((seen, root), (pairs(&[("Error/Code", "SlowDown")]), Err(XmlError::Cut)));
    }

    #[test]
    fn the_parts_are_written_as_s3_wants_them() {
        let part = |index, etag: &str, checksum| CompletedPart {
            number: PartNumber::from_index(index),
            etag: ETag(etag.into()),
            checksum,
        };
        let parts = [part(0, "\"a<b\"", Some(Crc64Nvme(1))), part(9_999, "c", None)];
        assert_eq!(
            String::from_utf8(complete_multipart_upload(&parts)).unwrap(),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>&quot;a&lt;b&quot;</ETag>\
             <ChecksumCRC64NVME>AAAAAAAAAAE=</ChecksumCRC64NVME></Part>\
             <Part><PartNumber>10000</PartNumber><ETag>c</ETag></Part>\
             </CompleteMultipartUpload>"
        );
    }

    proptest! {
        #[test]
        fn any_text_survives_writing_and_reading(texts in prop::collection::vec(".{0,40}|[\\s\\PC\r\n\t&<>\"']{0,40}", 1..5)) {
            let parts: Vec<CompletedPart> = texts
                .iter()
                .zip(0..)
                .map(|(text, index)| CompletedPart {
                    number: PartNumber::from_index(index),
                    etag: ETag(text.clone()),
                    checksum: None,
                })
                .collect();
            let (seen, root) = elements(&complete_multipart_upload(&parts));
            prop_assert_eq!(root.as_deref(), Ok("CompleteMultipartUpload"));
            let etags: Vec<String> = seen
                .into_iter()
                .filter(|(path, _)| path == "CompleteMultipartUpload/Part/ETag")
                .map(|(_, text)| text)
                .collect();
            prop_assert_eq!(etags, texts);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = elements(&bytes);
        }

        #[test]
        fn almost_xml_never_panics(text in "([<>/&;!?\\[\\]\"' a=#x0-]|<a>|</a>|<a/>|&amp;|<!--|-->|<\\?xml|<!\\[CDATA\\[|\\]\\]>|ü){0,40}") {
            let _ = elements(text.as_bytes());
        }
    }
}
