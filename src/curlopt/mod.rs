//! Every libcurl option by name: what there is, what a value must be, what it does to an upload,
//! which are the engine's own. Nothing here talks to libcurl; [`transport`](crate::transport) sets
//! what was checked here.
//!
//! What is known of the options is data: `options.tsv` is generated from curl's own headers by
//! `scripts/curlopt-table`, `knowledge.toml` is written by hand. Both are read only once somebody
//! names an option.

mod example;
mod header_lines;
mod knowledge;
mod mistake;
mod profiles;
mod pycurl;
mod reading;
mod remark;
mod table;
mod value;

pub use example::{Example, example};
pub use header_lines::{HeaderLine, flag_of_field, header_line};
pub use knowledge::{Knowledge, Unit, Warning, explained};
pub use mistake::Mistake;
pub use profiles::{DEFAULT, FAST, PATIENT, PROFILES, Preset, Profile};
pub use pycurl::{Spelling, pycurl_constant, pycurl_option};
pub use reading::{check, expected};
pub use remark::{Remark, remarks};
pub use table::{CurlOption, Deprecation, Handle, Kind, Name, all, find, find_any};
pub use value::{Assignment, Given, Value, without_userinfo};
