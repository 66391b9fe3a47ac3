//! Progress on stderr: a bar at a terminal, else a plain line every 30 seconds.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::When;
use super::console::{Console, now};
use crate::upload::Snapshot;

/// The display of one run.
pub(super) struct Progress<'a> {
    console: &'a Console,
    display: Display,
}

enum Display {
    Bar { bar: ProgressBar, is_endless: bool },
    Lines { began: Instant, due: Instant },
    Off,
}

/// How often a line is printed where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(30);

/// How often the bar is drawn.
const DRAWS_PER_SECOND: u8 = 8;

const TEMPLATE: &str =
    "{percent:>3}% [{bar:20}] {bytes} of {total_bytes}, {bytes_per_sec}, eta {eta}, {wide_msg}";

/// For a stream whose end nobody knows.
const TEMPLATE_ENDLESS: &str = "{spinner} {bytes}, {bytes_per_sec}, {wide_msg}";

impl<'a> Progress<'a> {
    /// A display as the user wants it. `always` shows it even with `-q`.
    pub(super) fn new(console: &'a Console) -> Progress<'a> {
        let display = match console.progress() {
            When::Never => Display::Off,
            When::Auto | When::Always if io::stderr().is_terminal() => {
                let bar = console.bar().clone();
                bar.set_style(style(false));
                bar.reset();
                bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(DRAWS_PER_SECOND));
                Display::Bar { bar, is_endless: false }
            }
            When::Auto | When::Always => {
                let began = now();
                Display::Lines { began, due: began + LINE_INTERVAL }
            }
        };
        Progress { console, display }
    }

    /// Shows where the run stands.
    pub(super) fn show(&mut self, snapshot: &Snapshot) {
        let total = (!snapshot.is_endless).then_some(snapshot.bytes_total);
        self.draw(moved(snapshot), total, || counts(snapshot));
    }

    /// Shows how much of a file has been read.
    pub(super) fn show_read(&mut self, read: u64, total: u64) {
        self.draw(read, Some(total), || "read".to_owned());
    }

    /// Shows how much of what will be uploaded to measure has been, and what came of it so far.
    pub(super) fn show_measured(&mut self, bytes: u64, total: u64, so_far: &str) {
        self.draw(bytes, Some(total), || so_far.to_owned());
    }

    /// `total` is not known of a stream whose end nobody knows.
    fn draw(&mut self, moved: u64, total: Option<u64>, counts: impl Fn() -> String) {
        match &mut self.display {
            Display::Bar { bar, is_endless } => {
                if *is_endless != total.is_none() {
                    *is_endless = total.is_none();
                    bar.set_style(style(*is_endless));
                }
                bar.set_length(total.unwrap_or(moved));
                bar.set_position(moved);
                bar.set_message(counts());
            }
            Display::Lines { began, due } => {
                let now = now();
                if now >= *due {
                    *due = now + LINE_INTERVAL;
                    let line = line(moved, total, now.duration_since(*began), &counts());
                    self.console.note(&line);
                }
            }
            Display::Off => {}
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Display::Bar { bar, .. } = &self.display {
            bar.finish_and_clear();
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
    }
}

fn style(is_endless: bool) -> ProgressStyle {
    let template = if is_endless { TEMPLATE_ENDLESS } else { TEMPLATE };
    let style = ProgressStyle::with_template(template);
    style.expect("the template is sound").progress_chars("=> ")
}

/// One plain line.
fn line(moved: u64, total: Option<u64>, elapsed: Duration, counts: &str) -> String {
    let rate = moved as f64 / elapsed.as_secs_f64().max(0.001);
    let Some(total) = total else {
        let (bytes, rate) = (HumanBytes(moved), HumanBytes(rate as u64));
        return format!("{bytes} so far, {rate}/s, {counts}");
    };
    let percent = (moved * 100).checked_div(total).unwrap_or(100);
    let left = match (rate > 0.0).then(|| (total - moved) as f64 / rate) {
        Some(seconds) => format!("about {seconds:.0} s left"),
        None => "nothing moved yet".to_owned(),
    };
    format!(
        "{percent}%, {} of {}, {}/s, {left}, {counts}",
        HumanBytes(moved),
        HumanBytes(total),
        HumanBytes(rate as u64),
    )
}

/// Parts, in flight, retries, throttles.
fn counts(snapshot: &Snapshot) -> String {
    let Snapshot { parts_stored, parts_total, in_flight, retries, throttled, .. } = snapshot;
    let more = if snapshot.is_endless { "+" } else { "" };
    let mut text = format!("part {parts_stored}/{parts_total}{more}, {in_flight} in flight");
    if snapshot.in_flight_max < snapshot.concurrency {
        write!(text, " (at most {})", snapshot.in_flight_max).expect("text can be appended to");
    }
    if *retries > 0 {
        let plural = if *retries == 1 { "retry" } else { "retries" };
        write!(text, ", {retries} {plural}").expect("text can be appended to");
    }
    if *throttled > 0 {
        write!(text, " ({throttled} throttled)").expect("text can be appended to");
    }
    text
}

/// Framing makes bodies a little longer than the file, so what has moved is bounded.
fn moved(snapshot: &Snapshot) -> u64 {
    snapshot.bytes_stored.saturating_add(snapshot.bytes_in_flight).min(snapshot.bytes_total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(snapshot: &Snapshot, elapsed: Duration) -> String {
        let total = (!snapshot.is_endless).then_some(snapshot.bytes_total);
        line(moved(snapshot), total, elapsed, &counts(snapshot))
    }

    #[test]
    fn a_line_says_everything() {
        let snapshot = Snapshot {
            bytes_total: 1 << 30,
            is_endless: false,
            bytes_stored: 256 << 20,
            bytes_in_flight: 0,
            parts_total: 64,
            parts_stored: 16,
            in_flight: 8,
            in_flight_max: 12,
            concurrency: 64,
            retries: 3,
            throttled: 1,
        };
        assert_eq!(
            shown(&snapshot, Duration::from_secs(4)),
            "25%, 256.00 MiB of 1.00 GiB, 64.00 MiB/s, about 12 s left, part 16/64, 8 in flight (at \
             most 12), 3 retries (1 throttled)"
        );
    }

    #[test]
    fn a_stream_has_no_end_to_tell_of() {
        let snapshot = Snapshot {
            bytes_total: 32 << 20,
            is_endless: true,
            bytes_stored: 16 << 20,
            parts_total: 2,
            parts_stored: 1,
            in_flight: 1,
            ..Snapshot::default()
        };
        assert_eq!(
            shown(&snapshot, Duration::from_secs(4)),
            "16.00 MiB so far, 4.00 MiB/s, part 1/2+, 1 in flight"
        );
    }

    #[test]
    fn nothing_to_send_and_nothing_sent_divide_by_nothing() {
        let empty = Snapshot::default();
        assert!(shown(&empty, Duration::ZERO).starts_with("100%, 0 B of 0 B"));
        let waiting = Snapshot { bytes_total: 5, bytes_in_flight: 9, ..empty };
        assert!(shown(&waiting, Duration::ZERO).starts_with("100%, 5 B of 5 B"));
        let silent = Snapshot { bytes_total: 5, ..empty };
        assert!(shown(&silent, Duration::from_secs(1)).contains("nothing moved yet"));
    }
}
