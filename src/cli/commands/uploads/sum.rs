//! Unfinished uploads added up.

use crate::upload::{Stored, Unfinished};

/// Uploads added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sum {
    pub(super) uploads: u64,
    pub(super) parts: u64,
    pub(super) bytes: u64,
    /// Uploads of which nobody knows what lies in them.
    pub(super) unknown: u64,
}

impl Sum {
    pub(super) fn of<'a>(uploads: impl IntoIterator<Item = &'a Unfinished>) -> Sum {
        let mut sum = Sum::default();
        for upload in uploads {
            let Stored { parts, bytes } = upload.stored.unwrap_or_default();
            sum.uploads += 1;
            sum.parts += parts;
            sum.bytes += bytes;
            sum.unknown += u64::from(upload.stored.is_none());
        }
        sum
    }
}
