//! What the command printed: taken apart, and held against the links that it is to renew. No
//! error repeats a byte of it.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use serde_json::error::Category;

use super::wire::{AnswerText, LinkText, call_words};
use super::{known, named, upload_id};
use crate::http::Headers;
use crate::s3::{Link, LinkedCall, Links, PresignedUrl, PresignedUrlError, UnixTime};
use crate::upload::LinksWanted;

/// Why an answer is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenewalError {
    /// It cannot be understood as a whole.
    #[error("it printed {what}; {expected} was expected")]
    NotUnderstood {
        /// Its kind and length.
        what: String,
        /// What an answer looks like.
        expected: String,
    },
    /// One of its links cannot take the place of the one that there was.
    #[error("the link for {call} that it printed {what}")]
    Link {
        /// For which call, or which of the links, counted from 1.
        call: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads what the command printed: links for calls that are `wanted`, each of which makes the same
/// request as the one among `links` that it renews. Of these, the ones that live longer, at least
/// one.
///
/// # Errors
/// [`RenewalError`], at the first thing that is wrong: nothing of such an answer is used.
pub fn answer(
    text: &[u8],
    wanted: &LinksWanted,
    links: &Links,
    now: UnixTime,
) -> Result<Links, RenewalError> {
    let renewing = Renewing { wanted, links, now };
    let not_understood = |what| {
        let expected = expected(wanted);
        RenewalError::NotUnderstood { what, expected }
    };
    let trimmed = text.trim_ascii();
    if let (Some(url), [call]) = (bare_url(trimmed), wanted.calls.as_slice()) {
        let link = renewing.link(*call, url, &BTreeMap::new())?;
        return renewing.newer(vec![(*call, link)]);
    }
    let answer: AnswerText = match serde_json::from_slice(trimmed) {
        Ok(answer) => answer,
        Err(error) => return Err(not_understood(kind(trimmed, &error))),
    };
    if answer.links.is_empty() {
        return Err(not_understood("an empty list of links".to_owned()));
    }
    let mut seen = BTreeSet::new();
    let mut links = Vec::with_capacity(answer.links.len());
    for (number, text) in (1..).zip(&answer.links) {
        let (call, link) = renewing.named_link(number, text)?;
        if !seen.insert(call) {
            return Err(wrong(call, "is there twice"));
        }
        links.push((call, link));
    }
    renewing.newer(links)
}

/// The links that are renewed, and when.
struct Renewing<'a> {
    wanted: &'a LinksWanted,
    links: &'a Links,
    now: UnixTime,
}

impl Renewing<'_> {
    fn named_link(
        &self,
        number: usize,
        text: &LinkText,
    ) -> Result<(LinkedCall, Link), RenewalError> {
        let call = text.call.call().map_err(|what| RenewalError::Link {
            call: format!("call number {number}"),
            what: format!("cannot be used: {what}"),
        })?;
        let mut wanted = self.wanted.calls.iter();
        let Some(&call) = wanted.find(|wanted| named(**wanted, self.links) == call) else {
            return Err(wrong(call, "was not wanted"));
        };
        Ok((call, self.link(call, &text.url, &text.call.headers)?))
    }

    /// The link that takes the place of the one for `call`.
    fn link(
        &self,
        call: LinkedCall,
        url: &str,
        fields: &BTreeMap<String, String>,
    ) -> Result<Link, RenewalError> {
        let old = self.links.get(call);
        let Some(known) = old.or_else(|| known(self.wanted, self.links)) else {
            return Err(wrong(call, "renews nothing"));
        };
        let text = url.trim();
        // Before anything is said of it: its host may be part of a secret that is no URL at all.
        if origin(text) != origin(known.url.expose()) {
            let to = known.url.origin();
            return Err(wrong(call, &format!("does not lead to {to}, as the one before does")));
        }
        let url = PresignedUrl::parse(text)
            .and_then(|url| check_body(call, &url).map(|()| url))
            .map_err(|error| wrong(call, &format!("cannot be used: {}", error.what)))?;
        if path(&url) != path(&known.url) {
            return Err(wrong(call, "has another path than the one before"));
        }
        let expected = match old {
            Some(old) => query(&old.url),
            None => query_of(call, upload_id(self.links)),
        };
        if let Some(name) = first_difference(&query(&url), &expected) {
            let what = format!("is for another call: its query differs in {name}");
            return Err(wrong(call, &what));
        }
        if url.expires_at() <= self.now {
            let ago = self.now.since(url.expires_at()).unwrap_or_default();
            return Err(wrong(call, &format!("has expired already, {} s ago", ago.as_secs())));
        }
        let fields = renewed_fields(&url, old, fields).map_err(|what| wrong(call, &what))?;
        Ok(Link { url, fields })
    }

    /// Those that are better than what there is; an error where none is.
    fn newer(&self, links: Vec<(LinkedCall, Link)>) -> Result<Links, RenewalError> {
        let first = links.first().map(|(call, _)| *call);
        let newer = links.into_iter().filter(|(call, link)| self.is_newer(*call, &link.url));
        let newer: Links = newer.collect();
        match first.filter(|_| newer.is_empty()) {
            Some(call) => Err(wrong(call, "lives no longer than the one that it is to renew")),
            None => Ok(newer),
        }
    }

    fn is_newer(&self, call: LinkedCall, url: &PresignedUrl) -> bool {
        let Some(Link { url: old, .. }) = self.links.get(call) else { return true };
        // A URL may have died with its keys, long before the time that it names.
        let is_signed_later = self.wanted.expired && url.signed_at() > old.signed_at();
        url.expires_at() > old.expires_at() || is_signed_later
    }
}

fn check_body(call: LinkedCall, url: &PresignedUrl) -> Result<(), PresignedUrlError> {
    match call {
        LinkedCall::PutObject | LinkedCall::UploadPart(_) => url.for_object(),
        _ => Ok(()),
    }
}

/// The fields to send: those that the new URL signs, with the values that the answer gives or that
/// are known already, and those that the user wants sent beside them.
fn renewed_fields(
    url: &PresignedUrl,
    old: Option<&Link>,
    answered: &BTreeMap<String, String>,
) -> Result<Headers, String> {
    let mut fields = old.map(|old| old.fields.clone()).unwrap_or_default();
    let is_signed = |name: &str| url.signed_fields().iter().any(|field| field == name);
    let signed_before = old.map(|old| old.url.signed_fields()).unwrap_or_default();
    // S3 takes no such field unsigned, and without it the object would be another.
    let dropped = signed_before.iter().find(|name| name.starts_with("x-amz-") && !is_signed(name));
    if let Some(name) = dropped {
        return Err(format!("does not sign the header field {name}, as the one before does"));
    }
    for (name, value) in answered {
        let name = name.to_ascii_lowercase();
        if !is_signed(&name) {
            return Err("comes with a header field that its URL does not sign".to_owned());
        }
        if value.contains(|c: char| c.is_control() && c != '\t') {
            return Err("has a control character in a header field".to_owned());
        }
        match fields.get(&name) {
            Some(known) if known.trim() == value.trim() => {}
            Some(_) => {
                let what = "has another value of the header field";
                return Err(format!("{what} {name} than the one before"));
            }
            None => fields.push(&name, value.trim()),
        }
    }
    if url.signed_fields().iter().any(|name| fields.get(name).is_none()) {
        return Err("signs a header field of which it gives no value in \"headers\"".to_owned());
    }
    Ok(fields)
}

/// Scheme, host and port, spelled in one way.
fn origin(text: &str) -> Option<(String, String)> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let default = if scheme == "http" { ":80" } else { ":443" };
    let host = authority.strip_suffix(default).unwrap_or(&authority).to_owned();
    Some((scheme, host))
}

fn path(url: &PresignedUrl) -> Vec<u8> {
    percent_decode_str(&url.url().path).collect()
}

/// Of a query, what tells one call from another: all but the signature and what SDKs add to it.
fn query(url: &PresignedUrl) -> Vec<(String, Vec<u8>)> {
    let pairs = url.url().query.into_iter();
    let pairs = pairs
        .map(|(name, value)| (name.to_ascii_lowercase(), percent_decode_str(&value).collect()));
    let of_signing = |name: &str| name.starts_with("x-amz-") || OF_SIGNING.contains(&name);
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| !of_signing(name)).collect();
    pairs.sort();
    pairs
}

/// The same of a call of which there is no link yet.
fn query_of(call: LinkedCall, upload_id: Option<String>) -> Vec<(String, Vec<u8>)> {
    let upload_id = upload_id.map(|id| ("uploadid", id));
    let pairs = match call {
        LinkedCall::PutObject | LinkedCall::HeadObject => vec![],
        LinkedCall::UploadPart(number) => vec![Some(("partnumber", number.to_string())), upload_id],
        LinkedCall::CompleteMultipartUpload | LinkedCall::AbortMultipartUpload => vec![upload_id],
        LinkedCall::ListParts(after) => {
            let after = after.map(|after| ("part-number-marker", after.to_string()));
            vec![after, upload_id]
        }
    };
    let pairs = pairs.into_iter().flatten();
    pairs.map(|(name, value)| (name.to_owned(), value.into_bytes())).collect()
}

/// Of names that a call may have, the first in which two queries differ; `something else` where it
/// is another.
fn first_difference(a: &[(String, Vec<u8>)], b: &[(String, Vec<u8>)]) -> Option<&'static str> {
    let odd = |one: &[(String, Vec<u8>)], other: &[(String, Vec<u8>)]| {
        one.iter().find(|pair| !other.contains(pair)).map(|(name, _)| name.clone())
    };
    let name = match odd(a, b).or_else(|| odd(b, a)) {
        Some(name) => name,
        None if a.len() == b.len() => return None,
        None => String::new(),
    };
    let known = TELLING.iter().find(|known| known.eq_ignore_ascii_case(&name));
    Some(known.copied().unwrap_or("something else"))
}

/// What tells one call from another.
const TELLING: [&str; 4] = ["uploadId", "partNumber", "part-number-marker", "versionId"];

/// Names of a query that say nothing of the call.
const OF_SIGNING: [&str; 5] = ["awsaccesskeyid", "signature", "expires", "x-id", "max-parts"];

/// A text that is one URL and nothing else.
fn bare_url(text: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(text).ok()?;
    let is_url = text.starts_with("http://") || text.starts_with("https://");
    (is_url && !text.contains(char::is_whitespace)).then_some(text)
}

/// Of what kind an answer is that cannot be understood.
fn kind(text: &[u8], error: &serde_json::Error) -> String {
    let bytes = match text.len() {
        0 => return "nothing".to_owned(),
        1 => "1 byte".to_owned(),
        length => format!("{length} bytes"),
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    match text[0] {
        _ if std::str::from_utf8(text).is_err() => format!("{bytes} that are no text"),
        _ if bare_url(text).is_some() => format!("{bytes} of a URL for more than one call"),
        b'<' => format!("{bytes} that look like HTML or XML"),
        b'{' | b'[' => match error.classify() {
            Category::Eof => format!("{bytes} of JSON that breaks off"),
            Category::Data => format!("{bytes} of JSON in another form ({place})"),
            Category::Syntax | Category::Io => {
                format!("{bytes} that begin as JSON and go wrong at {place}")
            }
        },
        _ => format!("{bytes} that are no JSON and no URL"),
    }
}

fn expected(wanted: &LinksWanted) -> String {
    const LINKS: &str = "{\"links\": [{\"call\": …, \"url\": …, \"headers\": {…}}, …]}";
    match wanted.calls.as_slice() {
        [call] => format!("a URL for {}, or {LINKS},", call_words(*call)),
        calls => format!("{LINKS} for {} calls", calls.len()),
    }
}

fn wrong(call: LinkedCall, what: &str) -> RenewalError {
    RenewalError::Link { call: call_words(call), what: what.to_owned() }
}
