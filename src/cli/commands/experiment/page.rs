//! `--html`: one page that needs nothing else.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use super::table::{clients, percent};
use super::{Found, words};
use crate::cli::commands::template::filled;
use crate::experiment::{Behaviour, Cell, Client, Fit};

const TEMPLATE: &str = include_str!("page.html");

/// The page.
pub(super) fn html(found: &Found) -> String {
    let wanted = found.design.wanted();
    let mut verdict = words::verdict(found).into_iter();
    let first = verdict.next().unwrap_or_default();
    let maps = wanted.behaviours.iter().map(|behaviour| maps(found, *behaviour));
    let slots = [
        ("verdict", escape(first).into_owned()),
        ("reasons", verdict.map(|text| paragraph(&text)).collect()),
        ("facts", facts(found)),
        ("maps", maps.collect()),
        ("fits", found.verdict.fits.iter().enumerate().map(|(i, f)| fit(found, i, f)).collect()),
        ("arithmetic", arithmetic(found)),
        ("pool", wanted.pool.to_string()),
        ("why", words::WHY.map(paragraph).concat()),
    ];
    filled(TEMPLATE, &slots)
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

fn facts(found: &Found) -> String {
    let wanted = found.design.wanted();
    let clients: Vec<&str> = wanted.clients.iter().map(|client| client.name()).collect();
    let facts = [
        ("Report", words::REPORT.to_owned()),
        ("Measured", words::scale(&found.design)),
        ("Clients", clients.join(", ")),
        (
            "Cells",
            format!(
                "{}{} in {}",
                found.outcomes.len(),
                if found.is_whole { "" } else { " (stopped before its end)" },
                words::seconds(found.elapsed)
            ),
        ),
        ("By", format!("curlift {}", env!("CARGO_PKG_VERSION"))),
    ];
    let fact =
        |(name, value): (&str, String)| format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value));
    facts.map(fact).concat()
}

/// One behaviour: a map for each client.
fn maps(found: &Found, behaviour: Behaviour) -> String {
    let maps: String = clients(found).iter().map(|client| map(found, behaviour, *client)).collect();
    format!(
        "<section>\n<h3>{}</h3>\n<p class=\"about\">{}</p>\n<div class=\"maps\">\n{maps}</div>\n\
         </section>\n",
        behaviour.name(),
        escape(words::about(behaviour))
    )
}

/// Users down, lifetimes across, the share that failed as a colour and as numbers.
fn map(found: &Found, behaviour: Behaviour, client: Client) -> String {
    let wanted = found.design.wanted();
    let heads = wanted.lifetimes.iter();
    let head = |lifetime| format!("<th scope=\"col\">{}</th>", words::seconds(lifetime));
    let heads = heads.copied().map(head).collect::<Vec<_>>().concat();
    let mut rows = String::new();
    for &users in &wanted.users {
        write!(rows, "<tr><th scope=\"row\">{}</th>", words::users(users)).expect("text grows");
        for &lifetime in &wanted.lifetimes {
            rows += &square(found, &Cell { behaviour, client, users, lifetime });
        }
        rows += "</tr>\n";
    }
    format!(
        "<figure>\n<figcaption>{}</figcaption>\n<table class=\"map\">\n<thead><tr><td></td>{heads}\
         </tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n<p class=\"saw\">Saw: {}</p>\n\
         </figure>\n",
        client.name(),
        escape(words::seen(found, behaviour, client))
    )
}

/// One cell; its class is the share that failed, in tenths.
fn square(found: &Found, cell: &Cell) -> String {
    let Some(outcome) = found.outcome(cell) else {
        return "<td class=\"none\" title=\"not measured\">·</td>".to_owned();
    };
    let (failed, must) = (outcome.failed(), found.must_fail(cell));
    let tenths = (f64::from(failed) / f64::from(cell.users) * 10.0).ceil() as u32;
    let (mark, title) = if failed == must {
        ("", String::new())
    } else {
        ("!", format!(" title=\"by the arithmetic {must} must fail\""))
    };
    format!("<td class=\"f{tenths}\"{title}>{failed}/{}{mark}</td>", cell.users)
}

fn fit(found: &Found, index: usize, fit: &Fit) -> String {
    let class = if found.verdict.alike.contains(&index) { " class=\"best\"" } else { "" };
    let shape = fit.shape;
    let cells = [
        ("Fails there", if shape.fails_there > 0.0 { "yes" } else { "no" }.to_owned()),
        ("Longer, fewer", shape.fewer_when_longer.map_or_else(|| "-".to_owned(), percent)),
        ("No answer", percent(shape.cut_under_way)),
        ("Alike", percent(shape.score())),
        ("As reckoned", format!("{} of {}", fit.as_forecast, fit.cells)),
    ];
    let cells =
        cells.map(|(head, cell)| format!("<td role=\"cell\" data-head=\"{head}\">{cell}</td>"));
    format!(
        "<tr role=\"row\"{class}><th role=\"rowheader\" scope=\"row\">{} <small>{}</small></th>{}\
         </tr>\n",
        fit.behaviour.name(),
        fit.client.name(),
        cells.concat()
    )
}

fn arithmetic(found: &Found) -> String {
    let design = &found.design;
    let row = |users: &u32| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            words::users(*users),
            words::transfer(design, *users),
            words::waiting(design, *users)
        )
    };
    design.wanted().users.iter().map(row).collect()
}
