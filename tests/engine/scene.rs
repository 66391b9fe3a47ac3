//! An engine in the state a test is about, spoken to line by line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use curlift::http::{Evidence, Headers, Report, Response, TransportFailure, TransportFailureKind};
use curlift::s3::{Limits, ObjectSettings};
use curlift::time::Time;
use curlift::upload::{
    Action, Attempt, AttemptId, Command, Engine, EngineSettings, Event, Notice, Outcome, Patience,
    Progress, RetryPolicy, SourceChange, UploadPlan,
};

const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 100, parts_max: 40, object_size_max: 4000 };
/// MD5 of nothing in particular, as an ETag.
const ETAG: &str = "\"0123456789abcdef0123456789abcdef\"";

#[must_use]
pub(crate) struct Scene {
    engine: Engine,
    now: Time,
    sends: VecDeque<Attempt>,
    pub(crate) cancelled: Vec<AttemptId>,
    pub(crate) notices: Vec<Notice>,
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

    pub(crate) fn new(plan: UploadPlan, retry: RetryPolicy) -> Scene {
        let engine = Engine::new(EngineSettings {
            plan,
            object_settings: Arc::new(ObjectSettings::default()),
            checksums: false,
            concurrency: 2,
            retry,
            patience: Patience::default(),
            seed: 1,
        });
        let mut scene = Scene {
            engine,
            now: Time::ZERO,
            sends: VecDeque::new(),
            cancelled: Vec::new(),
            notices: Vec::new(),
        };
        scene.turn();
        scene
    }

    /// As [`Scene::multipart`], with the upload created.
    pub(crate) fn sending(parts: u64) -> Scene {
        let mut scene = Scene::multipart(parts);
        let create = scene.expect("CreateMultipartUpload");
        scene.answer(
            &create,
            200,
            "<InitiateMultipartUploadResult><UploadId>U</UploadId></InitiateMultipartUploadResult>",
        );
        scene
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

    pub(crate) fn answer(&mut self, attempt: &Attempt, status: u16, body: &str) {
        let mut headers = Headers::new();
        headers.push("etag", ETAG);
        headers.push("content-length", "10");
        let response = Response { status, headers, body: body.as_bytes().to_vec() };
        self.finish(attempt, Some(response), None);
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

    pub(crate) fn source_changes(&mut self) {
        self.event(Event::SourceChanged(SourceChange("it shrank".into())));
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
        self.now = self.engine.next_wakeup().expect("the engine waits for a time");
        self.turn();
    }

    pub(crate) fn outcome(&self) -> Option<&Outcome> {
        self.engine.outcome()
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn finish(
        &mut self,
        attempt: &Attempt,
        response: Option<Response>,
        failure: Option<TransportFailure>,
    ) {
        let evidence = Evidence { bytes_sent: 10, bytes_expected: 10, ..Evidence::default() };
        let report = Report { response, failure, evidence };
        self.event(Event::Finished { attempt: attempt.id, report, checksum: None });
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
                Action::Notice(notice) => self.notices.push(*notice),
            }
        }
    }
}
