//! The names of a sweep: which there are, and the flags of `cp` that each value becomes.

use clap::Arg;

use crate::cli::console::Console;
use crate::cli::definition;
use crate::cli::error::CliError;
use crate::config;
use crate::curlopt;
use crate::tune::{Candidate, Sweep};

/// Flags of `cp` that are ours to set here, or change what is uploaded or where.
const NOT_SWEPT: [&str; 13] = [
    "curl",
    "config",
    "dry-run",
    "recursive",
    "on-failure",
    "resume",
    "upload-id",
    "expected-size",
    "spool",
    "endpoint-url",
    "region",
    "profile",
    "no-sign-request",
];

/// What is tried where nothing was named.
const USUAL: [(&str, [&str; 3]); 3] = [
    ("UPLOAD_BUFFERSIZE", ["64KiB", "256KiB", "1MiB"]),
    ("concurrency", ["4", "8", "16"]),
    ("part_size", ["8MiB", "16MiB", "64MiB"]),
];

/// The sweeps that were typed and those of the config file, over which the typed ones go; each name
/// can be swept, and no value is there twice. The usual ones where there are none.
pub(super) fn sweeps(
    typed: &[Sweep],
    written: &[config::Sweep],
    console: &Console,
) -> Result<Vec<Sweep>, CliError> {
    if typed.is_empty() && written.is_empty() {
        let usual = USUAL.map(|(name, values)| Sweep {
            name: name.to_owned(),
            values: values.map(str::to_owned).to_vec(),
        });
        let shown: Vec<String> = usual.iter().map(shown).collect();
        console.note(&format!("no sweep was named; trying --sweep {}", shown.join(" --sweep ")));
        return Ok(usual.to_vec());
    }
    let settings = settings();
    let mut sweeps: Vec<Sweep> = Vec::new();
    for sweep in typed {
        let name = name(&sweep.name, "--sweep", &settings)?;
        if sweeps.iter().any(|before| before.name == name) {
            return Err(twice(&name));
        }
        sweeps.push(Sweep { name, values: each_once(sweep, console) });
    }
    for config::Sweep { name: written, values, origin } in written {
        let name = name(written, &origin.to_string(), &settings)?;
        if !sweeps.iter().any(|typed| typed.name == name) {
            let sweep = Sweep { name, values: values.clone() };
            let values = each_once(&sweep, console);
            sweeps.push(Sweep { values, ..sweep });
        }
    }
    Ok(sweeps)
}

fn each_once(sweep: &Sweep, console: &Console) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    for value in &sweep.values {
        if values.contains(value) {
            console.note(&format!("{}={value} is there twice; it is tried once", sweep.name));
        } else {
            values.push(value.clone());
        }
    }
    values
}

/// A sweep as it is typed.
pub(super) fn shown(sweep: &Sweep) -> String {
    format!("{}={}", sweep.name, sweep.values.join(","))
}

/// The flags of `cp` that a candidate is, each as one word, by their long names.
pub(super) fn flags(candidate: &Candidate) -> Vec<(String, String)> {
    let settings = settings();
    let flag = |(name, value): &(String, String)| {
        if is_option(name) {
            return Some(("curl".to_owned(), format!("--curl={name}={value}")));
        }
        let long = long(name);
        let takes_value = settings
            .iter()
            .find(|arg| arg.get_long() == Some(&long))
            .is_none_or(|arg| arg.get_action().takes_values());
        match value.as_str() {
            "false" if !takes_value => None,
            "true" if !takes_value => Some((long.clone(), format!("--{long}"))),
            value => Some((long.clone(), format!("--{long}={value}"))),
        }
    };
    candidate.settings.iter().filter_map(flag).collect()
}

/// Whether it is spelt as libcurl's options are.
pub(super) fn is_option(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The name as it is known here; `origin` is where it was found.
fn name(typed: &str, origin: &str, settings: &[Arg]) -> Result<String, CliError> {
    if is_option(typed) {
        return option(typed, origin);
    }
    let wanted = long(typed);
    let is_wanted = |arg: &&Arg| {
        let aliases = arg.get_visible_aliases().unwrap_or_default();
        arg.get_long() == Some(&wanted) || aliases.contains(&wanted.as_str())
    };
    let setting = |long: &str| long.replace('-', "_");
    if let Some(name) = settings.iter().find(is_wanted).and_then(Arg::get_long) {
        return Ok(setting(name));
    }
    let names = settings.iter().filter_map(Arg::get_long).map(setting);
    let lower = typed.to_lowercase().replace('-', "_");
    let nearest = names
        .max_by(|a, b| strsim::jaro_winkler(a, &lower).total_cmp(&strsim::jaro_winkler(b, &lower)));
    Err(CliError::Usage {
        what: format!("{origin}: {typed} is no setting that can be swept"),
        hint: format!(
            "did you mean {}? Settings are the flags of curlift cp with _ for -; libcurl's options \
             are written in capitals, such as UPLOAD_BUFFERSIZE",
            nearest.unwrap_or_default()
        ),
    })
}

/// One of libcurl's, by its own name.
fn option(typed: &str, origin: &str) -> Result<String, CliError> {
    let option = curlopt::find_any(typed).map_err(|mistake| CliError::Usage {
        what: format!("{origin}: {mistake}"),
        hint: "options of libcurl are written in capitals, settings of curlift are not".to_owned(),
    })?;
    if option.knowledge().secret {
        return Err(CliError::Usage {
            what: format!("{origin}: {} is a secret and cannot be swept", option.name),
            hint: "it would stand in the arguments of a process".to_owned(),
        });
    }
    Ok(option.name.to_owned())
}

fn twice(name: &str) -> CliError {
    CliError::Usage {
        what: format!("--sweep {name} is there twice"),
        hint: format!("give all its values at once: --sweep {name}=VALUE,VALUE,..."),
    }
}

fn long(name: &str) -> String {
    name.replace('_', "-")
}

/// The flags of `cp` that can be swept.
fn settings() -> Vec<Arg> {
    let definition = definition();
    let cp = definition.find_subcommand("cp").expect("cp is one of the commands");
    let can_be = |arg: &&Arg| arg.get_long().is_some_and(|long| !NOT_SWEPT.contains(&long));
    cp.get_arguments().filter(can_be).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_becomes_flags_of_cp() {
        let settings = [
            ("UPLOAD_BUFFERSIZE", "1MiB"),
            ("part_size", "8MiB"),
            ("no_hedge", "true"),
            ("no_verify_ssl", "false"),
            ("proxy", ""),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let flags = flags(&Candidate { settings });
        let words: Vec<&str> = flags.iter().map(|(_, word)| word.as_str()).collect();
        let expected =
            ["--curl=UPLOAD_BUFFERSIZE=1MiB", "--part-size=8MiB", "--no-hedge", "--proxy="];
        assert_eq!(words, expected);
        assert_eq!(flags[1].0, "part-size");
    }

    #[test]
    fn names_are_those_of_the_flags_and_of_libcurl() {
        let settings = settings();
        let known = |typed: &str| name(typed, "--sweep", &settings);
        assert_eq!(known("CURLOPT_TCP_NODELAY").unwrap(), "TCP_NODELAY");
        assert_eq!(known("part-size").unwrap(), "part_size");
        assert_eq!(known("chunk_size").unwrap(), "part_size");
        for usual in USUAL {
            assert_eq!(known(usual.0).unwrap(), usual.0);
        }
        for (typed, meant) in
            [("partsize", "part_size"), ("Concurency", "concurrency"), ("resume", "renew")]
        {
            let error = known(typed).unwrap_err();
            let hint = error.hint().unwrap();
            assert!(hint.starts_with(&format!("did you mean {meant}")), "{typed}: {hint}");
        }
    }
}
