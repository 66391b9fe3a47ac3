//! `curlift presign --parts-for`: the manifest it writes, and what can be done by it with `curl`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::local_lab::Lab;
use super::presigned::{put, send};
use super::support::{Curlift, Ended, bytes, crc64nvme, expect_same, wait_until, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB, SIZE};

/// A file, and the folder that its manifests are written to.
pub(crate) struct Scene {
    pub(crate) lab: Lab,
    pub(crate) folder: TempDir,
    pub(crate) file: PathBuf,
    pub(crate) content: Vec<u8>,
}

impl Scene {
    pub(crate) fn new(faults: &[&str]) -> Scene {
        let lab = Lab::start(faults);
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, content) = write_file(folder.path(), "page.html", SIZE);
        Scene { lab, folder, file, content }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `curlift presign --parts-for`, of three parts.
    pub(crate) fn presign(&self, words: &[&str]) -> Curlift {
        let program = Curlift::new().store(&self.lab.store).args(&["presign", DESTINATION]);
        let program = program.arg("--parts-for").arg(&self.file).arg("-o");
        program.arg(self.path("parts.json")).args(&["--part-size", "5MiB"]).args(words)
    }

    /// What stands in a manifest.
    pub(crate) fn manifest(&self, name: &str) -> Value {
        let text = std::fs::read(self.path(name)).expect("it was written");
        serde_json::from_slice(&text).expect("it is JSON")
    }

    /// The bytes of a part, in a file.
    pub(crate) fn part_file(&self, part: &Value) -> PathBuf {
        let number = part["number"].as_u64().expect("a number") as usize;
        let size = part["size"].as_u64().expect("a size") as usize;
        let from = (number - 1) * 5 * MIB;
        let path = self.path(&format!("part {number}"));
        std::fs::write(&path, &self.content[from..from + size]).expect("it can be written");
        path
    }

    /// Has `curl` send a part as the manifest says.
    pub(crate) fn put_part(&self, part: &Value) -> (u16, String) {
        let fields = fields(part);
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        put(&self.lab.store, &self.part_file(part), &fields, url(part))
    }

    /// Has `curl` make the call of another link.
    pub(crate) fn call(&self, link: &Value, options: &[&str]) -> (u16, String) {
        let fields = fields(link);
        let fields = fields.iter().flat_map(|field| ["--header", field.as_str()]);
        let options: Vec<&str> = options.iter().copied().chain(fields).collect();
        send(&self.lab.store, &options, url(link))
    }
}

fn url(link: &Value) -> &str {
    link["url"].as_str().expect("a URL")
}

fn fields(link: &Value) -> Vec<String> {
    let fields = link["headers"].as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name}: {}", value.as_str().expect("text"))).collect()
}

fn parts(manifest: &Value) -> &[Value] {
    manifest["parts"].as_array().expect("a list")
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from)
        .skip(1)
        .filter_map(|rest| rest.split_once(to))
        .map(|(found, _)| found)
        .collect()
}

#[test]
fn a_file_is_uploaded_in_parts_by_curl() {
    let scene = Scene::new(&[]);
    let told = scene.presign(&["--metadata", "a=b"]).run().expect_code(0);
    assert!(told.stdout.contains("in 3 parts of 5 MiB, until "), "{}", told.stdout);
    assert!(told.stdout.contains("upload it with: curlift cp "), "{}", told.stdout);
    assert!(!told.stdout.contains("X-Amz"), "{}", told.stdout);
    let mode = std::fs::metadata(scene.path("parts.json")).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600, "nobody else may read it");
    let manifest = scene.manifest("parts.json");
    assert_eq!(manifest["checksum"], crc64nvme(&scene.content));
    for part in parts(&manifest) {
        let (status, answer) = scene.put_part(part);
        assert_eq!(status, 200, "{answer}");
    }
    let (status, listing) = scene.call(&manifest["list"][0], &[]);
    assert_eq!(status, 200, "{listing}");
    let etags = between(&listing, "<ETag>", "</ETag>");
    assert_eq!(etags.len(), 3, "{listing}");
    let entry = |(part, etag): (&Value, &&str)| {
        let checksum = part["checksum"].as_str().expect("a checksum");
        format!(
            "<Part><PartNumber>{}</PartNumber><ETag>{etag}</ETag>\
             <ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME></Part>",
            part["number"]
        )
    };
    let entries: String = parts(&manifest).iter().zip(&etags).map(entry).collect();
    let document = format!("<CompleteMultipartUpload>{entries}</CompleteMultipartUpload>");
    let (status, answer) = scene.call(&manifest["complete"], &["--data", &document]);
    assert_eq!(status, 200, "{answer}");
    let (status, head) = scene.call(&manifest["head"], &["--head"]);
    assert_eq!(status, 200);
    let stored = format!("x-amz-checksum-crc64nvme: {}", crc64nvme(&scene.content));
    assert!(head.to_ascii_lowercase().contains(&stored.to_ascii_lowercase()), "{head}");
    expect_same(&scene.lab.store.get(BUCKET, KEY), &scene.content);
    let kept = |name| scene.lab.store.header(BUCKET, KEY, name);
    assert_eq!(kept("content-type").as_deref(), Some("text/html"), "guessed, as cp does");
    assert_eq!(kept("x-amz-meta-a").as_deref(), Some("b"));
}

#[test]
fn other_bytes_are_refused_by_the_store_itself() {
    let scene = Scene::new(&[]);
    scene.presign(&[]).run().expect_code(0);
    let manifest = scene.manifest("parts.json");
    let part = &parts(&manifest)[1];
    let file = scene.part_file(part);
    let mut changed = std::fs::read(&file).expect("it was written");
    changed[12_345] ^= 1;
    let other = scene.path("changed");
    std::fs::write(&other, &changed).expect("it can be written");
    let store = &scene.lab.store;
    let field = &fields(part)[0];
    let (status, answer) = put(store, &other, &[field], url(part));
    assert_eq!((status, answer.contains("BadDigest")), (400, true), "{answer}");
    let own = format!("x-amz-checksum-crc64nvme: {}", crc64nvme(&changed));
    for fields in [&[own.as_str()][..], &[]] {
        let (status, answer) = put(store, &other, fields, url(part));
        assert_eq!(status, 403, "{answer}");
    }
    let (_, listing) = scene.call(&manifest["list"][0], &[]);
    assert_eq!(between(&listing, "<PartNumber>", "<"), [""; 0], "nothing was stored");
}

#[test]
fn the_abort_link_frees_the_upload() {
    let scene = Scene::new(&[]);
    scene.presign(&[]).run().expect_code(0);
    assert_eq!(scene.lab.unfinished(), 1);
    let (status, _) = scene.call(&scene.manifest("parts.json")["abort"], &["--request", "DELETE"]);
    assert_eq!((status, scene.lab.unfinished()), (204, 0));
}

#[test]
fn links_live_by_the_stores_clock_and_no_longer() {
    let scene = Scene::new(&["* always skew 2h"]);
    scene.presign(&["--expires-in", "3s"]).run().expect_code(0);
    let manifest = scene.manifest("parts.json");
    let (status, answer) = scene.put_part(&parts(&manifest)[0]);
    assert_eq!(status, 200, "{answer}");
    std::thread::sleep(Duration::from_secs(5));
    let (status, answer) = scene.put_part(&parts(&manifest)[1]);
    assert_eq!((status, answer.contains("expired")), (403, true), "{answer}");
}

#[test]
fn shares_are_written_beside_the_manifest() {
    let scene = Scene::new(&[]);
    let told = scene.presign(&["--shards", "2", "--json"]).run().expect_code(0);
    let event: Value = serde_json::from_str(&told.stdout).expect("one line");
    assert_eq!(event["event"], "presigned_parts");
    assert_eq!((&event["parts"], &event["bytes"]), (&3.into(), &SIZE.into()));
    assert_eq!(event["shards"].as_array().expect("a list").len(), 2);
    let numbers = |name: &str| {
        let manifest = scene.manifest(name);
        assert!(manifest["complete"].is_null() == name.contains('-'), "{name}");
        parts(&manifest).iter().map(|part| part["number"].as_u64().expect("one")).collect()
    };
    let all: [Vec<u64>; 3] = ["parts.json", "parts-1.json", "parts-2.json"].map(numbers);
    assert_eq!(all, [vec![1, 2, 3], vec![1], vec![2, 3]]);
}

#[test]
fn without_checksums_none_is_signed() {
    let scene = Scene::new(&[]);
    scene.presign(&["--checksum-algorithm", "none"]).run().expect_code(0);
    let manifest = scene.manifest("parts.json");
    assert!(manifest["checksum_algorithm"].is_null() && manifest["checksum"].is_null());
    assert!(!manifest.to_string().contains("x-amz-checksum-crc64nvme"));
    let part = &parts(&manifest)[2];
    assert!(part["headers"].is_null(), "{part}");
    assert_eq!(scene.put_part(part).0, 200);
}

#[test]
fn a_manifest_on_standard_output_is_that_and_nothing_else() {
    let scene = Scene::new(&[]);
    let program = Curlift::new().store(&scene.lab.store).args(&["presign", DESTINATION]);
    let told = program.arg("--parts-for").arg(&scene.file).args(&["-o", "-"]).run().expect_code(0);
    let manifest: Value = serde_json::from_str(&told.stdout).expect("it is the manifest");
    assert_eq!(manifest["parts_total"], 1, "one part of 16 MiB is enough");
    assert!(told.stderr.contains("treat it as a password"), "{}", told.stderr);
}

#[test]
fn a_manifest_that_cannot_be_written_leaves_no_upload() {
    let scene = Scene::new(&["CreateMultipartUpload #1 status 503 SlowDown retry-after 3s"]);
    let running = scene.presign(&[]).start();
    let is_begun = |entry: std::fs::DirEntry| {
        entry.file_name().to_string_lossy().starts_with(".curlift-manifest-").then_some(())
    };
    wait_until("the manifest is begun", || {
        let entries = std::fs::read_dir(scene.folder.path()).expect("the folder is there");
        entries.flatten().find_map(is_begun)
    });
    std::fs::write(scene.path("parts.json"), "a rival's").expect("it can be written");
    let Ended { stderr, .. } = running.end().expect_code(1);
    assert!(stderr.contains("cannot write") && stderr.contains("parts.json"), "{stderr}");
    assert!(stderr.contains("nothing is left at the store"), "{stderr}");
    assert_eq!(scene.lab.unfinished(), 0);
    assert_eq!(std::fs::read(scene.path("parts.json")).expect("it is there"), b"a rival's");
}

#[test]
fn a_creation_that_may_have_worked_is_told() {
    let scene = Scene::new(&["CreateMultipartUpload #1 lose-answer"]);
    let told = scene.presign(&[]).run().expect_code(0);
    assert!(told.stderr.contains("without our hearing of it"), "{}", told.stderr);
    assert!(told.stderr.contains(&format!("curlift uploads ls {DESTINATION}")), "{}", told.stderr);
    assert_eq!(scene.lab.unfinished(), 2);
}

#[test]
fn a_manifest_is_replaced_only_by_force() {
    let scene = Scene::new(&[]);
    scene.presign(&[]).run().expect_code(0);
    let before = scene.manifest("parts.json");
    let refused = scene.presign(&[]).run().expect_code(2);
    assert!(refused.stderr.contains("is there already"), "{}", refused.stderr);
    assert_eq!((scene.manifest("parts.json"), scene.lab.unfinished()), (before.clone(), 1));
    scene.presign(&["--force"]).run().expect_code(0);
    assert_ne!(scene.manifest("parts.json"), before);
}

#[test]
fn one_url_can_sign_a_files_checksum() {
    let scene = Scene::new(&[]);
    let program = Curlift::new().store(&scene.lab.store).args(&["presign", "s3://lab/"]);
    let told = program.arg("--checksum-of").arg(&scene.file).run().expect_code(0);
    let field = format!("x-amz-checksum-crc64nvme: {}", crc64nvme(&scene.content));
    assert!(told.stderr.contains(&format!("send it with: {field}")), "{}", told.stderr);
    let url = told.stdout.trim();
    let other = scene.path("other");
    std::fs::write(&other, bytes(1000, 7)).expect("it can be written");
    let (status, answer) = put(&scene.lab.store, &other, &[&field], url);
    assert_eq!((status, answer.contains("BadDigest")), (400, true), "{answer}");
    assert_eq!(put(&scene.lab.store, &scene.file, &[&field], url).0, 200);
    expect_same(&scene.lab.store.get(BUCKET, "page.html"), &scene.content);
}
