//! A presigned URL and its header fields as JSON has them, in a manifest and in what a command
//! prints that signs new ones.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::ManifestError;
use crate::http::{Headers, is_token};
use crate::s3::{Link, PresignedUrl};

/// A link: `{"url": "…", "headers": {"name": "value"}}`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::upload) struct LinkJson {
    /// The presigned URL: a secret.
    pub(in crate::upload) url: String,
    /// The fields that the URL signs, `host` apart, and no others: names in any case, values as
    /// they must be sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::upload) headers: BTreeMap<String, String>,
}

/// Fields that belong to a connection or to the length of a body: whoever sends sets them.
const SENDERS_OWN: [&str; 9] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

impl LinkJson {
    /// As `link` is.
    pub(in crate::upload) fn of(link: &Link) -> LinkJson {
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        LinkJson {
            url: link.url.expose().to_owned(),
            headers: link.fields.iter().map(own).collect(),
        }
    }

    /// The link: a URL that is presigned, with exactly the fields that it signs.
    pub(in crate::upload) fn link(&self) -> Result<Link, ManifestError> {
        let url = PresignedUrl::parse(&self.url)
            .map_err(|error| ManifestError { what: error.what, hint: error.hint })?;
        let mut fields = Headers::new();
        for (name, value) in &self.headers {
            check_field(name, value, &url)?;
            if fields.get(name).is_some() {
                return Err(ManifestError::new(
                    format!("the header field {} stands there twice", shown(name)),
                    "leave one of them out",
                ));
            }
            fields.push(name, value);
        }
        match url.signed_fields().iter().find(|name| fields.get(name).is_none()) {
            Some(name) => Err(ManifestError::new(
                format!("the URL signs the header field {}, whose value is missing", shown(name)),
                "give name and value in \"headers\"",
            )),
            None => Ok(Link { url, fields }),
        }
    }
}

fn check_field(name: &str, value: &str, url: &PresignedUrl) -> Result<(), ManifestError> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(ManifestError::new(
            format!("{} is no name of a header field", shown(name)),
            "write it as it stands in the URL's X-Amz-SignedHeaders",
        ));
    }
    if value.chars().any(char::is_control) {
        return Err(ManifestError::new(
            format!("the value of the header field {} has a line end or the like", shown(name)),
            "write it as one line of text",
        ));
    }
    if SENDERS_OWN.contains(&lower.as_str()) {
        return Err(ManifestError::new(
            format!("the header field {lower} is set by whoever sends the request"),
            "have the URL signed without it",
        ));
    }
    if !url.signed_fields().contains(&lower) {
        return Err(ManifestError::new(
            format!("the header field {lower} is not one that the URL signs"),
            "only those that stand in the URL's X-Amz-SignedHeaders may be sent",
        ));
    }
    Ok(())
}

fn shown(name: &str) -> String {
    format!("“{}”", name.chars().take(60).flat_map(char::escape_debug).collect::<String>())
}

/// The URL is kept from being printed.
impl fmt::Debug for LinkJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkJson").field("headers", &self.headers.keys()).finish_non_exhaustive()
    }
}
