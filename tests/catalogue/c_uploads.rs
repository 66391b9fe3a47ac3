//! What becomes of an upload that is open: lost, aborted, listed, forbidden.

use std::fs;
use std::path::{Path, PathBuf};

use super::local_lab::Lab;
use super::oracle::{Upload, Witness};
use super::scripted::{Answer, Part, Scripted};
use super::support::{Curlift, write_file};
use super::{ABORTING, BUCKET, DESTINATION, IN_PARTS, KEY, MIB, SMALL, TWO_PARTS, at_once};

/// C7 | `NoSuchUpload` in mid-upload | scripted store | stops at once, says what happened
#[test]
fn c7_the_upload_is_gone() {
    let store = Scripted::start(|turn| {
        if turn.part == Some(2) {
            turn.shelf().uploads.clear();
        }
    });
    let trial = Upload::new(&store, 4 * 5 * MIB).args(&["-c", "2"]).run().expect("failed", 9);
    trial.expect_says(&["NoSuchUpload", "part "]);
    assert!(store.count("UploadPart") <= 4, "it went on after the upload was gone");
}

/// C7 | a second client aborts the upload | lab | stops at once, says what happened
#[test]
fn c7_somebody_else_aborts() {
    let lab = Lab::start(&["UploadPart always slow 2MB"]);
    let begun = Upload::new(&lab, 3 * 5 * MIB).start();
    lab.await_upload();
    let id =
        lab.open_uploads().remove(0).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let path = format!("/{BUCKET}/{KEY}?uploadId={id}");
    lab.store.ask(&["--fail", "--request", "DELETE"], &path).unwrap();
    begun.end().expect("failed", 9).expect_says(&["NoSuchUpload"]);
    assert_eq!(lab.stop().count("CompleteMultipartUpload"), 0);
}

/// Pages of parts as no S3 writes them, and never without parts.
fn odd_pages() -> Vec<String> {
    let part = |number: u32, size: u32| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>e</ETag><Size>{size}</Size></Part>")
    };
    let next = |marker: u32| {
        let marker = format!("<NextPartNumberMarker>{marker}</NextPartNumberMarker>");
        format!("<IsTruncated>true</IsTruncated>{marker}")
    };
    vec![
        // A marker that stands still, or goes back; another order; other sizes; a part twice.
        format!("{}{}", next(1), part(1, 5)),
        format!("{}{}{}", next(0), part(2, 5), part(1, 5)),
        format!("{}{}", part(9_999, 0), part(1, 4_294_967_295)),
        format!("{}{}", part(1, 5), part(1, 6)),
    ]
}

/// C13 | `ListParts`: a marker that stands still, wrong order, other sizes | scripted store |
/// bounded
#[test]
fn c13_odd_lists_of_parts() {
    at_once(&odd_pages(), |page| {
        let listed = Answer::document(200, "ListPartsResult", page);
        let store = Scripted::start(move |turn| match turn.operation {
            "UploadPart" if turn.part == Some(2) => turn.refuse(403, "AccessDenied"),
            "ListParts" => turn.answer(&listed),
            _ => {}
        });
        Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
        assert!(store.count("ListParts") <= 5, "{page}");
    });
}

/// C14 | a part lands behind the abort | scripted store | aborted again until nothing is left
#[test]
fn c14_a_part_lands_behind_the_abort() {
    let store = Scripted::start(|turn| {
        if turn.part == Some(2) {
            turn.refuse(403, "AccessDenied");
        } else if turn.operation == "AbortMultipartUpload" && turn.nth <= 2 {
            let open = turn.shelf().uploads.clone();
            turn.serve();
            // Amazon brings the upload back for a part that was still under way.
            turn.shelf().uploads = open;
            for upload in turn.shelf().uploads.values_mut() {
                upload.parts.insert(1, Part::of(vec![0; 9]));
            }
        }
    });
    Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
    assert_eq!((store.count("AbortMultipartUpload"), store.open_uploads().len()), (3, 0));
}

/// C17 | 501 or a refused checksum where the checksum was asked for | scripted store | an error
#[test]
fn c17_a_checksum_that_was_asked_for() {
    let refusals = [(501, "NotImplemented"), (400, "XAmzContentSHA256Mismatch")];
    at_once(&refusals, |&(status, code)| {
        let store = Scripted::start(move |turn| {
            if turn.head.field("x-amz-checksum-crc64nvme").is_some() {
                turn.refuse(status, code);
            }
        });
        let asked = ["--checksum-algorithm", "crc64nvme", "--retry", "2"];
        let trial = Upload::new(&store, TWO_PARTS).args(&asked).run().expect("failed", 6);
        trial.expect_says(&[code]);
    });
}

/// C17 | 501 to a checksum, or a refused trailer, where it was only our default | scripted store |
/// sent without, with a notice
#[test]
fn c17_a_checksum_that_was_a_default() {
    let refusals = [
        (501, "NotImplemented", "crc64nvme", "auto"),
        (400, "XAmzContentSHA256Mismatch", "streaming-unsigned-payload-trailer", "never"),
    ];
    at_once(&refusals, |&(status, code, sign, signing)| {
        let store = Scripted::start(move |turn| {
            if turn.head.text.to_lowercase().contains(sign) {
                turn.refuse(status, code);
            }
        });
        let upload = Upload::new(&store, TWO_PARTS).args(&["--payload-signing", signing]);
        upload.run().expect_uploaded().expect_says(&["checksum"]);
    });
}

/// C20 | the token expires in mid-upload, and nobody has a newer one | scripted store | stops,
/// frees
#[test]
fn c20_the_token_expires_for_good() {
    let store = Scripted::start(|turn| {
        if turn.part == Some(2) {
            turn.refuse(400, "ExpiredToken");
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
    trial.expect_says(&["ExpiredToken"]);
    assert_eq!(store.open_uploads(), [""; 0]);
}

/// C21 | `AccessDenied` for a part only, for Complete only, for the abort as well | scripted store
/// | stops cleanly, names what is left
#[test]
fn c21_one_call_is_forbidden() {
    for forbidden in ["UploadPart", "CompleteMultipartUpload"] {
        let store = Scripted::start(move |turn| {
            if turn.operation == forbidden && turn.part != Some(1) {
                turn.refuse(403, "AccessDenied");
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).args(&ABORTING).run();
        trial.expect("failed", 4).expect_says(&["AccessDenied"]);
        assert_eq!(store.open_uploads(), [""; 0], "{forbidden}");
    }
    let store = Scripted::start(|turn| {
        if turn.part == Some(2) || turn.operation == "AbortMultipartUpload" {
            turn.refuse(403, "AccessDenied");
        }
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
    assert_eq!(store.open_uploads().len(), 1);
    trial.expect_says(&[&store.open_uploads()[0]]);
}

/// C16 | the bucket is in another region: 301, or 400 with the region | scripted store | signed anew
/// once, and remembered
#[test]
fn c16_another_region() {
    let redirect = Answer::error(301, "PermanentRedirect").with("x-amz-bucket-region", "eu-west-1");
    let malformed = Answer::error(400, "AuthorizationHeaderMalformed")
        .replacing("</Code>", "</Code><Region>eu-west-1</Region>");
    at_once(&[redirect, malformed], |answer| {
        let answer = answer.clone();
        let store = Scripted::start(move |turn| {
            if turn.head.field("authorization").is_some_and(|text| !text.contains("/eu-west-1/s3/"))
            {
                turn.read_all();
                turn.answer(&answer);
            }
        });
        let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
        trial.expect_retries(1..=1, &["redirect"]);
        assert_eq!(store.count("CreateMultipartUpload"), 2);
        Upload::new(&store, SMALL).at_most(9, 9e3).run().expect_uploaded();
        assert_eq!(store.count("PutObject"), 2);
    });
}

/// A `credential_process` that gives `token-1`, then `token-2` and so on, and counts its calls.
fn tokens(folder: &Path) -> PathBuf {
    let (script, config) = (folder.join("tokens.sh"), folder.join("config"));
    let count = folder.join("count");
    let count = count.display();
    let text = format!(
        "echo call >> {count}\nn=$(wc -l < {count})\n\
         printf '{{\"Version\":1,\"AccessKeyId\":\"AKIA\",\"SecretAccessKey\":\"s\",'\n\
         printf '\"SessionToken\":\"token-%d\",\"Expiration\":\"2099-01-01T00:00:00Z\"}}' $n\n"
    );
    fs::write(&script, text).unwrap();
    let process = format!("[default]\ncredential_process = sh {}\n", script.display());
    fs::write(&config, process).unwrap();
    config
}

/// C20 | the token expires in mid-upload, and there is a newer one | scripted store | one refresh for
/// all parts, then sent again
#[test]
fn c20_the_token_is_renewed() {
    let store = Scripted::start(|turn| {
        let token = turn.head.field("x-amz-security-token").unwrap_or_default();
        if turn.operation == "UploadPart" && token == "token-1" {
            turn.refuse(400, "ExpiredToken");
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let config = tokens(folder.path());
    let (file, content) = write_file(folder.path(), "source.bin", 4 * 5 * MIB);
    let program = Curlift::new().env("AWS_ENDPOINT_URL", &store.store.url);
    let program = program.env("AWS_REGION", "us-east-1").env("AWS_CONFIG_FILE", config);
    let program = program.args(&["cp", "--json"]).args(&IN_PARTS).arg(file);
    let ended = program.arg(DESTINATION).run().expect_code(0);
    assert!(store.stored() == Some(content), "{ended:?}");
    assert!(ended.retries().iter().all(|(cause, _)| cause == "expired"), "{ended:?}");
    let calls = fs::read_to_string(folder.path().join("count")).unwrap();
    assert_eq!(calls.lines().count(), 2, "once at the start, once for all parts");
}

/// C20 | the token expires in mid-upload, and its owner has rewritten the credentials file | scripted
/// store | the file is read again, then sent again
#[test]
fn c20_the_credentials_file_is_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    let keys = |token: &str| {
        format!(
            "[default]\naws_access_key_id = AKIA\naws_secret_access_key = s\n\
             aws_session_token = {token}\n"
        )
    };
    fs::write(&credentials, keys("token-1")).unwrap();
    let (rewritten, fresh) = (credentials.clone(), keys("token-2"));
    let store = Scripted::start(move |turn| {
        let token = turn.head.field("x-amz-security-token").unwrap_or_default().to_owned();
        if turn.operation == "UploadPart" && token == "token-1" {
            fs::write(&rewritten, &fresh).unwrap();
            turn.refuse(400, "ExpiredToken");
        }
    });
    let (file, content) = write_file(folder.path(), "source.bin", 4 * 5 * MIB);
    let program = Curlift::new().env("AWS_ENDPOINT_URL", &store.store.url);
    let program = program.env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    let program = program.env("AWS_REGION", "us-east-1").args(&["cp", "--json"]);
    let ended = program.args(&IN_PARTS).arg(file).arg(DESTINATION).run().expect_code(0);
    assert!(store.stored() == Some(content), "{ended:?}");
    assert!(ended.retries().iter().all(|(cause, _)| cause == "expired"), "{ended:?}");
}
