//! What was measured, held against the forecast and against what users report.
//!
//! The report: several uploads of 40 MB at once, through presigned URLs, break off under way with
//! "broken pipe" or status 0; five with a lifetime of 10 s do; the longer the lifetime, the fewer.

use super::design::{Behaviour, Cell, Client, Design};
use super::forecast::{Forecast, forecast};
use super::outcome::Outcome;

/// How many users the report is about.
const REPORTED_USERS: u32 = 5;

/// How far one behaviour, with one client, looks like the report; each from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Whether uploads fail at the number of users nearest to the report's and the shortest
    /// lifetime.
    pub fails_there: f64,
    /// Of the numbers of users that fail at the shortest lifetime, the share that fails less at
    /// the longest and never more in between; `None` where one lifetime was measured.
    pub fewer_when_longer: Option<f64>,
    /// Of the failures, the share that was cut without an answer.
    pub cut_under_way: f64,
}

impl Shape {
    /// All three must be: their product.
    #[must_use]
    pub fn score(&self) -> f64 {
        self.fails_there * self.fewer_when_longer.unwrap_or(1.0) * self.cut_under_way
    }
}

/// One behaviour with one client.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The behaviour.
    pub behaviour: Behaviour,
    /// The client.
    pub client: Client,
    /// What it looks like.
    pub shape: Shape,
    /// Cells in which as many failed as the arithmetic says.
    pub as_forecast: u32,
    /// Cells measured.
    pub cells: u32,
}

/// What follows from all of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Every behaviour and client that was measured, in the order of the tables.
    pub fits: Vec<Fit>,
    /// Places in `fits` of those that look like the report, the best first, each behaviour with the
    /// client that looks most like it. Curlift is asked only where no other was measured: reports
    /// are about scripts.
    pub alike: Vec<usize>,
    /// What would tell the first two of them apart.
    pub apart: Option<Apart>,
}

/// A measurement whose end differs between two explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Apart {
    /// Where.
    pub cell: Cell,
    /// How many fail by the first.
    pub first: u32,
    /// How many by the second.
    pub second: u32,
}

/// Holds what was measured against forecast and report.
#[must_use]
pub fn fit(design: &Design, outcomes: &[Outcome]) -> Verdict {
    let wanted = design.wanted();
    let pairs = wanted.behaviours.iter();
    let pairs =
        pairs.flat_map(|behaviour| wanted.clients.iter().map(|client| (*behaviour, *client)));
    let fits: Vec<Fit> = pairs.filter_map(|(b, c)| fit_of(design, b, c, outcomes)).collect();
    let is_script = |fit: &Fit| fit.client != Client::Curlift;
    let has_scripts = fits.iter().any(is_script);
    let score = |index: usize| fits[index].shape.score();
    let mut alike: Vec<usize> = (0..fits.len())
        .filter(|&index| score(index) > 0.0 && (!has_scripts || is_script(&fits[index])))
        .collect();
    // The sort keeps the order of those alike; the best of a behaviour comes first.
    alike.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
    let mut behaviours = Vec::new();
    alike.retain(|&index| {
        let is_first = !behaviours.contains(&fits[index].behaviour);
        behaviours.push(fits[index].behaviour);
        is_first
    });
    let apart = match alike[..] {
        [first, second, ..] => apart(design, &fits[first], &fits[second]),
        _ => None,
    };
    Verdict { fits, alike, apart }
}

fn fit_of(
    design: &Design,
    behaviour: Behaviour,
    client: Client,
    outcomes: &[Outcome],
) -> Option<Fit> {
    let is_of = |cell: &Cell| cell.behaviour == behaviour && cell.client == client;
    let mut of: Vec<&Outcome> = outcomes.iter().filter(|outcome| is_of(&outcome.cell)).collect();
    of.sort_by_key(|outcome| outcome.cell);
    if of.is_empty() {
        return None;
    }
    let is_forecast = |outcome: &&&Outcome| {
        forecast(behaviour, client, &design.setting(&outcome.cell)).failing == outcome.failed()
    };
    Some(Fit {
        behaviour,
        client,
        shape: shape(&of),
        as_forecast: of.iter().filter(is_forecast).count() as u32,
        cells: of.len() as u32,
    })
}

/// The shape of outcomes that are sorted by users, then lifetime.
fn shape(outcomes: &[&Outcome]) -> Shape {
    let failed: u32 = outcomes.iter().map(|outcome| outcome.failed()).sum();
    let cut: u32 = outcomes.iter().map(|outcome| outcome.cut()).sum();
    let distance =
        |outcome: &&&Outcome| (outcome.cell.users.abs_diff(REPORTED_USERS), outcome.cell.lifetime);
    let fails_there = outcomes.iter().min_by_key(distance).is_some_and(|o| o.failed() > 0);
    Shape {
        fails_there: f64::from(u8::from(fails_there)),
        fewer_when_longer: fewer_when_longer(outcomes),
        cut_under_way: f64::from(cut) / f64::from(failed.max(1)),
    }
}

fn fewer_when_longer(outcomes: &[&Outcome]) -> Option<f64> {
    let rows = outcomes.chunk_by(|a, b| a.cell.users == b.cell.users);
    let rows: Vec<&[&Outcome]> = rows.filter(|row| row.len() > 1).collect();
    if rows.is_empty() {
        return None;
    }
    let failing: Vec<&[&Outcome]> = rows.into_iter().filter(|row| row[0].failed() > 0).collect();
    let falls = |row: &&&[&Outcome]| {
        row.windows(2).all(|pair| pair[1].failed() <= pair[0].failed())
            && row[row.len() - 1].failed() < row[0].failed()
    };
    let as_told = failing.iter().filter(falls).count();
    Some(as_told as f64 / failing.len().max(1) as f64)
}

/// The smallest cell in which two explanations end differently.
fn apart(design: &Design, first: &Fit, second: &Fit) -> Option<Apart> {
    let of_first = |cell: &Cell| cell.behaviour == first.behaviour && cell.client == first.client;
    design.cells().filter(of_first).find_map(|cell| {
        let of =
            |fit: &Fit| -> Forecast { forecast(fit.behaviour, fit.client, &design.setting(&cell)) };
        let (one, other) = (of(first).failing, of(second).failing);
        (one != other).then_some(Apart { cell, first: one, second: other })
    })
}

#[cfg(test)]
mod tests {
    use super::super::design::Wanted;
    use super::super::design::tests::{S, wanted};
    use super::super::outcome::Sight;
    use super::*;

    fn design() -> Design {
        Design::new(Wanted { clients: vec![Client::Pycurl], ..wanted() }).unwrap()
    }

    /// What is measured where the arithmetic holds.
    fn measured(design: &Design, sight: fn(Behaviour) -> Sight) -> Vec<Outcome> {
        let outcome = |cell: Cell| {
            let failing = forecast(cell.behaviour, cell.client, &design.setting(&cell)).failing;
            let seen = (failing > 0).then_some((sight(cell.behaviour), failing));
            Outcome { cell, seen: seen.into_iter().collect(), elapsed: S(1) }
        };
        design.cells().map(outcome).collect()
    }

    fn usual(behaviour: Behaviour) -> Sight {
        match behaviour {
            Behaviour::ChecksAtStart => Sight::Other,
            Behaviour::CutsInFlight => Sight::Reset,
            Behaviour::ChecksAtEnd => Sight::Expired,
            Behaviour::QueuedInClient => Sight::BrokenPipe,
            Behaviour::RequestTimeout => Sight::TimedOut,
        }
    }

    #[test]
    fn each_behaviour_has_a_shape_of_its_own() {
        let design = design();
        let verdict = fit(&design, &measured(&design, usual));
        let shapes: Vec<_> = verdict.fits.iter().map(|fit| fit.shape).collect();
        let shape = |fails_there, fewer, cut_under_way| Shape {
            fails_there,
            fewer_when_longer: Some(fewer),
            cut_under_way,
        };
        let expected = [
            shape(0.0, 0.0, 0.0),
            shape(1.0, 1.0, 1.0),
            shape(1.0, 1.0, 0.0),
            shape(1.0, 1.0, 1.0),
            // The lifetime makes no difference.
            shape(1.0, 0.0, 0.0),
        ];
        assert_eq!(shapes, expected);
        assert!(verdict.fits.iter().all(|fit| (fit.as_forecast, fit.cells) == (15, 15)));
        let alike: Vec<_> = verdict.alike.iter().map(|&i| verdict.fits[i].behaviour).collect();
        assert_eq!(alike, [Behaviour::CutsInFlight, Behaviour::QueuedInClient]);
        // One alone: cut at 10 s, for 40 MiB take 34 s; in no queue.
        let Apart { cell, first, second } = verdict.apart.unwrap();
        assert_eq!((cell.users, cell.lifetime, first, second), (1, S(10), 1, 0));
    }

    #[test]
    fn what_was_seen_decides_between_those_with_the_same_numbers() {
        let design = design();
        let outcomes = measured(&design, |behaviour| match behaviour {
            Behaviour::CutsInFlight => Sight::Expired,
            Behaviour::ChecksAtEnd => Sight::NoAnswer,
            behaviour => usual(behaviour),
        });
        let verdict = fit(&design, &outcomes);
        let alike: Vec<_> = verdict.alike.iter().map(|&i| verdict.fits[i].behaviour).collect();
        assert_eq!(alike, [Behaviour::ChecksAtEnd, Behaviour::QueuedInClient]);
    }

    #[test]
    fn half_of_an_answer_is_half_alike() {
        let design = design();
        let mut outcomes = measured(&design, usual);
        let queued = |outcome: &&mut Outcome| outcome.cell.behaviour == Behaviour::QueuedInClient;
        for outcome in outcomes.iter_mut().filter(queued) {
            let failed = outcome.failed();
            outcome.seen = [(Sight::BrokenPipe, failed), (Sight::Expired, failed)].into();
        }
        let verdict = fit(&design, &outcomes);
        let queued = &verdict.fits[3];
        assert!((queued.shape.score() - 0.5).abs() < 1e-9);
        // Twice as many as must.
        assert!(queued.as_forecast < queued.cells);
        assert_eq!(verdict.alike, [1, 3]);
    }

    #[test]
    fn each_behaviour_is_named_once_with_the_client_most_alike() {
        let clients = vec![Client::Pycurl, Client::Python, Client::Curlift];
        let design = Design::new(Wanted { clients, ..wanted() }).unwrap();
        let mut outcomes = measured(&design, usual);
        // This libcurl reads the refusal, and what is curlift's own is not asked.
        let is_read = |cell: &Cell| {
            cell.behaviour == Behaviour::QueuedInClient && cell.client == Client::Pycurl
        };
        for outcome in outcomes.iter_mut().filter(|o| o.failed() > 0 && is_read(&o.cell)) {
            outcome.seen = [(Sight::Expired, outcome.failed())].into();
        }
        let verdict = fit(&design, &outcomes);
        let alike =
            verdict.alike.iter().map(|&i| (verdict.fits[i].behaviour, verdict.fits[i].client));
        let expected = [
            (Behaviour::CutsInFlight, Client::Pycurl),
            (Behaviour::QueuedInClient, Client::Python),
        ];
        assert_eq!(alike.collect::<Vec<_>>(), expected);
        let ours: Vec<Outcome> =
            outcomes.into_iter().filter(|o| o.cell.client == Client::Curlift).collect();
        assert_eq!(fit(&design, &ours).alike.len(), 2);
    }

    #[test]
    fn failures_that_rise_again_are_not_fewer() {
        let design = design();
        let mut outcomes = measured(&design, usual);
        let cut = |o: &Outcome| o.cell.behaviour == Behaviour::CutsInFlight;
        let last = outcomes.iter_mut().rfind(|o| cut(o) && o.cell.users == 8).unwrap();
        assert_eq!(last.cell.lifetime, S(1000));
        last.seen = [(Sight::Reset, 8)].into();
        let verdict = fit(&design, &outcomes);
        assert_eq!(verdict.fits[1].shape.fewer_when_longer, Some(0.8));
    }

    #[test]
    fn what_was_not_measured_is_not_judged() {
        let design = design();
        assert_eq!(fit(&design, &[]), Verdict { fits: vec![], alike: vec![], apart: None });
        let one = measured(&design, usual).into_iter().find(|o| o.failed() > 0).unwrap();
        let verdict = fit(&design, &[one]);
        assert_eq!(verdict.fits.len(), 1);
        assert_eq!(verdict.fits[0].shape.fewer_when_longer, None);
        assert_eq!(verdict.alike, [0]);
    }
}
