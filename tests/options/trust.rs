//! Who is believed, and who one says one is: authorities, certificates and keys, in files and in
//! memory, to a store and to an https proxy.

use std::sync::Arc;

use super::at_once;
use super::certificates::{Authority, Identity, blob, encrypted};
use super::server::obliging;
use super::tls::{ROLES, Role, over_tls, plain, set};

/// Of the store's connection alone.
pub(crate) const PROVEN: &[&str] = &["CA_CACHE_TIMEOUT", "SSL_VERIFYSTATUS"];

/// Of the store's, and behind `PROXY_` of an https proxy's.
pub(crate) const PROVEN_TWICE: &[&str] = &[
    "CAINFO",
    "CAINFO_BLOB",
    "CAPATH",
    "CRLFILE",
    "ISSUERCERT",
    "ISSUERCERT_BLOB",
    "KEYPASSWD",
    "PINNEDPUBLICKEY",
    "SSLCERT",
    "SSLCERTTYPE",
    "SSLCERT_BLOB",
    "SSLKEY",
    "SSLKEYTYPE",
    "SSLKEY_BLOB",
    "SSL_OPTIONS",
    "SSL_VERIFYHOST",
    "SSL_VERIFYPEER",
];

/// Uploads in both roles with each list of options in turn; whether each was stored.
fn expect(identity: &Identity, rows: &[(&[&String], bool)]) {
    for role in ROLES {
        at_once(rows, |(options, is_stored)| {
            let options: Vec<String> = options.iter().map(|option| (*option).clone()).collect();
            let server = plain(identity);
            let ended = role.upload(&server, &options).run();
            let said = &ended.stderr;
            assert_eq!(ended.code == Some(0), *is_stored, "{role:?} {options:?}: {said}");
            assert_eq!(server.requests().len(), usize::from(*is_stored), "{role:?} {options:?}");
        });
    }
}

#[test]
fn only_whom_the_options_name_is_believed() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let identity = known.identity("127.0.0.1");
    expect(
        &identity,
        &[
            (&[], false),
            (&[&set("CAINFO", other.file())], false),
            (&[&set("CAINFO", known.file())], true),
            (&[&format!("CAINFO_BLOB={}", blob(other.pem()))], false),
            (&[&format!("CAINFO_BLOB={}", blob(known.pem()))], true),
            (&[&set("CAPATH", other.path())], false),
            (&[&set("CAPATH", known.path())], true),
            (&[&"SSL_VERIFYPEER=0".to_owned()], true),
            (&[&"SSL_VERIFYHOST=0".to_owned()], false),
        ],
    );
    let trusted = set("CAINFO", known.file());
    expect(
        &known.identity("other.test"),
        &[
            (&[&trusted], false),
            (&[&trusted, &"SSL_VERIFYHOST=0".to_owned()], true),
            (&[&trusted, &"SSL_VERIFYPEER=0".to_owned()], false),
        ],
    );
}

#[test]
fn keys_issuers_and_revocations_are_checked_as_well() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let identity = known.identity("127.0.0.1");
    let trusted = set("CAINFO", known.file());
    let revoked = |is_revoked| set("CRLFILE", known.revocations(is_revoked));
    let wrong = other.identity("127.0.0.1").pin();
    expect(
        &identity,
        &[
            (&[&trusted], true),
            (&[&trusted, &format!("PINNEDPUBLICKEY={}", identity.pin())], true),
            (&[&trusted, &format!("PINNEDPUBLICKEY={wrong}")], false),
            (&[&trusted, &set("ISSUERCERT", known.file())], true),
            (&[&trusted, &set("ISSUERCERT", other.file())], false),
            (&[&trusted, &format!("ISSUERCERT_BLOB={}", blob(known.pem()))], true),
            (&[&trusted, &format!("ISSUERCERT_BLOB={}", blob(other.pem()))], false),
            (&[&trusted, &revoked(false)], true),
            (&[&trusted, &revoked(true)], false),
        ],
    );
}

#[test]
fn an_authority_below_another_is_believed_unless_that_is_off() {
    let below = Authority::new("root").intermediate("below");
    let trusted = set("CAINFO", below.file());
    let option = |value: &str| format!("SSL_OPTIONS={value}");
    expect(
        &below.identity("127.0.0.1"),
        &[(&[&trusted], true), (&[&trusted, &option("no-partialchain")], false)],
    );
}

#[test]
fn the_client_says_who_it_is() {
    let authority = Authority::new("known");
    let (server, client) = (authority.identity("127.0.0.1"), authority.identity("client.test"));
    let config = Authority::config(&server, Some(&authority));
    let certificate = authority.write("client.pem", &client.pem);
    let key = authority.write("key.pem", client.key.serialize_pem());
    let der = authority.write("client.der", &client.certificate);
    let key_der = authority.write("key.der", client.key.serialize_der());
    let locked = encrypted(&key, "pass-word");
    let text = |text: &str| text.to_owned();
    let (as_file, as_key) = (set("SSLCERT", &certificate), set("SSLKEY", &key));
    let as_blob = format!("SSLCERT_BLOB={}", blob(&client.pem));
    let key_blob = format!("SSLKEY_BLOB={}", blob(client.key.serialize_pem()));
    let (as_der, key_der) = (set("SSLCERT", der), set("SSLKEY", key_der));
    let locked = set("SSLKEY", locked);
    let rows: [(&[&String], bool); 13] = [
        (&[], false),
        (&[&as_file], false),
        (&[&as_key], false),
        (&[&as_file, &as_key], true),
        (&[&as_blob], false),
        (&[&as_blob, &key_blob], true),
        (&[&as_der, &as_key], false),
        (&[&as_der, &text("SSLCERTTYPE=DER"), &as_key], true),
        (&[&as_file, &key_der], false),
        (&[&as_file, &key_der, &text("SSLKEYTYPE=DER")], true),
        (&[&as_file, &locked], false),
        (&[&as_file, &locked, &text("KEYPASSWD=wrong-word")], false),
        (&[&as_file, &locked, &text("KEYPASSWD=pass-word")], true),
    ];
    for role in ROLES {
        at_once(&rows, |(options, is_stored)| {
            let (server, shaken) = over_tls(Arc::clone(&config), obliging);
            let mut options: Vec<_> = options.iter().map(|option| (*option).clone()).collect();
            options.push(set("CAINFO", authority.file()));
            let ended = role.upload(&server, &options).run();
            assert_eq!(ended.code == Some(0), *is_stored, "{options:?}: {}", ended.stderr);
            let seen = shaken.lock().unwrap().first().and_then(|first| first.client.clone());
            assert_eq!(seen.is_some(), *is_stored, "{role:?} {options:?}");
            assert!(seen.is_none_or(|seen| seen == client.certificate.to_vec()), "{options:?}");
        });
    }
}

#[test]
fn authorities_are_remembered_as_long_as_told() {
    let (authority, other) = (Authority::new("known"), Authority::new("other"));
    let identity = authority.identity("127.0.0.1");
    for (timeout, count) in [("100", 2), ("0", 1)] {
        let bundle = authority.write(&format!("bundle-{timeout}.pem"), authority.pem());
        let (config, file, exchanged) =
            (Authority::config(&identity, None), bundle.clone(), other.pem());
        // Behind the first connection, others stand in the file.
        let (server, _) = over_tls(config, move |connection| {
            connection.request();
            std::fs::write(&file, &exchanged).unwrap();
            connection.answer("503 Slow Down", "");
        });
        let options = [
            set("CAINFO", bundle),
            "SSL_SESSIONID_CACHE=0".to_owned(),
            format!("CA_CACHE_TIMEOUT={timeout}"),
        ];
        Role::Store.upload(&server, &options).run();
        assert_eq!((server.accepted(), server.requests().len()), (2, count), "{timeout}");
    }
}

#[test]
fn a_proof_that_nothing_was_revoked_is_asked_for() {
    let authority = Authority::new("known");
    let identity = authority.identity("127.0.0.1");
    let trusted = set("CAINFO", authority.file());
    // The server has none to give.
    for (value, is_stored) in [(0, true), (1, false)] {
        let server = plain(&identity);
        let options = [trusted.clone(), format!("SSL_VERIFYSTATUS={value}")];
        let ended = Role::Store.upload(&server, &options).run();
        assert_eq!(ended.code == Some(0), is_stored, "{value}: {}", ended.stderr);
        assert!(is_stored || ended.stderr.contains("OCSP"), "{}", ended.stderr);
    }
}
