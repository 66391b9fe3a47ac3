//! Authorities and what they vouch for, made for one test, as the options want them: files, blobs,
//! keys with and without a password.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData as _, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// The serial number of all certificates, by which one can be revoked.
const SERIAL: u64 = 77;

/// An authority, and a folder for files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key.
pub(crate) struct Identity {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        Authority::of(CertifiedIssuer::self_signed(authority(name), key).unwrap())
    }

    /// Another that this one vouches for.
    pub(crate) fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().unwrap();
        Authority::of(CertifiedIssuer::signed_by(authority(name), key, &self.issuer).unwrap())
    }

    fn of(issuer: CertifiedIssuer<'static, KeyPair>) -> Authority {
        let authority = Authority { issuer, folder: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", authority.pem());
        authority
    }

    /// A certificate for this name or address.
    pub(crate) fn identity(&self, name: &str) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(SerialNumber::from(SERIAL));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Identity { certificate: certificate.der().clone(), pem: certificate.pem(), key }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A file that it vouches by.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A folder with that file under the name that OpenSSL looks for.
    pub(crate) fn path(&self) -> PathBuf {
        let path = self.folder.path().join("hashed");
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("ca.pem"), self.pem()).unwrap();
        run(Command::new("openssl").arg("rehash").arg(&path));
        path
    }

    /// A list of revoked certificates: one of its own, where `is_revoked`, or none.
    pub(crate) fn revocations(&self, is_revoked: bool) -> PathBuf {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(SERIAL),
            revocation_time: date_time_ymd(2024, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2024, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: is_revoked.then_some(revoked).into_iter().collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap().pem().unwrap();
        self.write(&format!("revoked-{is_revoked}.pem"), list)
    }

    /// A file in its folder.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// What a server needs that has this identity; clients must have one of `clients`, where that
    /// is given.
    pub(crate) fn config(identity: &Identity, clients: Option<&Authority>) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
        Arc::new(config.with_single_cert(vec![identity.certificate.clone()], key).unwrap())
    }
}

impl Identity {
    /// Its public key as `PINNEDPUBLICKEY` wants it.
    pub(crate) fn pin(&self) -> String {
        let digest = Sha256::digest(self.key.subject_public_key_info());
        format!("sha256//{}", BASE64_STANDARD.encode(digest))
    }
}

/// What the certificate of an authority says.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Bytes as an option of the kind blob takes them.
pub(crate) fn blob(bytes: impl AsRef<[u8]>) -> String {
    format!("base64:{}", BASE64_STANDARD.encode(bytes))
}

/// The same key, encrypted with this password.
pub(crate) fn encrypted(key: &Path, password: &str) -> PathBuf {
    let path = key.with_extension("encrypted");
    let mut command = Command::new("openssl");
    command.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout"]);
    command.arg(format!("pass:{password}")).arg("-in").arg(key).arg("-out").arg(&path);
    run(&mut command);
    path
}

fn run(command: &mut Command) {
    let done = command.stdout(Stdio::null()).output().expect("openssl; see CONTRIBUTING.md");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}
