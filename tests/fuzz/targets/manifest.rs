//! A manifest of presigned URLs, which comes from strangers.

use curlift::http::Scheme;
use curlift::s3::{Limits, LinkedCall};
use curlift::upload::Manifest;

use super::expect_printable;

/// So that files of a few bytes have parts.
const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 100, parts_max: 3_000, object_size_max: 300_000 };

/// Reads it; what is good leads nowhere else, is written as it was, and can be shared out.
pub(crate) fn manifest(bytes: &[u8]) {
    match Manifest::read(bytes, &LIMITS) {
        Ok(manifest) => {
            expect_links(&manifest);
            let again = Manifest::read(&manifest.write(), &LIMITS);
            assert_eq!(again.as_ref(), Ok(&manifest), "it is written otherwise");
            expect_shares(&manifest);
        }
        Err(error) => {
            for text in [&error.what, &error.hint] {
                expect_printable(text);
                assert!(!text.contains("Signature="), "{text}");
            }
            assert!(!error.hint.is_empty());
        }
    }
}

fn expect_links(manifest: &Manifest) {
    let host = manifest.endpoint().authority();
    for (call, link) in manifest.links().iter() {
        let (url, scheme) = (link.url.url(), manifest.endpoint().scheme());
        assert_eq!(url.scheme, scheme, "{call:?}");
        let port = if scheme == Scheme::Https { ":443" } else { ":80" };
        let authority = url.authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(port).unwrap_or(&authority);
        assert!(authority == host || authority.ends_with(&format!(".{host}")), "{authority}");
        let signed = link.url.signed_fields();
        assert!(signed.iter().all(|name| link.fields.get(name).is_some()), "{signed:?}");
        for (name, value) in link.fields.iter() {
            assert!(signed.iter().any(|known| known == name), "{name} is not signed");
            assert!(!value.contains(char::is_control), "{value:?}");
        }
        if let LinkedCall::UploadPart(number) = call {
            assert!(number.index() < manifest.plan().parts());
            let said = link.url.parameter("partNumber");
            assert_eq!(said.as_deref(), Some(number.to_string().as_str()));
        }
        if !matches!(call, LinkedCall::HeadObject) {
            let said = link.url.parameter("uploadId");
            assert_eq!(said.as_deref(), Some(manifest.upload_id().0.as_str()));
        }
    }
}

fn expect_shares(manifest: &Manifest) {
    let shares = manifest.shards(3);
    let parts = shares.iter().flat_map(|share| share.links().parts());
    assert!(parts.eq(manifest.links().parts()), "a part is nobody's, or two have it");
    for share in &shares {
        assert_eq!(Manifest::read(&share.write(), &LIMITS).as_ref(), Ok(share));
        assert!(!share.allows(LinkedCall::CompleteMultipartUpload));
    }
}
