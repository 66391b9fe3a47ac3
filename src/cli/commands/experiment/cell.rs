//! One cell: a lab that behaves, URLs that are made as all begin, uploads, and what became of them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::children::Children;
use super::clients::{Clients, Task};
use crate::cli::commands::lab::put_url;
use crate::cli::console::{now, wall_clock};
use crate::experiment::{Behaviour, Cell, Client, Design, Outcome, Sight, forecast};
use crate::lab::faults::Rule;
use crate::lab::{Lab, LabSettings, LinkRate};
use crate::s3::sigv4::Lifetime;

/// What a cell takes beside its uploads: Python's start, and the wait for a whole second.
pub(super) const OVERHEAD: Duration = Duration::from_secs(2);

/// What a client may take longer than it must before it is given up.
const PATIENCE: Duration = Duration::from_mins(1);

const BUCKET: &str = "lab";

/// Measures one cell; nothing where the user has stopped it.
///
/// # Errors
/// The lab or the client cannot be started.
pub(super) fn measure(
    cell: Cell,
    design: &Design,
    clients: &Clients,
    file: &Path,
    children: &Children,
) -> io::Result<Option<Outcome>> {
    let setting = design.setting(&cell);
    let lab = Lab::start(settings(cell, design))?;
    let began = now();
    let mint = || {
        wait_for_second(children);
        urls(&lab, cell.users, setting.lifetime)
    };
    let takes = forecast(cell.behaviour, cell.client, &setting).takes;
    let Cell { behaviour, client, users, lifetime } = cell;
    // Only a script has a body that waits for another's.
    let is_held = behaviour == Behaviour::RequestTimeout && client != Client::Curlift;
    let has_pool = is_held || behaviour == Behaviour::QueuedInClient;
    let task = Task {
        name: format!("{}-{}-{users}-{}", behaviour.name(), client.name(), lifetime.as_millis()),
        client,
        file,
        workers: if has_pool { setting.pool.min(users) } else { users },
        holds: is_held,
        limit: takes * 3 + PATIENCE,
    };
    let told = match (client, &clients.python) {
        (Client::Pycurl | Client::Python, Some(python)) => {
            python.upload(&task, children, &clients.folder, mint)
        }
        (Client::Curlift, _) => clients.curlift.upload(&task, children, mint),
        (_, None) => Err(io::ErrorKind::NotFound.into()),
    };
    let told = match told {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(None),
        told => told?,
    };
    if children.is_over() && told.len() < cell.users as usize {
        return Ok(None);
    }
    let mut seen = BTreeMap::new();
    for number in 0..cell.users as usize {
        // The store decides what is stored: a client that says otherwise is wrong.
        let is_stored = lab.object(BUCKET, &key(number)).is_some();
        let sight = told.get(&number).copied().flatten();
        if !is_stored {
            *seen.entry(sight.unwrap_or(Sight::Other)).or_default() += 1;
        }
    }
    Ok(Some(Outcome { cell, seen, elapsed: now() - began }))
}

fn settings(cell: Cell, design: &Design) -> LabSettings {
    let setting = design.setting(&cell);
    let starve = format!("starve {}ms", setting.patience.as_millis());
    let effect = match cell.behaviour {
        Behaviour::ChecksAtStart | Behaviour::QueuedInClient => "expire-abruptly",
        Behaviour::CutsInFlight => "expire-in-flight",
        Behaviour::ChecksAtEnd => "expire-at-end",
        Behaviour::RequestTimeout => &starve,
    };
    let rule: Rule = format!("PutObject always {effect}").parse().expect("a rule of ours");
    LabSettings {
        faults: vec![rule],
        discard: true,
        link: Some(LinkRate { bytes_per_s: setting.bytes_per_s, is_shared: setting.is_shared }),
        ..LabSettings::default()
    }
}

/// URLs count whole seconds: one made late in a second would live shorter by that.
fn wait_for_second(children: &Children) {
    let since = wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    children.wait(Duration::from_nanos((NANOS_PER_S - since.subsec_nanos()).into()));
}

const NANOS_PER_S: u32 = 1_000_000_000;

fn urls(lab: &Lab, users: u32, lifetime: Duration) -> Vec<String> {
    let (at, lifetime) = (wall_clock(), Lifetime::new(lifetime).expect("the design checked it"));
    let url = |number: u32| put_url(lab, BUCKET, &key(number as usize), at, lifetime);
    (0..users).map(|number| url(number).expect("the lab's own address")).collect()
}

fn key(number: usize) -> String {
    format!("upload-{number}")
}
