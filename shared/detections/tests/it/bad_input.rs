//! Records that are hostile or huge: bounded, and nothing else suffers.

use serde_json::json;

use super::detector::{RULES, inbox_rule};
use super::{detector, take};

#[test]
fn a_record_of_three_megabytes_is_looked_at() {
    let mut detector = detector(RULES);
    let mut record = inbox_rule("r1");
    record["Body"] = json!("x".repeat(3 * 1024 * 1024));
    assert_eq!(take(&mut detector, &record).len(), 1);
}

#[test]
fn bytes_that_are_no_record_are_counted() {
    let mut detector = detector(RULES);
    let deep = format!("{{\"Parameters\":{}", "[".repeat(100_000));
    let long = vec![b'{'; detections::RECORD_BYTES_MAX + 1];
    for bad in [&b"{"[..], b"[]", b"\xff\xfe", deep.as_bytes(), &long] {
        assert!(detector.read(bad).is_empty());
    }
    assert_eq!(detector.told().malformed, 5);
    assert_eq!(take(&mut detector, &inbox_rule("r1")).len(), 1);
}

#[test]
fn a_member_nested_too_deep_is_passed_over() {
    let mut detector = detector(RULES);
    let nested = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let record = format!(r#"{{"Operation":"New-InboxRule","Parameters":{nested}}}"#);
    assert!(detector.read(record.as_bytes()).is_empty());
    assert_eq!(detector.told().records + detector.told().malformed, 1);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_taken(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        detector(RULES).read(&bytes);
    }
}
