//! A certificate for this run only: made at the start, written where clients can be pointed to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// The names and addresses the lab answers to.
const NAMES: [&str; 6] = ["localhost", "*.localhost", "s3.local", "*.s3.local", "127.0.0.1", "::1"];

/// Makes a certificate, writes it into `folder`, and gives the file beside the acceptor.
pub(super) fn acceptor(folder: &Path) -> io::Result<(TlsAcceptor, PathBuf)> {
    let names = NAMES.map(str::to_owned);
    let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
    let path = folder.join("ca.pem");
    fs::write(&path, made.cert.pem())?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)
        })
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((TlsAcceptor::from(Arc::new(config)), path))
}
