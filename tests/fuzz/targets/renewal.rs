//! What a command printed that was to renew presigned URLs, and what the other end was asked.

use curlift::http::Headers;
use curlift::s3::{Link, LinkedCall, Links, PartNumber, PresignedUrl, UnixTime};
use curlift::upload::LinksWanted;
use curlift::upload::renewal::{Asked, answer, answer_text};

use super::expect_printable;

/// What an input may hold in place of a signature.
const SECRET: &str = "hunter2hunter2";
/// A minute after the old links were signed.
const NOW: UnixTime = UnixTime(1_369_353_660);
const PLACE: &str = "https://h:9000/b/a%20b";

/// No answer leads elsewhere, is repeated, or is worse than what there was.
pub(crate) fn renewal(bytes: &[u8]) {
    let part = LinkedCall::UploadPart(PartNumber::from_index(6));
    let page = LinkedCall::ListParts(None);
    let whole: Links = [(LinkedCall::PutObject, old(""))].into_iter().collect();
    let parts = [(part, old("partNumber=7&uploadId=U&")), (page, old("uploadId=U&"))];
    judge(bytes, vec![LinkedCall::PutObject], &whole);
    judge(bytes, vec![part, page], &parts.into_iter().collect());
    match Asked::read(bytes) {
        Ok(asked) => {
            let fields = asked.calls.iter().flat_map(|(_, fields)| fields.iter());
            for (name, value) in fields {
                assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':'));
                assert!(!value.chars().any(char::is_control), "{value:?}");
            }
        }
        Err(error) => expect_untold(&error.to_string()),
    }
}

fn judge(bytes: &[u8], calls: Vec<LinkedCall>, links: &Links) {
    let wanted = LinksWanted { calls, expired: true };
    match answer(bytes, &wanted, links, NOW) {
        Ok(renewed) => {
            assert!(!renewed.is_empty());
            for (call, link) in renewed.iter() {
                assert!(wanted.calls.contains(&call));
                let known = links.get(call).expect("each of them has one");
                assert_eq!(link.url.origin().to_ascii_lowercase(), known.url.origin());
                assert_eq!(link.url.path(), known.url.path());
                assert_eq!(link.url.parameter("uploadId"), known.url.parameter("uploadId"));
                assert!(link.url.expires_at() > NOW && link.url != known.url);
                let url = link.url.url().to_string();
                assert!(!url.contains(char::is_whitespace), "{url:?}");
                let is_sendable = |value: &str| !value.contains(['\r', '\n', '\0']);
                assert!(link.fields.iter().all(|(_, value)| is_sendable(value)));
            }
            // What was taken is taken again where it is written anew.
            let again = answer(answer_text(&only_signed(&renewed)).as_bytes(), &wanted, links, NOW);
            assert_eq!(again, Ok(renewed));
        }
        Err(error) => expect_untold(&error.to_string()),
    }
}

/// An answer names no fields but those that are signed.
fn only_signed(links: &Links) -> Links {
    let signed = |link: &Link| {
        let mut fields = Headers::new();
        for (name, value) in link.fields.iter() {
            if link.url.signed_fields().iter().any(|field| field == name) {
                fields.push(name, value);
            }
        }
        Link { url: link.url.clone(), fields }
    };
    links.iter().map(|(call, link)| (call, signed(link))).collect()
}

fn expect_untold(error: &str) {
    expect_printable(error);
    assert!(!error.contains(SECRET) && error.len() < 2000, "{error}");
}

/// A link that has expired.
fn old(query: &str) -> Link {
    let signature = "0".repeat(64);
    let url = format!(
        "{PLACE}?{query}X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A&\
         X-Amz-Date=20130524T000000Z&X-Amz-Expires=50&X-Amz-SignedHeaders=host%3Bx-amz-acl&\
         X-Amz-Signature={signature}"
    );
    let mut fields = Headers::new();
    fields.push("x-amz-acl", "private");
    fields.push("x-mine", "1");
    Link { url: PresignedUrl::parse(&url).expect("it is one"), fields }
}
