//! Who must fail, by arithmetic: bytes ÷ share of the link = seconds of a transfer; rounds before
//! one's own × seconds of a round = seconds of waiting; each against a lifetime.

use std::time::Duration;

use super::design::{Behaviour, Client};

/// The numbers of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// How many upload.
    pub users: u32,
    /// How long their URLs live.
    pub lifetime: Duration,
    /// Bytes of each upload.
    pub size: u64,
    /// Bytes a second of the link.
    pub bytes_per_s: u64,
    /// Whether all share it.
    pub is_shared: bool,
    /// How many of them a pool sends at a time.
    pub pool: u32,
    /// How long a store waits for more of a body.
    pub patience: Duration,
}

impl Setting {
    /// How long a transfer takes when so many go at once.
    #[must_use]
    pub fn transfer(&self, at_once: u32) -> Duration {
        let shares = if self.is_shared { f64::from(at_once) } else { 1.0 };
        Duration::from_secs_f64(self.size as f64 * shares / self.bytes_per_s as f64)
    }

    /// Rounds that a pool takes.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        self.users.div_ceil(self.pool)
    }

    /// How many go at once in a round, counted from 0.
    fn in_round(&self, round: u32) -> u32 {
        self.pool.min(self.users - round * self.pool)
    }

    /// How long the last round waits for those before it: each is full.
    #[must_use]
    pub fn longest_wait(&self) -> Duration {
        self.transfer(self.pool) * (self.rounds() - 1)
    }
}

/// What must become of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// How many uploads fail.
    pub failing: u32,
    /// How long all of it takes.
    pub takes: Duration,
}

/// What must become of a cell.
#[must_use]
pub fn forecast(behaviour: Behaviour, client: Client, setting: &Setting) -> Forecast {
    let whole = setting.transfer(setting.users);
    let none = Forecast { failing: 0, takes: whole };
    match behaviour {
        Behaviour::CutsInFlight | Behaviour::ChecksAtEnd if whole <= setting.lifetime => none,
        Behaviour::CutsInFlight => Forecast { failing: setting.users, takes: setting.lifetime },
        Behaviour::ChecksAtEnd => Forecast { failing: setting.users, takes: whole },
        Behaviour::QueuedInClient => in_rounds(setting, setting.lifetime),
        // A process an upload reads its own file: none of its bodies waits for another.
        Behaviour::RequestTimeout if client != Client::Curlift => {
            in_rounds(setting, setting.patience)
        }
        Behaviour::ChecksAtStart | Behaviour::RequestTimeout => none,
    }
}

/// Where uploads wait for their turn, and fail when that comes after `limit`.
fn in_rounds(setting: &Setting, limit: Duration) -> Forecast {
    let mut forecast = Forecast { failing: 0, takes: Duration::ZERO };
    for round in 0..setting.rounds() {
        let at_once = setting.in_round(round);
        if forecast.takes > limit {
            // Those who are refused take no time, and give none to those behind.
            forecast.failing += at_once;
        } else {
            forecast.takes += setting.transfer(at_once);
        }
    }
    forecast
}

#[cfg(test)]
mod tests {
    use super::super::design::tests::S;
    use super::*;

    /// 10 s a transfer for one alone.
    fn setting(users: u32, lifetime: u64) -> Setting {
        Setting {
            users,
            lifetime: S(lifetime),
            size: 1_000_000,
            bytes_per_s: 100_000,
            is_shared: true,
            pool: 2,
            patience: S(25),
        }
    }

    #[test]
    fn each_behaviour_fails_by_its_own_arithmetic() {
        use Behaviour::{ChecksAtEnd, ChecksAtStart, CutsInFlight, QueuedInClient, RequestTimeout};
        // Behaviour, users, lifetime; failing, seconds.
        let rows = [
            (ChecksAtStart, 5, 1, 0, 50),
            (CutsInFlight, 5, 50, 0, 50),
            (CutsInFlight, 5, 49, 5, 49),
            (CutsInFlight, 1, 9, 1, 9),
            (ChecksAtEnd, 5, 50, 0, 50),
            (ChecksAtEnd, 5, 49, 5, 50),
            (QueuedInClient, 2, 1, 0, 20),
            (QueuedInClient, 3, 19, 1, 20),
            (QueuedInClient, 3, 20, 0, 30),
            (QueuedInClient, 5, 19, 3, 20),
            (QueuedInClient, 5, 39, 1, 40),
            (QueuedInClient, 5, 40, 0, 50),
            (RequestTimeout, 2, 1, 0, 20),
            (RequestTimeout, 4, 1, 0, 40),
            (RequestTimeout, 5, 1000, 1, 40),
        ];
        for (behaviour, users, lifetime, failing, seconds) in rows {
            let forecast = forecast(behaviour, Client::Pycurl, &setting(users, lifetime));
            let expected = Forecast { failing, takes: S(seconds) };
            assert_eq!(forecast, expected, "{behaviour:?}, {users} users, {lifetime} s");
        }
        let ours = forecast(RequestTimeout, Client::Curlift, &setting(5, 1));
        assert_eq!(ours, Forecast { failing: 0, takes: S(50) });
    }

    #[test]
    fn who_has_a_link_alone_does_not_wait_for_others() {
        let own = Setting { is_shared: false, ..setting(5, 10) };
        assert_eq!(own.transfer(5), S(10));
        assert_eq!(forecast(Behaviour::CutsInFlight, Client::Pycurl, &own).failing, 0);
        // But for the pool.
        let queued = forecast(Behaviour::QueuedInClient, Client::Pycurl, &own);
        assert_eq!(queued, Forecast { failing: 1, takes: S(20) });
        assert_eq!((own.rounds(), own.longest_wait()), (3, S(20)));
    }
}
