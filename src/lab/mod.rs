//! The local S3 endpoint with faults.
//!
//! An opponent: it shares no signing, XML, framing or checksum code with the client.
//! [`model`], [`blob`] and [`faults`] are pure; the deterministic simulation calls them directly.

mod answer;
pub mod blob;
mod blobs;
pub mod faults;
mod integrity;
mod intercept;
mod judge;
mod link;
pub mod model;
mod null;
mod recognise;
mod server;
mod service;
mod settings;
mod shared;
mod tally;
mod wire;

pub use blobs::ContentReader;
pub use judge::OWNER;
pub use link::LinkRate;
pub use null::NullServer;
pub use server::{Lab, LabSettings, StoredObject};
pub use tally::Tally;
