//! Faults that an upload survives: the object is stored whole, the run says so, nothing is left
//! behind, and the retries are told by their cause.

use super::local_lab::Lab;
use super::support::{Ended, crc64nvme, expect_same, write_file};
use super::{BUCKET, DESTINATION, KEY, SIZE};

/// One survived run.
struct Survived {
    /// Retries by their cause.
    retries: Vec<(String, u64)>,
    /// How often the fault took effect.
    faults: u64,
}

impl Survived {
    /// Fails unless exactly `times` retries were made, all of them for this cause.
    fn expect_retries(&self, cause: &str, times: u64) {
        assert_eq!(self.retries, [(cause.to_owned(), times)]);
    }

    /// Fails unless no more retries were made than faults happened, for these causes only. There
    /// may be fewer: libcurl repeats by itself a request whose reused connection died before the
    /// first byte of an answer.
    fn expect_retries_at_most(&self, causes: &[&str]) {
        let known = |(cause, _): &(String, u64)| causes.contains(&cause.as_str());
        assert!(self.retries.iter().all(known), "{:?}", self.retries);
        let total: u64 = self.retries.iter().map(|(_, count)| count).sum();
        assert!(total <= self.faults, "{:?} after {} faults", self.retries, self.faults);
    }
}

/// Uploads under one fault rule and holds everything against what must be.
fn survive(fault: &str) -> Survived {
    let lab = Lab::start(&[fault]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", SIZE);
    let ended = lab.cp().arg(file).arg(DESTINATION).run().expect_code(0);

    expect_uploaded(&ended, &content);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    let etag = lab.store.header(BUCKET, KEY, "etag");
    assert_eq!(ended.summary()["etag"].as_str(), etag.as_deref(), "the store's own name for it");
    assert_eq!(lab.unfinished(), 0, "uploads left behind");
    let seen = lab.stop();
    let faults = seen.count(fault);
    assert!(faults > 0, "the fault never took effect: {seen:?}");
    Survived { retries: ended.retries(), faults }
}

fn expect_uploaded(ended: &Ended, content: &[u8]) {
    let summary = ended.summary();
    assert_eq!(summary["outcome"], "uploaded", "{summary}");
    assert_eq!(summary["files"], 1, "{summary}");
    assert_eq!(summary["failed"], 0, "{summary}");
    assert_eq!(summary["bytes"], content.len(), "{summary}");
    assert_eq!(summary["parts"], 3, "{summary}");
    assert_eq!(summary["checksum"]["value"], crc64nvme(content), "{summary}");
    assert!(summary["bytes_sent"].as_u64() >= Some(content.len() as u64), "{summary}");
    assert!(summary["attempts"].as_u64() >= Some(5), "{summary}");
}

#[test]
fn a_reset_in_the_middle_of_a_part() {
    survive("UploadPart #1 reset after 1MiB").expect_retries_at_most(&["reset"]);
}

#[test]
fn a_reset_of_every_part_in_turn() {
    survive("UploadPart first 3 reset after 64KiB").expect_retries_at_most(&["reset"]);
}

#[test]
fn a_close_in_the_middle_of_a_part() {
    survive("UploadPart #2 close after 1MiB").expect_retries_at_most(&["reset"]);
}

#[test]
fn throttling_with_a_time_to_wait() {
    survive("UploadPart #1 status 503 SlowDown retry-after 1s").expect_retries("throttled", 1);
}

#[test]
fn an_internal_error() {
    survive("UploadPart #1 status 500 InternalError").expect_retries("server", 1);
}

#[test]
fn a_bad_gateway_without_a_word_of_s3() {
    survive("UploadPart #1 status 502").expect_retries("server", 1);
}

#[test]
fn a_refusal_before_the_body_was_read() {
    let survived = survive("UploadPart #1 early 503 SlowDown");
    // The reset that follows may overtake the answer.
    survived.expect_retries_at_most(&["throttled", "reset"]);
}

#[test]
fn an_error_inside_of_a_200_to_complete() {
    let fault = "CompleteMultipartUpload #1 error-in-200 InternalError";
    survive(fault).expect_retries("server", 1);
}

#[test]
fn the_lost_answer_to_complete() {
    let fault = "CompleteMultipartUpload #1 lose-answer";
    survive(fault).expect_retries_at_most(&["reset"]);
}

#[test]
fn the_lost_answer_to_a_part() {
    survive("UploadPart #1 lose-answer").expect_retries_at_most(&["reset"]);
}

#[test]
fn an_answer_to_a_part_cut_in_its_middle() {
    let survived = survive("UploadPart #1 truncate-answer");
    survived.expect_retries_at_most(&["reset", "server", "other"]);
}

#[test]
fn an_answer_to_complete_cut_in_its_middle() {
    let survived = survive("CompleteMultipartUpload #1 truncate-answer");
    survived.expect_retries_at_most(&["reset", "server", "other"]);
}

#[test]
fn an_answer_that_is_not_http() {
    survive("UploadPart #1 garbage").expect_retries_at_most(&["server", "other", "reset"]);
}

#[test]
fn a_store_that_reads_slowly() {
    assert_eq!(survive("UploadPart always slow 4MB").retries, []);
}

#[test]
fn connections_that_are_closed_when_idle() {
    survive("* always idle-close 10ms").expect_retries_at_most(&["reset"]);
}

#[test]
fn a_byte_that_changes_on_the_wire() {
    survive("UploadPart #2 corrupt").expect_retries("checksum", 1);
}

#[test]
fn a_store_that_stops_reading() {
    let survived = survive("UploadPart #1 stall after 1MiB");
    let total: u64 = survived.retries.iter().map(|(_, count)| count).sum();
    assert_eq!(total, 1, "{:?}", survived.retries);
    survived.expect_retries_at_most(&["stalled", "timeout"]);
}

/// `Expect: 100-continue` is never sent, so a store that says nothing to it is never noticed.
#[test]
fn a_store_that_never_says_continue() {
    let lab = Lab::start(&["* always no-100"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", SIZE);
    let ended = lab.cp().arg(file).arg(DESTINATION).run().expect_code(0);
    expect_uploaded(&ended, &content);
    assert_eq!(ended.retries(), []);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
}

/// A single PUT whose answer is lost is sent again: the same bytes, so nothing can be torn.
#[test]
fn the_lost_answer_to_a_put() {
    let lab = Lab::start(&["PutObject #1 lose-answer"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 1_000);
    let ended = lab.cp().arg(file).arg(DESTINATION).run().expect_code(0);
    assert_eq!(ended.retries(), [("reset".to_owned(), 1)]);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
}

/// A key is bytes: what other programs take for a path, a query or an escape arrives as it is.
#[test]
fn keys_arrive_as_themselves() {
    let longest = "k".repeat(1_024);
    let keys = [
        "a/../b",
        "../x",
        "./y",
        "/leading",
        "a//b",
        "trailing/x/",
        "a b+c",
        "100%25",
        "q?a=1&b#c",
        "gr\u{fc}\u{df}e/\u{4e16}",
        "~'()*!",
        &longest,
    ];
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 1_000);
    for key in keys {
        // A trailing slash would have the file's name appended.
        let (typed, stored) = match key.strip_suffix('/') {
            Some(_) => (key.to_owned(), format!("{key}source.bin")),
            None => (key.to_owned(), key.to_owned()),
        };
        lab.cp().arg(&file).arg(format!("s3://{BUCKET}/{typed}")).run().expect_code(0);
        let listed = keys_of(&lab);
        assert!(listed.contains(&stored), "{stored:?} is not in {listed:?}");
    }
    assert_eq!(keys_of(&lab).len(), keys.len());
}

/// The keys of all objects, as another client sees them.
fn keys_of(lab: &Lab) -> Vec<String> {
    let listing = lab.store.ask(&["--fail"], &format!("/{BUCKET}?list-type=2"));
    let listing = listing.unwrap_or_else(|error| panic!("ListObjectsV2: {error}"));
    let listing = String::from_utf8(listing).expect("XML is UTF-8");
    let keys = listing.split("<Key>").skip(1).filter_map(|rest| rest.split_once("</Key>"));
    let unescape = |key: &str| {
        let key = key.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        key.replace("&#39;", "'").replace("&apos;", "'").replace("&amp;", "&")
    };
    keys.map(|(key, _)| unescape(key)).collect()
}

#[test]
fn a_clock_that_differs_by_twenty_minutes() {
    // All three are under way before the first is refused; and the Complete, which goes by the
    // right time again, is dated by what was learnt.
    survive("UploadPart always skew 20m").expect_retries("skew", 4);
    survive("UploadPart always skew -20m").expect_retries("skew", 4);
}

#[test]
fn a_creation_whose_answer_is_lost_leaves_no_upload() {
    survive("CreateMultipartUpload #1 lose-answer").expect_retries("reset", 1);
}

#[test]
fn throttling_beyond_all_attempts() {
    let rule = "UploadPart first 12 status 503 SlowDown";
    let survived = survive(rule);
    survived.expect_retries("throttled", 12);
}

#[test]
fn how_long_bytes_may_rest_can_be_said() {
    let lab = Lab::start(&["UploadPart #1 stall after 1MiB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", SIZE);
    let ended = lab.cp().args(&["--stall-timeout", "2s"]).arg(file).arg(DESTINATION).run();
    let ended = ended.expect_code(0);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    assert_eq!(ended.retries(), [("stalled".to_owned(), 1)]);
    let elapsed = ended.summary()["elapsed_s"].as_f64().expect("a number");
    assert!(elapsed < 20.0, "{elapsed} s: the usual 30 s have passed");
}
