//! The tables at a terminal.

use std::fmt::Write as _;

use super::{Found, words};
use crate::cli::commands::options::page::{indented, width};
use crate::experiment::{Behaviour, Cell, Client};

/// All that is printed.
pub(super) fn text(found: &Found) -> String {
    let wanted = found.design.wanted();
    let mut text =
        format!("failed uploads, of all that began at once; {}\n", words::scale(&found.design));
    if !found.is_whole {
        text += "stopped: what was not measured is a dot\n";
    }
    for &behaviour in &wanted.behaviours {
        write!(text, "\n{}: {}\n", behaviour.name(), words::about(behaviour)).expect(APPENDED);
        text += &behaviour_table(found, behaviour);
    }
    text += &fits(found);
    text += &arithmetic(found);
    text.push('\n');
    for paragraph in words::verdict(found).iter().map(String::as_str).chain(words::WHY) {
        text += &indented(paragraph, 0, width());
        text += "\n\n";
    }
    text
}

const APPENDED: &str = "text can be appended to";

/// Users down, lifetimes across, the clients side by side.
fn behaviour_table(found: &Found, behaviour: Behaviour) -> String {
    let wanted = found.design.wanted();
    let lifetimes: Vec<String> = wanted.lifetimes.iter().map(|l| words::seconds(*l)).collect();
    let column = lifetimes.iter().map(String::len).max().unwrap_or_default().max(7) + 1;
    let mut text = String::new();
    for &client in &wanted.clients {
        write!(text, "  {:<12}", client.name()).expect(APPENDED);
        for lifetime in &lifetimes {
            write!(text, "{lifetime:>column$}").expect(APPENDED);
        }
        text.push('\n');
        for &users in &wanted.users {
            write!(text, "  {:<12}", words::users(users)).expect(APPENDED);
            for &lifetime in &wanted.lifetimes {
                let cell = Cell { behaviour, client, users, lifetime };
                write!(text, "{:>column$}", share(found, &cell)).expect(APPENDED);
            }
            text.push('\n');
        }
        writeln!(text, "  saw: {}", words::seen(found, behaviour, client)).expect(APPENDED);
    }
    text
}

/// How many failed, marked where others must.
fn share(found: &Found, cell: &Cell) -> String {
    let Some(outcome) = found.outcome(cell) else { return "·".to_owned() };
    let mark = if outcome.failed() == found.must_fail(cell) { "" } else { "!" };
    format!("{mark}{}/{}", outcome.failed(), cell.users)
}

/// How far each looks like the report.
fn fits(found: &Found) -> String {
    let mut text = format!(
        "\n{:<18}{:<12}{:>12}{:>16}{:>12}{:>8}{:>13}\n",
        "like the report?", "", "fails there", "longer, fewer", "no answer", "alike", "as reckoned"
    );
    for fit in &found.verdict.fits {
        let shape = fit.shape;
        writeln!(
            text,
            "{:<18}{:<12}{:>12}{:>16}{:>12}{:>8}{:>13}",
            fit.behaviour.name(),
            fit.client.name(),
            if shape.fails_there > 0.0 { "yes" } else { "no" },
            shape.fewer_when_longer.map_or_else(|| "-".to_owned(), percent),
            percent(shape.cut_under_way),
            percent(shape.score()),
            format!("{} of {}", fit.as_forecast, fit.cells),
        )
        .expect(APPENDED);
    }
    text
}

/// A share in percent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// The seconds of each number of users.
fn arithmetic(found: &Found) -> String {
    let design = &found.design;
    let rows: Vec<[String; 3]> = design
        .wanted()
        .users
        .iter()
        .map(|&users| {
            [words::users(users), words::transfer(design, users), words::waiting(design, users)]
        })
        .collect();
    let pool = format!("the last of a pool of {} waits", design.wanted().pool);
    let heads = [String::new(), "a transfer takes".to_owned(), pool];
    let width = |column: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    let mut text = "\n".to_owned();
    for [users, transfer, waiting] in [&heads].into_iter().chain(&rows) {
        writeln!(text, "{users:<first$}  {transfer:<second$}  {waiting}").expect(APPENDED);
    }
    text
}

/// The clients of a design that have a table.
pub(super) fn clients(found: &Found) -> &[Client] {
    &found.design.wanted().clients
}
