//! Lifecycle rules: ours come and go, everybody else's stay.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use sha2::Sha256;

use super::canned::{self, refused};
use super::local_lab::Lab;
use super::support::{Curlift, Ended, Store};

/// Rules of somebody else, as S3 writes them.
const THEIRS: &str = "<Rule><ID>archive</ID><Filter><And><Prefix>a&amp;b/</Prefix><Tag><Key>k</Key>\
    <Value>v</Value></Tag></And></Filter><Status>Enabled</Status><Transition><Days>30</Days>\
    <StorageClass>GLACIER</StorageClass></Transition></Rule><Rule><ID>expire</ID><Filter><Prefix>\
    tmp/</Prefix></Filter><Status>Disabled</Status><Expiration><Days>1</Days></Expiration></Rule>";

const SET: [&str; 5] = ["lifecycle", "set", "s3://lab", "--abort-incomplete-after", "1d"];

fn run(store: &Store, args: &[&str]) -> Ended {
    Curlift::new().store(store).args(args).run()
}

/// Puts rules as another client does.
fn put(store: &Store, rules: &str) {
    let body = format!("<LifecycleConfiguration>{rules}</LifecycleConfiguration>");
    let mut command = Command::new("curl");
    command.args(["--silent", "--fail", "--noproxy", "*", "--disable", "--request", "PUT"]);
    command.args(["--user", &format!("{}:{}", store.access_key, store.secret_key)]);
    command.args(["--aws-sigv4", &format!("aws:amz:{}:s3", store.region)]);
    for (name, value) in [
        ("x-amz-content-sha256", hex::encode(Sha256::digest(&body))),
        ("content-md5", STANDARD.encode(Md5::digest(&body))),
        ("x-amz-transition-default-minimum-object-size", "varies_by_storage_class".into()),
    ] {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    command.args(["--data-binary", "@-", &format!("{}/lab?lifecycle=", store.url)]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("curl is installed");
    let mut stdin = child.stdin.take().expect("it was piped");
    stdin.write_all(body.as_bytes()).expect("curl reads it");
    drop(stdin);
    assert!(child.wait().expect("curl is ours").success(), "{body}");
}

/// The configuration with its header fields, as another client sees it; `None` where there is none.
fn stored(store: &Store) -> Option<String> {
    let answer = store.ask(&["--fail", "--include"], "/lab?lifecycle=").ok()?;
    let text = String::from_utf8(answer).expect("it is text");
    let varies = ["date:", "x-amz-id-2:", "x-amz-request-id:"];
    let lasts = |line: &&str| !varies.iter().any(|name| line.starts_with(name));
    Some(text.lines().filter(lasts).collect::<Vec<_>>().join("\n"))
}

fn expect(ended: Ended, code: i32, says: &[&str]) {
    let ended = ended.expect_code(code);
    for text in says {
        let said = ended.stdout.contains(text) || ended.stderr.contains(text);
        assert!(said, "{text:?} is not in:\n{}\n{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn our_rule_comes_and_goes_and_the_others_stay() {
    let lab = Lab::start(&[]);
    put(&lab.store, THEIRS);
    let before = stored(&lab.store).expect("it was put");
    assert!(before.contains("varies_by_storage_class"), "{before}");

    let dry = [&SET[..], &["--dry-run"]].concat();
    expect(run(&lab.store, &dry), 0, &["would change", "+ rule curlift-", "2 other rules"]);
    assert_eq!(stored(&lab.store).as_ref(), Some(&before));

    expect(run(&lab.store, &SET), 0, &["changed, and read back", "all keys after 1 day"]);
    let with_ours = stored(&lab.store).expect("it was put");
    assert!(with_ours.contains("varies_by_storage_class"), "{with_ours}");
    assert!(
        with_ours.contains(&before[before.find("<Rule>").unwrap()..before.find("</L").unwrap()])
    );
    assert!(with_ours.contains("<DaysAfterInitiation>1</DaysAfterInitiation>"), "{with_ours}");

    expect(run(&lab.store, &SET), 0, &["stay as they are"]);
    let show = run(&lab.store, &["lifecycle", "show", "s3://lab"]);
    expect(show, 0, &["1 day", "enabled", "curlift-abort-incomplete-uploads", "2 other rules"]);
    expect(run(&lab.store, &["lifecycle", "rm", "s3://lab"]), 0, &["- rule curlift-"]);
    assert_eq!(stored(&lab.store), Some(before));
    assert_eq!(lab.stop().count("PutBucketLifecycleConfiguration"), 3);
}

#[test]
fn a_bucket_without_rules_gets_one_and_loses_its_last() {
    let lab = Lab::start(&[]);
    let show = ["lifecycle", "show", "s3://lab"];
    let advice = "curlift lifecycle set s3://lab --abort-incomplete-after 7d";
    expect(run(&lab.store, &show), 0, &["no rule of s3://lab aborts", advice]);
    let for_logs = [&SET[..], &["--prefix", "logs & <more>/"]].concat();
    expect(run(&lab.store, &for_logs), 0, &["begin with logs & <more>/ after 1 day"]);
    let json = run(&lab.store, &[&show[..], &["--json"]].concat()).expect_code(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    assert_eq!(json["event"], "lifecycle");
    assert_eq!(json["rules"][0]["prefix"], "logs & <more>/");
    assert_eq!(json["rules"][0]["abort_after_days"], 1);
    let rm = ["lifecycle", "rm", "s3://lab"];
    expect(run(&lab.store, &rm), 0, &["there is no rule that"]);
    let of_logs = [&rm[..], &["--prefix", "logs & <more>/"]].concat();
    expect(run(&lab.store, &of_logs), 0, &["changed, and read back"]);
    assert_eq!(stored(&lab.store), None);
    assert_eq!(lab.stop().count("DeleteBucketLifecycle"), 1);
}

#[test]
fn rules_of_others_are_neither_replaced_nor_contradicted() {
    let lab = Lab::start(&[]);
    let abort = |id: &str, filter: &str, more: &str| {
        format!(
            "<Rule><ID>{id}</ID>{filter}<Status>Enabled</Status><AbortIncompleteMultipartUpload>\
             <DaysAfterInitiation>7</DaysAfterInitiation></AbortIncompleteMultipartUpload>{more}\
             </Rule>"
        )
    };
    let filter = "<Filter><Prefix></Prefix></Filter>";
    let expire = "<Expiration><Days>9</Days></Expiration>";
    put(&lab.store, &abort("curlift-abort-incomplete-uploads", filter, expire));
    let before = stored(&lab.store);
    expect(run(&lab.store, &SET), 8, &["has been changed by somebody: it has Expiration too"]);
    expect(run(&lab.store, &["lifecycle", "rm", "s3://lab"]), 8, &["left as they are"]);
    assert_eq!(stored(&lab.store), before);

    put(&lab.store, &abort("theirs", filter, ""));
    let weekly = ["lifecycle", "set", "s3://lab", "--abort-incomplete-after", "7d"];
    expect(run(&lab.store, &weekly), 0, &["rule theirs", "already does so", "stay as they are"]);
    expect(run(&lab.store, &SET), 0, &["rule theirs", "does so later", "changed"]);

    put(&lab.store, &abort("older", "<Prefix>logs/</Prefix>", ""));
    expect(run(&lab.store, &SET), 8, &["rule older already aborts", "older form"]);
    let elsewhere = [&SET[..], &["--prefix", "tmp/"]].concat();
    expect(run(&lab.store, &elsewhere), 0, &["changed, and read back"]);
}

#[test]
fn refusals_name_the_permission_and_what_else_can_be_done() {
    for (fault, args, code, says) in [
        (
            "GetBucketLifecycleConfiguration always status 403 AccessDenied",
            &["lifecycle", "show", "s3://lab"][..],
            4,
            "s3:GetLifecycleConfiguration on arn:aws:s3:::lab",
        ),
        (
            "PutBucketLifecycleConfiguration always status 403 AccessDenied",
            &SET,
            4,
            "s3:PutLifecycleConfiguration on arn:aws:s3:::lab",
        ),
        (
            "GetBucketLifecycleConfiguration always status 501 NotImplemented",
            &SET,
            6,
            "curlift uploads abort s3://lab --older-than 24h",
        ),
    ] {
        let lab = Lab::start(&[fault]);
        expect(run(&lab.store, args), code, &["error: ", says]);
        assert_eq!(stored(&lab.store).filter(|text| text.contains("curlift")), None);
    }
    let lab = Lab::start(&[]);
    let nowhere = ["lifecycle", "show", "s3://no-such-bucket", "--json"];
    expect(run(&lab.store, &nowhere), 9, &["NoSuchBucket", "\"exit_code\":9", "aws s3 mb"]);
}

#[test]
fn what_passes_is_retried() {
    for fault in [
        "GetBucketLifecycleConfiguration first 2 status 503 SlowDown",
        "GetBucketLifecycleConfiguration #1 truncate-answer",
        "PutBucketLifecycleConfiguration #1 lose-answer",
        "PutBucketLifecycleConfiguration #1 reset",
    ] {
        let lab = Lab::start(&[fault]);
        if !fault.starts_with("Put") {
            put(&lab.store, THEIRS);
        }
        expect(run(&lab.store, &SET), 0, &["changed, and read back"]);
        assert!(stored(&lab.store).is_some_and(|text| text.contains("curlift-")), "{fault}");
        assert!(lab.stop().count(fault) > 0, "{fault} never took effect");
    }
}

#[test]
fn a_store_that_takes_rules_and_drops_them_is_not_believed() {
    let store = canned::store(|line, _| match line.split(' ').next() {
        Some("put") => canned::ok(&[]),
        _ => refused(404, "NoSuchLifecycleConfiguration"),
    });
    let says = ["still shows those from before", "curlift lifecycle show s3://lab"];
    expect(run(&store, &SET), 7, &says);
}
