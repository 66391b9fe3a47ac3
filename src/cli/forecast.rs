//! How long an upload takes, whether what signs its requests lasts as long, and what would: in
//! words, before the first byte and once its real rate is known.

mod rates;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use indicatif::HumanBytes;
use serde::Serialize;

pub(super) use self::watch::Watch;
use super::console::{Console, unix, unix_now};
use super::error::CliError;
use super::json::{Event, milliseconds};
use crate::config::CONCURRENCY_MAX;
use crate::credentials::{Found, Renews};
use crate::s3::{LinkedCall, Links, PartNumber, UnixTime};
use crate::upload::{Ahead, Forecast, UploadPlan};

/// What requests are signed with, as far as it ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Rights {
    /// It does not end, or is renewed.
    #[default]
    Lasting,
    /// Temporary keys of which nobody said when they end.
    Unknown { source: String },
    /// Keys that end then.
    Keys { source: String, ends_at: UnixTime, renews: Renews },
    /// Presigned URLs, each with an end of its own.
    Links(LinkEnds),
}

/// When presigned URLs end, of those without which nothing is uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct LinkEnds {
    put: Option<UnixTime>,
    /// Of these parts and no others.
    parts: BTreeMap<PartNumber, UnixTime>,
    /// `None` where somebody else completes the upload.
    complete: Option<UnixTime>,
}

impl Rights {
    /// Of keys that were found.
    pub(super) fn of_keys(found: &Found) -> Rights {
        let Found { credentials, source, renews } = found;
        let source = source.clone();
        match (renews, credentials.expires_at) {
            (Renews::Always, _) => Rights::Lasting,
            (_, Some(end)) => Rights::Keys { source, ends_at: unix(end), renews: *renews },
            (_, None) if credentials.session_token.is_some() => Rights::Unknown { source },
            (_, None) => Rights::Lasting,
        }
    }

    /// Of presigned URLs that nobody renews.
    pub(super) fn of_links(links: &Links) -> Rights {
        let mut ends = LinkEnds::default();
        for (call, link) in links.iter() {
            let end = link.url.expires_at();
            match call {
                LinkedCall::PutObject => ends.put = Some(end),
                LinkedCall::CompleteMultipartUpload => ends.complete = Some(end),
                LinkedCall::UploadPart(number) => {
                    ends.parts.insert(number, end);
                }
                _ => {}
            }
        }
        Rights::Links(ends)
    }

    /// Whether part `number` is sent by it at all.
    fn covers(&self, number: PartNumber) -> bool {
        match self {
            Rights::Links(ends) => ends.put.is_some() || ends.parts.contains_key(&number),
            _ => true,
        }
    }

    /// Whether it is known to end.
    fn ends(&self) -> bool {
        !matches!(self, Rights::Lasting | Rights::Unknown { .. })
    }

    /// How long from `now` part `number` may begin.
    fn part_ends_in(&self, number: PartNumber, now: UnixTime) -> Option<Duration> {
        match self {
            Rights::Links(ends) => left(ends.parts.get(&number).copied().or(ends.put), now),
            _ => self.complete_ends_in(now),
        }
    }

    /// How long from `now` the upload may be completed.
    fn complete_ends_in(&self, now: UnixTime) -> Option<Duration> {
        match self {
            Rights::Lasting | Rights::Unknown { .. } => None,
            Rights::Keys { ends_at, .. } => left(Some(*ends_at), now),
            Rights::Links(ends) => left(ends.complete, now),
        }
    }
}

/// From `now` until then; nothing where that is over.
fn left(end: Option<UnixTime>, now: UnixTime) -> Option<Duration> {
    Some(end?.since(now).unwrap_or_default())
}

/// Bytes a second, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Rate {
    pub(super) value: u64,
    pub(super) origin: RateOrigin,
}

/// Where a rate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RateOrigin {
    /// `--expected-rate`.
    Expected,
    /// Earlier uploads to the same host.
    Remembered,
    /// This one.
    Measured,
}

impl RateOrigin {
    /// Who says so, in words.
    pub(super) fn words(self) -> &'static str {
        match self {
            RateOrigin::Expected => "as expected",
            RateOrigin::Remembered => "as earlier uploads there",
            RateOrigin::Measured => "as measured",
        }
    }
}

/// What is sent, where to, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outlook<'a> {
    pub(super) plan: &'a UploadPlan,
    pub(super) concurrency: u32,
    /// Name or address, and the port where it is not the usual one.
    pub(super) host: &'a str,
    /// Where rates are remembered; `None` where they say nothing of this upload.
    pub(super) folder: Option<&'a Path>,
    /// `--expected-rate`.
    pub(super) expected_rate: Option<u64>,
    pub(super) rights: &'a Rights,
}

/// A forecast, with what it was made of.
#[derive(Debug, Clone)]
pub(super) struct Foretold<'a> {
    pub(super) forecast: Forecast,
    pub(super) rate: Rate,
    rights: &'a Rights,
}

impl<'a> Outlook<'a> {
    /// Bytes a second to be expected: as it was typed, else as earlier uploads went.
    pub(super) fn rate(&self) -> Option<Rate> {
        let of = |origin| move |value| Rate { value, origin };
        let typed = self.expected_rate.map(of(RateOrigin::Expected));
        let recalled = || rates::recall(self.folder, self.host).map(of(RateOrigin::Remembered));
        typed.or_else(recalled)
    }

    /// What is to be expected before anything is sent but what is `stored`; `None` where no rate
    /// is known, or no length.
    pub(super) fn foretell(
        &self,
        stored: impl Fn(PartNumber) -> bool,
        now: UnixTime,
    ) -> Option<Foretold<'a>> {
        let rate = self.rate()?;
        let rights = self.rights;
        let part_ends_in = |number| rights.part_ends_in(number, now);
        let complete_ends_in = rights.complete_ends_in(now);
        let is_done = |number| stored(number) || !rights.covers(number);
        let ahead = Ahead::of(self.plan, is_done, (0, 0), part_ends_in, complete_ends_in)?;
        let forecast = ahead.forecast(rate.value, self.concurrency, CONCURRENCY_MAX);
        Some(Foretold { forecast, rate, rights })
    }

    /// Tells what is to be expected. Where something ends too early that is a warning, and with
    /// `strict` an error. Whether it was a warning.
    pub(super) fn tell(
        &self,
        stored: impl Fn(PartNumber) -> bool,
        strict: bool,
        console: &Console,
    ) -> Result<bool, CliError> {
        let foretold = self.foretell(stored, unix_now());
        self.check(foretold.as_ref(), strict)?;
        let Some(foretold) = foretold else { return Ok(false) };
        foretold.tell_event(console);
        if foretold.forecast.is_in_time() {
            log::info!("{}", foretold.sentence());
            return Ok(false);
        }
        console.warn(&foretold.warning());
        Ok(true)
    }

    /// With `strict` an error, where something begins too late, or nobody can tell.
    pub(super) fn check(
        &self,
        foretold: Option<&Foretold<'_>>,
        strict: bool,
    ) -> Result<(), CliError> {
        if !strict {
            return Ok(());
        }
        self.refuse_unknown()?;
        match foretold {
            Some(foretold) if !foretold.forecast.is_in_time() => Err(CliError::Expiry {
                what: format!("nothing was sent (--strict-expiry): {}", foretold.sentence()),
                hint: foretold.what_would_fit(),
            }),
            _ => Ok(()),
        }
    }

    /// What must be known to be strict.
    fn refuse_unknown(&self) -> Result<(), CliError> {
        let refused = |what: String, hint: &str| Err(CliError::Usage { what, hint: hint.into() });
        match self.rights {
            Rights::Lasting => Ok(()),
            Rights::Unknown { source } => refused(
                format!(
                    "--strict-expiry cannot tell: the keys of {} are temporary, and nothing says \
                     when they end",
                    named(source)
                ),
                "set AWS_CREDENTIAL_EXPIRATION beside them (`aws configure export-credentials \
                 --format env` prints it), or leave --strict-expiry out",
            ),
            _ if self.plan.forecast().is_none() => refused(
                "--strict-expiry cannot tell: nobody knows how much comes from standard input"
                    .to_owned(),
                "add --expected-size SIZE, or leave --strict-expiry out",
            ),
            _ if self.rate().is_none() => refused(
                format!(
                    "--strict-expiry cannot tell: no rate is known to {}, where no upload of 8 MiB \
                     or more went from here yet",
                    self.host
                ),
                "add --expected-rate RATE, such as 24MB/s or 200Mbit, or leave --strict-expiry out",
            ),
            Rights::Keys { .. } | Rights::Links(_) => Ok(()),
        }
    }
}

impl Foretold<'_> {
    /// How long it takes: `about 3 h 10 min at 24.00 MiB/s`.
    pub(super) fn duration(&self) -> String {
        let Forecast { duration, rate, .. } = self.forecast;
        format!("about {} at {}/s", span(duration), HumanBytes(rate))
    }

    /// What ends, and what does not make it; `None` where nothing ends.
    pub(super) fn expiry(&self) -> Option<String> {
        let verdict = self.verdict().map(|verdict| format!(": {verdict}"));
        Some(self.end()? + &verdict.unwrap_or_default())
    }

    /// Both, as one sentence.
    pub(super) fn sentence(&self) -> String {
        let expiry = self.expiry().map(|expiry| format!("; {expiry}"));
        self.duration() + &expiry.unwrap_or_default()
    }

    /// The sentence, and what to do.
    pub(super) fn warning(&self) -> String {
        format!("{}\n  what would fit: {}", self.sentence(), self.what_would_fit())
    }

    fn tell_event(&self, console: &Console) {
        console.event(&Event::Forecast(Line::new(self)));
    }

    fn end(&self) -> Option<String> {
        let (what, plural) = match self.rights {
            Rights::Lasting | Rights::Unknown { .. } => return None,
            Rights::Keys { source, .. } => (format!("the keys of {}", named(source)), true),
            Rights::Links(ends) if ends.put.is_some() => ("the presigned URL".to_owned(), false),
            Rights::Links(_) if self.forecast.ends_at_once => {
                ("the presigned URLs".to_owned(), true)
            }
            Rights::Links(_) => ("the first of the presigned URLs".to_owned(), false),
        };
        Some(match (self.forecast.ends_in?, plural) {
            (Duration::ZERO, true) => format!("{what} have ended"),
            (Duration::ZERO, false) => format!("{what} has ended"),
            (ends_in, true) => format!("{what} end in {}", span(ends_in)),
            (ends_in, false) => format!("{what} ends in {}", span(ends_in)),
        })
    }

    /// What does not make it; `None` where everything does.
    fn verdict(&self) -> Option<String> {
        let Forecast { parts, late_parts, .. } = self.forecast;
        let renewable = matches!(self.rights, Rights::Keys { renews: Renews::Perhaps, .. });
        let fails = if renewable { "will need newer ones" } else { "will not make it" };
        Some(match late_parts {
            0 if self.forecast.completes_in_time => return None,
            0 => format!("all parts will make it, completing the upload {fails}"),
            1 if parts == 1 => format!("the file {fails}"),
            late => format!("{late} of {parts} parts {fails}"),
        })
    }

    /// What to change, most likely first.
    pub(super) fn what_would_fit(&self) -> String {
        let mut ways = Vec::new();
        let lifetime = self.forecast.lifetime();
        match self.rights {
            Rights::Lasting | Rights::Unknown { .. } => {}
            Rights::Keys { renews, .. } => {
                let lifetime = lifetime.filter(|lifetime| *lifetime <= SESSION_MAX);
                ways.extend(lifetime.map(|lifetime| format!("keys that last {}", span(lifetime))));
                ways.push(match renews {
                    Renews::Perhaps => NEWER.to_owned(),
                    _ => RENEWED.to_owned(),
                });
            }
            Rights::Links(_) => {
                let typed = lifetime.map(exact_duration);
                ways.extend(typed.map(|typed| format!("curlift presign --expires-in {typed}")));
                ways.push("--renew 'COMMAND'".to_owned());
            }
        }
        let concurrency = self.forecast.concurrency_needed;
        ways.extend(concurrency.map(|parts| format!("--concurrency {parts}")));
        let rate = self.forecast.rate_needed.filter(|rate| *rate > self.forecast.rate);
        ways.extend(rate.map(|rate| format!("more than {}/s", HumanBytes(rate))));
        match ways.pop() {
            Some(last) if !ways.is_empty() => format!("{}; or {last}", ways.join("; ")),
            Some(only) => only,
            None => "a smaller file".to_owned(),
        }
    }
}

/// The line of `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Line {
    /// Of what is still to be sent.
    pub(super) duration_s: f64,
    pub(super) rate_bytes_per_s: u64,
    pub(super) rate_origin: RateOrigin,
    pub(super) parts: u32,
    pub(super) late_parts: u32,
    pub(super) first_late_s: Option<f64>,
    pub(super) completes_in_time: bool,
    /// Nothing where nothing ends.
    pub(super) ends_in_s: Option<f64>,
    /// What ends, and what does not make it, in words.
    pub(super) expiry: Option<String>,
}

impl Line {
    pub(super) fn new(foretold: &Foretold<'_>) -> Line {
        let seconds = |span: Duration| milliseconds(span.as_secs_f64());
        let forecast = &foretold.forecast;
        Line {
            duration_s: seconds(forecast.duration),
            rate_bytes_per_s: forecast.rate,
            rate_origin: foretold.rate.origin,
            parts: forecast.parts,
            late_parts: forecast.late_parts,
            first_late_s: forecast.first_late_at.map(seconds),
            completes_in_time: forecast.completes_in_time,
            ends_in_s: forecast.ends_in.map(seconds),
            expiry: foretold.expiry(),
        }
    }
}

/// No session of STS lasts longer (AWS STS API Reference, `GetSessionToken`).
const SESSION_MAX: Duration = Duration::from_hours(36);

/// What helps where a file or a command has the keys.
const NEWER: &str = "newer keys where these come from, which is asked before they end";

/// What helps where nobody can change them.
const RENEWED: &str = "a profile with a role or an SSO session, whose keys are renewed";

/// A lifetime as it is typed.
fn exact_duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let exact = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or((1, "s"));
    format!("{}{name}", seconds / unit)
}

/// A source of keys as it stands in a sentence.
fn named(source: &str) -> String {
    if source.starts_with("profile") { source.to_owned() } else { format!("the {source}") }
}

/// A span of time in its two largest units: `3 h 10 min`.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |large: u64, unit: &str, small: u64, smaller: &str| match small {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {small} {smaller}"),
    };
    match () {
        () if days > 0 => two(days, "d", hours % 24, "h"),
        () if hours > 0 => two(hours, "h", minutes % 60, "min"),
        () if minutes >= 10 => format!("{minutes} min"),
        () if minutes > 0 => two(minutes, "min", seconds % 60, "s"),
        () if seconds > 0 => format!("{seconds} s"),
        () => "a second".to_owned(),
    }
}

#[cfg(test)]
mod tests;
