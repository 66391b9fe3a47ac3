//! What is typed wants to be more than a value, and documents more than to be read.

use super::oracle::{Upload, Witness as _};
use super::scripted::{Answer, Scripted};
use super::{SMALL, TWO_PARTS, at_once};

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
    let attributes: Vec<String> = (0..50_000).map(|n| format!(" a{n}=\"b\"")).collect();
    let attributes = attributes.concat();
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
