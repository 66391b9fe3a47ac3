//! The lines of `uploads --json`. Field names are a contract with scripts.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;

use super::ownership::Ownership;
use super::sum::Sum;
use crate::cli::commands::store::Cost;
use crate::cli::cost::Price;
use crate::upload::Unfinished;

/// One upload.
#[derive(Debug, Serialize)]
pub(super) struct Upload<'a> {
    event: &'static str,
    key: &'a str,
    #[serde(rename = "upload_id")]
    id: &'a str,
    initiated: Option<String>,
    age_s: Option<u64>,
    parts: Option<u64>,
    bytes: Option<u64>,
    storage_class: Option<&'a str>,
    cost_per_month_usd: Option<f64>,
    /// `unknown`, `ours`, `live`.
    owner: &'static str,
    /// What `abort` did: `aborted`, `unconfirmed`, `still_fed`, `failed`, `live`, `selected` (with
    /// `--dry-run`), `not_reached`.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'static str>,
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        upload: &'a Unfinished,
        ownership: Ownership,
        price: Price,
        result: Option<&'static str>,
    ) -> Upload<'a> {
        let date = |time: i64| DateTime::from_timestamp(time, 0);
        let initiated = upload.initiated.and_then(|time| date(time.0));
        Upload {
            event: "upload",
            key: &upload.key,
            id: &upload.upload_id.0,
            initiated: initiated.map(|date| date.to_rfc3339_opts(SecondsFormat::Secs, true)),
            age_s: upload.age.map(|age| age.as_secs()),
            parts: upload.stored.map(|stored| stored.parts),
            bytes: upload.stored.map(|stored| stored.bytes),
            storage_class: upload.storage_class.as_deref(),
            cost_per_month_usd: upload.stored.map(|stored| rounded(price.of(stored.bytes))),
            owner: ownership.as_str(),
            result,
        }
    }
}

/// The end; always the last line.
#[derive(Debug, Serialize)]
pub(super) struct Summary<'a> {
    pub(super) event: &'static str,
    /// `listed`, `aborted`, `dry_run`, `failed`, `interrupted`.
    pub(super) outcome: &'static str,
    /// The address that was meant.
    pub(super) destination: &'a str,
    /// Uploads of the selection, and what lies in them.
    pub(super) uploads: u64,
    pub(super) parts: u64,
    pub(super) bytes: u64,
    /// Uploads whose parts could not be listed.
    pub(super) unknown_size: u64,
    pub(super) cost_per_month_usd: f64,
    pub(super) price_per_gb_month_usd: f64,
    /// Uploads that were listed and are not of the selection.
    pub(super) others: usize,
    /// What `abort` has done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) freed: Option<Freed>,
    pub(super) requests: u32,
    pub(super) retries: BTreeMap<&'static str, u32>,
    pub(super) exit_code: Option<u8>,
}

/// What `abort` has done.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Freed {
    /// Uploads that are gone.
    pub(super) uploads: u64,
    pub(super) bytes: u64,
    pub(super) cost_per_month_usd: f64,
    /// Uploads of the selection that are not gone, or may not be.
    pub(super) left: u64,
    /// Of these, those that a process on this machine is sending.
    pub(super) live: u64,
}

impl<'a> Summary<'a> {
    pub(super) fn new(
        outcome: &'static str,
        destination: &'a str,
        sum: &Sum,
        price: Price,
        cost: &Cost,
    ) -> Summary<'a> {
        Summary {
            event: "summary",
            outcome,
            destination,
            uploads: sum.uploads,
            parts: sum.parts,
            bytes: sum.bytes,
            unknown_size: sum.unknown,
            cost_per_month_usd: rounded(price.of(sum.bytes)),
            price_per_gb_month_usd: price.usd(),
            others: 0,
            freed: None,
            requests: cost.requests,
            retries: cost.retries.iter().map(|(class, n)| (class.as_str(), *n)).collect(),
            exit_code: None,
        }
    }

    /// The summary of a command that never began.
    pub(super) fn of_nothing(destination: &'a str) -> Summary<'a> {
        let (sum, price) = (Sum::default(), Price::new(None));
        Summary::new("failed", destination, &sum, price, &Cost::default())
    }
}

/// To millionths of a dollar.
pub(super) fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}
