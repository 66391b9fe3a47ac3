//! The settings and options that hold, as a config file: each line with its reason, or with who set
//! it.

use std::time::Duration;

use super::quote;
use super::secrets;
use crate::cli::vocabulary::Flags;
use crate::config::{
    Config, ConfigFile, LOOKED_UP, Origin, PayloadSigning, RetryMode, Setting, Shape, Vocabulary,
};
use crate::curlopt::{Assignment, Handle, Kind, PROFILES, Unit, Value, without_userinfo};
use crate::s3::Addressing;
use crate::units;

/// The file.
pub(super) fn text(config: &Config, file: &ConfigFile) -> String {
    let mut lines = vec![
        "# A config file for `curlift --config FILE`, or ~/.config/curlift/config.toml: what holds"
            .to_owned(),
        "# where it was exported. Flags and environment variables go before it.".to_owned(),
        String::new(),
    ];
    if let Some(profile) = PROFILES.iter().find(|profile| {
        config.options_profile.as_ref().is_some_and(|chosen| chosen.value == profile.name)
    }) {
        lines[2] = format!("# The profile {}: {}.\n", profile.name, profile.summary);
    }
    lines.extend(store(config));
    lines.extend(transfer(config));
    lines.extend(others(file));
    lines.push("\n[retry]".to_owned());
    lines.extend(retry(config));
    for handle in [Handle::Easy, Handle::Multi] {
        let sets = config.options.iter().filter(|set| set.value.option.handle == handle);
        let options: Vec<String> = sets.map(option).collect();
        if !options.is_empty() {
            lines.push(format!("\n[{}]", handle.table()));
            lines.extend(options);
        }
    }
    lines.join("\n") + "\n"
}

/// Where the store is, as far as somebody said so.
fn store(config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(url) = &config.endpoint_url {
        lines.push(if without_userinfo(&url.value) == url.value {
            setting("endpoint_url", &quote::toml(&url.value), &url.origin)
        } else {
            left_out("endpoint_url", &url.origin)
        });
    }
    let said = |name: &str, set: &Setting<String>| {
        let line = || setting(name, &quote::toml(&set.value), &set.origin);
        (set.origin != Origin::Default).then(line)
    };
    lines.extend(said("region", &config.region));
    lines.extend(said("profile", &config.profile));
    lines
}

fn transfer(config: &Config) -> Vec<String> {
    let addressing = match config.addressing.value {
        Addressing::Auto => "auto",
        Addressing::Path => "path",
        Addressing::Virtual => "virtual",
    };
    let signing = match config.payload_signing.value {
        PayloadSigning::Auto => "auto",
        PayloadSigning::Never => "never",
        PayloadSigning::Always => "always",
    };
    let checksum = if config.checksums.value { "crc64nvme" } else { "none" };
    let (threshold, stall) = (&config.multipart_threshold, &config.stall_timeout);
    vec![
        setting("addressing_style", &quote::toml(addressing), &config.addressing.origin),
        setting("payload_signing", &quote::toml(signing), &config.payload_signing.origin),
        setting("checksum_algorithm", &quote::toml(checksum), &config.checksums.origin),
        setting("concurrency", &config.concurrency.value.to_string(), &config.concurrency.origin),
        setting("part_size", &size(config.part_size.value), &config.part_size.origin),
        setting("multipart_threshold", &size(threshold.value), &threshold.origin),
        setting("stall_timeout", &duration(stall.value), &stall.origin),
    ]
}

/// What stands in the file beside, which only the flags know.
fn others(file: &ConfigFile) -> Vec<String> {
    let flags = Flags::new();
    let others = file.top.settings.iter().filter(|(name, _)| !LOOKED_UP.contains(&name.as_str()));
    let lines = others.map(|(name, set)| {
        let value = match flags.shape(name) {
            Shape::Switch => "true".to_owned(),
            Shape::One => quote::toml(&set.value.concat()),
            Shape::Pairs => {
                let pair = |pair: &String| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    format!("{} = {}", quote::toml(name), quote::toml(value))
                };
                format!("{{ {} }}", set.value.iter().map(pair).collect::<Vec<_>>().join(", "))
            }
        };
        setting(name, &value, &set.origin)
    });
    lines.collect()
}

fn retry(config: &Config) -> [String; 3] {
    let mode = match config.retry_mode.value {
        RetryMode::Standard => "standard",
        RetryMode::Adaptive => "adaptive",
    };
    let attempts = &config.attempts_max;
    let line = |name: &str, value: &str, origin: &Origin| {
        with_reason(&format!("{name} = {value}"), &format!("retry.{name}"), origin)
    };
    [
        line("mode", &quote::toml(mode), &config.retry_mode.origin),
        line("max_attempts", &attempts.value.to_string(), &attempts.origin),
        line("max_time", &duration(config.stuck_max.value), &config.stuck_max.origin),
    ]
}

fn setting(name: &str, value: &str, origin: &Origin) -> String {
    with_reason(&format!("{name} = {value}"), name, origin)
}

/// A line, and why it is as it is: a built-in profile has a reason for all that it sets.
fn with_reason(line: &str, name: &str, origin: &Origin) -> String {
    let profile = match origin {
        Origin::Profile(name) => *name,
        _ => "default",
    };
    let profile = PROFILES.iter().find(|known| known.name == profile);
    let options = profile.iter().flat_map(|profile| profile.curl).map(|(name, _, why)| (name, why));
    let settings =
        profile.iter().flat_map(|profile| profile.settings).map(|(name, _, why)| (name, why));
    let is_built_in = matches!(origin, Origin::Profile(_) | Origin::Default);
    let reason = options.chain(settings).find(|(known, _)| is_built_in && **known == name);
    let reason = reason.map(|(_, why)| format!(": {why}")).unwrap_or_default();
    quote::comment(&format!("{line}  # {origin}{reason}"))
}

fn left_out(name: &str, origin: &Origin) -> String {
    quote::comment(&format!("# {name} is secret and left out; set by {origin}"))
}

fn option(set: &Setting<Assignment>) -> String {
    let name = set.value.option.name;
    if secrets::is_secret(&set.value) {
        return left_out(name, &set.origin);
    }
    with_reason(&format!("{name} = {}", value(&set.value)), name, &set.origin)
}

/// A value as the config file has it: in words and units where these are plainer.
fn value(set: &Assignment) -> String {
    let typed = set.typed();
    let unit = set.option.knowledge().unit;
    match &set.value {
        Value::List(lines) => {
            let lines: Vec<String> = lines.iter().map(|line| quote::toml(line)).collect();
            format!("[{}]", lines.join(", "))
        }
        Value::Number(number) if typed != [number.to_string()] => quote::toml(&typed.concat()),
        Value::Number(number) if matches!(unit, Some(Unit::Bytes | Unit::BytesPerSecond)) => {
            u64::try_from(*number).map_or_else(|_| number.to_string(), size)
        }
        Value::Number(number) => number.to_string(),
        Value::Text(text) => quote::toml(text),
        Value::Blob(_) => {
            debug_assert_eq!(set.option.kind, Kind::Blob);
            quote::toml(&typed.concat())
        }
    }
}

/// In the unit that divides it; a number where that is none.
fn size(bytes: u64) -> String {
    let text = units::exact_size(bytes).replace(' ', "");
    if text.ends_with("iB") { quote::toml(&text) } else { bytes.to_string() }
}

fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let text = match (duration.subsec_millis(), seconds) {
        (0, 0) => "0s".to_owned(),
        (0, seconds) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (0, seconds) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        (0, seconds) => format!("{seconds}s"),
        (..) => format!("{}ms", duration.as_millis()),
    };
    quote::toml(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Overrides;
    use crate::credentials::Environment;

    fn load(overrides: &Overrides, file: &ConfigFile) -> Config {
        Config::load(overrides, &Environment::default(), file).unwrap()
    }

    fn read(text: &str) -> ConfigFile {
        let flags = Flags::new();
        ConfigFile::parse("x.toml".as_ref(), text, &flags)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    /// All values, without who set them.
    fn values(config: &Config) -> Vec<String> {
        let mut options: Vec<String> = config
            .options
            .iter()
            .map(|set| format!("{} {:?}", set.value.option.full_name(), set.value.typed()))
            .collect();
        options.sort();
        options.extend([
            format!("{:?}", config.endpoint_url.as_ref().map(|url| &url.value)),
            format!("{:?} {:?}", config.region.value, config.profile.value),
            format!("{:?} {:?}", config.addressing.value, config.payload_signing.value),
            format!("{:?} {:?}", config.checksums.value, config.concurrency.value),
            format!("{:?} {:?}", config.part_size.value, config.multipart_threshold.value),
            format!("{:?} {:?}", config.attempts_max.value, config.retry_mode.value),
            format!("{:?} {:?}", config.stuck_max.value, config.stall_timeout.value),
        ]);
        options
    }

    /// Exports and reads what `overrides` lead to; gives the text.
    fn there_and_back(overrides: &Overrides, file: &ConfigFile) -> String {
        let config = load(overrides, file);
        let text = text(&config, file);
        let again = load(&Overrides::default(), &read(&text));
        assert_eq!(values(&again), values(&config), "{text}");
        text
    }

    #[test]
    fn every_built_in_profile_is_read_back_as_it_was() {
        for profile in PROFILES {
            let overrides = Overrides {
                options_profile: Some(profile.name.to_owned()),
                ..Overrides::default()
            };
            let text = there_and_back(&overrides, &ConfigFile::default());
            for (.., reason) in profile.curl {
                assert!(text.contains(reason), "{reason} is not in\n{text}");
            }
            for (.., reason) in profile.settings {
                assert!(text.contains(reason), "{reason} is not in\n{text}");
            }
        }
    }

    #[test]
    fn what_somebody_set_is_read_back_as_it_was() {
        let curl = [
            "SSLVERSION=TLSv1.2|max-TLSv1.3",
            "PROXYAUTH=basic|digest",
            "RESOLVE=a:1:b",
            "RESOLVE=c:1:\"d\"",
            "INTERFACE=\u{1b}\"\\",
            "CAINFO_BLOB=pem",
            "TIMEOUT=70",
            "MAX_SEND_SPEED_LARGE=1000",
            "MAX_TOTAL_CONNECTIONS=9",
            "PROXY=socks5h://p:1",
            "FOLLOWLOCATION=1",
            "SSL_VERIFYPEER=0",
        ];
        let overrides = Overrides {
            curl: curl.map(str::to_owned).to_vec(),
            region: Some("eu-west-1".into()),
            part_size: Some((5 << 20) + 1),
            stuck_max: Some(Duration::from_millis(1_500)),
            endpoint_url: Some("http://127.0.0.1:9000".into()),
            no_verify_ssl: true,
            ca_bundle: Some("/etc/ca.pem".into()),
            ..Overrides::default()
        };
        let file =
            read("storage_class = \"GLACIER\"\nmetadata = { \"a b\" = \"c=d\" }\nquiet = true");
        let text = there_and_back(&overrides, &file);
        let again = read(&text);
        for (name, set) in &file.top.settings {
            assert_eq!(again.top.settings[name].value, set.value, "{name}");
        }
        assert!(text.contains("INTERFACE") && text.contains("# --curl"), "{text}");
    }

    #[test]
    fn secrets_are_left_out() {
        let curl = ["PROXYUSERPWD=me:hush", "PROXY=http://me:hush@p", "HTTPHEADER=X-A: hush"];
        let overrides =
            Overrides { curl: curl.map(str::to_owned).to_vec(), ..Overrides::default() };
        let text = text(&load(&overrides, &ConfigFile::default()), &ConfigFile::default());
        assert!(!text.contains("hush"), "{text}");
        for name in ["PROXYUSERPWD", "PROXY", "HTTPHEADER"] {
            let line = format!("# {name} is secret and left out; set by --curl");
            assert!(text.contains(&line), "{text}");
        }
        read(&text);
    }
}
