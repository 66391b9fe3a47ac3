//! Uploads whose creation was not answered: looked for at the end, given up or told.

use std::fmt::Write as _;
use std::time::Duration;

use curlift::http::TransportFailureKind::Reset;
use curlift::upload::{Notice, Outcome};

use super::scene::{CREATED, Scene};

const NO_PARTS: &str = "<ListPartsResult/>";
const ONE_PART: &str = "<ListPartsResult><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag>\
    <Size>10</Size></Part></ListPartsResult>";
/// The store's clock when it answers the search, 100 s after the run began.
const DATE: &str = "Sun, 06 Nov 1994 08:50:00 GMT";
const IN_TIME: &str = "1994-11-06T08:48:20.000Z";
const TOO_EARLY: &str = "1994-11-06T08:48:10.000Z";

/// A run whose first Create was not answered and whose second was; stored and completed at 100 s.
fn searching() -> Scene {
    let mut scene = Scene::multipart(1);
    let create = scene.expect("CreateMultipartUpload");
    scene.break_off(&create, Reset);
    scene.pass_until_wakeup();
    let create = scene.expect("CreateMultipartUpload");
    scene.answer(&create, 200, CREATED);
    let part = scene.expect("UploadPart");
    scene.answer(&part, 200, "");
    let complete = scene.expect("CompleteMultipartUpload");
    scene.pass_to(Duration::from_secs(100));
    scene.answer(
        &complete,
        200,
        "<CompleteMultipartUploadResult><ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>",
    );
    scene
}

/// The answer to the search, with these keys, ids and dates.
fn found(scene: &mut Scene, uploads: &[(&str, &str, &str)]) {
    let mut listed = String::new();
    for (key, id, date) in uploads {
        write!(
            listed,
            "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{date}</Initiated></Upload>"
        )
        .unwrap();
    }
    let search = scene.expect("ListMultipartUploads");
    let body = format!("<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>");
    scene.answer_dated(&search, DATE, &body);
}

fn is_uploaded(scene: &Scene) -> bool {
    matches!(scene.outcome(), Some(Outcome::Uploaded(_)))
}

#[test]
fn the_upload_whose_creation_was_not_answered_is_found_and_given_up() {
    let mut scene = searching();
    let others = [("key2", "X", IN_TIME), ("key", "U", IN_TIME), ("key", "Y", TOO_EARLY)];
    found(&mut scene, &[&others[..], &[("key", "LOST", IN_TIME)]].concat());
    let inspect = scene.expect("ListParts");
    scene.answer(&inspect, 200, NO_PARTS);
    let discard = scene.expect("AbortMultipartUpload");
    scene.expect_nothing();
    scene.answer(&discard, 204, "");
    let discarded = |n: &Notice| matches!(n, Notice::Discarded(id) if id.0 == "LOST");
    assert!(scene.notices.iter().any(discarded));
    assert!(is_uploaded(&scene), "{:?}", scene.outcome());
    assert_eq!(scene.engine().tally().left_behind, 0);
}

#[test]
fn an_upload_with_parts_is_somebody_elses() {
    let mut scene = searching();
    found(&mut scene, &[("key", "OTHER", IN_TIME)]);
    let inspect = scene.expect("ListParts");
    scene.answer(&inspect, 200, ONE_PART);
    assert!(is_uploaded(&scene), "{:?}", scene.outcome());
    assert_eq!(scene.engine().tally().left_behind, 0);
}

#[test]
fn more_than_were_lost_cannot_be_told_apart_and_are_left() {
    let mut scene = searching();
    found(&mut scene, &[("key", "A", IN_TIME), ("key", "B", IN_TIME)]);
    for _ in 0..2 {
        let inspect = scene.expect("ListParts");
        scene.answer(&inspect, 200, NO_PARTS);
    }
    scene.expect_nothing();
    assert!(is_uploaded(&scene), "{:?}", scene.outcome());
    assert_eq!(scene.engine().tally().left_behind, 1);
}

#[test]
fn where_nobody_may_look_it_is_told() {
    let mut scene = searching();
    let search = scene.expect("ListMultipartUploads");
    scene.answer_error(&search, 403, "AccessDenied");
    assert!(is_uploaded(&scene), "{:?}", scene.outcome());
    let told = |n: &Notice| matches!(n, Notice::LeftBehind { upload_id: None, .. });
    assert!(scene.notices.iter().any(told));
    assert_eq!(scene.engine().tally().left_behind, 1);
}

#[test]
fn a_creation_that_failed_for_good_is_looked_for_as_well() {
    let mut scene = Scene::multipart(1);
    for _ in 0..10 {
        let create = scene.expect("CreateMultipartUpload");
        scene.break_off(&create, Reset);
        scene.pass(Duration::from_secs(20));
    }
    found(&mut scene, &[]);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
    assert_eq!(scene.engine().tally().left_behind, 0);
}

#[test]
fn where_the_store_tells_no_time_it_is_told() {
    let mut scene = searching();
    let search = scene.expect("ListMultipartUploads");
    let upload = format!("<Key>key</Key><UploadId>X</UploadId><Initiated>{IN_TIME}</Initiated>");
    let listed = format!("<Upload>{upload}</Upload>");
    let body = format!("<ListMultipartUploadsResult>{listed}</ListMultipartUploadsResult>");
    scene.answer(&search, 200, &body);
    assert!(is_uploaded(&scene), "{:?}", scene.outcome());
    assert_eq!(scene.engine().tally().left_behind, 1);
}

/// The store knows the parts otherwise, and has no object.
fn refuse_to_complete(scene: &mut Scene) {
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer_error(&complete, 400, "InvalidPart");
    for _ in 0..2 {
        let head = scene.expect("HeadObject");
        scene.answer_error(&head, 404, "");
        scene.pass(Duration::from_secs(1));
    }
}

#[test]
fn parts_that_are_not_what_was_sent_last_are_sent_again_once() {
    let mut scene = Scene::completing(2);
    refuse_to_complete(&mut scene);
    let list = scene.expect("ListParts");
    let etag = "0123456789abcdef0123456789abcdef";
    let listed = |number, etag| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>10</Size></Part>")
    };
    let parts = listed(1, etag) + &listed(2, "other");
    scene.answer(&list, 200, &format!("<ListPartsResult>{parts}</ListPartsResult>"));
    let part = scene.expect("UploadPart");
    assert_eq!(part.part().map(|number| number.0.get()), Some(2));
    scene.answer(&part, 200, "");
    refuse_to_complete(&mut scene);
    scene.expect("AbortMultipartUpload");
}

#[test]
fn parts_that_the_store_does_not_know_at_complete_may_have_been_completed_before() {
    let mut scene = Scene::completing(1);
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer_error(&complete, 400, "InvalidPart");
    scene.expect("HeadObject");
}
