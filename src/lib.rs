//! curlift: a libcurl-based S3 upload engine.
//!
//! An engine decides ([`upload`]), a session does ([`session`]), libcurl is the event loop
//! ([`transport`]). See `ARCHITECTURE.md` for the map.

pub mod cli;
pub mod config;
pub mod credentials;
pub mod curlopt;
pub mod disk;
#[cfg(feature = "lab")]
pub mod experiment;
pub mod http;
#[cfg(feature = "lab")]
pub mod lab;
pub mod process;
pub mod s3;
pub mod session;
pub mod time;
pub mod transport;
pub mod tune;
pub mod units;
pub mod upload;
