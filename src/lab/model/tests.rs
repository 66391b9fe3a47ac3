//! The model against what the API reference says of each call.

use super::*;
use crate::lab::blob::etag_of_parts;

const LIMITS: Limits =
    Limits { part_size_min: 5, part_size_max: 20, parts_max: 10, object_size_max: 60 };

/// A store with an upload of key `k` under way.
struct Scenario {
    store: Store,
    upload: String,
}

impl Scenario {
    fn new() -> Scenario {
        let mut store = Store::new(LIMITS);
        store.create_bucket("lab");
        let upload = begin(&mut store, "k", 1);
        Scenario { store, upload }
    }

    fn part(&mut self, number: u32, bytes: &[u8]) -> CompletePart {
        let blob = Blob::memory(bytes.to_vec());
        let part = self.store.upload_part("lab", "k", &self.upload, number, blob).unwrap();
        CompletePart { number, etag: part.etag, crc64nvme: Some(part.crc64nvme) }
    }

    fn complete(&mut self, parts: &[CompletePart]) -> Result<ObjectInfo, ModelError> {
        self.store.complete_multipart_upload("lab", "k", &self.upload, parts, None, None, false)
    }

    fn code(&mut self, parts: &[CompletePart]) -> &'static str {
        self.complete(parts).unwrap_err().code
    }
}

fn begin(store: &mut Store, key: &str, seconds: u64) -> String {
    let initiated = Duration::from_secs(seconds);
    store.create_multipart_upload("lab", key, Settings::default(), true, initiated).unwrap()
}

fn file(name: &str) -> Blob {
    Blob { content: Content::File(name.into()), ..Blob::discarded(b"12345") }
}

#[test]
fn parts_become_an_object_with_the_digests_of_the_whole() {
    let mut s = Scenario::new();
    let parts = [s.part(1, b"hello "), s.part(2, b"world")];
    let object = s.complete(&parts).unwrap();
    let md5s = [Blob::discarded(b"hello ").md5, Blob::discarded(b"world").md5];
    assert_eq!(object.size, 11);
    assert_eq!(object.parts.as_ref().map(Vec::len), Some(2));
    assert_eq!(object.etag, etag_of_parts(&md5s));
    assert_eq!(object.crc64nvme, Blob::discarded(b"hello world").crc64nvme);
    assert_eq!(s.store.head_object("lab", "k").unwrap(), object);
    assert_eq!(s.store.uploads().count(), 0);
}

#[test]
fn a_part_sent_again_replaces_the_first() {
    let mut s = Scenario::new();
    let first = s.part(1, b"first");
    let second = s.part(1, b"second");
    assert_eq!(s.code(&[first]), "InvalidPart");
    assert_eq!(s.complete(&[second]).unwrap().size, 6);
}

#[test]
fn complete_refuses_what_the_reference_says_it_refuses() {
    let mut s = Scenario::new();
    let (one, two, small) = (s.part(1, b"11111"), s.part(2, b"22222"), s.part(3, b"3"));
    let four = s.part(4, b"4");
    let wrong_etag = CompletePart { etag: two.etag.clone(), ..one.clone() };
    let wrong_crc = CompletePart { crc64nvme: Some(0), ..one.clone() };
    assert_eq!(s.code(&[]), "MalformedXML");
    assert_eq!(s.code(&[two.clone(), one.clone()]), "InvalidPartOrder");
    assert_eq!(s.code(&[one.clone(), one.clone()]), "InvalidPartOrder");
    assert_eq!(s.code(&[wrong_etag]), "InvalidPart");
    assert_eq!(s.code(&[wrong_crc]), "InvalidPart");
    assert_eq!(s.code(&[CompletePart { number: 9, ..one.clone() }]), "InvalidPart");
    assert_eq!(s.code(&[one.clone(), small.clone(), four]), "EntityTooSmall");
    // A refusal costs nothing: the upload can still be completed, gaps and all.
    assert_eq!(s.complete(&[one, small]).unwrap().size, 6);
}

#[test]
fn complete_compares_the_whole_object_with_what_the_caller_says() {
    let mut s = Scenario::new();
    let parts = [s.part(1, b"11111"), s.part(2, b"2")];
    let crc = Blob::discarded(b"111112").crc64nvme;
    let mut complete = |crc, size| {
        let id = s.upload.clone();
        s.store.complete_multipart_upload("lab", "k", &id, &parts, crc, size, false)
    };
    assert_eq!(complete(Some(1), None).unwrap_err().code, "BadDigest");
    assert_eq!(complete(None, Some(7)).unwrap_err().code, "InvalidRequest");
    assert_eq!(complete(Some(crc), Some(6)).unwrap().size, 6);
}

#[test]
fn a_repeated_complete_is_answered_as_the_store_is_set() {
    for (repeat_complete, expected) in [(true, None), (false, Some("NoSuchUpload"))] {
        let mut s = Scenario::new();
        s.store.repeat_complete = repeat_complete;
        let parts = [s.part(1, b"11111")];
        let first = s.complete(&parts).unwrap();
        let again = s.complete(&parts);
        assert_eq!(again.as_ref().err().map(|e| e.code), expected);
        assert!(again.is_err() || again.unwrap() == first);
        let other = [CompletePart { number: 2, ..parts[0].clone() }];
        assert_eq!(s.code(&other), "NoSuchUpload");
    }
}

#[test]
fn if_none_match_protects_what_is_there() {
    let mut s = Scenario::new();
    let parts = [s.part(1, b"11111")];
    s.store.put_object("lab", "k", Blob::discarded(b"old"), Settings::default()).unwrap();
    let id = s.upload.clone();
    let refused =
        s.store.complete_multipart_upload("lab", "k", &id, &parts, None, None, true).unwrap_err();
    assert_eq!((refused.status, refused.code), (412, "PreconditionFailed"));
    let put = s.store.put_object_if_absent("lab", "k", Blob::discarded(b""), Settings::default());
    assert_eq!(put.unwrap_err().status, 412);
    assert_eq!(s.store.head_object("lab", "k").unwrap().size, 3);
}

#[test]
fn an_aborted_upload_is_gone() {
    let mut s = Scenario::new();
    let part = s.part(1, b"11111");
    s.store.abort_multipart_upload("lab", "k", &s.upload).unwrap();
    let again = s.store.abort_multipart_upload("lab", "k", &s.upload).unwrap_err();
    assert_eq!((again.status, again.code), (404, "NoSuchUpload"));
    assert_eq!(s.code(&[part]), "NoSuchUpload");
}

#[test]
fn limits_are_kept() {
    let mut s = Scenario::new();
    let mut put = |number, size: usize| {
        let blob = Blob::discarded(&vec![0; size]);
        s.store.upload_part("lab", "k", &s.upload, number, blob).map_err(|e| e.code).err()
    };
    assert_eq!(put(0, 5), Some("InvalidArgument"));
    assert_eq!(put(11, 5), Some("InvalidArgument"));
    assert_eq!(put(1, 21), Some("EntityTooLarge"));
    assert_eq!(put(10, 20), None);
    let parts: Vec<_> = (1..=4).map(|number| s.part(number, &[0; 20])).collect();
    assert_eq!(s.code(&parts), "EntityTooLarge");
}

#[test]
fn names_that_do_not_exist_are_told_apart() {
    let mut s = Scenario::new();
    assert_eq!(s.store.head_object("none", "k").unwrap_err().code, "NoSuchBucket");
    assert_eq!(s.store.head_object("lab", "none").unwrap_err().code, "NoSuchKey");
    let listed = s.store.list_parts("lab", "other", &s.upload, None, 10);
    assert_eq!(listed.unwrap_err().code, "NoSuchUpload");
    let put = s.store.put_object("none", "k", Blob::discarded(b""), Settings::default());
    assert_eq!(put.unwrap_err().code, "NoSuchBucket");
}

#[test]
fn parts_are_listed_page_by_page() {
    let mut s = Scenario::new();
    for number in [7, 2, 5] {
        s.part(number, b"12345");
    }
    let page = |after| s.store.list_parts("lab", "k", &s.upload, after, 2).unwrap();
    let numbers = |page: &PartsPage| page.parts.iter().map(|p| p.number).collect::<Vec<_>>();
    let first = page(None);
    assert_eq!((numbers(&first), first.next), (vec![2, 5], Some(5)));
    let second = page(first.next);
    assert_eq!((numbers(&second), second.next), (vec![7], None));
}

#[test]
fn uploads_are_listed_page_by_page_in_the_order_they_were_begun() {
    let mut s = Scenario::new();
    let second = begin(&mut s.store, "k", 2);
    begin(&mut s.store, "other", 3);
    let list = |prefix: &str, key: Option<&str>, id: Option<&str>, max| {
        let page = s.store.list_multipart_uploads("lab", prefix, key, id, max).unwrap();
        let ids: Vec<_> = page.uploads.iter().map(|u| u.upload_id.clone()).collect();
        (ids, page.next)
    };
    let (ids, next) = list("k", None, None, 1);
    assert_eq!(ids, [s.upload.clone()]);
    let (key, id) = next.unwrap();
    assert_eq!(list("k", Some(&key), Some(&id), 9), (vec![second], None));
    assert_eq!(list("", Some("k"), None, 9).0.len(), 1);
    assert_eq!(list("", None, None, 9).0.len(), 3);
}

#[test]
fn files_nobody_refers_to_are_told_once() {
    let mut s = Scenario::new();
    let id = s.upload.clone();
    for (number, name) in [(1, "a"), (1, "b"), (2, "c")] {
        s.store.upload_part("lab", "k", &id, number, file(name)).unwrap();
    }
    assert_eq!(s.store.take_orphans(), [PathBuf::from("a")]);
    let part = CompletePart { number: 1, etag: etag(file("b").md5), crc64nvme: None };
    s.complete(&[part]).unwrap();
    assert_eq!(s.store.take_orphans(), [PathBuf::from("c")]);
    s.store.delete_object("lab", "k").unwrap();
    assert_eq!(s.store.take_orphans(), [PathBuf::from("b")]);
    assert!(s.store.take_orphans().is_empty());
}
