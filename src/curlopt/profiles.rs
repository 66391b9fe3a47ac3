//! The built-in profiles: options and settings for a kind of network, each with its reason.

use super::{Assignment, Handle, Value, find};

/// Options and settings that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// What `--options-profile` calls it.
    pub name: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Settings of the config file's top level and of `[retry]` (`retry.max_time`), as text, each
    /// with its reason.
    pub settings: &'static [(&'static str, &'static str, &'static str)],
    /// libcurl options, in the option's own unit, each with its reason.
    pub curl: &'static [(&'static str, Preset, &'static str)],
}

/// A value of a built-in profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preset {
    /// Of a `long` or `curl_off_t`.
    Number(i64),
    /// Of a string.
    Text(&'static str),
}

use Preset::{Number, Text};

/// What is set unless something else is said.
pub const DEFAULT: Profile = Profile {
    name: "default",
    summary: "what suits S3 over the internet and over a loopback alike",
    settings: &[],
    curl: &[
        (
            "HTTP_VERSION",
            Number(2),
            "1.1: S3 offers no other, and each part has its own connection",
        ),
        (
            "MAXREDIRS",
            Number(4),
            "a proxy's authentication takes some rounds, an endless loop none",
        ),
        (
            "UPLOAD_BUFFERSIZE",
            Number(256 << 10),
            "64 KiB costs a third more CPU, 1 MiB only memory",
        ),
        ("CONNECTTIMEOUT_MS", Number(10_000), "a store that is there answers within seconds"),
        (
            "LOW_SPEED_LIMIT",
            Number(1),
            "a net beneath curlift's own watchdog: it must not cut a slow link that is alive",
        ),
        ("LOW_SPEED_TIME", Number(600), "nor a store that computes for minutes"),
        ("TCP_NODELAY", Number(1), "the last bytes of a request leave at once"),
        ("TCP_KEEPALIVE", Number(1), "routers forget a connection on which nothing moves"),
        ("TCP_KEEPIDLE", Number(30), "home routers and firewalls forget after a minute"),
        ("TCP_KEEPINTVL", Number(10), "a dead peer is noticed within two minutes"),
        ("MAXAGE_CONN", Number(4), "S3 closes idle connections after about five seconds"),
        (
            "DNS_SHUFFLE_ADDRESSES",
            Number(1),
            "S3 answers with several addresses: all of them are used, and not one by all clients",
        ),
        ("USERAGENT", Text(concat!("curlift/", env!("CARGO_PKG_VERSION"))), "who it is"),
    ],
};

/// For networks that lose packets, stall for minutes, and are slow to connect.
pub const PATIENT: Profile = Profile {
    name: "patient",
    summary: "bad networks: mobile links, satellites, firewalls that forget connections",
    settings: &[
        ("concurrency", "4", "fewer connections share a thin link with fewer starved ones"),
        ("part_size", "8MiB", "less is lost, and sent again, when a connection dies"),
        (
            "stall_timeout",
            "5m",
            "links that carry nothing for minutes come back; the usual is 30 s",
        ),
        ("retry.max_attempts", "20", "most failures of such a network pass by themselves"),
        ("retry.max_time", "2h", "an outage may last longer than the usual 15 minutes"),
    ],
    curl: &[
        ("CONNECTTIMEOUT_MS", Number(300_000), "a connection may take minutes, and then carry on"),
        ("LOW_SPEED_LIMIT", Number(1), "slow is not dead: only nothing at all is"),
        ("LOW_SPEED_TIME", Number(1_200), "and that only after twenty minutes"),
        ("TCP_KEEPIDLE", Number(60), "often enough for firewalls that forget after some minutes"),
        ("TCP_KEEPINTVL", Number(10), "unanswered ones follow sooner"),
        (
            "DNS_CACHE_TIMEOUT",
            Number(300),
            "a name server that is slow to answer is asked less often",
        ),
        (
            "HAPPY_EYEBALLS_TIMEOUT_MS",
            Number(2_000),
            "IPv6 gets time on a slow link before IPv4 is tried",
        ),
    ],
};

/// For 10 Gbit/s and more, to a store nearby.
pub const FAST: Profile = Profile {
    name: "fast",
    summary: "10 Gbit/s and more to a store nearby",
    settings: &[
        ("concurrency", "32", "one connection fills a fraction of such a link"),
        ("part_size", "64MiB", "fewer requests for the same bytes"),
        ("multipart_threshold", "64MiB", "a file of one part is one request in place of three"),
    ],
    curl: &[
        (
            "UPLOAD_BUFFERSIZE",
            Number(512 << 10),
            "fewer system calls; costs 16 MiB with 32 in flight",
        ),
        (
            "CONNECTTIMEOUT_MS",
            Number(3_000),
            "what does not answer at once nearby is down: try another",
        ),
        ("LOW_SPEED_TIME", Number(120), "and what stands still for two minutes as well"),
        ("HAPPY_EYEBALLS_TIMEOUT_MS", Number(100), "nearby addresses answer within milliseconds"),
    ],
};

/// All of them.
pub const PROFILES: [&Profile; 3] = [&DEFAULT, &PATIENT, &FAST];

impl Profile {
    /// Its libcurl options.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment> {
        self.curl.iter().map(|(name, preset, _)| Assignment {
            option: find(Handle::Easy, name).expect("a test finds them all"),
            value: match preset {
                Preset::Number(number) => Value::Number(*number),
                Preset::Text(text) => Value::Text((*text).to_owned()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Given, check, remarks};
    use super::*;

    #[test]
    fn every_preset_is_a_value_of_its_option_and_gives_its_reason() {
        for profile in PROFILES {
            for ((_, _, reason), set) in profile.curl.iter().zip(profile.assignments()) {
                let given = match &set.value {
                    Value::Number(number) => Given::Integer(*number),
                    Value::Text(text) => Given::Text(text.clone()),
                    other => panic!("{:?}", other.is_nothing()),
                };
                assert_eq!(check(set.option, &given).as_ref(), Ok(&set));
                let notes = remarks(&set).into_iter().filter(|r| r.text().contains("nothing for"));
                assert_eq!(notes.count(), 0, "{set:?}");
                assert!(reason.len() > 8, "{set:?}");
            }
        }
    }
}
