//! Listings that end and that do not; aborts that hold and that do not.

use super::*;
use crate::http::Evidence;
use crate::s3::{ETag, S3Error, UploadedPart};
use crate::time::Time;
use crate::upload::{AbortStep, Aborted, Aborting, Cause};

const DAY: i64 = 86_400;
const NOW: i64 = 1_000_000;

fn upload(key: &str, id: &str, days: i64) -> UnfinishedUpload {
    UnfinishedUpload {
        key: key.into(),
        key_written: None,
        upload_id: UploadId(id.into()),
        initiated: Some(UnixTime(NOW - days * DAY)),
        storage_class: None,
    }
}

fn page(uploads: &[UnfinishedUpload], next: Option<&str>) -> Reply {
    let next = next.map(|key| UploadsMarker { key: key.into(), upload_id: String::new() });
    let date = Some(UnixTime(NOW));
    Reply::Uploads(UploadsPage { uploads: uploads.to_vec(), next, date })
}

fn parts(first: u32, count: u32, next: Option<u32>) -> Reply {
    let part = |index| UploadedPart {
        number: PartNumber::from_index(index),
        size: 10,
        etag: ETag("e".into()),
        checksum: None,
    };
    let parts = (first..first + count).map(part).collect();
    let next = next.map(PartNumber::from_index);
    Reply::Parts(PartsPage { parts, next, checksum_algorithm: None })
}

fn refused(status: u16, code: &str) -> Failure {
    let cause = Cause::S3(S3Error::refused(status, code));
    let (symptom, class) = cause.classify();
    Failure {
        operation: "ListParts",
        part: None,
        attempt: 1,
        attempts_max: 1,
        cause,
        symptom,
        class,
        ambiguous: false,
        evidence: Evidence::default(),
        link: None,
        at: Time::ZERO,
        gave_up: None,
    }
}

fn listing(selection: Selection) -> Listing {
    let mut listing = Listing::new(selection);
    let first = listing.next().unwrap();
    assert_eq!(first.operation, Operation::ListMultipartUploads { after: None });
    assert_eq!(listing.next(), None, "nothing is known yet");
    listing
}

fn keys(listed: &Listed) -> Vec<&str> {
    listed.uploads.iter().map(|upload| upload.key.as_str()).collect()
}

#[test]
fn pages_are_followed_and_parts_are_summed() {
    let mut listing = listing(Selection::default());
    let follows = listing.answered(&Asked::Uploads, Ok(page(&[upload("b", "1", 2)], Some("b"))));
    assert!(matches!(
        follows.unwrap().operation,
        Operation::ListMultipartUploads { after: Some(marker) } if marker.key == "b"
    ));
    assert_eq!(listing.answered(&Asked::Uploads, Ok(page(&[upload("a", "2", 1)], None))), None);
    let call = listing.next().unwrap();
    assert_eq!((call.tag, call.key.as_str()), (Asked::Parts(0), "b"));
    let more = listing.answered(&call.tag, Ok(parts(0, 1000, Some(999)))).unwrap();
    assert!(matches!(more.operation, Operation::ListParts { after: Some(after), .. }
        if after == PartNumber::from_index(999)));
    assert_eq!(listing.answered(&more.tag, Ok(parts(1000, 5, None))), None);
    let call = listing.next().unwrap();
    assert_eq!(listing.answered(&call.tag, Ok(parts(0, 0, None))), None);
    assert_eq!(listing.next(), None);
    let listed = listing.into_listed();
    assert_eq!(keys(&listed), ["a", "b"], "sorted");
    assert_eq!(listed.uploads[1].stored, Some(Stored { parts: 1005, bytes: 10_050 }));
    assert_eq!(listed.uploads[0].stored, Some(Stored::default()));
    assert_eq!(listed.uploads[0].age, Some(Duration::from_hours(24)));
    assert_eq!((listed.fault, listed.unknown), (None, None));
}

#[test]
fn the_selection_is_by_prefix_age_and_id() {
    let uploads = [
        upload("logs/a", "1", 3),
        upload("logs/b", "2", 0),
        upload("other", "3", 3),
        UnfinishedUpload { initiated: None, ..upload("logs/c", "4", 3) },
        // By a clock that is ahead.
        upload("logs/d", "5", -1),
    ];
    let found = |selection| {
        let mut listing = listing(selection);
        listing.answered(&Asked::Uploads, Ok(page(&uploads, None)));
        listing.into_listed()
    };
    let prefix = || Selection { prefix: "logs/".into(), ..Selection::default() };
    assert_eq!(keys(&found(prefix())), ["logs/a", "logs/b", "logs/c", "logs/d"]);
    let old = Selection { older_than: Some(Duration::from_hours(24)), ..prefix() };
    let listed = found(old);
    assert_eq!((keys(&listed), listed.others), (vec!["logs/a"], 4));
    let any_age = Selection { older_than: Some(Duration::ZERO), ..prefix() };
    assert_eq!(keys(&found(any_age)), ["logs/a", "logs/b", "logs/d"], "what has no age is not old");
    let by_id = Selection { upload_ids: [UploadId("3".into())].into(), ..Selection::default() };
    assert_eq!(keys(&found(by_id)), ["other"]);
}

#[test]
fn a_listing_that_does_not_move_on_ends() {
    let mut listing = listing(Selection::default());
    let uploads = [upload("a", "1", 0), upload("a", "2", 0)];
    assert!(listing.answered(&Asked::Uploads, Ok(page(&uploads, Some("a")))).is_some());
    assert_eq!(listing.answered(&Asked::Uploads, Ok(page(&uploads, Some("b")))), None);
    let listed = listing.into_listed();
    assert_eq!(keys(&listed), ["a", "a"]);
    assert_eq!(listed.fault, Some(ListingFault::DoesNotMoveOn));
}

#[test]
fn parts_that_never_end_end() {
    let mut listing = listing(Selection::default());
    listing.answered(&Asked::Uploads, Ok(page(&[upload("a", "1", 0)], None)));
    let mut call = listing.next();
    let mut pages = 0;
    while let Some(next) = call {
        call = listing.answered(&next.tag, Ok(parts(0, 1000, Some(999))));
        pages += 1;
    }
    assert_eq!(pages, 100);
}

#[test]
fn uploads_that_end_meanwhile_are_left_out_and_others_that_fail_are_kept() {
    let mut listing = listing(Selection::default());
    let uploads = [upload("a", "1", 0), upload("b", "2", 0), upload("c", "3", 0)];
    listing.answered(&Asked::Uploads, Ok(page(&uploads, None)));
    listing.answered(&Asked::Parts(0), Err(refused(404, "NoSuchUpload")));
    listing.answered(&Asked::Parts(1), Err(refused(403, "AccessDenied")));
    // Somebody on the way has not heard of anything: no proof.
    listing.answered(&Asked::Parts(2), Err(refused(404, "")));
    let listed = listing.into_listed();
    assert_eq!((keys(&listed), listed.ended_meanwhile, listed.others), (vec!["b", "c"], 1, 0));
    let (failure, count) = listed.unknown.unwrap();
    assert_eq!((failure.status(), count), (Some(403), 2));
    assert_eq!(listed.uploads[0].stored, None);
}

#[test]
fn a_listing_that_is_refused_says_why() {
    let mut listing = listing(Selection::default());
    let failure = refused(501, "NotImplemented");
    assert_eq!(listing.answered(&Asked::Uploads, Err(failure.clone())), None);
    assert_eq!(listing.next(), None);
    assert_eq!(listing.into_listed().fault, Some(ListingFault::Failed(failure)));
}

#[test]
fn a_key_that_was_decoded_and_not_encoded_is_tried_as_it_was_written() {
    let decoded = || UnfinishedUpload { key_written: Some("a+b".into()), ..upload("a b", "1", 0) };
    let gone = || refused(404, "NoSuchUpload");
    let mut script = listing(Selection::default());
    script.answered(&Asked::Uploads, Ok(page(&[decoded()], None)));
    let call = script.next().unwrap();
    assert_eq!(call.key.as_str(), "a b");
    let again = script.answered(&call.tag, Err(gone())).unwrap();
    assert_eq!(again.key.as_str(), "a+b");
    assert_eq!(script.answered(&again.tag, Ok(parts(0, 1, None))), None);
    assert_eq!(keys(&script.into_listed()), ["a+b"]);
    // Where parts cannot be listed, the abort finds it out.
    let mut script = listing(Selection::default());
    script.answered(&Asked::Uploads, Ok(page(&[decoded()], None)));
    script.answered(&Asked::Parts(0), Err(refused(403, "AccessDenied")));
    let mut script = Aborting::new(script.into_listed().uploads);
    assert_eq!(script.next().unwrap().key.as_str(), "a b");
    assert_eq!(script.answered(&ABORT, Err(gone())).unwrap().key.as_str(), "a+b");
    assert_eq!(script.answered(&ABORT, Err(gone())), None);
    assert_eq!(verdict(script), Aborted::Gone);
}

// --- giving up ---

const ABORT: AbortStep = AbortStep::Abort(0);
const CONFIRM: AbortStep = AbortStep::Confirm(0);

fn aborting(uploads: u32) -> Aborting {
    let mut listing = listing(Selection::default());
    let uploads: Vec<_> = (0..uploads).map(|number| upload("k", &number.to_string(), 0)).collect();
    listing.answered(&Asked::Uploads, Ok(page(&uploads, None)));
    let mut aborting = Aborting::new(listing.into_listed().uploads);
    let first = aborting.next().unwrap();
    assert_eq!((first.tag, first.pause), (ABORT, Duration::ZERO));
    aborting
}

fn verdict(aborting: Aborting) -> Aborted {
    aborting.into_uploads().remove(0).1
}

#[test]
fn an_abort_is_confirmed() {
    let mut script = aborting(1);
    assert_eq!(script.next(), None);
    let confirm = script.answered(&ABORT, Ok(Reply::Aborted)).unwrap();
    assert_eq!((confirm.tag, confirm.operation.name()), (CONFIRM, "ListParts"));
    assert_eq!(script.answered(&CONFIRM, Err(refused(404, "NoSuchUpload"))), None);
    assert_eq!(verdict(script), Aborted::Gone);
}

#[test]
fn what_is_gone_already_is_gone_and_a_strange_404_proves_nothing() {
    let mut script = aborting(1);
    assert_eq!(script.answered(&ABORT, Err(refused(404, "NoSuchUpload"))), None);
    assert_eq!(verdict(script), Aborted::Gone);
    for failure in [refused(404, ""), refused(404, "NoSuchBucket"), refused(403, "AccessDenied")] {
        let mut script = aborting(1);
        assert_eq!(script.answered(&ABORT, Err(failure.clone())), None);
        assert_eq!(verdict(script), Aborted::Failed(failure));
    }
}

#[test]
fn parts_that_land_behind_the_abort_are_aborted_again_after_a_pause() {
    let mut script = aborting(1);
    script.answered(&ABORT, Ok(Reply::Aborted));
    let again = script.answered(&CONFIRM, Ok(parts(0, 1, None))).unwrap();
    assert_eq!((again.tag, again.pause), (ABORT, Duration::from_secs(1)));
    script.answered(&ABORT, Ok(Reply::Aborted));
    assert_eq!(script.answered(&CONFIRM, Ok(parts(0, 0, None))), None);
    assert_eq!(verdict(script), Aborted::Gone);
}

#[test]
fn an_upload_that_is_still_fed_is_given_up_after_five_rounds() {
    let mut script = aborting(1);
    let mut aborts = 0;
    let mut step = Some(ABORT);
    while let Some(tag) = step {
        let answer = if tag == ABORT { Ok(Reply::Aborted) } else { Ok(parts(0, 2, None)) };
        aborts += u32::from(tag == ABORT);
        step = script.answered(&tag, answer).map(|call| call.tag);
    }
    assert_eq!(aborts, 5);
    assert_eq!(verdict(script), Aborted::StillFed(Stored { parts: 2, bytes: 20 }));
}

#[test]
fn where_nobody_may_look_a_second_abort_tells() {
    let denied = || refused(403, "AccessDenied");
    let mut script = aborting(1);
    script.answered(&ABORT, Ok(Reply::Aborted));
    let again = script.answered(&CONFIRM, Err(denied())).unwrap();
    assert_eq!(again.tag, ABORT);
    assert_eq!(script.answered(&ABORT, Err(refused(404, "NoSuchUpload"))), None);
    assert_eq!(verdict(script), Aborted::Gone);
    let mut script = aborting(1);
    script.answered(&ABORT, Ok(Reply::Aborted));
    script.answered(&CONFIRM, Err(denied()));
    assert_eq!(script.answered(&ABORT, Ok(Reply::Aborted)), None);
    assert_eq!(verdict(script), Aborted::Unconfirmed(denied()));
}

#[test]
fn one_failure_leaves_the_others_alone() {
    let mut script = aborting(3);
    script.answered(&ABORT, Err(refused(403, "AccessDenied")));
    assert_eq!(script.next().unwrap().tag, AbortStep::Abort(1));
    script.answered(&AbortStep::Abort(1), Ok(Reply::Aborted));
    script.answered(&AbortStep::Confirm(1), Err(refused(404, "NoSuchUpload")));
    let verdicts: Vec<Aborted> =
        script.into_uploads().into_iter().map(|(_, verdict)| verdict).collect();
    assert!(matches!(verdicts[..], [Aborted::Failed(_), Aborted::Gone, Aborted::Not]));
}
