//! From a text to a presigned URL; what people really type and paste is recognised where it is
//! wrong.

use std::time::Duration;

use chrono::NaiveDateTime;

use super::{PresignedUrl, PresignedUrlError, parameter};
use crate::s3::UnixTime;
use crate::s3::endpoint_url::EndpointUrl;

/// What every URL of version 4 has.
const V4: [&str; 6] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
];
/// What every URL of version 2 has.
const V2: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];
/// Hexadecimal digits of an HMAC-SHA256.
const SIGNATURE_LENGTH: usize = 64;
/// The checksums of no bytes, as an SDK signs them that does not know the body yet.
const CHECKSUMS_OF_NOTHING: [&str; 5] = [
    "AAAAAA==",
    "AAAAAAAAAAA=",
    "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    "1B2M2Y8AsgTpgAmY7PhCfg==",
];
/// Queries that are about something else than an object's bytes.
const OTHER_CALLS: [(&str, &str); 8] = [
    ("uploads", "begins a multipart upload"),
    ("acl", "is about the object's permissions"),
    ("tagging", "is about the object's tags"),
    ("retention", "is about the object's retention"),
    ("legal-hold", "is about a legal hold on the object"),
    ("delete", "deletes objects"),
    ("list-type", "lists objects"),
    ("restore", "restores the object from an archive"),
];

impl PresignedUrl {
    /// Reads a presigned URL, as an SDK, a service or `curlift presign` prints it.
    ///
    /// # Errors
    /// Where it is not one, or not whole. What it allows cannot be seen of every URL; see
    /// [`for_object`](PresignedUrl::for_object).
    pub fn parse(text: &str) -> Result<PresignedUrl, PresignedUrlError> {
        let text = text.trim();
        let origin = checked_origin(text)?;
        let rest = &text[origin.len()..];
        let is_v2 = parameter(rest, "AWSAccessKeyId").is_some();
        let times = if is_v2 { version_2(rest)? } else { version_4(rest)? };
        let fields = parameter(rest, "X-Amz-SignedHeaders").unwrap_or_default();
        let fields = fields.split(';').map(str::to_ascii_lowercase);
        let scope = parameter(rest, "X-Amz-Credential").unwrap_or_default();
        let (scheme, authority) = origin.split_once("://").unwrap_or_default();
        Ok(PresignedUrl {
            text: format!("{}://{authority}{rest}", scheme.to_ascii_lowercase()).into(),
            signed_at: times.signed_at,
            expires_at: times.expires_at,
            signed_fields: fields.filter(|name| !name.is_empty() && name != "host").collect(),
            // The key, the day, the region.
            region: scope.split('/').nth(2).map(str::to_owned).filter(|name| !name.is_empty()),
        })
    }

    /// That it may upload an object, or a part of one, as far as can be seen.
    ///
    /// # Errors
    /// Where it is for something else. Its method is part of the signature and cannot be read.
    pub fn for_object(&self) -> Result<(), PresignedUrlError> {
        let downloads = |name: &str| name.starts_with("response-");
        let names = self.url().query.into_iter().map(|(name, _)| name.to_ascii_lowercase());
        let names: Vec<String> = names.collect();
        let call = self.parameter("x-id").unwrap_or_default();
        if names.iter().any(|name| downloads(name)) || call == "GetObject" {
            return Err(error(
                "the URL is signed for a download (GET)",
                "ask for one that is signed for PUT: curlift presign s3://BUCKET/KEY",
            ));
        }
        let other = OTHER_CALLS.iter().find(|(name, _)| names.iter().any(|found| found == name));
        if let Some((name, does)) = other {
            return Err(error(
                format!("the URL {does} (?{name}); it uploads no bytes"),
                "ask for one that is signed for PutObject: curlift presign s3://BUCKET/KEY",
            ));
        }
        if self.parameter("uploadId").is_some() && self.parameter("partNumber").is_none() {
            return Err(error(
                "the URL completes, aborts or lists a multipart upload; it uploads no bytes",
                "a multipart upload by presigned URLs needs them all: curlift presign \
                 s3://BUCKET/KEY --parts-for FILE -o parts.json",
            ));
        }
        self.with_a_body()
    }

    /// Newer SDKs sign the checksum of the body that they know when they sign: of none.
    fn with_a_body(&self) -> Result<(), PresignedUrlError> {
        let of_nothing = self.url().query.into_iter().any(|(name, _)| {
            let name = name.to_ascii_lowercase();
            let is_checksum = name.starts_with("x-amz-checksum-") || name == "content-md5";
            let value = self.parameter(&name).unwrap_or_default();
            is_checksum && CHECKSUMS_OF_NOTHING.contains(&value.as_str())
        });
        if of_nothing {
            return Err(error(
                "the URL demands the checksum of an empty body: the SDK that signed it put one in",
                "have it signed with request_checksum_calculation = when_required (or \
                 AWS_REQUEST_CHECKSUM_CALCULATION=when_required)",
            ));
        }
        Ok(())
    }
}

struct Times {
    signed_at: Option<UnixTime>,
    expires_at: UnixTime,
}

/// Scheme, host and port as they stand in `text`, which has nothing in it that no URL has.
fn checked_origin(text: &str) -> Result<&str, PresignedUrlError> {
    if let Some(strange) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
        return Err(error(
            format!("the URL has {strange:?} in it: it was broken where it was copied"),
            "copy it again, as one line, and quote it",
        ));
    }
    for (mark, from) in [("&amp;", "HTML"), ("\\u0026", "JSON"), ("\\&", "a shell's history")] {
        if text.contains(mark) {
            return Err(error(
                format!("the URL has {mark} where & belongs: it was copied out of {from}"),
                "put & in its place, and quote the URL",
            ));
        }
    }
    let host_at = text.find("://").map_or(0, |at| at + 3);
    let end = text[host_at..].find(['/', '?', '#']).map_or(text.len(), |at| host_at + at);
    let origin = &text[..end];
    if origin.contains('@') {
        return Err(error(
            "the URL has a user name or password in it",
            "a presigned URL needs none: its signature is all",
        ));
    }
    // No host has them: they are of the query, which must not be shown.
    if origin.contains(['&', '=']) {
        return Err(error(
            "the URL has no ? before its query: it was cut where it was copied",
            "copy it again, from its very beginning, and quote it",
        ));
    }
    if let Err(fault) = EndpointUrl::parse(origin) {
        let what = fault.to_string().replace("endpoint URL", "URL");
        return Err(error(what, "a presigned URL begins with https://HOST/"));
    }
    if text.contains('#') {
        return Err(error(
            "the URL has a # in it, behind which nothing is sent",
            "a # in a key is written %23",
        ));
    }
    Ok(origin)
}

fn version_4(rest: &str) -> Result<Times, PresignedUrlError> {
    let there: Vec<&str> = V4.into_iter().filter(|name| parameter(rest, name).is_some()).collect();
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if there.is_empty() && parameter(rest, "Signature").is_none() {
        return Err(error(
            "the URL is not presigned: it has no X-Amz-Signature",
            "to upload with keys, write s3://BUCKET/KEY, and the store's address as --endpoint-url",
        ));
    }
    let missing: Vec<&str> =
        V4.into_iter().filter(|name| parameter(rest, name).is_none()).collect();
    if !missing.is_empty() {
        let last = query.rsplit('&').next().unwrap_or_default();
        let last = last.split('=').next().unwrap_or_default();
        // What has no name that is known may be a secret.
        let end = V4.into_iter().find(|name| *name == last).unwrap_or("something else");
        return Err(error(
            format!(
                "the URL ends behind {end}; {} missing: a shell took what follows the first &",
                are(&missing)
            ),
            "quote the URL: 'https://…'",
        ));
    }
    let value = |name| parameter(rest, name).unwrap_or_default();
    let signature = value("X-Amz-Signature");
    let is_hmac = value("X-Amz-Algorithm") == "AWS4-HMAC-SHA256";
    if is_hmac && signature.len() != SIGNATURE_LENGTH {
        return Err(error(
            format!(
                "the URL's signature has {} of {SIGNATURE_LENGTH} digits: it was cut where it was \
                 copied",
                signature.len()
            ),
            "copy the URL again, to its very end, and quote it",
        ));
    }
    let date = NaiveDateTime::parse_from_str(&value("X-Amz-Date"), "%Y%m%dT%H%M%SZ");
    let seconds = value("X-Amz-Expires").parse::<u32>();
    let (Ok(date), Ok(seconds)) = (date, seconds) else {
        return Err(error(
            "the URL does not say when it expires: X-Amz-Date and X-Amz-Expires are no time and \
             no number",
            "have it signed again",
        ));
    };
    let signed_at = UnixTime(date.and_utc().timestamp());
    let lifetime = Duration::from_secs(seconds.into());
    Ok(Times { signed_at: Some(signed_at), expires_at: signed_at.after(lifetime) })
}

fn version_2(rest: &str) -> Result<Times, PresignedUrlError> {
    let missing: Vec<&str> =
        V2.into_iter().filter(|name| parameter(rest, name).is_none()).collect();
    if !missing.is_empty() {
        return Err(error(
            format!("the URL has {} missing: a shell took what stands behind an &", are(&missing)),
            "quote the URL: 'https://…'",
        ));
    }
    let seconds = parameter(rest, "Expires").unwrap_or_default().parse();
    let Ok(seconds) = seconds else {
        return Err(error(
            "the URL does not say when it expires: Expires is no number",
            "have it signed again",
        ));
    };
    Ok(Times { signed_at: None, expires_at: UnixTime(seconds) })
}

fn are(missing: &[&str]) -> String {
    let verb = if missing.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", missing.join(", "))
}

fn error(what: impl Into<String>, hint: &str) -> PresignedUrlError {
    PresignedUrlError { what: what.into(), hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's example, of the page that is named above.
    const WHOLE: &str = "https://examplebucket.s3.amazonaws.com/a%20b/test.txt?\
        X-Amz-Algorithm=AWS4-HMAC-SHA256&\
        X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&\
        X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&\
        X-Amz-SignedHeaders=content-type%3Bhost&\
        X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

    fn wrong(text: &str) -> String {
        let error = PresignedUrl::parse(text).and_then(|url| url.for_object().map(|()| url));
        let PresignedUrlError { what, hint } = error.unwrap_err();
        assert!(!what.contains("aeeed9") && !what.contains("AKIA"), "{what}");
        format!("{what}: {hint}")
    }

    #[test]
    fn what_a_url_says_of_itself() {
        let url = PresignedUrl::parse(&format!("  {WHOLE}\n")).unwrap();
        assert_eq!(url.signed_at(), Some(UnixTime(1_369_353_600)));
        assert_eq!(url.expires_at(), UnixTime(1_369_440_000));
        assert_eq!(url.lifetime(), Some(Duration::from_hours(24)));
        assert_eq!(url.signed_fields(), ["content-type"]);
        assert_eq!(url.region(), Some("us-east-1"));
        assert_eq!(url.origin(), "https://examplebucket.s3.amazonaws.com");
        assert_eq!(url.path(), "/a b/test.txt");
        assert_eq!(url.url().to_string(), WHOLE, "sent as it was given");
        assert_eq!(url.for_object(), Ok(()));
    }

    #[test]
    fn version_2_is_understood() {
        let text =
            "http://127.0.0.1:9000/b/k?AWSAccessKeyId=AK&Signature=x%2By%3D&Expires=1369440000";
        let url = PresignedUrl::parse(text).unwrap();
        assert_eq!((url.signed_at(), url.lifetime()), (None, None));
        assert_eq!(url.expires_at(), UnixTime(1_369_440_000));
        assert!(url.signed_fields().is_empty());
        assert_eq!(url.url().to_string(), text);
        let cut = wrong("http://127.0.0.1:9000/b/k?AWSAccessKeyId=AK");
        assert!(cut.contains("Expires, Signature are missing") && cut.contains("quote"), "{cut}");
    }

    #[test]
    fn the_object_is_where_the_bucket_stands() {
        let (_, query) = WHOLE.split_once('?').unwrap();
        for (place, object) in [
            ("https://bkt.s3.amazonaws.com/a%20b/c", ("bkt", "a b/c")),
            ("https://b.kt.s3-accelerate.amazonaws.com/c", ("b.kt", "c")),
            ("http://127.0.0.1:9000/bkt/a/c", ("bkt", "a/c")),
            ("https://files.example.com/c", ("files.example.com", "c")),
        ] {
            let found = PresignedUrl::parse(&format!("{place}?{query}")).unwrap().object();
            assert_eq!((found.bucket.as_str(), found.key.as_str()), object, "{place}");
        }
    }

    #[test]
    fn nothing_of_the_query_is_printed() {
        let url = PresignedUrl::parse(WHOLE).unwrap();
        let shown = "https://examplebucket.s3.amazonaws.com/a%20b/test.txt?…";
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("PresignedUrl({shown}, until 1369440000)"));
    }

    #[test]
    fn what_a_shell_took_away_is_told() {
        for (end, _) in WHOLE.match_indices('&') {
            let message = wrong(&WHOLE[..end]);
            assert!(message.contains("a shell took") && message.contains("quote"), "{message}");
        }
        let message = wrong(&WHOLE[..WHOLE.find('&').unwrap()]);
        assert!(message.starts_with("the URL ends behind X-Amz-Algorithm;"), "{message}");
        let message = wrong(&WHOLE[..WHOLE.len() - 10]);
        assert!(message.contains("has 54 of 64 digits"), "{message}");
        let message = wrong("https://h/k?X-Amz-Date=&aeeed9");
        assert!(message.starts_with("the URL ends behind something else;"), "{message}");
    }

    #[test]
    fn what_cannot_be_right_is_told_with_what_to_do() {
        let with = |from: &str, to: &str| WHOLE.replacen(from, to, 1);
        for (text, says) in [
            ("https://host/bucket/key".to_owned(), "not presigned"),
            (with("&X-Amz-Date", "&amp;X-Amz-Date"), "copied out of HTML"),
            (with("&X-Amz-Date", "\\u0026X-Amz-Date"), "copied out of JSON"),
            (with("&X-Amz-Date", "&\nX-Amz-Date"), "broken where it was copied"),
            (with("https://", "ftp://"), "begins with ftp://"),
            (with("https://", "https://user:pw@"), "user name or password"),
            (with("https://", ""), "does not say how to connect"),
            (with("test.txt", "te#st.txt"), "%23"),
            (WHOLE[WHOLE.find("X-Amz-Credential").unwrap()..].to_owned(), "no ? before its query"),
            (with("20130524T000000Z", "yesterday"), "when it expires"),
            (with("=86400", "=-1"), "when it expires"),
            (format!("{WHOLE}&response-content-type=text%2Fplain"), "download (GET)"),
            (format!("{WHOLE}&x-id=GetObject"), "download (GET)"),
            (with("?X", "?uploads&X"), "begins a multipart upload"),
            (with("?X", "?tagging=&X"), "tags"),
            (with("?X", "?uploadId=U&X"), "completes, aborts or lists"),
            (format!("{WHOLE}&x-amz-checksum-crc32=AAAAAA%3D%3D"), "empty body"),
        ] {
            let message = wrong(&text);
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn a_part_is_uploaded_by_its_url() {
        let text = WHOLE.replacen("?X", "?partNumber=7&uploadId=U%2F1&X", 1);
        let url = PresignedUrl::parse(&text).unwrap();
        assert_eq!(url.for_object(), Ok(()));
        assert_eq!(url.parameter("partNumber").as_deref(), Some("7"));
        assert_eq!(url.parameter("uploadId").as_deref(), Some("U/1"));
    }
}
