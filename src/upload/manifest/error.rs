//! Why a text is no manifest that could be used.

/// What is wrong with a manifest. Never repeats a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ManifestError {
    /// What, and where.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl ManifestError {
    pub(in crate::upload) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        ManifestError { what: what.into(), hint: hint.into() }
    }

    /// The same, said of `place`.
    pub(super) fn at(self, place: &str) -> ManifestError {
        ManifestError { what: format!("{place}: {}", self.what), hint: self.hint }
    }
}
