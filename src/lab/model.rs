//! A store as Amazon S3 behaves: buckets, objects, unfinished uploads, parts. Pure: typed calls
//! in, answers out; no socket, no file, no clock. The service puts it behind HTTP, the
//! simulation calls it directly.
//!
//! Errors and their codes are those of the API reference (`CompleteMultipartUpload`, "Errors").

mod assemble;
mod nouns;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::PathBuf;
use std::time::Duration;

use md5::{Digest as _, Md5};

use assemble::{assemble, check_whole};
pub use nouns::{
    CompletePart, ModelError, ObjectInfo, ObjectsPage, PartInfo, PartsPage, Settings, UploadInfo,
    UploadsPage,
};
use refusal::{entity_too_large, error, no_such_bucket, no_such_upload, precondition_failed};

use super::blob::etag;
pub use super::blob::{Blob, Content};
use crate::s3::Limits;

/// The state of a store.
#[derive(Debug, Clone)]
pub struct Store {
    /// What the store allows.
    pub limits: Limits,
    /// Whether a repeated `CompleteMultipartUpload` is answered as the first (as Amazon S3 does)
    /// or with `NoSuchUpload` (as `MinIO` does).
    pub repeat_complete: bool,
    buckets: BTreeMap<String, Bucket>,
    completed: HashMap<String, Completed>,
    uploads_begun: u64,
    orphans: Vec<PathBuf>,
}

#[derive(Debug, Clone, Default)]
struct Bucket {
    objects: BTreeMap<String, ObjectInfo>,
    uploads: BTreeMap<(String, String), Upload>,
}

#[derive(Debug, Clone)]
struct Upload {
    settings: Settings,
    checksum: bool,
    initiated: Duration,
    parts: BTreeMap<u32, Blob>,
}

#[derive(Debug, Clone)]
struct Completed {
    bucket: String,
    key: String,
    parts: Vec<CompletePart>,
    object: ObjectInfo,
}

impl Store {
    /// A store without buckets that answers a repeated `CompleteMultipartUpload` as the first.
    #[must_use]
    pub fn new(limits: Limits) -> Store {
        Store {
            limits,
            repeat_complete: true,
            buckets: BTreeMap::new(),
            completed: HashMap::new(),
            uploads_begun: 0,
            orphans: Vec::new(),
        }
    }

    /// Creates a bucket; one that exists is left as it is.
    pub fn create_bucket(&mut self, name: &str) {
        self.buckets.entry(name.to_owned()).or_default();
    }

    /// The names of all buckets, in order.
    pub fn buckets(&self) -> impl Iterator<Item = &str> {
        self.buckets.keys().map(String::as_str)
    }

    /// Stores an object in one piece, in place of one of the same key.
    pub fn put_object(
        &mut self,
        bucket: &str,
        key: &str,
        blob: Blob,
        settings: Settings,
    ) -> Result<ObjectInfo, ModelError> {
        let too_large = blob.size > self.limits.part_size_max;
        let bucket = self.bucket_mut(bucket)?;
        if too_large {
            return Err(entity_too_large());
        }
        let object = ObjectInfo {
            size: blob.size,
            etag: etag(blob.md5),
            crc64nvme: blob.crc64nvme,
            parts: None,
            tells_parts: false,
            settings,
            content: blob.content,
        };
        let replaced = bucket.objects.insert(key.to_owned(), object.clone());
        self.orphan(replaced.map(|object| object.content));
        Ok(object)
    }

    /// Stores an object in one piece if there is none of that key (`If-None-Match: *`).
    pub fn put_object_if_absent(
        &mut self,
        bucket: &str,
        key: &str,
        blob: Blob,
        settings: Settings,
    ) -> Result<ObjectInfo, ModelError> {
        if self.bucket(bucket)?.objects.contains_key(key) {
            return Err(precondition_failed());
        }
        self.put_object(bucket, key, blob, settings)
    }

    /// Begins an upload and gives its id. Ids of one store ascend, and hold characters that must
    /// be percent-encoded in a query.
    pub fn create_multipart_upload(
        &mut self,
        bucket: &str,
        key: &str,
        settings: Settings,
        checksum: bool,
        initiated: Duration,
    ) -> Result<String, ModelError> {
        self.bucket(bucket)?;
        self.uploads_begun += 1;
        let noise = Md5::digest(format!("{}/{bucket}/{key}", self.uploads_begun));
        let id = format!("{:08x}~{}+/==", self.uploads_begun, hex::encode(noise));
        let upload = Upload { settings, checksum, initiated, parts: BTreeMap::new() };
        self.bucket_mut(bucket)?.uploads.insert((key.to_owned(), id.clone()), upload);
        Ok(id)
    }

    /// Stores a part, in place of one of the same number.
    pub fn upload_part(
        &mut self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        number: u32,
        blob: Blob,
    ) -> Result<PartInfo, ModelError> {
        let limits = self.limits;
        let upload = self.upload_mut(bucket, key, upload_id)?;
        if number == 0 || number > limits.parts_max {
            let message = format!(
                "Part number must be an integer between 1 and {}, inclusive",
                limits.parts_max
            );
            return Err(error(400, "InvalidArgument", message));
        }
        if blob.size > limits.part_size_max {
            return Err(entity_too_large());
        }
        let part = part_info(number, &blob);
        let replaced = upload.parts.insert(number, blob);
        self.orphan(replaced.map(|blob| blob.content));
        Ok(part)
    }

    /// Turns parts into an object. `checksum` is the CRC-64/NVME of the whole object, `size` its
    /// bytes as `x-amz-mp-object-size` gives them; `if_none_match` refuses to replace an object.
    #[expect(clippy::too_many_arguments, reason = "one argument a field of the API call")]
    pub fn complete_multipart_upload(
        &mut self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[CompletePart],
        checksum: Option<u64>,
        size: Option<u64>,
        if_none_match: bool,
    ) -> Result<ObjectInfo, ModelError> {
        self.bucket(bucket)?;
        if let Some(object) = self.completed_before(bucket, key, upload_id, parts) {
            return Ok(object);
        }
        let exists = self.bucket(bucket)?.objects.contains_key(key);
        let object = assemble(self.upload(bucket, key, upload_id)?, parts, &self.limits)?;
        check_whole(&object, checksum, size)?;
        if if_none_match && exists {
            return Err(precondition_failed());
        }
        self.take_upload(bucket, key, upload_id, parts)?;
        let replaced = self.bucket_mut(bucket)?.objects.insert(key.to_owned(), object.clone());
        self.orphan(replaced.map(|object| object.content));
        self.completed.insert(
            upload_id.to_owned(),
            Completed {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                parts: parts.to_vec(),
                object: object.clone(),
            },
        );
        Ok(object)
    }

    /// Gives an upload up and forgets its parts.
    pub fn abort_multipart_upload(
        &mut self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<(), ModelError> {
        self.upload(bucket, key, upload_id)?;
        self.take_upload(bucket, key, upload_id, &[])
    }

    /// At most `max` parts with numbers above `after`.
    pub fn list_parts(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        after: Option<u32>,
        max: u32,
    ) -> Result<PartsPage, ModelError> {
        let upload = self.upload(bucket, key, upload_id)?;
        let mut rest = upload.parts.range((Bound::Excluded(after.unwrap_or(0)), Bound::Unbounded));
        let parts: Vec<_> =
            rest.by_ref().take(max as usize).map(|(n, blob)| part_info(*n, blob)).collect();
        let next = rest.next().and(parts.last().map(|part| part.number));
        Ok(PartsPage { parts, next, checksum: upload.checksum, settings: upload.settings.clone() })
    }

    /// At most `max` unfinished uploads of keys that begin with `prefix`, after the marker: all
    /// of the marker's key where no upload id is given, later ones of that key where one is.
    pub fn list_multipart_uploads(
        &self,
        bucket: &str,
        prefix: &str,
        key_marker: Option<&str>,
        upload_id_marker: Option<&str>,
        max: u32,
    ) -> Result<UploadsPage, ModelError> {
        let after = |key: &str, id: &str| match (key_marker, upload_id_marker) {
            (None, _) => true,
            (Some(marker), None) => key > marker,
            (Some(marker), Some(id_marker)) => (key, id) > (marker, id_marker),
        };
        let mut rest = self
            .bucket(bucket)?
            .uploads
            .iter()
            .filter(|((key, id), _)| key.starts_with(prefix) && after(key, id));
        let uploads: Vec<_> = rest
            .by_ref()
            .take(max as usize)
            .map(|((key, id), upload)| upload_info(bucket, key, id, upload))
            .collect();
        let last = uploads.last().map(|upload| (upload.key.clone(), upload.upload_id.clone()));
        let next = rest.next().and(last);
        Ok(UploadsPage { uploads, next })
    }

    /// The object of that key.
    pub fn head_object(&self, bucket: &str, key: &str) -> Result<ObjectInfo, ModelError> {
        let object = self.bucket(bucket)?.objects.get(key).cloned();
        object.ok_or_else(|| error(404, "NoSuchKey", "The specified key does not exist."))
    }

    /// Removes an object; that there is none is no error, as on Amazon S3.
    pub fn delete_object(&mut self, bucket: &str, key: &str) -> Result<(), ModelError> {
        let removed = self.bucket_mut(bucket)?.objects.remove(key);
        self.orphan(removed.map(|object| object.content));
        Ok(())
    }

    /// At most `max` objects whose keys begin with `prefix` and come after `after`.
    pub fn list_objects(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        max: u32,
    ) -> Result<ObjectsPage, ModelError> {
        let mut rest = self.bucket(bucket)?.objects.iter().filter(|(key, _)| {
            key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after)
        });
        let objects: Vec<_> =
            rest.by_ref().take(max as usize).map(|(k, o)| (k.clone(), o.clone())).collect();
        let next = rest.next().and(objects.last().map(|(key, _)| key.clone()));
        Ok(ObjectsPage { objects, next })
    }

    /// All unfinished uploads, by bucket, key and time, for checks.
    pub fn uploads(&self) -> impl Iterator<Item = UploadInfo> {
        self.buckets.iter().flat_map(|(bucket, contents)| {
            contents.uploads.iter().map(|((key, id), upload)| upload_info(bucket, key, id, upload))
        })
    }

    /// Makes every unfinished upload older, as if the store had been left alone for that long.
    pub fn age_uploads(&mut self, by: Duration) {
        for upload in self.buckets.values_mut().flat_map(|bucket| bucket.uploads.values_mut()) {
            upload.initiated = upload.initiated.saturating_sub(by);
        }
    }

    /// The files that nothing refers to any more: parts replaced or given up, objects replaced
    /// or removed. Each is told once; whoever made it removes it.
    pub fn take_orphans(&mut self) -> Vec<PathBuf> {
        std::mem::take(&mut self.orphans)
    }

    fn bucket(&self, name: &str) -> Result<&Bucket, ModelError> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, ModelError> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }

    fn upload(&self, bucket: &str, key: &str, upload_id: &str) -> Result<&Upload, ModelError> {
        let place = (key.to_owned(), upload_id.to_owned());
        self.bucket(bucket)?.uploads.get(&place).ok_or_else(no_such_upload)
    }

    fn upload_mut(
        &mut self,
        bucket: &str,
        key: &str,
        upload_id: &str,
    ) -> Result<&mut Upload, ModelError> {
        let place = (key.to_owned(), upload_id.to_owned());
        self.bucket_mut(bucket)?.uploads.get_mut(&place).ok_or_else(no_such_upload)
    }

    /// The answer of the first time, to the same `CompleteMultipartUpload` again.
    fn completed_before(
        &self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        parts: &[CompletePart],
    ) -> Option<ObjectInfo> {
        let before = self.completed.get(upload_id).filter(|_| self.repeat_complete)?;
        let same = before.bucket == bucket && before.key == key && before.parts == parts;
        same.then(|| before.object.clone())
    }

    /// Removes an upload; the parts that `kept` does not name are orphans.
    fn take_upload(
        &mut self,
        bucket: &str,
        key: &str,
        upload_id: &str,
        kept: &[CompletePart],
    ) -> Result<(), ModelError> {
        let place = (key.to_owned(), upload_id.to_owned());
        let upload = self.bucket_mut(bucket)?.uploads.remove(&place).ok_or_else(no_such_upload)?;
        let is_kept = |number: u32| kept.binary_search_by_key(&number, |part| part.number).is_ok();
        let dropped = upload.parts.into_iter().filter(|(number, _)| !is_kept(*number));
        self.orphan(dropped.map(|(_, blob)| blob.content));
        Ok(())
    }

    fn orphan(&mut self, contents: impl IntoIterator<Item = Content>) {
        self.orphans.extend(contents.into_iter().flat_map(Content::files));
    }
}

fn part_info(number: u32, blob: &Blob) -> PartInfo {
    PartInfo { number, size: blob.size, etag: etag(blob.md5), crc64nvme: blob.crc64nvme }
}

fn upload_info(bucket: &str, key: &str, upload_id: &str, upload: &Upload) -> UploadInfo {
    UploadInfo {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        upload_id: upload_id.to_owned(),
        initiated: upload.initiated,
        parts: upload.parts.len(),
        bytes: upload.parts.values().map(|blob| blob.size).sum(),
        checksum: upload.checksum,
        settings: upload.settings.clone(),
    }
}
