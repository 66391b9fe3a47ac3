//! Each kind of value, rightly and wrongly written.

use super::super::{Handle, find, without_userinfo};
use super::*;

fn set(name: &str, given: &Given) -> Result<Value, String> {
    let option = find(Handle::Easy, name).unwrap();
    check(option, given).map(|set| set.value).map_err(|mistake| mistake.to_string())
}

fn typed(name: &str, text: &str) -> Result<Value, String> {
    set(name, &Given::Typed(vec![text.to_owned()]))
}

fn quoted(name: &str, text: &str) -> Result<Value, String> {
    set(name, &Given::Text(text.to_owned()))
}

#[test]
fn sizes_and_durations_have_units() {
    let rows = [
        ("UPLOAD_BUFFERSIZE", "512KiB", 512 << 10),
        ("TIMEOUT", "1h", 3600),
        ("TIMEOUT", "90", 90),
        ("TIMEOUT_MS", "1500ms", 1500),
        ("TIMEOUT_MS", "2s", 2000),
        ("TIMEOUT_MS", "250", 250),
        ("MAX_SEND_SPEED_LARGE", "10MiB/s", 10 << 20),
        ("LOW_SPEED_LIMIT", "10k", 10 << 10),
    ];
    for (name, text, number) in rows {
        assert_eq!(quoted(name, text), Ok(Value::Number(number)), "{name} = {text}");
        assert_eq!(typed(name, text), Ok(Value::Number(number)), "{name}={text}");
    }
    let error = quoted("TIMEOUT", "1500ms").unwrap_err();
    assert!(error.contains("whole seconds; TIMEOUT_MS takes milliseconds"), "{error}");
}

#[test]
fn numbers_are_as_in_a_program() {
    assert_eq!(set("TCP_KEEPALIVE", &Given::Integer(1)), Ok(Value::Number(1)));
    assert_eq!(set("TCP_KEEPALIVE", &Given::Boolean(true)), Ok(Value::Number(1)));
    assert_eq!(typed("TCP_KEEPALIVE", "1"), Ok(Value::Number(1)));
    assert_eq!(typed("TCP_KEEPALIVE", "on"), Ok(Value::Number(1)));
    let error = quoted("TCP_KEEPALIVE", "1").unwrap_err();
    assert_eq!(error, "TCP_KEEPALIVE = \"1\": 0 or 1 is expected");
    let error = set("TIMEOUT", &Given::Float(30.5)).unwrap_err();
    assert!(error.starts_with("TIMEOUT = 30.5: whole seconds"), "{error}");
    let error = set("TIMEOUT", &Given::Boolean(true)).unwrap_err();
    assert!(error.contains("is expected"), "{error}");
    let error = set("LOW_SPEED_TIME", &Given::Integer(-5)).unwrap_err();
    assert!(error.contains("from 0 s"), "{error}");
    let error = set("TIMEOUT_MS", &Given::Integer(-5)).unwrap_err();
    assert!(error.starts_with("TIMEOUT_MS = -5: "), "{error}");
}

#[test]
fn values_are_named() {
    let rows = [
        ("HTTP_VERSION", "1.1", 2),
        ("HTTP_VERSION", "CURL_HTTP_VERSION_1_1", 2),
        ("IPRESOLVE", "V4", 1),
        ("HTTPAUTH", "basic|digest", 3),
    ];
    for (name, text, number) in rows {
        assert_eq!(quoted(name, text), Ok(Value::Number(number)), "{name} = {text}");
        assert_eq!(typed(name, text), Ok(Value::Number(number)), "{name}={text}");
    }
    let both = ["basic", "digest"].map(|name| Given::Text(name.into()));
    assert_eq!(set("HTTPAUTH", &Given::List(both.to_vec())), Ok(Value::Number(3)));
    assert_eq!(set("HTTP_VERSION", &Given::Integer(2)), Ok(Value::Number(2)));
    let floor_and_roof = 6 | 7 << 16;
    assert_eq!(quoted("SSLVERSION", "TLSv1.2|max-TLSv1.3"), Ok(Value::Number(floor_and_roof)));
    let error = quoted("SSLVERSION", "TLSv1.7").unwrap_err();
    assert!(error.contains("one of ") && error.contains("\"TLSv1.2\""), "{error}");
    // A bare 2 on a command line is HTTP/2 by name, and the number 2 in a program is 1.1.
    assert_ne!(typed("HTTP_VERSION", "2"), Ok(Value::Number(2)));
}

#[test]
fn strings_and_lists() {
    assert_eq!(quoted("INTERFACE", "eth0"), Ok(Value::Text("eth0".into())));
    let error = set("INTERFACE", &Given::Integer(1)).unwrap_err();
    assert_eq!(error, "INTERFACE = 1: a string is expected");
    let two = ["a:1:b", "c:2:d"].map(str::to_owned);
    let list = Given::List(two.clone().map(Given::Text).to_vec());
    assert_eq!(set("RESOLVE", &list), Ok(Value::List(two.to_vec())));
    assert_eq!(set("RESOLVE", &Given::Typed(two.to_vec())), Ok(Value::List(two.to_vec())));
    assert_eq!(quoted("RESOLVE", "a:1:b"), Ok(Value::List(vec!["a:1:b".into()])));
    let error = set("RESOLVE", &Given::List(vec![Given::Integer(1)])).unwrap_err();
    assert!(error.contains("RESOLVE = 1: a list of strings"), "{error}");
    for text in ["x\r\nHost: evil", "x\n", "x\0"] {
        assert!(quoted("USERAGENT", text).unwrap_err().contains("line end"), "{text:?}");
        assert!(quoted("HTTPHEADER", text).unwrap_err().contains("line end"), "{text:?}");
    }
    let twice = Given::Typed(vec!["1".into(), "2".into()]);
    assert!(set("TIMEOUT", &twice).unwrap_err().contains("more than once"));
}

#[test]
fn blobs_are_text_or_base64() {
    assert_eq!(quoted("CAINFO_BLOB", "-----B"), Ok(Value::Blob(b"-----B".to_vec())));
    assert_eq!(quoted("CAINFO_BLOB", "base64:AAEC"), Ok(Value::Blob(vec![0, 1, 2])));
    assert!(quoted("CAINFO_BLOB", "base64:?").unwrap_err().contains("no base64"));
}

#[test]
fn what_the_engine_owns_is_refused_with_a_reason() {
    for name in ["URL", "UPLOAD", "INFILESIZE_LARGE", "CUSTOMREQUEST", "VERBOSE", "AWS_SIGV4"] {
        let error = typed(name, "1").unwrap_err();
        assert!(error.contains("is curlift's own: "), "{name}: {error}");
    }
    let error = typed("CHUNK_DATA", "1").unwrap_err();
    assert!(error.contains("which only a program can hand over"), "{error}");
}

#[test]
fn secrets_are_not_repeated() {
    for (name, given) in [
        ("PROXYUSERPWD", Given::List(vec![Given::Text("me:hush".into())])),
        ("USERPWD", Given::Text("me:hush\n".into())),
        ("PROXY", Given::Text("http://me:hush@proxy\n".into())),
    ] {
        let error = set(name, &given).unwrap_err();
        assert!(error.contains("***") && !error.contains("hush"), "{error}");
    }
    let shown = |name, text: &str| {
        let option = find(Handle::Easy, name).unwrap();
        format!("{:?}", check(option, &Given::Text(text.into())).unwrap())
    };
    assert_eq!(shown("USERPWD", "me:hush"), "USERPWD = ***");
    assert_eq!(shown("PROXY", "http://me:hush@proxy:1"), "PROXY = http://***@proxy:1");
    assert_eq!(shown("PROXY", "socks5h://host:1"), "PROXY = socks5h://host:1");
    assert_eq!(shown("HTTPHEADER", "X-Api-Key: hush"), "HTTPHEADER = X-Api-Key: ***");
    assert_eq!(without_userinfo("user:p@ss@host"), "***@host");
}

#[test]
fn values_are_shown_with_unit_or_name() {
    let shown =
        |name, given: Given| check(find(Handle::Easy, name).unwrap(), &given).unwrap().shown();
    assert_eq!(shown("UPLOAD_BUFFERSIZE", Given::Integer(1 << 20)), "1 MiB");
    assert_eq!(shown("CONNECTTIMEOUT", Given::Integer(30)), "30 s");
    assert_eq!(shown("CONNECTTIMEOUT_MS", Given::Integer(30)), "30 ms");
    assert_eq!(shown("LOW_SPEED_LIMIT", Given::Integer(1024)), "1 KiB/s");
    assert_eq!(shown("HTTP_VERSION", Given::Integer(2)), "1.1");
    assert_eq!(shown("HTTPAUTH", Given::Integer(3)), "basic + digest");
    assert_eq!(shown("TCP_KEEPALIVE", Given::Boolean(true)), "1");
    assert_eq!(shown("PROXY", Given::Text(String::new())), "\"\"");
}
