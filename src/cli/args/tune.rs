//! `tune`: what can be typed of a measurement.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::upload::ObjectArgs;
use super::{AsTyped, StoreArgs};
use crate::tune::{Goal, Sweep};
use crate::units;

pub(super) const TUNE_HELP: &str = "\
A sweep names what is to be tried, with its values: a libcurl option in capitals, or a setting of cp
with _ for -, as in the configuration. What is set already is always measured too, as the baseline.

  curlift tune big.bin s3://bucket/tmp/ --sweep concurrency=4,8,16 --sweep UPLOAD_BUFFERSIZE=64KiB,1MiB

Up to 24 combinations are all measured. Where there are more, each value is measured by itself, then
every combination of the two best of each name; more than 24 of either are refused.

Each measurement is an upload by a process of its own. After one that does not count come rounds, each
of all candidates in an order drawn anew; those whose best upload is clearly worse than the leader's
usual one drop out. A setting is called better only where less than one chance in twenty is left that
noise alone puts any candidate so far ahead (rank test of Mann and Whitney, corrected for their
number).

What is uploaded goes to one key beside DESTINATION, curlift-tune- and chance, and is removed at the
end (needs s3:DeleteObject). A bucket with versioning keeps what was uploaded.

Examples:
  curlift tune big.bin s3://bucket/tmp/ --report tune.html --toml best.toml
  curlift tune --size 1GiB s3://bucket/tmp/ --sweep part_size=8MiB,64MiB --max-bytes 50GiB
  curlift tune --size 256MiB --lab --by cpu";

/// `tune`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TuneArgs {
    /// The file to upload; left out with --size
    #[arg(value_name = "FILE")]
    first: Option<PathBuf>,
    /// Beside which objects go: s3://bucket/prefix/ or s3://bucket/key; left out with --lab
    #[arg(value_name = "DESTINATION")]
    second: Option<PathBuf>,
    /// Upload a generated file of this size
    #[arg(long, value_name = "SIZE", value_parser = units::size, help_heading = "Measuring")]
    pub(in crate::cli) size: Option<u64>,
    /// What to try [default: those of the configuration, else buffer, concurrency and part size]
    #[arg(long = "sweep", value_name = "NAME=V1,V2,...", value_parser = sweep)]
    #[arg(help_heading = "Measuring")]
    pub(in crate::cli) sweeps: Vec<Sweep>,
    /// What is to be good; within the noise, the processor decides
    #[arg(long, value_name = "WHAT", default_value = "throughput", help_heading = "Measuring")]
    by: By,
    /// Time for all of it
    #[arg(long, value_name = "DURATION", value_parser = units::duration, default_value = "5m")]
    #[arg(help_heading = "Measuring")]
    pub(in crate::cli) max_time: Duration,
    /// Bytes to upload in all
    #[arg(long, value_name = "SIZE", value_parser = units::size, default_value = "20GiB")]
    #[arg(help_heading = "Measuring")]
    pub(in crate::cli) max_bytes: u64,
    /// Rounds at most
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Measuring")]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=50))]
    pub(in crate::cli) rounds: u32,
    /// Seed of the order within rounds, of the generated file and of faults
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Measuring")]
    pub(in crate::cli) seed: u64,
    /// Upload to a server inside this program that believes everything, to measure this machine
    #[cfg(feature = "lab")]
    #[arg(long, help_heading = "Lab")]
    lab: bool,
    /// Upload to a lab with a fault, as in `lab --fault`; may be repeated
    #[cfg(feature = "lab")]
    #[arg(long = "fault", value_name = "RULE", requires = "lab", help_heading = "Lab")]
    pub(in crate::cli) faults: Vec<crate::lab::faults::Rule>,
    /// Write the best settings there, as configuration
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(in crate::cli) toml: Option<PathBuf>,
    /// Write a page with tables and plots there
    #[arg(long, value_name = "FILE.html", help_heading = "Output")]
    pub(in crate::cli) report: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) object: AsTyped<ObjectArgs>,
    #[command(flatten)]
    pub(in crate::cli) store: AsTyped<StoreArgs>,
}

/// `--by`.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    Throughput,
    Cpu,
    Memory,
}

impl TuneArgs {
    /// What is to be good.
    pub(in crate::cli) fn goal(&self) -> Goal {
        match self.by {
            By::Throughput => Goal::Throughput,
            By::Cpu => Goal::Cpu,
            By::Memory => Goal::Memory,
        }
    }

    /// Whether it goes to a server inside this program.
    pub(in crate::cli) fn is_lab(&self) -> bool {
        #[cfg(feature = "lab")]
        return self.lab;
        #[cfg(not(feature = "lab"))]
        false
    }

    /// The file and the destination that were typed: one word alone is whichever is needed.
    pub(in crate::cli) fn places(&self) -> (Option<PathBuf>, Option<PathBuf>) {
        match (&self.first, &self.second) {
            (Some(only), None) if self.size.is_some() => (None, Some(only.clone())),
            (first, second) => (first.clone(), second.clone()),
        }
    }
}

fn sweep(text: &str) -> Result<Sweep, String> {
    let shape = "write it as NAME=VALUE,VALUE,...";
    let (name, values) = text.split_once('=').ok_or(shape)?;
    let values: Vec<String> = values.split(',').map(|value| value.trim().to_owned()).collect();
    let name = name.trim();
    if name.is_empty() || values.iter().any(String::is_empty) {
        return Err(shape.to_owned());
    }
    Ok(Sweep { name: name.to_owned(), values })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::{Cli, Command};

    fn tune(flags: &[&str]) -> TuneArgs {
        let words = ["curlift", "tune"].iter().chain(flags);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Tune(args) => *args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_place_alone_is_the_one_that_is_needed() {
        let places = |flags: &[&str]| {
            let (file, destination) = tune(flags).places();
            let shown = |place: Option<PathBuf>| place.map(|p| p.display().to_string());
            (shown(file), shown(destination))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(places(&["f", "s3://b/"]), (some("f"), some("s3://b/")));
        assert_eq!(places(&["--size", "1MiB", "s3://b/"]), (None, some("s3://b/")));
        assert_eq!(places(&["f"]), (some("f"), None));
    }

    #[test]
    fn sweeps_are_names_and_values() {
        let args = tune(&["f", "--sweep", "A= 1,2 ,x=y"]);
        let expected =
            Sweep { name: "A".into(), values: ["1", "2", "x=y"].map(String::from).into() };
        assert_eq!(args.sweeps, [expected]);
        for wrong in ["A", "=1", "A=", "A=1,,2"] {
            let typed = Cli::try_parse_from(["curlift", "tune", "f", "--sweep", wrong]);
            assert!(typed.is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_of_the_store_and_the_object_are_handed_on() {
        let args = tune(&["f", "s3://b/", "-k", "--region", "r", "--sse", "AES256"]);
        let words = args.store.words.iter().chain(&args.object.words);
        let words: Vec<&str> = words.map(|(_, word)| word.to_str().unwrap()).collect();
        assert_eq!(words, ["--region=r", "--no-verify-ssl", "--sse=AES256"]);
    }
}
