//! What to do where presigned URLs are used: keys, regions and permissions are their signer's.

use crate::cli::place::{Place, Reach, quoted};
use crate::s3::ErrorClass;
use crate::upload::{Cause, Failure};

/// What to do about `failure`; `None` where that is no different from what helps with keys.
pub(super) fn hint(failure: &Failure, place: &Place) -> Option<String> {
    let links = match &place.reach {
        Reach::Keys => return None,
        Reach::Url => "the URL".to_owned(),
        Reach::Manifest(path) => format!("the URLs of {path}"),
    };
    if matches!(failure.cause, Cause::NoLink) {
        return Some(format!("whoever signed {links} may sign one for {} too", failure.operation));
    }
    Some(match (failure.s3_code(), failure.class) {
        (_, ErrorClass::CredentialsExpired) if place.renews => {
            "--renew gave no fresh one in time: mend its command, and type the same line again"
                .to_owned()
        }
        (_, ErrorClass::CredentialsExpired) => format!(
            "have {links} signed again, with a longer life (curlift presign --expires-in), or let \
             fresh ones be made under way with --renew 'COMMAND'"
        ),
        (Some("SignatureDoesNotMatch"), _) => format!(
            "{links} was changed on its way here, or is signed for another method (GET), or with \
             other header fields than were sent"
        ),
        (_, ErrorClass::Denied) => format!(
            "whoever signed {links} may not do this, or no longer: it needs s3:PutObject on \
             arn:aws:s3:::{}/{}; and their clock must be right",
            place.bucket, place.key
        ),
        (_, ErrorClass::ClockSkew) => {
            format!("the clock of whoever signed {links} is wrong: have it signed again")
        }
        (_, ErrorClass::Redirected) => format!(
            "{links} leads to another region than the bucket is in: have it signed for that region"
        ),
        (Some("NoSuchUpload"), _) => format!(
            "the upload of {links} was completed or aborted{}; have another one made with curlift \
             presign --parts-for",
            match &place.reach {
                Reach::Manifest(path) => {
                    format!(" ({} tells which)", quoted(&["curlift", "complete", path]))
                }
                _ => String::new(),
            }
        ),
        (Some("BadDigest"), _) => {
            format!("{links} was signed for other bytes: is this the file that it is for?")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{answered, failure, place};

    fn hinted(code: &str, class: ErrorClass) -> Option<String> {
        let place = Place { reach: Reach::Url, ..place() };
        hint(&failure(answered(403, code), class), &place)
    }

    #[test]
    fn what_its_signer_must_do_is_said() {
        for (code, class, says) in [
            ("AccessDenied", ErrorClass::CredentialsExpired, "--renew"),
            ("SignatureDoesNotMatch", ErrorClass::Denied, "another method (GET)"),
            ("AccessDenied", ErrorClass::Denied, "s3:PutObject on arn:aws:s3:::bucket/path/key"),
            ("PermanentRedirect", ErrorClass::Redirected, "signed for that region"),
            ("NoSuchUpload", ErrorClass::NotFound, "completed or aborted"),
            ("BadDigest", ErrorClass::Damaged, "other bytes"),
        ] {
            let hint = hinted(code, class).unwrap();
            assert!(hint.contains(says), "{code}: {hint}");
            assert!(!hint.contains("aws sso"), "{code}: {hint}");
        }
        assert_eq!(hinted("SlowDown", ErrorClass::Throttled), None);
        let keys = hint(&failure(answered(403, "AccessDenied"), ErrorClass::Denied), &place());
        assert_eq!(keys, None);
    }
}
