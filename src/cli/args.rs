//! What can be typed. Help texts, completions and the man page come from here; what the words mean
//! is the commands' business.

#![expect(clippy::doc_markdown, reason = "help texts are read at a terminal")]

mod bucket;
#[cfg(feature = "lab")]
mod experiment;
mod export;
mod options;
mod parts;
mod presign;
mod renew;
mod store;
mod tune;
mod typed;
mod upload;
mod uploads;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

pub(super) use self::bucket::{LifecycleCommand, RuleArgs, StoreArgs, VerifyArgs};
#[cfg(feature = "lab")]
pub(super) use self::experiment::{ClientWord, ExperimentCommand, PresignedExpiryArgs};
pub(super) use self::export::{ExportArgs, Target, ToolVersion};
pub(super) use self::options::{
    OptionsCheckArgs, OptionsCommand, OptionsEffectiveArgs, OptionsLsArgs, OptionsShowArgs,
};
pub(super) use self::parts::CompleteArgs;
pub(super) use self::presign::{PresignArgs, PresignedCall};
pub(super) use self::renew::RenewArgs;
use self::store::store_overrides;
pub(super) use self::store::{NetworkArgs, RetryArgs, S3Args};
pub(super) use self::tune::TuneArgs;
pub(super) use self::typed::AsTyped;
pub(super) use self::upload::{ExpirySettings, ResumeArgs, UploadArgs};
pub(super) use self::uploads::{AbortArgs, SelectionArgs, UploadsCommand};
#[cfg(feature = "lab")]
use crate::units;

/// Uploads files to S3 through libcurl: dependable, fast, explainable.
#[derive(Debug, Parser)]
#[command(name = "curlift", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) output: OutputArgs,
    /// The config file [default: $CURLIFT_CONFIG, else ~/.config/curlift/config.toml]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Output")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

impl Command {
    /// Whether the config file concerns it.
    pub(super) fn is_configured(&self) -> bool {
        match self {
            Command::Cp(_)
            | Command::Plan(_)
            | Command::Verify(_)
            | Command::Lifecycle(_)
            | Command::Uploads(_)
            | Command::Options(_)
            | Command::Presign(_)
            | Command::Complete(_)
            | Command::Resume(_)
            | Command::Tune(_) => true,
            #[cfg(feature = "lab")]
            Command::Experiment(_) | Command::Lab(_) | Command::Demo(_) => false,
            Command::Completions { .. } | Command::Man { .. } => false,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Upload a file
    #[command(visible_alias = "put", after_help = CP_EXAMPLES)]
    Cp(CpArgs),
    /// Show what `cp` would do; sends nothing
    Plan(UploadArgs),
    /// Compare a local file with a stored object
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Show, set or remove the rule by which a bucket aborts unfinished uploads
    #[command(subcommand)]
    Lifecycle(LifecycleCommand),
    /// List and abort multipart uploads that were never completed
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Go on with interrupted uploads
    #[command(after_help = RESUME_EXAMPLES)]
    Resume(ResumeArgs),
    /// List, explain, check and export libcurl's options, and show what will be set
    #[command(subcommand, after_help = options::EXAMPLES)]
    Options(OptionsCommand),
    /// Print a URL with which somebody without keys can make one request
    #[command(after_help = presign::EXAMPLES)]
    Presign(Box<PresignArgs>),
    /// Complete an upload whose parts were sent by presigned URLs
    #[command(after_help = parts::COMPLETE_EXAMPLES)]
    Complete(CompleteArgs),
    /// Find the settings that upload best, by measuring
    #[command(after_help = tune::TUNE_HELP)]
    Tune(Box<TuneArgs>),
    /// Show by measuring, on this machine alone, why uploads fail
    #[cfg(feature = "lab")]
    #[command(subcommand)]
    Experiment(ExperimentCommand),
    /// Run a local S3 endpoint with fault injection
    #[cfg(feature = "lab")]
    #[command(after_help = LAB_EXAMPLES)]
    Lab(LabArgs),
    /// Upload under faults to an embedded lab and compare the stored bytes
    #[cfg(feature = "lab")]
    Demo(DemoArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of curlift, or of one of its commands
    Man {
        /// The command
        command: Option<String>,
    },
}

const EXIT_CODES: &str = "\
Exit codes: 0 uploaded, 2 usage, 3 configuration, 4 credentials or permission, 5 local file,
6 gave up on network or store, 7 unknown, 8 conflict, 9 not found, 130/143 stopped by a signal";

const CP_EXAMPLES: &str = "\
Examples:
  curlift cp backup.tar s3://bucket/backups/
  curlift cp big.bin s3://bucket/key --part-size 64MiB -c 16
  tar -cz DIR | curlift cp - s3://bucket/dir.tgz
  curlift cp big.bin s3://bucket/key --endpoint-url http://localhost:9000 --profile dev";

const RESUME_EXAMPLES: &str = "\
Examples:
  curlift resume --list
  curlift resume 3f9c
  curlift resume --all";

const VERIFY_EXAMPLES: &str = "\
Exit codes: 0 equal, 8 different, 9 there is no such object, 5 the file cannot be read.

Examples:
  curlift verify backup.tar s3://bucket/backups/
  curlift verify big.bin s3://bucket/key --json";

#[cfg(feature = "lab")]
const LAB_EXAMPLES: &str = "\
A fault rule is OPERATION WHEN EFFECT:
  OPERATION  an S3 operation name, or *
  WHEN       always | 3% | #2 | every 5 | first 3 | part 7
  EFFECT     reset [after SIZE] | close after SIZE | stall after SIZE [for DURATION] | slow RATE |
             status CODE [S3CODE] [retry-after DURATION] | early CODE S3CODE |
             error-in-200 S3CODE | lose-answer | truncate-answer | garbage | no-100 |
             idle-close DURATION | redirect HOST | skew DURATION | corrupt | starve DURATION |
             expire-in-flight | expire-at-end | expire-abruptly

  starve           400 RequestTimeout where nothing of a body arrives for so long (S3: about 20s)
  expire-in-flight a transfer is reset when its presigned URL expires under way
  expire-at-end    a presigned URL must still live when its body has been read; else 403
  expire-abruptly  a URL that has expired at the start is refused and the body left unread
Without one of these a URL that has expired is refused at the start, and the body read for a while.

Examples:
  curlift lab -- curlift cp big.bin s3://lab/key
  curlift lab --fault 'UploadPart 5% reset after 4MiB' -- python my_upload.py
  curlift lab --link-rate 10Mbit --fault '* always skew -20m' -- ./upload-everything.sh";

/// `cp`.
#[derive(Debug, Args)]
pub(super) struct CpArgs {
    #[command(flatten)]
    pub(super) upload: UploadArgs,
    /// Show what would be done and send nothing, as `plan` does
    #[arg(short = 'n', long, visible_alias = "dryrun", help_heading = "Transfer")]
    pub(super) dry_run: bool,
}

/// What every command has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Print errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more; -vv says everything
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print JSON lines on stdout
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to show progress on stderr; auto is at a terminal, with plain lines elsewhere
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: When,
    /// The same as --progress never
    #[arg(long, global = true, overrides_with = "progress")]
    pub(super) no_progress: bool,
    /// When to use colors; auto is at a terminal
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Write the log there, not to stderr [filter: CURLIFT_LOG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) log_file: Option<PathBuf>,
}

/// `lab`.
#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct LabArgs {
    /// A fault, as below; may be repeated
    #[arg(long = "fault", value_name = "RULE")]
    pub(super) faults: Vec<crate::lab::faults::Rule>,
    /// Seed of faults that strike at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
    /// Speak https, with a certificate made for the occasion
    #[arg(long)]
    pub(super) tls: bool,
    /// Let all request bodies together in at this rate, fairly: 10Mbit, 1.25MB (MB = 2^20 bytes,
    /// Mbit = 10^6 bits)
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    pub(super) link_rate: Option<u64>,
    /// Hash what is uploaded and keep only the hashes
    #[arg(long)]
    pub(super) discard: bool,
    /// Answer 200 to everything and look at nothing: to measure a client's own speed
    #[arg(long, conflicts_with_all = ["faults", "seed", "tls", "link_rate", "discard",
        "buckets", "folder"])]
    pub(super) null: bool,
    /// A bucket that exists from the start; may be repeated
    #[arg(long = "bucket", value_name = "NAME", default_value = "lab")]
    pub(super) buckets: Vec<String>,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub(super) listen: std::net::SocketAddr,
    /// Where to keep what is uploaded [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// A command to run against the lab; its exit code becomes ours
    #[arg(last = true, value_name = "COMMAND")]
    pub(super) command: Vec<std::ffi::OsString>,
}

/// `demo`.
#[cfg(feature = "lab")]
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// The file to upload [default: a generated one]
    pub(super) file: Option<PathBuf>,
    /// Size of the generated file
    #[arg(long, value_parser = units::size, default_value = "1GiB", conflicts_with = "file")]
    pub(super) size: u64,
    /// A fault in place of the usual ones, as in `lab --fault`; may be repeated
    #[arg(long = "fault", value_name = "RULE")]
    pub(super) faults: Vec<crate::lab::faults::Rule>,
    /// Seed of faults that strike at random
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) seed: u64,
}

/// `auto`, `always`, `never`; auto depends on whether there is a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::config::Overrides;

    fn cp(flags: &[&str]) -> CpArgs {
        let args = ["curlift", "cp", "page.html", "s3://b/k"].iter().chain(flags);
        match Cli::try_parse_from(args).unwrap().command {
            Command::Cp(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definitions_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_flag_has_a_help_text() {
        for command in Cli::command().get_subcommands() {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                assert!(arg.get_help().is_some(), "{} {}", command.get_name(), arg.get_id());
            }
        }
    }

    #[test]
    fn other_tools_names_are_understood() {
        let args = cp(&["--chunk-size", "64m", "--dryrun", "-c", "3"]);
        let overrides = args.upload.overrides();
        assert_eq!((overrides.part_size, overrides.concurrency), (Some(64 << 20), Some(3)));
        assert!(args.dry_run);
        assert!(Cli::try_parse_from(["curlift", "put", "a", "s3://b/c", "-vv"]).is_ok());
    }

    #[test]
    fn nothing_typed_overrides_nothing() {
        assert_eq!(cp(&[]).upload.overrides(), Overrides::default());
    }

    #[test]
    fn the_type_is_guessed_unless_given() {
        let typed = |flags| cp(flags).upload.object_settings().content_type;
        assert_eq!(typed(&[]).as_deref(), Some("text/html"));
        assert_eq!(typed(&["--content-type", "x/y"]).as_deref(), Some("x/y"));
    }

    #[test]
    fn the_type_of_standard_input_is_guessed_from_the_key() {
        let typed = |destination| {
            let cli = Cli::try_parse_from(["curlift", "cp", "-", destination]).unwrap();
            let Command::Cp(args) = cli.command else { panic!("it is cp") };
            args.upload.object_settings().content_type
        };
        assert_eq!(typed("s3://b/a.d/page.html").as_deref(), Some("text/html"));
        assert_eq!(typed("s3://b.html/page"), None);
    }

    #[test]
    fn pairs_are_split_at_the_first_sign() {
        let args = cp(&["--metadata", "a=b=c", "--metadata", "d=", "--tags", "e=f"]);
        let settings = args.upload.object_settings();
        assert_eq!(settings.metadata, [("a".into(), "b=c".into()), ("d".into(), String::new())]);
        assert_eq!(settings.tags, [("e".into(), "f".into())]);
        for pair in ["no-sign", "=x"] {
            let typed = ["curlift", "cp", "a", "s3://b/k", "--metadata", pair];
            assert!(Cli::try_parse_from(typed).is_err(), "{pair}");
        }
    }
}
