//! What is to be measured, and what cannot be.

use std::time::Duration;

use super::forecast::Setting;

/// Who looks at the life of a URL and when, or what else ends a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Behaviour {
    /// The store looks when a request begins, and never again; all begin at once.
    ChecksAtStart,
    /// The store, or something before it, cuts transfers whose URL expires under way.
    CutsInFlight,
    /// The store looks once more when the body has been read.
    ChecksAtEnd,
    /// The store looks when a request begins, and the client begins some later: its pool is
    /// smaller than the number of users.
    QueuedInClient,
    /// The store gives up bodies of which nothing arrives, and the client opens all requests at
    /// once and sends the bodies of some at a time.
    RequestTimeout,
}

impl Behaviour {
    /// All there are.
    pub const ALL: [Behaviour; 5] = [
        Behaviour::ChecksAtStart,
        Behaviour::CutsInFlight,
        Behaviour::ChecksAtEnd,
        Behaviour::QueuedInClient,
        Behaviour::RequestTimeout,
    ];

    /// Its name, as it is typed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Behaviour::ChecksAtStart => "checks-at-start",
            Behaviour::CutsInFlight => "cuts-in-flight",
            Behaviour::ChecksAtEnd => "checks-at-end",
            Behaviour::QueuedInClient => "queued-in-client",
            Behaviour::RequestTimeout => "request-timeout",
        }
    }

    /// Whether a pool lets some uploads wait.
    #[must_use]
    pub fn has_pool(self) -> bool {
        matches!(self, Behaviour::QueuedInClient | Behaviour::RequestTimeout)
    }
}

/// Who uploads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// A Python script with `PycURL`, a pool of threads in one process.
    Pycurl,
    /// The same with Python's own `http.client`, which sends all of a body before it reads.
    Python,
    /// This program, a process an upload.
    Curlift,
}

impl Client {
    /// All there are.
    pub const ALL: [Client; 3] = [Client::Pycurl, Client::Python, Client::Curlift];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Client::Pycurl => "PycURL",
            Client::Python => "http.client",
            Client::Curlift => "curlift",
        }
    }
}

/// What somebody wants to be measured. Times and sizes are those of the question; [`Design`]
/// makes them smaller by `scale`.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// How many upload at once.
    pub users: Vec<u32>,
    /// How long the URLs live.
    pub lifetimes: Vec<Duration>,
    /// Bytes of each upload.
    pub size: u64,
    /// Bytes a second of the link, at least 1.
    pub bytes_per_s: u64,
    /// Whether all users share the link.
    pub is_shared: bool,
    /// How many uploads a client that has a pool sends at a time.
    pub pool: u32,
    /// How long a store that loses patience waits for more of a body.
    pub patience: Duration,
    /// What sizes and times are multiplied by, above 0 and at most 1.
    pub scale: f64,
    /// What is to be tried.
    pub behaviours: Vec<Behaviour>,
    /// Who is to upload.
    pub clients: Vec<Client>,
}

/// What will be measured: every behaviour, client, number of users and lifetime with each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    wanted: Wanted,
}

/// One point of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// What the store and the client do.
    pub behaviour: Behaviour,
    /// Who uploads.
    pub client: Client,
    /// How many at once.
    pub users: u32,
    /// How long the URLs live, before scaling.
    pub lifetime: Duration,
}

/// Why something cannot be measured.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DesignError {
    /// A list has no entry.
    #[error("there is nothing to measure: {0} has no value")]
    Nothing(&'static str),
    /// Nobody uploads, or nobody may.
    #[error("{0} 0 uploads nothing; at least one must")]
    Nobody(&'static str),
    /// More than a machine should start.
    #[error("{0} uploads at once are more than the {USERS_MAX} this starts")]
    TooManyUsers(u32),
    /// A file that is empty, or nearly so once scaled.
    #[error(
        "uploads of {bytes} bytes (after scaling) end in the buffers on the way: {} or more \
             show something",
        LEAST_SIZE
    )]
    TooSmall {
        /// Bytes, scaled.
        bytes: u64,
    },
    /// Larger than one request may be.
    #[error("one PUT takes 5 GiB at most, and {0} bytes are more")]
    TooLarge(u64),
    /// Not above 0 and at most 1.
    #[error("--scale {0} is not above 0 and at most 1")]
    Scale(f64),
    /// Shorter than a URL can live.
    #[error("{}, and one second is the least", scaled_down(*.lifetime, *.scale))]
    TooShort {
        /// The lifetime as it was asked for.
        lifetime: Duration,
        /// The scale.
        scale: f64,
    },
    /// Not in whole seconds, which is all that URLs can say.
    #[error("{}, and URLs count whole seconds", scaled_down(*.lifetime, *.scale))]
    NotWhole {
        /// The lifetime as it was asked for.
        lifetime: Duration,
        /// The scale.
        scale: f64,
    },
    /// Longer than a URL can live.
    #[error("a presigned URL lives for seven days at most, and {} are more", seconds(*.0))]
    TooLong(Duration),
}

/// More at once would measure the machine.
const USERS_MAX: u32 = 64;

/// Less is in the buffers of sockets before the link has any say.
const LEAST_SIZE: u64 = 256 << 10;

/// What one PUT takes.
const MOST_SIZE: u64 = 5 << 30;

const WEEK: Duration = Duration::from_hours(7 * 24);

fn scaled_down(lifetime: Duration, scale: f64) -> String {
    let scaled = seconds(lifetime.mul_f64(scale));
    format!("a URL that lives for {} lives for {scaled} at scale {scale}", seconds(lifetime))
}

fn seconds(duration: Duration) -> String {
    format!("{} s", (duration.as_secs_f64() * 1000.0).round() / 1000.0)
}

impl Design {
    /// The design, its lists in order and without repetitions.
    ///
    /// # Errors
    /// [`DesignError`], which names what cannot be.
    pub fn new(mut wanted: Wanted) -> Result<Design, DesignError> {
        if !(wanted.scale > 0.0 && wanted.scale <= 1.0) {
            return Err(DesignError::Scale(wanted.scale));
        }
        wanted.users.sort_unstable();
        wanted.users.dedup();
        wanted.lifetimes.sort_unstable();
        wanted.lifetimes.dedup();
        wanted.behaviours.sort_unstable();
        wanted.behaviours.dedup();
        let empty = [
            ("--users", wanted.users.is_empty()),
            ("--ttl", wanted.lifetimes.is_empty()),
            ("--behaviour", wanted.behaviours.is_empty()),
            ("--client", wanted.clients.is_empty()),
        ];
        if let Some((name, _)) = empty.iter().find(|(_, is_empty)| *is_empty) {
            return Err(DesignError::Nothing(name));
        }
        for (name, least) in [("--users", wanted.users[0]), ("--pool", wanted.pool)] {
            if least == 0 {
                return Err(DesignError::Nobody(name));
            }
        }
        if let Some(most) = wanted.users.last().filter(|most| **most > USERS_MAX) {
            return Err(DesignError::TooManyUsers(*most));
        }
        for lifetime in &wanted.lifetimes {
            check(*lifetime, wanted.scale)?;
        }
        let design = Design { wanted };
        match design.size() {
            bytes if bytes < LEAST_SIZE => Err(DesignError::TooSmall { bytes }),
            bytes if bytes > MOST_SIZE => Err(DesignError::TooLarge(bytes)),
            _ => Ok(design),
        }
    }

    /// What was wanted, its lists in order.
    #[must_use]
    pub fn wanted(&self) -> &Wanted {
        &self.wanted
    }

    /// Bytes of each upload, scaled.
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.wanted.size as f64 * self.wanted.scale).round() as u64
    }

    /// A time of the question, scaled.
    #[must_use]
    pub fn scaled(&self, time: Duration) -> Duration {
        let time = time.mul_f64(self.wanted.scale);
        // Multiplying leaves 0.9999999 of a second.
        Duration::from_micros((time.as_secs_f64() * 1e6).round() as u64)
    }

    /// All there is to measure, in the order of the tables.
    pub fn cells(&self) -> impl Iterator<Item = Cell> + '_ {
        let Wanted { behaviours, clients, users, lifetimes, .. } = &self.wanted;
        behaviours.iter().flat_map(move |&behaviour| {
            clients.iter().flat_map(move |&client| {
                users.iter().flat_map(move |&users| {
                    let cell = move |&lifetime| Cell { behaviour, client, users, lifetime };
                    lifetimes.iter().map(cell)
                })
            })
        })
    }

    /// The numbers of a cell, as they will be measured.
    #[must_use]
    pub fn setting(&self, cell: &Cell) -> Setting {
        Setting {
            size: self.size(),
            lifetime: self.scaled(cell.lifetime),
            patience: self.scaled(self.wanted.patience),
            ..self.question(cell)
        }
    }

    /// The numbers of a cell, as they were asked for.
    #[must_use]
    pub fn question(&self, cell: &Cell) -> Setting {
        let wanted = &self.wanted;
        Setting {
            users: cell.users,
            lifetime: cell.lifetime,
            size: wanted.size,
            bytes_per_s: wanted.bytes_per_s,
            is_shared: wanted.is_shared,
            pool: wanted.pool,
            patience: wanted.patience,
        }
    }
}

fn check(lifetime: Duration, scale: f64) -> Result<(), DesignError> {
    let scaled = lifetime.as_secs_f64() * scale;
    if lifetime > WEEK {
        Err(DesignError::TooLong(lifetime))
    } else if scaled < 1.0 - ROUNDING {
        Err(DesignError::TooShort { lifetime, scale })
    } else if (scaled - scaled.round()).abs() > ROUNDING {
        Err(DesignError::NotWhole { lifetime, scale })
    } else {
        Ok(())
    }
}

const ROUNDING: f64 = 1e-6;

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) const S: fn(u64) -> Duration = Duration::from_secs;

    pub(crate) fn wanted() -> Wanted {
        Wanted {
            users: vec![1, 2, 3, 5, 8],
            lifetimes: vec![S(10), S(60), S(1000)],
            size: 40 << 20,
            bytes_per_s: 1_250_000,
            is_shared: true,
            pool: 4,
            patience: S(20),
            scale: 0.1,
            behaviours: Behaviour::ALL.to_vec(),
            clients: vec![Client::Pycurl, Client::Curlift],
        }
    }

    #[test]
    fn everything_is_measured_with_everything() {
        let design =
            Design::new(Wanted { users: vec![3, 1, 3], lifetimes: vec![S(60), S(10)], ..wanted() });
        let design = design.unwrap();
        let cells: Vec<Cell> = design.cells().collect();
        assert_eq!(cells.len(), 5 * 2 * 2 * 2);
        assert_eq!((cells[0].users, cells[0].lifetime), (1, S(10)));
        assert_eq!((cells[3].users, cells[3].lifetime), (3, S(60)));
        let setting = design.setting(&cells[3]);
        assert_eq!((setting.size, setting.lifetime, setting.patience), (4 << 20, S(6), S(2)));
        assert_eq!(design.question(&cells[3]).size, 40 << 20);
        assert_eq!(setting.bytes_per_s, 1_250_000, "the link stays as it is");
    }

    #[test]
    fn what_cannot_be_measured_is_refused_and_named() {
        let rows: [(Wanted, &str); 15] = [
            (Wanted { users: vec![], ..wanted() }, "--users has no value"),
            (Wanted { lifetimes: vec![], ..wanted() }, "--ttl has no value"),
            (Wanted { behaviours: vec![], ..wanted() }, "--behaviour has no value"),
            (Wanted { clients: vec![], ..wanted() }, "--client has no value"),
            (Wanted { users: vec![3, 0], ..wanted() }, "--users 0"),
            (Wanted { pool: 0, ..wanted() }, "--pool 0"),
            (Wanted { users: vec![65], ..wanted() }, "65 uploads at once"),
            (Wanted { size: 0, ..wanted() }, "uploads of 0 bytes"),
            (Wanted { size: 1 << 20, ..wanted() }, "uploads of 104858 bytes"),
            (Wanted { size: 6 << 30, scale: 1.0, ..wanted() }, "5 GiB at most"),
            (Wanted { scale: 0.0, ..wanted() }, "--scale 0"),
            (Wanted { scale: f64::NAN, ..wanted() }, "--scale NaN"),
            (Wanted { lifetimes: vec![S(9)], ..wanted() }, "for 9 s lives for 0.9 s at scale 0.1"),
            (Wanted { lifetimes: vec![S(15)], ..wanted() }, "for 1.5 s at scale 0.1, and URLs"),
            (Wanted { lifetimes: vec![S(604_801)], ..wanted() }, "seven days at most"),
        ];
        for (wanted, problem) in rows {
            let error = Design::new(wanted).unwrap_err().to_string();
            assert!(error.contains(problem), "{problem}: {error}");
        }
    }

    #[test]
    fn whole_seconds_stay_whole_when_scaled() {
        for (scale, lifetime) in [(0.1, 10), (0.1, 70), (0.3, 10), (0.7, 10), (0.05, 60)] {
            let lifetimes = vec![S(lifetime)];
            let size = 1 << 30;
            let design = Design::new(Wanted { lifetimes, size, scale, ..wanted() }).unwrap();
            assert_eq!(design.scaled(S(lifetime)).subsec_nanos(), 0, "{lifetime} at {scale}");
        }
    }
}
