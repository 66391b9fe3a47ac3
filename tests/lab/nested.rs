//! `curlift lab … -- COMMAND`: the command finds the lab by its environment, and its exit code is
//! the lab's.

use super::support::{Curlift, Ended, write_file};
use super::{DESTINATION, IN_PARTS, SIZE};

/// Runs `curlift lab OPTIONS -- curlift cp FILE DESTINATION`.
fn nested(options: &[&str], destination: &str) -> Ended {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (file, _) = write_file(folder.path(), "source.bin", SIZE);
    let lab = Curlift::new().arg("lab").args(options).arg("--").arg(env!("CARGO_BIN_EXE_curlift"));
    lab.args(&["cp", "--json"]).args(&IN_PARTS).arg(file).arg(destination).run()
}

#[test]
fn the_command_finds_the_lab_and_survives_its_faults() {
    let fault = "UploadPart #2 status 503 SlowDown";
    let ended = nested(&["--fault", fault], DESTINATION).expect_code(0);
    assert!(ended.stdout.contains(r#""outcome":"uploaded""#), "{}", ended.stdout);
    assert!(ended.stdout.contains(r#""throttled":1"#), "{}", ended.stdout);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains(fault), "the lab tells what it did: {told}");
}

#[test]
fn nothing_is_kept_with_discard_and_all_is_well() {
    let ended = nested(&["--discard"], DESTINATION).expect_code(0);
    assert!(ended.stdout.contains(r#""outcome":"uploaded""#), "{}", ended.stdout);
}

#[test]
fn tls_with_a_certificate_of_its_own() {
    let ended = nested(&["--tls"], DESTINATION).expect_code(0);
    assert!(ended.stdout.contains(r#""outcome":"uploaded""#), "{}", ended.stdout);
}

#[test]
fn the_exit_code_is_the_commands() {
    nested(&[], "s3://no-such-bucket/key.bin").expect_code(9);
}

#[test]
fn a_rule_that_cannot_be_read_is_usage() {
    let ended = nested(&["--fault", "UploadPart sometimes reset"], "s3://lab/x").expect_code(2);
    assert!(ended.stderr.contains("sometimes"), "{}", ended.stderr);
}
