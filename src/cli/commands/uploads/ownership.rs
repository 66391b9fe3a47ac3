//! Whose an unfinished upload is, as far as this machine knows: its journals name the uploads that
//! were begun here, and a journal that is held is of one that is running.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use crate::cli::console::Console;
use crate::credentials::Environment;
use crate::disk;
use crate::s3::UploadId;

/// What is known of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ownership {
    /// It was not begun here, or nothing here tells.
    Unknown,
    /// It was begun here and can be resumed.
    Ours,
    /// A process on this machine is sending it now.
    OursLive,
}

impl Ownership {
    /// As it stands in `--json` and in the table.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Ownership::Unknown => "unknown",
            Ownership::Ours => "ours",
            Ownership::OursLive => "live",
        }
    }
}

/// Reads the journals as they are now. Where they cannot be read that is told, and nothing is
/// known.
pub(super) fn of_this_machine(
    environment: &Environment,
    console: &Console,
) -> impl Fn(&UploadId) -> Ownership + use<> {
    let known = read(environment).unwrap_or_else(|error| {
        console.warn(&format!(
            "the journals of this machine cannot be read, so that uploads of its own are not \
             known: {error}"
        ));
        BTreeMap::new()
    });
    move |upload_id| known.get(&upload_id.0).copied().unwrap_or(Ownership::Unknown)
}

/// Everything between quotes in any journal: an upload's id is among it, for a journal is JSON
/// lines.
fn read(environment: &Environment) -> io::Result<BTreeMap<String, Ownership>> {
    let mut known = BTreeMap::new();
    let Some(folder) = folder(environment) else { return Ok(known) };
    for name in disk::journals(&folder)? {
        let Some((bytes, is_held)) = disk::peek(&folder, &name)? else { continue };
        let ownership = if is_held { Ownership::OursLive } else { Ownership::Ours };
        for text in String::from_utf8_lossy(&bytes).split('"').skip(1).step_by(2) {
            let entry = known.entry(text.to_owned()).or_insert(ownership);
            if is_held {
                *entry = ownership;
            }
        }
    }
    Ok(known)
}

/// Where journals are kept (XDG Base Directory Specification).
fn folder(environment: &Environment) -> Option<PathBuf> {
    let set = |name| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // A relative path is to be ignored, says the specification.
    let state = set("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| set("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("curlift"))
}
