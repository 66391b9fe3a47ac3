//! `experiment`: what can be typed of one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::experiment::{Behaviour, Wanted};
use crate::units;

/// `experiment`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum ExperimentCommand {
    /// Show why uploads through presigned URLs fail when several go at once
    #[command(after_help = PRESIGNED_EXPIRY_HELP)]
    PresignedExpiry(PresignedExpiryArgs),
}

const PRESIGNED_EXPIRY_HELP: &str = "\
Users upload at once, each through a presigned URL of its own that is made as they begin, over a
link that they share, to a store inside this program. Nothing leaves this machine. Each BEHAVIOUR is
one explanation of why such uploads fail:

  checks-at-start   the store looks at the URL when a request begins and never again (as Amazon S3
                    documents it)
  cuts-in-flight    the store, or a gateway before it, resets transfers whose URL expires under way
  checks-at-end     the store looks once more when the body has been read
  queued-in-client  as checks-at-start, but --pool uploads go at a time: the others begin late
  request-timeout   all requests begin, --pool bodies go at a time: the store loses patience

Why does the lifetime of a URL decide over a transfer that is under way? Where the store looks at
the start only, it does not: it decides over those that have not begun yet, for a slow link makes
each round of a pool long. They are refused with a 403, but a client that is busy sending 40 MB
reads no answers: the store closes, the next write fails, and \"broken pipe\" is all that is left. A
retry is a new request too, with an old URL. Elsewhere something does look under way or at the end,
and then it is bytes / share of the link that must be less than the lifetime.

Clients: pycurl (a pool of threads, `Expect:` switched off as many scripts do; --expect leaves it
on), python (the same with http.client, which sends all before it reads) and curlift.

--scale multiplies size, lifetimes and --idle-limit alike, so that the arithmetic stays and the
waiting does not. Sizes: 1 MB = 2^20 bytes; rates: 1 Mbit = 10^6 bits, 1 MB/s = 2^20 bytes a second.

Exit codes: 0 measured, 2 usage, 130/143 stopped by a signal (what there is is printed).

Examples:
  curlift experiment presigned-expiry --html expiry.html
  curlift experiment presigned-expiry --users 5 --ttl 10s,1m,17m --rate 50Mbit --client pycurl
  curlift experiment presigned-expiry --behaviour queued-in-client --pool 2 --users 1,2,3,4
  curlift experiment presigned-expiry --users 5 --ttl 10s --scale 1 --behaviour cuts-in-flight";

/// `experiment presigned-expiry`.
#[derive(Debug, Args)]
pub(in crate::cli) struct PresignedExpiryArgs {
    /// How many upload at once, each value by itself
    #[arg(long, value_name = "N,N,...", value_delimiter = ',', default_value = "1,2,3,5,8")]
    users: Vec<u32>,
    /// How long the URLs live, each value by itself
    #[arg(long, visible_alias = "lifetime", value_name = "DURATION,...", value_delimiter = ',')]
    #[arg(value_parser = units::duration, default_value = "10s,60s,1000s")]
    ttl: Vec<Duration>,
    /// Bytes of each upload
    #[arg(long, value_name = "SIZE", value_parser = units::size, default_value = "40MB")]
    size: u64,
    /// What the link carries
    #[arg(long, value_name = "RATE", value_parser = units::rate, default_value = "10Mbit")]
    rate: u64,
    /// Whose link that is
    #[arg(long, value_name = "WHOSE", default_value = "shared")]
    rate_is: Whose,
    /// What is tried [default: all]
    #[arg(long, visible_alias = "behavior", value_name = "BEHAVIOUR,...", value_delimiter = ',')]
    #[arg(value_parser = behaviour())]
    behaviour: Vec<String>,
    /// Who uploads [default: all there are; both is pycurl and curlift]
    #[arg(long, value_name = "CLIENT,...", value_delimiter = ',')]
    pub(in crate::cli) client: Vec<ClientWord>,
    /// Uploads that clients with a pool send at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    pool: u32,
    /// How long request-timeout waits for more of a body (Amazon S3: about 20s)
    #[arg(long, value_name = "DURATION", value_parser = units::duration, default_value = "20s")]
    idle_limit: Duration,
    /// What size, lifetimes and idle limit are multiplied by, above 0 and at most 1
    #[arg(long, visible_alias = "time-scale", value_name = "FACTOR", default_value_t = 0.1)]
    scale: f64,
    /// Let PycURL ask before it sends a body (Expect: 100-continue), as libcurl does by itself
    #[arg(long)]
    pub(in crate::cli) expect: bool,
    /// The Python to run [default: python3]
    #[arg(long, value_name = "PYTHON")]
    pub(in crate::cli) python: Option<PathBuf>,
    /// Write a page with all of it there
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub(in crate::cli) html: Option<PathBuf>,
}

/// `--rate-is`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// All users share it
    Shared,
    /// Each has one of its own
    PerUser,
}

/// `--client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ClientWord {
    Pycurl,
    Python,
    Curlift,
    Both,
}

fn behaviour() -> clap::builder::PossibleValuesParser {
    Behaviour::ALL.map(Behaviour::name).into()
}

impl PresignedExpiryArgs {
    /// What is to be measured; the clients are found later.
    pub(in crate::cli) fn wanted(&self) -> Wanted {
        let is_typed = |behaviour: &Behaviour| {
            self.behaviour.is_empty() || self.behaviour.iter().any(|name| name == behaviour.name())
        };
        Wanted {
            users: self.users.clone(),
            lifetimes: self.ttl.clone(),
            size: self.size,
            bytes_per_s: self.rate,
            is_shared: self.rate_is == Whose::Shared,
            pool: self.pool,
            patience: self.idle_limit,
            scale: self.scale,
            behaviours: Behaviour::ALL.into_iter().filter(is_typed).collect(),
            clients: Vec::new(),
        }
    }
}
