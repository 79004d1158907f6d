//! What a detector finds in a stream of records, and what it does not find twice.

use std::sync::Arc;

use detections::{Detector, Exceptions, FINDINGS_PER_HOUR_MAX, Rules};
use serde_json::{Value, json};

use super::{detector, take};

pub(crate) const RULES: &str = include_str!("rules.yml");

pub(crate) fn inbox_rule(id: &str) -> Value {
    json!({
        "Id": id, "CreationTime": "2026-03-01T10:00:00", "OrganizationId": "t1", "RecordType": 1,
        "Operation": "New-InboxRule", "Workload": "Exchange", "UserId": "alex@contoso.example",
        "ClientIP": "203.0.113.7:4711", "AppId": "app-1",
        "Parameters": [{ "Name": "ForwardTo", "Value": "a@attacker.example" }],
    })
}

pub(crate) fn sign_in(id: &str, operation: &str, user: &str, address: &str, time: &str) -> Value {
    json!({
        "Id": id, "CreationTime": time, "OrganizationId": "t1", "RecordType": 15, "Operation": operation,
        "Workload": "AzureActiveDirectory", "UserId": user, "ClientIP": address,
    })
}

fn spray() -> Vec<Value> {
    ["alex", "sam", "kim"]
        .iter()
        .enumerate()
        .map(|(n, user)| {
            let time = format!("2026-03-01T10:0{}:00", n * 4);
            sign_in(
                &format!("s{n}"),
                "UserLoginFailed",
                user,
                "203.0.113.9",
                &time,
            )
        })
        .collect()
}

#[test]
fn a_record_makes_a_finding_once() {
    let mut detector = detector(RULES);
    let findings = take(&mut detector, &inbox_rule("r1"));
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(finding.rule.title, "Inbox rule that forwards");
    assert_eq!(finding.user.as_deref(), Some("alex@contoso.example"));
    assert_eq!(finding.address.as_deref(), Some("203.0.113.7"));
    assert_eq!(finding.application.as_deref(), Some("app-1"));
    assert_eq!(finding.records, ["r1"]);
    assert!(take(&mut detector, &inbox_rule("r1")).is_empty());
    let mut other = super::detector(RULES);
    assert_eq!(take(&mut other, &inbox_rule("r1"))[0].uid, finding.uid);
    assert_ne!(take(&mut other, &inbox_rule("r2"))[0].uid, finding.uid);
}

#[test]
fn a_spray_is_one_finding_in_any_order() {
    let mut uids = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut detector = detector(RULES);
        let records = spray();
        let mut findings = Vec::new();
        for at in order.into_iter().chain(order) {
            findings.extend(take(&mut detector, &records[at]));
        }
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].records, ["s0", "s1", "s2"]);
        assert_eq!(findings[0].address.as_deref(), Some("203.0.113.9"));
        assert_eq!(findings[0].last - findings[0].first, 8 * 60);
        uids.push(findings[0].uid);
    }
    uids.dedup();
    assert_eq!(uids.len(), 1);
}

#[test]
fn tenants_are_not_counted_together() {
    let mut detector = detector(RULES);
    let mut findings = Vec::new();
    for (n, mut record) in spray().into_iter().enumerate() {
        record["OrganizationId"] = json!(format!("t{n}"));
        findings.extend(take(&mut detector, &record));
    }
    assert!(findings.is_empty());
}

#[test]
fn a_new_address_is_told_after_the_learning_period() {
    let mut detector = detector(RULES);
    let mut signs_in = |id: &str, address: &str, day: u32| {
        let time = format!("2026-03-{day:02}T10:00:00");
        let record = sign_in(id, "UserLoggedIn", "alex", address, &time);
        take(&mut detector, &record).len()
    };
    assert_eq!(signs_in("a", "192.0.2.1", 1), 0);
    assert_eq!(signs_in("b", "192.0.2.2:50123", 3), 0);
    assert_eq!(signs_in("c", "192.0.2.2", 9), 0);
    assert_eq!(signs_in("d", "192.0.2.3", 9), 1);
    assert_eq!(signs_in("d", "192.0.2.3", 9), 0);
    assert_eq!(signs_in("e", "192.0.2.3", 10), 0);
}

#[test]
fn a_rule_that_matches_everything_is_capped_and_told() {
    let rule = "title: All\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c05\nlogsource: {product: m365}\ndetection: {a: {Id|exists: true}, condition: a}\n";
    let mut detector = detector(rule);
    let mut findings = 0;
    for n in 0..FINDINGS_PER_HOUR_MAX + 20 {
        findings += take(&mut detector, &inbox_rule(&n.to_string())).len();
    }
    assert_eq!(findings, FINDINGS_PER_HOUR_MAX as usize);
    let told = detector.told();
    assert_eq!(told.capped["5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c05"], 20);
    let mut later = inbox_rule("later");
    later["CreationTime"] = json!("2026-03-01T11:00:00");
    assert_eq!(take(&mut detector, &later).len(), 1);
}

fn excepted(exceptions: &Value) -> bool {
    let exceptions = Exceptions::parse(&exceptions.to_string()).expect("exceptions");
    let rules = Arc::new(Rules::load([("a.yml", RULES)]));
    let mut detector = Detector::new(rules, exceptions);
    let is_quiet = take(&mut detector, &inbox_rule("r1")).is_empty();
    assert_eq!(detector.told().excepted, u64::from(is_quiet));
    let used: u64 = detector.exceptions().used().map(|(_, count)| count).sum();
    assert_eq!(used, u64::from(is_quiet));
    is_quiet
}

#[test]
fn exceptions_are_applied_and_counted() {
    let with = |more: Value| {
        let mut of = json!({ "reason": "ours", "author": "kim", "until": "2026-12-31T00:00:00Z" });
        of.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!([of])
    };
    for all in [
        json!({ "user": "Alex@contoso.example" }),
        json!({ "address": "203.0.113.0/24", "tenant": "t1" }),
        json!({ "address": "203.0.113.7" }),
        json!({ "application": "app-1", "rule": "5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c01" }),
    ] {
        assert!(excepted(&with(all.clone())), "{all}");
    }
    for other in [
        json!({ "user": "sam@contoso.example" }),
        json!({ "address": "198.51.100.0/24" }),
        json!({ "user": "alex@contoso.example", "tenant": "t2" }),
        json!({ "user": "alex@contoso.example", "until": "2026-02-01T00:00:00Z" }),
    ] {
        assert!(!excepted(&with(other.clone())), "{other}");
    }
}

#[test]
fn exceptions_need_a_reason_an_author_and_an_end() {
    for bad in [
        r#"[{"reason":"r","author":"a","until":"2026-12-31T00:00:00Z"}]"#,
        r#"[{"user":"u","reason":" ","author":"a","until":"2026-12-31T00:00:00Z"}]"#,
        r#"[{"user":"u","reason":"r","author":"","until":"2026-12-31T00:00:00Z"}]"#,
        r#"[{"user":"u","reason":"r","author":"a"}]"#,
        r#"[{"address":"home","reason":"r","author":"a","until":"2026-12-31T00:00:00Z"}]"#,
        r#"[{"uzer":"u","reason":"r","author":"a","until":"2026-12-31T00:00:00Z"}]"#,
        "nonsense",
    ] {
        assert!(Exceptions::parse(bad).is_err(), "{bad}");
    }
}
