//! The books of connections: when each was opened and last used, and what it carried. libcurl keeps
//! the connections and does not tell; here they are known by the port at our end.

use std::collections::HashMap;
use std::time::Instant;

use crate::http::Connection;

/// What is remembered of the connections that may be used again.
#[derive(Debug)]
pub(super) struct Connections {
    known: HashMap<u16, Known>,
    /// How many are remembered at most.
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    opened: Instant,
    last_used: Instant,
    requests: u32,
}

/// The connection on which an exchange began, as it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct BeganOn {
    port: u16,
    /// `None` where it is new.
    known: Option<Known>,
}

/// The end of an exchange.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) started: Instant,
    pub(super) ended: Instant,
    /// Our end's port, where there was a connection.
    pub(super) port: Option<u16>,
    /// When its socket was opened, where that was for this exchange.
    pub(super) opened: Option<Instant>,
    /// Whether it may be used again.
    pub(super) kept: bool,
}

/// The connections of one exchange: that on which it ended, and that which died under it before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) connection: Option<Connection>,
    pub(super) abandoned: Option<Connection>,
}

impl Connections {
    /// Books of `most` connections.
    pub(super) fn new(most: usize) -> Connections {
        Connections { known: HashMap::new(), most: most.max(1) }
    }

    /// An exchange has begun on the connection of `port`.
    pub(super) fn begin(&self, port: u16) -> BeganOn {
        BeganOn { port, known: self.known.get(&port).copied() }
    }

    /// An exchange was given up, and its connection with it.
    pub(super) fn cancel(&mut self, began_on: Option<BeganOn>) {
        if let Some(began_on) = began_on {
            self.known.remove(&began_on.port);
        }
    }

    /// An exchange has ended.
    pub(super) fn end(&mut self, began_on: Option<BeganOn>, ending: Ending) -> Used {
        let reused = began_on.and_then(|began_on| Some((began_on.port, began_on.known?)));
        let abandoned = reused.filter(|_| ending.opened.is_some());
        if let Some((port, _)) = abandoned {
            self.known.remove(&port);
        }
        let ended_on = match (ending.port, ending.opened) {
            // Where no other connection came about, libcurl still names the one that died.
            (Some(port), Some(_)) if abandoned.is_some_and(|(dead, _)| dead == port) => None,
            (Some(port), Some(opened)) => {
                Some((port, Known { opened, last_used: ending.ended, requests: 0 }))
            }
            (Some(port), None) => reused.filter(|(began_on, _)| *began_on == port),
            (None, _) => None,
        };
        if let Some((port, known)) = ended_on {
            self.note(port, known, &ending);
        }
        let fact = |(port, known)| connection(port, known, &ending);
        Used { connection: ended_on.map(fact), abandoned: abandoned.map(fact) }
    }

    fn note(&mut self, port: u16, known: Known, ending: &Ending) {
        self.known.remove(&port);
        if !ending.kept {
            return;
        }
        if self.known.len() >= self.most {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.last_used);
            let oldest = oldest.map(|(port, _)| *port);
            self.known.retain(|port, _| Some(*port) != oldest);
        }
        let requests = known.requests.saturating_add(1);
        self.known.insert(port, Known { last_used: ending.ended, requests, ..known });
    }
}

fn connection(local_port: u16, known: Known, ending: &Ending) -> Connection {
    Connection {
        local_port,
        requests_before: known.requests,
        idle_before: ending.started.duration_since(known.last_used),
        age: ending.ended.duration_since(known.opened),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transport::now;

    const SECOND: Duration = Duration::from_secs(1);

    fn ending(base: Instant, seconds: [u32; 2], port: u16) -> Ending {
        let [started, ended] = seconds.map(|second| base + SECOND * second);
        Ending { started, ended, port: Some(port), opened: None, kept: true }
    }

    #[test]
    fn a_connection_is_followed_from_use_to_use() {
        let (base, mut books) = (now(), Connections::new(4));
        let first = Ending { opened: Some(base + SECOND), ..ending(base, [0, 3], 7) };
        let used = books.end(Some(books.begin(7)), first);
        let fresh = Connection {
            local_port: 7,
            requests_before: 0,
            idle_before: Duration::ZERO,
            age: SECOND * 2,
        };
        assert_eq!(used, Used { connection: Some(fresh), abandoned: None });
        let used = books.end(Some(books.begin(7)), ending(base, [8, 10], 7));
        let again =
            Connection { requests_before: 1, idle_before: SECOND * 5, age: SECOND * 9, ..fresh };
        assert_eq!(used, Used { connection: Some(again), abandoned: None });
    }

    #[test]
    fn a_connection_that_died_under_a_request_is_told_beside_its_successor() {
        let (base, mut books) = (now(), Connections::new(4));
        let first = Ending { opened: Some(base), ..ending(base, [0, 1], 7) };
        books.end(None, first);
        let began_on = Some(books.begin(7));
        let second = Ending { opened: Some(base + SECOND * 7), ..ending(base, [6, 8], 9) };
        let used = books.end(began_on, second);
        let (connection, abandoned) = (used.connection.unwrap(), used.abandoned.unwrap());
        assert_eq!((connection.local_port, connection.requests_before), (9, 0));
        assert_eq!((connection.age, connection.idle_before), (SECOND, Duration::ZERO));
        assert_eq!((abandoned.local_port, abandoned.requests_before), (7, 1));
        assert_eq!(abandoned.idle_before, SECOND * 5);
        assert!(books.begin(7).known.is_none() && books.begin(9).known.is_some());
    }

    #[test]
    fn where_nobody_answers_any_more_only_the_dead_connection_is_told() {
        let (base, mut books) = (now(), Connections::new(4));
        books.end(None, Ending { opened: Some(base), ..ending(base, [0, 1], 7) });
        let refused = Ending { opened: Some(base + SECOND), ..ending(base, [2, 3], 7) };
        let used = books.end(Some(books.begin(7)), refused);
        assert_eq!(used.connection, None);
        assert_eq!(used.abandoned.unwrap().local_port, 7);
    }

    #[test]
    fn what_is_not_kept_is_forgotten_and_the_books_are_bounded() {
        let (base, mut books) = (now(), Connections::new(2));
        for port in 1..=3 {
            let at = u32::from(port);
            books.end(None, Ending { opened: Some(base), ..ending(base, [at, at], port) });
        }
        assert!(books.begin(1).known.is_none(), "the one unused for longest goes");
        assert_eq!(books.known.len(), 2);
        let broken = Ending { kept: false, ..ending(base, [5, 6], 3) };
        assert!(books.end(Some(books.begin(3)), broken).connection.is_some());
        assert!(books.begin(3).known.is_none());
        books.cancel(Some(books.begin(2)));
        assert_eq!(books.known.len(), 0);
    }
}
