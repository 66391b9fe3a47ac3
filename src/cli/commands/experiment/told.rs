//! The lines of `--json`: one `cell` for each, and `summary` at the end. Times are seconds, those
//! of the question and those that were measured.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Found, words};
use crate::experiment::{Cell, Client, Design, Fit, Outcome, forecast};

/// One cell.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    event: &'static str,
    behaviour: &'static str,
    client: &'static str,
    users: u32,
    lifetime_s: f64,
    scaled_lifetime_s: f64,
    failed: u32,
    /// How many must fail by the arithmetic.
    forecast: u32,
    /// What the client saw of those that failed.
    seen: BTreeMap<&'static str, u32>,
    /// How long one transfer takes by the arithmetic, and how long the last of the pool waits.
    transfer_s: f64,
    wait_s: f64,
    elapsed_s: f64,
}

/// What was measured of one.
pub(super) fn cell(design: &Design, outcome: &Outcome) -> Told {
    let Cell { behaviour, client, users, lifetime } = outcome.cell;
    let (setting, question) = (design.setting(&outcome.cell), design.question(&outcome.cell));
    Told {
        event: "cell",
        behaviour: behaviour.name(),
        client: client.name(),
        users,
        lifetime_s: lifetime.as_secs_f64(),
        scaled_lifetime_s: setting.lifetime.as_secs_f64(),
        failed: outcome.failed(),
        forecast: forecast(behaviour, client, &setting).failing,
        seen: outcome.seen.iter().map(|(sight, count)| (sight.name(), *count)).collect(),
        transfer_s: thousandths(question.transfer(users).as_secs_f64()),
        wait_s: thousandths(question.longest_wait().as_secs_f64()),
        elapsed_s: thousandths(outcome.elapsed.as_secs_f64()),
    }
}

/// The last line.
pub(super) fn summary(found: &Found) -> Value {
    let design = &found.design;
    let wanted = design.wanted();
    let name = |client: &Client| client.name();
    let fits = &found.verdict.fits;
    json!({
        "event": "summary",
        "outcome": if found.is_whole { "measured" } else { "interrupted" },
        "cells": found.outcomes.len(),
        "clients": wanted.clients.iter().map(name).collect::<Vec<_>>(),
        "bytes": wanted.size,
        "bytes_per_s": wanted.bytes_per_s,
        "rate_is": if wanted.is_shared { "shared" } else { "per-user" },
        "pool": wanted.pool,
        "scale": wanted.scale,
        "fits": fits.iter().map(fit).collect::<Vec<_>>(),
        "alike": found.verdict.alike.iter().map(|i| fits[*i].behaviour.name()).collect::<Vec<_>>(),
        "apart": found.verdict.apart.map(|apart| json!({
            "users": apart.cell.users,
            "lifetime_s": apart.cell.lifetime.as_secs_f64(),
            "failed": [apart.first, apart.second],
        })),
        "verdict": words::verdict(found),
        "elapsed_s": thousandths(found.elapsed.as_secs_f64()),
    })
}

fn fit(fit: &Fit) -> Value {
    json!({
        "behaviour": fit.behaviour.name(),
        "client": fit.client.name(),
        "fails_there": fit.shape.fails_there > 0.0,
        "fewer_when_longer": fit.shape.fewer_when_longer,
        "cut_under_way": thousandths(fit.shape.cut_under_way),
        "alike": thousandths(fit.shape.score()),
        "as_forecast": fit.as_forecast,
        "cells": fit.cells,
    })
}

fn thousandths(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
