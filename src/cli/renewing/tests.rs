//! Commands that renew, and that do not.

use std::time::Instant;

use super::*;
use crate::http::Headers;
use crate::s3::{Link, LinkedCall, PresignedUrl};

/// What no message may have in it.
const SECRET: &str = "5ec4e75ec4e7";

fn url(at: &str, expires_in: u32) -> String {
    format!(
        "https://h:9000/b/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SECRET}%2Fx&\
         X-Amz-Date={at}&X-Amz-Expires={expires_in}&X-Amz-SignedHeaders=host&X-Amz-Signature={}",
        SECRET.repeat(5) + "0000"
    )
}

/// Lives longer than this program.
fn fresh() -> String {
    url("29990101T000000Z", 60)
}

fn links() -> Links {
    let url = PresignedUrl::parse(&url("20130524T000000Z", 60)).unwrap();
    [(LinkedCall::PutObject, Link { url, fields: Headers::new() })].into_iter().collect()
}

/// What comes of a shell script that is to renew the URL, within so long.
fn renewed(script: &str, time_max: Duration) -> Result<Links, String> {
    let command = RenewCommand(["sh", "-c", script].map(str::to_owned).to_vec());
    let wanted = LinksWanted { calls: vec![LinkedCall::PutObject], expired: true };
    renew(&command, time_max, &Stopper::default(), &wanted, &links())
}

#[test]
fn the_command_is_told_and_its_answer_taken() {
    let fresh = fresh();
    let script = format!("grep -q '\"path\":\"/b/k\"' && echo '{fresh}'");
    let renewed = renewed(&script, TIME_MAX).unwrap();
    assert_eq!(renewed.get(LinkedCall::PutObject).unwrap().url.expose(), fresh);
}

#[test]
fn it_need_not_read_what_it_is_told() {
    let script = format!("exec <&-; echo '{}'", fresh());
    assert!(renewed(&script, TIME_MAX).is_ok());
}

#[test]
fn neither_arguments_nor_environment_have_the_url() {
    let script = "{ tr '\\0' '\\n' </proc/$$/cmdline; env; } | grep -c X-Amz-Sig >&2; exit 1";
    let error = renewed(script, TIME_MAX).unwrap_err();
    // The script itself is the one line that names it.
    assert!(error.ends_with("it said: 1"), "{error}");
}

#[test]
fn why_there_are_no_links_is_told_and_no_secret_is() {
    let stale = url("20130524T000000Z", 60);
    for (script, expected) in [
        ("echo one >&2; echo two >&2; exit 1", "sh failed: exit status: 1; it said: two"),
        ("echo 'error: no' >&2; echo ' hint: x' >&2; exit 3", "exit status: 3; it said: error: no"),
        ("kill -9 $$", "sh failed: signal: 9"),
        (&format!("echo 'no {stale}' >&2; exit 2"), "it said: no https://h:9000/b/k?…"),
        (&format!("echo {SECRET}"), "sh: it printed 12 bytes that are no JSON and no URL; a URL"),
        (&format!("echo '{stale}'"), "sh: the link for PutObject that it printed has expired"),
        ("echo warning >&2", "sh: it printed nothing; a URL for PutObject, or"),
        ("echo warning >&2", "was expected; it said: warning"),
        ("head -c 100000000 /dev/zero", "sh printed more than 64 MiB"),
    ] {
        let error = renewed(script, TIME_MAX).unwrap_err();
        assert!(error.contains(expected) && !error.contains(SECRET), "{script}: {error}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about real time")]
fn a_command_that_hangs_is_ended() {
    let began = Instant::now();
    let error = renewed("sleep 600", Duration::from_millis(200)).unwrap_err();
    assert_eq!(error, "sh took longer than 200ms and was ended");
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_command_line_is_checked() {
    assert!(RenewCommand::parse("ssh host 'curlift presign s3://b/k'").is_ok());
    for (line, says) in [
        ("", "the command is empty"),
        ("  ", "the command is empty"),
        ("sh -c 'x", "quotes of the command do not match"),
        ("get-url | tail -n 1", "no shell reads it, so | does nothing: write sh -c '…'"),
        ("cd x && get-url", "so && does nothing"),
    ] {
        let error = RenewCommand::parse(line).unwrap_err();
        assert!(error.contains(says), "{line}: {error}");
    }
}

#[test]
fn the_program_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("plain"), "#!/bin/sh\n").unwrap();
    let path = format!("{}:/bin:/usr/bin", folder.path().display());
    let environment: Environment = [("PATH", path.as_str())].into_iter().collect();
    let check = |line: &str| {
        let command = RenewCommand::parse(line).unwrap();
        command.check(&environment).map_err(|error| format!("{error}: {}", error.hint().unwrap()))
    };
    assert_eq!(check("sh -c true"), Ok(()));
    assert_eq!(check("/bin/sh -c true"), Ok(()));
    let plain = folder.path().join("plain").display().to_string();
    for (line, says) in [
        ("curlift-no-such x", "there is no program curlift-no-such in PATH: check its spelling"),
        ("plain", "no program plain in PATH"),
        (plain.as_str(), "cannot be executed: make it executable"),
        ("/nonexistent/x", "there is no program /nonexistent/x"),
        ("~/bin/x", "~ is not your home"),
        ("/bin", "there is no program /bin"),
    ] {
        let error = check(line).unwrap_err();
        assert!(error.contains(says), "{line}: {error}");
    }
}
