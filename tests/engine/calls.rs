//! Calls outside an upload, driven by the production loop in a world of virtual time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use curlift::http::TransportFailureKind::{Connect, Reset};
use curlift::http::{Evidence, Headers, Report, Response, TransportFailure, TransportFailureKind};
use curlift::s3::payload::PayloadMode;
use curlift::s3::{
    Addressing, Destination, Endpoint, Key, Object, Operation, PartNumber, Reply, UploadId,
};
use curlift::time::Time;
use curlift::upload::{
    Action, Attempt, AttemptId, Call, Calls, CallsOutcome, CallsSettings, Command, Event, Failure,
    Input, Manner, Notice, Patience, Reason, RemedySettings, RetryPolicy, World, run,
};

/// Aborts so many uploads, each to a key of its own, and looks at each afterwards.
struct Aborts {
    total: u32,
    begun: u32,
    pause: Duration,
    ended: BTreeMap<(u32, &'static str), Result<Reply, Failure>>,
}

impl Aborts {
    fn of(total: u32) -> Aborts {
        Aborts { total, begun: 0, pause: Duration::ZERO, ended: BTreeMap::new() }
    }

    /// The uploads whose every call ended well.
    fn done(&self) -> Vec<u32> {
        let seen = |(key, result): (&(u32, &str), &Result<Reply, Failure>)| {
            (key.1 == "ListParts" && result.is_ok()).then_some(key.0)
        };
        self.ended.iter().filter_map(seen).collect()
    }
}

fn call(number: u32, operation: Operation, pause: Duration) -> Call<(u32, &'static str)> {
    let key = Key::new(&format!("key {number}")).unwrap();
    Call { tag: (number, operation.name()), key, operation, pause }
}

fn upload_id(number: u32) -> UploadId {
    UploadId(format!("U{number}"))
}

impl curlift::upload::Script for Aborts {
    type Tag = (u32, &'static str);

    fn next(&mut self) -> Option<Call<Self::Tag>> {
        if self.begun == self.total {
            return None;
        }
        self.begun += 1;
        let upload_id = upload_id(self.begun);
        Some(call(self.begun, Operation::AbortMultipartUpload { upload_id }, Duration::ZERO))
    }

    fn answered(
        &mut self,
        tag: &Self::Tag,
        result: Result<Reply, Failure>,
    ) -> Option<Call<Self::Tag>> {
        let follows = (tag.1 == "AbortMultipartUpload" && result.is_ok()).then(|| {
            let list = Operation::ListParts { upload_id: upload_id(tag.0), after: None };
            call(tag.0, list, self.pause)
        });
        assert!(self.ended.insert(*tag, result).is_none(), "{tag:?} ended twice");
        follows
    }
}

/// What becomes of one request.
enum Fate {
    Good,
    Refused(u16, &'static str, &'static [(&'static str, &'static str)]),
    Broken(TransportFailureKind),
    Never,
}

/// A store to which a request takes ten milliseconds; `fate` is told which request of all it is.
struct Store<F> {
    fate: F,
    now: Time,
    under_way: BTreeMap<(Time, AttemptId), Attempt>,
    silent: BTreeSet<AttemptId>,
    requests: Vec<(Time, Attempt)>,
    in_flight_max: usize,
    notices: Vec<Notice>,
    stop_at: Option<Time>,
    woke_by_timer: bool,
}

impl<F: FnMut(&Attempt, usize) -> Fate> Store<F> {
    fn new(fate: F) -> Store<F> {
        Store {
            fate,
            now: Time::ZERO,
            under_way: BTreeMap::new(),
            silent: BTreeSet::new(),
            requests: Vec::new(),
            in_flight_max: 0,
            notices: Vec::new(),
            stop_at: None,
            woke_by_timer: false,
        }
    }

    fn carry(&mut self, total: u32, concurrency: u32) -> (CallsOutcome, Aborts) {
        let mut calls = Calls::new(Aborts::of(total), settings(concurrency));
        let outcome = run(&mut calls, self).unwrap();
        assert_eq!(calls.tally().attempts as usize, self.requests.len());
        assert!(self.in_flight_max <= concurrency as usize, "{}", self.in_flight_max);
        (outcome, calls.into_script())
    }

    fn retried(&self) -> usize {
        self.notices.iter().filter(|notice| matches!(notice, Notice::Retrying { .. })).count()
    }
}

impl<F: FnMut(&Attempt, usize) -> Fate> World for Store<F> {
    fn now(&self) -> Time {
        self.now
    }

    fn carry_out(&mut self, action: Action) -> io::Result<()> {
        self.woke_by_timer = false;
        match action {
            Action::Send(attempt) => {
                self.requests.push((self.now, attempt.clone()));
                let due = self.now + Duration::from_millis(10);
                self.under_way.insert((due, attempt.id), attempt);
                let in_flight = self.under_way.len() + self.silent.len();
                self.in_flight_max = self.in_flight_max.max(in_flight);
            }
            Action::Cancel(id) => {
                self.silent.remove(&id);
                self.under_way.retain(|key, _| key.1 != id);
            }
            Action::RenewKeys | Action::RenewLinks(..) => {
                panic!("nobody said that the keys have expired")
            }
            other @ (Action::Record(..) | Action::Forget | Action::Examine(_)) => {
                panic!("{other:?} is an upload's")
            }
            Action::Notice(notice) => self.notices.push(*notice),
        }
        Ok(())
    }

    fn wait(&mut self, until: Option<Time>, inputs: &mut Vec<Input>) -> io::Result<()> {
        assert!(!self.woke_by_timer, "next_wakeup named a time at which poll had nothing");
        let next = self.under_way.first_key_value().map(|((at, _), _)| *at);
        let at = next.into_iter().chain(until).chain(self.stop_at).min();
        self.now = self.now.max(at.expect("the calls wait for something"));
        if self.stop_at.is_some_and(|stop| stop <= self.now) {
            self.stop_at = None;
            inputs.push(Input::Command(Command::Stop));
        } else if next.is_some_and(|next| next <= self.now) {
            let (_, attempt) = self.under_way.pop_first().unwrap();
            let report = match (self.fate)(&attempt, attempt.id.0 as usize) {
                Fate::Good => success(&attempt.operation),
                Fate::Refused(status, code, headers) => refusal(status, code, headers),
                Fate::Broken(kind) => broken(kind),
                Fate::Never => {
                    self.silent.insert(attempt.id);
                    return Ok(());
                }
            };
            let event =
                Event::Finished { attempt: attempt.id, report, checksum: None, clock: None };
            inputs.push(Input::Event(event));
        } else {
            self.woke_by_timer = true;
        }
        Ok(())
    }
}

fn settings(concurrency: u32) -> CallsSettings {
    let endpoint = Endpoint::new("https://s3.us-east-1.amazonaws.com", Addressing::Auto).unwrap();
    let object = Object::parse("s3://bkt/any", None).unwrap();
    let destination = Destination { endpoint, region: "us-east-1".into(), object };
    CallsSettings {
        began_at: Duration::ZERO,
        manner: Manner::new(destination, PayloadMode::Unsigned),
        remedies: RemedySettings::default(),
        concurrency,
        retry: RetryPolicy::default(),
        patience: Patience::default(),
        seed: 1,
    }
}

fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Report {
    let mut fields = Headers::new();
    for (name, value) in headers {
        fields.push(name, *value);
    }
    let response = Response { status, headers: fields, body: body.as_bytes().to_vec() };
    Report { response: Some(response), failure: None, evidence: Evidence::default() }
}

fn success(operation: &Operation) -> Report {
    match operation {
        Operation::AbortMultipartUpload { .. } => response(204, &[], ""),
        _ => response(200, &[], super::NO_PARTS),
    }
}

fn refusal(status: u16, code: &str, headers: &[(&str, &str)]) -> Report {
    response(status, headers, &format!("<Error><Code>{code}</Code></Error>"))
}

fn broken(kind: TransportFailureKind) -> Report {
    let failure = TransportFailure { kind, message: "broken".into() };
    Report { response: None, failure: Some(failure), evidence: Evidence::default() }
}

#[test]
fn every_call_goes_to_its_own_key() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    let (outcome, aborts) = store.carry(3, 2);
    assert_eq!((outcome, aborts.done()), (CallsOutcome::Done, vec![1, 2, 3]));
    for (_, attempt) in &store.requests {
        let (Operation::AbortMultipartUpload { upload_id }
        | Operation::ListParts { upload_id, .. }) = &attempt.operation
        else {
            panic!("{attempt:?}")
        };
        let number = upload_id.0.trim_start_matches('U');
        assert_eq!(attempt.manner.destination.object.key.as_str(), format!("key {number}"));
    }
}

#[test]
fn ten_thousand_calls_keep_to_the_concurrency_and_are_asked_for_when_they_are_wanted() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    let (outcome, aborts) = store.carry(10_000, 4);
    assert_eq!((outcome, aborts.done().len()), (CallsOutcome::Done, 10_000));
    // What was begun is finished first: no ten thousand follow-ups wait.
    let abort = |(_, attempt): &&(Time, Attempt)| attempt.operation.name() != "ListParts";
    assert!(store.requests[..100].iter().filter(abort).count() < 60);
}

#[test]
fn a_script_is_not_asked_for_more_than_can_be_sent() {
    let calls = Calls::new(Aborts::of(10_000), settings(4));
    assert_eq!(calls.script().begun, 1);
}

#[test]
fn what_passes_is_tried_again_after_a_while() {
    let slow_down = Fate::Refused(503, "SlowDown", &[("retry-after", "7")]);
    let mut fates =
        [slow_down, Fate::Broken(Reset), Fate::Refused(500, "InternalError", &[])].into_iter();
    let mut store = Store::new(move |_: &Attempt, _| fates.next().unwrap_or(Fate::Good));
    let (outcome, aborts) = store.carry(1, 8);
    assert_eq!((outcome, aborts.done()), (CallsOutcome::Done, vec![1]));
    assert_eq!(store.retried(), 3);
    assert!(store.requests[1].0 >= Time(Duration::from_secs(7)), "the store had asked for that");
}

#[test]
fn a_request_that_nobody_answers_is_cut_and_sent_again() {
    let fate = |_: &Attempt, id| if id == 0 { Fate::Never } else { Fate::Good };
    let mut store = Store::new(fate);
    let (outcome, aborts) = store.carry(1, 1);
    assert_eq!((outcome, aborts.done()), (CallsOutcome::Done, vec![1]));
    assert_eq!(store.requests[1].0.0.as_secs(), Patience::default().answer.as_secs());
    assert!(store.requests[1].1.connection.is_new);
}

#[test]
fn a_redirect_is_learnt_once_for_all() {
    let moved: &[(&str, &str)] = &[("x-amz-bucket-region", "eu-west-1")];
    let mut store =
        Store::new(move |attempt: &Attempt, _| match attempt.manner.destination.region.as_str() {
            "us-east-1" => Fate::Refused(301, "PermanentRedirect", moved),
            _ => Fate::Good,
        });
    let (outcome, aborts) = store.carry(20, 4);
    assert_eq!((outcome, aborts.done().len()), (CallsOutcome::Done, 20));
    let redirected = |notice: &&Notice| matches!(notice, Notice::Redirected { .. });
    assert_eq!(store.notices.iter().filter(redirected).count(), 1);
    // Those that were in flight before it was known, no more; and each kept its key.
    assert_eq!(store.requests.len(), 4 + 40);
    let there = &store.requests[43].1.manner.destination;
    assert_eq!(there.endpoint.to_string(), "https://s3.eu-west-1.amazonaws.com");
    let keys: BTreeSet<&str> = store.requests[4..]
        .iter()
        .map(|(_, attempt)| attempt.manner.destination.object.key.as_str())
        .collect();
    assert_eq!(keys.len(), 20);
}

#[test]
fn what_is_refused_for_good_is_told_and_does_not_stop_the_others() {
    let mut store =
        Store::new(|attempt: &Attempt, _| match attempt.manner.destination.object.key.as_str() {
            "key 2" => Fate::Refused(403, "AccessDenied", &[]),
            _ => Fate::Good,
        });
    let (outcome, aborts) = store.carry(3, 1);
    assert_eq!((outcome, aborts.done()), (CallsOutcome::Done, vec![1, 3]));
    let Err(failure) = &aborts.ended[&(2, "AbortMultipartUpload")] else {
        panic!("it was refused")
    };
    assert_eq!(failure.s3_code(), Some("AccessDenied"));
    assert_eq!(failure.gave_up, Some(Reason::Permanent));
    assert_eq!(store.retried(), 0);
}

#[test]
fn a_store_that_is_gone_is_given_up_once_and_not_for_each_call() {
    let fate = |_: &Attempt, id| if id < 2 { Fate::Good } else { Fate::Broken(Connect) };
    let mut store = Store::new(fate);
    let (outcome, aborts) = store.carry(1000, 8);
    let CallsOutcome::GaveUp(failure) = outcome else { panic!("{outcome:?}") };
    assert!(matches!(failure.gave_up, Some(Reason::NoProgress(_))), "{failure:?}");
    assert!(aborts.begun < 80 && store.now < Time(Duration::from_mins(20)), "{:?}", store.now);
}

#[test]
fn a_stop_sends_nothing_more_and_cuts_what_is_in_flight() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    store.stop_at = Some(Time(Duration::from_millis(55)));
    let (outcome, aborts) = store.carry(1000, 2);
    assert_eq!(outcome, CallsOutcome::Stopped);
    assert_eq!(aborts.ended.len(), 10);
    assert!(store.under_way.is_empty());
    assert!(store.requests.iter().all(|(at, _)| *at < Time(Duration::from_millis(55))));
}

#[test]
fn a_stop_ends_a_pause_as_well() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    store.stop_at = Some(Time(Duration::from_secs(1)));
    let script = Aborts { pause: Duration::from_hours(1), ..Aborts::of(1) };
    let mut calls = Calls::new(script, settings(2));
    assert_eq!(run(&mut calls, &mut store).unwrap(), CallsOutcome::Stopped);
    assert_eq!(store.now, Time(Duration::from_secs(1)));
}

#[test]
fn a_pause_is_kept() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    let script = Aborts { pause: Duration::from_secs(5), ..Aborts::of(2) };
    let mut calls = Calls::new(script, settings(1));
    assert_eq!(run(&mut calls, &mut store).unwrap(), CallsOutcome::Done);
    let names: Vec<&str> = store.requests.iter().map(|(_, a)| a.operation.name()).collect();
    assert_eq!(names[..2], ["AbortMultipartUpload"; 2], "others go on meanwhile");
    assert_eq!(store.requests[2].0, Time(Duration::from_millis(5010)));
}

#[test]
fn a_script_with_nothing_to_do_is_done() {
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    assert_eq!(store.carry(0, 8).0, CallsOutcome::Done);
}

#[test]
fn pages_follow_each_other() {
    struct Pages(Vec<u32>);
    impl curlift::upload::Script for Pages {
        type Tag = u32;
        fn next(&mut self) -> Option<Call<u32>> {
            let begins = self.0.is_empty();
            begins.then(|| {
                self.0.push(0);
                page(0)
            })
        }
        fn answered(&mut self, tag: &u32, result: Result<Reply, Failure>) -> Option<Call<u32>> {
            assert!(matches!(result, Ok(Reply::Parts(_))));
            self.0.push(tag + 1);
            (*tag < 4).then(|| page(tag + 1))
        }
    }
    fn page(number: u32) -> Call<u32> {
        let after = Some(PartNumber::from_index(number));
        let operation = Operation::ListParts { upload_id: upload_id(1), after };
        Call { tag: number, key: Key::new("k").unwrap(), operation, pause: Duration::ZERO }
    }
    let mut store = Store::new(|_: &Attempt, _| Fate::Good);
    let mut calls = Calls::new(Pages(Vec::new()), settings(8));
    assert_eq!(run(&mut calls, &mut store).unwrap(), CallsOutcome::Done);
    assert_eq!(calls.script().0, [0, 1, 2, 3, 4, 5]);
    assert_eq!(store.in_flight_max, 1);
}
