//! What is set beside libcurl's options: sizes, retries, the store, and who set each.

use serde::Serialize;

use super::facts;
use crate::config::{Config, ConfigFile, LOOKED_UP, Origin, PayloadSigning, RetryMode, Setting};
use crate::curlopt::without_userinfo;
use crate::s3::Addressing;
use crate::units::exact_size;

/// A setting, by the name of the config file.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    event: &'static str,
    pub(super) name: String,
    pub(super) value: String,
    pub(super) origin: String,
}

impl Shown {
    fn of<T>(name: &str, setting: &Setting<T>, show: impl FnOnce(&T) -> String) -> Shown {
        Shown::new(name, show(&setting.value), &setting.origin)
    }

    fn new(name: &str, value: String, origin: &Origin) -> Shown {
        Shown { event: "setting", name: name.to_owned(), value, origin: facts::origin(origin) }
    }
}

/// All settings: those that are looked up in several places, then the flags that the file sets.
pub(super) fn all(config: &Config, file: &ConfigFile) -> Vec<Shown> {
    let mut all = vec![
        Shown::of("concurrency", &config.concurrency, ToString::to_string),
        Shown::of("part_size", &config.part_size, |size| exact_size(*size)),
        Shown::of("multipart_threshold", &config.multipart_threshold, |size| exact_size(*size)),
        Shown::of("retry", &config.attempts_max, |attempts| format!("{attempts} attempts")),
        Shown::of("retry_mode", &config.retry_mode, |mode| {
            let mode = match mode {
                RetryMode::Standard => "standard",
                RetryMode::Adaptive => "adaptive",
            };
            mode.to_owned()
        }),
        Shown::of("retry_max_time", &config.stuck_max, |time| {
            indicatif::HumanDuration(*time).to_string()
        }),
        Shown::of("stall_timeout", &config.stall_timeout, |time| {
            indicatif::HumanDuration(*time).to_string()
        }),
        Shown::of("checksum_algorithm", &config.checksums, |on| {
            if *on { "crc64nvme" } else { "none" }.to_owned()
        }),
        Shown::of("payload_signing", &config.payload_signing, |when| {
            let when = match when {
                PayloadSigning::Auto => "auto",
                PayloadSigning::Never => "never",
                PayloadSigning::Always => "always",
            };
            when.to_owned()
        }),
        Shown::of("addressing_style", &config.addressing, |style| {
            let style = match style {
                Addressing::Auto => "auto",
                Addressing::Path => "path",
                Addressing::Virtual => "virtual",
            };
            style.to_owned()
        }),
        Shown::of("region", &config.region, String::clone),
        Shown::of("profile", &config.profile, String::clone),
    ];
    all.extend(
        config
            .endpoint_url
            .iter()
            .map(|url| Shown::of("endpoint_url", url, |url| without_userinfo(url))),
    );
    all.extend(
        config.options_profile.iter().map(|name| Shown::of("options_profile", name, String::clone)),
    );
    let others = file.top.settings.iter().filter(|(name, _)| !LOOKED_UP.contains(&name.as_str()));
    all.extend(
        others.map(|(name, set)| Shown::new(name, setting_shown(name, &set.value), &set.origin)),
    );
    all
}

/// A setting of the file as people read it, without secrets.
pub(super) fn setting_shown(name: &str, values: &[String]) -> String {
    let has_url = matches!(name, "proxy" | "endpoint_url");
    let shown =
        values.iter().map(|value| if has_url { without_userinfo(value) } else { value.clone() });
    shown.collect::<Vec<_>>().join(", ")
}
