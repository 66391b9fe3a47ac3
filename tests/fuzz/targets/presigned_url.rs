//! Presigned URLs, as people paste them.

use curlift::s3::{PresignedUrl, PresignedUrlError};

use super::expect_printable;

/// What is accepted is sent as it is and shows nothing of its query; what is not is told without.
pub(crate) fn presigned_url(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match PresignedUrl::parse(text) {
        Ok(url) => {
            let (origin, sent) = (url.origin(), url.url().to_string());
            assert!(sent.starts_with(&origin), "{origin}: {sent}");
            assert!(sent.bytes().all(|byte| byte > b' ' && byte != 0x7f), "{sent:?}");
            let (place, query) = sent.split_once('?').expect("it has a query");
            for shown in [url.to_string(), format!("{url:?}")] {
                expect_printable(&shown);
                assert!(query.len() < 20 || !shown.contains(query), "{shown}");
            }
            assert!(place.len() >= origin.len());
            let again = PresignedUrl::parse(url.expose());
            assert_eq!(again.as_ref(), Ok(&url), "{text:?}");
            let _ = (url.for_object(), url.object(), url.lifetime());
        }
        Err(PresignedUrlError { what, hint }) => {
            expect_printable(&what);
            expect_printable(&hint);
            let signature = text.split("Signature=").nth(1).unwrap_or_default();
            assert!(signature.len() < 20 || !what.contains(signature), "{what}");
        }
    }
}
