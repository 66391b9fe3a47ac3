//! The lab from outside: start it, ask what it saw, stop it.

mod tls;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::host::{S3Host, VirtualHost};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use super::blobs::{Blobs, ContentReader};
use super::faults::{FaultPlan, Rule};
use super::link::LinkRate;
use super::model::{Store, UploadInfo};
use super::recognise::bucket_of_host;
use super::service::{LabS3, LabStore};
use super::shared::Shared;
use super::tally::Tally;
use super::wire;
use crate::s3::Limits;

/// How a lab is to be started.
#[derive(Clone)]
pub struct LabSettings {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The faults.
    pub faults: Vec<Rule>,
    /// The seed of random faults.
    pub seed: u64,
    /// Bodies are only hashed, not kept: `GetObject` is then answered with `NotImplemented`.
    pub discard: bool,
    /// Where bodies are kept, and left behind; without one, a temporary folder that is removed.
    pub folder: Option<PathBuf>,
    /// Whether it speaks TLS, with a certificate made at the start.
    pub tls: bool,
    /// What limits the bodies of requests; without one, they are read as fast as they come.
    pub link: Option<LinkRate>,
    /// Buckets that exist from the start.
    pub buckets: Vec<String>,
    /// What the store allows.
    pub limits: Limits,
    /// Whether a repeated `CompleteMultipartUpload` is answered as the first (Amazon S3) or with
    /// `NoSuchUpload` (`MinIO`).
    pub repeat_complete: bool,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

impl Default for LabSettings {
    /// On a free port of 127.0.0.1, without faults and TLS, with one bucket named `lab` and
    /// Amazon S3's limits.
    fn default() -> LabSettings {
        LabSettings {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            faults: Vec::new(),
            seed: 0,
            discard: false,
            folder: None,
            tls: false,
            link: None,
            buckets: vec!["lab".to_owned()],
            limits: Limits::AWS,
            repeat_complete: true,
            access_key: "LABACCESSKEY".to_owned(),
            secret_key: "lab-secret-key".to_owned(),
        }
    }
}

impl fmt::Debug for LabSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LabSettings")
            .field("address", &self.address)
            .field("faults", &self.faults)
            .field("seed", &self.seed)
            .field("discard", &self.discard)
            .field("folder", &self.folder)
            .field("tls", &self.tls)
            .field("buckets", &self.buckets)
            .field("access_key", &self.access_key)
            .finish_non_exhaustive()
    }
}

/// An object as the lab stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Bytes.
    pub size: u64,
    /// The ETag, quotes included.
    pub etag: String,
    /// CRC-64/NVME of the whole object.
    pub crc64nvme: u64,
    /// Parts it was completed from; `None` for a single PUT.
    pub parts: Option<u32>,
    /// Its headers: names in lower case, with their values.
    pub settings: Vec<(String, String)>,
}

/// A running lab. It stops when dropped.
pub struct Lab {
    endpoint_url: String,
    access_key: String,
    secret_key: String,
    ca_bundle: Option<PathBuf>,
    store: Arc<LabStore>,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Last, so that they are removed after the thread has ended.
    _folders: Vec<TempDir>,
}

impl Lab {
    /// Starts a lab on a thread of its own; it takes requests when this returns.
    ///
    /// # Errors
    /// The address is taken, a folder cannot be made, the certificate cannot be made.
    pub fn start(settings: LabSettings) -> io::Result<Lab> {
        let listener = TcpListener::bind(settings.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        if settings.link.is_some() {
            shape(&listener);
        }
        // Whoever kills a lab keeps it from removing its folders: none is made without need.
        let mut temporary = Vec::new();
        let bodies = match &settings.folder {
            _ if settings.discard => None,
            None => Some(temporary_folder(&mut temporary)?),
            Some(folder) => {
                std::fs::create_dir_all(folder)?;
                Some(folder.clone())
            }
        };
        let (mut scheme, mut acceptor, mut ca_bundle) = ("http", None, None);
        if settings.tls {
            let (made, bundle) = tls::acceptor(&temporary_folder(&mut temporary)?)?;
            (scheme, acceptor, ca_bundle) = ("https", Some(made), Some(bundle));
        }
        let mut model = Store::new(settings.limits);
        model.repeat_complete = settings.repeat_complete;
        settings.buckets.iter().for_each(|bucket| model.create_bucket(bucket));
        let store = Arc::new(LabStore::new(model, Blobs::new(bodies)));
        let service = service(&store, &settings);
        let plan = FaultPlan::new(settings.faults, settings.seed);
        let shared = Arc::new(Shared::new(service, plan, scheme, settings.link));
        let (stop, stopped) = oneshot::channel();
        let thread = spawn(listener, acceptor, Arc::clone(&shared), stopped)?;
        Ok(Lab {
            endpoint_url: format!("{scheme}://{address}"),
            access_key: settings.access_key,
            secret_key: settings.secret_key,
            ca_bundle,
            store,
            shared,
            stop: Some(stop),
            thread: Some(thread),
            _folders: temporary,
        })
    }

    /// Where it listens, as `http://127.0.0.1:PORT` or `https://…`.
    pub fn endpoint_url(&self) -> &str {
        &self.endpoint_url
    }

    /// The access key.
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// The secret key.
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The PEM file with its certificate, for `AWS_CA_BUNDLE`, where it speaks TLS.
    pub fn ca_bundle(&self) -> Option<&Path> {
        self.ca_bundle.as_deref()
    }

    /// What it saw so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally()
    }

    /// A stored object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<StoredObject> {
        let object = self.store.with(|store| store.head_object(bucket, key)).ok()?;
        Some(StoredObject {
            size: object.size,
            etag: object.etag,
            crc64nvme: object.crc64nvme,
            parts: object.parts.map(|parts| parts.len() as u32),
            settings: object.settings.0,
        })
    }

    /// The bytes of a stored object, read back from where they are kept.
    ///
    /// # Errors
    /// There is no such object, or bodies are discarded.
    pub fn open_object(&self, bucket: &str, key: &str) -> io::Result<ContentReader> {
        let object = self.store.with(|store| store.head_object(bucket, key));
        let object = object.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
        ContentReader::new(object.content, 0, object.size)
    }

    /// The multipart uploads that were neither completed nor aborted.
    pub fn unfinished_uploads(&self) -> Vec<UploadInfo> {
        self.store.with(|store| store.uploads().collect())
    }

    /// Makes every unfinished upload older by that much.
    pub fn age_uploads(&self, by: Duration) {
        self.store.with(|store| store.age_uploads(by));
    }

    /// Stops it, waits until its thread has ended, removes its temporary folder, and tells what
    /// it saw.
    pub fn stop(mut self) -> Tally {
        self.halt();
        self.shared.tally()
    }

    fn halt(&mut self) {
        // Either half may be gone already if the thread has failed.
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.halt();
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lab").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

/// Has connections carry what a network's would. Loopback takes megabytes at once into its buffers,
/// and clients would believe to have sent what has not passed the link. It is a refinement: a
/// system that refuses it has larger buffers.
fn shape(listener: &TcpListener) {
    let socket = socket2::SockRef::from(listener);
    let set = socket.set_tcp_mss(MSS).and_then(|()| socket.set_recv_buffer_size(wire::WINDOW));
    if let Err(error) = set {
        log::debug!("the link keeps the buffers of loopback: {error}");
    }
}

/// The payload of a segment over Ethernet; buffers are counted in segments.
const MSS: u32 = 1460;

/// Makes a folder that goes when `kept` goes.
fn temporary_folder(kept: &mut Vec<TempDir>) -> io::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("curlift-lab-").tempdir()?;
    let path = folder.path().to_owned();
    kept.push(folder);
    Ok(path)
}

fn service(store: &Arc<LabStore>, settings: &LabSettings) -> S3Service {
    let mut config = S3Config::default();
    // Clocks are judged before s3s, by one that can be skewed.
    config.presigned_url_max_skew_time_secs = u32::MAX;
    let mut builder = S3ServiceBuilder::new(LabS3(Arc::clone(store)));
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    builder.set_host(LabHost);
    builder.set_auth(OneKey {
        access_key: settings.access_key.clone(),
        secret_key: SecretKey::from(settings.secret_key.as_str()),
    });
    builder.build()
}

/// The bucket a host names, as `s3s` wants to be told.
struct LabHost;

impl S3Host for LabHost {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        let virtual_host = VirtualHost::new(host);
        Ok(match bucket_of_host(host) {
            Some(bucket) => virtual_host.with_bucket(bucket),
            None => virtual_host,
        })
    }
}

/// The one pair of keys.
struct OneKey {
    access_key: String,
    secret_key: SecretKey,
}

#[async_trait::async_trait]
impl S3Auth for OneKey {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        if access_key == self.access_key {
            return Ok(self.secret_key.clone());
        }
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        Err(s3_error!(InvalidAccessKeyId, "{message}"))
    }
}

/// Runs the server on a thread of its own until told to stop.
fn spawn(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    stopped: oneshot::Receiver<()>,
) -> io::Result<JoinHandle<()>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    thread::Builder::new().name("lab".to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = accept(listener, tls, shared) => {}
                _ = stopped => {}
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
    })
}

async fn accept(listener: tokio::net::TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                shared.count_connection();
                tokio::spawn(wire::serve(socket, tls.clone(), Arc::clone(&shared)));
            }
            // The client has gone already, or there are no descriptors left for the moment.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
