//! Journals that are not as they were written: torn, flipped, zeroed, doubled, of another upload,
//! hostile; and stores that are not as the journal says.

use std::fs;
use std::time::{Duration, Instant};

use curlift::s3::Limits;
use curlift::upload::journal::{Resumable, read};

use super::journals::{COMPLETE, COMPLETED, Case, FOUR_PARTS, Snapshot, expect_sane, rewritten};
use super::support::Ended;
use super::{MIB, at_once};

/// A journal with three parts of four, and its case.
fn three_of_four() -> (Case, Snapshot) {
    let case = Case::killed_at(FOUR_PARTS, 4);
    let snapshot = case.snapshot();
    assert_eq!(case.recorded().unwrap().parts.len(), 3);
    (case, snapshot)
}

/// What is read of damaged bytes is what stood there before, or less, and never anything else.
fn expect_no_lie(whole: &Resumable, damaged: &[u8], what: &str) {
    let Ok(Some(found)) = read(damaged, &Limits::AWS) else { return };
    assert_eq!(found.begun, whole.begun, "{what}");
    assert!(found.upload_id.is_none() || found.upload_id == whole.upload_id, "{what}");
    assert!(found.parts.iter().all(|part| whole.parts.contains(part)), "{what}");
    assert!(found.length <= damaged.len() as u64, "{what}");
}

/// What could become of the bytes on a bad disk, at one place.
fn damages(bytes: &[u8], at: usize) -> Vec<(&'static str, Vec<u8>)> {
    let (before, after) = bytes.split_at(at);
    let zeros = |count: usize| vec![0; count];
    let block = bytes.len().min(64);
    let mut flipped = bytes.to_vec();
    let mut lowest = bytes.to_vec();
    if let Some(byte) = flipped.get_mut(at) {
        *byte ^= 0x20;
        lowest[at] ^= 1;
    }
    let over = |with: Vec<u8>| {
        let rest = bytes.get(at + with.len()..).unwrap_or_default();
        [before, &with, rest].concat()
    };
    vec![
        ("torn", before.to_vec()),
        ("flipped", flipped),
        ("flipped in its lowest bit", lowest),
        ("zeros to the end", [before, &zeros(after.len())].concat()),
        ("zeros behind a tear", [before, &zeros(4096)].concat()),
        ("a block of zeros", over(zeros(block))),
        (
            "a block twice",
            [before, &before[before.len() - before.len().min(block)..], after].concat(),
        ),
        ("all before it twice", [before, before, after].concat()),
        ("another line's bytes", over(bytes[..block].to_vec())),
    ]
}

/// Every damage at every byte, by the code alone; the program itself at some of them.
#[test]
fn damage_at_every_byte_is_no_lie() {
    let (_case, Snapshot { bytes, .. }) = three_of_four();
    let whole = read(&bytes, &Limits::AWS).unwrap().unwrap();
    assert_eq!(whole.length, bytes.len() as u64);
    for at in 0..bytes.len() {
        for (what, damaged) in damages(&bytes, at) {
            expect_no_lie(&whole, &damaged, &format!("{what} at {at}"));
        }
    }
}

/// Gives the program a journal with such damage at places all over it.
fn play_damage(wanted: &[&str]) {
    let (case, before) = three_of_four();
    let places = (0..=before.bytes.len()).step_by(before.bytes.len() / 10);
    for at in places {
        for (what, damaged) in damages(&before.bytes, at) {
            if !wanted.contains(&what) {
                continue;
            }
            case.restore(&before);
            case.write_journal(&before.journal, &damaged);
            let ended = case.cp(&[], &[]).run();
            expect_good(&case, &ended, &damaged, &format!("{what} at {at}"));
        }
    }
}

/// The object is the file. What the journal no longer names, nobody knows of.
fn expect_good(case: &Case, ended: &Ended, damaged: &[u8], what: &str) {
    assert_eq!(ended.code, Some(0), "{what}: {ended:?}");
    assert_eq!(ended.summary()["outcome"], "uploaded", "{what}: {ended:?}");
    let shelf = case.store.shelf();
    let stored = &shelf.objects[super::KEY].bytes;
    assert!(*stored == case.content, "{what}: the object is not the file; {ended:?}");
    assert!(case.journals().is_empty(), "{what}: {ended:?}");
    let known = read(damaged, &Limits::AWS).ok().flatten().and_then(|found| found.upload_id);
    assert!(known.is_none() || shelf.uploads.is_empty(), "{what}: left open; {ended:?}");
    expect_sane(ended);
}

/// G5 | a torn write | the journal cut at every byte; the program at some | the last whole record
/// counts
#[test]
fn g5_torn_at_every_byte() {
    let (_case, Snapshot { bytes, .. }) = three_of_four();
    let whole = read(&bytes, &Limits::AWS).unwrap().unwrap();
    let mut parts = 0;
    for at in 0..=bytes.len() {
        let Some(found) = read(&bytes[..at], &Limits::AWS).unwrap() else { continue };
        let lines = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        assert_eq!(found.length, lines as u64, "cut at {at}");
        assert!(found.parts.len() >= parts, "cut at {at}: what was there is gone");
        parts = found.parts.len();
        assert_eq!(found.parts, whole.parts[..parts], "cut at {at}");
    }
    assert_eq!(parts, 3);
    play_damage(&["torn"]);
}

/// G6 | bits flipped, zeros, blocks that stand there twice | every byte by the code, the program at
/// some | what stands before counts; never a part that was not stored
#[test]
fn g6_damaged_at_every_byte() {
    let kinds = [
        &["flipped", "zeros behind a tear"][..],
        &["zeros to the end", "a block of zeros"],
        &["a block twice", "all before it twice", "another line's bytes"],
    ];
    at_once(&kinds, |kinds| play_damage(kinds));
}

/// G8 | two runs of one upload | the first waits at its second part | the second is refused in
/// words, and sends nothing; the first goes on
#[test]
fn g8_two_at_once() {
    let case = Case::new(FOUR_PARTS);
    let first = case.run_until(2, &[]);
    let before = case.store.requests().len();
    let second = case.cp(&[], &[]).run();
    assert!(second.code.is_some_and(|code| code != 0), "{second:?}");
    assert!(second.stderr.contains("is in use by another process"), "{second:?}");
    assert_eq!(case.store.requests().len(), before, "it sent something: {second:?}");
    let listed = case.program(&[]).args(&["resume", "--list", "--json"]).run().expect_code(0);
    assert!(listed.stdout.contains("\"live\":true"), "{listed:?}");
    first.signal("KILL");
    let listed = case.program(&[]).args(&["resume", "--list", "--json"]).run().expect_code(0);
    assert!(listed.stdout.contains("\"live\":false"), "{listed:?}");
    case.expect_resumed();
}

/// G8 | the lock of a run that was killed, and of one that was stopped | SIGKILL; SIGSTOP | dies
/// with the process; lives with it
#[test]
fn g8_the_lock_is_the_process_s() {
    let case = Case::new(FOUR_PARTS);
    let first = case.run_until(2, &[]);
    super::local_lab::signal(first.process, "STOP");
    let second = case.cp(&[], &[]).run();
    assert!(second.stderr.contains("is in use by another process"), "{second:?}");
    first.signal("KILL");
    let ended = case.program(&[]).args(&["resume", "--json"]).args(&["-c", "1"]);
    case.expect_resumed_by(ended);
}

/// G9 | the journal of a newer version, of another file, bucket, endpoint, part size | rewritten,
/// its sums right | refused in words before anything is sent, or begun anew; never mixed
#[test]
fn g9_a_journal_of_something_else() {
    let (case, before) = three_of_four();
    let set = |pointer: &'static str, value: serde_json::Value| {
        rewritten(&before.bytes, move |line| {
            if let Some(place) = line.pointer_mut(pointer) {
                *place = value.clone();
            }
        })
    };
    let refused = [
        ("/version", serde_json::json!(2), "newer curlift"),
        ("/source/size", serde_json::json!(FOUR_PARTS + 1), "shrank"),
    ];
    for (pointer, value, word) in refused {
        case.restore(&before);
        case.write_journal(&before.journal, &set(pointer, value));
        let requests = case.store.requests().len();
        let ended = case.cp(&[], &[]).run();
        assert!(ended.code.is_some_and(|code| [3, 5].contains(&code)), "{pointer}: {ended:?}");
        assert!(ended.stderr.contains(word), "{pointer}: {ended:?}");
        assert_eq!(case.store.requests().len(), requests, "{pointer}: something was sent");
        assert_eq!(case.journals().len(), 1, "{pointer}: the journal stays");
        assert_eq!(case.store.shelf().uploads.len(), 1, "{pointer}: so does the upload");
    }
    let survived = [
        ("/source/inode", serde_json::json!(4711)),
        ("/source/modified", serde_json::json!([1, 2])),
        ("/target/bucket", serde_json::json!("other")),
        ("/target/key", serde_json::json!("other")),
        ("/target/endpoint", serde_json::json!("http://127.0.0.1:9")),
        ("/cuts", serde_json::json!([[0, 6 << 20]])),
        ("/upload_id", serde_json::json!("another")),
    ];
    for (pointer, value) in survived {
        case.restore(&before);
        case.write_journal(&before.journal, &set(pointer, value));
        let ended = case.cp(&[], &[]).run();
        if ended.code == Some(0) {
            let shelf = case.store.shelf();
            assert!(shelf.objects[super::KEY].bytes == case.content, "{pointer}: {ended:?}");
        } else {
            assert!(ended.stderr.contains("error: "), "{pointer}: {ended:?}");
            assert!(case.store.shelf().objects.is_empty(), "{pointer}: {ended:?}");
        }
        expect_sane(&ended);
    }
}

/// G9 | the file is another one by now: a byte, its length | written between two runs | what was
/// sent is compared; refused in words, and begun anew where that is asked for
#[test]
fn g9_another_file_at_the_same_path() {
    let (mut case, before) = three_of_four();
    let old = case.content.clone();
    let mut byte = old.clone();
    byte[7 * MIB] ^= 0xff;
    let lengths = [5, FOUR_PARTS - 1, FOUR_PARTS + 1].map(|length| vec![7; length]);
    for content in [byte].into_iter().chain(lengths) {
        case.restore(&before);
        fs::write(&case.source, &content).unwrap();
        let requests = case.store.requests().len();
        let ended = case.cp(&[], &[]).run().expect_code(5);
        assert!(ended.stderr.contains("--resume never"), "{ended:?}");
        let requests = case.store.requests().split_off(requests);
        assert!(requests.iter().all(|request| request.part.is_none()), "{ended:?}");
        assert_eq!(case.journals().len(), 1, "it is kept for the file that it is of");
        case.content = content;
        let ended = case.cp(&[], &["--resume", "never"]).run().expect_code(0);
        case.expect_stored(&ended);
    }
    // Written anew with the same bytes.
    case.restore(&before);
    fs::write(&case.source, &old).unwrap();
    case.content = old;
    case.expect_resumed();
}

/// G10 | a hostile journal: deep, huge, with paths, of other kinds, others may write to it | written
/// by hand; `tests/fuzz` | refused or begun anew in words; nothing is written elsewhere
#[test]
fn g10_a_hostile_journal() {
    let (case, before) = three_of_four();
    let deep = format!("0123456789abcdef {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{}\n", "a".repeat(1 << 20));
    let evil = |pointer: &'static str, value: serde_json::Value| {
        rewritten(&before.bytes, move |line| {
            if let Some(place) = line.pointer_mut(pointer) {
                *place = value.clone();
            }
        })
    };
    let escape = serde_json::json!("\u{1b}]0;evil\u{7}\u{202e}");
    let journals = [
        deep.into_bytes(),
        long.into_bytes(),
        b"\n\n\n\n".to_vec(),
        vec![0; 65_536],
        vec![0xff; 65_536],
        evil("/source/size", serde_json::json!(u64::MAX)),
        evil("/cuts", serde_json::json!([[0, 0]])),
        evil("/cuts", serde_json::json!([[0, u64::MAX], [u32::MAX, 1]])),
        evil("/source/path", serde_json::json!("/etc/shadow")),
        evil("/source/path", escape.clone()),
        evil("/upload_id", escape.clone()),
        evil("/etag", escape),
    ];
    for (index, journal) in journals.iter().enumerate() {
        case.restore(&before);
        case.write_journal(&before.journal, journal);
        let began = Instant::now();
        let listed = case.program(&[]).args(&["resume", "--list"]).run();
        let ended = case.cp(&[], &[]).run();
        assert!(began.elapsed() < Duration::from_secs(20), "{index}: {:?}", began.elapsed());
        for ended in [&listed, &ended] {
            expect_sane(ended);
            let strange = |c: char| c.is_control() && c != '\n';
            assert!(!ended.stderr.contains(strange), "{index}: {ended:?}");
            assert!(!ended.stdout.contains(strange), "{index}: {ended:?}");
        }
        let shelf = case.store.shelf();
        let object = shelf.objects.get(super::KEY);
        assert!(object.is_none_or(|object| object.bytes == case.content), "{index}: {ended:?}");
        assert_eq!(ended.code == Some(0), object.is_some(), "{index}: {ended:?}");
    }
    expect_only_ours(&case);
}

/// Nothing but journals and the rates of uploads is in the folder of journals, and nothing beside it.
fn expect_only_ours(case: &Case) {
    let state = case.state();
    let beside: Vec<_> = fs::read_dir(state.parent().unwrap()).unwrap().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    for entry in fs::read_dir(state).unwrap() {
        let path = entry.unwrap().path();
        let is_ours =
            path.extension().is_some_and(|end| end == "journal") || path.ends_with("rates.json");
        assert!(is_ours, "{}", path.display());
    }
}

/// G11 | the journal says done, the store has lost the upload | removed from the store between two
/// runs | told, and begun anew
#[test]
fn g11_the_store_has_lost_the_upload() {
    let (case, _) = three_of_four();
    case.store.shelf().uploads.clear();
    let ended = case.expect_resumed();
    assert_eq!(case.store.count("CreateMultipartUpload"), 2, "{ended:?}");
    assert!(ended.stderr.contains("gone") || ended.stderr.contains("no longer"), "{ended:?}");
    assert_eq!(ended.summary()["parts_reused"], 0, "{ended:?}");
}

/// G11 | the journal says done, the store has lost or changed a part | removed, replaced at the
/// store between two runs | that part is sent again
#[test]
fn g11_the_store_has_lost_a_part() {
    let (case, before) = three_of_four();
    for number in 1..=3 {
        for lost in [true, false] {
            case.restore(&before);
            let sent = case.store.requests().len();
            {
                let mut shelf = case.store.shelf();
                let upload = shelf.uploads.values_mut().next().unwrap();
                let part = upload.parts.remove(&number).unwrap();
                if !lost {
                    let other = super::scripted::Part::of(vec![9; 5 << 20]);
                    upload.parts.insert(number, other);
                }
                drop(part);
            }
            let ended = case.cp(&[], &[]).run().expect_code(0);
            case.expect_stored(&ended);
            let requests = case.store.requests().split_off(sent);
            let mut parts: Vec<_> = requests.iter().filter_map(|request| request.part).collect();
            parts.sort_unstable();
            assert_eq!(parts, [number, 4], "{ended:?}");
        }
    }
}

/// G11 | completed at the store, killed before that was known | the answer to Complete is held,
/// SIGKILL | found to be done; nothing is sent again
#[test]
fn g11_completed_and_not_known() {
    for held in [COMPLETED, COMPLETE] {
        let case = Case::new(FOUR_PARTS);
        case.run_until(held, &[]).signal("KILL");
        let sent = case.store.count("UploadPart");
        let ended = case.cp(&[], &[]).run().expect_code(0);
        case.expect_stored(&ended);
        assert_eq!(case.store.count("UploadPart"), sent, "{held}: {ended:?}");
    }
}
