//! The nouns both sides of the wire share: what is asked ([`Request`]) and everything one
//! exchange told us ([`Report`]). Pure data; nothing here sends or signs.

mod report;
mod request;

pub use report::{
    Connection, Evidence, HttpVersion, Report, Response, TransportFailure, TransportFailureKind,
};
pub use request::{Body, ConnectionWanted, Headers, Method, Request, Scheme, Url, is_token};
