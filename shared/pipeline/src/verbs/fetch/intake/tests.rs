//! Blobs as they may come over the wire.

use std::io::Read as _;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::*;

const TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// An array without secrets, written as redaction writes one.
fn array(records: usize, padding: usize) -> Vec<u8> {
    let padding = "x".repeat(padding);
    let records: Vec<String> = (0..records)
        .map(|number| format!(r#"{{"Id":"{number}","Padding":"{padding}"}}"#))
        .collect();
    format!("[{}]", records.join(",")).into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn take(
    wire: &[u8],
    encoding: Encoding,
    redact: bool,
    piece: usize,
    proven: bool,
) -> Result<Taken, FetchError> {
    let mut intake = Intake::new(TENANT.parse().unwrap(), encoding, redact);
    for piece in wire.chunks(piece) {
        intake.push(&Bytes::copy_from_slice(piece))?;
    }
    intake.finish(proven)
}

fn unpacked(spool: &mut Spool) -> Vec<u8> {
    let mut content = Vec::new();
    let mut decoder = MultiGzDecoder::new(spool.reader().unwrap());
    decoder.read_to_end(&mut content).unwrap();
    content
}

/// The blob is taken, whatever its pieces, and `elements` of it are read at once, if any.
#[track_caller]
fn check(
    wire: &[u8],
    encoding: Encoding,
    content: &[u8],
    pieces: &[usize],
    elements: Option<usize>,
) {
    for redact in [false, true] {
        for piece in pieces {
            let mut taken = take(wire, encoding, redact, *piece, true).unwrap();
            assert!(unpacked(&mut taken.spool) == content, "{redact} {piece}");
            assert_eq!(taken.sha256, hex::encode(Sha256::digest(content)));
            assert_eq!(taken.elements.as_ref().map(Vec::len), elements);
        }
    }
}

#[test]
fn the_form_on_the_wire_makes_no_difference() {
    let content = array(20, 10);
    let (one, other) = content.split_at(content.len() / 2);
    let members = [gzip(one), gzip(other)].concat();
    let pieces = [1, 7, usize::MAX];
    check(&content, Encoding::Identity, &content, &pieces, Some(20));
    check(&gzip(&content), Encoding::Gzip, &content, &pieces, Some(20));
    check(&members, Encoding::Gzip, &content, &pieces, Some(20));
    check(b"[]", Encoding::Identity, b"[]", &pieces, Some(0));
}

#[test]
fn a_blob_longer_than_a_portion_is_kept_whole() {
    let content = array(3_000, 2_000);
    let pieces = [64 * 1024];
    check(&content, Encoding::Identity, &content, &pieces, None);
    check(&gzip(&content), Encoding::Gzip, &content, &pieces, None);
    let taken = take(&content, Encoding::Identity, false, 64 * 1024, true).unwrap();
    assert_eq!(taken.classes.len(), 3_000);
}

#[test]
fn what_came_compressed_is_kept_as_it_came() {
    let wire = gzip(&array(20, 10));
    let mut taken = take(&wire, Encoding::Gzip, false, 100, true).unwrap();
    let mut kept = Vec::new();
    taken
        .spool
        .reader()
        .unwrap()
        .read_to_end(&mut kept)
        .unwrap();
    assert!(kept == wire);
}

#[test]
fn a_cut_blob_is_not_whole_unless_http_proves_it() {
    let content = array(20, 10);
    let (cut, compressed) = (&content[..content.len() - 5], gzip(&content));
    let end = take(
        &compressed[..compressed.len() - 5],
        Encoding::Gzip,
        false,
        100,
        true,
    );
    assert_eq!(unreadable(end), (false, true));
    let end = take(cut, Encoding::Identity, false, 100, false);
    assert_eq!(unreadable(end), (false, true));
    let end = take(cut, Encoding::Identity, false, 100, true);
    assert_eq!(unreadable(end), (true, true));
}

#[test]
fn a_page_that_is_called_gzip_is_kept_and_not_whole() {
    let page = b"<html>out of service</html>";
    for redact in [false, true] {
        let end = take(page, Encoding::Gzip, redact, 100, true);
        assert_eq!(unreadable(end), (false, true));
    }
}

/// Whether the unreadable body is whole, and whether its bytes are kept.
#[track_caller]
fn unreadable(end: Result<Taken, FetchError>) -> (bool, bool) {
    match end {
        Err(FetchError::Unreadable { is_whole, copy, .. }) => (is_whole, copy.is_some()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bomb_is_refused_before_it_is_read_to_its_end() {
    let record_bytes = 1024 * 1024;
    let records = usize::try_from(FREE_OF_RATIO_BYTES).unwrap() / record_bytes + 1;
    let bomb = gzip(&array(records, record_bytes));
    let end = take(&bomb, Encoding::Gzip, false, usize::MAX, true);
    let Err(FetchError::Unreadable {
        why, copy: None, ..
    }) = end
    else {
        panic!("{end:?}");
    };
    assert!(why.contains("200 times"), "{why}");
}
