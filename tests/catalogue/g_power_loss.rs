//! The power goes: at every moment of a run, with what was synced, and with more or less of what
//! was not.

use std::fs;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::at_once;
use super::journals::{Case, FOUR_PARTS, Holdings};

/// What a run did to its journal, in order, and what the store held by then.
#[derive(Debug, Clone)]
enum Event {
    Created,
    Wrote(Vec<u8>),
    Cut(usize),
    Synced,
    FolderSynced,
    Removed,
}

/// What becomes of bytes that were written and not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsynced {
    Dropped,
    Kept,
    Half,
    Zeroed,
}

/// The journal's file, and what of it is on the disk.
#[derive(Debug, Clone, Default)]
struct Disk {
    written: Vec<u8>,
    synced: Vec<u8>,
    is_there: bool,
    is_durable: bool,
}

impl Disk {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Created => self.is_there = true,
            Event::Wrote(bytes) => self.written.extend(bytes),
            Event::Cut(length) => self.written.truncate(*length),
            Event::Synced => self.synced.clone_from(&self.written),
            Event::FolderSynced => self.is_durable = self.is_there,
            Event::Removed => self.is_there = false,
        }
    }

    /// The file after the power has gone; `None` where there is none.
    fn after(&self, unsynced: Unsynced) -> Option<Vec<u8>> {
        let synced = self.synced.len();
        let (exists, bytes) = match unsynced {
            Unsynced::Dropped => (self.is_durable, self.synced.clone()),
            Unsynced::Kept => (self.is_there, self.written.clone()),
            Unsynced::Half => {
                let length = usize::midpoint(synced, self.written.len().max(synced));
                let bytes = self.written.get(..length).unwrap_or(&self.synced);
                (self.is_there || self.is_durable, bytes.to_vec())
            }
            Unsynced::Zeroed => {
                let mut bytes = self.synced.clone();
                bytes.resize(self.written.len().max(synced), 0);
                (self.is_there || self.is_durable, bytes)
            }
        };
        exists.then_some(bytes)
    }
}

/// Things with the second they happened in.
type Timed<T> = Vec<(f64, T)>;

/// A run from its beginning to its end: what became of its journal, and what the store held.
fn record() -> (Case, Timed<Event>, Timed<Holdings>) {
    let holdings: Arc<Mutex<Vec<(f64, Holdings)>>> = Arc::default();
    let (noted, is_noting) = (Arc::clone(&holdings), Arc::new(Mutex::new(false)));
    let noting = Arc::clone(&is_noting);
    let case = Case::with_script(FOUR_PARTS, move |turn| {
        let answer = turn.work();
        if *noting.lock().unwrap() {
            noted.lock().unwrap().push((now(), Holdings::of(&turn.shelf())));
        }
        turn.answer(&answer);
    });
    let journal = case.journal_path();
    let log = tempfile::NamedTempFile::new().unwrap();
    let (log_path, journal_text) =
        (log.path().display().to_string(), journal.display().to_string());
    let folder = case.state().display().to_string();
    let calls = "trace=openat,write,fdatasync,fsync,ftruncate,unlink,unlinkat";
    *is_noting.lock().unwrap() = true;
    let under = [
        "strace",
        "-f",
        "-qq",
        "-ttt",
        "-xx",
        "-s",
        "1000000",
        "-o",
        &log_path,
        "-P",
        &journal_text,
        "-P",
        &folder,
        "-e",
        calls,
    ];
    let ended = case.cp(&under, &[]).run().expect_code(0);
    *is_noting.lock().unwrap() = false;
    case.expect_stored(&ended);
    let log = fs::read_to_string(log.path()).unwrap();
    let events = log.lines().filter_map(event).collect();
    let holdings = holdings.lock().unwrap().clone();
    (case, events, holdings)
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs_f64()
}

/// A line of strace: process, seconds, call.
fn event(line: &str) -> Option<(f64, Event)> {
    let mut words = line.split_whitespace().skip(1);
    let at = words.next()?.parse().ok()?;
    let call = line.split_once(words.next()?.split('(').next()?)?.1;
    let name = line.split_whitespace().nth(2)?.split('(').next()?;
    let succeeded = !line.contains(" = -1 ");
    let event = match name {
        "openat" if call.contains("O_CREAT") && succeeded => Event::Created,
        "write" => Event::Wrote(bytes_of(call)),
        "ftruncate" => {
            let length = call.split_once(", ")?.1.split(')').next()?;
            Event::Cut(length.parse().ok()?)
        }
        "fdatasync" => Event::Synced,
        "fsync" => Event::FolderSynced,
        "unlink" | "unlinkat" if succeeded => Event::Removed,
        _ => return None,
    };
    Some((at, event))
}

/// The string of a call, as `-xx` prints it.
fn bytes_of(call: &str) -> Vec<u8> {
    let text = call.split('"').nth(1).expect("a write has bytes");
    let digits: String = text.split("\\x").collect();
    hex::decode(digits).expect("they are hexadecimal")
}

/// G7 | the power goes at every moment of a run | writes and syncs as strace told them, replayed;
/// what was not synced is dropped, kept, half there, or zeros | as after a kill
#[test]
fn g7_power_loss_at_every_moment() {
    let kinds = [Unsynced::Dropped, Unsynced::Kept, Unsynced::Half, Unsynced::Zeroed];
    at_once(&kinds, |unsynced| {
        let (case, events, holdings) = record();
        let journal = case.state().join(name_of(&case));
        let writes = events.iter().filter(|(_, event)| matches!(event, Event::Wrote(_))).count();
        assert!(writes >= 6, "{writes} writes: {events:?}");
        let mut disk = Disk::default();
        for (index, (at, event)) in events.iter().enumerate() {
            disk.take(event);
            let held = holdings.iter().rfind(|(when, _)| when <= at);
            let after = disk.after(*unsynced);
            case.forget();
            case.hold(held.map(|(_, held)| held));
            if let Some(bytes) = &after {
                case.write_journal(&journal, bytes);
            }
            println!("{unsynced:?} after event {index}, {event:?}");
            case.expect_resumed();
        }
    });
}

/// The name of its journal; nothing is left of the run that told it.
fn name_of(case: &Case) -> String {
    let path = case.journal_path();
    path.file_name().unwrap().to_string_lossy().into_owned()
}
