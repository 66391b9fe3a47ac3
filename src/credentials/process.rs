//! `credential_process`: a command that prints keys. Our own instead of reqsign's, which splits the
//! command at every blank, quotes or not, and waits for it for ever.
//!
//! The command runs without a shell, as with the AWS command line. Its standard error is the
//! user's: helpers ask for a touch of a key there. Its standard output is never shown or logged.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Process credential provider".

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;

use crate::process::{Complaints, Run, split};
use crate::s3::{Credentials, Secret};

/// How long a command may take; some wait for the user.
pub(super) const TIME_MAX: Duration = Duration::from_mins(1);

/// Bytes of output at most.
const OUTPUT_MAX: usize = 64 << 10;

/// Runs `command` and reads the keys it prints.
///
/// # Errors
/// In words, without a byte of the output.
pub(super) fn run(command: &str, time_max: Duration) -> Result<Credentials, String> {
    let words = split(command).map_err(|error| error.to_string())?;
    let run = Run {
        words: &words,
        input: None,
        output_max: OUTPUT_MAX,
        complaints: Complaints::Shown,
        time_max,
        stopper: None,
    };
    let ended = run.run().map_err(|error| error.to_string())?;
    let program = &words[0];
    if !ended.status.success() {
        return Err(format!("{program} failed: {}", ended.status));
    }
    parse(&ended.output).map_err(|problem| format!("{program} printed no credentials: {problem}"))
}

fn parse(output: &[u8]) -> Result<Credentials, String> {
    let json: Value = serde_json::from_slice(output)
        .map_err(|error| format!("not JSON at line {}, column {}", error.line(), error.column()))?;
    if json["Version"] != 1 {
        return Err("\"Version\" is not 1".into());
    }
    let text = |name: &str| json[name].as_str().filter(|text| !text.is_empty());
    let needed = |name: &str| text(name).ok_or_else(|| format!("{name:?} is missing"));
    let expires_at = text("Expiration")
        .map(DateTime::parse_from_rfc3339)
        .transpose()
        .map_err(|_| "\"Expiration\" is no time such as 2026-12-31T23:59:59Z")?;
    Ok(Credentials {
        access_key_id: needed("AccessKeyId")?.to_owned(),
        secret_access_key: Secret::new(needed("SecretAccessKey")?),
        session_token: text("SessionToken").map(Secret::new),
        expires_at: expires_at.map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const KEYS: &str =
        r#"{"Version": 1, "AccessKeyId": "AKIDPROCESS", "SecretAccessKey": "SECRET"}"#;

    fn run(command: &str) -> Result<Credentials, String> {
        super::run(command, Duration::from_secs(20))
    }

    #[test]
    fn quotes_hold_arguments_together() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("give keys.sh");
        std::fs::write(
            &script,
            "test \"$1\" = 'two words' && test $# = 1 && cat <<-E\n".to_owned() + KEYS + "\nE\n",
        )
        .unwrap();
        let path = script.display();
        let credentials = run(&format!("sh '{path}' \"two words\"  # a comment")).unwrap();
        assert_eq!(credentials.access_key_id, "AKIDPROCESS");
        assert_eq!(credentials.secret_access_key.expose(), "SECRET");
        assert_eq!((credentials.session_token, credentials.expires_at), (None, None));
        assert!(run(&format!("sh '{path}' two words")).unwrap_err().contains("exit status: 1"));
    }

    #[test]
    fn token_and_expiry_are_taken() {
        let json = r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"B","SessionToken":"C","Expiration":"1970-01-01T01:00:10+01:00"}"#;
        let credentials = parse(json.as_bytes()).unwrap();
        assert_eq!(credentials.session_token, Some(Secret::new("C")));
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        assert_eq!(credentials.expires_at, Some(expires_at));
    }

    #[test]
    fn what_goes_wrong_is_said_and_the_output_is_not() {
        for (command, expected) in [
            ("", "the command is empty"),
            ("sh -c 'x", "the quotes of the command do not match"),
            ("/nonexistent/helper --x", "/nonexistent/helper cannot be started: No such file"),
            ("sh -c 'echo SECRET; exit 3'", "sh failed: exit status: 3"),
            ("echo SECRET", "echo printed no credentials: not JSON at line 1, column 1"),
            ("echo '{\"Version\":2}'", "echo printed no credentials: \"Version\" is not 1"),
            (
                "echo '{\"Version\":1,\"AccessKeyId\":\"SECRET\"}'",
                "echo printed no credentials: \"SecretAccessKey\" is missing",
            ),
            (
                "echo '{\"Version\":1,\"AccessKeyId\":\"SECRET\",\"SecretAccessKey\":\"SECRET\",\"Expiration\":\"SECRET\"}'",
                "echo printed no credentials: \"Expiration\" is no time",
            ),
            ("yes SECRET", "yes printed more than 64 KiB"),
            ("sh -c 'echo SECRET; sleep 30 &'", "sh ended and left its output open"),
        ] {
            let error = run(command).unwrap_err();
            assert!(error.starts_with(expected), "{command}: {error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn a_command_that_hangs_is_ended() {
        let error = super::run("sleep 600", Duration::from_millis(100)).unwrap_err();
        assert_eq!(error, "sleep took longer than 100ms and was ended");
    }
}
