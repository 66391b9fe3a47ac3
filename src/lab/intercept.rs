//! Every request before and after `s3s` sees it: counted, recognised, met with the fault that
//! was drawn for it, judged by its head.

use std::convert::Infallible;
use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, DATE, EXPECT, HOST, LOCATION, SERVER,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use s3s::{Body, StdError};

use super::answer::{ErrorDocument, empty};
use super::faults::Effect;
use super::judge::{Presigned, judge};
use super::recognise::{Recognised, parameter, recognise};
use super::service::{ServerClock, http_date};
use super::settings::insert;
use super::shared::{Injection, Shared};
use super::wire::{Conversation, End, Gate, Mangle, Midway, Tamper};

/// How long an early answer may be read before the connection is reset.
const EARLY_ANSWER: Duration = Duration::from_millis(200);

/// Answers one request, or ends its connection.
pub(super) async fn intercept(
    shared: Arc<Shared>,
    conversation: Conversation,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    conversation.begin();
    let seen = recognise_request(&request);
    shared.count_request(seen);
    let upload = UploadSeen::of(&request, seen);
    if let Some(upload) = &upload {
        upload.before(&shared);
    }
    let fault = shared.draw(seen);
    let (rule, effect) = fault.map(|fault| (fault.rule, fault.effect)).unzip();
    let exchange = Exchange {
        injection: Injection::new(Arc::clone(&shared), rule),
        clock: server_clock(effect.as_ref()),
        request_id: shared.request_id(),
        upload,
        conversation,
        shared,
    };
    Ok(exchange.run(request, effect).await)
}

/// One request and its answer.
struct Exchange {
    shared: Arc<Shared>,
    conversation: Conversation,
    injection: Injection,
    request_id: String,
    upload: Option<UploadSeen>,
    clock: DateTime<Utc>,
}

impl Exchange {
    async fn run(
        mut self,
        request: Request<Incoming>,
        effect: Option<Effect>,
    ) -> Response<AnswerBody> {
        let Some(effect) = effect else {
            let answer = self.ask(request, Tamper::Nothing).await;
            return self.finish(answer);
        };
        match effect {
            Effect::Reset { after: None | Some(0) } => self.end(End::Reset).await,
            Effect::Close { after: 0 } => self.end(End::Close).await,
            Effect::Reset { after: Some(after) } => {
                self.through(request, Tamper::EndAfter(after, End::Reset)).await
            }
            Effect::Close { after } => {
                self.through(request, Tamper::EndAfter(after, End::Close)).await
            }
            Effect::Stall { after: 0, duration } => {
                self.stall(duration).await;
                self.through(request, Tamper::Nothing).await
            }
            Effect::Stall { after, duration } => {
                self.through(request, Tamper::StallAfter(after, duration)).await
            }
            Effect::Slow { rate } => self.through(request, Tamper::Slow(rate)).await,
            Effect::Corrupt => {
                let middle = content_length(request.headers()) / 2;
                self.through(request, Tamper::Flip(middle)).await
            }
            Effect::ExpireInFlight => {
                let tamper = self.expiry(&request).map_or(Tamper::Nothing, Tamper::EndIn);
                self.through(request, tamper).await
            }
            Effect::ExpireAtEnd => {
                let tamper = self.expiry(&request).map_or(Tamper::Nothing, Tamper::RefuseAfter);
                self.through(request, tamper).await
            }
            Effect::Starve(limit) => self.through(request, Tamper::Starve(limit)).await,
            Effect::ExpireAbruptly => {
                let is_late = presigned(&request).is_some_and(|url| url.judge(self.clock).is_err());
                let mut answer = self.ask(request, Tamper::Nothing).await;
                if is_late {
                    self.injection.count();
                    insert(answer.headers_mut(), CONNECTION.as_str(), "close");
                    self.conversation.end(End::Abrupt, Duration::ZERO);
                }
                self.finish(answer)
            }
            effect => self.answer_fault(request, effect).await,
        }
    }

    /// The faults that concern the answer.
    async fn answer_fault(
        mut self,
        request: Request<Incoming>,
        effect: Effect,
    ) -> Response<AnswerBody> {
        self.injection.count();
        match effect {
            Effect::Status { code, s3_code, retry_after } => {
                let mut answer = match s3_code {
                    Some(s3_code) => self.document(code, &s3_code),
                    None => empty(code),
                };
                if let Some(retry_after) = retry_after {
                    set_retry_after(answer.headers_mut(), retry_after);
                }
                self.refuse(request, answer).await
            }
            Effect::ErrorIn200 { s3_code } => {
                let answer = self.document(200, &s3_code);
                self.refuse(request, answer).await
            }
            Effect::Redirect(host) => {
                let answer = self.redirect(&request, &host);
                self.refuse(request, answer).await
            }
            Effect::Garbage => {
                self.drain(request).await;
                self.conversation.mangle(Mangle::Garbage);
                self.finish(empty(200))
            }
            Effect::Early { code, s3_code } => {
                let mut answer = self.document(code, &s3_code);
                insert(answer.headers_mut(), CONNECTION.as_str(), "close");
                self.conversation.end(End::Reset, EARLY_ANSWER);
                self.finish(answer)
            }
            Effect::LoseAnswer => {
                self.ask(request, Tamper::Nothing).await;
                self.end(End::Reset).await
            }
            Effect::TruncateAnswer => {
                let head_only = request.method() == Method::HEAD;
                let answer = self.ask(request, Tamper::Nothing).await;
                let body = if head_only { 0 } else { body_length(&answer) };
                self.conversation.mangle(Mangle::Cut { body });
                self.finish(answer)
            }
            Effect::IdleClose(after) => {
                let answer = self.ask(request, Tamper::Nothing).await;
                let conversation = self.conversation.clone();
                let mut answer = self.finish(answer);
                answer.body_mut().idle_close = Some((conversation, after));
                answer
            }
            effect => {
                if effect == Effect::No100 {
                    self.conversation.mangle(Mangle::Without100);
                }
                self.through(request, Tamper::Nothing).await
            }
        }
    }

    async fn through(mut self, request: Request<Incoming>, tamper: Tamper) -> Response<AnswerBody> {
        let answer = self.ask(request, tamper).await;
        self.finish(answer)
    }

    /// Has the request judged and, if it may be, done.
    async fn ask(&mut self, request: Request<Incoming>, tamper: Tamper) -> Response<Body> {
        let query = request.uri().query().unwrap_or_default();
        if let Err((status, document)) = judge(request.headers(), query, self.clock) {
            return document.answer(status, &self.request_id);
        }
        let presigned = presigned(&request);
        let (head, body) = request.into_parts();
        let gate = self.gate(body, tamper);
        let refused = gate.refused();
        let mut request = Request::from_parts(head, Body::http_body_unsync(gate));
        request.extensions_mut().insert(ServerClock(self.clock));
        let answer = self.shared.service().call(request).await;
        if let Some(why) = refused.get() {
            return self.refused_midway(*why, presigned.as_ref());
        }
        match answer {
            Ok(answer) => {
                let upload = self.upload.iter().filter(|_| answer.status().is_success());
                upload.for_each(|upload| upload.after(&self.shared));
                ranged(answer)
            }
            Err(_) => self.document(500, "InternalError"),
        }
    }

    /// Reads the body, unless the client waits for leave to send it, and answers.
    async fn refuse(
        mut self,
        request: Request<Incoming>,
        answer: Response<Body>,
    ) -> Response<AnswerBody> {
        if !request.headers().contains_key(EXPECT) {
            self.drain(request).await;
        }
        self.finish(answer)
    }

    async fn drain(&mut self, request: Request<Incoming>) {
        let mut body = self.gate(request.into_body(), Tamper::Nothing);
        while let Some(Ok(_)) = body.frame().await {}
    }

    fn gate(&mut self, body: Incoming, tamper: Tamper) -> Gate {
        let (injection, link) = (self.injection.take(), self.shared.link());
        Gate::new(body, tamper, injection, self.conversation.clone(), link)
    }

    /// The answer to a request whose body was refused while it was read.
    fn refused_midway(&self, why: Midway, presigned: Option<&Presigned>) -> Response<Body> {
        if let (Midway::Expired(after), Some(url)) = (why, presigned) {
            let now = self.clock + TimeDelta::from_std(after).unwrap_or(TimeDelta::MAX);
            if let Err((status, document)) = url.judge(now) {
                return document.answer(status, &self.request_id);
            }
        }
        let message = "Your socket connection to the server was not read from or written to \
             within the timeout period. Idle connections will be closed.";
        let document = ErrorDocument::new("RequestTimeout", message);
        let mut answer = document.answer(400, &self.request_id);
        insert(answer.headers_mut(), CONNECTION.as_str(), "close");
        answer
    }

    /// Ends the connection; does not come back.
    async fn end(mut self, end: End) -> Response<AnswerBody> {
        self.injection.count();
        self.conversation.end(end, Duration::ZERO);
        pending().await
    }

    async fn stall(&mut self, duration: Option<Duration>) {
        self.injection.count();
        self.conversation.stalled(true);
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => pending().await,
        }
        self.conversation.stalled(false);
    }

    /// How long the request's presigned URL still lives.
    fn expiry(&self, request: &Request<Incoming>) -> Option<Duration> {
        (presigned(request)?.expires_at() - self.clock).to_std().ok()
    }

    fn document(&self, status: u16, s3_code: &str) -> Response<Body> {
        let message = "This fault was asked for by a rule of the lab.";
        ErrorDocument::new(s3_code, message).answer(status, &self.request_id)
    }

    fn redirect(&self, request: &Request<Incoming>, host: &str) -> Response<Body> {
        let message = "Please re-send this request to the specified temporary endpoint.";
        let document = ErrorDocument::new("TemporaryRedirect", message).with("Endpoint", host);
        let mut answer = document.answer(307, &self.request_id);
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let location = format!("{}://{host}{target}", self.shared.scheme());
        insert(answer.headers_mut(), LOCATION.as_str(), &location);
        answer
    }

    /// Dates and names the answer, and counts it.
    fn finish(self, mut answer: Response<Body>) -> Response<AnswerBody> {
        self.shared.count_answer(answer.status().as_u16());
        let headers = answer.headers_mut();
        insert(headers, DATE.as_str(), &http_date(self.clock));
        insert(headers, SERVER.as_str(), "curlift-lab");
        insert(headers, "x-amz-request-id", &self.request_id);
        insert(headers, "x-amz-id-2", &format!("{}/lab", self.request_id));
        answer.map(|body| AnswerBody { body, idle_close: None })
    }
}

/// The body of an answer, and what is to happen when it has been sent.
pub(super) struct AnswerBody {
    body: Body,
    idle_close: Option<(Conversation, Duration)>,
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some((conversation, after)) = self.idle_close.take() {
            conversation.close_if_idle(after);
        }
    }
}

fn presigned(request: &Request<Incoming>) -> Option<Presigned> {
    Presigned::of(request.uri().query()?)
}

fn recognise_request(request: &Request<Incoming>) -> Recognised {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let uri = request.uri();
    recognise(request.method(), host, uri.path(), uri.query().unwrap_or_default())
}

/// What a request has to do with the parts of an upload.
struct UploadSeen {
    upload_id: String,
    /// The part that is sent; where there is none, the parts are listed.
    part: Option<u32>,
}

impl UploadSeen {
    fn of(request: &Request<Incoming>, seen: Recognised) -> Option<UploadSeen> {
        let part = match seen.operation {
            "UploadPart" => Some(seen.part?),
            "ListParts" => None,
            _ => return None,
        };
        let upload_id = parameter(request.uri().query()?, "uploadId")?.to_owned();
        Some(UploadSeen { upload_id, part })
    }

    /// Counts it when its head was read.
    fn before(&self, shared: &Shared) {
        self.part.iter().for_each(|part| shared.count_part_sent(&self.upload_id, *part));
    }

    /// Counts it when its work was done.
    fn after(&self, shared: &Shared) {
        match self.part {
            Some(part) => shared.count_part_stored(&self.upload_id, part),
            None => shared.note_listing(&self.upload_id),
        }
    }
}

/// The server's clock, off by what the fault says.
#[expect(clippy::disallowed_methods, reason = "the lab is a server: the clock is its own")]
fn server_clock(effect: Option<&Effect>) -> DateTime<Utc> {
    let now = Utc::now();
    match effect {
        Some(Effect::Skew { by, behind }) => {
            let by = TimeDelta::from_std(*by).unwrap_or(TimeDelta::zero());
            if *behind { now - by } else { now + by }
        }
        _ => now,
    }
}

/// Whole seconds go into the standard header, parts of one into Amazon's, in milliseconds.
fn set_retry_after(headers: &mut HeaderMap, after: Duration) {
    if after.subsec_millis() == 0 {
        insert(headers, "retry-after", &after.as_secs().to_string());
    } else {
        insert(headers, "x-amz-retry-after", &after.as_millis().to_string());
    }
}

fn content_length(headers: &HeaderMap) -> u64 {
    let text = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn body_length(answer: &Response<Body>) -> u64 {
    answer.body().size_hint().exact().unwrap_or_else(|| content_length(answer.headers()))
}

/// `s3s` answers a HEAD of a range with 200.
fn ranged(mut answer: Response<Body>) -> Response<Body> {
    if answer.status() == StatusCode::OK && answer.headers().contains_key(CONTENT_RANGE) {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    answer
}
