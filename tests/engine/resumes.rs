//! An engine that goes on with what an earlier run left.

use curlift::s3::{CompletedPart, Crc64Nvme, ETag, PartNumber, UnixTime, UploadId};
use curlift::upload::journal::Record;
use curlift::upload::{
    Beginning, Notice, OnFailure, OnGone, Outcome, PartDigest, Resumed, UploadPlan,
};

use crate::scene::{LIMITS, Scene};

const MD5: [u8; 16] = [7; 16];

fn etag() -> ETag {
    ETag(format!("\"{}\"", "07".repeat(16)))
}

/// Four parts of ten bytes, of which the first two are recorded.
fn resumed() -> Resumed {
    let part = |index| CompletedPart {
        number: PartNumber::from_index(index),
        etag: etag(),
        checksum: Some(Crc64Nvme(1)),
    };
    Resumed {
        upload_id: Some(UploadId("U".into())),
        checksums: false,
        plan: UploadPlan::new(40, 10, 0, &LIMITS).unwrap(),
        parts: vec![part(0), part(1)],
        completing: false,
        creations_lost: Vec::new(),
        source_differs: None,
    }
}

fn begin(beginning: Beginning) -> Scene {
    Scene::going_on(40, beginning, OnFailure::Keep, OnGone::Anew)
}

fn resume(resumed: Resumed) -> Scene {
    begin(Beginning::Resumed(Box::new(resumed)))
}

/// A listing of these parts, of ten bytes each.
fn listing(numbers: &[u32]) -> String {
    let part = |number: &u32| {
        format!(
            "<Part><PartNumber>{number}</PartNumber><Size>10</Size><ETag>{}</ETag></Part>",
            etag().bare()
        )
    };
    let parts: String = numbers.iter().map(part).collect();
    format!("<ListPartsResult>{parts}</ListPartsResult>")
}

fn digest(md5: [u8; 16]) -> PartDigest {
    PartDigest { crc64nvme: Crc64Nvme(1), md5 }
}

/// The numbers of the parts that are sent now.
fn sent(scene: &mut Scene) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(attempt) = scene.next_part() {
        numbers.push(attempt.part().expect("a part").0.get());
        scene.answer(&attempt, 200, "");
    }
    numbers
}

#[test]
fn what_both_sides_know_is_not_sent_again() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[1, 2]));
    assert_eq!(scene.engine().tally().parts_reused, 2);
    for number in [3, 4] {
        let part = scene.expect("UploadPart");
        assert_eq!(part.part().unwrap().0.get(), number);
        scene.answer(&part, 200, "");
    }
    let complete = scene.expect("CompleteMultipartUpload");
    assert!(!scene.forgotten);
    scene.answer(&complete, 200, crate::COMPLETED);
    assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))));
    assert!(scene.forgotten, "the journal goes when all is done");
}

#[test]
fn what_the_store_has_lost_is_recorded_as_lost_and_sent_again() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[2]));
    assert_eq!(scene.records, [Record::Lost { number: PartNumber::from_index(0) }]);
    assert_eq!(scene.engine().tally().parts_reused, 1);
}

#[test]
fn a_part_that_only_the_store_knows_is_compared_with_the_file() {
    for (md5, reused) in [(MD5, 3), ([8; 16], 2)] {
        let mut scene = resume(resumed());
        let list = scene.expect("ListParts");
        scene.answer(&list, 200, &listing(&[1, 2, 3]));
        let examined = std::mem::take(&mut scene.examined);
        assert_eq!(examined.len(), 1, "only that one");
        assert!(scene.next().is_none(), "nothing is sent before that is known");
        scene.examined(examined[0].number, digest(md5));
        assert_eq!(scene.engine().tally().parts_reused, reused);
    }
}

#[test]
fn a_file_that_may_have_changed_is_compared_and_refused_where_it_has() {
    let mut scene = resume(Resumed { source_differs: Some("touched".into()), ..resumed() });
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[1, 2]));
    let examined = std::mem::take(&mut scene.examined);
    assert_eq!(examined.len(), 2);
    scene.examined(examined[0].number, digest(MD5));
    let other = PartDigest { crc64nvme: Crc64Nvme(2), md5: [8; 16] };
    scene.examined(examined[1].number, other);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))));
    assert!(scene.next().is_none(), "nothing is aborted");
    assert!(scene.engine().kept_upload().is_some() && !scene.forgotten);
}

#[test]
fn an_upload_that_is_gone_is_begun_anew() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.refuse(&list, 404, "NoSuchUpload", &[]);
    let create = scene.expect("CreateMultipartUpload");
    assert!(scene.notices.iter().any(|notice| matches!(notice, Notice::Gone(_))));
    scene.answer(&create, 200, crate::scene::CREATED);
    assert_eq!(sent(&mut scene)[..2], [1, 2]);
}

#[test]
fn or_fails_where_it_was_that_one_or_nothing() {
    let beginning = Beginning::Resumed(Box::new(resumed()));
    let mut scene = Scene::going_on(40, beginning, OnFailure::Keep, OnGone::Fail);
    let list = scene.expect("ListParts");
    scene.refuse(&list, 404, "NoSuchUpload", &[]);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))));
    assert!(scene.next().is_none() && scene.engine().kept_upload().is_none());
}

#[test]
fn a_404_that_is_not_the_store_s_own_is_no_proof_that_an_upload_is_gone() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.refuse(&list, 404, "NotFound", &[]);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))));
    assert!(scene.engine().kept_upload().is_some());
}

#[test]
fn who_may_not_list_goes_by_the_journal() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.refuse(&list, 403, "AccessDenied", &[]);
    assert_eq!(scene.engine().tally().parts_reused, 2);
    assert!(scene.notices.iter().any(|notice| matches!(notice, Notice::Unlisted(_))));
}

#[test]
fn an_upload_made_elsewhere_is_adopted_by_what_its_parts_are() {
    let mut scene = begin(Beginning::Adopted(UploadId("U".into())));
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[1, 3]));
    for part in std::mem::take(&mut scene.examined) {
        scene.examined(part.number, digest(MD5));
    }
    assert_eq!(scene.engine().tally().parts_reused, 2);
    let part = scene.expect("UploadPart");
    assert_eq!(part.part().unwrap().0.get(), 2);
    let created = Record::TakenOver { upload_id: UploadId("U".into()), checksums: false };
    assert!(scene.records.contains(&created), "{:?}", scene.records);
}

#[test]
fn a_creation_that_nobody_answered_is_looked_for_after_the_upload() {
    let lost = Resumed {
        upload_id: None,
        parts: Vec::new(),
        creations_lost: vec![UnixTime(1_000_000_000)],
        ..resumed()
    };
    let mut scene = resume(lost);
    let create = scene.expect("CreateMultipartUpload");
    scene.answer(&create, 200, crate::scene::CREATED);
    let mut attempt = scene.next().expect("parts are sent");
    while attempt.part().is_some() {
        scene.answer(&attempt, 200, "");
        attempt = scene.next().expect("it goes on");
    }
    scene.answer(&attempt, 200, crate::COMPLETED);
    scene.expect("ListMultipartUploads");
}

#[test]
fn a_stop_keeps_what_is_stored() {
    let mut scene = resume(resumed());
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[1, 2]));
    scene.stop();
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
    assert!(scene.engine().kept_upload().is_some() && !scene.forgotten);
}
