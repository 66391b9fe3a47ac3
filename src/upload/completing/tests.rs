//! Parts that are there and that are not, answers that come and that are lost.

use super::*;
use crate::http::Evidence;
use crate::s3::{ErrorClass, S3Error};
use crate::time::Time;
use crate::upload::manifest::tests::manifest;
use crate::upload::{Cause, Reason};

/// A file of 25 bytes in three parts, whose completion goes as it is told.
struct Scene {
    script: Completing,
}

impl Scene {
    fn new(dry_run: bool) -> Scene {
        Scene { script: Completing::new(&manifest(25), dry_run) }
    }

    /// All parts have been listed: what is asked next.
    fn listed(&mut self, parts: Vec<UploadedPart>) -> Option<Call<CompleteStep>> {
        let call = self.script.next().expect("it begins with a listing");
        assert_eq!(call.operation.name(), "ListParts");
        self.script.answered(&call.tag, Ok(Reply::Parts(page(parts, None))))
    }

    /// All parts are there: the call that completes them has ended so; what is asked next.
    fn completing(&mut self, result: Result<Reply, Failure>) -> Option<Call<CompleteStep>> {
        let call = self.listed(parts()).expect("all is there");
        assert_eq!(call.operation.name(), "CompleteMultipartUpload");
        self.script.answered(&call.tag, result)
    }

    fn answer(
        &mut self,
        call: &Call<CompleteStep>,
        result: Result<Reply, Failure>,
    ) -> Option<Call<CompleteStep>> {
        self.script.answered(&call.tag, result)
    }

    fn ended(mut self) -> Completion {
        assert!(self.script.next().is_none(), "nothing more is asked");
        self.script.ended(CallsOutcome::Done)
    }
}

fn bytes() -> Vec<u8> {
    (0..25).collect()
}

fn whole() -> Crc64Nvme {
    Crc64Nvme::of(&bytes())
}

fn etag(index: u8) -> ETag {
    ETag(format!("\"{}\"", format!("{index:02x}").repeat(16)))
}

fn parts() -> Vec<UploadedPart> {
    let part = |(index, bytes): (u8, &[u8])| UploadedPart {
        number: PartNumber::from_index(index.into()),
        size: bytes.len() as u64,
        etag: etag(index),
        checksum: Some(Crc64Nvme::of(bytes)),
    };
    (0..).zip(bytes().chunks(10)).map(part).collect()
}

fn page(parts: Vec<UploadedPart>, next: Option<u32>) -> PartsPage {
    let next = next.map(|number| PartNumber::from_index(number - 1));
    PartsPage { parts, next, checksum_algorithm: None }
}

fn failure(code: &str, status: u16, attempt: u32, ambiguous: bool) -> Failure {
    Failure {
        operation: "CompleteMultipartUpload",
        part: None,
        attempt,
        attempts_max: 10,
        cause: Cause::S3(S3Error::Answered {
            status,
            code: code.into(),
            message: String::new(),
            request_id: None,
            retry_after: None,
            region: None,
            location: None,
        }),
        symptom: crate::upload::Symptom::Other,
        class: ErrorClass::Permanent,
        ambiguous,
        evidence: Evidence::default(),
        link: None,
        at: Time::ZERO,
        gave_up: Some(Reason::Permanent),
    }
}

fn absent() -> Failure {
    failure("", 404, 1, false)
}

fn head(size: u64, checksum: Option<Crc64Nvme>, etag: Option<ETag>) -> Reply {
    Reply::Head(ObjectHead { size, etag, checksum, ..ObjectHead::default() })
}

fn completed(checksum: Option<Crc64Nvme>) -> Reply {
    Reply::Completed { etag: Some(ETag("e-3".into())), checksum }
}

#[test]
fn what_is_listed_is_completed_as_it_was_listed() {
    let mut scene = Scene::new(false);
    let call = scene.listed(parts()).unwrap();
    let Operation::CompleteMultipartUpload { parts, checksum, size, .. } = &call.operation else {
        panic!("{call:?}")
    };
    assert_eq!((*checksum, *size, parts.len()), (Some(whole()), 25, 3));
    assert_eq!(parts[2].etag, etag(2));
    assert_eq!(parts[2].checksum, Some(Crc64Nvme::of(&bytes()[20..])));
    assert_eq!(scene.script.stored(), (3, 25));
    assert_eq!(scene.answer(&call, Ok(completed(Some(whole())))), None);
    let Completion::Completed { checksum, by_comparison: false, .. } = scene.ended() else {
        panic!("it is completed")
    };
    assert_eq!(checksum, Some(whole()));
}

#[test]
fn a_dry_run_asks_for_the_listing_alone() {
    let mut scene = Scene::new(true);
    assert_eq!(scene.listed(parts()), None);
    assert_eq!(scene.ended(), Completion::Ready);
}

#[test]
fn parts_that_are_missing_or_others_are_told() {
    let mut listed = parts();
    listed[1].size = 9;
    listed[2].checksum = Some(Crc64Nvme(1));
    let last = UploadedPart { number: PartNumber::from_index(7), ..listed[0].clone() };
    listed.push(last);
    listed.remove(0);
    let mut scene = Scene::new(false);
    assert_eq!(scene.listed(listed), None);
    assert_eq!(scene.script.stored(), (2, 14), "the eighth is none of the file");
    let Completion::Incomplete(shortage) = scene.ended() else { panic!("two are wrong") };
    assert_eq!(shortage.missing, [PartNumber::from_index(0)]);
    let differing: Vec<_> =
        shortage.differing.iter().map(|(number, how)| (number.0.get(), how.as_str())).collect();
    assert_eq!(differing[0], (2, "it has 9 bytes, and not 10"));
    assert!(differing[1].0 == 3 && differing[1].1.starts_with("its CRC64NVME is AAAAAAAAAAE="));
}

#[test]
fn parts_that_are_not_of_the_file_are_left_out() {
    let mut listed = parts();
    listed.push(UploadedPart { number: PartNumber::from_index(3), ..listed[0].clone() });
    let call = Scene::new(false).listed(listed).unwrap();
    let Operation::CompleteMultipartUpload { parts, .. } = &call.operation else { panic!() };
    assert_eq!(parts.len(), 3);
}

#[test]
fn every_page_is_listed_and_none_may_end_early() {
    let pages = |ends: [Option<u32>; 2]| {
        let mut script = Completing::new(&manifest(12_345), false);
        let calls: Vec<_> = std::iter::from_fn(|| script.next()).collect();
        let after = |call: &Call<CompleteStep>| match call.operation {
            Operation::ListParts { after, .. } => after.map_or(0, |number| number.0.get()),
            _ => panic!("{call:?}"),
        };
        assert_eq!(calls.iter().map(after).collect::<Vec<_>>(), [0, 1000]);
        for (call, end) in calls.iter().zip(ends) {
            let page = page(Vec::new(), end);
            assert_eq!(script.answered(&call.tag, Ok(Reply::Parts(page))), None);
        }
        script.ended(CallsOutcome::Done)
    };
    let missing = |completion| match completion {
        Completion::Incomplete(shortage) => shortage.missing.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(pages([Some(1000), None])), 1235);
    assert_eq!(missing(pages([Some(1200), Some(1235)])), 1235);
    assert!(matches!(pages([Some(999), None]), Completion::Unlisted(_)));
    assert!(matches!(pages([Some(1000), Some(1234)]), Completion::Unlisted(_)));
}

#[test]
fn an_object_with_another_checksum_is_not_the_file() {
    let mut scene = Scene::new(false);
    assert_eq!(scene.completing(Ok(completed(Some(Crc64Nvme(1))))), None);
    assert!(matches!(scene.ended(), Completion::Differs(_)));
}

#[test]
fn a_checksum_that_was_not_told_is_asked_for() {
    for (answer, is_good) in [
        (Ok(head(25, Some(whole()), None)), true),
        (Ok(head(25, None, None)), true),
        (Err(absent()), true),
        (Ok(head(25, Some(Crc64Nvme(1)), None)), false),
        (Ok(head(24, None, None)), false),
    ] {
        let mut scene = Scene::new(false);
        let look = scene.completing(Ok(completed(None))).unwrap();
        assert_eq!(scene.answer(&look, answer), None);
        match scene.ended() {
            Completion::Completed { by_comparison: false, .. } => assert!(is_good),
            Completion::Differs(_) => assert!(!is_good),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_refusal_is_one_where_nothing_can_have_been_done() {
    let mut scene = Scene::new(false);
    assert_eq!(scene.completing(Err(failure("InvalidPart", 400, 1, false))), None);
    assert!(matches!(scene.ended(), Completion::Failed(_)));
}

#[test]
fn what_may_have_been_done_is_looked_at() {
    for failure in [
        failure("InternalError", 500, 10, true),
        failure("NoSuchUpload", 404, 1, false),
        failure("AccessDenied", 403, 2, false),
    ] {
        let mut scene = Scene::new(false);
        let look = scene.completing(Err(failure)).unwrap();
        assert_eq!(look.operation, Operation::HeadObject);
        assert_eq!(scene.answer(&look, Ok(head(25, Some(whole()), None))), None);
        assert!(matches!(scene.ended(), Completion::Completed { by_comparison: true, .. }));
    }
}

#[test]
fn without_a_checksum_the_etag_tells() {
    let mut scene = Scene::new(false);
    let look = scene.completing(Err(failure("NoSuchUpload", 404, 2, false))).unwrap();
    let reckoned = multipart_etag(&[etag(0), etag(1), etag(2)]).unwrap();
    assert_eq!(scene.answer(&look, Ok(head(25, None, Some(ETag(reckoned))))), None);
    assert!(matches!(scene.ended(), Completion::Completed { by_comparison: true, .. }));
    let mut scene = Scene::new(false);
    let look = scene.completing(Err(failure("NoSuchUpload", 404, 2, false))).unwrap();
    assert_eq!(scene.answer(&look, Ok(head(25, None, Some(ETag("other".into()))))), None);
    assert!(matches!(scene.ended(), Completion::Unknown(_)), "the size alone proves nothing");
}

#[test]
fn an_object_that_does_not_come_leaves_it_unknown() {
    let mut scene = Scene::new(false);
    let mut look = scene.completing(Err(failure("InternalError", 500, 10, true)));
    let mut pauses = Vec::new();
    while let Some(call) = look {
        pauses.push(call.pause.as_secs());
        look = scene.answer(&call, Err(absent()));
    }
    assert_eq!(pauses, [0, 2, 5, 15]);
    assert!(matches!(scene.ended(), Completion::Unknown(_)));
}

#[test]
fn an_upload_that_is_gone_before_is_judged_by_the_object() {
    for (answer, expected) in [
        (Ok(head(25, Some(whole()), None)), "Completed"),
        (Ok(head(25, Some(Crc64Nvme(1)), None)), "Gone"),
        (Ok(head(24, None, None)), "Gone"),
        (Err(absent()), "Gone"),
        (Ok(head(25, None, None)), "Unknown"),
        (Err(failure("AccessDenied", 403, 1, false)), "Unknown"),
    ] {
        let mut scene = Scene::new(false);
        let list = scene.script.next().unwrap();
        let gone = Err(failure("NoSuchUpload", 404, 1, false));
        let look = scene.answer(&list, gone).unwrap();
        assert_eq!(scene.answer(&look, answer), None);
        let ended = format!("{:?}", scene.ended());
        assert!(ended.starts_with(expected), "{expected}: {ended}");
    }
}

#[test]
fn a_stop_while_completing_is_told_as_that() {
    let mut scene = Scene::new(false);
    scene.listed(parts()).unwrap();
    let stopped = scene.script.ended(CallsOutcome::Stopped);
    assert_eq!(stopped, Completion::Stopped { while_completing: true });
    let stopped = Scene::new(false).script.ended(CallsOutcome::Stopped);
    assert_eq!(stopped, Completion::Stopped { while_completing: false });
}

#[test]
fn a_store_that_is_gone_in_the_middle_leaves_it_unknown() {
    let gone = || CallsOutcome::GaveUp(failure("", 503, 10, true));
    let mut scene = Scene::new(false);
    scene.completing(Err(failure("", 503, 10, true))).unwrap();
    assert!(matches!(scene.script.ended(gone()), Completion::Unknown(_)));
    assert!(matches!(Scene::new(false).script.ended(gone()), Completion::Failed(_)));
}
