//! `options export`: what can be typed of what somebody goes on with elsewhere.

use std::fmt;

use clap::{Args, ValueEnum};

use super::NetworkArgs;
use super::store::network_overrides;
use crate::config::Overrides;

pub(super) const EXPORT_EXAMPLES: &str = "\
Secrets are never printed: variables named CURLIFT_… stand for them, and for a presigned URL $URL.

Examples:
  curlift options export --to curl big.bin --url https://bucket.s3.amazonaws.com/key
  curlift options export --to pycurl --curl LOW_SPEED_TIME=60 > upload.py
  curlift options export --to toml --options-profile patient > ~/.config/curlift/config.toml";

/// `options export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// What to print
    #[arg(long, value_name = "WHAT")]
    pub(in crate::cli) to: Target,
    /// The file to upload [default: for curl the variable $FILE]
    pub(in crate::cli) file: Option<String>,
    /// Where curl uploads it to, presigned or not [default: the variable $URL]
    #[arg(long, value_parser = http_url)]
    pub(in crate::cli) url: Option<String>,
    /// Leave out what came after this curl or libcurl [default: the newest known]
    #[arg(long, value_name = "X.Y", value_parser = ToolVersion::parse)]
    pub(in crate::cli) for_version: Option<ToolVersion>,
    /// The region to sign for [default: us-east-1]
    #[arg(long, help_heading = "S3")]
    region: Option<String>,
    /// Send without credentials
    #[arg(long, help_heading = "S3")]
    pub(in crate::cli) no_sign_request: bool,
    #[command(flatten)]
    network: NetworkArgs,
}

impl ExportArgs {
    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        Overrides { region: self.region.clone(), ..network_overrides(&self.network) }
    }
}

/// What is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Target {
    /// A command line of the curl tool, for bash
    Curl,
    /// A Python script with PycURL
    Pycurl,
    /// A config file of curlift
    Toml,
}

impl Target {
    pub(in crate::cli) fn name(self) -> &'static str {
        match self {
            Target::Curl => "curl",
            Target::Pycurl => "pycurl",
            Target::Toml => "toml",
        }
    }
}

/// The version of curl and libcurl, which share theirs; patches bring no options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli) struct ToolVersion(pub(in crate::cli) u32, pub(in crate::cli) u32);

impl ToolVersion {
    /// From this one on it is known which flag came when; they had `--fail-with-body` first.
    const OLDEST: ToolVersion = ToolVersion(7, 76);

    /// That of the option table.
    pub(in crate::cli) const NEWEST: ToolVersion = ToolVersion(8, 22);

    /// Reads `7.88` and `7.88.1`.
    pub(in crate::cli) fn read(text: &str) -> Option<ToolVersion> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let version = ToolVersion(numbers.next()??, numbers.next()??);
        (numbers.all(|patch| patch.is_some()) && text.split('.').count() <= 3).then_some(version)
    }

    fn parse(text: &str) -> Result<ToolVersion, String> {
        let version = ToolVersion::read(text).ok_or("a version such as 7.88 is expected")?;
        if version < ToolVersion::OLDEST {
            return Err(format!("curl {} is the oldest that is known", ToolVersion::OLDEST));
        }
        Ok(version)
    }
}

impl fmt::Display for ToolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

fn http_url(text: &str) -> Result<String, String> {
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("http" | "https") => Ok(text.to_owned()),
        Some("s3") => {
            Err("curl knows no s3:// addresses: https://bucket.s3.REGION.amazonaws.com/key".into())
        }
        _ => Err("a URL with http:// or https:// is expected".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curlopt::{Handle, all};

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(ToolVersion::read("8.9") < ToolVersion::read("8.10.1"));
        assert_eq!(ToolVersion::parse("7.88.1"), Ok(ToolVersion(7, 88)));
        for text in ["", "8", "8.x", "8.1.x", "8.1.2.3", "7.75"] {
            assert!(ToolVersion::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn no_option_is_newer_than_the_newest_version() {
        for handle in [Handle::Easy, Handle::Multi] {
            let since = all(handle).map(|option| ToolVersion::read(option.since).unwrap()).max();
            assert!(since <= Some(ToolVersion::NEWEST), "{since:?}");
        }
    }

    #[test]
    fn only_http_urls_are_taken() {
        assert!(http_url("HTTPS://a/b").is_ok());
        for text in ["s3://b/k", "file:///etc/passwd", "bucket/key"] {
            assert!(http_url(text).is_err(), "{text}");
        }
    }
}
