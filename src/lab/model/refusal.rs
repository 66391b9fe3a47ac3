//! The refusals that more than one call gives, worded as Amazon S3 words them.

use super::ModelError;

pub(super) fn error(status: u16, code: &'static str, message: impl Into<String>) -> ModelError {
    ModelError { status, code, message: message.into() }
}

pub(super) fn no_such_bucket() -> ModelError {
    error(404, "NoSuchBucket", "The specified bucket does not exist")
}

pub(super) fn no_such_upload() -> ModelError {
    let message = "The specified upload does not exist. The upload ID may be invalid, or the \
                   upload may have been aborted or completed.";
    error(404, "NoSuchUpload", message)
}

pub(super) fn entity_too_large() -> ModelError {
    error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size")
}

pub(super) fn precondition_failed() -> ModelError {
    let message = "At least one of the pre-conditions you specified did not hold";
    error(412, "PreconditionFailed", message)
}
