//! Keys that end too early: told before the first byte, refused where that is wanted, and told
//! under way once the real rate is known.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::local_lab::Lab;
use super::support::{Curlift, Ended, write_file};
use super::{BUCKET, DESTINATION, KEY, SIZE};

/// A lab, a file, and keys that end.
struct Scene {
    lab: Lab,
    folder: TempDir,
    file: PathBuf,
}

impl Scene {
    fn new(faults: &[&str]) -> Scene {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let (file, _) = write_file(folder.path(), "source.bin", SIZE);
        Scene { lab: Lab::start(faults), folder, file }
    }

    /// The program without keys, one part of 5 MiB after the other.
    fn program(&self, command: &str, flags: &[&str]) -> Curlift {
        let program = Curlift::new().env("XDG_STATE_HOME", self.folder.path().join("state"));
        let program = program.env("AWS_ENDPOINT_URL", &self.lab.store.url);
        let program = program.env("AWS_REGION", &self.lab.store.region);
        let program = program.args(&[command, "-c", "1"]).args(&super::IN_PARTS).args(flags);
        program.arg(&self.file).arg(DESTINATION)
    }

    /// The same with keys of the environment that end in so many seconds.
    fn by_environment(&self, seconds: u32, command: &str, flags: &[&str]) -> Curlift {
        let program = self.program(command, flags).store(&self.lab.store);
        program.env("AWS_CREDENTIAL_EXPIRATION", end(seconds))
    }

    /// The same with such keys of a command.
    fn by_command(&self, seconds: u32, command: &str, flags: &[&str]) -> Curlift {
        let store = &self.lab.store;
        let keys = serde_json::json!({
            "Version": 1,
            "AccessKeyId": store.access_key,
            "SecretAccessKey": store.secret_key,
            "Expiration": end(seconds),
        });
        let path = |name| self.folder.path().join(name);
        fs::write(path("keys.json"), keys.to_string()).expect("it can be written");
        let script =
            format!("[default]\ncredential_process = cat {}\n", path("keys.json").display());
        fs::write(path("config"), script).expect("it can be written");
        self.program(command, flags).env("AWS_CONFIG_FILE", path("config"))
    }

    /// That nothing was sent at all, and nothing is left to be resumed.
    fn expect_untouched(self) {
        let state = self.folder.path().join("state/curlift");
        let left: Vec<_> = fs::read_dir(state).into_iter().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        assert_eq!(self.lab.stop().count("requests"), 0);
    }
}

/// The time in so many seconds, as sources of keys write it.
fn end(seconds: u32) -> String {
    let date = format!("@{}", now() + u64::from(seconds));
    let output = Command::new("date").args(["-u", "-d", &date, "+%Y-%m-%dT%H:%M:%SZ"]).output();
    String::from_utf8(output.expect("date is there").stdout).expect("it prints text").trim().into()
}

fn now() -> u64 {
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).expect("it is after 1970").as_secs()
}

fn forecasts(ended: &Ended) -> Vec<Value> {
    let lines = ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON lines"));
    lines.filter(|line: &Value| line["event"] == "forecast").collect()
}

/// 12 MiB at 100 KiB a second: parts begin at 0, 51 and 102 s, and all is done after 123 s.
const SLOW: [&str; 2] = ["--expected-rate", "100K"];

#[test]
fn keys_of_a_command_that_end_too_early_are_told_of_beforehand() {
    let scene = Scene::new(&[]);
    let ended = scene.by_command(90, "cp", &["--json", SLOW[0], SLOW[1]]).run().expect_code(0);
    let told = "about 2 min 2 s at 100.00 KiB/s; the keys of profile \"default\" end in 1 min ";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    let told = ": 1 of 3 parts will need newer ones\n  what would fit: keys that last 5 min; newer";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    let forecasts = forecasts(&ended);
    assert_eq!(forecasts.len(), 1, "{forecasts:?}");
    let Value::Object(forecast) = &forecasts[0] else { panic!("{forecasts:?}") };
    assert_eq!(forecast["late_parts"], 1);
    assert_eq!(forecast["parts"], 3);
    assert_eq!(forecast["completes_in_time"], false);
    assert_eq!(forecast["rate_bytes_per_s"], 102_400);
    assert_eq!(forecast["rate_origin"], "expected");
    assert_eq!(forecast["duration_s"], 122.88);
    assert_eq!(forecast["first_late_s"], 102.4);
    let ends_in = forecast["ends_in_s"].as_f64().expect("a number");
    assert!((80.0..=90.0).contains(&ends_in), "{ends_in}");
    assert!(scene.lab.store.has(BUCKET, KEY));
}

#[test]
fn nothing_is_sent_where_that_is_not_to_be() {
    let scene = Scene::new(&[]);
    let strict = ["--json", "--strict-expiry", SLOW[0], SLOW[1]];
    for ended in [scene.by_command(90, "cp", &strict), scene.by_environment(90, "cp", &strict)] {
        let ended = ended.run().expect_code(4);
        assert_eq!(ended.summary()["outcome"], "failed");
        for said in ["nothing was sent (--strict-expiry): about 2 min 2 s", "1 of 3", "fit: keys"] {
            assert!(ended.stderr.contains(said), "{said:?} is not in:\n{}", ended.stderr);
        }
    }
    scene.expect_untouched();
}

#[test]
fn what_lasts_is_sent_and_not_spoken_of() {
    let scene = Scene::new(&[]);
    let strict = ["--json", "--strict-expiry", SLOW[0], SLOW[1]];
    let ended = scene.by_environment(600, "cp", &strict).run().expect_code(0);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    // Keys that do not end need no rate.
    let endless = scene.program("cp", &["--json", "--strict-expiry"]).store(&scene.lab.store);
    let ended = endless.run().expect_code(0);
    assert_eq!(forecasts(&ended), Vec::<Value>::new());
}

#[test]
fn a_plan_tells_it_and_sends_nothing() {
    let scene = Scene::new(&[]);
    let ended = scene.by_environment(90, "plan", &SLOW).run().expect_code(0);
    let rows = [
        "  duration       about 2 min 2 s at 100.00 KiB/s (as expected)\n",
        "  expiry         the keys of the environment end in 1 min ",
        ": 1 of 3 parts will not make it\n",
        "  would fit      keys that last 5 min; a profile with a role",
    ];
    for row in rows {
        assert!(ended.stdout.contains(row), "{row:?} is not in:\n{}", ended.stdout);
    }
    let strict = [SLOW[0], SLOW[1], "--strict-expiry"];
    let ended = scene.by_environment(90, "plan", &strict).run().expect_code(4);
    assert!(ended.stdout.contains("  expiry "), "{}", ended.stdout);
    let none = scene.by_environment(90, "plan", &["--json"]).run().expect_code(0);
    let plan: Value = serde_json::from_str(&none.stdout).expect("it is JSON");
    assert_eq!(plan["forecast"], Value::Null, "no rate is known");
    scene.expect_untouched();
}

#[test]
fn the_rate_of_one_upload_is_remembered_for_the_next() {
    // Three parts of 12 MiB in all, two of them of 5 MiB at 4 MiB a second: more than two seconds.
    let scene = Scene::new(&["UploadPart always slow 4MiB"]);
    let strict = ["--json", "--strict-expiry"];
    let ended = scene.by_environment(600, "cp", &strict).run().expect_code(2);
    assert!(ended.stderr.contains("add --expected-rate RATE"), "{}", ended.stderr);
    scene.by_environment(600, "cp", &["--json"]).run().expect_code(0);
    let ended = scene.by_environment(600, "plan", &["--json"]).run().expect_code(0);
    let plan: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let forecast = &plan["forecast"];
    assert_eq!(forecast["rate_origin"], "remembered", "{plan}");
    let rate = forecast["rate_bytes_per_s"].as_u64().expect("a number");
    assert!((1 << 20..8 << 20).contains(&rate), "{rate}");
    scene.by_environment(600, "cp", &strict).run().expect_code(0);
    let limited = [strict[1], "--curl", "MAX_SEND_SPEED_LARGE=1MiB"];
    scene.by_environment(600, "cp", &limited).run().expect_code(2);
    scene.by_environment(0, "cp", &strict).run().expect_code(4);
}

#[test]
fn the_real_rate_is_held_against_the_end_under_way() {
    // Twelve seconds in all, of which the keys last seven.
    let scene = Scene::new(&["UploadPart always slow 1MiB"]);
    let ended = scene.by_environment(7, "cp", &["--json"]).run().expect_code(0);
    let forecasts = forecasts(&ended);
    assert_eq!(forecasts.len(), 1, "told once: {forecasts:?}");
    assert_eq!(forecasts[0]["rate_origin"], "measured");
    assert_eq!(forecasts[0]["completes_in_time"], false);
    assert!(ended.stderr.contains("warning: about "), "{}", ended.stderr);
    assert!(ended.stderr.contains("the keys of the environment "), "{}", ended.stderr);
}
