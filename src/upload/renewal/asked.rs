//! The other end: what somebody who has keys is asked, and the answer.

use std::collections::BTreeSet;

use super::VERSION;
use super::wire::{AnswerText, CallText, LinkText, RequestText};
use crate::http::{Headers, is_token};
use crate::s3::{LinkedCall, Links, UploadId};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Scheme, host and port that the links must lead to.
    pub endpoint: String,
    /// Their path, decoded.
    pub path: String,
    /// The upload that they are for, where it is one in parts.
    pub upload_id: Option<UploadId>,
    /// The calls, each with the fields to be signed. None is there twice.
    pub calls: Vec<(LinkedCall, Headers)>,
}

/// A text that asks for nothing that could be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AskedError(pub String);

impl Asked {
    /// Reads what [`request`](super::request) writes.
    ///
    /// # Errors
    /// Where it is something else, of a newer version, or asks for what makes no sense.
    pub fn read(text: &[u8]) -> Result<Asked, AskedError> {
        let failed = |what: String| AskedError(format!("the renewal request {what}"));
        if text.trim_ascii().is_empty() {
            return Err(failed("is empty".to_owned()));
        }
        let request: RequestText = serde_json::from_slice(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            failed(format!("is not one: it goes wrong at line {line}, column {column}"))
        })?;
        if request.curlift_renewal != VERSION {
            let version = request.curlift_renewal;
            return Err(failed(format!("is of version {version}, and {VERSION} is known")));
        }
        let upload_id = request.upload_id.map(UploadId);
        let mut calls: Vec<(LinkedCall, Headers)> = Vec::with_capacity(request.calls.len());
        let mut seen = BTreeSet::new();
        for text in &request.calls {
            let call = text.call().map_err(|what| failed(format!("cannot be met: {what}")))?;
            let is_whole = matches!(call, LinkedCall::PutObject | LinkedCall::HeadObject);
            if !is_whole && upload_id.is_none() {
                return Err(failed(format!("wants {} and names no upload", text.call)));
            }
            if !seen.insert(call) {
                return Err(failed("names a call twice".to_owned()));
            }
            calls.push((call, fields(text).map_err(failed)?));
        }
        if calls.is_empty() {
            return Err(failed("names no calls".to_owned()));
        }
        Ok(Asked { endpoint: request.endpoint, path: request.path, upload_id, calls })
    }
}

fn fields(text: &CallText) -> Result<Headers, String> {
    let mut fields = Headers::new();
    for (name, value) in &text.headers {
        if name.is_empty() || !name.bytes().all(is_token) || value.contains(char::is_control) {
            return Err("has a header field that cannot be sent".to_owned());
        }
        fields.set(name, value.trim());
    }
    Ok(fields)
}

/// The answer: a secret, for it has the URLs in it.
#[must_use]
pub fn answer_text(links: &Links) -> String {
    let links = links.iter().map(|(call, link)| LinkText {
        call: CallText::new(call, &link.fields),
        url: link.url.expose().to_owned(),
    });
    serde_json::to_string(&AnswerText { links: links.collect() }).unwrap_or_default()
}
