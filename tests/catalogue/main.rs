//! The catalogue of faults as tests: one or more a row, named after it. `table` holds them against
//! the list of rows and writes the table in `README.md`.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "these are tests")]

mod a_connections;
mod b_answers;
mod b_early;
mod b_endless;
mod b_http;
mod c_complete;
mod c_semantics;
mod c_stale;
mod c_uploads;
mod certificates;
mod d_names_tls_proxies;
mod dns;
mod e_credentials;
mod e_links;
mod e_time_and_credentials;
mod f_sizes_and_names;
mod f_source_file;
mod f_standard_input;
mod g_damage;
mod g_journal;
mod g_power_loss;
mod h_process;
mod j_hostile_answers;
mod j_hostile_input;
mod j_manifests;
mod journals;
#[path = "../lab/local_lab.rs"]
mod local_lab;
mod netns;
mod nth_call;
mod oracle;
mod proxy;
mod relay;
mod scripted;
#[path = "../support/mod.rs"]
mod support;
mod table;

/// The store's bucket.
pub(crate) const BUCKET: &str = "lab";

/// The key of all uploads to it.
pub(crate) const KEY: &str = "key.bin";

/// Where they go.
pub(crate) const DESTINATION: &str = "s3://lab/key.bin";

pub(crate) const MIB: usize = 1 << 20;

/// One request.
pub(crate) const SMALL: usize = 1_000;

/// Two parts, the second a short one.
pub(crate) const TWO_PARTS: usize = 5 * MIB + 70_001;

/// What cuts `TWO_PARTS` in two.
pub(crate) const IN_PARTS: [&str; 4] = ["--part-size", "5MiB", "--multipart-threshold", "5MiB"];

/// What leaves nothing at the store, whatever was stored by then.
pub(crate) const ABORTING: [&str; 2] = ["--on-failure", "abort"];

/// How many bytes make an upload that has such an operation.
pub(crate) fn length_for(operation: &str) -> usize {
    if operation == "PutObject" { SMALL } else { TWO_PARTS }
}

/// Plays all cases at once: they wait for each other's time limits otherwise.
pub(crate) fn at_once<T: Sync>(cases: &[T], play: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            let play = &play;
            scope.spawn(move || play(case));
        }
    });
}
