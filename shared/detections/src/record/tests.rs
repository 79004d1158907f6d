//! Fields of records, as rules reach them.

use super::*;

const RECORD: &str = r#"{
    "Id": "r1", "CreationTime": "2026-03-01T10:00:00", "OrganizationId": "t1", "Operation": "Set-Mailbox",
    "Workload": "Exchange", "ResultStatus": "True", "ClientIP": "[2001:db8::7]:4711", "RecordType": 1,
    "Parameters": [{"Name": "Identity", "Value": "alex"}, {"Name": "ForwardingSmtpAddress", "Value": "smtp:a@attacker.example"}],
    "ModifiedProperties": [{"Name": "TargetId.Names", "NewValue": "new", "OldValue": "old"}],
    "ExtendedProperties": [{"Name": "RequestType", "Value": "Cmsi:Cmsi"}, {"Name": "UserAgent", "Value": "curl/8"}],
    "Item": {"ParentFolder": {"Path": "\\Inbox"}}, "Actor": [{"ID": "a", "Type": 0}, {"ID": "b", "Type": 5}],
    "Labels": ["x", "y"], "Empty": null
}"#;

fn texts(field: &str) -> Vec<String> {
    Record::read(RECORD.as_bytes()).unwrap().texts(field)
}

#[test]
fn members_and_paths_are_reached() {
    assert_eq!(texts("Operation"), ["Set-Mailbox"]);
    assert_eq!(texts("RecordType"), ["1"]);
    assert_eq!(texts("Item.ParentFolder.Path"), ["\\Inbox"]);
    assert_eq!(texts("Actor.ID"), ["a", "b"]);
    assert_eq!(texts("Labels"), ["x", "y"]);
    assert!(texts("Item.Other.Path").is_empty());
}

#[test]
fn lists_of_names_are_reached_by_name_and_as_text() {
    assert_eq!(
        texts("Parameters.ForwardingSmtpAddress"),
        ["smtp:a@attacker.example"]
    );
    assert_eq!(texts("ModifiedProperties.TargetId.Names.NewValue"), ["new"]);
    assert_eq!(texts("ModifiedProperties.TargetId.Names.OldValue"), ["old"]);
    assert!(texts("Parameters")[0].contains("ForwardingSmtpAddress"));
    assert_eq!(texts("RequestType"), ["Cmsi:Cmsi"]);
}

#[test]
fn aliases_of_public_rules_are_reached() {
    assert_eq!(texts("eventSource"), ["Exchange"]);
    assert_eq!(texts("eventName"), ["Set-Mailbox"]);
    assert_eq!(texts("status"), ["success"]);
    assert_eq!(texts("userAgent"), ["curl/8"]);
    assert_eq!(texts("c-ip"), ["2001:db8::7"]);
}

#[test]
fn the_event_is_reached() {
    assert_eq!(texts("ocsf.metadata.uid"), ["r1"]);
    assert!(!texts("ocsf.class_uid").is_empty());
}

#[test]
fn null_is_there_and_absent_is_not() {
    let record = Record::read(RECORD.as_bytes()).unwrap();
    assert_eq!(record.get_field("Empty"), Some(EventValue::Null));
    assert_eq!(record.get_field("Nothing"), None);
}

#[test]
fn escaped_text_in_a_list_is_compared_as_it_is_meant() {
    let record = br#"{"Parameters":[{"Name":"\u0046orwardTo","Value":"a"}]}"#;
    let record = Record::read(record).unwrap();
    assert!(record.texts("Parameters")[0].contains("ForwardTo"));
}

#[test]
fn time_tenant_and_id_are_read() {
    let record = Record::read(RECORD.as_bytes()).unwrap();
    assert_eq!((&*record.id(), record.tenant()), ("r1", "t1"));
    assert_eq!(record.time(), Some(1_772_359_200));
    let without = Record::read(b"{}").unwrap();
    assert_eq!(without.time(), None);
    assert_eq!(without.id().len(), 36);
}

#[test]
fn bytes_that_are_no_record_are_refused() {
    for bad in [&b"[]"[..], b"{", b"{} {}", b"\xff", b""] {
        assert_eq!(Record::read(bad).unwrap_err(), NoRecord::NotAnObject);
    }
    let long = vec![b' '; RECORD_BYTES_MAX + 1];
    assert_eq!(Record::read(&long).unwrap_err(), NoRecord::TooLong);
}

#[test]
fn a_record_of_very_many_members_is_bounded() {
    let members: Vec<String> = (0..100_000).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let text = format!("{{{}}}", members.join(","));
    let record = Record::read(text.as_bytes()).unwrap();
    assert_eq!(record.members.len(), MEMBERS_MAX);
}
