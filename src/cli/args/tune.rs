//! `tune`: what can be typed of a measurement.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches, ValueEnum};

use super::typed::words;
use super::upload::{ObjectArgs, TransferArgs};
use super::{AsTyped, StoreArgs};
use crate::tune::{Goal, Sweep};
use crate::units;

pub(super) const TUNE_HELP: &str = "\
A sweep names what is to be tried and its values: a libcurl option in capitals, or a setting of cp
with _ for -, as in the configuration. What is set already is always measured too: the baseline.
A sweep that is typed goes over one of the same name in the [tune] table of the configuration.

Up to 24 combinations are all measured. Of more, each value is measured by itself, and then every
combination of the two best of each name; more than 24 of either are refused.

Each measurement is an upload by a process of its own. After one that does not count come rounds,
each of all candidates, in an order drawn anew. Those whose best upload is clearly worse than the
leader's usual one drop out. A setting is called better only where noise alone would put any
candidate so far ahead less than once in twenty times (the rank test of Mann and Whitney, corrected
for the number of candidates).

Everything goes to one key beside DESTINATION, which begins with curlift-tune-, and is removed at
the end (needs s3:DeleteObject). A bucket that keeps versions keeps those too.

Exit codes: 0 measured, 1 something could not be removed, 2 usage, or a budget that is too small;
where nothing can be uploaded, the code of the upload; 130/143 stopped by a signal.

Examples:
  curlift tune big.bin s3://bucket/tmp/ --report tune.html --toml best.toml
  curlift tune big.bin s3://bucket/tmp/ --sweep concurrency=4,16 --sweep UPLOAD_BUFFERSIZE=1MiB
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
    transfer: TransferWords,
    #[command(flatten)]
    object: AsTyped<ObjectArgs>,
    #[command(flatten)]
    pub(in crate::cli) store: AsTyped<StoreArgs>,
}

/// How files are sent, as it was typed; what becomes of one that fails is ours to say.
#[derive(Debug)]
struct TransferWords(Vec<(String, OsString)>);

fn transfer() -> Command {
    let all = TransferArgs::augment_args(Command::new("transfer"));
    let some = all.get_arguments().filter(|arg| arg.get_id() != "on_failure").cloned();
    Command::new("transfer").args(some.collect::<Vec<_>>())
}

impl Args for TransferWords {
    fn augment_args(command: Command) -> Command {
        command.args(transfer().get_arguments().cloned().collect::<Vec<_>>())
    }

    fn augment_args_for_update(command: Command) -> Command {
        TransferWords::augment_args(command)
    }
}

impl FromArgMatches for TransferWords {
    fn from_arg_matches(matches: &ArgMatches) -> Result<TransferWords, Error> {
        let typed = transfer().get_arguments().flat_map(|arg| words(arg, matches)).collect();
        Ok(TransferWords(typed))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = TransferWords::from_arg_matches(matches)?;
        Ok(())
    }
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

    /// All that was typed of how a file is sent, as one word each with its flag's long name: what
    /// the candidates have in common.
    pub(in crate::cli) fn words(&self) -> Vec<(String, OsString)> {
        [self.store.words.as_slice(), &self.object.words, &self.transfer.0].concat()
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
        let args = tune(&["f", "s3://b/", "-k", "--region", "r", "--sse", "AES256", "-c", "3"]);
        let words = args.words();
        let words: Vec<&str> = words.iter().map(|(_, word)| word.to_str().unwrap()).collect();
        assert_eq!(words, ["--region=r", "--no-verify-ssl", "--sse=AES256", "--concurrency=3"]);
        let typed = ["curlift", "tune", "f", "s3://b/", "--on-failure", "keep"];
        assert!(Cli::try_parse_from(typed).is_err());
    }
}
