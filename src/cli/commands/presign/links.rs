//! The presigned URLs of one multipart upload, all of them.

use std::time::SystemTime;

use crate::http::{Headers, Request};
use crate::s3::sigv4::{Lifetime, Signer};
use crate::s3::{
    Crc64Nvme, Destination, Link, LinkedCall, Links, Operation, PartNumber, PresignedUrl, UploadId,
};
use crate::upload::{UploadPlan, list_pages};

/// What is signed, by whom and for how long.
pub(super) struct Signing<'a> {
    pub(super) signer: &'a Signer,
    pub(super) destination: &'a Destination,
    pub(super) upload_id: &'a UploadId,
    /// By the store's clock.
    pub(super) at: SystemTime,
    pub(super) lifetime: Lifetime,
}

impl Signing<'_> {
    /// A link for every call that the upload needs. Parts sign their checksums and the end that of
    /// the whole, where they are given.
    pub(super) fn links(
        &self,
        plan: &UploadPlan,
        parts: &[Crc64Nvme],
        whole: Option<Crc64Nvme>,
    ) -> Links {
        let upload_id = self.upload_id.clone();
        let complete = Operation::CompleteMultipartUpload {
            upload_id: upload_id.clone(),
            parts: [].into(),
            checksum: whole,
            size: plan.size(),
        };
        let ends = [
            complete,
            Operation::AbortMultipartUpload { upload_id: upload_id.clone() },
            Operation::HeadObject,
        ];
        let pages = list_pages(plan.parts())
            .map(|after| Operation::ListParts { upload_id: upload_id.clone(), after });
        let others = ends.into_iter().chain(pages).map(|operation| {
            let call = LinkedCall::of(&operation).expect("these are calls that are presigned");
            (call, self.link(self.request(&operation)))
        });
        let numbers = (0..plan.parts()).map(PartNumber::from_index);
        let parts = numbers.map(|number| {
            (LinkedCall::UploadPart(number), self.part(number, parts.get(number.index() as usize)))
        });
        parts.chain(others).collect()
    }

    fn part(&self, number: PartNumber, checksum: Option<&Crc64Nvme>) -> Link {
        let upload_id = self.upload_id.clone();
        // Neither of the numbers is signed.
        let mut request =
            self.request(&Operation::UploadPart { upload_id, number, offset: 0, length: 0 });
        if let Some(checksum) = checksum {
            request.headers.push("x-amz-checksum-crc64nvme", checksum.to_base64());
        }
        self.link(request)
    }

    fn request(&self, operation: &Operation) -> Request {
        let Destination { endpoint, object, .. } = self.destination;
        let mut request = operation.request(endpoint, object);
        // Whoever sends the document says what it is, as his tool likes it.
        request.headers.remove("content-type");
        request
    }

    fn link(&self, request: Request) -> Link {
        let url = self.signer.presign(&request, self.at, self.lifetime).to_string();
        let url = PresignedUrl::parse(&url).expect("what is signed here can be read");
        let fields: Headers = request.headers;
        Link { url, fields }
    }
}
