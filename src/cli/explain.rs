//! A failure in words: what, where, what the store said, which attempt. What to do about it is
//! [`hints`](super::hints)'.

use indicatif::HumanBytes;

use super::place::Place;
use crate::s3::S3Error;
use crate::upload::{Cause, Failure, LinkLife, Reason, SourceChange};

/// The whole message for an upload that failed: what and where, the reason, the attempt.
pub(super) fn failed(failure: &Failure, place: &Place) -> String {
    format!("{} {}\n{}", subject(failure, place), verdict(failure), detail(failure))
}

/// The whole message for a call outside an upload that failed.
pub(super) fn called(failure: &Failure, place: &Place) -> String {
    let Failure { operation, .. } = failure;
    format!("{operation} of {} {}\n{}", place.object, verdict(failure), detail(failure))
}

/// The message for an upload whose end is not known.
pub(super) fn unknown(failure: &Failure, place: &Place) -> String {
    format!(
        "{} may be stored or not: the answer to {} did not arrive, and asking \
         afterwards did not settle it\n{}",
        place.object,
        failure.operation,
        detail(failure)
    )
}

/// The message for a call that failed: what it was to do, the reason, the attempt.
pub(super) fn call_failed(failure: &Failure, doing: &str) -> String {
    format!("{doing} {}\n{}", verdict(failure), detail(failure))
}

/// The reason and the attempt, in one line.
pub(super) fn detail(failure: &Failure) -> String {
    let Failure { attempt, attempts_max, .. } = failure;
    if is_stream(&failure.cause) {
        return reason(failure);
    }
    let stuck = match failure.gave_up {
        Some(Reason::NoProgress(stuck)) => {
            format!(", nothing has succeeded for {} s (--retry-max-time)", stuck.as_secs())
        }
        _ => String::new(),
    };
    format!("{}, attempt {attempt} of {attempts_max}{stuck}", reason(failure))
}

/// Why an attempt did not count, in one line.
pub(super) fn reason(failure: &Failure) -> String {
    format!("{}{}", cause(failure), link(failure))
}

/// What the presigned URL had to do with it: an expired one is refused in many ways, of which some
/// look like a broken network.
fn link(failure: &Failure) -> String {
    let Some(LinkLife { left_at_begin, left_at_end }) = failure.link else {
        return String::new();
    };
    match failure.cause {
        Cause::LinkExpired(_) | Cause::NoLink => String::new(),
        _ if left_at_begin <= 0 => {
            format!("; its presigned URL had expired {} before it began", seconds(-left_at_begin))
        }
        _ if left_at_end <= 0 => {
            let after = seconds(left_at_begin);
            format!("; its presigned URL expired under way, {after} after it began")
        }
        _ => String::new(),
    }
}

/// Milliseconds as seconds, to a tenth where there are few.
fn seconds(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) as f64 / 1000.0;
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

fn cause(failure: &Failure) -> String {
    let evidence = &failure.evidence;
    match &failure.cause {
        Cause::S3(S3Error::Answered { status, code, message, request_id, .. }) => {
            let code = if code.is_empty() { "an error without a code" } else { code };
            let separator = if message.is_empty() { "" } else { ": " };
            let id = request_id.as_ref().map(|id| format!(", request id {id}"));
            format!("S3: {code}{separator}{message} (HTTP {status}){}", id.unwrap_or_default())
        }
        Cause::S3(S3Error::Unusable { status, reason }) => {
            format!("S3: an answer that cannot be used (HTTP {status}): {reason}")
        }
        Cause::S3(S3Error::Transport(transport)) => {
            let peer = evidence.peer.map(|peer| format!(" ({peer})")).unwrap_or_default();
            let sent = match (evidence.bytes_sent, evidence.bytes_expected) {
                (0, _) | (_, 0) => String::new(),
                (sent, expected) => {
                    format!(" after {} of {}", HumanBytes(sent), HumanBytes(expected))
                }
            };
            format!("network: {}{peer}{sent}", transport.message)
        }
        Cause::Stalled(silent) => format!("network: nothing moved for {} s", silent.as_secs()),
        Cause::AnswerUnending(waited) => {
            format!("network: the answer did not end within {} s", waited.as_secs())
        }
        Cause::ChecksumMismatch { sent, stored } => {
            format!("S3 has CRC64NVME {stored} of bytes that left here with {sent}")
        }
        Cause::SourceChanged(change) => change.to_string(),
        Cause::LinkExpired(ago) => {
            let ago = seconds(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
            format!("its presigned URL expired {ago} ago, so it was not sent")
        }
        Cause::NoLink => "no presigned URL was given for it".to_owned(),
    }
}

/// `x-amz-request-id`, where the store sent one.
pub(super) fn request_id(failure: &Failure) -> Option<&str> {
    match &failure.cause {
        Cause::S3(S3Error::Answered { request_id, .. }) => request_id.as_deref(),
        _ => None,
    }
}

fn subject(failure: &Failure, place: &Place) -> String {
    let file = &place.source;
    match failure.part {
        Some(part) => format!(
            "part {} of {file} ({} at {})",
            part.number,
            HumanBytes(part.length),
            HumanBytes(part.offset)
        ),
        None if failure.operation == "PutObject" || is_stream(&failure.cause) => file.clone(),
        None => format!("{} for {file} to {}", failure.operation, place.object),
    }
}

/// Whether a stream itself is the matter, whatever was to be done with it.
fn is_stream(cause: &Cause) -> bool {
    matches!(cause, Cause::SourceChanged(SourceChange::Stream { .. }))
}

fn verdict(failure: &Failure) -> &'static str {
    match &failure.cause {
        Cause::S3(S3Error::Answered { status: 400..500, .. }) => "was refused",
        Cause::S3(S3Error::Answered { status: 300..400, .. }) => "was sent elsewhere",
        Cause::SourceChanged(_) => "was not sent",
        Cause::ChecksumMismatch { .. } => "arrived damaged",
        _ => "failed",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::tests::{answered, failure, of_part, place, transport};
    use crate::http::{Evidence, TransportFailureKind};
    use crate::s3::ErrorClass;

    #[test]
    fn a_message_says_what_where_why_and_which_attempt() {
        let refused = of_part(failure(answered(403, "AccessDenied"), ErrorClass::Denied), 17);
        assert_eq!(
            failed(&refused, &place()),
            "part 17 of backup.tar (16.00 MiB at 256.00 MiB) was refused\n\
             S3: AccessDenied: said so (HTTP 403), request id 7B4A, attempt 1 of 10"
        );
        let mut reset =
            failure(transport(TransportFailureKind::Reset, "reset by peer"), ErrorClass::Transient);
        reset.evidence = Evidence {
            peer: Some("192.0.2.1:443".parse().unwrap()),
            bytes_sent: 1 << 20,
            bytes_expected: 1 << 24,
            ..Evidence::default()
        };
        assert_eq!(
            failed(&reset, &place()),
            "backup.tar failed\n\
             network: reset by peer (192.0.2.1:443) after 1.00 MiB of 16.00 MiB, attempt 1 of 10"
        );
    }

    #[test]
    fn every_cause_has_its_words() {
        let unusable = S3Error::Unusable { status: 200, reason: "no ETag".into() };
        let mismatch = Cause::ChecksumMismatch { sent: "AA".into(), stored: "BB".into() };
        let rows = [
            (Cause::S3(unusable), "cannot be used (HTTP 200): no ETag"),
            (Cause::Stalled(Duration::from_secs(30)), "nothing moved for 30 s"),
            (mismatch, "CRC64NVME BB of bytes that left here with AA"),
            (
                Cause::SourceChanged(SourceChange::Changed("it shrank".into())),
                "was sent: it shrank",
            ),
            (answered(502, ""), "an error without a code: said so (HTTP 502)"),
        ];
        for (cause, words) in rows {
            let text = failed(&failure(cause, ErrorClass::Transient), &place());
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn an_unknown_end_names_the_object() {
        let lost = failure(transport(TransportFailureKind::Reset, "x"), ErrorClass::Transient);
        assert!(unknown(&lost, &place()).starts_with("s3://bucket/path/key may be stored or not"));
    }
}
