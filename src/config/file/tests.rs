//! What a config file may say, and what is said of one that is wrong.

use super::*;
use crate::curlopt::{Handle, Value};

/// Some flags, without the command line.
pub(in crate::config) struct Words;

impl Vocabulary for Words {
    fn setting(&self, key: &str) -> Option<String> {
        let key = if key == "chunk_size" { "part_size" } else { key };
        self.settings().into_iter().find(|name| name == key)
    }

    fn settings(&self) -> Vec<String> {
        let names = "endpoint_url region profile addressing_style payload_signing acl metadata
            checksum_algorithm part_size multipart_threshold concurrency retry retry_mode
            retry_max_time stall_timeout ca_bundle proxy no_verify_ssl options_profile";
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn shape(&self, setting: &str) -> Shape {
        match setting {
            "no_verify_ssl" => Shape::Switch,
            "metadata" => Shape::Pairs,
            _ => Shape::One,
        }
    }

    fn check(&self, setting: &str, values: &[String]) -> Result<(), String> {
        match (setting, values) {
            ("part_size", [size]) => crate::units::size(size).map(drop).map_err(|e| e.to_string()),
            _ => Ok(()),
        }
    }
}

pub(in crate::config) fn parse(text: &str) -> ConfigFile {
    ConfigFile::parse(Path::new("config.toml"), text, &Words).unwrap()
}

fn mistakes(text: &str) -> Vec<String> {
    match ConfigFile::parse(Path::new("c"), text, &Words) {
        Err(FileError::Mistakes { mistakes, .. }) => {
            let told = |m: &FileMistake| format!("{}:{}: {}", m.line, m.column, m.what);
            mistakes.iter().map(told).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn shown(section: &Section) -> Vec<String> {
    let told = |set: &Setting<Assignment>| format!("{:?} ({})", set.value, set.origin);
    section.options.iter().map(told).collect()
}

#[test]
fn everything_has_its_place_and_origin() {
    let file = parse(
        r#"
concurrency = 16
chunk_size = "16MiB"
no_verify_ssl = false
metadata = { team = "data" }
[retry]
max_attempts = 10
[curl]
CONNECTTIMEOUT = 30
curlopt_upload_buffersize = "512KiB"
RESOLVE = ["a:1:b"]
[curlm]
MAX_TOTAL_CONNECTIONS = 64
[profile.mine]
concurrency = 2
[profile.mine.curl]
LOW_SPEED_TIME = "5m"
[tune]
UPLOAD_BUFFERSIZE = ["64KiB", 524288]
concurrency = [4, 8]
"#,
    );
    let setting = |section: &Section, name: &str| {
        section.settings.get(name).map(|set| (set.value.clone(), set.origin.to_string()))
    };
    let one = |text: &str, origin: &str| Some((vec![text.to_owned()], origin.to_owned()));
    assert_eq!(setting(&file.top, "concurrency"), one("16", "config.toml:2: concurrency"));
    assert_eq!(setting(&file.top, "part_size"), one("16MiB", "config.toml:3: chunk_size"));
    assert_eq!(setting(&file.top, "no_verify_ssl"), None);
    assert_eq!(setting(&file.top, "metadata"), one("team=data", "config.toml:5: metadata"));
    assert_eq!(setting(&file.top, "retry"), one("10", "config.toml:7: max_attempts"));
    assert_eq!(
        shown(&file.top),
        [
            "CONNECTTIMEOUT = 30 s (config.toml:9: CONNECTTIMEOUT)",
            "UPLOAD_BUFFERSIZE = 512 KiB (config.toml:10: curlopt_upload_buffersize)",
            "RESOLVE = a:1:b (config.toml:11: RESOLVE)",
            "MAX_TOTAL_CONNECTIONS = 64 (config.toml:13: MAX_TOTAL_CONNECTIONS)",
        ]
    );
    assert_eq!(file.top.options[3].value.option.handle, Handle::Multi);
    let mine = &file.profiles["mine"];
    assert_eq!(setting(mine, "concurrency"), one("2", "config.toml:15: concurrency"));
    assert_eq!(mine.options[0].value.value, Value::Number(300));
    let tried: Vec<_> = file.tune.iter().map(|s| (s.name.as_str(), s.values.join(" "))).collect();
    let sizes = "65536 524288".to_owned();
    assert_eq!(tried, [("UPLOAD_BUFFERSIZE", sizes), ("concurrency", "4 8".to_owned())]);
}

#[test]
fn all_mistakes_are_told_at_once_each_with_its_place() {
    let text = "\
concurency = 16
part_size = \"16 parsecs\"
CONNECTTIMEOUT = 30
[retry]
delay = 10
[curl]
CONECTTIMEOUT = 30
TIMEOUT = \"1500ms\"
  URL = \"http://x\"
TCP_KEEPALIVE = \"yes\"
RETRY = 3
HTTPHEADER = [\"Host: x\"]
MAX_TOTAL_CONNECTIONS = 3
[curly]
a = 1
[tune]
concurrency = 4
BUFSIZE = [1]
";
    let found = mistakes(text);
    let expected = [
        "1:1: concurency: there is no such setting; did you mean concurrency?",
        "2:13: part_size = \"16 parsecs\": `16 parsecs` has the unknown unit `parsecs`",
        "3:1: CONNECTTIMEOUT: libcurl's options stand below [curl]",
        "5:1: retry.delay: there are only mode, max_attempts, max_time; the delay between",
        "7:1: CONECTTIMEOUT: libcurl has no such option; did you mean CONNECTTIMEOUT",
        "8:11: TIMEOUT = \"1500ms\": it counts whole seconds; TIMEOUT_MS takes milliseconds",
        "9:9: URL is curlift's own: ",
        "10:17: TCP_KEEPALIVE = \"yes\": 0 or 1 is expected",
        "11:1: RETRY: libcurl has no such option: ",
        "12:14: HTTPHEADER = \"host\": curlift makes this field itself",
        "13:1: MAX_TOTAL_CONNECTIONS: this option belongs in the table [curlm]",
        "14:2: curly: there is no such table; did you mean curl?",
        "17:15: tune.concurrency: a list of the values to try is expected",
        "18:1: tune: BUFSIZE: libcurl has no such option",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
}

#[test]
fn the_same_setting_by_two_names_is_a_mistake() {
    let found = mistakes("[curl]\nTIMEOUT = 30\nTIMEOUT_MS = 5\n");
    assert_eq!(found, ["3:1: TIMEOUT_MS: TIMEOUT in line 2 sets the same; keep one of them"]);
    let found = mistakes("part_size = \"8M\"\nchunk_size = \"8M\"\n");
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn what_is_no_toml_is_told_beside_other_mistakes() {
    let found = mistakes("[curl]\nTIMEOUT = = 3\nTIMOUT = 3\n");
    assert!(found.iter().any(|told| told.starts_with("2:11: ")), "{found:?}");
    assert!(found.iter().any(|told| told.starts_with("3:1: TIMOUT")), "{found:?}");
}

#[test]
fn columns_count_characters() {
    let found = mistakes("metadata = { a = \"\u{e4}\u{f6}\" }; x = 1\n");
    assert!(found[0].starts_with("1:24: "), "{found:?}");
}

#[test]
fn values_of_the_wrong_kind() {
    let rows = [
        ("no_verify_ssl = \"yes\"", "true or false"),
        ("acl = [\"a\"]", "one value"),
        ("acl = 1.5", "one value"),
        ("metadata = \"a=b\"", "a table such as"),
        ("curl = 3", "a table is expected: write [curl] above"),
        ("[profile]\nmine = 3", "write [profile.mine.curl] above"),
        ("[curl]\nTIMEOUT = 99999999999999999999", "a number too large"),
        ("[curl]\nTIMEOUT = 2001-01-01", "a date"),
        ("[profile.mine]\nacl = \"private\"", "acl does nothing in a profile"),
        ("[profile.mine]\noptions_profile = \"fast\"", "does nothing in a profile"),
        ("[tune]\nTIMEOUT = []", "there is nothing to try"),
        ("[tune]\nUSERPWD = [\"a:b\"]", "a secret cannot be swept"),
    ];
    for (text, expected) in rows {
        let found = mistakes(text);
        assert!(found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn secrets_are_not_repeated() {
    let rows = [
        "proxy = \"http://me:hush@p:1\"\nproxy = 1",
        "[curl]\nPROXYUSERPWD = [\"me:hush\"]",
        "[curl]\nHTTPHEADER = [\"Authorization: hush\"]",
    ];
    for text in rows {
        let found = mistakes(text).join("\n");
        assert!(!found.contains("hush"), "{found}");
    }
}

#[test]
fn where_it_is_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, region: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("region = \"{region}\"")).unwrap();
    };
    write("xdg/curlift/config.toml", "xdg");
    write("home/.config/curlift/config.toml", "home");
    write("named.toml", "named");
    write("typed.toml", "typed");
    let (xdg, home, named) = (at("xdg"), at("home"), at("named.toml"));
    let find = |flag: Option<&str>, variables: &[(&str, &str)]| {
        let environment = variables.iter().copied().collect();
        ConfigFile::find(flag.map(|name| folder.path().join(name)).as_deref(), &environment, &Words)
    };
    let region = |flag, variables: &[(&str, &str)]| {
        let file = find(flag, variables).unwrap();
        file.top.settings.get("region").map(|set| set.value.concat())
    };
    let mut all = vec![("HOME", home.as_str())];
    assert_eq!(region(None, &all).as_deref(), Some("home"));
    all.push(("XDG_CONFIG_HOME", &xdg));
    assert_eq!(region(None, &all).as_deref(), Some("xdg"));
    all.push(("CURLIFT_CONFIG", &named));
    assert_eq!(region(None, &all).as_deref(), Some("named"));
    assert_eq!(region(Some("typed.toml"), &all).as_deref(), Some("typed"));
    assert_eq!(region(None, &[("XDG_CONFIG_HOME", "relative")]), None);
    let missing = find(Some("no.toml"), &all).unwrap_err().to_string();
    assert!(missing.contains("cannot read the config file"), "{missing}");
    std::fs::write(folder.path().join("binary"), [0xff, 0xfe]).unwrap();
    assert!(matches!(find(Some("binary"), &all), Err(FileError::NotUtf8 { .. })));
    let large = folder.path().join("large");
    std::fs::File::create(large).unwrap().set_len(FILE_MAX + 1).unwrap();
    assert!(matches!(find(Some("large"), &all), Err(FileError::TooLarge { .. })));
}
