//! `--report`: one page that needs nothing else.

use quick_xml::escape::escape;

use super::found::{Found, remark};
use super::plots::{Plot, plots};
use super::{bytes, names, paste, table};
use crate::cli::commands::template::filled;
use crate::tune::Entry;

const TEMPLATE: &str = include_str!("page.html");

/// The heads of the table's columns, the settings second.
const HEADS: [&str; 9] =
    ["Rank", "Settings", "MiB/s", "Range", "CPU s/GiB", "Peak MiB", "Retries", "Failed", "Rounds"];

/// The page.
pub(super) fn html(found: &Found) -> String {
    let sweeps: Vec<String> = found.sweeps.iter().map(names::shown).collect();
    let facts = [
        ("Uploaded", format!("{} ({})", found.source, bytes(found.size))),
        ("To", found.destination.clone()),
        ("Tried", sweeps.join("; ")),
        (
            "Cost",
            format!(
                "{} uploads, {}, {:.0} s",
                found.uploads,
                bytes(found.bytes),
                found.elapsed.as_secs_f64()
            ),
        ),
        ("Noise", format!("about {:.0}%", (found.ranking.noise * 100.0).ceil())),
        ("By", format!("curlift {}", env!("CARGO_PKG_VERSION"))),
    ];
    let facts: String = facts.iter().map(|(name, value)| fact(name, value)).collect();
    let rows = found.ranked().enumerate().map(|(index, (entry, failed))| {
        let is_best = found.best().is_some_and(|best| best.candidate == entry.candidate);
        row(index + 1, entry, is_best, remark(entry, failed))
    });
    let heads =
        HEADS.map(|head| format!("<th role=\"columnheader\" scope=\"col\">{head}</th>")).concat();
    let figures = plots(found);
    let figures = figures.iter().enumerate().map(|(index, plot)| figure(index, plot));
    let slots = [
        ("verdict", verdict(&found.verdict())),
        ("facts", facts),
        ("heads", heads),
        ("rows", rows.collect()),
        ("plots", figures.collect()),
        ("toml", escape(paste::toml(found)).into_owned()),
    ];
    filled(TEMPLATE, &slots)
}

/// The sentence, its flags unbroken.
fn verdict(text: &str) -> String {
    let word = |word: &str| {
        let escaped = escape(word);
        if word.starts_with("--") {
            return format!("<span class=\"flag\">{escaped}</span>");
        }
        escaped.into_owned()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn fact(name: &str, value: &str) -> String {
    format!("<dt>{name}</dt><dd>{}</dd>\n", escape(value))
}

fn row(place: usize, entry: &Entry, is_best: bool, remark: Option<String>) -> String {
    let [rank, rate, reach, cpu, memory, retries, failed, rounds] = table::cells(place, entry);
    let reach = reach.trim_matches(['[', ']']).replace(" - ", "\u{2013}");
    let (class, mark) = match (is_best, entry.candidate.is_baseline()) {
        (true, _) => (" class=\"best\"", " <em>better</em>"),
        (false, true) => (" class=\"baseline\"", " <em>baseline</em>"),
        _ => ("", ""),
    };
    let remark = remark.map(|remark| format!(" <small>{}</small>", escape(remark)));
    let settings = format!(
        "<code>{}</code>{mark}{}",
        escape(entry.candidate.to_string()),
        remark.unwrap_or_default()
    );
    let cells = [rank, settings, rate, reach, cpu, memory, retries, failed, rounds];
    let cells = HEADS.iter().zip(cells);
    let cells =
        cells.map(|(head, cell)| format!("<td role=\"cell\" data-head=\"{head}\">{cell}</td>"));
    let cells = cells.collect::<Vec<_>>().concat();
    format!("<tr role=\"row\"{class}>{cells}</tr>\n")
}

fn figure(index: usize, plot: &Plot) -> String {
    let (title, description) = (escape(&plot.title), escape(&plot.description));
    let (width, height) = plot.size;
    format!(
        "<figure>\n<figcaption>{title}</figcaption>\n<svg viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-labelledby=\"t{index} d{index}\">\n<title id=\"t{index}\">{title}\
         </title>\n<desc id=\"d{index}\">{description}</desc>\n{}\n</svg>\n</figure>\n",
        plot.svg
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::commands::tune::plots;
    use crate::tune::{Candidate, End, Goal, Sample, Sweep, rank};

    fn found() -> Found {
        let entry = |settings: &[(&str, &str)], rate: f64| {
            let settings = settings.iter().map(|&(n, v)| (n.into(), v.into())).collect();
            let sample = |round: u32| Sample {
                bytes: 1 << 28,
                elapsed_s: f64::from(1 << 28) / (rate * (1.0 + f64::from(round) / 100.0)),
                cpu_s: 1e7 / rate,
                memory_peak_bytes: Some(9 << 20),
                retries: 0,
            };
            Entry { samples: (0..5).map(sample).collect(), ..Entry::new(Candidate { settings }) }
        };
        let entries = vec![
            entry(&[], 1e8),
            entry(&[("a", "<script>{{rows}}&")], 2e8),
            entry(&[("a", "\"2\"")], 0.9e8),
        ];
        let ranking = rank(&entries, Goal::Throughput);
        let values = vec!["<script>{{rows}}&".to_owned(), "\"2\"".to_owned()];
        Found {
            ranking,
            reasons: vec![None; 3],
            entries,
            goal: Goal::Throughput,
            sweeps: vec![Sweep { name: "a".into(), values }],
            size: 1 << 28,
            source: "a<b".into(),
            destination: "s3://b/k".into(),
            rounds: 5,
            uploads: 16,
            bytes: 1 << 32,
            elapsed: Duration::from_secs(9),
            may_have_parts: false,
            end: Some(End::Rounds),
        }
    }

    #[test]
    fn what_others_wrote_is_text() {
        let page = html(&found());
        assert!(!page.contains("<script"), "{page}");
        assert!(page.contains("&lt;script&gt;{{rows}}&amp;"));
        assert!(page.contains("a&lt;b"));
        assert!(page.contains("class=\"best\"") && page.contains("class=\"baseline\""));
        assert_eq!(page.matches("<figure>").count(), 3);
        assert_eq!(page.matches("<tr").count(), 1 + 3);
    }

    #[test]
    fn the_style_knows_every_colour_of_the_plots() {
        let colors = [plots::INK, plots::GRID, plots::OTHER, plots::BASELINE, plots::BEST];
        let page = html(&found());
        for color in colors {
            let name = format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2);
            assert!(TEMPLATE.contains(&format!("[fill=\"{name}\"]")), "{name}");
            assert!(TEMPLATE.contains(&format!("[stroke=\"{name}\"]")), "{name}");
            assert!(page.matches(&name).count() > TEMPLATE.matches(&name).count(), "{name}");
        }
    }
}
