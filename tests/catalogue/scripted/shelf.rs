//! What the scripted store holds, and how S3 works on it.

use std::collections::BTreeMap;

use super::super::support::crc64nvme;
use super::answer::Answer;
use super::wire::{Head, etag, etag_of_parts};

/// S3's smallest part but the last.
const PART_SIZE_MIN: usize = 5 << 20;

/// Objects and uploads, by key and by upload id.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) uploads: BTreeMap<String, Upload>,
    /// What was answered to each Complete: said again when asked again, as Amazon does.
    pub(crate) completed: BTreeMap<String, Answer>,
    ids: u32,
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Vec<u8>,
    pub(crate) etag: String,
    pub(crate) checksum: Option<String>,
    /// `x-amz-meta-*`.
    pub(crate) metadata: Vec<(String, String)>,
}

/// An open upload.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) parts: BTreeMap<u32, Part>,
    /// When it was created, as listings write it.
    initiated: String,
    /// Whether it was created with a checksum algorithm.
    has_checksum: bool,
    metadata: Vec<(String, String)>,
}

/// A part, by its number.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    bytes: Vec<u8>,
    etag: String,
    checksum: String,
}

impl Part {
    /// A part of these bytes.
    pub(crate) fn of(bytes: Vec<u8>) -> Part {
        let (etag, checksum) = (etag(&bytes), crc64nvme(&bytes));
        Part { bytes, etag, checksum }
    }

    /// Other bytes under the same sums: what a failing disk does.
    pub(crate) fn replace_bytes(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }
}

impl Object {
    /// An object that was stored by one request.
    pub(crate) fn of(bytes: Vec<u8>) -> Object {
        let (etag, checksum) = (etag(&bytes), Some(crc64nvme(&bytes)));
        Object { bytes, etag, checksum, metadata: Vec::new() }
    }
}

impl Shelf {
    /// Does what `head` asks for, and says what S3 would answer.
    pub(crate) fn work(&mut self, head: &Head, payload: Vec<u8>) -> Answer {
        match head.operation() {
            "PutObject" => self.put(head, payload),
            "CreateMultipartUpload" => self.create(head),
            "UploadPart" => self.part(head, payload),
            "CompleteMultipartUpload" => self.complete(head, &String::from_utf8_lossy(&payload)),
            "AbortMultipartUpload" => match self.uploads.remove(&upload_id(head)) {
                Some(_) => Answer::new(204),
                None => Answer::error(404, "NoSuchUpload"),
            },
            "ListParts" => self.parts(head),
            "ListMultipartUploads" => self.list(head),
            "HeadObject" => self.head(head),
            _ => Answer::error(501, "NotImplemented"),
        }
    }

    fn put(&mut self, head: &Head, payload: Vec<u8>) -> Answer {
        if let Some(refused) = self.condition(head) {
            return refused;
        }
        let object = Object { metadata: metadata(head), ..Object::of(payload) };
        let answer = stored(&object.etag, object.checksum.as_deref());
        self.objects.insert(head.key(), object);
        answer
    }

    /// `If-None-Match: *`, the one condition that uploads have.
    fn condition(&self, head: &Head) -> Option<Answer> {
        let exists = head.field("if-none-match").is_some_and(|etag| etag == "*")
            && self.objects.contains_key(&head.key());
        exists.then(|| Answer::error(412, "PreconditionFailed"))
    }

    fn create(&mut self, head: &Head) -> Answer {
        self.ids += 1;
        // Every character that a URL, XML or a shell could take for its own.
        let id = format!("upload-{}~a/b=&'<.", self.ids);
        let inner = format!("<Key>k</Key><UploadId>{}</UploadId>", escaped(&id));
        let upload = Upload {
            key: head.key(),
            parts: BTreeMap::new(),
            initiated: chrono::Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            has_checksum: head.field("x-amz-checksum-algorithm").is_some(),
            metadata: metadata(head),
        };
        self.uploads.insert(id, upload);
        Answer::document(200, "InitiateMultipartUploadResult", &inner)
    }

    fn part(&mut self, head: &Head, payload: Vec<u8>) -> Answer {
        let Some(upload) = self.uploads.get_mut(&upload_id(head)) else {
            return Answer::error(404, "NoSuchUpload");
        };
        let part = Part::of(payload);
        let checksum = upload.has_checksum.then_some(part.checksum.as_str());
        let answer = stored(&part.etag, checksum);
        upload.parts.insert(number(head), part);
        answer
    }

    fn complete(&mut self, head: &Head, document: &str) -> Answer {
        let id = upload_id(head);
        if let Some(answer) = self.completed.get(&id) {
            return answer.clone();
        }
        let Some(upload) = self.uploads.get(&id) else {
            return Answer::error(404, "NoSuchUpload");
        };
        if let Some(refused) = self.condition(head) {
            return refused;
        }
        let object = match upload.assemble(head, document) {
            Ok(object) => object,
            Err((status, code)) => return Answer::error(status, code),
        };
        let checksum = object.checksum.as_ref().map_or(String::new(), |checksum| {
            format!("<ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME>")
        });
        let inner = format!("<Key>k</Key><ETag>{}</ETag>{checksum}", escaped(&object.etag));
        let answer = Answer::document(200, "CompleteMultipartUploadResult", &inner);
        self.objects.insert(head.key(), object);
        self.uploads.remove(&id);
        self.completed.insert(id, answer.clone());
        answer
    }

    fn parts(&self, head: &Head) -> Answer {
        let Some(upload) = self.uploads.get(&upload_id(head)) else {
            return Answer::error(404, "NoSuchUpload");
        };
        let part = |(number, part): (&u32, &Part)| {
            let Part { bytes, etag, checksum } = part;
            let (size, etag) = (bytes.len(), escaped(etag));
            format!(
                "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><Size>{size}</Size>\
                 <ChecksumCRC64NVME>{checksum}</ChecksumCRC64NVME></Part>"
            )
        };
        let parts: String = upload.parts.iter().map(part).collect();
        Answer::document(200, "ListPartsResult", &parts)
    }

    fn list(&self, head: &Head) -> Answer {
        let prefix = head.parameter("prefix").unwrap_or_default();
        let upload = |(id, upload): (&String, &Upload)| {
            let (key, id) = (escaped(&upload.key), escaped(id));
            let initiated = &upload.initiated;
            format!(
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId>\
                 <Initiated>{initiated}</Initiated></Upload>"
            )
        };
        let under_prefix = self.uploads.iter().filter(|(_, u)| u.key.starts_with(&prefix));
        let uploads: String = under_prefix.map(upload).collect();
        Answer::document(200, "ListMultipartUploadsResult", &uploads)
    }

    fn head(&self, head: &Head) -> Answer {
        let Some(object) = self.objects.get(&head.key()) else { return Answer::new(404) };
        let mut answer = stored(&object.etag, object.checksum.as_deref())
            .with("content-length", object.bytes.len().to_string());
        for (name, value) in &object.metadata {
            answer = answer.with(name, value);
        }
        answer
    }
}

impl Upload {
    /// The object that a Complete makes of the parts it names.
    fn assemble(&self, head: &Head, document: &str) -> Result<Object, (u16, &'static str)> {
        let named = named_parts(document);
        let in_order = named.windows(2).all(|pair| pair[0].number < pair[1].number);
        if named.is_empty() || !in_order {
            return Err((400, if in_order { "MalformedXML" } else { "InvalidPartOrder" }));
        }
        let mut pieces = Vec::new();
        for Named { number, etag, checksum } in &named {
            let part = self.parts.get(number).ok_or((400, "InvalidPart"))?;
            let is_same = part.etag.trim_matches('"')
                == etag.trim_start_matches("W/").trim_matches('"')
                && checksum.as_ref().is_none_or(|checksum| *checksum == part.checksum);
            if !is_same {
                return Err((400, "InvalidPart"));
            }
            pieces.push(part.bytes.as_slice());
        }
        if pieces[..pieces.len() - 1].iter().any(|piece| piece.len() < PART_SIZE_MIN) {
            return Err((400, "EntityTooSmall"));
        }
        let bytes = pieces.concat();
        let size = head.field("x-amz-mp-object-size");
        if size.is_some_and(|size| size != bytes.len().to_string()) {
            return Err((400, "InvalidRequest"));
        }
        let checksum = self.has_checksum.then(|| crc64nvme(&bytes));
        let said = head.field("x-amz-checksum-crc64nvme");
        if said.is_some_and(|said| checksum.as_deref() != Some(said)) {
            return Err((400, "BadDigest"));
        }
        let etag = etag_of_parts(pieces.into_iter());
        Ok(Object { bytes, etag, checksum, metadata: self.metadata.clone() })
    }
}

/// A part as a Complete names it.
struct Named {
    number: u32,
    etag: String,
    checksum: Option<String>,
}

fn named_parts(document: &str) -> Vec<Named> {
    let leaf = |part: &str, name: &str| {
        let (_, rest) = part.split_once(&format!("<{name}>"))?;
        let (text, _) = rest.split_once("</")?;
        Some(text.replace("&quot;", "\"").replace("&lt;", "<").replace("&amp;", "&"))
    };
    let parts = document.split("<Part>").skip(1);
    let named = parts.map(|part| Named {
        number: leaf(part, "PartNumber").and_then(|n| n.parse().ok()).unwrap_or_default(),
        etag: leaf(part, "ETag").unwrap_or_default(),
        checksum: leaf(part, "ChecksumCRC64NVME"),
    });
    named.collect()
}

fn stored(etag: &str, checksum: Option<&str>) -> Answer {
    let answer = Answer::new(200).with("etag", etag);
    checksum.map_or(answer.clone(), |checksum| answer.with("x-amz-checksum-crc64nvme", checksum))
}

fn upload_id(head: &Head) -> String {
    head.parameter("uploadId").unwrap_or_default()
}

fn number(head: &Head) -> u32 {
    head.parameter("partNumber").and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn metadata(head: &Head) -> Vec<(String, String)> {
    let fields = head.text.lines().filter_map(|line| line.split_once(':'));
    let meta = fields.filter(|(name, _)| name.to_ascii_lowercase().starts_with("x-amz-meta-"));
    meta.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
