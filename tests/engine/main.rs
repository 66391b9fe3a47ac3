//! The engine's transitions one by one; each test begins in the state it is about.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod adapts;
mod breathes;
mod calls;
mod links;
mod resumes;
mod scene;
mod streams;
mod sweeps;

use std::time::Duration;

use curlift::http::ConnectionWanted;
use curlift::http::TransportFailureKind::{Connect, NotHttp, Reset};
use curlift::upload::{Cause, Notice, Outcome, Patience, Symptom};

use scene::{CREATED, Scene};

const NO_PARTS: &str = "<ListPartsResult><IsTruncated>false</IsTruncated></ListPartsResult>";
const ONE_PART: &str = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1\
    </PartNumber><ETag>\"a\"</ETag><Size>10</Size></Part></ListPartsResult>";
const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag></CompleteMultipartUploadResult>";

#[test]
fn an_upload_goes_from_create_over_parts_to_complete() {
    let mut scene = Scene::completing(3);
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer(&complete, 200, COMPLETED);
    assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))));
    assert_eq!(scene.engine().tally().attempts, 5);
    assert_eq!(scene.engine().tally().parts, 3);
}

#[test]
fn create_never_goes_over_a_used_connection() {
    let mut scene = Scene::multipart(2);
    assert_eq!(scene.expect("CreateMultipartUpload").connection, ConnectionWanted::NEW);
    let mut scene = Scene::sending(2);
    assert_eq!(scene.expect("UploadPart").connection, ConnectionWanted::ANY);
}

#[test]
fn no_more_than_the_concurrency_is_in_flight() {
    let mut scene = Scene::sending(5);
    let first = scene.expect("UploadPart");
    scene.expect("UploadPart");
    scene.expect_nothing();
    scene.answer(&first, 200, "");
    scene.expect("UploadPart");
    scene.expect_nothing();
}

#[test]
fn a_failed_part_is_sent_again_on_a_fresh_connection_after_its_backoff() {
    let mut scene = Scene::sending(2);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    scene.break_off(&first, Reset);
    scene.answer(&second, 200, "");
    scene.pass_until_wakeup();
    let again = scene.expect("UploadPart");
    assert_eq!((again.part(), again.number), (first.part(), 2));
    assert_eq!(again.connection, ConnectionWanted::NEW_RESOLVED);
    assert_eq!(scene.engine().tally().retries[&Symptom::Reset], 1);
}

#[test]
fn an_attempt_in_which_nothing_moves_is_cut_and_one_that_moves_is_not() {
    let mut scene = Scene::sending(2);
    let silent = scene.expect("UploadPart");
    let moving = scene.expect("UploadPart");
    for tenth in 1..=4 {
        scene.pass(Duration::from_secs(8));
        scene.progress(&moving, tenth);
    }
    assert_eq!(scene.cancelled, [silent.id]);
    assert_eq!(scene.engine().tally().retries[&Symptom::Stalled], 1);
}

#[test]
fn a_connection_may_take_longer_to_stand_than_bytes_may_rest() {
    let patience = Patience::new(Duration::from_secs(20), Duration::from_mins(5));
    let mut scene = Scene::patient(2, patience);
    let connecting = scene.expect("UploadPart");
    let sending = scene.expect("UploadPart");
    scene.progress(&sending, 1);
    scene.pass(Duration::from_secs(21));
    assert_eq!(scene.cancelled, [sending.id]);
    scene.pass(Duration::from_mins(5));
    assert_eq!(scene.cancelled.last(), Some(&connecting.id));
}

#[test]
fn an_answer_is_awaited_longer_than_the_next_byte() {
    let mut scene = Scene::sending(1);
    let part = scene.expect("UploadPart");
    scene.progress(&part, 10);
    scene.pass(Duration::from_secs(59));
    assert!(scene.cancelled.is_empty());
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.cancelled, [part.id]);
}

#[test]
fn an_answer_that_drips_without_end_is_cut() {
    let mut scene = Scene::sending(1);
    let part = scene.expect("UploadPart");
    for second in 0..119 {
        scene.drip(&part, second);
        scene.pass(Duration::from_secs(1));
        assert!(scene.cancelled.is_empty(), "{second}");
    }
    scene.drip(&part, 119);
    scene.pass(Duration::from_secs(1));
    assert_eq!(scene.cancelled, [part.id]);
    assert_eq!(scene.engine().tally().retries[&Symptom::Timeout], 1);
}

#[test]
fn a_refused_part_ends_the_upload_and_frees_what_was_stored() {
    let mut scene = Scene::sending(3);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    scene.answer_error(&first, 403, "AccessDenied");
    assert_eq!(scene.cancelled, [second.id]);
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer(&abort, 204, "");
    let list = scene.expect("ListParts");
    assert!(scene.outcome().is_none());
    scene.answer_error(&list, 404, "NoSuchUpload");
    let Some(Outcome::Failed(failure)) = scene.outcome() else { panic!("{:?}", scene.outcome()) };
    assert_eq!((failure.s3_code(), failure.attempt), (Some("AccessDenied"), 1));
}

#[test]
fn parts_that_land_behind_an_abort_are_freed_by_another() {
    let mut scene = Scene::sending(1);
    scene.expect("UploadPart");
    scene.stop();
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer(&abort, 204, "");
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, ONE_PART);
    scene.pass_until_wakeup();
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer(&abort, 204, "");
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, NO_PARTS);
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}

#[test]
fn an_upload_that_cannot_be_aborted_is_told() {
    let mut scene = Scene::sending(1);
    scene.expect("UploadPart");
    scene.stop();
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer_error(&abort, 403, "AccessDenied");
    let told = |notice: &Notice| matches!(notice, Notice::LeftBehind { upload_id: Some(id), .. } if id.0 == "U");
    assert!(scene.notices.iter().any(told));
    assert_eq!(scene.engine().tally().left_behind, 1);
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}

#[test]
fn a_stop_while_creating_waits_for_the_id_and_frees_it() {
    let mut scene = Scene::multipart(2);
    let create = scene.expect("CreateMultipartUpload");
    scene.stop();
    assert!(scene.cancelled.is_empty() && scene.outcome().is_none());
    scene.answer(&create, 200, CREATED);
    scene.expect("AbortMultipartUpload");
}

#[test]
fn a_stop_while_create_waits_for_its_retry_ends_at_once() {
    let mut scene = Scene::multipart(2);
    let create = scene.expect("CreateMultipartUpload");
    scene.break_off(&create, Connect);
    scene.stop();
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}

#[test]
fn no_such_upload_at_complete_is_perhaps_done_even_at_the_first_attempt() {
    let mut scene = Scene::completing(1);
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer_error(&complete, 404, "NoSuchUpload");
    let head = scene.expect("HeadObject");
    scene.answer_error(&head, 404, "");
    assert!(scene.outcome().is_none(), "a missing object is asked for twice");
    scene.pass_until_wakeup();
    let head = scene.expect("HeadObject");
    scene.answer_error(&head, 404, "");
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))));
}

#[test]
fn a_complete_whose_answers_are_all_lost_is_compared_then_aborted_then_compared() {
    let mut scene = Scene::completing(1);
    for _ in 0..10 {
        let complete = scene.expect("CompleteMultipartUpload");
        scene.break_off(&complete, Reset);
        scene.pass(Duration::from_secs(20));
    }
    let head = scene.expect("HeadObject");
    scene.answer_error(&head, 403, "AccessDenied");
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer_error(&abort, 404, "NoSuchUpload");
    let head = scene.expect("HeadObject");
    scene.answer_error(&head, 403, "AccessDenied");
    assert!(matches!(scene.outcome(), Some(Outcome::Unknown(_))), "{:?}", scene.outcome());
}

#[test]
fn a_source_that_changes_ends_the_upload_and_frees_it() {
    let mut scene = Scene::sending(2);
    scene.expect("UploadPart");
    scene.expect("UploadPart");
    scene.source_changes();
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer_error(&abort, 404, "NoSuchUpload");
    let Some(Outcome::Failed(failure)) = scene.outcome() else { panic!("{:?}", scene.outcome()) };
    assert!(matches!(failure.cause, Cause::SourceChanged(_)));
}

#[test]
fn a_put_whose_answer_was_lost_and_cannot_be_proved_is_unknown() {
    let mut scene = Scene::single_put();
    for _ in 0..10 {
        let put = scene.expect("PutObject");
        scene.break_off(&put, Reset);
        scene.pass(Duration::from_secs(20));
    }
    let head = scene.expect("HeadObject");
    // The right size alone proves nothing.
    scene.answer(&head, 200, "");
    assert!(matches!(scene.outcome(), Some(Outcome::Unknown(_))), "{:?}", scene.outcome());
}

#[test]
fn what_never_spoke_http_cannot_have_stored_anything() {
    let mut scene = Scene::single_put();
    for _ in 0..10 {
        let put = scene.expect("PutObject");
        scene.break_off(&put, NotHttp);
        scene.pass(Duration::from_secs(20));
    }
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
}

#[test]
fn a_garbled_answer_of_a_store_may_hide_a_success() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.answer_error(&put, 503, "SlowDown");
    for _ in 0..10 {
        scene.pass(Duration::from_secs(20));
        let put = scene.expect("PutObject");
        scene.break_off(&put, NotHttp);
    }
    scene.expect("HeadObject");
}

#[test]
fn a_stop_while_putting_ends_at_once() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.stop();
    assert_eq!(scene.cancelled, [put.id]);
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}
