//! An engine in the state a test is about, spoken to line by line.

use std::collections::VecDeque;
use std::time::Duration;

use curlift::http::{Evidence, Headers, Report, Response, TransportFailure, TransportFailureKind};
use curlift::s3::payload::PayloadMode;
use curlift::s3::{Addressing, Destination, Endpoint, Limits, Links, Object, PartNumber, UnixTime};
use curlift::time::{ClockOffset, Time};
use curlift::upload::journal::Record;
use curlift::upload::{
    Action, Attempt, AttemptId, Beginning, Command, Engine, EngineSettings, Event, Ladder,
    LinksWanted, Manner, Notice, OnFailure, OnGone, Outcome, PartDigest, PartRange, Patience,
    Progress, RemedySettings, RetryPolicy, SourceChange, UploadPlan,
};

pub(crate) const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 100, parts_max: 40, object_size_max: 4000 };
pub(crate) const CREATED: &str =
    "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>";
/// MD5 of nothing in particular, as an ETag.
pub(crate) const ETAG: &str = "\"0123456789abcdef0123456789abcdef\"";

/// Attempts may take as long as they take.
const UNBOUNDED: Patience = {
    let long = Duration::from_hours(1_000);
    Patience {
        connecting: long,
        sending: long,
        answer: long,
        complete: long,
        answer_whole: long,
        complete_whole: long,
    }
};

#[must_use]
pub(crate) struct Scene {
    engine: Engine,
    now: Time,
    sends: VecDeque<Attempt>,
    pub(crate) cancelled: Vec<AttemptId>,
    pub(crate) notices: Vec<Notice>,
    /// How often fresh keys were asked for.
    pub(crate) renewals: u32,
    /// The presigned URLs that were asked for.
    pub(crate) links_wanted: Vec<LinksWanted>,
    pub(crate) records: Vec<Record>,
    /// Whether the journal was removed.
    pub(crate) forgotten: bool,
    /// Parts of the file that were to be summed.
    pub(crate) examined: Vec<PartRange>,
}

impl Scene {
    /// A file of `parts` parts of 10 bytes, two attempts in flight, nothing sent yet.
    pub(crate) fn multipart(parts: u64) -> Scene {
        Scene::new(UploadPlan::new(parts * 10, 10, 0, &LIMITS).unwrap(), RetryPolicy::default())
    }

    /// A file of 10 bytes that goes in one PUT.
    pub(crate) fn single_put() -> Scene {
        Scene::new(UploadPlan::new(10, 10, 100, &LIMITS).unwrap(), RetryPolicy::default())
    }

    /// A stream in parts of 10 bytes, in one PUT below `threshold`; nothing was read yet.
    pub(crate) fn stream(threshold: u64) -> Scene {
        let ladder = Ladder::equal(10, &LIMITS).unwrap();
        let plan = UploadPlan::stream(&ladder, threshold, &LIMITS).unwrap();
        Scene::new(plan, RetryPolicy::default())
    }

    /// A stream of which one part was read, with the upload created.
    pub(crate) fn streaming() -> Scene {
        let mut scene = Scene::stream(0);
        scene.input(10, false);
        scene.create();
        scene
    }

    pub(crate) fn new(plan: UploadPlan, retry: RetryPolicy) -> Scene {
        Scene::with(plan, retry, 2)
    }

    fn with(plan: UploadPlan, retry: RetryPolicy, concurrency: u32) -> Scene {
        Scene::begin(plan, retry, concurrency, manner())
    }

    fn begin(plan: UploadPlan, retry: RetryPolicy, concurrency: u32, manner: Manner) -> Scene {
        let on_failure = OnFailure::Abort;
        Scene::of(EngineSettings {
            concurrency,
            retry,
            recut: Some(LIMITS),
            on_failure,
            ..EngineSettings::new(plan, manner, 1)
        })
    }

    /// A file of `size` bytes in parts of 10, begun there.
    pub(crate) fn going_on(
        size: u64,
        beginning: Beginning,
        on_failure: OnFailure,
        on_gone: OnGone,
    ) -> Scene {
        let plan = UploadPlan::new(size, 10, 0, &LIMITS).unwrap();
        Scene::of(EngineSettings {
            concurrency: 2,
            recut: Some(LIMITS),
            beginning,
            on_failure,
            on_gone,
            ..EngineSettings::new(plan, manner(), 1)
        })
    }

    /// A part of the file was read and summed.
    pub(crate) fn examined(&mut self, part: PartNumber, digest: PartDigest) {
        self.event(Event::Examined { part, digest });
    }

    /// The next request, where one is wanted.
    pub(crate) fn next(&mut self) -> Option<Attempt> {
        self.sends.pop_front()
    }

    fn of(settings: EngineSettings) -> Scene {
        let engine = Engine::new(settings);
        let mut scene = Scene {
            engine,
            now: Time::ZERO,
            sends: VecDeque::new(),
            cancelled: Vec::new(),
            notices: Vec::new(),
            renewals: 0,
            links_wanted: Vec::new(),
            records: Vec::new(),
            forgotten: false,
            examined: Vec::new(),
        };
        scene.turn();
        scene
    }

    /// As [`Scene::sending`], with so many attempts in flight at most.
    pub(crate) fn sending_wide(parts: u64, concurrency: u32) -> Scene {
        let plan = UploadPlan::new(parts * 10, 10, 0, &LIMITS).unwrap();
        let mut scene = Scene::with(plan, RetryPolicy::default(), concurrency);
        scene.create();
        scene
    }

    /// As [`Scene::multipart`], with the upload created.
    pub(crate) fn sending(parts: u64) -> Scene {
        let mut scene = Scene::multipart(parts);
        scene.create();
        scene
    }

    /// As [`Scene::sending`], with another patience.
    pub(crate) fn patient(parts: u64, patience: Patience) -> Scene {
        let plan = UploadPlan::new(parts * 10, 10, 0, &LIMITS).unwrap();
        let settings = EngineSettings::new(plan, manner(), 1);
        let mut scene = Scene::of(EngineSettings { concurrency: 2, patience, ..settings });
        scene.create();
        scene
    }

    /// One part, one attempt in flight, its bytes protected so.
    pub(crate) fn with_payload(payload: PayloadMode) -> Scene {
        let plan = UploadPlan::new(10, 10, 0, &LIMITS).unwrap();
        let manner = Manner { payload, ..manner() };
        let mut scene = Scene::begin(plan, RetryPolicy::default(), 1, manner);
        scene.create();
        scene
    }

    /// Answers the creation of the upload.
    pub(crate) fn create(&mut self) {
        let create = self.expect("CreateMultipartUpload");
        self.answer(&create, 200, CREATED);
    }

    /// As [`Scene::sending`], with all parts stored.
    pub(crate) fn completing(parts: u64) -> Scene {
        let mut scene = Scene::sending(parts);
        for _ in 0..parts {
            let part = scene.expect("UploadPart");
            scene.answer(&part, 200, "");
        }
        scene
    }

    /// The next request the engine wants sent.
    pub(crate) fn expect(&mut self, operation: &str) -> Attempt {
        let attempt = self.sends.pop_front().unwrap_or_else(|| panic!("nothing is sent"));
        assert_eq!(attempt.operation.name(), operation);
        attempt
    }

    pub(crate) fn expect_nothing(&self) {
        assert!(self.sends.is_empty(), "{:?}", self.sends);
    }

    /// The next part that the engine wants sent, if any.
    pub(crate) fn next_part(&mut self) -> Option<Attempt> {
        let is_part = self.sends.front().is_some_and(|attempt| attempt.part().is_some());
        if is_part { self.sends.pop_front() } else { None }
    }

    /// Lets time pass until a part is sent; whether one is.
    pub(crate) fn pass_until_part(&mut self) -> bool {
        while self.sends.is_empty() && self.engine.next_wakeup(self.now).is_some() {
            self.pass_until_wakeup();
        }
        self.sends.front().is_some_and(|attempt| attempt.part().is_some())
    }

    pub(crate) fn now(&self) -> Duration {
        self.now.0
    }

    pub(crate) fn pass_to(&mut self, time: Duration) {
        self.now = Time(time);
        self.turn();
    }

    /// Success at a store that says what time it is.
    pub(crate) fn answer_dated(&mut self, attempt: &Attempt, date: &str, body: &str) {
        let mut headers = Headers::new();
        headers.push("date", date);
        let response = Response { status: 200, headers, body: body.as_bytes().to_vec() };
        self.finish(attempt, Some(response), None);
    }

    /// Success for a part of whatever length.
    pub(crate) fn answer_part(&mut self, attempt: &Attempt) {
        let mut headers = Headers::new();
        headers.push("etag", ETAG);
        let response = Response { status: 200, headers, body: Vec::new() };
        self.finish(attempt, Some(response), None);
    }

    pub(crate) fn answer(&mut self, attempt: &Attempt, status: u16, body: &str) {
        let mut headers = Headers::new();
        headers.push("etag", ETAG);
        headers.push("content-length", "10");
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        self.finish(attempt, Some(response), None);
    }

    /// The object is there, and this is what it is.
    pub(crate) fn answer_head(&mut self, attempt: &Attempt, size: u64, etag: &str) {
        let mut headers = Headers::new();
        headers.push("etag", etag);
        headers.push("content-length", size.to_string());
        self.finish(attempt, Some(Response { status: 200, headers, body: Vec::new() }), None);
    }

    pub(crate) fn answer_error(&mut self, attempt: &Attempt, status: u16, code: &str) {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        self.answer(attempt, status, &body);
    }

    pub(crate) fn break_off(&mut self, attempt: &Attempt, kind: TransportFailureKind) {
        let failure = TransportFailure { kind, message: "broken".into() };
        self.finish(attempt, None, Some(failure));
    }

    pub(crate) fn progress(&mut self, attempt: &Attempt, body_sent: u64) {
        let progress = Progress { attempt: attempt.id, body_sent, activity: body_sent };
        self.event(Event::Progress(progress));
    }

    /// The whole body has left, and a byte of the answer came.
    pub(crate) fn drip(&mut self, attempt: &Attempt, activity: u64) {
        self.event(Event::Progress(Progress { attempt: attempt.id, body_sent: 10, activity }));
    }

    pub(crate) fn source_changes(&mut self) {
        self.event(Event::SourceChanged(SourceChange::Changed("it shrank".into())));
    }

    /// More of the stream was read.
    pub(crate) fn input(&mut self, size: u64, ended: bool) {
        self.event(Event::Input { size, ended });
    }

    /// What writes the stream died.
    pub(crate) fn input_breaks(&mut self) {
        let (what, advice) = ("it ended early".into(), "ask why".into());
        self.event(Event::SourceChanged(SourceChange::Stream { what, advice }));
    }

    /// When the engine wants to be woken.
    pub(crate) fn wakeup(&self) -> Option<Time> {
        self.engine.next_wakeup(self.now)
    }

    pub(crate) fn stop(&mut self) {
        self.engine.command(self.now, Command::Stop);
        self.turn();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.turn();
    }

    /// Lets time pass until the engine wants to be woken.
    pub(crate) fn pass_until_wakeup(&mut self) {
        self.now = self.engine.next_wakeup(self.now).expect("the engine waits for a time");
        self.turn();
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.engine.outcome()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// S3's refusal, with header fields.
    pub(crate) fn refuse(
        &mut self,
        attempt: &Attempt,
        status: u16,
        code: &str,
        headers: &[(&str, &str)],
    ) {
        let mut fields = Headers::new();
        for (name, value) in headers {
            fields.push(name, *value);
        }
        let body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
        self.finish(attempt, Some(Response { status, headers: fields, body }), None);
    }

    /// As [`Scene::answer_error`], by a store whose clock is ahead by so many seconds.
    pub(crate) fn answer_skewed(&mut self, attempt: &Attempt, code: &str, seconds: i64) {
        let body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
        let response = Response { status: 403, headers: Headers::new(), body };
        let report = report(Some(response), None, 10);
        let clock = Some(ClockOffset(seconds));
        self.event(Event::Finished { attempt: attempt.id, report, checksum: None, clock });
    }

    /// The connection is reset after so many bytes of the body.
    pub(crate) fn cut_off(&mut self, attempt: &Attempt, bytes_sent: u64) {
        let failure =
            TransportFailure { kind: TransportFailureKind::Reset, message: "reset".into() };
        let report = report(None, Some(failure), bytes_sent);
        self.event(Event::Finished { attempt: attempt.id, report, checksum: None, clock: None });
    }

    /// As [`Scene::going_on`] by these presigned URLs, the clock showing 0; fresh ones may be had
    /// where `renewable`.
    pub(crate) fn by_links(
        plan: UploadPlan,
        links: Links,
        beginning: Beginning,
        share: Option<Vec<PartNumber>>,
        renewable: bool,
    ) -> Scene {
        let destination = Destination::clone(&manner().destination);
        let remedies = RemedySettings { renew_keys: renewable, ..RemedySettings::default() };
        Scene::of(EngineSettings {
            concurrency: 2,
            recut: None,
            beginning,
            share,
            remedies,
            patience: UNBOUNDED,
            hedge: false,
            on_failure: OnFailure::Leave,
            on_gone: OnGone::Fail,
            ..EngineSettings::new(plan, Manner::by_links(destination, links, true), 1)
        })
    }

    pub(crate) fn links_renewed(&mut self, result: Result<Links, String>) {
        self.event(Event::LinksRenewed(result));
    }

    /// Fresh keys came, which end at a moment; or none.
    pub(crate) fn keys_came(&mut self, result: Result<Option<UnixTime>, String>) {
        self.event(Event::KeysRenewed(result));
    }

    /// As [`Scene::sending`], with keys that end.
    pub(crate) fn with_keys_until(parts: u64, end: UnixTime) -> Scene {
        let plan = UploadPlan::new(parts * 10, 10, 0, &LIMITS).unwrap();
        let settings = EngineSettings::new(plan, manner(), 1);
        let mut scene = Scene::of(EngineSettings {
            concurrency: 2,
            keys_end: Some(end),
            patience: UNBOUNDED,
            hedge: false,
            ..settings
        });
        scene.create();
        scene
    }

    pub(crate) fn keys_renewed(&mut self, result: Result<(), String>) {
        self.event(Event::KeysRenewed(result.map(|()| None)));
    }

    fn finish(
        &mut self,
        attempt: &Attempt,
        response: Option<Response>,
        failure: Option<TransportFailure>,
    ) {
        let report = report(response, failure, 10);
        self.event(Event::Finished { attempt: attempt.id, report, checksum: None, clock: None });
    }

    fn event(&mut self, event: Event) {
        self.engine.handle(self.now, event);
        self.turn();
    }

    fn turn(&mut self) {
        while let Some(action) = self.engine.poll(self.now) {
            match action {
                Action::Send(attempt) => self.sends.push_back(attempt),
                Action::Cancel(id) => self.cancelled.push(id),
                Action::RenewKeys => self.renewals += 1,
                Action::RenewLinks(wanted, _) => self.links_wanted.push(wanted),
                Action::Record(record, _) => self.records.push(record),
                Action::Forget => self.forgotten = true,
                Action::Examine(part) => self.examined.push(part),
                Action::Notice(notice) => self.notices.push(*notice),
            }
        }
    }
}

fn report(
    response: Option<Response>,
    failure: Option<TransportFailure>,
    bytes_sent: u64,
) -> Report {
    let evidence = Evidence { bytes_sent, bytes_expected: 10, ..Evidence::default() };
    Report { response, failure, evidence }
}

fn manner() -> Manner {
    let endpoint = Endpoint::new("https://s3.us-east-1.amazonaws.com", Addressing::Auto).unwrap();
    let object = Object::parse("s3://bkt/key", None).unwrap();
    let destination = Destination { endpoint, region: "us-east-1".into(), object };
    Manner::new(destination, PayloadMode::Unsigned)
}
