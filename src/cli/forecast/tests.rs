//! What is said of forecasts.

use std::time::SystemTime;

use super::*;
use crate::s3::{Credentials, Limits, Secret};

const MIB: u64 = 1 << 20;
const NOW: UnixTime = UnixTime(1_700_000_000);

fn keys(ends_in: u64, renews: Renews) -> Rights {
    let source = match renews {
        Renews::Never => "environment".to_owned(),
        _ => "profile \"ci\"".to_owned(),
    };
    Rights::Keys { source, ends_at: NOW.after(Duration::from_secs(ends_in)), renews }
}

/// The sentence and what would fit, of so many parts of 100 MiB, eight at a time, at 24 MiB/s.
fn told(parts: u64, rights: &Rights) -> (String, String) {
    let plan = UploadPlan::new(parts * 100 * MIB, 100 * MIB, 200 * MIB, &Limits::AWS).unwrap();
    let outlook = Outlook {
        plan: &plan,
        concurrency: 8,
        host: "h",
        folder: None,
        expected_rate: Some(24 * MIB),
        rights,
    };
    let foretold = outlook.foretell(|_| false, NOW).unwrap();
    (foretold.sentence(), foretold.what_would_fit())
}

#[test]
fn what_will_not_make_it_is_said_in_one_sentence() {
    let rows = [
        (
            2736,
            keys(55 * 60, Renews::Never),
            "about 3 h 10 min at 24.00 MiB/s; the keys of the environment end in 55 min: 1944 of \
             2736 parts will not make it",
        ),
        (
            240,
            keys(999, Renews::Perhaps),
            "about 16 min at 24.00 MiB/s; the keys of profile \"ci\" end in 16 min: all parts will \
             make it, completing the upload will need newer ones",
        ),
        (
            240,
            keys(3 * 3600, Renews::Never),
            "about 16 min at 24.00 MiB/s; the keys of the environment end in 3 h",
        ),
        (
            24,
            keys(0, Renews::Never),
            "about 1 min 40 s at 24.00 MiB/s; the keys of the environment have ended: 24 of 24 \
             parts will not make it",
        ),
        (
            1,
            keys(0, Renews::Never),
            "about 4 s at 24.00 MiB/s; the keys of the environment have ended: the file will not \
             make it",
        ),
        (
            1,
            keys(1, Renews::Never),
            "about 4 s at 24.00 MiB/s; the keys of the environment end in 1 s",
        ),
        (24, Rights::Lasting, "about 1 min 40 s at 24.00 MiB/s"),
        (24, Rights::Unknown { source: "x".into() }, "about 1 min 40 s at 24.00 MiB/s"),
    ];
    for (parts, rights, expected) in rows {
        assert_eq!(told(parts, &rights).0, expected);
    }
}

/// Links for so many parts, of which the last ones end later, and for completing.
fn links(parts: u32, ends_in: u64, last_end_in: u64, complete: Option<u64>) -> Rights {
    let at = |seconds| NOW.after(Duration::from_secs(seconds));
    let end = |index| if index < parts / 2 { at(ends_in) } else { at(last_end_in) };
    Rights::Links(LinkEnds {
        put: None,
        parts: (0..parts).map(|index| (PartNumber::from_index(index), end(index))).collect(),
        complete: complete.map(at),
    })
}

#[test]
fn links_end_each_by_itself() {
    // Rounds of eight parts begin every 33.3 s; ten rounds in all.
    let put = Rights::Links(LinkEnds { put: Some(NOW), ..LinkEnds::default() });
    let rows = [
        (
            80,
            links(80, 100, 100, Some(100)),
            "the presigned URLs end in 1 min 40 s: 56 of 80 parts will not make it",
            "curlift presign --expires-in 10m; --renew 'COMMAND'; or more than 80.00 MiB/s",
        ),
        (
            80,
            links(80, 100, 3600, Some(3600)),
            "the first of the presigned URLs ends in 1 min 40 s: 16 of 80 parts will not make it",
            "curlift presign --expires-in 10m; --renew 'COMMAND'; --concurrency 64; or more than \
             32.00 MiB/s",
        ),
        // A share: the other parts are somebody else's, and so is completing.
        (80, links(8, 1, 1, None), "the presigned URLs end in 1 s", ""),
        (
            1,
            put,
            "the presigned URL has ended: the file will not make it",
            "curlift presign --expires-in 5m; or --renew 'COMMAND'",
        ),
    ];
    for (parts, rights, sentence, fits) in rows {
        let (told, would_fit) = told(parts, &rights);
        assert_eq!(told.split_once("; ").unwrap().1, sentence);
        if !fits.is_empty() {
            assert_eq!(would_fit, fits);
        }
    }
}

#[test]
fn what_would_fit_is_said_and_only_what_would() {
    let rows = [
        (
            2736,
            keys(55 * 60, Renews::Never),
            "keys that last 5 h; a profile with a role or an SSO session, whose keys are renewed; \
             or more than 82.91 MiB/s",
        ),
        (
            2736,
            keys(55 * 60, Renews::Perhaps),
            "keys that last 5 h; newer keys where these come from, which is asked before they end; \
             or more than 82.91 MiB/s",
        ),
        // To have ended is to be late at any rate.
        (
            1,
            keys(0, Renews::Never),
            "keys that last 5 min; or a profile with a role or an SSO session, whose keys are \
             renewed",
        ),
    ];
    for (parts, rights, expected) in rows {
        assert_eq!(told(parts, &rights).1, expected);
    }
}

#[test]
fn keys_are_judged_by_where_they_come_from() {
    let rights = |renews, token: bool, ends: bool| {
        let credentials = Credentials {
            access_key_id: "A".into(),
            secret_access_key: Secret::new("s"),
            session_token: token.then(|| Secret::new("t")),
            expires_at: ends.then(|| SystemTime::UNIX_EPOCH + Duration::from_secs(9)),
        };
        Rights::of_keys(&Found { credentials, source: "environment".into(), renews })
    };
    for (token, ends) in [(true, true), (true, false), (false, false)] {
        assert_eq!(rights(Renews::Always, token, ends), Rights::Lasting);
    }
    for renews in [Renews::Perhaps, Renews::Never] {
        let source = "environment".to_owned();
        let ends_at = UnixTime(9);
        assert_eq!(rights(renews, true, true), Rights::Keys { source, ends_at, renews });
        assert_eq!(rights(renews, false, false), Rights::Lasting);
        assert_eq!(rights(renews, true, false), Rights::Unknown { source: "environment".into() });
    }
}

#[test]
fn spans_have_two_units_at_most() {
    let rows = [
        (0, "a second"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (120, "2 min"),
        (3599, "59 min"),
        (3 * 3600 + 601, "3 h 10 min"),
        (5 * 3600, "5 h"),
        (26 * 3600, "1 d 2 h"),
        (48 * 3600, "2 d"),
    ];
    for (seconds, expected) in rows {
        assert_eq!(span(Duration::from_secs(seconds)), expected);
    }
}
