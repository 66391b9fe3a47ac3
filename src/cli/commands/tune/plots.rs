//! The plots of the page, as SVG that stands in it. Colours are names in disguise: the page's
//! style gives each its value, in light and in dark.

use std::io;
use std::ops::Range;

use plotters::prelude::*;

use super::found::{Found, mib_per_s, rate};
use crate::tune::{Effect, Entry, Sample, effects};

/// Text; lines of the grid; a candidate; the baseline; the best.
pub(super) const INK: RGBColor = RGBColor(1, 1, 1);
pub(super) const GRID: RGBColor = RGBColor(2, 2, 2);
pub(super) const OTHER: RGBColor = RGBColor(3, 3, 3);
pub(super) const BASELINE: RGBColor = RGBColor(4, 4, 4);
pub(super) const BEST: RGBColor = RGBColor(5, 5, 5);

/// One plot: what it shows, in words too, and its drawing.
pub(super) struct Plot {
    pub(super) title: String,
    /// The same for those who do not see it.
    pub(super) description: String,
    /// The size of the drawing.
    pub(super) size: (u32, u32),
    /// What is drawn, without the element around it.
    pub(super) svg: String,
}

type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

/// Units of the drawing; at 390 pixels a unit is a little less than one.
const WIDTH: u32 = 360;
const ROW_HEIGHT: u32 = 40;
const HEIGHT: u32 = 260;
/// Space below for the numbers and what they are.
const AXIS: u32 = 44;
/// The same for the names of values.
const NAMES: u32 = 26;
/// Text size, of which plotters makes 12.
const TEXT: u32 = 15;
/// Labels hold all settings of a candidate.
const LABEL_TEXT: f64 = 13.5;

/// All plots there is something to show in.
pub(super) fn plots(found: &Found) -> Vec<Plot> {
    let measured: Vec<Row<'_>> = rows(found);
    if measured.is_empty() {
        return Vec::new();
    }
    let mut plots = vec![throughput(&measured), cost(&measured)];
    plots.extend(effects(&found.sweeps, &found.entries).iter().map(effect));
    plots.into_iter().flatten().collect()
}

/// A candidate that uploaded, with its place and colour.
struct Row<'a> {
    place: usize,
    entry: &'a Entry,
    color: RGBColor,
}

fn rows(found: &Found) -> Vec<Row<'_>> {
    let best = found.best().map(|entry| &entry.candidate);
    let color = |entry: &Entry| match &entry.candidate {
        candidate if Some(candidate) == best => BEST,
        candidate if candidate.is_baseline() => BASELINE,
        _ => OTHER,
    };
    let rows = found.ranked().enumerate().map(|(index, (entry, _))| (index + 1, entry));
    rows.filter(|(_, entry)| !entry.samples.is_empty())
        .map(|(place, entry)| Row { place, entry, color: color(entry) })
        .collect()
}

/// Every upload a dot, from the least to the most a line, at the median a bar.
fn throughput(rows: &[Row<'_>]) -> Option<Plot> {
    let samples = rows.iter().flat_map(|row| row.entry.samples.iter().map(rate));
    let range = padded(samples)?;
    let size = (WIDTH, ROW_HEIGHT * rows.len() as u32 + AXIS + 8);
    let count = rows.len() as f64;
    let draw = |area: &Area<'_>| -> Drawn {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(16)
            .x_label_area_size(AXIS)
            .build_cartesian_2d(range.clone(), 0.0..count)?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_labels(5)
            .x_label_formatter(&|value| number(*value, &range))
            .x_desc("MiB/s")
            .label_style(text())
            .axis_desc_style(text())
            .axis_style(GRID)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (index, row) in rows.iter().enumerate() {
            let top = count - index as f64;
            let line = top - 0.7;
            let label = format!("{} {}", row.place, row.entry.candidate);
            let at = (range.start, top - 0.08);
            let style = ("sans-serif", LABEL_TEXT).into_font().color(&INK);
            chart.draw_series([Text::new(shortened(&label), at, style)])?;
            let Some(spread) = row.entry.spread(rate) else { continue };
            let style = row.color.stroke_width(2);
            let reach = vec![(spread.min, line), (spread.max, line)];
            chart.draw_series([PathElement::new(reach, style)])?;
            let dots = row.entry.samples.iter().map(|sample| (rate(sample), line));
            let dot = row.color.mix(0.55).filled();
            chart.draw_series(dots.map(|at| Circle::new(at, 4, dot)))?;
            let median = vec![(spread.median, line - 0.22), (spread.median, line + 0.22)];
            chart.draw_series([PathElement::new(median, row.color.stroke_width(4))])?;
        }
        Ok(())
    };
    let said = rows.iter().filter_map(|row| {
        let spread = row.entry.spread(rate)?;
        Some(format!(
            "{} {}: median {:.1}, {:.1} to {:.1} MiB/s",
            row.place, row.entry.candidate, spread.median, spread.min, spread.max
        ))
    });
    Plot::new("Throughput of each candidate", said.collect::<Vec<_>>().join("; "), size, draw)
}

/// Processor time against throughput.
fn cost(rows: &[Row<'_>]) -> Option<Plot> {
    let point = |row: &Row<'_>| {
        Some((row.entry.spread(rate)?.median, row.entry.spread(Sample::cpu_s_per_gib)?.median))
    };
    let points: Vec<(&Row<'_>, (f64, f64))> =
        rows.iter().filter_map(|row| Some((row, point(row)?))).collect();
    let x = padded(points.iter().map(|(_, (rate, _))| *rate))?;
    let y = padded(points.iter().map(|(_, (_, cpu))| *cpu))?;
    let draw = |area: &Area<'_>| -> Drawn {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .margin_right(20)
            .x_label_area_size(AXIS)
            .y_label_area_size(56)
            .build_cartesian_2d(x.clone(), y.clone())?;
        chart
            .configure_mesh()
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|value| number(*value, &x))
            .y_label_formatter(&|value| number(*value, &y))
            .x_desc("MiB/s")
            .y_desc("CPU s/GiB")
            .label_style(text())
            .axis_desc_style(text())
            .axis_style(GRID)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (row, at) in points.iter().rev() {
            chart.draw_series([Circle::new(*at, 5, row.color.filled())])?;
        }
        for (row, at) in with_room(&points, &x, &y) {
            let name = EmptyElement::at(at) + Text::new(row.place.to_string(), (7, -14), text());
            chart.draw_series([name])?;
        }
        Ok(())
    };
    let said = points.iter().map(|(row, (rate, cpu))| {
        format!("{} {}: {rate:.1} MiB/s, {cpu:.2} s/GiB", row.place, row.entry.candidate)
    });
    let said = said.collect::<Vec<_>>().join("; ");
    Plot::new("Processor time against throughput", said, (WIDTH, HEIGHT), draw)
}

/// The points whose numbers can be read: each is away from those before it, the best and the
/// baseline first.
fn with_room<'a>(
    points: &[(&'a Row<'a>, (f64, f64))],
    x: &Range<f64>,
    y: &Range<f64>,
) -> Vec<(&'a Row<'a>, (f64, f64))> {
    let share = |value: f64, range: &Range<f64>| (value - range.start) / (range.end - range.start);
    let (important, others): (Vec<_>, Vec<_>) =
        points.iter().copied().partition(|(row, _)| row.color != OTHER);
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let mut has_room = |at: (f64, f64)| {
        let at = (share(at.0, x), share(at.1, y));
        let near =
            |other: &(f64, f64)| (at.0 - other.0).abs() < NEAR.0 && (at.1 - other.1).abs() < NEAR.1;
        let has_room = !taken.iter().any(near);
        taken.extend(has_room.then_some(at));
        has_room
    };
    important.into_iter().chain(others).filter(|(_, at)| has_room(*at)).collect()
}

/// The width and height of a number, as shares of the plot's.
const NEAR: (f64, f64) = (0.07, 0.08);

/// The throughput by the values of one name; nothing to see where there is one only.
fn effect(effect: &Effect) -> Option<Plot> {
    let points: Vec<(String, f64)> = effect
        .values
        .iter()
        .map(|(value, rate)| (value.clone().unwrap_or_else(|| "as it is".into()), mib_per_s(*rate)))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let y = padded(points.iter().map(|(_, rate)| *rate))?;
    let last = points.len() as f64 - 0.5;
    let draw = |area: &Area<'_>| -> Drawn {
        let mut chart = ChartBuilder::on(area)
            .margin(6)
            .x_label_area_size(NAMES)
            .y_label_area_size(56)
            .build_cartesian_2d(-0.5..last, y.clone())?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .disable_x_axis()
            .y_labels(5)
            .y_label_formatter(&|value| number(*value, &y))
            .y_desc("MiB/s")
            .label_style(text())
            .axis_desc_style(text())
            .axis_style(GRID)
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .draw()?;
        let at = |index: usize| (index as f64, points[index].1);
        // What is set already is no value of the series.
        let first = usize::from(effect.values[0].0.is_none());
        let line: Vec<(f64, f64)> = (first..points.len()).map(at).collect();
        chart.draw_series([PathElement::new(line, OTHER.stroke_width(2))])?;
        for (index, (value, _)) in points.iter().enumerate() {
            let color = if index < first { BASELINE } else { OTHER };
            chart.draw_series([Circle::new(at(index), 5, color.filled())])?;
            let below = (index as f64, y.start);
            let style = text().pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Center,
                plotters::style::text_anchor::VPos::Top,
            ));
            let name = EmptyElement::at(below) + Text::new(value.clone(), (0, 8), style);
            chart.draw_series([name])?;
        }
        Ok(())
    };
    let said = points.iter().map(|(value, rate)| format!("{value}: {rate:.1} MiB/s"));
    let said = said.collect::<Vec<_>>().join("; ");
    Plot::new(&format!("Throughput by {}", effect.name), said, (WIDTH, HEIGHT - 40), draw)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

impl Plot {
    /// Nothing where it cannot be drawn: the table has the same numbers.
    fn new(
        title: &str,
        description: String,
        size: (u32, u32),
        draw: impl FnOnce(&Area<'_>) -> Drawn,
    ) -> Option<Plot> {
        let mut svg = String::new();
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = draw(&area).and_then(|()| area.present());
        drop(area);
        if let Err(error) = drawn {
            log::warn!("a plot cannot be drawn: {error}");
            return None;
        }
        // The element around it is the page's.
        let (_, inside) = svg.split_once('>')?;
        let svg = inside.trim().strip_suffix("</svg>")?.trim().to_owned();
        Some(Plot { title: title.to_owned(), description, size, svg })
    }
}

fn text() -> TextStyle<'static> {
    ("sans-serif", TEXT).into_font().color(&INK)
}

/// What the values reach over, and a little more; `None` where there are none.
fn padded(values: impl Iterator<Item = f64>) -> Option<Range<f64>> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        (least, most) = (least.min(value), most.max(value));
    }
    (least <= most).then(|| {
        let more = ((most - least) * 0.1).max(most.abs() * 0.02).max(1e-6);
        (least - more).max(0.0)..most + more
    })
}

/// A number with as many digits as tell the ticks of `range` apart.
fn number(value: f64, range: &Range<f64>) -> String {
    match range.end - range.start {
        span if span >= 20.0 => format!("{value:.0}"),
        span if span >= 2.0 => format!("{value:.1}"),
        span if span >= 0.2 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// As much of a label as there is room for.
fn shortened(label: &str) -> String {
    if label.chars().count() <= LABEL_MAX {
        return label.to_owned();
    }
    label.chars().take(LABEL_MAX - 1).chain(['…']).collect()
}

const LABEL_MAX: usize = 57;
