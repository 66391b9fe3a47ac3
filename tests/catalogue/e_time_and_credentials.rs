//! The clock is wrong, jumps, or says a new day; so does the store's.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::local_lab::Lab;
use super::oracle::{Trial, Upload};
use super::scripted::{Answer, Request, Scripted, Turn};
use super::support::{Curlift, write_file};
use super::{DESTINATION, IN_PARTS, MIB, SMALL, TWO_PARTS, at_once};

/// What S3 forgives a clock.
const SKEW_MAX: TimeDelta = TimeDelta::minutes(15);

/// `LD_PRELOAD` of libfaketime, as its own command sets it.
fn preload() -> &'static str {
    static PRELOAD: OnceLock<String> = OnceLock::new();
    PRELOAD.get_or_init(|| {
        let mut command = Command::new("faketime");
        let said = command.args(["-f", "+0", "sh", "-c", "echo $LD_PRELOAD"]).output();
        let said = said.expect("type: apt-get install faketime").stdout;
        format!("LD_PRELOAD={}", String::from_utf8(said).unwrap().trim())
    })
}

/// The words that start a command by a clock which is off by that much. The clock that waits are
/// measured by, and the times of files, are left alone.
fn by_clock(offset: &str) -> Vec<String> {
    let offset = format!("FAKETIME={offset}");
    let alone = ["FAKETIME_DONT_FAKE_MONOTONIC=1", "NO_FAKE_STAT=1"];
    let words = ["env", preload(), &offset].into_iter().chain(alone);
    words.map(str::to_owned).collect()
}

fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// How often the clock was complained of.
fn warnings(trial: &Trial) -> usize {
    trial.ended.stderr.matches("warning: this machine's clock").count()
}

/// E1 | the clock is off by 5 min, 20 min, 2 days, either way | libfaketime, lab | corrected from
/// `Date`, warned of once, uploaded
#[test]
fn e1_the_clock_is_off() {
    let offsets = ["+5m", "-5m", "+20m", "-20m", "+2d", "-2d"];
    let cases: Vec<_> =
        offsets.iter().flat_map(|offset| [(*offset, SMALL), (*offset, 8 * 5 * MIB)]).collect();
    at_once(&cases, |&(offset, length)| {
        let lab = Lab::start(&[]);
        let upload = Upload::new(&lab, length).under(&words(&by_clock(offset)));
        let trial = upload.run().expect_uploaded();
        // One request learns for all that follow; what is off by less is not refused.
        let refused = u64::from(!offset.ends_with("5m"));
        assert_eq!(warnings(&trial), 1, "{offset}: {}", trial.told());
        trial.expect_retries(refused..=refused, &["skew"]);
    });
}

/// E1 | the same, and the correction is switched off | libfaketime, lab | refused, the clock named
#[test]
fn e1_the_correction_is_switched_off() {
    let lab = Lab::start(&[]);
    let mut under = by_clock("+20m");
    under.push("AWS_DISABLE_CLOCK_SKEW_CORRECTION=true".into());
    let trial = Upload::new(&lab, SMALL).under(&words(&under)).run().expect("failed", 6);
    assert_eq!(warnings(&trial), 0, "{}", trial.told());
    trial.expect_says(&["RequestTimeTooSkewed", "clock is wrong"]).expect_retries(0..=0, &[]);
}

/// When a request says that it was made.
fn dated(head: &str) -> DateTime<Utc> {
    let dates = head.lines().filter_map(|line| line.split_once(": "));
    let mut dates = dates.filter(|(name, _)| name.eq_ignore_ascii_case("x-amz-date"));
    let (_, date) = dates.next().expect("it is dated");
    NaiveDateTime::parse_from_str(date.trim(), "%Y%m%dT%H%M%SZ").expect(date).and_utc()
}

fn http_date(date: DateTime<Utc>) -> String {
    date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Serves as S3 does: by the clock, which stands in the answer.
fn serve_by_clock(turn: &mut Turn<'_>) {
    let is_skewed = (Utc::now() - dated(&turn.head.text)).abs() >= SKEW_MAX;
    turn.read_all();
    let answer = if is_skewed { Answer::error(403, "RequestTimeTooSkewed") } else { turn.work() };
    turn.answer(&answer);
}

/// E2 | the clock jumps by 2 days in mid-upload, and back | libfaketime's file | learnt anew, no
/// wait is longer for it
#[test]
fn e2_the_clock_jumps() {
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let path = clock.clone();
    let store = Scripted::start(move |turn| {
        match (turn.operation, turn.part, turn.attempt) {
            ("UploadPart", Some(2), 1) => fs::write(&path, "+2d").unwrap(),
            ("UploadPart", Some(4), 1) => fs::write(&path, "+0").unwrap(),
            _ => {}
        }
        serve_by_clock(turn);
    });
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", clock.display());
    let mut under = by_clock("+0");
    under.retain(|word| !word.starts_with("FAKETIME="));
    under.extend([file, "FAKETIME_NO_CACHE=1".into()]);
    let upload = Upload::new(&store, 5 * 5 * MIB).args(&["-c", "1"]).under(&words(&under));
    let trial = upload.within(30).run().expect_uploaded();
    assert!(warnings(&trial) >= 2, "{}", trial.told());
    trial.expect_retries(0..=4, &["skew"]);
}

/// The seconds from now to that moment, as libfaketime wants them.
fn seconds_to(moment: &str) -> String {
    let moment = NaiveDateTime::parse_from_str(moment, "%Y-%m-%d %H:%M:%S").unwrap().and_utc();
    format!("{:+}", (moment - Utc::now()).num_seconds())
}

/// E3 | midnight, end of month and year, leap day, odd time zones | libfaketime, store and lab |
/// the scope's day is the date's
#[test]
fn e3_the_day_ends() {
    let moments = [
        ("2026-12-31 23:59:57", "Asia/Kathmandu"),
        ("2027-02-28 23:59:57", "America/St_Johns"),
        ("2028-02-28 23:59:57", "Pacific/Kiritimati"),
        ("2028-02-29 23:59:57", "UTC"),
        ("2030-06-30 23:59:57", "Pacific/Chatham"),
    ];
    at_once(&moments, |(moment, zone)| {
        let store = Scripted::start(|_| std::thread::sleep(Duration::from_millis(900)));
        let mut under = by_clock(&seconds_to(moment));
        // The scripted store goes by today's clock, which must not be learnt.
        under.extend([format!("TZ={zone}"), "AWS_DISABLE_CLOCK_SKEW_CORRECTION=true".into()]);
        let upload = Upload::new(&store, 5 * 5 * MIB).args(&["-c", "1"]).under(&words(&under));
        upload.run().expect_uploaded();
        let days: Vec<String> = store.requests().iter().map(expect_one_day).collect();
        assert!(days[0] < days[days.len() - 1], "{moment}: no midnight in {days:?}");

        // A lab by the same clock, which verifies the signatures.
        let folder = tempfile::tempdir().unwrap();
        let (file, _) = write_file(folder.path(), "source.bin", TWO_PARTS);
        let lab = Curlift::under(&under).args(&["lab", "-q", "--discard", "--"]);
        let program = lab.arg(env!("CARGO_BIN_EXE_curlift")).args(&["cp", "--json"]);
        let ended = program.args(&IN_PARTS).arg(file).arg(DESTINATION).run().expect_code(0);
        assert_eq!(ended.summary()["outcome"], "uploaded", "{ended:?}");
        assert!(ended.retries().is_empty(), "{ended:?}");
    });
}

/// The day of a request, which its date and its scope must agree on.
fn expect_one_day(request: &Request) -> String {
    let day = dated(&request.head).format("%Y%m%d").to_string();
    let (_, scope) = request.head.split_once("Credential=").expect("it is signed");
    assert_eq!(scope.split('/').nth(1), Some(day.as_str()), "{}", request.head);
    day
}

/// E4 | refused as skewed, the `Date` missing, garbage, or a cache's | scripted store | no
/// correction, no second try
#[test]
fn e4_no_date_to_learn_from() {
    let old = http_date(Utc::now() - TimeDelta::days(2));
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[("date", "")],
        &[("date", "the day before yesterday")],
        &[("date", "2026-11-21T10:00:00Z")],
        &[("date", "Sat, 31 Feb 2026 25:61:61 GMT")],
        &[("date", &old), ("age", "172800")],
    ];
    at_once(&cases, |fields| {
        let fields: Vec<(String, String)> =
            fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let store = Scripted::start(move |turn| {
            turn.read_all();
            let answer = Answer::error(403, "RequestTimeTooSkewed").without("date");
            let dated = fields.iter().fold(answer, |a, (name, value)| a.with(name, value));
            turn.answer(&dated);
        });
        let trial = Upload::new(&store, SMALL).run().expect("failed", 6);
        assert_eq!((warnings(&trial), store.requests().len()), (0, 1), "{}", trial.told());
    });
}

/// E4 | successes whose `Date` is garbage, a cache's, or out of all reason | scripted store |
/// uploaded, dated by our own clock where a cache spoke
#[test]
fn e4_dates_that_mislead() {
    let old = http_date(Utc::now() - TimeDelta::days(2));
    let cases: [(&str, Option<&str>); 6] = [
        ("the day before yesterday", None),
        (&old, Some("172800")),
        ("Mon, 01 Jan 0001 00:00:00 GMT", Some("1")),
        ("Mon, 01 Jan 0001 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 GMT", None),
        ("Tue, 31 Dec 262142 23:59:59 GMT", None),
    ];
    at_once(&cases, |(date, age)| {
        let (date, age) = ((*date).to_owned(), age.map(str::to_owned));
        let is_ignored = age.is_some() || date.starts_with("the");
        let store = Scripted::start(move |turn| {
            // The first alone misleads; after it the store goes by the clock.
            if turn.operation == "CreateMultipartUpload" && turn.nth == 1 {
                let answer = turn.work().with("date", &*date);
                let age = age.iter().fold(answer, |answer, age| answer.with("age", age));
                turn.answer(&age);
            } else {
                serve_by_clock(turn);
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        if is_ignored {
            assert_eq!(warnings(&trial), 0, "{}", trial.told());
            let now = Utc::now();
            for request in store.requests() {
                let off = (now - dated(&request.head)).abs();
                assert!(off < TimeDelta::minutes(2), "{off}: {}", request.head);
            }
        }
    });
}
