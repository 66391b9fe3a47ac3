//! What is told of an upload at its end, as text and as JSON lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::HumanBytes;

use super::console::Console;
use super::cost;
use super::exit::ExitStatus;
use super::explain;
use super::hints::hint;
use super::json::{self, Error, Event, Summary};
use super::place::Place;
use super::usage::Usage;
use crate::s3::{PartNumber, UploadId};
use crate::upload::{Diagnosis, Outcome, Tally, UploadPlan, Uploaded};

/// An upload that ended, in whatever way.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    pub(super) tally: Tally,
    /// What became clear of why attempts failed.
    pub(super) diagnoses: Vec<Diagnosis>,
    pub(super) elapsed: Duration,
    /// The plan as it was carried out.
    pub(super) plan: UploadPlan,
    /// Attempts that were allowed in flight at first.
    pub(super) concurrency: u32,
    /// The signal that stopped it, if one did.
    pub(super) signal: Option<u8>,
    /// Where standard input is kept that was not stored.
    pub(super) spool: Option<PathBuf>,
    /// What stays at the store, to be gone on with.
    pub(super) kept: Option<Kept>,
    /// Bytes that were this run's to store.
    pub(super) bytes: u64,
}

/// An upload that stays at the store.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) upload_id: UploadId,
    /// Names its journal, where one was kept.
    pub(super) resume_id: Option<String>,
    pub(super) parts: u32,
    pub(super) bytes: u64,
}

impl Ended {
    /// The exit code for it.
    pub(super) fn status(&self) -> ExitStatus {
        ExitStatus::of_outcome(&self.outcome, self.signal)
    }

    /// Tells how it ended.
    pub(super) fn tell(&self, console: &Console, place: &Place) {
        let exit_code = self.status().code();
        match &self.outcome {
            Outcome::Uploaded(uploaded) => {
                console.result(&self.uploaded(uploaded, place));
                console.event(&Event::Done {
                    source: &place.source,
                    destination: &place.object,
                    bytes: self.plan.size(),
                });
            }
            Outcome::PartsStored => console.result(&self.parts_stored(place)),
            Outcome::Failed(failure) => {
                let message = explain::failed(failure, place);
                let hint = hint(failure, place, &self.diagnoses);
                let clean = !self.plan.is_single_put() && self.tally.left_behind == 0;
                let kept = self.kept(place);
                let next = kept.as_deref().or(clean.then_some(CLEAN));
                tell_error(console, &message, hint.as_deref(), next);
                let error = Error::of_failure(failure, message, hint, exit_code);
                console.event(&Event::Error(error));
            }
            Outcome::Unknown(failure) => {
                let message = explain::unknown(failure, place);
                let (verb, next) = match &self.kept {
                    Some(kept) => ("find out and go on", self.resume_line(kept, place)),
                    None => ("look", place.head_line()),
                };
                tell_error(console, &message, None, Some(&format!("{verb} with: {next}")));
                let error = Error::of_failure(failure, message, Some(next), exit_code);
                console.event(&Event::Error(error));
            }
            Outcome::Stopped => {
                let stopped = format!("stopped: {} was not stored", place.object);
                let lines = [Some(stopped), self.kept(place)];
                let lines: Vec<String> = lines.into_iter().flatten().collect();
                console.note(&lines.join("\n  "));
            }
        }
        if let Some(spool) = &self.spool {
            console.note(&waiting(spool, place, self.kept.is_some()));
        }
        let seconds = self.elapsed.as_secs_f64();
        let size = self.bytes;
        let diagnoses = json::counts(&self.diagnoses);
        let (object, usage) = (&place.object, Usage::of_process());
        let summary = Summary::new(&self.outcome, &self.tally, size, object, seconds, usage);
        let resume_id = self.kept.as_ref().and_then(|kept| kept.resume_id.as_deref());
        let upload_id = self.kept.as_ref().map(|kept| kept.upload_id.0.as_str());
        let upload_id = summary.upload_id.or(upload_id);
        let spool = self.spool.as_ref().map(|spool| spool.to_string_lossy().into_owned());
        let summary = Summary { diagnoses, upload_id, resume_id, spool, ..summary };
        console.event(&Event::Summary(summary));
    }

    /// The line that goes on with what was kept.
    fn resume_line(&self, kept: &Kept, place: &Place) -> String {
        match (&kept.resume_id, &self.spool) {
            (Some(id), _) => format!("curlift resume {id}"),
            (None, None) => place.adopt_line(&place.source, &kept.upload_id),
            (None, Some(spool)) => place.adopt_line(&spool.to_string_lossy(), &kept.upload_id),
        }
    }

    /// What stays at the store, what that costs, and how to go on with it or to be rid of it.
    fn kept(&self, place: &Place) -> Option<String> {
        let kept = self.kept.as_ref()?;
        let Kept { parts, bytes, .. } = kept;
        let stays = match parts {
            0 => "no part of it is stored; its upload stays at the store".to_owned(),
            _ => format!(
                "{parts} of {} parts ({}) stay at the store and are billed, {}",
                self.plan.parts(),
                HumanBytes(*bytes),
                cost::monthly(*bytes)
            ),
        };
        Some(format!(
            "{stays}\ngo on with: {}\nfree them with: {}",
            self.resume_line(kept, place),
            place.abort_line(&kept.upload_id)
        ))
    }

    fn uploaded(&self, uploaded: &Uploaded, place: &Place) -> String {
        let mut lines =
            vec![format!("uploaded {} to {}", place.source, place.object), self.cost(place)];
        let etag = uploaded.etag.as_ref().map(|etag| format!("ETag {etag}"));
        let checksum = uploaded.checksum.map(|sum| format!("CRC64NVME {}", sum.to_base64()));
        let identity: Vec<String> = [etag, checksum].into_iter().flatten().collect();
        if !identity.is_empty() {
            lines.push(identity.join(", "));
        }
        if uploaded.by_comparison {
            lines.push(BY_COMPARISON.to_owned());
        }
        let found = |Diagnosis { cause, count, .. }: &Diagnosis| match count {
            1 => format!("{cause}: seen once"),
            count => format!("{cause}: seen {count} times"),
        };
        lines.extend(self.diagnoses.iter().map(found));
        lines.join("\n  ")
    }

    fn parts_stored(&self, place: &Place) -> String {
        let Tally { parts, .. } = self.tally;
        let total = self.plan.parts();
        let stored = format!("stored {parts} of {total} parts of {}", place.source);
        [
            stored.as_str(),
            self.cost(place).as_str(),
            "once all are there, complete it by the whole manifest: curlift complete parts.json",
        ]
        .join("\n  ")
    }

    /// Bytes, time, rate, parts and retries.
    pub(super) fn cost(&self, place: &Place) -> String {
        let size = self.bytes;
        let seconds = self.elapsed.as_secs_f64();
        let rate = HumanBytes((size as f64 / seconds.max(0.001)) as u64);
        let bytes = HumanBytes(size);
        let mut parts =
            vec![format!("{bytes} in {seconds:.1} s ({rate}/s)"), cut(&self.plan), self.retries()];
        parts.extend(self.breath(place));
        parts.extend(
            (self.tally.hedges > 0).then(|| format!("{} slow parts sent twice", self.tally.hedges)),
        );
        parts.join(", ")
    }

    /// How the number of attempts in flight followed the store, where it had to.
    fn breath(&self, place: &Place) -> Option<String> {
        let (lowest, last) = self.tally.in_flight_max;
        let fell = lowest < self.concurrency && lowest > 0;
        fell.then(|| {
            format!("{} → {lowest} → {last} in flight on {}", self.concurrency, place.key_prefix())
        })
    }

    fn retries(&self) -> String {
        let total: u32 = self.tally.retries.values().sum();
        // Whole requests, over connections that died before their answer came.
        let hidden = match self.tally.rewinds {
            0 => String::new(),
            times => format!(", {times} sent again by libcurl itself"),
        };
        if total == 0 {
            return format!("no retries{hidden}");
        }
        let each: Vec<String> = self
            .tally
            .retries
            .iter()
            .map(|(symptom, count)| format!("{count} {symptom}"))
            .collect();
        let plural = if total == 1 { "retry" } else { "retries" };
        format!("{total} {plural} ({}){hidden}", each.join(", "))
    }
}

/// Prints an error with its hint and the line to type next.
pub(super) fn tell_error(console: &Console, what: &str, hint: Option<&str>, next: Option<&str>) {
    let hint = hint.map(|hint| format!("hint: {hint}"));
    let lines: Vec<&str> = [Some(what), hint.as_deref(), next].into_iter().flatten().collect();
    console.error(&lines.join("\n"));
}

/// Where standard input waits, and how it is uploaded from there unless parts of it `are_kept`.
fn waiting(spool: &Path, place: &Place, are_kept: bool) -> String {
    let kept = format!("all of standard input is kept in {}", Place::shown(spool));
    if are_kept {
        return kept;
    }
    format!("{kept}; upload it with: {}", place.again_line(&spool.to_string_lossy()))
}

const CLEAN: &str = "nothing is left at the store, and nothing is billed";
const BY_COMPARISON: &str =
    "S3's own answer was lost; the stored object was compared and is the file";

/// How a file is cut, in words.
pub(super) fn cut(plan: &UploadPlan) -> String {
    if plan.is_single_put() {
        return "in one request".to_owned();
    }
    let size = crate::units::exact_size(plan.part_size());
    if plan.is_open() && plan.forecast().is_none() {
        return format!("parts of {size} and more");
    }
    let first = plan.part(PartNumber::from_index(0)).length;
    match plan.parts() {
        1 => "1 part".to_owned(),
        parts if first < plan.part_size() => {
            format!("{parts} parts of {} to {size}", crate::units::exact_size(first))
        }
        parts => format!("{parts} parts of {size}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::place;
    use crate::s3::{Crc64Nvme, ETag, Limits};
    use crate::upload::{DiagnosedCause, Symptom};

    fn ended(size: u64) -> Ended {
        let uploaded = Uploaded {
            etag: Some(ETag("\"e-8\"".into())),
            checksum: Some(Crc64Nvme(1)),
            upload_id: None,
            by_comparison: true,
        };
        Ended {
            outcome: Outcome::Uploaded(uploaded),
            tally: Tally::default(),
            diagnoses: Vec::new(),
            elapsed: Duration::from_secs(2),
            plan: UploadPlan::new(size, 16 << 20, 16 << 20, &Limits::AWS).unwrap(),
            concurrency: 8,
            signal: None,
            spool: None,
            kept: None,
            bytes: size,
        }
    }

    #[test]
    fn success_says_what_where_and_at_what_cost() {
        let mut ended = ended(128 << 20);
        ended.tally.retries = [(Symptom::Reset, 1), (Symptom::Throttled, 2)].into();
        ended.diagnoses = vec![Diagnosis {
            cause: DiagnosedCause::Throttled,
            because: "it said so".into(),
            advice: "a smaller --concurrency".into(),
            count: 2,
        }];
        let Outcome::Uploaded(uploaded) = &ended.outcome else { unreachable!() };
        assert_eq!(
            ended.uploaded(uploaded, &place()),
            "uploaded backup.tar to s3://bucket/path/key\n  \
             128.00 MiB in 2.0 s (64.00 MiB/s), 8 parts of 16 MiB, 3 retries (1 reset, \
             2 throttled)\n  ETag \"e-8\", CRC64NVME AAAAAAAAAAE=\n  \
             S3's own answer was lost; the stored object was compared and is the file\n  \
             the store asks for fewer requests: seen 2 times"
        );
    }

    #[test]
    fn a_small_file_goes_in_one_request() {
        assert_eq!(ended(5).cost(&place()), "5 B in 2.0 s (2 B/s), in one request, no retries");
        let mut hidden = ended(5);
        hidden.tally.rewinds = 2;
        assert!(hidden.cost(&place()).ends_with("no retries, 2 sent again by libcurl itself"));
    }

    #[test]
    fn what_the_store_could_not_take_is_told() {
        let mut slowed = ended(5);
        slowed.tally.in_flight_max = (2, 5);
        slowed.tally.hedges = 1;
        assert!(
            slowed
                .cost(&place())
                .ends_with("8 → 2 → 5 in flight on bucket/path/, 1 slow parts sent twice")
        );
    }
}
