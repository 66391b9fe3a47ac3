//! What can be typed of `presign`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::StoreArgs;
use super::parts::PartsArgs;
use super::typed::AsTyped;
use super::upload::{ObjectArgs, upload_id};
use crate::config::Overrides;
use crate::s3::sigv4::Lifetime;
use crate::s3::{ObjectSettingsInput, PartNumber, UploadId};
use crate::units;

pub(super) const EXAMPLES: &str = "\
Whoever has the URL can make this one request until it expires, or until the keys that signed it
do: treat it as a password, and quote it in a shell. It must have arrived by then; a server may
also cut a transfer that is still under way.

--parts-for begins an upload in parts and writes its manifest, as JSON (\"curlift_manifest\": 1):
  file, object, upload_id   what is uploaded, and where to
  part_size, parts_total    how the file is cut, in bytes; a share has some of the parts
  checksum                  CRC64NVME of the whole file, eight bytes in base64
  parts                     number, size, checksum; url and the headers that it signs
  complete, abort, head     the same for what ends the upload; a share has none of them
  list                      the same for each thousand parts that are listed
  created_at, expires_at    when the URLs were signed, and when the first of them expires
Each part's URL signs its checksum, so that the store refuses any other bytes.

Examples:
  curl -T backup.tar \"$(curlift presign s3://bucket/backup.tar --expires-in 10m)\"
  curlift presign s3://bucket/page.html --content-type text/html
  curlift presign s3://bucket/backup.tar --method GET --expires-in 7d
  curlift presign s3://bucket/page.html --checksum-of page.html
  curlift presign s3://bucket/big --upload-id ID --part-number 7
  curlift presign s3://bucket/backups/ --parts-for backup.tar -o parts.json --expires-in 12h
  curlift cp FILE URL --renew 'ssh keyhost curlift presign s3://bucket/key --renew-stdin'";

/// `presign`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PresignArgs {
    /// The object: s3://bucket/key
    #[arg(value_name = "OBJECT")]
    pub(in crate::cli) object: String,
    /// What the URL allows: to upload the object, or to download it [default: PUT]
    #[arg(long, value_name = "METHOD", ignore_case = true, conflicts_with = "upload_id")]
    method: Option<PresignMethod>,
    /// How long the URL lives: 1s to 7d
    #[arg(long, value_name = "DURATION", value_parser = lifetime, default_value = "1h")]
    pub(in crate::cli) expires_in: Lifetime,
    /// A URL for one call of this multipart upload, in place of the whole object
    #[arg(long, value_name = "ID", value_parser = upload_id, requires = "upload_call")]
    upload_id: Option<UploadId>,
    /// Which part may be uploaded: 1 to 10000
    #[arg(long, value_name = "N", requires = "upload_id", group = "upload_call")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    part_number: Option<u32>,
    /// Which other call may be made
    #[arg(long, requires = "upload_id", group = "upload_call")]
    call: Option<UploadCall>,
    /// Sign the checksum of this file, so that the URL uploads its content and no other
    #[arg(long, value_name = "FILE", conflicts_with_all = ["method", "upload_id"])]
    pub(in crate::cli) checksum_of: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) parts: PartsArgs,
    /// Read from standard input what `curlift cp --renew` wants signed, and print it; the object
    /// may be s3://bucket/prefix/, for any below it
    #[arg(long, conflicts_with_all = ["method", "upload_id", "checksum_of", "parts_for"])]
    pub(in crate::cli) renew_stdin: bool,
    #[command(flatten)]
    object_settings: AsTyped<ObjectArgs>,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// `--method`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PresignMethod {
    #[value(name = "PUT")]
    Put,
    #[value(name = "GET")]
    Get,
}

/// `--call`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UploadCall {
    Complete,
    Abort,
    ListParts,
}

/// The one request that a URL allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum PresignedCall {
    PutObject,
    GetObject,
    UploadPart(UploadId, PartNumber),
    CompleteMultipartUpload(UploadId),
    AbortMultipartUpload(UploadId),
    ListParts(UploadId),
}

impl PresignArgs {
    /// What the URL is to allow.
    pub(in crate::cli) fn call(&self) -> PresignedCall {
        let Some(id) = self.upload_id.clone() else {
            return match self.method {
                None | Some(PresignMethod::Put) => PresignedCall::PutObject,
                Some(PresignMethod::Get) => PresignedCall::GetObject,
            };
        };
        match (self.part_number, self.call) {
            (Some(number), _) => {
                PresignedCall::UploadPart(id, PartNumber::from_index(number.saturating_sub(1)))
            }
            (None, Some(UploadCall::Complete)) => PresignedCall::CompleteMultipartUpload(id),
            (None, Some(UploadCall::Abort)) => PresignedCall::AbortMultipartUpload(id),
            // One of the two was typed: the definition asks for it.
            (None, Some(UploadCall::ListParts) | None) => PresignedCall::ListParts(id),
        }
    }

    /// The flags that go before other places.
    pub(in crate::cli) fn overrides(&self) -> Overrides {
        let overrides = self.parts.add_to(self.store.overrides());
        Overrides { checksums: self.object_settings.args.checksums(), ..overrides }
    }

    /// Header fields of the object that are signed, and must be sent.
    pub(in crate::cli) fn settings(&self) -> ObjectSettingsInput {
        self.object_settings.args.settings()
    }

    /// Header fields of an object that `file` becomes: the type is guessed from its name.
    pub(in crate::cli) fn settings_for(&self, file: &Path) -> ObjectSettingsInput {
        let guessed = || mime_guess::from_path(file).first_raw().map(str::to_owned);
        let typed = self.settings();
        ObjectSettingsInput { content_type: typed.content_type.clone().or_else(guessed), ..typed }
    }

    /// Whether any of them was typed, and does not come from the config file.
    pub(in crate::cli) fn has_typed_settings(&self) -> bool {
        !self.object_settings.words.is_empty()
    }
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    let duration = units::duration(text).map_err(|error| error.to_string())?;
    Lifetime::new(duration).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn typed(words: &[&str]) -> Result<PresignedCall, String> {
        let start = ["curlift", "presign", "s3://bucket/key"];
        let cli = Cli::try_parse_from(start.iter().chain(words)).map_err(|e| e.to_string())?;
        match cli.command {
            Command::Presign(args) => Ok(args.call()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_call_has_its_words() {
        let id = || UploadId("U".into());
        let rows = [
            (&[][..], PresignedCall::PutObject),
            (&["--method", "get"], PresignedCall::GetObject),
            (
                &["--upload-id", "U", "--part-number", "7"],
                PresignedCall::UploadPart(id(), PartNumber::from_index(6)),
            ),
            (
                &["--upload-id", "U", "--call", "complete"],
                PresignedCall::CompleteMultipartUpload(id()),
            ),
            (&["--upload-id", "U", "--call", "abort"], PresignedCall::AbortMultipartUpload(id())),
            (&["--upload-id", "U", "--call", "list-parts"], PresignedCall::ListParts(id())),
        ];
        for (words, call) in rows {
            assert_eq!(typed(words), Ok(call), "{words:?}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let parts = ["--parts-for", "f", "-o", "m"];
        for words in [
            &["--method", "PUT"][..],
            &["--upload-id", "U", "--part-number", "1"],
            &["--call", "abort"],
            &["--checksum-of", "f"],
            &["--shards", "0"],
            &["--part-size", "5 parsecs"],
        ] {
            assert!(typed(&[&parts, words].concat()).is_err(), "{words:?}");
        }
        assert!(typed(&parts).is_ok());
        let rows: [&[&str]; 13] = [
            &["--parts-for", "f"],
            &["-o", "m"],
            &["--shards", "2"],
            &["--force"],
            &["--part-size", "5MiB"],
            &["--checksum-of", "f", "--method", "GET"],
            &["--upload-id", "U"],
            &["--part-number", "7"],
            &["--upload-id", "U", "--part-number", "7", "--call", "abort"],
            &["--upload-id", "U", "--part-number", "0"],
            &["--upload-id", "U", "--call", "abort", "--method", "GET"],
            &["--expires-in", "8d"],
            &["--expires-in", "0"],
        ];
        for words in rows {
            assert!(typed(words).is_err(), "{words:?}");
        }
    }
}
