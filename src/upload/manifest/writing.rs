//! A manifest as the text of its file.

use super::document::{AddressingWord, Document, FileRecord, ObjectRecord, PageRecord, PartRecord};
use super::link::LinkJson;
use super::reading::VERSION;
use super::{Manifest, times};
use crate::s3::{Addressing, LinkedCall};

impl Manifest {
    /// The text of its file: JSON, on several lines. It holds secrets.
    ///
    /// # Panics
    /// Never: a manifest has no map with keys that are not text.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(&self.document()).expect("it is plain data");
        text.push(b'\n');
        text
    }

    fn document(&self) -> Document {
        let link = |call| self.links.get(call).map(LinkJson::of);
        Document {
            curlift_manifest: VERSION,
            program: self.program.clone(),
            created_at: times::written(self.created_at),
            expires_at: times::written(self.expires_at()),
            file: FileRecord {
                name: self.file.name.clone(),
                size: self.file.size,
                modified: times::written_exactly(self.file.modified),
            },
            object: self.object_record(),
            upload_id: self.upload_id.clone(),
            part_size: self.plan.part_size(),
            parts_total: self.plan.parts(),
            checksum_algorithm: self.has_checksums().then(|| "CRC64NVME".to_owned()),
            checksum: self.checksum(),
            parts: self.part_records(),
            complete: link(LinkedCall::CompleteMultipartUpload),
            abort: link(LinkedCall::AbortMultipartUpload),
            head: link(LinkedCall::HeadObject),
            list: self.page_records(),
        }
    }

    fn object_record(&self) -> ObjectRecord {
        let destination = &self.destination;
        ObjectRecord {
            endpoint: destination.endpoint.to_string(),
            addressing: match destination.addressing {
                Addressing::Auto => AddressingWord::Auto,
                Addressing::Path => AddressingWord::Path,
                Addressing::Virtual => AddressingWord::Virtual,
            },
            region: destination.region.clone(),
            bucket: destination.object.bucket.as_str().to_owned(),
            key: destination.object.key.as_str().to_owned(),
        }
    }

    fn part_records(&self) -> Vec<PartRecord> {
        let record = |(call, link): (LinkedCall, _)| {
            let LinkedCall::UploadPart(number) = call else { return None };
            let LinkJson { url, headers } = LinkJson::of(link);
            let size = self.plan.part(number).length;
            Some(PartRecord { number, size, checksum: self.part_checksum(number), url, headers })
        };
        self.links.iter().filter_map(record).collect()
    }

    fn page_records(&self) -> Vec<PageRecord> {
        let record = |(call, link): (LinkedCall, _)| {
            let LinkedCall::ListParts(after) = call else { return None };
            let LinkJson { url, headers } = LinkJson::of(link);
            Some(PageRecord { after: after.map_or(0, |number| number.0.get()), url, headers })
        };
        self.links.iter().filter_map(record).collect()
    }
}
