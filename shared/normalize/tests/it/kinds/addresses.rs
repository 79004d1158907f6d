//! Addresses: whatever is one reaches the endpoint or the observables.

use super::{indexes, record, says};
use serde_json::{Value, json};

fn from(address: &Value) -> Value {
    record(
        20,
        "ViewReport",
        json!({"Workload": "PowerBI", "ClientIP": address}),
    )
}

#[test]
fn the_address_is_found_in_any_form() {
    for (text, ip) in [
        ("203.0.113.44%16", "203.0.113.44"),
        ("203.0.113.44%12", "203.0.113.44"),
        ("203.0.113.44:443%12", "203.0.113.44"),
        ("fe80::1%eth0", "fe80::1"),
        ("[HOST (10.90.0.1)]", "10.90.0.1"),
        ("HOST (10.90.0.1)", "10.90.0.1"),
        ("[203.0.113.44]:443", "203.0.113.44"),
        ("::ffff:203.0.113.44", "203.0.113.44"),
        ("[::FFFF:203.0.113.44]:443", "203.0.113.44"),
        ("203.0.113.44, 198.51.100.2", "203.0.113.44"),
        ("unknown,203.0.113.44", "203.0.113.44"),
    ] {
        let record = from(&json!(text));
        says(&record, &[("/src_endpoint/ip", json!(ip))]);
        assert!(indexes(&record, 2, ip), "{text}");
    }
}

#[test]
fn further_addresses_are_observables() {
    let several = [
        json!("203.0.113.18, 198.51.100.2, 192.0.2.119"),
        json!(["203.0.113.18", "198.51.100.2", "192.0.2.119"]),
    ];
    for record in several.iter().map(from) {
        says(
            &record,
            &[
                ("/src_endpoint/ip", json!("203.0.113.18")),
                ("/unmapped/ClientIP", record["ClientIP"].clone()),
            ],
        );
        for ip in ["203.0.113.18", "198.51.100.2", "192.0.2.119"] {
            assert!(indexes(&record, 2, ip), "{ip}");
        }
    }
}

#[test]
fn an_address_counts_for_more_than_a_name() {
    let more = json!({"Workload": "Exchange", "ClientIP": "host01", "ClientIPAddress": "203.0.113.44:51111"});
    says(
        &record(2, "HardDelete", more),
        &[
            ("/src_endpoint/ip", json!("203.0.113.44")),
            ("/src_endpoint/port", json!(51111)),
            ("/unmapped/ClientIP", json!("host01")),
        ],
    );
}

#[test]
fn an_application_without_an_endpoint_still_indexes_it() {
    let more =
        json!({"Workload": "MicrosoftTeams", "AddOnName": "Poll", "ClientIP": "203.0.113.44"});
    let record = record(25, "AppInstalled", more);
    says(&record, &[("/class_uid", json!(6002))]);
    assert!(indexes(&record, 2, "203.0.113.44"));
}

#[test]
fn the_servers_of_mail_are_found_in_any_form() {
    let more = json!({"P2Sender": "a@evil.example", "SenderIp": "[MAIL01 (203.0.113.55)]"});
    says(
        &record(28, "TIMailData", more),
        &[("/src_endpoint/ip", json!("203.0.113.55"))],
    );
}
