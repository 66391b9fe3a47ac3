//! What is said of an experiment: its behaviours, its arithmetic and what follows.

use std::time::Duration;

use super::Found;
use crate::experiment::{Apart, Behaviour, Cell, Client, Design, Fit, Setting, Sight};
use crate::units::exact_size;

/// What users report, in a sentence.
pub(super) const REPORT: &str = "several uploads of 40 MB at once, through presigned URLs, \
     break off under way with \"broken pipe\" or status 0; five with a lifetime of 10 s do, and \
     the longer the lifetime, the fewer";

/// Why the lifetime of a URL decides over a transfer that is under way.
pub(super) const WHY: [&str; 4] = [
    "A presigned URL says until when a request may begin. Amazon S3 looks at that, by its \
     documentation, when the request is made; a transfer that has begun goes on for as long as \
     it takes. So where the store looks at the start only, a lifetime decides over uploads that \
     have not begun: those that wait in a pool, a queue or a browser's limit of connections \
     behind others, and those that are tried again, for a retry is a new request with an old \
     URL. On a slow link that is shared, each round of a pool takes long, and so the last \
     ones begin late.",
    "It looks like a transfer that was cut because of what follows. The store answers 403, \
     does not read the 40 MB, and closes. The client is busy sending: its bytes meet a closed \
     connection, the system answers with a reset, and the client's next write fails: \"broken \
     pipe\". A client that reads before it writes again finds the 403; one that sends all \
     before it reads never does, and has no status to report: 0.",
    "Where a gateway or another store cuts transfers whose URL expires, or looks once more at \
     the end, it is the transfer itself that must end in time: bytes divided by the share of \
     the link must be less than the lifetime. Five who share a link have a fifth of it each.",
    "In each case a longer lifetime means fewer failures, which is why it seems to be the \
     cure. It is enough only where it is longer than the waiting (or the transfer). Better: \
     make each URL when its upload begins, not when it is queued; ask before sending (Expect: \
     100-continue), so that a refusal is heard before 40 MB are sent; never retry an expired \
     URL, make a new one.",
];

/// What a behaviour is.
pub(super) fn about(behaviour: Behaviour) -> &'static str {
    match behaviour {
        Behaviour::ChecksAtStart => {
            "the store looks at the URL when a request begins, and all begin at once"
        }
        Behaviour::CutsInFlight => "the store resets transfers whose URL expires under way",
        Behaviour::ChecksAtEnd => "the store looks once more when the body has been read",
        Behaviour::QueuedInClient => {
            "the store looks at the start, and a pool in the client lets some begin late"
        }
        Behaviour::RequestTimeout => {
            "the store gives up bodies that rest while those of others are sent"
        }
    }
}

/// Seconds, with as many digits as matter.
pub(super) fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let rounded = (seconds * 10.0).round() / 10.0;
    if seconds >= 20.0 { format!("{seconds:.0} s") } else { format!("{rounded} s") }
}

/// A number and its noun.
pub(super) fn users(count: u32) -> String {
    format!("{count} user{}", if count == 1 { "" } else { "s" })
}

/// The link, in words.
pub(super) fn rate(design: &Design) -> String {
    let megabits = design.wanted().bytes_per_s as f64 * 8.0 / 1e6;
    let whose = if design.wanted().is_shared { "shared by all" } else { "for each" };
    format!("{} Mbit/s {whose}", (megabits * 100.0).round() / 100.0)
}

/// What the scale does.
pub(super) fn scale(design: &Design) -> String {
    let wanted = design.wanted();
    let (size, rate) = (exact_size(wanted.size), rate(design));
    if wanted.scale >= 1.0 {
        return format!("uploads of {size} over {rate}, as they are");
    }
    let lifetimes: Vec<String> =
        wanted.lifetimes.iter().map(|time| seconds(design.scaled(*time))).collect();
    format!(
        "uploads of {size} over {rate}, measured at scale {}: {} and lifetimes of {}, so that \
         every quotient stays as it is",
        wanted.scale,
        exact_size(design.size()),
        lifetimes.join(", ")
    )
}

/// The numbers of one number of users, as they were asked for.
pub(super) fn question(design: &Design, users: u32) -> Setting {
    let lifetime = design.wanted().lifetimes[0];
    let (behaviour, client) = (Behaviour::ChecksAtStart, Client::Pycurl);
    design.question(&Cell { behaviour, client, users, lifetime })
}

/// bytes ÷ share of the link = seconds of a transfer.
pub(super) fn transfer(design: &Design, users: u32) -> String {
    let setting = question(design, users);
    let link = setting.bytes_per_s as f64 * 8.0 / 1e6;
    let link = (link * 100.0).round() / 100.0;
    let share = if setting.is_shared {
        format!("({link} Mbit/s ÷ {users})")
    } else {
        format!("{link} Mbit/s")
    };
    format!("{} ÷ {share} = {}", exact_size(setting.size), seconds(setting.transfer(users)))
}

/// Rounds before the last × seconds of each = seconds of waiting.
pub(super) fn waiting(design: &Design, users: u32) -> String {
    let setting = question(design, users);
    if setting.rounds() == 1 {
        return "nobody waits".to_owned();
    }
    format!(
        "(⌈{users} ÷ {pool}⌉ - 1) × {} = {}",
        seconds(setting.transfer(setting.pool)),
        seconds(setting.longest_wait()),
        pool = setting.pool,
    )
}

/// What was seen of the failures of a behaviour with a client.
pub(super) fn seen(found: &Found, behaviour: Behaviour, client: Client) -> String {
    let of = |sight: Sight| -> u32 {
        let outcomes = found.outcomes.iter();
        let outcomes =
            outcomes.filter(|o| (o.cell.behaviour, o.cell.client) == (behaviour, client));
        outcomes.filter_map(|outcome| outcome.seen.get(&sight)).sum()
    };
    let all = Sight::ALL.into_iter().map(|sight| (sight, of(sight)));
    let some: Vec<String> = all
        .filter(|(_, count)| *count > 0)
        .map(|(sight, count)| format!("{} {count}", sight.name()))
        .collect();
    if some.is_empty() { "no failure".to_owned() } else { some.join(", ") }
}

/// What follows, a paragraph each.
pub(super) fn verdict(found: &Found) -> Vec<String> {
    let fits: Vec<&Fit> =
        found.verdict.alike.iter().map(|&index| &found.verdict.fits[index]).collect();
    let mut said = vec![match fits[..] {
        [] => format!("Nothing that was measured looks like the report ({REPORT})."),
        [only] => format!("Only {} looks like the report ({REPORT}).", fit(only)),
        [first, ..] => {
            let others: Vec<String> = fits[1..].iter().map(|other| fit(other)).collect();
            let is_level = first.shape.score() - fits[1].shape.score() < LEVEL;
            let also = others.join(", ");
            if is_level {
                format!("{} and {also} look like the report ({REPORT}).", fit(first))
            } else {
                format!("{} looks most like the report ({REPORT}); then {also}.", fit(first))
            }
        }
    }];
    said.extend(fits.iter().map(|fit| reason(found, fit.behaviour)));
    if let (Some(apart), [first, second, ..]) = (&found.verdict.apart, &fits[..]) {
        said.push(apart_by(apart, first.behaviour, second.behaviour));
    }
    let has = |behaviour| fits.iter().any(|fit| fit.behaviour == behaviour);
    if has(Behaviour::QueuedInClient)
        && (has(Behaviour::CutsInFlight) || has(Behaviour::ChecksAtEnd))
    {
        said.push(
            "Amazon S3 documents that it looks when a request begins and not again: there it is \
             the queue, or a retry with the old URL. A gateway, a proxy or another store may look \
             under way."
                .to_owned(),
        );
    }
    said.extend(differing(found));
    said
}

/// Scores closer than this are alike.
const LEVEL: f64 = 0.1;

fn fit(fit: &Fit) -> String {
    let score = fit.shape.score() * 100.0;
    format!("{} (seen by {}: {score:.0}% alike)", fit.behaviour.name(), fit.client.name())
}

/// Why it fails, by the arithmetic at the number of users nearest to the report's.
fn reason(found: &Found, behaviour: Behaviour) -> String {
    let design = &found.design;
    let wanted = design.wanted();
    let users = wanted.users.iter().copied().min_by_key(|users| users.abs_diff(5)).unwrap_or(1);
    let setting = question(design, users);
    let lifetimes = |time: Duration| {
        let list = |is_over: bool| {
            let some = wanted.lifetimes.iter().filter(|lifetime| (time > **lifetime) == is_over);
            some.map(|lifetime| seconds(*lifetime)).collect::<Vec<_>>().join(", ")
        };
        match (list(true), list(false)) {
            (over, none) if none.is_empty() => format!("more than {over}"),
            (none, under) if none.is_empty() => format!("not more than {under}"),
            (over, under) => format!("more than {over}, not more than {under}"),
        }
    };
    let name = behaviour.name();
    match behaviour {
        Behaviour::CutsInFlight | Behaviour::ChecksAtEnd => format!(
            "{name}: with {}, a transfer takes {}: {}.",
            self::users(users),
            transfer(design, users),
            lifetimes(setting.transfer(users))
        ),
        Behaviour::QueuedInClient if setting.rounds() == 1 => {
            format!("{name}: with {}, {}.", self::users(users), waiting(design, users))
        }
        Behaviour::QueuedInClient => format!(
            "{name}: with {} and a pool of {}, the last waits {}: {}.",
            self::users(users),
            setting.pool,
            waiting(design, users),
            lifetimes(setting.longest_wait())
        ),
        Behaviour::ChecksAtStart | Behaviour::RequestTimeout => {
            format!("{name}: the lifetime makes no difference.")
        }
    }
}

fn apart_by(apart: &Apart, first: Behaviour, second: Behaviour) -> String {
    let Apart { cell, first: one, second: other } = apart;
    let all = cell.users;
    format!(
        "To tell them apart, let {} upload with a lifetime of {}: by {} {one} of {all} must fail, \
         by {} {other} of {all}.",
        users(all),
        seconds(cell.lifetime),
        first.name(),
        second.name()
    )
}

/// How many cells did not end as they must.
fn differing(found: &Found) -> Option<String> {
    let of =
        |outcome: &&crate::experiment::Outcome| found.must_fail(&outcome.cell) != outcome.failed();
    let (all, differing) = (found.outcomes.len(), found.outcomes.iter().filter(of).count());
    (differing > 0).then(|| {
        format!(
            "{differing} of {all} cells did not end as the arithmetic says (marked !): where the \
             seconds are close to a lifetime, or this machine is busy, that happens; a larger \
             --scale leaves more room."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Outcome, Wanted, fit as fitted, forecast};

    /// What is found where each cell ends as it must, cut without an answer where `is_cut`.
    fn found(behaviours: &[Behaviour], is_cut: fn(Behaviour) -> bool) -> Found {
        let s = Duration::from_secs;
        let design = Design::new(Wanted {
            users: vec![1, 5],
            lifetimes: vec![s(10), s(60), s(1000)],
            size: 40 << 20,
            bytes_per_s: 1_250_000,
            is_shared: true,
            pool: 4,
            patience: s(20),
            scale: 0.1,
            behaviours: behaviours.to_vec(),
            clients: vec![Client::Python],
        })
        .unwrap();
        let outcome = |cell: Cell| {
            let failing = forecast(cell.behaviour, cell.client, &design.setting(&cell)).failing;
            let sight = if is_cut(cell.behaviour) { Sight::BrokenPipe } else { Sight::Expired };
            let seen = (failing > 0).then_some((sight, failing));
            Outcome { cell, seen: seen.into_iter().collect(), elapsed: s(1) }
        };
        let outcomes: Vec<Outcome> = design.cells().map(outcome).collect();
        let verdict = fitted(&design, &outcomes);
        Found { design, outcomes, verdict, elapsed: s(9), is_whole: true }
    }

    #[test]
    fn the_verdict_follows_from_what_was_measured() {
        let cut =
            |behaviour| matches!(behaviour, Behaviour::CutsInFlight | Behaviour::QueuedInClient);
        let said = verdict(&found(&Behaviour::ALL, cut)).join("\n");
        for text in [
            "cuts-in-flight (seen by http.client: 100% alike) and queued-in-client",
            "with 5 users, a transfer takes 40 MiB ÷ (10 Mbit/s ÷ 5) = 168 s: more than 10 s, \
             60 s, not more than 1000 s.",
            "a pool of 4, the last waits (⌈5 ÷ 4⌉ - 1) × 134 s = 134 s: more than 10 s, 60 s",
            "let 1 user upload with a lifetime of 10 s: by cuts-in-flight 1 of 1 must fail, by \
             queued-in-client 0 of 1",
            "Amazon S3 documents",
        ] {
            assert!(said.contains(text), "{text:?} in {said}");
        }
        // The same numbers, and every client reads the refusal of all but one.
        let only = verdict(&found(&Behaviour::ALL, |b| b == Behaviour::QueuedInClient)).join("\n");
        assert!(only.starts_with("Only queued-in-client"), "{only}");
        assert!(!only.contains("tell them apart") && !only.contains("cells did not end"), "{only}");
        let none = verdict(&found(&[Behaviour::ChecksAtStart], |_| true)).join("\n");
        assert!(none.starts_with("Nothing that was measured looks like the report"), "{none}");
    }

    #[test]
    fn cells_that_end_otherwise_are_counted() {
        let mut found = found(&[Behaviour::ChecksAtStart], |_| true);
        found.outcomes[0].seen = [(Sight::Expired, 1)].into();
        let said = verdict(&found).join("\n");
        assert!(said.contains("1 of 6 cells did not end as the arithmetic says"), "{said}");
        let (behaviour, client) = (Behaviour::ChecksAtStart, Client::Python);
        assert_eq!(seen(&found, behaviour, client), "403 expired 1");
    }

    #[test]
    fn the_scale_is_told_with_what_it_makes_of_everything() {
        let found = found(&[Behaviour::ChecksAtStart], |_| true);
        assert_eq!(
            scale(&found.design),
            "uploads of 40 MiB over 10 Mbit/s shared by all, measured at scale 0.1: 4 MiB and \
             lifetimes of 1 s, 6 s, 100 s, so that every quotient stays as it is"
        );
    }
}
