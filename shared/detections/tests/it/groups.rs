//! What correlations group by and count: in any letters, and by the names that public rules use.

use serde_json::{Value, json};

use super::detector::sign_in;
use super::{detector, take};

fn rule(correlation: &str) -> String {
    let base = |name: &str, operation: &str| {
        format!(
            "title: {name}\nname: {name}\nlogsource: {{product: m365}}\n\
             detection: {{a: {{Operation: {operation}}}, condition: a}}\n---\n"
        )
    };
    format!(
        "{}{}title: c\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c12\ncorrelation:\n  timespan: 1h\n{correlation}",
        base("failed", "UserLoginFailed"),
        base("reset", "Reset user password."),
    )
}

fn failed(id: &str, user: &str, address: &str) -> Value {
    sign_in(id, "UserLoginFailed", user, address, "2026-03-01T10:00:00")
}

fn found(correlation: &str, records: &[Value]) -> Vec<detections::Finding> {
    let mut detector = detector(&rule(correlation));
    let found = records
        .iter()
        .flat_map(|record| take(&mut detector, record));
    found.collect()
}

#[test]
fn groups_are_compared_without_regard_to_case() {
    let count =
        "  type: event_count\n  rules: [failed]\n  group-by: [UserId]\n  condition: {gte: 2}\n";
    let records = [
        failed("a", "Alex@contoso.example", "203.0.113.7"),
        failed("b", "alex@CONTOSO.example", "203.0.113.8"),
    ];
    let findings = found(count, &records);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].user.as_deref(), Some("alex@contoso.example"));
}

#[test]
fn an_address_groups_without_its_port_and_is_told() {
    for field in ["c-ip", "src_ip", "sourceIPAddress"] {
        let count = format!(
            "  type: value_count\n  rules: [failed]\n  group-by: [{field}]\n  condition: {{gte: 2, field: UserId}}\n"
        );
        let records = [
            failed("a", "alex", "203.0.113.7:4711"),
            failed("b", "sam", "203.0.113.7:4712"),
            failed("c", "SAM", "203.0.113.8"),
        ];
        let findings = found(&count, &records);
        assert_eq!(findings.len(), 1, "{field}");
        assert_eq!(findings[0].address.as_deref(), Some("203.0.113.7"));
    }
}

#[test]
fn addresses_are_counted_without_their_ports() {
    let count = "  type: value_count\n  rules: [failed]\n  group-by: [UserId]\n  condition: {gte: 2, field: c-ip}\n";
    let from = |addresses: [&str; 2]| {
        let records = [
            failed("a", "alex", addresses[0]),
            failed("b", "alex", addresses[1]),
        ];
        found(count, &records).len()
    };
    assert_eq!(from(["203.0.113.7:1", "203.0.113.7:2"]), 0);
    assert_eq!(from(["203.0.113.7", "203.0.113.8"]), 1);
}

#[test]
fn an_aliased_group_tells_its_user() {
    let ordered = "  type: temporal_ordered\n  rules: [failed, reset]\n  group-by: [who]\n  \
                   aliases: {who: {failed: UserId, reset: ObjectId}}\n";
    let mut reset = sign_in(
        "b",
        "Reset user password.",
        "kim",
        "203.0.113.9",
        "2026-03-01T10:05:00",
    );
    reset["ObjectId"] = json!("ALEX");
    let findings = found(ordered, &[failed("a", "alex", "203.0.113.7"), reset]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].user.as_deref(), Some("alex"));
}
