//! The flags of the command line as words of the config file: what may stand at its top level is
//! defined once, with the flags.

use std::cell::LazyCell;
use std::error::Error as _;

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, FromArgMatches};

use super::args::Cli;
use super::definition;
use crate::config::{ConfigFile, LOOKED_UP, Shape, Vocabulary};

/// Flags that say something about one run alone.
const OF_ONE_RUN: [&str; 9] = [
    "help",
    "version",
    "config",
    "curl",
    "dry_run",
    "upload_id",
    "expected_size",
    "recursive",
    "verbose",
];

/// The definition of all arguments, made once a config file is there to be read.
pub(super) struct Flags(LazyCell<Defined>);

struct Defined {
    definition: clap::Command,
    /// Of `cp`, those that every command has included.
    flags: Vec<Arg>,
}

impl Defined {
    fn new(definition: clap::Command) -> Defined {
        let cp = definition.find_subcommand("cp").expect("cp is a command");
        let all = cp.get_arguments().chain(definition.get_arguments());
        let flags = all.filter(|arg| arg.get_long().is_some());
        let flags = flags.filter(|arg| !OF_ONE_RUN.contains(&arg.get_id().as_str()));
        let flags = flags.cloned().collect();
        Defined { definition, flags }
    }
}

impl Flags {
    pub(super) fn new() -> Flags {
        Flags(LazyCell::new(|| Defined::new(definition())))
    }

    /// The definition with what the file says as defaults; none where it says nothing of the kind.
    pub(super) fn with_defaults(&self, file: &ConfigFile) -> Option<clap::Command> {
        let settings = file.top.settings.iter();
        let mut settings = settings.filter(|(name, _)| !LOOKED_UP.contains(&name.as_str()));
        let first = settings.next()?;
        let definition = std::iter::once(first)
            .chain(settings)
            .fold(self.0.definition.clone(), |definition, (name, set)| {
                with_default(definition, name, &set.value)
            });
        Some(definition)
    }

    fn flag(&self, setting: &str) -> Option<&Arg> {
        self.0.flags.iter().find(|flag| name(flag) == setting)
    }
}

/// The long name, with `_` for `-`.
fn name(flag: &Arg) -> String {
    flag.get_long().unwrap_or_default().replace('-', "_")
}

/// Every command that has the flag gets the default.
fn with_default(command: clap::Command, setting: &str, values: &[String]) -> clap::Command {
    let id =
        command.get_arguments().find(|arg| name(arg) == setting).map(|arg| arg.get_id().clone());
    let values: Vec<clap::builder::OsStr> =
        values.iter().map(|value| value.clone().into()).collect();
    let command = match id {
        Some(id) => command.mut_arg(id, |arg| arg.default_values(values.clone())),
        None => command,
    };
    let texts: Vec<String> =
        values.iter().map(|value| value.to_string_lossy().into_owned()).collect();
    command.mut_subcommands(|sub| with_default(sub, setting, &texts))
}

impl Vocabulary for Flags {
    fn setting(&self, key: &str) -> Option<String> {
        let key = key.replace('-', "_").to_ascii_lowercase();
        let is_it = |flag: &&Arg| {
            let aliases = flag.get_visible_aliases().unwrap_or_default();
            name(flag) == key || aliases.iter().any(|alias| alias.replace('-', "_") == key)
        };
        self.0.flags.iter().find(is_it).map(name)
    }

    fn settings(&self) -> Vec<String> {
        self.0.flags.iter().map(name).collect()
    }

    fn shape(&self, setting: &str) -> Shape {
        match self.flag(setting).map(Arg::get_action) {
            Some(ArgAction::SetTrue) => Shape::Switch,
            Some(ArgAction::Append) => Shape::Pairs,
            _ => Shape::One,
        }
    }

    /// Asks the definition of the flag itself.
    fn check(&self, setting: &str, values: &[String]) -> Result<(), String> {
        let Some(flag) = self.flag(setting) else { return Ok(()) };
        if self.shape(setting) == Shape::Switch {
            return Ok(());
        }
        let long = flag.get_long().unwrap_or_default();
        let typed = values.iter().map(|value| format!("--{long}={value}"));
        let start = ["curlift", "cp", "FILE", "s3://bucket/key"].map(str::to_owned);
        let matches =
            self.0.definition.clone().try_get_matches_from(start.into_iter().chain(typed));
        let Err(error) = matches.and_then(|matches| Cli::from_arg_matches(&matches)) else {
            return Ok(());
        };
        let named = flag.get_possible_values();
        if !named.is_empty() {
            let possible: Vec<_> = named.iter().map(PossibleValue::get_name).collect();
            return Err(format!("one of {} is expected", possible.join(", ")));
        }
        Err(match error.source() {
            Some(why) => why.to_string(),
            None => error.kind().as_str().unwrap_or("it cannot be").to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn flags() -> Flags {
        Flags::new()
    }

    #[test]
    fn flags_are_known_by_name_and_alias() {
        let flags = flags();
        assert_eq!(flags.setting("part_size").as_deref(), Some("part_size"));
        assert_eq!(flags.setting("chunk-size").as_deref(), Some("part_size"));
        assert_eq!(flags.setting("dry_run"), None);
        assert_eq!(flags.shape("no_hedge"), Shape::Switch);
        assert_eq!(flags.shape("metadata"), Shape::Pairs);
        assert_eq!(flags.shape("acl"), Shape::One);
    }

    #[test]
    fn settings_that_are_looked_up_elsewhere_are_flags() {
        let flags = flags();
        for name in LOOKED_UP {
            assert!(flags.flag(name).is_some(), "--{name}");
        }
    }

    #[test]
    fn values_are_checked_as_those_of_flags_are() {
        let check = |setting: &str, value: &str| flags().check(setting, &[value.to_owned()]);
        assert_eq!(check("part_size", "64MiB"), Ok(()));
        assert!(check("part_size", "64X").unwrap_err().contains("unknown unit `X`"));
        assert!(check("resume", "maybe").unwrap_err().contains("auto, never, require"));
        assert!(check("concurrency", "0").unwrap_err().contains('0'));
    }

    #[test]
    fn what_the_file_says_is_the_default_and_a_flag_goes_before_it() {
        let text = "storage_class = \"GLACIER_IR\"\nno_hedge = true\nmetadata = { a = \"1\" }\nquiet = true\n";
        let file = ConfigFile::parse(Path::new("c"), text, &flags()).unwrap();
        let cp = |more: &[&str]| {
            let typed = ["curlift", "cp", "f", "s3://b/k"].iter().chain(more);
            let definition = flags().with_defaults(&file).unwrap();
            let matches = definition.try_get_matches_from(typed).unwrap();
            Cli::from_arg_matches(&matches).unwrap()
        };
        let upload = |cli: Cli| match cli.command {
            super::super::args::Command::Cp(args) => args.upload,
            other => panic!("{other:?}"),
        };
        let cli = cp(&[]);
        assert!(cli.output.quiet);
        let args = upload(cli);
        let settings = args.object_settings();
        assert_eq!(settings.storage_class.as_deref(), Some("GLACIER_IR"));
        assert_eq!(settings.metadata, [("a".to_owned(), "1".to_owned())]);
        assert!(!args.hedge());
        let settings = upload(cp(&["--storage-class", "STANDARD", "--metadata", "b=2"]));
        let settings = settings.object_settings();
        assert_eq!(settings.storage_class.as_deref(), Some("STANDARD"));
        assert_eq!(settings.metadata, [("b".to_owned(), "2".to_owned())]);
    }

    #[test]
    fn a_file_that_only_sets_what_is_looked_up_changes_no_default() {
        let file = ConfigFile::parse(Path::new("c"), "region = \"r\"", &flags()).unwrap();
        assert!(flags().with_defaults(&file).is_none());
    }
}
