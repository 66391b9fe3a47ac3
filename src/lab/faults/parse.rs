//! The spelling of a fault rule, read. One mistake is told at a time, with its column, what
//! would be allowed there, and an example.

use std::str::FromStr;

use super::words::{DURATIONS, Words, duration, http_status, millionths, rate};
use super::{Effect, OPERATIONS, Rule, When};

/// A fault rule that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "fault rule \"{rule}\", column {column}: {problem}\n  allowed: {allowed}\n  example: {example}"
)]
pub struct FaultError {
    /// The rule as it was given.
    pub rule: String,
    /// Where it goes wrong, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub problem: String,
    /// What may stand there.
    pub allowed: String,
    /// A rule that is right.
    pub example: &'static str,
}

const EXAMPLE: &str = "UploadPart 5% reset after 4MiB";
const WHENS: &str = "always, 3%, #2, every 5, first 3, part 7";
const EFFECTS: &str = "reset, reset after SIZE, close after SIZE, stall after SIZE [for DURATION], \
    slow RATE, status CODE [S3CODE] [retry-after DURATION], early CODE S3CODE, \
    error-in-200 S3CODE, \
    lose-answer, truncate-answer, garbage, no-100, idle-close DURATION, expire-in-flight, \
    expire-at-end, expire-abruptly, starve DURATION, \
    redirect HOST, skew DURATION, corrupt";
const RATES: &str = "bytes a second such as 100KB, 1MB, 1MB/s";
const STATUSES: &str = "an HTTP status from 200 to 599";

impl FromStr for Rule {
    type Err = FaultError;

    fn from_str(rule: &str) -> Result<Rule, FaultError> {
        let mut words = Words::new(rule);
        let operation = operation(&mut words)?;
        let when = when(&mut words)?;
        let effect = effect(&mut words)?;
        if words.peek().is_some() {
            let problem = words.unexpected("after the effect");
            return Err(words.error(problem, "the end of the rule", EXAMPLE));
        }
        let text = rule.split_whitespace().collect::<Vec<_>>().join(" ");
        Ok(Rule { operation, when, effect, text })
    }
}

fn operation(words: &mut Words) -> Result<Option<&'static str>, FaultError> {
    words.take("the operation", &format!("*, {}", OPERATIONS.join(", ")), EXAMPLE, |word| {
        if word == "*" {
            return Some(None);
        }
        OPERATIONS.iter().find(|name| name.eq_ignore_ascii_case(word)).map(|name| Some(*name))
    })
}

fn when(words: &mut Words) -> Result<When, FaultError> {
    match words.peek() {
        Some("every") => words.after(|w| w.count("every 5", "* every 5 reset").map(When::Every)),
        Some("first") => words.after(|w| w.count("first 3", "* first 3 reset").map(When::First)),
        Some("part") => words.after(|w| {
            let number = w.count("part 7", "UploadPart part 7 reset")?;
            Ok(When::Part(u32::try_from(number).unwrap_or(u32::MAX)))
        }),
        _ => words.take("when it happens", WHENS, EXAMPLE, |word| {
            if word == "always" {
                Some(When::Always)
            } else if let Some(share) = word.strip_suffix('%') {
                millionths(share).map(When::Random)
            } else {
                let n: u64 = word.strip_prefix('#')?.parse().ok()?;
                (n > 0).then_some(When::Nth(n))
            }
        }),
    }
}

fn effect(words: &mut Words) -> Result<Effect, FaultError> {
    let name = words.take("the effect", EFFECTS, EXAMPLE, |word| {
        let names = EFFECTS.split(", ").filter_map(|form| form.split(' ').next());
        names.into_iter().find(|name| *name == word)
    })?;
    match name {
        "reset" if words.peek().is_none() => Ok(Effect::Reset { after: None }),
        "reset" => Ok(Effect::Reset { after: Some(words.after_size(EXAMPLE)?) }),
        "close" => Ok(Effect::Close { after: words.after_size("PutObject #1 close after 1MiB")? }),
        "stall" => stall(words),
        "slow" => {
            let example = "* always slow 1MB";
            let rate = words.take("the rate", RATES, example, |w| rate(w).filter(|r| *r > 0))?;
            Ok(Effect::Slow { rate })
        }
        "status" => status(words),
        "early" => {
            let example = "UploadPart #3 early 403 AccessDenied";
            let code = words.take("the status", STATUSES, example, http_status)?;
            Ok(Effect::Early { code, s3_code: words.s3_code(example)? })
        }
        "error-in-200" => {
            let example = "CompleteMultipartUpload #1 error-in-200 InternalError";
            Ok(Effect::ErrorIn200 { s3_code: words.s3_code(example)? })
        }
        "lose-answer" => Ok(Effect::LoseAnswer),
        "truncate-answer" => Ok(Effect::TruncateAnswer),
        "garbage" => Ok(Effect::Garbage),
        "no-100" => Ok(Effect::No100),
        "idle-close" => Ok(Effect::IdleClose(words.duration("* always idle-close 4s")?)),
        "expire-in-flight" => Ok(Effect::ExpireInFlight),
        "expire-at-end" => Ok(Effect::ExpireAtEnd),
        "expire-abruptly" => Ok(Effect::ExpireAbruptly),
        "starve" => Ok(Effect::Starve(words.duration("PutObject always starve 20s")?)),
        "redirect" => {
            let allowed = "a host, with a port if it needs one, such as localhost:9000";
            let example = "PutObject #1 redirect localhost:9000";
            let host = words.take("the host", allowed, example, |word| {
                let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
                word.chars().all(plain).then(|| word.to_owned())
            })?;
            Ok(Effect::Redirect(host))
        }
        "skew" => skew(words),
        _ => Ok(Effect::Corrupt),
    }
}

fn stall(words: &mut Words) -> Result<Effect, FaultError> {
    let example = "UploadPart #2 stall after 1MiB for 30s";
    let after = words.after_size(example)?;
    let mut duration = None;
    if words.peek() == Some("for") {
        duration = Some(words.after(|words| words.duration(example))?);
    }
    Ok(Effect::Stall { after, duration })
}

fn status(words: &mut Words) -> Result<Effect, FaultError> {
    let example = "UploadPart every 20 status 503 SlowDown retry-after 2s";
    let code = words.take("the status", STATUSES, example, http_status)?;
    let mut s3_code = None;
    if words.peek().is_some_and(|word| word != "retry-after") {
        s3_code = Some(words.s3_code(example)?);
    }
    let mut retry_after = None;
    if words.peek() == Some("retry-after") {
        retry_after = Some(words.after(|words| words.duration(example))?);
    }
    Ok(Effect::Status { code, s3_code, retry_after })
}

fn skew(words: &mut Words) -> Result<Effect, FaultError> {
    let allowed = format!("{DURATIONS}, with a - where the server's clock is slow");
    let example = "* always skew 20m";
    words.take("the skew", &allowed, example, |word| {
        let behind = word.starts_with('-');
        let by = duration(word.trim_start_matches(['-', '+']))?;
        Some(Effect::Skew { by, behind })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn parsed(effect: &str) -> Effect {
        let rule: Rule = format!("UploadPart always {effect}").parse().unwrap();
        assert_eq!(rule.to_string(), format!("UploadPart always {effect}"));
        rule.effect
    }

    #[test]
    fn every_effect_of_the_contract_is_read_and_printed_as_written() {
        let s = Duration::from_secs;
        let code = |code: &str| Some(code.to_owned());
        let status = |s3_code, retry_after| Effect::Status { code: 503, s3_code, retry_after };
        let table = [
            ("reset", Effect::Reset { after: None }),
            ("reset after 4MiB", Effect::Reset { after: Some(4 << 20) }),
            ("close after 4M", Effect::Close { after: 4 << 20 }),
            ("stall after 0", Effect::Stall { after: 0, duration: None }),
            ("stall after 1k for 5m", Effect::Stall { after: 1024, duration: Some(s(300)) }),
            ("slow 1MB", Effect::Slow { rate: 1 << 20 }),
            ("slow 1MB/s", Effect::Slow { rate: 1 << 20 }),
            ("status 503", status(None, None)),
            ("status 503 SlowDown", status(code("SlowDown"), None)),
            ("status 503 retry-after 2", status(None, Some(s(2)))),
            (
                "status 503 SlowDown retry-after 250ms",
                status(code("SlowDown"), Some(Duration::from_millis(250))),
            ),
            ("early 403 AccessDenied", Effect::Early { code: 403, s3_code: "AccessDenied".into() }),
            ("error-in-200 InternalError", Effect::ErrorIn200 { s3_code: "InternalError".into() }),
            ("lose-answer", Effect::LoseAnswer),
            ("truncate-answer", Effect::TruncateAnswer),
            ("garbage", Effect::Garbage),
            ("no-100", Effect::No100),
            ("idle-close 4s", Effect::IdleClose(s(4))),
            ("expire-in-flight", Effect::ExpireInFlight),
            ("expire-at-end", Effect::ExpireAtEnd),
            ("expire-abruptly", Effect::ExpireAbruptly),
            ("starve 20s", Effect::Starve(s(20))),
            ("redirect localhost:9000", Effect::Redirect("localhost:9000".into())),
            ("skew 20m", Effect::Skew { by: s(1200), behind: false }),
            ("skew -1d", Effect::Skew { by: s(86_400), behind: true }),
            ("corrupt", Effect::Corrupt),
        ];
        for (text, effect) in &table {
            assert_eq!(parsed(text), *effect, "{text}");
        }
        for form in EFFECTS.split(", ") {
            let name = form.split(' ').next();
            let shown = table.iter().any(|(text, _)| text.split(' ').next() == name);
            assert!(shown, "{form} is not in the table");
        }
    }

    #[test]
    fn every_when_of_the_contract_is_read() {
        let table = [
            ("always", When::Always),
            ("3%", When::Random(30_000)),
            ("0.25%", When::Random(2_500)),
            ("100%", When::Random(1_000_000)),
            ("#2", When::Nth(2)),
            ("every 5", When::Every(5)),
            ("first 3", When::First(3)),
            ("part 7", When::Part(7)),
        ];
        for (text, when) in table {
            let rule: Rule = format!("* {text} reset").parse().unwrap();
            assert_eq!((rule.operation, rule.when), (None, when), "{text}");
        }
    }

    #[test]
    fn spaces_are_collapsed_and_operations_found_whatever_their_case() {
        let rule: Rule = "  uploadpart   always\treset ".parse().unwrap();
        assert_eq!(rule.operation, Some("UploadPart"));
        assert_eq!(rule.to_string(), "uploadpart always reset");
    }

    #[test]
    fn a_mistake_is_told_with_its_column_what_is_allowed_and_an_example() {
        let error = "UploadPart 3% rest".parse::<Rule>().unwrap_err();
        assert_eq!((error.column, error.problem.as_str()), (15, "the effect cannot be \"rest\""));
        assert!(error.allowed.contains("reset after SIZE"));
        assert!(error.example.parse::<Rule>().is_ok());
        let text = error.to_string();
        assert!(text.starts_with("fault rule \"UploadPart 3% rest\", column 15: "), "{text}");
    }

    #[test]
    fn what_is_not_a_rule_is_refused_where_it_goes_wrong() {
        let table = [
            ("", 1),
            ("Upload always reset", 1),
            ("UploadPart", 11),
            ("UploadPart sometimes reset", 12),
            ("UploadPart 101% reset", 12),
            ("UploadPart #0 reset", 12),
            ("UploadPart every reset", 18),
            ("UploadPart every 0 reset", 18),
            ("UploadPart always", 18),
            ("UploadPart always reset before 4MiB", 25),
            ("UploadPart always reset after 4QiB", 31),
            ("UploadPart always reset after -4", 31),
            ("UploadPart always reset after 99999999T", 31),
            ("UploadPart always stall after 1 for ever", 37),
            ("UploadPart always slow 0", 24),
            ("UploadPart always starve", 25),
            ("UploadPart always status 99", 26),
            ("UploadPart always early 403", 28),
            ("UploadPart always status 503 Slow<Down", 30),
            ("UploadPart always redirect http://evil/", 28),
            ("UploadPart always corrupt twice", 27),
        ];
        for (text, column) in table {
            let error = text.parse::<Rule>().unwrap_err();
            assert_eq!(error.column, column, "{error}");
            assert!(error.example.parse::<Rule>().is_ok(), "{}", error.example);
        }
    }
}
