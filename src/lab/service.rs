//! The model behind the `s3s` crate's `S3` trait: `s3s` parses requests, verifies signatures and
//! chunk framing and writes XML; here its types become the model's and back.
//! What is not here is answered by `s3s` with `NotImplemented`.

mod convert;
mod lifecycle;
mod listings;
mod parts;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use http::HeaderMap;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, BucketLocationConstraint, ChecksumType,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CreateBucketInput,
    CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteBucketLifecycleInput, DeleteBucketLifecycleOutput, DeleteObjectInput, DeleteObjectOutput,
    GetBucketLifecycleConfigurationInput, GetBucketLifecycleConfigurationOutput,
    GetBucketLocationInput, GetBucketLocationOutput, GetObjectAttributesInput,
    GetObjectAttributesOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput,
    HeadObjectInput, HeadObjectOutput, ListBucketsInput, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, PutObjectInput, PutObjectOutput, StreamingBlob,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};

pub(super) use convert::http_date;
use convert::{
    CRC64NVME, clock, complete_part, crc_given, customer_key_error, etag, full_object,
    is_crc64nvme, is_full_object, object_headers, only_if_absent, refusal, same_checksum,
    since_epoch,
};

use lifecycle::Lifecycle;

use super::blob::{Blob, crc_text};
use super::blobs::{Blobs, ContentReader, ReceiveError};
use super::integrity::{Claims, broken_body};
use super::model::{ModelError, ObjectInfo, Settings, Store};
use super::settings::{encryption_of, insert, same_customer_key, settings_of};

/// The server's clock as one request sees it; an extension of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerClock(pub(super) DateTime<Utc>);

/// A store and where its bodies are.
pub(super) struct LabStore {
    store: Mutex<Store>,
    lifecycles: Mutex<HashMap<String, Lifecycle>>,
    blobs: Blobs,
}

impl LabStore {
    /// A service of that store.
    pub(super) fn new(store: Store, blobs: Blobs) -> LabStore {
        LabStore { store: Mutex::new(store), lifecycles: Mutex::default(), blobs }
    }

    /// Does something with the model, then removes the files it has no use for any more.
    pub(super) fn with<T>(&self, act: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut store);
        let orphans = store.take_orphans();
        drop(store);
        Blobs::remove(&orphans);
        result
    }

    /// Receives a body and checks what the head claimed of it. Gives the checksum headers of
    /// the answer too.
    async fn receive<T>(
        &self,
        request: &S3Request<T>,
        body: Option<StreamingBlob>,
        mut claims: Claims,
    ) -> S3Result<(Blob, HeaderMap)> {
        let body = body.unwrap_or_else(|| StreamingBlob::from(s3s::Body::empty()));
        let received = self.blobs.receive(body, |bytes| claims.update(bytes)).await;
        let blob = received.map_err(|error| match error {
            ReceiveError::Body(error) => broken_body(error.as_ref()),
            ReceiveError::Disk(error) => S3Error::internal_error(error),
        })?;
        let mut answer = HeaderMap::new();
        match claims.check(&blob, request.trailing_headers.as_ref()) {
            Ok(headers) => {
                for (name, value) in &headers {
                    insert(&mut answer, name, value);
                }
                Ok((blob, answer))
            }
            Err(error) => {
                Blobs::remove(&blob.content.files());
                Err(error)
            }
        }
    }

    /// Gives a received body to the model; one that the model refuses is removed.
    fn keep<T>(
        &self,
        blob: Blob,
        act: impl FnOnce(&mut Store, Blob) -> Result<T, ModelError>,
    ) -> S3Result<T> {
        let content = blob.content.clone();
        self.with(|store| act(store, blob)).map_err(|error| {
            Blobs::remove(&content.files());
            refusal(error)
        })
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<ObjectInfo> {
        self.with(|store| store.head_object(bucket, key)).map_err(refusal)
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, HashMap<String, Lifecycle>> {
        self.lifecycles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn require_bucket(&self, bucket: &str) -> S3Result<()> {
        let exists = self.with(|store| store.buckets().any(|name| name == bucket));
        if exists {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
        }
    }
}

/// The service as `s3s` wants it.
#[derive(Clone)]
pub(super) struct LabS3(pub(super) std::sync::Arc<LabStore>);

#[async_trait::async_trait]
impl S3 for LabS3 {
    async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let absent = only_if_absent(request.input.if_none_match.as_ref())?;
        if request.input.if_match.is_some() || request.input.write_offset_bytes.is_some() {
            return Err(s3_error!(NotImplemented, "The lab knows If-None-Match: * only"));
        }
        let settings = settings_of(&request.headers, http_date(clock(&request)))?;
        let claims = Claims::read(&request.headers, request.input.content_length)?;
        let body = request.input.body.take();
        let (blob, mut headers) = self.0.receive(&request, body, claims).await?;
        let PutObjectInput { bucket, key, .. } = request.input;
        let object = self.0.keep(blob, |store, blob| {
            if absent {
                store.put_object_if_absent(&bucket, &key, blob, settings)
            } else {
                store.put_object(&bucket, &key, blob, settings)
            }
        })?;
        if headers.is_empty() {
            insert(&mut headers, CRC64NVME, &crc_text(object.crc64nvme));
        }
        insert(&mut headers, "x-amz-checksum-type", ChecksumType::FULL_OBJECT);
        headers.extend(encryption_of(&object.settings));
        let output = PutObjectOutput { e_tag: Some(etag(&object.etag)), ..Default::default() };
        Ok(S3Response::with_headers(output, headers))
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let begun = clock(&request);
        let settings = settings_of(&request.headers, http_date(begun))?;
        let CreateMultipartUploadInput { bucket, key, checksum_algorithm, checksum_type, .. } =
            request.input;
        let full = checksum_algorithm.as_ref().is_some_and(is_crc64nvme);
        if full && checksum_type.as_ref().is_some_and(|kind| !is_full_object(kind)) {
            return Err(s3_error!(
                InvalidRequest,
                "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
            ));
        }
        let headers = encryption_of(&settings);
        let upload_id = self
            .0
            .with(|store| {
                store.create_multipart_upload(&bucket, &key, settings, full, since_epoch(begun))
            })
            .map_err(refusal)?;
        let output = CreateMultipartUploadOutput {
            bucket: Some(bucket),
            key: Some(key),
            upload_id: Some(upload_id),
            checksum_type: full.then(full_object).or(checksum_type),
            checksum_algorithm,
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, headers))
    }

    async fn upload_part(
        &self,
        mut request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let claims = Claims::read(&request.headers, request.input.content_length)?;
        let algorithm = claims.algorithm().map(str::to_owned);
        let body = request.input.body.take();
        let (blob, mut headers) = self.0.receive(&request, body, claims).await?;
        let UploadPartInput { bucket, key, upload_id, part_number, .. } = request.input;
        let number = u32::try_from(part_number).unwrap_or(0);
        let mut settings = Settings::default();
        let part = self.0.keep(blob, |store, blob| {
            let upload = store.list_parts(&bucket, &key, &upload_id, None, 0)?;
            same_checksum(upload.checksum, algorithm.as_deref())?;
            same_customer_key(&request.headers, &upload.settings)
                .map_err(|error| customer_key_error(&error))?;
            settings = upload.settings;
            store.upload_part(&bucket, &key, &upload_id, number, blob)
        })?;
        headers.extend(encryption_of(&settings));
        let output = UploadPartOutput { e_tag: Some(etag(&part.etag)), ..Default::default() };
        Ok(S3Response::with_headers(output, headers))
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let absent = only_if_absent(input.if_none_match.as_ref())?;
        if input.if_match.is_some() {
            return Err(s3_error!(NotImplemented, "The lab knows If-None-Match: * only"));
        }
        let checksum = crc_given(input.checksum_crc64nvme.as_deref())?;
        let size = input.mpu_object_size.map(|size| u64::try_from(size).unwrap_or(0));
        let listed = input.multipart_upload.and_then(|upload| upload.parts).unwrap_or_default();
        let parts = listed.into_iter().map(complete_part).collect::<S3Result<Vec<_>>>()?;
        let object = self
            .0
            .with(|store| {
                store.complete_multipart_upload(
                    &input.bucket,
                    &input.key,
                    &input.upload_id,
                    &parts,
                    checksum,
                    size,
                    absent,
                )
            })
            .map_err(refusal)?;
        let output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag(&object.etag)),
            checksum_crc64nvme: Some(crc_text(object.crc64nvme)),
            checksum_type: Some(full_object()),
            ..Default::default()
        };
        Ok(S3Response::with_headers(output, encryption_of(&object.settings)))
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
        self.0
            .with(|store| store.abort_multipart_upload(&bucket, &key, &upload_id))
            .map_err(refusal)?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    async fn list_parts(
        &self,
        request: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        self.0.with(|store| listings::parts(store, request.input)).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        self.0.with(|store| listings::uploads(store, request.input)).map(S3Response::new)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.0.with(|store| listings::objects(store, request.input)).map(S3Response::new)
    }

    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        Ok(S3Response::new(self.0.with(|store| listings::buckets(store))))
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let object = self.0.object(&request.input.bucket, &request.input.key)?;
        same_customer_key(&request.headers, &object.settings)?;
        if let Some(number) = request.input.part_number {
            return parts::head(&object, number);
        }
        let output = HeadObjectOutput {
            content_length: i64::try_from(object.size).ok(),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(etag(&object.etag)),
            ..Default::default()
        };
        let headers = object_headers(&object, request.input.checksum_mode.is_some());
        Ok(S3Response::with_headers(output, headers))
    }

    async fn get_object_attributes(
        &self,
        request: S3Request<GetObjectAttributesInput>,
    ) -> S3Result<S3Response<GetObjectAttributesOutput>> {
        let object = self.0.object(&request.input.bucket, &request.input.key)?;
        same_customer_key(&request.headers, &object.settings)?;
        parts::attributes(&object, &request.input).map(S3Response::new)
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let object = self.0.object(&request.input.bucket, &request.input.key)?;
        same_customer_key(&request.headers, &object.settings)?;
        let range = match request.input.range {
            None => 0..object.size,
            Some(range) => range.check(object.size)?,
        };
        let length = range.end - range.start;
        let part = length != object.size;
        let reader = ContentReader::new(object.content.clone(), range.start, length)
            .map_err(|error| s3_error!(NotImplemented, "{error}"))?;
        let last = range.end.saturating_sub(1);
        let chunks = futures_util::stream::iter(reader.chunks());
        let output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(chunks)),
            content_length: i64::try_from(length).ok(),
            content_range: part.then(|| format!("bytes {}-{last}/{}", range.start, object.size)),
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(etag(&object.etag)),
            ..Default::default()
        };
        let checksum = request.input.checksum_mode.is_some() && !part;
        Ok(S3Response::with_headers(output, object_headers(&object, checksum)))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let DeleteObjectInput { bucket, key, .. } = request.input;
        self.0.with(|store| store.delete_object(&bucket, &key)).map_err(refusal)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket;
        self.0.with(|store| store.create_bucket(&bucket));
        let output = CreateBucketOutput { location: Some(format!("/{bucket}")) };
        Ok(S3Response::new(output))
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.require_bucket(&request.input.bucket)?;
        let region = "us-east-1".to_owned();
        let output = HeadBucketOutput { bucket_region: Some(region), ..Default::default() };
        Ok(S3Response::new(output))
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.0.require_bucket(&request.input.bucket)?;
        // Empty is us-east-1 (API reference, GetBucketLocation).
        let location = BucketLocationConstraint::from(String::new());
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: Some(location) }))
    }

    async fn get_bucket_lifecycle_configuration(
        &self,
        request: S3Request<GetBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<GetBucketLifecycleConfigurationOutput>> {
        self.0.require_bucket(&request.input.bucket)?;
        let rules = self.0.rules();
        lifecycle::answer(rules.get(&request.input.bucket)).map(S3Response::new)
    }

    async fn put_bucket_lifecycle_configuration(
        &self,
        request: S3Request<PutBucketLifecycleConfigurationInput>,
    ) -> S3Result<S3Response<PutBucketLifecycleConfigurationOutput>> {
        self.0.require_bucket(&request.input.bucket)?;
        let bucket = request.input.bucket.clone();
        let kept = lifecycle::accept(request)?;
        self.0.rules().insert(bucket, kept);
        Ok(S3Response::new(PutBucketLifecycleConfigurationOutput::default()))
    }

    async fn delete_bucket_lifecycle(
        &self,
        request: S3Request<DeleteBucketLifecycleInput>,
    ) -> S3Result<S3Response<DeleteBucketLifecycleOutput>> {
        self.0.require_bucket(&request.input.bucket)?;
        self.0.rules().remove(&request.input.bucket);
        Ok(S3Response::new(DeleteBucketLifecycleOutput::default()))
    }
}
