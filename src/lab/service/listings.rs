//! The four listings, as pages of `s3s` types.

use s3s::dto::{
    Bucket, ChecksumAlgorithm, CommonPrefix, EncodingType, ListBucketsOutput,
    ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, MultipartUpload, Object, Owner, Part, StorageClass, Timestamp,
    TimestampFormat,
};
use s3s::{S3Result, s3_error};

use super::convert::{etag, full_object, refusal, timestamp};
use crate::lab::blob::crc_text;
use crate::lab::judge::OWNER;
use crate::lab::model::{ObjectInfo, PartInfo, Settings, Store, UploadInfo};

/// Entries of a page, at most (API reference, `max-parts`, `max-uploads`, `max-keys`).
const PAGE_MAX: u32 = 1000;

/// `ListParts`
pub(super) fn parts(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let max = page_size(input.max_parts)?;
    let after = input.part_number_marker.and_then(|marker| u32::try_from(marker).ok());
    let page = store
        .list_parts(&input.bucket, &input.key, &input.upload_id, after, max)
        .map_err(refusal)?;
    let part = |part: PartInfo| Part {
        part_number: i32::try_from(part.number).ok(),
        size: i64::try_from(part.size).ok(),
        e_tag: Some(etag(&part.etag)),
        checksum_crc64nvme: page.checksum.then(|| crc_text(part.crc64nvme)),
        last_modified: last_modified(&page.settings),
        ..Default::default()
    };
    Ok(ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        max_parts: i32::try_from(max).ok(),
        part_number_marker: input.part_number_marker.or(Some(0)),
        next_part_number_marker: page.next.and_then(|next| i32::try_from(next).ok()),
        is_truncated: Some(page.next.is_some()),
        checksum_algorithm: page.checksum.then(crc64nvme),
        checksum_type: page.checksum.then(full_object),
        owner: Some(owner()),
        storage_class: Some(storage_class(&page.settings)),
        parts: Some(page.parts.into_iter().map(part).collect()),
        ..Default::default()
    })
}

/// `ListMultipartUploads`
pub(super) fn uploads(
    store: &Store,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    if input.delimiter.is_some() {
        return Err(s3_error!(NotImplemented, "The lab lists uploads without a delimiter only"));
    }
    let max = page_size(input.max_uploads)?;
    let page = store
        .list_multipart_uploads(
            &input.bucket,
            input.prefix.as_deref().unwrap_or_default(),
            input.key_marker.as_deref().filter(|marker| !marker.is_empty()),
            input.upload_id_marker.as_deref().filter(|marker| !marker.is_empty()),
            max,
        )
        .map_err(refusal)?;
    let encode = encoder(input.encoding_type.as_ref());
    let upload = |upload: UploadInfo| MultipartUpload {
        key: Some(encode(&upload.key)),
        upload_id: Some(upload.upload_id),
        initiated: Some(timestamp(upload.initiated)),
        checksum_algorithm: upload.checksum.then(crc64nvme),
        checksum_type: upload.checksum.then(full_object),
        owner: Some(owner()),
        storage_class: Some(storage_class(&upload.settings)),
        ..Default::default()
    };
    let (next_key_marker, next_upload_id_marker) = page.next.unzip();
    Ok(ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: input.prefix.map(|prefix| encode(&prefix)),
        key_marker: input.key_marker.map(|marker| encode(&marker)),
        upload_id_marker: input.upload_id_marker,
        is_truncated: Some(next_key_marker.is_some()),
        next_key_marker: next_key_marker.map(|marker| encode(&marker)),
        next_upload_id_marker,
        max_uploads: i32::try_from(max).ok(),
        encoding_type: input.encoding_type,
        uploads: Some(page.uploads.into_iter().map(upload).collect()),
        ..Default::default()
    })
}

/// `ListObjectsV2`
pub(super) fn objects(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let max = page_size(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let mut after = input.continuation_token.clone().or(input.start_after.clone());
    let encode = encoder(input.encoding_type.as_ref());
    let (mut contents, mut folders): (Vec<Object>, Vec<CommonPrefix>) = (Vec::new(), Vec::new());
    let mut truncated = false;
    loop {
        let page =
            store.list_objects(&input.bucket, &prefix, after.as_deref(), 1).map_err(refusal)?;
        let Some((key, info)) = page.objects.into_iter().next() else { break };
        truncated = contents.len() + folders.len() == max as usize;
        if truncated {
            break;
        }
        let folder = delimiter.as_ref().and_then(|delimiter| folder(&key, &prefix, delimiter));
        if let Some(folder) = folder {
            folders.push(CommonPrefix { prefix: Some(encode(&folder)) });
            // Past everything that begins with the folder's name.
            after = Some(format!("{folder}{}", char::MAX));
        } else {
            contents.push(object(encode(&key), &info));
            after = Some(key);
        }
    }
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encode(&prefix)),
        delimiter: input.delimiter,
        max_keys: i32::try_from(max).ok(),
        key_count: i32::try_from(contents.len() + folders.len()).ok(),
        is_truncated: Some(truncated),
        continuation_token: input.continuation_token,
        next_continuation_token: after.filter(|_| truncated),
        start_after: input.start_after,
        encoding_type: input.encoding_type,
        contents: Some(contents),
        common_prefixes: Some(folders),
        ..Default::default()
    })
}

/// `ListBuckets`
pub(super) fn buckets(store: &Store) -> ListBucketsOutput {
    let bucket = |name: &str| Bucket { name: Some(name.to_owned()), ..Default::default() };
    ListBucketsOutput {
        buckets: Some(store.buckets().map(bucket).collect()),
        owner: Some(owner()),
        ..Default::default()
    }
}

fn page_size(wanted: Option<i32>) -> S3Result<u32> {
    let wanted = wanted.map_or(Ok(PAGE_MAX), u32::try_from);
    let wanted = wanted.map_err(|_| s3_error!(InvalidArgument, "A page has 0 to 1000 entries"))?;
    Ok(wanted.min(PAGE_MAX))
}

/// The key up to the delimiter that follows the prefix, where there is one.
fn folder(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let end = key[prefix.len()..].find(delimiter)?;
    Some(key[..prefix.len() + end + delimiter.len()].to_owned())
}

fn object(key: String, info: &ObjectInfo) -> Object {
    Object {
        key: Some(key),
        size: i64::try_from(info.size).ok(),
        e_tag: Some(etag(&info.etag)),
        last_modified: last_modified(&info.settings),
        ..Default::default()
    }
}

fn last_modified(settings: &Settings) -> Option<Timestamp> {
    Timestamp::parse(TimestampFormat::HttpDate, settings.get("last-modified")?).ok()
}

fn storage_class(settings: &Settings) -> StorageClass {
    let class = settings.get("x-amz-storage-class").unwrap_or(StorageClass::STANDARD);
    StorageClass::from(class.to_owned())
}

fn crc64nvme() -> ChecksumAlgorithm {
    ChecksumAlgorithm::from_static(ChecksumAlgorithm::CRC64NVME)
}

fn owner() -> Owner {
    Owner { id: Some(OWNER.to_owned()), ..Default::default() }
}

/// How keys are written: percent-encoded if `encoding-type=url` asks for it.
fn encoder(encoding: Option<&EncodingType>) -> impl Fn(&str) -> String + use<> {
    let url = encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
    move |key: &str| if url { percent_encoded(key) } else { key.to_owned() }
}

fn percent_encoded(key: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    key.bytes().fold(String::new(), |encoded, byte| {
        let next = if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        encoded + &next
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::model::Blob;
    use crate::s3::Limits;

    fn store(keys: &[&str]) -> Store {
        let mut store = Store::new(Limits::AWS);
        store.create_bucket("lab");
        for key in keys {
            store.put_object("lab", key, Blob::discarded(b""), Settings::default()).unwrap();
        }
        store
    }

    fn list(store: &Store, delimiter: Option<&str>, max: i32) -> (Vec<String>, Vec<String>, usize) {
        let (mut keys, mut folders, mut pages, mut token) = (vec![], vec![], 0, None);
        loop {
            let mut input = ListObjectsV2Input::builder();
            input.set_bucket("lab".to_owned());
            input.set_delimiter(delimiter.map(str::to_owned));
            input.set_max_keys(Some(max));
            input.set_continuation_token(token);
            let page = objects(store, input.build().unwrap()).unwrap();
            keys.extend(page.contents.unwrap().into_iter().filter_map(|object| object.key));
            folders.extend(page.common_prefixes.unwrap().into_iter().filter_map(|p| p.prefix));
            pages += 1;
            token = page.next_continuation_token;
            if token.is_none() {
                return (keys, folders, pages);
            }
        }
    }

    #[test]
    fn objects_are_listed_in_pages_and_folded_at_the_delimiter() {
        let store = store(&["a", "b/1", "b/2", "c", "d/e/f"]);
        let (keys, folders, pages) = list(&store, None, 2);
        assert_eq!((keys.len(), folders.len(), pages), (5, 0, 3));
        let (keys, folders, pages) = list(&store, Some("/"), 2);
        assert_eq!((keys, folders), (vec!["a".into(), "c".into()], vec!["b/".into(), "d/".into()]));
        assert_eq!(pages, 2);
    }

    #[test]
    fn keys_are_percent_encoded_on_request() {
        assert_eq!(percent_encoded("a b/ü+~"), "a%20b/%C3%BC%2B~");
    }
}
