//! The words of settings: what each stands for.

use super::{PayloadSigning, RetryMode};
use crate::s3::Addressing;
use crate::upload::RetryRevision;

/// As `--checksum-algorithm` has it.
pub(super) fn algorithm(text: &str) -> Result<bool, String> {
    match text {
        "crc64nvme" => Ok(true),
        "none" => Ok(false),
        _ => Err(format!("`{text}` is neither crc64nvme nor none")),
    }
}

/// As `--payload-signing` has it.
pub(super) fn signing_when(text: &str) -> Result<PayloadSigning, String> {
    match text {
        "auto" => Ok(PayloadSigning::Auto),
        "never" => Ok(PayloadSigning::Never),
        "always" => Ok(PayloadSigning::Always),
        _ => Err(format!("`{text}` is none of auto, never, always")),
    }
}

/// The SDKs' oldest mode, `legacy`, has no shared quota; what takes its place here is not worse.
pub(super) fn retry_mode(text: &str) -> Result<RetryMode, String> {
    match text.to_ascii_lowercase().as_str() {
        "standard" | "legacy" => Ok(RetryMode::Standard),
        "adaptive" => Ok(RetryMode::Adaptive),
        _ => Err(format!("`{text}` is none of standard, adaptive, legacy")),
    }
}

pub(super) fn revision(text: &str) -> Result<RetryRevision, String> {
    boolean(text).map(|new| if new { RetryRevision::V2_1 } else { RetryRevision::V2_0 })
}

pub(super) fn checksums(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "when_supported" => Ok(true),
        "when_required" => Ok(false),
        _ => Err(format!("`{text}` is neither when_supported nor when_required")),
    }
}

pub(super) fn addressing(text: &str) -> Result<Addressing, String> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Ok(Addressing::Auto),
        "path" => Ok(Addressing::Path),
        "virtual" => Ok(Addressing::Virtual),
        _ => Err(format!("`{text}` is none of auto, path, virtual")),
    }
}

/// botocore's `payload_signing_enabled`: without it, plain http is signed all the same.
pub(super) fn signing(text: &str) -> Result<PayloadSigning, String> {
    boolean(text).map(|on| if on { PayloadSigning::Always } else { PayloadSigning::Auto })
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

pub(super) fn count(text: &str, max: u32) -> Result<u32, String> {
    text.parse()
        .ok()
        .filter(|count| (1..=max).contains(count))
        .ok_or_else(|| format!("`{text}` is no whole number from 1 to {max}"))
}
