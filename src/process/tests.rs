//! Real commands that behave, and that do not.

use std::path::Path;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_secs(30);

/// What a shell script does, in a group of its own.
struct Script<'a> {
    text: &'a str,
    input: Vec<u8>,
    time_max: Duration,
    stopper: Stopper,
}

impl Script<'_> {
    fn new(text: &str) -> Script<'_> {
        Script { text, input: b"{}".to_vec(), time_max: LONG, stopper: Stopper::default() }
    }

    fn run(&self) -> Result<Ended, RunError> {
        let words = ["sh", "-c", self.text].map(str::to_owned);
        Run {
            words: &words,
            input: Some(&self.input),
            output_max: 1 << 20,
            complaints: Complaints::Kept(100),
            time_max: self.time_max,
            stopper: Some(&self.stopper),
        }
        .run()
    }
}

fn run(script: &str) -> Result<Ended, RunError> {
    Script::new(script).run()
}

/// The process whose id a script wrote there, until it is gone.
fn expect_gone(file: &Path) {
    let id = std::fs::read_to_string(file).unwrap();
    let process = Path::new("/proc").join(id.trim());
    let is_gone = || {
        // A zombie that its new parent has not waited for yet runs no more.
        let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    };
    let end = now() + LONG;
    while !is_gone() {
        assert!(now() < end, "process {} still runs", id.trim());
        thread::park_timeout(STEP);
    }
}

#[test]
fn input_goes_in_and_output_comes_out() {
    let mut script = Script::new("cat; echo oops >&2; exit 3");
    // Larger than any pipe, both ways at once.
    script.input = vec![b'x'; 900_000];
    let ended = script.run().unwrap();
    assert_eq!(ended.output, script.input);
    assert_eq!((ended.complaints.as_slice(), ended.status.code()), (&b"oops\n"[..], Some(3)));
}

#[test]
fn who_does_not_read_its_input_is_heard_all_the_same() {
    for script in ["echo yes", "exec <&-; sleep 0.1; echo yes", "head -c 3 >/dev/null; echo yes"] {
        let mut script = Script::new(script);
        script.input = vec![b'x'; 900_000];
        assert_eq!(script.run().unwrap().output, b"yes\n", "{}", script.text);
    }
}

#[test]
fn only_the_end_of_its_complaints_is_kept() {
    let ended = run("i=0; while [ $i -lt 2000 ]; do echo line $i >&2; i=$((i+1)); done").unwrap();
    assert_eq!(ended.complaints.len(), 100);
    assert!(ended.complaints.ends_with(b"line 1999\n"));
}

#[test]
fn one_that_hangs_is_ended_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let text = format!("sleep 600 & echo $! > '{}'; wait", file.display());
    let mut script = Script::new(&text);
    script.time_max = Duration::from_millis(500);
    let error = script.run().unwrap_err();
    assert_eq!(error.to_string(), "sh took longer than 500ms and was ended");
    expect_gone(&file);
}

#[test]
fn one_that_closes_its_output_and_goes_on_is_waited_for() {
    assert_eq!(run("echo a; exec >&- 2>&-; sleep 0.1; exit 4").unwrap().status.code(), Some(4));
    let mut script = Script::new("exec >&- 2>&-; sleep 600");
    script.time_max = Duration::from_millis(300);
    assert!(matches!(script.run(), Err(RunError::TooLong { .. })));
}

#[test]
fn what_it_leaves_running_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let began = now();
    let ended = run(&format!("sleep 600 & echo $! > '{}'; echo yes", file.display())).unwrap();
    assert_eq!(ended.output, b"yes\n");
    assert!(began.elapsed() < LONG);
    expect_gone(&file);
}

#[test]
fn output_without_end_is_not_kept() {
    let error = run("yes SECRET").unwrap_err().to_string();
    assert_eq!(error, "sh printed more than 1 MiB");
    let error = run("head -c 100000000 /dev/zero").unwrap_err().to_string();
    assert_eq!(error, "sh printed more than 1 MiB");
}

#[test]
fn one_that_is_stopped_for_it_wants_the_terminal_is_told() {
    let error = run("kill -TTIN $$").unwrap_err();
    assert!(matches!(error, RunError::Asks { .. }), "{error}");
}

#[test]
fn another_thread_ends_it_at_once_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let text = format!("sleep 600 & echo $! > '{0}.new'; mv '{0}.new' '{0}'; wait", file.display());
    let script = Script::new(&text);
    let stop_when_there = |stop: fn(&Stopper)| {
        while !file.exists() {
            thread::park_timeout(STEP);
        }
        stop(&script.stopper);
    };
    for stop in [Stopper::end, Stopper::end_for_good] {
        thread::scope(|scope| {
            let running = scope.spawn(|| script.run());
            stop_when_there(stop);
            let error = running.join().unwrap().unwrap_err();
            assert!(matches!(error, RunError::Stopped { .. }), "{error}");
        });
        expect_gone(&file);
        std::fs::remove_file(&file).unwrap();
    }
    assert!(matches!(script.run(), Err(RunError::Stopped { .. })));
    assert!(!file.exists(), "it never began");
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(split("a 'b c' \"d\"").unwrap(), ["a", "b c", "d"]);
    for (command, expected) in [("", SplitError::Empty), ("''", SplitError::Empty)] {
        assert_eq!(split(command), Err(expected));
    }
    assert_eq!(split("sh -c 'x"), Err(SplitError::Quotes));
}
