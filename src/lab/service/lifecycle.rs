//! A bucket's lifecycle rules: kept and told; the lab does not carry them out. Refused is what
//! Amazon S3 refuses of them.

use s3s::dto::{
    GetBucketLifecycleConfigurationOutput, LifecycleRule, LifecycleRules,
    PutBucketLifecycleConfigurationInput, TransitionDefaultMinimumObjectSize,
};
use s3s::{S3Request, S3Result, s3_error};

/// What a bucket's owner has set.
#[derive(Debug, Clone)]
pub(super) struct Lifecycle {
    rules: LifecycleRules,
    transition_default: TransitionDefaultMinimumObjectSize,
}

/// What stands beside the rules unless the request says otherwise (API reference).
const TRANSITION_DEFAULT: &str = "all_storage_classes_128K";

/// `GetBucketLifecycleConfiguration`
pub(super) fn answer(kept: Option<&Lifecycle>) -> S3Result<GetBucketLifecycleConfigurationOutput> {
    let Some(Lifecycle { rules, transition_default }) = kept else {
        let message = "The lifecycle configuration does not exist";
        return Err(s3_error!(NoSuchLifecycleConfiguration, "{message}"));
    };
    Ok(GetBucketLifecycleConfigurationOutput {
        rules: Some(rules.clone()),
        transition_default_minimum_object_size: Some(transition_default.clone()),
    })
}

/// `PutBucketLifecycleConfiguration`
pub(super) fn accept(
    request: S3Request<PutBucketLifecycleConfigurationInput>,
) -> S3Result<Lifecycle> {
    let is_protected = |name: &str| name == "content-md5" || name.starts_with("x-amz-checksum-");
    if !request.headers.keys().any(|name| is_protected(name.as_str())) {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(s3_error!(InvalidRequest, "{message}"));
    }
    let rules = request.input.lifecycle_configuration.map(|configuration| configuration.rules);
    let rules = rules.filter(|rules| !rules.is_empty());
    let rules = rules.ok_or_else(|| s3_error!(MalformedXML, "There is no lifecycle rule"))?;
    judge(&rules)?;
    let default = || TransitionDefaultMinimumObjectSize::from_static(TRANSITION_DEFAULT);
    let transition_default = request.input.transition_default_minimum_object_size;
    Ok(Lifecycle { rules, transition_default: transition_default.unwrap_or_else(default) })
}

fn judge(rules: &[LifecycleRule]) -> S3Result<()> {
    let is_older = rules.iter().any(|rule| rule.prefix.is_some());
    if is_older && rules.iter().any(|rule| rule.filter.is_some()) {
        return Err(s3_error!(InvalidRequest, "Filter element can only be used in Lifecycle V2."));
    }
    for (index, rule) in rules.iter().enumerate() {
        let before = &rules[..index];
        if rule.id.is_some() && before.iter().any(|other| other.id == rule.id) {
            let message = "Rule ID must be unique. Found same ID for more than one rule";
            return Err(s3_error!(InvalidArgument, "{message}"));
        }
        if is_older && before.iter().any(|other| overlap(rule, other)) {
            let message = "Found overlapping prefixes for same action type \
                           'AbortIncompleteMultipartUpload'";
            return Err(s3_error!(InvalidRequest, "{message}"));
        }
    }
    Ok(())
}

fn overlap(one: &LifecycleRule, other: &LifecycleRule) -> bool {
    let aborts = |rule: &LifecycleRule| rule.abort_incomplete_multipart_upload.is_some();
    let prefix = |rule: &LifecycleRule| rule.prefix.clone().unwrap_or_default();
    let (here, there) = (prefix(one), prefix(other));
    aborts(one) && aborts(other) && (here.starts_with(&there) || there.starts_with(&here))
}
