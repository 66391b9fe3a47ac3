//! Each way of comparing, against values reckoned by hand.

use proptest::prelude::*;

use super::*;
use crate::s3::ChecksumAlgorithm::{Crc32, Crc64Nvme, Md5, Sha256};
use crate::s3::ContentDigest;

fn digest(algorithm: ChecksumAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut digest = ContentDigest::new(algorithm);
    digest.update(bytes);
    digest.finish()
}

fn stored(algorithm: ChecksumAlgorithm, value: Vec<u8>, is_composite: bool) -> StoredChecksum {
    StoredChecksum { algorithm, value, is_composite }
}

/// The checksum of the checksums of parts of these sizes.
fn composite(algorithm: ChecksumAlgorithm, bytes: &[u8], sizes: &[usize]) -> Vec<u8> {
    let mut rest = bytes;
    let mut values = Vec::new();
    for size in sizes {
        let (part, behind) = rest.split_at(*size);
        values.extend(digest(algorithm, part));
        rest = behind;
    }
    assert!(rest.is_empty());
    digest(algorithm, &values)
}

/// Parts of these sizes, with their checksums where an algorithm is given.
fn parts(bytes: &[u8], sizes: &[usize], algorithm: Option<ChecksumAlgorithm>) -> Vec<StoredPart> {
    let mut rest = bytes;
    let part = |(index, size): (usize, &usize)| {
        let (part, behind) = rest.split_at(*size);
        rest = behind;
        StoredPart {
            number: PartNumber::from_index(index as u32),
            size: *size as u64,
            checksum: algorithm.map(|a| stored(a, digest(a, part), false)),
        }
    };
    sizes.iter().enumerate().map(part).collect()
}

fn head(size: usize, etag: Option<String>, checksums: Vec<StoredChecksum>) -> ObjectHead {
    let etag = etag.map(|etag| ETag(format!("\"{etag}\"")));
    ObjectHead { size: size as u64, etag, checksums, ..ObjectHead::default() }
}

fn compare(comparison: &Comparison, bytes: &[u8], piece: usize) -> Verdict {
    let mut comparing = Comparing::new(comparison.clone());
    for piece in bytes.chunks(piece) {
        comparing.update(piece);
    }
    comparing.finish()
}

fn unknown() -> PartLayout {
    PartLayout::Unknown("x".into())
}

const BYTES: &[u8] = b"0123456789abcdef";
const SIZES: [usize; 4] = [5, 5, 0, 6];

#[test]
fn the_best_evidence_is_chosen() {
    let md5 = hex::encode(digest(Md5, BYTES));
    let of_parts = format!("{}-4", hex::encode(composite(Md5, BYTES, &SIZES)));
    let crc = || stored(Crc64Nvme, digest(Crc64Nvme, BYTES), false);
    let composed = || stored(Sha256, composite(Sha256, BYTES, &SIZES), true);
    let layout = PartLayout::Known(parts(BYTES, &SIZES, None));
    let cases = [
        (head(16, Some(md5.clone()), vec![crc()]), unknown(), "CRC64NVME of the whole object"),
        (
            head(16, Some(of_parts.clone()), vec![composed()]),
            layout.clone(),
            "SHA256 of the SHA256s of 4 parts",
        ),
        (
            head(16, Some(md5.clone()), vec![composed()]),
            unknown(),
            "the ETag, as the MD5 of the object",
        ),
        (head(16, Some(md5), vec![]), unknown(), "the ETag, as the MD5 of the object"),
        (head(16, Some(of_parts), vec![]), layout, "the ETag, as the MD5 of the MD5s of 4 parts"),
    ];
    for (head, layout, subject) in cases {
        let comparison = Comparison::choose(&head, &layout).expect(subject);
        assert_eq!(comparison.subject(), subject);
        assert_eq!(comparison.rests_on_etag(), subject.starts_with("the ETag"));
        for piece in 1..=BYTES.len() {
            let verdict = compare(&comparison, BYTES, piece);
            assert!(matches!(verdict, Verdict::Equal { .. }), "{subject}: {verdict:?}");
            let verdict = compare(&comparison, b"0123456789abcdeF", piece);
            assert!(
                matches!(&verdict, Verdict::Differs { stored, local, .. } if stored != local),
                "{subject}: {verdict:?}"
            );
        }
    }
}

#[test]
fn where_only_the_size_is_left_the_reason_is_told() {
    let tag = |text: &str| head(16, Some(text.into()), vec![]);
    let md5 = hex::encode(digest(Md5, BYTES));
    let hidden = ObjectHead { hides_md5: true, ..tag(&md5) };
    let unequal = PartLayout::Unknown("its parts have unequal sizes".into());
    for (head, layout, reason) in [
        (head(16, None, vec![]), unknown(), "sends no ETag"),
        (hidden, unknown(), "key of KMS or of its owner is no MD5"),
        (tag("2b0d-x"), unknown(), "its ETag is no MD5"),
        (tag(&"0".repeat(64)), unknown(), "its ETag is no MD5"),
        (tag(&format!("{md5}-0")), unknown(), "its ETag is no MD5"),
        (tag(&format!("{md5}-3")), unequal, "in parts, and its parts have unequal sizes"),
    ] {
        let error = Comparison::choose(&head, &layout).expect_err(reason);
        assert!(error.ends_with(reason), "{error}");
    }
}

#[test]
fn the_first_part_that_differs_is_named() {
    let changed = b"0123456789aBcdef";
    let last = DifferingPart { number: PartNumber::from_index(3), offset: 10, length: 6 };
    let whole = stored(Crc32, digest(Crc32, BYTES), false);
    let composed = stored(Crc32, composite(Crc32, BYTES, &SIZES), true);
    for checksum in [whole, composed] {
        let layout = PartLayout::Known(parts(BYTES, &SIZES, Some(Crc32)));
        let head = head(16, None, vec![checksum]);
        let comparison = Comparison::choose(&head, &layout).unwrap();
        for piece in 1..=BYTES.len() {
            let Verdict::Differs { part, .. } = compare(&comparison, changed, piece) else {
                panic!("they differ");
            };
            assert_eq!(part, Some(last));
        }
    }
    let first = compare(
        &Comparison::choose(
            &head(16, None, vec![stored(Crc32, digest(Crc32, BYTES), false)]),
            &PartLayout::Known(parts(BYTES, &SIZES, Some(Crc32))),
        )
        .unwrap(),
        b"x123456789aBcdef",
        3,
    );
    let expected = DifferingPart { number: PartNumber::from_index(0), offset: 0, length: 5 };
    assert!(matches!(first, Verdict::Differs { part: Some(p), .. } if p == expected), "{first:?}");
}

#[test]
fn values_are_shown_as_the_store_writes_them() {
    let md5 = hex::encode(digest(Md5, b""));
    let comparison = Comparison::choose(&head(0, Some(md5.clone()), vec![]), &unknown()).unwrap();
    assert_eq!(compare(&comparison, b"", 1), Verdict::Equal { value: md5 });
    assert_eq!(comparison.method(), "etag-md5");
    // An upload of one empty part (md5sum of the MD5 of nothing).
    let of_one = "59adb24ef3cdbe0297f05b395827453f-1";
    let layout = PartLayout::uniform(0, 1, 0, 0);
    let comparison = Comparison::choose(&head(0, Some(of_one.into()), vec![]), &layout).unwrap();
    assert_eq!(compare(&comparison, b"", 1), Verdict::Equal { value: of_one.into() });
    assert_eq!(comparison.method(), "etag-multipart");
    let crc = stored(Crc64Nvme, digest(Crc64Nvme, b"Hello world"), false);
    let comparison = Comparison::choose(&head(11, None, vec![crc]), &unknown()).unwrap();
    let equal = Verdict::Equal { value: "OOJZ0D8xKts=".into() };
    assert_eq!(compare(&comparison, b"Hello world", 4), equal);
}

#[test]
fn a_layout_is_believed_where_it_covers_the_object() {
    let etag = || Some(format!("{}-4", "0".repeat(32)));
    let listed = |size, parts| PartLayout::listed(&head(size, etag(), vec![]), parts);
    let whole = || parts(BYTES, &SIZES, None);
    assert_eq!(listed(16, whole()), PartLayout::Known(whole()));
    let mut repeated = whole();
    repeated[1].number = PartNumber::from_index(0);
    let mut huge = whole();
    huge[0].size = u64::MAX;
    for (size, parts) in
        [(17, whole()), (16, whole()[..3].to_vec()), (16, repeated), (16, huge), (16, vec![])]
    {
        let layout = listed(size, parts);
        assert!(matches!(layout, PartLayout::Unknown(_)), "{layout:?}");
    }
    for (size, count, first, last, known) in [
        (16, 4, 5, 1, true),
        (16, 4, 4, 4, true),
        (16, 1, 16, 16, true),
        (16, 4, 5, 2, false),
        (16, 0, 16, 16, false),
        (16, u32::MAX, u64::MAX, 1, false),
    ] {
        let layout = PartLayout::uniform(size, count, first, last);
        assert_eq!(matches!(layout, PartLayout::Known(_)), known, "{count} of {first}");
    }
}

#[test]
fn multipart_objects_are_known() {
    let etag = |text: &str| head(1, Some(text.into()), vec![]).parts_said();
    let md5 = "0".repeat(32);
    assert_eq!(etag(&format!("{md5}-12")), Some(12));
    for text in [md5.as_str(), "x-12", &format!("{md5}-x"), &format!("{md5}-0")] {
        assert_eq!(etag(text), None, "{text}");
    }
    let told = ObjectHead { parts: Some(3), ..ObjectHead::default() };
    assert_eq!((told.parts_said(), told.is_multipart()), (Some(3), true));
    let composed = head(1, None, vec![stored(Crc32, vec![0; 4], true)]);
    assert!(composed.is_multipart() && !ObjectHead::default().is_multipart());
}

proptest! {
    #[test]
    fn any_cut_of_any_bytes_compares_equal_in_any_pieces(
        cuts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6),
        piece in 1..50_usize,
        algorithm in prop::sample::select(ChecksumAlgorithm::ALL.to_vec()),
        wrong in any::<prop::sample::Index>(),
    ) {
        let sizes: Vec<usize> = cuts.iter().map(Vec::len).collect();
        let bytes = cuts.concat();
        let layout = PartLayout::Known(parts(&bytes, &sizes, Some(algorithm)));
        let value = stored(algorithm, composite(algorithm, &bytes, &sizes), true);
        let head = head(bytes.len(), None, vec![value]);
        let comparison = Comparison::choose(&head, &layout).unwrap();
        let verdict = compare(&comparison, &bytes, piece);
        prop_assert!(matches!(verdict, Verdict::Equal { .. }), "{:?}", verdict);
        if !bytes.is_empty() {
            let at = wrong.index(bytes.len());
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let verdict = compare(&comparison, &changed, piece);
            let Verdict::Differs { part: Some(part), .. } = verdict else {
                return Err(TestCaseError::fail(format!("{verdict:?}")));
            };
            prop_assert!((part.offset..part.offset + part.length).contains(&(at as u64)));
        }
    }
}
