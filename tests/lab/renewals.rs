//! The renewal of presigned URLs: both ends of it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::local_lab::{Lab, signal};
use super::presigned::{self, put, send};
use super::support::{Curlift, Ended, expect_same, wait_until, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB, SIZE};

/// What `curlift presign OBJECT --renew-stdin WORDS` says to such a request.
fn answer(lab: &Lab, object: &str, words: &[&str], request: &Value) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("request");
    std::fs::write(&path, request.to_string()).expect("it can be written");
    let program = Curlift::new().store(&lab.store).args(&["presign", object, "--renew-stdin"]);
    program.args(words).start_reading(File::open(path).expect("it was written")).end()
}

fn request(lab: &Lab, upload_id: Option<&str>, calls: &Value) -> Value {
    json!({
        "curlift_renewal": 1, "endpoint": lab.store.url, "path": format!("/{BUCKET}/{KEY}"),
        "upload_id": upload_id, "expired": true, "calls": calls,
    })
}

/// The URLs of an answer, in its order.
fn urls(answer: &Ended) -> Vec<String> {
    let answer: Value = serde_json::from_str(&answer.stdout).expect("it is JSON");
    let links = answer["links"].as_array().expect("it has links").iter();
    links.map(|link| link["url"].as_str().expect("each has a URL").to_owned()).collect()
}

#[test]
fn whoever_has_keys_signs_what_is_asked_for() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", 5 * MIB);
    let fields = json!({"content-type": "text/x-mine"});
    let calls = json!([{"call": "PutObject", "headers": fields}]);
    let told = answer(&lab, DESTINATION, &[], &request(&lab, None, &calls)).expect_code(0);
    let url = &urls(&told)[0];
    assert!(told.stdout.contains("\"content-type\":\"text/x-mine\""), "{}", told.stdout);
    assert_eq!(put(&lab.store, &file, &[], url).0, 403, "its field is signed");
    assert_eq!(put(&lab.store, &file, &["Content-Type: text/x-mine"], url).0, 200);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
}

#[test]
fn every_call_of_an_upload_in_parts_is_signed_for() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 5 * MIB);
    let path = format!("/{BUCKET}/{KEY}?uploads=");
    let created = lab.store.ask(&["--fail", "--request", "POST"], &path).expect("it is created");
    let created = String::from_utf8_lossy(&created).into_owned();
    let (_, rest) = created.split_once("<UploadId>").expect("an upload id");
    let (id, _) = rest.split_once('<').expect("its end");
    let calls = json!([
        {"call": "UploadPart", "part_number": 1}, {"call": "UploadPart", "part_number": 2},
        {"call": "CompleteMultipartUpload"}, {"call": "AbortMultipartUpload"},
        {"call": "ListParts", "after": 0}, {"call": "ListParts", "after": 1},
        {"call": "HeadObject"},
    ]);
    let asked = request(&lab, Some(id), &calls);
    // Below a prefix as well as by its name; for as long as was typed.
    let told = answer(&lab, "s3://lab/", &["--expires-in", "90s"], &asked).expect_code(0);
    let urls = urls(&told);
    let [one, two, _, abort, all, behind, head] = urls.as_slice() else { panic!("{urls:?}") };
    assert!(urls.iter().all(|url| url.contains("X-Amz-Expires=90&")), "{urls:?}");
    assert_eq!(put(&lab.store, &file, &[], one).0, 200);
    assert_eq!(put(&lab.store, &file, &[], two).0, 200);
    let parts = |url: &str| {
        let (status, listing) = send(&lab.store, &[], url);
        (status, listing.matches("<PartNumber>").count())
    };
    assert_eq!((parts(all), parts(behind)), ((200, 2), (200, 1)));
    assert_eq!(send(&lab.store, &["--request", "DELETE"], abort).0, 204);
    assert_eq!(send(&lab.store, &["--head"], head).0, 404, "nothing was completed");
}

#[test]
fn nothing_else_is_signed_for() {
    let lab = Lab::start(&[]);
    let put = json!([{"call": "PutObject"}]);
    let public = json!([{"call": "PutObject", "headers": {"x-amz-acl": "public-read"}}]);
    let copy = json!([{"call": "PutObject", "headers": {"x-amz-copy-source": "/lab/other"}}]);
    for (object, calls, says) in [
        (
            "s3://lab/other.bin",
            &put,
            "links for /lab/key.bin are asked for, and s3://lab/other.bin",
        ),
        ("s3://lab/key/", &put, "and s3://lab/key/ alone may be signed for"),
        ("s3://other/key.bin", &put, "and s3://other/key.bin alone"),
        (DESTINATION, &public, "x-amz-acl is asked for, and was not allowed"),
        (DESTINATION, &copy, "x-amz-copy-source is asked for, and was not allowed"),
        (DESTINATION, &json!([]), "names no calls"),
    ] {
        let told = answer(&lab, object, &[], &request(&lab, None, calls)).expect_code(2);
        assert!(told.stderr.contains(says) && told.stderr.contains("hint"), "{}", told.stderr);
        assert_eq!(told.stdout, "");
    }
    let mut elsewhere = request(&lab, None, &put);
    elsewhere["endpoint"] = "https://s3.example".into();
    let told = answer(&lab, DESTINATION, &[], &elsewhere).expect_code(2);
    let says =
        format!("links to https://s3.example are asked for, and {DESTINATION} is at http://");
    assert!(told.stderr.contains(&says), "{}", told.stderr);
    let acl = ["--acl", "public-read"];
    answer(&lab, DESTINATION, &acl, &request(&lab, None, &public)).expect_code(0);
}

/// Who has keys: a script that knows them, keeps what it is told, and has `curlift presign` answer.
struct KeyHost<'a> {
    lab: &'a Lab,
    folder: &'a Path,
}

impl KeyHost<'_> {
    /// The command to renew with.
    fn command(&self, presign: &str) -> String {
        let variables = self.lab.store.environment().into_iter();
        let variables = variables.map(|(name, value)| format!("export {name}='{value}'\n"));
        let script = format!(
            "{}cat >> '{}'\nexec '{}' presign {presign} < '{1}'\n",
            variables.collect::<String>(),
            self.told().display(),
            env!("CARGO_BIN_EXE_curlift")
        );
        let path = self.folder.join("keyhost.sh");
        std::fs::write(&path, script).expect("it can be written");
        format!("sh '{}'", path.display())
    }

    fn told(&self) -> PathBuf {
        self.folder.join("told")
    }
}

/// `curlift cp --json`, which is given no keys.
fn cp(file: &Path, destination: &str, words: &[&str]) -> Curlift {
    Curlift::new().args(&["cp", "--json"]).arg(file).arg(destination).args(words)
}

/// The second request comes when the first URL has expired.
const LATE: &str = "status 503 SlowDown retry-after 7s";

/// A lab, a file, and a URL that lives for so long.
fn scene(faults: &[&str], lives: &str) -> (Lab, TempDir, PathBuf, Vec<u8>, String) {
    let lab = Lab::start(faults);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", MIB);
    let url = presigned::presign(&lab.store, &[DESTINATION, "--expires-in", lives]);
    (lab, folder, file, content, url)
}

/// Uploads while the URL lives, is answered late, and has it renewed.
fn renew_between_attempts(presign: &str) {
    let (lab, folder, file, content, url) = scene(&[&format!("PutObject #1 {LATE}")], "5s");
    let command = KeyHost { lab: &lab, folder: folder.path() }.command(presign);
    let ended = cp(&file, &url, &["--renew", &command]).run().expect_code(0);
    assert_eq!(ended.retries(), [("throttled".to_owned(), 1)]);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("X-Amz-Signature"), "{told}");
}

#[test]
fn a_url_that_expires_between_attempts_is_renewed_by_request() {
    renew_between_attempts("s3://lab/key.bin --renew-stdin");
}

#[test]
fn a_url_that_expires_between_attempts_is_renewed_by_another_one() {
    renew_between_attempts("s3://lab/key.bin --quiet");
}

#[test]
fn without_a_renewal_its_end_is_told() {
    let (lab, _folder, file, _, url) = scene(&[&format!("PutObject #1 {LATE}")], "5s");
    let ended = cp(&file, &url, &[]).run();
    assert_ne!(ended.code, Some(0));
    assert!(ended.stderr.contains("expired"), "{}", ended.stderr);
    assert!(!lab.store.has(BUCKET, KEY), "nothing was stored");
}

#[test]
fn a_transfer_that_is_cut_when_its_url_expires_is_renewed() {
    let (lab, folder, file, content, url) = scene(&["PutObject #1 expire-in-flight"], "4s");
    let command = KeyHost { lab: &lab, folder: folder.path() }.command("s3://lab/ --renew-stdin");
    let slow = ["--curl", "MAX_SEND_SPEED_LARGE=131072", "--renew", &command];
    let ended = cp(&file, &url, &slow).run().expect_code(0);
    assert_eq!(ended.summary()["attempts"], 2, "{}", ended.stdout);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
}

#[test]
fn the_urls_of_a_manifest_are_renewed() {
    let lab = Lab::start(&[&format!("UploadPart #2 {LATE}")]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, content) = write_file(folder.path(), "source.bin", SIZE);
    let manifest = folder.path().join("parts.json");
    let program = Curlift::new().store(&lab.store).args(&["presign", DESTINATION, "--parts-for"]);
    let program = program.arg(&file).arg("-o").arg(&manifest);
    program.args(&["--part-size", "5MiB", "--expires-in", "5s"]).run().expect_code(0);
    let keys = KeyHost { lab: &lab, folder: folder.path() };
    let command = keys.command("s3://lab/key.bin --renew-stdin");
    let manifest = manifest.to_str().expect("a path of these tests");
    cp(&file, manifest, &["--renew", &command]).run().expect_code(0);
    expect_same(&lab.store.get(BUCKET, KEY), &content);
    let told = std::fs::read_to_string(keys.told()).expect("it was told something");
    let told: Value = serde_json::from_str(&told).expect("it was asked once");
    let calls: Vec<_> = told["calls"].as_array().expect("a list").iter().collect();
    let parts = calls.iter().filter(|call| call["call"] == "UploadPart");
    assert_eq!(parts.count(), 1, "those that are stored need no URL: {told}");
    assert!(calls.iter().any(|call| call["call"] == "CompleteMultipartUpload"), "{told}");
}

#[test]
fn a_renewal_that_fails_is_told_in_its_own_words() {
    let (lab, folder, file, _, url) = scene(&[&format!("PutObject #1 {LATE}")], "5s");
    let script = folder.path().join("no.sh");
    std::fs::write(&script, format!("echo \"no vault at {url}\" >&2; exit 7")).expect("written");
    let command = format!("sh '{}'", script.display());
    let ended = cp(&file, &url, &["--renew", &command]).run();
    assert_ne!(ended.code, Some(0));
    let says = "sh failed: exit status: 7; it said: no vault at http://";
    assert!(ended.stderr.contains(says), "{}", ended.stderr);
    assert!(!ended.stderr.contains("X-Amz-Signature"), "{}", ended.stderr);
    assert!(!lab.store.has(BUCKET, KEY), "nothing was stored");
}

#[test]
fn ctrl_c_ends_a_renewal_and_leaves_no_process() {
    let (_lab, folder, file, _, url) = scene(&[&format!("PutObject #1 {LATE}")], "5s");
    let (script, mark) = (folder.path().join("hang.sh"), folder.path().join("mark"));
    let text = format!("sleep 601 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", mark.display());
    std::fs::write(&script, text).expect("it can be written");
    let command = format!("sh '{}'", script.display());
    let running = cp(&file, &url, &["--renew", &command]).start();
    let child = wait_until("it is renewed", || std::fs::read_to_string(&mark).ok());
    signal(running.child.id(), "INT");
    let began = Instant::now();
    running.end().expect_code(130);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    wait_until("what the command started is gone", || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z ")).eq(&false).then_some(())
    });
}
