//! Manifests of presigned URLs that came from others.

use serde_json::{Value, json};

use super::at_once;
use super::local_lab::Lab;
use super::support::{Curlift, Ended, write_file};
use super::{BUCKET, DESTINATION, KEY, MIB};

/// J6 | a manifest leads to another host, to plain http, holds a password, other header fields,
/// another upload or object | manifest, changed | refused before anything is sent, without a URL
#[test]
fn j6_a_manifest_that_does_more_than_it_says() {
    let lab = Lab::start(&[]);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", 6 * MIB);
    let manifest = folder.path().join("parts.json");
    let program = Curlift::new().store(&lab.store).args(&["presign", DESTINATION]);
    let program = program.args(&["--part-size", "5MiB", "--parts-for"]).arg(&file);
    program.arg("-o").arg(&manifest).run().expect_code(0);
    let honest = std::fs::read_to_string(&manifest).expect("it was written");
    let other = lab.store.url.replace("127.0.0.1", "localhost");
    let with_password = lab.store.url.replace("http://", "http://user:pw@");
    let replaced = |from: &str, to: &str| honest.replace(from, to);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&honest).expect("it is JSON");
        change(&mut value);
        value.to_string()
    };
    let in_part = |from: &str, to: &str| {
        changed(&|value| {
            let url = value["parts"][0]["url"].as_str().expect("a URL").replace(from, to);
            value["parts"][0]["url"] = json!(url);
        })
    };
    let cases = [
        ("one part to another host", in_part(&lab.store.url, &other)),
        (
            "all to another host than it names",
            replaced("\"url\": \"http://127", "\"url\": \"http://0127"),
        ),
        ("another scheme", in_part("http://", "https://")),
        ("a password", in_part(&lab.store.url, &with_password)),
        ("another key", in_part(KEY, "other.bin")),
        ("another part", in_part("partNumber=1", "partNumber=2")),
        ("another upload", in_part("uploadId=", "uploadId=x")),
        ("a file", in_part("http://127", "file://127")),
        (
            "a field that is not signed",
            changed(&|value| value["parts"][0]["headers"]["x-evil"] = json!("1")),
        ),
        (
            "a line end in a field",
            changed(&|value| {
                value["parts"][0]["headers"]["x-amz-checksum-crc64nvme"] = json!("a\r\nX-Evil: 1");
            }),
        ),
        ("parts that overlap", changed(&|value| value["part_size"] = json!(6 * MIB))),
        ("something unknown", changed(&|value| value["run"] = json!("rm -rf ~"))),
        ("another version", changed(&|value| value["curlift_manifest"] = json!(2))),
        ("no JSON", honest[..honest.len() / 2].to_owned()),
    ];
    at_once(&cases, |(what, text)| {
        assert_ne!(*text, honest, "{what}");
        let name = format!("{}.json", what.replace(' ', "-"));
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("it can be written");
        for command in ["cp", "complete"] {
            let mut program = Curlift::new().args(&[command, "--json"]);
            if command == "cp" {
                program = program.arg(&file);
            }
            let Ended { code, stdout, stderr } = program.arg(&path).run();
            assert_eq!(code, Some(3), "{what}: {stderr}");
            assert!(stderr.contains("hint:"), "{what}: {stderr}");
            for printed in [&stdout, &stderr] {
                assert!(!printed.contains("X-Amz-Signature="), "{what}: {printed}");
                assert!(!printed.contains("\nX-Evil") && !printed.contains(":pw@"), "{printed}");
            }
        }
    });
    assert!(!lab.store.has(BUCKET, KEY));
    let seen = lab.stop();
    assert_eq!(seen.count("UploadPart") + seen.count("ListParts"), 0);
}
