//! What the lab saw, counted. Plain data; the server counts, the command line prints.

use std::collections::BTreeMap;
use std::fmt;

/// Counts of everything that reached the lab since it was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests whose head was read, by S3's name of the operation; `Other` for the rest.
    pub requests: BTreeMap<&'static str, u64>,
    /// Bytes of request bodies, framing included, that were read.
    pub body_bytes: u64,
    /// Parts that were stored, as often as they were.
    pub parts_stored: u64,
    /// Requests that sent a part which a listing of its upload had told to be there.
    pub parts_again: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Answers that were begun, by HTTP status. A request that was cut has none.
    pub answers: BTreeMap<u16, u64>,
    /// Each fault rule, and how often it took effect, in the order of the rules.
    pub faults: Vec<(String, u64)>,
}

impl Tally {
    /// All requests.
    #[must_use]
    pub fn requests_total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Requests of one operation.
    #[must_use]
    pub fn requests_of(&self, operation: &str) -> u64 {
        self.requests.get(operation).copied().unwrap_or(0)
    }

    /// How often any fault took effect.
    #[must_use]
    pub fn faults_total(&self) -> u64 {
        self.faults.iter().map(|(_, count)| count).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the lab saw")?;
        row(f, self.connections, "connections")?;
        row(f, self.body_bytes, "bytes of request bodies")?;
        row(f, self.requests_total(), "requests")?;
        for (operation, count) in &self.requests {
            row(f, *count, &format!("  {operation}"))?;
        }
        row(f, self.parts_stored, "parts stored")?;
        row(f, self.parts_again, "  sent though listed as stored")?;
        row(f, self.answers.values().sum(), "answers")?;
        for (status, count) in &self.answers {
            row(f, *count, &format!("  {status}"))?;
        }
        row(f, self.faults_total(), "faults")?;
        for (rule, count) in &self.faults {
            row(f, *count, &format!("  {rule}"))?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, count: u64, name: &str) -> fmt::Result {
    writeln!(f, "{count:>14}  {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_at_a_glance() {
        let tally = Tally {
            requests: [("PutObject", 2), ("UploadPart", 40)].into(),
            body_bytes: 335_544_320,
            parts_stored: 39,
            parts_again: 1,
            connections: 9,
            answers: [(200, 39), (503, 2)].into(),
            faults: vec![("UploadPart every 20 status 503 SlowDown".into(), 2)],
        };
        let table = "the lab saw
             9  connections
     335544320  bytes of request bodies
            42  requests
             2    PutObject
            40    UploadPart
            39  parts stored
             1    sent though listed as stored
            41  answers
            39    200
             2    503
             2  faults
             2    UploadPart every 20 status 503 SlowDown
";
        assert_eq!(tally.to_string(), table);
    }
}
