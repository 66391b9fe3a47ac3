//! Which place wins, and what is said of values that make no sense.

use std::path::Path;

use super::PayloadSigning::{Always, Auto, Never};
use super::file::tests::parse;
use super::*;

const FILE: &str = "\
[default]
region = file-region
endpoint_url = http://file
max_attempts = 3
request_checksum_calculation = when_required
ca_bundle = ~/ca.pem
services = mine
s3 =
    multipart_threshold = 20MB
    multipart_chunksize = 6MB
    max_concurrent_requests = 20
    addressing_style = virtual
    payload_signing_enabled = true
[profile plain]
endpoint_url = http://plain
s3 =
    payload_signing_enabled = false
[services mine]
s3 =
    endpoint_url = http://service
";

/// Our own file, which goes before the AWS files and behind the environment.
const OURS: &str = "\
region = 'our-region'
endpoint_url = 'http://ours'
part_size = '7MiB'
concurrency = 12
checksum_algorithm = 'crc64nvme'
payload_signing = 'never'
proxy = 'http://ours'
[retry]
max_attempts = 4
max_time = '2m'
mode = 'adaptive'
[curl]
TCP_KEEPIDLE = 11
TCP_KEEPINTVL = 12
CAINFO = '/ours.pem'
[curlm]
MAXCONNECTS = 9
[profile.patient.curl]
TCP_KEEPINTVL = 13
[profile.mine]
part_size = '9MiB'
[profile.mine.curl]
TCP_KEEPIDLE = 14
";

struct Home(tempfile::TempDir);

impl Home {
    fn new(config: &str, credentials: &str) -> Home {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), config).unwrap();
        std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
        Home(home)
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = ("HOME", self.0.path().to_str().unwrap());
        [home].iter().chain(variables).map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        self.load_with(variables, &ConfigFile::default())
    }

    fn load_with(
        &self,
        variables: &[(&str, &str)],
        file: &ConfigFile,
    ) -> Result<Config, ConfigError> {
        Config::load(&Overrides::default(), &self.environment(variables), file)
    }
}

fn url(config: &Config) -> Option<&str> {
    config.endpoint_url.as_ref().map(|url| url.value.as_str())
}

#[test]
fn without_anything_there_are_defaults() {
    let config = Home::new("", "").load(&[]).unwrap();
    assert_eq!(config.region, Setting::by_default("us-east-1".into()));
    assert_eq!(config.part_size, Setting::by_default(16 << 20));
    assert_eq!(config.multipart_threshold, Setting::by_default(16 << 20));
    assert_eq!(config.concurrency, Setting::by_default(8));
    assert_eq!(config.attempts_max, Setting::by_default(10));
    assert_eq!(config.checksums, Setting::by_default(true));
    assert_eq!((config.endpoint_url, config.ca_bundle), (None, None));
    assert_eq!(config.profile, Setting::by_default("default".into()));
}

#[test]
fn the_profile_speaks_with_file_and_line() {
    let home = Home::new(FILE, "");
    let config = home.load(&[]).unwrap();
    let path = home.0.path().join(".aws/config");
    let origin =
        |line, name: &'static str| Origin::File { path: path.clone(), line, name: name.into() };
    assert_eq!(config.region.origin, origin(2, "region"));
    assert_eq!(url(&config), Some("http://service"));
    assert_eq!(
        config.part_size,
        Setting { value: 6 << 20, origin: origin(10, "s3.multipart_chunksize") }
    );
    assert_eq!(config.multipart_threshold.value, 20 << 20);
    assert_eq!((config.concurrency.value, config.attempts_max.value), (20, 3));
    assert_eq!(config.addressing.value, Addressing::Virtual);
    assert_eq!(config.payload_signing.value, PayloadSigning::Always);
    assert!(!config.checksums.value);
    assert_eq!(config.ca_bundle.unwrap().value, home.0.path().join("ca.pem"));
}

#[test]
fn another_profile_has_its_own_settings_only() {
    let config = Home::new(FILE, "").load(&[("AWS_PROFILE", "plain")]).unwrap();
    assert_eq!(url(&config), Some("http://plain"));
    assert_eq!(config.region.origin, Origin::Default);
    assert_eq!(config.payload_signing.value, PayloadSigning::Auto);
}

#[test]
fn the_environment_goes_before_the_file() {
    let config = Home::new(FILE, "")
        .load(&[
            ("AWS_REGION", "r1"),
            ("AWS_DEFAULT_REGION", "r2"),
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_MAX_ATTEMPTS", "7"),
            ("AWS_REQUEST_CHECKSUM_CALCULATION", "WHEN_SUPPORTED"),
            ("AWS_CA_BUNDLE", "/ca"),
        ])
        .unwrap();
    assert_eq!(config.region.value, "r1");
    assert_eq!(config.region.origin, Origin::Environment("AWS_REGION"));
    assert_eq!(url(&config), Some("http://all"));
    assert_eq!(config.attempts_max.value, 7);
    assert!(config.checksums.value);
    assert_eq!(config.ca_bundle.unwrap().value, Path::new("/ca"));
}

#[test]
fn s3s_own_endpoint_variable_goes_before_the_general_one_and_empty_ones_are_unset() {
    let home = Home::new(FILE, "");
    let general = ("AWS_ENDPOINT_URL", "http://all");
    let config = home.load(&[general, ("AWS_ENDPOINT_URL_S3", "http://s3")]).unwrap();
    assert_eq!(url(&config), Some("http://s3"));
    let config = home.load(&[general, ("AWS_ENDPOINT_URL_S3", ""), ("AWS_REGION", "")]).unwrap();
    assert_eq!((url(&config), config.region.value.as_str()), (Some("http://all"), "file-region"));
    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    assert_eq!(url(&home.load(&[general, ignored]).unwrap()), None);
}

#[test]
fn the_sdks_retry_variables_are_understood() {
    let home = Home::new(&FILE.replace("max_attempts = 3", "retry_mode = adaptive"), "");
    let config = home.load(&[]).unwrap();
    assert_eq!(config.retry_mode.value, RetryMode::Adaptive);
    assert_eq!(config.retry_revision.value, RetryRevision::V2_1);
    assert!(config.correct_clock.value);
    let variables = [
        ("AWS_RETRY_MODE", "legacy"),
        ("AWS_NEW_RETRIES_2026", "false"),
        ("AWS_DISABLE_CLOCK_SKEW_CORRECTION", "TRUE"),
    ];
    let config = home.load(&variables).unwrap();
    assert_eq!(config.retry_mode.value, RetryMode::Standard);
    assert_eq!(config.retry_revision.value, RetryRevision::V2_0);
    assert!(!config.correct_clock.value);
    for (name, value, says) in [
        ("AWS_RETRY_MODE", "fast", "none of standard, adaptive, legacy"),
        ("AWS_NEW_RETRIES_2026", "yes", "neither true nor false"),
    ] {
        let error = home.load(&[(name, value)]).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(says), "{error}");
    }
}

#[test]
fn flags_go_before_everything() {
    let flags = Overrides {
        endpoint_url: Some("http://flag".into()),
        region: Some("flag-region".into()),
        addressing: Some(Addressing::Path),
        payload_signing: Some(PayloadSigning::Never),
        checksums: Some(true),
        part_size: Some(5),
        multipart_threshold: Some(6),
        concurrency: Some(2),
        attempts_max: Some(1),
        retry_mode: Some(RetryMode::Standard),
        stuck_max: Some(Duration::from_secs(7)),
        stall_timeout: Some(Duration::from_secs(8)),
        ca_bundle: Some("flag.pem".into()),
        profile: None,
        proxy: Some("http://flag".into()),
        no_verify_ssl: true,
        options_profile: Some("fast".into()),
        curl: vec!["TCP_KEEPIDLE=7".into()],
    };
    let variables = [
        ("AWS_REGION", "r"),
        ("AWS_RETRY_MODE", "adaptive"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
    ];
    let config =
        Config::load(&flags, &Home::new(FILE, "").environment(&variables), &parse(OURS)).unwrap();
    assert_eq!(url(&config), Some("http://flag"));
    assert_eq!(config.region.origin, Origin::Flag("--region"));
    assert_eq!(config.retry_mode.value, RetryMode::Standard);
    assert_eq!(config.stuck_max.value, Duration::from_secs(7));
    assert_eq!(config.stall_timeout.value, Duration::from_secs(8));
    assert_eq!((config.part_size.value, config.multipart_threshold.value), (5, 6));
    assert_eq!((config.concurrency.value, config.attempts_max.value), (2, 1));
    assert_eq!(config.addressing.value, Addressing::Path);
    assert!(config.checksums.value);
    assert_eq!(config.ca_bundle.as_ref().unwrap().value, Path::new("flag.pem"));
    let set = |name: &str| {
        let found = config.options.iter().find(|set| set.value.option.name == name);
        found.map(|set| format!("{} ({})", set.value.shown(), set.origin)).unwrap_or_default()
    };
    assert_eq!(set("CAINFO"), "flag.pem (--ca-bundle)");
    assert_eq!(set("PROXY"), "http://flag (--proxy)");
    assert_eq!(set("SSL_VERIFYPEER"), "0 (--no-verify-ssl)");
    assert_eq!(set("TCP_KEEPIDLE"), "7 s (--curl)");
    assert_eq!(set("UPLOAD_BUFFERSIZE"), "512 KiB (profile fast)");
}

#[test]
fn a_profile_may_be_in_the_credentials_file_alone() {
    let home = Home::new("", "[ci]\naws_access_key_id = x\nregion = from-keys\n");
    let config = home.load(&[("AWS_PROFILE", "ci")]).unwrap();
    assert_eq!(config.region.value, "from-keys");
    let error = home.load(&[("AWS_DEFAULT_PROFILE", "cii")]).unwrap_err();
    assert!(error.to_string().contains("no profile \"cii\" in"), "{error}");
    assert_eq!(error.hint(), "perhaps --profile ci");
}

#[test]
fn values_that_make_no_sense_are_named_with_their_place() {
    let rows = [
        ("multipart_threshold = lots", "config:3: s3.multipart_threshold: `lots`"),
        ("multipart_chunksize = 6 parsecs", "config:3: s3.multipart_chunksize: `6 parsecs`"),
        ("max_concurrent_requests = 0", "no whole number from 1 to 1000"),
        ("max_concurrent_requests = many", "`many` is no whole number"),
        ("addressing_style = dns", "`dns` is none of auto, path, virtual"),
        ("payload_signing_enabled = yes", "`yes` is neither true nor false"),
    ];
    for (line, message) in rows {
        let text = format!("[default]\ns3 =\n  {line}\n");
        let error = Home::new(&text, "").load(&[]).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    let error = Home::new("", "").load(&[("AWS_MAX_ATTEMPTS", "-1")]).unwrap_err().to_string();
    assert!(error.starts_with("AWS_MAX_ATTEMPTS: `-1` is no"), "{error}");
    let error = Home::new("nonsense", "").load(&[]).unwrap_err().to_string();
    assert!(error.contains(".aws/config, line 1: "), "{error}");
}

#[test]
fn payloads_are_signed_where_nothing_else_protects_them() {
    let mut config = Home::new("", "").load(&[]).unwrap();
    let mut mode = |signing, checksums, https, signed| {
        config.payload_signing.value = signing;
        config.checksums.value = checksums;
        config.payload_mode(https, signed)
    };
    let signed = |checksum| PayloadMode::Signed { checksum };
    assert_eq!(mode(Auto, true, true, true), PayloadMode::UnsignedTrailer);
    assert_eq!(mode(Auto, true, false, true), signed(true));
    assert_eq!(mode(Auto, false, false, true), signed(false));
    assert_eq!(mode(Auto, false, true, true), PayloadMode::Unsigned);
    assert_eq!(mode(Never, true, false, true), PayloadMode::UnsignedTrailer);
    assert_eq!(mode(Always, true, true, true), signed(true));
    assert_eq!(
        mode(Always, true, true, false),
        PayloadMode::UnsignedTrailer,
        "no keys to sign with"
    );
}

#[test]
fn our_file_stands_between_the_environment_and_the_aws_files() {
    let home = Home::new(FILE, "");
    let config = home.load_with(&[], &parse(OURS)).unwrap();
    assert_eq!(config.region.value, "our-region");
    assert_eq!(config.region.origin.to_string(), "config.toml:1: region");
    assert_eq!(url(&config), Some("http://ours"));
    assert_eq!((config.part_size.value, config.concurrency.value), (7 << 20, 12));
    assert_eq!(config.multipart_threshold.value, 20 << 20, "of the AWS file");
    assert_eq!((config.attempts_max.value, config.stuck_max.value), (4, Duration::from_mins(2)));
    assert_eq!(config.retry_mode.value, RetryMode::Adaptive);
    assert_eq!(config.payload_signing.value, PayloadSigning::Never);
    assert!(config.checksums.value);
    let variables = [
        ("AWS_REGION", "variable"),
        ("AWS_ENDPOINT_URL", "http://variable"),
        ("AWS_MAX_ATTEMPTS", "5"),
        ("AWS_RETRY_MODE", "standard"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),
        ("AWS_CA_BUNDLE", "/variable.pem"),
    ];
    let config = home.load_with(&variables, &parse(OURS)).unwrap();
    assert_eq!(config.region.value, "variable");
    assert_eq!(url(&config), Some("http://variable"));
    assert_eq!(config.attempts_max.value, 5);
    assert_eq!(config.retry_mode.value, RetryMode::Standard);
    assert!(!config.checksums.value);
    assert_eq!(option(&config, "CAINFO"), "/variable.pem (AWS_CA_BUNDLE)");
}

fn option(config: &Config, name: &str) -> String {
    let found = config.options.iter().find(|set| set.value.option.name == name);
    found.map(|set| format!("{} ({})", set.value.shown(), set.origin)).unwrap_or_default()
}

#[test]
fn options_are_laid_over_one_another() {
    let load = |profile: Option<&str>, curl: &[&str]| {
        let flags = Overrides {
            options_profile: profile.map(str::to_owned),
            curl: curl.iter().map(|text| (*text).to_owned()).collect(),
            ..Overrides::default()
        };
        Config::load(&flags, &Home::new("", "").environment(&[]), &parse(OURS))
    };
    let plain = load(None, &[]).unwrap();
    assert_eq!(option(&plain, "TCP_KEEPIDLE"), "11 s (config.toml:13: TCP_KEEPIDLE)");
    assert_eq!(option(&plain, "CAINFO"), "/ours.pem (config.toml:15: CAINFO)");
    assert_eq!(option(&plain, "PROXY"), "http://ours (config.toml:7: proxy)");
    assert_eq!(option(&plain, "UPLOAD_BUFFERSIZE"), "256 KiB (default)");
    let patient = load(Some("patient"), &[]).unwrap();
    assert_eq!(option(&patient, "TCP_KEEPIDLE"), "60 s (profile patient)");
    assert_eq!(option(&patient, "TCP_KEEPINTVL"), "13 s (config.toml:19: TCP_KEEPINTVL)");
    assert_eq!(option(&patient, "MAXCONNECTS"), "9 (config.toml:17: MAXCONNECTS)");
    assert_eq!(patient.part_size.origin, Origin::Profile("patient"));
    assert_eq!(patient.stuck_max.value, Duration::from_hours(2));
    assert_eq!(patient.stall_timeout.value, Duration::from_mins(5));
    let mine = load(Some("mine"), &["curlopt_tcp_keepidle=5", "TIMEOUT=1h"]).unwrap();
    assert_eq!(mine.part_size.value, 9 << 20);
    assert_eq!(option(&mine, "TCP_KEEPIDLE"), "5 s (--curl)");
    assert_eq!(option(&mine, "TIMEOUT"), "3600 s (--curl)");
    let error = load(Some("pacient"), &[]).unwrap_err();
    assert!(
        error.to_string().contains("no profile \"pacient\" (from --options-profile)"),
        "{error}"
    );
    assert!(error.hint().contains("default, patient, fast, mine"), "{}", error.hint());
}

#[test]
fn one_setting_by_two_names_is_set_once() {
    let flags = Overrides { curl: vec!["CONNECTTIMEOUT=30".into()], ..Overrides::default() };
    let environment = Home::new("", "").environment(&[]);
    let config = Config::load(&flags, &environment, &ConfigFile::default()).unwrap();
    assert_eq!(option(&config, "CONNECTTIMEOUT"), "30 s (--curl)");
    assert_eq!(option(&config, "CONNECTTIMEOUT_MS"), "");
}

#[test]
fn mistakes_of_the_command_line_are_told_at_once() {
    let curl = ["TIMOUT=3", "TIMEOUT=x", "TIMEOUT_MS", "URL=x", "HTTPHEADER=Host: x"];
    let flags = Overrides { curl: curl.map(str::to_owned).to_vec(), ..Overrides::default() };
    let environment = Home::new("", "").environment(&[]);
    let error = Config::load(&flags, &environment, &ConfigFile::default()).unwrap_err();
    let text = error.to_string();
    for says in
        ["5 mistakes", "did you mean TIMEOUT", "TIMEOUT = x: ", "NAME=VALUE", "own: ", "host"]
    {
        assert!(text.contains(says), "{says}: {text}");
    }
}
