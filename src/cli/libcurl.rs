//! What users set of libcurl: taken over where the libcurl in use takes it, with a word on what
//! will not do what it seems to.

use super::console::Console;
use super::error::CliError;
use crate::config::{LibcurlOptions, Origin, Setting};
use crate::curlopt::{Assignment, Handle, HeaderLine, Kind, PROFILES, Remark, Value, remarks};
use crate::transport::{HandleSettings, Refusal, refusals};

/// The options of all handles. Sends nothing.
///
/// # Errors
/// Where this libcurl refuses what somebody set: all such options at once.
pub(super) fn handle_settings(
    options: &LibcurlOptions,
    concurrency: u32,
    console: &Console,
) -> Result<HandleSettings, CliError> {
    let (taken, refused) = judged(options);
    objections(refused)?;
    tell_remarks(options, concurrency, console);
    Ok(settings_of(options, &taken))
}

/// What this libcurl refuses of what somebody set; a default that an old libcurl lacks is no fault
/// of the user's.
pub(super) fn objections(refused: Vec<(Setting<Assignment>, Refusal)>) -> Result<(), CliError> {
    let refused: Vec<_> = refused
        .into_iter()
        .filter(|(set, _)| set.origin != Origin::Default)
        .map(|(set, refusal)| (set.origin, refusal))
        .collect();
    if refused.is_empty() { Ok(()) } else { Err(CliError::OptionsRefused(refused)) }
}

/// Tells what there is to say of options that somebody set.
pub(super) fn tell_remarks(options: &LibcurlOptions, concurrency: u32, console: &Console) {
    for set in options.iter() {
        for remark in remarks_on(set, concurrency) {
            let text = format!("{}: {}", named(set), remark.text());
            match remark {
                Remark::Warning(_) => console.warn(&text),
                Remark::Note(_) => console.note(&text),
            }
        }
    }
}

/// The options that libcurl has taken, by handle.
pub(super) fn settings_of(options: &LibcurlOptions, taken: &[Assignment]) -> HandleSettings {
    let of = |handle| {
        let wanted = options.of(handle);
        wanted.filter(|set| taken.contains(set)).cloned().collect()
    };
    HandleSettings {
        easy: of(Handle::Easy),
        multi: of(Handle::Multi),
        without_fields: options
            .header_lines()
            .filter_map(|line| match line {
                HeaderLine::Without(name) => Some(name),
                HeaderLine::Field { .. } => None,
            })
            .collect(),
    }
}

/// Header fields that every request has.
pub(super) fn fields(options: &LibcurlOptions) -> Vec<(String, String)> {
    let fields = options.header_lines().filter_map(|line| match line {
        HeaderLine::Field { name, value } => Some((name, value)),
        HeaderLine::Without(_) => None,
    });
    fields.collect()
}

/// Where an option was set, and to what.
fn named(set: &Setting<Assignment>) -> String {
    let (option, value) = (set.value.option.name, set.value.shown());
    match &set.origin {
        Origin::File { path, line, .. } => format!("{}:{line}: {option} = {value}", path.display()),
        Origin::Flag(flag) => format!("{flag} {option}={value}"),
        other => format!("{other}: {option} = {value}"),
    }
}

/// What there is to say of an option that somebody set. Flags that stand for options say it
/// themselves, in `--help`.
pub(super) fn remarks_on(set: &Setting<Assignment>, concurrency: u32) -> Vec<Remark> {
    match set.origin {
        Origin::Default | Origin::Profile(_) => return Vec::new(),
        Origin::Flag(name) if name != "--curl" => return Vec::new(),
        _ => {}
    }
    // What curlift would set by itself may be written into a file as well.
    if PROFILES.iter().flat_map(|profile| profile.assignments()).any(|ours| ours == set.value) {
        return Vec::new();
    }
    let mut said = remarks(&set.value);
    said.extend(too_few(&set.value, concurrency).map(Remark::Warning));
    let option = set.value.option;
    let is_secret = option.knowledge().secret && option.kind != Kind::List;
    if set.origin == Origin::Flag("--curl") && is_secret {
        let text = "other users of this machine can read arguments; write it into the config file";
        said.push(Remark::Warning(text.to_owned()));
    }
    said
}

/// What limits of the multi handle lead to that are below the requests in flight.
fn too_few(set: &Assignment, concurrency: u32) -> Option<String> {
    let (Handle::Multi, Value::Number(most)) = (set.option.handle, &set.value) else { return None };
    if !(1..i64::from(concurrency)).contains(most) {
        return None;
    }
    let what = match set.option.name {
        "MAX_TOTAL_CONNECTIONS" | "MAX_HOST_CONNECTIONS" => {
            "the others wait within libcurl, which looks like a stall, and timeouts count for \
             them; lower the concurrency instead"
        }
        "MAXCONNECTS" => {
            "the others' connections are closed after each request, and opened anew for the next"
        }
        _ => return None,
    };
    Some(format!("with {concurrency} requests in flight, {what}"))
}

/// What this libcurl takes, and what it refuses.
pub(super) fn judged(
    options: &LibcurlOptions,
) -> (Vec<Assignment>, Vec<(Setting<Assignment>, Refusal)>) {
    let sets: Vec<Setting<Assignment>> = options.iter().cloned().collect();
    let values: Vec<Assignment> = sets.iter().map(|set| set.value.clone()).collect();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (set, refusal) in sets.into_iter().zip(refusals(&values)) {
        match refusal {
            None => taken.push(set.value),
            Some(refusal) => refused.push((set, refusal)),
        }
    }
    (taken, refused)
}
