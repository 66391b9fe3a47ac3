//! Flags as they were typed, to be typed again for another run of the program.

use std::ffi::OsString;

use clap::error::Error;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// Arguments, and the words that made them.
#[derive(Debug, Default)]
pub(in crate::cli) struct AsTyped<A> {
    pub(in crate::cli) args: A,
    /// Each flag that was typed, by its long name, as one word.
    pub(in crate::cli) words: Vec<(String, OsString)>,
}

impl<A: Args> Args for AsTyped<A> {
    fn augment_args(command: Command) -> Command {
        A::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        A::augment_args_for_update(command)
    }
}

impl<A: Args> FromArgMatches for AsTyped<A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<AsTyped<A>, Error> {
        let definition = A::augment_args(Command::new("typed"));
        let words = definition.get_arguments().flat_map(|arg| words(arg, matches)).collect();
        Ok(AsTyped { args: A::from_arg_matches(matches)?, words })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = AsTyped::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The words of one flag, each with its long name: one for each of its values, none where it was
/// not typed.
pub(super) fn words(arg: &Arg, matches: &ArgMatches) -> Vec<(String, OsString)> {
    let id = arg.get_id().as_str();
    let Some(long) = arg.get_long() else { return Vec::new() };
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    if !arg.get_action().takes_values() {
        return vec![(long.to_owned(), format!("--{long}").into())];
    }
    let word = |value: &std::ffi::OsStr| {
        let mut word = OsString::from(format!("--{long}="));
        word.push(value);
        (long.to_owned(), word)
    };
    matches.get_raw(id).unwrap_or_default().map(word).collect()
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, Parser};

    use super::*;

    #[derive(Debug, Args)]
    struct Flags {
        #[arg(short, long)]
        proxy: Option<String>,
        #[arg(short = 'k', long)]
        no_verify: bool,
        #[arg(long, default_value = "x")]
        region: String,
        #[arg(long, action = ArgAction::Append)]
        curl: Vec<String>,
    }

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        flags: AsTyped<Flags>,
        #[arg(long)]
        other: bool,
    }

    #[test]
    fn what_was_typed_can_be_typed_again() {
        let words = |typed: &[&str]| {
            let typed = ["p"].iter().chain(typed);
            let words = Program::try_parse_from(typed).unwrap().flags.words;
            words.into_iter().map(|(_, word)| word.into_string().unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(words(&["--other"]), [""; 0]);
        let typed = ["-p", "", "-k", "--curl", "A=1", "--other", "--curl", "B=2"];
        assert_eq!(words(&typed), ["--proxy=", "--no-verify", "--curl=A=1", "--curl=B=2"]);
        assert_eq!(words(&words(&typed).iter().map(String::as_str).collect::<Vec<_>>()).len(), 4);
        let parsed = Program::try_parse_from(["p", "--region", "y"]).unwrap();
        assert_eq!((parsed.flags.args.region.as_str(), parsed.flags.words.len()), ("y", 1));
    }
}
