//! Findings as events: valid by the schema of every version.

use normalize::OcsfVersion;
use serde_json::json;

use super::detector::{RULES, inbox_rule, sign_in};
use super::{detector, schema, take};

#[test]
fn every_finding_is_valid_in_every_version() {
    let mut detector = detector(RULES);
    let mut findings = take(&mut detector, &inbox_rule("r1"));
    findings.extend(take(
        &mut detector,
        &json!({ "Operation": "New-InboxRule", "ClientIP": "no address",
        "Parameters": [{ "Name": "ForwardTo", "Value": "a" }] }),
    ));
    for (n, user) in ["alex", "sam", "kim"].iter().enumerate() {
        let time = format!("2026-03-01T10:00:0{n}");
        let record = sign_in(
            &n.to_string(),
            "UserLoginFailed",
            user,
            "203.0.113.9",
            &time,
        );
        findings.extend(take(&mut detector, &record));
    }
    for (address, day) in [("192.0.2.1", 1), ("192.0.2.2", 9)] {
        let time = format!("2026-03-{day:02}T10:00:00");
        let record = sign_in(address, "UserLoggedIn", "alex", address, &time);
        findings.extend(take(&mut detector, &record));
    }
    assert_eq!(findings.len(), 4);
    for version in OcsfVersion::ALL {
        for finding in &findings {
            let event = finding.to_ocsf(version);
            let faults = schema::of(version).findings(&event);
            assert!(faults.is_empty(), "{}: {faults:#?}", version.as_str());
        }
    }
}

#[test]
fn a_finding_says_who_what_and_where() {
    let mut detector = detector(RULES);
    let finding = take(&mut detector, &inbox_rule("r1")).remove(0);
    let event = finding.to_ocsf(OcsfVersion::default());
    assert_eq!(event["class_uid"], 2004);
    assert_eq!(event["severity"], "High");
    assert_eq!(event["metadata"]["tenant_uid"], "t1");
    assert_eq!(event["finding_info"]["uid"], event["metadata"]["uid"]);
    assert_eq!(event["finding_info"]["related_events"][0]["uid"], "r1");
    let evidence = &event["evidences"][0];
    assert_eq!(evidence["actor"]["user"]["name"], "alex@contoso.example");
    assert_eq!(evidence["src_endpoint"]["ip"], "203.0.113.7");
    let attacks = &event["finding_info"]["attacks"];
    assert_eq!(attacks[0]["tactic"]["uid"], "TA0009");
    assert_eq!(attacks[1]["sub_technique"]["uid"], "T1114.003");
    assert!(
        event["remediation"]["desc"]
            .as_str()
            .unwrap()
            .contains("remove it")
    );
}
