//! A bucket and the beginning of keys in it: what commands about more than one object are given.

use std::fmt;

use super::object::{Bucket, NameError};
use super::printable::printable;

/// A bucket, and the beginning, perhaps empty, of the keys in it that are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketPrefix {
    /// The bucket.
    pub bucket: Bucket,
    /// How the keys begin; any bytes but those that no key has.
    pub prefix: String,
}

impl BucketPrefix {
    /// The address `s3://BUCKET[/PREFIX]`. The prefix is taken as it is: `s3://b/a` means `ab` too.
    ///
    /// # Errors
    /// Where that is not an address, or the bucket is not possible.
    pub fn parse(address: &str) -> Result<BucketPrefix, NameError> {
        let Some(rest) = address.strip_prefix("s3://") else {
            return Err(NameError(format!(
                "“{}” is not an address in S3: type s3://BUCKET or s3://BUCKET/PREFIX",
                printable(address, 80)
            )));
        };
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(BucketPrefix { bucket: Bucket::new(bucket)?, prefix: prefix.into() })
    }
}

/// `s3://bucket/prefix`, control characters escaped.
impl fmt::Display for BucketPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        match self.prefix.as_str() {
            "" => Ok(()),
            prefix => write!(f, "/{}", printable(prefix, usize::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (address, prefix, shown) in [
            ("s3://bkt", "", "s3://bkt"),
            ("s3://bkt/", "", "s3://bkt"),
            ("s3://bkt/a/", "a/", "s3://bkt/a/"),
            ("s3://bkt//a", "/a", "s3://bkt//a"),
            ("s3://bkt/a?b#c%20\u{1b}", "a?b#c%20\u{1b}", "s3://bkt/a?b#c%20\\u{1b}"),
        ] {
            let found = BucketPrefix::parse(address).unwrap();
            assert_eq!((found.bucket.as_str(), found.prefix.as_str()), ("bkt", prefix));
            assert_eq!(found.to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_address_says_what_to_type() {
        for (address, expected) in [
            ("bkt/key", "type s3://BUCKET or s3://BUCKET/PREFIX"),
            ("https://bkt", "type s3://BUCKET or s3://BUCKET/PREFIX"),
            ("s3://", "it is empty"),
            ("s3:///key", "it is empty"),
            ("s3://Bkt", "in lower case"),
        ] {
            let error = BucketPrefix::parse(address).expect_err(address).to_string();
            assert!(error.contains(expected), "{address}: {error}");
        }
    }
}
