//! What S3 wants to hear and how it answers. Pure: nothing here sends, reads a file or a clock.
//!
//! [`Operation`] → [`http::Request`](crate::http::Request) and
//! [`http::Report`](crate::http::Report) → [`Reply`] or [`S3Error`]; signing is [`sigv4`].

mod attributes;
pub mod aws_chunked;
mod bucket_operation;
mod bucket_prefix;
pub mod checksum;
mod comparison;
mod credentials;
mod destination;
mod digest;
mod endpoint;
mod endpoint_url;
mod error_code;
mod lifecycle;
mod limits;
mod links;
mod masked;
mod object;
mod operation;
pub mod payload;
mod presigned_url;
mod printable;
mod refusal;
mod reply;
mod server_date;
mod settings;
mod settings_pairs;
pub mod sigv4;
mod stored_checksum;
mod success;
mod xml;

pub use attributes::{AttributesPage, StoredPart};
pub use bucket_operation::BucketOperation;
pub use bucket_prefix::BucketPrefix;
pub use checksum::Crc64Nvme;
pub use comparison::{Comparing, Comparison, DifferingPart, PartLayout, Verdict};
pub use credentials::{Credentials, Secret};
pub use destination::Destination;
pub use digest::ContentDigest;
pub use endpoint::{Addressing, Endpoint, EndpointError};
pub use error_code::{ErrorClass, classify_code, classify_status};
pub use lifecycle::{AbortRule, Edit, Edited, Lifecycle, LifecycleConflict, LifecycleRule};
pub use limits::Limits;
pub use links::{Link, LinkedCall, Links};
pub use masked::masked;
pub use object::{Bucket, Key, NameError, Object};
pub use operation::{CompletedPart, Operation, PartNumber, UploadId, UploadsMarker};
pub use presigned_url::{PresignedUrl, PresignedUrlError};
pub(crate) use printable::drives_a_terminal;
pub use reply::{
    ETag, ObjectHead, PartsPage, Reply, RetryAfter, S3Error, UnfinishedUpload, UploadedPart,
    UploadsPage,
};
pub use server_date::{UnixTime, clock_offset, server_date};
pub use settings::{ObjectSettings, ObjectSettingsInput, SettingsError};
pub use stored_checksum::{ChecksumAlgorithm, StoredChecksum};
