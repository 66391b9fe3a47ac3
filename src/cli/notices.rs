//! What is told of an upload while it runs, as text and as JSON lines.

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use log::{debug, info};

use super::console::Console;
use super::json::Event;
use super::place::{Place, Reach};
use super::progress::Progress;
use super::report::cut;
use super::{explain, json};
use crate::s3::UploadId;
use crate::s3::payload::PayloadMode;
use crate::time::ClockOffset;
use crate::units::exact_size;
use crate::upload::{CutPattern, DiagnosedCause, Diagnosis, Failure, Notice, UploadPlan};

/// Tells what happens while an upload runs.
pub(super) struct Reporter<'a> {
    console: &'a Console,
    place: &'a Place,
    concurrency: u32,
    progress: Progress<'a>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(console: &'a Console, place: &'a Place, concurrency: u32) -> Reporter<'a> {
        Reporter { console, place, concurrency, progress: Progress::new(console) }
    }

    /// Tells of one notice.
    pub(super) fn hear(&mut self, notice: &Notice) {
        let console = self.console;
        match notice {
            Notice::Moved(snapshot) => self.progress.show(snapshot),
            Notice::Planned(plan) => self.planned(plan),
            Notice::UploadCreated(upload_id) => info!("upload id {upload_id}"),
            Notice::PartStored { part, attempts, etag } => {
                debug!("part {} stored at attempt {attempts}: ETag {etag}", part.number);
                console.event(&Event::Part {
                    part: part.number.0.get(),
                    offset: part.offset,
                    bytes: part.length,
                    attempts: *attempts,
                    etag: &etag.0,
                });
            }
            Notice::Retrying { failure, delay } => self.retrying(failure, *delay),
            Notice::Diagnosed(diagnosis) => diagnosed(console, diagnosis),
            Notice::Resuming(upload_id) => {
                info!("going on with upload {upload_id}; asking the store what it has");
            }
            Notice::Reused { parts, bytes } => console.note(&reused(*parts, *bytes)),
            Notice::Unlisted(failure) => console.note(&format!(
                "the store may not be asked which parts it has ({}); the journal's word is taken",
                explain::reason(failure)
            )),
            Notice::Gone(upload_id) => console.note(&format!(
                "upload {upload_id} is no longer at the store (aborted, or expired by a lifecycle \
                 rule); beginning anew"
            )),
            Notice::Kept(upload_id) => info!("upload {upload_id} stays, to be gone on with"),
            Notice::JournalLost(reason) => console.warn(&format!(
                "the journal can no longer be written ({reason}): the upload goes on, but one that \
                 is interrupted now may send parts again"
            )),
            Notice::Completing => info!("all parts are stored; completing the upload"),
            Notice::Verifying(failure) => console.note(&format!(
                "the answer to {} did not arrive ({}); comparing the stored object",
                failure.operation,
                explain::reason(failure)
            )),
            Notice::Aborting(upload_id) => info!("giving up upload {upload_id}, freeing its parts"),
            Notice::Redirected { to, region } => {
                console.note(&redirected(to, region.as_deref()));
            }
            Notice::Repairing { parts } => console.note(&format!(
                "the store has other bytes in {parts} parts than it was sent last; again with them"
            )),
            Notice::ClockLearnt(offset) => console.warn(&clock(*offset, &self.place.reach)),
            Notice::RenewingKeys => info!("the keys have expired; asking their source for others"),
            Notice::KeysRenewed(Ok(())) => info!("fresh keys are there"),
            Notice::KeysRenewed(Err(reason)) => {
                console.warn(&format!("the keys have expired and were not renewed: {reason}"));
            }
            Notice::RenewingLinks(count) => {
                info!("presigned URLs end; asking --renew for {count}");
            }
            Notice::LinksRenewed(Ok(count)) => info!("{count} fresh presigned URLs are there"),
            Notice::LinksRenewed(Err(reason)) => {
                console.warn(&format!("the presigned URLs were not renewed: {reason}"));
            }
            Notice::ChecksumsAdapted { payload, because } => {
                console.note(&adapted(*payload, because));
            }
            Notice::Slowed { from, to, because } => self.slowed(*from, *to, because),
            Notice::Recut { pattern, from, to, parts } => {
                console.note(&recut(*pattern, *from, *to, *parts));
            }
            Notice::Hedged(part) => {
                info!("part {} takes long; sending it a second time", part.number);
            }
            Notice::Searching => {
                info!("looking for uploads whose creation was not answered");
            }
            Notice::Discarded(upload_id) => {
                info!("upload {upload_id}, whose creation was not answered, was found and freed");
            }
            Notice::LeftBehind { upload_id, failure } => {
                self.left_behind(upload_id.as_ref(), failure.as_ref());
            }
        }
    }

    fn planned(&self, plan: &UploadPlan) {
        let place = self.place;
        let forecast = plan.forecast();
        let plan = forecast.as_ref().unwrap_or(plan);
        info!(
            "sending {} to {}: {}, {} at a time",
            place.source,
            place.object,
            cut(plan),
            self.concurrency
        );
        self.console.event(&Event::Start(json::Start {
            source: &place.source,
            destination: &place.object,
            bytes: forecast.as_ref().map(UploadPlan::size),
            parts: forecast.as_ref().map(UploadPlan::parts),
            part_size: plan.part_size(),
            concurrency: self.concurrency,
        }));
    }

    fn left_behind(&self, upload_id: Option<&UploadId>, failure: Option<&Failure>) {
        let place = self.place;
        let next = match upload_id {
            Some(upload_id) => format!("free them with: {}", place.abort_line(upload_id)),
            None => format!("look with: {}", place.list_line()),
        };
        let reason = failure.map(|failure| format!(" ({})", explain::reason(failure)));
        self.console.warn(&format!(
            "parts may be left at {} and be billed{}; {next}",
            place.endpoint,
            reason.unwrap_or_default()
        ));
    }

    fn retrying(&self, failure: &Failure, delay: Duration) {
        let what = match failure.part {
            Some(part) => format!("part {}", part.number),
            None => failure.operation.to_owned(),
        };
        let (class, delay_s) = (failure.symptom.as_str(), delay.as_secs_f64());
        info!("{what}: {} [{class}], again in {delay_s:.2} s", explain::detail(failure));
        self.console.event(&Event::Retry {
            operation: failure.operation,
            part: failure.part.map(|part| part.number.0.get()),
            attempt: failure.attempt,
            attempts_max: failure.attempts_max,
            class,
            reason: explain::reason(failure),
            delay_s: (delay_s * 1000.0).round() / 1000.0,
        });
    }

    fn slowed(&self, from: u32, to: u32, because: &Failure) {
        let prefix = self.place.key_prefix();
        let reason = explain::reason(because);
        info!("{from} → {to} in flight on {prefix}: {reason}");
        self.console.event(&Event::Throttle {
            code: because.s3_code().filter(|code| !code.is_empty()),
            status: because.status(),
            prefix: &prefix,
            in_flight_max: to,
        });
    }
}

/// Tells what makes attempts fail, and what to change.
fn diagnosed(console: &Console, diagnosis: &Diagnosis) {
    let Diagnosis { cause, because, advice, .. } = diagnosis;
    // What was learnt from these is told by notices of their own.
    if !matches!(cause, DiagnosedCause::ClockSkew | DiagnosedCause::WrongRegion) {
        console.note(&format!("note: {cause}: {because}\n  try: {advice}"));
    }
    console.event(&Event::Diagnosis { cause: cause.as_str(), because, advice });
}

fn reused(parts: u32, bytes: u64) -> String {
    match parts {
        0 => "nothing of an earlier run can be used: all parts are sent".to_owned(),
        _ => format!("{parts} parts ({}) are at the store already and not sent", HumanBytes(bytes)),
    }
}

fn redirected(to: &str, region: Option<&str>) -> String {
    match region {
        Some(region) => {
            format!("the bucket is in {region}; going on there. --region {region} saves the detour")
        }
        None => format!("the store sends us to {to}; going on there"),
    }
}

fn clock(offset: ClockOffset, reach: &Reach) -> String {
    let (seconds, direction) =
        (offset.0.unsigned_abs(), if offset.0 < 0 { "ahead of" } else { "behind" });
    let what = match reach {
        Reach::Keys => "signatures are dated by the store's",
        Reach::Url | Reach::Manifest(_) => "when presigned URLs expire is told by the store's",
    };
    format!(
        "this machine's clock is {} {direction} the store's; {what}. Set it, for example with \
         `timedatectl set-ntp true`",
        HumanDuration(Duration::from_secs(seconds))
    )
}

fn adapted(payload: PayloadMode, because: &Failure) -> String {
    let how = match payload {
        PayloadMode::UnsignedHeader => "as headers",
        _ => "not at all",
    };
    let advice = "--checksum-algorithm none saves the attempt";
    format!("checksums are sent {how} from now on ({}); {advice}", explain::reason(because))
}

fn recut(pattern: CutPattern, from: u64, to: u64, parts: u32) -> String {
    let cut = match pattern {
        CutPattern::AtBytes(bytes) => format!("after about {}", HumanBytes(bytes)),
        CutPattern::AtAge(age) => format!("after about {} s", age.as_secs()),
    };
    format!(
        "connections are cut {cut}, time after time: a proxy or firewall on the way; the parts \
         not yet sent are {} in place of {}, {parts} in all. --part-size {} does so from the start",
        HumanBytes(to),
        HumanBytes(from),
        exact_size(to).replace(' ', "")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::{answered, failure};
    use crate::s3::ErrorClass;

    #[test]
    fn what_was_learnt_is_told_with_what_to_type_next_time() {
        assert_eq!(
            redirected("https://b", Some("eu-west-1")),
            "the bucket is in eu-west-1; going on there. --region eu-west-1 saves the detour"
        );
        assert_eq!(
            redirected("https://b", None),
            "the store sends us to https://b; going on there"
        );
        assert!(clock(ClockOffset(1200), &Reach::Keys).contains("clock is 20 minutes behind the"));
        assert!(
            clock(ClockOffset(-1200), &Reach::Keys).contains("clock is 20 minutes ahead of the")
        );
        let because = failure(answered(501, "NotImplemented"), ErrorClass::NotImplemented);
        assert!(adapted(PayloadMode::UnsignedHeader, &because).contains("sent as headers"));
        assert!(adapted(PayloadMode::Unsigned, &because).contains("NotImplemented"));
        let told = recut(CutPattern::AtBytes(20 << 20), 64 << 20, 10 << 20, 40);
        assert!(told.contains("after about 20.00 MiB") && told.contains("--part-size 10MiB"));
        let told = recut(CutPattern::AtAge(Duration::from_mins(1)), 64 << 20, 10 << 20, 40);
        assert!(told.contains("after about 60 s"), "{told}");
    }
}
