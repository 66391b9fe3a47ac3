//! Request and answer as they are written, field by field.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::http::Headers;
use crate::s3::{LinkedCall, PartNumber};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestText {
    pub(super) curlift_renewal: u32,
    pub(super) endpoint: String,
    pub(super) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bucket: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    pub(super) upload_id: Option<String>,
    pub(super) expired: bool,
    pub(super) calls: Vec<CallText>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct CallText {
    pub(super) call: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part_number: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<u32>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct AnswerText {
    pub(super) links: Vec<LinkText>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LinkText {
    #[serde(flatten)]
    pub(super) call: CallText,
    pub(super) url: String,
}

impl CallText {
    pub(super) fn new(call: LinkedCall, fields: &Headers) -> CallText {
        let mut headers = BTreeMap::<String, String>::new();
        for (name, value) in fields.iter() {
            headers
                .entry(name.to_owned())
                // As Signature Version 4 joins them.
                .and_modify(|values| *values = format!("{values},{value}"))
                .or_insert_with(|| value.to_owned());
        }
        let (part_number, after) = match call {
            LinkedCall::UploadPart(number) => (Some(number.0.get()), None),
            LinkedCall::ListParts(after) => (None, Some(after.map_or(0, |after| after.0.get()))),
            _ => (None, None),
        };
        CallText { call: call_name(call).to_owned(), part_number, after, headers }
    }

    /// Which call it is.
    pub(super) fn call(&self) -> Result<LinkedCall, String> {
        let number = |number: u32| NonZeroU32::new(number).map(PartNumber);
        Ok(match self.call.as_str() {
            "PutObject" => LinkedCall::PutObject,
            "UploadPart" => match self.part_number.and_then(number) {
                Some(number) => LinkedCall::UploadPart(number),
                None => return Err("UploadPart needs a \"part_number\" from 1 on".to_owned()),
            },
            "CompleteMultipartUpload" => LinkedCall::CompleteMultipartUpload,
            "AbortMultipartUpload" => LinkedCall::AbortMultipartUpload,
            "ListParts" => LinkedCall::ListParts(self.after.and_then(number)),
            "HeadObject" => LinkedCall::HeadObject,
            _ => return Err(format!("\"call\" is none of {}", CALLS.join(", "))),
        })
    }
}

/// S3's name of a call.
pub(super) fn call_name(call: LinkedCall) -> &'static str {
    match call {
        LinkedCall::PutObject => "PutObject",
        LinkedCall::UploadPart(_) => "UploadPart",
        LinkedCall::CompleteMultipartUpload => "CompleteMultipartUpload",
        LinkedCall::AbortMultipartUpload => "AbortMultipartUpload",
        LinkedCall::ListParts(_) => "ListParts",
        LinkedCall::HeadObject => "HeadObject",
    }
}

/// A call in words: `UploadPart 7`.
pub(super) fn call_words(call: LinkedCall) -> String {
    match call {
        LinkedCall::UploadPart(number) => format!("UploadPart {number}"),
        LinkedCall::ListParts(Some(after)) => format!("ListParts after {after}"),
        call => call_name(call).to_owned(),
    }
}

const CALLS: [&str; 6] = [
    "PutObject",
    "UploadPart",
    "CompleteMultipartUpload",
    "AbortMultipartUpload",
    "ListParts",
    "HeadObject",
];
