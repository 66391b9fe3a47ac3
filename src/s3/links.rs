//! Presigned URLs as a client without keys has them: one for each call that it may make.

use std::collections::BTreeMap;

use super::{Operation, PartNumber, PresignedUrl, UnixTime};
use crate::http::{Headers, Request};

/// A presigned URL, and the header fields that must be sent with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The URL.
    pub url: PresignedUrl,
    /// The fields: those that are signed, and others that the user wants sent.
    pub fields: Headers,
}

/// A call that a presigned URL stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkedCall {
    /// `PutObject`.
    PutObject,
    /// `UploadPart` of that part.
    UploadPart(PartNumber),
    /// `CompleteMultipartUpload`.
    CompleteMultipartUpload,
    /// `AbortMultipartUpload`.
    AbortMultipartUpload,
    /// `ListParts`, the page behind that part: where a page begins is signed too.
    ListParts(Option<PartNumber>),
    /// `HeadObject`.
    HeadObject,
}

/// The calls that may be made, each by its link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links(BTreeMap<LinkedCall, Link>);

impl Link {
    /// Has `request` go by this link: to its URL, with its fields and no others.
    pub fn put_on(&self, request: &mut Request) {
        request.url = self.url.url();
        request.headers = self.fields.clone();
    }
}

impl LinkedCall {
    /// The call that `operation` is; `None` where it is never presigned.
    #[must_use]
    pub fn of(operation: &Operation) -> Option<LinkedCall> {
        Some(match operation {
            Operation::PutObject { .. } => LinkedCall::PutObject,
            Operation::UploadPart { number, .. } => LinkedCall::UploadPart(*number),
            Operation::CompleteMultipartUpload { .. } => LinkedCall::CompleteMultipartUpload,
            Operation::AbortMultipartUpload { .. } => LinkedCall::AbortMultipartUpload,
            Operation::ListParts { after, .. } => LinkedCall::ListParts(*after),
            Operation::HeadObject => LinkedCall::HeadObject,
            _ => return None,
        })
    }
}

impl Links {
    /// The link for `operation`. A page of `ListParts` may begin earlier than was asked for: where
    /// pages begin is known when the links are signed, and which parts there are is not.
    #[must_use]
    pub fn for_operation(&self, operation: &Operation) -> Option<&Link> {
        let call = LinkedCall::of(operation)?;
        match call {
            LinkedCall::ListParts(_) => {
                let pages = self.0.range(LinkedCall::ListParts(None)..=call);
                pages.map(|(_, link)| link).next_back()
            }
            call => self.0.get(&call),
        }
    }

    /// The link for `call`.
    #[must_use]
    pub fn get(&self, call: LinkedCall) -> Option<&Link> {
        self.0.get(&call)
    }

    /// Adds a link; gives the one that it takes the place of.
    pub fn insert(&mut self, call: LinkedCall, link: Link) -> Option<Link> {
        self.0.insert(call, link)
    }

    /// Puts `newer` links in the place of those for the same calls.
    pub fn renew(&mut self, newer: Links) {
        self.0.extend(newer.0);
    }

    /// All of them, in the order of their calls.
    pub fn iter(&self) -> impl Iterator<Item = (LinkedCall, &Link)> {
        self.0.iter().map(|(call, link)| (*call, link))
    }

    /// The parts that may be uploaded, in order.
    pub fn parts(&self) -> impl Iterator<Item = PartNumber> {
        self.0.keys().filter_map(|call| match call {
            LinkedCall::UploadPart(number) => Some(*number),
            _ => None,
        })
    }

    /// When the first of them expires, of those for calls that `matter`.
    pub fn first_end(&self, matters: impl Fn(LinkedCall) -> bool) -> Option<UnixTime> {
        let mattering = self.0.iter().filter(|(call, _)| matters(**call));
        mattering.map(|(_, link)| link.url.expires_at()).min()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(LinkedCall, Link)> for Links {
    fn from_iter<T: IntoIterator<Item = (LinkedCall, Link)>>(links: T) -> Links {
        Links(links.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Body, Method};
    use crate::s3::{Addressing, Endpoint, Object, UploadId};

    fn link(mark: &str) -> Link {
        let signature = "0".repeat(64);
        let url = format!(
            "https://b.example/k?mark={mark}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A&\
             X-Amz-Date=20130524T000000Z&X-Amz-Expires=10&X-Amz-SignedHeaders=host&\
             X-Amz-Signature={signature}"
        );
        Link { url: PresignedUrl::parse(&url).unwrap(), fields: Headers::new() }
    }

    fn part(index: u32) -> PartNumber {
        PartNumber::from_index(index)
    }

    #[test]
    fn a_listing_goes_on_at_the_page_that_begins_before() {
        let pages = [None, Some(part(999)), Some(part(1_999))];
        let links: Links = pages
            .into_iter()
            .enumerate()
            .map(|(index, after)| (LinkedCall::ListParts(after), link(&index.to_string())))
            .chain([(LinkedCall::UploadPart(part(0)), link("part"))])
            .collect();
        let page = |after| {
            let operation = Operation::ListParts { upload_id: UploadId("U".into()), after };
            links.for_operation(&operation).unwrap().url.parameter("mark").unwrap()
        };
        assert_eq!(page(None), "0");
        assert_eq!(page(Some(part(500))), "0");
        assert_eq!(page(Some(part(999))), "1");
        assert_eq!(page(Some(part(1_500))), "1");
        assert_eq!(page(Some(part(9_000))), "2");
    }

    #[test]
    fn a_request_goes_to_the_url_with_its_fields_and_no_others() {
        let mut link = link("x");
        link.fields.push("content-type", "text/plain");
        let endpoint = Endpoint::new("http://h:9000", Addressing::Auto).unwrap();
        let object = Object::parse("s3://bkt/key", None).unwrap();
        let mut request = Operation::HeadObject.request(&endpoint, &object);
        link.put_on(&mut request);
        assert_eq!(request.url.to_string(), link.url.expose());
        assert_eq!(request.headers.iter().collect::<Vec<_>>(), [("content-type", "text/plain")]);
        assert_eq!((request.method, request.body), (Method::Head, Body::Empty));
    }

    #[test]
    fn newer_links_take_the_place_of_older_ones() {
        let call = LinkedCall::UploadPart(part(0));
        let mut links: Links =
            [(call, link("old")), (LinkedCall::HeadObject, link("head"))].into_iter().collect();
        links.renew([(call, link("new"))].into_iter().collect());
        assert_eq!(links.get(call), Some(&link("new")));
        assert_eq!(links.iter().count(), 2);
        assert_eq!(links.parts().collect::<Vec<_>>(), [part(0)]);
    }
}
