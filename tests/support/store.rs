//! A store as seen by another client: `curl --aws-sigv4`, which shares no code of ours.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// SHA-256 of nothing: the payload hash of a request without a body.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where a store is, and the keys to it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// With scheme and port, without a path.
    pub(crate) url: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) region: String,
    /// The certificate to trust, where it is reached over TLS.
    pub(crate) ca: Option<PathBuf>,
}

impl Store {
    /// The same, as the variables that every S3 tool reads.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", self.url.clone()),
            ("AWS_ACCESS_KEY_ID", self.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key.clone()),
            ("AWS_REGION", self.region.clone()),
        ];
        let ca = self.ca.as_ref().map(|ca| ca.display().to_string());
        variables.extend(ca.map(|ca| ("AWS_CA_BUNDLE", ca)));
        variables
    }

    /// The object's bytes.
    pub(crate) fn get(&self, bucket: &str, key: &str) -> Vec<u8> {
        self.ask(&["--fail"], &path(bucket, key))
            .unwrap_or_else(|error| panic!("GET {key}: {error}"))
    }

    /// A header of the object, its name in lower case, checksums included.
    pub(crate) fn header(&self, bucket: &str, key: &str, name: &str) -> Option<String> {
        let options = ["--fail", "--head", "--header", "x-amz-checksum-mode: ENABLED"];
        let head = self.ask(&options, &path(bucket, key));
        let head = head.unwrap_or_else(|error| panic!("HEAD {key}: {error}"));
        String::from_utf8_lossy(&head).lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    /// Whether the object is there.
    pub(crate) fn has(&self, bucket: &str, key: &str) -> bool {
        self.ask(&["--fail", "--head"], &path(bucket, key)).is_ok()
    }

    /// How many multipart uploads to this key are unfinished.
    pub(crate) fn unfinished(&self, bucket: &str, key: &str) -> usize {
        let listing = self.ask(&["--fail"], &format!("/{bucket}?uploads="));
        let listing = listing.unwrap_or_else(|error| panic!("ListMultipartUploads: {error}"));
        let listing = String::from_utf8_lossy(&listing);
        assert!(listing.contains("ListMultipartUploadsResult"), "{listing}");
        listing.matches(&format!("<Key>{key}</Key>")).count()
    }

    /// Asks curl: its standard output, or what it complains of.
    pub(crate) fn ask(&self, options: &[&str], path: &str) -> Result<Vec<u8>, String> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--path-as-is", "--noproxy", "*"]);
        command.args(["--max-time", "60", "--disable"]);
        command.args(["--user", &format!("{}:{}", self.access_key, self.secret_key)]);
        command.args(["--aws-sigv4", &format!("aws:amz:{}:s3", self.region)]);
        command.args(["--header", &format!("x-amz-content-sha256: {NOTHING}")]);
        if let Some(ca) = &self.ca {
            command.arg("--cacert").arg(ca);
        }
        let done = command.args(options).arg(format!("{}{path}", self.url)).output();
        let done = done.map_err(|error| format!("curl: {error}"))?;
        let said = || String::from_utf8_lossy(&done.stderr).into_owned();
        if done.status.success() { Ok(done.stdout) } else { Err(said()) }
    }
}

/// The path of an object, every byte but the unreserved ones and `/` encoded.
fn path(bucket: &str, key: &str) -> String {
    let mut path = format!("/{bucket}/");
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("a string takes everything");
        }
    }
    path
}
