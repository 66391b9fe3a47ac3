//! How many attempts are in flight, how large parts are, and which are sent twice.

use std::time::Duration;

use curlift::http::TransportFailureKind::Connect;
use curlift::upload::{CutPattern, Notice};

use super::scene::Scene;

#[test]
fn throttling_halves_what_is_in_flight_and_success_brings_it_back() {
    let mut scene = Scene::sending_wide(40, 8);
    let parts: Vec<_> = (0..8).map(|_| scene.expect("UploadPart")).collect();
    scene.expect_nothing();
    for part in &parts[..4] {
        scene.answer_error(part, 503, "SlowDown");
    }
    assert_eq!(scene.engine().snapshot().in_flight_max, 4, "halved once for all of one round");
    scene.expect_nothing();
    for part in &parts[4..] {
        scene.answer(part, 200, "");
    }
    for _ in 0..30 {
        scene.pass(Duration::from_secs(2));
        while let Some(part) = scene.next_part() {
            scene.answer(&part, 200, "");
        }
    }
    assert!(scene.engine().snapshot().in_flight_max > 4);
    assert_eq!(scene.engine().tally().in_flight_max.0, 4);
}

#[test]
fn connections_that_are_turned_away_make_room_for_those_that_stand() {
    let mut scene = Scene::sending_wide(40, 8);
    let parts: Vec<_> = (0..8).map(|_| scene.expect("UploadPart")).collect();
    for part in &parts[2..] {
        scene.break_off(part, Connect);
    }
    assert_eq!(scene.engine().snapshot().in_flight_max, 2);
}

#[test]
fn cuts_at_the_same_byte_count_make_the_parts_not_yet_sent_smaller() {
    let mut scene = Scene::sending_wide(3, 3);
    let parts: Vec<_> = (0..3).map(|_| scene.expect("UploadPart")).collect();
    for part in &parts {
        scene.cut_off(part, 8);
    }
    let recut = scene.notices.iter().find_map(|notice| match notice {
        Notice::Recut { pattern, from, to, parts } => Some((*pattern, *from, *to, *parts)),
        _ => None,
    });
    assert_eq!(recut, Some((CutPattern::AtBytes(8), 10, 5, 6)));
    for number in 1..=3 {
        let part = scene.expect("UploadPart");
        assert_eq!(part.part().map(|part| part.0.get()), Some(number));
        scene.answer_part(&part);
    }
    for _ in 0..3 {
        let part = scene.expect("UploadPart");
        scene.answer_part(&part);
    }
    scene.expect("CompleteMultipartUpload");
}

#[test]
fn parts_are_cut_anew_behind_the_last_that_is_stored_once_none_is_under_way() {
    let mut scene = Scene::sending_wide(6, 6);
    let parts: Vec<_> = (0..6).map(|_| scene.expect("UploadPart")).collect();
    for part in [&parts[0], &parts[1], &parts[2], &parts[4], &parts[5]] {
        scene.cut_off(part, 8);
    }
    let recut = |scene: &Scene| scene.notices.iter().any(|n| matches!(n, Notice::Recut { .. }));
    assert!(!recut(&scene), "one is still under way");
    scene.expect_nothing();
    scene.answer(&parts[3], 200, "");
    assert!(!recut(&scene), "a part of this size came through");
    scene.pass_until_part();
    assert_eq!(scene.engine().plan().parts(), 6);
    let mut scene = Scene::sending_wide(6, 3);
    let first = scene.expect("UploadPart");
    scene.answer(&first, 200, "");
    for _ in 0..3 {
        let part = scene.expect("UploadPart");
        scene.cut_off(&part, 8);
    }
    while let Some(part) = scene.next_part() {
        // Sent whole, and not answered.
        scene.cut_off(&part, 10);
    }
    assert!(recut(&scene));
    assert_eq!(scene.engine().plan().parts(), 1 + 10);
}

/// Seed 3786: what was left to do waited for a cut that would never come.
#[test]
fn a_stop_while_parts_are_to_be_cut_anew_ends_the_upload() {
    let mut scene = Scene::sending_wide(4, 4);
    let parts: Vec<_> = (0..4).map(|_| scene.expect("UploadPart")).collect();
    for part in &parts[..3] {
        scene.cut_off(part, 8);
    }
    scene.expect_nothing();
    scene.stop();
    scene.expect("AbortMultipartUpload");
}

#[test]
fn the_last_straggler_is_sent_a_second_time_and_the_first_answer_wins() {
    let mut scene = Scene::sending_wide(20, 4);
    let mut parts = Vec::new();
    for _ in 0..20 {
        let part = scene.expect("UploadPart");
        scene.pass(Duration::from_millis(100));
        if parts.len() < 19 {
            scene.answer(&part, 200, "");
        }
        parts.push(part);
    }
    let straggler = parts.last().expect("twenty parts");
    scene.expect_nothing();
    scene.pass_until_wakeup();
    let twin = scene.expect("UploadPart");
    assert_eq!(twin.part(), straggler.part());
    scene.answer(&twin, 200, "");
    assert_eq!(scene.cancelled, [straggler.id]);
    assert_eq!(scene.engine().tally().hedges, 1);
    scene.expect("CompleteMultipartUpload");
}

#[test]
fn a_twin_that_fails_leaves_the_other_alone() {
    let mut scene = Scene::sending_wide(20, 1);
    for _ in 0..19 {
        let part = scene.expect("UploadPart");
        scene.answer(&part, 200, "");
    }
    let last = scene.expect("UploadPart");
    scene.expect_nothing();
    scene.pass(Duration::from_secs(10));
    scene.expect_nothing();
    assert_eq!(scene.engine().tally().hedges, 0, "there is no room for a second");
    scene.answer(&last, 200, "");
    scene.expect("CompleteMultipartUpload");
}
