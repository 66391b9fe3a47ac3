//! The journal of a simulated machine: what was written, and how much of that is on the disk.

use curlift::s3::{Limits, UnixTime, UploadId};
use curlift::upload::journal::{Begun, Record, Resumable, SourceIdentity, Target, Writer, read};
use curlift::upload::{Beginning, Resumed, UploadPlan};

use crate::scenario::LIMITS;

/// The disk.
#[derive(Debug, Default)]
pub(crate) struct SimulatedJournal {
    bytes: Vec<u8>,
    /// So many of them would outlive the machine.
    durable: usize,
    writer: Writer,
    /// Appends that still work; then the disk is full.
    room: Option<u32>,
}

impl SimulatedJournal {
    pub(crate) fn new(room: Option<u32>) -> SimulatedJournal {
        SimulatedJournal { room, ..SimulatedJournal::default() }
    }

    /// Whether `record` was written.
    pub(crate) fn append(&mut self, record: &Record, at: UnixTime) -> bool {
        match &mut self.room {
            Some(0) => return false,
            Some(room) => *room -= 1,
            None => {}
        }
        self.bytes.extend(self.writer.line(record, at));
        if record.is_durable() {
            self.durable = self.bytes.len();
        }
        true
    }

    pub(crate) fn forget(&mut self) {
        self.bytes.clear();
        self.durable = 0;
        self.writer = Writer::default();
    }

    /// The machine dies: what was not on the disk may be lost, from any byte on, and what stands
    /// behind may be anything.
    pub(crate) fn lose_power(&mut self, rng: &mut fastrand::Rng) {
        if self.bytes.is_empty() {
            return;
        }
        let kept = rng.usize(self.durable..=self.bytes.len());
        self.bytes.truncate(kept);
        match rng.u32(..3) {
            0 => self.bytes.extend([0; 64]),
            1 => self.bytes.extend((0..rng.usize(..80)).map(|_| rng.u8(..))),
            _ => {}
        }
        self.durable = self.bytes.len();
    }

    /// What a new run finds, as the program looks for it.
    pub(crate) fn resumable(&mut self) -> Option<Resumable> {
        let found = read(&self.bytes, &LIMITS).expect("a journal that we wrote can be read");
        if let Some(resumable) = &found {
            self.bytes.truncate(resumable.length as usize);
            self.durable = self.durable.min(self.bytes.len());
            self.writer = resumable.writer;
        } else {
            self.forget();
        }
        found
    }

    /// Where a new run begins; `prescribed` is the upload that somebody created for it.
    pub(crate) fn beginning(
        &mut self,
        plan: &UploadPlan,
        prescribed: Option<UploadId>,
        now: UnixTime,
        source_differs: Option<String>,
    ) -> Beginning {
        let found = self.resumable();
        let of_use = |found: &Resumable| found.upload_id.is_some() || prescribed.is_none();
        if let Some(resumable) = found.as_ref().filter(|found| of_use(found)) {
            let differs = source_differs.filter(|_| resumable.upload_id.is_some());
            return Beginning::Resumed(Box::new(Resumed::new(resumable, differs)));
        }
        self.forget();
        if !plan.is_single_put() {
            self.append(&Record::Begun(Box::new(begun(plan))), now);
        }
        for at in found.into_iter().flat_map(|found| found.creations_lost) {
            self.append(&Record::Creating, at);
        }
        prescribed.map_or(Beginning::Anew, Beginning::Prescribed)
    }

    /// The upload that a later run would go on with, and the parts it would not send again.
    pub(crate) fn known(&self) -> Option<(UploadId, Vec<u32>, usize)> {
        let resumable = read(&self.bytes, &LIMITS).ok()??;
        let parts = resumable.parts.iter().map(|part| part.number.0.get()).collect();
        Some((resumable.upload_id?, parts, resumable.creations_lost.len()))
    }

    /// Creations that were not answered, as far as it says.
    pub(crate) fn creations_lost(&self) -> usize {
        let limits: &Limits = &LIMITS;
        read(&self.bytes, limits).ok().flatten().map_or(0, |found| found.creations_lost.len())
    }

    /// Whether it is as it was when the upload began, or there is none.
    pub(crate) fn is_gone(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn begun(plan: &UploadPlan) -> Begun {
    let source = SourceIdentity {
        path: "/file".into(),
        size: plan.size(),
        modified: (1, 2),
        changed: (3, 4),
        device: 5,
        inode: 6,
    };
    let target = Target {
        manifest: None,
        endpoint: Some("http://store.example".into()),
        addressing: "path".into(),
        region: "us-east-1".into(),
        profile: None,
        bucket: "bucket".into(),
        key: "key".into(),
    };
    Begun::new(source, target, Vec::new(), plan)
}
