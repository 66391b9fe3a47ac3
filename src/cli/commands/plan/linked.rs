//! What is otherwise in the plan of an upload by presigned URLs: others have decided it.

use super::{Plan, Said};
use crate::cli::commands::upload::{Linked, Upload};

impl Plan {
    /// The same, where presigned URLs say where to, how it is cut and who signs.
    pub(super) fn by_links(self, upload: &Upload, linked: &Linked) -> Plan {
        let parts = linked.links.parts().count() as u32;
        let region = upload.destination.region.clone();
        let said = if linked.upload_id.is_some() { "the manifest" } else { "the URL" }.to_owned();
        Plan {
            region: Said { value: region, origin: said.clone() },
            part_size_wanted: Said { value: self.part_size, origin: said },
            // A share is completed elsewhere; what is at the store is listed first.
            requests: match (&linked.upload_id, &linked.share) {
                (None, _) => Some(1),
                (Some(_), None) => Some(parts + 2),
                (Some(_), Some(_)) => Some(parts + 1),
            },
            signature: "in the URL",
            by_links: true,
            is_share: linked.share.is_some(),
            ..self
        }
    }
}
