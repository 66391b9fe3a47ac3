//! Keys that end while an upload is under way.

use std::fs;

use super::local_lab::Lab;
use super::support::{Curlift, expect_same, write_file};
use super::{BUCKET, DESTINATION, IN_PARTS, KEY, SIZE};

/// A `credential_process` whose keys end so many seconds after they were asked for; it counts in a
/// file how often they were.
fn process(lab: &Lab, seconds: u32, count: &str) -> String {
    let (access, secret) = (&lab.store.access_key, &lab.store.secret_key);
    format!(
        "#!/bin/sh\necho asked >> {count}\nend=$(date -u -d \"+{seconds} seconds\" +%FT%TZ)\n\
         printf '{{\"Version\":1,\"AccessKeyId\":\"{access}\",\"SecretAccessKey\":\"{secret}\",\
         \"Expiration\":\"%s\"}}' \"$end\"\n"
    )
}

/// How often keys were asked for by an upload that takes about six seconds, their life being so
/// long; and what was told.
fn upload(seconds: u32) -> (usize, String) {
    let lab = Lab::start(&["UploadPart always slow 1MiB"]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", SIZE);
    let path = |name: &str| folder.path().join(name).to_str().expect("a path").to_owned();
    fs::write(path("keys"), process(&lab, seconds, &path("count"))).expect("it can be written");
    let config = format!("[default]\ncredential_process = sh {}\n", path("keys"));
    fs::write(path("config"), config).expect("it can be written");
    let program = Curlift::new().args(&["cp", "-v", "--json"]).args(&IN_PARTS).arg(&file);
    let program = program.arg(DESTINATION).env("AWS_CONFIG_FILE", path("config"));
    let program = program.env("AWS_ENDPOINT_URL", &lab.store.url).env("AWS_REGION", "us-east-1");
    let ended = program.run().expect_code(0);
    assert_eq!(ended.summary()["retries"], serde_json::json!({}), "{}", ended.stdout);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    (fs::read_to_string(path("count")).expect("it was run").lines().count(), ended.stderr)
}

#[test]
fn they_are_renewed_before_they_end_and_nothing_is_refused() {
    let (asked, told) = upload(4);
    assert!(asked >= 2, "asked {asked} times: {told}");
    assert!(told.contains("fresh keys are there"), "{told}");
}

#[test]
fn those_that_last_are_asked_for_once() {
    assert_eq!(upload(3_600).0, 1);
}
