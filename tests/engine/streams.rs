//! Streams: what is to be sent becomes known while it is read.

use std::time::Duration;

use curlift::http::TransportFailureKind::Reset;
use curlift::s3::Operation;
use curlift::upload::{Cause, Notice, Outcome};

use super::COMPLETED;
use super::scene::Scene;

#[test]
fn nothing_is_sent_before_it_is_known_how() {
    let mut scene = Scene::stream(15);
    scene.expect_nothing();
    scene.input(10, false);
    scene.expect_nothing();
    scene.input(20, false);
    scene.expect("CreateMultipartUpload");
}

#[test]
fn a_short_stream_goes_in_one_put() {
    for size in [0, 14] {
        let mut scene = Scene::stream(15);
        scene.input(size, true);
        let put = scene.expect("PutObject");
        assert!(
            matches!(put.operation, Operation::PutObject { length, .. } if length == size),
            "{put:?}"
        );
        scene.answer(&put, 200, "");
        assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))));
    }
}

#[test]
fn parts_are_sent_as_they_come_and_the_end_completes() {
    let mut scene = Scene::streaming();
    let first = scene.expect("UploadPart");
    scene.expect_nothing();
    scene.answer(&first, 200, "");
    scene.expect_nothing();
    assert!(scene.outcome().is_none(), "all that is known is stored, and more may come");
    scene.input(20, false);
    let second = scene.expect("UploadPart");
    scene.input(23, true);
    let last = scene.expect("UploadPart");
    assert!(matches!(last.operation, Operation::UploadPart { offset: 20, length: 3, .. }));
    scene.answer(&last, 200, "");
    scene.answer(&second, 200, "");
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer(&complete, 200, COMPLETED);
    assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))));
}

#[test]
fn an_end_that_comes_behind_the_last_part_completes_at_once() {
    let mut scene = Scene::streaming();
    let first = scene.expect("UploadPart");
    scene.answer(&first, 200, "");
    scene.input(10, true);
    scene.expect("CompleteMultipartUpload");
}

#[test]
fn a_producer_that_died_frees_what_was_stored() {
    let mut scene = Scene::streaming();
    scene.expect("UploadPart");
    scene.input_breaks();
    let abort = scene.expect("AbortMultipartUpload");
    scene.answer_error(&abort, 404, "NoSuchUpload");
    let Some(Outcome::Failed(failure)) = scene.outcome() else { panic!("{:?}", scene.outcome()) };
    assert!(matches!(failure.cause, Cause::SourceChanged(_)));
}

#[test]
fn a_producer_that_died_before_anything_was_sent_leaves_nothing_to_free() {
    let mut scene = Scene::stream(15);
    scene.input(10, false);
    scene.input_breaks();
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))));
    let mut scene = Scene::stream(15);
    scene.stop();
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}

/// A producer that pauses for hours is no fault of anybody.
#[test]
fn waiting_for_a_producer_takes_no_time() {
    let mut scene = Scene::streaming();
    let first = scene.expect("UploadPart");
    scene.answer(&first, 200, "");
    assert_eq!(scene.wakeup(), None);
    scene.pass(Duration::from_hours(5));
    scene.expect_nothing();
    scene.input(20, true);
    scene.expect("UploadPart");
}

/// Nobody has the bytes of parts that are stored any more.
#[test]
fn stored_parts_of_a_stream_are_never_sent_again() {
    let mut scene = Scene::streaming();
    let first = scene.expect("UploadPart");
    scene.break_off(&first, Reset);
    scene.pass_until_wakeup();
    let again = scene.expect("UploadPart");
    scene.answer(&again, 200, "");
    scene.input(10, true);
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer_error(&complete, 400, "InvalidPart");
    let head = scene.expect("HeadObject");
    scene.answer_error(&head, 403, "AccessDenied");
    scene.expect("AbortMultipartUpload");
}

/// The reader has cut what it has read already.
#[test]
fn a_stream_is_never_cut_anew() {
    let mut scene = Scene::streaming();
    scene.input(20, true);
    for _ in 0..6 {
        let part = scene.next_part().expect("a part is sent");
        scene.cut_off(&part, 8);
        scene.pass_until_part();
    }
    assert_eq!(scene.engine().plan().parts(), 2);
    assert!(!scene.notices.iter().any(|notice| matches!(notice, Notice::Recut { .. })));
}

#[test]
fn a_straggler_is_sent_twice_only_while_nothing_else_can_be_begun() {
    let mut scene = Scene::stream(0);
    scene.input(190, false);
    scene.create();
    let straggler = scene.expect("UploadPart");
    for _ in 0..18 {
        scene.progress(&straggler, 1);
        let part = scene.expect("UploadPart");
        scene.pass(Duration::from_millis(100));
        scene.answer(&part, 200, "");
    }
    scene.expect_nothing();
    scene.input(200, false);
    let part = scene.expect("UploadPart");
    scene.pass(Duration::from_secs(9));
    scene.expect_nothing();
    scene.answer(&part, 200, "");
    let twin = scene.expect("UploadPart");
    assert_eq!(twin.part(), straggler.part(), "the budget has grown with the stream");
    assert_eq!(scene.engine().tally().hedges, 1);
}
