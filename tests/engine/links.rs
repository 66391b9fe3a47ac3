//! An engine whose requests are made by presigned URLs, and one whose keys end.

use std::time::Duration;

use curlift::http::{Headers, TransportFailureKind};
use curlift::s3::checksum::multipart_etag;
use curlift::s3::{ETag, Link, LinkedCall, Links, PartNumber, PresignedUrl, UnixTime, UploadId};
use curlift::upload::journal::{Begun, Record, SourceIdentity, Target, Writer, read};
use curlift::upload::{
    Attempt, Beginning, Cause, LinkLife, Notice, OnFailure, OnGone, Outcome, Resumed, UploadPlan,
};

use crate::scene::{ETAG, LIMITS, Scene};

/// A link that was signed at second 0 and lives for so long; `mark` tells it from others.
fn link(mark: &str, seconds: u32) -> Link {
    let signature = "0".repeat(64);
    let url = format!(
        "https://b.example/key?mark={mark}&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A&\
         X-Amz-Date=19700101T000000Z&X-Amz-Expires={seconds}&X-Amz-SignedHeaders=host&\
         X-Amz-Signature={signature}"
    );
    Link { url: PresignedUrl::parse(&url).unwrap(), fields: Headers::new() }
}

fn part(number: u32) -> LinkedCall {
    LinkedCall::UploadPart(PartNumber::from_index(number - 1))
}

fn links(calls: impl IntoIterator<Item = LinkedCall>, mark: &str, seconds: u32) -> Links {
    calls.into_iter().map(|call| (call, link(mark, seconds))).collect()
}

fn mark(attempt: &Attempt) -> String {
    let links = attempt.manner.links.as_ref().unwrap();
    links.for_operation(&attempt.operation).unwrap().url.parameter("mark").unwrap()
}

/// One PUT by a link that lives for `seconds`.
fn put(seconds: u32, renewable: bool) -> Scene {
    let plan = UploadPlan::new(10, 10, 100, &LIMITS).unwrap();
    let links = links([LinkedCall::PutObject], "old", seconds);
    Scene::by_links(plan, links, Beginning::Anew, None, renewable)
}

const ALL: [LinkedCall; 4] = [
    LinkedCall::ListParts(None),
    LinkedCall::CompleteMultipartUpload,
    LinkedCall::AbortMultipartUpload,
    LinkedCall::HeadObject,
];

/// Four parts of ten bytes by links that live for `seconds`, nothing of them stored.
fn parts(seconds: u32, renewable: bool) -> Scene {
    let calls = ALL.into_iter().chain((1..=4).map(part));
    prescribed(links(calls, "old", seconds), None, renewable)
}

fn prescribed(links: Links, share: Option<Vec<PartNumber>>, renewable: bool) -> Scene {
    let plan = UploadPlan::new(40, 10, 0, &LIMITS).unwrap();
    let beginning = Beginning::Prescribed(UploadId("U".into()));
    Scene::by_links(plan, links, beginning, share, renewable)
}

fn listing(numbers: &[u32]) -> String {
    let part = |number: &u32| {
        let etag = "07".repeat(16);
        format!("<Part><PartNumber>{number}</PartNumber><Size>10</Size><ETag>{etag}</ETag></Part>")
    };
    format!("<ListPartsResult>{}</ListPartsResult>", numbers.iter().map(part).collect::<String>())
}

/// Nothing is at the store: the first two parts are sent.
fn begin(scene: &mut Scene) -> (Attempt, Attempt) {
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[]));
    (scene.expect("UploadPart"), scene.expect("UploadPart"))
}

const EXPIRED: &str =
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";

fn failure(scene: &Scene) -> &curlift::upload::Failure {
    match scene.outcome() {
        Some(Outcome::Failed(failure) | Outcome::Unknown(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_link_is_used_again_while_it_lives_and_not_behind_that() {
    let mut scene = put(10, false);
    let first = scene.expect("PutObject");
    scene.break_off(&first, TransportFailureKind::Connect);
    scene.pass_until_wakeup();
    let second = scene.expect("PutObject");
    assert_eq!(mark(&second), "old");
    scene.pass_to(Duration::from_secs(11));
    scene.cut_off(&second, 5);
    while scene.outcome().is_none() {
        scene.pass_until_wakeup();
    }
    scene.expect_nothing();
    let failure = failure(&scene);
    assert!(matches!(failure.cause, Cause::LinkExpired(ago) if ago >= Duration::from_secs(1)));
    assert_eq!(failure.evidence.bytes_sent, 5, "of the attempt before");
    let retried = scene.notices.iter().find_map(|notice| match notice {
        Notice::Retrying { failure, .. } if failure.link?.left_at_end < 0 => failure.link,
        _ => None,
    });
    let under_way = retried.expect("the link ended in the middle of the second attempt");
    assert!(under_way.left_at_begin > 0, "{under_way:?}");
}

#[test]
fn one_that_has_expired_is_never_sent() {
    let plan = UploadPlan::new(10, 10, 100, &LIMITS).unwrap();
    let mut scene = put(0, false);
    scene.expect_nothing();
    assert!(matches!(failure(&scene).cause, Cause::LinkExpired(Duration::ZERO)));
    let none = Scene::by_links(plan, Links::default(), Beginning::Anew, None, false);
    assert_eq!(failure(&none).cause, Cause::NoLink);
    assert_eq!(scene.wakeup(), None);
    scene.stop();
}

#[test]
fn the_store_is_asked_before_the_body_is_sent_until_it_has_taken_such_a_link() {
    let mut scene = parts(3_600, false);
    let list = scene.expect("ListParts");
    assert!(list.expect_continue);
    scene.answer(&list, 200, &listing(&[]));
    let part = scene.expect("UploadPart");
    assert!(!part.expect_continue, "the listing was answered");
    let mut scene = put(3_600, false);
    let put = scene.expect("PutObject");
    assert!(put.expect_continue);
    // A link that is about to expire may be refused at any time.
    let mut scene = parts(30, false);
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[]));
    assert!(scene.expect("UploadPart").expect_continue);
}

#[test]
fn a_refusal_as_expired_is_final_without_a_renewal() {
    let mut scene = put(10, false);
    let put = scene.expect("PutObject");
    scene.answer(&put, 403, EXPIRED);
    assert_eq!(failure(&scene).symptom.as_str(), "expired");
    // In other words, by a store whose clock says so.
    let mut scene = put_refused_late("AccessDenied");
    assert_eq!(failure(&scene).symptom.as_str(), "expired");
    assert_eq!(failure(&scene).link, Some(LinkLife { left_at_begin: 10_000, left_at_end: -5_000 }));
    scene = put_refused_late("SignatureDoesNotMatch");
    assert_eq!(failure(&scene).symptom.as_str(), "other");
}

/// One PUT that is refused five seconds after its link has expired.
fn put_refused_late(code: &str) -> Scene {
    let mut scene = put(10, false);
    let put = scene.expect("PutObject");
    scene.pass_to(Duration::from_secs(15));
    scene.answer_error(&put, 403, code);
    scene
}

#[test]
fn a_refused_link_is_renewed_once_for_all_and_what_waited_goes_on() {
    let mut scene = parts(3_600, true);
    let (first, second) = begin(&mut scene);
    scene.answer(&first, 403, EXPIRED);
    scene.answer(&second, 403, EXPIRED);
    scene.expect_nothing();
    assert_eq!(scene.links_wanted.len(), 1);
    let wanted = &scene.links_wanted[0];
    assert!(wanted.expired);
    assert_eq!(wanted.calls.len(), 8, "all are still to come");
    let fresh = links((1..=4).map(part).chain(ALL), "new", 7_200);
    scene.links_renewed(Ok(fresh));
    for _ in 1..=4 {
        let part = scene.expect("UploadPart");
        assert_eq!(mark(&part), "new");
        scene.answer(&part, 200, "");
    }
    let complete = scene.expect("CompleteMultipartUpload");
    assert_eq!(mark(&complete), "new");
}

#[test]
fn fresh_links_are_asked_for_before_the_old_ones_end_and_nothing_waits_for_them() {
    let mut scene = parts(400, true);
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[1]));
    let first = scene.examined[0];
    let digest = curlift::upload::PartDigest { crc64nvme: curlift::s3::Crc64Nvme(1), md5: [7; 16] };
    scene.examined(first.number, digest);
    let (second, third) = (scene.expect("UploadPart"), scene.expect("UploadPart"));
    assert_eq!(scene.wakeup().map(|time| time.0), Some(Duration::from_mins(5)));
    scene.pass_to(Duration::from_secs(320));
    let wanted = scene.links_wanted.pop().expect("a quarter before the end");
    assert!(scene.links_wanted.is_empty() && !wanted.expired);
    assert!(!wanted.calls.contains(&part(1)), "what is stored needs none");
    assert!(wanted.calls.contains(&part(2)) && wanted.calls.contains(&part(4)));
    scene.answer(&second, 200, "");
    let fourth = scene.expect("UploadPart");
    assert_eq!(mark(&fourth), "old", "it is still good");
    scene.links_renewed(Err("the command failed".into()));
    assert!(matches!(scene.notices.last(), Some(Notice::Moved(_) | Notice::LinksRenewed(Err(_)))));
    scene.pass_to(Duration::from_secs(365));
    assert_eq!(scene.links_wanted.len(), 1, "asked for again");
    scene.links_renewed(Ok(links([part(3), part(4)], "new", 4_000)));
    scene.cut_off(&third, 5);
    let again = std::iter::from_fn(|| {
        scene.pass_until_wakeup();
        Some(scene.next_part())
    });
    let again = again.flatten().next().unwrap();
    assert_eq!(mark(&again), "new");
}

#[test]
fn what_expired_while_it_waited_is_renewed_before_it_is_sent() {
    let mut scene = put(10, true);
    let first = scene.expect("PutObject");
    scene.pass_to(Duration::from_secs(12));
    assert_eq!(scene.links_wanted.len(), 1, "before it ended");
    scene.links_renewed(Err("nobody answers".into()));
    scene.cut_off(&first, 5);
    while scene.links_wanted.len() < 2 {
        scene.pass_until_wakeup();
    }
    scene.expect_nothing();
    assert!(scene.links_wanted[1].expired);
    scene.links_renewed(Ok(links([LinkedCall::PutObject], "new", 100)));
    let put = scene.expect("PutObject");
    assert_eq!((mark(&put).as_str(), put.expect_continue), ("new", true));
    scene.answer(&put, 200, "");
    assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))));
}

#[test]
fn a_renewal_that_fails_when_it_is_waited_for_is_the_end() {
    let mut scene = put(10, true);
    let put = scene.expect("PutObject");
    scene.answer(&put, 403, EXPIRED);
    scene.links_renewed(Err("nobody answers".into()));
    scene.expect_nothing();
    assert_eq!(failure(&scene).symptom.as_str(), "expired");
}

#[test]
fn links_that_are_dead_when_they_come_are_not_asked_for_for_ever() {
    let mut scene = put(10, true);
    let first = scene.expect("PutObject");
    scene.pass_to(Duration::from_secs(20));
    scene.answer(&first, 403, EXPIRED);
    scene.links_renewed(Ok(links([LinkedCall::PutObject], "new", 15)));
    scene.expect_nothing();
    assert!(matches!(failure(&scene).cause, Cause::LinkExpired(_)));
}

#[test]
fn an_answer_that_was_lost_cannot_be_looked_for_without_a_link() {
    let mut scene = put(10, false);
    let put = scene.expect("PutObject");
    scene.pass_to(Duration::from_secs(20));
    scene.break_off(&put, TransportFailureKind::Reset);
    while scene.outcome().is_none() {
        scene.pass_until_wakeup();
    }
    assert!(matches!(scene.outcome(), Some(Outcome::Unknown(_))), "{:?}", scene.outcome());
}

#[test]
fn a_share_is_sent_and_left_to_be_completed() {
    let share = vec![PartNumber::from_index(1), PartNumber::from_index(3)];
    let calls = [LinkedCall::ListParts(None), part(2), part(4)];
    let mut scene = prescribed(links(calls, "old", 3_600), Some(share), false);
    let list = scene.expect("ListParts");
    // Part 1 is somebody else's, and no business of ours.
    scene.answer(&list, 200, &listing(&[1]));
    let (second, fourth) = (scene.expect("UploadPart"), scene.expect("UploadPart"));
    assert_eq!((second.part().unwrap().index(), fourth.part().unwrap().index()), (1, 3));
    assert_eq!(scene.engine().snapshot().bytes_total, 20);
    scene.answer(&fourth, 200, "");
    scene.answer(&second, 200, "");
    scene.expect_nothing();
    assert_eq!(scene.outcome(), Some(&Outcome::PartsStored));
}

#[test]
fn who_may_not_list_sends_all_and_nothing_is_aborted() {
    let mut scene = prescribed(links((1..=4).map(part), "old", 3_600), None, false);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    assert_eq!((first.part().unwrap().index(), second.part().unwrap().index()), (0, 1));
    scene.stop();
    scene.expect_nothing();
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
    assert!(scene.engine().kept_upload().is_some(), "others have a part in it");
}

#[test]
fn a_wakeup_is_named_for_what_will_happen_while_links_end_one_after_another() {
    let others = ALL.into_iter().chain((2..=4).map(part));
    let mut unlike = links(others, "old", 3_600);
    unlike.renew(links([part(1)], "old", 400));
    let mut scene = prescribed(unlike, None, true);
    let (first, second) = begin(&mut scene);
    scene.answer(&first, 200, "");
    let third = scene.expect("UploadPart");
    // What would have ended first is done with: nothing is asked for, and that is said.
    assert_eq!(scene.wakeup().map(|time| time.0), Some(Duration::from_mins(5)));
    let told = scene.notices.len();
    scene.pass_until_wakeup();
    assert!(scene.links_wanted.is_empty());
    assert!(matches!(scene.notices[told..], [Notice::Moved(_)]), "{:?}", scene.notices.last());
    // While links are being renewed, no other renewal is named.
    scene.answer(&second, 403, EXPIRED);
    scene.answer(&third, 403, EXPIRED);
    assert_eq!((scene.links_wanted.len(), scene.wakeup()), (1, None));
}

#[test]
fn what_begins_to_wait_for_a_renewal_under_way_is_told_as_well() {
    let mut scene = put(40, true);
    let put = scene.expect("PutObject");
    scene.pass_to(Duration::from_secs(30));
    assert_eq!(scene.links_wanted.len(), 1, "a quarter before the end");
    scene.pass_to(Duration::from_secs(50));
    scene.cut_off(&put, 5);
    let told = scene.notices.len();
    scene.pass_until_wakeup();
    scene.expect_nothing();
    assert!(scene.notices[told..].iter().any(|notice| matches!(notice, Notice::Moved(_))));
    assert_eq!((scene.links_wanted.len(), scene.wakeup()), (1, None));
}

#[test]
fn requests_that_outlive_every_link_are_not_made_for_ever() {
    let mut scene = put(40, true);
    let mut attempts = 0;
    while scene.outcome().is_none() {
        let put = scene.expect("PutObject");
        attempts += 1;
        assert!(attempts < 20, "sent again and again");
        // The next link is there before this one is refused, at the end of the body.
        scene.pass_until_wakeup();
        assert!(!scene.links_wanted.pop().expect("before it ends").expired);
        let end = scene.now().as_secs() as u32 + 40;
        scene.links_renewed(Ok(links([LinkedCall::PutObject], "new", end)));
        scene.answer(&put, 403, EXPIRED);
    }
    assert_eq!(attempts, 6);
    assert_eq!(failure(&scene).symptom.as_str(), "expired");
}

#[test]
fn an_object_that_is_found_stored_is_the_end_of_an_upload_that_is_not_aborted() {
    let mut scene = parts(3_600, false);
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[]));
    for _ in 0..4 {
        let part = scene.expect("UploadPart");
        scene.answer(&part, 200, "");
    }
    let complete = scene.expect("CompleteMultipartUpload");
    scene.break_off(&complete, TransportFailureKind::Reset);
    scene.pass_until_wakeup();
    let complete = scene.expect("CompleteMultipartUpload");
    scene.answer_error(&complete, 501, "NotImplemented");
    let head = scene.expect("HeadObject");
    let etag = ETag(ETAG.into());
    scene.answer_head(&head, 40, &multipart_etag([&etag; 4]).unwrap());
    assert!(matches!(scene.outcome(), Some(Outcome::Uploaded(_))), "{:?}", scene.outcome());
    assert!(scene.engine().kept_upload().is_none() && scene.forgotten, "it is done with");
}

#[test]
fn an_upload_of_which_the_journal_knows_no_part_is_gone_on_with_unlisted() {
    let resumed = Resumed {
        upload_id: Some(UploadId("U".into())),
        checksums: true,
        plan: UploadPlan::new(40, 10, 0, &LIMITS).unwrap(),
        parts: Vec::new(),
        completing: false,
        creations_lost: Vec::new(),
        source_differs: None,
    };
    let beginning = Beginning::Resumed(Box::new(resumed));
    let mut scene = Scene::going_on(40, beginning, OnFailure::Keep, OnGone::Fail);
    let list = scene.expect("ListParts");
    scene.answer_error(&list, 403, "AccessDenied");
    assert_eq!(scene.expect("UploadPart").part().unwrap().index(), 0);
    assert_eq!(scene.expect("UploadPart").part().unwrap().index(), 1);
}

/// A journal of an upload that others created names no creation of ours, wherever it breaks off.
#[test]
fn what_others_created_is_never_looked_for() {
    let mut scene = parts(3_600, false);
    let list = scene.expect("ListParts");
    scene.answer(&list, 200, &listing(&[]));
    let source = SourceIdentity {
        path: "/file".into(),
        size: 40,
        modified: (1, 2),
        changed: (3, 4),
        device: 5,
        inode: 6,
    };
    let target = Target {
        manifest: Some("/parts.json".into()),
        endpoint: None,
        addressing: "path".into(),
        region: "us-east-1".into(),
        profile: None,
        bucket: "b".into(),
        key: "k".into(),
    };
    let begun = Begun::new(source, target, Vec::new(), scene.engine().plan());
    let mut writer = Writer::default();
    let mut bytes = Vec::new();
    let mut known = Vec::new();
    for record in [Record::Begun(Box::new(begun))].into_iter().chain(scene.records.clone()) {
        bytes.extend(writer.line(&record, UnixTime(0)));
        let found = read(&bytes, &LIMITS).unwrap().unwrap();
        assert!(found.creations_lost.is_empty(), "after {record:?}");
        known.push(found.upload_id);
    }
    assert_eq!(known.last().unwrap().as_ref().unwrap().0, "U");
}

#[test]
fn keys_that_end_are_renewed_before_and_asked_for_again_where_there_are_no_others_yet() {
    let mut scene = Scene::with_keys_until(2, UnixTime(3_600));
    let (first, second) = (scene.expect("UploadPart"), scene.expect("UploadPart"));
    scene.pass_to(Duration::from_secs(2_699));
    assert_eq!(scene.renewals, 0);
    scene.pass_to(Duration::from_mins(45));
    assert_eq!(scene.renewals, 1, "a quarter of an hour before");
    let told = scene.notices.len();
    scene.keys_came(Err("their source still has the expired ones".into()));
    let quiet = |notice: &Notice| matches!(notice, Notice::Moved(_));
    assert!(scene.notices[told..].iter().all(quiet), "they are still good");
    scene.pass_to(Duration::from_mins(46));
    assert_eq!(scene.renewals, 2);
    scene.keys_came(Ok(Some(UnixTime(7_200))));
    scene.answer(&first, 200, "");
    scene.answer(&second, 200, "");
    let complete = scene.expect("CompleteMultipartUpload");
    assert_eq!(complete.manner.keys, 1);
}

#[test]
fn what_is_under_way_comes_through_when_nothing_more_may_be_sent() {
    let mut scene = parts(10, false);
    let (first, second) = begin(&mut scene);
    scene.pass_to(Duration::from_secs(15));
    scene.answer(&first, 200, "");
    scene.expect_nothing();
    assert_eq!(scene.outcome(), None, "the other is still under way");
    assert_eq!(scene.wakeup().filter(|time| time.0 <= Duration::from_secs(15)), None);
    scene.answer(&second, 200, "");
    assert_eq!(scene.engine().snapshot().parts_stored, 2);
    assert!(matches!(failure(&scene).cause, Cause::LinkExpired(_)));
}

#[test]
fn the_user_may_stop_what_waits_for_its_end() {
    let mut scene = parts(10, false);
    let (first, second) = begin(&mut scene);
    scene.pass_to(Duration::from_secs(15));
    scene.answer(&first, 200, "");
    scene.stop();
    assert_eq!((scene.outcome(), &scene.cancelled), (Some(&Outcome::Stopped), &vec![second.id]));
}

#[test]
fn one_answer_of_a_wrong_date_ends_no_link_that_is_good_by_our_clock() {
    let mut scene = parts(3_600, false);
    let (first, second) = begin(&mut scene);
    // That server's clock is two hours ahead.
    scene.answer_skewed(&first, "SlowDown", 7_200);
    scene.answer(&second, 200, "");
    let third = scene.expect("UploadPart");
    assert!(third.expect_continue, "it may be right, and is asked first");
    scene.answer(&third, 200, "");
    scene.expect("UploadPart");
    assert_eq!(scene.outcome(), None);
}

#[test]
fn a_command_may_renew_some_links_at_a_time() {
    let mut scene = parts(10, true);
    let list = scene.expect("ListParts");
    scene.pass_to(Duration::from_secs(5));
    scene.answer(&list, 200, &listing(&[]));
    let (first, second) = (scene.expect("UploadPart"), scene.expect("UploadPart"));
    scene.pass_to(Duration::from_secs(15));
    // Ahead of time it was asked for all that were to come, and gave two.
    assert_eq!(scene.links_wanted.len(), 1);
    scene.links_renewed(Ok(links([part(1), part(2)], "new", 4_000)));
    scene.answer(&first, 200, "");
    // Nothing can be begun but what waits: it is asked for, with all that has expired.
    scene.expect_nothing();
    let wanted = &scene.links_wanted[1];
    assert!(wanted.expired && !wanted.calls.contains(&part(2)), "{wanted:?}");
    assert!(wanted.calls.contains(&part(3)) && wanted.calls.contains(&part(4)), "{wanted:?}");
    scene.links_renewed(Ok(links([part(4)], "new", 4_000)));
    // Left out once more; it is not given up for that.
    assert_eq!(scene.links_wanted.len(), 3);
    scene.links_renewed(Ok(links([part(3)], "new", 4_000)));
    let third = scene.expect("UploadPart");
    assert_eq!((third.part(), mark(&third).as_str()), (Some(PartNumber::from_index(2)), "new"));
    scene.answer(&second, 200, "");
    scene.expect("UploadPart");
    assert_eq!(scene.outcome(), None);
}

#[test]
fn a_link_that_is_left_out_for_ever_is_the_end() {
    let mut scene = parts(10, true);
    let list = scene.expect("ListParts");
    scene.pass_to(Duration::from_secs(15));
    assert_eq!(scene.links_wanted.len(), 1);
    scene.links_renewed(Ok(links([part(4)], "new", 4_000)));
    scene.answer(&list, 200, &listing(&[]));
    let mut times = 0;
    while scene.outcome().is_none() {
        times += 1;
        assert!(times < 100, "it is asked for for ever");
        scene.links_renewed(Ok(links([part(4)], "new", 4_000 + times)));
    }
    assert!(matches!(failure(&scene).cause, Cause::LinkExpired(_)));
}
