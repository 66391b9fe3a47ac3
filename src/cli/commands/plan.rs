//! `curlift plan`: what `cp` would do. Sends nothing and needs no credentials.

mod ladder;
mod linked;

use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use self::ladder::Rung;
use super::store::rights_at_hand;
use super::upload::Upload;
use crate::cli::Surroundings;
use crate::cli::args::UploadArgs;
use crate::cli::console::{Console, harmless, unix_now};
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::cli::forecast::{self, Foretold, Rights};
use crate::config::{Config, Setting};
use crate::s3::PartNumber;
use crate::s3::payload::PayloadMode;
use crate::units::exact_size;
use crate::upload::UploadPlan;

/// What the program itself needs: code, the engine's books. Measured: 8.9 MiB of resident memory,
/// 2 MiB of it upload buffers, for 8 parts over plain http, in a release build.
const MEMORY_BASE: u64 = 8 << 20;

/// Prints the plan, as text or as one JSON object.
pub(super) fn run(
    args: &UploadArgs,
    console: &Console,
    surroundings: &Surroundings,
) -> Result<ExitStatus, CliError> {
    let (upload, config) = Upload::prepare(args, console, surroundings)?;
    let mut plan = Plan::new(&upload, &config, !args.s3.no_sign_request);
    // Keys are looked for only where something can be said of them.
    let strict = upload.expiry.strict;
    let rights = if strict || upload.outlook(&upload.plan, &Rights::Lasting).rate().is_some() {
        rights_at_hand(&args.s3, &config, surroundings)
    } else {
        Rights::Lasting
    };
    let outlook = upload.outlook(&upload.plan, &rights);
    let foretold = outlook.foretell(|_| false, unix_now());
    if let Some(linked) = &upload.linked {
        plan = plan.by_links(&upload, linked);
    }
    plan.forecast = foretold.as_ref().map(Expected::new);
    if console.is_json() {
        console.event(&plan);
    } else {
        console.product(&harmless(&plan.text()));
    }
    // As `cp` would, but that nothing of an earlier run is known here.
    outlook.check(foretold.as_ref(), strict)?;
    Ok(ExitStatus::Success)
}

/// The plan's numbers, and who set them.
#[derive(Debug, Serialize)]
struct Plan {
    event: &'static str,
    source: String,
    destination: String,
    url: String,
    region: Said<String>,
    /// This and the counts: nothing of a stream whose length was not told.
    bytes: Option<u64>,
    multipart: Option<bool>,
    parts: Option<u32>,
    part_size: u64,
    part_size_wanted: Said<u64>,
    part_size_last: Option<u64>,
    multipart_threshold: Said<u64>,
    requests: Option<u32>,
    concurrency: Said<u32>,
    attempts_max: Said<u32>,
    memory_bytes: u64,
    checksum: &'static str,
    signature: &'static str,
    /// Of such a stream: how its parts grow, and the most it may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ladder: Vec<Rung>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_max: Option<u64>,
    /// Nothing where no rate is known.
    forecast: Option<Expected>,
    #[serde(skip)]
    by_links: bool,
    #[serde(skip)]
    is_share: bool,
}

/// How long it takes, and what begins too late.
#[derive(Debug, Serialize)]
struct Expected {
    #[serde(flatten)]
    line: forecast::Line,
    #[serde(skip)]
    duration: String,
    #[serde(skip)]
    what_would_fit: Option<String>,
}

impl Expected {
    fn new(foretold: &Foretold<'_>) -> Expected {
        let late = !foretold.forecast.is_in_time();
        Expected {
            line: forecast::Line::new(foretold),
            duration: format!("{} ({})", foretold.duration(), foretold.rate.origin.words()),
            what_would_fit: late.then(|| foretold.what_would_fit()),
        }
    }

    fn rows(&self) -> impl Iterator<Item = (&'static str, String)> {
        let duration = [("duration", self.duration.clone())].into_iter();
        let expiry = self.line.expiry.clone().map(|expiry| ("expiry", expiry));
        let fits = self.what_would_fit.clone().map(|ways| ("would fit", ways));
        duration.chain(expiry).chain(fits)
    }
}

/// A value and who set it.
#[derive(Debug, Serialize)]
struct Said<T> {
    value: T,
    origin: String,
}

impl<T: Clone> Said<T> {
    fn of(setting: &Setting<T>) -> Said<T> {
        Said { value: setting.value.clone(), origin: setting.origin.to_string() }
    }
}

impl Plan {
    fn new(upload: &Upload, config: &Config, signed: bool) -> Plan {
        let forecast = upload.plan.forecast();
        let plan = forecast.as_ref();
        let multipart = plan.map(|plan| !plan.is_single_put());
        let parts = plan.map(UploadPlan::parts);
        let part_size = plan.unwrap_or(&upload.plan).part_size();
        let in_flight = upload.concurrency.min(parts.unwrap_or(u32::MAX));
        Plan {
            event: "plan",
            source: upload.place.source.clone(),
            destination: upload.place.object.clone(),
            url: upload
                .destination
                .endpoint
                .object_url(&upload.destination.object, &[])
                .to_string(),
            region: Said::of(&config.region),
            bytes: plan.map(UploadPlan::size),
            multipart,
            parts,
            part_size,
            part_size_wanted: Said::of(&config.part_size),
            part_size_last: plan
                .map(|plan| plan.part(PartNumber::from_index(plan.parts() - 1)).length),
            multipart_threshold: Said::of(&config.multipart_threshold),
            // Beside the parts: CreateMultipartUpload and CompleteMultipartUpload.
            requests: plan.map(|p| if p.is_single_put() { 1 } else { p.parts() + 2 }),
            concurrency: Said { value: upload.concurrency, ..Said::of(&config.concurrency) },
            attempts_max: Said::of(&config.attempts_max),
            memory_bytes: memory(upload, in_flight, part_size),
            checksum: checksum(upload.payload),
            signature: if signed { signature(upload.payload) } else { "none" },
            ladder: ladder::rungs(upload),
            bytes_max: plan.is_none().then(|| upload.plan.largest()),
            forecast: None,
            by_links: false,
            is_share: false,
        }
    }

    /// How many bytes there are, and how they are cut.
    fn size(&self) -> Vec<(&'static str, String)> {
        match self.bytes {
            None => ladder::rows(&self.ladder, self.bytes_max.unwrap_or_default()),
            Some(bytes) => vec![
                ("size", format!("{} ({bytes} bytes)", HumanBytes(bytes))),
                ("parts", self.parts()),
            ],
        }
    }

    fn requests(&self) -> Option<(&'static str, String)> {
        let requests = match self.requests? {
            1 => "1 (PutObject)".to_owned(),
            more if self.is_share => format!("{more}, with ListParts"),
            more if self.by_links => format!("{more}, with ListParts and CompleteMultipartUpload"),
            more => format!("{more}, with CreateMultipartUpload and CompleteMultipartUpload"),
        };
        Some(("requests", requests))
    }

    fn memory(&self) -> (&'static str, String) {
        if self.ladder.is_empty() {
            return ("memory", format!("about {}", HumanBytes(self.memory_bytes)));
        }
        let less = "with --expected-size SIZE, --spool DIR or a smaller --concurrency";
        ("less memory", less.to_owned())
    }

    fn parts(&self) -> String {
        let (parts, last) = (self.parts.unwrap_or(1), self.part_size_last.unwrap_or_default());
        let last = exact_size(last);
        if self.multipart != Some(true) {
            return "one PUT".to_owned();
        }
        if parts == 1 {
            return format!("1 of {last}");
        }
        let wanted = &self.part_size_wanted;
        let origin = if wanted.value == self.part_size {
            format!(" ({})", wanted.origin)
        } else {
            format!(" (grown from {}, {})", exact_size(wanted.value), wanted.origin)
        };
        format!("{parts} of {}{origin}, the last of {last}", exact_size(self.part_size))
    }

    fn text(&self) -> String {
        let threshold = &self.multipart_threshold;
        let mut rows = vec![
            ("destination", self.destination.clone()),
            ("URL", self.url.clone()),
            ("region", format!("{} ({})", self.region.value, self.region.origin)),
        ];
        rows.extend(self.size());
        let from = format!("{} ({})", exact_size(threshold.value), threshold.origin);
        rows.extend((!self.by_links).then_some(("in parts from", from)));
        rows.extend(self.requests());
        rows.push((
            "in flight",
            format!("{} ({})", self.concurrency.value, self.concurrency.origin),
        ));
        let attempts = &self.attempts_max;
        rows.push((
            "attempts",
            format!("{} of each request ({})", attempts.value, attempts.origin),
        ));
        rows.push(self.memory());
        rows.push(("checksum", self.checksum.to_owned()));
        rows.push(("signature", self.signature.to_owned()));
        rows.extend(self.forecast.iter().flat_map(Expected::rows));
        let mut text = format!("plan for {}\n", self.source);
        for (name, value) in rows {
            writeln!(text, "  {name:<15}{value}").expect("text can be appended to");
        }
        text += "nothing was sent";
        text
    }
}

/// What the program and so many parts in flight take.
fn memory(upload: &Upload, in_flight: u32, part_size: u64) -> u64 {
    let each = upload.transport.upload_buffer_size() + ladder::held(upload, part_size);
    MEMORY_BASE + u64::from(in_flight) * each
}

fn checksum(payload: PayloadMode) -> &'static str {
    match payload {
        PayloadMode::Unsigned | PayloadMode::Signed { checksum: false } => "none",
        PayloadMode::Watched => "compared with what the store says",
        PayloadMode::UnsignedTrailer => "CRC64NVME behind each part",
        PayloadMode::UnsignedHeader | PayloadMode::Signed { checksum: true } => {
            "CRC64NVME in the headers of each part"
        }
    }
}

fn signature(payload: PayloadMode) -> &'static str {
    match payload {
        PayloadMode::Signed { .. } => "headers and the payload's SHA-256",
        PayloadMode::Unsigned
        | PayloadMode::Watched
        | PayloadMode::UnsignedTrailer
        | PayloadMode::UnsignedHeader => "headers",
    }
}
