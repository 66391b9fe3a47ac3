//! Answers that want to be more than answers: ids, tags and places that mean something elsewhere.

use std::net::TcpListener;

use super::oracle::Upload;
use super::scripted::{Answer, Object, Scripted, Turn};
use super::support::{bytes, expect_same};
use super::{KEY, SMALL, TWO_PARTS, at_once};

/// J3 | an `UploadId` of everything that URLs, XML and shells know | scripted store | escaped
#[test]
fn j3_an_upload_id_that_means_something() {
    let ids = ["a\"b'c&d<e>f", "../../x?y#z%41+ ", "$(id)`id`;\\", "\u{fc}\u{1f642}", "-rf"];
    at_once(&ids, |&id| {
        // The second time the upload is left open, so that its id is told.
        for fails in [false, true] {
            let store = Scripted::start(move |turn| rename_upload(turn, id, fails));
            let trial = Upload::new(&store, TWO_PARTS).within(30).run();
            if fails {
                assert_eq!(trial.outcome(), "failed", "{}", trial.told());
            } else {
                assert_eq!(trial.outcome(), "uploaded", "{}", trial.told());
            }
            let part = store.requests().into_iter().find(|r| r.operation == "UploadPart").unwrap();
            let target = part.head.lines().next().unwrap().to_owned();
            assert_eq!(target.split(' ').count(), 3, "{target}");
            assert_eq!(target.matches(['?', '#', '&']).count(), 2, "{target}");
        }
    });
}

/// Gives the upload that is created another id; refuses Complete and Abort where it `fails`.
fn rename_upload(turn: &mut Turn<'_>, id: &str, fails: bool) {
    match turn.operation {
        "CreateMultipartUpload" => {
            let answer = turn.work();
            let mut shelf = turn.shelf();
            let (old, upload) = shelf.uploads.pop_first().unwrap();
            shelf.uploads.insert(id.to_owned(), upload);
            drop(shelf);
            let escape =
                |id: &str| id.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
            turn.answer(&answer.replacing(&escape(&old), &escape(id)));
        }
        "CompleteMultipartUpload" | "AbortMultipartUpload" if fails => {
            turn.refuse(403, "AccessDenied");
        }
        _ => {}
    }
}

/// J3 | an `UploadId` with line ends or escape sequences | scripted store | refused,
/// nothing injected
#[test]
fn j3_an_upload_id_that_no_store_gives() {
    at_once(
        &["a&#13;&#10;X-Evil: 1", "a&#10;b", "a&#27;[2J", "&#0;", "a&#127;", "a\u{202e}", " "],
        |&id| {
            let store = Scripted::start(move |turn| {
                if turn.operation == "CreateMultipartUpload" {
                    turn.read_all();
                    let inner = format!("<UploadId>{id}</UploadId>");
                    turn.answer(&Answer::document(200, "InitiateMultipartUploadResult", &inner));
                }
            });
            let trial = Upload::new(&store, TWO_PARTS).args(&["--retry", "2"]).within(30).run();
            let trial = trial.expect("failed", 6);
            assert_eq!(store.count("UploadPart"), 0, "{}", trial.told());
            assert!(!trial.told().contains(['\u{1b}', '\r']), "{}", trial.told());
        },
    );
}

/// J3 | an `ETag` and a `Location` that are markup | scripted store | escaped in Complete, not
/// followed
#[test]
fn j3_an_etag_that_is_markup() {
    const ETAG: &str = "\"a<b>&c'</ETag></Part><Part>\"";
    let trap = Scripted::start(|_| {});
    let location = trap.store.url.clone();
    let store = Scripted::start(move |turn| match turn.operation {
        "UploadPart" => {
            let answer = turn.work().with("etag", ETAG).with("location", &*location);
            turn.answer(&answer);
        }
        "CompleteMultipartUpload" => {
            let document = String::from_utf8(turn.payload().unwrap()).unwrap();
            assert_eq!(document.matches("<Part>").count(), 2, "{document}");
            assert_eq!(document.matches("&lt;/ETag&gt;&lt;/Part&gt;").count(), 2, "{document}");
            let object = Object::of(bytes(TWO_PARTS, TWO_PARTS as u64));
            let checksum = object.checksum.clone().unwrap();
            turn.shelf().objects.insert(KEY.into(), object);
            turn.shelf().uploads.clear();
            let inner = format!(
                "<Location>{location}/&#27;[2J</Location><Key>k</Key><ETag>\"x-2\"</ETag>\
                 <ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME>"
            );
            turn.answer(&Answer::document(200, "CompleteMultipartUploadResult", &inner));
        }
        _ => {}
    });
    let trial = Upload::new(&store, TWO_PARTS).run().expect_uploaded();
    assert_eq!(trap.requests().len(), 0, "the Location was followed");
    assert!(!trial.told().contains('\u{1b}'), "{}", trial.told());
    expect_same(&store.shelf().objects[KEY].bytes, &trial.content);
}

/// J4 | a redirect of store or credentials service to a file, metadata, a host | scripted store | not
/// followed
#[test]
fn j4_a_redirect_to_elsewhere() {
    // Another port of the same host is the same store to whoever follows.
    let trap = Scripted::on(TcpListener::bind("127.0.0.2:0").unwrap(), |_| {});
    let url = &trap.store.url;
    let targets =
        [&format!("{url}/lab/key.bin"), "file:///etc/passwd", "http://169.254.169.254/latest/"];
    let operations =
        ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "service"];
    let cases: Vec<_> = operations
        .iter()
        .flat_map(|operation| targets.map(|to| (*operation, to.to_owned())))
        .collect();
    at_once(&cases, |(operation, to)| {
        let (redirected, location) = (*operation, to.clone());
        let store = Scripted::start(move |turn| {
            if turn.operation == redirected || redirected == "service" {
                turn.read_all();
                turn.answer(&Answer::new(307).with("location", &*location));
            }
        });
        let length = if redirected == "PutObject" { SMALL } else { TWO_PARTS };
        let service = format!("AWS_CONTAINER_CREDENTIALS_FULL_URI={}/keys", store.store.url);
        let keyless = ["env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY", &service];
        let under: &[&str] = if redirected == "service" { &keyless } else { &[] };
        let trial =
            Upload::new(&store, length).under(under).args(&["--retry", "2"]).within(30).run();
        assert_ne!(trial.outcome(), "uploaded", "{}", trial.told());
        assert!(!trial.told().contains("root:"), "{}", trial.told());
    });
    assert_eq!(trap.requests().len(), 0, "a redirect was followed");
}
