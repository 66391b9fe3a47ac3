//! What is typed or answered wants more than to be uploaded or read.

use super::oracle::{Upload, Witness as _};
use super::scripted::{Answer, Object, Scripted, Turn};
use super::support::{bytes, expect_same};
use super::{KEY, SMALL, TWO_PARTS, at_once};

/// J1 | line ends in what becomes a header, URL or name | arguments, environment | nothing is sent
#[test]
fn j1_line_ends_in_what_is_typed() {
    let injected = |end: &str| format!("x{end}X-Evil: 1");
    let mut cases: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for end in ["\r\n", "\n", "\r"] {
        let value = injected(end);
        for flag in [
            "--content-type",
            "--cache-control",
            "--content-disposition",
            "--content-encoding",
            "--content-language",
            "--storage-class",
            "--acl",
            "--sse",
            "--region",
            "--profile",
            "--endpoint-url",
        ] {
            cases.push((vec![], vec![flag.into(), value.clone()]));
        }
        for (flag, value) in [
            ("--metadata", format!("a={value}")),
            ("--metadata", format!("{value}=a")),
            ("--tags", format!("{value}=a")),
            ("--tags", format!("a={value}")),
            ("--endpoint-url", format!("http://127.0.0.1:1/{value}")),
        ] {
            cases.push((vec![], vec![flag.into(), value]));
        }
        for variable in ["AWS_REGION", "AWS_ENDPOINT_URL_S3", "AWS_ACCESS_KEY_ID"] {
            cases.push((vec!["env".into(), format!("{variable}={value}")], vec![]));
        }
        cases.push((vec!["env".into(), format!("AWS_SESSION_TOKEN={value}")], vec![]));
    }
    at_once(&cases, |(under, args)| {
        let store = Scripted::start(|_| {});
        let under: Vec<&str> = under.iter().map(String::as_str).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let trial = Upload::new(&store, SMALL).under(&under).args(&args).within(20).run();
        let code = trial.ended.code.unwrap();
        // Tags are written into one header, percent-encoded: they may hold anything.
        if args.first() == Some(&"--tags") && code == 0 {
            assert!(store.requests().iter().all(|request| !request.head.contains("\nX-Evil")));
            return;
        }
        assert!([2, 3, 4].contains(&code), "{under:?} {args:?}: {}", trial.told());
        assert_eq!(trial.outcome(), "failed", "{}", trial.told());
        assert_eq!(store.requests().len(), 0, "{under:?} {args:?}: {}", trial.told());
        assert!(!trial.ended.stderr.contains("\nX-Evil"), "{}", trial.told());
    });
    for key in ["a\r\nX-Evil: 1", "a\nb", "a\rb"] {
        let store = Scripted::start(|_| {});
        let address = format!("s3://lab/{key}");
        let ended = store.cp().arg("/dev/null").arg(address).run().expect_code(2);
        assert!(ended.stderr.contains("control character"), "{}", ended.stderr);
        assert_eq!(store.requests().len(), 0);
    }
}

const CREATE: &str = "CreateMultipartUpload";
const COMPLETE: &str = "CompleteMultipartUpload";

/// A document that is larger than it looks, or deeper.
fn hostile_documents() -> Vec<(&'static str, String)> {
    let lol = |n: usize| {
        let before = n.wrapping_sub(1);
        format!("<!ENTITY lol{n} \"{}\">", format!("&lol{before};").repeat(10))
    };
    let bomb: String = (1..10).map(lol).collect();
    let attributes: String = (0..50_000).map(|n| format!(" a{n}=\"b\"")).collect();
    let entity = "<!ENTITY x SYSTEM \"file:///etc/passwd\">";
    vec![
        ("a document type", "<!DOCTYPE a><R></R>".into()),
        ("a bomb", format!("<!DOCTYPE a [<!ENTITY lol0 \"lol\">{bomb}]><R>&lol9;</R>")),
        (
            "a quadratic bomb",
            format!(
                "<!DOCTYPE a [<!ENTITY x \"{}\">]><R>{}</R>",
                "x".repeat(50_000),
                "&x;".repeat(50_000)
            ),
        ),
        ("an external entity", format!("<!DOCTYPE a [{entity}]><R>&x;</R>")),
        (
            "a parameter entity",
            "<!DOCTYPE a [<!ENTITY % x SYSTEM \"http://127.0.0.1:1/\">%x;]><R/>".into(),
        ),
        ("200,000 levels", format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000))),
        ("200,000 levels left open", "<a>".repeat(200_000)),
        ("long names", format!("<{0}></{0}>", "a".repeat(500_000))),
        ("50,000 attributes", format!("<R{attributes}/>")),
        ("a million references", format!("<R>{}</R>", "&#65;".repeat(200_000))),
        ("comments without end", format!("<R>{}", "<!-- ".repeat(200_000))),
        ("NUL and not UTF-8", "<R>\0\u{fffd}&#0;&#xFFFF;</R>".into()),
    ]
}

/// J2 | DTD, entity bombs, 200,000 levels, attributes | scripted store, 1 GiB of memory | refused
#[test]
fn j2_documents_that_explode() {
    let mut cases = Vec::new();
    for operation in [CREATE, COMPLETE] {
        for status in [200, 400] {
            let documents = hostile_documents().into_iter();
            cases.extend(documents.map(|(name, document)| (operation, status, name, document)));
        }
    }
    // A few at a time: each has its gigabyte.
    for cases in cases.chunks(8) {
        at_once(cases, |(operation, status, name, document)| {
            let (operation, status) = (*operation, *status);
            let roots = ["InitiateMultipartUploadResult", "CompleteMultipartUploadResult"];
            let root = roots[usize::from(operation == COMPLETE)];
            let document =
                document.replace("<R", &format!("<{root}")).replace("/R>", &format!("/{root}>"));
            let store = Scripted::start(move |turn| {
                if turn.operation == operation {
                    turn.read_all();
                    // A Create that nobody can read would leave an upload that nobody can name.
                    if (operation, status) == (COMPLETE, 200) {
                        turn.work();
                    }
                    turn.answer(&Answer::new(status).saying(document.clone()));
                }
            });
            let upload = Upload::new(&store, TWO_PARTS).under(&["prlimit", "--as=1073741824"]);
            let trial = upload.args(&["--retry", "2"]).within(60).run();
            let told = trial.told();
            assert!(!told.contains("root:") && told.len() < 20_000, "{name}: {} bytes", told.len());
            if operation == CREATE {
                let code = trial.ended.code;
                assert_eq!(trial.outcome(), "failed", "{name}, HTTP {status}: {told}");
                assert_eq!(code, Some(6), "{name}, HTTP {status}: {told}");
            }
        });
    }
}

/// J3 | an UploadId of everything that URLs, XML and shells know | scripted store | escaped
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

/// J3 | an UploadId with line ends or escape sequences | scripted store | refused, nothing injected
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

/// J3 | an ETag and a Location that are markup | scripted store | escaped in Complete, not followed
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

/// J4 | a redirect of store or credentials service to a file, metadata, a host | scripted | not followed
#[test]
fn j4_a_redirect_to_elsewhere() {
    let trap = Scripted::start(|_| {});
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
