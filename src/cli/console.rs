//! Where the program prints: results and JSON lines on stdout, everything else on stderr, without
//! tearing the progress bar apart.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use clap::builder::styling::{AnsiColor, Style};
use env_logger::{Builder, Target};
use indicatif::ProgressBar;
use log::LevelFilter;
use serde::Serialize;

use super::args::{OutputArgs, When};
use super::error::CliError;
use crate::credentials::Environment;
use crate::s3::UnixTime;
use crate::s3::drives_a_terminal;

/// The program's two output streams.
#[derive(Debug)]
pub(super) struct Console {
    quiet: bool,
    json: bool,
    progress: When,
    color: bool,
    bar: ProgressBar,
    /// The first failure to write to stdout.
    broken: Mutex<Option<io::Error>>,
}

impl Console {
    /// A console as the output flags want it; also starts the log.
    pub(super) fn new(args: &OutputArgs, environment: &Environment) -> Result<Console, CliError> {
        let color = match args.color {
            When::Auto => io::stderr().is_terminal() && environment.get("NO_COLOR").is_none(),
            When::Always => true,
            When::Never => false,
        };
        let bar = ProgressBar::hidden();
        start_log(args, environment.get("CURLIFT_LOG"), bar.clone())?;
        Ok(Console {
            quiet: args.quiet,
            json: args.json,
            progress: if args.no_progress { When::Never } else { args.progress },
            color,
            bar,
            broken: Mutex::new(None),
        })
    }

    /// Whether results are JSON lines.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Whether and how progress is shown.
    pub(super) fn progress(&self) -> When {
        match (self.progress, self.quiet) {
            (When::Auto, true) => When::Never,
            (progress, _) => progress,
        }
    }

    /// The bar that lines on stderr must not tear apart; hidden until it is shown.
    pub(super) fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// A result for people, on stdout.
    pub(super) fn result(&self, text: &str) {
        if !self.quiet && !self.json {
            self.write(&harmless(text));
        }
    }

    /// What was asked for itself, such as a plan or a script: on stdout even with `-q`.
    pub(super) fn product(&self, text: &str) {
        self.write(text);
    }

    /// A result for programs, on stdout.
    pub(super) fn event(&self, event: &impl Serialize) {
        if self.json {
            let line = serde_json::to_string(event).expect("events are maps with text keys");
            self.write(&line);
        }
    }

    /// A line on stderr that is worth knowing without being an error.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&harmless(text));
        }
    }

    /// A warning on stderr.
    pub(super) fn warn(&self, text: &str) {
        if !self.quiet {
            let text = harmless(text);
            self.stderr(&format!("{} {text}", self.styled("warning:", AnsiColor::Yellow)));
        }
    }

    /// An error on stderr; the lines behind the first are indented.
    pub(super) fn error(&self, text: &str) {
        let text = harmless(text).replace('\n', "\n  ");
        self.stderr(&format!("{} {text}", self.styled("error:", AnsiColor::Red)));
    }

    /// What went wrong when writing to stdout; a reader that went away is no error.
    pub(super) fn finish(self) -> Result<(), CliError> {
        let broken = self.broken.into_inner().unwrap_or_else(PoisonError::into_inner);
        match broken.filter(|error| error.kind() != io::ErrorKind::BrokenPipe) {
            Some(error) => Err(CliError::Output(error)),
            None => Ok(()),
        }
    }

    fn write(&self, text: &str) {
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let written = self.bar.suspend(|| {
            let mut stdout = io::stdout().lock();
            write!(stdout, "{text}{newline}").and_then(|()| stdout.flush())
        });
        if let Err(error) = written {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert(error);
        }
    }

    /// There is no place left to complain about a broken stderr.
    fn stderr(&self, text: &str) {
        self.bar.suspend(|| writeln!(io::stderr().lock(), "{text}").ok());
    }

    fn styled(&self, text: &str, color: AnsiColor) -> String {
        if !self.color {
            return text.to_owned();
        }
        let style = Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }
}

/// Columns of the terminal that results go to; none where they go elsewhere.
pub(super) fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(width.0.into())
}

/// The clock of progress lines and summaries; nothing is decided by it.
#[expect(clippy::disallowed_methods, reason = "what is shown to people is paced by their clock")]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, for journals, ages and presigned URLs.
#[expect(clippy::disallowed_methods, reason = "a journal says when what happened")]
pub(super) fn wall_clock() -> SystemTime {
    SystemTime::now()
}

/// The same in whole seconds.
pub(super) fn unix_now() -> UnixTime {
    unix(wall_clock())
}

/// `time` in whole seconds; 1970, where it was before.
pub(super) fn unix(time: SystemTime) -> UnixTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(since.as_secs().cast_signed())
}

/// The same to the last digit.
pub(super) fn since_1970() -> Duration {
    wall_clock().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// A moment as people and programs read it: RFC 3339, in UTC.
pub(super) fn stamp(at: UnixTime) -> String {
    DateTime::<Utc>::from_timestamp(at.0, 0)
        .map_or_else(|| at.0.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The log goes to stderr, plainly, or to a file, with times. `filter` is `env_logger`'s.
fn start_log(args: &OutputArgs, filter: Option<&str>, bar: ProgressBar) -> Result<(), CliError> {
    let level = match (args.quiet, args.verbose, &args.log_file) {
        (true, ..) => LevelFilter::Error,
        (_, 0, None) => LevelFilter::Warn,
        (_, 1, None) => LevelFilter::Info,
        (_, 0..=1, Some(_)) | (_, 2, _) => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    let mut builder = Builder::new();
    builder.filter_module("curlift", level);
    if let Some(filter) = filter {
        builder.parse_filters(filter);
    }
    if let Some(path) = &args.log_file {
        let file = File::options().create(true).append(true).open(path);
        let file = file.map_err(|error| CliError::Log { path: path.clone(), error })?;
        builder.target(Target::Pipe(Box::new(Escaping(file))));
    } else {
        builder.target(Target::Pipe(Box::new(Escaping(BesideBar(bar)))));
        builder.format(|buffer, record| writeln!(buffer, "{}", record.args()));
    }
    // A second logger can only be a library user's own, which is then the right one.
    builder.try_init().ok();
    Ok(())
}

/// `text` with whatever would drive a terminal written as an escape: names and answers in it are
/// others'. The line ends are ours.
pub(super) fn harmless(text: &str) -> String {
    let harmless = |c: char| c == '\n' || !drives_a_terminal(c);
    let escape = |c: char| if harmless(c) { c.into() } else { c.escape_default().to_string() };
    text.chars().map(escape).collect()
}

/// A log whose records, which come whole, are made harmless.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(harmless(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Standard error, with the bar lifted while it is written to.
struct BesideBar(ProgressBar);

impl Write for BesideBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().lock().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
