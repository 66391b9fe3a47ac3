//! The program against its own lab, over loopback and through real libcurl: what it survives,
//! what it must explain, and what it leaves behind when it is stopped.
//!
//! Every test has a lab of its own, in another process; `curl` reads what the lab stored.
#![expect(clippy::disallowed_methods, reason = "tests wait, and hand PATH on")]

mod by_manifest;
mod canned;
mod completes;
mod diagnoses;
mod experiments;
mod explains;
mod exports;
mod forecasts;
mod keys;
mod lifecycle;
mod links;
mod local_lab;
mod manifests;
mod nested;
#[path = "../support/presigned.rs"]
mod presigned;
mod presigns;
mod renewals;
mod resumes;
mod spool;
mod stdin;
mod stops;
#[path = "../support/mod.rs"]
mod support;
mod survives;
mod tunes;
mod uploads;
mod verify;

/// The lab's bucket.
pub(crate) const BUCKET: &str = "lab";

/// The key of all uploads to it.
pub(crate) const KEY: &str = "key.bin";

/// Where they go.
pub(crate) const DESTINATION: &str = "s3://lab/key.bin";

pub(crate) const MIB: usize = 1 << 20;

/// Three parts: two of 5 MiB and a shorter one.
pub(crate) const SIZE: usize = 12 * MIB;

/// What cuts `SIZE` into three parts.
pub(crate) const IN_PARTS: [&str; 4] = ["--part-size", "5MiB", "--multipart-threshold", "5MiB"];
