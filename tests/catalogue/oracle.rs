//! The checks that hold after every fault, made outside the client: what is stored, whether exit
//! code and outcome agree with it, what is left open, what it cost, and that no secret was told.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::local_lab::Lab;
use super::scripted::Scripted;
use super::support::{Curlift, Ended, Store, expect_same, write_file};
use super::{BUCKET, DESTINATION, IN_PARTS, KEY};

/// A store that can be asked what it holds without the client's help.
pub(crate) trait Witness {
    /// Where it is, and the keys to it.
    fn store(&self) -> &Store;
    /// `curlift cp --json` to it, file and destination still to come.
    fn cp(&self) -> Curlift;
    /// The bytes of the object, where there is one.
    fn stored(&self) -> Option<Vec<u8>>;
    /// The ids of the uploads that are open.
    fn open_uploads(&self) -> Vec<String>;
    /// Requests, bytes of their bodies, and signatures they carried, where these are known.
    fn traffic(&self) -> Option<Traffic>;
}

/// What a store has received.
#[derive(Debug)]
pub(crate) struct Traffic {
    requests: u64,
    received: u64,
    signatures: Vec<String>,
}

impl Witness for Scripted {
    fn store(&self) -> &Store {
        &self.store
    }

    fn cp(&self) -> Curlift {
        Curlift::new().store(&self.store).args(&["cp", "--json"]).args(&IN_PARTS)
    }

    fn stored(&self) -> Option<Vec<u8>> {
        self.shelf().objects.get(KEY).map(|object| object.bytes.clone())
    }

    fn open_uploads(&self) -> Vec<String> {
        self.shelf().uploads.keys().cloned().collect()
    }

    fn traffic(&self) -> Option<Traffic> {
        let requests = self.requests();
        let signature = |head: &str| {
            let (_, rest) = head.split_once("Signature=")?;
            rest.split(char::is_whitespace).next().map(str::to_owned)
        };
        Some(Traffic {
            requests: requests.len() as u64,
            received: requests.iter().map(|request| request.received as u64).sum(),
            signatures: requests.iter().filter_map(|request| signature(&request.head)).collect(),
        })
    }
}

impl Witness for Lab {
    fn store(&self) -> &Store {
        &self.store
    }

    fn cp(&self) -> Curlift {
        self.cp()
    }

    fn stored(&self) -> Option<Vec<u8>> {
        self.store.has(BUCKET, KEY).then(|| self.store.get(BUCKET, KEY))
    }

    fn open_uploads(&self) -> Vec<String> {
        let listing = self.store.ask(&["--fail"], &format!("/{BUCKET}?uploads=")).unwrap();
        let listing = String::from_utf8(listing).unwrap();
        let ids = listing.split("<UploadId>").skip(1);
        ids.filter_map(|rest| Some(rest.split_once('<')?.0.to_owned())).collect()
    }

    fn traffic(&self) -> Option<Traffic> {
        None
    }
}

/// An upload to be made, and the bounds it must keep.
pub(crate) struct Upload<'a, W> {
    at: &'a W,
    length: usize,
    args: Vec<String>,
    under: Vec<String>,
    limit: Duration,
    requests: u64,
    factor: f64,
    /// Whether it may fail before it has a summary to print, if it has sent nothing.
    fails_early: bool,
    /// Whether the store lies about what it stores, so that it cannot be held against the client.
    lies: bool,
}

impl<'a, W: Witness> Upload<'a, W> {
    /// An upload of `length` bytes, in parts of 5 MiB where they are more than that.
    pub(crate) fn new(at: &'a W, length: usize) -> Upload<'a, W> {
        Upload {
            at,
            length,
            args: Vec::new(),
            under: Vec::new(),
            limit: Duration::from_mins(1),
            requests: 30,
            factor: 2.0,
            fails_early: false,
            lies: false,
        }
    }

    /// With these further arguments of `cp`.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }

    /// Started by these words, as `strace` or `env` start another command.
    pub(crate) fn under(mut self, words: &[&str]) -> Self {
        self.under.extend(words.iter().map(|&word| word.to_owned()));
        self
    }

    /// It must end within that time.
    pub(crate) fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// It must not make more requests, nor send more than so many times the bytes of the file.
    pub(crate) fn at_most(mut self, requests: u64, factor: f64) -> Self {
        (self.requests, self.factor) = (requests, factor);
        self
    }

    /// It may end before it began: with a word, and without a request.
    pub(crate) fn may_fail_early(mut self) -> Self {
        self.fails_early = true;
        self
    }

    /// Against a store that says one thing and stores another.
    pub(crate) fn against_a_liar(mut self) -> Self {
        self.lies = true;
        self
    }

    /// Uploads, and holds the end against what must be.
    pub(crate) fn run(self) -> Trial {
        self.start().end()
    }

    /// Begins to upload.
    pub(crate) fn start(self) -> Begun<'a, W> {
        let folder = tempfile::tempdir().unwrap();
        let (file, content) = write_file(folder.path(), "source.bin", self.length);
        let before = self.at.stored();
        let mut program = Curlift::under(&self.under).store(self.at.store());
        program = program.args(&["cp", "--json"]).args(&IN_PARTS);
        for arg in &self.args {
            program = program.arg(arg);
        }
        let began = Instant::now();
        let running = program.arg(&file).arg(DESTINATION).start();
        let process = running.child.id();
        let end = Box::new(move || running.end());
        Begun { upload: self, process, source: file, end, began, before, content, _folder: folder }
    }
}

/// An upload under way.
pub(crate) struct Begun<'a, W> {
    upload: Upload<'a, W>,
    /// The id of its process.
    pub(crate) process: u32,
    /// The file that is sent.
    pub(crate) source: PathBuf,
    end: Box<dyn FnOnce() -> Ended>,
    began: Instant,
    before: Option<Vec<u8>>,
    content: Vec<u8>,
    _folder: tempfile::TempDir,
}

/// An upload that ended, and kept what every upload must.
#[derive(Debug)]
pub(crate) struct Trial {
    pub(crate) ended: Ended,
    pub(crate) content: Vec<u8>,
    pub(crate) elapsed: Duration,
}

impl<W: Witness> Begun<'_, W> {
    /// Waits for its end, and holds that against what must be.
    pub(crate) fn end(self) -> Trial {
        let Begun { upload, end, began, before, content, .. } = self;
        let trial = Trial { ended: end(), content, elapsed: began.elapsed() };
        let traffic = upload.at.traffic();
        if upload.fails_early && traffic.is_some_and(|traffic| traffic.requests == 0) {
            trial.expect_failed_early();
            return trial;
        }
        let stored = upload.at.stored();
        trial.expect_true(upload.lies, before.as_deref(), stored.as_deref());
        trial.expect_open_uploads_named(&upload.at.open_uploads());
        let took = trial.elapsed;
        assert!(took <= upload.limit, "{took:?} of {:?}: {trial:?}", upload.limit);
        trial.expect_frugal(upload.at.traffic().as_ref(), upload.requests, upload.factor);
        trial.expect_discreet(upload.at);
        trial
    }
}

impl Trial {
    /// Fails unless it ended so.
    pub(crate) fn expect(self, outcome: &str, code: i32) -> Trial {
        let found = (self.outcome(), self.ended.code);
        assert_eq!(found, (outcome.to_owned(), Some(code)), "{}", self.told());
        self
    }

    /// Fails unless it ended well.
    pub(crate) fn expect_uploaded(self) -> Trial {
        self.expect("uploaded", 0)
    }

    /// Fails unless stderr has all of these.
    pub(crate) fn expect_says(self, words: &[&str]) -> Trial {
        for word in words {
            assert!(self.ended.stderr.contains(word), "{word:?} is not in: {}", self.told());
        }
        self
    }

    /// Fails unless there were so many retries, each for one of these causes.
    pub(crate) fn expect_retries(
        self,
        times: std::ops::RangeInclusive<u64>,
        causes: &[&str],
    ) -> Trial {
        let retries = self.ended.retries();
        let known = retries.iter().all(|(cause, _)| causes.contains(&cause.as_str()));
        let sum = retries.iter().map(|(_, count)| count).sum();
        assert!(known && times.contains(&sum), "{times:?} of {causes:?}: {}", self.told());
        self
    }

    pub(crate) fn outcome(&self) -> String {
        self.ended.summary()["outcome"].as_str().unwrap_or_default().to_owned()
    }

    /// All that was printed, without the file's bytes.
    pub(crate) fn told(&self) -> String {
        let Ended { code, stdout, stderr } = &self.ended;
        format!("exit {code:?} after {:?}\n{stdout}\n{stderr}", self.elapsed)
    }

    /// What ended before it began says why.
    fn expect_failed_early(&self) {
        let Ended { code, stderr, .. } = &self.ended;
        let is_failure = code.is_none_or(|code| code != 0);
        let is_told = !stderr.is_empty() && !stderr.contains("panicked");
        assert!(is_failure && is_told, "{}", self.told());
    }

    /// The object is absent, old or the file; outcome and exit code say which.
    fn expect_true(&self, lies: bool, before: Option<&[u8]>, stored: Option<&[u8]>) {
        let outcome = self.outcome();
        let codes: &[i32] = match outcome.as_str() {
            "uploaded" => &[0],
            "unknown" => &[7],
            "failed" => &[2, 3, 4, 5, 6, 8, 9],
            "interrupted" => &[130, 143],
            other => panic!("{other} is no outcome: {}", self.told()),
        };
        let code = self.ended.code.unwrap_or(-1);
        assert!(codes.contains(&code), "{outcome}: {}", self.told());
        let complains = self.ended.stderr.lines().any(|line| line.starts_with("error: "));
        assert_eq!(["failed", "unknown"].contains(&&*outcome), complains, "{}", self.told());
        if lies {
            return;
        }
        let is_ours = stored == Some(&self.content);
        match outcome.as_str() {
            "uploaded" if is_ours => {}
            "uploaded" => expect_same(stored.unwrap_or_default(), &self.content),
            "unknown" => assert!(is_ours || stored == before, "neither old nor ours is stored"),
            _ => assert!(stored == before, "{outcome}, and yet it is stored: {}", self.told()),
        }
    }

    /// What is left open is told: by its id, or, where that was lost, by how to look for it.
    fn expect_open_uploads_named(&self, ids: &[String]) {
        let told = self.told();
        // In a line to type it may stand in quotes.
        let words: Vec<String> =
            self.ended.stderr.lines().filter_map(shlex::split).flatten().collect();
        let how_is_told = told.contains("curlift uploads ls");
        let is_told = |id: &&String| told.contains(*id) || words.contains(id) || how_is_told;
        let unnamed: Vec<_> = ids.iter().filter(|id| !is_told(id)).collect();
        assert!(unnamed.is_empty(), "left open without a word: {unnamed:?}\n{told}");
    }

    /// Requests and bytes stay within bounds, by the store's own count where it has one.
    fn expect_frugal(&self, traffic: Option<&Traffic>, requests_max: u64, factor: f64) {
        let summary = self.ended.summary();
        let told = |name: &str| summary[name].as_u64().unwrap_or_default();
        let (requests, bytes) = match traffic {
            Some(traffic) => (traffic.requests, traffic.received),
            None => (told("attempts"), told("bytes_sent")),
        };
        assert!(requests <= requests_max, "{requests} of {requests_max} requests: {}", self.told());
        // The document of a Complete is not the file's.
        let bytes_max = self.content.len() as f64 * factor + 20_000.0;
        assert!(bytes as f64 <= bytes_max, "{bytes} bytes of {bytes_max}: {}", self.told());
    }

    /// Neither the secret key nor a signature is told.
    fn expect_discreet(&self, at: &impl Witness) {
        let told = self.told();
        assert!(!told.contains(&at.store().secret_key), "the secret key was told: {told}");
        let signatures = at.traffic().map(|traffic| traffic.signatures).unwrap_or_default();
        for signature in signatures {
            assert!(!told.contains(&signature), "a signature was told: {told}");
        }
        assert!(!told.contains("panicked"), "{told}");
    }
}

/// A store that takes the one request for what `answer` says, and stores nothing.
fn is_noticed(answer: super::scripted::Answer) -> bool {
    let store = Scripted::start(move |turn| {
        turn.read_all();
        turn.answer(&answer);
    });
    let run = std::panic::AssertUnwindSafe(|| Upload::new(&store, 9).run());
    std::panic::catch_unwind(run).is_err()
}

#[test]
fn the_oracle_notices_what_must_not_be() {
    use super::scripted::Answer;
    let refusal = Answer::error(403, "AccessDenied");
    assert!(!is_noticed(refusal.clone()), "an honest failure");
    assert!(is_noticed(Answer::new(200).with("etag", "\"e\"")), "stored, and it is not");
    let secret = Scripted::start(|_| {}).store.secret_key;
    assert!(is_noticed(refusal.replacing("as the script says", &secret)), "a secret told");
    let store = Scripted::start(|turn| turn.refuse(403, "AccessDenied"));
    let wasteful = || Upload::new(&store, 9).at_most(0, 1.0).run();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(wasteful)).is_err());
}
