//! One file, one store and one folder for journals, for as many runs as a test wants: what is
//! killed, what is found afterwards, and how the next run ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use curlift::s3::Limits;
use curlift::upload::journal::{Record, Resumable, Writer, read};
use tempfile::TempDir;

use super::scripted::{Object, Scripted, Shelf, Turn, Upload};
use super::support::{Curlift, Ended, expect_same, write_file};
use super::{DESTINATION, IN_PARTS, KEY, MIB};

/// Four parts, the last a short one, sent one after the other.
pub(crate) const FOUR_PARTS: usize = 15 * MIB + 70_001;

/// Held in place of a part: the Complete, before its work is done and after.
pub(crate) const COMPLETE: u32 = u32::MAX - 1;
pub(crate) const COMPLETED: u32 = u32::MAX;

/// An upload that is run again and again.
pub(crate) struct Case {
    pub(crate) store: Scripted,
    pub(crate) source: PathBuf,
    pub(crate) content: Vec<u8>,
    /// The number of the part that never gets on; 0 where all do.
    held: Arc<AtomicU32>,
    arrived: Mutex<mpsc::Receiver<()>>,
    folder: TempDir,
}

/// A journal and the uploads at the store, as they once were.
pub(crate) struct Snapshot {
    pub(crate) journal: PathBuf,
    pub(crate) bytes: Vec<u8>,
    holdings: Holdings,
}

/// Objects and uploads at a store, as they once were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Holdings {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
}

impl Holdings {
    /// Those of that moment.
    pub(crate) fn of(shelf: &Shelf) -> Holdings {
        Holdings { objects: shelf.objects.clone(), uploads: shelf.uploads.clone() }
    }
}

/// A run that waits at the part that is held.
pub(crate) struct Waiting {
    pub(crate) process: u32,
    end: Box<dyn FnOnce() -> Ended>,
}

impl Waiting {
    /// Sends it a signal, `KILL` for instance, and waits for its end.
    pub(crate) fn signal(self, name: &str) -> Ended {
        super::local_lab::signal(self.process, name);
        self.end()
    }

    /// The same to what it has started, as `strace` has.
    pub(crate) fn signal_child(self, name: &str) -> Ended {
        let children = format!("/proc/{0}/task/{0}/children", self.process);
        let children = fs::read_to_string(children).unwrap();
        let child = children.split_whitespace().next().expect("it has started something");
        super::local_lab::signal(child.parse().unwrap(), name);
        self.end()
    }

    pub(crate) fn end(self) -> Ended {
        (self.end)()
    }
}

impl Case {
    /// A file of so many bytes, and a store that has nothing of it.
    pub(crate) fn new(length: usize) -> Case {
        Case::with_script(length, |_| {})
    }

    /// The same at a store under a script.
    pub(crate) fn with_script(
        length: usize,
        script: impl Fn(&mut Turn<'_>) + Send + Sync + 'static,
    ) -> Case {
        let folder = tempfile::tempdir().unwrap();
        let (source, content) = write_file(folder.path(), "source.bin", length);
        let held = Arc::new(AtomicU32::new(0));
        let (arrive, arrived) = mpsc::channel();
        let wanted = Arc::clone(&held);
        let store = Scripted::start(move |turn| {
            let part = match turn.operation {
                "UploadPart" => turn.part.unwrap_or_default(),
                "CompleteMultipartUpload" => COMPLETE,
                _ => return script(turn),
            };
            let held = wanted.load(Ordering::SeqCst);
            if held == part || (held == COMPLETED && part == COMPLETE) {
                turn.read(MIB);
                if held == COMPLETED {
                    turn.work();
                }
                // Nobody waits any more where the test has ended.
                let _ = arrive.send(());
                turn.stay_silent();
            } else {
                script(turn);
            }
        });
        let arrived = Mutex::new(arrived);
        Case { store, source, content, held, arrived, folder }
    }

    /// Where its journals are.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state/curlift")
    }

    /// The program, started by these words, with the store and the folder of journals.
    pub(crate) fn program(&self, under: &[&str]) -> Curlift {
        let under: Vec<String> = under.iter().map(|&word| word.to_owned()).collect();
        let state = self.folder.path().join("state");
        Curlift::under(&under).store(&self.store.store).env("XDG_STATE_HOME", state)
    }

    /// `curlift cp` of the file, one part after the other unless `args` say otherwise.
    pub(crate) fn cp(&self, under: &[&str], args: &[&str]) -> Curlift {
        let program = self.program(under).args(&["cp", "--json"]).args(&IN_PARTS).args(args);
        let one_by_one: &[&str] = if args.contains(&"-c") { &[] } else { &["-c", "1"] };
        program.args(one_by_one).arg(&self.source).arg(DESTINATION)
    }

    /// The journals that there are.
    pub(crate) fn journals(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.state()).into_iter().flatten();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect()
    }

    /// The one journal.
    pub(crate) fn journal(&self) -> PathBuf {
        let journals = self.journals();
        assert_eq!(journals.len(), 1, "{journals:?}");
        journals.into_iter().next().unwrap()
    }

    /// What the one journal says, where it says anything.
    pub(crate) fn recorded(&self) -> Option<Resumable> {
        read(&fs::read(self.journal()).unwrap(), &Limits::AWS).unwrap()
    }

    /// Runs until part `number` is under way, and leaves it there.
    pub(crate) fn run_until(&self, number: u32, args: &[&str]) -> Waiting {
        self.run_under_until(number, self.cp(&[], args))
    }

    /// The same, run in another way.
    pub(crate) fn run_under_until(&self, number: u32, program: Curlift) -> Waiting {
        self.held.store(number, Ordering::SeqCst);
        let running = program.start();
        let process = running.child.id();
        let arrived = self.arrived.lock().unwrap();
        arrived.recv_timeout(Duration::from_secs(30)).expect("the part is sent");
        self.held.store(0, Ordering::SeqCst);
        Waiting { process, end: Box::new(move || running.end()) }
    }

    /// A run that was killed while part `number` was under way, all before being stored.
    pub(crate) fn killed_at(length: usize, number: u32) -> Case {
        let case = Case::new(length);
        let ended = case.run_until(number, &[]).signal("KILL");
        assert_eq!(ended.code, None, "it was killed: {ended:?}");
        case
    }

    /// The name of its journal, which follows from file and destination; nothing is left of the
    /// run that told it.
    pub(crate) fn journal_path(&self) -> PathBuf {
        self.run_until(1, &[]).signal("KILL");
        let path = self.journal();
        self.forget();
        path
    }

    /// As if it had never been run.
    pub(crate) fn forget(&self) {
        // Where no journal was ever kept, there is no folder.
        let _ = fs::remove_dir_all(self.folder.path().join("state"));
        self.hold(None);
    }

    /// What a later `restore` brings back: the journal, and the uploads at the store.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let journal = self.journal();
        let bytes = fs::read(&journal).unwrap();
        Snapshot { journal, bytes, holdings: Holdings::of(&self.store.shelf()) }
    }

    /// Brings back what there was.
    pub(crate) fn restore(&self, snapshot: &Snapshot) {
        self.write_journal(&snapshot.journal, &snapshot.bytes);
        self.hold(Some(&snapshot.holdings));
    }

    /// Has the store hold that and nothing else.
    pub(crate) fn hold(&self, holdings: Option<&Holdings>) {
        let mut stored = self.store.shelf();
        let Holdings { objects, uploads } = holdings.cloned().unwrap_or_default();
        (stored.objects, stored.uploads) = (objects, uploads);
        stored.completed.clear();
    }

    /// Puts a journal where there may be another, or no folder.
    pub(crate) fn write_journal(&self, path: &Path, bytes: &[u8]) {
        fs::create_dir_all(self.state()).unwrap();
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// The parts that the store has of the upload that the journal knows of.
    fn known_parts(&self) -> BTreeSet<u32> {
        let recorded = self.journals().first().and_then(|path| fs::read(path).ok());
        let recorded = recorded.and_then(|bytes| read(&bytes, &Limits::AWS).ok().flatten());
        let Some(upload_id) = recorded.and_then(|recorded| recorded.upload_id) else {
            return BTreeSet::new();
        };
        let stored = self.store.shelf();
        let parts = stored.uploads.get(&upload_id.0).map(|upload| &upload.parts);
        parts.into_iter().flatten().map(|(number, _)| *number).collect()
    }

    /// Runs it once more, with nothing in its way, and judges from outside: the object is the
    /// file, no upload is open, no journal is left, and no part that the store had of the upload
    /// in the journal was sent.
    pub(crate) fn expect_resumed(&self) -> Ended {
        self.expect_resumed_by(self.cp(&[], &[]))
    }

    /// The same by a run of another kind.
    pub(crate) fn expect_resumed_by(&self, program: Curlift) -> Ended {
        let known = self.known_parts();
        let before = self.store.requests().len();
        let ended = program.run().expect_code(0);
        assert_eq!(ended.summary()["outcome"], "uploaded", "{ended:?}");
        self.expect_stored(&ended);
        let requests = self.store.requests().split_off(before);
        let sent: BTreeSet<u32> = requests
            .iter()
            .filter(|request| request.operation == "UploadPart")
            .filter_map(|request| request.part)
            .collect();
        let again: Vec<_> = sent.intersection(&known).collect();
        assert!(again.is_empty(), "sent though the store had them: {again:?}\n{ended:?}");
        ended
    }

    /// Runs it once more after a run that could keep no journal: the object is the file. What that
    /// run left open, nobody knows of.
    pub(crate) fn expect_uploaded_anew(&self) -> Ended {
        let ended = self.cp(&[], &[]).run().expect_code(0);
        self.store.shelf().uploads.clear();
        self.expect_stored(&ended);
        ended
    }

    /// Fails unless the object is the file, and nothing else is left of the upload.
    pub(crate) fn expect_stored(&self, ended: &Ended) {
        let stored = self.store.shelf();
        let object = stored.objects.get(KEY).unwrap_or_else(|| panic!("no object: {ended:?}"));
        expect_same(&object.bytes, &self.content);
        let open: Vec<_> = stored.uploads.keys().collect();
        assert!(open.is_empty(), "left open: {open:?}\n{ended:?}");
        let journals = self.journals();
        assert!(journals.is_empty(), "left behind: {journals:?}\n{ended:?}");
        expect_sane(ended);
    }
}

/// Fails where something was told that no user must read.
pub(crate) fn expect_sane(ended: &Ended) {
    for word in ["panicked", "scripted/secret"] {
        assert!(!ended.stderr.contains(word), "{ended:?}");
    }
}

/// The records of a journal with `change` done to them, summed as the program sums them.
pub(crate) fn rewritten(bytes: &[u8], change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut writer = Writer::default();
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let rewrite = |line: &[u8]| {
        let mut json: serde_json::Value = serde_json::from_slice(&line[17..]).unwrap();
        change(&mut json);
        let at = curlift::s3::UnixTime(json["at"].as_i64().unwrap());
        json.as_object_mut().unwrap().remove("at");
        let record: Record = serde_json::from_value(json).unwrap();
        writer.line(&record, at)
    };
    lines.flat_map(rewrite).collect()
}
