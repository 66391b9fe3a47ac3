//! What is told of a manifest that was written.

use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;

use super::parts::Files;
use crate::cli::args::PresignArgs;
use crate::cli::console::{Console, stamp};
use crate::cli::place::{Place, quoted};
use crate::s3::Crc64Nvme;
use crate::units::exact_size;
use crate::upload::Manifest;

/// The manifest, and what must be known to use it.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    event: &'static str,
    /// Nothing where it went to standard output.
    manifest: Option<String>,
    shards: Vec<String>,
    source: String,
    destination: String,
    upload_id: String,
    bytes: u64,
    parts: u32,
    part_size: u64,
    /// CRC64NVME of the file.
    checksum: Option<String>,
    expires_in_s: u64,
    expires_at: String,
}

impl Told {
    pub(super) fn new(
        args: &PresignArgs,
        manifest: &Manifest,
        files: &Files,
        checksum: Option<Crc64Nvme>,
    ) -> Told {
        let shown = |path: &Path| path.to_string_lossy().into_owned();
        let lifetime = args.expires_in.duration();
        Told {
            event: "presigned_parts",
            manifest: files.path().map(shown),
            shards: files.shares().iter().map(|path| shown(path)).collect(),
            source: args.parts.parts_for.as_deref().map(shown).unwrap_or_default(),
            destination: Place::address(manifest.object()),
            upload_id: manifest.upload_id().0.clone(),
            bytes: manifest.file().size,
            parts: manifest.plan().parts(),
            part_size: manifest.plan().part_size(),
            checksum: checksum.map(Crc64Nvme::to_base64),
            expires_in_s: lifetime.as_secs(),
            expires_at: stamp(manifest.expires_at()),
        }
    }

    /// When the URLs that were signed `at` that moment end.
    pub(super) fn ends_at(&self, at: SystemTime) -> SystemTime {
        at + std::time::Duration::from_secs(self.expires_in_s)
    }

    /// Tells where the manifest is, and what to type next.
    pub(super) fn tell(&self, console: &Console) {
        console.event(self);
        for line in self.lines() {
            match self.manifest {
                Some(_) => console.result(&line),
                None => console.note(&line),
            }
        }
    }

    fn lines(&self) -> Vec<String> {
        let manifest = self.manifest.as_deref().unwrap_or("MANIFEST");
        let cut = match self.parts {
            1 => "1 part".to_owned(),
            parts => format!("{parts} parts of {}", exact_size(self.part_size)),
        };
        let mut lines = match &self.manifest {
            Some(path) => vec![format!("written: {path}")],
            None => Vec::new(),
        };
        lines.extend(self.shards.iter().map(|path| format!("written: {path}")));
        lines.push(format!(
            "whoever has it can upload {} to {}, in {cut}, until {}: treat it as a password",
            self.source, self.destination, self.expires_at
        ));
        let cp = |path: &str| quoted(&["curlift", "cp", &self.source, path]);
        match self.shards.as_slice() {
            [] => lines.push(format!("upload it with: {}", cp(manifest))),
            shards => {
                lines
                    .extend(shards.iter().map(|path| format!("upload a share with: {}", cp(path))));
                let complete = quoted(&["curlift", "complete", manifest]);
                lines.push(format!("and when all are there: {complete}"));
            }
        }
        lines
    }
}
