//! `curlift plan`: what `cp` would do. Sends nothing and needs no credentials.

use std::fmt::Write as _;

use indicatif::HumanBytes;
use serde::Serialize;

use super::upload::Upload;
use crate::cli::args::UploadArgs;
use crate::cli::console::Console;
use crate::cli::error::CliError;
use crate::cli::exit::ExitStatus;
use crate::config::units::exact_size;
use crate::config::{Config, Setting};
use crate::credentials::Environment;
use crate::s3::PartNumber;
use crate::s3::payload::PayloadMode;

/// What the program itself needs: code, the engine's books. Measured: 8.9 MiB of resident memory,
/// 2 MiB of it upload buffers, for 8 parts over plain http, in a release build.
const MEMORY_BASE: u64 = 8 << 20;

/// Prints the plan, as text or as one JSON object.
pub(super) fn run(
    args: &UploadArgs,
    console: &Console,
    environment: &Environment,
) -> Result<ExitStatus, CliError> {
    let (upload, config) = Upload::prepare(args, console, environment)?;
    let plan = Plan::new(&upload, &config, !args.s3.no_sign_request);
    if console.is_json() {
        console.event(&plan);
    } else {
        console.product(&plan.text());
    }
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
    bytes: u64,
    multipart: bool,
    parts: u32,
    part_size: u64,
    part_size_wanted: Said<u64>,
    part_size_last: u64,
    multipart_threshold: Said<u64>,
    requests: u32,
    concurrency: Said<u32>,
    attempts_max: Said<u32>,
    memory_bytes: u64,
    checksum: &'static str,
    signature: &'static str,
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
        let plan = &upload.plan;
        let multipart = !plan.is_single_put();
        let parts = plan.parts();
        let in_flight = u64::from(upload.concurrency.min(parts));
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
            bytes: plan.size(),
            multipart,
            parts,
            part_size: plan.part_size(),
            part_size_wanted: Said::of(&config.part_size),
            part_size_last: plan.part(PartNumber::from_index(parts - 1)).length,
            multipart_threshold: Said::of(&config.multipart_threshold),
            // Beside the parts: CreateMultipartUpload and CompleteMultipartUpload.
            requests: if multipart { parts + 2 } else { 1 },
            concurrency: Said { value: upload.concurrency, ..Said::of(&config.concurrency) },
            attempts_max: Said::of(&config.attempts_max),
            memory_bytes: MEMORY_BASE + in_flight * upload.transport.upload_buffer_size as u64,
            checksum: checksum(upload.payload),
            signature: if signed { signature(upload.payload) } else { "none" },
        }
    }

    fn text(&self) -> String {
        let parts = if !self.multipart {
            "one PUT".to_owned()
        } else if self.parts == 1 {
            format!("1 of {}", exact_size(self.part_size_last))
        } else {
            let (size, last) = (exact_size(self.part_size), exact_size(self.part_size_last));
            let wanted = &self.part_size_wanted;
            let origin = if wanted.value == self.part_size {
                format!(" ({})", wanted.origin)
            } else {
                format!(" (grown from {}, {})", exact_size(wanted.value), wanted.origin)
            };
            format!("{} of {size}{origin}, the last of {last}", self.parts)
        };
        let requests = if self.multipart {
            format!("{}, with CreateMultipartUpload and CompleteMultipartUpload", self.requests)
        } else {
            "1 (PutObject)".to_owned()
        };
        let threshold = &self.multipart_threshold;
        let rows = [
            ("destination", self.destination.clone()),
            ("URL", self.url.clone()),
            ("region", format!("{} ({})", self.region.value, self.region.origin)),
            ("size", format!("{} ({} bytes)", HumanBytes(self.bytes), self.bytes)),
            ("parts", parts),
            ("in parts from", format!("{} ({})", exact_size(threshold.value), threshold.origin)),
            ("requests", requests),
            ("in flight", format!("{} ({})", self.concurrency.value, self.concurrency.origin)),
            (
                "attempts",
                format!(
                    "{} of each request ({})",
                    self.attempts_max.value, self.attempts_max.origin
                ),
            ),
            ("memory", format!("about {}", HumanBytes(self.memory_bytes))),
            ("checksum", self.checksum.to_owned()),
            ("signature", self.signature.to_owned()),
        ];
        let mut text = format!("plan for {}\n", self.source);
        for (name, value) in rows {
            writeln!(text, "  {name:<15}{value}").expect("text can be appended to");
        }
        text += "nothing was sent";
        text
    }
}

fn checksum(payload: PayloadMode) -> &'static str {
    match payload {
        PayloadMode::Unsigned | PayloadMode::Signed { checksum: false } => "none",
        PayloadMode::UnsignedTrailer => "CRC64NVME behind each part",
        PayloadMode::UnsignedHeader | PayloadMode::Signed { checksum: true } => {
            "CRC64NVME in the headers of each part"
        }
    }
}

fn signature(payload: PayloadMode) -> &'static str {
    match payload {
        PayloadMode::Signed { .. } => "headers and the payload's SHA-256",
        PayloadMode::Unsigned | PayloadMode::UnsignedTrailer | PayloadMode::UnsignedHeader => {
            "headers"
        }
    }
}
