//! Presigned URLs that expired: refused in many words, and cut without any, which looks like a
//! broken network.

use std::time::Duration;

use super::rules::clear;
use super::words::seconds;
use super::{DiagnosedCause as Is, Failure, Suspicion};
use crate::s3::{ErrorClass, S3Error};
use crate::upload::{Cause, Symptom};

pub(super) fn suspect(failure: &Failure) -> Option<Suspicion> {
    let is_expired = failure.class == ErrorClass::CredentialsExpired;
    let says_expired = match &failure.cause {
        Cause::S3(S3Error::Answered { message, .. }) if failure.link.is_none() => {
            message.contains("equest has expired")
        }
        _ => failure.link.is_some() && is_expired,
    };
    let Some(life) = failure.link else {
        return says_expired.then(|| expired("the store said that the request has expired".into()));
    };
    let ended_under_way = life.left_at_begin > 0 && life.left_at_end <= 0;
    let is_cut = matches!(failure.symptom, Symptom::Reset | Symptom::Timeout | Symptom::Stalled);
    if ended_under_way && (is_cut || says_expired) {
        return Some(clear(
            Is::LinkExpiredUnderWay,
            format!(
                "the transfer ended as its presigned URL did, {} after it had begun",
                span(life.left_at_begin)
            ),
            "a URL that lives longer than the transfer takes (--expires-in): this store, or \
             something before it, does not let one outlive its URL",
        ));
    }
    (says_expired || life.left_at_begin <= 0).then(|| {
        expired(format!(
            "its presigned URL had expired {} before the request could begin",
            span(-life.left_at_begin)
        ))
    })
}

fn span(milliseconds: i64) -> String {
    seconds(Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0)))
}

fn expired(because: String) -> Suspicion {
    clear(
        Is::LinkExpired,
        because,
        "make the URL when the upload begins, not when it is queued; let it live longer \
         (--expires-in), or have fresh ones made with --renew",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::TransportFailureKind;
    use crate::upload::LinkLife;
    use crate::upload::diagnosis::tests_support::{of, transport};

    fn suspected(failure: &Failure, left: (i64, i64)) -> Option<Is> {
        let (left_at_begin, left_at_end) = left;
        let link = Some(LinkLife { left_at_begin, left_at_end });
        suspect(&Failure { link, ..failure.clone() }).map(|suspicion| suspicion.cause)
    }

    #[test]
    fn a_cut_is_laid_to_the_url_where_the_times_fit() {
        let reset = transport(TransportFailureKind::Reset, "Broken pipe");
        assert_eq!(suspected(&reset, (10, -1)), Some(Is::LinkExpiredUnderWay));
        assert_eq!(suspected(&reset, (0, -3)), Some(Is::LinkExpired));
        assert_eq!(suspected(&reset, (100, 50)), None);
        assert_eq!(suspect(&reset).map(|suspicion| suspicion.cause), None, "no URL");
    }

    #[test]
    fn a_refusal_is_told_with_the_time_it_came_too_late() {
        let refused = of(Cause::S3(S3Error::refused(403, "ExpiredPresignRequest")));
        let refused = Failure { class: ErrorClass::CredentialsExpired, ..refused };
        assert_eq!(suspected(&refused, (-12, -12)), Some(Is::LinkExpired));
        let checked_again = suspected(&refused, (5, -1));
        assert_eq!(checked_again, Some(Is::LinkExpiredUnderWay), "at the end of the body");
    }
}
