//! Refusals that teach the engine something: the same request follows at once, as it should have
//! been sent, and so does every later one.

use std::time::Duration;

use curlift::http::TransportFailureKind::{Connect, Reset};
use curlift::s3::payload::PayloadMode;
use curlift::time::ClockOffset;
use curlift::upload::{Notice, Outcome, Reason, Symptom};

use super::scene::Scene;

#[test]
fn a_redirect_is_followed_once_and_remembered() {
    let mut scene = Scene::multipart(2);
    let create = scene.expect("CreateMultipartUpload");
    scene.refuse(&create, 301, "PermanentRedirect", &[("x-amz-bucket-region", "eu-west-1")]);
    let again = scene.expect("CreateMultipartUpload");
    let there = &again.manner.destination;
    assert_eq!(there.endpoint.to_string(), "https://s3.eu-west-1.amazonaws.com");
    assert_eq!((there.region.as_str(), again.number), ("eu-west-1", 1));
    assert!(scene.notices.iter().any(|n| matches!(n, Notice::Redirected { .. })));
    scene.answer(&again, 200, super::scene::CREATED);
    assert_eq!(scene.expect("UploadPart").manner.destination, again.manner.destination);
    assert_eq!(scene.engine().tally().retries[&Symptom::Redirect], 1);
}

#[test]
fn attempts_that_were_under_way_to_the_wrong_place_follow_the_first() {
    let mut scene = Scene::sending(3);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    for attempt in [&first, &second] {
        scene.refuse(attempt, 307, "", &[("location", "https://bkt.s3-x.amazonaws.com/key")]);
        let again = scene.expect("UploadPart");
        assert_eq!(again.part(), attempt.part());
        assert_eq!(again.manner.destination.endpoint.authority(), "s3-x.amazonaws.com");
    }
}

#[test]
fn redirects_in_a_circle_end() {
    let mut scene = Scene::single_put();
    for region in ["eu-west-1", "us-east-1"] {
        let put = scene.expect("PutObject");
        scene.refuse(&put, 301, "PermanentRedirect", &[("x-amz-bucket-region", region)]);
    }
    scene.expect_nothing();
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
}

#[test]
fn a_redirect_that_leads_elsewhere_is_not_followed() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.refuse(&put, 307, "TemporaryRedirect", &[("location", "http://169.254.169.254/")]);
    scene.expect_nothing();
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
}

#[test]
fn a_clock_that_is_off_is_learnt_and_requests_under_way_are_sent_again() {
    let mut scene = Scene::sending(3);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    for attempt in [&first, &second] {
        scene.answer_skewed(attempt, "RequestTimeTooSkewed", 1200);
        let again = scene.expect("UploadPart");
        assert_eq!((again.part(), again.number), (attempt.part(), 1));
        assert_eq!(again.manner.clock_offset, ClockOffset(1200));
    }
    let learnt = |notice: &&Notice| matches!(notice, Notice::ClockLearnt(_));
    assert_eq!(scene.notices.iter().filter(learnt).count(), 1, "told once");
}

#[test]
fn a_clock_that_was_set_right_is_learnt_anew() {
    let mut scene = Scene::single_put();
    for (offset, expected) in [(1200, 0), (0, 1200), (-900, 0)] {
        let put = scene.expect("PutObject");
        assert_eq!(put.manner.clock_offset, ClockOffset(expected));
        scene.answer_skewed(&put, "RequestTimeTooSkewed", offset);
    }
    assert_eq!(scene.expect("PutObject").manner.clock_offset, ClockOffset(-900));
}

#[test]
fn a_store_that_lies_about_its_clock_is_not_believed_for_ever() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.answer_skewed(&put, "RequestTimeTooSkewed", 1200);
    let put = scene.expect("PutObject");
    scene.answer_skewed(&put, "RequestTimeTooSkewed", 1205);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
    let mut scene = Scene::single_put();
    for offset in (1..).map(|step| step * 1000).take(6) {
        let put = scene.expect("PutObject");
        scene.answer_skewed(&put, "RequestTimeTooSkewed", offset);
    }
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
}

#[test]
fn expired_keys_are_renewed_once_for_all_and_nothing_is_signed_meanwhile() {
    let mut scene = Scene::sending(4);
    let first = scene.expect("UploadPart");
    let second = scene.expect("UploadPart");
    scene.answer_error(&first, 400, "ExpiredToken");
    scene.expect_nothing();
    scene.answer_error(&second, 400, "ExpiredToken");
    scene.expect_nothing();
    assert_eq!(scene.renewals, 1);
    scene.keys_renewed(Ok(()));
    for attempt in [&first, &second] {
        let again = scene.expect("UploadPart");
        assert_eq!((again.part(), again.number, again.manner.keys), (attempt.part(), 1, 1));
    }
    assert_eq!(scene.engine().tally().retries[&Symptom::Expired], 2);
}

#[test]
fn keys_that_cannot_be_renewed_end_the_upload() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.answer_error(&put, 400, "ExpiredToken");
    scene.keys_renewed(Err("nobody has any".into()));
    let Some(Outcome::Failed(failure)) = scene.outcome() else { panic!("{:?}", scene.outcome()) };
    assert_eq!(failure.s3_code(), Some("ExpiredToken"));
}

#[test]
fn fresh_keys_that_are_refused_as_expired_are_not_renewed_again() {
    let mut scene = Scene::single_put();
    let put = scene.expect("PutObject");
    scene.answer_error(&put, 400, "ExpiredToken");
    scene.keys_renewed(Ok(()));
    let put = scene.expect("PutObject");
    scene.answer_error(&put, 400, "ExpiredToken");
    assert_eq!(scene.renewals, 1);
    assert!(matches!(scene.outcome(), Some(Outcome::Failed(_))), "{:?}", scene.outcome());
}

#[test]
fn a_stop_while_keys_are_renewed_ends_at_once() {
    let mut scene = Scene::multipart(2);
    let create = scene.expect("CreateMultipartUpload");
    scene.answer_error(&create, 400, "ExpiredToken");
    scene.stop();
    assert_eq!(scene.outcome(), Some(&Outcome::Stopped));
}

#[test]
fn a_store_without_trailers_gets_headers_and_one_without_checksums_none() {
    let mut scene = Scene::with_payload(PayloadMode::UnsignedTrailer);
    let part = scene.expect("UploadPart");
    scene.answer_error(&part, 400, "XAmzContentSHA256Mismatch");
    let part = scene.expect("UploadPart");
    assert_eq!((part.manner.payload, part.number), (PayloadMode::UnsignedHeader, 1));
    scene.answer_error(&part, 501, "NotImplemented");
    let part = scene.expect("UploadPart");
    assert_eq!((part.manner.payload, part.number), (PayloadMode::Unsigned, 1));
    scene.answer_error(&part, 501, "NotImplemented");
    scene.expect("AbortMultipartUpload");
}

#[test]
fn what_was_cut_in_silence_asks_before_it_sends_the_body_again() {
    let mut scene = Scene::sending(1);
    let part = scene.expect("UploadPart");
    assert!(!part.expect_continue);
    scene.cut_off(&part, 4);
    scene.pass_until_wakeup();
    let part = scene.expect("UploadPart");
    assert!(part.expect_continue);
    scene.break_off(&part, Reset);
    scene.pass_until_wakeup();
    assert!(!scene.expect("UploadPart").expect_continue, "the whole body had been sent");
}

#[test]
fn throttling_does_not_use_up_attempts_but_ends_when_nothing_succeeds() {
    let mut scene = Scene::sending(1);
    let mut throttled = 0;
    while scene.outcome().is_none() && throttled < 10_000 {
        let Some(part) = scene.next_part() else { break };
        assert_eq!(part.number, 1);
        scene.answer_error(&part, 503, "SlowDown");
        throttled += 1;
        if !scene.pass_until_part() {
            break;
        }
    }
    assert!(throttled > 30, "{throttled}");
    scene.expect("AbortMultipartUpload");
    assert!(scene.now() >= Duration::from_mins(15), "{:?}", scene.now());
}

#[test]
fn an_outage_is_waited_for_where_the_store_has_answered_before() {
    let mut scene = Scene::sending(1);
    for _ in 0..40 {
        let part = scene.expect("UploadPart");
        assert_eq!(part.number, 1);
        scene.break_off(&part, Connect);
        assert!(scene.pass_until_part());
    }
    let mut scene = Scene::single_put();
    for _ in 0..10 {
        let put = scene.expect("PutObject");
        scene.break_off(&put, Connect);
        scene.pass(Duration::from_secs(20));
    }
    let Some(Outcome::Failed(failure)) = scene.outcome() else { panic!("{:?}", scene.outcome()) };
    assert_eq!(failure.gave_up, Some(Reason::AttemptsUsedUp), "an address where nobody is");
}
