//! Two sign-ins that are too far apart for the time between.

use detections::{Detector, Exceptions, Finding, Rules};
use normalize::OcsfVersion;
use serde_json::{Value, json};
use std::sync::Arc;

use super::detector::sign_in;
use super::places::{city_and_networks, located};
use super::{schema, take};

const BERLIN: &str = "198.51.100.7";
const HAMBURG: &str = "192.0.2.7";
const SAO_PAULO: &str = "203.0.113.50";

fn rule(more: &str) -> String {
    format!(
        "title: Travel\nid: 5d0f8b0e-7a0a-4a52-8f4b-0a7b9f6a1c11\nlogsource: {{product: m365}}\n\
         detection: {{a: {{Operation: UserLoggedIn}}, condition: a}}\nlevel: medium\n\
         ualstream: {{respond: Ask., travel: {{by: [UserId], within: 24h{more}}}}}\n"
    )
}

fn at(id: &str, address: &str, time: &str) -> Value {
    sign_in(
        id,
        "UserLoggedIn",
        "alex",
        address,
        &format!("2026-03-{time}"),
    )
}

fn found(more: &str, records: &[Value]) -> Vec<Finding> {
    let mut detector = located(&rule(more), city_and_networks());
    let found = records
        .iter()
        .flat_map(|record| take(&mut detector, record));
    found.collect()
}

pub(crate) fn findings() -> Vec<Finding> {
    found(
        "",
        &[
            at("a", BERLIN, "01T10:00:00"),
            at("b", SAO_PAULO, "01T11:00:00"),
        ],
    )
}

#[test]
fn a_finding_tells_both_places_and_the_way() {
    let findings = findings();
    assert_eq!(findings.len(), 1);
    let finding = &findings[0];
    assert_eq!(finding.user.as_deref(), Some("alex"));
    assert_eq!(finding.records, ["a", "b"]);
    assert_eq!(finding.last - finding.first, 3_600);
    let group: Vec<(&str, &str)> = finding
        .group
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        group,
        [
            ("UserId", "alex"),
            ("distance_km", "10183"),
            ("seconds", "3600")
        ]
    );
    let event = finding.to_ocsf(OcsfVersion::default());
    let evidences = &event["evidences"];
    assert_eq!(evidences[0]["actor"]["user"]["name"], "alex");
    assert_eq!(evidences[0]["src_endpoint"]["location"]["city"], "Berlin");
    assert_eq!(
        evidences[0]["src_endpoint"]["autonomous_system"]["number"],
        64496
    );
    assert_eq!(evidences[1]["src_endpoint"]["ip"], SAO_PAULO);
    assert_eq!(evidences[1]["src_endpoint"]["location"]["country"], "BR");
    assert_eq!(event["observables"].as_array().map(Vec::len), Some(3));
    for version in OcsfVersion::ALL {
        let faults = schema::of(version).findings(&finding.to_ocsf(version));
        assert!(faults.is_empty(), "{}: {faults:#?}", version.as_str());
    }
}

#[test]
fn records_in_any_order_and_twice_make_the_same_finding() {
    let records = [
        at("a", BERLIN, "01T23:40:00"),
        at("b", HAMBURG, "01T23:50:00"),
        at("c", SAO_PAULO, "02T00:10:00"),
        at("d", HAMBURG, "02T23:00:00"),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 2, 0]] {
        let records: Vec<Value> = order
            .iter()
            .chain(&order)
            .map(|place| records[*place].clone())
            .collect();
        let uids: Vec<_> = found("", &records).iter().map(|of| of.uid).collect();
        assert_eq!(uids.len(), 1, "{order:?}");
        seen.extend(uids);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[test]
fn what_can_be_true_is_no_finding() {
    let from_berlin = |more: &str, address: &str, time: &str| {
        let records = [at("a", BERLIN, "01T10:00:00"), at("b", address, time)];
        found(more, &records).len()
    };
    // Near, by a flight, and at the bounds of speed and distance.
    assert_eq!(from_berlin("", HAMBURG, "01T10:00:00"), 0);
    assert_eq!(from_berlin("", SAO_PAULO, "01T21:00:00"), 0);
    assert_eq!(from_berlin("", SAO_PAULO, "01T20:10:00"), 1);
    assert_eq!(from_berlin("", SAO_PAULO, "01T20:12:00"), 0);
    assert_eq!(from_berlin(", speed: 2000", SAO_PAULO, "01T16:00:00"), 0);
    assert_eq!(from_berlin(", distance: 214", HAMBURG, "01T10:01:00"), 1);
    assert_eq!(from_berlin(", distance: 216", HAMBURG, "01T10:01:00"), 0);
    assert_eq!(from_berlin("", "10.0.0.1", "01T10:01:00"), 0);
    assert_eq!(from_berlin("", "nowhere", "01T10:01:00"), 0);
}

#[test]
fn known_networks_are_left_aside() {
    let records = [
        at("a", BERLIN, "01T10:00:00"),
        at("b", SAO_PAULO, "01T10:01:00"),
    ];
    assert!(found(", except: [203.0.113.0/24]", &records).is_empty());
    assert!(found(", except: ['203.0.113.50']", &records).is_empty());
    assert_eq!(found(", except: [203.0.113.128/25]", &records).len(), 1);
    let exceptions = json!([{
        "address": "203.0.113.0/24", "reason": "our exit", "author": "kim", "until": "2026-12-31T00:00:00Z",
    }]);
    let exceptions = Exceptions::parse(&exceptions.to_string()).expect("exceptions");
    let rules = Arc::new(Rules::load([("a.yml", &*rule(""))]));
    let mut detector = Detector::new(rules, exceptions).with_places(Arc::new(city_and_networks()));
    let findings = records
        .iter()
        .flat_map(|record| take(&mut detector, record));
    assert_eq!(findings.count(), 0);
    assert_eq!(detector.told().excepted, 1);
}

#[test]
fn users_are_one_in_any_letters_and_tenants_are_not() {
    let mut records = [
        at("a", BERLIN, "01T10:00:00"),
        at("b", SAO_PAULO, "01T10:01:00"),
    ];
    records[1]["UserId"] = json!("ALEX");
    assert_eq!(found("", &records).len(), 1);
    records[1]["OrganizationId"] = json!("t2");
    assert!(found("", &records).is_empty());
}

#[test]
fn a_travel_that_cannot_be_is_refused() {
    for bad in [
        ", speed: 0",
        ", distance: 30000",
        ", except: [home]",
        ", nonsense: 1",
    ] {
        let rules = Rules::load([("a.yml", &*rule(bad))]);
        assert_eq!(rules.refused().len(), 1, "{bad}");
    }
    let without_fields = rule("").replace("[UserId]", "[]");
    assert_eq!(
        Rules::load([("a.yml", &*without_fields)]).refused().len(),
        1
    );
    let too_long = rule("").replace("24h", "40d");
    assert_eq!(Rules::load([("a.yml", &*too_long)]).refused().len(), 1);
}
