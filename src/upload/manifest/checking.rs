//! What a manifest says, held against itself: a plan's parts, and links for what they are said to
//! be for.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use super::document::{AddressingWord, Document, ObjectRecord, PartRecord};
use super::link::LinkJson;
use super::{
    Manifest, ManifestChecksums, ManifestDestination, ManifestError, ManifestFile, page_start,
    page_starts, times,
};
use crate::http::{Scheme, Url};
use crate::s3::{
    Addressing, Bucket, Crc64Nvme, Endpoint, Key, Limits, Link, LinkedCall, Links, Object,
    PartNumber, UnixTime,
};
use crate::upload::UploadPlan;

/// What stands in every presigned URL.
const SIGNATURE: [&str; 4] = ["awsaccesskeyid", "signature", "expires", "x-id"];
const CHECKSUM_FIELD: &str = "x-amz-checksum-crc64nvme";
const SIZE_FIELD: &str = "x-amz-mp-object-size";

/// The manifest that `document` is.
pub(super) fn checked(document: Document, limits: &Limits) -> Result<Manifest, ManifestError> {
    let created_at = UnixTime(time("created_at", &document.created_at)?.0);
    time("expires_at", &document.expires_at)?;
    let file = ManifestFile {
        name: document.file.name.clone(),
        size: document.file.size,
        modified: time("file.modified", &document.file.modified)?,
    };
    let destination = destination(&document.object).map_err(|error| error.at("object"))?;
    if document.upload_id.0.is_empty() {
        return Err(written_otherwise("upload_id is empty"));
    }
    let plan = plan(&document, limits)?;
    let checksums = checksums(&document)?;
    let parts = parts(&document, &plan, checksums)?;
    let links = Reader::new(&document, &destination).links(&document)?;
    Ok(Manifest {
        program: document.program,
        created_at,
        file,
        destination,
        upload_id: document.upload_id,
        plan,
        checksums,
        parts,
        links,
    })
}

/// Something that no program writes.
fn written_otherwise(what: impl Into<String>) -> ManifestError {
    ManifestError::new(what, "use the manifest as it was written: curlift presign --parts-for")
}

fn time(name: &str, text: &str) -> Result<(i64, i64), ManifestError> {
    let hint = "write it as 2026-01-02T03:04:05Z";
    times::read(text).ok_or_else(|| ManifestError::new(format!("{name} is no time"), hint))
}

fn destination(record: &ObjectRecord) -> Result<ManifestDestination, ManifestError> {
    let addressing = match record.addressing {
        AddressingWord::Auto => Addressing::Auto,
        AddressingWord::Path => Addressing::Path,
        AddressingWord::Virtual => Addressing::Virtual,
    };
    let endpoint = Endpoint::new(&record.endpoint, addressing)
        .map_err(|error| written_otherwise(error.to_string()))?;
    let bucket =
        Bucket::new(&record.bucket).map_err(|error| written_otherwise(error.to_string()))?;
    let key = Key::new(&record.key).map_err(|error| written_otherwise(error.to_string()))?;
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if record.region.is_empty() || !record.region.bytes().all(is_name) {
        return Err(written_otherwise("region is no name of a region"));
    }
    let object = Object { bucket, key };
    Ok(ManifestDestination { endpoint, addressing, region: record.region.clone(), object })
}

fn plan(document: &Document, limits: &Limits) -> Result<UploadPlan, ManifestError> {
    let (size, part_size) = (document.file.size, document.part_size);
    let plan = UploadPlan::restored(size, &[(0, part_size)], limits).ok_or_else(|| {
        written_otherwise(format!(
            "a file of {size} bytes cannot be uploaded in parts of {part_size}: there are 1 to {} \
             parts of {} to {} bytes",
            limits.parts_max, limits.part_size_min, limits.part_size_max
        ))
    })?;
    if plan.parts() != document.parts_total {
        return Err(written_otherwise(format!(
            "parts_total is {}, and {size} bytes are {} parts of {part_size}",
            document.parts_total,
            plan.parts()
        )));
    }
    Ok(plan)
}

fn checksums(document: &Document) -> Result<ManifestChecksums, ManifestError> {
    let has_values =
        document.checksum.is_some() || document.parts.iter().any(|part| part.checksum.is_some());
    match document.checksum_algorithm.as_deref() {
        Some("CRC64NVME") => Ok(ManifestChecksums::Crc64Nvme(document.checksum)),
        None if has_values => Err(written_otherwise(
            "there are checksums, and checksum_algorithm, which says of what kind, is null",
        )),
        None => Ok(ManifestChecksums::None),
        Some(_) => Err(written_otherwise("checksum_algorithm is neither \"CRC64NVME\" nor null")),
    }
}

fn parts(
    document: &Document,
    plan: &UploadPlan,
    checksums: ManifestChecksums,
) -> Result<BTreeMap<PartNumber, Option<Crc64Nvme>>, ManifestError> {
    if document.parts.is_empty() {
        return Err(written_otherwise("it has no parts: there is nothing to upload"));
    }
    let mut before = None;
    for PartRecord { number, size, .. } in &document.parts {
        if before.is_some_and(|before| *number <= before) {
            return Err(written_otherwise(format!(
                "part {number} stands behind part {}: each part stands there once, in order",
                before.unwrap_or(*number)
            )));
        }
        before = Some(*number);
        if number.index() >= plan.parts() {
            let parts = plan.parts();
            return Err(written_otherwise(format!("part {number}: the file has {parts} parts")));
        }
        let planned = plan.part(*number).length;
        if *size != planned {
            return Err(written_otherwise(format!(
                "part {number}: its size is {size}, and must be {planned} as the file is cut"
            )));
        }
    }
    let parts: BTreeMap<_, _> =
        document.parts.iter().map(|part| (part.number, part.checksum)).collect();
    if let ManifestChecksums::Crc64Nvme(Some(whole)) = checksums
        && combined(&parts, plan).is_some_and(|combined| combined != whole)
    {
        return Err(written_otherwise("checksum is not that of the parts together"));
    }
    Ok(parts)
}

/// The checksum of the whole file, where those of all its parts are known.
fn combined(
    parts: &BTreeMap<PartNumber, Option<Crc64Nvme>>,
    plan: &UploadPlan,
) -> Option<Crc64Nvme> {
    let all = (0..plan.parts()).map(PartNumber::from_index);
    all.map(|number| Some((number, (*parts.get(&number)?)?))).try_fold(
        Crc64Nvme::of(b""),
        |whole, part| {
            let (number, checksum) = part?;
            Some(whole.combine(checksum, plan.part(number).length))
        },
    )
}

/// Reads links, each for a call of one upload.
struct Reader<'a> {
    /// Where every link leads.
    target: Url,
    upload_id: &'a str,
    size: u64,
    checksum: Option<Crc64Nvme>,
}

impl<'a> Reader<'a> {
    fn new(document: &'a Document, destination: &ManifestDestination) -> Reader<'a> {
        Reader {
            target: destination.endpoint.object_url(&destination.object, &[]),
            upload_id: &document.upload_id.0,
            size: document.file.size,
            checksum: document.checksum,
        }
    }

    fn links(&self, document: &Document) -> Result<Links, ManifestError> {
        let mut links = Links::default();
        for part in &document.parts {
            let link = LinkJson { url: part.url.clone(), headers: part.headers.clone() };
            let place = format!("part {}", part.number);
            let link = self.part(part, &link).map_err(|error| error.at(&place))?;
            links.insert(LinkedCall::UploadPart(part.number), link);
        }
        for (place, call, link) in [
            ("complete", LinkedCall::CompleteMultipartUpload, &document.complete),
            ("abort", LinkedCall::AbortMultipartUpload, &document.abort),
            ("head", LinkedCall::HeadObject, &document.head),
        ] {
            if let Some(link) = link {
                links.insert(call, self.other(call, link).map_err(|error| error.at(place))?);
            }
        }
        let pages: Vec<u32> = document.list.iter().map(|page| page.after).collect();
        let expected: Vec<u32> = page_starts(document.parts_total).collect();
        if !pages.is_empty() && pages != expected {
            return Err(written_otherwise(format!(
                "list has no page for each thousand of {} parts: after 0, 1000, and so on",
                document.parts_total
            )));
        }
        for page in &document.list {
            let link = LinkJson { url: page.url.clone(), headers: page.headers.clone() };
            let place = format!("list, after {}", page.after);
            let link = self.page(page.after, &link).map_err(|error| error.at(&place))?;
            links.insert(LinkedCall::ListParts(page_start(page.after)), link);
        }
        Ok(links)
    }

    fn part(&self, part: &PartRecord, link: &LinkJson) -> Result<Link, ManifestError> {
        let link = self.link(link, &["partnumber", "uploadid"])?;
        link.url
            .for_object()
            .map_err(|error| ManifestError { what: error.what, hint: error.hint })?;
        expect(&link, "partNumber", &part.number.to_string())?;
        expect(&link, "uploadId", self.upload_id)?;
        expect_field(&link, CHECKSUM_FIELD, part.checksum.map(Crc64Nvme::to_base64))?;
        Ok(link)
    }

    fn other(&self, call: LinkedCall, link: &LinkJson) -> Result<Link, ManifestError> {
        if call == LinkedCall::HeadObject {
            return self.link(link, &[]);
        }
        let link = self.link(link, &["uploadid"])?;
        expect(&link, "uploadId", self.upload_id)?;
        if call == LinkedCall::CompleteMultipartUpload {
            expect_field(&link, CHECKSUM_FIELD, self.checksum.map(Crc64Nvme::to_base64))?;
            expect_field(&link, SIZE_FIELD, Some(self.size.to_string()))?;
        }
        Ok(link)
    }

    fn page(&self, after: u32, link: &LinkJson) -> Result<Link, ManifestError> {
        let link = self.link(link, &["max-parts", "part-number-marker", "uploadid"])?;
        expect(&link, "uploadId", self.upload_id)?;
        if link.url.parameter("max-parts").is_some() {
            expect(&link, "max-parts", "1000")?;
        }
        if after > 0 || link.url.parameter("part-number-marker").is_some() {
            expect(&link, "part-number-marker", &after.to_string())?;
        }
        Ok(link)
    }

    /// A link to the object, whose query has `names` and the signature, and nothing else.
    fn link(&self, link: &LinkJson, names: &[&str]) -> Result<Link, ManifestError> {
        let link = link.link()?;
        self.expect_target(&link)?;
        let mut seen = BTreeSet::new();
        for (name, _) in link.url.url().query {
            let name = percent_decode_str(&name).decode_utf8_lossy().to_ascii_lowercase();
            let is_known = name.starts_with("x-amz-") || SIGNATURE.contains(&name.as_str());
            if !is_known && !names.contains(&name.as_str()) {
                return Err(written_otherwise(format!(
                    "the URL is for something else: its query has {:?}",
                    name.chars().take(40).collect::<String>()
                )));
            }
            if !seen.insert(name) {
                return Err(written_otherwise("the URL's query has a name twice"));
            }
        }
        Ok(link)
    }

    /// Bytes go where the manifest says that they go, and nowhere else.
    fn expect_target(&self, link: &Link) -> Result<(), ManifestError> {
        let (url, origin) = (link.url.url(), link.url.origin());
        // So a host in capitals or with its scheme's own port is the same.
        let authority = Endpoint::new(&origin, Addressing::Path)
            .map(|endpoint| endpoint.authority().to_owned())
            .unwrap_or_default();
        let decoded = |path: &str| percent_decode_str(path).collect::<Vec<u8>>();
        let is_same = (url.scheme, authority.as_str())
            == (self.target.scheme, &self.target.authority)
            && decoded(&url.path) == decoded(&self.target.path);
        if is_same {
            return Ok(());
        }
        let insecure = url.scheme == Scheme::Http && self.target.scheme == Scheme::Https;
        Err(ManifestError::new(
            format!("the URL leads to {}, and the manifest's object is {}", link.url, self.target),
            if insecure {
                "it would send the file in the clear; ask for a manifest whose links are https"
            } else {
                "do not use a manifest that was changed; ask for it anew"
            },
        ))
    }
}

/// The URL's query says `value` of `name`.
fn expect(link: &Link, name: &str, value: &str) -> Result<(), ManifestError> {
    if link.url.parameter(name).as_deref() == Some(value) {
        return Ok(());
    }
    let what = match name {
        "uploadId" => "the URL is for another upload than the manifest's".to_owned(),
        name => format!("the URL's {name} is not {value}"),
    };
    Err(written_otherwise(what))
}

/// Where the URL signs `name`, its value is `value`.
fn expect_field(link: &Link, name: &str, value: Option<String>) -> Result<(), ManifestError> {
    match (link.fields.get(name), value) {
        (Some(found), Some(value)) if found != value => {
            Err(written_otherwise(format!("the URL signs another {name} than the manifest says")))
        }
        _ => Ok(()),
    }
}
