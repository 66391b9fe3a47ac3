//! Where an upload comes from and goes to: what messages and the lines to type next name.

use std::path::Path;

use crate::config::Origin;
use crate::s3::{Destination, Object, UploadId};

/// Names for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file, as it was typed.
    pub(super) source: String,
    /// `s3://bucket/key`.
    pub(super) object: String,
    pub(super) bucket: String,
    pub(super) key: String,
    /// Scheme, host and port of the store.
    pub(super) endpoint: String,
    /// Who named the endpoint; `None` where it is Amazon's own.
    pub(super) endpoint_origin: Option<Origin>,
    pub(super) region: String,
    /// The profile whose keys are used, where one was named.
    pub(super) profile: Option<String>,
    /// Permissions the object's settings need beside `s3:PutObject`.
    pub(super) permissions: Vec<&'static str>,
    pub(super) reach: Reach,
    /// Whether presigned URLs that expire are renewed (`--renew`).
    pub(super) renews: bool,
}

/// By what right a place is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reach {
    /// By keys.
    Keys,
    /// By one presigned URL.
    Url,
    /// By those of a manifest, which is in this file.
    Manifest(String),
}

impl Place {
    /// Where presigned URLs lead, shown as `object`: whose keys and regions are theirs.
    pub(super) fn by_links(
        source: &Path,
        object: String,
        destination: &Destination,
        reach: Reach,
        renews: bool,
    ) -> Place {
        Place {
            source: Place::shown(source),
            object,
            bucket: destination.object.bucket.as_str().to_owned(),
            key: destination.object.key.as_str().to_owned(),
            endpoint: destination.endpoint.to_string(),
            endpoint_origin: None,
            region: destination.region.clone(),
            profile: None,
            permissions: Vec::new(),
            reach,
            renews,
        }
    }

    /// What S3 shares its request rates out by: the key up to its last slash, with the bucket.
    pub(super) fn key_prefix(&self) -> String {
        let end = self.key.rfind('/').map_or(0, |slash| slash + 1);
        format!("{}/{}", self.bucket, &self.key[..end])
    }

    /// `s3://bucket/key` of an object.
    pub(super) fn address(object: &Object) -> String {
        format!("s3://{}/{}", object.bucket.as_str(), object.key.as_str())
    }

    /// A path as it may be printed: control characters are escaped.
    pub(super) fn shown(path: &Path) -> String {
        let escape = |c: char| {
            if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
        };
        path.to_string_lossy().chars().map(escape).collect()
    }

    /// The line that shows whether the object is there.
    pub(super) fn head_line(&self) -> String {
        self.aws_line(&["head-object", "--bucket", &self.bucket, "--key", &self.key])
    }

    /// The line that gives up an upload.
    pub(super) fn abort_line(&self, upload_id: &UploadId) -> String {
        if let Reach::Manifest(path) = &self.reach {
            return quoted(&["curlift", "uploads", "abort", path]);
        }
        self.own_line(&["uploads", "abort", &self.object, "--upload-id", &upload_id.0])
    }

    /// The line that gives up all uploads of this key.
    pub(super) fn abort_all_line(&self) -> String {
        self.own_line(&["uploads", "abort", &self.object, "--all"])
    }

    /// The line that removes the object.
    pub(super) fn delete_line(&self) -> String {
        self.aws_line(&["delete-object", "--bucket", &self.bucket, "--key", &self.key])
    }

    /// The line that shows what a bucket keeps of an object that was removed.
    pub(super) fn versions_line(&self) -> String {
        self.aws_line(&["list-object-versions", "--bucket", &self.bucket, "--prefix", &self.key])
    }

    /// The line that shows the bucket's unfinished uploads of this key.
    pub(super) fn list_line(&self) -> String {
        self.own_line(&["uploads", "ls", &self.object])
    }

    /// The line that goes on with an upload of which there is no journal.
    pub(super) fn adopt_line(&self, source: &str, upload_id: &UploadId) -> String {
        if let Reach::Manifest(path) = &self.reach {
            return quoted(&["curlift", "cp", source, path]);
        }
        self.own_line(&["cp", source, &self.object, "--upload-id", &upload_id.0])
    }

    /// The line that uploads `source` to the same place.
    pub(super) fn again_line(&self, source: &str) -> String {
        self.own_line(&["cp", source, &self.object])
    }

    fn own_line(&self, arguments: &[&str]) -> String {
        let mut words = vec!["curlift"];
        words.extend(arguments);
        self.with_store(words)
    }

    fn aws_line(&self, arguments: &[&str]) -> String {
        let mut words = vec!["aws", "s3api"];
        words.extend(arguments);
        self.with_store(words)
    }

    /// The line of `words` with the flags that lead to the same store.
    fn with_store<'a>(&'a self, mut words: Vec<&'a str>) -> String {
        if self.endpoint_origin.is_some() {
            words.extend(["--endpoint-url", &self.endpoint]);
        }
        words.extend(["--region", &self.region]);
        if let Some(profile) = &self.profile {
            words.extend(["--profile", profile]);
        }
        quoted(&words)
    }
}

/// A line for a POSIX shell. A key has no NUL, the only byte that cannot be quoted.
pub(super) fn quoted(words: &[&str]) -> String {
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tests::place;

    #[test]
    fn lines_can_be_typed_as_they_are() {
        let mut place = place();
        assert_eq!(
            place.head_line(),
            "aws s3api head-object --bucket bucket --key path/key --region eu-west-1 --profile ci"
        );
        place.key = "a b'c".into();
        place.endpoint_origin = Some(Origin::Environment("AWS_ENDPOINT_URL"));
        place.profile = None;
        assert_eq!(
            place.abort_line(&UploadId("x/y".into())),
            "curlift uploads abort s3://bucket/path/key --upload-id x/y --endpoint-url \
             https://s3.example --region eu-west-1"
        );
        assert_eq!(
            place.head_line(),
            "aws s3api head-object --bucket bucket --key \"a b'c\" --endpoint-url \
             https://s3.example --region eu-west-1"
        );
    }
}
