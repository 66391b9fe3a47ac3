//! `GetObjectAttributes`: of what parts an object was made, in pages.

use super::stored_checksum::StoredChecksum;
use super::{ChecksumAlgorithm, PartNumber};
use crate::http::Headers;

/// A part of a stored object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPart {
    /// Its number.
    pub number: PartNumber,
    /// Its bytes.
    pub size: u64,
    /// Its checksum, where the store tells one.
    pub checksum: Option<StoredChecksum>,
}

/// One page of an object's parts. Stores tell them only of objects whose upload named a checksum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttributesPage {
    /// The parts of the page.
    pub parts: Vec<StoredPart>,
    /// How many there are altogether.
    pub parts_total: Option<u32>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<PartNumber>,
}

/// The headers that ask for a page behind `after`.
pub(super) fn headers(after: Option<PartNumber>) -> Headers {
    let mut headers = Headers::new();
    headers.push("x-amz-max-parts", "1000");
    headers.push("x-amz-object-attributes", "ETag,Checksum,ObjectParts,ObjectSize");
    if let Some(number) = after {
        headers.push("x-amz-part-number-marker", number.to_string());
    }
    headers
}

/// What was read of a page.
#[derive(Default)]
pub(super) struct PageFields {
    pub(super) page: AttributesPage,
    pub(super) is_truncated: String,
    number: Option<PartNumber>,
    size: Option<u64>,
    checksums: Vec<StoredChecksum>,
    /// Parts without a number or size.
    pub(super) incomplete: u32,
}

impl PageFields {
    /// Takes an element, by its path below the root.
    pub(super) fn take(&mut self, path: &str, text: &str) {
        let number = || text.trim().parse().ok();
        let Some(path) = path.strip_prefix("ObjectParts/") else { return };
        match path {
            "IsTruncated" => self.is_truncated = text.trim().to_ascii_lowercase(),
            "NextPartNumberMarker" => self.page.next = number().map(PartNumber),
            "PartsCount" | "TotalPartsCount" => self.page.parts_total = text.trim().parse().ok(),
            "Part" => self.end_part(),
            "Part/PartNumber" => self.number = number().map(PartNumber),
            "Part/Size" => self.size = text.trim().parse().ok(),
            _ => {
                let name = path.strip_prefix("Part/").unwrap_or_default();
                let algorithm = ChecksumAlgorithm::of_element(name);
                let checksum = algorithm.and_then(|a| StoredChecksum::read(a, text));
                self.checksums.extend(checksum);
            }
        }
    }

    fn end_part(&mut self) {
        let checksum = std::mem::take(&mut self.checksums);
        let checksum = checksum.into_iter().min_by_key(|checksum| checksum.algorithm);
        match (self.number.take(), self.size.take()) {
            (Some(number), Some(size)) => {
                self.page.parts.push(StoredPart { number, size, checksum });
            }
            _ => self.incomplete += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Report, Response};
    use crate::s3::{ObjectHead, Operation, Reply, S3Error};

    /// As Amazon S3 writes it, but for the line ends.
    const PAGE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<GetObjectAttributesResponse \
        xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><ETag>e-3</ETag><Checksum>\
        <ChecksumCRC32>AAAAAQ==</ChecksumCRC32></Checksum><ObjectParts><PartsCount>3</PartsCount>\
        <PartNumberMarker>0</PartNumberMarker><NextPartNumberMarker>2</NextPartNumberMarker>\
        <MaxParts>2</MaxParts><IsTruncated>true</IsTruncated><Part><PartNumber>1</PartNumber>\
        <Size>5</Size><ChecksumCRC32>AAAAAg==</ChecksumCRC32></Part><Part><Size>6</Size>\
        <PartNumber>2</PartNumber><ChecksumXXHASH3>x</ChecksumXXHASH3></Part></ObjectParts>\
        <ObjectSize>12</ObjectSize></GetObjectAttributesResponse>";

    fn reply(
        operation: &Operation,
        status: u16,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Reply, S3Error> {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        let response = Response { status, headers: fields, body: body.as_bytes().to_vec() };
        operation.reply(&Report { response: Some(response), ..Report::default() })
    }

    fn attributes(after: Option<u32>, body: &str) -> Result<AttributesPage, S3Error> {
        let after = after.map(PartNumber::from_index);
        match reply(&Operation::GetObjectAttributes { after }, 200, &[], body)? {
            Reply::Attributes(page) => Ok(page),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_of_parts_is_read() {
        let part = |index, size, checksum: Option<&str>| StoredPart {
            number: PartNumber::from_index(index),
            size,
            checksum: checksum.and_then(|c| StoredChecksum::read(ChecksumAlgorithm::Crc32, c)),
        };
        let parts = vec![part(0, 5, Some("AAAAAg==")), part(1, 6, None)];
        let next = Some(PartNumber::from_index(1));
        let page = AttributesPage { parts, parts_total: Some(3), next };
        assert_eq!(attributes(Some(0), PAGE), Ok(page.clone()));
        let other_name = PAGE.replace("AttributesResponse", "AttributesOutput");
        assert_eq!(attributes(None, &other_name), Ok(page.clone()));
        let last = PAGE.replace(">true<", ">false<");
        assert_eq!(attributes(None, &last), Ok(AttributesPage { next: None, ..page }));
        let none = "<GetObjectAttributesResponse><ETag>e</ETag></GetObjectAttributesResponse>";
        assert_eq!(attributes(None, none), Ok(AttributesPage::default()));
    }

    #[test]
    fn a_page_that_cannot_be_trusted_is_none() {
        for (after, body, expected) in [
            (None, "the object itself", "not a whole GetObjectAttributesResponse"),
            (None, "", "it is empty"),
            (None, &PAGE[..PAGE.len() - 1], "not a whole"),
            (None, &PAGE.replace("<Size>6</Size>", ""), "1 of its parts lack"),
            (Some(1), PAGE, "would begin where this one did"),
        ] {
            let error = attributes(after, body).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_head_tells_of_parts_checksums_and_encryption() {
        let head = |status, headers: &[(&str, &str)]| {
            let number = PartNumber::from_index(0);
            let headers = [&[("content-length", "5")], headers].concat();
            match reply(&Operation::HeadObjectPart { number }, status, &headers, "") {
                Ok(Reply::Head(head)) => head,
                other => panic!("{other:?}"),
            }
        };
        let plain = ObjectHead { size: 5, ..ObjectHead::default() };
        assert_eq!(head(200, &[]), plain);
        assert_eq!(
            head(206, &[("x-amz-mp-parts-count", "3")]),
            ObjectHead { parts: Some(3), ..plain.clone() }
        );
        let checksum = head(206, &[("x-amz-checksum-crc32", "AAAAAg==-2")]).checksums;
        assert_eq!((checksum.len(), checksum[0].is_composite), (1, true));
        for (name, value, hides_md5) in [
            ("x-amz-server-side-encryption", "AES256", false),
            ("x-amz-server-side-encryption", "aws:kms", true),
            ("x-amz-server-side-encryption", "aws:kms:dsse", true),
            ("x-amz-server-side-encryption-customer-algorithm", "AES256", true),
        ] {
            assert_eq!(head(206, &[(name, value)]).hides_md5, hides_md5, "{name}: {value}");
        }
    }
}
