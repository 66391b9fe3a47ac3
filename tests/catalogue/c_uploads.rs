//! What becomes of an upload that is open: lost, aborted, listed, forbidden.

use super::local_lab::Lab;
use super::oracle::{Upload, Witness};
use super::scripted::{Answer, Part, Scripted};
use super::{BUCKET, KEY, MIB, TWO_PARTS, at_once};

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
        Upload::new(&store, TWO_PARTS).run().expect("failed", 4).expect_says(&["AccessDenied"]);
        assert_eq!(store.open_uploads(), [""; 0], "{forbidden}");
    }
    let store = Scripted::start(|turn| {
        if turn.part == Some(2) || turn.operation == "AbortMultipartUpload" {
            turn.refuse(403, "AccessDenied");
        }
    });
    // That the upload is named is what every run is held against.
    Upload::new(&store, TWO_PARTS).run().expect("failed", 4);
    assert_eq!(store.open_uploads().len(), 1);
}
