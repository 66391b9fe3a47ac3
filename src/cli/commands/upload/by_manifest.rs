//! An upload by a manifest: parts that somebody else's presigned URLs are for, without keys.

use std::path::Path;
use std::sync::Arc;

use super::linked::expired;
use super::{ByLinks, Linked, Upload};
use crate::cli::args::UploadArgs;
use crate::cli::blocks::each_block;
use crate::cli::commands::store::StoreAccess;
use crate::cli::console::{Console, unix_now};
use crate::cli::error::CliError;
use crate::cli::journal::Resume;
use crate::cli::place::{Place, Reach};
use crate::config::Config;
use crate::disk::Source;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::{Crc64Nvme, Destination, LinkedCall};
use crate::upload::{Manifest, PartRange};

impl Upload {
    /// An upload by `manifest`, checked; sends nothing.
    pub(super) fn by_manifest(
        path: &Path,
        manifest: &Manifest,
        args: &UploadArgs,
        store: StoreAccess,
        console: &Console,
    ) -> Result<(Upload, Config), CliError> {
        if args.resume() == Resume::Never {
            return Err(CliError::Usage {
                what: "--resume never would free an upload that others may have a part in"
                    .to_owned(),
                hint: "leave it out: what is stored already is compared with the file".to_owned(),
            });
        }
        if args.has_typed_settings() {
            return Err(CliError::Usage {
                what: "the object's settings were made when the upload was created".to_owned(),
                hint: "leave them out; curlift presign --parts-for takes them".to_owned(),
            });
        }
        let source = Source::open(&args.source)?;
        let shown = Place::shown(path);
        if !args.renews() {
            check_times(manifest, &shown)?;
        }
        // This may read all of the file.
        check_file(&source, manifest, &shown, console)?;
        let object = manifest.object().clone();
        let destination = Destination {
            endpoint: manifest.endpoint().clone(),
            region: manifest.region().to_owned(),
            object,
        };
        let (object, reach) = (Place::address(&destination.object), Reach::Manifest(shown));
        let place = Place::by_links(&args.source, object, &destination, reach, args.renews());
        let linked = Linked {
            links: Arc::new(manifest.links().clone()),
            watched: manifest.has_checksums(),
            share: manifest.share(),
            upload_id: Some(manifest.upload_id().clone()),
        };
        let plan = manifest.plan().clone();
        let by = ByLinks { source, destination, plan, place, linked };
        let (mut upload, config) = Upload::by_links(args, store, by);
        upload.target.manifest = Some(path.to_string_lossy().into_owned());
        Ok((upload, config))
    }
}

/// Refuses links that have all expired; of others, only those are sent that live.
fn check_times(manifest: &Manifest, shown: &str) -> Result<(), CliError> {
    let is_part = |call| matches!(call, LinkedCall::UploadPart(_));
    let links = manifest.links().iter().filter(|(call, _)| is_part(*call));
    let Some(last) = links.map(|(_, link)| link.url.expires_at()).max() else { return Ok(()) };
    match unix_now().since(last) {
        Some(ago) => Err(expired(&format!("the presigned URLs of {shown}"), ago, last)),
        None => Ok(()),
    }
}

/// That `source` is the file that the manifest is for.
fn check_file(
    source: &Source,
    manifest: &Manifest,
    shown: &str,
    console: &Console,
) -> Result<(), CliError> {
    let (file, size) = (manifest.file(), source.size());
    if size != file.size {
        return Err(another_file(
            source,
            &format!("it has {size} bytes, and {shown} is for a file of {}", file.size),
        ));
    }
    let modified = source.fingerprint().map(|print| print.modified);
    if modified == Some(file.modified) {
        return Ok(());
    }
    let numbers = manifest.links().parts();
    let sums: Option<Vec<(PartRange, Crc64Nvme)>> = numbers
        .map(|number| Some((manifest.plan().part(number), manifest.part_checksum(number)?)))
        .collect();
    let Some(sums) = sums else {
        return Err(another_file(
            source,
            &format!("it was modified since {shown} was written, which has no checksums of it"),
        ));
    };
    console.note(&format!(
        "{} was not modified when {shown} says; comparing its bytes first",
        Place::shown(source.path())
    ));
    for (part, expected) in sums {
        let found = checksum(source, part)?;
        if found != expected {
            let PartRange { number, offset, length } = part;
            let what = format!(
                "part {number} ({length} bytes at byte {offset}) is not what {shown} was signed for"
            );
            return Err(another_file(source, &what));
        }
    }
    Ok(())
}

fn another_file(source: &Source, how: &str) -> CliError {
    CliError::AnotherFile {
        what: format!("{} is another file: {how}", Place::shown(source.path())),
        hint: "name the file that the manifest was made for, or have one made for this file: \
               curlift presign s3://BUCKET/KEY --parts-for FILE -o parts.json"
            .to_owned(),
    }
}

fn checksum(source: &Source, part: PartRange) -> Result<Crc64Nvme, CliError> {
    let mut hasher = Crc64NvmeHasher::new();
    each_block(source, part.offset..part.offset + part.length, |block, _| {
        hasher.update(block);
        Ok(())
    })?;
    Ok(hasher.value())
}
