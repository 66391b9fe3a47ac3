//! Each thing that may be wrong with an answer, and what a command is told.

use std::fmt::Write;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::s3::{LinkedCall, PartNumber, UnixTime, UploadId};

/// 2013-05-24, 00:01:00 UTC: a minute after the old links were signed, ten seconds after they
/// expired.
const NOW: UnixTime = UnixTime(1_369_353_660);
/// A part of each signature and key, which no message may repeat.
const SECRET: &str = "5ec4e75ec4e7";
const HOST: &str = "https://h:9000";
const PUT: LinkedCall = LinkedCall::PutObject;
const COMPLETE: LinkedCall = LinkedCall::CompleteMultipartUpload;

/// A presigned URL, signed so many seconds after midnight, to live so long.
struct Signed {
    place: &'static str,
    query: String,
    at: u32,
    lives: u32,
    fields: &'static str,
}

fn signed(query: &str) -> Signed {
    Signed { place: "https://h:9000/b/a%20b", query: query.into(), at: 55, lives: 60, fields: "" }
}

fn old(query: &str) -> Signed {
    Signed { at: 0, lives: 50, ..signed(query) }
}

impl Signed {
    fn url(&self) -> String {
        let Signed { place, query, at, lives, fields } = self;
        let mut url = format!("{place}?");
        if !query.is_empty() {
            write!(url, "{query}&").unwrap();
        }
        let signature = SECRET.repeat(5) + "0000";
        write!(
            url,
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SECRET}%2F20130524%2Fr%2Fs3&\
             X-Amz-Date=20130524T0000{at:02}Z&X-Amz-Expires={lives}&\
             X-Amz-SignedHeaders=host{fields}&X-Amz-Signature={signature}"
        )
        .unwrap();
        url
    }

    fn link(&self, fields: &[(&str, &str)]) -> Link {
        let mut headers = Headers::new();
        for (name, value) in fields {
            headers.push(name, *value);
        }
        Link { url: PresignedUrl::parse(&self.url()).unwrap(), fields: headers }
    }
}

fn part(number: u32) -> LinkedCall {
    LinkedCall::UploadPart(PartNumber::from_index(number - 1))
}

fn page(after: u32) -> LinkedCall {
    LinkedCall::ListParts(Some(PartNumber::from_index(after - 1)))
}

fn part_query(number: u32) -> String {
    format!("partNumber={number}&uploadId=U%2F1")
}

/// The links of an upload of two parts, all of which have expired.
fn links() -> Links {
    let checksum = Signed { fields: "%3Bx-amz-checksum-crc64nvme", ..old(&part_query(1)) };
    [
        (part(1), checksum.link(&[("x-amz-checksum-crc64nvme", "AAA="), ("x-mine", "1")])),
        (part(2), old(&part_query(2)).link(&[])),
        (COMPLETE, old("uploadId=U%2F1").link(&[])),
        (page(1000), old("uploadId=U%2F1&part-number-marker=1000").link(&[])),
    ]
    .into_iter()
    .collect()
}

fn whole() -> Links {
    let fields = Signed { fields: "%3Bcontent-type", ..old("") };
    [(PUT, fields.link(&[("content-type", "text/plain")]))].into_iter().collect()
}

fn wanted(calls: &[LinkedCall]) -> LinksWanted {
    LinksWanted { calls: calls.to_vec(), expired: true }
}

fn ask(text: &str, calls: &[LinkedCall], links: &Links) -> Result<Links, RenewalError> {
    answer(text.as_bytes(), &wanted(calls), links, NOW)
}

#[test]
fn the_command_is_told_where_the_object_is_and_what_is_wanted() {
    let text = request(&wanted(&[part(1), page(1000), COMPLETE]), &links());
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        told,
        json!({
            "curlift_renewal": 1, "endpoint": HOST, "path": "/b/a b", "upload_id": "U/1",
            "expired": true, "calls": [
                {"call": "UploadPart", "part_number": 1,
                 "headers": {"x-amz-checksum-crc64nvme": "AAA="}},
                {"call": "ListParts", "after": 1000},
                {"call": "CompleteMultipartUpload"},
            ],
        })
    );
    let told: Value = serde_json::from_str(&request(&wanted(&[PUT]), &whole())).unwrap();
    assert_eq!(told["upload_id"], Value::Null);
    assert_eq!(told["calls"][0]["headers"], json!({"content-type": "text/plain"}));
    assert!(!text.contains(SECRET), "{text}");
}

#[test]
fn bucket_and_key_are_told_where_the_host_tells_them() {
    for (place, expected) in [
        ("https://h/b/k", None),
        ("https://s3.eu-west-1.amazonaws.com/b/k/l", Some(("b", "k/l"))),
        ("https://my.b.s3.eu-west-1.amazonaws.com/k/l", Some(("my.b", "k/l"))),
        ("https://b.s3.amazonaws.com/k", Some(("b", "k"))),
        ("https://a-1.s3-accesspoint.eu-west-1.amazonaws.com/k", None),
    ] {
        let links = [(PUT, Signed { place, ..old("") }.link(&[]))].into_iter().collect();
        let told: Value = serde_json::from_str(&request(&wanted(&[PUT]), &links)).unwrap();
        let told = told["bucket"].as_str().zip(told["key"].as_str());
        assert_eq!(told, expected, "{place}");
    }
}

#[test]
fn what_was_asked_is_read_by_the_other_end() {
    let text = request(&wanted(&[part(1), page(1000), COMPLETE]), &links());
    let asked = Asked::read(text.as_bytes()).unwrap();
    assert_eq!((asked.endpoint.as_str(), asked.path.as_str()), (HOST, "/b/a b"));
    assert_eq!(asked.upload_id, Some(UploadId("U/1".into())));
    let calls: Vec<LinkedCall> = asked.calls.iter().map(|(call, _)| *call).collect();
    assert_eq!(calls, [part(1), page(1000), COMPLETE]);
    assert_eq!(asked.calls[0].1.get("x-amz-checksum-crc64nvme"), Some("AAA="));
}

#[test]
fn what_asks_for_nothing_is_refused_by_the_other_end() {
    let with = |changes: Value| {
        let text = request(&wanted(&[part(1)]), &links());
        let mut request: Value = serde_json::from_str(&text).unwrap();
        for (name, value) in changes.as_object().unwrap() {
            request[name] = value.clone();
        }
        Asked::read(request.to_string().as_bytes()).unwrap_err().to_string()
    };
    assert!(Asked::read(b" \n").unwrap_err().0.contains("is empty"));
    assert!(Asked::read(b"{").unwrap_err().0.contains("line 1, column 1"));
    let part = json!({"call": "UploadPart", "part_number": 1});
    for (changes, says) in [
        (json!({"curlift_renewal": 2}), "version 2"),
        (json!({"calls": []}), "no calls"),
        (json!({"calls": [part, part]}), "a call twice"),
        (json!({"calls": [part], "upload_id": null}), "UploadPart and names no upload"),
        (json!({"calls": [{"call": "UploadPart"}]}), "\"part_number\""),
        (json!({"calls": [{"call": "DeleteObject"}]}), "none of PutObject"),
        (json!({"calls": [{"call": "PutObject", "headers": {"a": "b\nc"}}]}), "header field"),
        (json!({"calls": [{"call": "PutObject", "headers": {"a:": "b"}}]}), "header field"),
        (json!({"path": 7}), "goes wrong"),
    ] {
        let error = with(changes.clone());
        assert!(error.contains(says), "{changes}: {error}");
    }
}

#[test]
fn an_answer_may_be_one_url() {
    let url = Signed { fields: "%3Bcontent-type", ..signed("") }.url();
    for text in [url.clone(), format!("{url}\n"), format!("  {url}\r\n")] {
        let renewed = ask(&text, &[PUT], &whole()).unwrap();
        let link = renewed.get(PUT).unwrap();
        assert_eq!(link.url.expose(), url);
        assert_eq!(link.fields.get("content-type"), Some("text/plain"), "known already");
    }
}

#[test]
fn an_answer_is_a_list_of_links_and_what_was_written_is_read() {
    let checksum = Signed { fields: "%3Bx-amz-checksum-crc64nvme", ..signed(&part_query(1)) };
    let fresh: Links = [
        (part(1), checksum.link(&[("x-amz-checksum-crc64nvme", "AAA=")])),
        (page(1000), signed("part-number-marker=1000&uploadId=U/1&max-parts=1000").link(&[])),
    ]
    .into_iter()
    .collect();
    let calls = [part(1), part(2), page(1000)];
    let renewed = ask(&answer_text(&fresh), &calls, &links()).unwrap();
    assert_eq!(renewed.get(page(1000)), fresh.get(page(1000)));
    let link = renewed.get(part(1)).unwrap();
    assert_eq!(link.url, fresh.get(part(1)).unwrap().url);
    let fields: Vec<_> = link.fields.iter().collect();
    let expected = [("x-amz-checksum-crc64nvme", "AAA="), ("x-mine", "1")];
    assert_eq!(fields, expected, "what the user wants sent is kept");
    assert_eq!(renewed.iter().count(), 2, "fewer than were wanted");
}

#[test]
fn what_cannot_be_understood_is_told_by_its_kind() {
    let one = [PUT];
    let two = [part(1), part(2)];
    let url = signed("").url();
    let garbage = format!("aws_secret_access_key = {SECRET}");
    let in_json = format!("{{\"links\": \"{SECRET}\"}}");
    let html = format!("<html>{SECRET}");
    for (text, calls, says) in [
        ("", &one[..], "printed nothing; a URL for PutObject"),
        (" \n", &two[..], "printed nothing; {\"links\""),
        (&garbage, &one, "36 bytes that are no JSON and no URL"),
        ("x", &one, "1 byte that are no JSON and no URL"),
        (&html, &one, "look like HTML or XML"),
        (&url, &two, "of a URL for more than one call"),
        ("{\"links\": [", &one, "of JSON that breaks off"),
        ("{\"links\", 1}", &one, "begin as JSON and go wrong at line 1, column 9"),
        (&in_json, &one, "of JSON in another form (line 1, column 24)"),
        ("[]", &one, "of JSON in another form"),
        ("{\"links\": [{\"call\": \"PutObject\"}]}", &one, "of JSON in another form"),
        ("{\"links\": []}", &one, "an empty list of links"),
    ] {
        let error = ask(text, calls, &whole()).unwrap_err();
        assert!(matches!(error, RenewalError::NotUnderstood { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(says) && !error.contains(SECRET), "{text}: {error}");
    }
    let error = answer(b"\xff\xfe", &wanted(&one), &whole(), NOW).unwrap_err().to_string();
    assert!(error.contains("2 bytes that are no text"), "{error}");
}

#[test]
fn a_link_that_is_not_the_same_request_is_refused() {
    let put = || signed("");
    for (url, says) in [
        (Signed { place: "https://evil/b/a%20b", ..put() }, "not lead to https://h:9000"),
        (Signed { place: "https://h:9001/b/a%20b", ..put() }, "not lead to https://h:9000"),
        (Signed { place: "http://h:9000/b/a%20b", ..put() }, "not lead to https://h:9000"),
        (Signed { place: "https://h:9000.evil/b/a%20b", ..put() }, "not lead to https://h:9000"),
        (Signed { place: "https://h:9000@evil/b/a%20b", ..put() }, "not lead to https://h:9000"),
        (Signed { place: "https://h:9000/b/a%20c", ..put() }, "another path"),
        (Signed { place: "https://h:9000/b/A%20b", ..put() }, "another path"),
        (Signed { place: "https://h:9000/b/../b/a%20b", ..put() }, "another path"),
        (signed(&part_query(1)), "differs in partNumber"),
        (signed("acl"), "object's permissions"),
        (signed("response-expires=0"), "download (GET)"),
        (signed("other=1"), "differs in something else"),
        (Signed { lives: 4, ..put() }, "has expired already, 1 s ago"),
        (Signed { lives: 5, ..put() }, "has expired already, 0 s ago"),
    ] {
        let error = ask(&url.url(), &[PUT], &whole()).unwrap_err().to_string();
        assert!(error.starts_with("the link for PutObject that it printed "), "{error}");
        assert!(error.contains(says) && !error.contains(SECRET), "{}: {error}", url.place);
    }
    let cut = &put().url()[..put().url().len() - 10];
    let error = ask(cut, &[PUT], &whole()).unwrap_err().to_string();
    assert!(error.contains("cannot be used: the URL's signature has 54 of 64"), "{error}");
}

#[test]
fn a_part_takes_the_place_of_itself_alone() {
    let one = |call: LinkedCall, url: &Signed| {
        let fresh: Links = [(call, url.link(&[]))].into_iter().collect();
        ask(&answer_text(&fresh), &[part(2), COMPLETE, page(1000)], &links())
    };
    for (call, query, says) in [
        (part(2), part_query(1), "differs in partNumber"),
        (part(2), "partNumber=2&uploadId=other".into(), "differs in uploadId"),
        (part(2), "partNumber=2".into(), "differs in uploadId"),
        (part(2), format!("{}&uploadId=U/1", part_query(2)), "differs in something else"),
        (COMPLETE, part_query(2), "differs in partNumber"),
        (page(1000), "uploadId=U/1&part-number-marker=0".into(), "differs in part-number-marker"),
        (part(1), part_query(1), "was not wanted"),
        (PUT, String::new(), "was not wanted"),
    ] {
        let error = one(call, &signed(&query)).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains(SECRET), "{query}: {error}");
    }
    assert!(one(part(2), &signed(&part_query(2))).is_ok());
}

#[test]
fn a_call_without_a_link_so_far_is_held_against_the_others() {
    let (all, first) = (links(), [part(2), LinkedCall::ListParts(None)]);
    let known = all.iter().filter(|(call, _)| !first.contains(call));
    let known: Links = known.map(|(call, link)| (call, link.clone())).collect();
    let one = |call: LinkedCall, query: &str| {
        let fresh: Links = [(call, signed(query).link(&[]))].into_iter().collect();
        ask(&answer_text(&fresh), &first, &known).map_err(|error| error.to_string())
    };
    assert!(one(part(2), &part_query(2)).is_ok());
    assert!(one(LinkedCall::ListParts(None), "uploadId=U%2F1&max-parts=7").is_ok());
    assert!(one(part(2), &part_query(3)).unwrap_err().contains("partNumber"));
    assert!(one(part(2), "partNumber=2&uploadId=V").unwrap_err().contains("uploadId"));
    let none = ask(&signed("").url(), &[PUT], &Links::default()).unwrap_err().to_string();
    assert!(none.contains("renews nothing"), "{none}");
}

#[test]
fn header_fields_are_those_that_are_signed_and_have_their_values() {
    let one = |fields: &'static str, headers: Value| {
        let url = Signed { fields, ..signed(&part_query(1)) }.url();
        let link = json!({"call": "UploadPart", "part_number": 1, "url": url, "headers": headers});
        ask(&json!({"links": [link]}).to_string(), &[part(1)], &links())
    };
    let checksum = "%3Bx-amz-checksum-crc64nvme";
    assert!(one(checksum, json!({"X-Amz-Checksum-CRC64NVME": " AAA="})).is_ok());
    for (fields, headers, says) in [
        (checksum, json!({"x-evil": "1"}), "that its URL does not sign"),
        (checksum, json!({"x-amz-checksum-crc64nvme": "BBB="}), "another value"),
        ("", json!({}), "does not sign the header field x-amz-checksum-crc64nvme"),
        ("%3Bx-amz-checksum-crc64nvme%3Bx-new", json!({}), "gives no value"),
        ("%3Bx-amz-checksum-crc64nvme%3Bx-new", json!({"x-new": "a\r\nb: c"}), "control character"),
    ] {
        let error = one(fields, headers.clone()).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains(SECRET), "{headers}: {error}");
    }
    let new = "%3Bx-amz-checksum-crc64nvme%3Bx-new";
    let renewed = one(new, json!({"x-new": "1"})).unwrap();
    assert_eq!(renewed.get(part(1)).unwrap().fields.get("x-new"), Some("1"));
}

#[test]
fn a_part_that_is_put_by_one_url_is_renewed_as_a_part() {
    let links: Links = [(PUT, old(&part_query(7)).link(&[]))].into_iter().collect();
    let told: Value = serde_json::from_str(&request(&wanted(&[PUT]), &links)).unwrap();
    assert_eq!(told["calls"], json!([{"call": "UploadPart", "part_number": 7}]));
    assert_eq!(told["upload_id"], "U/1");
    let fresh: Links = [(part(7), signed(&part_query(7)).link(&[]))].into_iter().collect();
    let renewed = ask(&answer_text(&fresh), &[PUT], &links).unwrap();
    assert_eq!(renewed.get(PUT).map(|link| &link.url), fresh.get(part(7)).map(|link| &link.url));
    assert!(ask(&signed(&part_query(7)).url(), &[PUT], &links).is_ok());
    for query in [part_query(8), String::new()] {
        assert!(ask(&signed(&query).url(), &[PUT], &links).is_err(), "{query}");
    }
}

#[test]
fn a_link_that_is_there_twice_is_refused() {
    let url = signed(&part_query(2)).url();
    let link = json!({"call": "UploadPart", "part_number": 2, "url": url});
    let text = json!({"links": [link, link]}).to_string();
    let error = ask(&text, &[part(2)], &links()).unwrap_err().to_string();
    assert!(error.contains("UploadPart 2") && error.contains("twice"), "{error}");
}

#[test]
fn a_link_lives_longer_than_the_one_before() {
    let long = Signed { lives: 3600, ..old("") };
    let links: Links = [(PUT, long.link(&[]))].into_iter().collect();
    let renewed = |url: &Signed, expired| {
        answer(url.url().as_bytes(), &LinksWanted { calls: vec![PUT], expired }, &links, NOW)
    };
    for (at, lives, expired, is_taken) in [
        // The same one again.
        (0, 3600, false, false),
        (0, 3600, true, false),
        (1, 3600, false, true),
        // A shorter life is one, where the keys of the one before had ended earlier than it said.
        (50, 600, true, true),
        (50, 600, false, false),
    ] {
        let taken = renewed(&Signed { at, lives, ..signed("") }, expired);
        assert_eq!(taken.is_ok(), is_taken, "{at} {lives} {expired}: {taken:?}");
    }
}

#[test]
fn where_only_some_links_live_longer_they_are_taken() {
    let long = Signed { lives: 3600, ..old(&part_query(2)) };
    let mut links = links();
    links.insert(part(2), long.link(&[]));
    let fresh: Links = [(COMPLETE, "uploadId=U%2F1".to_owned()), (part(2), part_query(2))]
        .into_iter()
        .map(|(call, query)| (call, signed(&query).link(&[])))
        .collect();
    let wanted = LinksWanted { calls: vec![part(2), COMPLETE], expired: false };
    let renewed = answer(answer_text(&fresh).as_bytes(), &wanted, &links, NOW).unwrap();
    let calls: Vec<LinkedCall> = renewed.iter().map(|(call, _)| call).collect();
    assert_eq!(calls, [COMPLETE]);
}

proptest! {
    #[test]
    fn nothing_that_is_printed_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = answer(&text, &wanted(&[PUT]), &whole(), NOW);
        let _ = answer(&text, &wanted(&[part(1), part(2)]), &links(), NOW);
        let _ = Asked::read(&text);
    }

    #[test]
    fn no_url_that_is_printed_panics_or_is_repeated(
        head in "(https?://)?[a-z:@/.?#%0-9]{0,20}",
        tail in "[?&=%A-Za-z0-9-]{0,40}",
    ) {
        let text = format!("{head}{SECRET}{tail}");
        let told = ask(&text, &[PUT], &whole()).unwrap_err().to_string();
        prop_assert!(!told.contains(SECRET), "{}", told);
        let text = json!({"links": [{"call": "PutObject", "url": text}]}).to_string();
        let told = ask(&text, &[PUT], &whole()).unwrap_err().to_string();
        prop_assert!(!told.contains(SECRET), "{}", told);
    }
}
