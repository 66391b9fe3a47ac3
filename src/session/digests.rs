//! Hashes of file ranges, computed on helper threads: of what is sent, before it is sent, and of
//! what a run before has sent, to see whether it is still the same. SHA-256 or MD5 on the loop's
//! own thread would stall every other transfer.

use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::disk::Source;
use crate::s3::PartNumber;
use crate::s3::checksum::Crc64NvmeHasher;
use crate::s3::payload::BodyDigest;
use crate::upload::{AttemptId, PartDigest, PartRange};

/// The helper threads, started when the first hash is asked for.
pub(super) struct Digests {
    wake: Arc<dyn Fn() + Send + Sync>,
    workers: Option<Sender<Job>>,
    answers: (Sender<Answer>, Receiver<Answer>),
    /// Alive as long as somebody waits for parts that are examined.
    examinations: Arc<()>,
}

/// A hash under way; dropped, it ends.
pub(super) struct DigestJob {
    _waits: Arc<()>,
}

/// What was hashed.
pub(super) enum Answer {
    /// A body, before it is sent.
    Body(AttemptId, io::Result<BodyDigest>),
    /// A part that was sent in a run before.
    Part(PartNumber, io::Result<PartDigest>),
}

/// What a range is hashed for.
#[derive(Clone, Copy)]
enum Purpose {
    Body(AttemptId),
    Part(PartNumber),
}

struct Job {
    purpose: Purpose,
    source: Source,
    offset: u64,
    length: u64,
    /// Gone where nobody waits for the answer any more.
    waits: Weak<()>,
}

/// Bytes read at a time: each thread has such a buffer.
const READ_SIZE: usize = 64 << 10;

impl Digests {
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Digests {
        Digests {
            wake: Arc::new(wake),
            workers: None,
            answers: channel(),
            examinations: Arc::default(),
        }
    }

    /// Begins to hash `length` bytes of `source` from `offset` on.
    pub(super) fn begin(
        &mut self,
        id: AttemptId,
        source: &Source,
        offset: u64,
        length: u64,
    ) -> DigestJob {
        let waits = Arc::new(());
        let (purpose, source) = (Purpose::Body(id), source.clone());
        self.put(Job { purpose, source, offset, length, waits: Arc::downgrade(&waits) });
        DigestJob { _waits: waits }
    }

    /// Begins to sum a part of `source` that was sent in a run before.
    pub(super) fn examine(&mut self, source: &Source, part: PartRange) {
        let PartRange { number, offset, length } = part;
        let (purpose, source) = (Purpose::Part(number), source.clone());
        let waits = Arc::downgrade(&self.examinations);
        self.put(Job { purpose, source, offset, length, waits });
    }

    fn put(&mut self, job: Job) {
        if self.workers.is_none() {
            self.workers = self.start_workers();
        }
        match &self.workers {
            Some(workers) => workers.send(job).expect("the workers live as long as their queue"),
            // Better slowly than not at all.
            None => work(&job, &self.answers.0, &*self.wake),
        }
    }

    /// The next hash that is ready.
    pub(super) fn next(&mut self) -> Option<Answer> {
        self.answers.1.try_recv().ok()
    }

    /// As many threads as there are cores, or as can be had; `None` where there is none. They end
    /// when the queue is dropped.
    fn start_workers(&self) -> Option<Sender<Job>> {
        let (queue, jobs) = channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let started = (0..threads).filter(|_| {
            let (jobs, answers) = (jobs.clone(), self.answers.0.clone());
            let wake = self.wake.clone();
            let worker = move || {
                loop {
                    let job = jobs.lock().expect("no worker panics with the queue").recv();
                    let Ok(job) = job else { return };
                    work(&job, &answers, &*wake);
                }
            };
            thread::Builder::new().spawn(worker).is_ok()
        });
        (started.count() > 0).then_some(queue)
    }
}

/// Hashes, and tells the loop.
fn work(job: &Job, answers: &Sender<Answer>, wake: &dyn Fn()) {
    let mut crc64nvme = Crc64NvmeHasher::new();
    let answer = match job.purpose {
        Purpose::Body(id) => {
            let mut sha256 = Sha256::new();
            let read = read(job, |bytes| {
                sha256.update(bytes);
                crc64nvme.update(bytes);
            });
            Answer::Body(
                id,
                match read {
                    Ok(true) => Ok(BodyDigest {
                        sha256: sha256.finalize().into(),
                        crc64nvme: crc64nvme.value(),
                    }),
                    Ok(false) => return,
                    Err(error) => Err(error),
                },
            )
        }
        Purpose::Part(number) => {
            let mut md5 = Md5::new();
            let read = read(job, |bytes| {
                md5.update(bytes);
                crc64nvme.update(bytes);
            });
            Answer::Part(
                number,
                match read {
                    Ok(true) => {
                        Ok(PartDigest { md5: md5.finalize().into(), crc64nvme: crc64nvme.value() })
                    }
                    Ok(false) => return,
                    Err(error) => Err(error),
                },
            )
        }
    };
    if answers.send(answer).is_ok() {
        wake();
    }
}

/// Reads the range; false where nobody waits for the answer any more.
fn read(job: &Job, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
    let mut buffer = vec![0; READ_SIZE];
    let mut done = 0;
    while done < job.length {
        if job.waits.strong_count() == 0 {
            return Ok(false);
        }
        let wanted = (job.length - done).min(READ_SIZE as u64) as usize;
        let space = &mut buffer[..wanted];
        if job.source.read_at(space, job.offset + done)? < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        take(space);
        done += wanted as u64;
    }
    Ok(true)
}
