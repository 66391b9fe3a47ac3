//! What `curlift verify` found out, as text and as a JSON line.

use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::place::Place;
use crate::disk::Source;
use crate::s3::{ObjectHead, Verdict};

/// What was found out.
pub(super) struct Found<'a> {
    source: String,
    place: &'a Place,
    local_size: u64,
    stored_size: u64,
    /// What was compared, for programs and for people.
    pub(super) subject: Option<(String, String)>,
    pub(super) rests_on_etag: bool,
    pub(super) verdict: Option<Verdict>,
    /// Why nothing but the size was.
    pub(super) only_size: Option<String>,
}

impl<'a> Found<'a> {
    pub(super) fn new(
        path: &std::path::Path,
        place: &'a Place,
        source: &Source,
        head: &ObjectHead,
    ) -> Found<'a> {
        Found {
            source: Place::shown(path),
            place,
            local_size: source.size(),
            stored_size: head.size,
            subject: None,
            rests_on_etag: false,
            verdict: None,
            only_size: None,
        }
    }

    pub(super) fn is_equal(&self) -> bool {
        let differs = matches!(self.verdict, Some(Verdict::Differs { .. }));
        self.local_size == self.stored_size && !differs
    }

    pub(super) fn text(&self) -> String {
        let Found { source, local_size, stored_size, .. } = self;
        let object = &self.place.object;
        if local_size != stored_size {
            return format!(
                "{source} and {object} differ\nsize: {local_size} bytes here, {stored_size} bytes \
                 stored"
            );
        }
        let subject = self.subject.as_ref().map_or("", |(_, words)| words);
        match (&self.verdict, &self.only_size) {
            (Some(Verdict::Differs { stored, local, part }), _) => {
                let mut text = format!(
                    "{source} and {object} differ\n{subject}: {local} here, {stored} stored; both \
                     have {local_size} bytes"
                );
                if let Some(part) = part {
                    let end = part.offset + part.length;
                    write!(
                        text,
                        "\nthe first part that differs is {}: bytes {} to {}",
                        part.number,
                        part.offset,
                        end.saturating_sub(1)
                    )
                    .expect("text can be appended to");
                }
                if self.rests_on_etag {
                    text += "\nhint: some stores make their ETags otherwise than Amazon S3; where \
                             this one does, download the object and compare it";
                }
                text
            }
            (Some(Verdict::Equal { value }), _) => {
                format!(
                    "{source} and {object} are equal\n  compared: {local_size} bytes, {subject}: \
                     {value}"
                )
            }
            (None, reason) => format!(
                "{source} and {object} have the same size, {local_size} bytes\n  only the size \
                 could be compared: {}",
                reason.as_deref().unwrap_or_default()
            ),
        }
    }

    pub(super) fn event(&self) -> VerifyEvent<'_> {
        let (stored, local, part) = match &self.verdict {
            Some(Verdict::Equal { value }) => (Some(value), Some(value), None),
            Some(Verdict::Differs { stored, local, part }) => (Some(stored), Some(local), *part),
            None => (None, None, None),
        };
        let method = self.subject.as_ref().map_or("size", |(method, _)| method);
        VerifyEvent {
            event: "verify",
            source: &self.source,
            destination: &self.place.object,
            equal: self.is_equal(),
            compared: method,
            bytes: self.local_size,
            bytes_stored: self.stored_size,
            local: local.map(String::as_str),
            stored: stored.map(String::as_str),
            part: part.map(|part| PartEvent {
                part: part.number.0.get(),
                offset: part.offset,
                bytes: part.length,
            }),
            only_size_because: self.only_size.as_deref(),
        }
    }
}

/// The verdict for programs.
#[derive(Debug, Serialize)]
pub(super) struct VerifyEvent<'a> {
    event: &'static str,
    source: &'a str,
    destination: &'a str,
    equal: bool,
    /// `size`, `crc64nvme`, `sha256-composite`, `etag-md5`, `etag-multipart`, ….
    compared: &'a str,
    bytes: u64,
    bytes_stored: u64,
    local: Option<&'a str>,
    stored: Option<&'a str>,
    /// The first part that differs.
    part: Option<PartEvent>,
    only_size_because: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct PartEvent {
    part: u32,
    offset: u64,
    bytes: u64,
}
