//! How a file becomes an object. Pure: told the time and what happened, it answers what to do.
//!
//! ```text
//! a stream ───→ Gathering ──→ Putting or Creating, once it is known which
//! single PUT ─→ Putting ──────────────────────────────→ Uploaded
//! multipart ──→ Creating ──→ Sending ──→ Completing ──→ Uploaded
//!                  ↑ gone      │ ↑          └─ answer lost ─→ Verifying ─→ Uploaded | Unknown
//! resumed ─────→ Listing ──→ Comparing                               │
//!                  └─→ Recalling ─→ Uploaded | Creating              │
//!                               └───── Repairing ←─ parts differ ────┘
//!   any of these ─── gives up, or stopped ─→ kept, to be resumed
//!                                        └─→ Aborting ⇄ Confirming ─→ Failed | Stopped
//!   before the end ─ a creation was not answered ─→ Sweeping
//! ```
//!
//! Outside of an upload, [`Calls`] makes other calls of the API, with the same attempts.
//!
//! The contract of [`Engine`] and [`Calls`], each of them a [`Machine`]:
//! 1. After each `handle` or `command`, call `poll` until it gives `None`; carry out each action
//!    in order.
//! 2. `next_wakeup` is either `None` or a time at which `poll` *will* have something.
//! 3. `now` never decreases; within one turn of the loop everybody sees the same `now`.
//! 4. Every queue is bounded: attempts in flight by the concurrency, waiting jobs by the parts of
//!    open transfers (calls: by a constant), notices by what one event can cause.
//! 5. They never panic on what the world says; they assert only their own books.

mod aborting;
mod action;
mod attempts;
mod beginning;
mod books;
mod calls;
mod completing;
mod concurrency;
mod cuts;
mod diagnosis;
mod engine;
mod failure;
mod flight;
mod forecast;
mod hedge;
pub mod journal;
mod ladder;
mod lease;
mod manifest;
mod plan;
mod queue;
mod rate;
mod remedies;
pub mod renewal;
mod retry;
mod run;
mod transfer;
mod unfinished;

pub use aborting::{AbortStep, Aborted, Aborting};
pub use action::{
    Action, Attempt, AttemptId, Command, Event, LinksWanted, Notice, Outcome, Progress, Snapshot,
    SourceChange, Tally, Uploaded,
};
pub use beginning::{Beginning, OnFailure, OnGone, PartDigest, Resumed};
pub use calls::{Call, Calls, CallsOutcome, CallsSettings, Script};
pub use completing::{CompleteStep, Completing, Completion, Shortage};
pub use cuts::CutPattern;
pub use diagnosis::{DiagnosedCause, Diagnosis, Diagnostics};
pub use engine::{Engine, EngineSettings};
pub use failure::{Cause, Failure, Symptom};
pub use flight::Patience;
pub use forecast::{Ahead, Forecast, LIFETIME_MAX, PartAhead};
pub use journal::Resumable;
pub use ladder::{Ladder, Step};
pub use lease::LinkLife;
pub use manifest::{
    MANIFEST_LENGTH_MAX, Manifest, ManifestChecksums, ManifestDestination, ManifestError,
    ManifestFile, ManifestInput, list_pages,
};
pub use plan::{PartRange, PlanError, UploadPlan};
pub use remedies::{Manner, RemedySettings};
pub use retry::{Reason, RetryPolicy, RetryQuota, RetryRevision, Standing, Verdict};
pub use run::{Input, Machine, World, run};
pub use unfinished::{Asked, Listed, Listing, ListingFault, Selection, Stored, Unfinished};
